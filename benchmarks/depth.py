"""One, two and three plastic hidden populations: the first samples, and where depth pays.

    python benchmarks/depth.py --output benchmarks/results/depth.json

Needs mnist.npz, fashion_mnist.npz and har.npz in EDGE_NACA_DATA. Takes a few minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import results
from numpy.typing import NDArray
from tasks import TASKS, Split

from edge_naca import recipes
from edge_naca.core import Core
from edge_naca.depth import deepened
from edge_naca.image import state_size
from edge_naca.measurement import Figure, Table, mean, measure
from edge_naca.network import Network
from edge_naca.paper.network import Description, PaperNetwork, iid_ann, iid_snn

Array = NDArray[Any]
NAMES = ("mnist", "fashion-mnist", "har")
SEEDS = 3
MARKS = (100, 300, 1000, 3000, 10_000)  # samples learned
TESTED = 2000
# Neurons of a class in each hidden population. The deeper ones take no less than the single one.
SHAPES = {"one": (20,), "two": (16, 8), "three": (14, 8, 6)}
WIDTHS = {"one": (), "two": (300,), "three": (300, 300)}  # behind 300 neurons, in real numbers
BATCH, RATE = 32, 1e-3


def product(split: Split, sizes: tuple[int, ...]) -> Network:
    """Return a network with so many neurons of a class in each hidden population."""
    first, *others = sizes
    network = recipes.network_for(split.dataset, neurons_per_class=first)
    for neurons in others:
        network = deepened(network, neurons)
    return network


def of_product(split: Split, sizes: tuple[int, ...], seed: int) -> list[float]:
    """Return accuracy after so many samples, shuffled."""
    network, dataset = product(split, sizes), split.dataset
    core = Core(network)
    order = np.random.default_rng(seed).permutation(len(dataset.y_train))
    x = dataset.x_train[order[: MARKS[-1]]]
    test = dataset.x_test[:TESTED]
    right, before = [], 0
    for mark in MARKS:
        core.learn_many(x[before:mark], dataset.y_train[order[before:mark]])
        before = mark
        right.append(100 * float((core.predict_many(test) == dataset.y_test[:TESTED]).mean()))
    return right


def of_paper(
    split: Split, make: Callable[..., Description], deeper: tuple[int, ...], seed: int
) -> list[float]:
    """Return the same of a network of the paper, in real numbers."""
    dataset = split.dataset
    network = PaperNetwork(
        make(hidden=300, deeper=deeper, optimiser="adam", learning_rate=RATE, seed=seed)
    )
    order = np.random.default_rng(seed).permutation(len(dataset.y_train))[: MARKS[-1]]
    x, test = (
        part.reshape(len(part), -1).astype(np.float32) / 255
        for part in (dataset.x_train[order], dataset.x_test[:TESTED])
    )
    y, right = dataset.y_train[order], []
    for first in range(0, len(x), BATCH):
        end = min(first + BATCH, len(x))
        network.learn(x[first:end], y[first:end])
        if any(first < mark <= end for mark in MARKS):
            answers = network.predict(test)
            right.append(100 * float((answers == dataset.y_test[:TESTED]).mean()))
    return right


def rows(name: str, runs: Callable[[int], list[list[float]]]) -> Iterator[Figure]:
    """Give each mark's mean over runs."""
    for how in SHAPES:
        values = np.array(runs(list(SHAPES).index(how)))
        for mark, column in zip(MARKS, values.T, strict=True):
            yield mean({name: how}, f"after {mark}", column.tolist(), "%", 1)


def main() -> None:
    parser = results.parser(__doc__)
    arguments = parser.parse_args()
    files = sorted({file for name in NAMES for file in TASKS[name].files})
    folder = results.data_folder(parser, *files)
    splits = {name: list(TASKS[name].splits(folder, 0)) for name in NAMES}
    tables, shapes, widths = [], list(SHAPES.values()), list(WIDTHS.values())
    for name, parts in splits.items():
        pairs = [(part, seed) for part in parts for seed in range(SEEDS if len(parts) == 1 else 1)]
        sizes = [state_size(product(parts[0], shape)) / 1024 for shape in shapes]
        title = f"{TASKS[name].title}, edge-naca: " + ", ".join(
            f"{how} {size:.1f} KiB" for how, size in zip(SHAPES, sizes, strict=True)
        )

        def runs(place: int, pairs: list[tuple[Split, int]] = pairs) -> list[list[float]]:
            return [of_product(part, shapes[place], seed) for part, seed in pairs]

        tables.append(Table(title, tuple(rows("hidden populations", runs))))
    for title, make in (("SNN", iid_snn), ("ANN", iid_ann)):

        def published(place: int, make: Any = make) -> list[list[float]]:
            part = splits["mnist"][0]
            return [of_paper(part, make, widths[place], seed) for seed in range(SEEDS)]

        heading = f"MNIST, the paper's {title} in real numbers, 300 neurons each"
        tables.append(Table(heading, tuple(rows("hidden populations", published))))
    measurement = measure(
        "One, two and three plastic hidden populations",
        results.command(),
        tables,
        data={file: results.digest((folder / file).read_bytes()) for file in files},
        settings={"neurons of a class": str(SHAPES), "batch": BATCH, "learning rate": RATE},
        text="Accuracy after so many samples, each seen once, shuffled. edge-naca learns one "
        "sample at a time; the paper's networks, whose expectation modulates all populations at "
        f"once, learn batches of {BATCH} by Adam.",
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
