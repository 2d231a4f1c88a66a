"""What each ingredient is worth: one of them left out at a time.

    python benchmarks/ablations.py --output benchmarks/results/ablations.json

Of the product on MNIST, HAR and gas sensors, class after class; of the paper's networks in real
numbers, i.i.d., over its own parameters. Needs these files in EDGE_NACA_DATA. Takes some minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import results
from numpy.typing import NDArray
from streams import then_inverted
from tasks import TASKS, Split

from edge_naca import presets, recipes
from edge_naca.core import Core
from edge_naca.expectation import CURVE_MAX, LEVEL_INVERSION
from edge_naca.measurement import Figure, Table, mean, measure
from edge_naca.network import Network
from edge_naca.paper.network import PaperNetwork, iid_snn

Array = NDArray[Any]
NAMES = ("mnist", "har", "gas")
SEEDS, SAMPLES = 3, 10_000
PAPER_SAMPLES, BATCH, RATE, TESTED = 6000, 32, 1e-3, 2000
WHOLE = "everything"
NO_LEVELS = np.zeros((0, 0), np.uint8)


def with_rule(network: Network, **changes: Any) -> Network:
    """Return a network whose first population's rule is changed."""
    first, *others = network.populations
    assert first.rule is not None
    first = replace(first, rule=replace(first.rule, **changes))
    return replace(network, populations=(first, *others))


