#include "inhibition.h"

// Presentations: the loop over time steps and populations, and what is answered.

// At the start of a presentation every population is at rest. All that takes part lies side by
// side.
static void rest(naca_t *core)
{
    for (uint32_t i = 0; i < core->net.populations; i++) {
        const layer_t *layer = &core->layers[i];
        memset(AT(uint8_t, core, layer->at[POTENTIALS]), 0,
               layer->at[SPIKES] - layer->at[POTENTIALS]);
    }
}

// Where a population writes its recordings at this step, which begins at `unit`.
static void aim_recordings(step_t *step, const naca_recording_t *recording, uint32_t unit)
{
    step->spikes = recording->spikes != NULL ? recording->spikes + unit : NULL;
    step->potentials = recording->potentials != NULL ? recording->potentials + unit : NULL;
    step->thresholds = recording->thresholds != NULL ? recording->thresholds + unit : NULL;
}

static void record_inputs(const naca_t *core, uint32_t step, uint8_t *spikes)
{
    const uint16_t *list = AT_CONST(uint16_t, core, core->spikes);
    uint8_t *row = spikes + (size_t)step * core->encoded;
    memset(row, 0, core->encoded);
    for (uint32_t s = 0; s < core->spike_count; s++) {
        row[list[s]] = s + core->off_count < core->spike_count ? 1 : 255; // an off spike is -1
    }
}

static void step_all(naca_t *core, uint32_t index, const lesson_t *lesson,
                     const naca_recording_t *recording, naca_result_t *result)
{
    step_t step = {index, lesson, NULL, 0, core->off_count, NULL, NULL, NULL};
    result->spikes += core->spike_count;
    if (core->stages.at != NULL) {
        core->stages.at->step(core, index, recording, result);
    }
    uint16_t *spikes = AT(uint16_t, core, core->arrived);
    uint32_t count = core->arrived_count;
    uint32_t unit = index * core->units + core->stage_units;
    for (uint32_t i = 0; i < core->net.populations; i++) {
        layer_t *layer = &core->layers[i];
        if ((layer->p.flags & POPULATION_BIAS) != 0) {
            spikes[count++] = (uint16_t)(layer->rows - 1u);
        }
        step.inputs = spikes;
        step.count = count;
        if (recording != NULL) {
            aim_recordings(&step, recording, unit);
        }
        result->synops += naca_step_population(core, layer, &step);
        result->spikes += layer->spike_count;
        spikes = AT(uint16_t, core, layer->at[SPIKES]);
        count = layer->spike_count;
        unit += layer->p.neurons;
        step.off = 0; // neurons have no off spikes
    }
}

static uint32_t count_of(const naca_t *core, uint32_t neuron)
{
    return naca_are_counts_wide(&core->net) ? AT_CONST(uint16_t, core, core->counts)[neuron]
                                            : AT_CONST(uint8_t, core, core->counts)[neuron];
}

// None if the sample is unknown; else most spikes, of equals the greater potential that is left,
// then the lower class.
static int32_t answer(const naca_t *core)
{
    for (uint32_t i = 0; i < core->net.populations; i++) {
        if (core->layers[i].is_unknown != 0) {
            return -1;
        }
    }
    const int32_t *v = AT_CONST(int32_t, core, core->potentials);
    uint32_t best = 0;
    uint32_t most = count_of(core, 0);
    for (uint32_t j = 1; j < core->net.capacity; j++) {
        const uint32_t count = count_of(core, j);
        if (count > most || (count == most && v[j] > v[best])) {
            best = j;
            most = count;
        }
    }
    return most > 0 ? (int32_t)best : -1;
}

naca_status_t naca_present(naca_t *core, const naca_sample_t *sample, const lesson_t *lesson,
                           const naca_recording_t *recording, naca_result_t *result)
{
    if (core == NULL || result == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    naca_status_t status = naca_check_sample(core, sample);
    if (status != NACA_OK) {
        return status;
    }
    const uint32_t populations = core->net.populations;
    uint32_t event = 0;
    memset(result, 0, sizeof *result);
    naca_load_codes(core, sample);
    if (core->stages.at != NULL) {
        status = core->stages.at->present(core, sample, result);
        if (status != NACA_OK) {
            return status;
        }
        if (core->inhibition != 0) {
            core->stages.at->inhibition->present(core, result);
        }
    }
    rest(core);
    const uint32_t steps = naca_steps(&core->net);
    for (uint32_t index = 0; index < steps; index++) {
        naca_tick(core);
        naca_encode_step(core, sample, index, &event);
        if (recording != NULL && recording->input_spikes != NULL) {
            record_inputs(core, index, recording->input_spikes);
        }
        step_all(core, index, lesson, recording, result);
    }
    result->prediction = answer(core);
    result->margin = populations == 0
                         ? INT32_MIN
                         : core->layers[populations > 1u ? populations - 2u : 0u].margin;
    core->counters.presentations++;
    core->counters.spikes += result->spikes;
    core->counters.synops += result->synops;
    return NACA_OK;
}

naca_status_t naca_infer(naca_t *core, const naca_sample_t *sample, naca_result_t *result)
{
    return naca_present(core, sample, NULL, NULL, result);
}

naca_status_t naca_record(naca_t *core, const naca_sample_t *sample,
                          const naca_recording_t *recording, naca_result_t *result)
{
    return recording != NULL ? naca_present(core, sample, NULL, recording, result)
                             : NACA_ERR_ARGUMENT;
}

naca_status_t naca_learned(const naca_t *core, uint32_t *learned)
{
    if (core == NULL || learned == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    *learned = *LEARNED_CONST(uint32_t, core, 0);
    return NACA_OK;
}

naca_status_t naca_seen(const naca_t *core, uint32_t *seen, uint32_t capacity)
{
    if (core == NULL || seen == NULL || capacity != core->net.capacity) {
        return NACA_ERR_ARGUMENT;
    }
    memcpy(seen, LEARNED_CONST(uint32_t, core, 0) + 1, 4u * capacity);
    return NACA_OK;
}

naca_status_t naca_counters(const naca_t *core, naca_counters_t *counters)
{
    if (core == NULL || counters == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    *counters = core->counters;
    return NACA_OK;
}
