"""ONNX files: what `check`, `import` and `train` do with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edge_naca import image
from edge_naca.cli.formats import Calibration, Imported, required
from edge_naca.export.conversion.check import Check
from edge_naca.export.conversion.layers import Report
from edge_naca.export.onnx_import.front_end import (
    OnnxOptions,
    onnx_check,
    onnx_front_end,
    onnx_network,
)
from edge_naca.front_end import FrontEnd


def check(path: Path, options: dict[str, Any], is_front_end: bool) -> Check:
    """Look at a file."""
    use = "front end" if is_front_end else "network"
    return onnx_check(path, OnnxOptions(**options), use=use)


def convert(
    path: Path,
    options: dict[str, Any],
    calibration: Calibration | None,
    metadata: dict[str, Any],
) -> Imported:
    """Make an image of a file."""
    chosen = OnnxOptions(**options)
    samples = required(calibration)
    network, report = onnx_network(path, samples.calibration, chosen, tests=samples.tests)
    network = replace(network, metadata=network.metadata | metadata)
    return Imported(image.encode(network), report)


def front_end(
    path: Path, options: dict[str, Any], samples: NDArray[Any]
) -> tuple[FrontEnd, Report]:
    """Make what comes before learning populations of a file."""
    return onnx_front_end(path, samples, OnnxOptions(**options))
