// What the core's files share. The formats are those of docs/image.md, the arithmetic is that of
// docs/arithmetic.md; section numbers in comments point there.
//
// Who guarantees what: functions of naca.h check what their callers hand over. image.c has checked
// every number of an image before anything else reads it, naca_check_sample every number of a
// sample. Functions declared here rely on both, check nothing and cannot fail, where nothing else
// is said; pointers are never null. What a number counts, or is an index of, is said where it is
// declared.
//
// Units: potentials, thresholds and currents are integers of one scale: a current is a sum of
// weights times 2^current_shift. Decays are 256ths, times are steps, offsets and sizes are bytes.

#ifndef NACA_INTERNAL_H
#define NACA_INTERNAL_H

#include "naca/arithmetic.h"

#include <stdbool.h>
#include <string.h>

// Records are copied from the image as they are.
#if defined(__BYTE_ORDER__) && (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
#error "edge-naca needs a little-endian machine"
#endif

#define STATIC_ASSERT(name, condition) typedef char static_assert_##name[(condition) ? 1 : -1]

enum {
    BLOCK = 16,        // neurons whose weights lie side by side
    MAX_FEATURE = 1023 // prepared features stay within plus and minus this
};
#define POTENTIAL_MAX ((int32_t)8388607) // membrane potentials saturate at plus and minus this

enum { ENCODER_BITPLANE = 0, ENCODER_RATE = 1, ENCODER_LATENCY = 2, ENCODER_DIRECT = 3 };
enum { SPATIAL_POOL = 0, SPATIAL_EDGES = 1 };
enum {
    PREP_LOG = 1,
    PREP_SIGNED = 2,
    PREP_PER_FEATURE = 4,
    PREP_KEEPS_SIGN = 8,
    PREP_REAL = 16,      // samples are real numbers
    PREP_PER_NUMBER = 32 // each with a map of its own to integers
};
enum {
    POPULATION_BIAS = 1,           // one more input, which spikes at every step
    POPULATION_SUBTRACT = 2,       // reset by subtraction instead of to zero
    POPULATION_NORM_THRESHOLD = 4, // the threshold follows the squared norm of the weights
    POPULATION_CURVE = 8           // the current passes through a table
};
enum { POST_NONE = 0, POST_ALL = 1, POST_DELTA = 2, POST_WINNER = 3 };
enum { SIGNAL_TABLE = 0, SIGNAL_ERROR = 1 };
enum { PRE_SPIKE = 0, PRE_ATTRACT = 1, PRE_BOUNDED = 2 };

// The records that follow lie in images as they are here; docs/image.md, sections 2 and 3, says
// what each field means and may be. Section NETW starts with this, one population record each
// follows.
typedef struct network {
    uint16_t inputs;
    uint16_t capacity;
    uint8_t populations;
    uint8_t encoder;
    uint8_t bits;
    uint8_t steps; // low byte
    uint32_t seed;
    uint8_t steps_high;
    uint8_t is_signed; // codes have signs, and spikes of the encoder are on or off
    uint8_t reserved[2];
} network_t;
STATIC_ASSERT(network, sizeof(network_t) == 16);

static inline uint32_t naca_steps(const network_t *net)
{
    return net->steps + 256u * net->steps_high;
}

// Whether spikes of the output are counted in 16 bits: there are more steps than a byte counts.
static inline bool naca_are_counts_wide(const network_t *net)
{
    return net->steps_high != 0;
}

typedef struct population {
    uint16_t neurons;
    uint16_t flags;
    uint8_t weight_bits;
    uint8_t zero_point;
    int8_t weight_min;
    int8_t weight_max;
    uint16_t decay;
    uint8_t current_shift;
    uint8_t refractory;
    uint8_t fire_from;
    uint8_t norm_shift;
    uint16_t winners;
    int32_t threshold;
    int32_t inhibition;
    int32_t adaptation;
    uint16_t adaptation_decay;
    uint8_t post;
    uint8_t signal;
    uint8_t pre;
    int8_t trace_shift;
    uint16_t trace_decay;
    uint8_t trace_increment;
    uint8_t rate_shift;
    uint16_t handicap;
    int32_t recruit;
    int32_t delta_margin;
    int16_t depress_rate;
    uint16_t rates;
    uint8_t curve_shift;
    uint8_t ranks;
    uint16_t depress_from;
    uint8_t ages;
    uint8_t share;
    uint8_t rarity;
    uint8_t drift;
    uint16_t unknown;
    uint8_t reserved[2];
} population_t;
STATIC_ASSERT(population, sizeof(population_t) == 64);

