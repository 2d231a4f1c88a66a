"""ONNX files as others write them compute here what onnxruntime says they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx_models import MODELS, answers, build, save
from onnxruntime.quantization import QuantType, quantize_dynamic
from quantised_models import digits_cnn

from edge_naca import Core, data
from edge_naca.export.conversion import float_relu
from edge_naca.export.conversion.coded import best_scale
from edge_naca.export.conversion.input_layout import layout_of
from edge_naca.export.conversion.layers import ConversionError
from edge_naca.export.conversion.relu_folding import fold
from edge_naca.export.onnx_import.front_end import (
    OnnxOptions,
    convert_onnx,
    onnx_check,
    onnx_network,
)
from edge_naca.export.onnx_import.model import layers_of, read_onnx

Array = NDArray[Any]
Nodes = list[onnx.NodeProto]

DIGITS = data.load("digits")
RNG = np.random.default_rng(0)
START = np.random.default_rng(1).bit_generator.state


@pytest.fixture(autouse=True)
def _own_numbers() -> None:
    """Let every test draw the same numbers, whichever tests ran before it."""
    RNG.bit_generator.state = START


def numbers(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def whole(*values: int) -> Array:
    return np.array(values, np.int64)


def node(kind: str, inputs: str, output: str, **about: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), [output], name=f"the {kind} {output}", **about)


CONSTANTS = {
    "w": numbers(4, 3, 3, 3),
    "v": numbers(5, 4, 1, 1),
    "flat": numbers(5, 256, 1, 1),
    "dense": numbers(144, 5),
    "small": numbers(6, 5),
    "first": numbers(8, 6),
    "one": numbers(6, 1),
    "mean": np.array([100, 120, 90], np.float32),
    "std": np.array([50, 60, 70], np.float32),
    "planes": np.array([100, 120, 90], np.float32).reshape(3, 1, 1),
    "picture": 100 + 20 * numbers(1, 3, 8, 8),
    "vector": np.abs(100 + 20 * numbers(192)),
    "none": np.zeros((), np.float32),
    "six": np.array(6, np.float32),
    "infinity": np.array(np.inf, np.float32),
    "around": whole(0, 0, 0, 1, 0, 0, 2, 1),
    "nowhere": whole(*[0] * 8),
    "last": whole(0, 1, 2, 0, 0, 0, 1, 0),
    "column": whole(-1, 256, 1, 1),
    "eight": whole(8, 144),
    "image": whole(-1, 3, 8, 8),
    "half": np.array(0.05, np.float32),
    "third": np.array(0.08, np.float32),
    "fine": np.array(0.01, np.float32),
    "middle": np.array(90, np.uint8),
    "other": np.array(60, np.uint8),
    "byte": np.array(0, np.uint8),
    "four": numbers(4, 5),
    "wide": numbers(4, 3, 1, 3),
    "narrow": numbers(5, 4, 3),
    "all": np.abs(numbers(1, 3, 8, 8)) / 100,
    "unit": numbers(1, 5),
    "second": whole(2),
    "places": whole(2, 3),
    "no": np.array(False),
    "slope": np.abs(numbers(6)),
    "shift": numbers(6),
}
IMAGE, LAST, ROW = (1, 3, 8, 8), (1, 8, 8, 3), (1, 8)
CONV = node("Conv", "t w", "c")
HEAD = [node("Relu", "a", "r"), node("Gemm", "r small", "y")]
CASES: dict[str, tuple[tuple[int, ...], Nodes]] = {
    "Pad": (IMAGE, [node("Pad", "x around", "t"), node("Conv", "t w", "y", strides=[2, 2])]),
    "Pad of nothing": (IMAGE, [node("Pad", "x nowhere", "t"), node("Conv", "t w", "y")]),
    "Pad of channels last": (
        LAST,
        [
            node("Pad", "x last", "p"),
            node("Transpose", "p", "t", perm=[0, 3, 1, 2]),
            node("Conv", "t w", "y"),
        ],
    ),
    "Pad, then an average": (
        IMAGE,
        [
            node("Conv", "x w", "c"),
            node("Relu", "c", "r"),
            node("Pad", "r around", "t"),
            node("AveragePool", "t", "y", kernel_shape=[3, 3], strides=[2, 2]),
        ],
    ),
    "channels last, normalised before": (
        LAST,
        [
            node("Sub", "x mean", "a"),
            node("Div", "a std", "b"),
            node("Transpose", "b", "t", perm=[0, 3, 1, 2]),
            node("Conv", "t w", "y"),
        ],
    ),
    "channels last, normalised behind": (
        LAST,
        [
            node("Transpose", "x", "a", perm=[0, 3, 1, 2]),
            node("Sub", "a planes", "t"),
            node("Conv", "t w", "y"),
        ],
    ),
    "a picture taken off": (
        IMAGE,
        [node("Sub", "x picture", "t"), node("Conv", "t w", "y", pads=[1, 1, 1, 1])],
    ),
    "a vector normalised, then an image": (
        (1, 192),
        [
            node("Div", "x vector", "a"),
            node("Reshape", "a image", "t"),
            node("Conv", "t w", "y"),
        ],
    ),
    "a dense layer as convolution": (
        IMAGE,
        [
            node("Conv", "x w", "c", pads=[1, 1, 1, 1]),
            node("Relu", "c", "r"),
            node("Reshape", "r column", "t"),
            node("Conv", "t flat", "y"),
        ],
    ),
    "a batch of 8": (
        (8, 3, 8, 8),
        [node("Conv", "x w", "c"), node("Reshape", "c eight", "t"), node("MatMul", "t dense", "y")],
    ),
    "Flatten from axis 0": (
        IMAGE,
        [
            node("Conv", "x w", "c"),
            node("Flatten", "c", "t", axis=0),
            node("MatMul", "t dense", "y"),
        ],
    ),
    "Max as a ReLU": (
        ROW,
        [node("Gemm", "x first", "a"), node("Max", "a none", "r"), node("Gemm", "r small", "y")],
    ),
    "Max and Min as a ReLU6": (
        ROW,
        [
            node("Gemm", "x first", "a"),
            node("Max", "none a", "b"),
            node("Min", "b six", "r"),
            node("Gemm", "r small", "y"),
        ],
    ),
    "Clip to infinity": (
        ROW,
        [
            node("Gemm", "x first", "a"),
            node("Clip", "a none infinity", "r"),
            node("Gemm", "r small", "y"),
        ],
    ),
    "Clip without bounds": (
        ROW, [node("Gemm", "x first", "a"), node("Clip", "a", "r"), node("Gemm", "r small", "y")]
    ),
    "Dropout that is off": (
        ROW,
        [
            node("Gemm", "x first", "a"),
            node("Relu", "a", "b"),
            node("Dropout", "b half no", "r"),
            node("Gemm", "r small", "y"),
        ],
    ),
    "BatchNormalization of a vector": (
        ROW,
        [
            node("Gemm", "x first", "a"),
            node("BatchNormalization", "a slope shift shift slope", "b"),
            node("Relu", "b", "r"),
            node("Gemm", "r small", "y"),
        ],
    ),
    "a row as an image, and back": (
        (1, 3, 8),
        [
            node("Unsqueeze", "x second", "a"),
            node("Conv", "a wide", "b"),
            node("Squeeze", "b second", "c"),
            node("Relu", "c", "r"),
            node("Conv", "r narrow", "y"),
        ],
    ),
    "Squeeze of an average": (
        IMAGE,
        [
            node("Conv", "x w", "c"),
            node("Relu", "c", "r"),
            node("GlobalAveragePool", "r", "g"),
            node("Squeeze", "g places", "f"),
            node("Gemm", "f four", "y"),
        ],
    ),
    "Squeeze of everything": (
        IMAGE,
        [
            node("Conv", "x w", "c"),
            node("Relu", "c", "r"),
            node("GlobalAveragePool", "r", "g"),
            node("Squeeze", "g", "y"),
        ],
    ),
    "ReduceMean": (
        IMAGE,
        [
            node("Conv", "x w", "c"),
            node("Relu", "c", "r"),
            node("ReduceMean", "r", "g", axes=[2, 3]),
            node("Conv", "g v", "y"),
        ],
    ),
    "ReduceMean to a vector": (
        IMAGE,
        [
            node("Conv", "x w", "c"),
            node("Relu", "c", "r"),
            node("ReduceMean", "r", "f", axes=[-1, -2], keepdims=0),
            node("Gemm", "f four", "y"),
        ],
    ),
    "a single number": (
        IMAGE,
        [
            node("Conv", "x all", "c"),
            node("Relu", "c", "r"),
            node("Flatten", "r", "f"),
            node("MatMul", "f unit", "y"),
        ],
    ),
}  # fmt: skip


def real(path: Path, x: Array) -> NDArray[np.float64]:
    """Return what a file's layers make of samples as the file has them, once folded."""
    model = read_onnx(path)
    layout, _ = layout_of(x, model.input_shape, model.input_dims)
    found = float_relu.run(fold(layers_of(model)), layout.planes(x).astype(np.float64))[-1]
    return found.reshape(len(x), -1)


