"""What the answers of a gated network depend on: who else is in the batch.

The published gating is a mean over the batch that is answered. Fed with batches of one class, as
published, that mean tells the class. So each way to feed it is a measure of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.paper.continual import BATCH, batches
from edge_naca.paper.network import PaperNetwork
from edge_naca.paper.neurons import Array

Labels = NDArray[Any]


def accuracy_in_batches_of_one_class(network: PaperNetwork, x: Array, labels: Labels) -> float:
    """Return the published measure, 0 .. 1: the mean over classes, each in batches of its own.

    Parameters
    ----------
    x : float32 (samples, inputs).
    labels : whole numbers (samples,).
    """
    shares = []
    for label in np.unique(labels):
        own = batches(x[labels == label], BATCH)
        shares.append(_share(network, own, own, label))
    return float(np.mean(shares))


def accuracy_of_shuffled_pixels(
    network: PaperNetwork, x: Array, labels: Labels, seed: int = 0
) -> float:
    """Return how often images that show nothing are answered rightly under their class's mask.

    The pixels of each image are shuffled on their own; the mask is that of the batch of one class
    as it was before. What is answered rightly, 0 .. 1, mean over classes, the mask alone has told.
    """
    rng = np.random.default_rng(seed)
    shares = []
    for label in np.unique(labels):
        own = batches(x[labels == label], BATCH)
        shuffled = [rng.permuted(part, axis=1) for part in own]
        shares.append(_share(network, shuffled, own, label))
    return float(np.mean(shares))


def answers_of_the_mask(network: PaperNetwork, x: Array, labels: Labels) -> float:
    """Return how often the answer is the class of the mask where the images are of the next class.

    0 .. 1, mean over classes.
    """
    classes = np.unique(labels)
    shares = []
    for label, following in zip(classes, np.roll(classes, -1), strict=True):
        own, other = (batches(x[labels == one], BATCH) for one in (label, following))
        count = min(len(own), len(other))
        shares.append(_share(network, other[:count], own[:count], label))
    return float(np.mean(shares))


def accuracy_in_mixed_batches(network: PaperNetwork, x: Array, labels: Labels) -> float:
    """Return the accuracy, 0 .. 1, in batches of all classes, in the order of the samples."""
    answers = [network.predict(part) for part in batches(x, BATCH)]
    return float((np.concatenate(answers) == labels).mean())


def accuracy_alone(network: PaperNetwork, x: Array, labels: Labels) -> float:
    """Return the accuracy, 0 .. 1, of samples answered one at a time, as on a device."""
    answers = [network.predict(part) for part in batches(x, 1)]
    return float((np.concatenate(answers) == labels).mean())


def _share(network: PaperNetwork, parts: list[Array], masks: list[Array], label: int) -> float:
    """Return how often batches, each under the mask of another, are answered by `label`."""
    answers = [network.predict(x, mask_of) for x, mask_of in zip(parts, masks, strict=True)]
    return float((np.concatenate(answers) == label).mean())
