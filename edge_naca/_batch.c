#include "_batch.h"

#include <string.h>

static naca_sample_t sample_at(naca_sample_kind_t kind, const void *samples, uint32_t count,
                               size_t row)
{
    size_t element = 1;
    if (kind == NACA_RAW_I16) {
        element = 2;
    } else if (kind == NACA_RAW_I32 || kind == NACA_RAW_F32) {
        element = 4;
    }
    const naca_sample_t sample = {kind, (const uint8_t *)samples + row * count * element, count};
    return sample;
}

naca_status_t naca_batch_infer(naca_t *core, naca_sample_kind_t kind, const void *samples,
                               uint32_t count, size_t rows, size_t *done, naca_result_t *results)
{
    for (*done = 0; *done < rows; (*done)++) {
        const naca_sample_t sample = sample_at(kind, samples, count, *done);
        const naca_status_t status = naca_infer(core, &sample, &results[*done]);
        if (status != NACA_OK) {
            return status;
        }
    }
    return NACA_OK;
}

naca_status_t naca_batch_learn(naca_t *core, naca_sample_kind_t kind, const void *samples,
                               uint32_t count, size_t rows, size_t *done, const int32_t *labels,
                               naca_result_t *results)
{
    for (*done = 0; *done < rows; (*done)++) {
        const naca_sample_t sample = sample_at(kind, samples, count, *done);
        const naca_status_t status =
            naca_learn(core, &sample, (uint32_t)labels[*done], &results[*done]);
        if (status != NACA_OK) {
            return status;
        }
    }
    return NACA_OK;
}

naca_status_t naca_batch_margins(naca_t *core, naca_sample_kind_t kind, const void *samples,
                                 uint32_t count, size_t rows, size_t *done, uint32_t steps,
                                 uint32_t units, int32_t *scratch, int32_t *margins,
                                 naca_result_t *results)
{
    const size_t all = (size_t)steps * units;
    const naca_recording_t recording = {NULL, NULL, scratch, scratch + all};
    for (*done = 0; *done < rows; (*done)++) {
        const naca_sample_t sample = sample_at(kind, samples, count, *done);
        const naca_status_t status = naca_record(core, &sample, &recording, &results[*done]);
        if (status != NACA_OK) {
            return status;
        }
        for (size_t j = 0; j < units; j++) {
            const int32_t potential = recording.potentials[all - units + j];
            const int32_t threshold = recording.thresholds[all - units + j];
            margins[*done * units + j] = threshold == INT32_MAX ? INT32_MIN : potential - threshold;
        }
    }
    return NACA_OK;
}

naca_status_t naca_batch_features(naca_t *core, naca_sample_kind_t kind, const void *samples,
                                  uint32_t count, size_t rows, size_t *done, uint32_t encoded,
                                  uint8_t *codes)
{
    for (*done = 0; *done < rows; (*done)++) {
        const naca_sample_t sample = sample_at(kind, samples, count, *done);
        naca_result_t result;
        const naca_status_t status = naca_infer(core, &sample, &result);
        if (status != NACA_OK) {
            return status;
        }
        memcpy(codes + *done * encoded, naca_features(core), encoded);
    }
    return NACA_OK;
}

naca_status_t naca_batch_prepare(naca_t *core, naca_sample_kind_t kind, const void *samples,
                                 uint32_t count, size_t rows, size_t *done, uint32_t inputs,
                                 uint8_t *codes)
{
    for (*done = 0; *done < rows; (*done)++) {
        const naca_sample_t sample = sample_at(kind, samples, count, *done);
        const naca_status_t status = naca_prepare(core, &sample, codes + *done * inputs);
        if (status != NACA_OK) {
            return status;
        }
    }
    return NACA_OK;
}

naca_status_t naca_batch_signal(naca_signal_t *signal, const naca_signal_facts_t *facts,
                                int is_real, const void *windows, size_t rows, size_t *done,
                                int16_t *features)
{
    const uint8_t *at = windows;
    const size_t numbers = (size_t)facts->window * facts->channels;
    for (*done = 0; *done < rows; (*done)++, at += numbers * (is_real ? 4u : 2u)) {
        naca_sample_t sample;
        uint32_t taken;
        naca_status_t status = naca_signal_gap(signal);
        if (status == NACA_OK && is_real) {
            status = naca_signal_push_reals(signal, at, facts->window, &taken);
        } else if (status == NACA_OK) {
            status =
                naca_signal_push(signal, (const int16_t *)(const void *)at, facts->window, &taken);
        }
        if (status == NACA_OK) {
            status = naca_signal_features(signal, &sample);
        }
        if (status != NACA_OK) {
            return status;
        }
        memcpy(features + *done * facts->features, sample.data, 2u * (size_t)facts->features);
    }
    (void)naca_signal_gap(signal);
    return NACA_OK;
}
