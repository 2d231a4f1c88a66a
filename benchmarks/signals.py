"""From raw samples: activities of people never seen, and spoken digits, features on the device.

    python benchmarks/signals.py --output benchmarks/results/signals.json

Windows of raw recordings become features in integers, as on a device, and are learned once, one
class after another, with a decorrelating population that learns on the device. Needs har.npz and
fsdd.npz in EDGE_NACA_DATA and QEMU (`make ci-tools`), on whose STM32F405 instructions are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import results
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from tasks import first_half

from edge_naca import recipes
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.host.counting import count
from edge_naca.measurement import Figure, Measurement, Table, mean, measure
from edge_naca.signal_core import SignalCore
from edge_naca.signal_features import Signal
from edge_naca.signals.choosing import MOTION, motion_bands, suitable
from edge_naca.signals.recordings import Recording

Array = NDArray[Any]

BOARD = "netduinoplus2"
ORDERS, COUNTED = 3, 4
RATE, WINDOW, HOP = 50, 128, 64
AXES = ((0, 1, 2), (3, 4, 5))
ALL = MOTION[0][0]
# Name, what is made of each channel, bands, magnitudes, neurons for each class.
FEATURES = (
    ("statistics and 8 bands", ALL, 8, AXES, 6),
    ("statistics and 4 bands", ALL, 4, AXES, 3),
    ("statistics", ALL[:5], 0, AXES, 6),
    ("statistics without magnitudes", ALL[:5], 0, (), 6),
)
GRAVITY, DEGREE = 9.80665, 180 / np.pi
UNITS_ACCELERATION, UNITS_TURNING = 4096, 16.4  # of int16: to the g, to the degree a second


@dataclass(frozen=True)
class Windows:
    """Raw windows int16 (n, samples, channels), their classes, and who they are of."""

    x: Array
    y: Array
    who: Array


def activities(file: Any) -> Windows:
    """Return windows of the activities that last, as a sensor of int16 gives them."""
    names = {int(name[3:5]): name for name in file.files if name.startswith("exp")}
    windows, about = [], []
    for recording, person, activity, first, last in file["labels"].tolist():
        if activity > 6:
            continue
        raw = file[names[recording]][first - 1 : last]
        parts = raw[:, :3] / GRAVITY * UNITS_ACCELERATION, raw[:, 3:] * DEGREE * UNITS_TURNING
        samples = np.clip(np.rint(np.concatenate(parts, axis=1)), -32768, 32767).astype(np.int16)
        for start in range(0, len(samples) - WINDOW + 1, HOP):
            windows.append(samples[start : start + WINDOW])
            about.append((activity, person))
    y, who = np.array(about).T
    return Windows(np.stack(windows), np.unique(y, return_inverse=True)[1], who)


def motion(names: tuple[str, ...], bands: int, axes: tuple[tuple[int, ...], ...]) -> Signal:
    made = motion_bands(WINDOW, bands) if bands else None
    return Signal(6, RATE, WINDOW, HOP, (names,) * (6 + len(axes)), axes, made)


def spoken(file: Any) -> tuple[Windows, Array, Signal]:
    """Return clips in windows that begin with them, which are to test, and the signal."""
    ends, audio = file["offset"], file["audio"]
    clips = [audio[a:b] for a, b in pairwise(ends)]
    recording = Recording("", audio[:, None], 8000, np.full(len(audio), "a"), "", ("sound",))
    signal = suitable([recording])
    x = np.zeros((len(clips), signal.window, 1), np.int16)
    for at, clip in enumerate(clips):
        x[at, : len(clip), 0] = clip[: signal.window]
    return Windows(x, file["label"].astype(int), file["speaker"]), file["index"] < 5, signal


def learned(signal: Signal, x: Array, y: Array, train: Array, neurons: int, seed: int) -> Core:
    """Return a core that learned windows' features once, one class after another."""
    order = np.random.default_rng(seed).permutation(train)
    order = order[np.argsort(y[order], kind="stable")]
    classes = tuple(map(str, range(int(y.max()) + 1)))
    dataset = Dataset("windows", x[order], y[order], x[:0], y[:0], classes)
    network = recipes.network_for(
        dataset, features="decorrelated", neurons_per_class=neurons, seed=seed
    )
    core = Core(replace(network, signal=signal))
    core.learn_many(x[order], y[order])
    return core


def right(core: Core, x: Array, y: Array, test: Array) -> float:
    return 100 * float((core.predict_many(x[test]) == y[test]).mean())


def features_of(signal: Signal, windows: Array) -> Array:
    """Return features by the C code, whatever network they are for."""
    y = np.zeros(len(windows), int)
    x = np.zeros((2, signal.features), np.int16)
    x[1] = 1
    network = recipes.network_for(
        Dataset("none", x, y[:2], x, y[:2], ("none",)), features="decorrelated"
    )
    return SignalCore(replace(network, signal=signal)).features(windows)


