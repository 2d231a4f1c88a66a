"""Samples as the core takes them: integers, or real numbers that it maps to integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.affine import as_float32
from edge_naca.signal_features import Signal
from edge_naca.signals.datasets import window_features

# What says how features become codes: the caller, a front end, a range, or the first samples.
GIVEN = ("given", "front end")  # nothing is calibrated
# By the first samples.
CALIBRATED = ("edges", "pixels", "standard", "decorrelated", "centred")
LARGEST_SAMPLE = 32767  # of a signal without an affine map
SOURCES = (*GIVEN, "range", *CALIBRATED)


def plain(samples: NDArray[Any]) -> NDArray[Any]:
    """Return booleans as uint8 and real numbers as float64."""
    if samples.dtype.kind == "b":
        return samples.astype(np.uint8)
    return samples.astype(np.float64, copy=False) if samples.dtype.kind == "f" else samples


def featured(signal: Signal, samples: NDArray[Any]) -> NDArray[np.int16]:
    """Return the features of windows (n, window · channels), int16 (n, features).

    Raises
    ------
    ValueError
        If they have another size, or hold what the signal cannot take.
    """
    wanted = signal.window * signal.channels
    if samples.shape[1] != wanted:
        raise ValueError(
            f"X has {samples.shape[1]} numbers a window, but signal takes {wanted}: "
            f"{signal.window} samples of {signal.channels} channels"
        )
    if signal.affine is not None:
        samples = as_float32(samples, "X")
    elif (samples != np.rint(samples)).any() or np.abs(samples).max() > LARGEST_SAMPLE:
        raise ValueError("X must hold whole numbers of 16 bits: signal has no affine for others")
    return window_features(signal, samples.reshape(-1, signal.window, signal.channels))


def as_taken(
    samples: NDArray[Any], source: str, *, is_real: bool, is_learning: bool = False
) -> NDArray[Any]:
    """Return samples as the core takes them.

    Parameters
    ----------
    samples : (n, features), as `plain` returns them.
    source : one of `SOURCES`.
    is_real : whether the core takes real numbers.
    is_learning : whether they are about to be learned.

    Raises
    ------
    ValueError
        If they hold what this scaling cannot take.
    """
    if is_learning and source in ("edges", "pixels") and samples.min() < 0:
        raise ValueError(
            f"X holds {samples.min()}, but the first samples held nothing negative and were "
            f"scaled as {source}: create NacaClassifier with scaling='standard'"
        )
    if is_real:
        return as_float32(samples, "X")
    if samples.dtype.kind == "f":
        if (samples != np.rint(samples)).any():
            raise ValueError(
                "X must hold whole numbers, as "
                + ("preparation takes nothing else" if source in GIVEN else "at first")
                + "; real numbers need preparation=None and real numbers from the start"
            )
        if np.abs(samples).max() > 2**31 - 1 and source in GIVEN:
            raise ValueError("X must hold numbers of at most 32 bits, as preparation takes them")
        samples = np.clip(samples, -(2**31), 2**31 - 1).astype(np.int64)
    if source not in GIVEN and samples.dtype.itemsize > 1:
        return np.clip(samples, -32767, 32767).astype(np.int16)  # as the device does
    return samples
