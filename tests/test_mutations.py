"""The tests are worth what they catch: each of these one-line breakages of the core is found.

A breakage counts as found when the replay of the golden and of a few random tapes no longer answers
as the specification does, crashes, or never ends. Where a piece of code changes its wording, change
it here too; where it goes, so does its breakage.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from replaying import answers, first_difference, random_cases
from support import CORE, ROOT, run

from edge_naca.specification.network import Specification

# A source file of the core, a piece of it that occurs exactly once, and what it becomes.
Mutation = tuple[str, str, str]
L = "inhibition_learning.c"
MUTATIONS: dict[str, Mutation] = {
    # arithmetic.md, sections 1 and 2
    "hash-constant": ("encode.c", "0x7FEB352Du", "0x7FEB352Fu"),
    "hash-shift": ("encode.c", "x ^= x >> 15", "x ^= x >> 14"),
    "key-ignores-learned": ("encode.c", "learned * 0x9E3779B9u", "0x9E3779B9u"),
    "floor-becomes-truncation": ("internal.h", "return x >> shift;", "return x / (1 << shift);"),
    "clamp-one-sided": ("internal.h", "= x < low ? low : x;", "= x;"),
    # preparation
    "log-off-by-one": ("integers.c", "naca_bit_length(n) - 1u", "naca_bit_length(n) - 0u"),
    "length-of-long-ones": ("integers.c", "step = 16; step", "step = 8; step"),
    "log-without-sign": ("integers.c", "return x < 0 ? -result : result;", "return result;"),
    "raw-not-clamped": ("prepare.c", ": clamp(x, -32767, 32767);", ": x;"),
    "border-wraps": ("prepare.c", "< 0 || column >= prep", "< 0 || column > prep"),
    "edge-without-cap": ("prepare.c", "strength[best] < prep->cap ?", "true ?"),
    "edge-tie": ("prepare.c", "strength[k] > strength[best]", "strength[k] >= strength[best]"),
    "feature-not-rounded": ("prepare.c", "product + half", "product"),
    "feature-not-clamped": ("prepare.c", "-MAX_FEATURE, MAX_FEATURE", "-32767, 32767"),
    "code-not-rounded": ("prepare.c", "code * factor + 32768u", "code * factor"),
    "code-not-clamped": ("prepare.c", "code < largest ? code : largest", "code"),
    "root-not-exact": ("integers.c", "trial * trial <= x", "trial * trial < x"),
    "off-and-on-swapped": ("prepare.c", "features[i] < 0 ?", "features[i] > 0 ?"),
    # real numbers
    "half-away-from-0": ("reals.c", "(low | (whole & 1u)) != 0", "true"),
    "half-forgets-the-rest": ("reals.c", "(low | (whole & 1u)) != 0", "(whole & 1u) != 0"),
    "subnormals-count": ("reals.c", "= exponent != 0 ? (bits", "= true ? (bits"),
    "sign-of-factor-lost": ("reals.c", "is_negative != (factor < 0)", "is_negative"),
    "one-map-for-all": ("prepare.c", "PREP_PER_NUMBER ? 1u : 0", "PREP_PER_NUMBER ? 0u : 0"),
    "large-reals-wrap": ("reals.c", "high >> 31 != 0", "false"),
    "sum-one-sided": ("reals.c", "a >= -INT32_MAX && x <=", "x <="),
    "small-reals-early": ("reals.c", "shift < -31)", "shift < -30)"),
    "carry-lost": ("reals.c", "+ (low >> 8)", "+ 0"),
    "integers-exact": ("reals.c", "bits > SIGNIFICAND ?", "false ?"),
    "nan-taken": ("reals.c", "== NOT_FINITE", "> NOT_FINITE"),
    "reals-taken-anywhere": ("prepare.c", "((prep->flags & PREP_REAL) != 0 && naca", "(naca"),
    "maps-without-reals": ("image.c", "PREP_PER_NUMBER) != 0 && maps == 0", "4096) != 0"),
    # encoders
    "bitplane-backwards": ("encode.c", "code >> step & 1u", "code >> (bits - 1u - step) & 1u"),
    "rate-one-too-often": ("encode.c", ">> (32u - bits) < code", ">> (32u - bits) <= code"),
    "latency-late": ("encode.c", "(1u << bits) - 1u - code", "(1u << bits) - code"),
    # integration
    "next-block": ("weights.c", "first = neuron / BLOCK", "first = (neuron + 16u) / BLOCK"),
    "halves-swapped": ("weights.c", "? pair >> 4 : pair & 15u", "? pair & 15u : pair >> 4"),
    "zero-point-forgotten": ("accumulate.c", "layer->p.zero_point * count", "0u * count"),
    "zero-point-once": ("accumulate.c", "layer->p.zero_point * count", "layer->p.zero_point * 1u"),
    "partial-sums-overflow": ("accumulate.c", "CHUNK = 255", "CHUNK = 4096"),
    "unsaturated": ("population.c", "= saturate(scale(v[k], decay)", "= (scale(v[k], decay)"),
    "leak-rounds": ("internal.h", "(int32_t)decay, 8)", "(int32_t)decay + 128, 8)"),
    "leak-shift": ("internal.h", "(int32_t)decay, 8)", "(int32_t)decay, 7)"),
    "curve-centre": ("population.c", "layer->p.curve_shift) + 128", "layer->p.curve_shift) + 127"),
    "refractory-hears": ("population.c", "current = 0;", "current += 0;"),
    # thresholds and competition
    "norm-shift-ignored": ("population.c", "norm >> layer->p.norm_shift", "norm"),
    "stale-norm": ("learn.c", "+ (uint32_t)(now * now)", "+ (uint32_t)(old * old)"),
    "stale-norm-after-load": ("state.c", "naca_state_written(core);", ""),
    "threshold-reached-is-enough": ("population.c", "margin > 0 &&", "margin >= 0 &&"),
    "unrecruited-fires": ("population.c", "return INT32_MAX;", "return threshold;"),
    "fires-too-early": ("population.c", "if (step->index >= layer->p.fire_from)", "if (true)"),
    "inhibition-tie": ("population.c", "list[place - 1u]) < margin", "list[place - 1u]) <= margin"),
    "one-winner-too-many": ("population.c", "p.winners, place", "p.winners + 1u, place"),
    "gate-tie": ("population.c", "score > best", "score >= best"),
    "gate-at-zero": ("population.c", "if (gate[j] > 0) {", "if (gate[j] >= 0) {"),
    "handicap-unscaled": ("population.c", "handicap * wins >> 4", "handicap * wins >> 3"),
    "recruit-ignored": ("population.c", ": layer->p.recruit;", ": 0;"),
    "delta-margin-sign": ("population.c", "> -layer->p.delta_margin", "> layer->p.delta_margin"),
    "delta-forgets-before": ("population.c", "(spikes - post[j])", "(spikes)"),
    # priors
    "owner-highest": ("priors.c", "label-- != 0;", "--label != 0;"),
    "share-not-of-class": ("priors.c", "logarithm(count) - logarithm(won)", "-logarithm(won)"),
    "rarity-unscaled": ("priors.c", "distance / won * count >> 8", "distance / won * count >> 7"),
    "prior-too-fine": ("priors.c", "factor * share, 16u - coarse", "factor * share, 16u"),
    "mean-unlimited": ("priors.c", "means[GAP] < LARGEST_MEAN ?", "true ?"),
    "gap-of-one": ("population.c", "count > 1u ?", "count > 0u ?"),
    "gap-without-clamp": ("population.c", "j), 0, LARGEST_GAP)", "j), -LARGEST_GAP, LARGEST_GAP)"),
    "square-not-halved": ("population.c", "(1 - p->trace_shift)", "-p->trace_shift"),
    "mean-too-fast": ("priors.c", "(value - *mean) / over", "(value - *mean)"),
    "mean-down-too-fast": ("priors.c", "(*mean - value) / over", "(*mean - value)"),
    "score-with-prior": (
        "population.c",
        "plain_margin(core, layer, neuron) - lost",
        "margin_of(core, layer, neuron) - lost",
    ),
    "priors-stale": ("priors.c", "    naca_renew_priors(core, layer);\n", ""),
    "priors-stale-after-load": ("workspace.c", "naca_renew_priors(core, layer);", ";"),
    # contexts
    "context-never-heard": ("population.c", "context < 2u;", "context < 1u;"),
    "context-of-all": ("population.c", "gate != NULL && gate[j] <= 0", "false"),
    "context-of-nobody": ("population.c", "uint32_t nearest = before;", "uint32_t nearest = 0;"),
    "nearness-forgotten": ("contexts.c", "trace_shift) - layer->nearness;", "trace_shift);"),
    "offset-square-not-halved": ("contexts.c", "(square, 1u + ", "(square, "),
    "context-learns-elsewhere": ("contexts.c", "if (layer->learns_in != 0) {", "if (false) {"),
    "product-stale": ("learn.c", "+= (now - old) * offset[input];", "+= 0 * offset[input];"),
    "product-stale-after-load": ("workspace.c", "naca_find_context(core, layer);", ";"),
    "product-stale-after-move": ("contexts.c", "naca_find_context(core, layer);", ";"),
    "residual-of-young": ("contexts.c", "[1u + label] >= MATURE", "[1u + label] >= 0"),
    "residual-without-half": ("contexts.c", "away + (1 << (MEAN_SHIFT - 1))", "away"),
    "drift-of-one-context": ("contexts.c", "layer->learns_in != 0 || layer", "layer"),
    "drift-again": ("contexts.c", "        means[i] = 0;\n", ""),
    "offset-unlimited": ("contexts.c", "-LARGEST_OFFSET, LARGEST_OFFSET)", "-128, LARGEST_OFFSET)"),
    "distance-unlimited": ("contexts.c", "mean < LARGEST_MEAN ? mean", "true ? mean"),
    # unknown samples
    "unknown-known": ("population.c", "novelty > layer->p.unknown ? 1u", "false ? 1u"),
    "unknown-at-limit": ("run.c", "is_unknown != 0", "is_unknown == 0"),
    "unknown-with-prior": (
        "population.c",
        "margin = plain_margin(core, layer, j);\n        if (owners",
        "margin = margin_of(core, layer, j);\n        if (owners",
    ),
    "unknown-of-one": ("novelty.c", "known > 1u ? (sum - nearest)", "known > 2u ? (sum - nearest)"),
    "unknown-mean-of-all": ("novelty.c", "(sum - nearest) / (known - 1u)", "sum / known"),
    "unknown-without-norm": ("novelty.c", "mean + ((uint32_t)half >> coarse)", "mean"),
    "unknown-when-new": ("novelty.c", "        return LARGEST;\n", "        return 0;\n"),
    # frozen stages
    "stage-planes": ("spiking.c", "if (stage->channel_step != 1u)", "if (false)"),
    "stage-weights": ("stages.c", "(naca_weight_count(r) + 3u) & ~3u);", "naca_weight_count(r));"),
    "stage-last-place": ("spiking.c", "&& row * r->stride[Y] <= y", "&& row * r->stride[Y] < y"),
    "stage-dilation": ("spiking.c", "distance % dilation == 0 ?", "true ?"),
    "stage-group": ("spiking.c", "r->groups == 1u ? 0", "true ? 0"),
    "stage-shift": ("spiking.c", "value * ((int32_t)1 << r->shift)", "value"),
    "stage-code-as-spike": ("spiking.c", "is_direct ? codes[sent[s]] : 1", "1"),
    "stage-pool-first": ("spiking.c", "naca_ceil_div(at - r", "1u + naca_ceil_div(at - r"),
    "stage-pool-once": ("spiking.c", "to.column * r->stride[X] <= x", "to.column == first"),
    "stage-no-bias": ("spiking.c", "n->decay) + n->bias;", "n->decay);"),
    "stage-synapse": ("spiking.c", "has_synapse ? n->synapse_decay", "has_synapse ? n->decay"),
    "stage-parameters": ("spiking.c", "return r->flags & SPIKING_OWN ?", "return false ?"),
    "stage-threshold": ("spiking.c", "*v > n->threshold", "*v >= n->threshold"),
    "stage-held": ("spiking.c", "        *v = 0;\n", ""),
    "stage-reset": ("spiking.c", "*v - n->reset_by", "*v - n->threshold"),
    "stage-refractory": ("spiking.c", "*left = r->refractory;", "*left = 0;"),
    "stage-readout": ("spiking.c", "(spikes || is_readout)", "spikes"),
    "stage-rest": ("spiking.c", "0, core->resting_size", "0, core->resting_size / 2u"),
    "coded-border": ("coded.c", "x < 0 || x >= r->in[X]", "x < 0 || x > r->in[X]"),
    "coded-group": ("coded.c", "c / share * width", "0"),
    "coded-rounding": ("coded.c", "sum + half", "sum"),
    "coded-limit": ("coded.c", "0, largest)", "0, 255)"),
    "coded-negative": ("coded.c", "shift), 0, largest", "shift), -largest, largest"),
    "coded-bias": ("coded.c", "p->sums[m] + maps[m].bias", "p->sums[m]"),
    "coded-gain": ("coded.c", "p->sums[m] * (int32_t)r->gain", "p->sums[m]"),
    "coded-max": ("coded.c", "} else if (code > p->sums[c]) {", "} else {"),
    "coded-one-block": ("stages.c", "blocks[i % 2u];", "blocks[0];"),
    "coded-sample-bits": ("stages.c", "index == 0 ? stage.r.code", "false ? stage.r.code"),
    # codes with a sign
    "sign-lost": ("prepare.c", "if (keeps_sign && features[i] < 0)", "if (false)"),
    "sign-outside-the-norm": ("prepare.c", "is_split || keeps_sign", "is_split"),
    "off-spike-added": ("population.c", "sums[k] -= off[k];", "sums[k] += off[k];"),
    "off-spike-of-another": ("population.c", "inputs + on, step->off", "inputs, step->off"),
    "off-spike-of-a-neuron": ("run.c", "step.off = 0;", ""),
    "off-spike-shown-as-on": ("run.c", "s + core->off_count < core->spike_count ?", "true ?"),
    "off-spike-not-counted": ("encode.c", "core->spike_count = count;\n    core->off", "core->off"),
    "off-bits-of-the-complement": ("encode.c", "-codes[i] >> step", "codes[i] >> step"),
    "trace-without-sign": ("internal.h", "has_sign ? AT_CONST(int8_t", "false ? AT_CONST(int8_t"),
    "target-without-low-end": ("contexts.c", "clamp(target, p->weight_min,", "clamp(target, -128,"),
    # inhibition
    "inhibition-without-row-shift": ("inhibition.c", " - (shifts[i] & GREATEST_ROW_SHIFT)", ""),
    "inhibition-row-as-stored": ("inhibition.c", "shifts[i] & GREATEST_ROW_SHIFT", "shifts[i]"),
    "inhibition-shift-as-stored": ("inhibition.c", "learned < GREATEST_REACH_SHIFT ?", "true ?"),
    "inhibition-without-diagonal": (
        "inhibition.c", "(rank == 0 ? i + 1u", "(rank == 0 ? i + (i == 0)"
    ),
    "low-rank-as-triangle": ("inhibition.c", "(rank == 0 ? i + 1u : inputs)", "i + 1u"),
    "low-rank-synops": ("inhibition.c", "inputs - j : rank", "inputs - j : inputs"),
    "low-rank-of-inputs": ("inhibition.c", "core->arriving = outputs", "core->arriving = inputs"),
    "inhibition-at-once": ("inhibition.c", "if (learned == 0)", "if (false)"),
    "inhibition-passes-bits-on": ("inhibition.c", "(int32_t)core->code_bits - core->net.bits", "0"),
    "inhibition-synops": ("inhibition.c", "rank == 0 ? inputs - j", "rank == 0 ? inputs"),
    "centre-not-rounded": ("inhibition.c", "LARGEST_CENTRE) + half", "LARGEST_CENTRE)"),
    "centre-as-stored": ("inhibition.c", "(centre, -LARGEST_CENTRE", "(centre, INT32_MIN"),
    "centre-of-all": (L, "if (wins[n] != 0) {", "if (true) {"),
    "centre-rounded-up": (L, "(int32_t)(sum / recruited)", "(int32_t)((sum + 1u) / recruited)"),
    "centre-of-one-row": (L, "centre[i] += row[j] * mean[j]", "centre[i] += row[0] * mean[j]"),
    "centre-kept": (L, "-LEARNED_CONST(int32_t, core, v->centre)[i];", "0;"),
    "scaled-not-rounded": ("inhibition.h", "sum + half, down", "sum, down"),
    "scaled-one-sided": ("inhibition.h", "down), -largest,", "down), -127,"),
    "scaled-multiplied-once": ("inhibition.h", "(shift < -7 ? 7 : -shift)", "1"),
    "prototype-as-stored": ("inhibition.h", "s[at], -LARGEST", "s[at], -9 * LARGEST"),
    "inhibition-unlearned": ("learn.c", "core->stages.at->inhibition->learn(core, layer);", ""),
    "inhibition-of-new-ones": (L, "wins[first->winner] == 0", "false"),
    "inhibition-of-winners-only": (L, "first->ranked != 0 ?", "false ?"),
    "inhibition-key": (L, "+ 256u + which", "+ 1u + which"),
    "inhibition-count-grows": (L, "d->count < LARGEST_COUNT ?", "true ?"),
    "inhibition-mean-of-all": (L, "d->count < MEAN_OVER ?", "true ?"),
    "inhibition-mean-as-stored": (L, "d->mean < LARGEST_MEAN ?", "true ?"),
    "inhibition-start": (L, "> 90u", "> 180u"),
    "inhibition-diagonal": (L, " + deviation / 2u) / deviation", ") / deviation"),
    "inhibition-residual": (L, "shift_down(x[i] * unit - known, 1)", "(x[i] * unit - known) / 2"),
    "inhibition-sum-of-squares": (L, "return squares / inputs;", "return squares;"),
    "inhibition-noise-sign": (L, "(heads ? noise : -noise)", "(heads ? -noise : noise)"),
    "inhibition-noise-coarse": (L, "((mean & 255u) * v->r.noise >> 8)", "0u"),
    "inhibition-noise-limit": (L, "LARGEST_RESIDUAL = 8191", "LARGEST_RESIDUAL = 9191"),
    "inhibition-output-not-rounded": (L, "int64_t sum = half;", "int64_t sum = 0;"),
    "inhibition-output-wraps": (L, "sum += (int32_t)row", "sum = (int32_t)sum + row"),
    "inhibition-output-limit": (L, "LARGEST_OUTPUT = 1023", "LARGEST_OUTPUT = 1024"),
    "inhibition-draws": (L, "naca_triangle(i) + j)) & (ONE - 1)", "j)) & (ONE - 1)"),
    "inhibition-rows-apart": (L, "- (int64_t)other", "+ (int64_t)other"),
    "inhibition-rows-above": (L, "shift_down(before[j], 5)", "shift_down(before[j], 4)"),
    "inhibition-rows-moved": (L, "shift_down(y * old, 1)", "shift_down(y * row[j], 1)"),
    "inhibition-factor-limit": (L, "20), -LARGEST_FACTOR,", "20), -LARGEST_FACTOR - 1,"),
    "inhibition-growth": (L, "(uint32_t)(ONE / 2) / count", "(uint32_t)ONE / count"),
    "inhibition-silent-row": (L, "size == 0 ? 65536u :", "false ? 65536u :"),
    "inhibition-power": (L, "power = after;", ""),
    "inhibition-sign": (L, "output[i] < 0 ? -other : other", "other"),
    "inhibition-division": (L, "if (rest >= b)", "if (rest > b)"),
    "prototype-noise": (L, "(naca_hash32(key ^ (first + i)) & 65535u)", "0"),
    "prototype-key": (L, "key_of(core, 1)", "key_of(core, 0)"),
    "prototype-rate": (L, "shift_down(gain, 4)", "shift_down(gain, 5)"),
    "prototype-limit": (L, "16), -LARGEST_PROTOTYPE,", "16), -2048,"),
    "prototype-repelled": ("learn.c", "gain > 0 && u->core->inhibition", "u->core->inhibition"),
    "prototype-of-any-population": ("learn.c", " && layer == u->core->layers) {", ") {"),
    "renewal-forgotten": ("learn.c", "core->stages.at->inhibition->renew(core);", ""),
    "renewal-late": (L, "samples < first", "samples <= first"),
    "renewal-out-of-step": (L, "(samples - first) % v->r.every", "samples % v->r.every"),
    "renewal-doubling": (L, "while (samples > first &&", "while ("),
    "renewal-of-nothing": (L, "->count == 0 ||", "->count == 65536u ||"),
    "renewal-row-shift": (L, "greatest >> shift > 127", "greatest >> shift > 128"),
    "renewal-not-rounded": (L, "factor[j] + half, shift", "factor[j], shift"),
    "renewal-stale-norms": (L, "naca_state_written(core);", ""),
    "reach-of-all": (L, "recruited += wins[n] != 0 ? 1u : 0u", "recruited += 1u"),
    "reach-as-such": (L, "(uint32_t)v->r.reach * v->r.reach", "(uint32_t)v->r.reach"),
    "reach-too-far": (L, "bits + shift - 3u", "bits + shift - 2u"),
    "reach-without-end": (L, "shift < GREATEST_REACH_SHIFT - bits", "shift < GREATEST_REACH_SHIFT"),
    "reach-unlimited": (L, "-LARGEST_REACH, ", "-LARGEST_REACH * 4, "),
    "projection-without-trace-shift": (L, "fraction_of(v)) - fraction", "fraction_of(v))"),
    "projection-not-clamped": (L, "clamp(w, first->p.weight_min, first->p.weight_max)", "w"),
    # after a spike
    "subtract-becomes-zero": ("population.c", "v[j] - threshold_of(core, layer, j)", "0"),
    "inhibits-itself": ("population.c", "v[j] += inhibition;", "v[j] += 0;"),
    "refractory-too-short": ("population.c", "p->refractory + 1u", "p->refractory"),
    "adaptation-unsaturated": ("population.c", "= saturate(*added + ", "= (*added + "),
    "adaptation-stays": ("population.c", "scale(*added, layer->p.adaptation_decay)", "*added"),
    "trace-wraps": ("population.c", "trace < 255 ? trace : 255", "trace"),
    "answer-tie": ("run.c", "v[j] > v[best]", "v[j] >= v[best]"),
    "answer-without-spikes": ("run.c", "most > 0 ? (int32_t)best : -1", "(int32_t)best"),
    "no-rest": ("run.c", "    rest(core);\n", ""),
    "margin-of-output": ("run.c", "populations - 2u", "populations - 1u"),
    "class-not-counted": ("learn.c", "learned[1u + label]++;", ""),
    # learning
    "noise-missing": ("learn.c", "product + noise", "product"),
    "noise-too-wide": ("learn.c", "(uint32_t)1 << shift) - 1u", "(uint32_t)2 << shift) - 1u"),
    "noise-by-input-only": ("learn.c", "neuron * layer->rows + input", "input"),
    "weight-not-clamped": ("learn.c", "clamp(moved, layer->p.weight_min", "clamp(moved, -128"),
    "target-not-clamped": ("contexts.c", "clamp(target, p->weight_min, p->weight_max)", "target"),
    "bounded-swapped": ("learn.c", "grows ? layer->p.weight_max", "!grows ? layer->p.weight_max"),
    "slope-forgotten": ("learn.c", "layer->at[SLOPES] != 0 ?", "0 ?"),
    "rates-off-by-one": ("learn.c", "wins : rates - 1u", "wins : rates"),
    "rates-end-early": ("learn.c", "rates ? wins :", "rates ? wins / 2u :"),
    "wins-not-counted": ("learn.c", "wins[j]++;", ""),
    "wins-wrap": ("learn.c", "if (wins[j] < UINT16_MAX)", "if (true)"),
    "winners-silent": ("learn.c", "layer->spike_count = 1;", ""),
    "depression-forgotten": ("learn.c", "row[list[s]] < 0 &&", "row[list[s]] < -200 &&"),
    "depressed-before-consolidation": ("learn.c", "wins[list[s]] >= layer->p.depress_from", "true"),
    "levels-without-age": ("learn.c", "age + 1u < layer->p.ages", "false"),
    "levels-age-too-far": ("learn.c", "age + 1u < layer->p.ages", "age < layer->p.ages"),
    "levels-unscaled": ("learn.c", "levels[r], 6", "levels[r], 5"),
    "ranks-share-a-rate": ("learn.c", "rate_of(u, list[r])", "rate_of(u, list[0])"),
    "rank-tie": ("population.c", "list[place - 1u]) < score", "list[place - 1u]) <= score"),
    "winner-ranked-too": ("population.c", " && (int32_t)j != layer->winner", ""),
    "new-ones-ranked": ("population.c", "gate[j] > 0 && wins[j] != 0", "gate[j] > 0"),
    "error-window": ("learn.c", "(&core->net) - layer->p.fire_from", "(&core->net)"),
    "key-of-all-populations": ("learn.c", "(core) + population + 1u", "(core) + 1u"),
    "bias-not-taught": ("learn.c", "inputs[count++] =", "inputs[count] ="),
    # image, samples and state
    "image-crc-unchecked": ("image.c", "crc == header.crc ?", "crc != 0 ?"),
    "state-crc-unchecked": ("state.c", "!= header[CHECK]", "== 0"),
    "any-network's-state": ("state.c", "header[NETWORK] != core->network_id ||", ""),
    "codes-unchecked": ("prepare.c", "size >> core->code_bits == 0", "true"),
    "off-codes-unchecked": ("prepare.c", "is_off ? 256u - codes[i]", "is_off ? 0u"),
    "events-of-signs-taken": ("prepare.c", "return net->is_signed == 0;", "return true;"),
    "signs-anywhere": ("image.c", "!signs_fit(check, first)", "false"),
    "events-doubled": ("prepare.c", "next = at + 1u;", "next = at;"),
    "label-unchecked": ("learn.c", "label >= core->net.capacity", "label > core->net.capacity"),
    "field-unchecked": ("fields.c", "value > limit ||", "value > limit + 1 ||"),
    "workspace-too-large": ("workspace.c", "(to - 1u);", "(to - 1u) | to;"),
}  # fmt: skip

# They build the core hundreds of times, and test the tests.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Return a tape and what it answers."""
    golden = sorted((ROOT / "tests" / "golden").glob("*.tape"))
    tape = b"".join(
        [
            *random_cases(seed=15, count=240, rounds=2),
            *random_cases(seed=16, count=160, rounds=3, kinds=("learned",)),
            *random_cases(seed=33, count=200, rounds=3, kinds=("learned",)),
            *random_cases(seed=41, count=200, rounds=3, kinds=("learned",)),
            *(path.read_bytes() for path in golden),
        ]
    )
    path = tmp_path_factory.mktemp("corpus") / "tape"
    path.write_bytes(tape)
    return path, list(answers(tape, Specification))


