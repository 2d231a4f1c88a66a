"""Sensors, one class after another: people left out, sensors that age, writers never seen.

    python benchmarks/sensors.py --output benchmarks/results/sensors.json

Needs har.npz and gas_drift.npz in EDGE_NACA_DATA. Settings are the classifier's defaults; those
were chosen on HAR with a person left out and on the gases' first five batches.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import results
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.preprocessing import StandardScaler

from edge_naca import NacaClassifier, data
from edge_naca.image import state_size
from edge_naca.measurement import Figure, Table, mean, measure

Array = NDArray[Any]
WINDOW, HOP = 128, 64  # samples at 50 Hz
ACTIVITIES = 6  # those that last; the rest are changes between them


@dataclass(frozen=True, eq=False)
class Split:
    """Samples to learn and samples to answer; `weight` of its accuracy in the task's."""

    x: Array
    y: Array
    x_test: Array
    y_test: Array
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Task:
    """What a row of the table is about.

    Parameters
    ----------
    name : for the reader.
    splits : of its samples.
    adapting : whether the first half of the test samples is learned before the second is answered.
    """

    name: str
    splits: tuple[Split, ...]
    adapting: bool = False


# ---- data --------------------------------------------------------------------------------------


def windows(file: Any) -> tuple[Array, Array, Array]:
    """Return 30 simple features of each window of HAR, its activity, its person.

    Of each of six channels: mean, deviation, least, greatest, mean absolute difference.
    """
    recordings = {int(name[3:5]): name for name in file.files if name.startswith("exp")}
    rows: list[Array] = []
    about: list[tuple[int, int]] = []
    for recording, person, activity, first, last in file["labels"].tolist():
        if activity > ACTIVITIES:
            continue
        signal = file[recordings[recording]][first:last]
        for start in range(0, len(signal) - WINDOW, HOP):
            w = signal[start : start + WINDOW]
            parts = w.mean(0), w.std(0), w.min(0), w.max(0), np.abs(np.diff(w, axis=0)).mean(0)
            rows.append(np.concatenate(parts))
            about.append((activity - 1, person))
    y, person = np.array(about).T
    return np.stack(rows).astype(np.float64), y, person


def activities(path: Path, adapting: bool) -> Task:
    with np.load(path) as file:
        x, y, person = windows(file)
    splits = tuple(
        Split(x[person != p], y[person != p], x[person == p], y[person == p])
        for p in np.unique(person)
    )
    how = "after half of the new person's data" if adapting else "a person left out"
    return Task(f"HAR, {how}", splits, adapting)


def gases(path: Path) -> Task:
    with np.load(path) as file:
        x, y, batch = file["x"].astype(np.float64), file["y"].astype(int) - 1, file["batch"]
    logs = np.sign(x) * np.log1p(np.abs(x))
    splits = tuple(
        Split(
            logs[batch < b],
            y[batch < b],
            logs[batch == b],
            y[batch == b],
            float((batch == b).sum()),
        )
        for b in np.unique(batch)[1:]
    )
    return Task("gas sensors that age, a batch ahead", splits)


def digits() -> Task:
    x, y = load_digits(return_X_y=True)
    count = len(y) * 4 // 5  # the last fifth was written by people of its own
    return Task(
        "8×8 digits, writers never seen", (Split(x[:count], y[:count], x[count:], y[count:]),)
    )


# ---- learners ----------------------------------------------------------------------------------


def class_after_class(y: Array, seed: int) -> Array:
    """Return an order in which one class comes after another, each shuffled."""
    rng = np.random.default_rng(seed)
    parts = [rng.permutation(np.flatnonzero(y == c)) for c in rng.permutation(np.unique(y))]
    return np.concatenate(parts)


def shuffled(y: Array, seed: int) -> Array:
    return np.random.default_rng(seed).permutation(len(y))


def ours(split: Split, order: Array, adapting: bool, **parameters: Any) -> tuple[float, float]:
    """Return accuracy, and KiB of learned state."""
    classes = int(split.y.max()) + 1
    model = NacaClassifier(max_classes=classes, temperature=1.0, **parameters)
    model.fit(split.x[order], split.y[order])
    x, y = split.x_test, split.y_test
    if adapting:
        is_first = first_half(y)
        model.partial_fit(x[is_first], y[is_first])
        x, y = x[~is_first], y[~is_first]
    return float(np.mean(model.predict(x) == y)), state_size(model.core_.network) / 1024


