"""Labels for a tenth of the samples: those that are asked for, or as many at random.

    python benchmarks/asking.py --output benchmarks/results/asking.json

Needs mnist.npz and har.npz in EDGE_NACA_DATA. Takes a few minutes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import results
from tasks import TASKS, Split

from edge_naca import recipes
from edge_naca.asking import taught_by_asking
from edge_naca.core import Core
from edge_naca.measurement import Figure, Table, mean, measure

SHARE = 0.1
SEEDS, SAMPLES = 3, 20_000


def figures(splits: list[Split], samples: int) -> Iterator[Figure]:
    """Compare what is asked for with as many at random, on the same streams."""
    for how in ("shuffled", "class after class"):
        rows = []
        for seed, split in enumerate(splits):
            dataset, rng = split.dataset, np.random.default_rng(seed)
            order = rng.permutation(len(dataset.y_train))[:samples]
            y = dataset.y_train[order]
            if how != "shuffled":
                order = np.concatenate([order[y == c] for c in rng.permutation(int(y.max()) + 1)])
                y = dataset.y_train[order]
            network = recipes.network_for(dataset, max_kib=64)
            x = dataset.x_train[order]
            test = dataset.x_test
            core, by_chance = Core(network), Core(network)
            asked, _ = taught_by_asking(core, x, y, SHARE, seed)
            chosen = np.sort(rng.permutation(len(x))[: len(asked)])
            by_chance.learn_many(x[chosen], y[chosen])
            right = [
                100 * float((c.predict_many(test) == dataset.y_test).mean())
                for c in (core, by_chance)
            ]
            rows.append((*right, right[0] - right[1], 100 * len(asked) / len(x)))
        columns = ("asked for", "at random", "difference, paired", "labels")
        units = ("%", "%", "points", "%")
        for name, unit, values in zip(columns, units, np.array(rows).T, strict=True):
            yield mean({"order": how}, name, values.tolist(), unit, 2)


def main() -> None:
    parser = results.parser(__doc__)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="learned from, at most")
    arguments = parser.parse_args()
    folder = results.data_folder(parser, "mnist.npz", "har.npz")
    tables = []
    for name, seeds in (("mnist", SEEDS), ("har", 1)):
        task = TASKS[name]
        splits = [split for seed in range(seeds) for split in task.splits(folder, seed)]
        tables.append(Table(task.title, tuple(figures(splits, arguments.samples))))
    measurement = measure(
        "Labels for a tenth of the samples",
        results.command(),
        tables,
        data={
            name: results.digest((folder / name).read_bytes()) for name in ("mnist.npz", "har.npz")
        },
        settings={"share": SHARE, "samples": arguments.samples},
        choice="How doubts are weighed was chosen on 20 000 training samples of MNIST, tested on "
        "others of them (3 seeds).",
        text="Each sample once, one at a time; only what is asked for is learned.",
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