def people(windows: Windows, signal: Signal, neurons: int) -> dict[str, list[float]]:
    """Return what is right of each person left out, before and after learning half of theirs."""
    x, y, who = features_of(signal, windows.x), windows.y, windows.who
    found: dict[str, list[float]] = {"left out": [], "second half": [], "LDA, all at once": []}
    for person in np.unique(who):
        test, others = np.flatnonzero(who == person), np.flatnonzero(who != person)
        is_first = first_half(y[test])
        rival = LinearDiscriminantAnalysis().fit(x[others], y[others])
        found["LDA, all at once"].append(100 * float(rival.score(x[test], y[test])))
        for seed in range(ORDERS):
            core = learned(signal, x, y, others, neurons, seed)
            found["left out"].append(right(core, x, y, test))
            more = test[is_first]
            order = np.random.default_rng(seed).permutation(more)
            order = order[np.argsort(y[order], kind="stable")]
            core.learn_many(x[order], y[order])
            found["second half"].append(right(core, x, y, test[~is_first]))
    return found


def rows_of_people(windows: Windows) -> Iterator[Figure]:
    for name, names, bands, axes, neurons in FEATURES:
        signal = motion(names, bands, axes)
        of = {"features": f"{signal.features}: {name}", "neurons a class": str(neurons)}
        for what, runs in people(windows, signal, neurons).items():
            yield mean(of, what, runs, "%", 2)
        some = features_of(signal, windows.x[:400])
        core = learned(signal, some, windows.y[:400], np.arange(400), neurons, 0)
        memory = core.workspace_size + SignalCore(core.network).memory_size
        yield Figure(of, "RAM, windows included", memory, "bytes")
        yield from instructions(core, windows.x, of)


def instructions(core: Core, windows: Array, of: dict[str, str]) -> Iterator[Figure]:
    """Count what some windows take on an emulated Cortex-M4; its state has to be that of ours."""
    chosen = windows[:: len(windows) // COUNTED][:COUNTED]
    labels = np.zeros(len(chosen), int)
    counts = count(BOARD, core.image(), chosen.reshape(len(chosen), -1), labels, "windows")
    twin = Core(core.image())
    twin.learn_many(SignalCore(core.network).features(chosen), labels)
    if counts.state_hash != twin.state_hash():
        raise SystemExit("the board's state differs from that of the core in the host")
    assert counts.features is not None
    yield Figure(of, "features", round(counts.features.mean()), "instructions")
    yield Figure(of, "infer", round(counts.infer.mean()), "instructions")


def rows_of_speech(file: Any) -> Iterator[Figure]:
    windows, is_test, signal = spoken(file)
    x, y = features_of(signal, windows.x), windows.y
    for neurons in (10, 30):
        of = {"neurons a class": str(neurons)}
        runs = []
        for seed in range(ORDERS):
            core = learned(signal, x, y, np.flatnonzero(~is_test), neurons, seed)
            runs.append(right(core, x, y, np.flatnonzero(is_test)))
        yield mean(of, "official split", runs, "%", 2)
        unseen = [
            right(
                learned(signal, x, y, np.flatnonzero(windows.who != speaker), neurons, seed),
                x, y, np.flatnonzero(windows.who == speaker),
            )
            for speaker in np.unique(windows.who)
            for seed in range(ORDERS)
        ]  # fmt: skip
        yield mean(of, "unseen speaker", unseen, "%", 2)
        memory = core.workspace_size + SignalCore(core.network).memory_size
        yield Figure(of, "RAM, windows included", memory, "bytes")
    small = learned(signal, x, y, np.arange(200), 3, 0)
    yield from instructions(small, windows.x, {"neurons a class": "3"})


def measurement(folder: Path) -> Measurement:
    with np.load(folder / "har.npz") as file:
        moving = tuple(rows_of_people(activities(file)))
    with np.load(folder / "fsdd.npz") as file:
        speaking = tuple(rows_of_speech(file))
    digests = {
        name: results.digest((folder / name).read_bytes()) for name in ("har.npz", "fsdd.npz")
    }
    return measure(
        "From raw samples",
        results.command(),
        [
            Table("Five activities, each of eight people left out", moving),
            Table("Spoken digits, 8 kHz, windows that begin with the clip", speaking),
        ],
        data=digests,
        text="Features in integers, learned once, one class after another, a decorrelating "
        "population learned on the way, on the device; LDA is taught all samples at once. "
        f"{ORDERS} orders. Instructions are those of the emulated STM32F405's program (-Os).",
        choice="Of motion all sets of features are shown. Those of sound were chosen by digits "
        "and by speakers held out of the clips to learn.",
        notes=["Counted boards end with the state of the core in the host."],
    )


if __name__ == "__main__":
    results.run(__doc__, "har.npz", measurement)
