#include "signal_internal.h"

// Section 11.4: the spectrum of a frame, and what its bands hold.

enum {
    TURN = 2 * NACA_HALF_TURN,
    HALF = NACA_HALF_TURN,
    QUARTER = HALF / 2,
    LOG_OCTAVE = 256, // of naca_signed_log
    LARGEST = 14      // bits of a frame's numbers, brought to a common exponent
};

// The same of the first half.
static int32_t cosine(uint32_t at)
{
    return at <= QUARTER ? naca_cosines[at] : -naca_cosines[HALF - at];
}

// Turns back by `at` steps, at most half a turn.
static complex_t rotation(uint32_t at)
{
    const complex_t w = {cosine(at), -naca_cosines[at < QUARTER ? QUARTER - at : at - QUARTER]};
    return w;
}

static complex_t number_at(const int16_t *z, uint32_t at)
{
    const complex_t x = {z[2u * at], z[2u * at + 1u]};
    return x;
}

// The Fourier transform of 2^lg complex numbers, divided by 2^lg, in place.
static void transform(int16_t *z, uint32_t lg)
{
    const uint32_t count = (uint32_t)1 << lg;
    naca_reverse(z, lg);
    for (uint32_t half = 1; half < count; half <<= 1) {
        naca_turn(z, count, half);
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

// The part of sums that spectra need.
static sums_t extremes(channel_t channel, uint32_t lg)
{
    const int16_t *at = channel.at;
    sums_t s = {0, 0, 0, *at, *at};
    for (uint32_t count = (uint32_t)1 << lg; count != 0; count--) {
        const int32_t x = *at;
        s.sum += x;
        s.least = x < s.least ? x : s.least;
        s.greatest = x > s.greatest ? x : s.greatest;
        at += channel.stride;
    }
    return s;
}

// How far a frame's numbers lie from their mean at the most, times their count.
static uint32_t span_of(const sums_t *sums, uint32_t lg)
{
    const int32_t unit = (int32_t)1 << lg;
    const int32_t above = sums->greatest * unit - sums->sum;
    const int32_t below = sums->sum - sums->least * unit;
    return (uint32_t)(above > below ? above : below);
}

// Bring the numbers of a frame to a common exponent, their mean taken off.
static void level_frame(channel_t frame, uint32_t lg, int32_t sum, int32_t exponent, int16_t *out)
{
    const uint32_t down = exponent < 0 ? (uint32_t)-exponent : 0;
    const uint32_t up = exponent > 0 ? (uint32_t)exponent : 0;
    const int32_t offset = (int32_t)(((uint32_t)1 << down) >> 1) - sum;
    const int16_t *const end = out + ((uint32_t)1 << lg);
    for (const int16_t *at = frame.at; out < end; at += frame.stride) {
        const int32_t x = *at * ((int32_t)1 << lg) + offset;
        *out++ = (int16_t)(shift_down(x, down) * ((int32_t)1 << up));
    }
}

// Multiply by the window, which is the same on both sides of its middle.
static void weigh_frame(int16_t *frame, uint32_t lg)
{
    const uint32_t step = (uint32_t)TURN >> lg;
    int16_t *after = frame + ((uint32_t)1 << lg);
    *frame++ = 0; // weighed by less than a 32768th
    for (uint32_t at = step; at <= HALF; at += step) {
        const int32_t hann = (32768 - cosine(at)) >> 1;
        const int32_t mirrored = *--after;
        *after = (int16_t)shift_down(mirrored * hann + (1 << 14), 15);
        if (at < HALF) {
            *frame = (int16_t)shift_down(*frame * hann + (1 << 14), 15);
            frame++;
        }
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
    const int32_t mean = count != 0 ? (int32_t)(sum / count) - 32768 : 0;
    for (uint32_t i = 0; i < count; i++) {
        bands[i] = naca_limited(bands[i] - mean);
    }
}

void naca_signal_tick(const scratch_t *scratch)
{
    if (scratch->progress != NULL) {
        scratch->progress(scratch->user);
    }
}

int16_t *naca_bands(const layout_t *layout, channel_t channel, const sums_t *sums,
                    const scratch_t *scratch, int16_t *out)
{
    const description_t *d = &layout->d;
    uint32_t span = 1;
    for (uint32_t f = 0; f < d->frames; f++) {
        // A frame that is the whole window was summed up already.
        const sums_t own =
            d->frame == d->window ? *sums : extremes(frame_of(d, channel, f), d->frame);
        const uint32_t one = span_of(&own, d->frame);
        scratch->sums[f] = own.sum;
        span = one > span ? one : span;
        naca_signal_tick(scratch);
    }
    const int32_t exponent = LARGEST - (int32_t)naca_bit_length(span);
    int16_t *const first = out;
    for (uint32_t f = 0; f < d->frames; f++) {
        const channel_t frame = frame_of(d, channel, f);
        level_frame(frame, d->frame, scratch->sums[f], exponent, scratch->frame);
        weigh_frame(scratch->frame, d->frame);
        add_bands(layout, scratch);
        for (uint32_t band = 1; band <= d->bands; band++) {
            const int32_t power = naca_signed_log((int32_t)scratch->power[band]);
            *out++ = naca_limited(power - 2 * LOG_OCTAVE * (exponent + d->frame));
        }
        naca_signal_tick(scratch);
    }
    if (d->level != 0) {
        level(first, (uint32_t)d->bands * d->frames, d->level);
    }
    return out;
}
