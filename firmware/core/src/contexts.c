#include "internal.h"

// Section 7.8: a second context. When what winners leave unexplained no longer averages out, all
// samples have moved alike: an offset is taken off them, instead of dragging weights along.

enum { FRACTION_BITS = 7, MEAN_SHIFT = 6, COARSE_SHIFT = 6, SQUARE_SHIFT = 5, MATURE = 32 };
enum { LARGEST_OFFSET = 127 };

int32_t naca_context_shift(const naca_t *core, const layer_t *layer, uint32_t neuron)
{
    const int32_t product = AT_CONST(int32_t, core, layer->at[PRODUCTS])[neuron];
    return shift_down(product, (uint32_t)layer->p.trace_shift) - layer->nearness;
}

int32_t naca_target(const naca_t *core, const layer_t *layer, uint32_t input)
{
    const population_t *p = &layer->p;
    const int32_t trace = naca_trace(core, layer, input);
    int32_t target = p->trace_shift >= 0 ? trace * ((int32_t)1 << p->trace_shift)
                                         : shift_down(trace, (uint32_t)-p->trace_shift);
    if (layer->learns_in != 0) {
        target -= LEARNED_CONST(int8_t, core, layer->at[OFFSET])[input];
    }
    return clamp(target, p->weight_min, p->weight_max);
}

void naca_measure_context(const naca_t *core, layer_t *layer)
{
    const int8_t *offset = LEARNED_CONST(int8_t, core, layer->at[OFFSET]);
    int32_t product = 0;
    int32_t square = 0;
    for (uint32_t i = 0; i < layer->rows; i++) {
        product += naca_trace(core, layer, i) * offset[i];
        square += offset[i] * offset[i];
    }
    layer->nearness = product - shift_down(square, 1u + (uint32_t)layer->p.trace_shift);
}

void naca_find_context(naca_t *core, layer_t *layer)
{
    const int8_t *offset = LEARNED_CONST(int8_t, core, layer->at[OFFSET]);
    const uint8_t *weights = LEARNED_CONST(uint8_t, core, layer->at[WEIGHTS]);
    int32_t *products = AT(int32_t, core, layer->at[PRODUCTS]);
    layer->has_context = 0;
    for (uint32_t i = 0; i < layer->rows; i++) {
        layer->has_context |= offset[i] != 0 ? 1u : 0u;
    }
    for (uint32_t j = 0; layer->has_context != 0 && j < layer->p.neurons; j++) {
        const uint32_t first = naca_weight_index(layer, j, 0);
        const uint32_t width = naca_weight_step(layer, j);
        int32_t product = 0;
        naca_tick(core);
        for (uint32_t i = 0; i < layer->rows; i++) {
            product += naca_weight_get(layer, weights, first + i * width) * offset[i];
        }
        products[j] = product;
    }
}

void naca_note_residual(naca_t *core, layer_t *layer)
{
    const uint8_t *weights = LEARNED_CONST(uint8_t, core, layer->at[WEIGHTS]);
    const uint32_t first = naca_weight_index(layer, (uint32_t)layer->winner, 0);
    const uint32_t width = naca_weight_step(layer, (uint32_t)layer->winner);
    int16_t *means = LEARNED(int16_t, core, layer->at[RESIDUALS]) + layer->learns_in * layer->rows;
    uint32_t square = 0;
    for (uint32_t i = 0; i < layer->rows; i++) {
        const int32_t weight = naca_weight_get(layer, weights, first + i * width);
        const int32_t residual = naca_target(core, layer, i) - weight;
        const int32_t away = residual * (1 << FRACTION_BITS) - means[i];
        means[i] = (int16_t)(means[i] + shift_down(away + (1 << (MEAN_SHIFT - 1)), MEAN_SHIFT));
        const int32_t coarse = shift_down(means[i], COARSE_SHIFT);
        square += (uint32_t)(coarse * coarse);
    }
    layer->residual_square = square;
}

bool naca_is_mature(const naca_t *core, const layer_t *layer, uint32_t label)
{
    return layer->measured != NOTHING && LEARNED_CONST(uint32_t, core, 0)[1u + label] >= MATURE;
}

// Whether x > y * 2^shift, which need not fit 32 bits.
static bool is_above(uint32_t x, uint32_t y, int32_t shift)
{
    if (shift <= 0) {
        return x > y >> -shift;
    }
    return x != 0 && (x - 1u) >> shift >= y;
}

void naca_settle_context(naca_t *core, layer_t *layer)
{
    const uint32_t mean = LEARNED_CONST(uint32_t, core, layer->at[MEANS])[DISTANCE];
    const uint32_t limit = (mean < LARGEST_MEAN ? mean : LARGEST_MEAN) * layer->p.drift;
    if (!is_above(layer->residual_square, limit, layer->p.trace_shift - SQUARE_SHIFT)) {
        return;
    }
    int16_t *means = LEARNED(int16_t, core, layer->at[RESIDUALS]) + layer->learns_in * layer->rows;
    int8_t *offset = LEARNED(int8_t, core, layer->at[OFFSET]);
    const bool moves = layer->learns_in != 0 || layer->has_context == 0;
    for (uint32_t i = 0; i < layer->rows; i++) {
        const int32_t by = shift_down(means[i] + (1 << (FRACTION_BITS - 1)), FRACTION_BITS);
        if (moves) {
            offset[i] = (int8_t)clamp(offset[i] + by, -LARGEST_OFFSET, LARGEST_OFFSET);
        }
        means[i] = 0;
    }
    if (moves) {
        naca_find_context(core, layer);
    }
}