// Section PREP starts with this; offsets (int16) and gains (uint16) follow, and where samples are
// real numbers addends (int32), factors (int32) and exponents (int8) of their maps to integers.
typedef struct preparation {
    uint8_t spatial;
    uint8_t flags;
    uint16_t height;
    uint16_t width;
    uint16_t channels;
    uint8_t cell;
    uint8_t shift;
    uint16_t cap;
    uint16_t norm;
    uint16_t features;
} preparation_t;
STATIC_ASSERT(preparation, sizeof(preparation_t) == 16);

// Numbers in a raw sample.
static inline uint32_t naca_raw_count(const preparation_t *prep)
{
    return (uint32_t)prep->height * prep->width * prep->channels;
}

// Offsets that there are, and gains.
static inline uint32_t naca_gain_count(const preparation_t *prep)
{
    return prep->flags & PREP_PER_FEATURE ? prep->features : 1u;
}

// Maps from real numbers to integers.
static inline uint32_t naca_map_count(const preparation_t *prep)
{
    if ((prep->flags & PREP_REAL) == 0) {
        return 0;
    }
    return prep->flags & PREP_PER_NUMBER ? naca_raw_count(prep) : 1u;
}

// Where a population keeps what, in this order: first what it learned, then what every presentation
// makes anew, of which all from the potentials to the spikes starts at zero.
enum place {
    WEIGHTS,    // int8, or packed 4-bit
    WINS,       // uint16: gated competitions won
    MEANS,      // uint32[2]: running means of a class's gap and distance
    RESIDUALS,  // int16[2][rows]: running means of what winners leave unexplained, in each context
    OFFSET,     // int8[rows]: what the second context takes off; all 0 while it is not there
    NORMS,      // uint32: squared norm of each neuron's weights
    PRODUCTS,   // int32: of each neuron's weights and the offset
    PRIORS,     // int32: what a neuron is worth before a sample comes
    OWNERS,     // uint16: the class that a neuron belongs to
    CLASSES,    // uint32[capacity][2]: what neurons of a class have in common, for a while
    POTENTIALS, // int32
    ADAPTATION, // int32: what past spikes add to the threshold
    REFRACTORY, // uint8: steps left
    POST,       // int8: spiked at the step before; at the last step, its change
    SLOPES,     // uint8: slope of the current's curve at the last step
    COUNTS,     // uint8: spikes in this presentation (output population)
    TRACES,     // uint8: presynaptic trace
    SPIKES,     // uint16: the neurons that spiked at this step
    RANKED,     // uint16[ranks]: who learns behind the winner of the gated competition, best first
    PLACES
};

// A population at work: `p` as in the image, then what follows from it. Offsets instead of
// pointers, 0 where there is nothing, make sizes the same on every machine.
typedef struct layer {
    population_t p;
    uint32_t rows;        // presynaptic units, the bias included
    uint32_t padded;      // neurons, rounded up to a multiple of 4
    uint32_t at[PLACES];  // up to OFFSET in the learned state, then in the workspace
    uint32_t table;       // in the image: int8[capacity][neurons]
    uint32_t rate_table;  // in the image: int16
    uint32_t curve;       // in the image: int16[256], then uint8[256]
    uint32_t levels;      // in the image: uint8[ages][ranks]
    uint32_t spike_count; // neurons in the list at at[SPIKES]: of this step, or as learning left it
    uint32_t ranked;      // neurons in the list at at[RANKED]
    int32_t winner;       // neuron that won the gated competition, -1 for none
    int32_t margin;       // greatest potential above threshold at the last step
    uint32_t gap;         // how far the label's class lies behind its winner, ...
    uint32_t distance;    // ... and half the squared distance to that, ...
    uint32_t measured;    // ... as far as this says
    uint32_t has_context; // whether the second context is there
    uint32_t context;     // that the sample is heard in, 0 or 1; 0 before the last step
    uint32_t learns_in;   // that the label's class hears it in
    int32_t nearness;     // of the sample to the offset, in potentials
    uint32_t residual_square; // of the mean residual that the sample moved
    uint32_t is_unknown;      // whether the sample is too far from everything that is known
} layer_t;
STATIC_ASSERT(layer, sizeof(layer_t) == 216);

