#include "internal.h"

// Section 5: what a population may be, and one time step of its leaky integrate-and-fire neurons.

enum { LARGEST_GAP = 0xfffff, LARGEST_DISTANCE = 0x3fffff, LARGEST_SQUARE = 0x400000 };

static const field_t population_fields[] = {
    {offsetof(population_t, neurons), U16 | FROM_1, NACA_MAX_UNITS},
    {offsetof(population_t, flags), U16 | FROM_0, 15},
    {offsetof(population_t, zero_point), U8 | FROM_0, 15},
    {offsetof(population_t, decay), U16 | FROM_0, 256},
    {offsetof(population_t, current_shift), U8 | FROM_0, 7},
    {offsetof(population_t, refractory), U8 | FROM_0, 254},
    {offsetof(population_t, norm_shift), U8 | FROM_0, 24},
    {offsetof(population_t, threshold), I32 | SYMMETRIC, 1u << (26 - STEP)},
    {offsetof(population_t, inhibition), I32 | FROM_0, 1u << (15 - STEP)},
    {offsetof(population_t, adaptation), I32 | FROM_0, 1u << (20 - STEP)},
    {offsetof(population_t, adaptation_decay), U16 | FROM_0, 256},
    {offsetof(population_t, post), U8 | FROM_0, POST_WINNER},
    {offsetof(population_t, signal), U8 | FROM_0, SIGNAL_ERROR},
    {offsetof(population_t, pre), U8 | FROM_0, PRE_BOUNDED},
    {offsetof(population_t, trace_shift), I8 | SYMMETRIC, 8},
    {offsetof(population_t, trace_decay), U16 | FROM_0, 256},
    {offsetof(population_t, rate_shift), U8 | FROM_1, 28},
    {offsetof(population_t, handicap), U16 | FROM_0, 4095},
    {offsetof(population_t, recruit), I32 | SYMMETRIC, 1u << (27 - STEP)},
    {offsetof(population_t, delta_margin), I32 | FROM_0, 1u << (24 - STEP)},
    {offsetof(population_t, curve_shift), U8 | FROM_0, 24},
    {offsetof(population_t, ranks), U8 | FROM_0, NACA_MAX_RANKS},
    {offsetof(population_t, ages), U8 | FROM_0, 16},
    {offsetof(population_t, reserved), U16 | FROM_0, 0},
};

// Priors, a second context, and answering none.
static bool doubts_fit(const population_t *p, const network_t *net)
{
    const bool has_doubts = p->drift != 0 || p->unknown != 0;
    if (!has_doubts && p->share == 0 && p->rarity == 0) {
        return true;
    }
    if (p->post != POST_WINNER || p->pre != PRE_ATTRACT || (p->drift != 0 && p->trace_shift < 0)) {
        return false;
    }
    return !has_doubts || p->fire_from + 1u == naca_steps(net);
}

// What no single field can say.
bool naca_population_fits(const population_t *p, const network_t *net, bool is_output)
{
    const int32_t zero = p->zero_point;
    const bool four = p->weight_bits == 4;
    if (!FIELDS_FIT(p, population_fields) || (!four && (p->weight_bits != 8 || zero != 0)) ||
        (four && (p->weight_min < -zero || p->weight_max > 15 - zero)) || p->weight_min > 0 ||
        p->weight_max < 0) {
        return false;
    }
    if ((is_output && p->neurons != net->capacity) || p->fire_from >= naca_steps(net) ||
        p->winners > p->neurons) {
        return false;
    }
    if (p->signal == SIGNAL_ERROR && (!is_output || p->post == POST_WINNER)) {
        return false;
    }
    if ((p->ranks == 0) != (p->ages == 0) || (p->ranks != 0 && p->post != POST_WINNER)) {
        return false;
    }
    if (!doubts_fit(p, net)) {
        return false;
    }
    if (p->pre == PRE_ATTRACT && (p->flags & POPULATION_BIAS) != 0) {
        return false;
    }
    return p->post == POST_NONE || (p->rates >= 1 && p->rates <= NACA_MAX_RATES);
}

