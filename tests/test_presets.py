"""The two settings do what they are for; the paper's rule in integers follows its formulas."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from edge_naca import data, image, scenarios
from edge_naca.core import Core
from edge_naca.expectation import expectation, level_matrix, modulation
from edge_naca.network import Network, Preparation
from edge_naca.presets import (
    POTENTIAL_UNIT,
    WEIGHT_UNIT,
    competitive,
    level_table,
    paper,
    paper_start,
    rate_table,
)
from edge_naca.specification.arithmetic import presentation_key
from edge_naca.specification.encoding import spikes

DIGITS = Preparation((8, 8, 1), norm=25)


@pytest.mark.parametrize("weight_bits", [8, 4])
def test_digits_class_after_class(weight_bits: int) -> None:
    dataset = data.load("digits")
    network = competitive(DIGITS, 10, 20, bits=3, weight_bits=weight_bits)
    history = scenarios.run(Core(network), dataset, scenarios.stream(dataset))
    assert history.final > 0.94
    assert history.forgetting < 0.03
    assert image.state_size(network) <= 16 * 1024


def test_a_new_class_leaves_old_neurons_alone() -> None:
    """Without depression, learning a class moves no neuron of any other class."""
    dataset = data.load("digits")
    core = Core(competitive(DIGITS, 10, 5, bits=3, depression=0))
    zeros, ones = (dataset.y_train == label for label in (0, 1))
    core.learn_many(dataset.x_train[zeros], dataset.y_train[zeros])
    before = core.weights(0)
    core.learn_many(dataset.x_train[ones], dataset.y_train[ones])
    changed = (core.weights(0) != before).any(axis=1)
    assert changed[5:10].all()
    assert not changed[:5].any()
    assert not changed[10:].any()


def test_one_sample_is_enough_to_answer() -> None:
    core = Core(competitive(16, 4, 2))
    rng = np.random.default_rng(0)
    for label in range(4):
        sample = rng.integers(0, 16, 16)
        core.learn(sample, label)
        result = core.infer(sample)
        assert result.prediction == label


def test_the_winner_is_the_nearest_prototype() -> None:
    """Margins rank neurons by the Euclidean distance of sample and weights."""
    core = Core(competitive(40, 3, 10, bits=3, rate_floor=0.5, share=0, rarity=0))
    rng = np.random.default_rng(1)
    core.learn_many(rng.integers(0, 8, (200, 40)), rng.integers(0, 3, 200))
    samples = rng.integers(0, 8, (50, 40))
    margins, _ = core.margins_many(samples)
    weights = core.weights(0).astype(float) / 16
    distance = ((samples[:, None] - weights[None]) ** 2).sum(axis=2)
    recruited = margins[0, :30] != -(2**31)
    best = np.where(recruited, distance, np.inf).min(axis=1)
    winner = margins[:, :30].argmax(axis=1)
    # Half a squared norm is rounded down to whole units of potential: less than 1 of distance.
    assert_allclose(distance[np.arange(50), winner], best, atol=0.5)


@pytest.mark.parametrize(
    ("grading", "most", "levels"),
    [(0.5, 99, [[32, 16, 8, 4, 2, 1]]), (0.3, 2, [[19, 6]]), (1.0, 3, [[64] * 3]), (0.5, 0, [])],
)
def test_levels_fall_from_rank_to_rank(grading: float, most: int, levels: list[list[int]]) -> None:
    assert level_table(grading, most).tolist() == levels


def test_graded_levels_teach_those_behind_the_winner() -> None:
    x = np.random.default_rng(0).integers(0, 16, (40, 12))
    y = np.arange(40) % 2
    changed = []
    for grading in (0.0, 0.5):
        core = Core(competitive(12, 2, 4, grading=grading))
        core.learn_many(x[:30], y[:30], "codes")
        before = image.unpack_state(core.network, core.state()).populations[0].weights
        core.learn(x[30], int(y[30]), "codes")
        after = image.unpack_state(core.network, core.state()).populations[0].weights
        changed.append(np.flatnonzero((before != after).any(axis=1)))
    assert changed[0].size <= 2  # the winner, and a neuron that was depressed
    assert changed[1].size > changed[0].size
    with pytest.raises(ValueError, match=r"grading must be in 0 .. 1, not 1.5"):
        competitive(12, 2, 4, grading=1.5)


def test_rates_fall_to_their_floor() -> None:
    rates = rate_table(0.1)
    assert rates[0] == 16384
    assert rates[1] == 8192
    assert rates[-1] == 1638
    with pytest.raises(ValueError, match="floor"):
        rate_table(0)


@pytest.mark.parametrize("bits", range(1, 9))
def test_every_code_width_learns(bits: int) -> None:
    core = Core(competitive(30, 2, 4, bits=bits))
    rng = np.random.default_rng(bits)
    patterns = rng.integers(0, 2**bits, (2, 30))
    for _ in range(20):
        for label in range(2):
            core.learn(patterns[label], label)
    assert [core.infer(pattern).prediction for pattern in patterns] == [0, 1]


def test_weights_too_coarse_for_codes_are_refused() -> None:
    with pytest.raises(ValueError, match="too coarse"):
        competitive(30, 2, 4, bits=6, weight_bits=4)


# ---- the paper's rule ------------------------------------------------------------------------


def _float_updates(
    network: Network, weights: list[NDArray[np.float64]], codes: NDArray[np.uint8], label: int,
    eta: float, eta_out: float, continual: bool,
) -> list[NDArray[np.float64]]:  # fmt: skip
    """Run one presentation by the published formulas, in real numbers; return both updates."""
    train = spikes(network.encoder, codes, presentation_key(network.seed, 0)).astype(float)
    margin = 0.2 if continual else 0.5
    sigmoid = (lambda x: 1 / (1 + np.exp(-x))) if continual else (lambda x: x)
    slope = (lambda i: i * (1 - i)) if continual else np.ones_like
    v = [np.zeros(len(w)) for w in weights]
    s = [np.zeros(len(w)) for w in weights]
    last = [x.copy() for x in s]
    counts = np.zeros(len(weights[1]))
    for u in train:
        last = [x.copy() for x in s]
        before, inputs, currents = u, [], []
        for layer, w in enumerate(weights):
            x = np.append(before, 1.0) if network.populations[layer].bias else before
            current = sigmoid(w @ x)
            v[layer] = 0.2 * v[layer] * (1 - s[layer]) + current
            s[layer] = (v[layer] > 0.5).astype(float)
            inputs.append(x)
            currents.append(current)
            before = s[layer]
        counts += s[1]
    capacity = network.capacity
    levels = expectation(capacity)[label] @ level_matrix("uniform", capacity, len(v[0]), 5)
    delta = (v[0] > 0.5 - margin).astype(float) - last[0]
    error = counts / len(train) - (np.arange(capacity) == label)
    hidden = -eta * modulation(levels) * delta * slope(currents[0])
    output = -eta_out * error * slope(currents[1])
    return [np.outer(hidden, inputs[0]), np.outer(output, inputs[1])]


@pytest.mark.parametrize("continual", [True, False])
def test_integer_updates_are_the_published_ones_on_average(continual: bool) -> None:
    """Stochastic rounding is unbiased: over many draws the integer change meets the formula's."""
    eta, eta_out = (2e-3, 3e-3) if continual else (8e-4, 1e-3)
    network = paper(
        25, 3, 40, continual=continual, learning_rate=eta, output_learning_rate=eta_out, seed=5
    )
    start = paper_start(network)
    weights = [
        part.weights.astype(float) for part in image.unpack_state(network, start).populations
    ]
    # A sample that leaves no neuron within a rounding error of its threshold.
    codes = np.random.default_rng(3).integers(0, 256, 25).astype(np.uint8)
    wanted = _float_updates(
        network, [w / WEIGHT_UNIT for w in weights], codes, 1, eta, eta_out, continual
    )
    # The same spikes again and again, each time as if another number of samples had been learned.
    train = spikes(network.encoder, codes, presentation_key(network.seed, 0))
    parts = image.unpack_state(network, start)
    totals = [np.zeros_like(w) for w in weights]
    repeats = 500
    for learned in range(repeats):
        state = image.pack_state(network, dataclasses.replace(parts, learned=learned))
        core = Core(network, state)
        core.learn(np.argwhere(train), 1, "events")
        for layer, total in enumerate(totals):
            total += core.weights(layer) - weights[layer]
    for total, want in zip(totals, wanted, strict=True):
        assert np.abs(want).max() > 0
        # Rounding draws one of two neighbours: half a weight of deviation at the most.
        noise = 5 * 0.5 / np.sqrt(repeats) / WEIGHT_UNIT
        assert_allclose(total / repeats / WEIGHT_UNIT, want, atol=noise + 0.03 * np.abs(want).max())


def test_paper_units() -> None:
    network = paper(25, 3, 40)
    assert network.populations[0].threshold == POTENTIAL_UNIT // 2
    assert network.populations[0].decay == round(0.2 * 256)
    with pytest.raises(ValueError, match="learning rate"):
        paper(25, 3, 40, learning_rate=1e6)
