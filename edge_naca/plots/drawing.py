"""What figures of states and of stages have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from edge_naca.printable import JOINERS, printable

Array = NDArray[Any]

MOST_BINS = 64


def literal(text: object, longest: int | None = None) -> str:
    """Return names of others as they are drawn: nothing in them is a control, or mathematics."""
    return printable(text, longest, JOINERS).replace("$", r"\$")


def caption(axes: Axes, text: str) -> None:
    """Say above a part of a figure what it shows."""
    axes.set_title(text, loc="left", fontsize=10)


def nothing(axes: Axes, text: str) -> None:
    """Say why there is nothing to draw."""
    axes.axis("off")
    caption(axes, text)


def show(axes: Axes, picture: Array, reach: float, *, signed: bool = False) -> None:
    """Draw numbers up to `reach` as a picture: grey or, where some are negative, blue and red."""
    signed = signed or bool((picture < 0).any())
    axes.imshow(
        picture,
        cmap="RdBu" if signed else "Greys",
        vmin=-reach if signed else 0,
        vmax=reach,
        interpolation="nearest",
    )


def binned(counts: dict[int, int]) -> tuple[Array, Array]:
    """Return heights and edges of a histogram of whole numbers; 0 begins a bin."""
    low, high = min(counts), max(counts)
    width = -(-(high - low + 1) // MOST_BINS)
    first = low // width
    heights = np.zeros(high // width - first + 1)
    for value, count in counts.items():
        heights[value // width - first] += count
    return heights, (np.arange(len(heights) + 1) + first) * width - 0.5
