// The decorrelating inhibitory population between preparation and encoder: what the core knows of
// it. As with frozen stages, the core reaches it only through a table of functions that the program
// handed over. What internal.h says of guarantees holds here too.

#ifndef NACA_INHIBITION_H
#define NACA_INHIBITION_H

#include "stages.h"

enum { INHIBITION_LEARNED = 1 };
#define LARGEST_CENTRE ((int32_t)1 << 26) // what is read of a state
enum {
    ABOVE = 11,               // bits of a prototype's magnitude
    LARGEST_PROTOTYPE = 2047, // which stands for a code in x with `fraction` fractional bits
    GREATEST_REACH_SHIFT = 24
};

// Section INHB starts with this. Of a given one, uint8[outputs] shifts of rows follow, filled up to
// a multiple of 4, then int32[outputs] what is taken off their sums, then V, int8, row after row:
// of as many outputs as inputs its lower triangle, else int8[rank][inputs].
typedef struct inhibition {
    uint8_t flags;
    uint8_t code_bits;
    uint16_t inputs;
    uint8_t shift;
    uint8_t reach;
    uint16_t noise;
    uint16_t first;
    uint16_t every;
    uint16_t start;
    uint16_t rank; // of a given one: outputs; 0 for as many as inputs
} inhibition_t;
STATIC_ASSERT(inhibition, sizeof(inhibition_t) == 16);

// What is learned begins with this. Any bytes are a valid state, so what is read from it is limited
// where it is read.
typedef struct decorrelation {
    uint16_t count;
    uint8_t factor_shift;
    uint8_t shift;
    uint32_t mean;
} decorrelation_t;
STATIC_ASSERT(decorrelation, sizeof(decorrelation_t) == 8);

// The population at work. Offsets are 0 where there is nothing.
typedef struct inhibiting {
    inhibition_t r;
    uint32_t row_shifts; // in the image, uint8, of a given one
    uint32_t weights;    // in the image, int8, of a given one
    uint32_t learned;    // in the workspace: decorrelation_t, then ...
    uint32_t factor;     // int16: V as it is being learned
    uint32_t in_use;     // int8: V as it is in use
    uint32_t shifts;     // uint8: of its rows
    uint32_t centre;     // int32: what its rows make of the prototypes' mean
    uint32_t prototypes; // int16[neurons][inputs]
    uint32_t residual;   // int16[inputs], scratch
    uint32_t output;     // int16[inputs], scratch
    uint32_t before;     // int32[inputs], scratch
} inhibiting_t;
STATIC_ASSERT(inhibiting, sizeof(inhibiting_t) == 60);
#define INHIBITING(core) AT(inhibiting_t, core, (core)->inhibition)

struct inhibition_code {
    // Check the section, which is there, and that the first population fits it. NACA_ERR_NETWORK,
    // NACA_ERR_SECTION.
    naca_status_t (*check)(const check_t *check, const population_t *first);
    // As naca_plan, for what does not belong to the learned state, from *end on ...
    void (*plan)(naca_t *core, bool is_real, uint32_t *end);
    // ... and for what does.
    void (*plan_state)(naca_t *core, bool is_real, uint32_t *end);
    // Once a presentation, after the codes are there: from core->codes to core->encoder_codes.
    void (*present)(naca_t *core, naca_result_t *result);
    // Learn the residual of the label's winner, before weights move. `first` is the first
    // population, which has competed.
    void (*learn)(naca_t *core, const layer_t *first);
    // Move the prototype of a neuron of the first population as its weights are about to.
    void (*attract)(naca_t *core, uint32_t neuron, int32_t gain);
    // After a sample was learned: take what was learned into use, when it is due.
    void (*renew)(naca_t *core);
};
extern const inhibition_code_t naca_inhibition_code;

static inline uint32_t naca_triangle(uint32_t rows)
{
    return rows * (rows + 1u) / 2u;
}

// A sum, below 2^29 in magnitude, divided by 2^shift, halves up, or multiplied where `shift` is
// negative, within plus and minus `largest`. Whatever `shift` is: 30 and more leave nothing.
static inline int32_t naca_scaled(int32_t sum, int32_t shift, int32_t largest)
{
    if (shift >= 0) {
        const uint32_t down = shift < 30 ? (uint32_t)shift : 30u;
        const int32_t half = (int32_t)((uint32_t)1 << down >> 1);
        return clamp(shift_down(sum + half, down), -largest, largest);
    }
    return clamp(clamp(sum, -128, 128) * ((int32_t)1 << (shift < -7 ? 7 : -shift)), -largest,
                 largest);
}

// A prototype, whatever the state holds.
static inline int32_t naca_prototype(const int16_t *prototypes, uint32_t at)
{
    return clamp(prototypes[at], -LARGEST_PROTOTYPE, LARGEST_PROTOTYPE);
}

// ---- inhibition_learning.c ----------------------------------------------------------------------

void naca_learn_inhibition(naca_t *core, const layer_t *first);
void naca_attract_prototype(naca_t *core, uint32_t neuron, int32_t gain);
void naca_renew_inhibition(naca_t *core);

#endif
