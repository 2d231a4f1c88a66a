"""The network as a model of NeuroBench: its harness against what the core counts itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from neurobench_figures import run

from edge_naca import Core, data, recipes
from edge_naca.frameworks.neurobench import NacaNeuroBench
from edge_naca.network import Encoder, Network
from edge_naca.stages import SpikingConvolution


def test_its_figures_are_the_core_s() -> None:
    digits = data.load("digits")
    core = Core(recipes.network_for(digits, max_kib=16))
    core.learn_many(digits.x_train, digits.y_train)
    x, y = digits.x_test[:120], digits.y_test[:120].astype(np.int64)
    results = run(core.image(), x, y)
    answers = core.infer_many(x)
    assert results["ClassificationAccuracy"] == pytest.approx((answers["prediction"] == y).mean())
    assert results["ClassificationAccuracy"] > 0.9
    assert results["Footprint"] == len(core.image())
    weights = [core.weights(number) for number in range(len(core.network.populations))]
    zero = sum(int((part == 0).sum()) for part in weights) / sum(part.size for part in weights)
    assert results["ConnectionSparsity"] == pytest.approx(zero, abs=1e-4)
    spikes = np.stack([core.record(sample).spikes for sample in x])
    assert results["ActivationSparsity"] == pytest.approx(1 - spikes.mean())
    operations = results["SynapticOperations"]
    assert operations["Effective_MACs"] == 0
    assert operations["Effective_ACs"] == pytest.approx(_operations(core, x), rel=1e-6)
    assert operations["Effective_ACs"] <= answers["synops"].mean() < operations["Dense"]


def _operations(core: Core, x: Any) -> float:
    """Return how many weights other than 0 a sample's spikes meet."""
    network, total = core.network, 0.0
    for sample in x:
        recording = core.record(sample)
        sent, first = np.abs(recording.input_spikes.astype(int)), 0
        for number, population in enumerate(network.populations):
            inputs = sent.shape[1]
            total += (sent @ (core.weights(number)[:, :inputs] != 0).T).sum()
            sent = recording.spikes[:, first : first + population.neurons].astype(int)
            first += population.neurons
    return total / len(x)


def test_frozen_stages_are_refused() -> None:
    stage = SpikingConvolution(shape=(1, 1, 4), weights=np.ones((2, 4, 1, 1), np.int8))
    network = Network(4, Encoder("direct", 4, 2), (), stages=(stage,))
    with pytest.raises(ValueError, match="populations only"):
        NacaNeuroBench(network)
