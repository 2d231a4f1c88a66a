"""ONNX models agree with the C core on every spike, potential, threshold, weight and count."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from onnx import ModelProto, TensorProto, checker
from onnx.reference import ReferenceEvaluator
from onnx_running import RESULTS, Running, recorded, result_of, sample_for
from strategies import networks, random_sample, random_state

import edge_naca
from edge_naca import image, presets
from edge_naca.core import Core
from edge_naca.export import initial_state, interface, state_from, to_onnx
from edge_naca.export.onnx_export.properties import image_of, property_of
from edge_naca.network import Encoder, Network, Population, Preparation, Rule

SEEDS = st.integers(0, 2**32 - 1)


def start(network: Network, rng: np.random.Generator, as_new: bool) -> Core:
    return Core(image.encode(network, None if as_new else random_state(network, rng)))


def samples(network: Network, rng: np.random.Generator) -> list[tuple[Any, str, Any, str]]:
    """Return up to 5 samples of one type: x and kind for the core, sample and type for ONNX."""
    drawn = [random_sample(network, rng) for _ in range(5)]
    every = [(x, kind, *sample_for(network, x, kind)) for x, kind in drawn]
    return [entry for entry in every if entry[3] == every[0][3]]


# ---- equality ----------------------------------------------------------------------------------


@settings(max_examples=150)
@given(network=networks(), seed=SEEDS, as_new=st.booleans())
def test_inference_in_onnxruntime(network: Network, seed: int, as_new: bool) -> None:
    rng = np.random.default_rng(seed)
    core = start(network, rng, as_new)
    shown = samples(network, rng)
    running = Running(to_onnx(core, input_type=shown[0][3], record=True))
    for x, kind, sample, _ in shown:
        told, given = core.record(x, kind), running(sample=sample)
        assert result_of(given) == told.result
        assert_array_equal(given["input.spikes"], told.input_spikes)
        for what in ("spikes", "potentials", "thresholds"):
            assert_array_equal(recorded(network, given, what), getattr(told, what))
        assert_array_equal(given["counts"], told.spikes[:, -network.capacity :].sum(axis=0))


@settings(max_examples=150)
@given(network=networks(), seed=SEEDS, as_new=st.booleans())
def test_learning_in_onnxruntime(network: Network, seed: int, as_new: bool) -> None:
    rng = np.random.default_rng(seed)
    core = start(network, rng, as_new)
    shown = samples(network, rng)
    model = to_onnx(core, learning=True, input_type=shown[0][3])
    running, state = Running(model), initial_state(model)
    assert state_from(model, state) == core.state()
    for x, kind, sample, _ in shown:
        label = int(rng.integers(network.capacity))
        told = core.learn(x, label, kind)
        given = running(sample=sample, label=np.array(label, np.int32), **state)
        assert result_of(given) == told
        state = {name: given[f"{name}.next"] for name in state}
        assert state_from(model, state) == core.state()


@settings(max_examples=60)
@given(network=networks(), seed=SEEDS)
def test_what_the_operators_mean(network: Network, seed: int) -> None:
    """ONNX's own evaluator, written after the operators' definitions, agrees as well."""
    rng = np.random.default_rng(seed)
    core = start(network, rng, False)
    x, kind, sample, input_type = samples(network, rng)[0]
    model = to_onnx(core, learning=True, input_type=input_type, record=True)
    label = int(rng.integers(network.capacity))
    state = initial_state(model)
    feeds = {"sample": sample, "label": np.array(label, np.int32), **state}
    names = [output.name for output in model.graph.output]
    given = dict(zip(names, ReferenceEvaluator(model).run(names, feeds), strict=True))
    recording = core.record(x, kind)
    for what in ("spikes", "potentials", "thresholds"):
        assert_array_equal(recorded(network, given, what), getattr(recording, what))
    assert result_of(given) == core.learn(x, label, kind)
    assert state_from(model, {name: given[f"{name}.next"] for name in state}) == core.state()


@settings(max_examples=60)
@given(network=networks(), seed=SEEDS)
def test_batches(network: Network, seed: int) -> None:
    rng = np.random.default_rng(seed)
    core = start(network, rng, False)
    shown = samples(network, rng)
    model = to_onnx(core, input_type=shown[0][3], batch=len(shown), record=True)
    given = Running(model)(sample=np.stack([sample for _, _, sample, _ in shown]))
    told = [core.record(x, kind) for x, kind, _, _ in shown]
    for name in RESULTS:
        assert given[name].tolist() == [getattr(recording.result, name) for recording in told]
    for what in ("spikes", "potentials", "thresholds"):
        everyone = np.stack([getattr(recording, what) for recording in told])
        assert_array_equal(recorded(network, given, what), everyone)


def test_the_longest_presentation() -> None:
    hidden = Population(12, threshold=40, decay=250, refractory=2, inhibition=3, adaptation=5)
    output = Population(3, threshold=9, decay=200, reset="subtract", bias=True)
    network = Network(9, Encoder("rate", 8, 255), (hidden, hidden, output), seed=3)
    rng = np.random.default_rng(0)
    core = Core(network, random_state(network, rng))
    codes = rng.integers(0, 256, 9).astype(np.uint8)
    given = Running(to_onnx(core, record=True))(sample=codes)
    told = core.record(codes)
    assert result_of(given) == told.result
    assert told.spikes.any(axis=1).mean() > 0.5
    assert_array_equal(recorded(network, given, "potentials"), told.potentials)


def test_synops_wrap_as_words() -> None:
    """Two populations of 4096 neurons that spike at each of 255 steps pass 2^32."""
    always = Population(4096, threshold=-1)
    network = Network(1, Encoder("latency", 1, 255), (always, always, Population(2)), seed=0)
    core = Core(network)
    told = core.infer([1])
    assert told.synops != told.spikes * 4096
    given = Running(to_onnx(core))(sample=np.ones(1, np.uint8))
    assert result_of(given) == told


# ---- what a model is like ----------------------------------------------------------------------


def network_with_everything() -> Network:
    rule = Rule("winner", "table", "attract", np.full((2, 6), 64), trace_decay=128)
    hidden = Population(6, norm_shift=3, winners=2, rule=rule, weight_bits=4, weight_min=0,
                        weight_max=7)  # fmt: skip
    still = Population(5, bias=True)
    output = Population(2, bias=True, rule=Rule("all", "error", "spike"))
    preparation = Preparation((6, 5, 2), "edges", 3, log=True, signed=True, norm=90)
    return Network(
        preparation.outputs,
        Encoder("rate", 4, 6),
        (hidden, still, output),
        preparation,
        seed=1,
        metadata={"classes": ["zwölf", "two"], "made": "by hand"},
    )


def models() -> list[ModelProto]:
    network = network_with_everything()
    return [
        to_onnx(network, record=True),
        to_onnx(network, batch=3),
        to_onnx(network, learning=True, input_type="uint8", record=True),
    ]


def every_type(model: ModelProto) -> set[int]:
    values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    kinds = {value.type.tensor_type.elem_type for value in values}
    return kinds | {tensor.data_type for tensor in model.graph.initializer}


def test_models_are_plain_and_static() -> None:
    names = ("INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "BOOL")
    integers = {TensorProto.DataType.Value(name) for name in names}
    for model in models():
        checker.check_model(model, full_check=True)
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 21)]
        assert not model.functions
        assert not [node for node in model.graph.node if node.op_type in ("Loop", "Scan", "If")]
        assert every_type(model) <= integers
        known = {value.name for value in (*model.graph.value_info, *model.graph.output)}
        for value in (*model.graph.value_info, *model.graph.output, *model.graph.input):
            for axis in value.type.tensor_type.shape.dim:
                assert axis.dim_value > 0, value.name
        for node in model.graph.node:
            assert node.name == node.output[-1]
            assert set(node.output) <= known
        assert len({node.name for node in model.graph.node}) == len(model.graph.node)


def test_names_say_what_they_are() -> None:
    inference, _, learning = models()
    names = {node.name for node in inference.graph.node}
    assert {
        "preparation/codes", "input/spikes", "hidden_0/potential_3", "hidden_1/spikes_5",
        "output/margin_5", "answer/prediction", "hidden_0.thresholds",
    } <= names  # fmt: skip
    stored = {tensor.name for tensor in inference.graph.initializer}
    assert {"learned", "hidden_0.weights", "hidden_0.norms", "hidden_0.wins"} <= stored
    assert interface(inference)["inputs"] == {"sample": ("int32", (6, 5, 2))}
    assert interface(inference)["outputs"]["hidden_1.potentials"] == ("int32", (6, 5))
    ends = interface(learning)
    state = {
        "learned": ("uint32", ()),
        "seen": ("uint32", (2,)),
        "hidden_0.weights": ("int8", (64, 6)),
        "hidden_0.wins": ("uint16", (6,)),
        "output.weights": ("int8", (6, 2)),
    }
    assert ends["inputs"] == {"sample": ("uint8", (6, 5, 2)), "label": ("int32", ()), **state}
    following = {name: kind for name, kind in ends["outputs"].items() if name.endswith(".next")}
    assert following == {f"{name}.next": kind for name, kind in state.items()}
    # What does not learn is part of the model.
    assert "hidden_1.weights" in {tensor.name for tensor in learning.graph.initializer}


def test_models_say_where_they_come_from() -> None:
    core = Core(network_with_everything())
    core.learn(np.arange(60), 1)
    model = to_onnx(core)
    assert json.loads(property_of(model, "classes")) == ["zwölf", "two"]
    assert json.loads(property_of(model, "metadata"))["made"] == "by hand"
    assert property_of(model, "state_hash") == f"{core.state_hash():08x}"
    assert property_of(model, "network_id") == f"{core.network_id:08x}"
    assert property_of(model, "arithmetic") == "1"
    assert property_of(model, "topology") == core.network.topology
    assert (model.producer_name, model.producer_version) == ("edge-naca", edge_naca.__version__)
    assert image_of(model) == core.image()


def test_what_an_image_holds_is_what_a_core_holds() -> None:
    core = Core(network_with_everything())
    core.learn(np.arange(60), 1)
    assert to_onnx(core.image()) == to_onnx(core)
    assert to_onnx(core.network) == to_onnx(Core(core.network))
    assert to_onnx(core.network) != to_onnx(core)


# ---- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            {"input_type": "float64"},
            "input_type must be one of uint8, int16, int32, float32, codes",
        ),
        ({"input_type": "float32"}, "this network has no preparation: take 'codes' or 'spikes'"),
        ({"input_type": "uint8"}, "this network has no preparation: take 'codes' or 'spikes'"),
        ({"batch": 0}, "batch must be in 1 .. 65535"),
        ({"batch": 2, "learning": True}, "one sample at a time: leave batch out"),
    ],
)
def test_what_cannot_be_exported_is_refused(how: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_onnx(presets.competitive(7, 3, 2, bits=3), **how)


def test_damaged_images_are_refused() -> None:
    data = image.encode(presets.competitive(7, 3, 2, bits=3))
    with pytest.raises(image.ImageError, match="checksum"):
        to_onnx(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.mark.parametrize("label", [-1, -3, 3, 2**31 - 1])
def test_the_graph_itself_refuses_unknown_labels(label: int) -> None:
    model = to_onnx(presets.competitive(7, 3, 2, bits=3), learning=True)
    running, state = Running(model), initial_state(model)
    with pytest.raises(Exception, match=r"label/class.*out of"):
        running(sample=np.zeros(7, np.uint8), label=np.array(label, np.int32), **state)


def test_models_of_others_are_refused() -> None:
    graph = onnx.helper.make_graph([], "none", [], [])
    stranger = onnx.helper.make_model(graph)
    with pytest.raises(ValueError, match=r"lacks the property 'edge_naca\.image': export"):
        initial_state(stranger)


def test_wrong_states_are_refused() -> None:
    model = to_onnx(presets.competitive(7, 3, 2, bits=3), learning=True)
    state = initial_state(model)
    lacking = {name: array for name, array in state.items() if name != "hidden.wins"}
    with pytest.raises(ValueError, match=r"the state lacks 'hidden\.wins': it consists of learned"):
        state_from(model, lacking)
    for wrong in (state["seen"][:-1], state["seen"].astype(np.int64)):
        with pytest.raises(ValueError, match=r"seen must be uint32 \(3,\), not"):
            state_from(model, {**state, "seen": wrong})
