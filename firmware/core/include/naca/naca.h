/// edge-naca core: one spiking network, one image, one integer arithmetic.
///
/// What it is for: predicting and learning with a spiking network on a microcontroller, one sample
/// at a time, with no host in the loop. Every result is fixed bit for bit by docs/arithmetic.md.
///
/// What it demands: C99, two's complement, little endian, an image (docs/image.md) that stays
/// readable while it is in use, and one block of memory. No heap, no floating point, no libc beyond
/// memcpy, memmove, memset and memcmp, no globals that change.
///
/// How it is used:
///
///     naca_image_t image;
///     uint32_t size;
///     naca_t *core;
///     naca_result_t result;
///     if (naca_image_open(&image, flash, flash_size) == NACA_OK &&
///         naca_workspace_size(&image, &size) == NACA_OK && size <= sizeof(memory) &&
///         naca_init(&image, memory, sizeof(memory), &core) == NACA_OK) {
///         naca_sample_t sample = {NACA_RAW_U8, pixels, 784};
///         naca_learn(core, &sample, label, &result); // result.prediction: before learning
///     }
///
/// Ownership: memory is the caller's. Only an image's bytes and the workspace stay in use after a
/// call, as long as the core does; everything else that is handed over is used during the call
/// only.
///
/// Re-entrancy: a function touches what its arguments point at and nothing else, so different cores
/// may run at the same time on different threads, from one image too. One core takes one call at a
/// time: an interrupt must not call into a core that it may have interrupted.
///
/// Failure: a call that returns anything but NACA_OK has left the learned state as it was, and what
/// it was to write is then of no use. Each function names the statuses that it can return besides
/// NACA_OK. NACA_ERR_ARGUMENT is for a null pointer, where nothing else is said.
///
/// Work: every call ends; each function says what bounds it. No call waits, locks or allocates.
/// Here S is the time steps of a presentation, N the neurons of all populations.
///
/// This header is the whole public interface. The Python binding is generated from it, so it holds
/// declarations only, and constants are enums. The version alone is macros, for `#if` to see.

#ifndef NACA_NACA_H
#define NACA_NACA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Version of this software. The build files and the Python package read it from here.
#define NACA_VERSION_MAJOR 0
#define NACA_VERSION_MINOR 1
#define NACA_VERSION_PATCH 0

/// Version of the image format that this software reads.
enum { NACA_IMAGE_VERSION = 1 };

/// Limits of any network. The arithmetic is free of overflow within them.
enum {
    NACA_MAX_UNITS = 4096,           ///< inputs, or neurons of one population
    NACA_MAX_POPULATIONS = 8,        ///< populations, the output included
    NACA_MAX_CLASSES = 1024,         ///< rows of a modulation table
    NACA_MAX_STEPS = 4095,           ///< time steps of one presentation
    NACA_MAX_POPULATION_STEPS = 255, ///< of these, in networks with populations
    NACA_MAX_RATES = 4096,           ///< entries of a learning-rate table
    NACA_MAX_RANKS = 31,             ///< neurons that learn behind a winner
    NACA_MAX_INHIBITED = 1024,       ///< inputs of an inhibition that is given
    NACA_MAX_LEARNED_INPUTS = 128,   ///< inputs of an inhibition that is learned
    NACA_MAX_STAGES = 16,            ///< frozen stages
    NACA_MAX_STAGE_UNITS = 65535,    ///< outputs of one frozen stage
    NACA_ALIGNMENT = 8,              ///< of the image and of the workspace, in bytes
    NACA_PROGRESS_WORK = 65552,      ///< most work between two calls of a progress function
    NACA_STATE_HEADER = 16,          ///< bytes before the learned state in a saved state
    NACA_STATE_MAGIC = 0x3154534E    ///< the first four of them, "NST1", as a word
};

