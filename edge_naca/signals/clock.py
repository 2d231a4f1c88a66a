"""What times say of a recording: its rate, where samples are missing, whether steps are even."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.data import DataError
from edge_naca.printable import shown
from edge_naca.signal_features import LEAST_RATE, MOST_RATE

Array = NDArray[Any]

LONGEST_STEP = 1.5  # times the usual one, above which samples are missing
SPREADS = 6  # standard deviations of steps that jitter does not reach: a longer one is no jitter
UNEVEN = 0.05  # share of the usual step that steps differ by, from which on rates are uneven
WHOLE = 5e-4  # of a rate, that it may differ from a whole number and be taken for it
BACKWARDS = 0.01  # share of steps that may go back: further files behind the first begin anew
_SIGMA = 1.4826  # standard deviations in a median distance from the median, of normal numbers


@dataclass(frozen=True)
class Clock:
    """How the times of a recording pass.

    Parameters
    ----------
    step : from one sample to the next, in the unit of the times.
    longest : step that is no gap yet.
    uneven : share of `step` that steps differ from it, on average; 0 where no more than digits that
        were not written make them differ.
    packets : whether several samples bear one time, that of the packet that they came in.
    """

    step: float
    longest: float
    uneven: float
    packets: bool

    def gaps(self, times: Array) -> Array:
        """Return whether samples are missing behind each but the last, or times go back."""
        steps = np.diff(times)
        least = 0 if self.packets else np.nextafter(0, 1)
        return np.asarray(~((steps >= least) & (steps < self.longest)))

    def evened(self, times: Array, samples: Array, labels: Array) -> tuple[Array, Array]:
        """Return samples at even times, if theirs are not; those of packets stay as they are."""
        if self.packets or self.uneven <= UNEVEN:
            return samples, labels
        even = np.arange(times[0], times[-1] + self.step / 2, self.step)
        columns = [np.interp(even, times, column) for column in samples.T]
        nearest = np.clip(np.searchsorted(times, even - self.step / 2), 0, len(times) - 1)
        return np.stack(columns, axis=1), labels[nearest]


def clock_of(times: Array, column: str, where: str) -> Clock:
    """Return how times pass.

    The usual step is the mean of all that are no gap: rounded times have no usual one. What is a
    gap is found by the median step and how far others mostly are from it.

    Parameters
    ----------
    column, where : what a refusal calls them.

    Raises
    ------
    DataError
        If times do not rise, or are not in order.
    """
    steps = np.diff(times)
    steps = steps[np.isfinite(steps)]
    if not steps.size:
        raise DataError(f"{where} holds no two samples with a time in {shown(column)}")
    rising = steps[steps > 0]
    if not rising.size:
        raise DataError(
            f"{where}: the times in {shown(column)} do not rise: name another column with "
            f"--time-column, or say --rate and leave them out with --drop {column}"
        )
    back = int((steps < 0).sum())
    if back > max(BACKWARDS * len(steps), 1):
        raise DataError(
            f"{where}: the times in {shown(column)} go back in {back} of {len(steps)} steps: sort "
            "its rows by time, name another column with --time-column, or say --rate and leave "
            f"them out with --drop {column}"
        )
    typical = float(np.median(rising))
    spread = _SIGMA * float(np.median(np.abs(rising - typical)))
    longest = max(LONGEST_STEP * typical, typical + SPREADS * spread)
    near = steps[(steps >= 0) & (steps < longest)]
    step = float(near.mean())
    packets = bool((near == 0).mean() > BACKWARDS)
    apart = np.abs(near - step)
    is_rounded = apart.max() <= _resolution(times)
    return Clock(step, longest, 0.0 if is_rounded else float(apart.mean() / step), packets)


def rate_of(seconds: float) -> float:
    """Return samples a second by the time from one to the next: a whole number, where it is near.

    Clocks of sensors are no better, and neither are means of uneven steps.
    """
    with np.errstate(over="ignore"):
        rate = float(1 / np.float64(seconds))
    if not np.isfinite(rate):
        return rate
    whole = max(round(rate), 1)
    return float(whole) if abs(rate / whole - 1) < WHOLE else rate


def check_rate(where: str, rate: float) -> None:
    """Refuse a rate that an image cannot say.

    Raises
    ------
    DataError
    """
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise DataError(
            f"{where}: {rate:g} samples a second are not possible, only {LEAST_RATE:g} .. "
            f"{MOST_RATE:.0f}: say another --rate, and durations by it"
        )


def _resolution(times: Array) -> float:
    """Return the power of ten that all times are multiples of, down to a thousand millionth."""
    known = times[np.isfinite(times)]
    noise = 1e-9 + 4 * np.finfo(float).eps * float(np.abs(known).max())
    kept = (n for n in range(9) if (np.abs(np.round(known, n) - known) <= noise).all())
    return float(10.0 ** -next(kept, 9))
