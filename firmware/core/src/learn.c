#include "inhibition.h"

// Section 7: the three-factor rule. The weight from input i to neuron j changes by
//     rate[j] * signal[j] * post[j] * pre-term(i, weight)
// rounded stochastically, each factor chosen in the image.

typedef struct update {
    naca_t *core;
    const layer_t *layer;
    const uint16_t *inputs; // presynaptic units that spiked at the last step, the bias included
    uint32_t count;
    uint32_t key;
    uint32_t changes;
} update_t;

// The change that a synapse is offered, before rate and signal.
static int32_t pre_term(const update_t *u, uint32_t neuron, uint32_t input, int32_t weight,
                        bool grows)
{
    const layer_t *layer = u->layer;
    switch (layer->p.pre) {
    case PRE_ATTRACT:
        return naca_target(u->core, layer, input) - weight;
    case PRE_BOUNDED:
        return grows ? layer->p.weight_max - weight : weight - layer->p.weight_min;
    default:
        return layer->at[SLOPES] != 0 ? AT(uint8_t, u->core, layer->at[SLOPES])[neuron] : 1;
    }
}

static void change_weight(update_t *u, uint32_t neuron, uint32_t input, uint32_t index,
                          int32_t gain)
{
    const layer_t *layer = u->layer;
    uint8_t *weights = LEARNED(uint8_t, u->core, layer->at[WEIGHTS]);
    const uint32_t shift = layer->p.rate_shift;
    const uint32_t draw = naca_hash32(u->key ^ (neuron * layer->rows + input));
    const int32_t noise = (int32_t)(draw & (((uint32_t)1 << shift) - 1u));
    const int32_t old = naca_weight_get(layer, weights, index);
    const int32_t product = gain * pre_term(u, neuron, input, old, gain > 0);
    const int32_t moved = old + shift_down(product + noise, shift);
    const int32_t now = clamp(moved, layer->p.weight_min, layer->p.weight_max);
    if (now != old) {
        naca_weight_set(layer, weights, index, now);
        if (layer->at[NORMS] != 0) {
            uint32_t *norm = &AT(uint32_t, u->core, layer->at[NORMS])[neuron];
            *norm = *norm - (uint32_t)(old * old) + (uint32_t)(now * now);
        }
        if (layer->has_context != 0) {
            const int8_t *offset = LEARNED_CONST(int8_t, u->core, layer->at[OFFSET]);
            AT(int32_t, u->core, layer->at[PRODUCTS])[neuron] += (now - old) * offset[input];
        }
        u->changes++;
    }
}

// Attraction reaches all synapses of a neuron, the other pre-terms those whose input spiked.
static void change_neuron(update_t *u, uint32_t neuron, int32_t gain)
{
    const layer_t *layer = u->layer;
    const bool all = layer->p.pre == PRE_ATTRACT;
    const uint32_t width = naca_weight_step(layer, neuron);
    const uint32_t first = naca_weight_index(layer, neuron, 0);
    const uint32_t count = all ? layer->rows : u->count;
    naca_tick(u->core);
    if (gain > 0 && u->core->inhibition != 0 && layer == u->core->layers) {
        u->core->stages.at->inhibition->attract(u->core, neuron, gain);
    }
    for (uint32_t s = 0; gain != 0 && s < count; s++) {
        const uint32_t input = all ? s : u->inputs[s];
        change_weight(u, neuron, input, first + input * width, gain);
    }
}

// The rate of a neuron, which falls with its wins.
static int32_t rate_of(const update_t *u, uint32_t neuron)
{
    const uint32_t wins = LEARNED_CONST(uint16_t, u->core, u->layer->at[WINS])[neuron];
    const uint32_t rates = u->layer->p.rates;
    return IN_IMAGE(int16_t, u->core, u->layer->rate_table)[wins < rates ? wins : rates - 1u];
}

// Those behind the winner learn at the level of their rank and of their class's age.
static void learn_ranked(update_t *u, const int8_t *row, uint32_t label)
{
    const layer_t *layer = u->layer;
    const uint16_t *list = AT_CONST(uint16_t, u->core, layer->at[RANKED]);
    uint32_t age = 0;
    uint32_t seen = LEARNED_CONST(uint32_t, u->core, 0)[1u + label];
    for (; seen != 0 && age + 1u < layer->p.ages; seen >>= 1) {
        age++;
    }
    const uint8_t *levels = IN_IMAGE(uint8_t, u->core, layer->levels) + age * layer->p.ranks;
    for (uint32_t r = 0; r < layer->ranked; r++) {
        const int32_t signal = shift_down((int32_t)row[list[r]] * levels[r], 6);
        change_neuron(u, list[r], rate_of(u, list[r]) * signal);
    }
}

