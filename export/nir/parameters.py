"""Parameters and shapes of NIR nodes, as old, odd or wrong as files can have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import Float, Pair, Shape
from edge_naca.export.nir.graph import Node

MAX_SIDE = 65535

Dims = tuple[int, ...]


@dataclass(frozen=True)
class Arriving:
    """What reaches a node.

    Parameters
    ----------
    dims : its shape as the file has it.
    shape : the same numbers in the same order as (channels, height, width). Flattening leaves it as
        it is, so that weights know where in an image their inputs lie.
    """

    dims: Dims
    shape: Shape

    @property
    def count(self) -> int:
        """Numbers that arrive."""
        return int(np.prod(self.dims))

    def __str__(self) -> str:
        return " × ".join(map(str, self.dims))


def arriving_as(dims: Dims) -> Arriving:
    """Return what arrives in a shape that says how it lies in an image."""
    if len(dims) == 1:
        return Arriving(dims, (dims[0], 1, 1))
    if len(dims) == 2:
        return Arriving(dims, (dims[0], 1, dims[1]))
    return Arriving(dims, (dims[0], dims[1], dims[2]))


class NodeError(Exception):
    """A node cannot be converted."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason, self.advice = reason, advice


PARAMETERS = {
    "LIF": ("tau", "r", "v_leak", "v_threshold"),
    "CubaLIF": ("tau_mem", "tau_syn", "r", "v_leak", "v_threshold"),
    "IF": ("r", "v_threshold"),
    "LI": ("tau", "r", "v_leak"),
    "CubaLI": ("tau_mem", "tau_syn", "r", "v_leak"),
    "I": ("r",),
    "Threshold": ("threshold",),
}


def real(node: Node, name: str) -> Float:
    """Return a parameter as real numbers."""
    value = node.parameters.get(name)
    if value is None:
        raise NodeError(f"its parameter {name} is missing", "export the file again")
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":  # text would be read, and half of a complex number dropped
        raise NodeError(f"its {name} holds no real numbers", "export the file again")
    with np.errstate(invalid="ignore"):  # a NaN that signals is refused as any other
        array = array.astype(np.float64)
    if not array.size or np.isnan(array).any():
        raise NodeError(
            f"its {name} holds {'NaN' if array.size else 'nothing'}",
            "look for a division by zero in the model and export it again",
        )
    return array


def finite(node: Node, name: str) -> Float:
    """Return a parameter as real numbers; raise NodeError where one is infinite."""
    array = real(node, name)
    if not np.isfinite(array).all():
        raise NodeError(f"its {name} holds infinity", "export it again with finite numbers")
    return array


def each(node: Node, name: str, arriving: Arriving, default: float | None = None) -> Float:
    """Return a neuron's parameter as one number, or (channels, height, width).

    NIR gives parameters the shape of the neurons. One number for all is taken as well, and what
    has as many dimensions as the neurons, some of them 1; which dimension a shorter shape means
    nobody could tell.
    """
    if default is not None and node.parameters.get(name) is None:
        return np.array(default)
    array = real(node, name)
    is_same = bool((array == array.reshape(-1)[0]).all())
    if array.size == 1 or (is_same and array.size in arriving.dims):
        return array.reshape(-1)[0].reshape(())
    squeezed = array.reshape(array.shape[_leading_ones(array.shape, len(arriving.dims)) :])
    if squeezed.size == arriving.count:
        return squeezed.reshape(arriving.shape)
    if squeezed.ndim == len(arriving.dims):
        try:
            return np.broadcast_to(squeezed, arriving.dims).reshape(arriving.shape)
        except ValueError:
            pass
    raise NodeError(
        f"its {name} has the shape {array.shape}, but {arriving} numbers arrive",
        "export it again with one number for all neurons, one for each, or dimensions of 1 where "
        "neurons share one",
    )


def _leading_ones(shape: tuple[int, ...], wanted: int) -> int:
    """Return how many leading dimensions of 1 are too many: that of a batch."""
    count = 0
    while len(shape) - count > wanted and shape[count] == 1:
        count += 1
    return count


def integers(node: Node, name: str, default: Any = None) -> NDArray[np.int64]:
    """Return a parameter as whole numbers; raise NodeError if it holds none, or too large ones."""
    value = node.parameters.get(name, default)
    if value is None:
        raise NodeError(f"its parameter {name} is missing", "export the file again")
    array = np.asarray(value)
    if array.dtype.kind not in "iu" and not (
        array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.rint(array)).all()
    ):
        raise NodeError(f"its {name} holds no whole numbers: {value}", "export the file again")
    # Not as they are: 16-bit numbers hold no such bound, and the least int64 has no absolute value.
    if (np.abs(array.astype(np.float64)) > MAX_SIDE).any():
        raise NodeError(f"its {name}, {value}, is out of all bounds", "export the file again")
    return array.astype(np.int64).reshape(-1)


def one_integer(node: Node, name: str, default: Any = None) -> int:
    """Return a parameter as one whole number; raise NodeError where it is none."""
    numbers = integers(node, name, default)
    if numbers.size != 1:
        raise NodeError(f"its {name} holds {numbers.size} numbers", "export the file again")
    return int(numbers[0])


def pair(node: Node, name: str, flat: bool, least: int, default: Any = None) -> Pair:
    """Return a parameter as (vertical, horizontal); a number stands for both."""
    numbers = integers(node, name, default)
    if flat and numbers.size == 1:
        numbers = np.array([0 if least == 0 else 1, numbers[0]])
    elif numbers.size == 1:
        numbers = np.repeat(numbers, 2)
    if numbers.size != 2 or numbers.min() < least:
        raise NodeError(
            f"its {name} is {node.parameters.get(name)}",
            f"it must be one number or two, {least} or more",
        )
    return int(numbers[0]), int(numbers[1])


def given_shape(node: Node) -> Dims | None:
    """Return the shape that an Input or Output has, if any."""
    value = node.parameters.get("shape")
    if value is None:
        types = node.parameters.get("input_type", node.parameters.get("output_type"))
        value = next(iter(types.values()), None) if isinstance(types, dict) else None
    if value is None or np.asarray(value).dtype.kind not in "iuf" or not np.asarray(value).size:
        return None
    numbers = np.asarray(value, np.float64).reshape(-1)
    if (numbers < 1).any() or (numbers > MAX_SIDE).any() or (numbers != np.rint(numbers)).any():
        raise NodeError(f"its shape is {value}", "export it with a shape of fixed whole numbers")
    dims = tuple(map(int, numbers))
    dims = dims[_leading_ones(dims, 3) :]
    if len(dims) > 3:
        raise NodeError(
            f"its shape {dims} has {len(dims)} dimensions",
            "export one sample, without batch and time: (channels, height, width) or fewer",
        )
    return dims


def agreed(given: Dims | None, arriving: Arriving | None) -> Arriving | None:
    """Return what two sources tell, if they tell the same."""
    if given is None or arriving is None:
        return arriving if given is None else arriving_as(given)
    if int(np.prod(given)) != arriving.count:
        raise NodeError(
            f"its shape is {given}, but {arriving} numbers arrive",
            "export the file again, or say another input_shape",
        )
    return arriving
