"""Counted operations are those that the core itself reports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import networks, random_sample, random_state

from edge_naca.core import Core
from edge_naca.export.cost.operations import operations
from edge_naca.network import Encoder, Network, Population, Preparation, Rule
from edge_naca.specification.preparation import codes as prepared


@settings(max_examples=150)
@given(networks(), st.integers(0, 2**32 - 1))
def test_they_agree_with_the_core_on_any_network(network: Network, seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = random_state(network, rng)
    core, same = Core(network, state), Core(network, state)
    for _ in range(3):
        x, kind = random_sample(network, rng)
        if kind == "events":
            continue
        label = int(rng.integers(network.capacity))
        infer, learn = operations(core, x, label, kind)
        result = same.learn(x, label, kind)
        assert core.state() == same.state()  # it has learned what it counted
        assert infer["input spike"] + infer["spike of a stage"] + infer["spike"] == result.spikes
        assert learn["weight changed"] == result.changes
        assert learn["weight changed"] <= sum(
            count for name, count in learn.items() if name.startswith("synapse, ")
        )
        assert all(count >= 0 for count in (*infer.values(), *learn.values()))
        again, nothing = operations(core, x, None, kind)
        assert not nothing
        assert again["step"] == network.encoder.steps
        assert core.state() == same.state()


def one_layer(preparation: Preparation | None = None, **how: Any) -> Network:
    population = Population(20, threshold=1 << 20, **how)
    inputs = 6 if preparation is None else preparation.outputs
    return Network(inputs, Encoder("bitplane", 2, 2), (population,), preparation)


def test_spikes_meet_blocks_of_neurons() -> None:
    counts, _ = operations(Core(one_layer()), np.array([3, 1, 0, 0, 2, 0]))
    assert counts["input spike"] == 4
    assert counts["spike at a block"] == 4  # 20 neurons: a block of 16 and one of 4
    assert counts["spike at a neuron of a narrow block"] == 4 * 4
    assert counts["block"] == 2 * 2
    assert counts["margin"] == counts["neuron leaks"] == 2 * 20
    assert counts["byte cleared"] == 4 * 20 + 20
    assert counts["code taken over"] == 6

    four_bits = one_layer(weight_bits=4, weight_min=0, weight_max=7, bias=True)
    counts, _ = operations(Core(four_bits), np.array([3, 1, 0, 0, 2, 0]))
    assert counts["spike at a block, 4 bits"] == (4 + 2) * 2
    assert counts["spike at a pair of neurons, 4 bits"] == (4 + 2) * 10


def test_every_pixel_is_counted() -> None:
    prep = Preparation((5, 4, 2), "edges", cell=3, cap=9)
    x = np.zeros(40, np.int16)
    counts, _ = operations(Core(one_layer(prep)), x)
    assert counts["pixel, edges"] == 40
    assert counts["pixel beyond the border"] == 6 * 6 * 2 - 40
    assert counts["neighbour beyond the border"] == 2 * (5 + 4) * 2
    assert counts["number read, int16"] == 4 * 40 - counts["neighbour beyond the border"]
    assert counts["cell"] == 2 * 2 * 2
    assert counts["feature"] == prep.features == 2 * 2 * 2 * 4

    for shape in ((1, 7, 1), (7, 1, 1), (1, 1, 1)):
        counts, _ = operations(
            Core(one_layer(Preparation(shape, "edges"))), np.zeros(max(shape), np.uint8)
        )
        inner = 2 * (max(shape) - 1)  # each pair of neighbours sees the other
        assert counts["number read, uint8"] == inner
        assert counts["neighbour beyond the border"] == 4 * max(shape) - inner


def test_every_number_takes_a_logarithm() -> None:
    prep = Preparation((1, 4, 1), log=True)
    counts, _ = operations(Core(one_layer(prep)), np.array([0, 1, -3, 1023], np.int32))
    assert counts["logarithm"] == 4


def test_learners_are_those_with_a_gain() -> None:
    table = np.array([[64, 0, -64, 64], [0, 0, 0, 0]])
    rule = Rule("all", "table", "spike", table=table[:, :2], rate_shift=8)
    network = Network(3, Encoder("bitplane", 2, 2), (Population(2, rule=rule),))
    core = Core(network)
    _, learn = operations(core, np.array([2, 3, 1]), 0)
    assert learn["neuron learns"] == 1
    assert learn["synapse, spike"] == 2  # those whose bit was set at the last step
    _, learn = operations(core, np.array([2, 3, 1]), 1)
    assert learn["neuron learns"] == 0


@pytest.mark.parametrize("winners", [1, 2, 5])
def test_ranking_keeps_what_the_core_keeps(winners: int) -> None:
    population = Population(30, winners=winners)
    network = Network(4, Encoder("bitplane", 1, 1), (population, Population(2)))
    state = np.zeros(4 + 8 + 4 * 32 + 30 * 4 + 4, np.uint8)
    core = Core(network)
    size = len(core.state())
    state = np.resize(state, size)
    state[12 : 12 + 4 * 32] = np.random.default_rng(winners).integers(1, 100, 4 * 32)
    core = Core(network, state.tobytes())
    counts, _ = operations(core, np.ones(4, int))
    assert counts["crossing, ranked"] == 30
    assert counts["rank taken"] >= winners
    assert counts["spike"] >= winners


def test_raw_samples_are_prepared_for_the_encoder() -> None:
    prep = Preparation((1, 6, 1))
    x = np.array([0, 1, 2, 3, 9, 1], np.uint8)
    counts, _ = operations(Core(one_layer(prep)), x)
    ones = sum(bin(code).count("1") for code in prepared(prep, x, 2).tolist())
    assert counts["input spike"] == ones
    assert "code taken over" not in counts
