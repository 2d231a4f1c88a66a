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

const int16_t naca_cosines[NACA_HALF_TURN / 2 + 1] = {
    32767, 32766, 32765, 32761, 32757, 32752, 32745, 32737, 32728, 32717, 32705, 32692, 32678,
    32663, 32646, 32628, 32609, 32589, 32567, 32545, 32521, 32495, 32469, 32441, 32412, 32382,
    32351, 32318, 32285, 32250, 32213, 32176, 32137, 32098, 32057, 32014, 31971, 31926, 31880,
    31833, 31785, 31736, 31685, 31633, 31580, 31526, 31470, 31414, 31356, 31297, 31237, 31176,
    31113, 31050, 30985, 30919, 30852, 30783, 30714, 30643, 30571, 30498, 30424, 30349, 30273,
    30195, 30117, 30037, 29956, 29874, 29791, 29706, 29621, 29534, 29447, 29358, 29268, 29177,
    29085, 28992, 28898, 28803, 28706, 28609, 28510, 28411, 28310, 28208, 28105, 28001, 27896,
    27790, 27683, 27575, 27466, 27356, 27245, 27133, 27019, 26905, 26790, 26674, 26556, 26438,
    26319, 26198, 26077, 25955, 25832, 25708, 25582, 25456, 25329, 25201, 25072, 24942, 24811,
    24680, 24547, 24413, 24279, 24143, 24007, 23870, 23731, 23592, 23452, 23311, 23170, 23027,
    22884, 22739, 22594, 22448, 22301, 22154, 22005, 21856, 21705, 21554, 21403, 21250, 21096,
    20942, 20787, 20631, 20475, 20317, 20159, 20000, 19841, 19680, 19519, 19357, 19195, 19032,
    18868, 18703, 18537, 18371, 18204, 18037, 17869, 17700, 17530, 17360, 17189, 17018, 16846,
    16673, 16499, 16325, 16151, 15976, 15800, 15623, 15446, 15269, 15090, 14912, 14732, 14553,
    14372, 14191, 14010, 13828, 13645, 13462, 13279, 13094, 12910, 12725, 12539, 12353, 12167,
    11980, 11793, 11605, 11417, 11228, 11039, 10849, 10659, 10469, 10278, 10087, 9896,  9704,
    9512,  9319,  9126,  8933,  8739,  8545,  8351,  8157,  7962,  7767,  7571,  7375,  7179,
    6983,  6786,  6590,  6393,  6195,  5998,  5800,  5602,  5404,  5205,  5007,  4808,  4609,
    4410,  4210,  4011,  3811,  3612,  3412,  3212,  3012,  2811,  2611,  2410,  2210,  2009,
    1809,  1608,  1407,  1206,  1005,  804,   603,   402,   201,   0,
};
