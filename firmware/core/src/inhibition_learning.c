#include "inhibition.h"

// Sections 7.5 and 7.6: V learns residuals of the label's winner, exactly and one at a time, and
// comes into use from time to time. The factor is lower triangular with V'V = (C + noise)^-1, C
// being the covariance of residuals; a residual changes it by one rank, row after row.

#define ONE ((int32_t)1 << 20)
enum {
    DEVIATION_BITS = 6,      // one deviation of what V gives is 64
    LARGEST_OUTPUT = 1023,   // 16 deviations
    LARGEST_RESIDUAL = 8191, // noise included
    LARGEST_FACTOR = 32767,
    LARGEST_COUNT = 4095, // residuals that count; from then on the oldest fade
    HALF = 2048,          // above all prototypes, so that what is added up has no sign
    MEAN_OVER = 1024      // residuals that the running mean square looks back on
};
#define LARGEST_MEAN ((uint32_t)1 << 24)
#define LARGEST_REACH ((int32_t)1 << 22)

// floor(a * 2^bits / b) for a result of 32 bits, b below 2^31: without wide division, which small
// machines lack.
static uint32_t divide(uint32_t a, uint32_t b, uint32_t bits)
{
    uint32_t quotient = a / b;
    uint32_t rest = a % b;
    for (; bits != 0; bits--) {
        rest <<= 1;
        quotient <<= 1;
        if (rest >= b) {
            rest -= b;
            quotient++;
        }
    }
    return quotient;
}

// a * b / 2^bits, rounded down, for a result of 32 bits.
static uint32_t multiply(uint32_t a, uint32_t b, uint32_t bits)
{
    return (uint32_t)((uint64_t)a * b >> bits);
}

static uint32_t fraction_of(const inhibiting_t *v)
{
    return ABOVE - (uint32_t)v->r.code_bits;
}

// The key of random draws for the factor (0) and for prototypes (1).
static uint32_t key_of(const naca_t *core, uint32_t which)
{
    return naca_hash32(naca_presentation_key(core) + 256u + which);
}

// The recruited neuron that stands nearest among those that the label reaches, or -1.
static int32_t own_of(const naca_t *core, const layer_t *first)
{
    const uint16_t *wins = LEARNED_CONST(uint16_t, core, first->at[WINS]);
    if (first->winner >= 0 && wins[first->winner] == 0) {
        return first->ranked != 0 ? (int32_t)AT_CONST(uint16_t, core, first->at[RANKED])[0] : -1;
    }
    return first->winner;
}

// The first residual sets the factor's scale; others move the running mean square.
static void note_mean(naca_t *core, const inhibiting_t *v, uint32_t mean)
{
    decorrelation_t *d = LEARNED(decorrelation_t, core, v->learned);
    int16_t *factor = LEARNED(int16_t, core, v->factor);
    if (d->count != 0) {
        d->count = (uint16_t)(d->count < LARGEST_COUNT ? d->count + 1 : LARGEST_COUNT);
        const uint32_t over = d->count < MEAN_OVER ? d->count : MEAN_OVER;
        const uint32_t before = d->mean < LARGEST_MEAN ? d->mean : LARGEST_MEAN;
        d->mean = mean > before ? before + (mean - before) / over : before - (before - mean) / over;
        return;
    }
    const uint32_t root = naca_square_root(mean);
    const uint32_t deviation = root != 0 ? root : 1u;
    uint32_t shift = 1;
    while (v->r.start * deviation >> shift > 90u) {
        shift++;
    }
    d->count = 1;
    d->mean = mean;
    d->factor_shift = (uint8_t)shift;
    memset(factor, 0, 2u * naca_triangle(v->r.inputs));
    const uint32_t one = (uint32_t)1 << (shift + DEVIATION_BITS);
    const uint32_t diagonal = (one + deviation / 2u) / deviation;
    for (uint32_t i = 0; i < v->r.inputs; i++) {
        factor[naca_triangle(i) + i] = (int16_t)diagonal;
    }
}

