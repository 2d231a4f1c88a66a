"""What the quantised operators of ONNX and onnxruntime become as layers.

Integers are read as the real numbers that they stand for: quantising cuts off what its integers
cannot hold, dequantising with the same scale is nothing at all, and int8 weights are real weights
on a grid.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.onnx_import.elementwise import affine, on_axes, rectify
from edge_naca.export.onnx_import.file import attributes
from edge_naca.export.onnx_import.read import Handler, Reader
from edge_naca.export.onnx_import.values import Grid, RefusalError, Value
from edge_naca.export.onnx_import.windows import convolution, fully_connected, pool

if TYPE_CHECKING:
    from onnx import NodeProto

Array = NDArray[Any]

FINE = 255  # steps of a grid that rounds as codes between stages do


def real_parameter(
    reader: Reader, node: NodeProto, places: tuple[int, int, int], what: str, axis: int
) -> NDArray[np.float64]:
    """Return a quantised parameter as real numbers; `places` of numbers, scale and zero point."""
    stored = reader.parameter(node, places[0], what)
    scale = reader.scale(node, places[1], f"scale of {what}")
    zero = reader.optional(node, places[2], f"zero point of {what}")
    if zero is not None and zero.dtype != stored.dtype:
        raise RefusalError(
            f"its {what} are {stored.dtype}, their zero point is {zero.dtype}",
            "quantise the model again: both are of one type",
        )
    numbers = stored.astype(np.float64)
    point = np.zeros(1) if zero is None else zero.astype(np.float64)
    return (numbers - along(point, numbers, axis, what)) * along(scale, numbers, axis, what)


def along(part: NDArray[np.float64], numbers: Array, axis: int, what: str) -> NDArray[np.float64]:
    """Return one number for all, or one for each place of an axis, in a shape that broadcasts."""
    if part.size == 1:
        return part.reshape(())
    if axis >= numbers.ndim or part.size != numbers.shape[axis]:
        raise RefusalError(
            f"there are {part.size} scales or zero points for {what} of shape {numbers.shape}",
            "quantise by tensor or by channel",
        )
    around = [1] * numbers.ndim
    around[axis] = -1
    return part.reshape(around)


def _quantise(reader: Reader, node: NodeProto, value: Value, places: tuple[int, int]) -> None:
    """Say that a node's result is a value cut off at what its integers can hold."""
    grid = reader.grid(node, places)
    if not grid.low <= grid.zero <= grid.high:
        raise RefusalError(f"its zero point {grid.zero:g} is out of range", "quantise it again")
    low, high = ((end - grid.zero) * grid.scale for end in (grid.low, grid.high))
    if high <= 0:
        raise RefusalError("its integers stand for no number above 0", "quantise the model again")
    if grid.high - grid.low < FINE:
        reader.note(
            f"{reader.name(node)} rounds to {grid.high - grid.low + 1:g} numbers, which "
            "codes of this network are finer than"
        )
    rectify(reader, node, value, low, high)
    reader.put(node, replace(reader.values[node.output[0]], integers=grid))


def _dequantise(reader: Reader, node: NodeProto, value: Value, places: tuple[int, int]) -> Value:
    """Return the real numbers that integers stand for to a node.

    They may have stood for others before.
    """
    held = value.integers
    if held is None and reader.guesses.intersection(node.input):
        return value  # what should have quantised it was refused
    if not isinstance(held, Grid):
        raise RefusalError(
            "it takes integers, but what comes in are real numbers"
            if held is None
            else "it takes integers of a scale that only shows when the model runs",
            "export the model again, with a QuantizeLinear before it",
        )
    grid = reader.grid(node, places)
    has_zero = places[1] < len(node.input) and node.input[places[1]]
    if has_zero and (grid.low, grid.high) != (held.low, held.high):
        raise RefusalError(
            f"its zero point is of a type of {grid.low:g} .. {grid.high:g}, but its input holds "
            f"{held.low:g} .. {held.high:g}",
            "quantise the model again: scale, zero point and integers belong together",
        )
    factor, offset = grid.scale / held.scale, (held.zero - grid.zero) * grid.scale
    plain = replace(value, integers=None)
    if (factor, offset) == (1, 0):
        return plain
    affine(reader, node, plain, np.array(factor), np.array(offset))
    return reader.values[node.output[0]]


