"""ONNX operators that take each number by itself: constants, normalisation, rectifiers, ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import Elementwise, Rectifier, depthwise
from edge_naca.export.onnx_import.element_types import REALS
from edge_naca.export.onnx_import.file import attributes
from edge_naca.export.onnx_import.read import Handler, Reader, unknown
from edge_naca.export.onnx_import.values import NO_PADS, Grid, RefusalError, Value

if TYPE_CHECKING:
    from onnx import NodeProto

Array = NDArray[Any]
Float = NDArray[np.float64]

ONE_AXIS = 13  # operator set from which on a Softmax has one axis
SCORES = ("Sigmoid", "Tanh", "QLinearSigmoid")  # these keep the order of numbers, and their sign


# ---- constants ---------------------------------------------------------------------------------


def on_axes(value: Value, constant: Array) -> Float:
    """Return what a constant adds to, or multiplies, each number: (channels, height, width).

    Raises
    ------
    RefusalError
        If it does not fit the value.
    """
    try:
        numbers = np.broadcast_to(constant.astype(np.float64), (1, *value.sizes))
    except ValueError:
        raise RefusalError(
            f"its constant of shape {constant.shape} does not fit "
            f"(batch, {', '.join(map(str, value.sizes))})",
            "only constants that are the same for all samples can be converted",
        ) from None
    order = [axis for dim in value.dims for axis in dim]
    order += [axis for axis in range(3) if axis not in order]
    planes = numbers.reshape([value.shape[axis] for axis in order])
    return planes.transpose([order.index(axis) for axis in range(3)])


def affine(reader: Reader, node: NodeProto, value: Value, factor: Float, offset: Float) -> None:
    """Add ``factor · x + offset``; folding puts it into a neighbour.

    Parameters
    ----------
    factor, offset : what can be broadcast to (channels, height, width).

    Raises
    ------
    RefusalError
        If they differ from place to place, in the midst of a model.
    """
    factor, offset = (np.broadcast_to(part, value.shape) for part in (factor, offset))
    if value.pads != NO_PADS and offset.any():
        raise RefusalError("it adds to the zeros of a Pad", "pad behind it, or in the convolution")
    name, shape = reader.name(node), value.shape
    if reader.is_leading:
        whole = Elementwise(
            name=name, input_shape=shape, output_shape=shape, factor=factor, offset=offset
        )
        reader.add(node, whole, value.dims, value.pads)
        return
    scale, addend = factor[:, :1, :1], offset[:, :1, :1]
    if (factor != scale).any() or (offset != addend).any():
        raise RefusalError(
            "its constants differ from place to place",
            "only constants that are the same at all places of a channel can be converted here; at "
            "the beginning of a model they may differ",
        )
    layer = depthwise(name, shape, scale.reshape(-1), addend.reshape(-1))
    reader.add(node, layer, value.dims, value.pads)


def arithmetic(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Add, subtract, multiply or divide by a constant."""
    value = reader.real(node, inputs)
    is_left = node.input[0] == inputs[0]
    if node.op_type == "Div" and not is_left:
        raise RefusalError("it divides by what the model computes", "cut the model before it")
    number = on_axes(value, reader.parameter(node, int(is_left), "constant"))
    one, none = np.ones(()), np.zeros(())
    if node.op_type == "Add":
        affine(reader, node, value, one, number)
    elif node.op_type == "Sub":
        affine(reader, node, value, one if is_left else -one, -number if is_left else number)
    elif node.op_type == "Mul":
        affine(reader, node, value, number, none)
    else:
        if (number == 0).any():
            raise RefusalError("it divides by 0", "check the model's constants")
        affine(reader, node, value, 1 / number, none)


