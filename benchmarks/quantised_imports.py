"""What importing costs: networks of real numbers, and the same quantised by onnxruntime.

    python benchmarks/quantised_imports.py --output benchmarks/results/onnx-import.json

needs the extra `onnx`, and MNIST and Fashion-MNIST in EDGE_NACA_DATA. The networks are those of
benchmarks/train_classifiers.py. All test samples are answered, by onnxruntime and by the core.
"""

from __future__ import annotations

import itertools
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import results
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from edge_naca import data
from edge_naca.core import Core
from edge_naca.export import OnnxOptions, onnx_network
from edge_naca.measurement import Figure, Table, measure

Array = NDArray[Any]

FOLDER = Path(__file__).resolve().parent
NETWORKS = {"DS-CNN": ("ds_cnn.onnx", "fashion_mnist"), "CNN": ("cnn.onnx", "mnist")}
FORMATS = {"QDQ": QuantFormat.QDQ, "QOperator": QuantFormat.QOperator}
TYPES = {
    "u8s8": (QuantType.QUInt8, QuantType.QInt8),
    "s8s8": (QuantType.QInt8, QuantType.QInt8),
    "u8u8": (QuantType.QUInt8, QuantType.QUInt8),
}
CALIBRATION = 300  # training samples, for onnxruntime and for us
BATCH = 500


class Samples(CalibrationDataReader):
    """Hands out images (n, 1, 28, 28) as batches."""

    def __init__(self, x: Array) -> None:
        self._rest = iter(np.split(x, 10))

    def get_next(self) -> dict[str, Array] | None:
        x = next(self._rest, None)
        return None if x is None else {"pixels": x}


def pixels(x: Array) -> Array:
    """Return raw images as the networks take them."""
    return (x.reshape(-1, 1, 28, 28) / 255).astype(np.float32)


def files(trained: Path, x: Array, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the file of real numbers, and that of each way of quantising."""
    yield "real numbers", trained
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime advises to preprocess the model
    for form, types in itertools.product(FORMATS, TYPES):
        path = folder / "quantised.onnx"
        activation, weight = TYPES[types]
        quantize_static(
            trained,
            path,
            Samples(pixels(x)),
            quant_format=FORMATS[form],
            per_channel=True,
            activation_type=activation,
            weight_type=weight,
        )
        yield f"{form} {types}", path
    path = folder / "dynamic.onnx"
    quantize_dynamic(trained, path, weight_type=QuantType.QUInt8)
    yield "dynamic u8u8", path


def answers(path: Path, x: Array) -> Array:
    """Return the answers of onnxruntime, whose products are exact on any processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    parts = [pixels(x[first : first + BATCH]) for first in range(0, len(x), BATCH)]
    return np.concatenate([session.run(None, {"pixels": part})[0].argmax(axis=1) for part in parts])


def row(of: dict[str, str], path: Path, dataset: data.Dataset, real: Array) -> list[Figure]:
    """Return the figures of a file.

    Parameters
    ----------
    real : answers of the file of real numbers.
    """
    x, y = dataset.x_test, dataset.y_test
    network, _ = onnx_network(path, dataset.x_train[:CALIBRATION], OnnxOptions(full_scale=255))
    found = Core(network).infer_many(x.reshape(len(x), -1))["prediction"]
    before, after = (float((one == y).mean()) for one in (real, found))
    try:
        wanted = answers(path, x)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        wanted = None  # it has no exact kernel for QOperator s8s8
    figures = [Figure(of, "float", 100 * before, "%", n=len(y), decimals=2)]
    if wanted is not None:
        theirs = 100 * float((wanted == y).mean())
        figures.append(Figure(of, "onnxruntime", theirs, "%", n=len(y), decimals=2))
    figures.append(Figure(of, "imported", 100 * after, "%", n=len(y), decimals=2))
    figures.append(Figure(of, "difference", 100 * (after - before), "points", decimals=2))
    if wanted is not None:
        equal = 100 * float((wanted == found).mean())
        figures.append(Figure(of, "equal answers", equal, "%", n=len(y), decimals=2))
    print(of, *(f"{figure.name} {figure.value:.2f}" for figure in figures), flush=True)
    return figures


def main() -> None:
    arguments = results.parser(__doc__).parse_args()
    figures: list[Figure] = []
    digests: dict[str, str] = {}
    about = []
    for name, (file, source) in NETWORKS.items():
        trained, dataset = FOLDER / file, data.load(source.replace("_", "-"))
        digests |= {source: dataset.digest(), file: results.digest(trained.read_bytes())}
        about.append(f"{name}: {onnx.load(trained).graph.doc_string}.")
        real = answers(trained, dataset.x_test)
        with tempfile.TemporaryDirectory() as folder:
            for way, path in files(trained, dataset.x_train[:CALIBRATION], Path(folder)):
                figures += row({"network": name, "file": way}, path, dataset, real)
    measurement = measure(
        "Networks imported from ONNX",
        results.command(),
        [Table("All 10 000 test samples", tuple(figures))],
        versions={"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
        data=digests,
        settings={"calibration samples": CALIBRATION},
        text="Classifiers with batch normalisation, as trained and as onnxruntime quantises them: "
        "per channel, every node as it was exported. *Float*: the file of real numbers in "
        "onnxruntime; *onnxruntime*: the row's own file there, with exact products; *imported*: "
        "int8 weights and 8-bit codes in the core. " + " ".join(about),
        notes=["Nothing was chosen by test samples. Empty cells: onnxruntime has no such kernel."],
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
