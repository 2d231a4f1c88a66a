#include "internal.h"

// The hot loop: event-driven, so its work is that of the spikes. 16-bit partial sums, which vector
// units like, hold CHUNK weights of -128 .. 127 without overflow. This is the reference in plain C
// that a kernel for one processor has to equal.

enum { CHUNK = 255 };

static void add_bytes(const int8_t *restrict first, uint32_t width, const uint16_t *restrict inputs,
                      uint32_t count, int16_t *restrict partial)
{
    if (width != BLOCK) {
        for (uint32_t s = 0; s < count; s++) {
            for (uint32_t k = 0; k < width; k++) {
                partial[k] = (int16_t)(partial[k] + first[inputs[s] * width + k]);
            }
        }
        return;
    }
    // The same with a constant bound and sums of its own, which then stay in registers.
    int16_t sums[BLOCK] = {0};
    for (uint32_t s = 0; s < count; s++) {
        const int8_t *row = first + inputs[s] * (uint32_t)BLOCK;
        for (uint32_t k = 0; k < BLOCK; k++) {
            sums[k] = (int16_t)(sums[k] + row[k]);
        }
    }
    memcpy(partial, sums, sizeof sums);
}

static void add_halves(const uint8_t *restrict first, uint32_t width,
                       const uint16_t *restrict inputs, uint32_t count, int16_t *restrict partial)
{
    const uint32_t bytes = width / 2u;
    for (uint32_t s = 0; s < count; s++) {
        const uint8_t *row = first + inputs[s] * bytes;
        for (uint32_t k = 0; k < bytes; k++) {
            partial[2u * k] = (int16_t)(partial[2u * k] + (row[k] & 15));
            partial[2u * k + 1u] = (int16_t)(partial[2u * k + 1u] + (row[k] >> 4));
        }
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
            add_halves(weights + first / 2u, width, inputs, chunk, partial);
        } else {
            add_bytes((const int8_t *)weights + first, width, inputs, chunk, partial);
        }
        for (uint32_t k = 0; k < BLOCK; k++) {
            sums[k] += partial[k];
        }
        inputs += chunk;
        count -= chunk;
    }
}
