"""The paper's networks: inputs, hidden populations, an output; learning in one forward sweep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.expectation import (
    CURVE_MAX,
    LEVEL_INVERSION,
    expectation,
    level_matrix,
    modulation,
)
from edge_naca.limits import choice
from edge_naca.paper.neurons import (
    IDENTITY,
    SIGMOID,
    TANH,
    Array,
    GradedNeurons,
    LeakyNeurons,
    Neurons,
)
from edge_naca.paper.optimisers import Adam, Optimiser, Sgd

Index = NDArray[np.intp]


@dataclass(frozen=True)
class Description:
    """All that a network of the paper is.

    Parameters
    ----------
    hidden_neurons, output_neurons : what the two populations are made of.
    steps : T of the rate code; 0 where numbers go in as they are, as in the artificial networks.
    inputs, hidden, classes : sizes.
    deeper : sizes of hidden populations behind the first one; they have no biases.
    biases : whether hidden and output neurons have one.
    gate_depth : the published input gating, in the unit of inputs; None for none.
    learning_rate : η; gradients are summed over a batch.
    optimiser : "sgd" or "adam"; Adam goes without gating only.
    gain : how many times 1/√inputs hidden weights begin within.
    learns_hidden : False leaves hidden weights as they were drawn.
    levels : NI, "uniform", "normal" or "beta".
    inversion, curve_max : λ_inv and θ_max of the modulation curve.
    seed : of weights, NI and the rate code.
    """

    hidden_neurons: Neurons
    output_neurons: Neurons
    steps: int
    inputs: int = 784
    hidden: int = 1000
    classes: int = 10
    deeper: tuple[int, ...] = ()
    biases: tuple[bool, bool] = (False, True)
    gate_depth: float | None = 0.2
    learning_rate: float = 5e-4
    optimiser: str = "sgd"
    gain: float = 1.0
    learns_hidden: bool = True
    levels: str = "uniform"
    inversion: float = LEVEL_INVERSION
    curve_max: float = CURVE_MAX
    seed: int = 0


def continual_snn(**changes: Any) -> Description:
    """Return the published SNN for continual learning, 784-1000-10, with fields changed."""
    neurons = LeakyNeurons(SIGMOID, margin=0.2)
    return replace(Description(neurons, neurons, steps=20), **changes)


def continual_ann(**changes: Any) -> Description:
    """Return the published ANN for continual learning: σ everywhere, no biases."""
    neurons = GradedNeurons(SIGMOID)
    return replace(Description(neurons, neurons, steps=0, biases=(False, False)), **changes)


def iid_snn(**changes: Any) -> Description:
    """Return the published SNN for i.i.d. classification without its convolutions: I = W u + b."""
    neurons = LeakyNeurons(IDENTITY, margin=0.5)
    description = Description(neurons, neurons, steps=20, biases=(True, True), gate_depth=None)
    return replace(description, **changes)


def iid_ann(**changes: Any) -> Description:
    """Return the published ANN for i.i.d. classification without its convolutions."""
    hidden, output = GradedNeurons(TANH), GradedNeurons(SIGMOID)
    description = Description(hidden, output, steps=0, biases=(True, True), gate_depth=None)
    return replace(description, **changes)


def rate_code(x: Array, steps: int, rng: np.random.Generator) -> Array:
    """Return spikes, float32 (steps, batch, inputs): input i spikes where x_i > U(min x, max x).

    Smallest and largest are those of the whole batch, `x` float32 (batch, inputs).
    """
    low, span = x.min(), np.ptp(x) or 1
    spikes = rng.random((steps, *x.shape), np.float32)
    return np.less(spikes, (x - low) / span, out=spikes)


def open_neurons(x: Array, neurons: int, depth: float | None) -> Index:
    """Return which hidden neurons the published input gating ("input type") leaves active.

    The mean of the batch, resized to one number a neuron by nearest neighbours, opens those that
    reach its maximum − `depth`. (The authors' program has σ(1000 · difference) for this step; it
    differs within some thousandths of the threshold.) A batch of one class opens neurons by which
    that class can be told: the mask carries the answer.

    Parameters
    ----------
    x : float32 (batch, inputs).
    depth : in the unit of inputs; None opens all.
    """
    if depth is None:
        return np.arange(neurons)
    mean = x.mean(axis=0)
    mask = mean[np.arange(neurons) * len(mean) // neurons]
    return np.flatnonzero(mask > mask.max() - depth)


class PaperNetwork:
    """A network of the paper, with its weights.

    Weights and biases begin uniform within ±1/√(inputs of the population), hidden ones within
    `gain` times that. The same description makes the same network, and the same course of learning.

    Parameters
    ----------
    description : what it is.

    Attributes
    ----------
    hidden_weights : float32 (hidden, inputs).
    deeper_weights : float32 (neurons, neurons before) of each population behind the first one.
    output_weights : float32 (classes, neurons of the last hidden population).
    hidden_bias, output_bias : float32; they stay 0 where there is none.
    modulation : float32 (classes, hidden), m(E(c) · NI), of the first hidden population.
    """

    def __init__(self, description: Description) -> None:
        of = description
        self.description = of
        rng = np.random.default_rng((of.seed, 1))  # NI is drawn from `seed` itself
        shape = of.hidden, of.inputs
        self.hidden_weights, self.hidden_bias = _start(rng, shape, of.biases[0], of.gain)
        sizes = (of.hidden, *of.deeper)
        shapes = [(after, before) for before, after in pairwise(sizes)]
        self.deeper_weights = [_start(rng, shape, False, of.gain)[0] for shape in shapes]
        shape = of.classes, sizes[-1]
        self.output_weights, self.output_bias = _start(rng, shape, of.biases[1])
        self._modulations = [self._modulation_of(n, place) for place, n in enumerate(sizes)]
        self.modulation = self._modulations[0]
        self._optimiser = _optimiser(of)
        self._rng = rng

    def _modulation_of(self, neurons: int, place: int) -> Array:
        of = self.description
        # NI of the first population is drawn from `seed` itself, each further one from its own.
        seed = of.seed if place == 0 else of.seed + 7919 * place
        levels = expectation(of.classes) @ level_matrix(of.levels, of.classes, neurons, seed)
        return modulation(levels, of.inversion, of.curve_max).astype(np.float32)

    def learn(self, x: ArrayLike, labels: ArrayLike) -> None:
        """Learn one batch.

        ΔW_ji = −η Σ f_j term_j u_i over the batch, at the last step. The factor f is the modulation
        m(λ_j) of the sample's label in the hidden population, and the error (rate − one-hot) in the
        output. Each further population learns from the spikes of before of the one below it.

        Parameters
        ----------
        x : (batch, inputs).
        labels : whole numbers (batch,).
        """
        x, labels = np.asarray(x, np.float32), np.asarray(labels)
        of = self.description
        u, opened, hidden, deeper, output = self._present(x, x)
        below = [hidden, *deeper]
        error = output.activity.mean(axis=0)
        error[np.arange(len(x)), labels] -= 1
        slope = error * output.term
        move = self._optimiser.change
        reached = opened if not deeper else slice(None)
        self.output_weights[:, reached] -= move("output", slope.T @ below[-1].activity[-1])
        if of.biases[1]:
            self.output_bias -= move("output bias", slope.sum(axis=0))
        if of.learns_hidden:
            slope = self.modulation[labels][:, opened] * hidden.term
            self.hidden_weights[opened] -= move("hidden", slope.T @ u[-1])
            if of.biases[0]:
                self.hidden_bias[opened] -= move("hidden bias", slope.sum(axis=0))
        for place, response in enumerate(deeper):
            slope = self._modulations[place + 1][labels] * response.term
            columns = opened if place == 0 else slice(None)
            gradient = slope.T @ below[place].activity[-1]
            self.deeper_weights[place][:, columns] -= move(f"deeper {place}", gradient)

    def rates(self, x: ArrayLike, mask_of: ArrayLike | None = None) -> Array:
        """Return the output's firing rates, or its graded answers, float32 (batch, classes).

        Parameters
        ----------
        x : (batch, inputs).
        mask_of : the batch whose mean gates the hidden neurons, if it is another one.
        """
        x = np.asarray(x, np.float32)
        mask_of = x if mask_of is None else np.asarray(mask_of, np.float32)
        return np.asarray(self._present(x, mask_of)[-1].activity.mean(axis=0))

    def predict(self, x: ArrayLike, mask_of: ArrayLike | None = None) -> Index:
        """Return the class of the greatest rate for each sample; of equal ones the first."""
        return self.rates(x, mask_of).argmax(axis=1)

    def weights(self) -> tuple[Array, ...]:
        """Return copies of hidden and output weights, their biases, and deeper weights."""
        first = self.hidden_weights, self.output_weights, self.hidden_bias, self.output_bias
        parts = *first, *self.deeper_weights
        return tuple(part.copy() for part in parts)

    def set_weights(self, weights: tuple[Array, ...]) -> None:
        """Go back to what `weights` returned."""
        self.hidden_weights, self.output_weights, self.hidden_bias, self.output_bias = weights[:4]
        self.deeper_weights = list(weights[4:])

    def _present(self, x: Array, mask_of: Array) -> tuple[Any, ...]:
        """Return what goes in, the neurons that are open, and all populations' responses."""
        of = self.description
        u = rate_code(x, of.steps, self._rng) if of.steps else x[None]
        opened = open_neurons(mask_of, of.hidden, of.gate_depth)
        drive = _drive(u, self.hidden_weights[opened], self.hidden_bias[opened])
        hidden = of.hidden_neurons.respond(drive)
        below, columns, deeper = hidden, opened, []
        for weights in self.deeper_weights:
            none = np.zeros(len(weights), np.float32)
            below = of.hidden_neurons.respond(_drive(below.activity, weights[:, columns], none))
            deeper.append(below)
            columns = np.arange(len(weights))
        drive = _drive(below.activity, self.output_weights[:, columns], self.output_bias)
        return u, opened, hidden, deeper, of.output_neurons.respond(drive)


def _optimiser(of: Description) -> Optimiser:
    choice("optimiser", of.optimiser, ("sgd", "adam"))
    if of.optimiser == "sgd":
        return Sgd(of.learning_rate)
    if of.gate_depth is not None:
        raise ValueError("Adam keeps moments of all weights: set gate_depth to None, or use sgd")
    return Adam(of.learning_rate)


def _start(
    rng: np.random.Generator, shape: tuple[int, int], has_bias: bool, gain: float = 1
) -> tuple[Array, Array]:
    """Return weights (neurons, inputs) and a bias a neuron."""
    reach = gain * shape[1] ** -0.5
    weights = rng.uniform(-reach, reach, shape).astype(np.float32)
    bias = rng.uniform(-reach, reach, shape[0]) if has_bias else np.zeros(shape[0])
    return weights, bias.astype(np.float32)


def _drive(u: Array, weights: Array, bias: Array) -> Array:
    """Return W u + b of every step, float32 (steps, batch, neurons)."""
    return (u.reshape(-1, u.shape[-1]) @ weights.T + bias).reshape(*u.shape[:2], -1)