def predictions(path: Path, x: Array) -> Array:
    """Return what the network of a file answers to samples as the file has them."""
    network, _ = onnx_network(path, x)
    return Core(network).infer_many(x)["prediction"]


def file_of(nodes: Nodes, shape: tuple[int, ...], folder: Path) -> Path:
    used = {name for part in nodes for name in part.input}
    constants = {name: value for name, value in CONSTANTS.items() if name in used}
    return save(build(nodes, constants, shape), folder)


def samples_like(shape: tuple[int, ...], count: int = 160) -> Array:
    """Return grey levels for images, and numbers around 0 for vectors."""
    if len(shape) == 4 or shape[1] > 100:
        return RNG.uniform(0, 255, (count, *shape[1:])).astype(np.float32)
    return numbers(count, *shape[1:])


@pytest.mark.parametrize("name", CASES)
def test_layers_compute_what_onnxruntime_does(name: str, tmp_path: Path) -> None:
    shape, nodes = CASES[name]
    path = file_of(nodes, shape, tmp_path)
    assert not onnx_check(path, OnnxOptions(head="keep")).findings
    x = samples_like(shape)
    if shape[0] > 1:
        one = build(nodes[:1], {"w": CONSTANTS["w"]}, IMAGE, output=nodes[0].output[0])
        folder = tmp_path / "one"
        folder.mkdir()
        sums = answers(save(one, folder), x)
        wanted = sums @ CONSTANTS["dense"]
    else:
        wanted = answers(path, x)
    size = float(np.abs(wanted).max())
    np.testing.assert_allclose(real(path, x), wanted, atol=1e-5 * size)
    made = convert_onnx(path, x, OnnxOptions(head="keep", bits=8))
    assert made.report.layers[-1].error < 0.03


