"""What the commands share: their options, reading data, and checks before work begins."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import wraps
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from edge_naca.choices import (
    CENTRED_NEURONS,
    DATA_SETS,
    DECORRELATED_NEURONS,
    FEATURES,
    NEURONS_PER_CLASS,
)
from edge_naca.cli import settings
from edge_naca.cli.numbers import NumberRange
from edge_naca.extras import require
from edge_naca.files import keep_old, try_place, write_files
from edge_naca.printable import printable, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from edge_naca.core import Core
    from edge_naca.data import Dataset

Function = TypeVar("Function", bound=Callable[..., Any])

FIGURES = (".png", ".svg", ".pdf")

COMMAND = "edge_naca.command"
INTERRUPTED = 130


def command_line() -> str:
    """Return the command that is running, as it was typed, in printable characters.

    What a file of defaults decided follows, as if it had been typed.
    """
    ctx = click.get_current_context()
    return printable(f"{ctx.meta[COMMAND]} {settings.typed(ctx)}".rstrip())


# ---- data and images ---------------------------------------------------------------------------


data_argument = click.argument("data", metavar="DATA")
data_arguments = click.argument("data", metavar="DATA...", nargs=-1, required=True)


@dataclass(frozen=True)
class Reading:
    """How to read data: what `reading_options` were given."""

    labels: Path | None = None
    test_fraction: float = 0.2
    label_column: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    decimal: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """Options that say something about a file, as they are typed."""
        names = [field.name for field in fields(self) if field.name != "test_fraction"]
        return tuple(
            "--" + name.replace("_", "-") for name in names if getattr(self, name) not in (None, ())
        )


def _names(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    from edge_naca.tables.columns import split_names

    return tuple(name for value in values for name in split_names(value))


def reading_options(function: Function) -> Function:
    """Add what tells how to read data; the command is handed one `Reading`, called `reading`."""

    @wraps(function)
    def command(*args: Any, **values: Any) -> Any:
        chosen = {field.name: values.pop(field.name) for field in fields(Reading)}
        return function(*args, reading=Reading(**chosen), **values)

    for decorate in (
        click.option(
            "--test-fraction",
            type=NumberRange(0, 1, max_open=True),
            default=0.2,
            show_default=True,
            help="Share of a file's samples kept for testing, always the same ones; 0 learns "
            "and tests on all. Ignored where the data says which samples are for testing.",
        ),
        click.option(
            "--encoding", metavar="NAME", help="Of a table: utf-8, utf-16, cp1252 ...  [found]"
        ),
        click.option(
            "--decimal", type=click.Choice([".", ","]), help="Decimal sign of a table.  [found]"
        ),
        click.option(
            "--header/--no-header",
            default=None,
            help="Whether the first line of a table holds names.  [found]",
        ),
        click.option(
            "--delimiter",
            metavar="SIGN",
            help="What separates the cells of a table: , ; or tab, space, pipe.  [found]",
        ),
        click.option(
            "--drop",
            multiple=True,
            callback=_names,
            metavar="NAME[,NAME...]",
            help="Columns of a table not to learn from, as times and indexes.",
        ),
        click.option(
            "--columns",
            multiple=True,
            callback=_names,
            metavar="NAME[,NAME...]",
            help="Columns of a table to learn from, by name or by number from 1.  [all others]",
        ),
        click.option(
            "--label-column",
            metavar="NAME",
            help="Column of a table with the labels, by name or by number from 1.  [the last]",
        ),
        click.option(
            "--labels",
            type=click.Path(path_type=Path),
            metavar="PATH",
            help="Labels of the samples in a .npy file, as FILE.npy. Of a recording (--signal), a "
            "table of start, end and label; of several, a folder of such tables named after them.",
        ),
    ):
        command = decorate(command)
    return cast(Function, command)


def load_data(name: str, reading: Reading) -> Dataset:
    """Load a named data set, or read a file.

    How a table was read is said, but where JSON is asked for: there it is for the command to say.
    """
    from edge_naca import data
    from edge_naca.tables.read import TableOptions

    suffix = Path(name).suffix.lower()
    for_tables = [option for option in reading.options if option != "--labels"]
    if reading.labels is not None and suffix != ".npy":
        raise click.UsageError("--labels goes with samples in a .npy file")
    if for_tables and suffix not in data.TABLES:
        raise click.UsageError(
            f"{', '.join(for_tables)} goes with a table ({', '.join(data.TABLES)})"
        )
    if name in DATA_SETS:
        return data.load(name)
    if not suffix:
        raise data.DataError(
            f"there is no data set {name!r}: name {', '.join(DATA_SETS)}, "
            f"or a file that ends in .npz, .npy or {', '.join(data.TABLES)}"
        )
    table = TableOptions(
        reading.delimiter,
        reading.header,
        reading.decimal,
        reading.encoding,
        reading.columns,
        reading.drop,
    )
    with _told_warnings():
        dataset = data.read(
            name, reading.labels, reading.label_column, reading.test_fraction, table=table
        )
    if dataset.description and not click.get_current_context().params.get("as_json"):
        from edge_naca.cli import report

        report.say(dataset.description)
    return dataset


def load_data_for(core: Core, name: str, reading: Reading) -> Dataset:
    """Load data for a network that is there already.

    Raises
    ------
    DataError
        If it is of another shape.
    """
    return fitted(core, load_data(name, reading))


def fitted(core: Core, dataset: Dataset) -> Dataset:
    """Return data as a network takes it, as `edge_naca.fitting.fit` does."""
    from edge_naca.fitting import fit

    with _told_warnings():
        return fit(core.network, dataset)


@contextmanager
def _told_warnings() -> Iterator[None]:
    """Say on stderr what reading warns of."""
    from edge_naca.cli import report
    from edge_naca.tables.errors import TableWarning

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", TableWarning)
        yield
    for warning in told:
        report.say(f"Warning: {warning.message}", err=True)


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
            "for itself; centred where one class is to be told from all else (--unknown).  [auto]",
        ),
        click.option(
            "--neurons-per-class",
            type=click.IntRange(1, 4096),
            help=f"Neurons for each class.  [{NEURONS_PER_CLASS}, {DECORRELATED_NEURONS} where "
            "features are decorrelated, but not to a low rank, "
            f"{CENTRED_NEURONS} where they are centred]",
        ),
        click.option(
            "--max-kib",
            type=NumberRange(min=0, min_open=True),
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


def named_classes(metadata: dict[str, Any]) -> list[str]:
    """Return the names of classes that an image's metadata list, none where they list none."""
    names = metadata.get("classes")
    return [str(name) for name in names] if isinstance(names, list) else []