// The core. It lies at the start of the workspace, and everything else there at an offset from it.
// A pointer that takes the same room on every machine.
#define POINTER(type) \
    union { \
        type at; \
        uint64_t same_size_on_every_machine; \
    }

struct naca {
    POINTER(const uint8_t *) image;
    POINTER(const naca_stages_t *) stages; // the code of frozen stages, or null
    POINTER(naca_progress_t) progress;     // the caller's, or null
    POINTER(void *) progress_user;
    union {
        uint8_t *at;           // the learned state: in the workspace ...
        const uint8_t *frozen; // ... or where it stays as it is in the image
        uint64_t same_size_on_every_machine;
    } learned;
    network_t net;
    preparation_t prep;
    uint32_t prep_arrays; // in the image: what follows the record; 0 without preparation
    uint32_t network_id;
    uint32_t state_size;    // bytes of the learned state
    uint32_t codes;         // uint8[inputs]: of the sample
    uint32_t encoder_codes; // uint8[encoded]: given to the encoder; `codes` without coded stages
    uint32_t encoded;       // units that the encoder sends spikes for
    uint32_t spikes;        // uint16: the units that the encoder made spike at this step
    uint32_t spike_count;   // how many they are ...
    uint32_t off_count;     // ... of which the last so many are off spikes
    uint32_t arrived;       // uint16: what reached the first population at this step: what spiking
                            // stages sent on, or `spikes` without them
    uint32_t arrived_count; // how many, the bias not counted
    uint32_t arriving;      // units that these can come from
    uint32_t counts;        // uint8[capacity], or uint16: spikes of the output in this presentation
    uint32_t potentials;    // int32[capacity]: of the output
    uint32_t units;         // neurons that are recorded ...
    uint32_t stage_units;   // ... of which in stages
    uint32_t stage_table;   // stage_t, one for each frozen stage
    uint32_t sums;          // int32[maps]: scratch of coded stages
    uint32_t resting;       // what spiking stages begin a presentation with at 0, from here ...
    uint32_t resting_size;  // ... this many bytes
    uint32_t inhibition;    // inhibiting_t, or 0
    uint32_t is_frozen;     // whether the learned state stays in the image
    uint8_t stage_count;
    uint8_t coded_count; // of them before the encoder
    uint8_t code_bits;   // of the sample's codes
    uint8_t reserved;
    uint32_t size; // of the whole workspace
    naca_counters_t counters;
    layer_t layers[]; // one for each population
};
STATIC_ASSERT(naca, sizeof(naca_t) == 200);

// What lies at an offset in the workspace, or in the image. The alignment is by construction
// (workspace.c), or was checked (image.c). An offset of 0 means that there is nothing: ask first.
#define AT(type, core, offset) ((type *)(void *)((uint8_t *)(core) + (offset)))
#define AT_CONST(type, core, offset) \
    ((const type *)(const void *)((const uint8_t *)(core) + (offset)))
// The same of places in the learned state. An offset of 0 is the samples learned, and those of each
// class behind them.
#define LEARNED(type, core, offset) ((type *)(void *)((core)->learned.at + (offset)))
#define LEARNED_CONST(type, core, offset) \
    ((const type *)(const void *)((core)->learned.frozen + (offset)))
#define IN_IMAGE(type, core, offset) ((const type *)(const void *)((core)->image.at + (offset)))

// The trace of an input. Codes with a sign are their own traces.
static inline int32_t naca_trace(const naca_t *core, const layer_t *layer, uint32_t input)
{
    const bool has_sign = core->net.is_signed && layer == core->layers;
    return has_sign ? AT_CONST(int8_t, core, layer->at[TRACES])[input]
                    : AT_CONST(uint8_t, core, layer->at[TRACES])[input];
}

// Shift right, rounding down. C leaves open what happens to negative numbers; here it is said.
STATIC_ASSERT(arithmetic_shift, (-3 >> 1) == -2);
static inline int32_t shift_down(int32_t x, uint32_t shift)
{
    return x >> shift;
}

