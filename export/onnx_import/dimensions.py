"""ONNX operators that change how numbers lie, not the numbers: shapes, order, zeros around them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge_naca.export.onnx_import.file import attributes
from edge_naca.export.onnx_import.read import Handler, Reader, planes_of
from edge_naca.export.onnx_import.values import MAX_PAD, Grid, RefusalError, Value

if TYPE_CHECKING:
    from onnx import NodeProto


def _shape(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value, about = reader.one(node, inputs), attributes(node)
    sizes = np.array([reader.batch, *value.with_dims(value.dims).sizes], np.int64)
    end = about.get("end", len(sizes))
    reader.constants[node.output[0]] = sizes[about.get("start", 0) : end]


def _flatten(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = reader.one(node, inputs)
    axis = attributes(node).get("axis", 1)
    rank = len(value.dims) + 1
    if not -rank <= axis <= rank or (axis % rank != 1 and not (axis == 0 and reader.batch == 1)):
        raise RefusalError(f"it flattens from axis {axis} on", "flatten from axis 1 on")
    _rearrange(reader, node, value, [int(np.prod(value.sizes))])


def _reshape(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = reader.one(node, inputs)
    target = [int(size) for size in reader.parameter(node, 1, "shape").reshape(-1)]
    before = [reader.batch, *value.sizes]
    if not attributes(node).get("allowzero", 0):
        target = [
            before[at] if size == 0 and at < len(before) else size for at, size in enumerate(target)
        ]
    count = int(np.prod(before))
    if target.count(-1) == 1:
        rest = -int(np.prod(target))
        target[target.index(-1)] = count // rest if rest > 0 else 0
    if len(target) < 2 or target[0] != reader.batch or int(np.prod(target)) != count:
        raise RefusalError(
            f"it makes {target} of {before}", "keep the batch as the first dimension when reshaping"
        )
    _rearrange(reader, node, value, target[1:])


def _rearrange(reader: Reader, node: NodeProto, value: Value, sizes: list[int]) -> None:
    """Cut a value's axes, in their order, into dimensions of the given sizes."""
    axes = [axis for dim in value.dims for axis in dim if value.shape[axis] > 1]
    dims: list[tuple[int, ...]] = []
    for size in sizes:
        dim: list[int] = []
        while axes and int(np.prod([value.shape[axis] for axis in dim])) < size:
            dim.append(axes.pop(0))
        if int(np.prod([value.shape[axis] for axis in dim])) != size:
            break
        dims.append(tuple(dim))
    if len(dims) == len(sizes) and not axes:
        if len(dims) == 1 and not dims[0]:
            dims = [(0,)]
        reader.put(node, value.with_dims(tuple(dims)))
        return
    model = reader.model
    if reader.is_leading and len(model.input_dims) == 1 and len(sizes) in (2, 3):
        # The model takes a vector and makes an image of it before any layer.
        shape, planes = planes_of(sizes)
        reader.reshape_input(shape)
        reader.put(node, replace(value, shape=shape).with_dims(planes))
        return
    raise RefusalError(
        f"it cuts {list(value.sizes)} into {sizes}, across what belongs together",
        "only flattening, and adding or removing dimensions of 1, can be converted",
    )


def _squeeze(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = reader.one(node, inputs)
    given_axes = reader.optional(node, 1, "axes")
    axes = attributes(node).get("axes") if given_axes is None else given_axes.reshape(-1).tolist()
    dims = list(value.dims)
    if node.op_type == "Unsqueeze":
        rank = len(dims) + 1 + len(axes or [])
        places = sorted(int(axis) % rank for axis in axes or [])
        if not places or places[0] == 0:
            raise RefusalError("it moves the batch", "keep the batch as the first dimension")
        for place in places:
            dims.insert(place - 1, ())
    else:
        rank = len(dims) + 1
        if axes is None:
            places = [at for at, size in enumerate(value.sizes, start=1) if size == 1]
        else:
            places = sorted(int(axis) % rank for axis in axes)
        if 0 in places or any(value.sizes[place - 1] != 1 for place in places):
            raise RefusalError("it removes the batch", "keep the batch as the first dimension")
        dims = [dim for at, dim in enumerate(dims, start=1) if at not in places] or [(0,)]
    reader.put(node, value.with_dims(tuple(dims)))


def _transpose(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    value = reader.one(node, inputs)
    rank = len(value.dims) + 1
    order = [int(axis) for axis in attributes(node).get("perm", range(rank)[::-1])]
    if len(order) != rank or order[0] != 0:
        raise RefusalError("it moves the batch", "keep the batch as the first dimension")
    reader.put(node, replace(value, dims=tuple(value.dims[axis - 1] for axis in order[1:])))


def _pad(reader: Reader, node: NodeProto, inputs: list[str]) -> None:
    """Put zeros around a value, which the next kernel takes in."""
    value, about = reader.one(node, inputs), attributes(node)
    rank = len(value.dims) + 1
    listed = reader.optional(node, 1, "pads")
    numbers = about.get("pads", []) if listed is None else listed.reshape(-1)
    axes = reader.optional(node, 3, "axes")
    places = range(rank) if axes is None else [int(axis) % rank for axis in axes.reshape(-1)]
    if len(numbers) != 2 * len(places) or len(set(places)) != len(places):
        raise RefusalError(f"it has {len(numbers)} pads for {len(places)} axes", "export it again")
    around = {
        place: (int(numbers[at]), int(numbers[at + len(places)])) for at, place in enumerate(places)
    }
    around = {place: pair for place, pair in around.items() if pair != (0, 0)}
    if not around:
        reader.put(node, value)
        return
    mode = about.get("mode", "constant")
    fill = reader.optional(node, 2, "value")
    number = (
        about.get("value", 0.0) if fill is None or not fill.size else float(fill.reshape(-1)[0])
    )
    zero = value.integers.zero if isinstance(value.integers, Grid) else 0.0
    if mode != "constant" or number != zero:
        with_what = f"{number:g}" if mode == "constant" else f"mode {mode!r}"
        raise RefusalError(f"it pads with {with_what}", "only zeros can be put around an image")
    pads = [*value.pads]
    for place, (before, behind) in around.items():
        if min(before, behind) < 0:
            raise RefusalError("it crops its input", "crop the model's input instead")
        if max(before, behind) > MAX_PAD:
            raise RefusalError(
                f"it adds {max(before, behind)} zeros", f"there is room for {MAX_PAD}"
            )
        if place == 0 or len(value.dims[place - 1]) != 1:
            raise RefusalError(
                "it pads the batch, or what was flattened", "pad images before they are flattened"
            )
        axis = value.dims[place - 1][0]
        pads[axis] = (pads[axis][0] + before, pads[axis][1] + behind)
    reader.put(node, replace(value, pads=(pads[0], pads[1], pads[2])))


# Kinds of nodes that change how numbers lie, and what reads each.
HANDLERS: dict[str, Handler] = {
    "Shape": _shape,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _squeeze,
    "Transpose": _transpose,
    "Pad": _pad,
}