// What of the sample the neuron's prototype does not explain. Returns its mean square.
static uint32_t find_residual(naca_t *core, const inhibiting_t *v, uint32_t neuron)
{
    const int8_t *x = AT_CONST(int8_t, core, core->codes);
    const int16_t *prototypes = LEARNED_CONST(int16_t, core, v->prototypes);
    int16_t *residual = AT(int16_t, core, v->residual);
    const int32_t unit = (int32_t)1 << fraction_of(v);
    const uint32_t inputs = v->r.inputs != 0 ? v->r.inputs : 1u; // is never 0 (inhibition.c)
    uint32_t squares = 0;
    for (uint32_t i = 0; i < inputs; i++) {
        const int32_t known = naca_prototype(prototypes, neuron * inputs + i);
        const int32_t e = shift_down(x[i] * unit - known, 1);
        residual[i] = (int16_t)e;
        squares += (uint32_t)(e * e);
    }
    return squares / inputs;
}

static void add_noise(naca_t *core, const inhibiting_t *v, uint32_t key)
{
    const uint32_t mean = LEARNED_CONST(decorrelation_t, core, v->learned)->mean;
    const uint32_t power = (mean >> 8) * v->r.noise + ((mean & 255u) * v->r.noise >> 8);
    const int32_t noise = (int32_t)naca_square_root(power);
    int16_t *residual = AT(int16_t, core, v->residual);
    const uint32_t first = naca_triangle(v->r.inputs);
    for (uint32_t i = 0; i < v->r.inputs; i++) {
        const bool heads = (naca_hash32(key ^ (first + i)) & 1u) != 0;
        residual[i] = (int16_t)clamp(residual[i] + (heads ? noise : -noise), -LARGEST_RESIDUAL,
                                     LARGEST_RESIDUAL);
    }
}

// What the factor makes of the residual.
static void find_output(naca_t *core, const inhibiting_t *v)
{
    const uint32_t shift = LEARNED_CONST(decorrelation_t, core, v->learned)->factor_shift & 31u;
    const int16_t *residual = AT_CONST(int16_t, core, v->residual);
    const int16_t *row = LEARNED_CONST(int16_t, core, v->factor);
    int16_t *output = AT(int16_t, core, v->output);
    const int64_t half = (int64_t)((uint32_t)1 << shift >> 1);
    for (uint32_t i = 0; i < v->r.inputs; row += ++i) {
        int64_t sum = half;
        naca_tick(core);
        for (uint32_t j = 0; j <= i; j++) {
            sum += (int32_t)row[j] * residual[j];
        }
        sum >>= shift;
        const int64_t least = sum > -LARGEST_OUTPUT ? sum : -LARGEST_OUTPUT;
        output[i] = (int16_t)(least < LARGEST_OUTPUT ? least : LARGEST_OUTPUT);
    }
}

// One row moves: it shrinks by `own` - in 2^20ths, 1 taken off - and gives up `other` times what
// the rows above it had, weighed by their outputs, which it then adds to.
static void move_row(naca_t *core, const inhibiting_t *v, uint32_t i, int32_t own, int32_t other,
                     uint32_t key)
{
    int16_t *row = LEARNED(int16_t, core, v->factor) + naca_triangle(i);
    int32_t *before = AT(int32_t, core, v->before);
    const int32_t y = AT_CONST(int16_t, core, v->output)[i];
    naca_tick(core);
    for (uint32_t j = 0; j <= i; j++) {
        const int32_t old = row[j];
        const int32_t noise = (int32_t)(naca_hash32(key ^ (naca_triangle(i) + j)) & (ONE - 1));
        const int64_t change =
            (int64_t)own * old - (int64_t)other * shift_down(before[j], 5) + noise;
        row[j] = (int16_t)clamp(old + (int32_t)(change >> 20), -LARGEST_FACTOR, LARGEST_FACTOR);
        before[j] += shift_down(y * old, 1);
    }
}

