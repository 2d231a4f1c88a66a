"""What the commands share: their options, reading data, and checks before work begins."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge_naca.choices import DATA_SETS, FEATURES, NEURONS_PER_CLASS
from edge_naca.extras import require

if TYPE_CHECKING:
    from edge_naca.core import Core
    from edge_naca.data import Dataset

Function = TypeVar("Function", bound=Callable[..., Any])

FIGURES = (".png", ".svg", ".pdf")

COMMAND = "edge_naca.command"
INTERRUPTED = 130


def command_line() -> str:
    """Return the command that is running, as it was typed."""
    return str(click.get_current_context().meta[COMMAND])


# ---- data and images ---------------------------------------------------------------------------


data_argument = click.argument("data", metavar="DATA")


def reading_options(function: Function) -> Function:
    """Add what tells how to read a file of data."""
    for decorate in (
        click.option(
            "--test-fraction",
            type=click.FloatRange(0, 1, max_open=True),
            default=0.2,
            show_default=True,
            help="Share of a file's samples kept for testing, always the same ones; 0 learns "
            "and tests on all. Ignored where the data says which samples are for testing.",
        ),
        click.option(
            "--label-column", metavar="NAME", help="Column of a .csv with the labels.  [the last]"
        ),
        click.option(
            "--labels",
            type=click.Path(path_type=Path),
            metavar="FILE.npy",
            help="Labels of the samples in a .npy file.",
        ),
    ):
        function = decorate(function)
    return function


def load_data(
    name: str, labels: Path | None, label_column: str | None, test_fraction: float
) -> Dataset:
    """Load a named data set, or read a file."""
    from edge_naca import data

    suffix = Path(name).suffix
    if labels is not None and suffix != ".npy":
        raise click.UsageError("--labels goes with samples in a .npy file")
    if label_column is not None and suffix != ".csv":
        raise click.UsageError("--label-column goes with a .csv file")
    if name in DATA_SETS:
        return data.load(name)
    if not suffix:
        raise data.DataError(
            f"there is no data set {name!r}: name {', '.join(DATA_SETS)}, "
            "or a file that ends in .npz, .npy or .csv"
        )
    return data.read(name, labels, label_column, test_fraction)


def network_options(function: Function) -> Function:
    """Add what decides how large a network is and what it looks at."""
    for decorate in (
        click.option("--weight-bits", type=click.Choice(["8", "4"]), help="Bits of a weight.  [8]"),
        click.option(
            "--bits", type=click.IntRange(1, 8), help="Bits of an input's code.  [what suits it]"
        ),
        click.option(
            "--features",
            type=click.Choice(FEATURES),
            help="What is made of a sample: strength of edges, pixels, or every number scaled "
            "for itself.  [auto]",
        ),
        click.option(
            "--neurons-per-class",
            type=click.IntRange(1, 4096),
            help=f"Neurons for each class.  [{NEURONS_PER_CLASS}]",
        ),
        click.option(
            "--max-kib",
            type=click.FloatRange(min=0, min_open=True),
            help="Most KiB of learned state; as many neurons are taken as fit.",
        ),
    ):
        function = decorate(function)
    return function


def chosen_network(**options: Any) -> dict[str, Any]:
    """Return those network options that were given, as `recipes.network_for` takes them."""
    chosen = {name: value for name, value in options.items() if value is not None}
    if "max_kib" in chosen and "neurons_per_class" in chosen:
        raise click.UsageError("give either --max-kib or --neurons-per-class, not both")
    if "weight_bits" in chosen:
        chosen["weight_bits"] = int(chosen["weight_bits"])
    return chosen


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object and nothing else on stdout."
)

image_argument = click.argument(
    "image", metavar="IMAGE", type=click.Path(dir_okay=False, path_type=Path)
)


output_image_option = click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="OUT.naca",
    help="Image to write; an old one stays as it is until the new one is complete.",
)


def class_names(core: Core) -> list[str]:
    """Return what the labels in use stand for; numbers where the image does not say."""
    import numpy as np

    named = core.network.metadata.get("classes")
    names = [str(name) for name in named] if isinstance(named, list) else []
    used = np.flatnonzero(core.seen())
    return names + [str(label) for label in range(len(names), used.max(initial=-1) + 1)]


def check_learns(core: Core, name: str, advice: str) -> None:
    """Refuse to teach a network of which no part learns.

    Parameters
    ----------
    name : of the image or device, for people.
    advice : what to do instead.

    Raises
    ------
    ValueError
        If no population has a rule.
    """
    if not any(population.rule for population in core.network.populations):
        raise ValueError(
            f"{name}: nothing in this network ({core.network.topology}) learns, it has no "
            f"population with a rule: {advice}"
        )


# ---- writing -----------------------------------------------------------------------------------


def check_writable(path: Path) -> None:
    """Refuse early what would fail after the work is done."""
    folder = path.parent
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file")
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder} to write {path.name} into")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} cannot be written to")


def check_figure(path: Path) -> None:
    """Refuse early a picture that could not be written."""
    if path.suffix not in FIGURES:
        raise click.UsageError(f"{path}: pictures are written as {', '.join(FIGURES)}")
    check_writable(path)
    require("matplotlib")
