"""Files of other frameworks: what `check` and `import` know of each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click
from numpy.typing import NDArray

from edge_naca import image
from edge_naca.data import Dataset
from edge_naca.export.conversion.layers import ConversionError, Report
from edge_naca.export.conversion.result import Check
from edge_naca.export.nir.front_end import nir_check, nir_front_end, nir_network
from edge_naca.export.nir.home import from_nir, is_ours
from edge_naca.export.nir.options import (
    ENCODERS,
    EXPORTERS,
    FIRES,
    METHODS,
    READOUTS,
    RESETS,
    SYNAPSES,
    MissingOptionsError,
    NirOptions,
)
from edge_naca.front_end import FrontEnd, spread

Function = TypeVar("Function", bound=Callable[..., Any])


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
        x = self.dataset.x_train
        return x[spread(len(x), self.samples)]

    @property
    def tests(self) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """Samples to test on and their classes; None if none are wanted."""
        if not self.tested:
            return None
        return self.dataset.x_test[: self.tested], self.dataset.y_test[: self.tested]


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Parameters
    ----------
    title : what people call it.
    options : of the command line that apply to it, by their names in Python.
    check : look at a file; given the options that were given.
    convert : make an image of one; calibration is None if none was given.
    front_end : make what comes before learning populations of one, given samples to convert with.
    """

    title: str
    options: tuple[str, ...]
    check: Callable[[Path, dict[str, Any]], Check]
    convert: Callable[[Path, dict[str, Any], Calibration | None, dict[str, Any]], Imported]
    front_end: Callable[[Path, dict[str, Any], NDArray[Any]], tuple[FrontEnd, Report]]


# ---- NIR ---------------------------------------------------------------------------------------


def _shape(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Return whole numbers with commas between them as a tuple."""
    if value is None:
        return None
    parts = value.split(",")
    if len(parts) > 3 or not all(part.strip().isdigit() and int(part) for part in parts):
        raise click.BadParameter(f"{value!r} must be one to three whole numbers, as in 2,34,34")
    return tuple(map(int, parts))


def _reals(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Return numbers with commas between them: one as it is, several as a tuple."""
    if value is None:
        return None
    try:
        numbers = tuple(float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} must be numbers with commas between them") from None
    return numbers[0] if len(numbers) == 1 else numbers


_POSITIVE = click.FloatRange(min=0, min_open=True)


def nir_command_options(function: Function) -> Function:
    """Add what a NIR file does not say."""
    for decorate in (
        click.option(
            "--input-shape",
            callback=_shape,
            metavar="C,H,W",
            help="Shape of a sample, where the file lacks it.",
        ),
        click.option(
            "--readout",
            type=click.Choice(READOUTS),
            help="Of a file that ends in weights: what is compared of their results.",
        ),
        click.option("--std", callback=_reals, metavar="S[,S...]", help="See --mean.  [1]"),
        click.option(
            "--mean",
            callback=_reals,
            metavar="M[,M...]",
            help="The model takes (number / full scale - M) / S; one, or one a channel.  [0]",
        ),
        click.option(
            "--full-scale",
            type=_POSITIVE,
            metavar="X",
            help="Raw number that stood for 1.0 in training: 255 for pixels.",
        ),
        click.option(
            "--encoder",
            type=click.Choice(ENCODERS),
            help="How a sample reaches the first layer: as a constant current, or as spikes.",
        ),
        click.option("--steps", type=click.IntRange(1, 255), help="Time steps of a sample."),
        click.option(
            "--refractory",
            type=click.IntRange(0, 254),
            help="Steps that a neuron is held at rest after a spike.  [0]",
        ),
        click.option(
            "--delay/--no-delay",
            "delayed",
            default=None,
            help="Whether a threshold is subtracted one step late, after the leak.",
        ),
        click.option(
            "--fires",
            type=click.Choice(FIRES),
            help="When a neuron spikes: above its threshold, or having reached it.",
        ),
        click.option(
            "--reset",
            type=click.Choice(RESETS),
            help="What a spike does to the potential: take the threshold from it, or clear it.",
        ),
        click.option(
            "--synapse",
            type=click.Choice(SYNAPSES),
            help="What an input adds to a synaptic current: its leak's share of w_in, or all.",
        ),
        click.option(
            "--method",
            type=click.Choice(METHODS),
            help="A step's leak: dt / tau, or 1 - exp(-dt / tau).",
        ),
        click.option(
            "--dt", type=_POSITIVE, help="Time step, in the unit of the file's time constants."
        ),
        click.option(
            "--exporter",
            type=click.Choice(tuple(EXPORTERS)),
            help="Framework that wrote the NIR file: answers --dt, --method, --synapse, --reset, "
            "--fires and --delay as it does by default.",
        ),
    ):
        function = decorate(function)
    return function


_NIR_OPTIONS = (
    *("exporter", "dt", "method", "synapse", "reset", "fires", "delayed", "refractory"),
    *("steps", "encoder", "full_scale", "mean", "std", "readout", "input_shape"),
)


def _check_nir(path: Path, options: dict[str, Any]) -> Check:
    if is_ours(path):
        network, _ = from_nir(path)
        note = f"exported by edge-naca, and restored as it was: {network.topology}"
        return Check((), (), notes=(note,))
    return nir_check(path, NirOptions(**options))


def _ask(path: Path, options: NirOptions) -> None:
    """Ask for what a file does not say, all of it at once."""
    check = nir_check(path, options)
    if check.findings:
        raise ConversionError(list(check.findings))
    if check.questions:
        raise click.UsageError(str(MissingOptionsError(list(check.questions))))


def _import_nir(
    path: Path,
    options: dict[str, Any],
    calibration: Calibration | None,
    metadata: dict[str, Any],
) -> Imported:
    if is_ours(path):
        if options or calibration is not None:
            raise click.UsageError(
                f"{path} was exported by edge-naca and says everything itself: give -o only"
            )
        return Imported(image.encode(*from_nir(path)), None)
    chosen = NirOptions(**options)
    _ask(path, chosen)
    if calibration is None:
        raise click.UsageError(
            "conversion needs samples to set ranges by: name some with --calibrate DATA"
        )
    network, report = nir_network(path, calibration.calibration, chosen, tests=calibration.tests)
    network = replace(network, metadata=network.metadata | metadata)
    return Imported(image.encode(network), report)


def _nir_front_end(
    path: Path, options: dict[str, Any], samples: NDArray[Any]
) -> tuple[FrontEnd, Report]:
    if is_ours(path):
        raise click.UsageError(
            f"{path} was exported by edge-naca: make an image of it (edge-naca import), and give "
            "that"
        )
    chosen = NirOptions(**options)
    _ask(path, chosen)
    return nir_front_end(path, samples, chosen)


FORMATS = {".nir": Format("NIR", _NIR_OPTIONS, _check_nir, _import_nir, _nir_front_end)}


def format_of(path: Path, options: dict[str, Any]) -> tuple[Format, dict[str, Any]]:
    """Return the kind of a file, and those options that were given, all of which apply to it."""
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(f"{suffix} ({kind.title})" for suffix, kind in FORMATS.items())
        raise click.UsageError(f"{path}: only files that end in {known} are known")
    given = {name: value for name, value in options.items() if value is not None}
    foreign = [name for name in given if name not in kind.options]
    if foreign:
        names = ", ".join("--" + name.replace("_", "-") for name in foreign)
        raise click.UsageError(f"{names}: a {kind.title} file has no use for that")
    return kind, given
