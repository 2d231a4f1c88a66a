"""What NeuroBench's harness measures of a network that learned one class after another.

    build/frameworks/torch/bin/python benchmarks/neurobench_figures.py mnist --max-kib 64 \
        --output benchmarks/results/neurobench-mnist.json

`make frameworks` makes the environment.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import results
import torch
from neurobench.benchmarks import Benchmark
from neurobench.metrics.static import ConnectionSparsity, Footprint
from neurobench.metrics.workload import (
    ActivationSparsity,
    ClassificationAccuracy,
    SynapticOperations,
)

from edge_naca import Core, data, recipes, scenarios
from edge_naca.frameworks.neurobench import NacaNeuroBench
from edge_naca.measurement import Figure, Measurement, Table, measure

METRICS = [
    [Footprint, ConnectionSparsity],
    [ClassificationAccuracy, ActivationSparsity, SynapticOperations],
]
BATCH = 50


def run(image: bytes, x: Any, y: Any) -> dict[str, Any]:
    """Return what NeuroBench measures on test samples."""
    tensors = torch.utils.data.TensorDataset(
        torch.tensor(x), torch.tensor(np.asarray(y).astype(np.int64))
    )
    loader = torch.utils.data.DataLoader(tensors, batch_size=BATCH)
    measured: dict[str, Any] = Benchmark(NacaNeuroBench(image), loader, [], [], METRICS).run(
        quiet=True
    )
    return measured


def _measure(arguments: argparse.Namespace) -> Measurement:
    dataset = data.load(arguments.data)
    network = recipes.network_for(dataset, max_kib=arguments.max_kib)
    core = Core(network)
    for lesson in scenarios.stream(dataset):
        core.learn_many(dataset.x_train[lesson.indices], dataset.y_train[lesson.indices])
    found = run(core.image(), dataset.x_test, dataset.y_test)
    synops = found["SynapticOperations"]
    own = core.infer_many(dataset.x_test)["synops"].mean()
    rows = (
        ("ClassificationAccuracy", 100 * found["ClassificationAccuracy"], "%", 2),
        ("Footprint", found["Footprint"], "bytes", 0),
        ("ConnectionSparsity", found["ConnectionSparsity"], "", 3),
        ("ActivationSparsity", found["ActivationSparsity"], "", 4),
        ("SynapticOperations, effective ACs", synops["Effective_ACs"], "", 0),
        ("SynapticOperations, effective MACs", synops["Effective_MACs"], "", 0),
        ("SynapticOperations, dense", synops["Dense"], "", 0),
        ("for comparison: synops that the core counts itself", float(own), "", 0),
    )
    figures = [
        Figure({"metric": name}, "measured", float(value), unit, decimals=decimals)
        for name, value, unit, decimals in rows
    ]
    return measure(
        f"NeuroBench on {dataset.name}, taught class after class",
        results.command(),
        [Table("NeuroBench 2.3.0", tuple(figures))],
        data={arguments.data: dataset.digest()},
        text=f"The network is {network.topology}. Operations are those of a sample; NeuroBench "
        "leaves out weights of 0. The footprint is the image: all that a device stores. What "
        "prepares pixels is no layer, and is not counted. All test samples.",
    )


def main() -> None:
    parser = results.parser(__doc__)
    parser.add_argument("data", choices=("digits", "mnist"))
    parser.add_argument("--max-kib", type=float, default=64.0)
    arguments = parser.parse_args()
    results.publish(_measure(arguments), arguments.output)


if __name__ == "__main__":
    main()
