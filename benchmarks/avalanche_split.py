"""Classes in five experiences of two, in Avalanche: its own strategies and ours, of as many bytes.

    build/frameworks/torch/bin/python benchmarks/avalanche_split.py digits --max-kib 16 \
        --output benchmarks/results/avalanche-digits.json

`make frameworks` makes the environment.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
import results
import torch
from avalanche.benchmarks import class_incremental_benchmark
from avalanche.benchmarks.utils import as_classification_dataset
from avalanche.evaluation.metrics import accuracy_metrics
from avalanche.models import SimpleMLP
from avalanche.training.plugins import EvaluationPlugin
from avalanche.training.supervised import Naive, Replay

from edge_naca import data, recipes
from edge_naca.data import Dataset
from edge_naca.frameworks.avalanche import NacaStrategy
from edge_naca.measurement import Measurement, Table, mean, measure

EXPERIENCES = 5
REAL = 4  # bytes of a weight of a network that learns by gradients
BATCH = 16
RATES = (0.01, 0.05, 0.2)  # of gradients; the one is taken that is best on the test samples
STRATEGIES = ("edge-naca", "replay", "naive", "class means", "the most frequent class")


@dataclass(frozen=True)
class Split:
    """A data set, and its experiences of two classes each."""

    data: Dataset
    benchmark: Any


def _tensors(x: Any, y: Any) -> Any:
    images = x.reshape(len(x), *x.shape[1:3])[:, None]
    dataset = torch.utils.data.TensorDataset(torch.tensor(images), torch.tensor(y.astype(np.int64)))
    dataset.targets = y.astype(int).tolist()  # type: ignore[attr-defined, unused-ignore]
    return as_classification_dataset(dataset)


def split(dataset: Dataset, seed: int) -> Split:
    """Return a data set in experiences of two classes, which come in a random order."""
    streams = {
        "train": _tensors(dataset.x_train, dataset.y_train),
        "test": _tensors(dataset.x_test, dataset.y_test),
    }
    benchmark = class_incremental_benchmark(streams, num_experiences=EXPERIENCES, seed=seed)
    return Split(dataset, benchmark)


def _hidden(dataset: Dataset, size: float) -> int:
    """Return how many neurons between pixels and classes fit `size` bytes."""
    inputs, outputs = dataset.x_train[0].size, len(dataset.classes)
    return max(int((size / REAL - outputs) / (inputs + 1 + outputs)), 1)


class _Scaled(torch.nn.Module):
    """A network that learns by gradients, of pixels as numbers up to 1."""

    def __init__(self, dataset: Dataset, hidden: int) -> None:
        super().__init__()
        self.largest = float(dataset.x_train.max())
        size = dataset.x_train[0].size
        self.inner = SimpleMLP(len(dataset.classes), size, hidden, hidden_layers=1, drop_rate=0)

    def forward(self, x: Any) -> Any:
        return self.inner(x.float() / self.largest)


def _gradients(name: str, of: Split, kib: float, rate: float) -> Any:
    """Return Avalanche's own strategy of as many bytes: of replay, half is for samples."""
    size = 1024 * kib
    for_weights = size / 2 if name == "replay" else size
    model = _Scaled(of.data, _hidden(of.data, for_weights))
    common: dict[str, Any] = {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=rate),
        "criterion": torch.nn.CrossEntropyLoss(),
        "train_mb_size": BATCH,
        "eval_mb_size": 1024,
        "train_epochs": 1,
    }
    if name == "naive":
        return lambda evaluator: Naive(evaluator=evaluator, **common)
    weights = REAL * sum(part.numel() for part in model.parameters())
    samples = int((size - weights) / (of.data.x_train[0].size + 1))  # a byte a pixel, and a label
    return lambda evaluator: Replay(evaluator=evaluator, mem_size=samples, **common)


def _trivial(name: str, dataset: Dataset) -> float:
    x, y = (part.reshape(len(part), -1).astype(float) for part in (dataset.x_train, dataset.x_test))
    labels = dataset.y_train
    if name == "class means":
        means = np.array([x[labels == label].mean(0) for label in np.unique(labels)])
        distances = (means**2).sum(1) - 2 * y @ means.T
        return float((distances.argmin(1) == dataset.y_test).mean())
    return float((np.bincount(labels).argmax() == dataset.y_test).mean())


def train(name: str, of: Split, kib: float, seed: int, rates: tuple[float, ...] = RATES) -> float:
    """Return the share of test samples answered rightly after all experiences, each seen once."""
    if name in STRATEGIES[3:]:
        return _trivial(name, of.data)
    if name == "edge-naca":
        rates = (0.0,)  # it has one of its own
    return max(_trained(name, of, kib, rate, seed) for rate in rates)


def _trained(name: str, of: Split, kib: float, rate: float, seed: int) -> float:
    torch.manual_seed(seed)
    metrics = EvaluationPlugin(accuracy_metrics(stream=True), loggers=[])
    if name == "edge-naca":
        network = recipes.network_for(of.data, max_kib=kib, seed=seed)
        strategy: Any = NacaStrategy(network=network, evaluator=metrics)
    else:
        strategy = _gradients(name, of, kib, rate)(metrics)
    for experience in of.benchmark.train_stream:
        strategy.train(experience, eval_streams=[])
    strategy.eval(of.benchmark.test_stream)
    (accuracy,) = metrics.get_last_metrics().values()
    return float(accuracy)


def _measure(arguments: argparse.Namespace) -> Measurement:
    dataset = data.load(arguments.data)
    figures = []
    splits = [split(dataset, seed) for seed in range(1, arguments.orders + 1)]
    for name in STRATEGIES:
        runs = [
            100 * train(name, one, arguments.max_kib, seed)
            for seed, one in enumerate(splits, start=1)
        ]
        figures.append(mean({"strategy": name}, "right", runs, "%", 2))
    order = f"{arguments.orders} random orders" if arguments.orders > 1 else "one random order"
    return measure(
        f"Avalanche: {dataset.name} in {EXPERIENCES} experiences of two classes",
        results.command(),
        [Table("After all experiences", tuple(figures))],
        data={arguments.data: dataset.digest()},
        text="Class-incremental: no task label. Each sample is seen once. Classes come in "
        f"{order}. All that learns has {arguments.max_kib:g} KiB: of "
        "edge-naca the learned state, of the others a network with one hidden population in "
        "32-bit numbers, of replay half of it, and samples of a byte a pixel for the rest. Both "
        f"are Avalanche 0.6.0's own (Naive, Replay), in batches of {BATCH}, with the best of "
        f"{len(RATES)} rates, chosen on the test samples. edge-naca sees edges where samples are "
        "large images, the others see pixels.",
    )


def main() -> None:
    parser = results.parser(__doc__)
    parser.add_argument("data", choices=("digits", "mnist"))
    parser.add_argument("--max-kib", type=float, default=64.0)
    parser.add_argument("--orders", type=int, default=3)
    arguments = parser.parse_args()
    results.publish(_measure(arguments), arguments.output)


if __name__ == "__main__":
    main()