// The current of a neuron whose current passes through a table.
static int32_t curved_current(naca_t *core, const layer_t *layer, uint32_t neuron, int32_t sum)
{
    const int32_t at = clamp(shift_down(sum, layer->p.curve_shift) + 128, 0, 255);
    if (layer->at[SLOPES] != 0) {
        const uint8_t *slopes = IN_IMAGE(uint8_t, core, layer->curve + 512u);
        AT(uint8_t, core, layer->at[SLOPES])[neuron] = slopes[at];
    }
    return IN_IMAGE(int16_t, core, layer->curve)[at];
}

static void integrate_block(naca_t *core, layer_t *layer, const step_t *step, uint32_t block)
{
    int32_t sums[BLOCK];
    int32_t *v = AT(int32_t, core, layer->at[POTENTIALS]) + block * BLOCK;
    const uint32_t left = layer->p.neurons - block * BLOCK;
    const uint32_t count = left < BLOCK ? left : BLOCK;
    const uint32_t decay = layer->p.decay;
    const int32_t gain = (int32_t)1 << layer->p.current_shift;
    // Constant through the loop, so that compilers split it and the common case has no branches.
    const bool curved = layer->curve != 0;
    const uint8_t *refractory =
        layer->at[REFRACTORY] != 0 ? AT(uint8_t, core, layer->at[REFRACTORY]) : NULL;
    const uint8_t *weights = LEARNED(uint8_t, core, layer->at[WEIGHTS]);
    const uint32_t on = step->count - step->off;
    naca_accumulate(layer, weights, block, step->inputs, on, sums);
    if (step->off != 0) {
        int32_t off[BLOCK];
        naca_accumulate(layer, weights, block, step->inputs + on, step->off, off);
        for (uint32_t k = 0; k < BLOCK; k++) {
            sums[k] -= off[k];
        }
    }
    for (uint32_t k = 0; k < count; k++) {
        const uint32_t j = block * BLOCK + k;
        int32_t current = curved ? curved_current(core, layer, j, sums[k]) : sums[k] * gain;
        if (refractory != NULL && refractory[j] != 0) {
            current = 0; // a refractory neuron leaks, but hears nothing
        }
        v[k] = saturate(scale(v[k], decay) + current);
    }
}

static int32_t threshold_of(const naca_t *core, const layer_t *layer, uint32_t neuron)
{
    int32_t threshold = layer->p.threshold;
    if (layer->at[WINS] != 0 && LEARNED_CONST(uint16_t, core, layer->at[WINS])[neuron] == 0) {
        return INT32_MAX; // silent until it is recruited
    }
    if (layer->at[NORMS] != 0) {
        const uint32_t norm = AT_CONST(uint32_t, core, layer->at[NORMS])[neuron];
        threshold += (int32_t)(norm >> layer->p.norm_shift);
    }
    if (layer->at[ADAPTATION] != 0) {
        threshold += AT_CONST(int32_t, core, layer->at[ADAPTATION])[neuron];
    }
    if (layer->at[PRIORS] != 0) {
        threshold -= AT_CONST(int32_t, core, layer->at[PRIORS])[neuron];
    }
    if (layer->context != 0) {
        threshold += naca_context_shift(core, layer, neuron);
    }
    return threshold;
}

// Potential above threshold; INT32_MIN for a neuron that is not recruited yet.
static inline int32_t margin_of(const naca_t *core, const layer_t *layer, uint32_t neuron)
{
    const int32_t threshold = threshold_of(core, layer, neuron);
    const int32_t v = AT_CONST(int32_t, core, layer->at[POTENTIALS])[neuron];
    return threshold != INT32_MAX ? v - threshold : INT32_MIN;
}

// The same without the prior.
static int32_t plain_margin(const naca_t *core, const layer_t *layer, uint32_t neuron)
{
    const int32_t margin = margin_of(core, layer, neuron);
    if (layer->at[PRIORS] == 0 || margin == INT32_MIN) {
        return margin;
    }
    return margin - AT_CONST(int32_t, core, layer->at[PRIORS])[neuron];
}

// Put a neuron at `place` of a sorted list of `*count`, which holds `most` at most; `place` is not
// above *count. Who no longer has room falls out at the end.
static void insert(uint16_t *list, uint32_t *count, uint32_t most, uint32_t place, uint32_t neuron)
{
    if (place == most) {
        return;
    }
    const uint32_t kept = *count < most ? *count : most - 1u;
    memmove(list + place + 1u, list + place, 2u * (kept - place));
    list[place] = (uint16_t)neuron;
    *count = kept + 1u;
}

