"""Preparation: from a sensor's raw numbers to codes (docs/arithmetic.md, section 3), in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.affine import Affine
from edge_naca.network import Preparation
from edge_naca.specification.arithmetic import Int, round_shift, signed_log, square_root

MAX_FEATURE = 1023
LARGEST = 2**31 - 1


def _edges(image: Int, cap: int) -> Int:
    """Return, for an image (H, W), the capped strength of the winning orientation (4, H, W)."""
    padded = np.pad(image, 1)
    dx = padded[1:-1, 2:] - padded[1:-1, :-2]
    dy = padded[2:, 1:-1] - padded[:-2, 1:-1]
    diagonals = [np.abs(dx + dy) * 181 >> 8, np.abs(dx - dy) * 181 >> 8]
    strength = np.stack([np.abs(dx), np.abs(dy), *diagonals])
    wins = np.arange(4)[:, None, None] == strength.argmax(axis=0)
    return np.where(wins, np.minimum(strength, cap), 0)


def _pool(planes: Int, prep: Preparation) -> Int:
    """Sum planes (K, H, W) over cells: (K, rows, columns)."""
    rows, columns = prep.grid
    height, width = planes.shape[1:]
    room = (0, rows * prep.cell - height), (0, columns * prep.cell - width)
    padded = np.pad(planes, ((0, 0), *room))
    cells = padded.reshape(len(planes), rows, prep.cell, columns, prep.cell)
    return np.asarray(cells.sum(axis=(2, 4)))


def from_reals(affine: Affine, reals: NDArray[np.float32]) -> Int:
    """Return real numbers as integers, int64 (…, numbers) within ±(2**31 − 1).

    Parameters
    ----------
    reals : float32 (…, numbers), finite.
    """
    bits = np.ascontiguousarray(reals, np.float32).view(np.uint32).astype(np.int64)
    exponent, fraction = bits >> 23 & 255, bits & (1 << 23) - 1
    significand = np.where(exponent > 0, fraction | 1 << 23, 0)
    factor = affine.factor.astype(np.int64)
    product = significand * np.abs(factor)  # below 2**39
    shift = exponent - 150 + affine.exponent
    down = np.clip(-shift, 1, 40)
    rounded = product + (1 << (down - 1)) - 1 + (product >> down & 1) >> down
    up = np.clip(shift, 0, 34)
    most = 1 << 34  # which no addend brings back within bounds
    raised = np.where(product >> 34 - up > 0, most, product << up)
    size = np.minimum(np.where(shift < 0, rounded, raised), most)
    is_negative = (bits >> 31 > 0) != (factor < 0)
    sums = np.where(is_negative, -size, size) + affine.addend.astype(np.int64)
    return np.clip(sums, -LARGEST, LARGEST)


def features(prep: Preparation, raw: NDArray[Any]) -> Int:
    """Return the features of one raw sample, int64 (features,) within ±1023."""
    if prep.affine is not None:
        raw = from_reals(prep.affine, raw.reshape(-1))
    x = np.asarray(raw, np.int64).reshape(prep.shape)
    x = signed_log(x) if prep.log else np.clip(x, -32767, 32767)
    planes = np.moveaxis(x, 2, 0)
    if prep.spatial == "edges":
        planes = np.concatenate([_edges(channel, prep.cap) for channel in planes])
    sums = _pool(planes, prep).reshape(-1)
    centred = np.clip(sums, -32767, 32767) - prep.offset.astype(np.int64)
    scaled = round_shift(centred * prep.gain.astype(np.int64), prep.shift)
    return np.clip(scaled, -MAX_FEATURE, MAX_FEATURE)


def codes(prep: Preparation, raw: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return the codes of one raw sample (outputs,) below 2**bits: uint8, or int8 with signs."""
    y = features(prep, raw)
    sides = np.concatenate([y, -y]) if prep.signed else y
    sides = np.abs(y) if prep.keeps_sign else np.maximum(sides, 0)
    if prep.norm:
        norm = square_root(int((sides * sides).sum()))
        factor = (prep.norm << 16) // norm if norm else 0
        sides = (sides * factor + 32768) >> 16
    sides = np.minimum(sides, 2**bits - 1)
    return (np.sign(y) * sides).astype(np.int8) if prep.keeps_sign else sides.astype(np.uint8)
