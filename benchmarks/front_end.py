"""Class-incremental learning behind a convolutional front end that was trained on other data.

The front end (benchmarks/front_end.onnx, made by benchmarks/train_front_end.py) is imported from
ONNX as frozen coded stages; the expectation-gated competitive setting learns from what comes out.
One class after another, a single pass, one sample at a time, no replay, no task label.

As frozen stages never change, what they make of every image is worked out once, in the integers of
the arithmetic, and the C core is given those codes. That this is the same as presenting images to
the whole network is checked on the way: the specification of the whole network has to end in the
same state, bit for bit.

    python benchmarks/front_end.py --output benchmarks/front-end.md
"""

from __future__ import annotations

import argparse
import shlex
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edge_naca import Core, Specification, __version__, data, recipes, scenarios
from edge_naca.data import Dataset
from edge_naca.export.layers import Report
from edge_naca.export.onnx_import import OnnxOptions, onnx_front_end
from edge_naca.export.stage_running import prepare, run_stages
from edge_naca.front_end import FrontEnd, spread
from edge_naca.image import state_size
from edge_naca.network import Network

MODEL = Path(__file__).parent / "front_end.onnx"
DATA = ("mnist", "fashion-mnist")
CALIBRATION = 500
CHUNK = 500
CHECKED = 40  # samples that the specification of the whole network learns, too
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


def check(network: Network, dataset: Dataset, codes: Dataset) -> None:
    """Stop if the whole network learns anything else than what comes behind the front end."""
    whole, core = Specification(network), Core(behind(network))
    for place in spread(len(dataset.y_train), CHECKED):
        label = int(dataset.y_train[place])
        first = whole.learn(dataset.x_train[place], label).prediction
        second = core.learn(codes.x_train[place], label, "codes").prediction
        if first != second:
            raise SystemExit(f"sample {place} was answered {first} and {second}")
    if whole.state() != core.state():
        raise SystemExit("the whole network and what comes behind its front end differ")


def run(
    name: str, budgets: list[float], orders: int, bits: int, weight_bits: int, validate: bool
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
    made = onnx_front_end(MODEL, chosen, OnnxOptions(full_scale=255, bits=bits))
    front_end = made.front_end()
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
        check(network, dataset, codes)
        histories = []
        for seed in range(orders):
            core = Core(behind(replace(network, seed=seed)))
            histories.append(scenarios.run(core, codes, scenarios.stream(codes, "class", seed)))
        mixed = Core(behind(network))
        shuffled = scenarios.run(mixed, codes, scenarios.stream(codes, "shuffled", 0))
        finals = np.array([history.final for history in histories])
        row = {
            "data": name,
            "budget": budget,
            "state": state_size(network),
            "topology": network.topology,
            "finals": finals,
            "shuffled": shuffled.final,
            "forgetting": float(np.mean([history.forgetting for history in histories])),
            "flash": sum(getattr(s, "weights", np.zeros(0)).size for s in network.stages),
        }
        rows.append(row)
        print(f"{name} {budget:g} KiB, {weight_bits}-bit weights, {bits}-bit codes: {show(row)}",
              flush=True)  # fmt: skip
    return rows, made.report


def show(row: dict[str, Any]) -> str:
    """Return mean and standard error in percent."""
    finals = row["finals"]
    error = finals.std(ddof=1) / np.sqrt(len(finals)) if len(finals) > 1 else np.nan
    return f"{100 * finals.mean():.2f} ± {100 * error:.2f} %"


def markdown(
    rows: list[dict[str, Any]], reports: dict[str, Report], bits: int, weight_bits: int
) -> str:
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
        f"chosen on the last {HELD_OUT} *training* images of MNIST (`--validate`)."
    )
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
    lines += [
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
    parser.add_argument("--validate", action="store_true", help="test on training images held out")
    parser.add_argument("--output", type=Path, help="write the figures to a .md file")
    arguments = parser.parse_args()
    rows, reports = [], {}
    for name in arguments.data:
        found, reports[name] = run(
            name, arguments.max_kib, arguments.orders, arguments.bits, arguments.weight_bits,
            arguments.validate,
        )  # fmt: skip
        rows += found
    if arguments.output is not None:
        arguments.output.write_text(markdown(rows, reports, arguments.bits, arguments.weight_bits))


if __name__ == "__main__":
    main()
