"""A decorrelating inhibition found on the host, on samples that are told beside it.

The device then learns no V: it lies in flash. Samples of other things than those that are to be
learned serve as well, as what inputs have in common depends little on what is seen. A V found on
the very classes that come later looks ahead, which `Calibrated.note` lets everybody see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca import presets
from edge_naca.core import Core
from edge_naca.inhibition import ABOVE, Inhibition, to_triangle
from edge_naca.limits import whole

Array = NDArray[Any]

SHRINKAGES = (0.01, 0.03, 0.1, 0.3, 0.6, 0.9)  # tried, where none is given
REACH = 3.0  # deviations that the largest code stands for
NEURONS = 6  # a class, while shrinkages are compared
MOST_WEIGHT, MOST_ROW_SHIFT, MOST_SHIFT = 127, 15, 24
LARGEST_CENTRE = 1 << 26
LEAST_SAMPLES = 20


@dataclass(frozen=True)
class Calibrated:
    """An inhibition, and how it came about.

    Parameters
    ----------
    inhibition : with a given V.
    shrinkage : share of their variance by which inputs count as uncorrelated, 0 .. 1.
    samples, classes : that it was found on.
    tried : accuracy in cross-validation for each shrinkage that was tried; empty if it was given.
    """

    inhibition: Inhibition
    shrinkage: float
    samples: int
    classes: int
    tried: dict[float, float]

    def note(self) -> dict[str, Any]:
        """Return what an image's metadata say of it."""
        return {
            "shrinkage": self.shrinkage,
            "rank": self.inhibition.outputs,
            "samples": self.samples,
            "classes": self.classes,
        }


def calibrated(
    codes: ArrayLike,
    labels: ArrayLike,
    code_bits: int,
    bits: int,
    *,
    rank: int = 0,
    shrinkage: float | None = None,
    seed: int = 0,
) -> Calibrated:
    """Find V on the residuals of samples to the means of their classes.

    Parameters
    ----------
    codes : integers (n, inputs), what the inhibition is given.
    labels : (n,), the class of each.
    code_bits, bits : of a code that comes in, and of one that goes out.
    rank : how many codes go out; 0 for as many as come in, and a V that is a triangle.
    shrinkage : s, above 0 and at most 1; None for the largest of `SHRINKAGES` that is within one
        standard error of the best in cross-validation: a network learns one half of the samples
        class after class, and answers the other.
    seed : of how samples are divided.

    Raises
    ------
    ValueError
        If there are fewer than `LEAST_SAMPLES` samples, of fewer than two classes, all of a class
        the same, or if an argument is wrong.

    Notes
    -----
    V is the lower triangle with VᵀV = C'⁻¹, C' = (1 − s) C + s · trace(C) / D · I, C the covariance
    within classes: the shrinkage of Ledoit and Wolf, *A well-conditioned estimator for
    large-dimensional covariance matrices*, Journal of Multivariate Analysis 88(2), 2004, with s
    chosen by what it is for.

    A V of low rank keeps the directions v with the largest ratio vᵀTv / vᵀC'v, T the covariance of
    all samples, each scaled to vᵀC'v = 1: the discriminants of Fisher, *The use of multiple
    measurements in taxonomic problems*, Annals of Eugenics 7(2), 1936, and, beyond one less than
    there are classes, those in which samples vary most in the measure of C'.
    """
    x, y = np.asarray(codes), np.unique(np.asarray(labels), return_inverse=True)[1]
    if x.ndim != 2 or y.shape != (len(x),):
        raise ValueError(f"codes must be (n, inputs) with a label each, not {x.shape}, {y.shape}")
    if len(x) < LEAST_SAMPLES or y.max() == 0:
        raise ValueError(
            f"an inhibition is found on at least {LEAST_SAMPLES} samples of two classes, not on "
            f"{len(x)} of {len(np.unique(y))}"
        )
    whole("bits", bits, 1, 7)
    whole("rank", rank, 0, x.shape[1])
    tried: dict[float, float] = {}
    if shrinkage is None:
        halves = np.random.default_rng(seed).permutation(len(x)) % 2
        for candidate in SHRINKAGES:
            tried[candidate] = _cross_validated(x, y, halves, code_bits, bits, rank, candidate)
        shrinkage = _least_decorrelated(tried, len(x))
    if not 0 < shrinkage <= 1:
        raise ValueError(f"shrinkage must be above 0 and at most 1, not {shrinkage}")
    inhibition = _inhibition(x, y, code_bits, bits, rank, shrinkage)
    return Calibrated(inhibition, shrinkage, len(x), int(y.max()) + 1, tried)


