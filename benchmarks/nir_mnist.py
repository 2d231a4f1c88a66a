"""Import the snnTorch network of snntorch_mnist.py through NIR, and test it on all of MNIST.

    python benchmarks/nir_mnist.py --output benchmarks/nir.md

Needs EDGE_NACA_DATA. Compares, on all 10 000 test samples: snnTorch itself (its spike counts are
beside the model), our real-numbered model of the file, and the integers in the C core.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from edge_naca import Core, data, image
from edge_naca.export import float_model
from edge_naca.export.layers import Report
from edge_naca.export.nir_import import nir_network, samples_for, spread
from edge_naca.export.nir_options import NirOptions
from edge_naca.export.nir_read import nir_layers

MODEL = Path(__file__).parent.parent / "tests" / "models" / "snntorch_mnist.nir"
OPTIONS = NirOptions(exporter="snntorch", steps=10, encoder="direct", full_scale=255)
CALIBRATION = 500


def _layers(report: Report) -> list[str]:
    lines = ["| layer | weights | one step of a weight | rounding | spiking | at limit | error |"]
    lines.append("|" + "---|" * 7)
    for layer in report.layers:
        low, high = layer.weight_range
        lines.append(
            f"| {layer.name} | {low:.3g} .. {high:.3g} | {layer.scale:.3g} | "
            f"{layer.weight_error:.2%} | {layer.activity:.1%} | {layer.saturated:.1%} | "
            f"{layer.error:.1%} |"
        )
    return lines


def _measure() -> str:
    mnist = data.load("mnist")
    x, y = mnist.x_test, mnist.y_test
    with np.load(MODEL.with_suffix(".npz")) as file:
        told = file["counts"].astype(np.int64)
    calibration = mnist.x_train[spread(len(mnist.x_train), CALIBRATION)]
    layers = nir_layers(MODEL, OPTIONS)
    source = samples_for(x, layers, OPTIONS).source()
    simulation = float_model.simulate(layers, len(x), source.steps, source.real, True)
    counts = simulation.counts[-1].reshape(len(x), -1)
    network, report = nir_network(MODEL, OPTIONS, calibration)
    content = image.encode(network)
    core = Core(content)
    start = time.perf_counter()
    results = core.infer_many(x)
    seconds = time.perf_counter() - start
    integer = results["prediction"]

    def share(right: Any) -> str:
        return f"{100 * np.mean(right):.2f} %"

    lines = [
        "# A convolutional network from snnTorch, through NIR",
        "",
        "`python benchmarks/nir_mnist.py --output benchmarks/nir.md`",
        "",
        f"`tests/models/{MODEL.name}`, {MODEL.stat().st_size} bytes, trained by "
        "`benchmarks/snntorch_mnist.py` (snnTorch 1.0.0, torch 2.14.1, nir 1.0.8, nirtorch 2.6) "
        "on 30 000 samples of MNIST, twice: "
        f"{' - '.join(str(stage) for stage in network.topology.split('-'))}. Pixels / 255 are a "
        f"constant current for {network.encoder.steps} steps. All 10 000 test samples:",
        "",
        "| what | right |",
        "|---|---|",
        f"| snnTorch itself, most spikes, then the lower class | {share(told.argmax(1) == y)} |",
        f"| our real-numbered model of the file, answered likewise | "
        f"{share(counts.argmax(1) == y)} |",
        f"| our real-numbered model, equal counts decided by potentials | "
        f"{share(simulation.answers(False) == y)} |",
        f"| **integers, in the C core** | **{share(integer == y)}** |",
        "",
        "| compared | share |",
        "|---|---|",
        f"| spike counts of our real-numbered model equal to snnTorch's (100 000) | "
        f"{share(counts == told)} |",
        f"| answers of integers equal to those of real numbers | "
        f"{share(integer == simulation.answers(False))} |",
        "",
        f"The image has {len(content)} bytes and takes {core.workspace_size} bytes of RAM; a "
        f"sample takes {results['synops'].mean():.0f} synaptic operations, and "
        f"{1e6 * seconds / len(x):.0f} µs in one thread of this host.",
        "",
        f"What conversion did, measured on {CALIBRATION} samples to learn from (`error`: of each "
        "neuron's number of spikes, root mean square, relative):",
        "",
        *_layers(report),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    args.output.write_text(_measure())


if __name__ == "__main__":
    main()
