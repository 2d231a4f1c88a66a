#include "inhibition.h"

// Section 3.2: what a decorrelating population may be, where it lies, and what it gives.

static const field_t inhibition_fields[] = {
    {offsetof(inhibition_t, flags), U8 | FROM_0, INHIBITION_LEARNED},
    {offsetof(inhibition_t, code_bits), U8 | FROM_1, 7},
    {offsetof(inhibition_t, inputs), U16 | FROM_1, NACA_MAX_INHIBITED},
    {offsetof(inhibition_t, shift), U8 | FROM_0, 24},
    {offsetof(inhibition_t, reach), U8 | FROM_1, 15},
    {offsetof(inhibition_t, noise), U16 | FROM_0, 4095},
    {offsetof(inhibition_t, first), U16 | FROM_1, UINT16_MAX},
    {offsetof(inhibition_t, start), U16 | FROM_1, 4095},
    {offsetof(inhibition_t, rank), U16 | FROM_0, NACA_MAX_INHIBITED},
};
enum { LEAST_START = 64, GREATEST_ROW_SHIFT = 15 };

static uint32_t round_to_4(uint32_t bytes)
{
    return (bytes + 3u) & ~3u;
}

static uint32_t outputs_of(const inhibition_t *r)
{
    return r->rank == 0 ? r->inputs : r->rank;
}

// Of a learned one, the population that it learns from: one of prototypes in codes.
static bool learns(const population_t *p)
{
    return p->post == POST_WINNER && p->rate_shift == 20 && p->trace_shift >= 0 &&
           p->weight_bits == 8 && p->drift == 0;
}

static naca_status_t check_decorrelation(const check_t *check, const population_t *first)
{
    const section_t *section = naca_find_section(check->data, TAG_INHIBITION);
    inhibition_t r;
    if (section->size < sizeof r) {
        return NACA_ERR_SECTION;
    }
    memcpy(&r, check->data + section->offset, sizeof r);
    if (!FIELDS_FIT(&r, inhibition_fields) || r.start < LEAST_START || !check->net.is_signed ||
        r.inputs != check->net.inputs || r.rank > r.inputs) {
        return NACA_ERR_NETWORK;
    }
    if ((r.flags & INHIBITION_LEARNED) != 0) {
        if (r.inputs > NACA_MAX_LEARNED_INPUTS || r.rank != 0 || !learns(first)) {
            return NACA_ERR_NETWORK;
        }
        return section->size == sizeof r ? NACA_OK : NACA_ERR_SECTION;
    }
    const uint32_t outputs = outputs_of(&r);
    const uint32_t weights = r.rank == 0 ? naca_triangle(r.inputs) : (uint32_t)r.rank * r.inputs;
    if (section->size != sizeof r + round_to_4(outputs) + 4u * outputs + weights) {
        return NACA_ERR_SECTION;
    }
    const uint8_t *shifts = check->data + section->offset + sizeof r;
    for (uint32_t i = 0; i < outputs; i++) {
        if (shifts[i] > GREATEST_ROW_SHIFT) {
            return NACA_ERR_NETWORK;
        }
    }
    return NACA_OK;
}

static void plan_inhibition(naca_t *core, bool is_real, uint32_t *end)
{
    const section_t *section = naca_find_section(core->image.at, TAG_INHIBITION);
    inhibiting_t v;
    memset(&v, 0, sizeof v);
    memcpy(&v.r, core->image.at + section->offset, sizeof v.r);
    const uint32_t inputs = v.r.inputs;
    const uint32_t outputs = outputs_of(&v.r);
    core->inhibition = naca_reserve((uint32_t)sizeof v, end);
    core->encoder_codes = naca_reserve(outputs, end);
    core->encoded = outputs;
    core->arriving = outputs;
    core->code_bits = v.r.code_bits;
    if ((v.r.flags & INHIBITION_LEARNED) != 0) {
        v.residual = naca_reserve(2u * inputs, end);
        v.output = naca_reserve(2u * inputs, end);
        v.before = naca_reserve(4u * inputs, end);
    } else {
        v.row_shifts = section->offset + (uint32_t)sizeof v.r;
        v.centre = v.row_shifts + round_to_4(outputs);
        v.weights = v.centre + 4u * outputs;
    }
    if (is_real) {
        *INHIBITING(core) = v;
    }
}

