"""The specification and the C core learn the whole of MNIST alike, sample by sample."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from edge_naca import presets
from edge_naca.core import Core
from edge_naca.network import Preparation
from edge_naca.specification.network import Specification


@pytest.mark.data
@pytest.mark.slow
def test_whole_mnist_pass() -> None:
    folder = os.environ.get("EDGE_NACA_DATA")
    if not folder:
        pytest.skip("EDGE_NACA_DATA does not say where mnist.npz is")
    with np.load(Path(folder) / "mnist.npz") as data:
        images, labels = data["x_train"], data["y_train"].astype(int)
    order = np.argsort(labels, kind="stable")  # one class after another
    preparation = Preparation((28, 28, 1), "pool", 2, gain=np.array([3]), shift=4, norm=100)
    network = presets.competitive(preparation, 10, 10)
    core, specification = Core(network), Specification(network)
    for part in np.array_split(order, 20):
        core.learn_many(images[part], labels[part])
        for sample in part:
            specification.learn(images[sample], int(labels[sample]))
        assert specification.state_hash() == core.state_hash()
    predicted = core.predict_many(images[order[::60]])
    assert (predicted == labels[order[::60]]).mean() > 0.85
