"""``edge-naca import``."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from edge_naca import __version__
from edge_naca.cli import common, formats, report
from edge_naca.cli.check import model_argument
from edge_naca.cli.model_options import model_options
from edge_naca.printable import printable

if TYPE_CHECKING:
    from edge_naca.export.conversion.layers import Report


@click.command("import")
@model_argument
@common.output_image_option
@click.option(
    "--calibrate",
    metavar="DATA",
    help="Data as for `train`, in the sensor's raw integers: samples to learn from set ranges, "
    "samples to test show the accuracy before and after.",
)
@common.reading_options
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="How many samples set ranges.",
)
@click.option(
    "--tests",
    type=click.IntRange(0),
    default=1000,
    show_default=True,
    help="How many samples are tested; 0 for none.",
)
@model_options
@common.json_option
def import_(
    model: Path,
    output: Path,
    calibrate: str | None,
    reading: common.Reading,
    samples: int,
    tests: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Convert a network of another framework to integers, and write it as an image.

    MODEL is a spiking network (.nir), or a classifier of ReLUs (.onnx), which becomes spikes by
    the bits of its numbers or by rates. What such a file does not say is asked for; --exporter
    answers what a framework always does. What was assumed is kept in the image. For every layer a
    table shows its weights, what one of their steps stands for and what rounding did to them, how
    many neurons spike in a step, how many potentials are at their limit, and how far spikes are
    from those of the real numbers. `edge-naca check` tells beforehand what cannot be converted.

    A NIR file that edge-naca exported becomes the network that it was, and needs no options.

    \b
    Examples
      edge-naca import model.nir -o model.naca --exporter snntorch --steps 10 \\
          --encoder direct --full-scale 255 --calibrate mnist
      edge-naca import exported.nir -o digits.naca
      edge-naca import model.onnx -o model.naca --full-scale 255 --calibrate mnist
    """
    common.check_writable(output)
    kind, settings = formats.format_of(model, options)
    calibration = None
    metadata: dict[str, Any] = {}
    if calibrate is not None:
        dataset = common.load_data(calibrate, reading)
        calibration = formats.Calibration(dataset, samples, tests)
        metadata = {
            "classes": list(dataset.classes),
            "imported": {
                "command": common.command_line(),
                "version": __version__,
                "model": printable(model.name),
                "digest": hashlib.sha256(model.read_bytes()).hexdigest()[:16],
                "data": dataset.name,
                "data_digest": dataset.digest(),
            },
        }
    conversion = kind.handler().convert(model, settings, calibration, metadata)
    common.write_kept({output: conversion.image}, as_json)
    if as_json:
        report.print_json(
            {
                "image": str(output),
                "image_bytes": len(conversion.image),
                "report": None if conversion.report is None else conversion.report.as_json(),
            }
        )
        return
    if conversion.report is not None:
        print_report(conversion.report)
    report.say(f"{output}: {len(conversion.image)} bytes")


def print_report(summary: Report) -> None:
    """Print what conversion did, layer by layer."""
    table = Table("layer", title="What conversion did", title_justify="left")
    for heading in ("weights", "step", "rounding", "spiking", "at limit", "error"):
        table.add_column(heading, justify="right")
    for layer in summary.layers:
        low, high = layer.weight_range
        table.add_row(
            layer.name,
            f"{low:.3g} .. {high:.3g}",
            f"{layer.scale:.3g}",
            report.percent(layer.weight_error),
            "readout" if layer.kind == "readout" else report.percent(layer.activity),
            report.percent(layer.saturated),
            report.percent(layer.error),
        )
    report.out.print(table)
    for note in summary.notes:
        report.out.print(f"Assumed or noted: {note}")
    if summary.accuracy_before is not None and summary.accuracy_after is not None:
        report.say(
            f"{summary.samples} test samples: "
            f"{report.percent(summary.accuracy_before, 2)} right in "
            f"real numbers, {report.percent(summary.accuracy_after, 2)} in integers"
        )