// Expectation-gated competition: the neuron that won among those the label reaches is pulled
// towards the input, neurons that fired although the label pushes them down are pushed.
static void learn_winner(update_t *u, layer_t *layer, const int8_t *row, uint32_t label)
{
    naca_t *core = u->core;
    uint16_t *list = AT(uint16_t, core, layer->at[SPIKES]);
    uint16_t *wins = LEARNED(uint16_t, core, layer->at[WINS]);
    const bool is_noted = layer->at[OFFSET] != 0 && naca_is_mature(core, layer, label);
    if (is_noted) {
        naca_note_residual(core, layer);
    }
    for (uint32_t s = 0; s < layer->spike_count; s++) {
        if (row[list[s]] < 0 && wins[list[s]] >= layer->p.depress_from) {
            change_neuron(u, list[s], (int32_t)layer->p.depress_rate * row[list[s]]);
        }
    }
    layer->spike_count = 0;
    if (layer->winner >= 0) {
        const uint32_t j = (uint32_t)layer->winner;
        change_neuron(u, j, rate_of(u, j) * row[j]);
        learn_ranked(u, row, label);
        if (wins[j] < UINT16_MAX) {
            wins[j]++;
        }
        list[0] = (uint16_t)j; // what the next population is taught by
        layer->spike_count = 1;
    }
    if (layer->at[PRIORS] != 0) {
        naca_learn_priors(core, layer);
    }
    if (is_noted) {
        naca_settle_context(core, layer);
    }
}

// The error of an output neuron, expectation minus rate, in 64ths.
static int32_t error_of(const naca_t *core, const layer_t *layer, uint32_t neuron, uint32_t label)
{
    const uint32_t window = naca_steps(&core->net) - layer->p.fire_from;
    const uint32_t rate = 64u * AT_CONST(uint8_t, core, layer->at[COUNTS])[neuron] / window;
    return (neuron == label ? 64 : 0) - (int32_t)rate;
}

uint32_t naca_learn_population(naca_t *core, uint32_t population, uint32_t label)
{
    layer_t *layer = &core->layers[population];
    const population_t *p = &layer->p;
    if (p->post == POST_NONE) {
        return 0;
    }
    uint16_t *inputs = AT(uint16_t, core, core->arrived);
    uint32_t count = core->arrived_count;
    if (population > 0) {
        inputs = AT(uint16_t, core, core->layers[population - 1u].at[SPIKES]);
        count = core->layers[population - 1u].spike_count;
    }
    if ((p->flags & POPULATION_BIAS) != 0) {
        inputs[count++] = (uint16_t)(layer->rows - 1u); // there is room (workspace.c)
    }
    update_t u = {
        core, layer, inputs, count, naca_hash32(naca_presentation_key(core) + population + 1u), 0};
    const int8_t *row = naca_label_row(core, layer, label);
    if (core->inhibition != 0 && population == 0) {
        core->stages.at->inhibition->learn(core, layer);
    }
    if (p->post == POST_WINNER) {
        learn_winner(&u, layer, row, label);
        return u.changes;
    }
    const int32_t rate = IN_IMAGE(int16_t, core, layer->rate_table)[0];
    for (uint32_t j = 0; j < p->neurons; j++) {
        const int32_t post = p->post == POST_DELTA ? AT(int8_t, core, layer->at[POST])[j] : 1;
        const int32_t signal = p->signal == SIGNAL_ERROR ? error_of(core, layer, j, label) : row[j];
        change_neuron(&u, j, rate * signal * post);
    }
    return u.changes;
}

naca_status_t naca_learn(naca_t *core, const naca_sample_t *sample, uint32_t label,
                         naca_result_t *result)
{
    const lesson_t lesson = {label, naca_compete_gated};
    if (core == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    if (label >= core->net.capacity) {
        return NACA_ERR_LABEL;
    }
    if (core->is_frozen != 0) {
        return NACA_ERR_FROZEN;
    }
    const naca_status_t status = naca_present(core, sample, &lesson, NULL, result);
    if (status != NACA_OK) {
        return status;
    }
    for (uint32_t i = 0; i < core->net.populations; i++) {
        result->changes += naca_learn_population(core, i, label);
    }
    uint32_t *learned = LEARNED(uint32_t, core, 0);
    learned[0]++;
    learned[1u + label]++;
    if (core->stages.at != NULL && core->inhibition != 0) {
        core->stages.at->inhibition->renew(core);
    }
    core->counters.changes += result->changes;
    return NACA_OK;
}
