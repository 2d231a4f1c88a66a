"""ONNX files that are wrong on purpose end in one clear line that names the node."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx_models import MODELS, build, save
from quantised_models import digits_cnn, quantise

from edge_naca import data
from edge_naca.cli import main
from edge_naca.export.conversion.layers import ConversionError
from edge_naca.export.onnx_import.file import OnnxError
from edge_naca.export.onnx_import.front_end import OnnxOptions, onnx_check, onnx_network

Array = NDArray[Any]
Change = Callable[[onnx.ModelProto], None]

DIGITS = data.load("digits")


def _node(model: onnx.ModelProto, kind: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == kind)


def _constant(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def _set(model: onnx.ModelProto, name: str, value: Array) -> None:
    _constant(model, name).CopyFrom(numpy_helper.from_array(value, name))


def _attribute(node: onnx.NodeProto, name: str, value: Any) -> None:
    rest = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend([*rest, helper.make_attribute(name, value)])


def _ring(model: onnx.ModelProto) -> None:
    first = _node(model, "Conv")
    first.input[0] = model.graph.node[-1].output[0]


def _shape(*sizes: int | str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        kind = model.graph.input[0].type.tensor_type.elem_type
        made = helper.make_tensor_value_info("x", kind, sizes)
        model.graph.input[0].CopyFrom(made)

    return change


def _unknown(kind: str, domain: str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        relu = _node(model, "Relu")
        relu.op_type, relu.domain = kind, domain
        if domain not in [opset.domain for opset in model.opset_import]:
            model.opset_import.append(helper.make_opsetid(domain, 1))

    return change


def _weights(change: Callable[[Array], Array]) -> Change:
    def apply(model: onnx.ModelProto) -> None:
        _set(model, "w1", change(numpy_helper.to_array(_constant(model, "w1"))))

    return apply


def _missing(model: onnx.ModelProto) -> None:
    model.graph.initializer.remove(_constant(model, "w1"))


def _external(location: str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        tensor = _constant(model, "w1")
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return change


def _huge(model: onnx.ModelProto) -> None:
    tensor = _constant(model, "w1")
    del tensor.dims[:]
    tensor.dims.extend([1 << 31, 1 << 31, 3, 3])


def _stride(value: list[int]) -> Change:
    return lambda model: _attribute(_node(model, "Conv"), "strides", value)


def _pads(value: list[int]) -> Change:
    return lambda model: _attribute(_node(model, "Conv"), "pads", value)


def _loop(model: onnx.ModelProto) -> None:
    """A constant that would take for ever to work out."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Add", ["v", "v"], ["u"])],
        "body",
        [
            helper.make_tensor_value_info("n", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [4]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("u", TensorProto.FLOAT, [4]),
        ],
    )
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(1 << 62), "for ever"),
            numpy_helper.from_array(np.array(True), "yes"),
        ]
    )
    inputs = ["for ever", "yes", _node(model, "Conv").input[2]]
    loop = helper.make_node("Loop", inputs, ["bias"], name="the loop", body=body)
    model.graph.node.insert(0, loop)
    _node(model, "Conv").input[2] = "bias"


# What is wrong, with which node or tensor the line has to name.
FLOAT: dict[str, tuple[Change, str]] = {
    "a ring": (_ring, "conv1"),
    "an operator nobody knows": (_unknown("Frobnicate", "example.org"), "relu1"),
    "an operator that ONNX does not know": (_unknown("Frobnicate", ""), "relu1"),
    "missing initialiser": (_missing, "conv1"),
    "weights of NaN": (_weights(lambda w: w * np.nan), "conv1"),
    "weights of text": (_weights(lambda w: np.full(w.shape, "a", object)), "conv1"),
    "weights of nothing": (_weights(lambda w: w[:0]), "conv1"),
    "weights of one dimension": (_weights(lambda w: w.reshape(-1)), "conv1"),
    "huge weights": (_huge, "w1"),
    "a stride of 0": (_stride([0, 0]), "conv1"),
    "a negative stride": (_stride([-1, 1]), "conv1"),
    "three strides": (_stride([1, 1, 1]), "conv1"),
    "huge pads": (_pads([1 << 40] * 4), "conv1"),
    "external data elsewhere": (_external("../../etc/passwd"), "w1"),
    "external data that are missing": (_external("weights.bin"), "w1"),
    "symbolic height": (_shape("n", 1, "height", 8), "x"),
    "height of 0": (_shape(1, 1, 0, 8), "x"),
    "negative height": (_shape(1, 1, -5, 8), "x"),
    "huge height": (_shape(1, 1, 1 << 40, 8), "x"),
    "no dimensions": (_shape(), "x"),
    "seven dimensions": (_shape(1, 1, 1, 1, 1, 8, 8), "x"),
    "a loop without end": (_loop, "the loop"),
}


