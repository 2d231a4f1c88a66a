"""What of ONNX cannot be converted is refused in words that name the node and say what to do."""

from __future__ import annotations

import contextlib
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx_models import MODELS, build, save

from edge_naca import data
from edge_naca.cli import main
from edge_naca.export.conversion.input_layout import CalibrationError
from edge_naca.export.conversion.layers import ConversionError, Finding
from edge_naca.export.onnx_import.file import MAX_NODES, OnnxError
from edge_naca.export.onnx_import.front_end import (
    OnnxOptions,
    convert_onnx,
    onnx_check,
    onnx_network,
)

Array = NDArray[Any]

DIGITS = data.load("digits")
RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(2, 1, 3, 3)).astype(np.float32)


def node(kind: str, inputs: list[str], output: str = "y", **about: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, [output], name=about.pop("name", "it"), **about)


def conv(inputs: list[str] | None = None, output: str = "y", **about: Any) -> onnx.NodeProto:
    return node("Conv", inputs or ["x", "w"], output, **{"name": "conv", **about})


def check_one(model: onnx.ModelProto, folder: Path, **options: Any) -> Finding:
    """Check a model of which one thing cannot be converted."""
    findings = onnx_check(save(model, folder), OnnxOptions(**options)).findings
    assert len(findings) == 1, findings
    assert findings[0].advice
    return findings[0]


# ---- files -------------------------------------------------------------------------------------


