#include "internal.h"

// Section 3: from a sensor's numbers to codes of the encoder's bits, in integers.

static bool codes_fit(const naca_t *core, const uint8_t *codes, uint32_t count)
{
    const bool is_signed = core->net.is_signed != 0;
    bool fit = count == core->net.inputs;
    for (uint32_t i = 0; fit && i < count; i++) {
        const bool is_off = is_signed && codes[i] >= 128u;
        const uint32_t size = is_off ? 256u - codes[i] : codes[i];
        fit = size >> core->code_bits == 0;
    }
    return fit;
}

// Ascending, none twice. Where codes have a sign, only codes will do.
static bool events_fit(const network_t *net, const naca_event_t *events, uint32_t count)
{
    uint32_t next = 0; // smallest place in time and space that the next event may have
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = (uint32_t)events[i].step * net->inputs + events[i].input;
        if (events[i].step >= naca_steps(net) || events[i].input >= net->inputs || at < next) {
            return false;
        }
        next = at + 1u;
    }
    return net->is_signed == 0;
}

static bool is_raw(const naca_sample_t *sample)
{
    return sample->kind <= NACA_RAW_I32 || sample->kind == NACA_RAW_F32;
}

static bool raw_fits(const naca_t *core, const naca_sample_t *sample)
{
    const preparation_t *prep = &core->prep;
    if (core->prep_arrays == 0 || sample->count != naca_raw_count(prep)) {
        return false;
    }
    return sample->kind != NACA_RAW_F32 ||
           ((prep->flags & PREP_REAL) != 0 && naca_are_finite(sample->data, sample->count));
}

naca_status_t naca_check_sample(const naca_t *core, const naca_sample_t *sample)
{
    static const uint8_t widths[] = {1, 2, 4, 1, 2, 1, 4}; // of a number, by kind
    if (sample == NULL || (sample->data == NULL && sample->count != 0)) {
        return NACA_ERR_ARGUMENT;
    }
    if (sample->kind <= NACA_RAW_F32 && (uintptr_t)sample->data % widths[sample->kind] != 0) {
        return NACA_ERR_ALIGNMENT;
    }
    bool fits = false;
    if (sample->kind == NACA_CODES) {
        fits = codes_fit(core, sample->data, sample->count);
    } else if (sample->kind == NACA_EVENTS) {
        fits = events_fit(&core->net, sample->data, sample->count);
    } else if (is_raw(sample)) {
        fits = raw_fits(core, sample);
    }
    return fits ? NACA_OK : NACA_ERR_SAMPLE;
}

// One channel of a raw sample.
typedef struct plane {
    const preparation_t *prep;
    const naca_sample_t *sample;
    naca_maps_t maps; // of real numbers, ...
    uint32_t each;    // ... 1 where each number has its own, else 0
    uint32_t channel;
} plane_t;

// The number at a place of a sample, as an integer.
static int32_t number_at(const plane_t *plane, uint32_t at)
{
    const void *data = plane->sample->data;
    int32_t x;
    if (plane->sample->kind == NACA_RAW_U8) {
        x = ((const uint8_t *)data)[at];
    } else if (plane->sample->kind == NACA_RAW_I16) {
        x = ((const int16_t *)data)[at];
    } else if (plane->sample->kind == NACA_RAW_I32) {
        x = ((const int32_t *)data)[at];
    } else {
        const uint8_t *reals = data;
        return naca_map_real(&plane->maps, at * plane->each, reals + 4u * (size_t)at);
    }
    return plane->prep->flags & PREP_REAL ? naca_map_integer(&plane->maps, at * plane->each, x) : x;
}

// A pixel's value; beyond the border lies zero.
static int32_t pixel(const plane_t *plane, int32_t row, int32_t column)
{
    const preparation_t *prep = plane->prep;
    if (row < 0 || row >= prep->height || column < 0 || column >= prep->width) {
        return 0;
    }
    const uint32_t place = (uint32_t)row * prep->width + (uint32_t)column;
    const int32_t x = number_at(plane, place * prep->channels + plane->channel);
    return prep->flags & PREP_LOG ? naca_signed_log(x) : clamp(x, -32767, 32767);
}

static int32_t magnitude(int32_t x)
{
    return x < 0 ? -x : x;
}

// With edges, the strongest of four orientations (horizontal, vertical and the two diagonal
// gradients) takes the pixel; the others are inhibited.
static void add_pixel(const plane_t *plane, int32_t row, int32_t column, int32_t sums[4])
{
    const preparation_t *prep = plane->prep;
    if (prep->spatial == SPATIAL_POOL) {
        sums[0] += pixel(plane, row, column);
        return;
    }
    if (row >= prep->height || column >= prep->width) {
        return; // beyond the border there is no pixel to have an edge
    }
    const int32_t dx = pixel(plane, row, column + 1) - pixel(plane, row, column - 1);
    const int32_t dy = pixel(plane, row + 1, column) - pixel(plane, row - 1, column);
    // 181 / 256 is the cosine of 45 degrees.
    const int32_t strength[4] = {magnitude(dx), magnitude(dy), (magnitude(dx + dy) * 181) >> 8,
                                 (magnitude(dx - dy) * 181) >> 8};
    uint32_t best = 0;
    for (uint32_t k = 1; k < 4u; k++) {
        if (strength[k] > strength[best]) {
            best = k;
        }
    }
    sums[best] += strength[best] < prep->cap ? strength[best] : prep->cap;
}

