#include "signal_internal.h"

// Sections 11.3 and 11.5.

int16_t naca_limited(int32_t x)
{
    if (x < INT16_MIN) {
        return INT16_MIN;
    }
    return x > INT16_MAX ? INT16_MAX : (int16_t)x;
}

sums_t naca_sums(channel_t channel, uint32_t lg)
{
    const int16_t *at = channel.at;
    int32_t before = *at;
    sums_t s = {0, 0, 0, before, before};
    for (uint32_t count = (uint32_t)1 << lg; count != 0; count--) {
        const int32_t x = *at;
        const int32_t change = x - before;
        s.sum += x;
        s.squares += (uint32_t)(x * x);
        s.least = x < s.least ? x : s.least;
        s.greatest = x > s.greatest ? x : s.greatest;
        s.change += (uint32_t)(change < 0 ? -change : change);
        before = x;
        at += channel.stride;
    }
    return s;
}

// The square root of the variance, (N * squares - sum^2) / N^2, whose numerator is below 2^58.
static int32_t deviation(const sums_t *s, uint32_t lg)
{
    uint64_t x = s->squares << lg;
    x -= (uint64_t)((int64_t)s->sum * s->sum);
    uint32_t halvings = 0;
    while (x >> 32 != 0) {
        x >>= 2;
        halvings++;
    }
    const uint64_t root = (uint64_t)naca_square_root((uint32_t)x) << halvings;
    return (int32_t)(root >> lg);
}

static int32_t crossings(channel_t channel, uint32_t count, int32_t mean)
{
    int32_t crossed = 0;
    bool was_below = sample_of(channel, 0) < mean;
    for (uint32_t i = 1; i < count; i++) {
        const bool is_below = sample_of(channel, i) < mean;
        crossed += is_below != was_below ? 1 : 0;
        was_below = is_below;
    }
    return crossed;
}

int16_t *naca_statistics(channel_t channel, const sums_t *sums, uint32_t lg, uint32_t blocks,
                         int16_t *out)
{
    const uint32_t count = (uint32_t)1 << lg;
    const sums_t s = *sums;
    const int32_t half = (int32_t)(count >> 1);
    const int32_t mean = shift_down(s.sum + half, lg);
    if ((blocks & BLOCK_MEAN) != 0) {
        *out++ = naca_limited(mean);
    }
    if ((blocks & BLOCK_DEVIATION) != 0) {
        *out++ = naca_limited(deviation(&s, lg));
    }
    if ((blocks & BLOCK_LEAST) != 0) {
        *out++ = (int16_t)s.least;
    }
    if ((blocks & BLOCK_GREATEST) != 0) {
        *out++ = (int16_t)s.greatest;
    }
    if ((blocks & BLOCK_CHANGE) != 0) {
        *out++ = naca_limited((int32_t)((s.change + (count >> 1)) >> lg));
    }
    if ((blocks & BLOCK_CROSSINGS) != 0) {
        *out++ = naca_limited(crossings(channel, count, mean));
    }
    return out;
}

int16_t *naca_decimated(channel_t channel, uint32_t window, uint32_t lg, int16_t *out)
{
    const uint32_t each = (uint32_t)1 << lg;
    for (uint32_t first = 0; first < (uint32_t)1 << window; first += each) {
        int32_t sum = (int32_t)(each >> 1);
        for (uint32_t i = first; i < first + each; i++) {
            sum += sample_of(channel, i);
        }
        *out++ = (int16_t)shift_down(sum, lg);
    }
    return out;
}
