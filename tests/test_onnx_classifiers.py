"""A share of benchmarks/quantised_imports.py: trained classifiers lose less than a point."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from quantised_imports import CALIBRATION, FOLDER, NETWORKS, answers, files

from edge_naca import data
from edge_naca.core import Core
from edge_naca.export import OnnxOptions, onnx_network

COUNT = 2000


def _compare(name: str, ways: list[str], folder: Path) -> None:
    if not os.environ.get("EDGE_NACA_DATA"):
        pytest.skip("EDGE_NACA_DATA does not say where the data are")
    file, source = NETWORKS[name]
    dataset = data.load(source.replace("_", "-"))
    x, y = dataset.x_test[:COUNT], dataset.y_test[:COUNT]
    real = answers(FOLDER / file, x)
    calibration = dataset.x_train[:CALIBRATION]
    for way, path in files(FOLDER / file, calibration, folder):
        if way not in ways:
            continue
        ways.remove(way)
        network, _ = onnx_network(path, calibration, OnnxOptions(full_scale=255))
        found = Core(network).infer_many(x.reshape(COUNT, -1))["prediction"]
        assert (found == y).mean() >= (real == y).mean() - 0.01, way
        if not ways:
            break
    assert not ways, "a way is missing"


@pytest.mark.data
@pytest.mark.parametrize("name", NETWORKS)
def test_some_ways(name: str, tmp_path: Path) -> None:
    _compare(name, ["real numbers", "QDQ u8s8"], tmp_path)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_all_ways(name: str, tmp_path: Path) -> None:
    kinds = [
        f"{form} {types}" for form in ("QDQ", "QOperator") for types in ("u8s8", "s8s8", "u8u8")
    ]
    _compare(name, [*kinds, "dynamic u8u8"], tmp_path)
