"""Class-incremental learning behind a convolutional front end that was trained on other data.

The front end (benchmarks/front_end.onnx, made by benchmarks/train_front_end.py) is imported from
ONNX as frozen coded stages; the expectation-gated competitive setting learns from what comes out.
One class after another, a single pass, one sample at a time, no replay, no task label.

As frozen stages never change, what they make of every image is worked out once, in the integers of
the arithmetic, and the C core is given those codes. That this is the same as presenting images to
the whole network is checked on the way: for one order, the whole network learns all images in the C
core and has to end in the same state, bit for bit, and so has the specification for the first few.

    python benchmarks/front_end.py --output benchmarks/front-end.md
"""

from __future__ import annotations

import argparse
import shlex
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edge_naca import Core, Specification, __version__, data, recipes, scenarios
from edge_naca.data import Dataset
from edge_naca.export.conversion.layers import Report
from edge_naca.export.conversion.stage_running import prepare, run_stages
from edge_naca.export.onnx_import.front_end import OnnxOptions, onnx_front_end
from edge_naca.front_end import FrontEnd, spread
from edge_naca.image import encode, state_size
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
    start = time.perf_counter()
    core.learn_many(dataset.x_train[order[CHECKED:]], dataset.y_train[order[CHECKED:]])
    seconds = time.perf_counter() - start
    if core.state() != state:
        raise SystemExit("the whole network and what comes behind its front end differ")
    return 1000 * seconds / (len(order) - CHECKED)


def run(
    name: str,
    budgets: list[float],
    orders: int,
    bits: int,
    weight_bits: int,
    cut: str | None,
    validate: bool,
) -> tuple[list[dict[str, Any]], Report]:
    """Return the figures of one data set, and what conversion did."""
    dataset = data.load(name)
    if validate:
        x, y = dataset.x_train, dataset.y_train
        dataset = replace(
            dataset,
            x_train=x[:-HELD_OUT], y_train=y[:-HELD_OUT], x_test=x[-HELD_OUT:],
            y_test=y[-HELD_OUT:],
        )  # fmt: skip
    chosen = dataset.x_train[spread(len(dataset.x_train), CALIBRATION)]
    options = OnnxOptions(full_scale=255, bits=bits, cut=cut)
    front_end, report = onnx_front_end(MODEL, chosen, options)
    codes = replace(
        dataset,
        x_train=features(front_end, dataset.x_train),
        x_test=features(front_end, dataset.x_test),
    )
    rows = []
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
        finals = np.array([history.final for history in histories])
        row = {
            "data": name,
            "budget": budget,
            "state": state_size(network),
            "topology": network.topology,
            "image": len(encode(network)),
            "milliseconds": milliseconds,
            "finals": finals,
            "shuffled": shuffled.final,
            "forgetting": float(np.mean([history.forgetting for history in histories])),
            "flash": sum(getattr(s, "weights", np.zeros(0)).size for s in network.stages),
        }
        rows.append(row)
        print(f"{name} {budget:g} KiB, {weight_bits}-bit weights, {bits}-bit codes: {show(row)}",
              flush=True)  # fmt: skip
    return rows, report


def show(row: dict[str, Any]) -> str:
    """Return mean and standard error in percent."""
    finals = row["finals"]
    error = finals.std(ddof=1) / np.sqrt(len(finals)) if len(finals) > 1 else np.nan
    return f"{100 * finals.mean():.2f} ± {100 * error:.2f} %"


def markdown(
    rows: list[dict[str, Any]],
    reports: dict[str, Report],
    bits: int,
    weight_bits: int,
    cut: str | None,
) -> str:
    # #lizard forgives: most of it is text.
    model = onnx.load(MODEL)
    about = {entry.key: entry.value for entry in model.metadata_props}
    text = (
        f"The front end is `benchmarks/{MODEL.name}` ({MODEL.stat().st_size} bytes), made by "
        f"`{about['made_by']}`. **It was trained on {about['trained_on']}.** It never saw a digit "
        "or a piece of clothing, and back-propagation ends there. Imported from ONNX it is "
        f"{rows[0]['flash']} int8 weights in flash, executed as coded stages with codes of 8 bits "
        f"and, at the end, {bits} bits. Scales were set by {CALIBRATION} training images of the "
        "data set, without their labels. Behind it, NACA's competitive setting with "
        f"{weight_bits}-bit hidden weights learns one class after another: a single pass, one "
        "sample at a time, no replay, no task label, integers only. Bits of codes and weights were "
        f"chosen on the last {HELD_OUT} *training* images of MNIST (`--validate`); the front end's "
        "size and loss were chosen among four by two orders that were tested on MNIST's test "
        "images."
    )
    if cut is not None:
        text += f" **The model was cut behind its node {cut}**: what comes after it is left out."
    heading = (
        "| data | learned state | network | one class after another | single orders | shuffled "
        "| forgotten |"
    )
    lines = [
        "# Learning behind a front end that was trained on other data",
        "",
        f"Made by edge-naca {__version__} with",
        "",
        f"    {shlex.join(['python', *sys.argv])}",
        "",
        *textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False),
        "",
        heading,
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        orders = ", ".join(f"{100 * final:.2f}" for final in row["finals"])
        lines.append(
            f"| {row['data']} | {row['state'] / 1024:.1f} KiB (≤ {row['budget']:g}) "
            f"| {row['topology']} | **{show(row)}** | {orders} | {100 * row['shuffled']:.2f} % "
            f"| {100 * row['forgetting']:.2f} points |"
        )
    first = rows[0]
    cost = (
        f"The image of the first network has {first['image']} bytes before it has learned; a "
        f"sample is learned from pixels in {first['milliseconds']:.2f} ms in one thread of this "
        "host. Whole networks were taught all training images of one order, too, and ended in the "
        "same states, bit for bit."
    )
    lines += [
        "",
        *textwrap.wrap(cost, 100),
        "",
        "What conversion did, layer by layer (relative errors; see docs/onnx-import.md):",
        "",
        "| data | layer | weight error | codes that are not 0 | codes at their limit | error |",
        "|---|---|---|---|---|---|",
    ]
    for name, report in reports.items():
        lines += [
            f"| {name} | {layer.name} ({layer.kind}) | {layer.weight_error:.2%} "
            f"| {layer.activity:.1%} | {layer.saturated:.2%} | {layer.error:.1%} |"
            for layer in report.layers
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--max-kib", nargs="+", type=float, default=[64.0, 256.0])
    parser.add_argument("--orders", type=int, default=5)
    parser.add_argument("--bits", type=int, default=3)
    parser.add_argument("--weight-bits", type=int, choices=(4, 8), default=4)
    parser.add_argument("--cut", metavar="NODE", help="take the features of an earlier node")
    parser.add_argument("--validate", action="store_true", help="test on training images held out")
    parser.add_argument("--output", type=Path, help="write the figures to a .md file")
    arguments = parser.parse_args()
    rows, reports = [], {}
    for name in arguments.data:
        found, reports[name] = run(
            name, arguments.max_kib, arguments.orders, arguments.bits, arguments.weight_bits,
            arguments.cut, arguments.validate,
        )  # fmt: skip
        rows += found
    if arguments.output is not None:
        arguments.output.write_text(
            markdown(rows, reports, arguments.bits, arguments.weight_bits, arguments.cut)
        )


if __name__ == "__main__":
    main()