# ---- integers ----------------------------------------------------------------------------------


def quantised(quantise: str, dequantise: str, **about: Any) -> Nodes:
    """Return a network whose middle is quantised with these scales and zero points."""
    return [
        node("Gemm", "x first", "a"),
        helper.make_node(
            "QuantizeLinear", ["a", *quantise.split()], ["q"], name="quantise", **about
        ),
        helper.make_node("DequantizeLinear", ["q", *dequantise.split()], ["d"], name="dequantise"),
        node("Gemm", "d small", "y"),
    ]


@pytest.mark.parametrize(
    ("quantise", "dequantise", "least", "most"),
    [
        ("half middle", "half middle", -4.5, 8.25),  # limits that nothing exceeds but by chance
        ("fine middle", "fine middle", -0.9, 1.65),  # limits on both sides
        ("fine byte", "fine byte", 0, 2.55),
        ("half middle", "third middle", -7.2, 13.2),  # another scale
        ("half middle", "half other", -3, 9.75),  # another zero point
    ],
)
def test_what_integers_stand_for_is_kept(
    quantise: str, dequantise: str, least: float, most: float, tmp_path: Path
) -> None:
    path = file_of(quantised(quantise, dequantise), ROW, tmp_path)
    x = numbers(400, 8)
    wanted = answers(path, x)
    model = read_onnx(path)
    middle = float_relu.run(model.layers[:-1], x.astype(np.float64)[:, :, None, None])[-1]
    assert least - 1e-6 <= middle.min() <= middle.max() <= most + 1e-6
    step = float(CONSTANTS[dequantise.split()[0]])
    reach = float(np.abs(CONSTANTS["small"]).sum(axis=0).max()) * step
    assert np.abs(real(path, x) - wanted).max() <= reach  # rounding, and nothing else
    assert (predictions(path, x) == wanted.argmax(axis=1)).mean() >= 0.97


