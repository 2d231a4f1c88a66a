#include "stages.h"

// Frozen stages before the encoder (docs/arithmetic.md, section 3.1): codes to codes. Codes that
// are 0 cost nothing: work follows what is there.

#define MAX_BIAS ((int32_t)1 << 26)
enum {
    MAX_SHIFT = 23,
    TICK = 16 // channels of a pixel that are added in one go where each has few weights
};

// Sections begin at multiples of 4.
static bool maps_fit(uint32_t count, const void *maps)
{
    const coded_map_t *map = maps;
    bool fit = true;
    for (; count != 0; count--, map++) {
        fit = fit && map->bias <= MAX_BIAS && map->bias >= -MAX_BIAS && map->shift <= MAX_SHIFT;
    }
    return fit;
}

// The sum, and the sum times the gain, stay below 2^30.
static bool pool_fits(const stage_record_t *r)
{
    const bool is_max = r->flags == CODED_MAX;
    const uint32_t area = (uint32_t)r->kernel[Y] * r->kernel[X];
    const uint32_t most = (1u << r->code_bits) - 1u;
    return r->flags <= CODED_MAX && r->shift <= MAX_SHIFT && r->gain != 0 &&
           area <= MAX_SUM / most && r->gain <= MAX_SUM / (area * most) &&
           !(is_max && (r->gain != 1 || r->shift != 0));
}

static naca_status_t check_coded(chain_t *chain, const stage_record_t *r)
{
    const bool is_pool = r->kind == CODED_POOL;
    const stage_record_t *last = chain->last;
    uint32_t size = (uint32_t)sizeof *r;
    if (!naca_window_fits(chain, r, !is_pool) || r->code_bits - 1u > 7u || r->bits - 1u > 7u ||
        r->refractory != 0 ||
        (last->maps != 0 && last->bits != r->code_bits)) { // which are 0 after spiking stages
        return NACA_ERR_NETWORK;
    }
    if (!is_pool) {
        size += r->maps * (uint32_t)sizeof(coded_map_t) + ((naca_weight_count(r) + 3u) & ~3u);
    }
    if (size != chain->size) {
        return NACA_ERR_SECTION;
    }
    const bool fits =
        is_pool ? pool_fits(r) : (r->flags | r->gain | r->shift) == 0 && maps_fit(r->maps, r + 1);
    return fits ? NACA_OK : NACA_ERR_NETWORK;
}

// What a stage does at one place of its output.
typedef struct output {
    const naca_t *core;
    const stage_t *stage;
    const uint8_t *codes;
    const int8_t *weights;
    int32_t *sums; // one for each map
    uint32_t synops;
} output_t;

// The channels of one pixel under a convolution's kernel.
static void add_pixel(output_t *p, const uint8_t *pixel, const int8_t *weights)
{
    const stage_record_t *r = &p->stage->r;
    const uint32_t width = r->maps / r->groups;
    const uint32_t share = r->channels / r->groups;
    for (uint32_t c = 0; c < r->channels; c++) {
        const int32_t code = pixel[c * p->stage->channel_step];
        if (c % TICK == 0 || width > NACA_MAX_UNITS) {
            naca_tick(p->core);
        }
        if (code != 0) {
            int32_t *sums = p->sums + (r->groups == 1u ? 0 : c / share * width);
            naca_add_row(sums, weights + c * width, width, code);
            p->synops += width;
        }
    }
}

// The channels of one pixel under a pool.
static void pool_pixel(output_t *p, const uint8_t *pixel)
{
    const bool is_max = p->stage->r.flags == CODED_MAX;
    naca_tick(p->core);
    for (uint32_t c = 0; c < p->stage->r.channels; c++) {
        const int32_t code = pixel[c * p->stage->channel_step];
        if (!is_max) {
            p->sums[c] += code;
        } else if (code > p->sums[c]) {
            p->sums[c] = code;
        }
    }
}

static void add_window(output_t *p, uint32_t row, uint32_t column)
{
    const stage_t *stage = p->stage;
    const stage_record_t *r = &stage->r;
    const uint32_t step = r->channels * (uint32_t)(r->maps / r->groups);
    for (uint32_t ky = 0; ky < r->kernel[Y]; ky++) {
        const int32_t y = (int32_t)(row * r->stride[Y] + ky * r->dilation[Y]) - r->before[Y];
        if (y < 0 || y >= r->in[Y]) {
            continue;
        }
        for (uint32_t kx = 0; kx < r->kernel[X]; kx++) {
            const int32_t x = (int32_t)(column * r->stride[X] + kx * r->dilation[X]) - r->before[X];
            if (x < 0 || x >= r->in[X]) {
                continue;
            }
            const uint8_t *pixel =
                p->codes + ((uint32_t)y * r->in[X] + (uint32_t)x) * stage->pixel_step;
            if (r->kind == CODED_POOL) {
                pool_pixel(p, pixel);
            } else {
                add_pixel(p, pixel, p->weights + (ky * r->kernel[X] + kx) * step);
            }
        }
    }
}

static void write_codes(const naca_t *core, const output_t *p, uint8_t *codes)
{
    const stage_record_t *r = &p->stage->r;
    const coded_map_t *maps = IN_IMAGE(coded_map_t, core, p->stage->parameters);
    const int32_t largest = ((int32_t)1 << r->bits) - 1;
    for (uint32_t m = 0; m < r->maps; m++) {
        const bool is_pool = r->kind == CODED_POOL;
        const uint32_t shift = is_pool ? r->shift : maps[m].shift;
        const int32_t sum = is_pool ? p->sums[m] * (int32_t)r->gain : p->sums[m] + maps[m].bias;
        const int32_t half = (int32_t)((uint32_t)1 << shift >> 1);
        codes[m] = (uint8_t)clamp(shift_down(sum + half, shift), 0, largest);
    }
}

static void run_stage(naca_t *core, const stage_t *stage, const uint8_t *codes,
                      naca_result_t *result)
{
    const stage_record_t *r = &stage->r;
    output_t output = {
        core, stage, codes, IN_IMAGE(int8_t, core, stage->weights), AT(int32_t, core, core->sums),
        0};
    uint8_t *out = AT(uint8_t, core, stage->codes);
    for (uint32_t row = 0; row < r->out[Y]; row++) {
        for (uint32_t column = 0; column < r->out[X]; column++) {
            naca_tick(core);
            memset(output.sums, 0, r->maps * sizeof *output.sums);
            add_window(&output, row, column);
            write_codes(core, &output, out);
            out += r->maps;
        }
    }
    result->synops += output.synops;
}

static void run_coded(naca_t *core, naca_result_t *result)
{
    const uint8_t *codes = AT(uint8_t, core, core->codes);
    for (uint32_t i = 0; i < core->coded_count; i++) {
        const stage_t *stage = STAGE(core, i);
        run_stage(core, stage, codes, result);
        codes = AT(uint8_t, core, stage->codes);
    }
}

const family_t naca_coded_family = {check_coded, run_coded, NULL};

const naca_stages_t *naca_coded_stages(void)
{
    static const naca_stages_t stages = STAGES(&naca_coded_family, NULL, NULL);
    return &stages;
}
