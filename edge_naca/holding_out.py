"""Which samples are held out, where something is chosen by what was not learned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLD = 5  # every fifth sample of a class is held out
LEAST = 20  # samples held out that say something
STRETCHES = 8  # of a fold, each of samples one after another


def folds(count: int) -> NDArray[np.intp]:
    """Return the fold of each of so many samples, (count,), 0 .. `FOLD` − 1.

    Each fold is made of `STRETCHES` stretches all over the stream: windows of a recording are like
    their neighbours, and what is normal in the morning need not be so at noon.
    """
    return np.arange(count) * (FOLD * STRETCHES) // max(count, 1) % FOLD


def held_out(indices: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which samples are held out: every fifth of each class, in the order given.

    Parameters
    ----------
    indices : classes (n,).
    """
    result = np.zeros(len(indices), bool)
    for label in np.unique(indices):
        result[np.flatnonzero(indices == label)[FOLD - 1 :: FOLD]] = True
    return result
