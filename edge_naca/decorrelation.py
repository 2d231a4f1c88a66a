"""What an inhibition does, in real numbers: for people who look at a network or at two states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.image import Decorrelation, State
from edge_naca.inhibition import Inhibition, to_square
from edge_naca.network import Network

Array = NDArray[Any]

# What the arithmetic limits them to, whatever a state holds.
LARGEST_PROTOTYPE, LARGEST_CENTRE, MOST_SHIFT, MOST_ROW_SHIFT = 2047, 1 << 26, 24, 15
LEAST_SINGULAR = 1e-3  # of V's largest singular value: below, rounding is all there is


def is_in_use(inhibition: Inhibition, learned: Decorrelation | None) -> bool:
    """Return whether codes pass V already; a learned one lets them through at first."""
    return not inhibition.is_learned or (learned is not None and learned.shift > 0)


def matrix(network: Network, state: State) -> Array:
    """Return V as it is in use: float (outputs, inputs), codes that go out per code that comes in.

    It leaves out that codes are rounded and limited. Without an inhibition, and as long as a
    learned one is not in use, V is the identity, scaled from the bits of one side to those of the
    other. What V gives is V x − `centre`.

    Parameters
    ----------
    state : of that network.
    """
    inhibition, learned = network.inhibition, state.inhibition
    if inhibition is None or not is_in_use(inhibition, learned):
        return np.eye(network.inputs) * 2.0 ** (network.encoder.bits - network.code_bits)
    if learned is None:
        weights, rows, shift = inhibition.dense(), inhibition.row_shifts, inhibition.shift
    else:
        weights, rows = to_square(learned.weights), learned.row_shifts & MOST_ROW_SHIFT
        shift = min(learned.shift, MOST_SHIFT)
    scale = 2.0 ** (rows.astype(np.float64) - shift)
    return np.asarray(weights * scale[:, None])


def centre(network: Network, state: State) -> Array:
    """Return what is taken off what V gives: float (outputs,), V of the mean of prototypes."""
    inhibition, learned = network.inhibition, state.inhibition
    if inhibition is None or not is_in_use(inhibition, learned):
        return np.zeros(network.inputs)
    v = inhibition if learned is None else learned
    rows = (v.row_shifts & MOST_ROW_SHIFT).astype(np.float64)
    stored = np.clip(v.centre.astype(np.float64), -LARGEST_CENTRE, LARGEST_CENTRE)
    return np.asarray(stored * 2.0 ** (rows - min(v.shift, MOST_SHIFT) - inhibition.fraction))


def frozen(
    network: Network, state: State, record: Mapping[str, Any] | None = None
) -> tuple[Network, State]:
    """Return a network whose V is the learned one of now, given for good, and its state.

    It answers as before and goes on learning with the first population; V, what learning it took
    and the prototypes leave the state, and V lies in flash. The metadata say so: "frozen" holds
    what was frozen, and after how many learned samples and residuals.

    Parameters
    ----------
    state : of that network.
    record : what else to note under "frozen": the command, the network that it was.

    Raises
    ------
    ValueError
        If the network learns no V, or none is in use yet.
    """
    inhibition, learned = network.inhibition, state.inhibition
    if inhibition is None or learned is None:
        raise ValueError("the network learns no inhibition: there is nothing to freeze")
    if not is_in_use(inhibition, learned):
        raise ValueError(
            f"the inhibition is not in use yet, but from {inhibition.first} learned samples on"
        )
    given = replace(
        inhibition,
        weights=learned.weights,
        row_shifts=learned.row_shifts & MOST_ROW_SHIFT,
        centre=learned.centre,
        shift=min(learned.shift, MOST_SHIFT),
    )
    note = {"what": "inhibition", "learned": state.learned, "residuals": learned.count}
    metadata = network.metadata | {"frozen": {**(record or {}), **note}}
    return (
        replace(network, inhibition=given, metadata=metadata),
        replace(state, inhibition=None),
    )


def correlations(v: Array) -> Array:
    """Return the correlations of inputs that V takes away: float (inputs, inputs), −1 .. 1.

    They are those of (VᵀV)⁻¹, the covariance of whatever V makes white. Directions in which V is
    nothing but rounding are left out.
    """
    inverse = np.linalg.pinv(v, rcond=LEAST_SINGULAR)
    covariance = inverse @ inverse.T
    deviation = np.sqrt(np.maximum(np.diag(covariance), np.finfo(float).tiny))
    return np.asarray(covariance / np.outer(deviation, deviation))


def prototypes(network: Network, state: State) -> Array:
    """Return what neurons of the first population stand for: float (neurons, inputs).

    Behind an inhibition weights say little by themselves, since they stand for what comes out of
    it. So these are what comes in: codes that the device keeps beside a learned V, or weights taken
    back through a given one. Without an inhibition they are the weights.

    Parameters
    ----------
    network : with populations.
    state : of that network.
    """
    inhibition = network.inhibition
    weights = state.populations[0].weights[:, : network.arriving].astype(np.float64)
    if inhibition is None:
        return weights
    if state.inhibition is not None:
        stored = state.inhibition.prototypes.astype(np.float64)
        kept = np.clip(stored, -LARGEST_PROTOTYPE, LARGEST_PROTOTYPE)
        return np.asarray(kept / 2.0**inhibition.fraction)
    rule = network.populations[0].rule
    codes = weights / 2.0 ** (0 if rule is None else rule.trace_shift)
    inverse = np.linalg.pinv(matrix(network, state), rcond=LEAST_SINGULAR)
    return np.asarray((codes + centre(network, state)) @ inverse.T)


def residual(inhibition: Inhibition, learned: Decorrelation) -> float:
    """Return the root mean square of the residuals that V learned, in codes that come in."""
    return float(np.sqrt(learned.mean) / 2.0 ** (inhibition.fraction - 1))


def shrinkage(inhibition: Inhibition) -> float:
    """Return the share of an input's variance that a learned V takes for its own, 0 .. 1.

    Noise λ, relative to residuals, shrinks correlations by λ / (1 + λ).
    """
    noise = inhibition.noise / 256
    return noise / (1 + noise)


def bytes_of_v(inhibition: Inhibition) -> int:
    """Return the bytes of V as it is in use: of the image, or of the learned state.

    A row has a shift and a centre of 32 bits beside its weights.
    """
    return inhibition.size + 5 * inhibition.outputs
