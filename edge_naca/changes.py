"""Where the weights went: what each lesson of a course changed, under this rule and under SGD."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import baselines, image, scenarios
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.scenarios import History, Lesson

Array = NDArray[Any]

OURS, SGD = "edge-naca", "the same network, SGD"


@dataclass(frozen=True, eq=False)
class Course:
    """One network's course of learning, and what it did to its last two populations.

    Weights are counted in steps: the greatest of a population has `steps` of them, as in the core.
    Real numbers are rounded to that grid, so that what is too little to be stored is no change.
    All shares are float (lessons, 2), 0 .. 1: of the hidden population, and of the output.

    Parameters
    ----------
    name : of the learner.
    history : accuracy after each lesson.
    steps : of the greatest hidden weight.
    changed : share of synapses that each lesson changed.
    overwritten : share of synapses that each lesson changed after an earlier one had.
    touched : share of synapses that each lesson changed, however little.
    moved : int (neurons, inputs), what the last lesson changed in the hidden population, in steps.
    """

    name: str
    history: History
    steps: int
    changed: Array
    overwritten: Array
    touched: Array
    moved: Array

    def histogram(self) -> dict[int, int]:
        """Return how many synapses the last lesson moved how far, those that stayed left out."""
        values, counts = np.unique(self.moved[self.moved != 0], return_counts=True)
        return dict(zip(values.tolist(), counts.tolist(), strict=True))

    def by_input(self) -> Array:
        """Return how far the last lesson moved synapses on average, in steps, float (inputs,)."""
        return np.asarray(np.abs(self.moved).mean(axis=0))


def courses(
    core: Core,
    dataset: Dataset,
    lessons: Sequence[Lesson],
    progress: Callable[[int, Lesson], None] | None = None,
) -> tuple[Course, Course]:
    """Teach a core, and the same network by SGD, the same lessons; return both courses.

    Parameters
    ----------
    core : as new; it is taught.
    dataset : as the core takes it.
    progress : called with the number of samples learned since the last call, and the lesson.

    Raises
    ------
    ValueError
        If the network has no hidden population.
    """
    network = core.network
    if len(network.populations) < 2:
        raise ValueError(f"{network.topology} has no hidden population to compare with SGD's")
    gradient = baselines.SurrogateGradientNetwork.like(network)
    steps = [population.weight_max for population in network.populations[-2:]]

    def learned() -> tuple[Array, Array]:
        hidden, output = image.unpack_state(network, core.state()).populations[-2:]
        return hidden.weights, output.weights

    return (
        _course(OURS, core, dataset, lessons, learned, steps, progress),
        _course(
            SGD,
            gradient,
            baselines.coded(core, dataset),
            lessons,
            lambda: gradient.weights,
            steps,
            progress,
        ),
    )


def on_grid(weights: Array, steps: int) -> Array:
    """Return weights in whole steps, int16, `steps` for the greatest; integers stay."""
    if weights.dtype.kind == "i":
        return weights.astype(np.int16)
    greatest = float(np.abs(weights).max()) or 1.0
    return np.rint(weights * (steps / greatest)).astype(np.int16)


def _course(
    name: str,
    learner: Any,
    dataset: Dataset,
    lessons: Sequence[Lesson],
    weights: Callable[[], tuple[Array, Array]],
    steps: Sequence[int],
    progress: Callable[[int, Lesson], None] | None,
) -> Course:
    """Teach one learner, and look at both of its populations after each lesson."""

    def moment() -> tuple[Array, ...]:
        return tuple(part.copy() for part in weights())

    moments, histories = [moment()], []
    for history in scenarios.follow(learner, dataset, lessons, progress):
        histories.append(history)
        moments.append(moment())
    shares, moved = [], []
    for one, most in zip(zip(*moments, strict=True), steps, strict=True):
        part = np.stack(one)
        change = np.diff(on_grid(part, most), axis=0)
        is_changed = change != 0
        earlier = np.logical_or.accumulate(is_changed, axis=0)[:-1]
        overwritten = is_changed.copy()
        overwritten[0] = False
        overwritten[1:] &= earlier
        touched = part[1:] != part[:-1]
        shares.append([which.mean(axis=(1, 2)) for which in (is_changed, overwritten, touched)])
        moved.append(change[-1])
    changed, overwritten, touched = np.array(shares).transpose(1, 2, 0)
    return Course(name, histories[-1], steps[0], changed, overwritten, touched, moved[0])
