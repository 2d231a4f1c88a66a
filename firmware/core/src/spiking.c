#include "stages.h"

// Frozen stages after the encoder (docs/arithmetic.md, section 5.6): spikes to spikes, event by
// event. A spike is passed on as soon as its neuron fires; sums are exact, so that order does not
// matter and no list of spikes is kept between stages.

#define MAX_BIAS ((int32_t)1 << 23)
#define MAX_THRESHOLD ((int32_t)1 << 26)
#define MAX_RESET ((uint32_t)1 << 24)

static bool is_within(int32_t x, int32_t most)
{
    return x >= -most && x <= most;
}

// Sections begin at multiples of 4.
static bool neurons_fit(const stage_record_t *r, uint32_t count, const void *neurons)
{
    const spiking_neuron_t *n = neurons;
    const uint32_t most_reset = r->flags & SPIKING_SUBTRACT ? MAX_RESET : 0;
    const uint32_t most_decay = r->flags & SPIKING_SYNAPSE ? 256 : 0;
    bool fit = true;
    for (; count != 0; count--, n++) {
        fit = fit && is_within(n->bias, MAX_BIAS) && is_within(n->threshold, MAX_THRESHOLD) &&
              (uint32_t)n->reset_by <= most_reset && n->decay <= 256 &&
              n->synapse_decay <= most_decay;
    }
    return fit;
}

// A pool passes on each spike to every window that it lies in.
static bool pool_fits(chain_t *chain, const stage_record_t *r)
{
    const stage_record_t *last = chain->last;
    const bool is_direct = chain->net->encoder == ENCODER_DIRECT;
    if ((r->flags | r->shift | r->refractory) != 0 ||
        naca_overlap(r) > NACA_MAX_STAGE_UNITS / chain->units || last->kind == SPIKING_POOL ||
        (is_direct && last->kind < SPIKING_CONVOLUTION)) {
        return false;
    }
    chain->is_counted = true;
    chain->most = (uint32_t)r->kernel[Y] * r->kernel[X];
    return chain->most <= MAX_SUM;
}

static naca_status_t check_convolution(chain_t *chain, const stage_record_t *r)
{
    const uint32_t units = (uint32_t)r->out[Y] * r->out[X] * r->maps;
    const uint32_t count = r->flags & SPIKING_OWN ? units : r->maps;
    const uint32_t size = (uint32_t)sizeof *r + count * (uint32_t)sizeof(spiking_neuron_t) +
                          ((naca_weight_count(r) + 3u) & ~3u);
    const uint32_t fan_in = (uint32_t)r->kernel[Y] * r->kernel[X] * (r->channels / r->groups);
    const stage_record_t *last = chain->last;
    const bool speaks_codes =
        chain->net->encoder == ENCODER_DIRECT && last->kind < SPIKING_CONVOLUTION;
    uint32_t most = chain->is_counted ? chain->most : 1u;
    if (speaks_codes) {
        most = (1u << chain->net->bits) - 1u;
    }
    if (chain->size != size) {
        return NACA_ERR_SECTION;
    }
    // What may reach a neuron in one step stays below 2^30.
    if (r->flags > 15 || r->shift > 7 || most > (MAX_SUM >> 7 >> r->shift) / fan_in ||
        r->refractory > (r->flags & SPIKING_SUBTRACT ? 0 : 254) || !neurons_fit(r, count, r + 1)) {
        return NACA_ERR_NETWORK;
    }
    chain->is_counted = false;
    return NACA_OK;
}

static naca_status_t check_spiking(chain_t *chain, const stage_record_t *r)
{
    const stage_record_t *last = chain->last;
    const bool is_pool = r->kind == SPIKING_POOL;
    if (r->kind > SPIKING_POOL || !naca_window_fits(chain, r, !is_pool) ||
        (r->gain | r->code_bits | r->bits) != 0 ||
        (last->kind == SPIKING_CONVOLUTION && (last->flags & SPIKING_READOUT) != 0) ||
        (last->bits != 0 && last->bits != chain->net->bits)) {
        return NACA_ERR_NETWORK;
    }
    if (!is_pool) {
        return check_convolution(chain, r);
    }
    if (chain->size != sizeof *r) {
        return NACA_ERR_SECTION;
    }
    return pool_fits(chain, r) ? NACA_OK : NACA_ERR_NETWORK;
}

static void rest_spiking(naca_t *core, naca_result_t *result)
{
    (void)result;
    memset(AT(uint8_t, core, core->resting), 0, core->resting_size);
}

// Where a unit of a stage's input lies.
typedef struct spot {
    uint32_t row;
    uint32_t column;
    uint32_t channel;
} spot_t;

