/// edge-naca link: the device's end of the protocol in docs/protocol.md.
///
/// Pure functions over byte buffers: bytes come in through naca_link_receive, in any pieces;
/// answers go out through the `send` function of the configuration. No clock, no interrupt, no
/// memory but what the caller gives.
///
///     static naca_link_t link;
///     naca_link_init(&link, &config);
///     for (;;) {
///         naca_link_receive(&link, bytes, uart_read(bytes, sizeof bytes));
///     }
///
/// Re-entrancy: as the core's. Text for people may share the line when it ends with a zero byte and
/// is not written while `send` is.

#ifndef NACA_LINK_H
#define NACA_LINK_H

#include "naca/naca.h"
#include "naca/store.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    NACA_LINK_PROTOCOL = 3, ///< version of the protocol
    NACA_LINK_HEADER = 8,   ///< of a payload, in bytes
    NACA_LINK_CRC = 4,      ///< after the payload, in bytes
    NACA_LINK_FRAME = 128,  ///< the smallest frame buffer
    NACA_LINK_ANSWER = 96,  ///< the smallest answer buffer
    NACA_LINK_CHUNK = 16,   ///< chunks of states and images are multiples of this, but for the last
    NACA_LINK_PACKED = 5,   ///< sample kind after those of naca.h: codes packed to their bits
    NACA_LINK_WINDOWS = 4,  ///< windows of a signal that are answered at once, and remembered
    NACA_LINK_NO_LABEL = 0xFFFF ///< of samples of a signal that are of no class
};

/// Request types. An answer has that of its request plus 0x80.
typedef enum naca_link_request {
    NACA_LINK_HELLO = 0x01,
    NACA_LINK_INFER = 0x02,
    NACA_LINK_LEARN = 0x03,
    NACA_LINK_LEARN_BATCH = 0x04,
    NACA_LINK_REWARD = 0x05, ///< reserved
    NACA_LINK_STATE_READ = 0x06,
    NACA_LINK_STATE_WRITE = 0x07,
    NACA_LINK_HASH = 0x08,
    NACA_LINK_SAVE = 0x09,
    NACA_LINK_RESET = 0x0A,
    NACA_LINK_STATS = 0x0B,
    NACA_LINK_IMAGE_BEGIN = 0x0C,
    NACA_LINK_IMAGE_CHUNK = 0x0D,
    NACA_LINK_IMAGE_END = 0x0E,
    NACA_LINK_IMAGE_READ = 0x0F,
    NACA_LINK_SESSION = 0x10,
    NACA_LINK_SIGNAL = 0x11,
    NACA_LINK_SENSOR = 0x12,
    NACA_LINK_SENSOR_READ = 0x13,
    NACA_LINK_UNDO = 0x14,
    NACA_LINK_ROLLBACK = 0x15,
    NACA_LINK_FORGET = 0x16,
    NACA_LINK_NAMES_READ = 0x17,
    NACA_LINK_NAMES_WRITE = 0x18,
    NACA_LINK_LOCK = 0x19
} naca_link_request_t;

/// What an answer says first.
typedef enum naca_link_status {
    NACA_LINK_OK = 0,
    NACA_LINK_UNKNOWN = 1,
    NACA_LINK_LENGTH = 2,
    NACA_LINK_EPOCH = 3,
    NACA_LINK_GAP = 4,
    NACA_LINK_FORGOTTEN = 5,
    NACA_LINK_NO_IMAGE = 6,
    NACA_LINK_CORE = 7,
    NACA_LINK_TOO_LARGE = 8,
    NACA_LINK_ORDER = 9,
    NACA_LINK_STORE = 10,
    NACA_LINK_OTHER_SESSION = 11,
    NACA_LINK_OTHER_ITEM = 12,
    NACA_LINK_NOTHING = 13,
    NACA_LINK_LOCKED = 14
} naca_link_status_t;

/// Where images are kept. `current` returns the image in use, aligned to NACA_ALIGNMENT and in
/// place, and its size, or null if there is none. `begin` makes room for a new one (erases); then
/// writes come in ascending order from offset 0, multiples of NACA_LINK_CHUNK but for the last,
/// `data` aligned to 4. When all is written the link verifies it at the address that `uploaded`
/// returns (aligned to NACA_ALIGNMENT too), and `commit` makes it the current image, at once and
/// for good. Where there is room for one image only, `begin` drops the old one: `current` then
/// returns null. Boards that cannot take images leave `begin` null. Functions return 0, or anything
/// else for a failure.
typedef struct naca_image_memory {
    void *user;
    uint32_t room; ///< largest image, in bytes
    const uint8_t *(*current)(void *user, uint32_t *size);
    int (*begin)(void *user, uint32_t size);
    int (*write)(void *user, uint32_t offset, const void *data, uint32_t size);
    const uint8_t *(*uploaded)(void *user);
    int (*commit)(void *user, uint32_t size);
} naca_image_memory_t;

