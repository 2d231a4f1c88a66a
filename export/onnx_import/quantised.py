"""What the quantised operators of ONNX and onnxruntime become as layers.

Integers are read as the real numbers that they stand for: quantising to a type whose smallest
number stands for 0 is a rectifier, dequantising is nothing at all, and int8 weights are real
weights on a grid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import Rectifier, depthwise
from edge_naca.export.onnx_import.file import attributes
from edge_naca.export.onnx_import.operators import affine, convolution, dense, only, pool
from edge_naca.export.onnx_import.read import Handler, Reader, RefusalError, Value

if TYPE_CHECKING:
    from onnx import NodeProto

Array = NDArray[Any]


def _real(
    reader: Reader, node: NodeProto, places: tuple[int, int, int], what: str, axis: int
) -> NDArray[np.float64]:
    """Return a quantised parameter as real numbers; `places` of numbers, scale and zero point."""
    numbers = reader.parameter(node, places[0], what).astype(np.float64)
    scale = reader.parameter(node, places[1], f"scale of {what}").astype(np.float64)
    zero = reader.optional(node, places[2], f"zero point of {what}")
    point = np.zeros(1) if zero is None else zero.astype(np.float64)
    around = [1] * numbers.ndim
    for part in (scale, point):
        if part.size not in (1, numbers.shape[axis]):
            raise RefusalError(
                f"there are {part.size} scales for {numbers.shape[axis]} maps of {what}",
                "quantise by tensor or by channel",
            )
    if numbers.ndim:
        around[axis] = -1
    scale, point = scale.reshape(-1), point.reshape(-1)
    return (numbers - (point if point.size == 1 else point.reshape(around))) * (
        scale if scale.size == 1 else scale.reshape(around)
    )


def _quantise(
    reader: Reader, node: NodeProto, value: Value, places: tuple[int, int], name: str
) -> Value:
    """Return a value after quantisation: rectified if the smallest integer stands for 0."""
    scale = reader.parameter(node, places[0], "scale")
    zero = reader.optional(node, places[1], "zero point")
    if scale.size != 1:
        raise RefusalError("it quantises channels apart", "quantise activations by tensor")
    point = np.zeros(1, np.uint8) if zero is None else zero
    info = np.iinfo(point.dtype)
    if int(point.reshape(-1)[0]) != info.min:
        return value  # a grid around zero: nothing that an integer network would not do by itself
    limit = float(scale.reshape(-1)[0]) * (info.max - info.min)
    reader.model.layers.append(
        Rectifier(name=name, input_shape=value.shape, output_shape=value.shape, limit=limit)
    )
    return value


def _entering(reader: Reader, node: NodeProto, value: Value, places: tuple[int, int]) -> None:
    """Where the model's own input is integers: add what they stand for."""
    if reader.model.layers or np.dtype(reader.model.input_type).kind not in "iu":
        return
    scale = reader.parameter(node, places[0], "scale").astype(np.float64).reshape(-1)
    zero = reader.optional(node, places[1], "zero point")
    point = np.zeros(1) if zero is None else zero.astype(np.float64).reshape(-1)
    if scale.size != 1 or point.size != 1:
        raise RefusalError("it quantises channels apart", "quantise activations by tensor")
    reader.model.layers.append(
        depthwise(f"{reader.name(node)} input", value.shape, scale, -point * scale)
    )


