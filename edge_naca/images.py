"""What samples look like as images, and how images become codes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.limits import MAX_UNITS
from edge_naca.network import Preparation

Array = NDArray[Any]

SMALL = 16  # images with a shorter side are taken pixel by pixel
MAX_FEATURE_SUM = 1024  # what preparation keeps of a feature without cutting it off
SMOOTH = 0.7  # neighbouring pixels differ by at most so much of what distant ones differ by


@dataclass(frozen=True)
class Kind:
    """How images become codes.

    Parameters
    ----------
    spatial : as in `edge_naca.Preparation`.
    cells : about how many cells along the longer side; cells are never below `least` pixels.
    least : pixels along a cell's side, at least.
    bits : of a code, unless the caller says otherwise.
    fullness : how large a code is on average (root mean square), relative to the largest one.
    """

    spatial: str
    cells: int
    least: int
    bits: int
    fullness: float


EDGES = Kind("edges", 8, 4, 3, 0.357)
FINE_EDGES = Kind("edges", 10, 3, 7, 0.357)  # what an inhibition of low rank is given
POOLED = Kind("pool", 16, 2, 4, 0.286)
PLAIN = Kind("pool", MAX_UNITS, 1, 3, 0.446)


def are_images(x: Array) -> bool:
    """Tell whether samples (n, …) are images of non-negative integers."""
    if x.ndim not in (3, 4) or x.dtype.kind not in "iu":
        return False
    return bool(x.min() >= 0 and x.max() <= 32767) and (x.ndim == 3 or x.shape[3] <= 4)


def are_small(x: Array) -> bool:
    """Tell whether images (n, height, width, …) have a side too short for cells."""
    return min(x.shape[1:3]) < SMALL


def image_shape(x: Array) -> tuple[int, int, int] | None:
    """Return (height, width, channels) of flattened square images; None if these are not such.

    Parameters
    ----------
    x : samples (n, features), not negative.

    Notes
    -----
    An image is smooth: pixels beside and above one another differ less than distant ones do. So
    256 features of something else are not taken for an image of 16 × 16.
    """
    if x.min() < 0:
        return None
    for channels in (1, 3):
        side = round((x.shape[1] / channels) ** 0.5)
        fits = side >= SMALL and side * side * channels == x.shape[1]
        if fits and _is_smooth(x, side, channels):
            return side, side, channels
    return None


def _is_smooth(x: Array, side: int, channels: int) -> bool:
    pictures = x.reshape(-1, side, side, channels).astype(np.float64)
    distant = np.abs(pictures - np.roll(pictures, (side // 2, side // 3), (1, 2))).mean()
    beside = np.abs(np.diff(pictures, axis=2)).mean()
    above = np.abs(np.diff(pictures, axis=1)).mean()
    return bool(max(beside, above) < SMOOTH * distant)


def image_preparation(x: Array, kind: Kind, bits: int | None) -> tuple[Preparation, int]:
    """Return how images like these are prepared, and the bits of a code.

    Parameters
    ----------
    x : integers (n, height, width) or (n, height, width, channels), not negative.
    kind : how they become codes.
    bits : of a code; None for those of `kind`.
    """
    height, width, channels = *x.shape[1:3], x.shape[3] if x.ndim == 4 else 1
    bits = kind.bits if bits is None else bits
    cell = max(kind.least, -(-max(height, width) // kind.cells))
    most = max(int(x.max()), 1)  # that one pixel can add to a feature
    cap = 32767
    if kind.spatial == "edges":
        cap = most = -(-most // 4)
    preparation = Preparation(
        (height, width, channels),
        kind.spatial,
        cell=cell,
        cap=cap,
        shift=(-(-most * cell**2 // MAX_FEATURE_SUM) - 1).bit_length(),
    )
    norm = round(kind.fullness * (2**bits - 1) * preparation.features**0.5)
    return replace(preparation, norm=min(max(norm, 1), 4095)), bits