def _least_decorrelated(tried: dict[float, float], samples: int) -> float:
    """Return the largest shrinkage that is as good as the best, within one standard error.

    Breiman and others, *Classification and Regression Trees*, 1984, the rule of one standard error:
    among what cannot be told apart, the simplest.
    """
    best = max(tried.values())
    error = float(np.sqrt(best * (1 - best) / samples))
    return max(s for s, accuracy in tried.items() if accuracy >= best - error)


def _cross_validated(
    x: Array, y: Array, halves: Array, code_bits: int, bits: int, rank: int, shrinkage: float
) -> float:
    """Return the accuracy on each half of a network that learned the other class after class."""
    right = 0
    for half in (0, 1):
        own = np.flatnonzero(halves == half)
        inhibition = _inhibition(x[own], y[own], code_bits, bits, rank, shrinkage)
        network = presets.competitive(
            x.shape[1], int(y.max()) + 1, NEURONS, bits=bits, inhibition=inhibition
        )
        core = Core(network)
        order = own[np.argsort(y[own], kind="stable")]
        core.learn_many(x[order], y[order], "codes")
        other = np.flatnonzero(halves != half)
        right += int((core.predict_many(x[other], "codes") == y[other]).sum())
    return right / len(x)


def _inhibition(
    x: Array, y: Array, code_bits: int, bits: int, rank: int, shrinkage: float
) -> Inhibition:
    """Return V in integers: each row as fine as 8 bits allow."""
    samples = x.astype(np.float64)
    v = _factor(samples, y, shrinkage)
    if rank:
        v = _discriminants(samples, v, rank)
    mean = x.mean(axis=0)
    deviation = float(np.sqrt((((x - mean) @ v.T) ** 2).mean()))
    v *= (2**bits - 1) / (REACH * deviation)
    exponents = np.floor(np.log2(MOST_WEIGHT / np.abs(v).max(axis=1))).astype(int)
    shift = min(max(int(exponents.max()), 0), MOST_SHIFT)
    row_shifts = np.clip(shift - exponents, 0, MOST_ROW_SHIFT)
    weights = np.rint(v * 2.0 ** (shift - row_shifts)[:, None])
    weights = np.clip(weights, -MOST_WEIGHT, MOST_WEIGHT).astype(np.int8)
    centre = np.rint((weights.astype(np.float64) @ mean) * 2.0 ** (ABOVE - code_bits))
    return Inhibition(
        x.shape[1],
        code_bits,
        weights.reshape(-1) if rank else to_triangle(weights),
        row_shifts.astype(np.uint8),
        shift=shift,
        centre=np.clip(centre, -LARGEST_CENTRE, LARGEST_CENTRE).astype(np.int64),
        rank=rank,
    )


def _factor(x: Array, y: Array, shrinkage: float) -> Array:
    """Return the lower triangle that makes residuals uncorrelated and of equal variance."""
    known, place = np.unique(y, return_inverse=True)  # half of the samples may lack a class
    means = np.stack([x[y == label].mean(axis=0) for label in known])
    residuals = x - means[place]
    covariance = residuals.T @ residuals / len(x)
    inputs = len(covariance)
    variance = float(np.trace(covariance)) / inputs
    if variance == 0:
        raise ValueError("an inhibition is found on samples that differ within their classes")
    shrunk = (1 - shrinkage) * covariance + shrinkage * variance * np.eye(inputs)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(shrunk)))


def _discriminants(x: Array, whitening: Array, rank: int) -> Array:
    """Return the directions in which samples vary most behind what whitens their residuals."""
    _, directions = np.linalg.eigh(whitening @ np.cov(x.T) @ whitening.T)
    return np.asarray(directions[:, ::-1][:, :rank].T @ whitening)
