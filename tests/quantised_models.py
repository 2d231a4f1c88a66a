"""A classifier of digits, quantised by onnxruntime in every way that it offers."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx_models import MODELS
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

Array = NDArray[Any]

FORMATS = {"qdq": QuantFormat.QDQ, "qoperator": QuantFormat.QOperator}
# Types of activations and of weights.
TYPES = {
    "u8s8": (QuantType.QUInt8, QuantType.QInt8),
    "s8s8": (QuantType.QInt8, QuantType.QInt8),
    "u8u8": (QuantType.QUInt8, QuantType.QUInt8),
}
Way = tuple[str, bool, str]  # format, per channel, types


def ways(opset: int) -> Iterator[Way]:
    """Yield every way in which a model of an operator set can be quantised.

    DequantizeLinear knows channels from operator set 13 on.
    """
    for form, per_channel, types in itertools.product(FORMATS, (True, False), TYPES):
        if form != "qdq" or not per_channel or opset >= 13:
            yield form, per_channel, types


def digits_cnn(opset: int, dense: str = "Conv") -> onnx.ModelProto:
    """Return the trained model of digits_conv.onnx in operators that all operator sets have.

    Parameters
    ----------
    dense : what the last layer is: "Gemm", "MatMul" with an Add behind it, or "Conv" with a kernel
        as large as its input.
    """
    file = onnx.load(MODELS / "digits_conv.onnx")
    trained = {tensor.name: numpy_helper.to_array(tensor) for tensor in file.graph.initializer}
    first, second, *last = (node for node in file.graph.node if node.op_type in ("Conv", "Gemm"))
    constants = {
        name: trained[source]
        for name, source in zip(
            ("w1", "b1", "w2", "b2", "w3", "b3"),
            (*first.input[1:3], *second.input[1:3], *last[0].input[1:3]),
            strict=True,
        )
    }
    pads: dict[str, Any] = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], name="conv1", **pads),
        helper.make_node("Relu", ["c1"], ["r1"], name="relu1"),
        helper.make_node(
            "MaxPool", ["r1"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]
        ),
        helper.make_node("Conv", ["p", "w2", "b2"], ["c2"], name="conv2", **pads),
        helper.make_node("Relu", ["c2"], ["r2"], name="relu2"),
    ]
    if dense == "Conv":
        constants["w3"] = constants["w3"].reshape(10, 16, 4, 4)
        nodes.append(helper.make_node("Conv", ["r2", "w3", "b3"], ["c3"], name="dense"))
        nodes.append(helper.make_node("Flatten", ["c3"], ["y"], name="flatten"))
    else:
        constants["w3"] = constants["w3"].T.copy()
        nodes.append(helper.make_node("Flatten", ["r2"], ["f"], name="flatten"))
    if dense == "Gemm":
        nodes.append(helper.make_node("Gemm", ["f", "w3", "b3"], ["y"], name="dense"))
    elif dense == "MatMul":
        nodes.append(helper.make_node("MatMul", ["f", "w3"], ["m"], name="dense"))
        nodes.append(helper.make_node("Add", ["m", "b3"], ["y"], name="bias"))
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


class Samples(CalibrationDataReader):
    """Hands out samples (n, …) one at a time."""

    def __init__(self, x: Array) -> None:
        self._rest = iter(x)

    def get_next(self) -> dict[str, Array] | None:
        x = next(self._rest, None)
        return None if x is None else {"x": x[None]}


def quantise(model: onnx.ModelProto, way: Way, x: Array, folder: Path) -> Path:
    """Quantise a model with onnxruntime; return the file.

    Parameters
    ----------
    x : float32 (n, …), calibration samples.
    """
    form, per_channel, types = way
    before, after = folder / "before.onnx", folder / "quantised.onnx"
    before.write_bytes(model.SerializeToString())
    activation, weight = TYPES[types]
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime advises to preprocess the model
    try:
        quantize_static(
            before,
            after,
            Samples(x.astype(np.float32)),
            quant_format=FORMATS[form],
            per_channel=per_channel,
            activation_type=activation,
            weight_type=weight,
        )
    finally:
        logging.getLogger().setLevel(level)
    return after


# Where the zero points of activations are among a node's inputs.
ACTIVATIONS = {
    "QuantizeLinear": (2,),
    "DequantizeLinear": (2,),
    "QLinearConv": (2, 7),
    "QLinearMatMul": (2, 7),
    "QGemm": (2, 8),
}


def reference_of(path: Path, way: Way) -> Path:
    """Return a file that answers the same and that onnxruntime can run exactly.

    Asked for exact products, onnxruntime has no quantised operators of int8 by int8. An int8 around
    a zero point is the same number as a uint8 around a zero point that is greater by 128.
    """
    form, _, types = way
    if (form, types) != ("qoperator", "s8s8"):
        return path
    model = onnx.load(path)
    points = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8
    }
    shifted = {}
    for node in model.graph.node:
        for place in ACTIVATIONS.get(node.op_type, ()):
            name = node.input[place]
            shifted[f"{name} + 128"] = (points[name].astype(np.int16) + 128).astype(np.uint8)
            node.input[place] = f"{name} + 128"
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in shifted.items()
    )
    unsigned = path.with_name("unsigned.onnx")
    unsigned.write_bytes(model.SerializeToString())
    return unsigned
