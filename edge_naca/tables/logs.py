"""A table read as what a logger wrote: rows in the order of time, of numbers and of names."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.printable import shown
from edge_naca.tables import dialect as dialects
from edge_naca.tables.cells import NUMBER, complaint, is_missing, is_number, tidy
from edge_naca.tables.columns import Header, find_column, find_header
from edge_naca.tables.errors import failure, quoted
from edge_naca.tables.read import HEAD, TableOptions, rows_below, trimmed
from edge_naca.tables.text import read_text

Array = NDArray[Any]

TIMES = ("time", "timestamp", "t", "ts", "seconds", "millis", "ms", "us", "time_ms", "time_us")


@dataclass(frozen=True, eq=False)
class Log:
    """Rows of a table in their order.

    Parameters
    ----------
    numbers : float64 (rows, columns); NaN where a cell is empty or says that it is missing.
    columns : names of the columns of `numbers`.
    texts : cells of the columns asked for by the names that they were asked by.
    time : float64 (rows,), the column of times, and its name; None if there is none.
    lines : of the file, on which rows stand.
    description : one line, how it was read.
    time_unit : "s" where the file says that times are seconds; "" where it does not.
    """

    numbers: Array
    columns: tuple[str, ...]
    texts: dict[str, list[str]]
    time: Array | None
    time_column: str
    lines: list[int]
    description: str
    time_unit: str = ""


def read_log(
    path: str | Path,
    options: TableOptions | None = None,
    *,
    texts: dict[str, str] | None = None,
    time_column: str | None = None,
) -> Log:
    """Read a log from a text file.

    Parameters
    ----------
    options : what not to find out; columns left open are all that hold numbers.
    texts : columns of names: their name or number from 1 by the option that names them.
    time_column : that holds times; None for one that bears such a name.

    Raises
    ------
    TableError
        If it is none; the message names the file, the line, the column and the option that helps.
    OSError
        If it cannot be read.
    """
    path, options = Path(path), options or TableOptions()
    text, _ = read_text(path, options.encoding)
    dialect = dialects.find(path, text, options.delimiter)
    head = trimmed(list(islice(dialects.rows(path, text, dialect), HEAD)))
    header = find_header(path, head, options.header, dialect.delimiter)
    names = header.names
    places = {
        option: find_column(path, names, wanted, option) for option, wanted in (texts or {}).items()
    }
    time = _time(path, header, time_column, options.drop)
    chosen = _numbers(path, header, options, {*places.values(), *([] if time is None else [time])})
    decimal = options.decimal or _decimal(header, chosen, dialect.delimiter)
    rows, lines = [], []
    said: dict[str, list[str]] = {option: [] for option in places}
    wanted = [*chosen, *([] if time is None else [time])]
    for line, row in rows_below(path, text, dialect, header):
        rows.append([_number(path, row[at], names[at], line, decimal) for at in wanted])
        lines.append(line)
        for option, at in places.items():
            said[option].append(tidy(row[at]))
    if not rows:
        raise failure(path, "there is no line with numbers")
    numbers = np.array(rows, np.float64)
    title = f"{len(names)} columns separated by {dialect.title}"
    channels = ", ".join(names[at] for at in chosen)
    return Log(
        numbers[:, : len(chosen)],
        tuple(names[at] for at in chosen),
        said,
        None if time is None else numbers[:, -1],
        "" if time is None else names[time],
        lines,
        f"{shown(path)}: read {len(rows)} samples of {title}, channels {channels}",
    )


def _time(path: Path, header: Header, wanted: str | None, dropped: tuple[str, ...]) -> int | None:
    """Return the place of the column of times; one that bears such a name may be dropped."""
    names = header.names
    if wanted is not None:
        return find_column(path, names, wanted, "--time-column")
    left_out = {find_column(path, names, name, "--drop") for name in dropped}
    known = [at for at, name in enumerate(names) if name.lower() in TIMES and at not in left_out]
    return known[0] if len(known) == 1 else None


def _numbers(path: Path, header: Header, options: TableOptions, taken: set[int]) -> list[int]:
    """Return the places of channels: those named, or all that hold numbers."""
    names = header.names
    dropped = {find_column(path, names, name, "--drop") for name in options.drop}
    if options.columns:
        chosen = [find_column(path, names, name, "--columns") for name in options.columns]
    else:
        chosen = [
            at
            for at in range(len(names))
            if at not in taken | dropped
            and any(is_number(row[at]) for _, row in header.rows if at < len(row))
        ]
    chosen = [at for at in chosen if at not in dropped]
    if not chosen:
        raise failure(path, "there is no column of numbers to take for a channel", header.line)
    return chosen


def _decimal(header: Header, chosen: list[int], delimiter: str) -> str:
    if delimiter == ",":
        return "."
    for _, row in header.rows:
        for at in chosen:
            for sign, pattern in NUMBER.items():
                if at < len(row) and sign in row[at] and pattern.fullmatch(row[at]):
                    return sign
    return "."


def _number(path: Path, cell: str, column: str, line: int, decimal: str) -> float:
    if not cell or is_missing(cell) or cell.lower() == "nan":
        return np.nan
    if not NUMBER[decimal].fullmatch(cell):
        raise failure(path, complaint(cell, column, False), line, column)
    value = float(cell.replace(",", ".") if decimal == "," else cell)
    if not abs(value) < 1e30:
        raise failure(path, f"{quoted(cell)} is too large: 1e30 is the most", line, column)
    return value
