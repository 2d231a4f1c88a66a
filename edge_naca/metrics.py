"""What is measured of continual learning, from answers and from a matrix of accuracies.

The matrix R is (lessons, exams): R[i, j] is the accuracy in exam j after lesson i. Where exam j
asks about what lesson j taught it is square, and its diagonal is what was known right after
learning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

BINS = 15  # of confidence, as in the paper below
CERTAIN = 2.0  # standard errors that a difference has to exceed


def average_accuracy(matrix: ArrayLike) -> float:
    """Return the mean accuracy over all exams after the last lesson.

    Parameters
    ----------
    matrix : (lessons, exams), shares.

    Raises
    ------
    ValueError
        If it is no matrix of one or more accuracies. So for all functions that take one.

    Notes
    -----
    Lopez-Paz and Ranzato, *Gradient Episodic Memory for Continual Learning*, NeurIPS 2017, ACC.
    """
    return float(_matrix(matrix)[-1].mean())


def backward_transfer(matrix: ArrayLike) -> float:
    """Return the mean of ``R[last, j] − R[j, j]`` over all but the last lesson; NaN for one.

    Parameters
    ----------
    matrix : (lessons, lessons), shares. Negative results are forgetting.

    Notes
    -----
    Lopez-Paz and Ranzato, 2017, BWT.
    """
    r = _square(matrix)
    return _mean((r[-1] - np.diag(r))[:-1])


def forgetting_since_learned(matrix: ArrayLike) -> float:
    """Return what was lost since each lesson ended, ``−backward_transfer``."""
    return -backward_transfer(matrix)


def forgetting_since_best(matrix: ArrayLike) -> float:
    """Return the mean of ``max_i R[i, j] − R[last, j]``, i from j to the last lesson but one.

    Parameters
    ----------
    matrix : (lessons, lessons), shares. The last lesson has nothing to forget; NaN for one.

    Notes
    -----
    Chaudhry, Dokania, Ajanthan and Torr, *Riemannian Walk for Incremental Learning*, ECCV 2018,
    equation 3.
    """
    r = _square(matrix)
    return _mean([r[j:-1, j].max() - r[-1, j] for j in range(len(r) - 1)])


def accuracy_ahead(matrix: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the accuracy in each next exam before its lesson: the diagonal above the main one.

    Parameters
    ----------
    matrix : (lessons, lessons), shares; exams follow one another in time.
    weights : (lessons,), for instance the samples of each exam; None for all alike.
    """
    r = _square(matrix)
    if len(r) < 2:
        return float("nan")
    chosen = None if weights is None else np.asarray(weights, float)[1:]
    return float(np.average(np.diag(r, 1), weights=chosen))


def expected_calibration_error(
    probabilities: ArrayLike, columns: ArrayLike, bins: int = BINS
) -> float:
    """Return by how much confidence and accuracy differ, mean over samples.

    Parameters
    ----------
    probabilities : (samples, classes), rows add up to 1.
    columns : (samples,), the column of each sample's true class.
    bins : of equal width, into which samples fall by their greatest probability.

    Raises
    ------
    ValueError
        If there are no samples, or not as many columns as samples.

    Notes
    -----
    Guo, Pleiss, Sun and Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017,
    equation 3: the sum over bins of their share of samples times |accuracy − mean confidence|.
    """
    p, y = np.asarray(probabilities, float), np.asarray(columns)
    if p.ndim != 2 or not len(p) or y.shape != (len(p),):
        raise ValueError(f"{p.shape} probabilities need one column each, not {y.shape}")
    return calibration_error(p.max(axis=1), p.argmax(axis=1) == y, bins)


def calibration_error(confidence: ArrayLike, is_right: ArrayLike, bins: int = BINS) -> float:
    """Return the same of answers (samples,), of which only this is known."""
    confidence = np.asarray(confidence, float)
    gap = np.asarray(is_right, float) - confidence
    # A bin holds its upper end, as in the paper.
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return float(np.abs(np.bincount(place, gap, bins)).sum() / len(confidence))


@dataclass(frozen=True)
class Difference:
    """What one learner is ahead of another in runs of the same seeds, or on the same splits.

    Parameters
    ----------
    mean : of the runs' differences.
    sem : its standard error, s / √n; NaN for one run.
    """

    mean: float
    sem: float

    @property
    def is_first(self) -> bool:
        """Whether the one is ahead by more than two standard errors."""
        return self.mean > CERTAIN * self.sem

    @property
    def is_behind(self) -> bool:
        """Whether the other one is."""
        return -self.mean > CERTAIN * self.sem


def paired_difference(ours: ArrayLike, theirs: ArrayLike) -> Difference:
    """Return how far `ours` are ahead of `theirs`, run by run.

    Parameters
    ----------
    ours, theirs : (runs,), in the same order.

    Raises
    ------
    ValueError
        If they are not equally many, or none.
    """
    a, b = np.asarray(ours, float), np.asarray(theirs, float)
    if a.shape != b.shape or a.ndim != 1 or not a.size:
        raise ValueError(f"runs have to be paired, not {a.shape} and {b.shape}")
    difference = a - b
    sem = difference.std(ddof=1) / np.sqrt(a.size) if a.size > 1 else np.nan
    return Difference(float(difference.mean()), float(sem))


def _matrix(matrix: ArrayLike) -> Array:
    r = np.asarray(matrix, float)
    if r.ndim != 2 or not r.size:
        raise ValueError(f"accuracies have to be (lessons, exams), not {r.shape}")
    return r


def _square(matrix: ArrayLike) -> Array:
    r = _matrix(matrix)
    if r.shape[0] != r.shape[1]:
        raise ValueError(f"there has to be one exam for each lesson, not {r.shape}")
    return r


def _mean(values: ArrayLike) -> float:
    array = np.asarray(values, float)
    return float(array.mean()) if array.size else float("nan")
