#include "internal.h"

// Section 5: one time step of a population of leaky integrate-and-fire neurons.

static int32_t saturate(int32_t v)
{
    return clamp(v, -POTENTIAL_MAX, POTENTIAL_MAX);
}

static int32_t scale(int32_t x, uint32_t decay)
{
    return shift_down(x * (int32_t)decay, 8);
}

// The current of a neuron from the sum of its spiking weights.
static int32_t current_of(naca_t *core, const layer_t *layer, uint32_t neuron, int32_t sum)
{
    if (layer->curve == 0) {
        return sum * ((int32_t)1 << layer->p.current_shift);
    }
    const int32_t at = clamp(shift_down(sum, layer->p.curve_shift) + 128, 0, 255);
    if (layer->slopes != 0) {
        AT(uint8_t, core, layer->slopes)[neuron] = IN_IMAGE(uint8_t, core, layer->curve + 512u)[at];
    }
    return IN_IMAGE(int16_t, core, layer->curve)[at];
}

static void integrate_block(naca_t *core, layer_t *layer, const step_t *step, uint32_t block)
{
    int32_t sums[BLOCK];
    int32_t *v = AT(int32_t, core, layer->potentials) + block * BLOCK;
    const uint32_t left = layer->p.neurons - block * BLOCK;
    const uint32_t count = left < BLOCK ? left : BLOCK;
    const uint32_t decay = layer->p.decay;
    naca_accumulate(layer, AT(uint8_t, core, layer->weights), block, step->inputs, step->count, sums);
    if (layer->curve == 0 && layer->refractory == 0) { // the common case, kept free of branches
        const int32_t gain = (int32_t)1 << layer->p.current_shift;
        for (uint32_t k = 0; k < count; k++) {
            v[k] = saturate(scale(v[k], decay) + sums[k] * gain);
        }
        return;
    }
    for (uint32_t k = 0; k < count; k++) {
        const uint32_t j = block * BLOCK + k;
        int32_t current = current_of(core, layer, j, sums[k]);
        if (layer->refractory != 0 && AT(uint8_t, core, layer->refractory)[j] != 0) {
            current = 0; // a refractory neuron leaks, but hears nothing
        }
        v[k] = saturate(scale(v[k], decay) + current);
    }
}

static int32_t threshold_of(const naca_t *core, const layer_t *layer, uint32_t neuron)
{
    if (layer->wins != 0 && AT_CONST(uint16_t, core, layer->wins)[neuron] == 0) {
        return INT32_MAX; // silent until it is recruited
    }
    int32_t threshold = layer->p.threshold;
    if (layer->norms != 0) {
        threshold +=
            (int32_t)(AT_CONST(uint32_t, core, layer->norms)[neuron] >> layer->p.norm_shift);
    }
    if (layer->thresholds_added != 0) {
        threshold += AT_CONST(int32_t, core, layer->thresholds_added)[neuron];
    }
    return threshold;
}

// A neuron that crossed its threshold enters the list. With lateral inhibition the list is short and
// sorted, the greatest margin first; who is equal and came later stays behind.
static void enter(const naca_t *core, layer_t *layer, uint32_t neuron, int32_t margin)
{
    uint16_t *list = AT(uint16_t, core, layer->spikes);
    const int32_t *v = AT(int32_t, core, layer->potentials);
    uint32_t place = layer->spike_count;
    if (layer->p.winners != 0) {
        while (place > 0) {
            const uint32_t other = list[place - 1u];
            if (v[other] - threshold_of(core, layer, other) >= margin) {
                break;
            }
            place--;
        }
        if (place == layer->p.winners) {
            return;
        }
        const uint32_t kept = layer->spike_count < layer->p.winners ? layer->spike_count
                                                                    : layer->p.winners - 1u;
        memmove(list + place + 1u, list + place, 2u * (kept - place));
        layer->spike_count = (uint16_t)kept;
    }
    list[place] = (uint16_t)neuron;
    layer->spike_count++;
}

// Who crosses the threshold, and in the last step of learning who wins among those that the label's
// neuromodulator reaches.
static void compete(naca_t *core, layer_t *layer, const step_t *step)
{
    const population_t *p = &layer->p;
    const int32_t *v = AT(int32_t, core, layer->potentials);
    const uint16_t *wins = AT(uint16_t, core, layer->wins);
    const bool may_fire = step->index >= p->fire_from;
    int32_t best_score = 0;
    layer->margin = INT32_MIN;
    layer->winner = -1;
    for (uint32_t j = 0; j < p->neurons; j++) {
        const int32_t threshold = threshold_of(core, layer, j);
        const bool recruited = threshold != INT32_MAX;
        const int32_t margin = recruited ? v[j] - threshold : INT32_MIN;
        const bool refractory =
            layer->refractory != 0 && AT(uint8_t, core, layer->refractory)[j] != 0;
        if (margin > layer->margin) {
            layer->margin = margin;
        }
        if (may_fire && margin > 0 && !refractory) {
            enter(core, layer, j, margin);
        }
        if (step->gate != NULL && step->gate[j] > 0) {
            const int32_t score =
                recruited ? margin - (int32_t)((uint32_t)p->handicap * wins[j] >> 4) : p->recruit;
            if (layer->winner < 0 || score > best_score) {
                layer->winner = (int32_t)j;
                best_score = score;
            }
        }
    }
}

