// Frozen stages: what the core knows of them, and what their two families share. The core itself
// reaches a family only through the table of functions that the program handed over, so that a
// program without stages does not link them. What internal.h says of guarantees holds here too.

#ifndef NACA_STAGES_H
#define NACA_STAGES_H

#include "internal.h"

enum { CODED_CONVOLUTION = 0, CODED_POOL = 1, SPIKING_CONVOLUTION = 2, SPIKING_POOL = 3 };
enum { CODED_MAX = 1 }; // of a pool: the greatest code instead of the sum
enum {
    SPIKING_SUBTRACT = 1, // reset by subtraction instead of to zero
    SPIKING_READOUT = 2,  // never spikes: the potential is the answer
    SPIKING_OWN = 4,      // parameters are each neuron's own, not shared by a map
    SPIKING_SYNAPSE = 8   // a synaptic current comes before the membrane
};

// Section STGA and following start with this; parameters and weights follow.
typedef struct stage_record {
    uint8_t kind;
    uint8_t flags;
    uint16_t in[2]; // height and width of the input, as all pairs: [Y], [X]
    uint16_t channels;
    uint16_t out[2]; // rows and columns of the output
    uint16_t maps;
    uint16_t kernel[2];
    uint16_t groups;
    uint16_t gain;
    uint8_t stride[2];
    uint8_t dilation[2];
    uint8_t before[2]; // rows and columns of nothing before the input
    uint8_t shift;
    uint8_t refractory;
    uint8_t code_bits; // of the codes that come in
    uint8_t bits;      // of those that go out
} stage_record_t;
STATIC_ASSERT(stage_record, sizeof(stage_record_t) == 32);

typedef struct coded_map {
    int32_t bias;
    uint32_t shift;
} coded_map_t;
STATIC_ASSERT(coded_map, sizeof(coded_map_t) == 8);

typedef struct spiking_neuron {
    int32_t bias;
    int32_t threshold;
    int32_t reset_by;
    uint16_t decay;
    uint16_t synapse_decay;
} spiking_neuron_t;
STATIC_ASSERT(spiking_neuron, sizeof(spiking_neuron_t) == 16);

enum { Y = 0, X = 1, MAX_FAN_IN = 32767 };
#define MAX_SUM ((uint32_t)1 << 30) // of what may reach a unit at once

// A stage at work. Offsets are 0 where there is nothing.
typedef struct stage {
    stage_record_t r;
    uint32_t parameters; // in the image
    uint32_t weights;    // in the image: int8
    uint32_t units;
    uint32_t pixel_step;   // between the inputs of neighbouring pixels ...
    uint32_t channel_step; // ... and of neighbouring channels
    uint32_t codes;        // uint8[units] that come out of a coded stage
    uint32_t potentials;   // int32
    uint32_t currents;     // int32: synaptic
    uint32_t refractory;   // uint8: steps left
    uint32_t counts;       // uint8 or uint16: spikes in this presentation, if this is the output
} stage_t;
STATIC_ASSERT(stage, sizeof(stage_t) == 72);
#define STAGE(core, index) (AT(stage_t, core, (core)->stage_table) + (index))

// What is known of a chain of stages while it is checked, stage by stage.
typedef struct chain {
    uint32_t size;              // of the section that is being checked
    const stage_record_t *last; // the stage before; at the start, one that is all zero
    uint32_t units;             // that come out of it
    uint32_t most;              // how large a number may come over one of them in a step
    const network_t *net;
    bool is_counted; // most is a number of spikes, which not every rule can learn from
} chain_t;

// A family of stages: those before the encoder (coded.c), or those after (spiking.c).
typedef struct family {
    // Check a stage, which has the size of a record at least, against those before it, and note in
    // `chain` what it gives. `r` lies in the image, its arrays behind it. NACA_ERR_NETWORK,
    // NACA_ERR_SECTION.
    naca_status_t (*check)(chain_t *chain, const stage_record_t *r);
    // Once a presentation, after the codes are there: they pass the stages before the encoder, and
    // those after it come to rest.
    void (*present)(naca_t *core, naca_result_t *result);
    // Once a step, after the encoder: from core->spikes to core->arrived. Null for coded stages.
    // `recording` may be null. Adds to the result's spikes and synops.
    void (*step)(naca_t *core, uint32_t index, const naca_recording_t *recording,
                 naca_result_t *result);
} family_t;
extern const family_t naca_coded_family;
extern const family_t naca_spiking_family;

typedef struct inhibition_code inhibition_code_t; // inhibition.h

// What the core reaches stages through. The functions, those of stages.c, serve all families, of
// which those that the program does not want are null. Called by naca_image_open_with, naca_plan,
// present() and, at each step, step_all().
struct naca_stages {
    naca_status_t (*check)(const naca_stages_t *stages, check_t *check);
    void (*plan)(naca_t *core, bool is_real, uint32_t *end);
    naca_status_t (*present)(naca_t *core, const naca_sample_t *sample, naca_result_t *result);
    void (*step)(naca_t *core, uint32_t index, const naca_recording_t *recording,
                 naca_result_t *result);
    const family_t *coded;
    const family_t *spiking;
    const inhibition_code_t *inhibition;
};

// ---- stages.c -----------------------------------------------------------------------------------

// Check all stages of the image, and that encoder and populations fit the last: the sizes and
// products that the functions below rely on. NACA_ERR_SECTION, NACA_ERR_NETWORK, NACA_ERR_STAGES.
naca_status_t naca_check_stages(const naca_stages_t *stages, check_t *check);
// As naca_plan, for what stages need, from *end on.
void naca_plan_stages(naca_t *core, bool is_real, uint32_t *end);
// NACA_ERR_SAMPLE for events where codes are needed; otherwise each family's `present`.
naca_status_t naca_present_stages(naca_t *core, const naca_sample_t *sample, naca_result_t *result);
void naca_step_stages(naca_t *core, uint32_t index, const naca_recording_t *recording,
                      naca_result_t *result);
#define STAGES(coded, spiking, inhibition) \
    {naca_check_stages, naca_plan_stages, naca_present_stages, naca_step_stages, coded, \
     spiking,           inhibition}

// Whether kernel, strides, sizes and groups fit each other and what the chain gives; for checks.
// The record may hold anything.
bool naca_window_fits(const chain_t *chain, const stage_record_t *r, bool has_weights);
// Weights of a stage, once the window fits.
uint32_t naca_weight_count(const stage_record_t *r);
// Windows that one place of the input lies in, at most.
uint32_t naca_overlap(const stage_record_t *r);
// a / b, rounded up; b is not 0, and a + b does not overflow.
uint32_t naca_ceil_div(uint32_t a, uint32_t b);
// sums[k] += factor * row[k] for `count` maps: an input's weights to the maps that hear it.
void naca_add_row(int32_t *restrict sums, const int8_t *restrict row, uint32_t count,
                  int32_t factor);

#endif