static spot_t spot_of(const stage_t *stage, uint32_t unit)
{
    const stage_record_t *r = &stage->r;
    uint32_t pixel = unit / r->channels;
    spot_t spot;
    spot.channel = unit % r->channels;
    if (stage->channel_step != 1u) { // plane after plane
        spot.channel = unit / stage->channel_step;
        pixel = unit % stage->channel_step;
    }
    spot.row = pixel / r->in[X];
    spot.column = pixel % r->in[X];
    return spot;
}

// The first window along an axis that a place, counted with what lies before the input, is in.
static uint32_t first_window(const stage_record_t *r, uint32_t axis, uint32_t at)
{
    const uint32_t reach = ((uint32_t)r->kernel[axis] - 1u) * r->dilation[axis];
    return at > reach ? naca_ceil_div(at - reach, r->stride[axis]) : 0;
}

// Which tap of the kernel lies so far from a window's beginning: beyond the kernel if none does.
static uint32_t tap_at(const stage_record_t *r, uint32_t axis, uint32_t distance)
{
    const uint32_t dilation = r->dilation[axis];
    if (dilation == 1u) {
        return distance;
    }
    return distance % dilation == 0 ? distance / dilation : r->kernel[axis];
}

// A presynaptic spike, or a code, adds its weights to every neuron that it reaches.
static void scatter(naca_t *core, const stage_t *stage, const spot_t *spot, int32_t value,
                    naca_result_t *result)
{
    const stage_record_t *r = &stage->r;
    const uint32_t width = r->maps / r->groups;
    const uint32_t group = r->groups == 1u ? 0 : spot->channel / (r->channels / r->groups);
    const uint32_t y = spot->row + r->before[Y];
    const uint32_t x = spot->column + r->before[X];
    const uint32_t first = first_window(r, X, x);
    const int32_t gain = value * ((int32_t)1 << r->shift);
    const int8_t *weights = IN_IMAGE(int8_t, core, stage->weights) + spot->channel * width;
    int32_t *sums = AT(int32_t, core, stage->currents != 0 ? stage->currents : stage->potentials) +
                    group * width;
    uint32_t row = first_window(r, Y, y);
    naca_tick(core);
    for (; row < r->out[Y] && row * r->stride[Y] <= y; row++) {
        const uint32_t ky = tap_at(r, Y, y - row * r->stride[Y]);
        uint32_t column = first;
        for (; column < r->out[X] && column * r->stride[X] <= x; column++) {
            const uint32_t kx = tap_at(r, X, x - column * r->stride[X]);
            if (ky == r->kernel[Y] || kx == r->kernel[X]) {
                continue;
            }
            const int8_t *from = weights + (ky * r->kernel[X] + kx) * r->channels * width;
            int32_t *to = sums + (row * r->out[X] + column) * r->maps;
            naca_add_row(to, from, width, gain);
            result->synops += width;
        }
    }
}

static void append(naca_t *core, uint32_t unit)
{
    AT(uint16_t, core, core->arrived)[core->arrived_count++] = (uint16_t)unit;
}

// A pool has no neurons: it passes a spike on to what is behind it, once for every window that the
// spike lies in.
static void pass_on(naca_t *core, uint32_t index, const spot_t *spot, naca_result_t *result)
{
    const stage_record_t *r = &STAGE(core, index)->r;
    const uint32_t y = spot->row + r->before[Y];
    const uint32_t x = spot->column + r->before[X];
    const uint32_t first = first_window(r, X, x);
    spot_t to = {first_window(r, Y, y), 0, spot->channel};
    for (; to.row < r->out[Y] && to.row * r->stride[Y] <= y; to.row++) {
        for (to.column = first; to.column < r->out[X] && to.column * r->stride[X] <= x;
             to.column++) {
            if (index + 1u < core->stage_count) {
                scatter(core, STAGE(core, index + 1u), &to, 1, result);
            } else {
                append(core, (to.row * r->out[X] + to.column) * r->maps + to.channel);
            }
        }
    }
}

// Send a spike on to stage `index`, or behind the last one.
static void send(naca_t *core, uint32_t index, uint32_t unit, int32_t value, naca_result_t *result)
{
    if (index == core->stage_count) {
        append(core, unit);
        return;
    }
    const stage_t *stage = STAGE(core, index);
    const spot_t spot = spot_of(stage, unit);
    if (stage->r.kind == SPIKING_POOL) {
        pass_on(core, index, &spot, result);
    } else {
        scatter(core, stage, &spot, value, result);
    }
}

// How many neurons have parameters; the next ones share them in turn.
static uint32_t period_of(const stage_record_t *r)
{
    return r->flags & SPIKING_OWN ? (uint32_t)r->out[Y] * r->out[X] * r->maps : r->maps;
}