void naca_learn_inhibition(naca_t *core, const layer_t *first)
{
    const inhibiting_t *v = INHIBITING(core);
    const int32_t neuron = v->learned != 0 ? own_of(core, first) : -1; // else it may have no wins
    if (neuron < 0) {
        return;
    }
    const uint32_t key = key_of(core, 0);
    note_mean(core, v, find_residual(core, v, (uint32_t)neuron));
    add_noise(core, v, key);
    find_output(core, v);
    memset(AT(int32_t, core, v->before), 0, 4u * v->r.inputs);
    const int16_t *output = AT_CONST(int16_t, core, v->output);
    const uint32_t count = LEARNED_CONST(decorrelation_t, core, v->learned)->count;
    const uint32_t growth = (uint32_t)ONE + (uint32_t)(ONE / 2) / count;
    uint32_t power = count << (2 * DEVIATION_BITS);
    for (uint32_t i = 0; i < v->r.inputs; i++) {
        const uint32_t size = (uint32_t)(output[i] < 0 ? -output[i] : output[i]);
        const uint32_t after = power + size * size;
        // The root of power / after: 1, or a fraction of 2^16.
        const uint32_t shrink = size == 0 ? 65536u : naca_square_root(divide(power, after, 32));
        const uint32_t joint = multiply(after, shrink, 16); // the root of power * after
        const int32_t own = (int32_t)multiply(shrink, growth, 16) - ONE;
        const int32_t other = (int32_t)multiply(divide(size << 16, joint, 10), growth, 20);
        move_row(core, v, i, own, output[i] < 0 ? -other : other, key);
        power = after;
    }
}

void naca_attract_prototype(naca_t *core, uint32_t neuron, int32_t gain)
{
    const inhibiting_t *v = INHIBITING(core);
    if (v->learned == 0) {
        return;
    }
    const uint32_t key = key_of(core, 1);
    const int8_t *x = AT_CONST(int8_t, core, core->codes);
    int16_t *prototypes = LEARNED(int16_t, core, v->prototypes);
    const int32_t unit = (int32_t)1 << fraction_of(v);
    const uint32_t first = neuron * v->r.inputs;
    for (uint32_t i = 0; i < v->r.inputs; i++) {
        const int32_t old = naca_prototype(prototypes, first + i);
        const int32_t noise = (int32_t)(naca_hash32(key ^ (first + i)) & 65535u);
        const int32_t change = shift_down(gain, 4) * (x[i] * unit - old) + noise;
        prototypes[first + i] =
            (int16_t)clamp(old + shift_down(change, 16), -LARGEST_PROTOTYPE, LARGEST_PROTOTYPE);
    }
}

// ---- into use -----------------------------------------------------------------------------------

static bool is_due(const naca_t *core, const inhibiting_t *v)
{
    uint32_t samples = *LEARNED_CONST(uint32_t, core, 0);
    const uint32_t first = v->r.first;
    if (LEARNED_CONST(decorrelation_t, core, v->learned)->count == 0 || samples < first) {
        return false;
    }
    if (v->r.every != 0) {
        return (samples - first) % v->r.every == 0;
    }
    while (samples > first && samples % 2u == 0) {
        samples /= 2u;
    }
    return samples == first;
}

// The factor, each row with the shift that lets it fit 8 bits.
static void narrow(naca_t *core, const inhibiting_t *v)
{
    const int16_t *factor = LEARNED_CONST(int16_t, core, v->factor);
    int8_t *weights = LEARNED(int8_t, core, v->in_use);
    uint8_t *shifts = LEARNED(uint8_t, core, v->shifts);
    for (uint32_t i = 0; i < v->r.inputs; i++) {
        int32_t greatest = 0;
        uint32_t shift = 0;
        for (uint32_t j = 0; j <= i; j++) {
            const int32_t weight = factor[j];
            const int32_t size = weight < 0 ? -weight : weight;
            greatest = size > greatest ? size : greatest;
        }
        while (greatest >> shift > 127) {
            shift++;
        }
        shifts[i] = (uint8_t)shift;
        const int32_t half = (int32_t)((uint32_t)1 << shift >> 1);
        for (uint32_t j = 0; j <= i; j++) {
            weights[j] = (int8_t)clamp(shift_down(factor[j] + half, shift), -127, 127);
        }
        factor += i + 1u;
        weights += i + 1u;
    }
}

// What the V in use makes of the mean of all recruited neurons' prototypes.
static void find_centre(naca_t *core, const inhibiting_t *v)
{
    const layer_t *first = core->layers;
    const uint16_t *wins = LEARNED_CONST(uint16_t, core, first->at[WINS]);
    const int16_t *prototypes = LEARNED_CONST(int16_t, core, v->prototypes);
    int32_t *mean = AT(int32_t, core, v->before);
    const int8_t *row = LEARNED_CONST(int8_t, core, v->in_use);
    int32_t *centre = LEARNED(int32_t, core, v->centre);
    for (uint32_t i = 0; i < v->r.inputs; i++) {
        uint32_t sum = 0;
        uint32_t recruited = 0;
        naca_tick(core);
        for (uint32_t n = 0; n < first->p.neurons; n++) {
            if (wins[n] != 0) {
                sum += (uint32_t)(naca_prototype(prototypes, n * v->r.inputs + i) + HALF);
                recruited++;
            }
        }
        mean[i] = recruited != 0 ? (int32_t)(sum / recruited) - HALF : 0;
    }
    for (uint32_t i = 0; i < v->r.inputs; row += ++i) {
        centre[i] = 0;
        for (uint32_t j = 0; j <= i; j++) {
            centre[i] += row[j] * mean[j];
        }
    }
}