static int32_t feature_value(const naca_t *core, int32_t sum, uint32_t feature)
{
    const preparation_t *prep = &core->prep;
    const int16_t *offsets = IN_IMAGE(int16_t, core, core->prep_arrays);
    const uint32_t count = naca_gain_count(prep);
    const uint16_t *gains = IN_IMAGE(uint16_t, core, core->prep_arrays + 2u * count);
    const uint32_t at = count > 1u ? feature : 0u;
    const int32_t product = (clamp(sum, -32767, 32767) - offsets[at]) * (int32_t)gains[at];
    const int32_t half = (int32_t)(((uint32_t)1 << prep->shift) >> 1);
    return clamp(shift_down(product + half, prep->shift), -MAX_FEATURE, MAX_FEATURE);
}

static void make_features(const naca_t *core, const naca_sample_t *sample, int16_t *features)
{
    const preparation_t *prep = &core->prep;
    // Plane after plane: each channel, or each orientation of each channel.
    const uint32_t kinds = prep->spatial == SPATIAL_EDGES ? 4u : 1u;
    const uint32_t cells = prep->features / (prep->channels * kinds);
    const int32_t cell = prep->cell;
    const uint32_t arrays = core->prep_arrays + 4u * naca_gain_count(prep);
    plane_t plane;
    plane.prep = prep;
    plane.sample = sample;
    plane.maps = naca_maps_at(IN_IMAGE(int32_t, core, arrays), naca_map_count(prep));
    plane.each = prep->flags & PREP_PER_NUMBER ? 1u : 0;
    for (plane.channel = 0; plane.channel < prep->channels; plane.channel++) {
        uint32_t at = plane.channel * kinds * cells;
        for (int32_t top = 0; top < prep->height; top += cell) {
            for (int32_t left = 0; left < prep->width; left += cell, at++) {
                int32_t sums[4] = {0};
                naca_tick(core);
                for (int32_t row = top; row < top + cell; row++) {
                    for (int32_t column = left; column < left + cell; column++) {
                        add_pixel(&plane, row, column, sums);
                    }
                }
                for (uint32_t k = 0; k < kinds; k++) {
                    const uint32_t f = at + k * cells;
                    features[f] = (int16_t)feature_value(core, sums[k], f);
                }
            }
        }
    }
}

static void make_codes(naca_t *core, const int16_t *features, uint8_t *codes)
{
    const preparation_t *prep = &core->prep;
    const bool is_split = (prep->flags & PREP_SIGNED) != 0;
    const bool keeps_sign = (prep->flags & PREP_KEEPS_SIGN) != 0;
    const uint32_t largest = (1u << core->code_bits) - 1u;
    uint32_t squares = 0;
    for (uint32_t i = 0; i < prep->features; i++) {
        if (features[i] > 0 || is_split || keeps_sign) {
            squares += (uint32_t)((int32_t)features[i] * features[i]);
        }
    }
    const uint32_t norm = naca_square_root(squares);
    const uint32_t factor = norm > 0 ? ((uint32_t)prep->norm << 16) / norm : 0;
    for (uint32_t i = 0; i < prep->features; i++) {
        uint32_t code = (uint32_t)magnitude(features[i]);
        if (prep->norm != 0) {
            code = (code * factor + 32768u) >> 16;
        }
        code = code < largest ? code : largest;
        codes[i] = features[i] > 0 ? (uint8_t)code : 0;
        if (keeps_sign && features[i] < 0) {
            codes[i] = (uint8_t)(0u - code);
        }
        if (is_split) {
            codes[prep->features + i] = features[i] < 0 ? (uint8_t)code : 0;
        }
    }
}

uint8_t *naca_codes(naca_t *core)
{
    return AT(uint8_t, core, core->codes);
}

void naca_load_codes(naca_t *core, const naca_sample_t *sample)
{
    uint8_t *codes = AT(uint8_t, core, core->codes);
    if (sample->kind == NACA_CODES) {
        memmove(codes, sample->data, core->net.inputs); // which may be the same place
    } else if (sample->kind == NACA_EVENTS) {
        // A bit-plane code *is* its spikes, so these become a code again; other encoders' spikes
        // are taken from the list, step by step.
        const naca_event_t *events = sample->data;
        memset(codes, 0, core->net.inputs);
        for (uint32_t i = 0; i < sample->count && core->net.encoder == ENCODER_BITPLANE; i++) {
            codes[events[i].input] = (uint8_t)(codes[events[i].input] | 1u << events[i].step);
        }
    } else {
        // The list of input spikes is not in use yet, and it has room for all features.
        int16_t *features = AT(int16_t, core, core->spikes);
        make_features(core, sample, features);
        make_codes(core, features, codes);
    }
}

naca_status_t naca_prepare(naca_t *core, const naca_sample_t *sample, uint8_t *codes)
{
    if (core == NULL || codes == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    const naca_status_t status = naca_check_sample(core, sample);
    if (status != NACA_OK) {
        return status;
    }
    if (!is_raw(sample)) {
        return NACA_ERR_SAMPLE;
    }
    naca_load_codes(core, sample);
    memcpy(codes, AT(uint8_t, core, core->codes), core->net.inputs);
    return NACA_OK;
}
