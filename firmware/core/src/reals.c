#include "internal.h"

// Section 3, step 0: from real numbers to integers. A real number is its 32 bits here, IEEE 754
// binary32, so that no compiler's arithmetic of real numbers takes part.

enum {
    SIGNIFICAND = 24, // bits, the one that is not written included
    BIAS = 127 + SIGNIFICAND - 1,
    NOT_FINITE = 255 // exponent of infinities and of what is no number
};

static uint32_t exponent_of(uint32_t bits)
{
    return (bits >> (SIGNIFICAND - 1)) & 255u;
}

int naca_are_finite(const void *reals, uint32_t count)
{
    const uint8_t *at = reals;
    for (; count != 0; count--, at += sizeof(uint32_t)) {
        uint32_t bits;
        memcpy(&bits, at, sizeof bits);
        if (exponent_of(bits) == NOT_FINITE) {
            return 0;
        }
    }
    return 1;
}

naca_maps_t naca_maps_at(const void *data, uint32_t count)
{
    const int32_t *addends = data;
    const int16_t *factors = (const int16_t *)(const void *)(addends + count);
    const naca_maps_t maps = {addends, factors, (const int8_t *)(factors + count)};
    return maps;
}

// (high + low / 256) * 2^shift, low below 256: a half rounded to even, UINT32_MAX for more.
static uint32_t scaled(uint32_t high, uint32_t low, int32_t shift)
{
    if ((high | low) == 0 || shift < -31) { // high is below 2^31 where shift is so small
        return 0;
    }
    for (; shift > 0; shift--) {
        if (high >> 31 != 0) {
            return UINT32_MAX;
        }
        high = high << 1 | low >> 7;
        low = low << 1 & 255u;
    }
    uint32_t whole = high >> (shift < 0 ? -shift : 0);
    uint32_t rest = low << 24; // 2^32 of it make one
    if (shift < 0) {
        rest = high << (32 + shift);
    } else {
        low = 0;
    }
    const uint32_t half = (uint32_t)1 << 31;
    const bool is_more = rest > half || (rest == half && (low | (whole & 1u)) != 0);
    whole += is_more && whole != UINT32_MAX ? 1u : 0;
    return whole;
}

// a + x, or a - x, within INT32_MAX of 0.
static int32_t limited_sum(int32_t a, uint32_t x, bool is_minus)
{
    const uint32_t most = INT32_MAX;
    if (is_minus) {
        const bool fits = a >= -INT32_MAX && x <= (uint32_t)a + most;
        return fits ? (int32_t)((uint32_t)a - x) : -INT32_MAX;
    }
    if (x > most - (uint32_t)a) {
        return INT32_MAX;
    }
    const int32_t sum = (int32_t)((uint32_t)a + x);
    return sum < -INT32_MAX ? -INT32_MAX : sum;
}

// What a map makes of a number of 24 bits times 2^exponent.
static int32_t mapped(const naca_maps_t *maps, uint32_t map, uint32_t significand, int32_t exponent,
                      bool is_negative)
{
    const int32_t factor = maps->factors[map];
    const uint32_t size = (uint32_t)(factor < 0 ? -factor : factor);
    const uint32_t low = (significand & 255u) * size;
    const uint32_t high = (significand >> 8) * size + (low >> 8);
    const uint32_t x = scaled(high, low & 255u, exponent + 8 + maps->exponents[map]);
    return limited_sum(maps->addends[map], x, is_negative != (factor < 0));
}

int32_t naca_map_real(const naca_maps_t *maps, uint32_t map, const void *real)
{
    uint32_t bits;
    memcpy(&bits, real, sizeof bits);
    const uint32_t exponent = exponent_of(bits);
    const uint32_t hidden = (uint32_t)1 << (SIGNIFICAND - 1);
    // What has no hidden bit is too small to count: 0.
    const uint32_t significand = exponent != 0 ? (bits & (hidden - 1u)) | hidden : 0;
    return mapped(maps, map, significand, (int32_t)exponent - BIAS, bits >> 31 != 0);
}

int32_t naca_map_integer(const naca_maps_t *maps, uint32_t map, int32_t x)
{
    const uint32_t size = x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
    const uint32_t bits = naca_bit_length(size);
    const int32_t down = bits > SIGNIFICAND ? (int32_t)bits - SIGNIFICAND : 0;
    // The nearest number that has a binary32.
    return mapped(maps, map, scaled(size, 0, -down), down, x < 0);
}
