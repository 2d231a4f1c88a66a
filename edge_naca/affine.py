"""Maps from real numbers to integers: what a device does with features that are real numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.limits import integers

FACTOR_BITS = 15
LARGEST_FACTOR = 2**FACTOR_BITS - 1
LARGEST_ADDEND = 2**30  # so that integers on the other side of it still have room


@dataclass(frozen=True, eq=False)
class Affine:
    """Real numbers to integers: ``rint(x · factor · 2**exponent) + addend``, within ±(2**31 − 1).

    x is read as IEEE 754 binary32, and the result is exact, a half rounded to even
    (docs/arithmetic.md, section 3). Each number has a map of its own, or one does for all.

    Parameters
    ----------
    factor : int16 (numbers,) or (1,).
    exponent : int8 (numbers,) or (1,).
    addend : int32 (numbers,) or (1,).
    """

    factor: NDArray[Any]
    exponent: NDArray[Any]
    addend: NDArray[Any]

    def __post_init__(self) -> None:
        for name, dtype in (("factor", np.int16), ("exponent", np.int8), ("addend", np.int32)):
            values = integers(name, getattr(self, name), dtype).reshape(-1)
            object.__setattr__(self, name, values)
        if not self.factor.size == self.exponent.size == self.addend.size > 0:
            raise ValueError(
                "factor, exponent and addend must hold equally many numbers, not "
                f"{self.factor.size}, {self.exponent.size} and {self.addend.size}"
            )

    @property
    def size(self) -> int:
        """How many maps there are."""
        return int(self.factor.size)

    @classmethod
    def of(cls, offset: ArrayLike, scale: ArrayLike) -> Affine:
        """Return what is nearest to ``(x − offset) · scale``.

        Where the offset is millions of units ``1 / scale`` away from 0, more than a float32 can
        tell apart there, the scale is made smaller.

        Parameters
        ----------
        offset, scale : finite, one for all numbers or one for each.
        """
        offsets, scales = np.broadcast_arrays(*np.atleast_1d(offset, scale))
        offsets = np.asarray(offsets, np.float64)
        limit = LARGEST_ADDEND / np.maximum(np.abs(offsets), 2.0**-120)
        scales = np.clip(np.asarray(scales, np.float64), -limit, limit)
        exponent = np.clip(np.frexp(scales)[1] - FACTOR_BITS, -128, 127)
        factor = np.rint(np.ldexp(scales, -exponent))
        factor = np.clip(factor, -LARGEST_FACTOR, LARGEST_FACTOR)
        addend = -np.rint(np.ldexp(factor, exponent) * offsets)
        return cls(factor.astype(np.int64), exponent, addend.astype(np.int64))


def as_float32(x: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Return numbers as float32, as a device reads them.

    Raises
    ------
    ValueError
        If one is no number, infinite, or beyond what float32 holds; the message calls them `name`.
    """
    with np.errstate(over="ignore"):
        reals = np.asarray(x, np.float32)
    bad = ~np.isfinite(reals)
    if bad.any():
        worst = x[bad].flat[0]
        why = "beyond float32, which ends at 3.4e38" if np.isfinite(worst) else "none"
        raise ValueError(
            f"{name} must hold finite numbers, but {worst} is {why}: scale it, or leave it out"
        )
    return reals