def test_what_is_no_file_or_no_onnx(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        onnx_check(tmp_path / "missing.onnx")
    path = tmp_path / "model.onnx"
    for content in (b"", b"\x00" * 100, b"PK\x03\x04 a zip file", RNG.bytes(3000)):
        path.write_bytes(content)
        with pytest.raises(OnnxError, match=r"model\.onnx is no ONNX file"):
            onnx_check(path)


def test_every_truncation_is_refused_in_words(tmp_path: Path) -> None:
    whole = (MODELS / "digits_average.onnx").read_bytes()
    path = tmp_path / "cut.onnx"
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(OnnxError):
            onnx_check(path)


def test_damaged_files_never_end_in_anything_else(tmp_path: Path) -> None:
    whole = bytearray((MODELS / "digits_qoperator.onnx").read_bytes())
    path = tmp_path / "damaged.onnx"
    rng = np.random.default_rng(1)
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(OnnxError):  # anything else fails the test
            assert all(isinstance(finding, Finding) for finding in onnx_check(path).findings)


def test_external_data_that_are_missing_or_elsewhere(tmp_path: Path) -> None:
    model = build([conv()], {"w": WEIGHTS}, [1, 1, 8, 8])
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    assert not onnx_check(path).findings  # beside the model
    (tmp_path / "w.bin").rename(tmp_path / "elsewhere.bin")
    with pytest.raises(OnnxError, match=r"data of 'w' are missing.*'w\.bin'"):
        onnx_check(path)
    loaded = onnx.load(path, load_external_data=False)
    loaded.graph.initializer[0].external_data[0].value = "../secret.bin"
    path.write_bytes(loaded.SerializeToString())
    (tmp_path.parent / "secret.bin").write_bytes(bytes(1000))
    with pytest.raises(OnnxError, match="not in the model's folder"):
        onnx_check(path)


def test_huge_external_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build([conv()], {"w": np.ones((100, 1, 3, 3), np.float32)}, [1, 1, 8, 8])
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    monkeypatch.setattr("edge_naca.export.onnx_import.file.MAX_FILE", 3000)
    with pytest.raises(OnnxError, match="its data beside it have more than 0 MiB"):
        onnx_check(path)


def test_external_data_that_many_tensors_share_count_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file may ask for the same bytes as often as it likes."""
    model = build([conv()], {"w": np.ones((100, 1, 3, 3), np.float32)}, [1, 1, 8, 8])
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    loaded = onnx.load(path, load_external_data=False)
    for number in range(20):
        loaded.graph.initializer.append(loaded.graph.initializer[0])
        loaded.graph.initializer[-1].name = f"w{number}"
    path.write_bytes(loaded.SerializeToString())
    onnx_check(path)
    monkeypatch.setattr("edge_naca.export.onnx_import.file.MAX_FILE", 30_000)
    with pytest.raises(OnnxError, match="its data beside it have more than"):
        onnx_check(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("location", "w\0.bin"), ("location", "w" * 5000), ("offset", "x"), ("length", "-1"),
     ("length", "x"), ("offset", "999999999999")],
)  # fmt: skip
def test_external_data_that_are_named_oddly(tmp_path: Path, key: str, value: str) -> None:
    model = build([conv()], {"w": WEIGHTS}, [1, 1, 8, 8])
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    loaded = onnx.load(path, load_external_data=False)
    next(e for e in loaded.graph.initializer[0].external_data if e.key == key).value = value
    path.write_bytes(loaded.SerializeToString())
    with pytest.raises(OnnxError, match="the data of 'w' cannot be read"):
        onnx_check(path)


def test_a_file_without_an_end_is_not_read_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_naca.export.onnx_import.file.MAX_FILE", 1 << 16)
    (tmp_path / "model.onnx").symlink_to("/dev/zero")
    with pytest.raises(OnnxError, match="has more than 0 MiB"):
        onnx_check(tmp_path / "model.onnx")


def test_an_operator_set_that_is_not_known_yet(tmp_path: Path) -> None:
    """Operators may mean something else in it, even if all that is read here is as before."""
    model = build([conv()], {"w": WEIGHTS}, [1, 1, 8, 8])
    model.opset_import[0].version = 99
    with pytest.raises(OnnxError, match=r"operator set 99, which the installed onnx .* not know"):
        onnx_check(save(model, tmp_path))


@pytest.mark.parametrize("nodes", [True, False])
def test_the_domain_of_onnx_has_two_names(tmp_path: Path, nodes: bool) -> None:
    model = build([conv()], {"w": WEIGHTS}, [1, 1, 8, 8])
    if nodes:
        model.graph.node[0].domain = "ai.onnx"
    else:
        model.opset_import[0].domain = "ai.onnx"
    assert not onnx_check(save(model, tmp_path)).findings


def test_an_output_without_a_shape(tmp_path: Path) -> None:
    model = build([conv()], {"w": WEIGHTS}, [1, 1, 8, 8])
    model.graph.output[0].type.tensor_type.ClearField("shape")
    checked = onnx_check(save(model, tmp_path))
    assert not checked.findings


def test_huge_files_graphs_and_constants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_naca.export.onnx_import import file as onnx_file

    names = ["x", *(f"t{number}" for number in range(MAX_NODES)), "y"]
    nodes = [
        helper.make_node("Relu", [first], [second]) for first, second in itertools.pairwise(names)
    ]
    path = save(build(nodes, {}, [1, 4]), tmp_path)
    with pytest.raises(OnnxError, match=r"10001 nodes; no more than 10000"):
        onnx_check(path)
    monkeypatch.setattr(onnx_file, "MAX_FILE", 1 << 20)
    path.write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(OnnxError, match="has more than 1 MiB"):
        onnx_check(path)
    # A small file that asks for a constant of many gigabytes.
    shape = np.array([1 << 20, 1 << 20], np.int64)
    nodes = [node("ConstantOfShape", ["shape"], "big", name="bomb"), node("MatMul", ["x", "big"])]
    findings = onnx_check(save(build(nodes, {"shape": shape}, [1, 1 << 20]), tmp_path)).findings
    assert any("bomb" in finding.node for finding in findings)


def test_a_tensor_that_holds_less_than_its_shape_says(tmp_path: Path) -> None:
    model = build([conv()], {"w": WEIGHTS}, [1, 1, 8, 8])
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-8]
    with pytest.raises(OnnxError, match="w"):
        onnx_check(save(model, tmp_path))


# ---- graphs ------------------------------------------------------------------------------------


def test_a_cycle_names_its_nodes(tmp_path: Path) -> None:
    nodes = [
        node("Add", ["x", "c"], "a", name="begin"),
        node("Relu", ["a"], "b", name="middle"),
        node("Relu", ["b"], "c", name="end"),
        node("Relu", ["c"], "y", name="behind"),
    ]
    found = check_one(build(nodes, {}, [1, 4]), tmp_path)
    assert found.kind == "cycle"
    names = [part.partition(" ")[0] for part in found.node.split(" → ")]
    begin = names.index("begin")
    assert names[begin:] + names[:begin] == ["begin", "middle", "end"]


def test_missing_parameters_name_the_node(tmp_path: Path) -> None:
    found = check_one(build([conv()], {}, [1, 1, 8, 8]), tmp_path)
    assert found.node == "conv (node 0)"
    assert "'w' is made by no node" in found.reason


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    model = build([node("Add", ["x", "z"])], {}, [1, 4])
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4]))
    found = check_one(model, tmp_path)
    assert "2 inputs (x, z)" in found.reason
    nodes = [node("Relu", ["x"], "y", name="one"), node("Relu", ["x"], "z", name="two")]
    model = build(nodes, {}, [1, 4])
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4]))
    found = check_one(model, tmp_path)
    assert "2 outputs: y, z" in found.reason
    assert "cut" in found.advice


def test_open_sizes(tmp_path: Path) -> None:
    found = check_one(build([conv()], {"w": WEIGHTS}, ["n", 1, "height", "width"]), tmp_path)
    assert "(n, 1, height, width) is not fixed" in found.reason
    found = check_one(build([node("Relu", ["x"])], {}, [4]), tmp_path)
    assert "(4) is not (batch, features)" in found.reason


def test_a_check_names_everything_at_once() -> None:
    found = onnx_check(MODELS / "residual.onnx").findings
    assert [finding.kind for finding in found] == ["Sigmoid", "Add", "AveragePool"]
    assert [finding.node for finding in found] == [
        "/Sigmoid (node 3)", "/Add (node 4)", "/AveragePool (node 5)"
    ]  # fmt: skip
    with pytest.raises(ConversionError, match=r"(?s)Sigmoid.*branches.*averages of fewer"):
        convert_onnx(MODELS / "residual.onnx", DIGITS.x_train[:20])


CONSTANTS = {
    "w": WEIGHTS,
    "w3": RNG.normal(size=(2, 3, 3, 3)).astype(np.float32),
    "big": RNG.normal(size=(2, 1, 9, 9)).astype(np.float32),
    "nan": np.full((2, 1, 3, 3), np.nan, np.float32),
    "volume": RNG.normal(size=(2, 8, 3, 3, 3)).astype(np.float32),
    "g": RNG.normal(size=(5, 64)).astype(np.float32),
    "pixels": RNG.normal(size=(1, 1, 8, 8)).astype(np.float32),
    "none": np.zeros(1, np.float32),
    "minus": np.array(-1, np.float32),
    "one": np.array(1, np.float32),
    "five": np.ones(5, np.float32),
    "yes": np.array(True),
    "half": np.array(0.5, np.float32),
    "axis": np.array([1], np.int64),
    "shape": np.array([8, 8], np.int64),
    "cut": np.array([1, 2, 32], np.int64),
    "scales": np.ones(1, np.float32),
    "batch": np.array([0], np.int64),
    "two": np.ones(2, np.float32),
    "six": np.ones((6, 5), np.float32),
    "eight": np.ones((8, 6), np.float32),
    "left": np.ones((3, 1), np.float32),
    "less": np.full(1, -1, np.float32),
    "byte": np.array(0, np.uint8),
    "last": np.array(255, np.uint8),
    "bytes": np.ones((3, 1), np.uint8),
    "bytes2": np.zeros(2, np.uint8),
    "nothing": np.array(np.nan, np.float32),
    "ring": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64),
    "crop": np.array([0, 0, -1, 0, 0, 0, 0, 0], np.int64),
    "far": np.array([0, 0, 256, 0, 0, 0, 0, 0], np.int64),
    "more": np.array([1, 0, 0, 0, 0, 0, 0, 0], np.int64),
}

REFUSED = [
    (conv(["x", "w3"]), "3, 3, 3) in 1 groups do not fit an input of 1 channels"),
    (conv(["x", "big"]), "kernel (9, 9) is larger than its input"),
    (conv(["x", "nan"]), "weights holds NaN or infinity"),
    (conv(["x", "w", "five"]), "bias (5,) must be (2,)"),
    (conv(pads=[0, 0, -1, 0]), "negative"),
    (node("Gemm", ["x", "g"], transB=1), "takes (batch, 1, 8, 8), not (batch, features)"),
    (node("Add", ["x", "five"]), "constant of shape (5,) does not fit (batch, 1, 8, 8)"),
    (node("Div", ["x", "none"]), "divides by 0"),
    (node("Div", ["one", "x"]), "divides by what the model computes"),
    (node("Clip", ["x", "minus", "one"]), "clips to -1.0 .. 1.0"),
    (node("Mul", ["x", "x"]), "joins 2 branches"),
    (node("HardSwish", ["x"]), "no frozen stage"),
    (node("LeakyRelu", ["x"], alpha=0.1), "no frozen stage"),
    (node("Dropout", ["x", "half", "yes"]), "training mode"),
    (node("ReduceMean", ["x"], axes=[1]), "not over all places"),
    (node("AveragePool", ["x"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]), "fewer numbers"),
    (node("AveragePool", ["x"], kernel_shape=[3, 3], strides=[3, 3], ceil_mode=1), "fewer numbers"),
    (node("MaxPool", ["x"], kernel_shape=[2, 2], dilations=[2, 2]), "cannot be dilated"),
    (node("Transpose", ["x"], perm=[1, 0, 2, 3]), "moves the batch"),
    (node("Flatten", ["x"], axis=2), "flattens from axis 2"),
    (node("Reshape", ["x", "shape"]), "makes [8, 8] of [1, 1, 8, 8]"),
    (node("Reshape", ["x", "cut"]), "across what belongs together"),
    (node("Unsqueeze", ["x", "batch"]), "moves the batch"),
    (node("Cast", ["x"], to=TensorProto.INT32), "rounds to whole numbers"),
    (node("InstanceNormalization", ["x", "one", "one"]), "no frozen stage"),
    (conv(pads=[1, 1]), "pads has 2 numbers"),
    (conv(["x", "volume"]), "a convolution of 3 dimensions"),
    (node("BatchNormalization", ["x", *["scales"] * 4], training_mode=1), "in training mode"),
    (node("BatchNormalization", ["x", *["two"] * 4]), "[2, 2, 2, 2] are not one for each of 1"),
    (node("BatchNormalization", ["x", *["scales"] * 3, "less"]), "variance is negative or 0"),
    (node("Squeeze", ["x", "batch"]), "removes the batch"),
    (node("QuantizeLinear", ["x", "one", "last"]), "stand for no number above 0"),
    (node("Clip", ["x", "nothing"]), "its min is NaN"),
    (node("Max", ["x", "pixels"]), "its constants differ from each other"),
    (node("Pad", ["x", "shape"]), "it has 2 pads for 4 axes"),
    (node("Pad", ["x", "ring"], mode="reflect"), "it pads with mode 'reflect'"),
    (node("Pad", ["x", "ring", "one"]), "it pads with 1"),
    (node("Pad", ["x", "crop"]), "it crops its input"),
    (node("Pad", ["x", "far"]), "it adds 256 zeros"),
    (node("Pad", ["x", "more"]), "it pads the batch"),
    (node("QuantizeLinear", ["x", "two"], axis=1), "it quantises channels apart"),
    (node("QuantizeLinear", ["x", "two", "bytes2"], axis=1), "it quantises channels apart"),
    (node("QGemm", ["x", *["one"] * 8], domain="com.microsoft", transA=1), "is transposed"),
    (
        node("QLinearAveragePool", ["x", *["one"] * 4], domain="com.microsoft", channels_last=1),
        "takes channels last",
    ),
]


@pytest.mark.parametrize(("what", "reason"), REFUSED, ids=lambda v: getattr(v, "op_type", ""))
def test_nodes_that_cannot_be_converted(what: onnx.NodeProto, reason: str, tmp_path: Path) -> None:
    used = {name: value for name, value in CONSTANTS.items() if name in what.input}
    found = onnx_check(save(build([what], used, [1, 1, 8, 8]), tmp_path)).findings[0]
    assert found.kind.removeprefix("com.microsoft.") == what.op_type
    assert found.node == f"{what.name} (node 0)"
    assert reason in found.reason
    assert found.advice


VECTORS = [
    (node("Gemm", ["x", "six"]), "weights of shape (5, 6) do not fit 8 inputs"),
    (node("Gemm", ["x", "eight", "five"]), "bias (5,) must be (6,)"),
    (node("Gemm", ["x", "eight"], transA=1), "transposed or on the right"),
    (node("Gemm", ["left", "x"]), "transposed or on the right"),
    (node("MatMul", ["left", "x"]), "on the right"),
    (node("Max", ["x", "one", "half"]), "compares 3 tensors"),
    (node("Min", ["x", "one"]), "compares its input with 1"),
]


@pytest.mark.parametrize(("what", "reason"), VECTORS, ids=lambda v: getattr(v, "op_type", ""))
def test_nodes_of_vectors_that_cannot_be_converted(
    what: onnx.NodeProto, reason: str, tmp_path: Path
) -> None:
    used = {name: value for name, value in CONSTANTS.items() if name in what.input}
    found = check_one(build([what], used, [1, 8]), tmp_path)
    assert (found.kind, found.node) == (what.op_type, f"{what.name} (node 0)")
    assert reason in found.reason


def test_integers_on_the_right_of_weights(tmp_path: Path) -> None:
    inputs = ["bytes", "one", "byte", "x", "one", "byte", "one", "byte"]
    used = {name: CONSTANTS[name] for name in inputs if name != "x"}
    model = build([node("QLinearMatMul", inputs)], used, [1, 8], input_type=TensorProto.UINT8)
    assert "its input is on the right" in check_one(model, tmp_path).reason


CHAINS = {
    "channels that are no channels any more": (
        [
            conv(output="c"),
            node("Transpose", ["c"], "t", perm=[0, 2, 3, 1]),
            conv(["t", "v"], name="second"),
        ],
        "second (node 2)",
        "takes (batch, 6, 6, 2) with dimensions in another order",
    ),
    "places in a row": (
        [node("Reshape", ["x", "row"], "r"), conv(["r", "narrow"], name="second")],
        "second (node 1)",
        "splits up what came before",
    ),
    "a picture behind limits": (
        [
            node("QuantizeLinear", ["x", "one", "byte"], "q", name="quantise"),
            node("DequantizeLinear", ["q", "one", "byte"], "d", name="dequantise"),
            node("Add", ["d", "pixels"], "a", name="add"),
            conv(["a", "w"]),
        ],
        "add",
        "differs from place to place, behind limits",
    ),
    "a Pad that only a kernel could take in": (
        [node("Pad", ["x", "around"], "p", name="pad"), node("Flatten", ["p"], name="flatten")],
        "flatten (node 1)",
        "adds zeros that only a convolution or pool can take in",
    ),
    "a sum with the zeros of a Pad": (
        [node("Pad", ["x", "around"], "p", name="pad"), node("Add", ["p", "one"], name="add")],
        "add (node 1)",
        "adds to the zeros of a Pad",
    ),
    "a picture behind a convolution": (
        [conv(output="c"), node("Add", ["c", "picture"], name="add")],
        "add (node 1)",
        "its constants differ from place to place",
    ),
    "a Pad of channels": (
        [
            node("Pad", ["x", "deep"], "p", name="pad"),
            node("MaxPool", ["p"], name="pool", kernel_shape=[2, 2]),
        ],
        "pool (node 1)",
        "adds channels of zeros",
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains_that_cannot_be_converted(name: str, tmp_path: Path) -> None:
    nodes, where, reason = CHAINS[name]
    known = CONSTANTS | {
        "v": np.ones((2, 6, 1, 1), np.float32),
        "picture": np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6),
        "row": np.array([1, 1, 64], np.int64),
        "narrow": np.ones((2, 1, 3), np.float32),
        "around": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64),
        "deep": np.array([0, 1, 0, 0, 0, 1, 0, 0], np.int64),
    }
    used = {place: known[place] for part in nodes for place in part.input if place in known}
    found = check_one(build(nodes, used, [1, 1, 8, 8]), tmp_path)
    assert found.node == where
    assert reason in found.reason


def dynamic(place: str) -> onnx.NodeProto:
    """Return a node that quantises x as it runs; its results are called after the place."""
    names = [f"{kind}{place}" for kind in ("codes", "scale", "zero")]
    return helper.make_node("DynamicQuantizeLinear", ["x"], names, name=f"quantise{place}")


DYNAMIC = {
    "another zero point": (
        [dynamic("1"), node("MatMulInteger", ["codes1", "w", "byte"], name="product")],
        "its zero point is not that of its input",
    ),
    "codes as numbers": (
        [dynamic("1"), node("Cast", ["codes1"], name="product", to=TensorProto.FLOAT)],
        "it takes codes for numbers",
    ),
    "codes dequantised with a constant": (
        [dynamic("1"), node("DequantizeLinear", ["codes1", "one", "byte"], name="product")],
        "it takes integers of a scale that only shows when the model runs",
    ),
    "real numbers": (
        [node("DequantizeLinear", ["x", "one", "byte"], name="product")],
        "it takes integers, but what comes in are real numbers",
    ),
    "another scale": (
        [
            *(dynamic("1"), dynamic("2")),
            node("MatMulInteger", ["codes1", "w", "zero1"], "m", name="sums"),
            node("Cast", ["m"], "c", name="cast", to=TensorProto.FLOAT),
            node("Mul", ["c", "scale2"], name="product"),
        ],
        "it multiplies by a scale of other numbers",
    ),
    "two scales": (
        [
            *(dynamic("1"), dynamic("2")),
            node("Mul", ["scale1", "scale2"], "s", name="product"),
            node("MatMulInteger", ["codes1", "w", "zero1"], "m", name="sums"),
            node("Cast", ["m"], "c", name="cast", to=TensorProto.FLOAT),
            node("Mul", ["c", "s"], name="last"),
        ],
        "it multiplies scales that only show when the model runs",
    ),
}


@pytest.mark.parametrize("name", DYNAMIC)
def test_dynamic_quantisation_of_another_kind_is_refused(name: str, tmp_path: Path) -> None:
    nodes, reason = DYNAMIC[name]
    known = {"w": np.ones((8, 3), np.int8), "byte": CONSTANTS["byte"], "one": CONSTANTS["one"]}
    used = {place: known[place] for part in nodes for place in part.input if place in known}
    found = onnx_check(save(build(nodes, used, [1, 8]), tmp_path)).findings[0]
    assert found.node.startswith("product")
    assert reason in found.reason


def test_integers_that_nothing_says_the_scale_of(tmp_path: Path) -> None:
    model = build(
        [node("MatMulInteger", ["x", "w"])],
        {"w": np.ones((8, 3), np.uint8)},
        [1, 8],
        input_type=TensorProto.UINT8,
        output_type=TensorProto.INT32,
    )
    assert "that no DynamicQuantizeLinear made" in check_one(model, tmp_path).reason


def test_an_input_that_holds_no_numbers(tmp_path: Path) -> None:
    model = build([node("Identity", ["x"])], {}, [1, 8], input_type=TensorProto.STRING)
    assert "it takes STRING, no numbers of its own" in check_one(model, tmp_path).reason


def test_an_output_that_depends_on_nothing(tmp_path: Path) -> None:
    nodes = [node("Relu", ["x"], "r", name="relu"), node("Identity", ["one"], "y")]
    found = onnx_check(save(build(nodes, {"one": CONSTANTS["one"]}, [1, 8]), tmp_path)).findings
    assert found
    assert "input" in found[0].reason


def test_samples_to_test_on_that_are_of_another_kind() -> None:
    options = OnnxOptions(full_scale=16)
    x, y = DIGITS.x_train[:20], DIGITS.y_train[:20]
    for other in (x.astype(np.float64), x[:, :7]):
        with pytest.raises(CalibrationError, match="are not like those of calibration"):
            onnx_network(MODELS / "digits_conv.onnx", x, options, tests=(other, y))


def test_where_the_graph_is_asked_to_be_cut(tmp_path: Path) -> None:
    path = save(build([conv()], {"w": WEIGHTS}, [1, 1, 8, 8]), tmp_path)
    with pytest.raises(OnnxError, match=r"no node or tensor 'nowhere'.*last nodes are conv"):
        onnx_check(path, OnnxOptions(cut="nowhere"))


# ---- what no stage can hold --------------------------------------------------------------------


def rectified(weights: Array, sizes: list[int], folder: Path, **about: Any) -> Path:
    nodes = [conv(output="c", **about), node("Relu", ["c"], name="relu")]
    return save(build(nodes, {"w": weights.astype(np.float32)}, sizes), folder)


def test_stages_limits(tmp_path: Path) -> None:
    (found,) = onnx_check(rectified(np.ones((1, 3, 64, 64)), [1, 3, 64, 64], tmp_path)).findings
    assert "3 × 64 × 64 are 12288 numbers" in found.reason
    (found,) = onnx_check(rectified(np.ones((70, 1, 1, 1)), [1, 1, 8, 8], tmp_path)).findings
    assert "4480 numbers come out; there is room for 4096" in found.reason
    found = onnx_check(rectified(np.ones((1100, 1, 1, 1)), [1, 1, 8, 8], tmp_path)).findings[0]
    assert found.node == "conv"
    assert "number of units" in found.reason
    nodes, before = [], "x"
    for number in range(17):
        nodes += [conv([before, "w"], f"c{number}", name=f"conv{number}", pads=[1] * 4),
                  node("Relu", [f"c{number}"], f"r{number}", name=f"relu{number}")]  # fmt: skip
        before = f"r{number}"
    nodes.append(node("Identity", [before]))
    one = np.ones((1, 1, 3, 3), np.float32)
    (found,) = onnx_check(save(build(nodes, {"w": one}, [1, 1, 4, 4]), tmp_path)).findings
    assert found.node == "conv16"
    assert "17 stages are too many" in found.reason


def test_a_greatest_of_signed_numbers(tmp_path: Path) -> None:
    nodes = [conv(output="c"), node("MaxPool", ["c"], kernel_shape=[2, 2], name="pool")]
    found = check_one(build(nodes, {"w": WEIGHTS}, [1, 1, 8, 8]), tmp_path)
    assert found.node == "pool"
    assert "put a ReLU before it" in found.advice


def test_what_rates_cannot_say(tmp_path: Path) -> None:
    (found,) = onnx_check(MODELS / "digits_conv.onnx", OnnxOptions(coding="rate")).findings
    assert found.node == "node_max_pool2d"
    nodes = [conv(output="c"), conv(["c", "v"], "d", name="second"), node("Relu", ["d"])]
    weights = {"w": WEIGHTS, "v": RNG.normal(size=(2, 2, 1, 1)).astype(np.float32)}
    model = build(nodes, weights, [1, 1, 8, 8])
    assert not onnx_check(save(model, tmp_path)).findings
    assert "may be negative" in check_one(model, tmp_path, coding="rate").reason


def test_pools_that_no_spikes_can_be_given(tmp_path: Path) -> None:
    first = node("AveragePool", ["x"], "p", name="first", kernel_shape=[2, 2])
    second = node("AveragePool", ["p"], "q", name="second", kernel_shape=[2, 2])
    nodes = [first, second, conv(["q", "w"], "c"), node("Relu", ["c"], name="relu")]
    path = save(build(nodes, {"w": WEIGHTS}, [1, 1, 8, 8]), tmp_path)
    assert not onnx_check(path, OnnxOptions(full_scale=16)).findings
    begin, behind = onnx_check(path, OnnxOptions(full_scale=16, coding="rate")).findings
    assert (begin.node, begin.reason) == ("first", "a pool cannot come first")
    assert (behind.node, behind.reason) == ("second", "a pool cannot follow a pool")


def test_a_model_that_cannot_answer(tmp_path: Path) -> None:
    path = rectified(WEIGHTS, [1, 1, 8, 8], tmp_path)
    with pytest.raises(ConversionError, match=r"conv .*no linear layer that could answer"):
        onnx_network(path, DIGITS.x_train[:10], OnnxOptions(full_scale=16))
    assert onnx_check(path, OnnxOptions(head="answer")).findings
    assert not onnx_check(path, OnnxOptions(head="keep")).findings


@pytest.mark.parametrize("coding", ["bitplane", "rate"])
def test_weights_that_overflow_name_the_layer(coding: str, tmp_path: Path) -> None:
    """A bias cancels large weights: nothing that 8 bits could keep apart comes out."""
    weights = np.zeros((2, 1, 3, 3), np.float32)
    weights[:, 0, 0, 0], weights[:, 0, 0, 1] = 1e6, -1e6
    weights[:, 0, 1, 1] = 1e-3
    x = np.full((5, 8, 8), 7, np.uint8)
    path = rectified(weights, [1, 1, 8, 8], tmp_path)
    with pytest.raises(ConversionError, match=r"conv .*do not fit into 8 bits") as raised:
        convert_onnx(path, x, OnnxOptions(full_scale=16, coding=coding))
    assert "calibration data" in raised.value.findings[0].advice


def test_a_layer_that_stays_silent_is_noted(tmp_path: Path) -> None:
    path = rectified(-np.abs(WEIGHTS), [1, 1, 8, 8], tmp_path)
    made = convert_onnx(path, DIGITS.x_train[:20], OnnxOptions(full_scale=16))
    assert any("conv: nothing comes out" in note for note in made.report.notes)


# ---- data --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((5, 9, 9), np.uint8), r"takes samples of 1 × 8 × 8 numbers.*are \(5, 9, 9\)"),
        (np.zeros((5, 8, 8, 3), np.uint8), r"but the data are \(5, 8, 8, 3\)"),
        (np.zeros((0, 8, 8), np.uint8), r"must be numbers \(samples, …\)"),
        (np.zeros(64, np.uint8), r"must be numbers \(samples, …\)"),
        (np.full((5, 8, 8), "a"), r"must be numbers \(samples, …\)"),
        (np.full((5, 8, 8), np.nan), "nan is none: scale it, or leave it out"),
        (np.full((5, 8, 8), 40000), "within ±32767"),
    ],
)
def test_calibration_data_that_do_not_suit(x: Array, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        convert_onnx(MODELS / "digits_conv.onnx", x, OnnxOptions(full_scale=16))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"full_scale": 0}, "full_scale must be greater than 0"),
        ({"std": 0}, "std must be greater than 0"),
        ({"mean": np.inf}, "mean must be finite"),
        ({"coding": "morse"}, "coding must be one of bitplane, rate"),
        ({"bits": 9}, "bits must be in 1 .. 8"),
        ({"head": "off"}, "head must be one of"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OnnxOptions(**options)


def test_a_mean_for_channels_that_are_not_there() -> None:
    options = OnnxOptions(full_scale=16, mean=(0.1, 0.2, 0.3))
    with pytest.raises(ValueError, match="mean holds 3 numbers; the model's input has 1 channels"):
        convert_onnx(MODELS / "digits_conv.onnx", DIGITS.x_train[:10], options)


# ---- the command line --------------------------------------------------------------------------


def call(*words: object) -> Any:
    return CliRunner().invoke(main, [str(word) for word in words], prog_name="edge-naca")


def test_check_lists_findings_and_fails() -> None:
    result = call("check", MODELS / "residual.onnx", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert not found["convertible"]
    assert [finding["kind"] for finding in found["findings"]] == ["Sigmoid", "Add", "AveragePool"]
    result = call("check", MODELS / "residual.onnx")
    assert result.exit_code == 1
    assert "/Sigmoid" in result.stdout


def test_check_of_a_good_file_asks_what_it_does_not_say() -> None:
    found = json.loads(call("check", MODELS / "digits_conv.onnx", "--json").stdout)
    assert found["convertible"]
    assert "--full-scale" in found["questions"][0]
    found = json.loads(call("check", MODELS / "digits_average.onnx", "--json").stdout)
    assert found["questions"] == []


def test_a_broken_file_fails_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes((MODELS / "digits_conv.onnx").read_bytes()[:3000])
    for words in (["check", path], ["train", "digits", "--front-end", path, "-o", tmp_path / "x"]):
        result = call(*words)
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
        assert result.stderr.startswith("Error: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--full-scale", "16"], "--full-scale: for a --front-end only"),
        (["--front-end", "net.tflite"], "a front end is a model"),
        (["--front-end", "net.onnx", "--features", "edges"], "--features: the --front-end"),
        (["--front-end", "net.naca", "--full-scale", "16"], "the image given to --front-end"),
        (["--front-end", "net.onnx", "--continue", "x.naca"], "has its front end already"),
        (["--front-end", "net.onnx", "--mean", "a,b"], "numbers with commas"),
    ],
)
def test_options_of_train_that_do_not_go_together(
    words: list[str], message: str, tmp_path: Path
) -> None:
    result = call("train", "digits", "-o", tmp_path / "x.naca", *words)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split())