def first_half(y: Array) -> Array:
    """Return which samples are the first half of their class, in the order of time."""
    result = np.zeros(len(y), bool)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        result[rows[: len(rows) // 2]] = True
    return result


def theirs(model: BaseEstimator, split: Split, order: Array, adapting: bool) -> float:
    """Return the accuracy of a learner of scikit-learn on features of mean 0 and deviation 1."""
    scaler = StandardScaler().fit(split.x)
    x, y = scaler.transform(split.x[order]), split.y[order]
    x_test, y_test = scaler.transform(split.x_test), split.y_test
    if adapting:
        is_first = first_half(y_test)
        x, y = np.concatenate([x, x_test[is_first]]), np.concatenate([y, y_test[is_first]])
        x_test, y_test = x_test[~is_first], y_test[~is_first]
    return float(np.mean(model.fit(x, y).predict(x_test) == y_test))


class OfAsManyBytes(KNeighborsClassifier):
    """The nearest of as many samples, drawn at random, as bytes of learned state hold."""

    def __init__(self, kib: float = 1.0) -> None:
        super().__init__(n_neighbors=1)
        self.kib = kib

    def fit(self, X: Array, y: Array) -> OfAsManyBytes:
        room = min(int(self.kib * 1024 / (X.shape[1] + 1)), len(y))
        keep = np.random.default_rng(0).permutation(len(y))[:room]
        super().fit(X[keep], y[keep])
        return self


class OneByOne(SGDClassifier):
    """Logistic regression by stochastic gradient descent, each sample once, in the order given."""

    def fit(self, X: Array, y: Array) -> OneByOne:
        self.partial_fit(X, y, classes=np.unique(y))
        return self


RIVALS: dict[str, Callable[[float], BaseEstimator]] = {
    "LDA": lambda _: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1e-3),
    "1-NN of as many bytes": OfAsManyBytes,
    "naive Bayes": lambda _: GaussianNB(var_smoothing=1e-3),
    "class means": lambda _: NearestCentroid(),
    "SGD": lambda _: OneByOne(loss="log_loss", shuffle=False, max_iter=1, random_state=0),
}
OURS: dict[str, dict[str, Any]] = {
    "edge-naca": {},
    "edge-naca, 5 neurons a class": {"neurons_per_class": 5},
    "edge-naca, not decorrelated": {"scaling": "standard", "neurons_per_class": 10},
}


def average(values: list[float], task: Task) -> float:
    return 100 * float(np.average(values, weights=[split.weight for split in task.splits]))


def figures(task: Task, orders: int) -> Iterator[Figure]:
    of = {"task": task.name}
    kib = 0.0
    for name, parameters in OURS.items():
        for how, order in (("", class_after_class), (", shuffled", shuffled)):
            if how and name != "edge-naca":
                continue
            runs = []
            for seed in range(orders):
                right = [
                    ours(split, order(split.y, seed), task.adapting, **parameters)
                    for split in task.splits
                ]
                runs.append(average([accuracy for accuracy, _ in right], task))
                size = max(size for _, size in right)
            yield mean(of | {"learner": name + how}, "right", runs, "%", 2)
            yield Figure(of | {"learner": name + how}, "KiB", size, "KiB", decimals=1)
            kib = size if name == "edge-naca" else kib
    for name, make in RIVALS.items():
        seeds = range(orders) if name == "SGD" else range(1)
        runs = [
            average(
                [
                    theirs(make(kib), s, class_after_class(s.y, seed), task.adapting)
                    for s in task.splits
                ],
                task,
            )
            for seed in seeds
        ]
        yield mean(of | {"learner": name}, "right", runs, "%", 2)


def main() -> None:
    parser: argparse.ArgumentParser = results.parser(__doc__)
    parser.add_argument("--orders", type=int, default=5, help="orders of classes")
    arguments = parser.parse_args()
    folder = data.folder()
    if folder is None:
        parser.error(f"set {data.VARIABLE} to the folder that holds har.npz and gas_drift.npz")
    har, gas = folder / "har.npz", folder / "gas_drift.npz"
    tasks = [activities(har, False), activities(har, True), gases(gas), digits()]
    tables = [Table(task.name, tuple(figures(task, arguments.orders))) for task in tasks]
    measurement = measure(
        "Sensors, one class after another",
        results.command(),
        tables,
        data={path.name: results.digest(path.read_bytes()) for path in (har, gas)},
        settings={"orders": arguments.orders},
        choice="The defaults of NacaClassifier. They were chosen on HAR with a person left out and "
        "on the first five batches of gases, which therefore do not show how well they are chosen.",
        text="Integers in the C core, each sample once, one at a time, class after class, no "
        "replay, no task label; decorrelation is learned from the same stream. Rivals see features "
        "of mean 0 and deviation 1 as real numbers; LDA, naive Bayes and class means do not depend "
        "on the order.",
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