// `low` is not above `high`.
static inline int32_t clamp(int32_t x, int32_t low, int32_t high)
{
    const int32_t above = x < low ? low : x;
    return above > high ? high : above;
}

// What `decay` 256ths, 0 .. 256, leave of x, which is within plus and minus POTENTIAL_MAX.
static inline int32_t scale(int32_t x, uint32_t decay)
{
    return shift_down(x * (int32_t)decay, 8);
}

// A membrane potential, from a sum that did not overflow: image.c bounds what may be added at once.
static inline int32_t saturate(int32_t v)
{
    return clamp(v, -POTENTIAL_MAX, POTENTIAL_MAX);
}

// ---- sections.c: what an image begins with ------------------------------------------------------

typedef struct header {
    uint32_t magic;
    uint16_t version;
    uint16_t sections; // entries of the table that follows
    uint32_t size;     // of the image, in bytes
    uint32_t crc;
} header_t;
STATIC_ASSERT(header, sizeof(header_t) == 16);
typedef struct section {
    uint32_t tag;    // four letters, as TAG makes one number of them
    uint32_t flags;  // CRITICAL, or nothing that the core knows
    uint32_t offset; // from the image's start, a multiple of 4
    uint32_t size;   // in bytes
} section_t;
STATIC_ASSERT(section, sizeof(section_t) == 16);
enum { CRITICAL = 1 }; // flag of a section that decides what the network computes
#define TAG(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define TAG_NETWORK TAG('N', 'E', 'T', 'W')
#define TAG_PREPARATION TAG('P', 'R', 'E', 'P')
#define TAG_INHIBITION TAG('I', 'N', 'H', 'B')
#define TAG_SIGNAL TAG('S', 'G', 'N', 'L')
#define TAG_STATE TAG('S', 'T', 'A', 'T')
// Sections of one population, or one stage, each: its index is added to the last letter.
#define TAG_TABLE(index) (TAG('M', 'O', 'D', '0') + ((uint32_t)(index) << 24))
#define TAG_RATES(index) (TAG('R', 'A', 'T', '0') + ((uint32_t)(index) << 24))
#define TAG_CURVE(index) (TAG('C', 'U', 'R', '0') + ((uint32_t)(index) << 24))
#define TAG_LEVELS(index) (TAG('L', 'E', 'V', '0') + ((uint32_t)(index) << 24))
#define TAG_STAGE(index) (TAG('S', 'T', 'G', 'A') + ((uint32_t)(index) << 24))

// The critical section of that tag; one that is all zero if there is none, never null. Optional
// sections, whatever their tag, are nothing to the core. For image.c, once it has checked the
// table, and everybody after it. Work: one pass over the table, at most 64 entries.
const section_t *naca_find_section(const uint8_t *image, uint32_t tag);

// The whole table, `*count` entries of it. For image.c, which has checked that the header is there
// and nothing else.
const section_t *naca_sections(const uint8_t *image, uint32_t *count);

// ---- fields.c -----------------------------------------------------------------------------------

// What one field of a record may hold: 0 or 1 to its limit, or minus its limit to its limit.
// Limits of 4-byte fields count in steps of 4096.
typedef struct field {
    uint8_t offset;
    uint8_t form;
    uint16_t limit;
} field_t;

enum { FROM_0 = 0, FROM_1 = 1, SYMMETRIC = 2, LOW = 3, U8 = 4, I8 = 8, U16 = 12, I32 = 16 };
enum { STEP = 12 };
#define FIELDS_FIT(record, fields) \
    naca_fields_fit(record, fields, sizeof(fields) / sizeof(fields)[0])

// Whether each of the `count` fields, in a record that is all there, is within its limits.
bool naca_fields_fit(const void *record, const field_t *fields, size_t count);

// ---- image.c ------------------------------------------------------------------------------------

// What is found out about an image while it is checked. Records are copied here once they are known
// to be there; they are within their limits once their check has returned NACA_OK.
typedef struct check {
    const uint8_t *data;  // the image
    naca_image_t *image;  // what the caller gets, filled on the way
    uint32_t unexplained; // critical sections that nothing has asked for yet
    network_t net;
    preparation_t prep;
} check_t;

// ---- workspace.c --------------------------------------------------------------------------------