// A neuron that crossed its threshold enters the list. With lateral inhibition the list is short
// and sorted, the greatest margin first; who is equal and came later stays behind.
static void enter(naca_t *core, layer_t *layer, uint32_t neuron, int32_t margin)
{
    uint16_t *list = AT(uint16_t, core, layer->at[SPIKES]);
    uint32_t place = layer->spike_count;
    if (layer->p.winners == 0) {
        list[place] = (uint16_t)neuron;
        layer->spike_count++;
        return;
    }
    naca_tick(core);
    while (place > 0 && margin_of(core, layer, list[place - 1u]) < margin) {
        place--;
    }
    insert(list, &layer->spike_count, layer->p.winners, place, neuron);
}

// Hear the sample in the context in which it is nearest to one of all neurons, or, gated, of those
// that the label reaches. Stays as it is where none of these is recruited.
static void choose_context(const naca_t *core, layer_t *layer, const int8_t *gate)
{
    const uint32_t before = layer->context;
    int32_t best = INT32_MIN;
    uint32_t nearest = before;
    for (layer->context = 0; layer->context < 2u; layer->context++) {
        naca_tick(core);
        for (uint32_t j = 0; j < layer->p.neurons; j++) {
            if (gate != NULL && gate[j] <= 0) {
                continue;
            }
            const int32_t margin =
                gate == NULL ? margin_of(core, layer, j) : plain_margin(core, layer, j);
            if (margin > best) {
                best = margin;
                nearest = layer->context;
            }
        }
    }
    layer->context = nearest;
}

// Who crosses the threshold.
static void compete(naca_t *core, layer_t *layer)
{
    const uint8_t *refractory = AT_CONST(uint8_t, core, layer->at[REFRACTORY]);
    const bool has_refractory = layer->at[REFRACTORY] != 0;
    int32_t best = INT32_MIN;
    if (layer->has_context != 0) {
        naca_measure_context(core, layer);
        choose_context(core, layer, NULL);
    }
    for (uint32_t j = 0; j < layer->p.neurons; j++) {
        const int32_t margin = margin_of(core, layer, j);
        if (margin > best) {
            best = margin;
        }
        if (margin > 0 && (!has_refractory || refractory[j] == 0)) {
            enter(core, layer, j, margin);
        }
    }
    layer->margin = best;
}

// A label's neuromodulator at every neuron, null where the error takes its place.
const int8_t *naca_label_row(const naca_t *core, const layer_t *layer, uint32_t label)
{
    return layer->table != 0 ? IN_IMAGE(int8_t, core, layer->table + label * layer->p.neurons)
                             : NULL;
}

// How a neuron stands in the gated competition.
static int32_t score_of(const naca_t *core, const layer_t *layer, uint32_t neuron)
{
    const uint32_t wins = LEARNED_CONST(uint16_t, core, layer->at[WINS])[neuron];
    const int32_t lost = (int32_t)(layer->p.handicap * wins >> 4);
    return wins != 0 ? plain_margin(core, layer, neuron) - lost : layer->p.recruit;
}

// Who stands behind the winner, of those that are recruited: sorted as `enter` does it.
static void rank(naca_t *core, layer_t *layer, const int8_t *gate)
{
    const uint16_t *wins = LEARNED_CONST(uint16_t, core, layer->at[WINS]);
    uint16_t *list = AT(uint16_t, core, layer->at[RANKED]);
    layer->ranked = 0;
    for (uint32_t j = 0; layer->p.ranks != 0 && j < layer->p.neurons; j++) {
        if (gate[j] > 0 && wins[j] != 0 && (int32_t)j != layer->winner) {
            const int32_t score = score_of(core, layer, j);
            uint32_t place = layer->ranked;
            naca_tick(core);
            while (place > 0 && score_of(core, layer, list[place - 1u]) < score) {
                place--;
            }
            insert(list, &layer->ranked, layer->p.ranks, place, j);
        }
    }
}

