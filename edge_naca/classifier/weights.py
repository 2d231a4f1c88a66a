"""How often each sample is learned: what weights of samples and priors of classes come to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 1 << 24  # samples that repetitions may make of those there are

Float = NDArray[np.float64]


def times(weights: Float, seed: int) -> NDArray[np.int64]:
    """Return how often each sample is learned: its weight, the rest of it as a chance for one more.

    Raises
    ------
    ValueError
        If a weight is negative, or all are 0, or they make too many samples.
    """
    if (weights < 0).any():
        raise ValueError(f"sample_weight holds {weights.min():g}, but no weight may be negative")
    if weights.sum() > MOST:
        raise ValueError(
            f"sample_weight adds up to {weights.sum():.3g}, and a sample of weight 1 is learned "
            f"once: scale weights so that they add up to {MOST} at most"
        )
    whole = np.floor(weights)
    chance = np.random.default_rng([seed, len(weights)]).random(len(weights))
    counts = whole.astype(np.int64) + (chance < weights - whole)
    if not counts.any():
        raise ValueError(
            "sample_weight leaves nothing to learn: a sample of weight 1 is learned once, one of "
            f"weight 0.1 in one of ten cases; these add up to {weights.sum():.3g}"
        )
    return counts


def of_priors(column: NDArray[Any], priors: Any, classes: int) -> Float:
    """Return weights of samples with which classes are as common as priors say; the least is 1.

    Parameters
    ----------
    column : class of each sample (n,), its place among all classes in their order.
    priors : "uniform", or a number for each class.

    Raises
    ------
    ValueError, TypeError
        If there are not as many as classes, or one is not above 0.
    """
    wanted = _checked(priors, classes)
    counts = np.bincount(column, minlength=classes)
    share = wanted / np.maximum(counts, 1)
    return np.asarray((share / share[counts > 0].min())[column])


def _checked(priors: Any, classes: int) -> Float:
    if isinstance(priors, str):
        if priors != "uniform":
            raise ValueError(f"priors must be 'uniform', numbers or None, not {priors!r}")
        return np.ones(classes)
    try:
        wanted = np.asarray(priors, np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"priors must be 'uniform', numbers or None, not {priors!r}") from error
    if wanted.shape != (classes,):
        raise ValueError(
            f"priors must hold a number for each of {classes} classes, not {wanted.shape}"
        )
    if not (np.isfinite(wanted) & (wanted > 0)).all():
        raise ValueError(f"priors must be above 0, not {priors!r}")
    return wanted