// What row i of the V in use makes of a neuron's prototype.
static int32_t project(const naca_t *core, const inhibiting_t *v, uint32_t neuron, uint32_t i)
{
    const int8_t *row = LEARNED_CONST(int8_t, core, v->in_use) + naca_triangle(i);
    const int16_t *prototypes = LEARNED_CONST(int16_t, core, v->prototypes);
    int32_t sum = -LEARNED_CONST(int32_t, core, v->centre)[i];
    for (uint32_t j = 0; j <= i; j++) {
        sum += row[j] * naca_prototype(prototypes, neuron * v->r.inputs + j);
    }
    return sum;
}

// The shift that lets codes reach far enough for what prototypes give.
static uint32_t find_reach(naca_t *core, const inhibiting_t *v)
{
    const layer_t *first = core->layers;
    const uint16_t *wins = LEARNED_CONST(uint16_t, core, first->at[WINS]);
    const uint8_t *shifts = LEARNED_CONST(uint8_t, core, v->shifts);
    const uint32_t bits = core->net.bits;
    uint64_t total = 0;
    uint32_t recruited = 0;
    for (uint32_t n = 0; n < first->p.neurons; n++) {
        for (uint32_t i = 0; wins[n] != 0 && i < v->r.inputs; i++) {
            naca_tick(core);
            const int32_t sum = shift_down(project(core, v, n, i), fraction_of(v));
            const int32_t reach =
                clamp(sum * ((int32_t)1 << shifts[i]), -LARGEST_REACH, LARGEST_REACH);
            total += (uint64_t)((int64_t)reach * reach >> 8);
        }
        recruited += wins[n] != 0 ? 1u : 0u;
    }
    total *= (uint32_t)v->r.reach * v->r.reach;
    const uint64_t room = (uint64_t)recruited * v->r.inputs;
    uint32_t shift = bits < 2u ? 3u - bits : 1u;
    const uint32_t power = 2u * (bits + shift - 3u);
    uint64_t reached = room << power;
    while (shift < GREATEST_REACH_SHIFT - bits && total >= reached) {
        reached <<= 2;
        shift++;
    }
    return shift;
}

// Weights of recruited neurons become what V makes of their prototypes.
static void project_all(naca_t *core, const inhibiting_t *v, uint32_t reach)
{
    const layer_t *first = core->layers;
    const uint16_t *wins = LEARNED_CONST(uint16_t, core, first->at[WINS]);
    const uint8_t *shifts = LEARNED_CONST(uint8_t, core, v->shifts);
    uint8_t *weights = LEARNED(uint8_t, core, first->at[WEIGHTS]);
    const int32_t fraction = (uint8_t)first->p.trace_shift; // not negative
    const int32_t largest = (((int32_t)1 << core->net.bits) - 1) << fraction;
    const int32_t shift = (int32_t)(reach + fraction_of(v)) - fraction;
    for (uint32_t n = 0; n < first->p.neurons; n++) {
        for (uint32_t i = 0; wins[n] != 0 && i < v->r.inputs; i++) {
            naca_tick(core);
            const int32_t w = naca_scaled(project(core, v, n, i), shift - shifts[i], largest);
            naca_weight_set(first, weights, naca_weight_index(first, n, i),
                            clamp(w, first->p.weight_min, first->p.weight_max));
        }
    }
}

void naca_renew_inhibition(naca_t *core)
{
    const inhibiting_t *v = INHIBITING(core);
    if (v->learned == 0 || !is_due(core, v)) {
        return;
    }
    narrow(core, v);
    find_centre(core, v);
    const uint32_t reach = find_reach(core, v);
    LEARNED(decorrelation_t, core, v->learned)->shift = (uint8_t)reach;
    project_all(core, v, reach);
    naca_state_written(core); // squared norms
}
