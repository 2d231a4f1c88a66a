#include "internal.h"

// Weights lie block by block: [block of 16 neurons][input][neuron in block]. The last block is as
// narrow as its neurons, rounded up to 4, so that no memory is lost. Two 4-bit weights share a
// byte, the even neuron's in the low half.

uint32_t naca_weight_bytes(const layer_t *layer)
{
    const uint32_t weights = layer->rows * layer->padded;
    const uint32_t bytes = layer->p.weight_bits == 4 ? weights / 2u : weights;
    return (bytes + 3u) & ~3u;
}

uint32_t naca_weight_step(const layer_t *layer, uint32_t neuron)
{
    const uint32_t left = layer->padded - neuron / BLOCK * BLOCK;
    return left < BLOCK ? left : BLOCK;
}

uint32_t naca_weight_index(const layer_t *layer, uint32_t neuron, uint32_t input)
{
    const uint32_t first = neuron / BLOCK * BLOCK;
    return first * layer->rows + input * naca_weight_step(layer, neuron) + (neuron - first);
}

int32_t naca_weight_get(const layer_t *layer, const uint8_t *weights, uint32_t index)
{
    if (layer->p.weight_bits == 4) {
        const uint32_t pair = weights[index / 2u];
        return (int32_t)(index & 1u ? pair >> 4 : pair & 15u) - layer->p.zero_point;
    }
    return (int8_t)weights[index];
}

void naca_weight_set(const layer_t *layer, uint8_t *weights, uint32_t index, int32_t weight)
{
    if (layer->p.weight_bits == 4) {
        const uint32_t half = (uint32_t)(weight + layer->p.zero_point);
        const uint32_t pair = weights[index / 2u];
        weights[index / 2u] =
            (uint8_t)(index & 1u ? (pair & 15u) | half << 4 : (pair & 0xF0u) | half);
    } else {
        weights[index] = (uint8_t)weight;
    }
}