// Before anything arrives, what spikes add to fades, and the bias comes in.
static void fade(naca_t *core, const stage_t *stage)
{
    const bool has_synapse = stage->currents != 0;
    const uint32_t period = period_of(&stage->r);
    const spiking_neuron_t *neurons = IN_IMAGE(spiking_neuron_t, core, stage->parameters);
    int32_t *sums = AT(int32_t, core, has_synapse ? stage->currents : stage->potentials);
    naca_tick(core);
    for (uint32_t j = 0, at = 0; j < stage->units; j++) {
        const spiking_neuron_t *n = &neurons[at];
        sums[j] = scale(sums[j], has_synapse ? n->synapse_decay : n->decay) + n->bias;
        at = at + 1u < period ? at + 1u : 0;
    }
}

// Where a unit's recordings of this step are written, null pointers where nobody asked.
static void record(const naca_recording_t *recording, uint32_t at, bool spikes, int32_t v,
                   int32_t threshold)
{
    if (recording->spikes != NULL) {
        recording->spikes[at] = spikes ? 1 : 0;
    }
    if (recording->potentials != NULL) {
        recording->potentials[at] = v;
    }
    if (recording->thresholds != NULL) {
        recording->thresholds[at] = threshold;
    }
}

// When all has arrived: the potential, who spikes, and what a spike does to its own neuron.
static bool fire(naca_t *core, const stage_t *stage, const spiking_neuron_t *n, uint32_t unit,
                 const naca_recording_t *recording, uint32_t at)
{
    const stage_record_t *r = &stage->r;
    const bool is_readout = (r->flags & SPIKING_READOUT) != 0;
    int32_t *v = AT(int32_t, core, stage->potentials) + unit;
    uint8_t *left = stage->refractory != 0 ? AT(uint8_t, core, stage->refractory) + unit : NULL;
    if (stage->currents != 0) {
        int32_t *current = AT(int32_t, core, stage->currents) + unit;
        *current = saturate(*current);
        *v = scale(*v, n->decay) + *current;
    }
    *v = saturate(*v);
    bool spikes = !is_readout && *v > n->threshold;
    if (left != NULL && *left != 0) {
        (*left)--;
        *v = 0;
        spikes = false;
    }
    if (recording != NULL) {
        record(recording, at, spikes, *v, is_readout ? INT32_MAX : n->threshold);
    }
    if (spikes) {
        *v = r->flags & SPIKING_SUBTRACT ? saturate(*v - n->reset_by) : 0;
        if (left != NULL) {
            *left = r->refractory;
        }
    }
    if (stage->counts != 0 && (spikes || is_readout)) {
        if (naca_are_counts_wide(&core->net)) {
            AT(uint16_t, core, stage->counts)[unit]++;
        } else {
            AT(uint8_t, core, stage->counts)[unit]++;
        }
    }
    return spikes;
}

static void fire_all(naca_t *core, uint32_t index, const naca_recording_t *recording, uint32_t unit,
                     naca_result_t *result)
{
    const stage_t *stage = STAGE(core, index);
    const uint32_t period = period_of(&stage->r);
    const spiking_neuron_t *neurons = IN_IMAGE(spiking_neuron_t, core, stage->parameters);
    naca_tick(core);
    for (uint32_t j = 0, at = 0; j < stage->units; j++) {
        if (fire(core, stage, &neurons[at], j, recording, unit + j)) {
            result->spikes++;
            send(core, index + 1u, j, 1, result);
        }
        at = at + 1u < period ? at + 1u : 0;
    }
}

static void step_spiking(naca_t *core, uint32_t index, const naca_recording_t *recording,
                         naca_result_t *result)
{
    const uint16_t *sent = AT_CONST(uint16_t, core, core->spikes);
    const uint8_t *codes = AT_CONST(uint8_t, core, core->encoder_codes);
    const bool is_direct = core->net.encoder == ENCODER_DIRECT;
    const uint32_t count = core->spike_count;
    uint32_t unit = index * core->units;
    core->arrived_count = 0;
    for (uint32_t i = core->coded_count; i < core->stage_count; i++) {
        if (STAGE(core, i)->potentials != 0) {
            fade(core, STAGE(core, i));
        }
    }
    for (uint32_t s = 0; s < count; s++) {
        send(core, core->coded_count, sent[s], is_direct ? codes[sent[s]] : 1, result);
    }
    for (uint32_t i = core->coded_count; i < core->stage_count; i++) {
        const stage_t *stage = STAGE(core, i);
        if (stage->potentials != 0) {
            fire_all(core, i, recording, unit, result);
            unit += stage->units;
        }
    }
}

const family_t naca_spiking_family = {check_spiking, rest_spiking, step_spiking};

const naca_stages_t *naca_spiking_stages(void)
{
    static const naca_stages_t stages = STAGES(NULL, &naca_spiking_family, NULL);
    return &stages;
}
