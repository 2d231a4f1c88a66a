#include "signal_internal.h"

// A frame of a spectrum before its transform: section 11.4.

// The number after j, where bits are reversed and `bit` is the one that counts least.
static uint32_t next_reversed(uint32_t j, uint32_t bit)
{
    while ((j & bit) != 0) {
        j ^= bit;
        bit >>= 1;
    }
    return j | bit;
}

void naca_fill(channel_t frame, uint32_t lg, const levelling_t *levelling, int16_t *z)
{
    const uint32_t factor = levelling->factor;
    const uint32_t offset = levelling->offset;
    const uint32_t down = levelling->down;
    const uint32_t quarter = (uint32_t)1 << (lg - 2u);
    const int16_t *at = frame.at;
    const int16_t *cosine = naca_cosines;
    int32_t walk = 2 * NACA_HALF_TURN >> lg;
    int32_t sign = -1;
    uint32_t pair = 0;
    for (uint32_t q = 0; q < 4u; q++) {
        do { // pairs of a quarter, whose places end with the same two bits
            int16_t *const to = z + 2u * pair;
            for (uint32_t part = 0; part < 2u; part++) {
                const int32_t x = (int32_t)((uint32_t)*at * factor + offset);
                const int32_t hann = (32768 + sign * *cosine) >> 1;
                to[part] = (int16_t)shift_down(shift_down(x, down) * hann + (1 << 14), 15);
                at += frame.stride;
                cosine += walk;
            }
            pair = next_reversed(pair, quarter);
        } while (pair >= 4u);
        // The cosine falls from 1 to 0, to -1, and comes back.
        walk = -walk;
        sign = q == 1u ? sign : -sign;
    }
}
