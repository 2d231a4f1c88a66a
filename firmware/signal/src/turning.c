#include "signal_internal.h"

// The kernel of the Fourier transform (section 11.4), plain or with the instructions of processors
// that work on two numbers of 16 bits at once: both give the same bits.

#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && !defined(NACA_PLAIN)

#include <arm_acle.h>

typedef uint32_t pair_t; // two numbers of 16 bits, the real part in the lower half

static inline pair_t load(const int16_t *at)
{
    pair_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

static inline pair_t pair_of(int32_t re, int32_t im)
{
    return (uint16_t)re | (uint32_t)im << 16;
}

static inline pair_t quarter_of(pair_t x)
{
    return pair_of((int32_t)(x >> 16), -(int32_t)(x & 0xffffu));
}

static inline pair_t turned(pair_t w, pair_t x)
{
    const uint32_t re = (uint32_t)__smlsd((int16x2_t)w, (int16x2_t)x, 1 << 14);
    const uint32_t im = (uint32_t)__smladx((int16x2_t)w, (int16x2_t)x, 1 << 14);
    return (re >> 15 & 0xffffu) | (im << 1 & 0xffff0000u);
}

// Floors of halves, and one more where the sum is odd: rounded up.
static inline void halve(int16_t *a, int16_t *b, pair_t t)
{
    const int16x2_t x = (int16x2_t)load(a);
    const int16x2_t odd = (int16x2_t)(((pair_t)x ^ t) & 0x00010001u);
    const pair_t sum = (pair_t)__sadd16(__shadd16(x, (int16x2_t)t), odd);
    const pair_t difference = (pair_t)__sadd16(__shsub16(x, (int16x2_t)t), odd);
    memcpy(a, &sum, sizeof sum);
    memcpy(b, &difference, sizeof difference);
}

#else

typedef struct pair {
    int32_t re;
    int32_t im;
} pair_t;

static inline pair_t pair_of(int32_t re, int32_t im)
{
    const pair_t x = {re, im};
    return x;
}

static inline pair_t load(const int16_t *at)
{
    return pair_of(at[0], at[1]);
}

static inline pair_t quarter_of(pair_t x)
{
    return pair_of(x.im, -x.re);
}

static inline pair_t turned(pair_t w, pair_t x)
{
    return pair_of(shift_down(w.re * x.re - w.im * x.im + (1 << 14), 15),
                   shift_down(w.re * x.im + w.im * x.re + (1 << 14), 15));
}

static inline void halve(int16_t *a, int16_t *b, pair_t t)
{
    const int32_t re = a[0] + 1;
    const int32_t im = a[1] + 1;
    a[0] = (int16_t)shift_down(re + t.re, 1);
    a[1] = (int16_t)shift_down(im + t.im, 1);
    b[0] = (int16_t)shift_down(re - t.re, 1);
    b[1] = (int16_t)shift_down(im - t.im, 1);
}

#endif

void naca_turn(int16_t *z, uint32_t count, uint32_t half)
{
    const uint32_t step = NACA_HALF_TURN / half;
    const uint32_t away = 2u * half; // numbers between the two of a pair
    for (int16_t *a = z; a < z + 2u * count; a += 2u * away) {
        // No rotation and that by a quarter of a turn are exact.
        halve(a, a + away, load(a + away));
        if (half == 1u) {
            continue;
        }
        halve(a + half, a + half + away, quarter_of(load(a + half + away)));
        const int16_t *cosine = naca_cosines;
        const int16_t *sine = naca_cosines + NACA_HALF_TURN / 2;
        for (int16_t *one = a + 2; one < a + half; one += 2) {
            int16_t *other = one + half; // a quarter of a turn further
            cosine += step;
            sine -= step;
            halve(one, one + away, turned(pair_of(*cosine, -*sine), load(one + away)));
            halve(other, other + away, turned(pair_of(-*sine, -*cosine), load(other + away)));
        }
    }
}

void naca_reverse(int16_t *z, uint32_t lg)
{
    uint32_t j = 0;
    for (uint32_t i = 0; i < (uint32_t)1 << lg; i++) {
        if (i < j) {
            uint32_t x;
            uint32_t y;
            memcpy(&x, z + 2u * i, sizeof x);
            memcpy(&y, z + 2u * j, sizeof y);
            memcpy(z + 2u * i, &y, sizeof y);
            memcpy(z + 2u * j, &x, sizeof x);
        }
        uint32_t bit = (uint32_t)1 << lg >> 1;
        while ((j & bit) != 0) {
            j ^= bit;
            bit >>= 1;
        }
        j |= bit;
    }
}