// The paper's post term: would spike with a margin to spare now, against spiked at the step before.
static void remember_spikes(naca_t *core, layer_t *layer, bool is_last)
{
    int8_t *post = AT(int8_t, core, layer->post);
    if (is_last) {
        const int32_t *v = AT(int32_t, core, layer->potentials);
        for (uint32_t j = 0; j < layer->p.neurons; j++) {
            const int32_t margin = v[j] - threshold_of(core, layer, j);
            post[j] = (int8_t)((margin > -layer->p.delta_margin ? 1 : 0) - post[j]);
        }
    } else {
        const uint16_t *list = AT(uint16_t, core, layer->spikes);
        memset(post, 0, layer->p.neurons);
        for (uint32_t s = 0; s < layer->spike_count; s++) {
            post[list[s]] = 1;
        }
    }
}

// What a spike does to the neuron that fired, and to the others.
static void fire(naca_t *core, layer_t *layer)
{
    const population_t *p = &layer->p;
    const uint16_t *list = AT(uint16_t, core, layer->spikes);
    int32_t *v = AT(int32_t, core, layer->potentials);
    int32_t *added = AT(int32_t, core, layer->thresholds_added);
    const int32_t inhibition = p->inhibition * layer->spike_count;
    for (uint32_t j = 0; inhibition != 0 && j < p->neurons; j++) {
        v[j] -= inhibition; // given back below to those that fired
    }
    for (uint32_t s = 0; s < layer->spike_count; s++) {
        const uint32_t j = list[s];
        v[j] += inhibition;
        v[j] = p->flags & POPULATION_SUBTRACT ? v[j] - threshold_of(core, layer, j) : 0;
        if (layer->refractory != 0) {
            AT(uint8_t, core, layer->refractory)[j] = p->refractory;
        }
        if (layer->thresholds_added != 0) {
            added[j] = saturate(added[j] + p->adaptation);
        }
        if (layer->counts != 0) {
            AT(uint8_t, core, layer->counts)[j]++;
        }
    }
    for (uint32_t j = 0; layer->spike_count != 0 && j < p->neurons; j++) {
        v[j] = saturate(v[j]);
    }
}

// Spike-triggered adaptation fades before the step; refractory time passes at its end.
static void fade(naca_t *core, layer_t *layer)
{
    int32_t *added = AT(int32_t, core, layer->thresholds_added);
    for (uint32_t j = 0; layer->thresholds_added != 0 && j < layer->p.neurons; j++) {
        added[j] = scale(added[j], layer->p.adaptation_decay);
    }
}

static void pass_refractory_time(naca_t *core, layer_t *layer)
{
    uint8_t *left = AT(uint8_t, core, layer->refractory);
    for (uint32_t j = 0; layer->refractory != 0 && j < layer->p.neurons; j++) {
        left[j] = (uint8_t)(left[j] > 0 ? left[j] - 1 : 0);
    }
}

static void update_traces(naca_t *core, layer_t *layer, const step_t *step)
{
    uint8_t *traces = AT(uint8_t, core, layer->traces);
    for (uint32_t i = 0; i < layer->rows; i++) {
        traces[i] = (uint8_t)scale(traces[i], layer->p.trace_decay);
    }
    for (uint32_t s = 0; s < step->count; s++) {
        const int32_t trace = traces[step->inputs[s]] + layer->p.trace_increment;
        traces[step->inputs[s]] = (uint8_t)(trace < 255 ? trace : 255);
    }
}

static void write_recordings(const naca_t *core, const layer_t *layer, const step_t *step)
{
    for (uint32_t j = 0; j < layer->p.neurons; j++) {
        if (step->potentials != NULL) {
            step->potentials[j] = AT_CONST(int32_t, core, layer->potentials)[j];
        }
        if (step->thresholds != NULL) {
            step->thresholds[j] = threshold_of(core, layer, j);
        }
    }
    if (step->spikes != NULL) {
        const uint16_t *list = AT_CONST(uint16_t, core, layer->spikes);
        memset(step->spikes, 0, layer->p.neurons);
        for (uint32_t s = 0; s < layer->spike_count; s++) {
            step->spikes[list[s]] = 1;
        }
    }
}

uint32_t naca_step_population(naca_t *core, layer_t *layer, const step_t *step)
{
    const bool is_last = step->index + 1u == core->net.steps;
    const uint32_t blocks = (layer->p.neurons + BLOCK - 1u) / BLOCK;
    if (layer->traces != 0 && layer->traces != core->codes) {
        update_traces(core, layer, step);
    }
    fade(core, layer);
    for (uint32_t b = 0; b < blocks; b++) {
        integrate_block(core, layer, step, b);
    }
    layer->spike_count = 0;
    if (is_last || step->index >= layer->p.fire_from) {
        compete(core, layer, step);
    }
    write_recordings(core, layer, step);
    if (layer->post != 0) {
        remember_spikes(core, layer, is_last);
    }
    pass_refractory_time(core, layer);
    fire(core, layer);
    return step->count * layer->p.neurons;
}