def class_names(core: Core) -> list[str]:
    """Return what the labels in use stand for; numbers where the image does not say."""
    import numpy as np

    names = named_classes(core.network.metadata)[: core.network.capacity]
    used = np.flatnonzero(core.seen())
    return names + [str(label) for label in range(len(names), used.max(initial=-1) + 1)]


def listed(names: Sequence[str]) -> str:
    """Return names for a message: the first of them, and how many more there are."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(shown(name, 40) for name in names[:5]) or "none") + more


def confirm(question: str) -> None:
    """Ask on stderr whether to go on; for commands with ``--yes``.

    Raises
    ------
    Abort
        If the answer is no.
    ClickException
        If nobody is there to answer.
    """
    try:
        goes_on = click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        from edge_naca.cli import report

        report.say(err=True)
        raise click.ClickException("nobody answered: add --yes to go on without asking") from None
    if not goes_on:
        raise click.Abort


def joined_names(
    core: Core, classes: Sequence[str], owner: str, source: str, advice: str
) -> list[str]:
    """Return the names of a core's classes, and behind them those of `classes` that are new.

    Parameters
    ----------
    owner, source : of the core, and of the classes, for people.
    advice : what helps where there is too little room; {count} stands for how much is needed.

    Raises
    ------
    DataError
        If the core has not room for as many.
    """
    from edge_naca.data import DataError

    names = class_names(core)
    names += [name for name in classes if name not in names]
    capacity = core.network.capacity
    if len(names) > capacity:
        raise DataError(
            f"{owner} has room for {capacity} classes, but with those of {source} there would be "
            f"{len(names)}: {advice.format(count=len(names))}"
        )
    return names


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


def write_kept(content: Mapping[Path, bytes], quiet: bool) -> None:
    """Write what a command makes; other content that was there is kept beside it, as NAME~.

    An image may hold what nobody can teach again, and a name may be a mistake.
    """
    from edge_naca.cli import report

    kept = {path: keep_old(path, data) for path, data in content.items()}
    write_files(content)
    for path, old in kept.items():
        if old is not None and not quiet:
            report.say(f"what {path} was is kept as {old.name}", err=True)


def write_figure(path: Path, figure: Figure, quiet: bool) -> None:
    """Write a picture of the kind that the name says; what was there is kept as NAME~."""
    from edge_naca.plots import figures

    write_kept({path: figures.render(figure, path.suffix[1:])}, quiet)


# Arguments and options that name a file to read. An image is none of them: its successor may
# take its place, and it is kept beside it.
_INPUTS = "data", "calibrate", "labels", "model", "front_end", "recording", "state"


def check_writable(path: Path) -> None:
    """Refuse early what would fail after the work is done, or would replace what is read."""
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder} to write {path.name} into")
    arguments = click.get_current_context().params
    named = [arguments[name] for name in _INPUTS if arguments.get(name) is not None]
    read = [file for one in named for file in (one if isinstance(one, tuple) else (one,))]
    if path.exists() and realpath(path) in map(realpath, read):
        raise click.UsageError(f"{path} is what this command reads: write to another file")
    try_place(path)


def check_figure(path: Path) -> None:
    """Refuse early a picture that could not be written."""
    if path.suffix not in FIGURES:
        raise click.UsageError(f"{path}: pictures are written as {', '.join(FIGURES)}")
    check_writable(path)
    require("matplotlib")
