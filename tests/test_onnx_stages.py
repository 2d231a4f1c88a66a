"""Frozen stages in ONNX models, where random networks seldom lead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from onnx import ModelProto
from onnx.reference import ReferenceEvaluator
from onnx.reference.ops.op_conv_integer import ConvInteger as _ConvInteger
from onnx.reference.ops.op_matmul_integer import MatMulInteger as _MatMulInteger
from onnx_models import MODELS
from onnx_running import RESULTS, Running, recorded, result_of

from edge_naca import data, presets, recipes
from edge_naca.core import Core
from edge_naca.export import (
    OnnxLearner,
    OnnxOptions,
    interface,
    onnx_network,
    to_onnx,
)
from edge_naca.export.onnx_import.front_end import convert_onnx
from edge_naca.network import Encoder, Network, Population, Preparation, Rule
from edge_naca.specification.arithmetic import POTENTIAL_MAX
from edge_naca.stages import CodedConvolution, CodedPool, SpikingConvolution, SpikingPool


def numbers(low: int, high: int, *shape: int) -> NDArray[np.int64]:
    """Return random numbers of low .. high − 1: the same for the same arguments."""
    return np.random.default_rng([abs(low), high, *shape]).integers(low, high, shape)


def weights(*shape: int) -> NDArray[np.int8]:
    return numbers(-128, 128, *shape).astype(np.int8)


def counting() -> Network:
    """A pool passes on up to 324 spikes, more than a byte, to a population that attracts."""
    rule = Rule(
        "all",
        "table",
        "attract",
        np.array([[64] * 3, [-64] * 3, [0] * 3]),
        np.array([16384]),
        trace_decay=200,
        trace_shift=-1,
    )
    pool = SpikingPool(shape=(18, 18, 2), kernel=(18, 18), stride=(18, 18))
    output = Population(3, threshold=30000, rule=rule)
    return Network(648, Encoder("rate", 8, 4), (output,), seed=5, stages=(pool,))


def counting_to_neurons() -> Network:
    """Up to 130 spikes arrive at once at neurons: less than a byte, more than seven bits."""
    pool = SpikingPool(shape=(10, 13, 2), kernel=(10, 13), stride=(10, 13))
    heard = np.reshape([127, -128, 60, 70], (4, 1, 1, 1))
    output = SpikingConvolution(
        shape=(1, 1, 2), weights=heard, groups=2, threshold=np.array([4000])
    )
    return Network(260, Encoder("bitplane", 1, 1), (), stages=(pool, output))


def direct() -> Network:
    """Codes of 8 bits arrive as they are, at neurons whose parameters are their own."""
    front = SpikingConvolution(
        shape=(6, 5, 2), weights=weights(4, 1, 3, 2), groups=2, padding=(2, 1), stride=(2, 1),
        own=True, bias=numbers(-900, 900, 80), threshold=numbers(0, 20000, 80),
        reset="subtract", reset_by=numbers(0, 9000, 80), decay=numbers(0, 257, 80),
        output=(4, 5),
    )  # fmt: skip
    hidden = Population(7, threshold=60, bias=True, rule=Rule("all", "error", "spike"))
    return Network(60, Encoder("direct", 8, 5), (hidden,), stages=(front,))


def coded() -> Network:
    """8-bit codes through a convolution and both pools to a rate encoder."""
    stages = (
        CodedConvolution(shape=(9, 7, 3), weights=weights(6, 1, 3, 3), groups=3, dilation=(2, 1),
                         padding=(3, 1), output=(8, 7), bias=numbers(-4000, 4000, 6),
                         shift=numbers(3, 9, 6), bits=8),
        CodedPool(shape=(8, 7, 6), kernel=(3, 2), stride=(2, 2), padding=(1, 0), output=(4, 4),
                  pool="max", bits=7),
        CodedPool(shape=(4, 4, 6), kernel=(2, 2), stride=(2, 3), output=(2, 2), gain=16384,
                  shift=16, code_bits=7, bits=5),
    )  # fmt: skip
    output = Population(3, threshold=200, rule=Rule("all", "error", "spike"))
    return Network(189, Encoder("rate", 5, 6), (output,), seed=3, stages=stages)


NETWORKS = (counting, counting_to_neurons, direct, coded)


def cores(network: Network) -> tuple[Core, Core]:
    return Core(network), Core(network)


def codes(network: Network, count: int) -> NDArray[np.uint8]:
    """Return samples of all strengths, the strongest among them."""
    most = 2**network.code_bits - 1
    strength = np.linspace(1, 0.3, count)[:, None]
    x = np.rint(strength * numbers(0, most + 1, count, network.inputs))
    x[0] = most
    return x.astype(np.uint8)


# ---- equality ----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", NETWORKS)
def test_every_kind_of_stage_learns_and_answers_alike(make: Any) -> None:
    network = make()
    core = Core(network)
    learner = OnnxLearner(to_onnx(core, learning=True))
    x = codes(network, 20)
    for sample, label in zip(x, numbers(0, network.capacity, 20), strict=True):
        assert learner.learn(sample, int(label)) == core.learn(sample, int(label))
        assert learner.state() == core.state()
    given = Running(to_onnx(core, batch=20, record=True))(sample=x)
    told = [core.record(sample) for sample in x]
    assert given["synops"].tolist() == [shown.result.synops for shown in told]
    for what in ("spikes", "potentials", "thresholds"):
        everyone = np.stack([getattr(shown, what) for shown in told])
        assert_array_equal(recorded(network, given, what), everyone)
    spikes = np.stack([shown.spikes for shown in told])
    assert 0 < spikes.mean() < 1


def test_a_readout_answers_with_its_potentials() -> None:
    output = SpikingConvolution(
        shape=(2, 2, 3),
        weights=weights(5, 3, 2, 2),
        bias=np.array([-70, 3, 0, -20, 40]),
        decay=np.array([230]),
        synapse_decay=np.array([200]),
        readout=True,
    )
    network = Network(12, Encoder("bitplane", 4, 4), (), stages=(output,))
    core, learner = Core(network), OnnxLearner(to_onnx(network, learning=True))
    x = codes(network, 30)
    answers = set()
    for sample in x:
        told = core.learn(sample, 2)
        assert learner.learn(sample, 2) == told
        assert learner.state() == core.state()
        answers.add(told.prediction)
    assert len(answers) > 1
    given = Running(to_onnx(core, record=True))(sample=x[1])
    assert not given["counts"].any()
    assert result_of(given) == core.infer(x[1])


@pytest.mark.parametrize("synapse_decay", [None, [128]])
def test_currents_and_potentials_saturate(synapse_decay: Any) -> None:
    """600 weights at their ends, times 128, are more than 24 bits at the first step already."""
    ends = np.repeat([[127], [-128]], 600, axis=1).reshape(2, 600, 1, 1)
    output = SpikingConvolution(
        shape=(1, 1, 600),
        weights=ends,
        current_shift=7,
        threshold=np.array([1 << 26]),
        decay=np.array([200]),
        synapse_decay=synapse_decay,
    )
    core = Core(Network(600, Encoder("bitplane", 3, 3), (), stages=(output,)))
    codes_of_steps = np.full(600, 5, np.uint8)  # spikes at steps 0 and 2
    given = Running(to_onnx(core, record=True))(sample=codes_of_steps)
    told = core.record(codes_of_steps)
    assert told.potentials[0].tolist() == [POTENTIAL_MAX, -POTENTIAL_MAX]
    assert_array_equal(recorded(core.network, given, "potentials"), told.potentials)


def test_refractory_neurons_are_silent_below_their_threshold_too() -> None:
    """At rest they are above a negative threshold, but must wait."""
    output = SpikingConvolution(
        shape=(1, 1, 2),
        weights=weights(3, 2, 1, 1),
        threshold=np.array([-5, -1, -9000]),
        refractory=2,
    )
    core = Core(Network(2, Encoder("bitplane", 8, 8), (), stages=(output,)))
    given = Running(to_onnx(core, record=True))(sample=np.array([255, 170], np.uint8))
    told = core.record([255, 170])
    assert told.spikes[:, 2].tolist() == [True, False, False] * 2 + [True, False]
    assert_array_equal(recorded(core.network, given, "spikes"), told.spikes)
    assert_array_equal(recorded(core.network, given, "potentials"), told.potentials)


def test_raw_numbers_become_codes_of_the_first_stage() -> None:
    network = coded()
    assert network.code_bits > network.encoder.bits
    network = replace(network, preparation=Preparation((9, 7, 3)))
    core = Core(network)
    raw = numbers(0, 256, 9, 7, 3)
    given = Running(to_onnx(core, input_type="int16"))(sample=raw.astype(np.int16))
    assert result_of(given) == core.infer(raw)


@pytest.mark.parametrize("stage", ["spiking", "coded"])
def test_what_traces_follow(stage: str) -> None:
    """Codes are traces behind coded stages, but not behind as many neurons, which spike anew."""
    network = presets.competitive(6, 2, 3, bits=3)
    turned = weights(6, 6, 1, 1) // 8
    if stage == "spiking":
        own: Any = SpikingConvolution(shape=(1, 1, 6), weights=turned, threshold=np.array([3]))
    else:
        own = CodedConvolution(
            shape=(1, 1, 6), weights=turned, shift=np.array([4]), code_bits=3, bits=3
        )
    core = Core(replace(network, stages=(own,)))
    learner = OnnxLearner(to_onnx(core, learning=True))
    x = numbers(0, 8, 30, 6)
    for sample, label in zip(x, numbers(0, 2, 30), strict=True):
        assert learner.learn(sample, int(label)) == core.learn(sample, int(label))
        assert learner.state() == core.state()
    assert core.weights(0).any()


# ---- networks of other frameworks ---------------------------------------------------------------

DIGITS = data.load("digits")


@pytest.mark.parametrize("coding", ["bitplane", "rate"])
def test_an_imported_front_end_and_what_learns_behind_it(coding: str) -> None:
    name, scale = ("digits_conv", 16) if coding == "bitplane" else ("digits_average", None)
    options = OnnxOptions(coding=coding, full_scale=scale, steps=7)
    made = convert_onnx(MODELS / f"{name}.onnx", DIGITS.x_train[:200], options)
    core = Core(recipes.network_for(DIGITS, front_end=made.front_end(), neurons_per_class=8))
    learner = OnnxLearner(to_onnx(core, learning=True))
    for x, label in zip(DIGITS.x_train[:150], DIGITS.y_train[:150], strict=True):
        assert learner.learn(x, int(label)) == core.learn(x, int(label))
    assert learner.state_hash() == core.state_hash()
    assert (core.predict_many(DIGITS.x_test) == DIGITS.y_test).mean() > 0.8


@pytest.mark.parametrize("coding", ["bitplane", "rate"])
def test_an_imported_classifier_goes_on(coding: str) -> None:
    name, scale = ("digits_conv", 16) if coding == "bitplane" else ("digits_average", None)
    options = OnnxOptions(coding=coding, full_scale=scale)
    network, _ = onnx_network(MODELS / f"{name}.onnx", DIGITS.x_train[:200], options)
    x = DIGITS.x_test[:200]
    assert network.preparation is not None
    model = to_onnx(network, batch=200)
    given = Running(model)(sample=x.reshape(200, *network.preparation.shape).astype(np.int32))
    told = Core(network).infer_many(x)
    for what in RESULTS:
        assert_array_equal(given[what], told[what])
    assert (told["prediction"] == DIGITS.y_test[:200]).mean() > 0.85


# ---- products of bytes -------------------------------------------------------------------------


def _check_pairs(x: NDArray[Any], w: NDArray[Any]) -> None:
    """Refuse what kernels may get wrong that add pairs of products in 16 bits."""
    assert x.dtype == np.uint8
    assert w.dtype == np.int8
    assert 2 * int(x.max()) * 128 <= np.iinfo(np.int16).max


class ConvInteger(_ConvInteger):
    def _run(self, *inputs: Any, **attributes: Any) -> Any:
        _check_pairs(*inputs[:2])
        return super()._run(*inputs, **attributes)


class MatMulInteger(_MatMulInteger):
    def _run(self, *inputs: Any, **attributes: Any) -> Any:
        _check_pairs(*inputs[:2])
        return super()._run(*inputs, **attributes)


def evaluate(model: ModelProto, **feeds: Any) -> dict[str, Any]:
    names = [output.name for output in model.graph.output]
    evaluator = ReferenceEvaluator(model, new_ops=[ConvInteger, MatMulInteger])
    return dict(zip(names, evaluator.run(names, feeds), strict=True))


@pytest.mark.parametrize("make", NETWORKS)
def test_no_pair_of_products_passes_16_bits(make: Any) -> None:
    network = make()
    core = Core(network)
    core.learn_many(codes(network, 5), np.arange(5) % network.capacity)
    model = to_onnx(core)
    for sample in codes(network, 3):
        assert result_of(evaluate(model, sample=sample)) == core.infer(sample)


# ---- what a model is like ----------------------------------------------------------------------


def test_stages_are_named_by_their_places() -> None:
    stages = (
        CodedPool(shape=(2, 4, 1), kernel=(1, 2), stride=(1, 2), code_bits=6, bits=4),
        SpikingConvolution(shape=(2, 2, 1), weights=weights(3, 1, 2, 1), bias=np.array([1, 2, 3])),
        SpikingPool(shape=(1, 2, 3), kernel=(1, 2)),
    )
    network = Network(8, Encoder("latency", 4, 5), (Population(2),), stages=stages)
    model = to_onnx(network, batch=4, record=True)
    names = {node.name for node in model.graph.node}
    assert {"stage_0/codes", "coded/codes", "stage_1/potential_4", "stage_1/spikes"} <= names
    assert {"stage_1/weights", "stage_1/bias"} <= {t.name for t in model.graph.initializer}
    shapes = interface(model)["outputs"]
    assert shapes["input.spikes"] == ("uint8", (4, 5, 4))
    assert shapes["stage_1.spikes"] == ("uint8", (4, 5, 6))
    assert shapes["stage_1.potentials"] == shapes["stage_1.thresholds"] == ("int32", (4, 5, 6))
    assert not [name for name in shapes if name.startswith(("stage_0", "stage_2"))]


def test_only_large_numbers_take_several_products() -> None:
    """Codes of 8 bits two, the spikes behind them one."""
    kinds = [node.op_type for node in to_onnx(direct()).graph.node]
    assert kinds.count("ConvInteger") == 2
    assert kinds.count("MatMulInteger") == 1


@pytest.mark.parametrize("make", [coded, direct])
def test_spikes_are_refused_where_codes_are_needed(make: Any) -> None:
    with pytest.raises(ValueError, match=r"input_type 'spikes' hands over .* take 'codes'"):
        to_onnx(make(), input_type="spikes")
    with pytest.raises(ValueError, match=r"this network has no preparation: take 'codes'$"):
        to_onnx(make(), input_type="uint8")
