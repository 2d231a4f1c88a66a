"""What to compare with on the very same stream: nearest class mean, and the network under SGD."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.network import Network

Array = NDArray[Any]


def coded(core: Core, dataset: Dataset) -> Dataset:
    """Return a data set whose samples are the codes that a core's preparation makes of them."""
    return replace(
        dataset,
        x_train=core.prepare_many(dataset.x_train),
        x_test=core.prepare_many(dataset.x_test),
    )


class NearestClassMean:
    """Answers the class whose mean sample is nearest. Never forgets, and never gets much better.

    Parameters
    ----------
    inputs, capacity : numbers in a sample, classes.
    """

    def __init__(self, inputs: int, capacity: int) -> None:
        self._sums = np.zeros((capacity, inputs))
        self._counts = np.zeros(capacity)

    def learn_many(self, x: Array, labels: Array) -> None:
        """Learn samples (n, inputs)."""
        np.add.at(self._sums, labels, x)
        np.add.at(self._counts, labels, 1)

    def predict_many(self, x: Array) -> Array:
        """Return the predicted class of each sample, −1 before anything was learned."""
        known = np.flatnonzero(self._counts)
        if not known.size:
            return np.full(len(x), -1)
        means = self._sums[known] / self._counts[known, None]
        distance = (means**2).sum(axis=1) - 2 * (np.asarray(x, np.float64) @ means.T)
        return known[distance.argmin(axis=1)]


class SurrogateGradientNetwork:
    """The same spiking network (inputs - hidden - classes), taught by stochastic gradient descent.

    Hidden neurons receive the same codes, whose bits leaky potentials add up to exactly W x; those
    above threshold spike, and an output adds up their weights. Backward, the step of the spike is
    replaced by the slope of a fast sigmoid (Zenke and Ganguli, 2018); cross-entropy loss, one
    sample at a time. Real numbers throughout.

    Parameters
    ----------
    inputs, hidden, capacity : sizes.
    largest : the largest code, by which samples are divided.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        capacity: int,
        largest: float,
        learning_rate: float = 0.05,
        seed: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        self._w1 = rng.normal(0, np.sqrt(2 / inputs), (hidden, inputs)).astype(np.float32)
        self._w2 = rng.normal(0, np.sqrt(1 / hidden), (capacity, hidden)).astype(np.float32)
        self._b1 = np.zeros(hidden, np.float32)
        self._b2 = np.zeros(capacity, np.float32)
        self._largest, self._rate = largest, np.float32(learning_rate)

    @classmethod
    def like(cls, network: Network) -> SurrogateGradientNetwork:
        """Return one with the inputs, last hidden population and classes of `network`."""
        return cls(
            network.inputs,
            network.populations[-2].neurons,
            network.capacity,
            2**network.encoder.bits - 1,
            seed=network.seed,
        )

    @property
    def weights(self) -> tuple[Array, Array]:
        """Weights as they are now, float32: (hidden, inputs) and (capacity, hidden)."""
        return self._w1, self._w2

    def learn_many(self, x: Array, labels: Array) -> None:
        """Learn samples (n, inputs)."""
        w1, w2, rate = self._w1, self._w2, self._rate
        for sample, label in zip(np.asarray(x, np.float32) / self._largest, labels, strict=True):
            potential = w1 @ sample + self._b1
            spikes = (potential > 0).astype(np.float32)
            logits = w2 @ spikes + self._b2
            error = np.exp(logits - logits.max())
            error /= error.sum()
            error[label] -= 1
            surrogate = 1 / (1 + np.abs(potential)) ** 2
            back = (error @ w2) * surrogate
            w2 -= rate * np.outer(error, spikes)
            self._b2 -= rate * error
            w1 -= rate * np.outer(back, sample)
            self._b1 -= rate * back

    def predict_many(self, x: Array) -> Array:
        """Return the predicted class of each sample."""
        potentials = np.asarray(x, np.float32) / self._largest @ self._w1.T + self._b1
        return np.asarray(((potentials > 0) @ self._w2.T + self._b2).argmax(axis=1))
