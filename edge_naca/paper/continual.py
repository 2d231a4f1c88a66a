"""The published course of continual learning: one class after another, whole batches of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.paper.network import Array, Network

Float = NDArray[np.float64]

BATCH = 256
EPOCHS = 100
ENOUGH = 0.95
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels in 0 .. 1: the published preparation


def normalised(pixels: ArrayLike) -> Array:
    """Return images as the published networks get them, float32 (samples, pixels).

    Parameters
    ----------
    pixels : 0 .. 255, (samples, ...).
    """
    x = np.asarray(pixels, np.float32)
    return (x.reshape(len(x), -1) / np.float32(255) - np.float32(MEAN)) / np.float32(DEVIATION)


def teach_class(
    network: Network,
    x: Array,
    label: int,
    *,
    batch: int = BATCH,
    epochs: int = EPOCHS,
    seed: int = 0,
) -> int:
    """Teach one class until more than 95 % of its samples are answered rightly.

    After each epoch the class's own samples are answered in batches; the weights of the epoch with
    the smallest squared error are those that stay.

    Returns
    -------
    The number of epochs that it took.
    """
    rng = np.random.default_rng((seed, label))
    labels = np.full(len(x), label)
    target = np.eye(network.description.classes, dtype=np.float32)[label]
    least, best = np.inf, network.weights()
    for epoch in range(1, epochs + 1):
        for chosen in batches(rng.permutation(len(x)), batch):
            network.learn(x[chosen], labels[chosen])
        rates = np.concatenate([network.rates(part) for part in batches(x, batch)])
        loss = float(((rates - target) ** 2).mean())
        if loss < least:
            least, best = loss, network.weights()
        if (rates.argmax(axis=1) == label).mean() > ENOUGH:
            break
    network.set_weights(best)
    return epoch


def batches(samples: NDArray[Any], size: int) -> list[NDArray[Any]]:
    """Return samples in batches of `size`, the last one as it comes out."""
    return [samples[first : first + size] for first in range(0, len(samples), size)]
