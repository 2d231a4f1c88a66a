#include "internal.h"

// Section 7.9: how little a sample looks like any known class.

enum { UNIT_BITS = 12, BITS = 17, LARGEST = 65535, LARGEST_HALF = 0x3fffffff };

// Half the squared distance to the nearest neuron of a class that is known.
static uint32_t distance_of(const layer_t *layer, int32_t half, int32_t best)
{
    return (uint32_t)clamp(half - best - layer->p.threshold, 0, LARGEST_HALF);
}

// By how many bits numbers have to be shortened, so that there is room for the unit.
static uint32_t coarseness(const naca_t *core, const layer_t *layer, int32_t half)
{
    const int32_t *best = AT_CONST(int32_t, core, layer->at[CLASSES]);
    uint32_t largest = (uint32_t)half;
    for (uint32_t c = 0; c < core->net.capacity; c++) {
        const uint32_t away = best[c] != INT32_MIN ? distance_of(layer, half, best[c]) : 0;
        largest = away > largest ? away : largest;
    }
    const uint32_t bits = naca_bit_length(largest);
    return bits > BITS ? bits - BITS : 0;
}

uint32_t naca_novelty(const naca_t *core, const layer_t *layer, int32_t half)
{
    const int32_t *best = AT_CONST(int32_t, core, layer->at[CLASSES]);
    const uint32_t coarse = coarseness(core, layer, half);
    uint32_t nearest = LARGEST_HALF;
    uint32_t known = 0;
    uint32_t sum = 0;
    for (uint32_t c = 0; c < core->net.capacity; c++) {
        if (best[c] != INT32_MIN) {
            const uint32_t away = distance_of(layer, half, best[c]) >> coarse;
            nearest = away < nearest ? away : nearest;
            sum += away;
            known++;
        }
    }
    if (known == 0) {
        return LARGEST;
    }
    const uint32_t mean = known > 1u ? (sum - nearest) / (known - 1u) : 0;
    const uint32_t far = mean + ((uint32_t)half >> coarse);
    const uint32_t novelty = (nearest << UNIT_BITS) / (far != 0 ? far : 1u);
    return novelty < LARGEST ? novelty : LARGEST;
}
