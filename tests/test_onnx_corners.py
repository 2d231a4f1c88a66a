"""What random networks seldom reach: each network here makes one thing decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from onnx_running import Running, recorded, result_of

from edge_naca import image, presets
from edge_naca.core import Core
from edge_naca.export import OnnxLearner, to_onnx
from edge_naca.network import Encoder, Network, Population, Rule
from edge_naca.specification.arithmetic import POTENTIAL_MAX, scale


def with_weights(network: Network, *weights: Any) -> Core:
    """Return a core whose populations have these weights (neurons, rows)."""
    state = image.new_state(network)
    learned = tuple(
        replace(part, weights=np.array(w, np.int8))
        for w, part in zip(weights, state.populations, strict=True)
    )
    return Core(network, image.pack_state(network, image.State(state.seen, learned, 0)))


def learns_alike(core: Core, x: Any, y: Any) -> OnnxLearner:
    """Let a model learn what the core learns, and compare after every sample."""
    learner = OnnxLearner(to_onnx(core, learning=True))
    for sample, label in zip(x, y, strict=True):
        assert learner.learn(sample, int(label)) == core.learn(sample, int(label))
        assert learner.state() == core.state()
    return learner


def test_inhibition_saturates() -> None:
    """400 spikes take 13 107 200 from the one neuron that does not spike: more than 24 bits."""
    hidden = Population(401, decay=128, inhibition=1 << 15)
    network = Network(1, Encoder("latency", 1, 2), (hidden, Population(2)))
    core = with_weights(network, [[1]] * 400 + [[-1]], np.zeros((2, 401)))
    given = Running(to_onnx(core, record=True))(sample=np.ones(1, np.uint8))
    told = core.record([1])
    assert told.potentials[1, 400] == scale(np.array(-POTENTIAL_MAX), 128)
    assert_array_equal(recorded(network, given, "potentials"), told.potentials)


def drifting(drift: float, offset: int) -> tuple[Core, Any, Any]:
    """Return a core that knows two classes well, and samples that moved as its offset says."""
    rng = np.random.default_rng(5)
    network = presets.competitive(8, 2, 3, bits=4, drift=drift)
    core = Core(network)
    y = np.arange(120) % 2
    x = rng.integers(2, 6, (120, 8)) + 4 * (y[:, None] == (np.arange(8) > 3))
    core.learn_many(x.astype(np.uint8), y)
    state = image.unpack_state(network, core.state())
    first = state.populations[0]
    assert first.context is not None
    context = replace(first.context, offset=np.full(8, offset, np.int8))
    populations = (replace(first, context=context), *state.populations[1:])
    core = Core(network, image.pack_state(network, replace(state, populations=populations)))
    moved = np.where(rng.random((40, 1)) < 0.5, x[:40], x[:40] + 5)
    return core, np.clip(moved, 0, 15).astype(np.uint8), y[:40]


@pytest.mark.parametrize(("drift", "offset"), [(0.9, 40), (0.01, 24), (0.01, 0), (0.9, -120)])
def test_a_second_context_is_heard_and_moves(drift: float, offset: int) -> None:
    core, x, y = drifting(drift, offset)
    model = Running(to_onnx(core, record=True))
    for sample in x:
        given, told = model(sample=sample), core.record(sample)
        assert_array_equal(recorded(core.network, given, "thresholds"), told.thresholds)
        assert result_of(given) == told.result
    heard = {tuple(core.record(sample).thresholds[-1][:3] % 16) for sample in x}
    before = core.state()
    learns_alike(core, x, y)
    context = image.unpack_state(core.network, core.state()).populations[0].context
    assert context is not None
    kept = image.unpack_state(core.network, before).populations[0].context
    assert kept is not None
    # The smaller drift recruits or moves the second context within these samples.
    assert (context.offset != kept.offset).any() == (drift < 0.1)
    if offset == 40:  # some samples are heard in the first context, some in the second
        assert len(heard) > 1


def test_subtraction_saturates() -> None:
    """A threshold far below 0 is subtracted: the potential ends at its upper end."""
    output = Population(2, threshold=-(1 << 26), reset="subtract", decay=128)
    network = Network(1, Encoder("latency", 1, 2), (output,))
    core = with_weights(network, [[1], [2]])
    given = Running(to_onnx(core, record=True))(sample=np.ones(1, np.uint8))
    told = core.record([1])
    assert told.potentials[1].tolist() == [scale(np.array(POTENTIAL_MAX), 128)] * 2
    assert_array_equal(recorded(network, given, "potentials"), told.potentials)
    assert result_of(given) == told.result


def test_a_handicap_decides_who_wins() -> None:
    rng = np.random.default_rng(1)
    network = presets.competitive(12, 2, 5, homeostasis=0.05)
    rule = network.populations[0].rule
    assert rule is not None
    assert rule.handicap > 100
    core = Core(network)
    x, y = rng.integers(0, 16, (80, 12)), rng.integers(0, 2, 80)
    learns_alike(core, x, y)
    without = Core(replace_rule(network, handicap=0))
    without.learn_many(x, y)
    assert without.state() != core.state()


def replace_rule(network: Network, **parts: Any) -> Network:
    """Return a network whose first population's rule has other parts."""
    first, *others = network.populations
    assert first.rule is not None
    changed = replace(first, rule=replace(first.rule, **parts))
    return replace(network, populations=(changed, *others))


@pytest.mark.parametrize("input_type", ["codes", "spikes"])
def test_a_code_is_its_own_trace_in_the_first_population_only(input_type: str) -> None:
    """Behind as many hidden neurons as there are inputs, traces are those of hidden spikes."""
    rng = np.random.default_rng(4)
    network = presets.competitive(6, 2, 3, bits=3, drift=0.0)
    hidden, output = network.populations
    hidden = replace(hidden, fire_from=0, winners=0)
    network = replace(network, populations=(hidden, hidden, output))
    core = Core(network)
    codes = rng.integers(0, 8, (30, 6))
    x = codes if input_type == "codes" else codes[:, None] >> np.arange(3)[:, None] & 1
    learner = OnnxLearner(to_onnx(core, learning=True, input_type=input_type))
    for sample, code, label in zip(x, codes, rng.integers(0, 2, 30), strict=True):
        assert learner.learn(sample, int(label)) == core.learn(code, int(label))
        assert learner.state() == core.state()
    assert core.weights(1).any()


def test_a_single_random_bit_decides() -> None:
    """Each product is ±1 and is halved: whether a weight moves hangs on its random bit alone."""
    rng = np.random.default_rng(5)
    rule = Rule(
        "all",
        "table",
        "spike",
        np.array([[1, -1, 1], [-1, 1, 1], [1, 1, -1]]),
        np.array([1]),
        rate_shift=1,
    )
    network = Network(20, Encoder("bitplane", 1, 1), (Population(3, rule=rule),), seed=9)
    core = Core(network)
    learns_alike(core, rng.integers(0, 2, (25, 20)), rng.integers(0, 3, 25))
    assert len(np.unique(core.weights(0))) > 4


def test_a_label_that_reaches_nobody_has_no_winner() -> None:
    network = presets.competitive(5, 3, 2, bits=2)
    rule = network.populations[0].rule
    assert rule is not None
    assert rule.table is not None
    table = rule.table.copy()
    table[1] = -64
    core = Core(replace_rule(network, table=table))
    rng = np.random.default_rng(6)
    y = np.arange(24) % 3
    learns_alike(core, rng.integers(0, 4, (24, 5)), y)
    wins = image.unpack_state(core.network, core.state()).populations[0].wins
    assert wins is not None
    assert wins.sum() == (y != 1).sum()