WEIGHTS = RNG.integers(-60, 60, (6, 5)).astype(np.int8)
INTEGERS: dict[str, Array] = {
    "weights": WEIGHTS,
    "turned": WEIGHTS.T.copy(),
    "step": np.array(0.02, np.float32),
    "steps": np.linspace(0.01, 0.03, 5, dtype=np.float32),
    "even": np.array(0, np.int8),
    "evens": np.zeros(5, np.int8),
    "bias": RNG.integers(-3000, 3000, 5).astype(np.int32),
    "fifth": np.array(0.2, np.float32),
    "centre": np.array(128, np.uint8),
    "constant": RNG.integers(40, 140, 6).astype(np.uint8),
    "coarse": np.array(12, np.float32),
}


def own(kind: str, inputs: str, output: str, **about: Any) -> onnx.NodeProto:
    """Return a node of onnxruntime's own; two spaces leave an input out."""
    names = inputs.split(" ")
    return helper.make_node(kind, names, [output], kind, domain="com.microsoft", **about)


def on_vectors(*nodes: onnx.NodeProto) -> Nodes:
    """Return nodes that are given a vector of 6 integers, "q"."""
    return [node("Gemm", "x first", "a"), node("QuantizeLinear", "a half middle", "q"), *nodes]


def on_wide_vectors(*nodes: onnx.NodeProto) -> Nodes:
    """Return nodes that are given such a vector, whose limits nothing exceeds."""
    return [node("Gemm", "x first", "a"), node("QuantizeLinear", "a fifth centre", "q"), *nodes]


def on_images(*nodes: onnx.NodeProto) -> Nodes:
    """Return nodes that are given 4 maps of integers, "q"."""
    return [node("Conv", "x w", "a"), node("QuantizeLinear", "a coarse centre", "q"), *nodes]


