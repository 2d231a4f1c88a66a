"""ONNX models of networks with an inhibition: V in use, V learned, V renewed, as in the core."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from onnx_running import Running, recorded, result_of

from edge_naca import image, presets
from edge_naca.core import Core
from edge_naca.export import OnnxLearner, initial_state, interface, state_from, to_onnx
from edge_naca.inhibition import Inhibition, triangle
from edge_naca.network import Encoder, Network, Population, Preparation

Array = NDArray[Any]


def learning(
    inputs: int, classes: int = 4, per_class: int = 3, bits: int = 4, **about: Any
) -> Network:
    """Return a network that learns an inhibition, of 7-bit codes unless told otherwise."""
    inhibition = Inhibition(inputs, about.pop("code_bits", 7), **about)
    return presets.competitive(
        inputs, classes, per_class, bits=bits, inhibition=inhibition, grading=0.5
    )


def correlated(network: Network, count: int, seed: int = 0) -> tuple[Array, Array]:
    """Return codes whose residuals have much in common, and labels."""
    rng = np.random.default_rng(seed)
    inputs, most = network.inputs, 2**network.code_bits - 1
    labels = rng.integers(network.capacity, size=count)
    centres = rng.normal(0, most / 4, (network.capacity, inputs))
    mixing = rng.normal(0, most / 6, (3, inputs))
    x = centres[labels] + rng.normal(size=(count, 3)) @ mixing + rng.normal(0, 2, (count, inputs))
    return np.clip(np.rint(x), -most, most).astype(np.int8), labels


def learned_of(core: Core) -> image.Decorrelation:
    """Return what the core's inhibition has learned."""
    learned = image.unpack_state(core.network, core.state()).inhibition
    assert learned is not None
    return learned


@pytest.mark.parametrize(
    "network",
    [
        learning(30, first=5, every=7),
        learning(17, first=3, every=0, noise=0, bits=7, code_bits=3),
        learning(9, first=1, every=1, noise=4095, bits=1, reach=15, start=64),
        learning(1, first=2, every=2, code_bits=1, start=4095),
        learning(128, first=20, every=20, per_class=2),
    ],
    ids=["usual", "each doubling", "noisy", "one input", "largest"],
)
def test_a_whole_lesson(network: Network) -> None:
    core = Core(network)
    learner = OnnxLearner(to_onnx(core, learning=True))
    renewals = 0
    for sample, label in zip(*correlated(network, 60), strict=True):
        assert learner.infer(sample) == core.infer(sample)
        before = learned_of(core)
        assert learner.learn(sample, int(label)) == core.learn(sample, int(label))
        assert learner.state() == core.state()
        after = learned_of(core)
        renewals += not np.array_equal(before.weights, after.weights)
    assert renewals >= 2
    learned = learned_of(core)
    assert learned.shift > 0
    # Some residuals of 60 are left out: those of neurons that were just recruited.
    assert 30 < learned.count < 60
    assert np.count_nonzero(learned.factor) > triangle(network.inputs) // 2


def test_neurons_that_nobody_stands_behind() -> None:
    """Without ranks a sample that recruits a neuron teaches V nothing."""
    graded = learning(8, first=4, every=4)
    first = graded.populations[0]
    assert first.rule is not None
    rule = dataclasses.replace(first.rule, levels=np.zeros((0, 0), np.uint8))
    network = dataclasses.replace(
        graded, populations=(dataclasses.replace(first, rule=rule), *graded.populations[1:])
    )
    counts = []
    for one in (graded, network):
        core = Core(one)
        learner = OnnxLearner(to_onnx(core, learning=True))
        for sample, label in zip(*correlated(one, 40), strict=True):
            assert learner.learn(sample, int(label)) == core.learn(sample, int(label))
            assert learner.state() == core.state()
        counts.append(learned_of(core).count)
    assert counts[0] > counts[1]


@pytest.mark.parametrize(("learned", "renews"), [(11, True), (12, False), (12 << 20, False)])
def test_doublings_of_a_long_life(learned: int, renews: bool) -> None:
    """V is due at 3, 6, 12, … samples, as long as their number does not wrap."""
    network = learning(6, first=3, every=0)
    core = Core(network)
    core.learn_many(*correlated(network, 5))
    for start in (learned, (3 << 30) - 1 if renews else 2**32 - 1):
        state = image.unpack_state(network, core.state())
        again = Core(network, image.pack_state(network, dataclasses.replace(state, learned=start)))
        before = learned_of(again)
        learner = OnnxLearner(to_onnx(again, learning=True))
        sample = np.full(6, 3, np.int8)
        assert learner.learn(sample, 0) == again.learn(sample, 0)
        assert learner.state() == again.state()
        assert (learned_of(again).weights != before.weights).any() == renews