/// What a call answers: zero for success, negative for a refusal.
typedef enum naca_status {
    NACA_OK = 0,
    NACA_ERR_ARGUMENT = -1,  ///< a pointer is null or a number is outside its documented range
    NACA_ERR_ALIGNMENT = -2, ///< image, workspace or a sample does not start where its type has to
    NACA_ERR_TRUNCATED = -3, ///< fewer bytes than the data says it has
    NACA_ERR_MAGIC = -4,     ///< this is not an edge-naca image, or not a saved state
    NACA_ERR_VERSION = -5,   ///< an image format that this core does not know
    NACA_ERR_CHECKSUM = -6,  ///< the data was damaged: its CRC-32 does not match
    NACA_ERR_SECTION = -7,   ///< a section is missing, misplaced, doubled, or critical and unknown
    NACA_ERR_NETWORK = -8,   ///< the network description is outside the documented limits
    NACA_ERR_WORKSPACE = -9, ///< the workspace is smaller than naca_workspace_size says
    NACA_ERR_SAMPLE = -10,   ///< the sample does not fit the network: kind, count or a value
    NACA_ERR_LABEL = -11,    ///< the label is not below the image's capacity for classes
    NACA_ERR_STATE = -12,    ///< a saved state of another network
    NACA_ERR_BUFFER = -13,   ///< the buffer is too small for what was to be written
    NACA_ERR_STAGES = -14,   ///< the image has frozen stages whose code was not handed over
    NACA_ERR_FROZEN = -15    ///< the learned state is that of the image, which nobody writes
} naca_status_t;

/// The name of a status as it is written in this header, "NACA_UNKNOWN" for any other number.
/// Never null; the text lives as long as the program.
const char *naca_status_name(naca_status_t status);

/// CRC-32 as in zlib, PNG and Ethernet (reflected, polynomial 0xEDB88320).
/// Start with `crc` 0; to go on, hand the last result back in. `data` may be null when `size` is 0.
/// Work grows with `size`: two table look-ups a byte.
uint32_t naca_crc32(uint32_t crc, const void *data, size_t size);

/// Called in the midst of long work, so that a watchdog can be fed or other tasks get a turn. It
/// may take its time; it must not call into the object that is at work.
typedef void (*naca_progress_t)(void *user);

/// The code of frozen stages. Whoever wants it hands it to naca_image_open_with, so that the linker
/// leaves out what nobody asks for. None of these functions returns null; what they return lives as
/// long as the program.
typedef struct naca_stages naca_stages_t;

/// Stages before the encoder, codes to codes: convolution, dense layer and pooling of a quantised
/// network with ReLUs.
const naca_stages_t *naca_coded_stages(void);

/// Stages after the encoder, spikes to spikes: leaky integrate-and-fire neurons behind a
/// convolution or a dense layer, and pooling of spikes.
const naca_stages_t *naca_spiking_stages(void);

/// No stages, but the inhibition: a population that decorrelates codes before the encoder, given or
/// learned.
const naca_stages_t *naca_inhibition(void);

/// All of them.
const naca_stages_t *naca_all_stages(void);

/// An opened image: what naca_image_open found out. It points into the image's bytes, which must
/// stay where they are, readable and unchanged. The structure itself is needed until naca_init has
/// returned; any number of cores may be set up from it. The fields are for reading.
typedef struct naca_image {
    const uint8_t *data;       ///< the image, which must stay where it is
    uint32_t size;             ///< its size in bytes
    uint32_t network_id;       ///< CRC-32 over everything that decides what the network computes
    const naca_stages_t *code; ///< of frozen stages, as handed over, or null
    uint32_t raw_count;        ///< numbers in a raw sample, 0 without preparation
    uint32_t encoded;          ///< units that the encoder sends spikes for: inputs, or what coded
                               ///< stages or an inhibition make of them
    uint32_t units;      ///< neurons of spiking stages and populations: what naca_record writes
                         ///< of each step
    uint16_t inputs;     ///< codes of a sample
    uint16_t capacity;   ///< classes the network can hold
    uint8_t populations; ///< populations, the last one being the output; may be 0 with stages
    uint8_t encoder;     ///< 0 bitplane, 1 rate, 2 latency, 3 direct
    uint8_t bits;        ///< of a sample's codes, a sign not counted
    uint8_t stages;      ///< frozen stages
    uint16_t steps;      ///< time steps of a presentation
    uint8_t is_signed;   ///< 1 where codes have a sign
    uint8_t is_real;     ///< 1 where raw samples may be real numbers, 0 where they are integers
    uint8_t reserved[2]; ///< 0
} naca_image_t;

