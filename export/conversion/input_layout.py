"""How the numbers of a sample lie in a data set, and how in a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import Shape

Array = NDArray[Any]


class CalibrationError(ValueError):
    """Calibration data do not suit the model; the message says what would."""


@dataclass(frozen=True)
class Layout:
    """Where the numbers of a sample lie.

    Parameters
    ----------
    prepared : (height, width, channels) of a raw sample as `Preparation` takes it, which makes
        planes of it in the model's order.
    """

    shape: Shape
    prepared: tuple[int, int, int]

    def planes(self, x: Array) -> Array:
        """Return samples (n, …) as (n, channels, height, width)."""
        if self.prepared[2] == 1:
            return x.reshape(len(x), *self.shape)
        height, width, channels = self.prepared
        return np.moveaxis(x.reshape(len(x), height, width, channels), 3, 1)


def shape_in_file(shape: Shape, file_dims: tuple[tuple[int, ...], ...] | None) -> tuple[int, ...]:
    """Return the shape of a sample as a model's file has its input; as `layout_of`."""
    dims = ((0,), (1,), (2,)) if file_dims is None else file_dims
    return tuple(int(np.prod([shape[axis] for axis in dim])) for dim in dims)


def layout_of(
    x: Array, shape: Shape, file_dims: tuple[tuple[int, ...], ...] | None = None
) -> tuple[Layout, str | None]:
    """Return how samples lie for a model whose first layer takes `shape`, and a note if need be.

    Parameters
    ----------
    x : samples (n, …): images with channels last, as everywhere in this project, or as the model's
        file has its input.
    shape : (channels, height, width).
    file_dims : which of these axes each dimension of the file's input runs over; None for planes.

    Raises
    ------
    CalibrationError
        If samples have another size.
    """
    channels, height, width = shape
    given = tuple(x.shape[1:])
    dims = ((0,), (1,), (2,)) if file_dims is None else file_dims
    in_file = shape_in_file(shape, file_dims)
    order = [axis for dim in dims for axis in dim if shape[axis] > 1]
    last_shapes: set[tuple[int, ...]] = {(height, width, channels)}
    if channels == 1:
        last_shapes.add((height, width))
    if height == 1:
        last_shapes.add((width, channels))
    if height == channels == 1:
        last_shapes.add((width,))
    count = channels * height * width
    is_last = given in last_shapes and int(np.prod(given)) == count
    is_file = given == in_file or given == (count,)
    if height * width == 1 and int(np.prod(given)) == count:
        return Layout(shape, (1, count, 1)), None
    if not is_last and not is_file:
        layouts = " or ".join(
            f"(samples, {', '.join(map(str, sizes))})"
            for sizes in dict.fromkeys([(height, width, channels), in_file])
        )
        raise CalibrationError(
            f"the model takes samples of {' × '.join(map(str, in_file))} numbers, {layouts}, "
            f"but the data are {x.shape}"
        )
    planes_first = Layout(shape, (1, count, 1))
    channels_last = Layout(shape, (height, width, channels))
    file_layout = planes_first if order == sorted(order) else channels_last
    if file_layout is channels_last and order != [axis for axis in (1, 2, 0) if shape[axis] > 1]:
        raise CalibrationError("the model's input has its dimensions in an order that is not known")
    if channels == 1 and is_last:
        return channels_last, None
    if is_file and is_last and file_layout is planes_first:
        return (
            planes_first,
            f"samples of {given} were taken with channels first, as the file has it",
        )
    if is_file and not is_last:
        return file_layout, None
    return channels_last, None
