"""Train the convolutional spiking network that benchmarks/nir.md imports, in snnTorch, on MNIST.

Needs an environment of its own: ``pip install torch snntorch nir nirtorch``; benchmarks/nir.md says
which versions made the file that is committed. Writes the network as NIR, and what snnTorch itself
answers to every test sample as .npz, both from the very model that was written.

    python benchmarks/snntorch_mnist.py --output tests/models/snntorch_mnist
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import nir
import numpy as np
import snntorch
import torch
from snntorch import surrogate
from snntorch.export_nir import export_to_nir
from torch import nn

BETA = 0.9


def leaky(*shape: int) -> snntorch.Leaky:
    """Return neurons; the exporter wants every parameter in the shape of the layer."""
    return snntorch.Leaky(
        beta=torch.full(shape, BETA),
        threshold=torch.ones(shape),
        init_hidden=True,
        spike_grad=surrogate.atan(),
    )


def network() -> nn.Sequential:
    """Return the untrained network, for images (batch, 1, 28, 28)."""
    return nn.Sequential(
        nn.Conv2d(1, 8, (5, 5)),
        leaky(8, 24, 24),
        nn.AvgPool2d((2, 2)),
        nn.Conv2d(8, 16, (5, 5)),
        leaky(16, 8, 8),
        nn.AvgPool2d((2, 2)),
        nn.Flatten(1),
        nn.Linear(256, 10),
        leaky(10),
    )


def spike_counts(net: nn.Sequential, images: torch.Tensor, steps: int) -> torch.Tensor:
    """Present images as a constant current from rest; return each output's spikes (batch, 10)."""
    for module in net:
        if isinstance(module, snntorch.Leaky):
            module.reset_mem()
    return torch.stack([net(images) for _ in range(steps)]).sum(0)


def train(net: nn.Sequential, x: torch.Tensor, y: torch.Tensor, args: argparse.Namespace) -> None:
    """Train by back-propagation through time on the output's spike counts."""
    batches = args.epochs * (len(x) // args.batch)
    optimiser = torch.optim.Adam(net.parameters(), lr=args.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, args.rate, total_steps=batches)
    for epoch in range(args.epochs):
        order = torch.randperm(len(x))
        for first in range(0, len(x) - args.batch + 1, args.batch):
            chosen = order[first : first + args.batch]
            counts = spike_counts(net, x[chosen], args.steps)
            loss = nn.functional.cross_entropy(counts, y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        print(f"epoch {epoch + 1}: loss of the last batch {loss.item():.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="name without suffix")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--samples", type=int, default=30000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    with np.load(Path(os.environ["EDGE_NACA_DATA"]) / "mnist.npz") as file:
        data = {name: file[name] for name in file.files}
    images = {
        part: torch.tensor(data[f"x_{part}"].reshape(-1, 1, 28, 28) / np.float32(255))
        for part in ("train", "test")
    }
    net = network()
    labels = torch.tensor(data["y_train"].astype(np.int64))
    train(net, images["train"][: args.samples], labels[: args.samples], args)
    with torch.no_grad():
        parts = [spike_counts(net, part, args.steps) for part in images["test"].split(500)]
        counts = torch.cat(parts).numpy().astype(np.uint8)
        right = (counts.argmax(axis=1) == data["y_test"]).mean()
        print(f"snnTorch: {100 * right:.2f} % of {len(counts)} test samples at {args.steps} steps")
        # The exporter takes one sample, not a batch.
        one = nn.Sequential(*(nn.Flatten(0) if isinstance(m, nn.Flatten) else m for m in net))
        for module in one:
            if isinstance(module, snntorch.Leaky):
                module.reset_mem()
        graph = export_to_nir(one, torch.zeros(1, 28, 28), model_name="snntorch_mnist")
    nir.write(args.output.with_suffix(".nir"), graph)
    np.savez_compressed(args.output.with_suffix(".npz"), counts=counts)


if __name__ == "__main__":
    main()
