"""NIR files: what `check`, `import` and `train` do with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from numpy.typing import NDArray

from edge_naca import image
from edge_naca.cli.formats import Calibration, Imported, required
from edge_naca.export.conversion.check import Check
from edge_naca.export.conversion.layers import ConversionError, Report
from edge_naca.export.nir.front_end import nir_check, nir_front_end, nir_network
from edge_naca.export.nir.home import from_nir, is_ours
from edge_naca.export.nir.options import MissingOptionsError, NirOptions
from edge_naca.front_end import FrontEnd


def check(path: Path, options: dict[str, Any], is_front_end: bool) -> Check:
    """Look at a file."""
    if is_ours(path):
        network, _ = from_nir(path)
        note = f"exported by edge-naca, and restored as it was: {network.topology}"
        return Check((), (), notes=(note,))
    return nir_check(path, NirOptions(**options), use="front end" if is_front_end else "network")


def _ask(path: Path, options: NirOptions) -> None:
    """Ask for what a file does not say, all of it at once."""
    answer = nir_check(path, options)
    if answer.findings:
        raise ConversionError(list(answer.findings))
    if answer.questions:
        raise click.UsageError(str(MissingOptionsError(list(answer.questions))))


def _need_numbers(options: NirOptions) -> None:
    """Refuse events, of which the command line has no files."""
    if options.encoder == "events":
        raise click.UsageError(
            "--encoder events: lists of events are handed over in Python, to nir_network or "
            "nir_front_end (docs/nir.md)"
        )


def convert(
    path: Path,
    options: dict[str, Any],
    calibration: Calibration | None,
    metadata: dict[str, Any],
) -> Imported:
    """Make an image of a file."""
    if is_ours(path):
        if options or calibration is not None:
            raise click.UsageError(
                f"{path} was exported by edge-naca and says everything itself: give -o only"
            )
        return Imported(image.encode(*from_nir(path)), None)
    chosen = NirOptions(**options)
    _ask(path, chosen)
    _need_numbers(chosen)
    samples = required(calibration)
    network, report = nir_network(path, samples.calibration, chosen, tests=samples.tests)
    network = replace(network, metadata=network.metadata | metadata)
    return Imported(image.encode(network), report)


def front_end(
    path: Path, options: dict[str, Any], samples: NDArray[Any]
) -> tuple[FrontEnd, Report]:
    """Make what comes before learning populations of a file."""
    if is_ours(path):
        raise click.UsageError(
            f"{path} was exported by edge-naca: make an image of it (edge-naca import), and give "
            "that"
        )
    chosen = NirOptions(**options)
    _ask(path, chosen)
    _need_numbers(chosen)
    return nir_front_end(path, samples, chosen)
