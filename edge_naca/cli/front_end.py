"""What commands share that put frozen stages in front of learning populations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_naca.cli import formats
from edge_naca.files import read_file

if TYPE_CHECKING:
    from edge_naca.data import Dataset
    from edge_naca.export.conversion.layers import Report
    from edge_naca.front_end import FrontEnd

CALIBRATION = 500  # samples to learn from that conversion looks at


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Take those options of a model out of a command's that were given."""
    names = {name for kind in formats.FORMATS.values() for name in kind.options} - {"bits"}
    settings = {name: options.pop(name) for name in sorted(names) if name in options}
    return {name: value for name, value in settings.items() if value is not None}


def load_front_end(
    path: Path, dataset: Dataset, options: dict[str, Any]
) -> tuple[FrontEnd, Report | None]:
    """Read a front end from an image, or convert a model, calibrated on samples to learn from."""
    from edge_naca import image
    from edge_naca.front_end import FrontEnd, spread

    if path.suffix == ".naca":
        if options:
            names = ", ".join("--" + name.replace("_", "-") for name in options)
            raise click.UsageError(f"{names}: the image given to --front-end decides that")
        network, _ = image.decode(read_file(path))
        return FrontEnd.of(network), None
    if path.suffix not in formats.FORMATS:
        raise click.UsageError(
            f"{path}: a front end is a model (.onnx, .nir), or an image (.naca) whose frozen "
            "stages are taken"
        )
    kind, settings = formats.format_of(path, options)
    samples = dataset.x_train[spread(len(dataset.x_train), CALIBRATION)]
    return kind.handler().front_end(path, settings, samples)
