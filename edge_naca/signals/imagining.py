"""Movement that nobody made: what an image is scaled by where no recording is there yet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_naca.data import DataError
from edge_naca.limits import MAX_CHANNELS
from edge_naca.signals.recordings import Recording

STRETCHES, LASTING = 200, 512  # of how many samples each
QUIETEST = 512.0  # part of the range that the least movement has
NOISE = 0.1  # of a stretch's movement


def imagined(
    channels: Sequence[str], rate: float, reach: Sequence[float], *, are_real: bool, seed: int = 0
) -> Recording:
    """Return a recording of movement of any strength, pace and rest within a sensor's range.

    Strengths are spread evenly over octaves, as those of real movement are, and so are paces.

    Parameters
    ----------
    channels : names of the sensor's channels.
    rate : samples a second.
    reach : largest number of each channel, on either side of 0, or one for all.
    are_real : whether the sensor gives real numbers, or integers.

    Raises
    ------
    DataError
        If there are too many channels, or not as many reaches.
    """
    count = len(channels)
    if not 1 <= count <= MAX_CHANNELS:
        raise DataError(f"{count} channels: a sensor has 1 .. {MAX_CHANNELS}")
    if len(reach) not in (1, count):
        raise DataError(f"{len(reach)} ranges for {count} channels: give one, or one for each")
    rng = np.random.default_rng(seed)
    time = np.arange(LASTING)[:, None]
    parts = []
    for _ in range(STRETCHES):
        strength = 0.5 * QUIETEST ** -rng.random(count)
        pace = 0.5 * LASTING ** -rng.random(count)  # turns a sample
        rest = rng.uniform(-0.5, 0.5, count)
        turn = rng.uniform(0, 2 * np.pi, count)
        moved = np.sin(2 * np.pi * pace * time + turn)
        moved += NOISE * rng.standard_normal((LASTING, count))
        parts.append(np.clip(rest + strength * moved, -1, 1))
    numbers = np.concatenate(parts) * np.asarray(reach, float)
    samples = numbers if are_real else np.rint(numbers).astype(np.int32)
    labels = np.full(len(samples), "any")
    return Recording("imagined", samples, rate, labels, "nobody", tuple(channels))