/// What is remembered of an item that was learned.
typedef struct naca_remembered {
    naca_result_t result; ///< the answer, to be given again
    uint32_t item;        ///< checksum of the item and of the session that it belongs to
} naca_remembered_t;

/// A board's own sensor. It takes samples by itself, in an interrupt or a task, into a buffer of
/// the board's that keeps the latest of them.
typedef struct naca_link_sensor {
    void *user;
    uint32_t rate;                 ///< samples a second, 256ths
    uint32_t channels;             ///< int16_t each, 1 .. 16
    uint32_t kept;                 ///< how many of the latest samples are kept
    uint32_t (*taken)(void *user); ///< samples so far, modulo 2^32
    /// Copy sample number `number`, one of those that are kept.
    void (*read)(void *user, uint32_t number, int16_t *sample);
} naca_link_sensor_t;

struct naca_link;

/// What takes signals over the line, and a sensor's: naca_link_signals() returns it.
typedef struct naca_link_signals {
    void (*start)(struct naca_link *link); ///< a network runs, or none does any more
    naca_link_status_t (*take)(struct naca_link *link, uint8_t *data, uint32_t size);
    naca_link_status_t (*sense)(struct naca_link *link, const uint8_t *data);
    naca_link_status_t (*read)(struct naca_link *link, const uint8_t *data);
} naca_link_signals_t;

/// What the board provides. All of it, this structure too, stays in use until the link is
/// initialised again. `progress` is handed on to the core and to the store: naca_set_progress and
/// naca_store_set_progress say how often they call it. It may not call the link.
typedef struct naca_link_config {
    const char *board; ///< at most 15 characters
    void *user;        ///< handed to the functions that follow
    void (*send)(void *user, const uint8_t *data, uint32_t size); ///< returns when it is taken over
    uint32_t (*entropy)(void *user);  ///< any number that differs from boot to boot, for the epoch
    uint32_t (*overruns)(void *user); ///< received bytes lost so far, may be null
    uint32_t (*stack_used)(void *user); ///< most bytes of the stack ever in use, may be null
    uint32_t stack_size;                ///< bytes of the stack, 0 where that is unknown
    naca_progress_t progress;           ///< in the midst of long work; may be null, see above
    uint8_t *frame;                     ///< one frame as received, aligned to 4, decoded in place
    uint32_t frame_size;                ///< at least NACA_LINK_FRAME; see naca_link_max_payload
    uint8_t *answer;                    ///< one payload to send, aligned to 4
    uint32_t answer_size;               ///< at least NACA_LINK_ANSWER
    naca_remembered_t *remembered;      ///< the latest items learned
    uint32_t remembered_count;          ///< how many, a power of two
    void *workspace; ///< aligned to NACA_ALIGNMENT: the core's, then windows of a signal; what is
                     ///< left undoes a lesson, if a learned state fits there
    uint32_t workspace_size;
    uint32_t window; ///< bytes that may wait unread without being lost
    uint8_t *names;  ///< what the owner calls classes, in the form that docs/protocol.md says; ...
    uint32_t names_size; ///< ... 0: classes cannot be renamed
    const naca_image_memory_t *images;
    const naca_flash_t *state_flash;    ///< for saved states; null for none
    const naca_link_signals_t *signals; ///< naca_link_signals(), or null: no signal is taken then
    const naca_link_sensor_t *sensor;   ///< the board's own, with `signals`; null for none
} naca_link_config_t;

/// Something that arrives in chunks.
typedef struct naca_upload {
    uint32_t size; ///< 0: nothing is under way
    uint32_t crc;
    uint32_t next; ///< offset of the next chunk
} naca_upload_t;

/// What the link counts, since it was initialised.
typedef struct naca_link_counters {
    uint32_t frames;  ///< whole ones
    uint32_t damaged; ///< that do not decode, fail their checksum or have no header
    uint32_t too_long;
    uint32_t refused; ///< requests answered with anything but OK
} naca_link_counters_t;

/// A window of a signal, and what the network made of it.
typedef struct naca_link_window {
    uint32_t first;  ///< number of its first sample
    uint32_t label;  ///< that it was learned with; NACA_LINK_NO_LABEL where it was only presented
    int32_t decided; ///< class that was decided for, -1 for none: naca_signal_decide
    naca_result_t result;
} naca_link_window_t;

/// A signal that is under way.
typedef struct naca_link_stream {
    struct naca_signal *signal; ///< null where the image has none, or windows find no room
    naca_status_t status;       ///< why
    uint32_t window;            ///< samples of a window ...
    uint32_t channels;          ///< ... and numbers of a sample
    uint32_t next;              ///< number of the sample to come
    uint32_t label;             ///< of the latest sample ...
    uint32_t run;               ///< ... and of how many up to it, one after another
    uint32_t chunk;             ///< checksum of the latest chunk ...
    uint32_t chunk_first;       ///< ... its first sample ...
    uint32_t answered;          ///< ... and the windows that it filled
    uint32_t windows;           ///< so far
    uint32_t lost;              ///< samples of the sensor that were not taken in time
    uint8_t has_chunk;
    uint8_t is_own; ///< samples are those of the board's sensor
    naca_link_window_t latest[NACA_LINK_WINDOWS];
} naca_link_stream_t;

