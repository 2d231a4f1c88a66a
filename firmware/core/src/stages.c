#include "stages.h"

// What both families of frozen stages share: the chain as a whole, and how a kernel moves over an
// input.

static const section_t *section_of(const uint8_t *image, uint32_t index)
{
    return naca_find_section(image, TAG_STAGE(index));
}

// Whether the first population learns from single spikes.
static bool learns_spikes(const check_t *check)
{
    population_t first;
    if (check->net.populations == 0) {
        return false;
    }
    const section_t *section = naca_find_section(check->data, TAG_NETWORK);
    memcpy(&first, check->data + section->offset + sizeof(network_t), sizeof first);
    return first.post != POST_NONE && first.pre != PRE_ATTRACT;
}

// Whether populations, or an answer, can follow the last stage.
static bool may_end(const check_t *check, const chain_t *chain)
{
    const stage_record_t *last = chain->last;
    const network_t *net = &check->net;
    if (last->kind <= CODED_POOL &&
        (net->encoder == ENCODER_DIRECT || (last->maps != 0 && last->bits != net->bits))) {
        return false;
    }
    if (net->populations == 0) {
        return last->kind == SPIKING_CONVOLUTION && chain->units == net->capacity;
    }
    return chain->units <= NACA_MAX_UNITS &&
           (last->kind != SPIKING_CONVOLUTION || (last->flags & SPIKING_READOUT) == 0) &&
           !(chain->is_counted && learns_spikes(check));
}

naca_status_t naca_check_stages(const naca_stages_t *stages, check_t *check)
{
    static const stage_record_t nothing;
    chain_t chain = {0, &nothing, check->net.inputs, 0, &check->net, false};
    for (uint32_t i = 0; i < NACA_MAX_STAGES; i++) {
        const section_t *section = section_of(check->data, i);
        if (section->tag == 0) {
            break;
        }
        check->unexplained--;
        if (section->size < sizeof(stage_record_t)) {
            return NACA_ERR_SECTION;
        }
        // Sections begin at multiples of 4.
        const stage_record_t *r = (const void *)(check->data + section->offset);
        const family_t *family = r->kind <= CODED_POOL ? stages->coded : stages->spiking;
        chain.size = section->size;
        const naca_status_t status = family != NULL ? family->check(&chain, r) : NACA_ERR_STAGES;
        if (status != NACA_OK) {
            return status;
        }
        chain.last = r;
        chain.units = (uint32_t)r->out[Y] * r->out[X] * r->maps;
    }
    return may_end(check, &chain) ? NACA_OK : NACA_ERR_NETWORK;
}

// What follows from a record, the number of the stage, and where its section lies.
static void read_stage(const naca_t *core, const section_t *section, bool is_first, stage_t *stage)
{
    memset(stage, 0, sizeof *stage);
    memcpy(&stage->r, core->image.at + section->offset, sizeof stage->r);
    const stage_record_t *r = &stage->r;
    stage->parameters = section->offset + (uint32_t)sizeof *r;
    stage->weights = section->offset + section->size - ((naca_weight_count(r) + 3u) & ~3u);
    stage->units = (uint32_t)r->out[Y] * r->out[X] * r->maps;
    // What is prepared comes plane after plane, what a stage gives with its channels last.
    stage->pixel_step = is_first ? 1u : r->channels;
    stage->channel_step = is_first ? (uint32_t)r->in[Y] * r->in[X] : 1u;
}

// What a stage with neurons needs. All of it begins a presentation at 0, so it lies in one piece.
static void lay_out_neurons(naca_t *core, stage_t *stage, bool is_output, uint32_t *end)
{
    const stage_record_t *r = &stage->r;
    const uint32_t units = stage->units;
    stage->potentials = naca_reserve(4u * units, end);
    stage->currents = r->flags & SPIKING_SYNAPSE ? naca_reserve(4u * units, end) : 0;
    stage->refractory = r->refractory != 0 ? naca_reserve(units, end) : 0;
    core->stage_units += units;
    if (is_output) {
        stage->counts = naca_reserve(naca_are_counts_wide(&core->net) ? 2u * units : units, end);
        core->counts = stage->counts;
        core->potentials = stage->potentials;
    }
}