def _quantize_linear(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    reader.put(node, _quantise(reader, node, value, (1, 2), reader.name(node)))


def _dequantize_linear(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    _entering(reader, node, value, (1, 2))
    reader.put(node, value)


def _convolution(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    _entering(reader, node, value, (1, 2))
    weights = _real(reader, node, (3, 4, 5), "weights", 0)
    bias = reader.optional(node, 8, "bias")
    if bias is not None:
        step = float(reader.parameter(node, 1, "input scale").reshape(-1)[0])
        unit = step * reader.parameter(node, 4, "scale of weights").astype(np.float64).reshape(-1)
        bias = bias.astype(np.float64) * unit
    convolution(reader, node, value, weights, bias, attributes(node))
    made = reader.values[node.output[0]]
    reader.put(node, _quantise(reader, node, made, (6, 7), f"{reader.name(node)} output"))


def _matmul(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    _entering(reader, node, value, (1, 2))
    weights = _real(reader, node, (3, 4, 5), "weights", 1)
    dense(reader, node, value, weights.T, None)
    made = reader.values[node.output[0]]
    reader.put(node, _quantise(reader, node, made, (6, 7), f"{reader.name(node)} output"))


def _gemm(reader: Reader, node: NodeProto, given: list[str]) -> None:
    """Inputs: A, its scale and zero point, B, its scale and zero point, C, scale and zero point."""
    about = attributes(node)
    value = reader.values[only(node, given)]
    if about.get("transA", 0):
        raise RefusalError("its input is transposed", "export it as x · W + b")
    _entering(reader, node, value, (1, 2))
    alpha = about.get("alpha", 1.0)
    axis = 0 if about.get("transB", 0) else 1
    weights = _real(reader, node, (3, 4, 5), "weights", axis)
    bias = reader.optional(node, 6, "bias")
    if bias is not None:
        step = float(reader.parameter(node, 1, "input scale").reshape(-1)[0])
        unit = step * reader.parameter(node, 4, "scale of weights").astype(np.float64).reshape(-1)
        bias = bias.astype(np.float64).reshape(-1) * unit * alpha
    dense(reader, node, value, (weights if axis == 0 else weights.T) * alpha, bias)
    if len(node.input) > 7 and node.input[7]:
        made = reader.values[node.output[0]]
        reader.put(node, _quantise(reader, node, made, (7, 8), f"{reader.name(node)} output"))


def _add(reader: Reader, node: NodeProto, given: list[str]) -> None:
    """Inputs: A, scale, zero point, B, scale, zero point, scale and zero point of the output."""
    value = reader.values[only(node, given)]
    first = 3 if node.input[0] == given[0] else 0
    numbers = reader.parameter(node, first, "constant").astype(np.float64)
    scale = float(reader.parameter(node, first + 1, "scale").reshape(-1)[0])
    zero = reader.optional(node, first + 2, "zero point")
    offset = (numbers - (0 if zero is None else float(zero.reshape(-1)[0]))) * scale
    if offset.size not in (1, value.shape[0]) or len(value.dims) != 1:
        raise RefusalError("its constant is not one number for each output", "quantise QDQ instead")
    affine(reader, node, value, np.ones(1), offset.reshape(-1))
    made = reader.values[node.output[0]]
    reader.put(node, _quantise(reader, node, made, (6, 7), f"{reader.name(node)} output"))


def _average_pool(reader: Reader, node: NodeProto, given: list[str]) -> None:
    """Inputs: X, its scale and zero point, scale and zero point of the output."""
    value, about = reader.values[only(node, given)], attributes(node)
    if about.get("channels_last", 0):
        raise RefusalError("it takes channels last", "export the model with channels first")
    _entering(reader, node, value, (1, 2))
    if node.op_type == "QLinearGlobalAveragePool":
        about = {"kernel_shape": list(value.sizes[1:])}
    pool(reader, node, value, "average", about)
    made = reader.values[node.output[0]]
    reader.put(node, _quantise(reader, node, made, (3, 4), f"{reader.name(node)} output"))


def _softmax(reader: Reader, node: NodeProto, given: list[str]) -> None:
    reader.note(f"{reader.name(node)} (QLinearSoftmax) left out: the greatest number is the answer")
    reader.ended = True
    reader.put(node, reader.values[only(node, given)])


# Kinds of quantised nodes, and what reads each.
HANDLERS: dict[str, Handler] = {
    "QuantizeLinear": _quantize_linear,
    "DequantizeLinear": _dequantize_linear,
    "QLinearConv": _convolution,
    "QLinearMatMul": _matmul,
    "QGemm": _gemm,
    "QLinearAdd": _add,
    "QLinearGlobalAveragePool": _average_pool,
    "QLinearAveragePool": _average_pool,
    "QLinearSoftmax": _softmax,
}
