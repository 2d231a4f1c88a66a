"""The network as a model of NeuroBench, whose harness measures it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from edge_naca.extras import require

require("neurobench")

import torch  # noqa: E402 - the extra is asked for first
from neurobench.models import NeuroBenchModel  # noqa: E402

from edge_naca.core import Core  # noqa: E402
from edge_naca.frameworks.module import as_samples  # noqa: E402
from edge_naca.network import Network  # noqa: E402


class Spikes(torch.nn.Module):
    """Neurons as NeuroBench looks at them: what passes through are their spikes."""

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Return the spikes as they are."""
        return spikes


class _Shown(torch.nn.Module):
    """The populations of a core as layers that hooks can be put on.

    Its memory is what a device stores: the image, with the learned state in it. Weights in
    `torch.nn.Linear` are copies, in 32-bit numbers, which no device has.
    """

    def __init__(self, core: Core) -> None:
        super().__init__()
        network = core.network
        before = [network.encoded, *(population.neurons for population in network.populations)]
        for number, (inputs, neurons) in enumerate(pairwise(before)):
            layer = torch.nn.Linear(inputs, neurons, bias=False)
            weights = core.weights(number)[:, :inputs].astype(np.float32)  # without those of a bias
            layer.weight = torch.nn.Parameter(torch.from_numpy(weights), requires_grad=False)
            self.add_module(f"weights_{number}", layer)
            self.add_module(f"population_{number}", Spikes())
        self._image = torch.frombuffer(bytearray(core.image()), dtype=torch.uint8)

    def parameters(self, recurse: bool = True) -> Iterator[torch.nn.Parameter]:
        return iter(())

    def buffers(self, recurse: bool = True) -> Iterator[torch.Tensor]:
        return iter((self._image,))


class NacaNeuroBench(NeuroBenchModel):  # type: ignore[misc, unused-ignore]
    """A network whose accuracy, memory, sparsity and synaptic operations NeuroBench measures.

    The C core predicts. Every step of every population is then shown to NeuroBench's hooks:
    the spikes that come in at its weights, and its own.

    Parameters
    ----------
    network : a description, or an image with what was learned. It has populations only: NeuroBench
        has no layers for frozen stages.

    Raises
    ------
    ValueError
        If it has frozen stages.

    Notes
    -----
    NeuroBench leaves weights of 0 out of its effective operations, and the core counts them. Those
    of a bias it does not know. `Footprint` is the image in bytes, learned state included.
    """

    def __init__(self, network: Network | bytes) -> None:
        super().__init__()
        self.core = Core(network)
        if self.core.network.stages:
            raise ValueError(
                "NeuroBench has no layers for frozen stages: give a network of populations only"
            )
        self.net = _Shown(self.core)
        self.add_activation_module(Spikes)

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the classes answered, int64 (n,), −1 for none.

        Parameters
        ----------
        batch : (n, …) in the sensor's raw numbers, images (n, channels, height, width).
        """
        recordings = [self.core.record(sample) for sample in as_samples(batch)]
        arriving = np.stack([recording.input_spikes for recording in recordings])
        units = np.stack([recording.spikes for recording in recordings])
        sent, first = arriving, 0
        for number, population in enumerate(self.core.network.populations):
            own = units[:, :, first : first + population.neurons]
            first += population.neurons
            self._show(number, sent, own)
            sent = own
        return torch.tensor([recording.result.prediction for recording in recordings])

    def _show(self, number: int, arriving: Any, own: Any) -> None:
        """Let hooks see all steps of a population: (n, steps, inputs) and (n, steps, neurons)."""
        weights = self.net.get_submodule(f"weights_{number}")
        neurons = self.net.get_submodule(f"population_{number}")
        for step in range(arriving.shape[1]):
            weights(torch.from_numpy(arriving[:, step].astype(np.float32)))
            neurons(torch.from_numpy(own[:, step].astype(np.float32)))

    def __net__(self) -> torch.nn.Module:
        """Return what hooks are put on."""
        return self.net