// Half the squared norm of the traces, in potentials.
static int32_t half_square(const naca_t *core, const layer_t *layer)
{
    const population_t *p = &layer->p;
    uint32_t square = 0;
    for (uint32_t i = 0; i < layer->rows; i++) {
        const int32_t trace = naca_trace(core, layer, i);
        square += (uint32_t)(trace * trace);
    }
    if (p->trace_shift < 1) {
        return (int32_t)(square >> (1 - p->trace_shift));
    }
    return (int32_t)((square < LARGEST_SQUARE ? square : LARGEST_SQUARE) << (p->trace_shift - 1));
}

// Whether the sample is too far from what is known of any class.
static void judge(naca_t *core, layer_t *layer)
{
    const uint16_t *owners = AT_CONST(uint16_t, core, layer->at[OWNERS]);
    int32_t *best = AT(int32_t, core, layer->at[CLASSES]);
    for (uint32_t c = 0; c < core->net.capacity; c++) {
        best[c] = INT32_MIN;
    }
    for (uint32_t j = 0; j < layer->p.neurons; j++) {
        const int32_t margin = plain_margin(core, layer, j);
        if (owners[j] < core->net.capacity && margin > best[owners[j]]) {
            best[owners[j]] = margin;
        }
    }
    const uint32_t novelty = naca_novelty(core, layer, half_square(core, layer));
    layer->is_unknown = novelty > layer->p.unknown ? 1u : 0u;
}

// How far the label's class lies behind its winner, and how far that is: what means learn from.
static void measure_class(const naca_t *core, layer_t *layer)
{
    const uint16_t *owners = AT_CONST(uint16_t, core, layer->at[OWNERS]);
    const uint16_t *wins = LEARNED_CONST(uint16_t, core, layer->at[WINS]);
    layer->measured = NOTHING;
    if (layer->winner < 0 || wins[layer->winner] == 0) {
        return;
    }
    const uint16_t owner = owners[layer->winner];
    const int32_t best = plain_margin(core, layer, (uint32_t)layer->winner);
    const int32_t distance = half_square(core, layer) - best - layer->p.threshold;
    uint32_t sum = 0;
    uint32_t count = 0;
    for (uint32_t j = 0; j < layer->p.neurons; j++) {
        if (owners[j] == owner && wins[j] != 0) {
            sum += (uint32_t)clamp(best - plain_margin(core, layer, j), 0, LARGEST_GAP);
            count++;
        }
    }
    layer->distance = (uint32_t)clamp(distance, 0, LARGEST_DISTANCE);
    layer->gap = sum / count; // NOLINT(*-core.DivideZero): the winner is one of them
    layer->measured = count > 1u ? GAP_AND_DISTANCE : DISTANCE_ALONE;
}

void naca_compete_gated(naca_t *core, layer_t *layer, uint32_t label)
{
    const int8_t *gate = naca_label_row(core, layer, label);
    const uint32_t context = layer->context;
    int32_t best = 0;
    if (layer->has_context != 0) {
        choose_context(core, layer, gate);
    }
    layer->winner = -1;
    for (uint32_t j = 0; j < layer->p.neurons; j++) {
        if (gate[j] > 0) {
            const int32_t score = score_of(core, layer, j);
            if (layer->winner < 0 || score > best) {
                layer->winner = (int32_t)j;
                best = score;
            }
        }
    }
    rank(core, layer, gate);
    if (layer->at[PRIORS] != 0) {
        measure_class(core, layer);
    }
    layer->learns_in = layer->context;
    layer->context = context;
}

static void mark_spikes(const naca_t *core, const layer_t *layer, uint8_t *marks)
{
    const uint16_t *list = AT_CONST(uint16_t, core, layer->at[SPIKES]);
    memset(marks, 0, layer->p.neurons);
    for (uint32_t s = 0; s < layer->spike_count; s++) {
        marks[list[s]] = 1;
    }
}

// The paper's post term: would spike with a margin to spare now, against spiked at the step before.
static void remember_spikes(naca_t *core, layer_t *layer, bool is_last)
{
    int8_t *post = AT(int8_t, core, layer->at[POST]);
    for (uint32_t j = 0; is_last && j < layer->p.neurons; j++) {
        const int32_t spikes = margin_of(core, layer, j) > -layer->p.delta_margin ? 1 : 0;
        post[j] = (int8_t)(spikes - post[j]);
    }
    if (!is_last) {
        mark_spikes(core, layer, (uint8_t *)post);
    }
}

