#include "internal.h"

// The hot loop: event-driven, so its work is that of the spikes. 16-bit partial sums, which vector
// units like, hold CHUNK weights of -128 .. 127 without overflow. This is the reference in plain C
// that a kernel for one processor has to equal.

enum { CHUNK = 255 };

static void add_bytes(const int8_t *row, uint32_t width, int16_t *partial)
{
    if (width == BLOCK) { // a constant bound, so that compilers unroll it into vectors
        for (uint32_t k = 0; k < BLOCK; k++) {
            partial[k] = (int16_t)(partial[k] + row[k]);
        }
    } else {
        for (uint32_t k = 0; k < width; k++) {
            partial[k] = (int16_t)(partial[k] + row[k]);
        }
    }
}

static void add_halves(const uint8_t *row, uint32_t width, int16_t *partial)
{
    for (uint32_t k = 0; k < width; k += 2u) {
        const uint32_t pair = row[k / 2u];
        partial[k] = (int16_t)(partial[k] + (int16_t)(pair & 15u));
        partial[k + 1u] = (int16_t)(partial[k + 1u] + (int16_t)(pair >> 4));
    }
}

void naca_accumulate(const layer_t *layer, const uint8_t *weights, uint32_t block,
                const uint16_t *inputs, uint32_t count, int32_t sums[BLOCK])
{
    const uint32_t width = naca_weight_step(layer, block * BLOCK);
    const uint32_t first = naca_weight_index(layer, block * BLOCK, 0);
    const int32_t zero = (int32_t)(layer->p.zero_point * count);
    for (uint32_t k = 0; k < BLOCK; k++) {
        sums[k] = -zero;
    }
    while (count > 0) {
        const uint32_t chunk = count < CHUNK ? count : CHUNK;
        int16_t partial[BLOCK] = {0};
        if (layer->p.weight_bits == 4) {
            for (uint32_t s = 0; s < chunk; s++) {
                add_halves(weights + (first + inputs[s] * width) / 2u, width, partial);
            }
        } else {
            for (uint32_t s = 0; s < chunk; s++) {
                add_bytes((const int8_t *)weights + first + inputs[s] * width, width, partial);
            }
        }
        for (uint32_t k = 0; k < BLOCK; k++) {
            sums[k] += partial[k];
        }
        inputs += chunk;
        count -= chunk;
    }
}
