// Arithmetic on two numbers of 16 bits: plain, or with the instructions of processors that work on
// both at once. Both give the same bits.

#ifndef NACA_SIGNAL_PAIRS_H
#define NACA_SIGNAL_PAIRS_H

#include "signal_internal.h"

#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && !defined(NACA_PLAIN)

#include <arm_acle.h>

typedef uint32_t pair_t; // two numbers of 16 bits, the real part in the lower half

static inline pair_t load(const int16_t *at)
{
    pair_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

static inline void store(int16_t *at, pair_t x)
{
    memcpy(at, &x, sizeof x);
}

static inline int32_t re_of(pair_t x)
{
    return (int16_t)x;
}

static inline int32_t im_of(pair_t x)
{
    return (int32_t)x >> 16;
}

static inline pair_t pair_of(int32_t re, int32_t im)
{
    return (uint16_t)re | (uint32_t)im << 16;
}

// Turned back by a quarter of a turn.
static inline pair_t quarter_of(pair_t x)
{
    return (pair_t)__ssax(0, (int16x2_t)x);
}

// Turned back by as much as a rotation (cosine, sine) says.
static inline pair_t turned(pair_t w, pair_t x)
{
    const uint32_t re = (uint32_t)__smlad((int16x2_t)w, (int16x2_t)x, 1 << 14);
    const uint32_t im = (uint32_t)__smlsdx((int16x2_t)w, (int16x2_t)x, 1 << 14);
    return (re >> 15 & 0xffffu) | (im << 1 & 0xffff0000u);
}

// A rotation by a quarter of a turn more.
static inline pair_t further(pair_t w)
{
    return (pair_t)__sasx(0, (int16x2_t)w);
}

// Rounded up, both of them: what is taken off is rounded down.
static inline pair_t half_sum(pair_t x, pair_t y)
{
    return (pair_t)__ssub16((int16x2_t)x, __shsub16((int16x2_t)x, (int16x2_t)y));
}

static inline pair_t half_difference(pair_t x, pair_t y)
{
    return (pair_t)__ssub16((int16x2_t)x, __shadd16((int16x2_t)x, (int16x2_t)y));
}

// The power of bin k of a real frame, from a = z[k], b = z[pairs - k] and its rotation.
static inline uint32_t power_of(pair_t a, pair_t b, pair_t w)
{
    enum { UP = (1 << 14) + (1 << 15) }; // rounds a turned number, and half of a sum with it
    const int16x2_t half = __shadd16((int16x2_t)a, (int16x2_t)b);
    const pair_t sum = half_sum(a, b);
    const pair_t odd = sum >> 16 | (uint32_t)__ssub16((int16x2_t)b, half) << 16;
    const int32_t even = shift_down(__ssub16((int16x2_t)a, half), 16); // the imaginary part
    const int32_t re = shift_down(__smlad((int16x2_t)w, (int16x2_t)odd, UP), 15) + re_of(sum);
    const int32_t im = shift_down(__smlsdx((int16x2_t)w, (int16x2_t)odd, UP), 15) + even;
    return (uint32_t)(shift_down(re, 1) * shift_down(re, 1)) +
           (uint32_t)(shift_down(im, 1) * shift_down(im, 1));
}

// ---- sums of many ------------------------------------------------------------------------------

static inline int32_t sum_of(int32_t sum, pair_t x)
{
    return __smlad((int16x2_t)x, 0x00010001, sum);
}

static inline uint64_t squares_of(uint64_t squares, pair_t x)
{
    return (uint64_t)__smlald((int16x2_t)x, (int16x2_t)x, (int64_t)squares);
}

static inline pair_t least_of(pair_t x, pair_t y)
{
    (void)__ssub16((int16x2_t)x, (int16x2_t)y);
    return (pair_t)__sel((uint8x4_t)y, (uint8x4_t)x);
}

static inline pair_t greatest_of(pair_t x, pair_t y)
{
    (void)__ssub16((int16x2_t)x, (int16x2_t)y);
    return (pair_t)__sel((uint8x4_t)x, (uint8x4_t)y);
}

#else

typedef struct pair {
    int32_t re;
    int32_t im;
} pair_t;

static inline int32_t re_of(pair_t x)
{
    return x.re;
}

static inline int32_t im_of(pair_t x)
{
    return x.im;
}

static inline pair_t pair_of(int32_t re, int32_t im)
{
    const pair_t x = {re, im};
    return x;
}

static inline pair_t load(const int16_t *at)
{
    return pair_of(at[0], at[1]);
}

static inline void store(int16_t *at, pair_t x)
{
    at[0] = (int16_t)x.re;
    at[1] = (int16_t)x.im;
}

// Turned back by a quarter of a turn.
static inline pair_t quarter_of(pair_t x)
{
    return pair_of(x.im, -x.re);
}

// Turned back by as much as a rotation (cosine, sine) says.
static inline pair_t turned(pair_t w, pair_t x)
{
    return pair_of(shift_down(w.re * x.re + w.im * x.im + (1 << 14), 15),
                   shift_down(w.re * x.im - w.im * x.re + (1 << 14), 15));
}

// A rotation by a quarter of a turn more.
static inline pair_t further(pair_t w)
{
    return pair_of(-w.im, w.re);
}

// Rounded up, both of them.
static inline pair_t half_sum(pair_t x, pair_t y)
{
    return pair_of(shift_down(x.re + y.re + 1, 1), shift_down(x.im + y.im + 1, 1));
}

static inline pair_t half_difference(pair_t x, pair_t y)
{
    return pair_of(shift_down(x.re - y.re + 1, 1), shift_down(x.im - y.im + 1, 1));
}

// The power of bin k of a real frame, from a = z[k], b = z[pairs - k] and its rotation.
static inline uint32_t power_of(pair_t a, pair_t b, pair_t w)
{
    const pair_t sum = half_sum(a, b);
    const pair_t even = pair_of(sum.re, half_difference(a, b).im);
    const pair_t odd = pair_of(sum.im, half_difference(b, a).re);
    const pair_t x = half_sum(even, turned(w, odd));
    return (uint32_t)(x.re * x.re) + (uint32_t)(x.im * x.im);
}

// ---- sums of many ------------------------------------------------------------------------------

static inline int32_t sum_of(int32_t sum, pair_t x)
{
    return sum + x.re + x.im;
}

static inline uint64_t squares_of(uint64_t squares, pair_t x)
{
    return squares + (uint32_t)(x.re * x.re) + (uint32_t)(x.im * x.im);
}

static inline pair_t least_of(pair_t x, pair_t y)
{
    return pair_of(x.re < y.re ? x.re : y.re, x.im < y.im ? x.im : y.im);
}

static inline pair_t greatest_of(pair_t x, pair_t y)
{
    return pair_of(x.re > y.re ? x.re : y.re, x.im > y.im ? x.im : y.im);
}

#endif

#endif
