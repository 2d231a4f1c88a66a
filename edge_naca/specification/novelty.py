"""How little a sample looks like any known class (docs/arithmetic.md, section 7.9), in numpy."""

from __future__ import annotations

import numpy as np

from edge_naca.specification.arithmetic import NO_MARGIN, Int, bit_lengths

UNIT_BITS = 12  # 4096 stands for a novelty of 1
BITS = 17  # of what is compared
LARGEST = 65535
LARGEST_HALF = (1 << 30) - 1


def best_of_classes(plain: Int, owners: Int) -> Int:
    """Return the greatest margin of each class's neurons, (n, classes): `NO_MARGIN` for none.

    Parameters
    ----------
    plain : (n, neurons), margins without priors, `NO_MARGIN` of neurons that are not recruited.
    owners : (neurons,), the class that each belongs to, −1 for none.
    """
    classes = range(int(owners.max(initial=-1)) + 1)
    best = [plain[:, owners == owner].max(axis=1, initial=NO_MARGIN) for owner in classes]
    return np.stack(best, axis=1) if best else np.zeros((len(plain), 0), np.int64)


def novelty(best: Int, halves: Int, threshold: int) -> Int:
    """Return novelties, (n,), in 4096ths, at most 65535.

    It is the squared distance to the nearest neuron, relative to the mean squared distance to the
    nearest neurons of the other classes plus the sample's own squared norm: a sample that is far
    from everything is unknown, one that is merely strong is not. Of a single known class it is
    relative to the norm alone.

    Parameters
    ----------
    best : (n, classes), from `best_of_classes`.
    halves : (n,), half the squared norms of samples, in potentials.
    threshold : of the population, the same for all neurons.
    """
    known = best != NO_MARGIN
    distances = np.clip(halves[:, None] - best - threshold, 0, LARGEST_HALF)
    distances = np.where(known, distances, 0)
    largest = np.maximum(distances.max(axis=1, initial=0), halves)
    # Seventeen bits of each are enough, and leave room for the unit.
    coarse = np.maximum(bit_lengths(largest) - BITS, 0)
    half, away = halves >> coarse, distances >> coarse[:, None]
    nearest = np.where(known, away, LARGEST_HALF).min(axis=1, initial=LARGEST_HALF)
    others = known.sum(axis=1) - 1
    mean = (away.sum(axis=1) - nearest) // np.maximum(others, 1)
    far = np.where(others > 0, mean, 0) + half
    scaled = (nearest << UNIT_BITS) // np.maximum(far, 1)
    return np.where(known.any(axis=1), np.minimum(scaled, LARGEST), LARGEST)