def with_depression(network: Network) -> Network:
    """Return one whose wrong winners are pushed away, once they have won twenty times."""
    rule = network.populations[0].rule
    assert rule is not None
    assert rule.table is not None
    table = np.where(rule.table > 0, rule.table, -4)
    return with_rule(network, table=table, depress_rate=presets.ONE // 8, depress_from=20)


# What is left out, or put in, of the network that `recipes.network_for` makes.
CHANGES: dict[str, Callable[[Network], Network]] = {
    WHOLE: lambda network: network,
    "two levels: the winner alone learns": lambda n: with_rule(
        n, levels=np.zeros((0, 0), np.uint8)
    ),
    "no share": lambda n: with_rule(n, share=0),
    "no rarity": lambda n: with_rule(n, rarity=0),
    "no second context": lambda n: with_rule(n, drift=0),
    "wrong winners are depressed": with_depression,
}


def networks(split: Split, settings: dict[str, Any]) -> Iterator[tuple[str, Network]]:
    """Yield what is compared, each with as many neurons, scaled by the first domain."""
    first = np.flatnonzero(split.domains == split.domains.min())
    dataset = split.kept(first).dataset if split.is_ahead else split.dataset
    whole = recipes.network_for(dataset, **settings)
    each = whole.populations[0].neurons // whole.capacity
    for name, change in CHANGES.items():
        yield name, change(whole)
    if whole.inhibition is not None:
        yield (
            "no decorrelation",
            recipes.network_for(dataset, neurons_per_class=each, features="scaled"),
        )


def right(network: Network, split: Split, order: Array) -> float:
    """Return accuracy after a stream; a split that looks ahead is learned domain by domain."""
    dataset, core = split.dataset, Core(network)
    x = dataset.x_train
    test = dataset.x_test
    if not split.is_ahead:
        core.learn_many(x[order], dataset.y_train[order])
        return 100 * float((core.predict_many(test) == dataset.y_test).mean())
    answers = np.full(len(test), -1)
    for domain in np.unique(split.domains):
        own = order[split.domains[order] == domain]
        core.learn_many(x[own], dataset.y_train[own])
        ahead = split.test_domains > domain
        first = split.test_domains == split.test_domains[ahead].min(initial=1 << 30)
        answers[first] = core.predict_many(test[first]) if first.any() else answers[first]
    asked = answers >= 0
    return 100 * float((answers[asked] == dataset.y_test[asked]).mean())


def of_product(splits: list[Split], settings: dict[str, Any]) -> Iterator[Figure]:
    """Give accuracy, and the paired difference to the whole, over splits or orders."""
    found: dict[str, list[float]] = {}
    for number, split in enumerate(splits):
        for seed in range(SEEDS if len(splits) == 1 else 1):
            rng = np.random.default_rng((number, seed))
            y = split.dataset.y_train
            order = rng.permutation(len(y))[:SAMPLES]
            order = np.concatenate([order[y[order] == c] for c in rng.permutation(y.max() + 1)])
            for name, network in networks(split, settings):
                found.setdefault(name, []).append(right(network, split, order))
    for name, values in found.items():
        yield mean({"what": name}, "right", values, "%", 2)
        difference = (np.array(values) - found[WHOLE]).tolist()
        if name != WHOLE:
            yield mean({"what": name}, "to the whole, paired", difference, "points", 2)


def of_inverted(split: Split) -> Iterator[Figure]:
    """Give accuracy on inverted images before and after some were learned, by context."""
    found: dict[tuple[str, str], list[float]] = {}
    for seed in range(SEEDS):
        moved = then_inverted(split, np.random.default_rng(seed))
        dataset, upright = moved.dataset, moved.domains == 0
        whole = recipes.network_for(dataset, max_kib=64)
        for name in (WHOLE, "no second context"):
            core = Core(CHANGES[name](whole))
            for when, rows in (("before", upright), ("after", ~upright)):
                core.learn_many(dataset.x_train[rows], dataset.y_train[rows])
                asked = moved.test_domains == 1
                answers = core.predict_many(dataset.x_test[asked])
                share = 100 * float((answers == dataset.y_test[asked]).mean())
                found.setdefault((name, when), []).append(share)
    for (name, when), values in found.items():
        yield mean({"what": name}, f"right on inverted, {when}", values, "%", 2)


def of_paper(split: Split) -> Iterator[Figure]:
    """Give accuracy of the published SNN, 784-300-10, i.i.d., with one parameter changed."""
    settings: dict[str, dict[str, Any]] = {"as published": {}}
    settings |= {f"NI {name}": {"levels": name} for name in ("normal", "beta")}
    settings |= {
        f"λ_inv {value:g}": {"inversion": value}
        for value in (0.25, 0.75, 1.0)
        if value != LEVEL_INVERSION
    }
    settings |= {
        f"θ_max {value:g}": {"curve_max": value} for value in (0.5 * CURVE_MAX, 2 * CURVE_MAX)
    }
    settings["hidden weights do not learn"] = {"learns_hidden": False}
    dataset = split.dataset
    for name, changes in settings.items():
        values = []
        for seed in range(SEEDS):
            network = PaperNetwork(
                iid_snn(hidden=300, optimiser="adam", learning_rate=RATE, seed=seed, **changes)
            )
            order = np.random.default_rng(seed).permutation(len(dataset.y_train))[:PAPER_SAMPLES]
            x, test = (
                part.reshape(len(part), -1).astype(np.float32) / 255
                for part in (dataset.x_train[order], dataset.x_test[:TESTED])
            )
            for first in range(0, len(x), BATCH):
                part = slice(first, first + BATCH)
                network.learn(x[part], dataset.y_train[order[part]])
            answers = network.predict(test)
            values.append(100 * float((answers == dataset.y_test[:TESTED]).mean()))
        yield mean({"what": name}, "right", values, "%", 1)


def main() -> None:
    parser = results.parser(__doc__)
    arguments = parser.parse_args()
    files = sorted({file for name in NAMES for file in TASKS[name].files})
    folder = results.data_folder(parser, *files)
    tables = []
    for name in NAMES:
        task = TASKS[name]
        splits = list(task.splits(folder, 0))
        tables.append(Table(task.title, tuple(of_product(splits, task.network))))
    mnist = next(iter(TASKS["mnist"].splits(folder, 0)))
    title = "MNIST, 1000 inverted samples after 20 000 upright ones"
    tables.append(Table(title, tuple(of_inverted(mnist))))
    title = "The paper's SNN in real numbers, 784-300-10, i.i.d. MNIST"
    tables.append(Table(title, tuple(of_paper(mnist))))
    measurement = measure(
        "What each ingredient is worth",
        results.command(),
        tables,
        data={file: results.digest((folder / file).read_bytes()) for file in files},
        settings={"samples, at most": SAMPLES, "of the paper's": PAPER_SAMPLES, "η": RATE},
        text="The product: class after class, each sample once, as many neurons throughout; gas "
        "sensors are asked a batch ahead. The paper's network: shuffled, one pass, Adam.",
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
