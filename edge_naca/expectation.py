"""From a label to neuromodulator levels, and from levels to plasticity.

The rule is that of Zhang, Cheng, Jia, Li, Poo and Xu, Science Advances 9 (34), eadi2947, 2023.
A label sets an expectation E(c); a fixed matrix NI carries it to every neuron as a level
λ = E(c) · NI; a fixed curve m(λ) turns the level into size and sign of the plasticity there.
All of this happens on the host: what a device holds is the finished table m[class][neuron].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.limits import choice, whole

Float = NDArray[np.float64]

EXPECTATIONS = ("published", "orthogonal")
LEVEL_MATRICES = ("uniform", "normal", "beta")  # drawn; `block_matrix` makes the fourth kind

LEVEL_INVERSION = 0.5  # λ_inv: where plasticity changes its sign
CURVE_MAX = 1.2  # θ_max: the curve's greatest value
UNIT = 64  # what stands for a modulation of 1 in the table

POTENTIATING = 0.25  # a level where the curve is 1


def expectation(classes: int, kind: str = "published") -> Float:
    """Return E, float (classes, 2 · classes): a row for each class, two entries of ½ in each.

    "published" places them as the paper does, at ``floor(a)`` and ``floor(a + 1)`` with
    ``a_k = sqrt(2 ln(C / k))`` scaled to end at 2 (C − 1); neighbouring classes may then share a
    place. "orthogonal" gives every class two places of its own.
    """
    whole("classes", classes, 1, 1 << 16)
    choice("kind", kind, EXPECTATIONS)
    if kind == "orthogonal":
        first = 2 * np.arange(classes)
    else:
        a = np.sqrt(2 * np.log(classes / np.arange(1, classes + 1)))
        largest = a.max()
        scaled = a * (2 * (classes - 1) / largest) if largest > 0 else a
        # The first, 2 (C − 1) by definition, must not fall short of it by a rounding error.
        first = np.floor(scaled + 1e-9).astype(int)
    result = np.zeros((classes, 2 * classes))
    result[np.arange(classes), first] = 0.5
    result[np.arange(classes), first + 1] = 0.5
    return result


def level_matrix(kind: str, classes: int, neurons: int, seed: int = 0) -> Float:
    """Draw NI, float (2 · classes, neurons) within 0 .. 1, as the paper studies it.

    "uniform" in 0 .. 1, "normal" with mean ½ and deviation 1 clipped to 0 .. 1, "beta" of (½, ½).
    """
    choice("kind", kind, LEVEL_MATRICES)
    rng = np.random.default_rng(seed)
    shape = (2 * classes, neurons)
    if kind == "uniform":
        return rng.uniform(0, 1, shape)
    if kind == "normal":
        return np.clip(rng.normal(0.5, 1, shape), 0, 1)
    return rng.beta(0.5, 0.5, shape)


def block_matrix(owners: ArrayLike, classes: int, elsewhere: float = LEVEL_INVERSION) -> Float:
    """Return a block-sparse NI, float (2 · classes, neurons), for the orthogonal expectation.

    Each class's expectation reaches the neurons that it owns at a level where the curve is 1, and
    all others at `elsewhere`: λ_inv, the default, leaves them untouched; a little more depresses
    those that fire.

    Parameters
    ----------
    owners : int (neurons,), the class that each neuron belongs to.
    """
    own = np.asarray(owners)[None, :] == np.arange(classes)[:, None]
    return np.repeat(np.where(own, POTENTIATING, elsewhere), 2, axis=0)


def modulation(
    level: ArrayLike, inversion: float = LEVEL_INVERSION, most: float = CURVE_MAX
) -> Float:
    """Return the modulation curve m(λ): odd about λ_inv, m(0) = 1, m(½) = 0, m(1) = −1.

    Parameters
    ----------
    level : λ, 0 .. 1, of any shape.
    inversion, most : λ_inv and θ_max; as published unless given.
    """
    x = np.asarray(level, np.float64)
    mirrored = np.where(x <= inversion, x, 2 * inversion - x)
    low = most - (most - 1) * (4 * mirrored - inversion) ** 2 / inversion**2
    high = 4 * (mirrored - inversion) ** 2 / inversion**2
    value = np.where(mirrored <= inversion / 2, low, high)
    return np.where(x <= inversion, value, -value)


def modulation_table(expected: Float, levels: Float) -> NDArray[np.int8]:
    """Return m(E · NI) in 64ths, int8 (classes, neurons): the table that an image holds."""
    return np.rint(modulation(expected @ levels) * UNIT).astype(np.int8)
