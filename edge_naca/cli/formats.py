"""Files of other frameworks: what commands know of each format before they open one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import click

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_naca.data import Dataset
    from edge_naca.export.conversion.check import Check
    from edge_naca.export.conversion.layers import Report
    from edge_naca.front_end import FrontEnd


@dataclass(frozen=True)
class Imported:
    """An image made of a file.

    Parameters
    ----------
    image : its bytes.
    report : what conversion did; None if nothing had to be converted.
    """

    image: bytes
    report: Report | None


@dataclass(frozen=True)
class Calibration:
    """Samples to convert with, and to test on.

    Parameters
    ----------
    dataset : its samples to learn from are converted with, those to test are tested on.
    samples, tested : how many of either.
    """

    dataset: Dataset
    samples: int
    tested: int

    @property
    def calibration(self) -> NDArray[Any]:
        """Samples to convert with, evenly spread over those to learn from."""
        from edge_naca.front_end import spread

        x = self.dataset.x_train
        return x[spread(len(x), self.samples)]

    @property
    def tests(self) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """Samples to test on and their classes; None if none are wanted."""
        if not self.tested:
            return None
        return self.dataset.x_test[: self.tested], self.dataset.y_test[: self.tested]


def required(calibration: Calibration | None) -> Calibration:
    """Return the samples to convert with, or ask for them."""
    if calibration is None:
        raise click.UsageError(
            "conversion needs samples to set ranges by: name some with --calibrate DATA"
        )
    return calibration


class Handler(Protocol):
    """What the module of a format does with a file; options are those that were given."""

    def check(self, path: Path, options: dict[str, Any], is_front_end: bool) -> Check:
        """Look at a file, as `front_end` would convert it or else as `convert` would."""

    def convert(
        self,
        path: Path,
        options: dict[str, Any],
        calibration: Calibration | None,
        metadata: dict[str, Any],
    ) -> Imported:
        """Make an image of a file; calibration is None if none was given."""

    def front_end(
        self, path: Path, options: dict[str, Any], samples: NDArray[Any]
    ) -> tuple[FrontEnd, Report]:
        """Make what comes before learning populations, with samples to convert with."""


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Parameters
    ----------
    title : what people call it.
    module : where its `Handler` is.
    options : of the command line that apply to it, by their names in Python.
    """

    title: str
    module: str
    options: tuple[str, ...]

    def handler(self) -> Handler:
        """Import what works with such files."""
        return cast(Handler, import_module(self.module))


# A further format is a further line, a module and, where it needs some, `model_options`.
FORMATS = {
    ".nir": Format(
        "NIR",
        "edge_naca.cli.nir_format",
        (
            *("exporter", "dt", "method", "synapse", "reset", "fires", "delayed", "refractory"),
            *("steps", "encoder", "full_scale", "mean", "std", "readout", "input_shape"),
        ),
    ),
    ".onnx": Format(
        "ONNX",
        "edge_naca.cli.onnx_format",
        ("full_scale", "mean", "std", "coding", "steps", "cut", "bits"),
    ),
}


def format_of(path: Path, options: dict[str, Any]) -> tuple[Format, dict[str, Any]]:
    """Return the kind of a file, and those options that were given, all of which apply to it."""
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(f"{suffix} ({kind.title})" for suffix, kind in FORMATS.items())
        raise click.UsageError(f"{path}: only files that end in {known} are known")
    settings = {name: value for name, value in options.items() if value is not None}
    foreign = [name for name in settings if name not in kind.options]
    if foreign:
        names = ", ".join("--" + name.replace("_", "-") for name in foreign)
        raise click.UsageError(f"{names}: a {kind.title} file has no use for that")
    return kind, settings
