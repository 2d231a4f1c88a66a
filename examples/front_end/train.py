"""Train a small convolutional network on the digits 0 to 4; write its features as ONNX.

Run by run.py, in an environment that has torch.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

EPOCHS, BATCH = 25, 32


def main() -> None:
    folder = Path(sys.argv[1])
    with np.load(folder / "digits.npz") as file:
        known = file["y_train"] < 5
        x = torch.tensor(file["x_train"][known])[:, None].float() / 16
        y = torch.tensor(file["y_train"][known])
    torch.manual_seed(1)
    torch.set_num_threads(1)
    # The last pooling sees the whole image: it tells what is there, not where.
    features = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(7),
    )  # fmt: skip
    network = nn.Sequential(features, nn.Flatten(), nn.Linear(32, 5))
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(x)).split(BATCH):
            moved = torch.roll(x[part], torch.randint(-2, 3, (2,)).tolist(), (2, 3))
            loss = nn.functional.cross_entropy(network(moved), y[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    torch.onnx.export(
        features.eval(), (torch.zeros(1, 1, 14, 14),), folder / "features.onnx",
        dynamo=True, external_data=False, verbose=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
