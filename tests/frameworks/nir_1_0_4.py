"""NIR between edge-naca and sinabs and Rockpool, which ask for nir 1.0.4."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from models import make
from nir_exchange import FILES, KINDS, STEPS, THRESHOLD, check_numbers, halfway, ours
from rockpool.nn.modules.torch.nir import from_nir as rockpool_from_nir
from sinabs.activation import MembraneReset, MembraneSubtract, SingleSpike
from sinabs.nir import from_nir as sinabs_from_nir

from edge_naca.export.conversion.layers import ConversionError
from edge_naca.export.nir.options import NirOptions
from edge_naca.export.nir.read import nir_layers

HERE = ("sinabs", "rockpool")


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the frameworks write today."""
    folder = tmp_path_factory.mktemp("models")
    for framework in HERE:
        make.remake(framework, folder)
    return folder


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(HERE)])
def test_what_they_write_does_here_what_it_does_there(name: str, remade: Path) -> None:
    check_numbers(name, remade)


def test_another_time_step_than_rockpool_s_is_refused(remade: Path) -> None:
    options = NirOptions(exporter="rockpool", dt=2e-3, steps=5, encoder="direct", full_scale=1)
    with pytest.raises(ConversionError, match=r"not those that Rockpool writes for dt = 0\.002"):
        nir_layers(remade / "rockpool_dense.nir", options)


# sinabs takes time constants for numbers of steps, which ours are not: it equals us without leak.
# Neurons with a synaptic current it leaves out of what it makes.
@pytest.mark.parametrize("kind", KINDS)
def test_what_sinabs_makes_of_ours(kind: str) -> None:
    network = ours(kind)
    subtracts = "subtracting" in kind
    model = sinabs_from_nir(halfway(nir.read(network.path)), num_timesteps=1)
    for layer in model.modules():
        if hasattr(layer, "spike_fn"):  # what a file does not say
            layer.spike_fn = SingleSpike
            layer.min_v_mem = None
            layer.reset_fn = MembraneSubtract(THRESHOLD) if subtracts else MembraneReset()
    spikes = torch.zeros(())
    with torch.no_grad():
        for _ in range(STEPS):
            spikes = spikes + model(torch.tensor(network.x))[0].reshape(len(network.x), -1)
    assert np.array_equal(spikes.numpy(), network.spikes) == ("LIF" not in kind)


@pytest.mark.parametrize("kind", KINDS)
def test_what_rockpool_makes_of_ours(kind: str) -> None:
    network = ours(kind)
    if kind.startswith("CubaLIF"):
        model = rockpool_from_nir(nir.read(network.path))
        for layer in model.modules():
            if hasattr(layer, "max_spikes_per_dt"):
                layer.max_spikes_per_dt = torch.tensor(1.0)
        x = torch.tensor(network.x)[:, None].repeat(1, STEPS, 1)
        with torch.no_grad():
            out: Any = model(x)[0]
        # It takes an exponential for our Euler step, and another dt: like ours, but not the same.
        spikes = out.sum(dim=1).numpy()
        assert not np.array_equal(spikes, network.spikes)
        assert spikes.any()
        return
    with pytest.raises((NotImplementedError, AttributeError), match=r"Cannot convert|tau_mem"):
        rockpool_from_nir(nir.read(network.path))
