#include "internal.h"

// Section 3, step 0: from real numbers to integers. A real number is its 32 bits here, IEEE 754
// binary32, so that no compiler's arithmetic of real numbers takes part.

enum {
    SIGNIFICAND = 24, // bits, the one that is not written included
    BIAS = 127 + SIGNIFICAND - 1,
    NOT_FINITE = 255, // exponent of infinities and of what is no number
    PRODUCT = 48      // bits of the largest significand by the largest factor
};

static uint32_t bits_of(const void *reals, uint32_t at)
{
    uint32_t bits;
    memcpy(&bits, (const uint8_t *)reals + 4u * (size_t)at, sizeof bits);
    return bits;
}

static uint32_t exponent_of(uint32_t bits)
{
    return (bits >> (SIGNIFICAND - 1)) & 255u;
}

bool naca_are_finite(const void *reals, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (exponent_of(bits_of(reals, i)) == NOT_FINITE) {
            return false;
        }
    }
    return true;
}

// x * 2^shift, x below 2^PRODUCT: a half rounded to even, and what is above 2^34 left there.
static int64_t scaled(uint64_t x, int32_t shift)
{
    const uint64_t most = (uint64_t)1 << 34;
    if (shift < -PRODUCT) {
        return 0; // below a half
    }
    if (shift < 0) {
        const uint32_t down = (uint32_t)-shift;
        const uint64_t half = (uint64_t)1 << (down - 1u);
        x = (x + half - 1u + ((x >> down) & 1u)) >> down;
    } else if (x != 0) {
        x = shift >= 34 || x >> (34 - shift) != 0 ? most : x << shift;
    }
    return (int64_t)(x < most ? x : most);
}

// What the map at that place makes of a number of 24 bits times 2^exponent.
static int32_t mapped(const naca_t *core, uint32_t significand, int32_t exponent, bool is_negative,
                      uint32_t at)
{
    const preparation_t *prep = &core->prep;
    const uint32_t maps = naca_map_count(prep);
    const uint32_t map = maps > 1u ? at : 0;
    const uint32_t arrays = core->prep_arrays + 4u * naca_gain_count(prep);
    const int32_t *addends = IN_IMAGE(int32_t, core, arrays);
    const int32_t *factors = IN_IMAGE(int32_t, core, arrays + 4u * maps);
    const int8_t *exponents = IN_IMAGE(int8_t, core, arrays + 8u * maps);
    const int32_t factor = factors[map];
    const uint32_t size = factor < 0 ? 0u - (uint32_t)factor : (uint32_t)factor;
    const int64_t x = scaled((uint64_t)significand * size, exponent + exponents[map]);
    const int64_t sum = (is_negative != (factor < 0) ? -x : x) + addends[map];
    return (int32_t)(sum < -INT32_MAX ? -INT32_MAX : sum > INT32_MAX ? INT32_MAX : sum);
}

int32_t naca_from_real(const naca_t *core, const void *reals, uint32_t at)
{
    const uint32_t bits = bits_of(reals, at);
    const uint32_t exponent = exponent_of(bits);
    const uint32_t hidden = (uint32_t)1 << (SIGNIFICAND - 1);
    // What has no hidden bit is too small to count: 0.
    const uint32_t significand = exponent != 0 ? (bits & (hidden - 1u)) | hidden : 0;
    return mapped(core, significand, (int32_t)exponent - BIAS, bits >> 31 != 0, at);
}

int32_t naca_from_integer(const naca_t *core, int32_t x, uint32_t at)
{
    const uint32_t size = x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
    const uint32_t bits = naca_bit_length(size);
    const int32_t down = bits > SIGNIFICAND ? (int32_t)bits - SIGNIFICAND : 0;
    // The nearest number that has a binary32.
    return mapped(core, (uint32_t)scaled(size, -down), down, x < 0, at);
}
