// What the link's files share. Section numbers in comments point to docs/protocol.md.

#ifndef NACA_LINK_INTERNAL_H
#define NACA_LINK_INTERNAL_H

#include "naca/link.h"

#include <stdbool.h>
#include <string.h>

/// What follows the header of a request. Handlers may write over it.
typedef struct body {
    uint8_t *data;
    uint32_t size;
} body_t;

/// A request's work: appends the body of the answer and returns its status.
typedef naca_link_status_t handler_t(naca_link_t *link, body_t body);

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

// cobs.c: bytes before the next zero, at most NACA_COBS_RUN.
enum { NACA_COBS_RUN = 254 };
uint32_t naca_cobs_run(const uint8_t *data, uint32_t size);

// frame.c: append to the answer, which has room for it: callers bound what they append.
void naca_link_put(naca_link_t *link, const void *data, uint32_t size);
void naca_link_put16(naca_link_t *link, uint32_t value);
void naca_link_put32(naca_link_t *link, uint32_t value);
// Append at most `wanted` bytes of something that has `total`, from `offset` on; returns where to
// write them, and how many.
uint8_t *naca_link_window(naca_link_t *link, uint32_t total, uint32_t offset, uint32_t *wanted);
// Refuse with a number that says more.
naca_link_status_t naca_link_refuse(naca_link_t *link, naca_link_status_t status, uint32_t value);
// Send what was appended to the header as one frame.
void naca_link_send(naca_link_t *link, uint8_t type, naca_link_status_t status, uint16_t tag);

// device.c: what the device is at. Start the current image, with the saved state that belongs to it
// or without. A new epoch.
void naca_link_start(naca_link_t *link, bool with_saved);
// A new epoch: what was remembered of the old one no longer counts.
void naca_link_new_epoch(naca_link_t *link);
uint32_t naca_link_learned(const naca_link_t *link);
naca_link_status_t naca_link_refuse_core(naca_link_t *link, naca_status_t status);
const uint8_t *naca_link_image(const naca_link_t *link, uint32_t *size);
uint32_t naca_link_image_crc(const naca_link_t *link);
uint32_t naca_link_image_room(const naca_link_t *link);
bool naca_link_has_store(const naca_link_t *link);
enum { MAGIC = 0, NETWORK = 1, SIZE = 2, CHECK = 3, STATE_WORDS = 4 };
void naca_link_state_header(const naca_link_t *link, uint32_t header[STATE_WORDS]);
void naca_link_mark_saved(naca_link_t *link);
uint32_t naca_link_batch(const naca_link_t *link);
// The body of HELLO, which is also what a request ends with that starts the network anew.
handler_t naca_link_hello;

// Handlers: samples.c
handler_t naca_link_infer;
handler_t naca_link_learn;
handler_t naca_link_learn_batch;

// images.c
handler_t naca_link_image_begin;
handler_t naca_link_image_chunk;
handler_t naca_link_image_end;
handler_t naca_link_image_read;
// Whether a chunk follows what came before and has a proper size; else the status to answer with.
naca_link_status_t naca_link_check_chunk(naca_link_t *link, const naca_upload_t *upload,
                                         uint32_t offset, uint32_t size);

// states.c
handler_t naca_link_state_read;
handler_t naca_link_state_write;
handler_t naca_link_save;
handler_t naca_link_reset;

// requests.c: answer a request, which has a header at least.
void naca_link_answer(naca_link_t *link, uint8_t *payload, uint32_t size);

#endif
