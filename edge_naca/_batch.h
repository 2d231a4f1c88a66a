/// What the Python binding adds to the core: whole batches in one call, so that no Python runs per
/// sample and the interpreter lock is released once. Not part of the firmware.
///
/// `samples` holds `rows` samples of `count` elements each, one after another, all of one kind
/// (raw or codes). `results` has room for `rows`. Work stops at the first sample that is refused;
/// `done` then says how many went well before it. No pointer may be null. Statuses and work are
/// those of the function of naca.h that each row is handed to.

#ifndef EDGE_NACA_BATCH_H
#define EDGE_NACA_BATCH_H

#include "naca/naca.h"
#include "naca/signal.h"

/// naca_infer of each row.
naca_status_t naca_batch_infer(naca_t *core, naca_sample_kind_t kind, const void *samples,
                               uint32_t count, size_t rows, size_t *done, naca_result_t *results);

/// naca_learn of each row, in order: labels[rows], of which a negative one is refused as too large.
naca_status_t naca_batch_learn(naca_t *core, naca_sample_kind_t kind, const void *samples,
                               uint32_t count, size_t rows, size_t *done, const int32_t *labels,
                               naca_result_t *results);

/// As naca_batch_infer, and for each sample potential minus threshold of every neuron at the last
/// step: margins[rows][units], units being the image's. INT32_MIN stands for
/// a neuron that is not recruited yet. `scratch` has room for 2 * steps * units numbers.
naca_status_t naca_batch_margins(naca_t *core, naca_sample_kind_t kind, const void *samples,
                                 uint32_t count, size_t rows, size_t *done, uint32_t steps,
                                 uint32_t units, int32_t *scratch, int32_t *margins,
                                 naca_result_t *results);

/// naca_features of each row after naca_infer: codes[rows][encoded], `encoded` being the image's.
naca_status_t naca_batch_features(naca_t *core, naca_sample_kind_t kind, const void *samples,
                                  uint32_t count, size_t rows, size_t *done, uint32_t encoded,
                                  uint8_t *codes);

/// naca_signal_features of each of `rows` windows, int16_t[rows][window][channels], or float where
/// `is_real`: features[rows][], one after another. What had not filled a window is dropped.
naca_status_t naca_batch_signal(naca_signal_t *signal, const naca_signal_facts_t *facts,
                                int is_real, const void *windows, size_t rows, size_t *done,
                                int16_t *features);

/// naca_prepare of each row: codes[rows][inputs], `inputs` being the image's.
naca_status_t naca_batch_prepare(naca_t *core, naca_sample_kind_t kind, const void *samples,
                                 uint32_t count, size_t rows, size_t *done, uint32_t inputs,
                                 uint8_t *codes);

#endif
