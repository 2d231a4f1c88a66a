"""Import the snnTorch network of snntorch_mnist.py through NIR, and test it on all of MNIST.

    python benchmarks/nir_mnist.py --output benchmarks/results/nir.json

Needs EDGE_NACA_DATA. Compares, on all 10 000 test samples: snnTorch itself (its spike counts are
beside the model), our real-numbered model of the file, and the integers in the C core.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import results

from edge_naca import Core, data, image
from edge_naca.export.conversion import float_model
from edge_naca.export.conversion.layers import Report
from edge_naca.export.conversion.spiking import COMPARED
from edge_naca.export.nir.front_end import nir_network, samples_for
from edge_naca.export.nir.options import NirOptions
from edge_naca.export.nir.read import nir_layers
from edge_naca.front_end import spread
from edge_naca.measurement import Figure, Measurement, Table, measure

MODEL = Path(__file__).parent.parent / "tests" / "models" / "snntorch_mnist.nir"
OPTIONS = NirOptions(exporter="snntorch", steps=10, encoder="direct", full_scale=255)
CALIBRATION = 500


def _layers(report: Report) -> list[Figure]:
    """Return what conversion did to each layer."""
    figures = []
    for layer in report.layers:
        low, high = layer.weight_range
        of = {"layer": layer.name}
        figures += [
            Figure(of, "smallest weight", low, decimals=5),
            Figure(of, "largest weight", high, decimals=5),
            Figure(of, "one step of a weight", layer.scale, decimals=7),
            Figure(of, "rounding", 100 * layer.weight_error, "%", decimals=2),
            Figure(of, "spiking", 100 * layer.activity, "%", decimals=1),
            Figure(of, "at limit", 100 * layer.saturated, "%", decimals=1),
            Figure(of, "error", 100 * layer.error, "%", decimals=1),
        ]
    return figures


def _share(of: dict[str, str], name: str, holds: Any) -> Figure:
    return Figure(of, name, 100 * float(np.mean(holds)), "%", n=holds.size, decimals=2)


def _measure() -> Measurement:
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
    start = time.thread_time()
    answers = core.infer_many(x)
    seconds = time.thread_time() - start
    integer, real = answers["prediction"], simulation.answers(False)

    def right(what: str, decision: str, prediction: Any) -> Figure:
        return _share({"network": what, "equal counts": decision}, "right", prediction == y)

    lower, potentials = "the lower class", "decided by potentials"
    ours = "our real-numbered model of the file"
    accuracy = (
        right("snnTorch itself", lower, told.argmax(1)),
        right(ours, lower, counts.argmax(1)),
        right(ours, potentials, real),
        right("integers, in the C core", potentials, integer),
    )
    equal = (
        _share({"what": "spike counts of our real-numbered model and of snnTorch"}, "equal",
               counts == told),
        _share({"what": "answers of integers and of real numbers"}, "equal", integer == real),
    )  # fmt: skip
    cost = (
        Figure({"what": "image"}, "takes", len(content), "bytes"),
        Figure({"what": "RAM"}, "takes", core.workspace_size, "bytes"),
        Figure({"what": "synaptic operations of a sample"}, "takes",
               float(answers["synops"].mean())),
        Figure({"what": "a sample, one thread of this host"}, "takes", 1e6 * seconds / len(x),
               "µs"),
    )  # fmt: skip
    return measure(
        "A convolutional network from snnTorch, through NIR",
        results.command(),
        [
            Table("Right answers", accuracy),
            Table("Equal", equal),
            Table("Cost", cost),
            Table(
                "What conversion did", tuple(_layers(report)),
                f"Calibrated on {CALIBRATION} samples to learn from. The last three columns are of "
                f"{COMPARED} of them; `error` is that of the neurons' numbers of spikes, root mean "
                "square, relative.",
            ),
        ],
        data={"mnist": mnist.digest(), MODEL.name: results.digest(MODEL.read_bytes())},
        text=f"`tests/models/{MODEL.name}`, {MODEL.stat().st_size} bytes, trained on 30 000 "
        "samples of MNIST, twice, by `benchmarks/snntorch_mnist.py` (snnTorch 1.0.0, torch 2.14.1, "
        f"nir 1.0.8, nirtorch 2.6). Here it is {network.topology}. Pixels / 255 are a constant "
        f"current for {OPTIONS.steps} steps. The answer is the class of most spikes. All {len(x)} "
        "test samples.",
    )  # fmt: skip


def main() -> None:
    arguments = results.parser(__doc__).parse_args()
    results.publish(_measure(), arguments.output)


if __name__ == "__main__":
    main()
