#include "signal_internal.h"

// Section 11.4: the spectrum of a frame, and what its bands hold.

enum {
    LOG_OCTAVE = 256, // of naca_signed_log
    LARGEST = 14      // bits of a frame's numbers, brought to a common exponent
};

// Where frame number `frame` begins: frames are spread evenly over the window.
static channel_t frame_of(const description_t *d, channel_t channel, uint32_t frame)
{
    const uint32_t room = ((uint32_t)1 << d->window) - ((uint32_t)1 << d->frame);
    const uint32_t first = d->frames > 1u ? frame * room / (d->frames - 1u) : 0;
    const channel_t result = {channel.at + first * channel.stride, channel.stride};
    return result;
}

// How far a frame's numbers lie from their mean at the most, times their count.
static uint32_t span_of(const sums_t *sums, uint32_t lg)
{
    const int32_t unit = (int32_t)1 << lg;
    const int32_t above = sums->greatest * unit - sums->sum;
    const int32_t below = sums->sum - sums->least * unit;
    return (uint32_t)(above > below ? above : below);
}

// The Fourier transform of 2^lg complex numbers, divided by 2^lg, in place. They are there in the
// order of their reversed bits.
static void transform(int16_t *z, uint32_t lg)
{
    const int16_t *const end = z + ((uint32_t)2 << lg);
    naca_turn_fours(z, end);
    for (uint32_t half = 4; half < (uint32_t)1 << lg; half <<= 1) {
        for (int16_t *group = z; group < end;) {
            group = naca_turn(group, half);
        }
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
        bands[i] = limited(bands[i] - mean);
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
            d->frame == d->window ? *sums : naca_sums(frame_of(d, channel, f), d->frame);
        const uint32_t one = span_of(&own, d->frame);
        scratch->sums[f] = own.sum;
        span = one > span ? one : span;
        naca_signal_tick(scratch);
    }
    const int32_t exponent = LARGEST - (int32_t)naca_bit_length(span);
    const uint32_t up = exponent > 0 ? (uint32_t)exponent : 0;
    levelling_t levelling = {(uint32_t)1 << (d->frame + up), 0,
                             exponent < 0 ? (uint32_t)-exponent : 0};
    int16_t *const first = out;
    for (uint32_t f = 0; f < d->frames; f++) {
        const channel_t frame = frame_of(d, channel, f);
        levelling.offset =
            (((uint32_t)1 << levelling.down) >> 1) - ((uint32_t)scratch->sums[f] << up);
        naca_fill(frame, d->frame, &levelling, scratch->frame);
        transform(scratch->frame, d->frame - 1u);
        memset(scratch->power, 0, (d->bands + 2u) * sizeof *scratch->power);
        naca_add_powers(layout, scratch->frame, scratch->power);
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
