"""Which samples are worth a label, where a person can give only a few.

A sample is in doubt when another class lies nearly as near as the nearest one. Asking only for what
is in doubt forgets what is typical; so some are asked for at random: more of them while the
same label comes again and again, since classes that come one after another cannot be told apart by
what is known of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.core import Core
from edge_naca.margins import class_margins
from edge_naca.novelty import half_squares
from edge_naca.samples import default_kind
from edge_naca.specification.arithmetic import NO_MARGIN

POWER = 8  # of the ratio of distances
AT_RANDOM = 0.2  # of what is asked for, at least
LOOK_BACK = 200  # samples that the mean of doubts looks back on
GAIN_RATE = 0.01  # at which the share that is asked for is corrected
LABELS = 20  # labels that their repetition is judged by


def doubts(core: Core, x: ArrayLike, kind: str | None = None) -> NDArray[np.float64]:
    """Return how doubtful the classes of samples are, (n,), 0 .. 1.

    That is the squared distance to the nearest class over that to the second, as answers weigh
    them, and 1 where fewer than two classes are known.

    Parameters
    ----------
    core, x, kind : as of `edge_naca.novelty.novelties`.

    Raises
    ------
    ValueError
        If the network is not competitive, or its codes are not sent bit by bit.
    """
    halves = half_squares(core, x, kind)
    best, _ = class_margins(core, x, kind)
    threshold = core.network.populations[0].threshold
    away = np.maximum(halves[:, None] - best - threshold, 0).astype(np.float64)
    away = np.where(best == NO_MARGIN, np.inf, away)
    if away.shape[1] < 2:
        return np.ones(len(away))
    first, second = np.partition(away, 1, axis=1)[:, :2].T
    known = np.isfinite(second)
    return np.where(known, first / np.maximum(np.where(known, second, 1.0), 1.0), 1.0).clip(0, 1)


class Asking:
    """Decides, one sample after another, whether to ask for its label.

    Parameters
    ----------
    share : of samples that are asked for, on the average; above 0 and at most 1.
    seed : of what is random.

    Raises
    ------
    ValueError
        If the share is not one.
    """

    def __init__(self, share: float, seed: int = 0) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"the share to ask for must be above 0 and at most 1, not {share}")
        self.share = share
        self._random = np.random.default_rng(seed)
        self._mean = 0.0
        self._count = 0
        self._gain = 1.0
        self._repeated = 0.5
        self._last: int | None = None

    def wants_label(self, doubt: float) -> bool:
        """Return whether to ask for the label of the next sample, which is so much in doubt."""
        weight = doubt**POWER
        self._count = min(self._count + 1, LOOK_BACK)
        self._mean += (weight - self._mean) / self._count
        at_random = max(AT_RANDOM, self._repeated)
        relative = weight / self._mean if self._mean > 0 else 1.0
        wish = self.share * self._gain * (at_random + (1 - at_random) * relative)
        chance = min(wish, 1.0)
        # What cannot be asked for now, as a chance ends at 1, is asked for later.
        self._gain *= np.exp(GAIN_RATE * (1 - chance / self.share))
        return bool(self._random.random() < chance)

    def told(self, label: int) -> None:
        """Take note of a label that was asked for."""
        if self._last is not None:
            self._repeated += ((label == self._last) - self._repeated) / LABELS
        self._last = label

    def having_heard(self, labels: list[int]) -> Asking:
        """Return one that has taken note of these labels, and leave this one as it is."""
        other = copy.deepcopy(self)
        for label in labels:
            other.told(label)
        return other


def taught_by_asking(
    core: Core,
    x: ArrayLike,
    labels: NDArray[np.int64],
    share: float,
    seed: int = 0,
    progress: Callable[[], None] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Present samples one after another, and learn those that are worth asking for.

    Parameters
    ----------
    core : learns.
    x : samples (n, …), as `Core.infer` takes them.
    labels : (n,), of which only those asked for are looked at.
    share, seed : as of `Asking`.
    progress : called after each sample.

    Returns
    -------
    asked
        The numbers of the samples that were learned.
    answers
        (n,), what was answered before, −1 for none.
    """
    samples, kind = np.asarray(x), default_kind(core.network)
    asking, asked, answers = Asking(share, seed), [], np.empty(len(samples), np.int64)
    for number, sample in enumerate(samples):
        answers[number] = core.infer(sample, kind).prediction
        if asking.wants_label(float(doubts(core, sample[None], kind)[0])):
            label = int(labels[number])
            core.learn(sample, label, kind)
            asking.told(label)
            asked.append(number)
        if progress is not None:
            progress()
    return np.array(asked, np.int64), answers
