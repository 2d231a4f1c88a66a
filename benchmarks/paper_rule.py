"""What the paper's own rule reaches on this core: MNIST, one sample at a time.

    python benchmarks/paper_rule.py --output benchmarks/results/paper-rule.json

Rate code of 20 steps, uniform NI, Δs, the last step's presynaptic spikes; no input gating, which
needs a batch. Needs MNIST in EDGE_NACA_DATA.
"""

from __future__ import annotations

import numpy as np
import results

from edge_naca import data, scenarios
from edge_naca.core import Core
from edge_naca.measurement import Table, mean, measure
from edge_naca.network import Preparation
from edge_naca.presets import paper, paper_start

HIDDEN = 300
SEEDS = 3
TAUGHT, TESTED = 20000, 2000


def accuracy(continual: bool, order: str, seed: int) -> float:
    """Return the accuracy over all classes after one pass, in percent."""
    dataset = data.load("mnist")
    network = paper(Preparation((28, 28, 1)), 10, HIDDEN, continual=continual, seed=seed)
    core = Core(network, paper_start(network))
    chosen = np.random.default_rng(seed).permutation(60000)[:TAUGHT]
    for stage in scenarios.stream(dataset, order, seed):
        wanted = stage.indices[np.isin(stage.indices, chosen)]
        core.learn_many(dataset.x_train[wanted], dataset.y_train[wanted])
    told = core.predict_many(dataset.x_test[:TESTED])
    return 100 * float((told == dataset.y_test[:TESTED]).mean())


def main() -> None:
    parser = results.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many runs of each kind")
    arguments = parser.parse_args()
    figures = []
    for continual, title in ((True, "continual: σ(W u)"), (False, "i.i.d.: W u + b")):
        for order, name in (("class", "class after class"), ("shuffled", "shuffled")):
            runs = [accuracy(continual, order, seed) for seed in range(1, arguments.seeds + 1)]
            figures.append(mean({"network": title}, name, runs, "%", 1))
    measurement = measure(
        "The paper's rule on this core",
        results.command(),
        [Table("Accuracy", tuple(figures))],
        data={"mnist": data.load("mnist").digest()},
        text=f"MNIST, 784-{HIDDEN}-10, {TAUGHT} samples seen once, one at a time, {TESTED} test "
        f"samples, {arguments.seeds} seeds, mean ± standard error; chance is 10 %.",
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
