#include "pairs.h"

// The steps of a Fourier transform, and the power that it finds: section 11.4.

enum { QUARTER = NACA_HALF_TURN / 2 };

// Half of the sum and half of the difference of x and the turned t.
static inline void cross(int16_t *a, int16_t *b, pair_t x, pair_t t)
{
    store(a, half_sum(x, t));
    store(b, half_difference(x, t));
}

void naca_turn_fours(int16_t *z, const int16_t *end)
{
    do {
        const pair_t a = load(z);
        const pair_t b = load(z + 2);
        const pair_t c = load(z + 4);
        const pair_t d = load(z + 6);
        cross(z, z + 4, half_sum(a, b), half_sum(c, d));
        cross(z + 2, z + 6, half_difference(a, b), quarter_of(half_difference(c, d)));
        z += 8;
    } while (z < end);
}

int16_t *naca_turn(int16_t *z, uint32_t half)
{
    int16_t *b = z + 2u * half;
    cross(z, b, load(z), load(b));
    cross(z + half, b + half, load(z + half), quarter_of(load(b + half)));
    const uint32_t step = NACA_HALF_TURN / half;
    uint32_t at = step;
    do {
        z += 2;
        b += 2;
        const pair_t w = pair_of(naca_cosines[at], naca_cosines[QUARTER - at]);
        cross(z, b, load(z), turned(w, load(b)));
        // A quarter of a turn further.
        cross(z + half, b + half, load(z + half), turned(further(w), load(b + half)));
        at += step;
    } while (at < QUARTER);
    return b + half + 2;
}

void naca_add_powers(const layout_t *layout, const int16_t *z, uint32_t *slots)
{
    const int16_t *from = z + 2u * layout->d.first_bin;
    const int16_t *mirrored = z + ((uint32_t)1 << layout->d.frame) - 2u * layout->d.first_bin;
    const bin_t *bin = layout->bins;
    const bin_t *const end = bin + layout->d.bins;
    int32_t step = (2 * NACA_HALF_TURN) >> layout->d.frame;
    int32_t at = step * layout->d.first_bin;
    int32_t sign = 1;
    if (at > QUARTER) {
        at = 2 * QUARTER - at;
        step = -step;
        sign = -1;
    }
    do {
        const pair_t w = pair_of(sign * naca_cosines[at], naca_cosines[QUARTER - at]);
        const uint32_t power = power_of(load(from), load(mirrored), w);
        uint32_t *const slot = slots + bin->slot;
        slot[0] += power * bin->down;
        slot[1] += power * bin->up;
        from += 2;
        mirrored -= 2;
        if (at == QUARTER) { // from here on the cosine is negative
            step = -step;
            sign = -1;
        }
        at += step;
    } while (++bin < end);
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
