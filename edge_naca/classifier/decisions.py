"""From the margins of neurons to decisions on classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import presets
from edge_naca.core import Core
from edge_naca.margins import class_margins
from edge_naca.network import Network
from edge_naca.scaling import REACH


def margins_and_answers(
    core: Core, classes: int, raw: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the best margin of each class's neurons, and the answers.

    Parameters
    ----------
    core : with what it learned.
    classes : how many it has met.
    raw : integers (n, features).

    Returns
    -------
    float64 (n, classes) and int32 (n,).
    """
    best, answers = class_margins(core, raw)
    best = best[:, :classes]
    # Where none is answered, the nearest class counts all the same.
    return best.astype(np.float64), np.where(answers < 0, best.argmax(axis=1), answers)


def class_scores(
    core: Core, met: NDArray[Any], known: NDArray[Any], raw: NDArray[Any], unit: float
) -> NDArray[np.float64]:
    """Return decisions float64 (n, classes known), in the order of `known`.

    Parameters
    ----------
    met : the class of each index in the core.
    known : all classes, sorted.
    raw : integers (n, features).
    unit : what is typical of squared distances (`typical_square`).
    """
    margins, answers = margins_and_answers(core, len(met), raw)
    # The core answers a tie by the lower index; half the least difference says so.
    rows, best = np.arange(len(margins)), margins.max(axis=1)
    tied = (margins == best[:, None]).sum(axis=1) > 1
    margins[rows[tied], answers[tied]] = best[tied] + 0.5
    scores = np.repeat(margins.min(axis=1, keepdims=True) - unit, len(known), axis=1)
    scores[:, np.searchsorted(known, met)] = margins
    return np.asarray(scores / unit)


def typical_square(network: Network, has_front_end: bool) -> float:
    """Return what is typical of squared distances, as large as they are in potentials.

    That is a sample's squared norm, of which a third is left where all have the same norm.
    """
    preparation, rule = network.preparation, network.populations[0].rule
    assert preparation is not None
    assert rule is not None
    if has_front_end:
        return -network.populations[0].threshold / presets.REACH_UNEQUAL / 3
    square = preparation.norm**2 / 3
    if network.encoder.is_signed:
        square = network.encoded * (2**network.encoder.bits / presets.DEVIATIONS) ** 2
    elif not square:
        square = preparation.features * ((2**network.encoder.bits - 1) / REACH) ** 2
    return square * 2.0**rule.trace_shift