// Lay out the workspace of an image whose records have been checked: fills `core`, and with
// `is_real` its layers and stages, which takes a workspace of core->size bytes. With `is_real`
// false `core` may lie anywhere, for only its own fields are written. image.c and
// naca_workspace_size ask for sizes, naca_init then for the workspace itself: one code, so that
// both agree.
// `is_frozen` leaves the learned state in the image, which has one then.
void naca_plan(const naca_image_t *image, naca_t *core, bool is_real, bool is_frozen);

// Take `bytes` from *end on: returns where they begin and moves *end behind them, to a multiple of
// 4. *end is such a multiple. For naca_plan and the plans of stages.
uint32_t naca_reserve(uint32_t bytes, uint32_t *end);

// ---- progress.c ---------------------------------------------------------------------------------

// Call the caller's function, if there is one. Between two calls lie at most NACA_PROGRESS_WORK
// synapses, neurons or numbers of a sample.
void naca_tick(const naca_t *core);

// ---- weights.c ----------------------------------------------------------------------------------
// A population's weights, one after another in the order that weights.c gives. An `index` is a
// place in that order, below rows * padded; `weights` is what lies at at[WEIGHTS]. `neuron` is
// below p.neurons and `input` below `rows`.

// Bytes that all of them take, rounded up to a multiple of 4.
uint32_t naca_weight_bytes(const layer_t *layer);
// The weight itself: the zero point of 4-bit weights is taken off.
int32_t naca_weight_get(const layer_t *layer, const uint8_t *weights, uint32_t index);
// `weight` is within weight_min .. weight_max.
void naca_weight_set(const layer_t *layer, uint8_t *weights, uint32_t index, int32_t weight);
// Where the synapse from `input` to `neuron` is.
uint32_t naca_weight_index(const layer_t *layer, uint32_t neuron, uint32_t input);
// From one input's synapse of that neuron to the next input's: the width of the neuron's block.
uint32_t naca_weight_step(const layer_t *layer, uint32_t neuron);

// ---- accumulate.c -------------------------------------------------------------------------------

// sums[k] = sum of the weights from the `count` listed inputs, each below `rows`, to neuron k of
// the block, which holds neurons block * BLOCK and following. Beyond the last neuron sums are of no
// use. The kernel: called by naca_step_population for each block at each step, so work is count *
// BLOCK.
void naca_accumulate(const layer_t *layer, const uint8_t *weights, uint32_t block,
                     const uint16_t *inputs, uint32_t count, int32_t sums[BLOCK]);

// ---- prepare.c ----------------------------------------------------------------------------------

// Whether a sample fits the network: the one place that looks at what a caller presents, before
// anything else does. `sample` may be null and hold anything; NACA_ERR_ARGUMENT, NACA_ERR_SAMPLE.
naca_status_t naca_check_sample(const naca_t *core, const naca_sample_t *sample);

// Make the `inputs` codes at core->codes of a sample that was checked. Uses the list at
// core->spikes as scratch.
void naca_load_codes(naca_t *core, const naca_sample_t *sample);

// ---- encode.c -----------------------------------------------------------------------------------

// A hash of 32 bits: everything random is one of these (section 2).
uint32_t naca_hash32(uint32_t x);

// The number that all random draws of this presentation begin with. It follows from the samples
// learned, so it has to be asked for before they are counted up.
uint32_t naca_presentation_key(const naca_t *core);

// List the units that spike at `step`, 0 .. steps - 1, in ascending order, those with off spikes
// behind the others: fills core->spikes, or for events copies them there. `event` is the first
// event of the sample that no step has used; 0 at the first step. Called once a step, steps
// ascending.
void naca_encode_step(naca_t *core, const naca_sample_t *sample, uint32_t step, uint32_t *event);

// ---- population.c -------------------------------------------------------------------------------

// What a sample teaches. Only naca_learn points at code that learns, so that a program that never
// calls it links none.
typedef struct lesson {
    uint32_t label; // below `capacity`
    // Compete for the sample, in the last step of a population with a gated competition.
    void (*compete)(naca_t *core, layer_t *layer, uint32_t label);
} lesson_t;

// One time step of one population.
typedef struct step {
    uint32_t index;         // of the step, 0 .. steps - 1
    const lesson_t *lesson; // null for a sample that is not being learned
    const uint16_t *inputs; // the presynaptic units that spiked, the bias included
    uint32_t count;         // how many they are ...
    uint32_t off;    // ... of which the last so many are off spikes, whose weights count less
    uint8_t *spikes; // recordings of this step, [neurons] each, or null
    int32_t *potentials;
    int32_t *thresholds;
} step_t;

