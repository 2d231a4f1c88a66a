"""NIR nodes of weights, pools and scales as layers."""

from __future__ import annotations

import numpy as np

from edge_naca.export.conversion.layers import Convolution, Float, Layer, Pair, Pool, Scale, Shape
from edge_naca.export.nir.graph import Node
from edge_naca.export.nir.options import NirOptions
from edge_naca.export.nir.parameters import (
    Arriving,
    NodeError,
    arriving_as,
    each,
    finite,
    one_integer,
    pair,
)


def read_dense(node: Node, arriving: Arriving, options: NirOptions) -> tuple[Layer, Arriving]:
    """Return an Affine or Linear node as a layer, and what it passes on."""
    weights = finite(node, "weight")
    if weights.ndim != 2:
        raise NodeError(
            f"its weights have the shape {weights.shape}", "they must be (outputs, inputs)"
        )
    if int(np.prod(arriving.dims[:-1])) > 1:
        raise NodeError(
            f"{arriving} numbers arrive, of which it would take one row after another",
            "flatten what comes before",
        )
    if weights.shape[1] != arriving.count:
        raise NodeError(
            f"its weights {weights.shape} take {weights.shape[1]} numbers, but {arriving} arrive",
            "export the file again",
        )
    outputs = weights.shape[0]
    bias = _bias(node, outputs) if node.kind == "Affine" else np.zeros(outputs)
    shape = arriving.shape
    return (
        Convolution(
            name=node.name,
            input_shape=shape,
            output_shape=(outputs, 1, 1),
            weights=weights.reshape(outputs, *shape),
            bias=bias,
        ),
        arriving_as((outputs,)),
    )


def _bias(node: Node, maps: int) -> Float:
    if node.parameters.get("bias") is None:
        return np.zeros(maps)
    bias = finite(node, "bias").reshape(-1)
    if bias.size not in (1, maps):
        raise NodeError(
            f"its bias holds {bias.size} numbers for {maps} outputs", "export the file again"
        )
    return np.array(np.broadcast_to(bias, maps))


def read_convolution(node: Node, arriving: Arriving, options: NirOptions) -> tuple[Layer, Arriving]:
    """Return a Conv1d or Conv2d node as a layer, and what it passes on."""
    flat = node.kind == "Conv1d"
    weights = finite(node, "weight")
    axes = 3 if flat else 4
    if weights.ndim != axes:
        raise NodeError(
            f"its weights have the shape {weights.shape}",
            f"a {node.kind} has {axes} dimensions: maps, channels, kernel",
        )
    if len(arriving.dims) != axes - 1:
        raise NodeError(
            f"{arriving} numbers arrive",
            f"a {node.kind} takes {'(channels, length)' if flat else '(channels, height, width)'}: "
            "say so with input_shape, or put a layer of that shape before it",
        )
    weights = weights[:, :, None] if flat else weights
    shape = arriving.shape
    groups = one_integer(node, "groups", 1)
    if groups < 1 or shape[0] != weights.shape[1] * groups or weights.shape[0] % groups:
        raise NodeError(
            f"its weights {weights.shape} in {groups} groups do not fit {shape[0]} channels",
            "export the file again",
        )
    stated = node.parameters.get("input_shape")
    if stated is not None and np.asarray(stated).dtype.kind in "iu":
        sides = tuple(map(int, np.asarray(stated).reshape(-1)))
        if sides != arriving.dims[1:]:
            raise NodeError(
                f"its input_shape is {sides}, but {arriving} numbers arrive",
                "export the file again",
            )
    stride = pair(node, "stride", flat, 1, 1)
    dilation = pair(node, "dilation", flat, 1, 1)
    padding = _padding(node, flat, weights.shape[2:], stride, dilation)
    maps = weights.shape[0]
    output = (
        maps,
        *_output_sides(node, shape, weights.shape[2:], stride, padding, dilation),
    )
    layer = Convolution(
        name=node.name,
        input_shape=shape,
        output_shape=output,
        weights=weights,
        bias=_bias(node, maps),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )
    return layer, arriving_as((maps, output[2]) if flat else output)


