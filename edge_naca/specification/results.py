"""What presentations give: of the specification and of the C core alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Result:
    """What one presentation gave: see `naca_result_t` in naca.h."""

    prediction: int
    margin: int
    spikes: int
    synops: int
    changes: int


@dataclass(frozen=True)
class Recording:
    """Every spike, potential and threshold of one presentation.

    Parameters
    ----------
    input_spikes : bool (steps, units that the encoder sends); int8 where there are off spikes,
        which are −1.
    spikes : bool (steps, neurons): those of spiking stages, then those of populations.
    potentials : int32, same shape: after integration, before any reset.
    thresholds : int32, same shape: 2**31 − 1 for a neuron that is not recruited yet.
    result : what the presentation gave.
    """

    input_spikes: NDArray[np.bool_] | NDArray[np.int8]
    spikes: NDArray[np.bool_]
    potentials: NDArray[np.int32]
    thresholds: NDArray[np.int32]
    result: Result
