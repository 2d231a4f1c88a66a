"""Continual learning: in which order samples come, and what to measure on the way.

Everything here is single pass, one sample at a time, without replay and without a task label:
a learner is told a sample and its class, and is asked about any class at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_naca.choices import ORDERS
from edge_naca.data import Dataset
from edge_naca.limits import choice, whole

Array = NDArray[Any]

CHUNK = 500  # samples between two reports of progress


class Learner(Protocol):
    """What can be taught: `edge_naca.Core`, and the baselines."""

    def learn_many(self, x: Array, labels: Array) -> Any:
        """Learn samples (n, …) one after another."""

    def predict_many(self, x: Array) -> Array:
        """Return the predicted class of each sample, −1 for no answer."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """A stretch of the stream after which accuracy is measured.

    Parameters
    ----------
    title : what it teaches.
    indices : the training samples, in order.
    classes : the classes that were seen by its end.
    """

    title: str
    indices: Array
    classes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class History:
    """What was measured.

    Parameters
    ----------
    stages : the stream.
    accuracy : float (stages, classes): share of each class's test samples answered rightly after
        each stage, NaN for classes not seen by then, or without test samples.
    weights : number of test samples of each class, (classes,).
    results : what `learn_many` returned for each stage, results of single samples end to end.
    """

    stages: tuple[Lesson, ...]
    accuracy: Array
    weights: Array
    results: tuple[Any, ...]

    def seen_accuracy(self) -> Array:
        """Accuracy over the test samples of all classes seen, after each stage."""
        known = ~np.isnan(self.accuracy)
        weights = np.where(known, self.weights, 0)
        with np.errstate(invalid="ignore"):  # NaN while no class seen has test samples
            return np.asarray(np.nansum(self.accuracy * weights, axis=1) / weights.sum(axis=1))

    @property
    def final(self) -> float:
        """Accuracy over all classes at the end."""
        return float(self.seen_accuracy()[-1])

    def after_learning(self) -> Array:
        """Accuracy on each class right after the stage that brought it, (classes,)."""
        known = np.array([np.isin(range(len(self.weights)), s.classes) for s in self.stages])
        return np.asarray(self.accuracy[known.argmax(axis=0), np.arange(len(self.weights))])

    @property
    def forgetting(self) -> float:
        """Accuracy on a class right after it was learned minus at the end, mean over classes.

        NaN when classes were not learned one after another.
        """
        if len(self.stages) < 2:
            return float("nan")
        lost = self.after_learning() - self.accuracy[-1]
        lost = lost[~np.isnan(lost)]
        return float(lost.mean()) if lost.size else float("nan")


def stream(
    dataset: Dataset, order: str = "class", seed: int = 0, epochs: int = 1
) -> tuple[Lesson, ...]:
    """Return the stages of a stream.

    Parameters
    ----------
    order : "class" (one class after another, classes and samples shuffled by `seed`; seed 0 keeps
        the classes in the order of their labels), "shuffled" or "given" (the file's order).
    epochs : how often each stage's samples come; 1 is a single pass.
    """
    choice("order", order, ORDERS)
    whole("epochs", epochs, 1, 1000)
    rng = np.random.default_rng(seed)
    y = dataset.y_train
    labels = [int(label) for label in np.unique(y)]
    permutation = rng.permutation(len(y))
    if order == "given":
        return (Lesson("all in the given order", np.tile(np.arange(len(y)), epochs), (*labels,)),)
    if order == "shuffled":
        return (Lesson("all, shuffled", np.tile(permutation, epochs), (*labels,)),)
    if seed != 0:
        labels = [labels[place] for place in rng.permutation(len(labels))]
    return tuple(
        Lesson(
            dataset.classes[label],
            np.tile(permutation[y[permutation] == label], epochs),
            (*labels[: place + 1],),
        )
        for place, label in enumerate(labels)
    )


def per_class_accuracy(learner: Learner, dataset: Dataset, classes: Sequence[int]) -> Array:
    """Share of each class's test samples answered rightly, float (classes of the data set,).

    NaN for classes that are not in `classes`, or without test samples.
    """
    result = np.full(len(dataset.classes), np.nan)
    wanted = np.isin(dataset.y_test, classes)
    y = dataset.y_test[wanted]
    right = learner.predict_many(dataset.x_test[wanted]) == y
    for label in np.unique(y):
        result[label] = right[y == label].mean()
    return result


def follow(
    learner: Learner,
    dataset: Dataset,
    stages: Sequence[Lesson],
    progress: Callable[[int, Lesson], None] | None = None,
) -> Iterator[History]:
    """Teach a learner stage by stage, and yield the history so far after each.

    Parameters
    ----------
    progress : called with the number of samples learned since the last call, and the stage.
    """
    accuracy: list[Array] = []
    results: list[Any] = []
    weights = np.bincount(dataset.y_test, minlength=len(dataset.classes))
    for number, stage in enumerate(stages, start=1):
        parts = []
        for first in range(0, len(stage.indices), CHUNK):
            chosen = stage.indices[first : first + CHUNK]
            parts.append(learner.learn_many(dataset.x_train[chosen], dataset.y_train[chosen]))
            if progress is not None:
                progress(len(chosen), stage)
        results.append(np.concatenate(parts) if parts[0] is not None else None)
        accuracy.append(per_class_accuracy(learner, dataset, stage.classes))
        yield History(tuple(stages[:number]), np.stack(accuracy), weights, tuple(results))


def run(
    learner: Learner,
    dataset: Dataset,
    stages: Sequence[Lesson],
    progress: Callable[[int, Lesson], None] | None = None,
) -> History:
    """Teach a learner all stages, measuring after each: the last of `follow`."""
    *_, history = follow(learner, dataset, stages, progress)
    return history