@pytest.fixture(scope="module")
def mutant(
    require_tool: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Mutation | None, Path], Path]:
    """Return a function that builds `naca_replay` with a mutation, in a folder of its own."""
    require_tool("gcc")
    compiler = ["gcc", "-std=c99", "-O1", "-w", "-fwrapv", f"-I{CORE / 'include'}"]
    sources = sorted((CORE / "src").glob("*.c"))
    sound = tmp_path_factory.mktemp("sound")
    for source in [*sources, ROOT / "tests" / "c" / "replay.c"]:
        run(*compiler, "-c", source, "-o", sound / f"{source.stem}.o")

    def build(mutation: Mutation | None, folder: Path) -> Path:
        objects = {path.stem: path for path in sound.glob("*.o")}
        if mutation is not None:
            file, old, new = mutation
            text = (CORE / "src" / file).read_text()
            assert text.count(old) == 1, f"{old!r} has to occur exactly once in {file}"
            for source in sources:
                (folder / source.name).write_text(source.read_text())
            for header in (CORE / "src").glob("*.h"):
                (folder / header.name).write_text(header.read_text())
            (folder / file).write_text(text.replace(old, new))
            changed = sources if file.endswith(".h") else [CORE / "src" / file]
            for source in changed:
                objects[source.stem] = folder / f"{source.stem}.o"
                run(*compiler, "-c", folder / source.name, "-o", objects[source.stem])
        run("gcc", *objects.values(), "-o", folder / "replay")
        return folder / "replay"

    return build


def finding(program: Path, tape: Path, expected: list[str]) -> str | None:
    """Return what is wrong with a build of the core, None if nothing is."""
    try:
        result = subprocess.run([program, tape], capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "it never ends"
    if result.returncode != 0:
        return f"exit {result.returncode}: {result.stderr}"
    return first_difference(expected, result.stdout.splitlines())


def test_sound_core_passes(
    mutant: Callable[[Mutation | None, Path], Path],
    corpus: tuple[Path, list[str]],
    tmp_path: Path,
) -> None:
    assert finding(mutant(None, tmp_path), *corpus) is None


@pytest.mark.parametrize("name", MUTATIONS)
def test_breakage_is_found(
    name: str,
    mutant: Callable[[Mutation | None, Path], Path],
    corpus: tuple[Path, list[str]],
    tmp_path: Path,
) -> None:
    assert finding(mutant(MUTATIONS[name], tmp_path), *corpus) is not None