def _padding(
    node: Node, flat: bool, kernel: tuple[int, ...], stride: Pair, dilation: Pair
) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right)."""
    value = node.parameters.get("padding", 0)
    if not isinstance(value, str):
        top, left = pair(node, "padding", flat, 0, 0)
        return top, left, top, left
    if value == "valid":
        return 0, 0, 0, 0
    if value != "same":
        raise NodeError(f"its padding is {value!r}", "it must be numbers, 'same' or 'valid'")
    if stride != (1, 1):
        raise NodeError("padding 'same' has no meaning with strides", "give padding in numbers")
    total = [(kernel[axis] - 1) * dilation[axis] for axis in (0, 1)]
    # Where it cannot be even, frameworks put one more at the end.
    return total[0] // 2, total[1] // 2, -(-total[0] // 2), -(-total[1] // 2)


def _output_sides(
    node: Node,
    shape: Shape,
    kernel: tuple[int, ...],
    stride: Pair,
    padding: tuple[int, int, int, int],
    dilation: Pair,
) -> Pair:
    sides = []
    for axis in (0, 1):
        room = shape[1 + axis] + padding[axis] + padding[2 + axis]
        room -= (kernel[axis] - 1) * dilation[axis] + 1
        if room < 0:
            raise NodeError(
                f"its kernel {tuple(kernel)} is larger than what arrives, {shape}",
                "export the file again with an input that is large enough",
            )
        sides.append(room // stride[axis] + 1)
    return sides[0], sides[1]


def read_pool(node: Node, arriving: Arriving, options: NirOptions) -> tuple[Layer, Arriving]:
    """Return a SumPool2d or AvgPool2d node as a layer, and what it passes on."""
    if len(arriving.dims) != 3:
        raise NodeError(
            f"{arriving} numbers arrive", f"a {node.kind} takes (channels, height, width)"
        )
    shape = arriving.shape
    kernel = pair(node, "kernel_size", False, 1)
    stride = pair(node, "stride", False, 1, node.parameters.get("kernel_size"))
    top, left = pair(node, "padding", False, 0, 0)
    padding = (top, left, top, left)
    if 2 * top > kernel[0] or 2 * left > kernel[1]:
        raise NodeError("its padding is more than half of its kernel", "export the file again")
    rows, columns = _output_sides(node, shape, kernel, stride, padding, (1, 1))
    output = (shape[0], rows, columns)
    layer = Pool(
        name=node.name,
        input_shape=shape,
        output_shape=output,
        kind="sum" if node.kind == "SumPool2d" else "average",
        kernel=kernel,
        stride=stride,
        padding=padding,
    )
    return layer, arriving_as(output)


def read_scale(node: Node, arriving: Arriving, options: NirOptions) -> tuple[Layer, Arriving]:
    """Return a Scale node as a layer, and what it passes on."""
    finite(node, "scale")
    factor = np.broadcast_to(each(node, "scale", arriving), arriving.shape)
    shape = arriving.shape
    return Scale(name=node.name, input_shape=shape, output_shape=shape, factor=factor), arriving


def read_flatten(node: Node, arriving: Arriving, options: NirOptions) -> tuple[None, Arriving]:
    """Join dimensions: numbers stay where they are, as layers keep theirs row by row."""
    start = one_integer(node, "start_dim", 1)
    end = one_integer(node, "end_dim", -1)
    dims = arriving.dims
    count = len(dims)
    first = start + count if start < 0 else start
    last = end + count if end < 0 else end
    if not (0 <= first < count and 0 <= last < count and first <= last):
        if count == 1:
            return None, arriving  # a vector: exporters count dimensions of a batch, too
        raise NodeError(f"it joins dimensions {start} .. {end} of {dims}", "export the file again")
    joined = int(np.prod(dims[first : last + 1]))
    return None, Arriving((*dims[:first], joined, *dims[last + 1 :]), arriving.shape)
