"""The search for features and a network: what it finds for a board, beside what was made by hand.

    python benchmarks/search.py --output benchmarks/results/search.json

Recordings of five activities, 16 KiB of RAM and 2 ms an answer on a Cortex-M4 at 168 MHz. People
are held out of each search two at a time, so that nothing they did had a part in the choice. Needs
har.npz in EDGE_NACA_DATA.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import results
from numpy.typing import NDArray
from signals import HOP, RATE, WINDOW, activities, motion

from edge_naca import recipes
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.measurement import Figure, Measurement, Table, mean, measure
from edge_naca.search.candidates import title
from edge_naca.search.means import KIB, Means
from edge_naca.search.run import search
from edge_naca.signal_features import Signal
from edge_naca.signals.choosing import MOTION
from edge_naca.signals.datasets import window_features
from edge_naca.signals.recordings import Recording, cut

Array = NDArray[Any]

BOARD, RAM, SECONDS = "netduinoplus2", 16 * KIB, 2e-3
HELD_OUT, ORDERS = 2, 3
BY_HAND = 6  # neurons a class of what was made by hand
HANDS = {
    "by hand within the limits, 30 statistics": motion(MOTION[0][0][:5], 0, ()),
    "by hand beyond them, statistics and 8 bands": motion(MOTION[0][0], 8, ((0, 1, 2), (3, 4, 5))),
}
AXES = ("acc x", "acc y", "acc z", "gyro x", "gyro y", "gyro z")


def recordings(file: Any) -> list[Recording]:
    """Return the recordings of people at work, int16 as a sensor gives them."""
    windows = activities(file)
    found = []
    for person in np.unique(windows.who):
        for label in np.unique(windows.y):
            rows = np.flatnonzero((windows.who == person) & (windows.y == label))
            # Windows overlap by half: stretches without a gap are put together again.
            start = 0
            for end in range(1, len(rows) + 1):
                joins = end < len(rows) and _follow(windows.x[rows[end - 1]], windows.x[rows[end]])
                if not joins:
                    found.append(_joined(windows.x[rows[start:end]], str(label), f"p{person}"))
                    start = end
    return found


def _follow(one: Array, other: Array) -> bool:
    return bool((one[HOP:] == other[: WINDOW - HOP]).all())


def _joined(x: Array, label: str, person: str) -> Recording:
    samples = np.concatenate([x[0], *(window[WINDOW - HOP :] for window in x[1:])])
    return Recording(person, samples, RATE, np.full(len(samples), label), person, AXES)


def right(
    signal: Signal, options: dict[str, Any], known: list[Recording], new: list[Recording]
) -> list[float]:
    """Return the percentage of new people's windows answered rightly, of a few orders."""
    learned, tested = (cut(part, signal.window, signal.hop) for part in (known, new))
    names, y = np.unique(learned.places.labels, return_inverse=True)
    x, other = (window_features(signal, part.windows) for part in (learned, tested))
    runs = []
    for seed in range(ORDERS):
        order = np.random.default_rng(seed).permutation(len(y))
        order = order[np.argsort(y[order], kind="stable")]
        dataset = Dataset("windows", x[order], y[order], x[:0], y[:0], tuple(map(str, names)))
        network = recipes.network_for(dataset, features="decorrelated", seed=seed, **options)
        core = Core(replace(network, signal=signal))
        core.learn_many(x[order], y[order])
        answers = names[core.predict_many(other)]
        runs.append(100 * float((answers == tested.places.labels).mean()))
    return runs


def rows(known: list[Recording], window: int | None) -> list[Figure]:
    """Search without some people, and test on them; by hand is beside it."""
    of = {"windows": "any length" if window is None else f"{window / RATE:g} s"}
    people = sorted({one.group for one in known})
    found: dict[str, list[float]] = {"found": [], "cross-validated": [], "RAM": [], "ms": []}
    ours: dict[str, list[float]] = {name: [] for name in HANDS}
    tried = 0
    for first in range(0, len(people), HELD_OUT):
        out = people[first : first + HELD_OUT]
        rest = [one for one in known if one.group not in out]
        new = [one for one in known if one.group in out]
        result = search(rest, Means(BOARD, RAM, seconds=SECONDS), window=window)
        best = result.best
        assert best is not None
        assert best.costs.seconds is not None
        print(f"{out}: {title(best.signal)}, {best.setting}, {best.accuracy:.2%}", flush=True)
        options = {"neurons_per_class": best.setting.neurons, "bits": best.setting.bits}
        found["found"] += right(best.signal, options, rest, new)
        found["cross-validated"].append(100 * best.accuracy)
        found["RAM"].append(best.costs.ram / KIB)
        found["ms"].append(1000 * best.costs.seconds)
        for name, hand in HANDS.items():
            ours[name] += right(hand, {"neurons_per_class": BY_HAND}, rest, new)
        tried += result.tried
    return [
        mean(of, "people held out", found["found"], "%", 2),
        *(mean(of, name, runs, "%", 2) for name, runs in ours.items()),
        mean(of, "cross-validated in the search", found["cross-validated"], "%", 2),
        mean(of, "RAM, windows included", found["RAM"], "KiB", 1),
        mean(of, "an answer", found["ms"], "ms", 2),
        Figure(of, "candidates a search", round(tried / (len(people) / HELD_OUT)), ""),
    ]


def measurement(folder: Path) -> Measurement:
    with np.load(folder / "har.npz") as file:
        known = recordings(file)
    figures = [*rows(known, WINDOW), *rows(known, None)]
    return measure(
        "Searching for features and a network",
        results.command(),
        [Table("Five activities, two of eight people held out of each search", tuple(figures))],
        data={"har.npz": results.digest((folder / "har.npz").read_bytes())},
        text=f"`edge-naca search` for {RAM // KIB} KiB of RAM and {1000 * SECONDS:g} ms an answer "
        f"on {BOARD} (Cortex-M4, 168 MHz), {ORDERS} orders of what was learned. By hand: two of "
        "benchmarks/signals.md, windows of 2.56 s and 6 neurons a class, in 7.6 and 30.8 KiB.",
        choice="What a search chooses rests on the people that it was given; those held out are "
        "tested once.",
    )


if __name__ == "__main__":
    results.run(__doc__, "har.npz", measurement)
