"""What commands share that put frozen stages in front of learning populations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from edge_naca import image
from edge_naca.cli.onnx_format import ONNX_OPTIONS, onnx_only_options
from edge_naca.data import Dataset
from edge_naca.export.layers import Report
from edge_naca.export.onnx_import import OnnxOptions, onnx_front_end
from edge_naca.front_end import FrontEnd, spread

Function = TypeVar("Function", bound=Callable[..., Any])

CALIBRATION = 500  # samples to learn from that conversion looks at


def _numbers(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Read numbers with commas between them."""
    if value is None:
        return None
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} must be numbers with commas between them", ctx, param
        ) from error


def onnx_options(function: Function) -> Function:
    """Add all that an ONNX file does not say."""
    for decorate in (
        click.option(
            "--steps",
            type=click.IntRange(1, 255),
            help="Steps of a presentation, with --coding rate.  [15]",
        ),
        onnx_only_options,
        click.option(
            "--std",
            callback=_numbers,
            metavar="S[,S...]",
            help="See --mean; one for each channel.  [1]",
        ),
        click.option(
            "--mean",
            callback=_numbers,
            metavar="M[,M...]",
            help="The model takes (number / full scale - M) / S; one for each channel.  [0]",
        ),
        click.option(
            "--full-scale",
            type=click.FloatRange(min=0, min_open=True),
            metavar="X",
            help="Raw number that stands for 1.0 in the model's input: 255 for pixels, 1 for "
            "numbers as they are.  [asks, unless the model itself says so]",
        ),
    ):
        function = decorate(function)
    return function


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Take those options of a model out of a command's that were given."""
    found = {name: options.pop(name) for name in ONNX_OPTIONS if name in options}
    return {name: value for name, value in found.items() if value is not None}


def load_front_end(
    path: Path, dataset: Dataset, options: dict[str, Any]
) -> tuple[FrontEnd, Report | None]:
    """Read a front end from an image, or convert a model, calibrated on samples to learn from."""
    if path.suffix == ".naca":
        if options:
            given = ", ".join("--" + name.replace("_", "-") for name in options)
            raise click.UsageError(f"{given}: the image given to --front-end decides that")
        network, _ = image.decode(path.read_bytes())
        return FrontEnd.of(network), None
    if path.suffix == ".onnx":
        chosen = dataset.x_train[spread(len(dataset.x_train), CALIBRATION)]
        made = onnx_front_end(path, chosen, OnnxOptions(**options))
        return made.front_end(), made.report
    raise click.UsageError(
        f"{path}: a front end is a model (.onnx), or an image (.naca) whose frozen stages are "
        "taken; `edge-naca import` makes images of other models"
    )