@pytest.mark.parametrize("rank", [0, 1, 50])
def test_the_greatest_given_inhibition(rank: int) -> None:
    """1024 inputs, weights and codes at their ends: sums of 24 bits, shifts of either sign."""
    rng = np.random.default_rng(0)
    inputs = 1024
    size = rank * inputs or triangle(inputs)
    inhibition = Inhibition(
        inputs,
        7,
        np.where(rng.random(size) < 0.9, -128, 127),
        rng.integers(0, 16, rank or inputs),
        shift=11,
        rank=rank,
    )
    hidden = Population(5, weight_bits=8, decay=128, threshold=10, winners=2)
    network = Network(
        inputs,
        Encoder("bitplane", 7, 7, is_signed=True),
        (hidden, Population(3, threshold=5)),
        inhibition=inhibition,
    )
    state = image.new_state(network)
    for part in state.populations:
        part.weights[:] = rng.choice([-128, -128, 127], part.weights.shape)
    core = Core(network, image.pack_state(network, state))
    samples = np.stack(
        [np.full(inputs, n) for n in (127, -127, 0, -1)] + [rng.integers(-127, 128, inputs)]
    )
    given = Running(to_onnx(core, batch=5, record=True))(sample=samples.astype(np.int8))
    for place, x in enumerate(samples):
        told = core.record(x)
        one = {name: array[place] for name, array in given.items()}
        assert result_of(one) == told.result
        assert_array_equal(one["input.spikes"], told.input_spikes)
        assert_array_equal(recorded(network, one, "potentials"), told.potentials)
    assert given["input.spikes"].min() == -1
    assert given["synops"][0] > size


def test_names_are_those_of_the_document() -> None:
    network = learning(5)
    ends = interface(to_onnx(network, learning=True, record=True))
    neurons = network.populations[0].neurons
    state = {
        "inhibition.factor": ("int16", (5, 5)),
        "inhibition.weights": ("int8", (5, 5)),
        "inhibition.row_shifts": ("uint8", (5,)),
        "inhibition.centre": ("int32", (5,)),
        "inhibition.prototypes": ("int16", (5, neurons)),
        "inhibition.count": ("uint16", ()),
        "inhibition.factor_shift": ("uint8", ()),
        "inhibition.shift": ("uint8", ()),
        "inhibition.mean": ("uint32", ()),
    }
    fields = {field.name for field in dataclasses.fields(image.Decorrelation)}
    assert {name.removeprefix("inhibition.") for name in state} == fields
    assert state.items() <= ends["inputs"].items()
    assert {f"{name}.next": kind for name, kind in state.items()}.items() <= ends["outputs"].items()
    assert ends["inputs"]["sample"] == ("int8", (5,))
    assert ends["outputs"]["input.spikes"] == ("int8", (4, 5))


def test_inference_holds_only_what_is_in_use() -> None:
    network = learning(5)
    core = Core(network)
    core.learn_many(*correlated(network, 60))
    stored = {tensor.name for tensor in to_onnx(core).graph.initializer}
    kept = {name for name in stored if name.startswith("inhibition.")}
    assert kept == {f"inhibition.{name}" for name in ("weights", "row_shifts", "centre", "shift")}


def test_states_of_other_shapes_are_refused() -> None:
    model = to_onnx(learning(5), learning=True)
    state = initial_state(model)
    for name in ("factor", "mean"):
        full = f"inhibition.{name}"
        with pytest.raises(ValueError, match=rf"inhibition\.{name} must be"):
            state_from(model, {**state, full: state[full].astype(np.int64)})
    lacking = {name: array for name, array in state.items() if name != "inhibition.count"}
    with pytest.raises(ValueError, match=r"the state lacks 'inhibition\.count'"):
        state_from(model, lacking)


def test_codes_with_a_sign_are_no_events() -> None:
    network = presets.competitive(Preparation((1, 6, 1), keeps_sign=True), 3, 2)
    with pytest.raises(ValueError, match="its codes with a sign need codes: take 'codes'"):
        to_onnx(network, input_type="spikes")
    learner = OnnxLearner(to_onnx(network, learning=True, input_type="codes"))
    core = Core(network)
    for sample in np.random.default_rng(0).integers(-15, 16, (30, 6)):
        label = int(sample[0] > 0)
        assert learner.learn(sample, label) == core.learn(sample, label, "codes")
    assert learner.state() == core.state()
    with pytest.raises(ValueError, match=r"codes must be in -15 \.\. 15"):
        learner.infer(np.full(6, -16))