static void plan_decorrelation(naca_t *core, bool is_real, uint32_t *end)
{
    const section_t *section = naca_find_section(core->image.at, TAG_INHIBITION);
    inhibition_t r;
    memcpy(&r, core->image.at + section->offset, sizeof r);
    if ((r.flags & INHIBITION_LEARNED) == 0) {
        return;
    }
    const section_t *net = naca_find_section(core->image.at, TAG_NETWORK);
    population_t first;
    memcpy(&first, core->image.at + net->offset + sizeof core->net, sizeof first);
    const uint32_t learned = naca_reserve((uint32_t)sizeof(decorrelation_t), end);
    const uint32_t factor = naca_reserve(2u * naca_triangle(r.inputs), end);
    const uint32_t in_use = naca_reserve(naca_triangle(r.inputs), end);
    const uint32_t shifts = naca_reserve(r.inputs, end);
    const uint32_t centre = naca_reserve(4u * r.inputs, end);
    const uint32_t prototypes = naca_reserve(2u * (uint32_t)first.neurons * r.inputs, end);
    if (is_real) {
        inhibiting_t *v = INHIBITING(core);
        v->learned = learned;
        v->factor = factor;
        v->in_use = in_use;
        v->shifts = shifts;
        v->centre = centre;
        v->prototypes = prototypes;
    }
}

// What goes out before anything has been learned: what comes in, as finely as it can.
static void pass_on(const naca_t *core, const int8_t *x, int8_t *y, int32_t largest)
{
    const int32_t shift = (int32_t)core->code_bits - core->net.bits;
    for (uint32_t i = 0; i < core->encoded; i++) {
        y[i] = (int8_t)naca_scaled(x[i], shift, largest);
    }
}

// A row's centre in the unit of sums over codes, whatever the state holds.
static int32_t centre_of(const inhibiting_t *v, int32_t centre)
{
    const uint32_t fraction = ABOVE - (uint32_t)v->r.code_bits;
    const int32_t half = (int32_t)((uint32_t)1 << fraction >> 1);
    return shift_down(clamp(centre, -LARGEST_CENTRE, LARGEST_CENTRE) + half, fraction);
}

static void decorrelate(naca_t *core, naca_result_t *result)
{
    const inhibiting_t *v = INHIBITING(core);
    const int8_t *x = AT_CONST(int8_t, core, core->codes);
    int8_t *y = AT(int8_t, core, core->encoder_codes);
    const int32_t largest = ((int32_t)1 << core->net.bits) - 1;
    const int8_t *row;
    const uint8_t *shifts;
    const int32_t *centre;
    int32_t shift = v->r.shift;
    if (v->learned == 0) {
        row = IN_IMAGE(int8_t, core, v->weights);
        shifts = IN_IMAGE(uint8_t, core, v->row_shifts);
        centre = IN_IMAGE(int32_t, core, v->centre);
    } else {
        const uint8_t learned = LEARNED_CONST(decorrelation_t, core, v->learned)->shift;
        if (learned == 0) {
            pass_on(core, x, y, largest);
            return;
        }
        shift = learned < GREATEST_REACH_SHIFT ? learned : GREATEST_REACH_SHIFT;
        row = LEARNED_CONST(int8_t, core, v->in_use);
        shifts = LEARNED_CONST(uint8_t, core, v->shifts);
        centre = LEARNED_CONST(int32_t, core, v->centre);
    }
    const uint32_t inputs = v->r.inputs;
    const uint32_t rank = v->r.rank;
    for (uint32_t i = 0; i < core->encoded; i++) {
        const int8_t *const end = row + (rank == 0 ? i + 1u : inputs);
        const int8_t *code = x;
        int32_t sum = -centre_of(v, centre[i]);
        naca_tick(core);
        do { // each row has a weight
            sum += *row++ * *code++;
        } while (row != end);
        y[i] = (int8_t)naca_scaled(sum, shift - (shifts[i] & GREATEST_ROW_SHIFT), largest);
    }
    uint32_t synops = 0;
    for (uint32_t j = 0; j < inputs; j++) {
        if (x[j] != 0) {
            synops += rank == 0 ? inputs - j : rank;
        }
    }
    result->synops += synops;
}

const inhibition_code_t naca_inhibition_code = {
    check_decorrelation,   plan_inhibition,        plan_decorrelation,    decorrelate,
    naca_learn_inhibition, naca_attract_prototype, naca_renew_inhibition,
};

const naca_stages_t *naca_inhibition(void)
{
    static const naca_stages_t stages = STAGES(NULL, NULL, &naca_inhibition_code);
    return &stages;
}
