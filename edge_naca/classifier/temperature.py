"""How sure a classifier is: the temperature of its softmax, chosen on samples held out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax

USUAL = 0.03  # where nothing could be held out
LIMITS = 1e-4, 1e2


def best_temperature(scores: NDArray[np.float64], answers: NDArray[Any]) -> float:
    """Return the temperature under which probabilities are nearest to what was true.

    Parameters
    ----------
    scores : (n, classes), of samples that were not learned.
    answers : the column of each one's true class (n,).

    Notes
    -----
    Guo, Pleiss, Sun and Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017, but with
    squared differences (Brier, *Verification of Forecasts Expressed in Terms of Probability*,
    Monthly Weather Review 78, 1950): the likelihood lets few answers that are far off make all
    others doubtful. One of n + 2 answers counts as the best of the others, so that n right ones do
    not make certain: Platt, *Probabilistic Outputs for Support Vector Machines*, 1999, section 2.2.
    """
    rows = np.arange(len(scores))
    others = scores.copy()
    others[rows, answers] = -np.inf
    rivals = others.argmax(1)
    doubt = 1 / (len(scores) + 2)

    def score(power: float) -> float:
        p = softmax(scores / np.exp(power), axis=1)
        # Of |p − e|², e the unit vector of the truth, what depends on which class is true: −2 p.
        right, wrong = p[rows, answers].mean(), p[rows, rivals].mean()
        return float((p * p).sum(axis=1).mean() - 2 * ((1 - doubt) * right + doubt * wrong))

    found = minimize_scalar(score, bounds=tuple(np.log(LIMITS)), method="bounded")
    return float(np.exp(found.x))
