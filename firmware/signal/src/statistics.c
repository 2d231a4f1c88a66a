#include "pairs.h"

// Sections 11.3 and 11.5.

static int32_t lesser(int32_t x, int32_t y)
{
    return x < y ? x : y;
}

sums_t naca_sums(channel_t channel, uint32_t lg)
{
    const int16_t *at = channel.at;
    pair_t least = pair_of(*at, *at);
    pair_t greatest = least;
    sums_t s = {0};
    for (uint32_t count = (uint32_t)1 << (lg - 1u); count != 0; count--) {
        const int32_t first = *at;
        at += channel.stride;
        const pair_t x = pair_of(first, *at);
        at += channel.stride;
        s.sum = sum_of(s.sum, x);
        s.squares = squares_of(s.squares, x);
        least = least_of(least, x);
        greatest = greatest_of(greatest, x);
    }
    s.least = lesser(re_of(least), im_of(least));
    s.greatest = -lesser(-re_of(greatest), -im_of(greatest));
    return s;
}

// Of neighbours, absolute.
static uint32_t changes(channel_t channel, uint32_t count)
{
    const int16_t *at = channel.at;
    int32_t before = *at;
    uint32_t sum = 0;
    while (--count != 0) {
        at += channel.stride;
        const int32_t x = *at;
        sum += (uint32_t)(x < before ? before - x : x - before);
        before = x;
    }
    return sum;
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
        *out++ = limited(mean);
    }
    if ((blocks & BLOCK_DEVIATION) != 0) {
        *out++ = limited(deviation(&s, lg));
    }
    if ((blocks & BLOCK_LEAST) != 0) {
        *out++ = (int16_t)s.least;
    }
    if ((blocks & BLOCK_GREATEST) != 0) {
        *out++ = (int16_t)s.greatest;
    }
    if ((blocks & BLOCK_CHANGE) != 0) {
        *out++ = limited((int32_t)((changes(channel, count) + (count >> 1)) >> lg));
    }
    if ((blocks & BLOCK_CROSSINGS) != 0) {
        *out++ = limited(crossings(channel, count, mean));
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