/// A running network: lives in the workspace, looked at through the functions below.
typedef struct naca naca_t;

/// How a sample is written.
typedef enum naca_sample_kind {
    NACA_RAW_U8 = 0,  ///< uint8_t[raw_count]: as the sensor gave it, to be prepared
    NACA_RAW_I16 = 1, ///< int16_t[raw_count]
    NACA_RAW_I32 = 2, ///< int32_t[raw_count]
    NACA_CODES = 3,   ///< uint8_t[inputs]: prepared before, each below 2^bits; or, where codes
                      ///< have a sign, int8_t[inputs]
    NACA_EVENTS = 4,  ///< naca_event_t[count]: spikes, ascending by step, then by input
    NACA_RAW_F32 = 6  ///< float[raw_count], IEEE 754 binary32: for networks that take real numbers,
                      ///< among which integers are; infinities and NaN are refused
} naca_sample_kind_t;

/// One input spike of a sensor that speaks in spikes.
typedef struct naca_event {
    uint16_t step;  ///< below the number of steps
    uint16_t input; ///< below the number of inputs
} naca_event_t;

/// One sample. `data` is aligned for its type, and may be null where `count` is 0.
typedef struct naca_sample {
    naca_sample_kind_t kind;
    const void *data;
    uint32_t count; ///< elements, not bytes
} naca_sample_t;

/// What one presentation gave. The margin is small or negative for a sample that looks like nothing
/// known.
typedef struct naca_result {
    int32_t prediction; ///< class of the output neuron that spiked most, -1 if none did or unknown
    int32_t margin;     ///< greatest potential above threshold in the last hidden population at
                        ///< the last step; INT32_MIN while no neuron there has learned anything,
                        ///< or without populations
    uint32_t spikes;    ///< spikes of the input, of spiking stages and of every population
    uint32_t synops;    ///< synaptic operations: weights added to a potential, modulo 2^32
    uint32_t changes;   ///< weights that learning changed
} naca_result_t;

/// Sums since naca_init. They wrap at 2^64.
typedef struct naca_counters_t {
    uint64_t presentations; ///< samples presented, learned or not
    uint64_t spikes;
    uint64_t synops;
    uint64_t changes;
} naca_counters_t;

/// Where naca_record writes. Any pointer may be null. U is the image's `units`: spiking stages,
/// then populations, in order.
typedef struct naca_recording {
    uint8_t *input_spikes; ///< [steps][encoded]: 1 where the encoder sent a spike, 255 where it
                           ///< sent an off spike
    uint8_t *spikes;       ///< [steps][U]: 1 where a neuron spiked
    int32_t *potentials;   ///< [steps][U]: after integration, before any reset
    int32_t *thresholds;   ///< [steps][U]: INT32_MAX for a neuron that is not recruited yet, or
                           ///< that never spikes
} naca_recording_t;

/// Check an image of `size` bytes at `data` once and for all, and fill `image`. Everything is
/// checked here (checksum, bounds, products that could overflow), so that later calls check
/// nothing. `data` must be aligned to NACA_ALIGNMENT. Whatever the bytes are, nothing outside them
/// is read. Work: two passes over `size` bytes, plus at most 64 * 64 entries of the section table.
/// NACA_ERR_ARGUMENT, NACA_ERR_ALIGNMENT, NACA_ERR_TRUNCATED, NACA_ERR_MAGIC, NACA_ERR_VERSION,
/// NACA_ERR_CHECKSUM, NACA_ERR_SECTION, NACA_ERR_NETWORK, NACA_ERR_STAGES; which one when is said
/// in docs/image.md, section 6. After a refusal `image` is refused by the functions below.
naca_status_t naca_image_open(naca_image_t *image, const void *data, uint32_t size);

