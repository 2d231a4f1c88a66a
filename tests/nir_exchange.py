"""NIR between frameworks: networks of theirs read here, networks of ours for them to read.

    python tests/nir_exchange.py FOLDER

writes ours, in an environment with the nir that edge-naca asks for: some frameworks ask for an
older one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nir_graphs import MODELS
from numpy.typing import NDArray
from support import ROOT

from edge_naca import Core
from edge_naca.export.conversion import float_model
from edge_naca.export.conversion.layers import Layer
from edge_naca.export.nir.front_end import samples_for
from edge_naca.export.nir.options import NirOptions
from edge_naca.export.nir.read import nir_layers
from edge_naca.export.nir.write import nir_file
from edge_naca.network import Encoder, Network
from edge_naca.stages import SpikingConvolution, SpikingPool, Stage

# File, and what has to be said beside the framework's name.
FILES: dict[str, dict[str, Any]] = {
    "snntorch_synaptic": {},
    "snntorch_zero": {"reset": "zero"},
    "norse_dense": {},
    "sinabs_conv": {},
    "spikingjelly_conv": {},
    "rockpool_dense": {},
}


def load(name: str, folder: Path = MODELS) -> tuple[dict[str, Any], NirOptions]:
    """Return what a framework made of its samples, and what has to be said to read its file."""
    with np.load(folder / f"{name}.npz") as file:
        told = dict(file)
    options = NirOptions(
        exporter=name.split("_")[0],
        steps=int(told["steps"]),
        full_scale=float(told["full_scale"]),
        encoder="direct",
        **FILES[name],
    )
    return told, options


def simulate(
    layers: list[Layer], x: Any, options: NirOptions
) -> tuple[float_model.Simulation, Any]:
    """Run a file's layers in real numbers; return that and the last neurons' numbers of spikes."""
    source = samples_for(x, layers, options).source()
    simulation = float_model.simulate(layers, source.samples, source.steps, source.real, True)
    return simulation, simulation.counts[-1].reshape(len(x), -1)


def check_numbers(name: str, folder: Path = MODELS) -> None:
    """Assert that a file in real numbers does exactly what the framework did."""
    told, options = load(name, folder)
    layers = nir_layers(folder / f"{name}.nir", options)
    simulation, counts = simulate(layers, told["x"], options)
    if "counts" in told:
        assert told["counts"].any()
        np.testing.assert_array_equal(counts, told["counts"])
    else:
        np.testing.assert_allclose(simulation.potentials, told["potentials"], atol=1e-5)


@dataclass(frozen=True)
class Ours:
    """A network of ours as NIR, and what the C core makes of samples of it.

    Parameters
    ----------
    path : of the file.
    x : codes, float32 (samples, …), a constant input at every step.
    spikes : of the last neurons, (samples, neurons).
    """

    path: Path
    x: NDArray[np.float32]
    spikes: NDArray[Any]


OURS = ROOT / "build" / "frameworks" / "ours"
STEPS = 12
THRESHOLD = 300
OUTPUTS = 6

# Decay of potentials and of synaptic currents in 256ths, what a spike does, whether it convolves.
KINDS: dict[str, tuple[int, int | None, str, bool]] = {
    "IF": (256, None, "zero", False),
    "IF-subtracting": (256, None, "subtract", False),
    "LIF": (224, None, "zero", False),
    "CubaLIF": (224, 192, "zero", False),
    "CubaLIF-subtracting": (224, 192, "subtract", False),
    "convolutions": (256, None, "zero", True),
}


def ours(kind: str) -> Ours:
    """Return a network of a kind of `KINDS` as it was written."""
    with np.load(OURS / f"{kind}.npz") as file:
        return Ours(OURS / f"{kind}.nir", file["x"], file["spikes"])


def write(kind: str, folder: Path) -> None:
    """Write a network of a kind of `KINDS` into a folder, and what it makes of samples."""
    decay, synapse, reset, is_image = KINDS[kind]
    rng = np.random.default_rng(len(kind))
    common: dict[str, Any] = {
        "threshold": np.array([THRESHOLD]),
        "decay": np.array([decay]),
        "synapse_decay": None if synapse is None else np.array([synapse]),
        "reset": reset,
        "reset_by": np.array([THRESHOLD if reset == "subtract" else 0]),
    }

    def weights(*shape: int) -> Any:
        return rng.integers(-30, 31, shape).astype(np.int8)

    stages: tuple[Stage, ...]
    if is_image:
        stages = (
            SpikingConvolution(
                shape=(8, 8, 1), weights=weights(4, 1, 3, 3), padding=(1, 1), **common
            ),
            SpikingPool(shape=(8, 8, 4), kernel=(2, 2), stride=(2, 2)),
            SpikingConvolution(shape=(4, 4, 4), weights=weights(OUTPUTS, 4, 4, 4), **common),
        )
    else:
        stages = (
            SpikingConvolution(shape=(1, 1, 16), weights=weights(24, 16, 1, 1), **common),
            SpikingConvolution(shape=(1, 1, 24), weights=4 * weights(OUTPUTS, 24, 1, 1), **common),
        )
    network = Network(int(np.prod(stages[0].shape)), Encoder("direct", 4, STEPS), (), stages=stages)
    x = rng.integers(0, 16, (24, network.inputs))
    core = Core(network)
    spikes = [core.record(one, kind="codes").spikes[:, -OUTPUTS:].sum(axis=0) for one in x]
    (folder / f"{kind}.nir").write_bytes(nir_file(network))
    shape = (1, 8, 8) if is_image else (network.inputs,)
    x = x.reshape(-1, *shape).astype(np.float32)
    np.savez(folder / f"{kind}.npz", x=x, spikes=np.array(spikes))


def halfway(graph: Any) -> Any:
    """Raise a graph's thresholds by a half, for who lets a neuron spike that only reaches them.

    Potentials of ours are integers, and have to be above.
    """
    for node in graph.nodes.values():
        if hasattr(node, "v_threshold"):
            node.v_threshold = node.v_threshold + 0.5
    return graph


if __name__ == "__main__":
    for name in KINDS:
        write(name, Path(sys.argv[1]))
