"""Train a small convolutional front end on what is not in the benchmark, and export it to ONNX.

It learns to tell handwritten characters of eight alphabets (Omniglot) and eight handwritten
mathematical symbols apart, turned by quarters to have more of them: never a digit, never clothes.
It is a prototypical network: in every episode, some drawings of each of 32 characters make a mean,
and the others have to be nearest to the mean of their own (Snell, Swersky, Zemel, NeurIPS 2017). So
its features are such that Euclidean distance tells characters apart, by which NACA's competitive
setting ranks.

Needs torch, numpy, onnx and onnxscript in an environment of its own, and EDGE_NACA_DATA:

    python benchmarks/train_front_end.py --output benchmarks/front_end.onnx
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

WAYS, SHOTS = 32, 8  # characters of an episode, drawings of each
LEARNING_RATE = 2e-3
DIGITS = set("0123456789")


def drawings(folder: Path) -> tuple[list[Tensor], str]:
    """Return the drawings of each character, float (n, 1, 28, 28) in 0 .. 1, and what they are."""
    omniglot = np.load(folder / "omniglot_small.npz")
    symbols = np.load(folder / "math_symbols.npz")
    names = [f"{a}/{c}" for a, c in zip(omniglot["alphabet"], omniglot["char"], strict=True)]
    found, labels = np.unique(names, return_inverse=True)
    sets = [omniglot["x"][labels == label] for label in range(len(found))]
    kept = [label for label, name in enumerate(symbols["classes"]) if str(name) not in DIGITS]
    sets += [symbols["x"][symbols["y"] == label] for label in kept]
    alphabets = ", ".join(sorted(set(omniglot["alphabet"].tolist())))
    about = (
        f"{len(found)} characters of Omniglot ({alphabets}) and {len(kept)} handwritten symbols ("
        + ", ".join(str(symbols["classes"][label]) for label in kept)
        + "); no digit"
    )
    return [torch.tensor(x).float().unsqueeze(1) / 255 for x in sets], about


def front_end() -> nn.Sequential:
    """Return the network: 28 × 28 pixels to 3 × 3 × 64 features."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    )  # fmt: skip


def vary(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Turn, scale, shear, shift, and make strokes thicker, softer or thinner."""
    n = len(x)

    def draw(low: float, high: float) -> Tensor:
        return torch.tensor(rng.uniform(low, high, n)).float()

    angle, size, width, shear = draw(-0.25, 0.25), draw(0.75, 1.15), draw(0.8, 1.2), draw(-0.3, 0.3)
    rows = [
        torch.stack(
            [torch.cos(angle) * width, -torch.sin(angle) + shear, size * draw(-0.15, 0.15)]
        ),
        torch.stack([torch.sin(angle), torch.cos(angle), size * draw(-0.15, 0.15)]),
    ]
    matrix = torch.stack(rows).permute(2, 0, 1) / size[:, None, None]
    grid = functional.affine_grid(matrix, list(x.shape), align_corners=False)
    x = functional.grid_sample(x, grid, align_corners=False)
    share = draw(0, 1)[:, None, None, None]
    thick = functional.max_pool2d(x, 3, 1, 1)
    soft = functional.avg_pool2d(x, 3, 1, 1)
    kinds = torch.stack(
        [x, x + (thick - x) * share, x + (1.3 * soft - x).clamp(-1, 1) * share, 2 * soft]
    )
    chosen = torch.tensor(rng.integers(0, len(kinds), n))
    return kinds[chosen, torch.arange(n)].clamp(0, 1)


def train(net: nn.Sequential, sets: list[Tensor], steps: int, seed: int) -> float:
    """Train, and return the share of right answers in the last hundred episodes."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        features = net(torch.zeros(1, 1, 28, 28)).numel()
    scale = nn.Parameter(torch.tensor(1 / features))
    optimiser = torch.optim.AdamW([*net.parameters(), scale], lr=LEARNING_RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    wanted = torch.arange(WAYS).repeat_interleave(SHOTS // 2)
    right: list[float] = []
    start = time.perf_counter()
    for step in range(1, steps + 1):
        parts = []
        for character in rng.choice(len(sets) * 4, WAYS, replace=False):
            drawn = sets[character % len(sets)]
            shots = torch.tensor(rng.integers(0, len(drawn), SHOTS))
            parts.append(torch.rot90(drawn[shots], int(character // len(sets)), (2, 3)))
        x = net(vary(torch.cat(parts), rng)).flatten(1).view(WAYS, SHOTS, -1)
        means = x[:, : SHOTS // 2].mean(1)
        asked = x[:, SHOTS // 2 :].reshape(-1, x.shape[-1])
        scores = -(torch.cdist(asked, means) ** 2) * scale
        loss = functional.cross_entropy(scores, wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        right.append(float((scores.argmax(1) == wanted).float().mean()))
        if step % 500 == 0:
            seconds = time.perf_counter() - start
            print(
                f"{step} episodes, {np.mean(right[-500:]):.1%} right, {seconds:.0f} s", flush=True
            )
    return float(np.mean(right[-100:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)  # the same sums in the same order on any number of processors
    sets, about = drawings(Path(os.environ["EDGE_NACA_DATA"]))
    net = front_end()
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    right = train(net, sets, arguments.steps, arguments.seed)
    net.eval()
    torch.onnx.export(
        net, (torch.zeros(1, 1, 28, 28),), arguments.output, input_names=["pixels"],
        output_names=["features"], dynamo=True, external_data=False, verbose=False,
    )  # fmt: skip
    model = onnx.load(arguments.output)
    notes = {
        "trained_on": about,
        "input": "pixels / 255",
        "made_by": f"benchmarks/train_front_end.py --steps {arguments.steps} "
        f"--seed {arguments.seed}, torch {torch.__version__}",
        "episodes_right": f"{right:.4f}",
    }
    onnx.helper.set_model_props(model, notes)
    for node in model.graph.node:  # where the exporter was in its own code
        del node.metadata_props[:]
        node.doc_string = ""
    for value in model.graph.value_info:
        del value.metadata_props[:]
    onnx.save(model, arguments.output)
    print(json.dumps(notes), arguments.output.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