def _quantize_linear(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    _quantise(reader, node, reader.real(node, inputs), (1, 2))


def _dequantize_linear(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    reader.put(node, _dequantise(reader, node, reader.one(node, inputs), (1, 2)))


def _bias(reader: Reader, node: NodeProto, place: int) -> NDArray[np.float64] | None:
    """Return a bias of whole numbers as real ones: their unit is input times weights."""
    bias = reader.optional(node, place, "bias")
    if bias is None:
        return None
    step = float(reader.parameter(node, 1, "input scale").reshape(-1)[0])
    unit = step * reader.parameter(node, 4, "scale of weights").astype(np.float64).reshape(-1)
    numbers = bias.astype(np.float64).reshape(-1)
    return numbers * along(unit, numbers, 0, "bias")


def _convolution(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = _dequantise(reader, node, reader.one(node, inputs), (1, 2))
    weights = real_parameter(reader, node, (3, 4, 5), "weights", 0)
    convolution(reader, node, value, weights, _bias(reader, node, 8), attributes(node))
    _quantise(reader, node, reader.values[node.output[0]], (6, 7))


def _matmul(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = _dequantise(reader, node, reader.one(node, inputs), (1, 2))
    if node.input[0] not in inputs:
        raise RefusalError("its input is on the right", "export it as x · W")
    weights = real_parameter(reader, node, (3, 4, 5), "weights", 1)
    fully_connected(reader, node, value, weights.T, None)
    _quantise(reader, node, reader.values[node.output[0]], (6, 7))


def _gemm(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Inputs: A, its scale and zero point, B, its scale and zero point, C, scale and zero point."""
    about = attributes(node)
    if about.get("transA", 0):
        raise RefusalError("its input is transposed", "export it as x · W + b")
    value = _dequantise(reader, node, reader.one(node, inputs), (1, 2))
    alpha = about.get("alpha", 1.0)
    axis = 0 if about.get("transB", 0) else 1
    weights = real_parameter(reader, node, (3, 4, 5), "weights", axis)
    bias = _bias(reader, node, 6)
    fully_connected(
        reader,
        node,
        value,
        (weights if axis == 0 else weights.T) * alpha,
        None if bias is None else bias * alpha,
    )
    if len(node.input) > 7 and node.input[7]:
        _quantise(reader, node, reader.values[node.output[0]], (7, 8))


def _arithmetic(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Inputs: A, scale, zero point, B, scale, zero point, scale and zero point of the output."""
    value = reader.one(node, inputs)
    mine, other = (0, 3) if node.input[0] == inputs[0] else (3, 0)
    value = _dequantise(reader, node, value, (mine + 1, mine + 2))
    number = on_axes(
        value, real_parameter(reader, node, (other, other + 1, other + 2), "constant", 0)
    )
    if node.op_type == "QLinearAdd":
        affine(reader, node, value, np.ones(()), number)
    else:
        affine(reader, node, value, number, np.zeros(()))
    _quantise(reader, node, reader.values[node.output[0]], (6, 7))


def _average_pool(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Inputs: X, its scale and zero point, scale and zero point of the output."""
    about = attributes(node)
    if about.get("channels_last", 0):
        raise RefusalError("it takes channels last", "export the model with channels first")
    value = _dequantise(reader, node, reader.one(node, inputs), (1, 2))
    if node.op_type == "QLinearGlobalAveragePool":
        value = value.with_dims(value.dims)
        about = {"kernel_shape": list(value.sizes[1:])}
    pool(reader, node, value, "average", about)
    _quantise(reader, node, reader.values[node.output[0]], (3, 4))


# Kinds of quantised nodes, and what reads each.
HANDLERS: dict[str, Handler] = {
    "QuantizeLinear": _quantize_linear,
    "DequantizeLinear": _dequantize_linear,
    "QLinearConv": _convolution,
    "QLinearMatMul": _matmul,
    "QGemm": _gemm,
    "QLinearAdd": _arithmetic,
    "QLinearMul": _arithmetic,
    "QLinearGlobalAveragePool": _average_pool,
    "QLinearAveragePool": _average_pool,
}
