"""Make the small NIR files beside this script, with the exporters of real frameworks.

    python make.py snntorch | norse | sinabs | spikingjelly | rockpool

Run in an environment that holds the framework; their pins conflict, so each needs its own. Beside
every `NAME.nir` goes `NAME.npz` with integer samples and what the framework itself made of them:
`x` (samples, …), `counts`, the spikes of the last neurons, or `potentials` of those that never
spike, after `steps` steps in which x / `full_scale` was a constant input. Versions that made the
files in the repository: README.md.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch
from torch import nn

folder = Path(__file__).parent
STEPS, FULL_SCALE, SAMPLES = 12, 100, 24


def write(name: str, graph: Any) -> None:
    """Write a graph: without compression, which small files have no use for and scalars forbid."""
    can_choose = "compression" in inspect.signature(nir.write).parameters  # old versions never do
    nir.write(folder / f"{name}.nir", graph, **({"compression": None} if can_choose else {}))


def save(
    name: str, graph: Any, shape: tuple[int, ...], run: Callable[[torch.Tensor], torch.Tensor],
    what: str = "counts",
) -> None:  # fmt: skip
    """Write a graph, and what `run` makes of samples (samples, …) at one step after another."""
    x = np.random.default_rng(len(name)).integers(0, FULL_SCALE + 1, (SAMPLES, *shape))
    with torch.no_grad():
        steps = [run(torch.tensor((x / FULL_SCALE).astype(np.float32))) for _ in range(STEPS)]
    result = torch.stack(steps).sum(0) if what == "counts" else steps[-1]
    write(name, graph)
    np.savez_compressed(
        folder / f"{name}.npz",
        x=x.astype(np.uint8),
        steps=STEPS,
        full_scale=FULL_SCALE,
        **{what: result.reshape(SAMPLES, -1).numpy().astype(np.float32)},
    )


def make_snntorch() -> None:
    import snntorch
    from snntorch.export_nir import export_to_nir

    def each(count: int, low: float, high: float) -> torch.Tensor:
        return torch.linspace(low, high, count)

    def export(name: str, net: nn.Sequential) -> None:
        graph = export_to_nir(net, torch.zeros(16))
        for module in net:
            if hasattr(module, "reset_mem"):
                module.reset_mem()
        save(name, graph, (16,), net)

    torch.manual_seed(2)
    first = nn.Linear(16, 24)
    last = nn.Linear(24, 5)
    for weights in (first, last):
        weights.weight.data *= 3
    hidden = {"alpha": each(24, 0.3, 0.8), "beta": each(24, 0.7, 0.95)}
    export(
        "snntorch_synaptic",
        nn.Sequential(
            first,
            snntorch.Synaptic(**hidden, threshold=each(24, 0.5, 1.5), init_hidden=True),
            last,
            snntorch.Leaky(beta=each(5, 0.8, 0.9), threshold=torch.ones(5), init_hidden=True),
        ),
    )
    zero = {"reset_mechanism": "zero", "init_hidden": True}
    export(
        "snntorch_zero",
        nn.Sequential(
            first,
            snntorch.Synaptic(**hidden, threshold=torch.ones(24), **zero),
            last,
            snntorch.Leaky(beta=torch.full((5,), 0.85), threshold=torch.ones(5), **zero),
        ),
    )
    recurrent = nn.Sequential(
        nn.Linear(16, 8),
        snntorch.RLeaky(beta=torch.full((8,), 0.9), V=torch.ones(8), all_to_all=False),
        nn.Linear(8, 4),
        snntorch.Leaky(beta=torch.full((4,), 0.9), threshold=torch.ones(4), init_hidden=True),
    )
    recurrent[1].init_hidden = True
    write("snntorch_recurrent", export_to_nir(recurrent, torch.zeros(16)))


def make_norse() -> None:
    from norse.torch import LIBoxCell, LIFBoxCell, LIFCell, SequentialState
    from norse.torch.utils.export_nir import to_nir

    torch.manual_seed(3)
    net = SequentialState(
        nn.Linear(16, 24), LIFBoxCell(), nn.Linear(24, 12), LIFCell(), nn.Linear(12, 4), LIBoxCell()
    )
    for number in (0, 2, 4):
        net[number].weight.data *= 12
    state: list[Any] = [None]

    def run(x: torch.Tensor) -> torch.Tensor:
        out, state[0] = net(x, state[0])
        return out

    save("norse_dense", to_nir(net, torch.zeros(1, 16)), (16,), run, "potentials")


def make_sinabs() -> None:
    import sinabs.layers as sl
    from sinabs.activation import SingleSpike
    from sinabs.nir import to_nir

    torch.manual_seed(4)
    # "Squeeze" layers take (samples · steps, …), as all others do; a step at a time is given here.
    how = {"num_timesteps": 1, "spike_fn": SingleSpike}
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        sl.IAFSqueeze(**how),
        sl.SumPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 6),
        sl.LIFSqueeze(tau_mem=torch.full((6,), 8.0), spike_threshold=torch.ones(6), **how),
    )
    net[0].weight.data *= 2
    net[4].weight.data *= 6
    net(torch.zeros(1, 1, 8, 8))  # neurons take their shape from what they are given
    graph = to_nir(net, torch.zeros(1, 1, 8, 8))
    graph.infer_types()  # nir 1.0.4 cannot write the shapes that the exporter leaves open
    for number in (1, 5):
        net[number].reset_states()
    save("sinabs_conv", graph, (1, 8, 8), net)


def make_spikingjelly() -> None:
    from spikingjelly.activation_based import layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    torch.manual_seed(5)
    net = nn.Sequential(
        layer.Conv2d(2, 4, 3, stride=2, padding=1),
        neuron.IFNode(),
        layer.AvgPool2d(2),
        layer.Flatten(),
        layer.Linear(16, 6),
        neuron.LIFNode(tau=3.0, decay_input=False),
    )
    net[0].weight.data *= 3
    net[4].weight.data *= 6
    graph = export_to_nir(net, torch.zeros(1, 2, 8, 8))
    for module in net:
        if hasattr(module, "reset"):
            module.reset()
    save("spikingjelly_conv", graph, (2, 8, 8), net)


def make_rockpool() -> None:
    from rockpool.nn.combinators import Sequential
    from rockpool.nn.modules.torch import LIFNeuronTorch, LIFTorch, LinearTorch
    from rockpool.nn.modules.torch.nir import to_nir

    torch.manual_seed(6)
    once = {"max_spikes_per_dt": torch.tensor(1.0)}
    net = Sequential(
        LinearTorch((16, 24), has_bias=True),
        LIFTorch(24, tau_mem=0.02, tau_syn=0.005, **once),
        LinearTorch((24, 6), has_bias=False),
        LIFNeuronTorch(6, tau_mem=torch.linspace(0.004, 0.05, 6), **once),
    )
    for name in ("0_LinearTorch", "2_LinearTorch"):
        net.get_submodule(name).weight.data *= 2
    graph = to_nir(net, torch.zeros(1, 1, 16))
    net.reset_state()
    left: list[torch.Tensor] = []

    def run(x: torch.Tensor) -> torch.Tensor:
        if not left:  # between two calls it keeps the states of one sample: so all steps at once
            left.extend(net(x[:, None].repeat(1, STEPS, 1))[0].unbind(1))
        return left.pop(0)

    save("rockpool_dense", graph, (16,), run)


def remake(framework: str, into: Path) -> None:
    """Make a framework's files in another folder."""
    global folder
    before, folder = folder, into
    try:
        globals()[f"make_{framework}"]()
    finally:
        folder = before


if __name__ == "__main__":
    remake(sys.argv[1], folder)