/// The same for images that may have frozen stages: `stages` is naca_coded_stages(),
/// naca_spiking_stages(), naca_inhibition() or naca_all_stages(), or null where the program does
/// without.
naca_status_t naca_image_open_with(const naca_stages_t *stages, naca_image_t *image,
                                   const void *data, uint32_t size);

/// The workspace that the network needs, in bytes: exact, and the same on every machine.
/// Work: one pass over the records of stages and populations. NACA_ERR_ARGUMENT, also for an image
/// that was refused.
naca_status_t naca_workspace_size(const naca_image_t *image, uint32_t *size);

/// Set up a network in `workspace`, aligned to NACA_ALIGNMENT, `size` bytes of it, with the learned
/// state of the image or, where it has none, as new. The core is the first naca_workspace_size
/// bytes, until the caller takes them back: there is nothing to close.
/// Work: fills the workspace once, plus that of naca_state_written.
/// NACA_ERR_ARGUMENT as above, NACA_ERR_ALIGNMENT, NACA_ERR_WORKSPACE where `size` is too small.
naca_status_t naca_init(const naca_image_t *image, void *workspace, uint32_t size, naca_t **core);

/// The same for programs that only infer: the learned state, which is most of the workspace, stays
/// in the image, in flash, so the image must have one. What would change it (naca_learn,
/// naca_forget, naca_state_load) answers NACA_ERR_FROZEN, and naca_state_bytes are only to be read.
/// As naca_workspace_size and naca_init; NACA_ERR_STATE where the image has no learned state.
naca_status_t naca_frozen_size(const naca_image_t *image, uint32_t *size);
naca_status_t naca_init_frozen(const naca_image_t *image, void *workspace, uint32_t size,
                               naca_t **core);

/// Have `progress` called with `user` in the midst of presenting, learning and naca_state_written:
/// once a time step at least, and between two calls come at most NACA_PROGRESS_WORK synapses,
/// neurons, or numbers of a sample, each a few dozen instructions. It changes no result. Null for
/// nothing, which it is after naca_init. What only looks at bytes (naca_image_open, naca_init, the
/// state's hash, saving and loading) does not call it. NACA_ERR_ARGUMENT.
naca_status_t naca_set_progress(naca_t *core, naca_progress_t progress, void *user);

/// Present a sample and predict. The learned state does not change, and the answer depends on
/// nothing but the learned state and the sample.
/// Work, at each step: a population's neurons, once and again for every spike that reaches it (at
/// most S * N * (N + `encoded`) in all), and the synapses of spiking stages that spikes reach.
/// Once: the numbers of a raw sample, and the synapses of coded stages behind codes that are not 0,
/// or all of an inhibition, at most `inputs` * `inputs`.
/// NACA_ERR_ARGUMENT; NACA_ERR_ALIGNMENT where the sample's data lies at an address that is odd for
/// its type; NACA_ERR_SAMPLE where kind, count or a value does not fit the network. The sample's
/// values are checked, so they may come from anywhere.
naca_status_t naca_infer(naca_t *core, const naca_sample_t *sample, naca_result_t *result);

/// Present a sample, predict, then learn that its class is `label` (0 .. capacity - 1). A class is
/// new until its first sample; it needs no announcement. `result` tells what was predicted *before*
/// learning. Work: that of naca_infer plus the synapses of the neurons that learn, at most all. An
/// inhibition that is learned adds about 4 * T products, T = `inputs` * (`inputs` + 1) / 2, and
/// when it is renewed 2 * T for each neuron of the first population that ever won. NACA_ERR_LABEL,
/// and what naca_infer returns. A sample that is refused is not learned in part.
naca_status_t naca_learn(naca_t *core, const naca_sample_t *sample, uint32_t label,
                         naca_result_t *result);

/// As naca_infer, writing down every spike, potential and threshold on the way, `recording` saying
/// where. Work: that of naca_infer plus S * (`encoded` + 3 * `units`).
naca_status_t naca_record(naca_t *core, const naca_sample_t *sample,
                          const naca_recording_t *recording, naca_result_t *result);

