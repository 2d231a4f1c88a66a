"""Convolutions, dense layers and pools of ONNX as layers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import Convolution, Pair, Pool
from edge_naca.export.onnx_import.file import attributes
from edge_naca.export.onnx_import.read import Handler, Reader
from edge_naca.export.onnx_import.values import MAX_PAD, NO_PADS, Grid, RefusalError, Value

if TYPE_CHECKING:
    from onnx import NodeProto

Array = NDArray[Any]
Quad = tuple[int, int, int, int]


def _pair(numbers: list[int] | None, spatial: int, otherwise: int = 1) -> Pair:
    """Return (vertical, horizontal); one-dimensional kernels lie in a row."""
    values = [otherwise] * spatial if numbers is None else [int(number) for number in numbers]
    if len(values) != spatial:
        raise RefusalError(
            f"an attribute has {len(values)} numbers for {spatial} dimensions", "export it again"
        )
    if min(values) < 1:
        raise RefusalError(
            f"an attribute is {values}", "kernels move by 1 or more: export it again"
        )
    return (values[0], values[1]) if spatial == 2 else (otherwise, values[0])


def _window(
    about: dict[str, Any], value: Value, kernel: Pair, spatial: int
) -> tuple[Pair, Pair, Quad, Pair]:
    """Return stride, dilation, padding and output of a kernel that moves over a value.

    Padding includes what a Pad before it adds.
    """
    stride = _pair(about.get("strides"), spatial)
    dilation = _pair(about.get("dilations"), spatial)
    pads = [int(number) for number in about.get("pads", [0] * (2 * spatial))]
    if len(pads) != 2 * spatial:
        raise RefusalError(f"pads has {len(pads)} numbers", "export it again")
    if spatial == 1:
        pads = [0, pads[0], 0, pads[1]]
    if min(pads) < 0:
        raise RefusalError(f"its pads {pads} are negative", "crop the input instead")
    if max(pads) > MAX_PAD:
        raise RefusalError(f"it adds {max(pads)} zeros", f"there is room for {MAX_PAD}")
    automatic = about.get("auto_pad", "NOTSET") or "NOTSET"
    output = [0, 0]
    if value.pads[0] != (0, 0):
        raise RefusalError(
            "a Pad before it adds channels of zeros", "export the model without this Pad"
        )
    for axis in (0, 1):
        before, behind = value.pads[1 + axis]
        size, step = before + value.shape[1 + axis] + behind, stride[axis]
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        if automatic == "VALID":
            pads[axis] = pads[axis + 2] = 0
        elif automatic.startswith("SAME"):
            missing = max((-(-size // step) - 1) * step + reach - size, 0)
            less, more = missing // 2, missing - missing // 2
            first, last = (less, more) if automatic == "SAME_UPPER" else (more, less)
            pads[axis], pads[axis + 2] = first, last
        room = size + pads[axis] + pads[axis + 2] - reach
        if room < 0:
            raise RefusalError(
                f"its kernel {kernel} is larger than its input {value.shape[1:]}, padding included",
                "check the size of the model's input",
            )
        output[axis] = room // step + 1
        if about.get("ceil_mode", 0):
            # A window that would begin in the padding behind the input does not count.
            output[axis] = min(-(-room // step) + 1, (size + pads[axis] - 1) // step + 1)
        pads[axis] += before
        pads[axis + 2] += behind
    return stride, dilation, (pads[0], pads[1], pads[2], pads[3]), (output[0], output[1])


def convolution(
    reader: Reader,
    node: NodeProto,
    value: Value,
    weights: Array,
    bias: Array | None,
    about: dict[str, Any],
) -> None:
    """Add a convolution with the given real-numbered weights."""
    spatial = weights.ndim - 2
    if spatial not in (1, 2):
        raise RefusalError(
            f"it is a convolution of {spatial} dimensions", "only those of 1 and 2 can be converted"
        )
    if _is_dense(value, weights, about):
        flat = replace(value, dims=value.dims[:1])
        fully_connected(reader, node, flat, weights.reshape(len(weights), -1), bias)
        reader.put(node, replace(reader.values[node.output[0]], dims=((0,), *((),) * spatial)))
        return
    value = reader.channels_first(value, spatial)
    groups = int(about.get("group", 1))
    maps, share = weights.shape[:2]
    if groups < 1 or share * groups != value.shape[0] or maps % groups:
        raise RefusalError(
            f"weights of shape {weights.shape} in {groups} groups do not fit an input of "
            f"{value.shape[0]} channels",
            "export the model again: its parameters do not fit each other",
        )
    if bias is not None and bias.shape != (maps,):
        raise RefusalError(f"its bias {bias.shape} must be ({maps},)", "export the model again")
    dense = weights.astype(np.float64).reshape(maps, share, -1, weights.shape[-1])
    kernel = (dense.shape[2], dense.shape[3])
    stride, dilation, padding, output = _window(about, value, kernel, spatial)
    layer = Convolution(
        name=reader.name(node),
        input_shape=value.shape,
        output_shape=(maps, *output),
        weights=dense,
        bias=np.zeros(maps) if bias is None else bias.astype(np.float64),
        stride=stride,
        dilation=dilation,
        padding=padding,
        groups=groups,
    )
    reader.add(node, layer, value.dims)


def _is_dense(value: Value, weights: Array, about: dict[str, Any]) -> bool:
    """Tell whether a convolution is a dense layer of features that were made one place."""
    return (
        set(weights.shape[2:]) == {1}
        and set(value.sizes[1:]) == {1}
        and len(value.dims) == weights.ndim - 1
        and len(value.dims[0]) > 1
        and value.pads == NO_PADS
        and about.get("group", 1) == 1
        and not any(about.get("pads", ()))
    )


def fully_connected(
    reader: Reader, node: NodeProto, value: Value, weights: Array, bias: Array | None
) -> None:
    """Add a dense layer of weights (outputs, inputs): a kernel as large as its input."""
    value = value.with_dims(value.dims)
    if len(value.dims) != 1:
        raise RefusalError(
            f"it takes (batch, {', '.join(map(str, value.sizes))}), not (batch, features)",
            "flatten before it, or use a 1 × 1 convolution",
        )
    if weights.ndim != 2 or weights.shape[1] != value.sizes[0]:
        raise RefusalError(
            f"weights of shape {weights.shape} do not fit {value.sizes[0]} inputs",
            "export the model again: its parameters do not fit each other",
        )
    maps = len(weights)
    order = [*value.dims[0]] + [axis for axis in range(3) if axis not in value.dims[0]]
    planes = weights.astype(np.float64).reshape(maps, *(value.shape[axis] for axis in order))
    planes = planes.transpose(0, *(1 + order.index(axis) for axis in range(3)))
    shift = np.zeros(maps)
    if bias is not None:
        if bias.size not in (1, maps):
            raise RefusalError(f"its bias {bias.shape} must be ({maps},)", "export it again")
        shift = np.broadcast_to(bias.reshape(-1), maps).astype(np.float64)
    layer = Convolution(
        name=reader.name(node),
        input_shape=value.shape,
        output_shape=(maps, 1, 1),
        weights=planes,
        bias=shift,
    )
    reader.add(node, layer, ((0,),))


def pool(reader: Reader, node: NodeProto, value: Value, kind: str, about: dict[str, Any]) -> None:
    """Add a pool."""
    spatial = len(value.dims) - 1
    if "kernel_shape" not in about or spatial not in (1, 2):
        raise RefusalError("it has no kernel_shape that fits its input", "export it again")
    value = reader.channels_first(value, spatial)
    kernel = _pair(about["kernel_shape"], spatial)
    stride, dilation, padding, output = _window(about, value, kernel, spatial)
    if dilation != (1, 1):
        raise RefusalError("a pool cannot be dilated", "train with dilations of 1")
    if kind == "average":
        # Zeros of a Pad count as any others.
        around = [value.pads[1 + axis] for axis in (0, 1)]
        own = [padding[axis] - around[axis][0] for axis in (0, 1)]
        own += [padding[axis + 2] - around[axis][1] for axis in (0, 1)]
        beyond = any(
            (output[axis] - 1) * stride[axis] + kernel[axis]
            > value.shape[1 + axis] + padding[axis] + around[axis][1]
            for axis in (0, 1)
        )
        counts_all = bool(about.get("count_include_pad", 0)) and not about.get("ceil_mode", 0)
        if (any(own) or beyond) and not counts_all:
            raise RefusalError(
                "its windows at the border are averages of fewer numbers",
                "train with count_include_pad=True and ceil_mode=False, or without padding",
            )
    reader.add(
        node,
        Pool(
            name=reader.name(node),
            input_shape=value.shape,
            output_shape=(value.shape[0], *output),
            kind=kind,
            kernel=kernel,
            stride=stride,
            padding=padding,
        ),
        value.dims,
    )


def _conv(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = reader.real(node, inputs)
    weights = reader.parameter(node, 1, "weights")
    convolution(reader, node, value, weights, reader.optional(node, 2, "bias"), attributes(node))


def _gemm(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    about = attributes(node)
    value = reader.real(node, inputs)
    if node.input[0] not in inputs or about.get("transA", 0):
        raise RefusalError("its input is transposed or on the right", "export it as x · W + b")
    weights = reader.parameter(node, 1, "weights").astype(np.float64)
    weights = weights if about.get("transB", 0) else weights.T
    bias = reader.optional(node, 2, "bias")
    scaled = None if bias is None else bias.astype(np.float64) * about.get("beta", 1.0)
    fully_connected(reader, node, value, weights * about.get("alpha", 1.0), scaled)


def _matmul(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = reader.real(node, inputs)
    if node.input[0] not in inputs:
        raise RefusalError("its input is on the right", "export it as x · W")
    fully_connected(reader, node, value, reader.parameter(node, 1, "weights").T, None)


def _max_pool(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = reader.one(node, inputs)
    if not (value.integers is None or isinstance(value.integers, Grid)):
        reader.real(node, inputs)
    # The greatest integer stands for the greatest number.
    pool(reader, node, value, "max", attributes(node))
    reader.put(node, replace(reader.values[node.output[0]], integers=value.integers))


def _average_pool(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    pool(reader, node, reader.real(node, inputs), "average", attributes(node))


def _global_pool(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = reader.real(node, inputs)
    value = value.with_dims(value.dims)
    kind = "max" if node.op_type == "GlobalMaxPool" else "average"
    pool(reader, node, value, kind, {"kernel_shape": list(value.sizes[1:])})


def _reduce_mean(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    about, value = attributes(node), reader.real(node, inputs)
    value = value.with_dims(value.dims)
    axes = reader.optional(node, 1, "axes")
    axes_ = about.get("axes") if axes is None else axes.reshape(-1).tolist()
    rank = len(value.dims) + 1
    if axes_ is None or sorted(axis % rank for axis in axes_) != list(range(2, rank)):
        raise RefusalError(
            f"it averages over axes {axes_}, not over all places of each map",
            "use global average pooling",
        )
    pool(reader, node, value, "average", {"kernel_shape": list(value.sizes[1:])})
    if not about.get("keepdims", 1):
        value = reader.values[node.output[0]]
        reader.put(node, Value(value.shape, value.dims[:1]))


# Kinds of nodes that move a kernel over their input, or see all of it, and what reads each.
HANDLERS: dict[str, Handler] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "ReduceMean": _reduce_mean,
}
