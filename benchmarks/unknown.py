"""What belongs to no class that was learned: novelty against margins, and false alarms.

    python benchmarks/unknown.py --output benchmarks/results/unknown.json

Half of the classes are learned, class after class, over ten splits. Needs mnist.npz and
fashion_mnist.npz in EDGE_NACA_DATA. Takes some minutes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import results
from sklearn.metrics import roc_auc_score

from edge_naca import data, novelty, recipes
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.measurement import Figure, Table, mean, measure

SPLITS, FALSE_ALARMS, KIB = 10, 0.05, 64
NAMES = ("mnist", "fashion-mnist")


def one_split(dataset: Dataset, seed: int) -> tuple[float, ...]:
    """Return areas under the curve of novelty and margin, false alarms, and what was noticed."""
    rng = np.random.default_rng(seed)
    classes = rng.permutation(len(dataset.classes))[: len(dataset.classes) // 2]
    y = dataset.y_train
    order = np.concatenate([rng.permutation(np.flatnonzero(y == label)) for label in classes])
    network = recipes.network_for(dataset, max_kib=KIB)
    x, test = dataset.x_train, dataset.x_test
    limit = novelty.limit_of_stream(network, x[order], y[order], FALSE_ALARMS)
    core = Core(network)
    core.learn_many(x[order], y[order])
    found, margins = novelty.novelties(core, test), core.infer_many(test)["margin"]
    is_known = np.isin(dataset.y_test, classes)
    return (
        float(roc_auc_score(~is_known, found)),
        float(roc_auc_score(~is_known, -margins.astype(np.float64))),
        100 * float((found[is_known] > limit).mean()),
        100 * float((found[~is_known] > limit).mean()),
    )


def figures(dataset: Dataset) -> Iterator[Figure]:
    runs = np.array([one_split(dataset, seed) for seed in range(SPLITS)]).T
    columns = ("AUROC of novelty", "AUROC of the margin", "false alarms", "noticed")
    for name, unit, values in zip(columns, ("", "", "%", "%"), runs, strict=True):
        yield mean({"data": dataset.name}, name, values.tolist(), unit, 1 if unit else 3)


def main() -> None:
    parser = results.parser(__doc__)
    arguments = parser.parse_args()
    folder = results.data_folder(parser, "mnist.npz", "fashion_mnist.npz")
    datasets = [data.load(name) for name in NAMES]
    table = Table(
        "Half of the classes unknown",
        tuple(figure for dataset in datasets for figure in figures(dataset)),
    )
    files = ("mnist.npz", "fashion_mnist.npz")
    measurement = measure(
        "What belongs to no known class",
        results.command(),
        [table],
        data={name: results.digest((folder / name).read_bytes()) for name in files},
        settings={"splits": SPLITS, "false alarms": FALSE_ALARMS, "KiB": KIB},
        text="The limit is found on every fifth training sample of the known classes; areas, false "
        "alarms and what was noticed are of test samples. Defaults of `edge-naca train`.",
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
