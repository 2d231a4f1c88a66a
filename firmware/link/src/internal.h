// What the link's files share. Section numbers in comments point to docs/protocol.md. Pointers are
// never null where nothing else is said: naca_link_init has checked the configuration.

#ifndef NACA_LINK_INTERNAL_H
#define NACA_LINK_INTERNAL_H

#include "naca/link.h"

#include <stdbool.h>
#include <string.h>

// Numbers go over the line as they lie in memory.
#if defined(__BYTE_ORDER__) && (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
#error "edge-naca needs a little-endian machine"
#endif

/// What follows the header of a request. Handlers may write over it.
typedef struct body {
    uint8_t *data;
    uint32_t size;
} body_t;

/// A request's work: appends the body of the answer and returns its status.
typedef naca_link_status_t handler_t(naca_link_t *link, body_t body);

// Little-endian numbers, wherever they lie.
static inline uint16_t get16(const uint8_t *data)
{
    uint16_t value;
    memcpy(&value, data, sizeof value);
    return value;
}

static inline uint32_t get32(const uint8_t *data)
{
    uint32_t value;
    memcpy(&value, data, sizeof value);
    return value;
}

// The checksum in an image's header tells it from others.
static inline uint32_t image_crc(const naca_image_t *image)
{
    return get32(image->data + 12);
}

// ---- cobs.c -------------------------------------------------------------------------------------

enum { NACA_COBS_RUN = 254 }; // longest run that one code byte stands for

// Bytes before the next zero, at most NACA_COBS_RUN and `size`.
uint32_t naca_cobs_run(const uint8_t *data, uint32_t size);

// ---- frame.c: the answer, put together in config->answer ----------------------------------------
// Nothing here looks whether there is room: naca_link_init has demanded NACA_LINK_ANSWER bytes,
// which every answer of a fixed size fits; what is longer is bounded by naca_link_window or
// naca_link_batch.

// Append `size` bytes, or a number, little endian.
void naca_link_put(naca_link_t *link, const void *data, uint32_t size);
void naca_link_put16(naca_link_t *link, uint32_t value);
void naca_link_put32(naca_link_t *link, uint32_t value);
// Append `total`, then room for a part of something that has `total` bytes: from `offset` on, which
// may be anything, at most *wanted bytes. Returns where the caller writes them, and in *wanted how
// many fit.
uint8_t *naca_link_window(naca_link_t *link, uint32_t total, uint32_t offset, uint32_t *wanted);
// Append a number that says more, and return `status`.
naca_link_status_t naca_link_refuse(naca_link_t *link, naca_link_status_t status, uint32_t value);
// Fill in the header, append the checksum and send all as one frame.
void naca_link_send(naca_link_t *link, uint8_t type, naca_link_status_t status, uint16_t tag);

// ---- device.c: what the device is at ------------------------------------------------------------

// A new epoch: the learned state came from elsewhere, so what was remembered of the old one no
// longer counts.
void naca_link_new_epoch(naca_link_t *link);
// Samples that the network has learned; 0 where none runs.
uint32_t naca_link_learned(const naca_link_t *link);
// Refuse with the core's status and how many samples are learned.
naca_link_status_t naca_link_refuse_core(naca_link_t *link, naca_status_t status);
// The current image, and its size; null where there is none.
const uint8_t *naca_link_image(const naca_link_t *link, uint32_t *size);
// The checksum of the image that runs; 0 where none does.
uint32_t naca_link_image_crc(const naca_link_t *link);
// Bytes of the largest image that can be sent; 0 where none can.
uint32_t naca_link_image_room(const naca_link_t *link);
// Whether learned state can be saved.
bool naca_link_has_store(const naca_link_t *link);
// The header of a saved state (docs/image.md, section 5), as it would be saved now. A network runs.
enum { MAGIC = 0, NETWORK = 1, SIZE = 2, CHECK = 3, STATE_WORDS = 4 };
void naca_link_state_header(const naca_link_t *link, uint32_t header[STATE_WORDS]);
// What the store holds before a saved state: section 5.
enum {
    SESSION = 0,
    SESSION_START = 1,
    NAMES = 2,
    LOCKED = 3,
    SALT = 4,
    KEY = 6,
    RECORD_WORDS = 12
};
enum { RECORD = 4 * RECORD_WORDS };
// Whether the store holds a state of this image and network. A network runs.
bool naca_link_has_saved(const naca_link_t *link);
// What the store holds is what the network has learned.
void naca_link_mark_saved(naca_link_t *link);
// Refuse with who teaches the device, and how many items it has learned.
naca_link_status_t naca_link_other_session(naca_link_t *link);