// Whether the record of a population, the last of the network or not, is within its limits: each
// field, and what no single field can say. image.c asks, before anything else reads it.
bool naca_population_fits(const population_t *p, const network_t *net, bool is_output);

// Leak, integrate, compete, fire: leaves the neurons that spiked at at[SPIKES]. Returns the
// synaptic operations, count * neurons. Called by naca_present for each population in order at each
// step.
uint32_t naca_step_population(naca_t *core, layer_t *layer, const step_t *step);

// In the last step of learning: who wins among those that the label's neuromodulator reaches, and
// who stands behind. What a lesson competes by.
void naca_compete_gated(naca_t *core, layer_t *layer, uint32_t label);

// ---- run.c --------------------------------------------------------------------------------------

// Present a sample: all that naca_infer, naca_record and naca_learn have in common. `lesson` and
// `recording` may be null, as what callers hand over may; what naca_infer returns.
naca_status_t naca_present(naca_t *core, const naca_sample_t *sample, const lesson_t *lesson,
                           const naca_recording_t *recording, naca_result_t *result);

// A label's neuromodulator at every neuron, int8[neurons]; null where the error takes its place.
const int8_t *naca_label_row(const naca_t *core, const layer_t *layer, uint32_t label);

// ---- priors.c, for populations that have some ---------------------------------------------------

enum { GAP, DISTANCE };           // at[MEANS]
enum { LARGEST_MEAN = 0x3fffff }; // more counts as this

// layer->measured: what population.c found out in the last step of learning.
enum { NOTHING, DISTANCE_ALONE, GAP_AND_DISTANCE };

// Find the class of each neuron. Called once, by naca_init.
void naca_find_owners(naca_t *core, layer_t *layer);

// Take priors from wins and means, whenever these have changed. Work: neurons and classes.
void naca_renew_priors(naca_t *core, layer_t *layer);

// Learn what was measured, and renew priors. Called once wins are counted, before the sample is.
void naca_learn_priors(naca_t *core, layer_t *layer);

// ---- novelty.c, for populations that may answer none --------------------------------------------

// The novelty of a sample, 0 .. 65535, 4096 standing for 1. At at[CLASSES] lies the greatest margin
// of each class, int32[capacity], INT32_MIN for one that is not known; `half` is half the squared
// norm of the sample. Work: classes.
uint32_t naca_novelty(const naca_t *core, const layer_t *layer, int32_t half);

// ---- contexts.c, for populations with a drift ---------------------------------------------------

// Whether the second context is there, and what its offset makes of each neuron. Called whenever
// weights or the offset were written. Work: all weights.
void naca_find_context(naca_t *core, layer_t *layer);

// How near the sample is to the offset. Called in the last step, before neurons compete.
void naca_measure_context(const naca_t *core, layer_t *layer);

// What the second context adds to the threshold of a neuron.
int32_t naca_context_shift(const naca_t *core, const layer_t *layer, uint32_t neuron);

// Where the trace of an input says that its weight should be, in the context that is learned in.
int32_t naca_target(const naca_t *core, const layer_t *layer, uint32_t input);

// Whether what the winner leaves unexplained counts: it is recruited, and its class is known well.
bool naca_is_mature(const naca_t *core, const layer_t *layer, uint32_t label);

// Take it into the context's mean. Called if it counts, before weights change. Work: rows.
void naca_note_residual(naca_t *core, layer_t *layer);

// Recruit the second context, or move it, if that mean is too large. Called if it was noted, once
// means are learned. Work: rows, and naca_find_context if the offset moves.
void naca_settle_context(naca_t *core, layer_t *layer);

// ---- learn.c ------------------------------------------------------------------------------------

// Learn that the sample's class is `label`. Called by naca_learn after the last step, population by
// population in ascending order, since each is taught by the spikes that the one before ends with.
// Returns the number of weights that changed. Work: the synapses of the neurons that learn. Not
// static, so that its frame does not lie below the whole presentation.
uint32_t naca_learn_population(naca_t *core, uint32_t population, uint32_t label);

#endif
