"""What neurons look for: their weights turned back into pictures of a sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.network import Network, Preparation

Array = NDArray[Any]

STROKE = 9  # pixels along the side of a cell that is drawn with strokes


def pictures(network: Network, weights: Array) -> Array | None:
    """Return what neurons of the first population look for, as pictures.

    Parameters
    ----------
    weights : (neurons, inputs), of the first population, without a bias; behind an inhibition what
        they stand for in front of it (`edge_naca.decorrelation.prototypes`).

    Returns
    -------
    ndarray or None
        float (neurons, height, width): a pixel for each cell or, where the network sees edges, a
        drawing in which each cell's strokes are as strong as the neuron's weights. The channels of
        a sample are added up; what an "off" input sees counts as negative, and
        so do weights for inputs below their middle where codes have a sign. None if samples are no
        images, or frozen stages lie between them and the neurons.
    """
    prep = network.preparation
    if (
        network.stages
        or prep is None
        or min(prep.shape[:2]) < 2
        or weights.shape[1] != prep.outputs
    ):
        return None
    planes = _planes(prep, weights.astype(np.float64))
    if prep.spatial == "pool":
        return np.asarray(planes.sum(axis=1))
    oriented = planes.reshape(len(weights), prep.shape[2], 4, *prep.grid).sum(axis=1)
    return _drawn(oriented)


def _planes(prep: Preparation, weights: Array) -> Array:
    """Return weights as (neurons, planes, rows, columns), off inputs taken from on inputs."""
    if prep.signed:
        weights = weights[:, : prep.features] - weights[:, prep.features :]
    return weights.reshape(len(weights), -1, *prep.grid)


def strokes() -> Array:
    """Return how an edge of each orientation is drawn, float (4, STROKE, STROKE) in 0 .. 1.

    A gradient along x (the first orientation, docs/arithmetic.md, section 3) comes from a vertical
    edge, one along y from a horizontal one; dx + dy is largest along a falling diagonal, from an
    edge that rises to the right, dx − dy from one that falls.
    """
    at = np.arange(STROKE) - STROKE // 2
    x, y = np.meshgrid(at, at)
    diagonal = np.sqrt(0.5)
    distance = np.stack([x, y, (x + y) * diagonal, (x - y) * diagonal])
    return np.clip(1.6 - np.abs(distance), 0, 1)


def _drawn(oriented: Array) -> Array:
    """Return (neurons, 4, rows, columns) as drawings; where strokes cross the strongest shows."""
    neurons, _, rows, columns = oriented.shape
    cells = oriented.transpose(0, 2, 3, 1)[..., None, None] * strokes()
    which = np.abs(cells).argmax(axis=3)[:, :, :, None]
    strongest = np.take_along_axis(cells, which, 3)[:, :, :, 0]
    return strongest.transpose(0, 1, 3, 2, 4).reshape(neurons, rows * STROKE, columns * STROKE)