// ---- start.c ----------------------------------------------------------------------------------

// Start the current image anew, with the saved state that belongs to it or without, in a new epoch.
// Leaves link->core null, and the reason in image_status, where no image runs.
void naca_link_start(naca_link_t *link, bool with_saved);
// The largest batch: its results fit the answer and the memory of answers.
uint32_t naca_link_batch(const naca_link_t *link);

// ---- lesson.c: lessons that can be undone
// ---------------------------------------------------------

// Bytes that there are for a copy of the learned state.
uint32_t naca_link_copy_room(const naca_link_t *link);
// Keep one, where there is room; bring it back.
void naca_link_keep_copy(naca_link_t *link);
void naca_link_bring_back(naca_link_t *link);
// Whether there is memory to undo a lesson.
bool naca_link_can_undo(const naca_link_t *link);
// Keep the learned state, which is about to change, so that UNDO brings it back.
void naca_link_before_change(naca_link_t *link);
// naca_learn, of a lesson that can be undone.
naca_status_t naca_link_teach(naca_link_t *link, const naca_sample_t *sample, uint32_t label,
                              naca_result_t *result);

// ---- samples.c ----------------------------------------------------------------------------------

// Remember that an item was learned at that position, and its answer.
void naca_link_remember(const naca_link_t *link, uint32_t position, uint32_t item,
                        const naca_result_t *result);

// ---- handlers -----------------------------------------------------------------------------------
// Called by requests.c for a request whose epoch was checked, whose body has the smallest size that
// the table there says, or more where it says so, and, where the table says so, with a network that
// runs. What the bytes say is theirs to check.

// start.c: the body of HELLO, which also ends the answer to a request that starts the network
// anew.
handler_t naca_link_hello;

// samples.c: those of one item, or of some
handler_t naca_link_infer;
handler_t naca_link_learn;
handler_t naca_link_learn_batch;
handler_t naca_link_session;

// images.c
handler_t naca_link_image_begin;
handler_t naca_link_image_chunk;
handler_t naca_link_image_end;
handler_t naca_link_image_read;
// Whether a chunk follows what came before and has a proper size; else the status to answer with,
// its number appended.
naca_link_status_t naca_link_check_chunk(naca_link_t *link, const naca_upload_t *upload,
                                         uint32_t offset, uint32_t size);

// undo.c
handler_t naca_link_undo;
handler_t naca_link_rollback;
handler_t naca_link_forget;
// Whether a change other than by lessons may go on: it names a session, and how many items are
// learned; else the status to answer with, its numbers appended.
naca_link_status_t naca_link_check_change(naca_link_t *link, const uint8_t *data);

// owner.c
handler_t naca_link_names_read;
handler_t naca_link_names_write;
handler_t naca_link_lock;
// The record of what would be saved now.
void naca_link_make_record(const naca_link_t *link, uint32_t record[RECORD_WORDS]);
// What the latest save says of the lock, and of names where it is of this image.
void naca_link_load_lock(naca_link_t *link);
void naca_link_load_names(naca_link_t *link);

// states.c
handler_t naca_link_state_read;
handler_t naca_link_state_write;
handler_t naca_link_save;
handler_t naca_link_reset;

// ---- requests.c ---------------------------------------------------------------------------------

// Answer a request whose checksum is right, of `size` bytes, which are NACA_LINK_HEADER at least.
// Handlers may write over it.
void naca_link_answer(naca_link_t *link, uint8_t *payload, uint32_t size);

#endif