def _scale(value: float | np.int32) -> Change:
    def change(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            if node.op_type == "QuantizeLinear":
                kind = np.int32 if isinstance(value, np.int32) else np.float32
                _set(model, node.input[1], np.array(value, kind))

    return change


def _zero(value: Any) -> Change:
    def change(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            if node.op_type == "DequantizeLinear" and node.input[0] not in [
                tensor.name for tensor in model.graph.initializer
            ]:
                model.graph.initializer.append(numpy_helper.from_array(value, "odd"))
                node.input[2] = "odd"
                return

    return change


def _zeros_of_quantising(value: Array) -> Change:
    def change(model: onnx.ModelProto) -> None:
        node = _node(model, "QuantizeLinear")
        _set(model, node.input[2], value)

    return change


QDQ: dict[str, tuple[Change, str]] = {
    "a scale of NaN": (_scale(np.nan), "QuantizeLinear"),
    "a scale of 0": (_scale(0), "QuantizeLinear"),
    "a negative scale": (_scale(-1), "QuantizeLinear"),
    "an infinite scale": (_scale(np.inf), "QuantizeLinear"),
    "a zero point of another type": (_zero(np.array(3, np.int8)), "DequantizeLinear"),
    "zero points of several": (_zero(np.zeros(3, np.uint8)), "DequantizeLinear"),
    "a zero point of 32 bits": (_zero(np.array(3, np.int32)), "DequantizeLinear"),
    "zero points that say yes or no": (_zeros_of_quantising(np.array(False)), "QuantizeLinear"),
    "a zero point of 32 bits where it quantises": (
        _zeros_of_quantising(np.array(3, np.int32)),
        "QuantizeLinear",
    ),
    "a scale of whole numbers": (_scale(np.int32(1)), "QuantizeLinear"),
    "zero points of another size": (
        _zeros_of_quantising(np.zeros((2, 2), np.uint8)),
        "QuantizeLinear",
    ),
}


def _lines(path: Path) -> list[str]:
    """Return what is said of a file that must not be converted, one line for each cause."""
    try:
        found = onnx_check(path, OnnxOptions(head="answer")).findings
    except OnnxError as error:
        return [str(error)]
    assert found
    with pytest.raises(ConversionError):
        onnx_network(path, DIGITS.x_train[:10], OnnxOptions(full_scale=16))
    assert all(finding.advice for finding in found)
    return [f"{finding.node} ({finding.kind}): {finding.reason}" for finding in found]


def _judge(model: onnx.ModelProto, named: str, folder: Path) -> None:
    path = save(model, folder)
    lines = _lines(path)
    assert any(named in line for line in lines), lines
    assert not any("\n" in line or "Traceback" in line for line in lines)
    result = CliRunner().invoke(main, ["check", str(path)], prog_name="edge-naca")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("name", FLOAT)
def test_of_real_numbers(name: str, tmp_path: Path) -> None:
    change, named = FLOAT[name]
    model = digits_cnn(17, "Gemm")
    change(model)
    _judge(model, named, tmp_path)


@pytest.mark.parametrize("name", QDQ)
def test_of_integers(name: str, tmp_path: Path) -> None:
    change, named = QDQ[name]
    x = DIGITS.x_train[:20].reshape(-1, 1, 8, 8) / 16
    path = quantise(digits_cnn(17), ("qdq", False, "u8s8"), x, tmp_path)
    model = onnx.load(path)
    change(model)
    _judge(model, named, tmp_path)


# Of a QLinearConv: which input, another value for it, and what is said of it.
OPERATOR = {
    "an output of 32 bits": (7, np.int32(0), "its zero point is INT32, which QLinearConv does not"),
    "an output of 16 bits": (7, np.uint16(0), "its zero point is UINT16"),
    "a zero point of reals": (7, np.float32(0), "quantises to FLOAT"),
    "weights and zero point": (5, np.int32(0), "weights are uint8, their zero point is int32"),
    "weights and zero point of reals": (5, np.float32(0), "weights are uint8"),
    "a scale of weights": (4, np.int32(1), "its scale of weights holds int32, no real numbers"),
    "a scale": (6, np.int32(1), "its scale holds int32, no real numbers"),
}


@pytest.mark.parametrize("name", OPERATOR)
def test_of_integer_operators(name: str, tmp_path: Path) -> None:
    place, value, named = OPERATOR[name]
    x = DIGITS.x_train[:20].reshape(-1, 1, 8, 8) / 16
    model = onnx.load(quantise(digits_cnn(17), ("qoperator", False, "u8u8"), x, tmp_path))
    model.graph.initializer.append(numpy_helper.from_array(np.array(value), "odd"))
    _node(model, "QLinearConv").input[place] = "odd"
    _judge(model, named, tmp_path)


@pytest.mark.parametrize("kind", ["Add", "Concat"])
def test_residual_connections_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    about: dict[str, Any] = {"axis": 1} if kind == "Concat" else {}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Conv", ["r", "v"], ["d"], name="second", pads=[1, 1, 1, 1]),
        helper.make_node(kind, ["d", "r"], ["y"], name="join", **about),
    ]
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(2, 1, 3, 3)), "v": rng.normal(size=(2, 2, 3, 3))}
    constants = {name: value.astype(np.float32) for name, value in weights.items()}
    (found,) = onnx_check(save(build(nodes, constants, [1, 1, 8, 8]), tmp_path)).findings
    assert found.node == "join (node 3)"
    assert "joins 2 branches" in found.reason
    assert "--cut NAME" in found.advice


def test_damaged_quantised_files_never_end_in_anything_else(tmp_path: Path) -> None:
    whole = bytearray((MODELS / "digits_qdq.onnx").read_bytes())
    path = tmp_path / "damaged.onnx"
    rng = np.random.default_rng(2)
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(OnnxError, ConversionError, ValueError):  # else the test fails
            onnx_network(path, DIGITS.x_train[:5], OnnxOptions(full_scale=16))
