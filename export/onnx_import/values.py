"""What tensors that depend on the model's input are: where numbers lie, what they stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edge_naca.export.conversion.layers import Shape

Dims = tuple[tuple[int, ...], ...]
Pads = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]

NO_PADS: Pads = ((0, 0), (0, 0), (0, 0))
MAX_PAD = 255  # zeros: beyond what any kernel of a stage reaches


class RefusalError(Exception):
    """A node cannot be converted: why, and what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason, self.advice = reason, advice


@dataclass(frozen=True)
class Grid:
    """Integers low .. high that stand for real numbers, ``(integer − zero) · scale``."""

    scale: float
    zero: float
    low: float
    high: float


@dataclass(frozen=True)
class Codes:
    """Integers of a DynamicQuantizeLinear, whose scale is known only when the model runs.

    Parameters
    ----------
    source : the node's output that is the scale.
    """

    source: str


@dataclass(frozen=True)
class Sums:
    """Sums of products of `Codes`: times the scale, they are the real numbers."""

    source: str


@dataclass(frozen=True)
class Value:
    """A tensor that depends on the model's input.

    Parameters
    ----------
    shape : (channels, height, width) of the layer that it comes from.
    dims : for each of the tensor's dimensions after the batch, the axes of `shape` that it runs
        over, slowest first. ((0,), (1,), (2,)) is NCHW, ((1,), (2,), (0,)) NHWC, ((0, 1, 2),) what
        flattening NCHW gives. Axes of size 1 may be missing.
    integers : what the tensor holds in place of the layer's real numbers; None for these.
    pads : zeros before and behind each axis of `shape`, which the next layer has to take in.
    """

    shape: Shape
    dims: Dims
    integers: Grid | Codes | Sums | None = None
    pads: Pads = NO_PADS

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of the tensor's dimensions after the batch, pads aside."""
        return tuple(int(np.prod([self.shape[axis] for axis in dim])) for dim in self.dims)

    def with_dims(self, dims: Dims) -> Value:
        """Return the same numbers in other dimensions.

        Raises
        ------
        RefusalError
            If zeros are to be put around them first.
        """
        if self.pads != NO_PADS:
            raise RefusalError(
                "a Pad before it adds zeros that only a convolution or pool can take in",
                "pad in the convolution itself",
            )
        return replace(self, dims=dims)