def _normalise(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = reader.real(node, inputs)
    about = attributes(node)
    if about.get("training_mode", 0):
        raise RefusalError("it is in training mode", "export with model.eval()")
    names = ("scale", "bias", "mean", "variance")
    numbers = [
        reader.parameter(node, place, name).astype(np.float64).reshape(-1)
        for place, name in enumerate(names, start=1)
    ]
    channels = value.sizes[0]
    if any(part.shape != (channels,) for part in numbers):
        raise RefusalError(
            f"its parameters {[part.size for part in numbers]} are not one for each of "
            f"{channels} channels",
            "export the model again, with channels first",
        )
    scale, bias, mean, variance = numbers
    spread = variance + about.get("epsilon", 1e-5)
    if (spread <= 0).any():
        raise RefusalError("a variance is negative or 0", "export the model again")
    factor = scale / np.sqrt(spread)
    around = (channels, *(1,) * (len(value.dims) - 1))
    offset = (bias - mean * factor).reshape(around)
    affine(reader, node, value, on_axes(value, factor.reshape(around)), on_axes(value, offset))


def _scaler(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Scale as skl2onnx writes scikit-learn's scalers: (x − offset) · scale."""
    value, about = reader.real(node, inputs), attributes(node)
    scale = on_axes(value, np.asarray(about.get("scale", [1.0])))
    offset = on_axes(value, np.asarray(about.get("offset", [0.0])))
    affine(reader, node, value, scale, -offset * scale)


# ---- rectifiers --------------------------------------------------------------------------------


def _bound(reader: Reader, node: NodeProto, place: int, name: str) -> float | None:
    """Return a bound of a Clip: an attribute up to operator set 10, an input since."""
    about = attributes(node)
    is_input = place < len(node.input) and node.input[place]
    number = reader.constant(node.input[place]) if is_input else about.get(name)
    if number is None and is_input:
        reader.parameter(node, place, name)  # refuses
    if number is None or np.size(number) != 1:
        return None
    bound = float(np.asarray(number).reshape(-1)[0])
    if np.isnan(bound):
        raise RefusalError(f"its {name} is NaN", "export the model again")
    return bound if np.isfinite(bound) else None


def _rectify(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = reader.real(node, inputs)
    low: float | None = 0.0
    high: float | None = None
    if node.op_type == "Clip":
        low, high = _bound(reader, node, 1, "min"), _bound(reader, node, 2, "max")
        if low is None and high is None:
            reader.put(node, value)
            return
    if low != 0 or (high is not None and high <= 0):
        raise RefusalError(
            f"it clips to {low} .. {high}", "only clipping from 0 on (ReLU, ReLU6) can be converted"
        )
    rectify(reader, node, value, 0.0, high)


def rectify(reader: Reader, node: NodeProto, value: Value, low: float, high: float | None) -> None:
    """Cut numbers off below and above; low is 0 or less."""
    rectifier = Rectifier(
        name=reader.name(node),
        input_shape=value.shape,
        output_shape=value.shape,
        limit=high,
        floor=low,
    )
    reader.add(node, rectifier, value.dims, value.pads)


def _extreme(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Max with 0 is a ReLU; Min with a number behind it gives it a limit."""
    value = reader.real(node, inputs)
    if len(node.input) != 2:
        raise RefusalError(f"it compares {len(node.input)} tensors", "use a ReLU")
    constant = reader.parameter(node, int(node.input[0] == inputs[0]), "constant")
    bound = float(constant.reshape(-1)[0]) if constant.size else np.nan
    if (constant != bound).any():
        raise RefusalError("its constants differ from each other", "use a ReLU or ReLU6")
    on_axes(value, constant)  # refuses what does not fit
    last = reader.model.layers[-1] if reader.model.layers else None
    if node.op_type == "Max" and bound == 0:
        rectify(reader, node, value, 0.0, None)
    elif node.op_type == "Min" and bound > 0 and isinstance(last, Rectifier):
        rectify(reader, node, value, last.floor, bound)
    else:
        raise RefusalError(
            f"it compares its input with {bound:g}",
            "use a ReLU (Max with 0), or a ReLU6 (a Min behind a ReLU)",
        )


# ---- what changes nothing ----------------------------------------------------------------------


def cast(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Take integers as real numbers, as they are."""
    value = reader.one(node, inputs)
    if attributes(node).get("to") not in REALS:
        raise RefusalError("it rounds to whole numbers", "export the model without this cast")
    held = value.integers
    if held is None:
        reader.put(node, value)
        return
    if not isinstance(held, Grid):
        raise RefusalError("it takes codes for numbers", "dequantise them instead")
    plain = Value(value.shape, value.dims, pads=value.pads)
    if (held.scale, held.zero) == (1, 0):
        reader.put(node, plain)
    else:
        affine(reader, node, plain, np.array(1 / held.scale), np.array(held.zero))


def _pass_on(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    if node.op_type == "Dropout":
        training = reader.optional(node, 2, "training_mode")
        if training is not None and bool(training.reshape(-1)[0]):
            raise RefusalError("it is in training mode", "export with model.eval()")
    reader.put(node, reader.one(node, inputs))


def _end(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Leave out what only makes other scores of scores, at the end of a model."""
    value = reader.one(node, inputs)
    if not reader.is_last(node):
        if node.op_type in SCORES:
            raise unknown(node)
        raise RefusalError(
            "more follows it than what takes the greatest number",
            "cut the model before it, with --cut NAME",
        )
    rule = "the greatest number is the answer"
    if node.op_type not in SCORES:
        _check_axis(reader, node, value)
    elif int(np.prod(value.sizes)) == 1:
        reader.model.is_binary = True
        rule = "a number above 0 is the second class, any other the first"
    reader.note(f"{reader.name(node)} ({node.op_type}) left out: {rule}")
    reader.ended = True
    reader.put(node, value)


def _check_axis(reader: Reader, node: NodeProto, value: Value) -> None:
    """Refuse what compares other numbers than the classes of one sample.

    Raises
    ------
    RefusalError
        If it does, or there is one class only.
    """
    sizes = (1, *value.sizes)  # of one sample
    # A QLinearSoftmax says itself of which operator set it is.
    opset = attributes(node).get("opset", reader.opset)
    is_flat = node.op_type != "ArgMax" and opset < ONE_AXIS
    usual = 0 if node.op_type == "ArgMax" else 1 if is_flat else -1
    axis = attributes(node).get("axis", usual)
    if not -len(sizes) <= axis < len(sizes):
        raise RefusalError(f"it has no axis {axis}", "export the model again")
    place = axis % len(sizes)
    # Until operator set 12, all dimensions from the axis on are taken together.
    compared = int(np.prod(sizes[place:])) if is_flat else sizes[place]
    if place == 0 or compared != int(np.prod(sizes)):
        shape = ", ".join(map(str, value.sizes))
        raise RefusalError(
            f"it compares along axis {axis} of (batch, {shape}), which are not all numbers of a "
            "sample",
            "take the greatest number over the classes of each sample",
        )
    if compared == 1:
        raise RefusalError(
            "it compares one number with nothing",
            "end the model in one number a class, or in a Sigmoid",
        )


# Kinds of nodes that take numbers one by one, and what reads each.
HANDLERS: dict[str, Handler] = {
    "Relu": _rectify,
    "Clip": _rectify,
    "Max": _extreme,
    "Min": _extreme,
    "Add": arithmetic,
    "Sub": arithmetic,
    "Mul": arithmetic,
    "Div": arithmetic,
    "BatchNormalization": _normalise,
    "Scaler": _scaler,
    "Identity": _pass_on,
    "Dropout": _pass_on,
    "Cast": cast,
    "Softmax": _end,
    "LogSoftmax": _end,
    "ArgMax": _end,
    "Sigmoid": _end,
    "Tanh": _end,
    "QLinearSoftmax": _end,
    "QLinearSigmoid": _end,
}
