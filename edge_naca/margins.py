"""How near samples are to each class, in a network whose first population owns neurons by class."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.core import Core
from edge_naca.samples import default_kind
from edge_naca.specification.arithmetic import NO_MARGIN
from edge_naca.specification.novelty import best_of_classes
from edge_naca.specification.priors import owners

SHARE = 1 << 22  # margins computed at a time


def class_margins(
    core: Core, x: ArrayLike, kind: str | None = None, less: NDArray[np.int64] | int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the greatest margin of each class's neurons at the last step, and the answers.

    Parameters
    ----------
    core : with what it learned.
    x : samples (n, …) as `Core.infer` takes them.
    kind : "raw" or "codes"; None for raw where the network can prepare samples.
    less : (neurons,), what is taken off margins.

    Returns
    -------
    best
        (n, classes) as far as classes own neurons, `NO_MARGIN` for a class without recruited ones.
    answers
        (n,), −1 for none.
    """
    network, samples = core.network, np.asarray(x)
    hidden = network.populations[0]
    assert hidden.rule is not None
    kind = kind or default_kind(network)
    before = network.units - sum(population.neurons for population in network.populations)
    own, rows = slice(before, before + hidden.neurons), max(SHARE // network.units, 1)
    of = owners(hidden.rule)
    best = np.empty((len(samples), int(of.max(initial=-1)) + 1), np.int64)
    answers = np.empty(len(samples), np.int32)
    for first in range(0, len(samples), rows):
        part = slice(first, first + rows)
        margins, results = core.margins_many(samples[part], kind)
        found = margins[:, own].astype(np.int64)
        best[part] = best_of_classes(np.where(found == NO_MARGIN, NO_MARGIN, found - less), of)
        answers[part] = results["prediction"]
    return best, answers
