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
from edge_naca.export.conversion import float_model
from edge_naca.export.conversion.layers import Report
from edge_naca.export.conversion.spiking import COMPARED
from edge_naca.export.nir.front_end import nir_network, samples_for
from edge_naca.export.nir.options import NirOptions
from edge_naca.export.nir.read import nir_layers
from edge_naca.front_end import spread

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
    network, report = nir_network(MODEL, calibration, OPTIONS)
    content = image.encode(network)
    core = Core(content)
    start = time.perf_counter()
    results = core.infer_many(x)
    seconds = time.perf_counter() - start
    integer = results["prediction"]

    def share(right: Any) -> str:
        return f"{100 * np.mean(right):.2f} %"

    report_lines = "\n".join(_layers(report))
    real = simulation.answers(False)
    return f"""# A convolutional network from snnTorch, through NIR

`python benchmarks/nir_mnist.py --output benchmarks/nir.md`

`tests/models/{MODEL.name}`, {MODEL.stat().st_size} bytes, trained on 30 000 samples of MNIST,
twice, by `benchmarks/snntorch_mnist.py` (snnTorch 1.0.0, torch 2.14.1, nir 1.0.8, nirtorch 2.6).
Here it is {network.topology}. Pixels / 255 are a constant current for
{OPTIONS.steps} steps. All {len(x)} test samples:

| what | right |
|---|---|
| snnTorch itself, most spikes, then the lower class | {share(told.argmax(1) == y)} |
| our real-numbered model of the file, answering likewise | {share(counts.argmax(1) == y)} |
| our real-numbered model, equal counts decided by potentials | {share(real == y)} |
| **integers, in the C core**, equal counts decided by potentials | **{share(integer == y)}** |

| equal | share |
|---|---|
| spike counts of our real-numbered model and of snnTorch, {counts.size} | {share(counts == told)} |
| answers of integers and of real numbers | {share(integer == real)} |

The image has {len(content)} bytes and takes {core.workspace_size} bytes of RAM; a sample takes
{results["synops"].mean():.0f} synaptic operations, and {1e6 * seconds / len(x):.0f} µs in one
thread of this host.

What conversion did, calibrated on {CALIBRATION} samples to learn from. The last three columns are
of {COMPARED} of them; `error` is that of the neurons' numbers of spikes, root mean square,
relative:

{report_lines}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    args.output.write_text(_measure())


if __name__ == "__main__":
    main()
