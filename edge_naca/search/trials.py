"""Trying a candidate: cross-validation of its windows, learned one class after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import recipes, scenarios
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.limits import MAX_UNITS
from edge_naca.search.candidates import Setting, title
from edge_naca.search.means import Costs, Means, taught, untaught
from edge_naca.signal_features import Signal
from edge_naca.signals.datasets import window_features

Array = NDArray[Any]

COSTED = 8  # windows that instructions are reckoned of


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of one length, and the folds that they are of.

    Parameters
    ----------
    x : (n, window, channels).
    y : class numbers (n,).
    tested, learned : bool (folds, n).
    classes : names.
    """

    x: Array
    y: Array
    tested: Array
    learned: Array
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """What was measured of a candidate.

    Parameters
    ----------
    signal, setting : the candidate.
    right : share of windows answered rightly in each fold.
    counts : windows tested in each.
    costs : of the network taught in the first fold.
    """

    signal: Signal
    setting: Setting
    right: tuple[float, ...]
    counts: tuple[int, ...]
    costs: Costs

    @property
    def accuracy(self) -> float:
        """Share of all tested windows that were answered rightly."""
        return float(np.average(self.right, weights=self.counts)) if self.right else 0.0

    @property
    def error(self) -> float:
        """Standard error of the accuracy, from how folds differ."""
        if len(self.right) < 2:
            return 0.0
        return float(np.std(self.right, ddof=1) / len(self.right) ** 0.5)

    @property
    def fits(self) -> bool:
        """Whether it takes no more than there is."""
        return not self.costs.lacking

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        costs = self.costs
        return {
            "features": title(self.signal),
            "window": self.signal.window,
            "seconds": self.signal.seconds,
            "neurons_per_class": self.setting.neurons,
            "bits": self.setting.bits,
            "accuracy": self.accuracy,
            "error": self.error,
            "folds": list(self.right),
            "fits": self.fits,
            "ram_bytes": costs.ram,
            "flash_bytes": costs.flash,
            "answer_seconds": costs.seconds,
            "lacking": costs.lacking,
        }


def attempt(
    windows: Windows, signal: Signal, settings: Sequence[Setting], means: Means, seed: int
) -> list[Trial]:
    """Return a trial of each setting behind the features of a signal."""
    x = window_features(signal, windows.x)
    return [_trial(windows, x, signal, setting, means, seed) for setting in settings]


def dataset_of_fold(windows: Windows, x: Array, fold: int) -> Dataset:
    """Return what is learned and what is tested on in a fold."""
    learned, tested = windows.learned[fold], windows.tested[fold]
    return Dataset(
        "windows", x[learned], windows.y[learned], x[tested], windows.y[tested], windows.classes
    )


def network_of(dataset: Dataset, signal: Signal, setting: Setting, seed: int) -> Core:
    """Return a network for features, not taught."""
    most = max(MAX_UNITS // len(dataset.classes), 1)
    network = recipes.network_for(
        dataset,
        signal=signal,
        neurons_per_class=min(setting.neurons, most),
        bits=setting.bits,
        seed=seed,
    )
    return Core(network)


def _trial(
    windows: Windows, x: Array, signal: Signal, setting: Setting, means: Means, seed: int
) -> Trial:
    right, counts = [], []
    costs = Costs(0, 0, None, "")
    for fold in range(len(windows.tested)):
        dataset = dataset_of_fold(windows, x, fold)
        core = network_of(dataset, signal, setting, seed)
        if fold == 0:
            costs = untaught(core, means)
            if costs.lacking:
                return Trial(signal, setting, (), (), costs)
        for lesson in scenarios.stream(dataset, "class", seed):
            core.learn_many(dataset.x_train[lesson.indices], dataset.y_train[lesson.indices])
        right.append(float((core.predict_many(dataset.x_test) == dataset.y_test).mean()))
        counts.append(len(dataset.y_test))
        if fold == 0:
            some = np.linspace(0, len(dataset.y_test) - 1, COSTED).astype(int)
            costs = taught(core, means, dataset.x_test[some], dataset.y_test[some])
    return Trial(signal, setting, tuple(right), tuple(counts), costs)
