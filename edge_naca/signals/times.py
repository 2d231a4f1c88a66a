"""Times of samples in a log: how many samples a second they tell, and samples put at even ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.data import DataError
from edge_naca.printable import shown
from edge_naca.signal_features import LEAST_RATE, MOST_RATE
from edge_naca.tables.logs import Log

Array = NDArray[Any]

FALLING = 0.1  # share of times that do not rise, from which on they are no times of samples

_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def usual_step(path: Path, times: Array, name: str) -> float:
    """Return the usual step between times.

    Raises
    ------
    DataError
        If there is none, since times do not rise.
    """
    steps = np.diff(times)
    steps = steps[np.isfinite(steps)]
    if not steps.size:
        raise DataError(f"{shown(path)} holds no two samples with a time in {shown(name)}")
    falling = int((steps <= 0).sum())
    if falling > FALLING * steps.size:
        raise DataError(
            f"{shown(path)}: {falling} of {steps.size} times in {shown(name)} do not rise above "
            "the one before: they are out of order, or too coarse; name another column with "
            f"--time-column, or say --rate and leave them out with --drop {name}"
        )
    return float(np.median(steps[steps > 0]))


def rate_of(
    path: Path, log: Log, said: float | None, step: float | None
) -> tuple[float, list[str]]:
    """Return samples a second, and what is to be said about them."""
    if said is not None:
        check_rate(path, said)
        return said, []
    if log.time is None or step is None:
        raise DataError(
            f"{shown(path)} does not say how many samples a second it has: say --rate, or name "
            "the column of times with --time-column"
        )
    times = log.time[np.isfinite(log.time)]
    are_whole = bool((times == np.rint(times)).all())
    unit = log.time_unit or _unit(log.time_column, step, are_whole)
    with np.errstate(over="ignore"):
        rate = float(1 / np.float64(step * _UNITS[unit]))
    check_rate(path, rate)
    return rate, [f"times in {shown(log.time_column)} taken for {unit}: {rate:g} samples a second"]


def check_rate(path: Path, rate: float) -> None:
    """Refuse a rate that an image cannot say.

    Raises
    ------
    DataError
    """
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise DataError(
            f"{shown(path)}: {rate:g} samples a second are not possible, only {LEAST_RATE:g} .. "
            f"{MOST_RATE:.0f}: say another --rate, and durations by it"
        )


def _unit(name: str, usual: float, are_whole: bool) -> str:
    """Return the unit of times: the name says it, or what makes a usual rate."""
    lowered = name.lower().replace("µs", "us")
    for unit, word in (("ns", "nano"), ("us", "micro"), ("ms", "mill")):
        # A word of its own, or how one ends: not the "ns" of "instant".
        if word in lowered or re.search(rf"(?<![a-z]){unit}(?![a-z])|{unit}$", lowered):
            return unit
    if not are_whole or usual < 1:
        return "s"
    return "ms" if usual < 5e3 else "us" if usual < 5e6 else "ns"


def even(times: Array, samples: Array, labels: Array, step: float) -> tuple[Array, Array]:
    """Return samples at even times."""
    wanted = np.arange(times[0], times[-1] + step / 2, step)
    columns = [np.interp(wanted, times, column) for column in samples.T]
    nearest = np.clip(np.searchsorted(times, wanted - step / 2), 0, len(times) - 1)
    return np.stack(columns, axis=1), labels[nearest]