/// Prepare a raw sample into codes[inputs], as naca_infer would before encoding: what a host needs
/// to send samples packed to the encoder's bits. Where `is_signed`, codes are int8_t in these
/// bytes. Work grows with the numbers of the sample. As naca_infer; NACA_ERR_SAMPLE also where the
/// sample is not raw.
naca_status_t naca_prepare(naca_t *core, const naca_sample_t *sample, uint8_t *codes);

/// Forget a class: its neurons become as new, and none of its samples counts as seen. Other classes
/// stay as they are, and so does naca_learned: the class may be learned again. Whoever does not
/// call this links nothing of it. Work: the classes and synapses of each neuron, plus that of
/// naca_state_written. NACA_ERR_ARGUMENT; NACA_ERR_LABEL where `label` is not below the capacity;
/// NACA_ERR_NETWORK where the network has no neurons that are of one class alone.
naca_status_t naca_forget(naca_t *core, uint32_t label);

/// Samples learned so far, which is part of the learned state. It wraps at 2^32.
/// NACA_ERR_ARGUMENT.
naca_status_t naca_learned(const naca_t *core, uint32_t *learned);

/// The same of each class: seen[capacity]. Work: one copy of `capacity` numbers.
/// NACA_ERR_ARGUMENT, also where `capacity` is not the image's.
naca_status_t naca_seen(const naca_t *core, uint32_t *seen, uint32_t capacity);

/// Copy the counters. NACA_ERR_ARGUMENT.
naca_status_t naca_counters(const naca_t *core, naca_counters_t *counters);

/// Hash of the learned state: equal states have equal hashes on every machine (CRC-32).
/// Work: one pass over the learned state. NACA_ERR_ARGUMENT.
naca_status_t naca_state_hash(const naca_t *core, uint32_t *hash);

/// Size of a saved state in bytes, header included. It never changes. NACA_ERR_ARGUMENT.
naca_status_t naca_state_size(const naca_t *core, uint32_t *size);

/// Write the learned state, with a header, to `buffer`, which holds `size` bytes and needs no
/// alignment. Work: two passes over the learned state.
/// NACA_ERR_ARGUMENT; NACA_ERR_BUFFER where `size` is below naca_state_size.
naca_status_t naca_state_save(const naca_t *core, void *buffer, uint32_t size);

/// Take over a state of `size` bytes that naca_state_save wrote, from this or another machine
/// running the same network; `buffer` needs no alignment. Checked as a whole before anything
/// changes. Work: two passes over the learned state plus that of naca_state_written.
/// NACA_ERR_ARGUMENT; NACA_ERR_TRUNCATED; NACA_ERR_MAGIC where this is no saved state;
/// NACA_ERR_STATE where it is another network's; NACA_ERR_CHECKSUM where it is damaged.
naca_status_t naca_state_load(naca_t *core, const void *buffer, uint32_t size);

/// The learned state itself, `*size` bytes, without the header of a saved state: for who reads or
/// writes it piece by piece, with no memory for a second copy. It lies in the workspace. Any bytes
/// are a valid state; after writing, naca_state_written comes before any other call. Neither
/// argument may be null; nothing is checked.
uint8_t *naca_state_bytes(naca_t *core, uint32_t *size);

/// Make what depends on the learned state anew: squared norms, where thresholds follow them. Work:
/// one pass over the weights. `core` must not be null.
void naca_state_written(naca_t *core);

/// The features of the sample that was presented last, if that was raw or codes: what the encoder
/// was given, codes[encoded], which is what coded stages or the inhibition made of the sample's
/// codes; int8_t in these bytes where `is_signed`. They lie in the workspace; the next call
/// overwrites them. `core` must not be null.
const uint8_t *naca_features(const naca_t *core);

/// Where a sample may be put together: codes[inputs] in the workspace, which the next call
/// overwrites unless it is given them as its NACA_CODES. `core` must not be null.
uint8_t *naca_codes(naca_t *core);

#ifdef __cplusplus
}
#endif

#endif
