"""The paper's networks in real numbers, in the published protocol and outside it: MNIST.

    python benchmarks/paper_networks.py --output benchmarks/results/paper-networks.json

What batches of one class give away, what the hidden rule adds, and what θ_max, λ_inv and NI change.
Needs MNIST in EDGE_NACA_DATA. One core, about half an hour; OPENBLAS_NUM_THREADS=1 keeps it to one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import results
from numpy.typing import NDArray

from edge_naca import data
from edge_naca.measurement import Figure, Table, mean, measure
from edge_naca.paper import evaluation
from edge_naca.paper.continual import BATCH, batches, normalised, teach
from edge_naca.paper.network import (
    Description,
    PaperNetwork,
    continual_ann,
    continual_snn,
    iid_ann,
    iid_snn,
    open_neurons,
    rate_code,
)
from edge_naca.paper.neurons import Array

Runs = dict[str, list[float]]

ABLATION_SEEDS = {"SNN": 2, "ANN": 5}
IID_SEEDS = 2
ONLINE = 1000  # samples of each class, where they come one at a time
KINDS = (("SNN", continual_snn), ("ANN", continual_ann))


class Digits:
    """MNIST as the published networks get it."""

    def __init__(self) -> None:
        dataset = data.load("mnist")
        self.digest = dataset.digest()
        self.x, self.y = normalised(dataset.x_train), dataset.y_train
        self.x_test, self.y_test = normalised(dataset.x_test), dataset.y_test
        # For i.i.d. classification, pixels in 0 .. 1.
        self.iid, self.iid_test = _shares(dataset.x_train), _shares(dataset.x_test)


def _shares(pixels: NDArray[np.uint8]) -> Array:
    """Return 0 .. 255 as 0 .. 1, float32 (samples, pixels)."""
    return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)


# ---- class after class ---------------------------------------------------------------------------


def order(seed: int) -> list[int]:
    """Return the classes in the order of a seed."""
    return np.random.default_rng((seed, 2)).permutation(10).tolist()


def taught(digits: Digits, description: Description) -> PaperNetwork:
    """Return a network after the published course."""
    network = PaperNetwork(description)
    teach(network, digits.x, digits.y, order(description.seed))
    return network


def taught_online(digits: Digits, description: Description) -> PaperNetwork:
    """Return a network that learned 1000 samples of each class, once, one at a time."""
    network = PaperNetwork(description)
    for label in order(description.seed):
        for sample in digits.x[digits.y == label][:ONLINE]:
            network.learn(sample[None], [label])
    return network


def measures(digits: Digits, network: PaperNetwork) -> dict[str, float]:
    """Return the accuracy in each way to feed the network, in percent."""
    test = network, digits.x_test, digits.y_test
    shares = {
        "batches of one class": evaluation.accuracy_in_batches_of_one_class(*test),
        "one at a time": evaluation.accuracy_alone(*test),
        "mixed batches": evaluation.accuracy_in_mixed_batches(*test),
        "shuffled pixels, right mask": evaluation.accuracy_of_shuffled_pixels(*test),
        "the mask's class, wrong mask": evaluation.answers_of_the_mask(*test),
    }
    return {name: 100 * share for name, share in shares.items()}


def class_after_class(digits: Digits, seeds: int) -> list[Figure]:
    """Return accuracy by network, by how it learned, and by how it is fed."""
    figures: list[Figure] = []
    for name, make in KINDS:
        ways: tuple[
            tuple[str, Callable[[Digits, Description], PaperNetwork], dict[str, Any]], ...
        ] = (
            ("as published", taught, {}),
            ("hidden weights frozen", taught, {"learns_hidden": False}),
            ("online, batches of 1", taught_online, {}),
        )
        for way, course, changes in ways:
            networks = (course(digits, make(seed=seed, **changes)) for seed in range(seeds))
            runs = [measures(digits, network) for network in networks]
            of = {"network": name, "learning": way}
            figures += [mean(of, key, [run[key] for run in runs], "%", 1) for key in runs[0]]
    return figures


def ablations(digits: Digits) -> list[Figure]:
    """Return the published measure with one number of the rule changed."""
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("θ_max 1", {"curve_max": 1.0}),
        ("θ_max 2", {"curve_max": 2.0}),
        ("λ_inv 0.3", {"inversion": 0.3}),
        ("λ_inv 0.7", {"inversion": 0.7}),
        ("NI normal", {"levels": "normal"}),
        ("NI beta", {"levels": "beta"}),
    )
    figures = []
    for title, change in changes:
        for name, make in KINDS:
            runs = []
            for seed in range(ABLATION_SEEDS[name]):
                network = taught(digits, make(seed=seed, **change))
                test = network, digits.x_test, digits.y_test
                runs.append(100 * evaluation.accuracy_in_batches_of_one_class(*test))
            figures.append(mean({"rule": title}, name, runs, "%", 1))
    return figures


# ---- what the gating does ------------------------------------------------------------------------


def gating(digits: Digits) -> list[Figure]:
    """Return how many neurons the gating opens, how many fire without, what one update moves."""
    classes = [digits.x_test[digits.y_test == label] for label in range(10)]
    opened = [float(len(open_neurons(x, 1000, 0.2))) for x in classes]
    of = {"what": "hidden neurons that a class opens, of 1000"}
    figures = [
        Figure(of, "mean", float(np.mean(opened)), n=10, runs=tuple(opened)),
        Figure(of, "least", min(opened)),
        Figure(of, "most", max(opened)),
    ]
    firing = [_firing(x[:BATCH]) for x in classes]
    of = {"what": "neurons that fire at a step without gating, of 1000"}
    figures.append(Figure(of, "mean", float(np.mean(firing)), n=10, runs=tuple(firing)))
    for name, make in KINDS:
        moved = [_moved(digits, make(), label) for label in range(10)]
        of = {"what": f"hidden weights that the first update changes, {name}, %"}
        figures.append(Figure(of, "mean", float(np.mean(moved)), "", n=10, runs=tuple(moved)))
    return [replace(figure, decimals=1) for figure in figures]


def _firing(x: Any) -> float:
    """Return how many neurons of a fresh network fire at a step, without gating."""
    network = PaperNetwork(continual_snn())
    u = rate_code(x, 20, np.random.default_rng(0))
    drive = (u.reshape(-1, u.shape[-1]) @ network.hidden_weights.T).reshape(*u.shape[:2], -1)
    activity = network.description.hidden_neurons.respond(drive).activity
    return float(activity.sum(axis=2).mean())


def _moved(digits: Digits, description: Description, label: int) -> float:
    network = PaperNetwork(description)
    before = network.hidden_weights.copy()
    network.learn(digits.x[digits.y == label][:BATCH], np.full(BATCH, label))
    return 100 * float((network.hidden_weights != before).mean())


# ---- i.i.d. --------------------------------------------------------------------------------------

ADAM: dict[str, Any] = {"hidden": 256, "optimiser": "adam"}
IID: tuple[tuple[str, Description], ...] = (
    ("SNN, η 1e-4, as published", iid_snn(**ADAM, learning_rate=1e-4)),
    (
        "SNN, η 1e-4, hidden frozen, 3 × the start weights",
        iid_snn(**ADAM, learning_rate=1e-4, learns_hidden=False, gain=3),
    ),
    (
        "SNN, η 1e-3, hidden frozen, 3 × the start weights",
        iid_snn(**ADAM, learning_rate=1e-3, learns_hidden=False, gain=3),
    ),
    ("ANN, η 1e-4, as published", iid_ann(**ADAM, learning_rate=1e-4)),
    (
        "ANN, η 1e-4, hidden frozen",
        iid_ann(**ADAM, learning_rate=1e-4, learns_hidden=False),
    ),
)


def independent(digits: Digits) -> list[Figure]:
    """Return the accuracy of 784-256-10 on shuffled samples, after one epoch and after five."""
    figures = []
    for name, description in IID:
        runs: Runs = {"1 epoch": [], "5 epochs": []}
        for seed in range(IID_SEEDS):
            network = PaperNetwork(replace(description, seed=seed))
            rng = np.random.default_rng(seed)
            for epoch in range(1, 6):
                for chosen in batches(rng.permutation(len(digits.iid)), 32):
                    network.learn(digits.iid[chosen], digits.y[chosen])
                if epoch in (1, 5):
                    test = network, digits.iid_test, digits.y_test
                    right = evaluation.accuracy_in_mixed_batches(*test)
                    runs["1 epoch" if epoch == 1 else "5 epochs"].append(100 * right)
        figures += [mean({"network": name}, key, values, "%", 1) for key, values in runs.items()]
    return figures


def main() -> None:
    parser = results.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many runs class after class")
    arguments = parser.parse_args()
    digits = Digits()
    tables = [
        Table(
            "What gates the hidden neurons",
            tuple(gating(digits)),
            "The mask is the mean of a batch. Single runs are the classes 0 to 9.",
        ),
        Table(
            "Class after class",
            tuple(class_after_class(digits, arguments.seeds)),
            "Batches of one class are the published protocol: their mean, which is the mask, tells "
            "the class. Pixels are shuffled in each image on its own, under the mask of the images "
            "as they were. The mask's class: how often it is the answer to images of the class "
            "after it.",
        ),
        Table(
            "Ablations, batches of one class",
            tuple(ablations(digits)),
            "As published is the first row of each network above. "
            f"{ABLATION_SEEDS['SNN']} seeds of the SNN, {ABLATION_SEEDS['ANN']} of the ANN.",
        ),
        Table(
            "Shuffled samples (i.i.d.), 784-256-10",
            tuple(independent(digits)),
            f"Adam, batches of 32, no gating, no convolutions, {IID_SEEDS} seeds.",
        ),
    ]
    measurement = measure(
        "The paper's networks, in real numbers",
        results.command(),
        tables,
        data={"mnist": digits.digest},
        choice="Settings are those published; η and start weights of frozen networks are named.",
        text=f"MNIST, 784-1000-10, T = 20, batches of {BATCH}, SGD 5e-4, a class's lesson ends "
        f"above 95 %; {arguments.seeds} seeds (weights, NI, order of classes), mean ± standard "
        "error, chance is 10 %. In real numbers, in `edge_naca/paper`; nothing of this runs on a "
        "device.",
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