OUT = node("DequantizeLinear", "r fifth centre", "y")
OPERATORS: dict[str, Nodes] = {
    "QGemm": on_vectors(
        own("QGemm", "q half middle weights steps evens bias fifth centre", "r"), OUT
    ),
    "QGemm without a bias": on_vectors(
        own("QGemm", "q half middle weights step even  fifth centre", "r"),
        OUT,
    ),
    "QGemm to real numbers": on_vectors(
        own("QGemm", "q half middle turned step even", "y", transB=1)
    ),
    "QLinearMatMul": on_vectors(
        node("QLinearMatMul", "q half middle weights step even fifth centre", "r"), OUT
    ),
    "QLinearAdd": on_wide_vectors(
        own("QLinearAdd", "q fifth centre constant half middle fifth centre", "r"), OUT
    ),
    "QLinearAdd on the right": on_wide_vectors(
        own("QLinearAdd", "constant half middle q fifth centre fifth centre", "r"), OUT
    ),
    "QLinearMul": on_wide_vectors(
        own("QLinearMul", "q fifth centre constant half middle fifth centre", "r"), OUT
    ),
    "QLinearAveragePool": on_images(
        own("QLinearAveragePool", "q coarse centre coarse centre", "r",
            kernel_shape=[2, 2], strides=[2, 2]),
        node("DequantizeLinear", "r coarse centre", "y"),
    ),
    "QLinearGlobalAveragePool": on_images(
        own("QLinearGlobalAveragePool", "q coarse centre coarse centre", "r"),
        node("DequantizeLinear", "r coarse centre", "y"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_quantised_operators_stand_for_real_ones(name: str, tmp_path: Path) -> None:
    """They differ by the rounding of what goes in and comes out, and by nothing else."""
    nodes, known = OPERATORS[name], CONSTANTS | INTEGERS
    used = {part: known[part] for one in nodes for part in one.input if part in known}
    shape = ROW if nodes[0].op_type == "Gemm" else IMAGE
    path = save(build(nodes, used, shape), tmp_path)
    assert not onnx_check(path, OnnxOptions(head="keep")).findings
    x = samples_like(shape)
    wanted, found = answers(path, x), real(path, x)
    if shape == IMAGE:
        reach = 12.0  # half a step in, half a step out
    else:
        step = float(known[nodes[1].input[1]])
        gain = {"QLinearAdd": 1.0, "QLinearMul": 2.5}.get(nodes[2].op_type, 6 * 60 * 0.03)
        reach = (gain * step + 0.2) / 2
    assert np.abs(found - wanted).max() <= reach + 1e-3
    assert wanted.std() > 3 * np.abs(found - wanted).std()


def test_the_type_of_integers_may_stand_in_an_attribute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onnx_models.OPSET", 21)
    nodes = quantised("fine", "fine", output_dtype=TensorProto.INT8)
    used = {name: CONSTANTS[name] for name in ("first", "small", "fine")}
    model = build(nodes, used, ROW)
    model.ir_version = 10
    path = save(model, tmp_path)
    x = numbers(400, 8)
    wanted = answers(path, x)
    assert (predictions(path, x) == wanted.argmax(axis=1)).mean() >= 0.97


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize(
    ("dense", "kind"),
    [
        ("Gemm", QuantType.QInt8),
        ("Gemm", QuantType.QUInt8),
        ("MatMul", QuantType.QInt8),
        ("MatMul", QuantType.QUInt8),
        ("Conv", QuantType.QUInt8),
    ],
)
def test_dynamic_quantisation(
    dense: str, per_channel: bool, kind: QuantType, tmp_path: Path
) -> None:
    before, path = tmp_path / "before.onnx", tmp_path / "dynamic.onnx"
    before.write_bytes(digits_cnn(17, dense).SerializeToString())
    # Convolutions of int8 weights do not run everywhere; they are left as they are.
    operators = ["Conv", "MatMul", "Gemm"] if kind == QuantType.QUInt8 else ["MatMul", "Gemm"]
    quantize_dynamic(
        before, path, op_types_to_quantize=operators, per_channel=per_channel, weight_type=kind
    )
    kinds = {part.op_type for part in onnx.load(path).graph.node}
    assert "DynamicQuantizeLinear" in kinds
    assert not onnx_check(path, OnnxOptions(head="answer")).findings
    network, _ = onnx_network(path, DIGITS.x_train[:200], OnnxOptions(full_scale=16))
    x = DIGITS.x_test[:300]
    wanted = answers(path, (x / 16).astype(np.float32).reshape(-1, 1, 8, 8)).argmax(axis=1)
    found = Core(network).infer_many(x.reshape(len(x), -1))["prediction"]
    assert (found == wanted).mean() >= 0.97


def test_integers_as_input_are_numbers_after_a_cast(tmp_path: Path) -> None:
    nodes = [node("Cast", "x", "t", to=TensorProto.FLOAT), node("Conv", "t w", "y")]
    model = build(nodes, {"w": CONSTANTS["w"]}, IMAGE, input_type=TensorProto.UINT8)
    path = save(model, tmp_path)
    x = RNG.integers(0, 256, (20, 3, 8, 8)).astype(np.uint8)
    np.testing.assert_allclose(real(path, x), answers(path, x), rtol=1e-4, atol=1e-2)
    assert not onnx_check(path).questions


@pytest.mark.parametrize("kind", ["Sub", "Div", "Relu"])
def test_arithmetic_of_integers_is_refused(kind: str, tmp_path: Path) -> None:
    inputs = "x" if kind == "Relu" else "x two"
    nodes = [node(kind, inputs, "a"), node("Cast", "a", "t", to=TensorProto.FLOAT)]
    nodes.append(node("Conv", "t w", "y"))
    kind_of = TensorProto.INT8 if kind == "Relu" else TensorProto.UINT8
    constants = {"w": CONSTANTS["w"], "two": np.array(2, np.uint8)}
    used = constants if kind != "Relu" else {"w": CONSTANTS["w"]}
    (found,) = onnx_check(save(build(nodes, used, IMAGE, input_type=kind_of), tmp_path)).findings
    assert found.kind == kind
    assert "computes with integers" in found.reason


# ---- ends --------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["Sigmoid", "Tanh", "Softmax", "LogSoftmax", "Relu", "Identity"])
def test_an_end_that_only_rescales_scores(end: str, tmp_path: Path) -> None:
    nodes = [node("Gemm", "x first", "a"), node("Relu", "a", "r"), node("Gemm", "r small", "s")]
    path = file_of([*nodes, node(end, "s", "y")], ROW, tmp_path)
    assert not onnx_check(path, OnnxOptions(head="answer")).findings
    x = numbers(400, 8)
    scores = answers(file_of([*nodes, node("Identity", "s", "y")], ROW, tmp_path), x)
    path = file_of([*nodes, node(end, "s", "y")], ROW, tmp_path)
    some = scores.max(axis=1) > 0  # a ReLU makes all others the same
    assert some.mean() > 0.8
    found = predictions(path, x)
    assert (found == scores.argmax(axis=1))[some].mean() >= 0.97


@pytest.mark.parametrize("end", ["Sigmoid", "Tanh"])
def test_one_number_that_decides_between_two_classes(end: str, tmp_path: Path) -> None:
    nodes = [node("Gemm", "x first", "a"), node("Relu", "a", "r"), node("Gemm", "r one", "s")]
    path = file_of([*nodes, node(end, "s", "y")], ROW, tmp_path)
    x = numbers(400, 8)
    wanted = answers(path, x)[:, 0] > (0.5 if end == "Sigmoid" else 0)
    assert 0.1 < wanted.mean() < 0.9
    assert (predictions(path, x) == wanted).mean() >= 0.97
    _, report = onnx_network(path, x, tests=(x, wanted.astype(np.int64)))
    assert report.accuracy_before == 1
    assert report.accuracy_after is not None
    assert report.accuracy_after >= 0.97


@pytest.mark.parametrize("kind", ["Sigmoid", "Tanh", "Softmax"])
def test_what_may_only_stand_at_the_end(kind: str, tmp_path: Path) -> None:
    nodes = [node("Gemm", "x first", "a"), node(kind, "a", "r"), node("Gemm", "r small", "y")]
    (found, *_) = onnx_check(file_of(nodes, ROW, tmp_path)).findings
    assert found.kind == kind


def test_an_average_of_whole_maps_answers(tmp_path: Path) -> None:
    nodes = [
        *(node("Conv", "x w", "c"), node("Relu", "c", "r"), node("Conv", "r v", "m")),
        *(node("GlobalAveragePool", "m", "g"), node("Flatten", "g", "f")),
        node("Softmax", "f", "y"),
    ]
    path = file_of(nodes, IMAGE, tmp_path)
    x = samples_like(IMAGE) * np.linspace(0.2, 1, 160, dtype=np.float32)[:, None, None, None]
    assert (predictions(path, x) == answers(path, x).argmax(axis=1)).mean() >= 0.95


# ---- outputs -----------------------------------------------------------------------------------


def test_several_outputs_are_all_checked_and_one_is_cut(tmp_path: Path) -> None:
    nodes = [
        *(node("Gemm", "x first", "a"), node("Relu", "a", "r"), node("Gemm", "r small", "y")),
        node("Erf", "r", "z"),
    ]
    used = {name: CONSTANTS[name] for name in ("first", "small")}
    model = build(nodes, used, ROW)
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 6]))
    path = save(model, tmp_path)
    outputs, erf = onnx_check(path).findings
    assert "2 outputs: y, z" in outputs.reason
    assert "--cut NAME" in outputs.advice
    assert "of these, y can be read" in outputs.advice
    assert erf.kind == "Erf"
    options = OnnxOptions(cut="y", head="answer")
    assert not onnx_check(path, options).findings
    x = numbers(300, 8)
    made = convert_onnx(path, x, options)
    assert made.layers[-1].output_shape == (5, 1, 1)


