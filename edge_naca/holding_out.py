"""Which samples are held out, where something is chosen by what was not learned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLD = 5  # every fifth sample of a class is held out
LEAST = 20  # samples held out that say something


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