void naca_plan_stages(naca_t *core, bool is_real, uint32_t *end)
{
    // Two blocks of memory serve all coded stages: one is read while the other is written.
    uint32_t room[2] = {0, 0};
    uint32_t maps = 0;
    uint32_t events = 0; // that may come in a step, where a pool is the last stage
    stage_t stage;
    while (core->stage_count < NACA_MAX_STAGES &&
           section_of(core->image.at, core->stage_count)->tag != 0) {
        core->stage_count++;
    }
    core->stage_table = naca_reserve(core->stage_count * (uint32_t)sizeof stage, end);
    core->resting = *end;
    for (uint32_t index = 0; index < core->stage_count; index++) {
        read_stage(core, section_of(core->image.at, index), index == 0, &stage);
        const uint32_t before = core->arriving;
        core->arriving = stage.units;
        events = stage.units;
        if (stage.r.kind <= CODED_POOL) {
            core->code_bits = index == 0 ? stage.r.code_bits : core->code_bits;
            core->coded_count++;
            core->encoded = stage.units;
            maps = stage.r.maps > maps ? stage.r.maps : maps;
            room[index % 2u] = stage.units > room[index % 2u] ? stage.units : room[index % 2u];
        } else if (stage.r.kind == SPIKING_POOL) {
            events = before * naca_overlap(&stage.r);
        } else {
            lay_out_neurons(core, &stage,
                            core->net.populations == 0 && index + 1u == core->stage_count, end);
        }
        if (is_real) {
            *STAGE(core, index) = stage;
        }
    }
    core->resting_size = *end - core->resting;
    core->sums = naca_reserve(4u * maps, end);
    const uint32_t blocks[2] = {naca_reserve(room[0], end), naca_reserve(room[1], end)};
    for (uint32_t i = 0; i < core->coded_count; i++) {
        core->encoder_codes = blocks[i % 2u];
        if (is_real) {
            STAGE(core, i)->codes = core->encoder_codes;
        }
    }
    if (core->stage_count != core->coded_count) {
        core->arrived = naca_reserve(2u * (events + 1u), end); // with room for a bias
    }
}

naca_status_t naca_present_stages(naca_t *core, const naca_sample_t *sample, naca_result_t *result)
{
    const naca_stages_t *stages = core->stages.at;
    if (sample->kind == NACA_EVENTS &&
        (core->coded_count != 0 || core->net.encoder == ENCODER_DIRECT)) {
        return NACA_ERR_SAMPLE; // these take codes
    }
    if (core->coded_count != 0) {
        stages->coded->present(core, result);
    }
    if (core->stage_count != core->coded_count) {
        stages->spiking->present(core, result);
    }
    return NACA_OK;
}

void naca_step_stages(naca_t *core, uint32_t index, const naca_recording_t *recording,
                      naca_result_t *result)
{
    if (core->stage_count != core->coded_count) {
        core->stages.at->spiking->step(core, index, recording, result);
    }
}

const uint8_t *naca_features(const naca_t *core)
{
    return AT_CONST(uint8_t, core, core->encoder_codes);
}

uint32_t naca_ceil_div(uint32_t a, uint32_t b)
{
    return (a + b - 1u) / b;
}

// The innermost loop of both families: an input's weights to the maps that hear it. Out of line, so
// that it has all registers to itself.
void naca_add_row(int32_t *restrict sums, const int8_t *restrict row, uint32_t count,
                  int32_t factor)
{
    for (; count != 0; count--) {
        *sums++ += factor * *row++;
    }
}

// Windows that one place lies in, at most.
uint32_t naca_overlap(const stage_record_t *r)
{
    return naca_ceil_div(r->kernel[Y], r->stride[Y]) * naca_ceil_div(r->kernel[X], r->stride[X]);
}

uint32_t naca_weight_count(const stage_record_t *r)
{
    return (uint32_t)r->kernel[Y] * r->kernel[X] * r->channels * (r->maps / r->groups);
}

// Along an axis the first window reaches into the input, the last one begins within it, and the
// kernel is not larger than the input with as much around it as before it.
static bool axis_fits(const stage_record_t *r, uint32_t axis)
{
    const uint32_t size = r->in[axis];
    const uint32_t before = r->before[axis];
    const uint32_t reach = ((uint32_t)r->kernel[axis] - 1u) * r->dilation[axis];
    return size != 0 && r->out[axis] != 0 && r->kernel[axis] != 0 && r->stride[axis] != 0 &&
           r->dilation[axis] != 0 && before <= reach && reach <= size + 2u * before &&
           ((uint32_t)r->out[axis] - 1u) * r->stride[axis] < size + before;
}

// Numbers that are multiplied here are small enough by what was checked before.
bool naca_window_fits(const chain_t *chain, const stage_record_t *r, bool has_weights)
{
    const stage_record_t *last = chain->last;
    const uint32_t area = (uint32_t)r->kernel[Y] * r->kernel[X];
    // The input is the output of the stage before.
    if (last->maps != 0 &&
        (r->in[Y] != last->out[Y] || r->in[X] != last->out[X] || r->channels != last->maps)) {
        return false;
    }
    if (!axis_fits(r, Y) || !axis_fits(r, X) || (uint32_t)r->in[Y] * r->in[X] > chain->units ||
        (uint32_t)r->in[Y] * r->in[X] * r->channels != chain->units || r->maps == 0 ||
        r->channels > NACA_MAX_UNITS || r->maps > NACA_MAX_UNITS ||
        (uint32_t)r->out[Y] * r->out[X] > NACA_MAX_STAGE_UNITS / r->maps || r->groups == 0) {
        return false;
    }
    if (!has_weights) {
        return r->groups == 1 && r->maps == r->channels && r->dilation[Y] == 1 &&
               r->dilation[X] == 1;
    }
    return r->channels % r->groups == 0 && r->maps % r->groups == 0 && area <= MAX_FAN_IN &&
           area * (r->channels / r->groups) <= MAX_FAN_IN;
}
