"""The vibration of a motor, made: a shaft that turns, and a bearing whose outer race is damaged.

The model is that of McFadden and Smith, *Model for the vibration produced by a single point defect
in a rolling element bearing*, Journal of Sound and Vibration 96(1), 1984: each time a ball rolls
over the damage, a resonance of the housing rings.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 4000  # samples a second
SHAFT = 24.5  # turns a second
BALLS_A_TURN = 3.57  # that roll over a place of the outer race
RESONANCE, DAMPING = 1100.0, 250.0  # of the housing: hertz, and 1 / s
RANGE = 2000  # what an acceleration of 1 is in a sensor's integers


def vibration(
    rng: np.random.Generator,
    seconds: float,
    fault: float = 0.0,
    gain: float = 1.0,
    turning: float = SHAFT,
) -> NDArray[np.int64]:
    """Return what a sensor at the motor's housing reads, (samples,).

    Parameters
    ----------
    fault : how hard a ball hits the damage, where the shaft's own vibration is 0.5; 0 for none.
    gain : by which everything is stronger, as where the sensor is mounted otherwise.
    turning : turns of the shaft a second.
    """
    count = round(seconds * RATE)
    times = np.arange(count) / RATE
    angle = rng.uniform(0, 2 * np.pi, 6)
    # Load and speed wander, as they do in a plant.
    speed = turning * (1 + 0.01 * np.sin(2 * np.pi * 0.2 * times + angle[0]))
    load = 1 + 0.15 * np.sin(2 * np.pi * 0.11 * times + angle[1])
    turns = np.cumsum(speed) / RATE
    shaft = sum(
        size * np.sin(2 * np.pi * order * turns + angle[1 + order])
        for order, size in ((1, 0.5), (2, 0.2), (3, 0.1))
    )
    read = load * shaft + 0.25 * rng.normal(size=count)
    if fault:
        hits = np.flatnonzero(np.diff(np.floor(BALLS_A_TURN * turns)))
        hits = np.clip(hits + rng.integers(-3, 4, hits.size), 0, count - 1)  # balls slip a little
        strokes = np.zeros(count)
        strokes[hits] = rng.normal(1, 0.2, hits.size)
        after = np.arange(80) / RATE
        ringing = np.exp(-DAMPING * after) * np.sin(2 * np.pi * RESONANCE * after)
        read = read + fault * np.convolve(strokes, ringing)[:count]
    return np.rint(gain * RANGE * read).astype(np.int64)


def write(path: Path, read: NDArray[np.int64]) -> None:
    """Write a recording of one channel, one sample a line."""
    path.write_text("\n".join(["vibration", *map(str, read.tolist())]) + "\n")
