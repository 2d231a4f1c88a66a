#include "signal_internal.h"

// Section 11.4: the spectrum of a frame, and what its bands hold.

enum {
    TURN = 1024, // steps of a whole turn
    HALF = TURN / 2,
    QUARTER = TURN / 4,
    LOG_OCTAVE = 256, // of naca_signed_log
    LARGEST = 14      // bits of a frame's numbers, brought to a common exponent
};

// 32767 times the cosine, rounded, of the first quarter of a turn.
static const int16_t cosines[QUARTER + 1] = {
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

// The same of the first half.
static int32_t cosine(uint32_t at)
{
    return at <= QUARTER ? cosines[at] : -cosines[HALF - at];
}

typedef struct complex {
    int32_t re;
    int32_t im;
} complex_t;

// Turns back by `at` steps, at most half a turn.
static complex_t rotation(uint32_t at)
{
    const complex_t w = {cosine(at), -cosines[at < QUARTER ? QUARTER - at : at - QUARTER]};
    return w;
}

// w * x, w in 32768ths, rounded: both parts stay below 2^15.
static complex_t rotated(complex_t w, complex_t x)
{
    const complex_t y = {shift_down(w.re * x.re - w.im * x.im + (1 << 14), 15),
                         shift_down(w.re * x.im + w.im * x.re + (1 << 14), 15)};
    return y;
}

static complex_t number_at(const int16_t *z, uint32_t at)
{
    const complex_t x = {z[2u * at], z[2u * at + 1u]};
    return x;
}

// The numbers at `a` and `b` become half of their sum and half of their difference, t being what
// stands at b, turned.
static void butterfly(int16_t *z, uint32_t a, uint32_t b, complex_t t)
{
    const complex_t x = number_at(z, a);
    z[2u * a] = (int16_t)shift_down(x.re + t.re + 1, 1);
    z[2u * a + 1u] = (int16_t)shift_down(x.im + t.im + 1, 1);
    z[2u * b] = (int16_t)shift_down(x.re - t.re + 1, 1);
    z[2u * b + 1u] = (int16_t)shift_down(x.im - t.im + 1, 1);
}

static void reverse_bits(int16_t *z, uint32_t count)
{
    uint32_t j = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i < j) {
            const complex_t x = number_at(z, i);
            const complex_t y = number_at(z, j);
            z[2u * i] = (int16_t)y.re;
            z[2u * i + 1u] = (int16_t)y.im;
            z[2u * j] = (int16_t)x.re;
            z[2u * j + 1u] = (int16_t)x.im;
        }
        uint32_t bit = count >> 1;
        while (bit != 0 && (j & bit) != 0) {
            j ^= bit;
            bit >>= 1;
        }
        j |= bit;
    }
}

// The Fourier transform of 2^lg complex numbers, divided by 2^lg, in place.
static void transform(int16_t *z, uint32_t lg)
{
    const uint32_t count = (uint32_t)1 << lg;
    reverse_bits(z, count);
    for (uint32_t half = 1; half < count; half <<= 1) {
        const uint32_t step = HALF / half;
        for (uint32_t k = 0; k < half; k++) {
            const uint32_t at = k * step;
            const complex_t w = rotation(at);
            for (uint32_t a = k; a < count; a += 2u * half) {
                const complex_t x = number_at(z, a + half);
                // No rotation and that by a quarter of a turn are exact.
                complex_t t = x;
                if (at == QUARTER) {
                    t.re = x.im;
                    t.im = -x.re;
                } else if (at != 0) {
                    t = rotated(w, x);
                }
                butterfly(z, a, a + half, t);
            }
        }
    }
}

// The power of bin k of a real frame, from the transform of its pairs.
static uint32_t power_of(const int16_t *z, uint32_t pairs, uint32_t k, uint32_t step)
{
    const complex_t a = number_at(z, k);
    const complex_t b = number_at(z, pairs - k);
    const complex_t even = {shift_down(a.re + b.re + 1, 1), shift_down(a.im - b.im + 1, 1)};
    const complex_t odd = {shift_down(a.im + b.im + 1, 1), shift_down(b.re - a.re + 1, 1)};
    const complex_t turned = rotated(rotation(k * step), odd);
    const int32_t re = shift_down(even.re + turned.re + 1, 1);
    const int32_t im = shift_down(even.im + turned.im + 1, 1);
    return (uint32_t)(re * re) + (uint32_t)(im * im);
}

// Where frame number `frame` begins: frames are spread evenly over the window.
static channel_t frame_of(const description_t *d, channel_t channel, uint32_t frame)
{
    const uint32_t room = ((uint32_t)1 << d->window) - ((uint32_t)1 << d->frame);
    const uint32_t first = d->frames > 1u ? frame * room / (d->frames - 1u) : 0;
    const channel_t result = {channel.at + first * channel.stride, channel.stride};
    return result;
}

