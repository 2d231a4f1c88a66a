#include "naca/arithmetic.h"

// Logarithms and roots of integers: section 3.

#if defined(__ARM_FEATURE_CLZ) && defined(__GNUC__)

uint32_t naca_bit_length(uint32_t x)
{
    return x != 0 ? 32u - (uint32_t)__builtin_clz(x) : 0;
}

#else

uint32_t naca_bit_length(uint32_t x)
{
    uint32_t bits = 0;
    for (uint32_t step = 16; step != 0; step >>= 1) {
        if (x >> step != 0) {
            x >>= step;
            bits += step;
        }
    }
    return bits + x; // which is 1, or was 0
}

#endif

int32_t naca_signed_log(int32_t x)
{
    const uint32_t n = (x < 0 ? 0u - (uint32_t)x : (uint32_t)x) + 1u;
    const uint32_t exponent = naca_bit_length(n) - 1u;
    const uint32_t fraction = (exponent >= 8u ? n >> (exponent - 8u) : n << (8u - exponent)) & 255u;
    const int32_t result = (int32_t)(exponent << 8 | fraction);
    return x < 0 ? -result : result;
}

uint32_t naca_square_root(uint32_t x)
{
    uint32_t root = 0;
    for (uint32_t bit = 1u << 15; bit != 0; bit >>= 1) {
        const uint32_t trial = root | bit;
        if (trial * trial <= x) {
            root = trial;
        }
    }
    return root;
}