/// How to come back from lessons: a copy of the learned state lies at the workspace's end.
typedef struct naca_link_undo {
    uint8_t has_copy;       ///< it is from before the latest lesson
    uint8_t is_marked;      ///< it is from when the mark was set, and stays
    uint8_t is_saved;       ///< what the link knew then ...
    uint32_t saved;         ///< ...
    uint32_t session;       ///< ...
    uint32_t session_start; ///< ... under the same names
} naca_link_undo_t;

/// Whether the device refuses what changes it, and the key that opens it again.
typedef struct naca_link_lock {
    uint32_t is_locked;
    uint32_t tries; ///< wrong keys that are still looked at, until the next start
    uint8_t salt[8];
    uint8_t key[16];
} naca_link_lock_t;

/// A link at work. The caller owns the memory; the fields are the link's own.
typedef struct naca_link {
    const naca_link_config_t *config;
    naca_store_t store;
    naca_image_t image;
    naca_t *core;               ///< null if no image runs
    uint32_t core_size;         ///< bytes of the workspace that it takes
    uint32_t used;              ///< the same with the windows of a signal
    naca_status_t image_status; ///< why it does not
    uint32_t epoch;
    uint32_t epoch_learned; ///< samples learned when the epoch began
    uint32_t session;       ///< who teaches; 0: nobody has yet
    uint32_t session_start; ///< samples learned when that session began
    uint32_t saved;         ///< samples learned in the latest save ...
    uint8_t is_saved;       ///< ... if it was made in this epoch
    uint32_t read_at;       ///< samples learned when reading the state began ...
    uint8_t is_reading;     ///< ... if that was in this epoch
    uint32_t write_crc;     ///< of the learned state that is being written, so far
    uint32_t received;      ///< bytes of the frame that is arriving
    uint32_t answered;      ///< bytes of the answer that is being written
    naca_upload_t image_upload;
    naca_upload_t state_upload;
    naca_link_counters_t counters;
    naca_link_undo_t undo;
    naca_link_lock_t lock;
    uint32_t names_used; ///< bytes of config->names
    naca_link_stream_t stream;
} naca_link_t;

/// Bytes that a naca_link_t takes, for callers that do not see the structure. Never fails.
uint32_t naca_link_size(void);

/// Start: opens the store and the current image, restores the saved state that belongs to it, sends
/// HELLO. NACA_ERR_ARGUMENT, NACA_ERR_ALIGNMENT or NACA_ERR_BUFFER if the configuration is not as
/// described above; a missing image or an unusable store is no failure here: HELLO tells.
naca_status_t naca_link_init(naca_link_t *link, const naca_link_config_t *config);

/// Take received bytes, in any pieces, and answer every request that is complete: `send` is called
/// before this returns. Not from an interrupt, since a request may learn, or write to flash.
/// Whatever the bytes are, they cost time only. `link` was initialised; `data` may be null when
/// `size` is 0. Work: a few operations a byte, plus that of the requests.
void naca_link_receive(naca_link_t *link, const uint8_t *data, uint32_t size);

/// The network that runs, null if none does; it changes with an image or a state that arrives, so
/// it is to be asked for again after each naca_link_receive. Who teaches it here, past the link,
/// has the host find samples learned that it knows nothing of.
naca_t *naca_link_core(const naca_link_t *link);

/// What takes signals over the line and from the board's sensor. A program that does without does
/// not call this, and links nothing of it. The workspace then has room for windows behind the core:
/// where it has not, HELLO does not say that signals are taken.
const naca_link_signals_t *naca_link_signals(void);

/// Take what the board's sensor has taken since, if a host has asked for that (SENSOR): windows are
/// presented, or learned where all their samples have one label. To be called again and again, as
/// naca_link_receive. NACA_ERR_ARGUMENT where the configuration has no signals or no sensor.
naca_status_t naca_link_sense(naca_link_t *link);

/// The largest payload that fits a frame buffer of `frame_size` bytes together with its checksum
/// and what COBS adds.
uint32_t naca_link_max_payload(uint32_t frame_size);

/// COBS, as the link uses it: at most `size + size / 254 + 1` bytes out; returns how many.
/// The zero byte that ends a frame is not part of it. `out` does not overlap `data`.
uint32_t naca_cobs_encode(const uint8_t *data, uint32_t size, uint8_t *out);

/// Decode in place; returns the decoded size, or UINT32_MAX if the bytes are no COBS.
uint32_t naca_cobs_decode(uint8_t *data, uint32_t size);

#ifdef __cplusplus
}
#endif

#endif
