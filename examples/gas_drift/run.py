"""Gas sensors that age for 36 months: a device that goes on learning, and one that stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from common import commonest, emulated, measured, naca, needed, work_folder
from numpy.typing import NDArray

EVERY = 4  # of the later samples one in so many, to be quick


def again(labels: NDArray[np.int64]) -> float:
    """Return how often whoever answers with what was told last is right."""
    return float((labels[1:] == labels[:-1]).mean())


def write_batches(path: Path, folder: Path) -> NDArray[np.int64]:
    """Write the first batch and all later ones as tables; return what the later ones are of."""
    with np.load(path) as file:
        # Batches stay in the order of time. Within each, gases come in long blocks: they are
        # mixed, or whoever repeats the last gas would be right 96 times of 100.
        mixed = np.random.default_rng(1).permutation(len(file["y"]))
        order = mixed[np.argsort(file["batch"][mixed], kind="stable")]
        first = int((file["batch"] == file["batch"][0]).sum())
        order = np.concatenate([order[:first], order[first::EVERY]])
        x, labels, batch = (file[name][order] for name in ("x", "y", "batch"))
        gases = [str(file["classes"][label - 1]) for label in labels]
    header = ",".join(f"f{at}" for at in range(x.shape[1])) + ",gas"
    for name, chosen in (("first", batch == batch[0]), ("later", batch != batch[0])):
        rows = [
            ",".join(f"{number:.6g}" for number in x[at]) + f",{gases[at]}"
            for at in np.flatnonzero(chosen)
        ]
        (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n")
    return labels[batch != batch[0]].astype(np.int64)


def main() -> None:
    path = needed("gas_drift.npz")
    folder = work_folder()
    labels = write_batches(path, folder)
    table = ("--label-column", "gas", "--test-fraction", 0)
    # The first batch is the laboratory: it finds the scale, and is learned.
    naca("train", "first.csv", *table, "-o", "first.naca", folder=folder)
    frozen = naca("evaluate", "first.naca", "later.csv", *table, folder=folder)
    # In the field: the device answers each sample, is told the gas, and learns it.
    with emulated("first.naca", folder=folder) as port:
        learning = naca("stream", "--port", port, "--data", "later.csv", *table,
                        "--order", "given", "--twin", folder=folder)  # fmt: skip
    measured({
        "of 32 months' samples, answered right before being told, learning goes on":
            learning["accuracy"],
        "the same, learning ended after the first batch": frozen["accuracy"],
        "whoever answers with the gas told last": again(labels),
        "whoever always gives the commonest answer": commonest(labels),
    })  # fmt: skip


if __name__ == "__main__":
    main()
