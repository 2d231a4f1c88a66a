"""Files of onnxruntime's quantisation, of every operator set and in every way, become networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_models import answers
from quantised_models import Way, digits_cnn, quantise, reference_of, ways

from edge_naca import Core, data
from edge_naca.export.onnx_import.front_end import OnnxOptions, onnx_check, onnx_network

DIGITS = data.load("digits")
OPSETS = range(11, 24)
COUNT = 300
LEAST = 0.97  # share of samples to which the network answers as the file does


def agreement(path: Path, way: Way) -> float:
    """Return the share of test samples to which an import answers as onnxruntime does."""
    assert not onnx_check(path).findings
    network, _ = onnx_network(path, DIGITS.x_train[:300], OnnxOptions(full_scale=16))
    x = DIGITS.x_test[:COUNT]
    core = Core(network)
    found = [core.infer(sample).prediction for sample in x.reshape(COUNT, -1)]
    scores = answers(reference_of(path, way), (x / 16).astype(np.float32).reshape(COUNT, 1, 8, 8))
    return float((scores.argmax(axis=1) == found).mean())


def test_there_are_150_files() -> None:
    assert sum(len(list(ways(opset))) for opset in OPSETS) == 150


@pytest.mark.parametrize("opset", OPSETS)
def test_every_file_of_quantize_static(opset: int, tmp_path: Path) -> None:
    model = digits_cnn(opset)
    x = DIGITS.x_train[:100].reshape(-1, 1, 8, 8) / 16
    for way in ways(opset):
        assert agreement(quantise(model, way, x, tmp_path), way) >= LEAST, way


@pytest.mark.parametrize("dense", ["Gemm", "MatMul"])
@pytest.mark.parametrize("types", ["u8s8", "u8u8"])
@pytest.mark.parametrize("form", ["qdq", "qoperator"])
def test_dense_layers(form: str, types: str, dense: str, tmp_path: Path) -> None:
    way: Way = (form, False, types)
    x = DIGITS.x_train[:100].reshape(-1, 1, 8, 8) / 16
    assert agreement(quantise(digits_cnn(17, dense), way, x, tmp_path), way) >= LEAST
