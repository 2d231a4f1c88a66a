"""Dynamic quantisation of ONNX: integers whose scale is only known when the model runs.

``DynamicQuantizeLinear`` makes codes, a scale and a zero point of a tensor. An integer operator
gives sums of products of codes, which a ``Cast`` and a ``Mul`` by the scale of the codes times that
of the weights turn into real numbers. The scale of the codes cancels: what is left are the weights
on their grid.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.onnx_import import elementwise
from edge_naca.export.onnx_import.element_types import REALS
from edge_naca.export.onnx_import.elementwise import affine, on_axes
from edge_naca.export.onnx_import.file import attributes
from edge_naca.export.onnx_import.quantised import along, real_parameter
from edge_naca.export.onnx_import.read import Handler, Reader
from edge_naca.export.onnx_import.values import Codes, RefusalError, Sums, Value
from edge_naca.export.onnx_import.windows import convolution, fully_connected

if TYPE_CHECKING:
    from onnx import NodeProto

Array = NDArray[Any]

CHANGED = "export the model again: it is not what quantize_dynamic writes"


def _quantise(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = reader.real(node, inputs)
    _, scale, zero = (*node.output, "", "")[:3]
    reader.put(node, replace(value, integers=Codes(scale)))
    reader.factors[scale] = (scale, np.ones(()))
    reader.points[zero] = scale


def _codes(
    reader: Reader, node: NodeProto, inputs: list[str], zero_place: int
) -> tuple[Value, str]:
    """Return the value that a node's codes stand for, and the name of their scale."""
    value = reader.one(node, inputs)
    held = value.integers
    if not isinstance(held, Codes) or node.input[0] not in inputs:
        raise RefusalError(
            "it takes integers that no DynamicQuantizeLinear made",
            "quantise with quantize_dynamic, or quantize_static",
        )
    zero = node.input[zero_place] if zero_place < len(node.input) else ""
    if reader.points.get(zero) != held.source:
        raise RefusalError("its zero point is not that of its input", CHANGED)
    return replace(value, integers=None), held.source


def _weights(
    reader: Reader, node: NodeProto, places: tuple[int, int], axis: int
) -> NDArray[np.float64]:
    """Return weights without their zero point, in whole numbers."""
    numbers = reader.parameter(node, places[0], "weights").astype(np.float64)
    zero = reader.optional(node, places[1], "zero point of weights")
    point = np.zeros(1) if zero is None else zero.astype(np.float64)
    return numbers - along(point, numbers, axis, "weights")


def _are_sums(reader: Reader, node: NodeProto, source: str) -> None:
    value = reader.values[node.output[0]]
    reader.put(node, replace(value, integers=Sums(source)))


def _matmul_integer(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value, source = _codes(reader, node, inputs, 2)
    fully_connected(reader, node, value, _weights(reader, node, (1, 3), 1).T, None)
    _are_sums(reader, node, source)


def _convolution_integer(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value, source = _codes(reader, node, inputs, 2)
    convolution(reader, node, value, _weights(reader, node, (1, 3), 0), None, attributes(node))
    _are_sums(reader, node, source)


def _cast(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Sums stay sums as real numbers; anything else is cast as ever."""
    value = reader.one(node, inputs)
    if isinstance(value.integers, Sums) and attributes(node).get("to") in REALS:
        reader.put(node, value)
    else:
        elementwise.cast(reader, node, inputs)


def _multiply(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Multiply scales with each other, sums by such a product, or real numbers as ever."""
    scales = [name for name in node.input if name in reader.factors]
    if not scales:
        elementwise.arithmetic(reader, node, inputs)
        return
    if inputs:
        source, factor = reader.factors[scales[0]]
        value = reader.one(node, inputs)
        if value.integers != Sums(source):
            raise RefusalError("it multiplies by a scale of other numbers", CHANGED)
        plain = replace(value, integers=None)
        affine(reader, node, plain, on_axes(plain, factor), np.zeros(()))
        return
    if len(scales) != 1:
        raise RefusalError("it multiplies scales that only show when the model runs", CHANGED)
    source, factor = reader.factors[scales[0]]
    number = reader.parameter(node, int(node.input[0] == scales[0]), "scale of weights")
    reader.factors[node.output[0]] = (source, factor * number.astype(np.float64))


def _fused(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Quantise, multiply and dequantise at once.

    Inputs: A, B, scale and zero point of B, bias.
    """
    weights = real_parameter(reader, node, (1, 2, 3), "weights", 1)
    bias = reader.optional(node, 4, "bias")
    fully_connected(reader, node, reader.real(node, inputs), weights.T, bias)


# Kinds of nodes of dynamic quantisation, and what reads each. Mul and Cast are those of all others.
HANDLERS: dict[str, Handler] = {
    "DynamicQuantizeLinear": _quantise,
    "MatMulInteger": _matmul_integer,
    "ConvInteger": _convolution_integer,
    "DynamicQuantizeMatMul": _fused,
    "Cast": _cast,
    "Mul": _multiply,
}