def test_a_graph_needs_no_name(tmp_path: Path) -> None:
    model = onnx.load(MODELS / "digits_conv.onnx")
    model.graph.name = ""
    assert not onnx_check(save(model, tmp_path)).findings


# ---- scales, and what check says ---------------------------------------------------------------


def test_a_scale_does_not_depend_on_where_numbers_lie() -> None:
    """With a map as wide as a stride, only border columns were looked at."""
    real_numbers = np.abs(RNG.normal(size=(300, 20, 26, 26)))
    real_numbers[..., 0] *= 30
    scale = best_scale(real_numbers, 8)
    moved = RNG.permutation(real_numbers.reshape(-1))
    assert best_scale(moved, 8) == scale
    assert best_scale(np.moveaxis(real_numbers, 3, 0), 8) == scale


def wide(maps: int, end: Nodes) -> tuple[Nodes, dict[str, Array]]:
    """Return a classifier with many features behind a convolution."""
    nodes = [node("Conv", "x k", "c"), node("Relu", "c", "r"), node("Flatten", "r", "f"), *end]
    features = maps * 26 * 26
    return nodes, {"k": numbers(maps, 1, 3, 3), "d": numbers(features, 10) / 100}


LIMITS = {
    "many features": wide(16, [node("Gemm", "f d", "y")]),
    "a ReLU at the end": wide(2, [node("Gemm", "f d", "g"), node("Relu", "g", "y")]),
    "features and no answer": ([node("Conv", "x k", "c"), node("Relu", "c", "y")],
                               {"k": numbers(4, 1, 3, 3)}),
    "too many features": ([node("Conv", "x k", "c"), node("Relu", "c", "y")],
                          {"k": numbers(16, 1, 3, 3)}),
    "too many maps": ([node("Conv", "x k", "y")], {"k": numbers(3000, 1, 3, 3)}),
    "a factor of 0": ([node("Mul", "x zero", "a"), node("Add", "a one", "b"),
                       node("Conv", "b k", "y", pads=[1, 1, 1, 1])],
                      {"zero": np.zeros(1, np.float32), "one": np.ones(1, np.float32),
                       "k": numbers(2, 1, 3, 3)}),
    "a pool alone": ([node("MaxPool", "x", "y", kernel_shape=[2, 2])], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("head", ["answer", "drop", "keep"])
@pytest.mark.parametrize("coding", ["bitplane", "rate"])
def test_check_and_import_agree(name: str, head: str, coding: str, tmp_path: Path) -> None:
    nodes, constants = LIMITS[name]
    path = save(build(nodes, constants, (1, 1, 28, 28)), tmp_path)
    options = OnnxOptions(full_scale=255, head=head, coding=coding, steps=2)
    found = onnx_check(path, options).findings
    x = RNG.integers(0, 256, (4, 28, 28))
    if not found:
        convert_onnx(path, x, options)
        return
    with pytest.raises(ConversionError) as raised:
        convert_onnx(path, x, options)
    assert raised.value.findings == list(found)
