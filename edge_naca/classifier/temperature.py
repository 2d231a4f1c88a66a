"""How sure a classifier is: the temperature of its softmax, chosen on samples held out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

USUAL = 0.03  # where nothing could be held out
LIMITS = 1e-4, 1e2


def best_temperature(scores: NDArray[np.float64], answers: NDArray[Any]) -> float:
    """Return the temperature under which the true classes are likeliest.

    Parameters
    ----------
    scores : (n, classes), of samples that were not learned.
    answers : the column of each one's true class (n,).

    Notes
    -----
    Guo, Pleiss, Sun and Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017. One of
    n + 2 answers counts as the best of the others, so that n right ones do not make certain:
    Platt, *Probabilistic Outputs for Support Vector Machines*, 1999, section 2.2.
    """
    rows = np.arange(len(scores))
    others = scores.copy()
    others[rows, answers] = -np.inf
    rivals = others.argmax(1)
    doubt = 1 / (len(scores) + 2)

    def surprise(power: float) -> float:
        log = log_softmax(scores / np.exp(power), axis=1)
        right, wrong = log[rows, answers].mean(), log[rows, rivals].mean()
        return -float((1 - doubt) * right + doubt * wrong)

    found = minimize_scalar(surprise, bounds=tuple(np.log(LIMITS)), method="bounded")
    return float(np.exp(found.x))
