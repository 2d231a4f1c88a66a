"""NIR between edge-naca and snnTorch, Norse and SpikingJelly, each running as it is published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from models import make
from nir_exchange import FILES, KINDS, STEPS, Ours, check_numbers, halfway, ours
from norse.torch import from_nir as norse_from_nir
from snntorch.import_nir import import_from_nir as snntorch_from_nir
from spikingjelly.activation_based.nir_exchange import import_from_nir as spikingjelly_from_nir

from edge_naca.export.conversion.layers import ConversionError
from edge_naca.export.nir.options import NirOptions
from edge_naca.export.nir.read import nir_layers

HERE = ("snntorch", "norse", "spikingjelly")


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


def test_recurrent_connections_are_refused_by_name(remade: Path) -> None:
    with pytest.raises(ConversionError, match=r"1\.lif .*cycle: recurrent connections cannot"):
        nir_layers(remade / "snntorch_recurrent.nir", NirOptions())


Run = Callable[[Any, Any], Any]


def _spikingjelly(graph: Any) -> Run:
    return spikingjelly_from_nir(halfway(graph), dt=1e-4)


READERS: dict[str, Callable[[Any], Run]] = {
    "snntorch": snntorch_from_nir,
    "norse": lambda graph: norse_from_nir(graph, ignore_warnings=True, dt=1e-4),
    "spikingjelly": _spikingjelly,
}


def _spikes(read: Callable[[Any], Run], network: Ours) -> Any:
    model, state, spikes = read(nir.read(network.path)), None, torch.zeros(())
    with torch.no_grad():
        for _ in range(STEPS):
            out, state = model(torch.tensor(network.x), state)
            spikes = spikes + out
    return spikes.reshape(len(network.x), -1).numpy()


# docs/frameworks.md says why, and what to do.
EQUAL = {
    ("snntorch", "LIF"),
    ("snntorch", "CubaLIF"),
    ("norse", "IF"),
    ("norse", "CubaLIF"),
    ("spikingjelly", "IF"),
    ("spikingjelly", "CubaLIF"),
    ("spikingjelly", "LIF"),
    ("spikingjelly", "convolutions"),
}
REFUSED = {
    ("snntorch", "IF"): "r != 1 not supported",
    ("snntorch", "IF-subtracting"): "r != 1 not supported",
    ("snntorch", "convolutions"): "r != 1 not supported",
    ("norse", "convolutions"): "shapes cannot be multiplied",
}


@pytest.mark.parametrize("framework", READERS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_they_make_of_ours(framework: str, kind: str) -> None:
    network = ours(kind)
    reason = REFUSED.get((framework, kind))
    if reason is not None:
        with pytest.raises(Exception, match=reason):
            _spikes(READERS[framework], network)
        return
    is_equal = np.array_equal(_spikes(READERS[framework], network), network.spikes)
    assert is_equal == ((framework, kind) in EQUAL)
