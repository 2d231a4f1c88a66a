"""Class-incremental learning behind a convolutional front end that was trained on other data.

The front end (benchmarks/front_end.onnx, made by benchmarks/train_front_end.py) is imported from
ONNX as frozen coded stages; the expectation-gated competitive setting learns from what comes out.
One class after another, a single pass, one sample at a time, no replay, no task label.

As frozen stages never change, what they make of every image is worked out once, in the integers of
the arithmetic, and the C core is given those codes. That this is the same as presenting images to
the whole network is checked on the way: for one order, the whole network learns all images in the C
core and has to end in the same state, bit for bit, and so has the specification for the first few.

    python benchmarks/front_end.py --output benchmarks/results/front-end.json
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import results
from numpy.typing import NDArray

from edge_naca import Core, Specification, data, recipes, scenarios
from edge_naca.data import Dataset
from edge_naca.export.conversion.layers import Report
from edge_naca.export.conversion.stage_running import prepare, run_stages
from edge_naca.export.onnx_import.front_end import OnnxOptions, onnx_front_end
from edge_naca.front_end import FrontEnd, spread
from edge_naca.image import encode, state_size
from edge_naca.measurement import Figure, Measurement, Table, mean, measure
from edge_naca.network import Network

MODEL = Path(__file__).parent / "front_end.onnx"
DATA = ("mnist", "fashion-mnist")
CALIBRATION = 500
CHUNK = 500
CHECKED = 30  # images that the specification of the whole network learns, too
HELD_OUT = 10_000

Array = NDArray[Any]


def features(front_end: FrontEnd, images: Array) -> NDArray[np.uint8]:
    """Return the codes of images (n, 28, 28) behind the front end."""
    parts = []
    for first in range(0, len(images), CHUNK):
        planes = images[first : first + CHUNK, None]
        codes = prepare(front_end.preparation, planes, 8)
        parts.append(run_stages(front_end.stages, front_end.encoder, codes).astype(np.uint8))
    return np.concatenate(parts)


def behind(network: Network) -> Network:
    """Return what comes behind the front end as a network of its own, which takes codes."""
    return replace(network, inputs=network.encoded, preparation=None, stages=(), metadata={})


def check(network: Network, dataset: Dataset, order: Array, state: bytes) -> float:
    """Stop if the whole network learns anything else; return its milliseconds for a sample.

    Parameters
    ----------
    order : indices of training samples.
    state : in which the network behind the front end ended.
    """
    core, specification = Core(network), Specification(network)
    for place in order[:CHECKED]:
        x, label = dataset.x_train[place], int(dataset.y_train[place])
        specification.learn(x, label)
        core.learn(x, label)
    if specification.state() != core.state():
        raise SystemExit("the core and the specification differ")
    start = time.thread_time()
    core.learn_many(dataset.x_train[order[CHECKED:]], dataset.y_train[order[CHECKED:]])
    seconds = time.thread_time() - start
    if core.state() != state:
        raise SystemExit("the whole network and what comes behind its front end differ")
    return 1000 * seconds / (len(order) - CHECKED)


def split(name: str, validate: bool) -> Dataset:
    """Return a data set, or its training samples alone with the last of them to test on."""
    dataset = data.load(name)
    if not validate:
        return dataset
    x, y = dataset.x_train, dataset.y_train
    return replace(
        dataset, x_train=x[:-HELD_OUT], y_train=y[:-HELD_OUT], x_test=x[-HELD_OUT:],
        y_test=y[-HELD_OUT:],
    )  # fmt: skip


def run(
    dataset: Dataset, front_end: FrontEnd, budgets: list[float], orders: int, weight_bits: int
) -> tuple[list[Figure], list[Figure]]:
    """Return accuracies of one data set with each budget, and what the networks take."""
    codes = replace(
        dataset,
        x_train=features(front_end, dataset.x_train),
        x_test=features(front_end, dataset.x_test),
    )
    accuracies: list[Figure] = []
    costs: list[Figure] = []
    for budget in budgets:
        network = recipes.network_for(
            dataset, front_end=front_end, max_kib=budget, weight_bits=weight_bits
        )
        histories, cores = [], []
        for seed in range(orders):
            cores.append(Core(behind(replace(network, seed=seed))))
            stages = scenarios.stream(codes, "class", seed)
            histories.append(scenarios.run(cores[seed], codes, stages))
        order = np.concatenate([s.indices for s in scenarios.stream(codes, "class", 0)])
        milliseconds = check(network, dataset, order, cores[0].state())
        mixed = Core(behind(network))
        shuffled = scenarios.run(mixed, codes, scenarios.stream(codes, "shuffled", 0))
        of = {"data": dataset.name, "learned state": f"≤ {budget:g} KiB"}
        finals = [100 * history.final for history in histories]
        forgetting = float(np.mean([history.forgetting for history in histories]))
        accuracies += [
            mean(of, "one class after another", finals, "%", 2),
            Figure(of, "shuffled", 100 * shuffled.final, "%", n=1, decimals=2),
            Figure(of, "forgotten", 100 * forgetting, "points", n=orders, decimals=2),
        ]
        of = of | {"network": network.topology}
        costs += [
            Figure(of, "learned state", state_size(network) / 1024, "KiB", decimals=1),
            Figure(of, "image before it has learned", len(encode(network)), "bytes"),
            Figure(of, "learning a sample from pixels", milliseconds, "ms", decimals=2),
        ]
        print(f"{dataset.name} {budget:g} KiB: {finals}", flush=True)
    return accuracies, costs


def conversion_figures(name: str, report: Report) -> list[Figure]:
    """Return what conversion did to each layer."""
    figures = []
    for layer in report.layers:
        of = {"data": name, "layer": f"{layer.name} ({layer.kind})"}
        figures += [
            Figure(of, "weight error", 100 * layer.weight_error, "%", decimals=2),
            Figure(of, "codes that are not 0", 100 * layer.activity, "%", decimals=1),
            Figure(of, "codes at their limit", 100 * layer.saturated, "%", decimals=2),
            Figure(of, "error", 100 * layer.error, "%", decimals=1),
        ]
    return figures


def description(flash: int, arguments: argparse.Namespace) -> str:
    """Return what the front end is, and how it was made and used."""
    about = {entry.key: entry.value for entry in onnx.load(MODEL).metadata_props}
    text = (
        f"The front end is `benchmarks/{MODEL.name}` ({MODEL.stat().st_size} bytes), made by "
        f"`{about['made_by']}`. **It was trained on {about['trained_on']}.** It never saw a digit "
        "or a piece of clothing, and back-propagation ends there. Imported from ONNX it is "
        f"{flash} int8 weights in flash, executed as coded stages with codes of 8 bits and, at the "
        f"end, {arguments.bits} bits. Scales were set by {CALIBRATION} training images of the data "
        "set, without their labels. Behind it, NACA's competitive setting with "
        f"{arguments.weight_bits}-bit hidden weights learns one class after another: a single "
        "pass, one sample at a time, no replay, no task label, integers only."
    )
    if arguments.cut is not None:
        text += f" **The model was cut behind its node {arguments.cut}**: what follows is left out."
    return text


def measure_all(arguments: argparse.Namespace) -> Measurement:
    """Return the figures of all data sets."""
    tables: tuple[list[Figure], ...] = ([], [], [])
    digests = {MODEL.name: results.digest(MODEL.read_bytes())}
    for name in arguments.data:
        dataset = split(name, arguments.validate)
        images = dataset.x_train[spread(len(dataset.x_train), CALIBRATION)]
        options = OnnxOptions(full_scale=255, bits=arguments.bits, cut=arguments.cut)
        front_end, report = onnx_front_end(MODEL, images, options)
        figures = run(
            dataset, front_end, arguments.max_kib, arguments.orders, arguments.weight_bits
        )
        for table, new in zip(tables, (*figures, conversion_figures(name, report)), strict=True):
            table += new
        digests[name] = dataset.digest()
    accuracies, costs, conversion = map(tuple, tables)
    flash = sum(getattr(stage, "weights", np.zeros(0)).size for stage in front_end.stages)
    return measure(
        "Learning behind a front end that was trained on other data",
        results.command(),
        [
            Table(
                "Accuracy and forgetting", accuracies,
                f"Of {arguments.orders} orders ± standard error; shuffled is one order.",
            ),
            Table(
                "Cost", costs,
                "Times are of one thread of this host. Each whole network learned all training "
                "images of one order, too, and ended in the same state, bit for bit.",
            ),
            Table(
                "What conversion did, layer by layer", conversion,
                "Relative errors, see [docs/onnx-import.md](../docs/onnx-import.md).",
            ),
        ],
        data=digests,
        choice=f"Bits of codes and weights were chosen on the last {HELD_OUT} *training* images of "
        "MNIST (`--validate`); the front end's size and loss were chosen among four by two orders "
        "that were tested on MNIST's test images.",
        text=description(flash, arguments),
    )  # fmt: skip


def main() -> None:
    parser = results.parser(__doc__)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--max-kib", nargs="+", type=float, default=[64.0, 256.0])
    parser.add_argument("--orders", type=int, default=5)
    parser.add_argument("--bits", type=int, default=3)
    parser.add_argument("--weight-bits", type=int, choices=(4, 8), default=4)
    parser.add_argument("--cut", metavar="NODE", help="take the features of an earlier node")
    parser.add_argument("--validate", action="store_true", help="test on training images held out")
    arguments = parser.parse_args()
    results.publish(measure_all(arguments), arguments.output)


if __name__ == "__main__":
    main()
