"""Train a small spiking network in snnTorch on 8 × 8 digits, and write it as NIR.

Run by run.py, in an environment that has torch and snnTorch.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nir
import numpy as np
import snntorch
import torch
from snntorch.export_nir import export_to_nir
from torch import nn

EPOCHS, BATCH, STEPS, BETA = 15, 32, 10, 0.9


def leaky(count: int) -> snntorch.Leaky:
    """Return neurons; the exporter wants every parameter in the shape of the layer."""
    return snntorch.Leaky(
        beta=torch.full((count,), BETA), threshold=torch.ones(count), init_hidden=True
    )


def spike_counts(network: nn.Sequential, x: torch.Tensor) -> torch.Tensor:
    """Present images (n, 64) as a constant current from rest; return spikes of outputs (n, 10)."""
    for module in network:
        if isinstance(module, snntorch.Leaky):
            module.reset_mem()
    return torch.stack([network(x) for _ in range(STEPS)]).sum(0)


def main() -> None:
    folder = Path(sys.argv[1])
    with np.load(folder / "digits.npz") as file:
        images = {name: torch.tensor(file[f"x_{name}"] / 16).float() for name in ("train", "test")}
        labels = {name: torch.tensor(file[f"y_{name}"]) for name in ("train", "test")}
    torch.manual_seed(1)
    torch.set_num_threads(1)
    network = nn.Sequential(nn.Linear(64, 48), leaky(48), nn.Linear(48, 10), leaky(10))
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(images["train"])).split(BATCH):
            counts = spike_counts(network, images["train"][part])
            loss = nn.functional.cross_entropy(counts, labels["train"][part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        right = spike_counts(network, images["test"]).argmax(1) == labels["test"]
        print(float(right.float().mean()))
        for module in network:
            if isinstance(module, snntorch.Leaky):
                module.reset_mem()
        nir.write(folder / "digits.nir", export_to_nir(network, torch.zeros(64)))


if __name__ == "__main__":
    main()
