"""Signals that are not as the sensor gave them: what a network answers that may answer none.

    python benchmarks/altered_signals.py --output benchmarks/results/altered-signals.json

Activities of people left out, their test windows altered as bad sensors and mistakes do. The limit
for `unknown` is that of `train --unknown 0.05`, found on what is learned. Needs har.npz in
EDGE_NACA_DATA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import results
from numpy.typing import NDArray
from signals import AXES, WINDOW, Windows, activities, motion

from edge_naca import novelty, recipes
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.measurement import Figure, Measurement, Table, mean, measure
from edge_naca.signals.choosing import MOTION
from edge_naca.signals.datasets import window_features

Array = NDArray[Any]

ORDERS, NEURONS, BANDS, FALSE_ALARMS = 3, 3, 4, 0.05
FIRST, LAST = 50, 60  # samples of a window that are lost
TWO_G = 8192
LARGEST = 32767


def _lost(x: Array, filled: Array | int) -> Array:
    altered = x.copy()
    altered[:, FIRST:LAST] = filled
    return altered


ALTERED: dict[str, Callable[[Array], Array]] = {
    "as they were": lambda x: x,
    "gain × 2": lambda x: np.clip(x.astype(int) * 2, -LARGEST - 1, LARGEST).astype(np.int16),
    "10 samples set to 0": lambda x: _lost(x, 0),
    "10 samples held": lambda x: _lost(x, x[:, FIRST - 1 : FIRST]),
    "62.5 Hz taken for 50": lambda x: x[:, np.rint(np.arange(WINDOW) * 0.8).astype(int)],
    "clipped at 2 g": lambda x: np.clip(x, -TWO_G, TWO_G),
}


def rows(windows: Windows) -> list[Figure]:
    signal = motion(MOTION[0][0], BANDS, AXES)
    features = {name: window_features(signal, alter(windows.x)) for name, alter in ALTERED.items()}
    x, y = features["as they were"], windows.y
    right: dict[str, list[float]] = {name: [] for name in ALTERED}
    none: dict[str, list[float]] = {name: [] for name in ALTERED}
    for person in np.unique(windows.who):
        known, new = np.flatnonzero(windows.who != person), np.flatnonzero(windows.who == person)
        for seed in range(ORDERS):
            order = np.random.default_rng(seed).permutation(known)
            order = order[np.argsort(y[order], kind="stable")]
            classes = tuple(map(str, range(int(y.max()) + 1)))
            dataset = Dataset("windows", x[order], y[order], x[:0], y[:0], classes)
            network = recipes.network_for(
                dataset, features="decorrelated", neurons_per_class=NEURONS, seed=seed
            )
            limit = novelty.limit_of_stream(network, x[order], y[order], FALSE_ALARMS)
            core = Core(replace(novelty.answering_none(network, limit), signal=signal))
            core.learn_many(x[order], y[order])
            for name in ALTERED:
                answers = core.predict_many(features[name][new])
                right[name].append(100 * float((answers == y[new]).mean()))
                none[name].append(100 * float((answers < 0).mean()))
    figures = []
    for name in ALTERED:
        of = {"test windows": name}
        wrong = [100 - a - b for a, b in zip(right[name], none[name], strict=True)]
        figures += [
            mean(of, "right", right[name], "%", 1),
            mean(of, "unknown", none[name], "%", 1),
            mean(of, "wrong", wrong, "%", 1),
        ]
    return figures


def measurement(folder: Path) -> Measurement:
    with np.load(folder / "har.npz") as file:
        found = tuple(rows(activities(file)))
    return measure(
        "Altered signals",
        results.command(),
        [Table("Five activities, each of eight people left out", found)],
        data={"har.npz": results.digest((folder / "har.npz").read_bytes())},
        text="Statistics and 4 bands of benchmarks/signals.md, 3 neurons a class, a limit that 5 % "
        f"of known samples reach; {ORDERS} orders. People who are new are unknown more often.",
    )


if __name__ == "__main__":
    results.run(__doc__, "har.npz", measurement)
