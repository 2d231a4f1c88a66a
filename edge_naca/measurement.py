"""What a benchmark measured: its figures, with all that it takes to get them again.

One measurement is one JSON file. benchmarks/results holds those that documents quote; the Markdown
tables beside it are made from them. `edge-naca bench -o` writes the same format.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from edge_naca import __version__
from edge_naca.files import write_file

FORMAT = 1
REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Figure:
    """One number, or one yes or no.

    Parameters
    ----------
    of : what it is of, by column: {"network": "196-300-10", "data": "mnist"}. Figures of the same
        make one row of a table.
    name : its column.
    value : the number in `unit`; of several runs their mean.
    unit : "%", "bytes", "µs", ...; "" where there is none.
    sem : standard error of the mean over the runs, in `unit`.
    n : how many runs or samples the value is the mean of.
    runs : the values of single runs, in `unit`.
    decimals : how many a table shows.
    """

    of: dict[str, str]
    name: str
    value: int | float | bool
    unit: str = ""
    sem: float | None = None
    n: int | None = None
    runs: tuple[float, ...] = ()
    decimals: int = 0


@dataclass(frozen=True)
class Table:
    """Figures that belong together, under a title, with what has to be said about them."""

    title: str
    figures: tuple[Figure, ...]
    text: str = ""


@dataclass(frozen=True)
class Measurement:
    """All that one benchmark measured.

    Parameters
    ----------
    title : of the document that shows it.
    command : what to type to measure it again.
    commit : of the repository, with "+" where it held changes that are not in it; "" outside one.
    date : the day of the measurement, YYYY-MM-DD.
    versions : of this package, of Python and of what else decides figures, by name.
    data : of each data set or file that went in, by name: the first 16 hex digits of its sha256.
    settings : what was set, by name.
    choice : how the settings were chosen.
    tables : the figures.
    text : for the reader, before the tables.
    notes : for the reader, after them.
    """

    title: str
    command: str
    commit: str
    date: str
    versions: dict[str, str]
    data: dict[str, str]
    settings: dict[str, str | float | bool]
    choice: str
    tables: tuple[Table, ...]
    text: str = ""
    notes: tuple[str, ...] = field(default=())

    def figure(self, table: str, of: Mapping[str, str], name: str) -> Figure:
        """Return the only figure of that column which is of all this, or raise KeyError."""
        figures = [
            figure
            for one in self.tables
            for figure in one.figures
            if (one.title, figure.name) == (table, name) and of.items() <= figure.of.items()
        ]
        if len(figures) != 1:
            raise KeyError(
                f"{self.title}: {len(figures)} figures are {name!r} of {dict(of)} in {table!r}"
            )
        return figures[0]


def mean(of: dict[str, str], name: str, runs: Sequence[float], unit: str, decimals: int) -> Figure:
    """Return the mean of runs with its standard error, s / √n, where there are two or more."""
    values = np.asarray(runs, float)
    n = len(values)
    sem = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else None
    return Figure(of, name, float(values.mean()), unit, sem, n, tuple(values.tolist()), decimals)


def measure(
    title: str,
    command: str,
    tables: Iterable[Table],
    *,
    versions: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    settings: Mapping[str, str | float | bool] | None = None,
    choice: str = "",
    text: str = "",
    notes: Iterable[str] = (),
) -> Measurement:
    """Return a measurement of today, of this commit, with these versions beside our own."""
    own = {"edge-naca": __version__, "python": platform.python_version(), "numpy": np.__version__}
    return Measurement(
        title, command, commit(), datetime.date.today().isoformat(), own | dict(versions or {}),
        dict(data or {}), dict(settings or {}), choice, tuple(tables), text, tuple(notes),
    )  # fmt: skip


def commit() -> str:
    """Return the repository's commit, with "+" where sources differ from it; "" outside one.

    What benchmarks write (benchmarks/results and the Markdown beside it) is no source.
    """
    sources = (".", ":!benchmarks/results", ":!benchmarks/*.md")
    try:
        revision = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", *sources)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return revision + ("+" if changed else "")


def _git(*words: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *words]
    if not (REPOSITORY / ".git").exists():  # installed inside somebody else's repository
        raise OSError("no repository of ours")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


# ---- writing -------------------------------------------------------------------------------------

WIDTH = 140  # of a line of JSON, where what belongs together finds room in one


def to_json(measurement: Measurement) -> str:
    """Return a measurement as JSON, as its file holds it."""
    return _json({"format": FORMAT, **_fields(measurement)}, 0) + "\n"


def write(path: str | PathLike[str], measurement: Measurement) -> None:
    """Write a measurement as JSON. Raises OSError."""
    write_file(path, to_json(measurement).encode())


def _fields(one: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that differ from their defaults."""
    names = [
        part.name for part in dataclasses.fields(one) if getattr(one, part.name) != part.default
    ]
    return {name: getattr(one, name) for name in names}


