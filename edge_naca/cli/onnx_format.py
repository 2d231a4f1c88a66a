"""ONNX files: what `check` and `import` know of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from numpy.typing import NDArray

from edge_naca import image
from edge_naca.cli.models import FORMATS, Calibration, Format, Imported
from edge_naca.export.conversion.layers import Report
from edge_naca.export.conversion.result import Check
from edge_naca.export.onnx_import.front_end import (
    CODINGS,
    OnnxOptions,
    onnx_check,
    onnx_front_end,
    onnx_network,
)
from edge_naca.front_end import FrontEnd

Function = TypeVar("Function", bound=Callable[..., Any])

ONNX_OPTIONS = ("full_scale", "mean", "std", "coding", "steps", "cut")


def onnx_only_options(function: Function) -> Function:
    """Add what only an ONNX file does not say, beyond what a NIR file does not say either."""
    for decorate in (
        click.option(
            "--cut", metavar="NODE", help="Node of the model whose result is taken.  [the last]"
        ),
        click.option(
            "--coding",
            type=click.Choice(CODINGS),
            help="How a ReLU becomes spikes: by the bits of its value, or by a rate.  [bitplane]",
        ),
    ):
        function = decorate(function)
    return function


def _check(path: Path, options: dict[str, Any]) -> Check:
    return onnx_check(path, OnnxOptions(**options))


def _import(
    path: Path,
    options: dict[str, Any],
    calibration: Calibration | None,
    metadata: dict[str, Any],
) -> Imported:
    if calibration is None:
        raise click.UsageError(
            "conversion needs samples to set ranges by: name some with --calibrate DATA"
        )
    network, report = onnx_network(
        path, calibration.calibration, OnnxOptions(**options), tests=calibration.tests
    )
    network = replace(network, metadata=network.metadata | metadata)
    return Imported(image.encode(network), report)


def _front_end(
    path: Path, options: dict[str, Any], samples: NDArray[Any]
) -> tuple[FrontEnd, Report]:
    return onnx_front_end(path, samples, OnnxOptions(**options))


FORMATS[".onnx"] = Format("ONNX", (*ONNX_OPTIONS, "bits"), _check, _import, _front_end)