// What a spike does to the neuron that fired, and to the others.
static void fire(naca_t *core, layer_t *layer)
{
    const population_t *p = &layer->p;
    const uint16_t *list = AT(uint16_t, core, layer->at[SPIKES]);
    int32_t *v = AT(int32_t, core, layer->at[POTENTIALS]);
    const int32_t inhibition = p->inhibition * (int32_t)layer->spike_count;
    for (uint32_t s = 0; s < layer->spike_count; s++) {
        const uint32_t j = list[s];
        // Inhibition is for the others: what the loop below takes is added beforehand.
        v[j] = p->flags & POPULATION_SUBTRACT ? v[j] - threshold_of(core, layer, j) : 0;
        v[j] += inhibition;
        if (layer->at[REFRACTORY] != 0) {
            AT(uint8_t, core, layer->at[REFRACTORY])[j] = (uint8_t)(p->refractory + 1u);
        }
        if (layer->at[ADAPTATION] != 0) {
            int32_t *added = &AT(int32_t, core, layer->at[ADAPTATION])[j];
            *added = saturate(*added + p->adaptation);
        }
        if (layer->at[COUNTS] != 0) {
            AT(uint8_t, core, layer->at[COUNTS])[j]++;
        }
    }
    for (uint32_t j = 0; layer->spike_count != 0 && j < p->neurons; j++) {
        v[j] = saturate(v[j] - inhibition);
    }
}

// Before a step, spike-triggered adaptation fades and refractory time passes.
static void pass_time(naca_t *core, layer_t *layer)
{
    for (uint32_t j = 0; j < layer->p.neurons; j++) {
        if (layer->at[ADAPTATION] != 0) {
            int32_t *added = &AT(int32_t, core, layer->at[ADAPTATION])[j];
            *added = scale(*added, layer->p.adaptation_decay);
        }
        if (layer->at[REFRACTORY] != 0 && AT(uint8_t, core, layer->at[REFRACTORY])[j] != 0) {
            AT(uint8_t, core, layer->at[REFRACTORY])[j]--;
        }
    }
}

static void update_traces(naca_t *core, layer_t *layer, const step_t *step)
{
    uint8_t *traces = AT(uint8_t, core, layer->at[TRACES]);
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
    if (step->potentials != NULL) {
        memcpy(step->potentials, AT_CONST(int32_t, core, layer->at[POTENTIALS]),
               layer->p.neurons * sizeof(int32_t));
    }
    for (uint32_t j = 0; step->thresholds != NULL && j < layer->p.neurons; j++) {
        step->thresholds[j] = threshold_of(core, layer, j);
    }
    if (step->spikes != NULL) {
        mark_spikes(core, layer, step->spikes);
    }
}

uint32_t naca_step_population(naca_t *core, layer_t *layer, const step_t *step)
{
    const bool is_last = step->index + 1u == naca_steps(&core->net);
    const uint32_t blocks = (layer->p.neurons + BLOCK - 1u) / BLOCK;
    if (layer->at[TRACES] !=
        core->encoder_codes) { // or else the codes are the trace, or there is none
        update_traces(core, layer, step);
    }
    if (layer->at[ADAPTATION] != 0 || layer->at[REFRACTORY] != 0) {
        pass_time(core, layer);
    }
    for (uint32_t b = 0; b < blocks; b++) {
        naca_tick(core);
        integrate_block(core, layer, step, b);
    }
    layer->spike_count = 0;
    layer->context = 0;
    if (step->index >= layer->p.fire_from) { // which the last step always is
        compete(core, layer);
    }
    if (is_last && layer->p.unknown != 0) {
        judge(core, layer);
    }
    if (is_last && step->lesson != NULL && layer->at[WINS] != 0) {
        step->lesson->compete(core, layer, step->lesson->label);
    }
    write_recordings(core, layer, step);
    if (layer->at[POST] != 0) {
        remember_spikes(core, layer, is_last);
    }
    fire(core, layer);
    return step->count * layer->p.neurons;
}