// The sum of a frame, and how far its numbers lie from their mean at the most, times their count.
static uint32_t span_of(channel_t frame, uint32_t lg, int32_t *sum)
{
    int32_t least = INT16_MAX;
    int32_t greatest = INT16_MIN;
    *sum = 0;
    for (uint32_t i = 0; i < (uint32_t)1 << lg; i++) {
        const int32_t x = sample_of(frame, i);
        *sum += x;
        least = x < least ? x : least;
        greatest = x > greatest ? x : greatest;
    }
    const int32_t unit = (int32_t)1 << lg;
    const int32_t above = greatest * unit - *sum;
    const int32_t below = *sum - least * unit;
    return (uint32_t)(above > below ? above : below);
}

static void window_frame(channel_t frame, uint32_t lg, int32_t exponent, int16_t *out)
{
    int32_t sum;
    (void)span_of(frame, lg, &sum);
    const int32_t unit = (int32_t)1 << lg;
    const uint32_t down = exponent < 0 ? (uint32_t)-exponent : 0;
    const uint32_t up = exponent > 0 ? (uint32_t)exponent : 0;
    const int32_t half = (int32_t)(((uint32_t)1 << down) >> 1);
    for (uint32_t i = 0; i < (uint32_t)1 << lg; i++) {
        const int32_t x = sample_of(frame, i) * unit - sum;
        const int32_t e = shift_down(x + half, down) * ((int32_t)1 << up);
        const uint32_t at = i << (10u - lg);
        const int32_t hann = (32768 - cosine(at <= HALF ? at : TURN - at)) >> 1;
        out[i] = (int16_t)shift_down(e * hann + (1 << 14), 15);
    }
}

// Sums of power over bands: scratch->power, slot 1 the lowest.
static void add_bands(const layout_t *layout, const scratch_t *scratch)
{
    const description_t *d = &layout->d;
    const uint32_t pairs = (uint32_t)1 << (d->frame - 1u);
    transform(scratch->frame, d->frame - 1u);
    memset(scratch->power, 0, (d->bands + 2u) * sizeof *scratch->power);
    for (uint32_t i = 0; i < d->bins; i++) {
        const bin_t *bin = &layout->bins[i];
        const uint32_t power =
            power_of(scratch->frame, pairs, d->first_bin + i, (uint32_t)TURN >> d->frame);
        scratch->power[bin->slot] += power * bin->down;
        scratch->power[bin->slot + 1u] += power * bin->up;
    }
}

// What is too far below the loudest is brought up to there, and the mean taken off.
static void level(int16_t *bands, uint32_t count, uint32_t octaves)
{
    int32_t loudest = INT16_MIN;
    for (uint32_t i = 0; i < count; i++) {
        loudest = bands[i] > loudest ? bands[i] : loudest;
    }
    const int32_t floor = loudest - (int32_t)octaves * LOG_OCTAVE;
    uint32_t sum = count >> 1;
    for (uint32_t i = 0; i < count; i++) {
        bands[i] = bands[i] < floor ? (int16_t)floor : bands[i];
        sum += (uint32_t)(bands[i] + 32768);
    }
    const int32_t mean = (int32_t)(sum / count) - 32768;
    for (uint32_t i = 0; i < count; i++) {
        bands[i] = limited(bands[i] - mean);
    }
}

void naca_signal_tick(const scratch_t *scratch)
{
    if (scratch->progress != NULL) {
        scratch->progress(scratch->user);
    }
}

int16_t *naca_bands(const layout_t *layout, channel_t channel, const scratch_t *scratch,
                    int16_t *out)
{
    const description_t *d = &layout->d;
    uint32_t span = 1;
    for (uint32_t f = 0; f < d->frames; f++) {
        int32_t sum;
        const uint32_t one = span_of(frame_of(d, channel, f), d->frame, &sum);
        span = one > span ? one : span;
        naca_signal_tick(scratch);
    }
    int32_t exponent = LARGEST;
    for (; span != 0; span >>= 1) {
        exponent--;
    }
    int16_t *const first = out;
    for (uint32_t f = 0; f < d->frames; f++) {
        window_frame(frame_of(d, channel, f), d->frame, exponent, scratch->frame);
        add_bands(layout, scratch);
        for (uint32_t band = 1; band <= d->bands; band++) {
            const int32_t power = naca_signed_log((int32_t)scratch->power[band]);
            *out++ = limited(power - 2 * LOG_OCTAVE * (exponent + d->frame));
        }
        naca_signal_tick(scratch);
    }
    if (d->level != 0) {
        level(first, (uint32_t)d->bands * d->frames, d->level);
    }
    return out;
}
