"""The neurons of the paper's two kinds of network, and the local term that each has to learn by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Response(NamedTuple):
    """What a population does in one presentation of `steps` steps to a batch.

    Parameters
    ----------
    activity : float32 (steps, batch, neurons): spikes, 0 or 1, or the one graded answer.
    term : float32 (batch, neurons), the local term of the last step: what a change of the drive
        W u does to the neuron, as far as the rule knows.
    """

    activity: Array
    term: Array


class Neurons(Protocol):
    """A kind of neuron."""

    def respond(self, drive: Array) -> Response:
        """Return the response to a drive W u + b, float32 (steps, batch, neurons)."""
        ...


# ---- what turns a drive into a current or an answer ----------------------------------------------


class Activation(NamedTuple):
    """A function of the drive, and its slope as a function of its value."""

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]


def _sigmoid(drive: Array) -> Array:
    return np.asarray((1 + np.tanh(drive / 2)) / 2, np.float32)  # exp would overflow


IDENTITY = Activation(lambda drive: drive, np.ones_like)
SIGMOID = Activation(_sigmoid, lambda value: value * (1 - value))
TANH = Activation(np.tanh, lambda value: 1 - value**2)


# ---- neurons -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LeakyNeurons:
    """Leaky integrate-and-fire neurons.

    Potentials begin at 0. At each step v ← d · v · (1 − s) + I, then s ← [v > θ]: a spike sets the
    potential back to 0 before the next current arrives. The local term of the last step is Δs · I',
    where Δs = [v > θ − ℓ] − s(previous step) is −1, 0 or 1 and I' the slope of the current.

    Parameters
    ----------
    current : I of the drive: σ in the network for continual learning, the drive itself in that for
        i.i.d. classification.
    margin : ℓ, in the unit of potentials: 0.2 and 0.5 there.
    decay, threshold : d and θ.
    """

    current: Activation
    margin: float
    decay: float = 0.2
    threshold: float = 0.5

    def respond(self, drive: Array) -> Response:
        """Return spikes of all steps, and Δs · I' of the last."""
        currents = self.current.value(drive)
        spikes = np.empty_like(currents)
        potential = np.zeros_like(currents[0])
        silent = np.ones_like(potential)
        for step, current in enumerate(currents):
            potential = np.float32(self.decay) * potential * silent + current
            spikes[step] = potential > self.threshold
            silent = 1 - spikes[step]
        previous = spikes[-2] if len(spikes) > 1 else np.zeros_like(potential)
        delta = (potential > self.threshold - self.margin) - previous
        return Response(spikes, delta * self.current.slope(currents[-1]))


@dataclass(frozen=True)
class GradedNeurons:
    """Neurons of an artificial network: one step, an answer f(W u + b), the local term f'."""

    activation: Activation

    def respond(self, drive: Array) -> Response:
        """Return the answers and the slopes there."""
        values = self.activation.value(drive)
        return Response(values, self.activation.slope(values[-1]))
