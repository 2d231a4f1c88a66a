"""Whether a model can be converted, found out before there are data: with samples made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import ConversionError, Finding

NOISE = 8  # samples of each density
DENSITIES = (1.0, 0.3, 0.05)  # shares of numbers that are not 0
LEVELS = (1.0, 0.5, 0.1)  # of samples that are the same everywhere


def made_up(shape: Sequence[int], low: int) -> NDArray[np.float64]:
    """Return samples of many kinds: dense and sparse noise, black and white, even ones.

    Parameters
    ----------
    shape : of a sample.
    low : the least number, 0 or -1; the greatest is 1.

    Returns
    -------
    float64 (samples, …), the same at every call.
    """
    rng = np.random.default_rng(0)
    kinds = []
    for density in DENSITIES:
        noise = rng.uniform(low, 1, (NOISE, *shape))
        kinds.append(noise * (rng.random(noise.shape) < density))
    kinds.append(rng.choice([float(low), 1.0], (NOISE, *shape)))
    kinds.append(np.stack([np.full(shape, level) for level in (*LEVELS, low)]))
    return np.concatenate(kinds)


def findings_of(convert: Callable[[], object]) -> list[Finding]:
    """Convert, and return why it cannot be done; nothing if it can."""
    try:
        convert()
    except ConversionError as error:
        return error.findings
    except ValueError as error:
        return [Finding("the graph", "graph", str(error), "export another model")]
    return []
