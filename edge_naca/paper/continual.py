"""The published course of continual learning: one class after another, in batches of one class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.paper.network import PaperNetwork
from edge_naca.paper.neurons import Array

BATCH = 256
EPOCHS = 100
ENOUGH = 0.95  # a class's accuracy, above which its lesson ends
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels in 0 .. 1


def normalised(pixels: ArrayLike) -> Array:
    """Return images as the published networks get them, float32 (samples, pixels).

    Pixels in 0 .. 1, less their mean over MNIST, in units of their deviation there.

    Parameters
    ----------
    pixels : 0 .. 255, (samples, ...).
    """
    x = np.asarray(pixels, np.float32)
    return (x.reshape(len(x), -1) / np.float32(255) - np.float32(MEAN)) / np.float32(DEVIATION)


def teach(
    network: PaperNetwork,
    x: Array,
    labels: NDArray[Any],
    order: Sequence[int],
    epochs: int = EPOCHS,
) -> list[int]:
    """Teach one class after another, and return how many epochs each took.

    Parameters
    ----------
    x : float32 (samples, inputs).
    labels : whole numbers (samples,).
    order : of the classes.
    epochs : the most that a class gets.
    """
    return [teach_class(network, x[labels == label], int(label), epochs=epochs) for label in order]


def teach_class(
    network: PaperNetwork, x: Array, label: int, *, batch: int = BATCH, epochs: int = EPOCHS
) -> int:
    """Teach one class until more than 95 % of its samples are answered rightly.

    After each epoch the samples just learned are answered in batches; the weights of the epoch with
    the smallest squared error are those that stay.

    Parameters
    ----------
    x : float32 (samples, inputs), all of the class `label`.

    Returns
    -------
    The number of epochs that it took.
    """
    rng = np.random.default_rng((network.description.seed, label))
    labels = np.full(len(x), label)
    target = np.eye(network.description.classes, dtype=np.float32)[label]
    least, best = np.inf, network.weights()
    count, right = 0, 0.0
    while count < epochs and right <= ENOUGH:
        for chosen in batches(rng.permutation(len(x)), batch):
            network.learn(x[chosen], labels[chosen])
        count += 1
        rates = np.concatenate([network.rates(part) for part in batches(x, batch)])
        right = float((rates.argmax(axis=1) == label).mean())
        loss = float(((rates - target) ** 2).mean())
        if loss < least:
            least, best = loss, network.weights()
    network.set_weights(best)
    return count


def batches(samples: NDArray[Any], size: int) -> list[NDArray[Any]]:
    """Return samples in batches of `size`; the last one may be smaller."""
    return [samples[first : first + size] for first in range(0, len(samples), size)]
