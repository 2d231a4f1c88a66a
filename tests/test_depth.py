"""Two and three plastic hidden populations are stable from the first samples on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from edge_naca import data, presets, recipes
from edge_naca.core import Core
from edge_naca.depth import deepened
from edge_naca.network import Encoder, Network, Population
from edge_naca.paper.network import PaperNetwork, continual_snn, iid_ann
from edge_naca.specification.network import Specification

DIGITS = data.load("digits")


def deep(*sizes: int) -> Network:
    network = recipes.network_for(DIGITS, neurons_per_class=10)
    for neurons in sizes:
        network = deepened(network, neurons)
    return network


@pytest.mark.parametrize("sizes", [(6,), (8, 5)])
def test_accuracy_never_falls_while_all_populations_learn(sizes: tuple[int, ...]) -> None:
    network = deep(*sizes)
    assert network.topology == "-".join(map(str, (64, 100, *(10 * n for n in sizes), 10)))
    assert [population.winners for population in network.populations[:-2]] == [3] * len(sizes)
    core = Core(network)
    order = np.random.default_rng(0).permutation(len(DIGITS.y_train))
    x = DIGITS.x_train[order]
    test = DIGITS.x_test
    right = []
    for first, end in ((0, 30), (30, 100), (100, 300), (300, 800), (800, 1400)):
        core.learn_many(x[first:end], DIGITS.y_train[order[first:end]])
        right.append(float((core.predict_many(test) == DIGITS.y_test).mean()))
    assert right[0] > 0.15  # after three samples of a class
    assert all(after > before - 0.03 for before, after in pairwise(right))
    assert right[-1] > 0.85


def test_it_is_the_same_arithmetic() -> None:
    network = deep(5, 3)
    core, specification = Core(network), Specification(network)
    x = DIGITS.x_train[:60]
    for sample, label in zip(x, DIGITS.y_train[:60], strict=True):
        assert core.learn(sample, int(label)) == specification.learn(sample, int(label))
    assert core.state() == specification.state()


def test_what_cannot_be_deepened() -> None:
    alone = Network(3, Encoder("rate", 3, 5), (Population(2),))
    for network in (alone, presets.paper(5, 3, 10)):
        with pytest.raises(ValueError, match="can be deepened"):
            deepened(network, 2)
    small = presets.competitive(4, 2, 1, bits=3)
    with pytest.raises(ValueError, match=r"heard must be in 1 \.\. 2, not 3"):
        deepened(small, 2)
    with pytest.raises(ValueError, match="neurons_per_class"):
        deepened(small, 5000, 1)


@pytest.mark.parametrize("gate", [None, 0.2])
def test_the_papers_deeper_populations_learn_from_what_lies_below(gate: float | None) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((8, 12)).astype(np.float32), rng.integers(0, 3, 8)
    description = continual_snn(
        inputs=12, hidden=20, deeper=(9, 7), classes=3, gate_depth=gate, steps=5, learning_rate=0.5
    )
    network = PaperNetwork(description)
    before = network.weights()
    assert [part.shape for part in network.deeper_weights] == [(9, 20), (7, 9)]
    assert network.output_weights.shape == (3, 7)
    for _ in range(30):
        network.learn(x, y)
    after = network.weights()
    moved = [bool((a != b).any()) for a, b in zip(after, before, strict=True)]
    assert moved[4:] == [True, True]
    assert network.rates(x).shape == (8, 3)
    network.set_weights(before)
    assert (network.deeper_weights[0] == before[4]).all()


def test_a_deeper_artificial_network_follows_the_rule() -> None:
    """ΔW = −η f · slope · u, by hand, for the second hidden population."""
    description = iid_ann(
        inputs=4, hidden=3, deeper=(2,), classes=2, learning_rate=0.1, biases=(False, False)
    )
    network = PaperNetwork(description)
    x, y = np.array([[1, 0, 0.5, 0.25]], np.float32), np.array([1])
    first, second = network.hidden_weights.copy(), network.deeper_weights[0].copy()
    low = np.tanh(x @ first.T)
    high = np.tanh(low @ second.T)
    factor = network._modulations[1][y] * (1 - high**2)
    network.learn(x, y)
    np.testing.assert_allclose(
        network.deeper_weights[0], second - 0.1 * factor.T @ low, rtol=1e-4, atol=1e-6
    )