def _json(value: Any, depth: int) -> str:
    """Return JSON, on one line where it fits; NumPy's numbers are written as Python's."""
    if dataclasses.is_dataclass(value):
        return _json(_fields(value), depth)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {_json(part, depth + 1)}" for key, part in value.items()]
        left, right = "{}"
    elif isinstance(value, (list, tuple)):
        parts = [_json(part, depth + 1) for part in value]
        left, right = "[]"
    else:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    line = left + ", ".join(parts) + right
    if "\n" not in line and len(line) + depth < WIDTH:
        return line
    inner = (",\n" + " " * (depth + 1)).join(parts)
    return f"{left}\n{' ' * (depth + 1)}{inner}\n{' ' * depth}{right}"


# ---- Markdown ------------------------------------------------------------------------------------


def markdown(measurement: Measurement) -> str:
    """Return a measurement as a document for people, with all of its figures."""
    commit = f", commit {measurement.commit}" if measurement.commit else ""
    versions = ", ".join(f"{name} {version}" for name, version in measurement.versions.items())
    lines = [f"# {measurement.title}", "", f"    {measurement.command}", ""]
    lines += [f"Measured on {measurement.date}{commit}; {versions}."]
    if measurement.data:
        digests = (f"{name} {digest}" for name, digest in measurement.data.items())
        lines += ["", f"Data, sha256 begins with: {', '.join(digests)}."]
    if measurement.settings:
        settings = (f"{name} {value}" for name, value in measurement.settings.items())
        lines += ["", f"Settings: {', '.join(settings)}."]
    for text in (measurement.choice, measurement.text):
        lines += ["", text] if text else []
    for table in measurement.tables:
        lines += ["", f"## {table.title}"]
        lines += ["", table.text] if table.text else []
        lines += ["", *rows(table)]
    for note in measurement.notes:
        lines += ["", note]
    return "\n".join(lines) + "\n"


def rows(table: Table) -> list[str]:
    """Return the lines of a Markdown table."""
    heads, cells = grid(table)
    rules = ["---:" if head in _columns(table).values() else "---" for head in heads]
    return [f"| {' | '.join(line)} |" for line in (heads, rules, *cells)]


def grid(table: Table) -> tuple[list[str], list[list[str]]]:
    """Return a table's heads and its rows: a row for all figures of the same, a column a name.

    A unit that a whole column has in common is said in its head. Single runs come last.
    """
    repeated = {figure.name for figure in table.figures if figure.runs}
    columns = _columns(table)
    keys = list(dict.fromkeys(key for figure in table.figures for key in figure.of))
    lines: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    singles: dict[str, None] = {}
    for figure in table.figures:
        line = lines.setdefault(tuple(figure.of.items()), dict(figure.of))
        head = columns[figure.name]
        line[head] = shown(figure, with_unit=head == figure.name)
        if figure.runs:
            single = "single runs" if len(repeated) == 1 else f"single runs: {figure.name}"
            line[single] = ", ".join(_number(run, figure.decimals) for run in figure.runs)
            singles.setdefault(single)
    heads = [*keys, *columns.values(), *singles]
    return heads, [[line.get(head, "") for head in heads] for line in lines.values()]


def _columns(table: Table) -> dict[str, str]:
    """Return the head of each column of figures."""
    units: dict[str, set[str]] = {}
    for figure in table.figures:
        units.setdefault(figure.name, set()).add(figure.unit)
    shared = {name: next(iter(unit)) if len(unit) == 1 else "" for name, unit in units.items()}
    return {name: f"{name} ({unit})" if unit else name for name, unit in shared.items()}


def shown(figure: Figure, *, with_unit: bool = True) -> str:
    """Return a figure as people write it: 97.40 ± 0.07 %."""
    if isinstance(figure.value, bool):
        return "yes" if figure.value else "no"
    error = "" if figure.sem is None else f" ± {_number(figure.sem, figure.decimals)}"
    unit = f" {figure.unit}" if figure.unit and with_unit else ""
    return f"{_number(figure.value, figure.decimals)}{error}{unit}"


def _number(value: float, decimals: int) -> str:
    """Format a number, never as minus zero."""
    return f"{round(value, decimals) + 0:.{decimals}f}"
