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
from edge_naca.tables.times import is_named_time, seconds_of

Array = NDArray[Any]


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
    dropped = {find_column(path, names, name, "--drop") for name in options.drop}
    time = _time(path, header, time_column, dropped)
    times = [] if time is None else [time]
    taken = {*places.values(), *times}
    chosen = _numbers(path, header, options, taken, dropped)
    decimal = options.decimal or _decimal(header, chosen, dialect.delimiter)
    rows, lines = [], []
    said: dict[str, list[str]] = {option: [] for option in places}
    are_moments = any(seconds_of(row[at]) is not None for at in times for _, row in header.rows)
    for line, row in rows_below(path, text, dialect, header):
        cells = [_number(path, row[at], names[at], line, decimal) for at in chosen]
        for at in times:
            read = _moment if are_moments else _number
            cells.append(read(path, row[at], names[at], line, decimal))
        rows.append(cells)
        lines.append(line)
        for option, at in places.items():
            said[option].append(tidy(row[at]))
    if not rows:
        raise failure(path, "there is no line with numbers")
    numbers = np.array(rows, np.float64)
    title = f"{len(names)} columns separated by {dialect.title}"
    channels = ", ".join(names[at] for at in chosen)
    others = [at for at in range(len(names)) if at not in {*chosen, *taken, *dropped}]
    left = f", left out {', '.join(names[at] for at in others)}" if others else ""
    return Log(
        numbers[:, : len(chosen)],
        tuple(names[at] for at in chosen),
        said,
        None if time is None else numbers[:, -1],
        "" if time is None else names[time],
        lines,
        f"{shown(path)}: read {len(rows)} samples of {title}, channels {channels}{left}",
        "s" if are_moments else "",
    )


def _time(path: Path, header: Header, wanted: str | None, dropped: set[int]) -> int | None:
    """Return the place of the column of times."""
    if wanted is not None:
        return find_column(path, header.names, wanted, "--time-column")
    named = [at for at, name in enumerate(header.names) if is_named_time(name)]
    known = [at for at in named if at not in dropped]
    return known[0] if len(known) == 1 else None


def _numbers(
    path: Path, header: Header, options: TableOptions, taken: set[int], dropped: set[int]
) -> list[int]:
    """Return the places of channels: those named, or all that hold numbers."""
    names = header.names
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


def _moment(path: Path, cell: str, column: str, line: int, decimal: str) -> float:
    """Return seconds of a date with a time, or of a time of day."""
    seconds = seconds_of(cell)
    if seconds is None and not is_missing(cell):
        raise failure(
            path,
            f"{quoted(cell)} is no time such as 2024-05-31 13:45:00.250 or 13:45:00.250; mend it, "
            f"or say --rate and --drop {quoted(column)}",
            line,
            column,
        )
    return np.nan if seconds is None else seconds


def _number(path: Path, cell: str, column: str, line: int, decimal: str) -> float:
    if not cell or is_missing(cell) or cell.lower() == "nan":
        return np.nan
    if not NUMBER[decimal].fullmatch(cell):
        raise failure(path, complaint(cell, column, False), line, column)
    value = float(cell.replace(",", ".") if decimal == "," else cell)
    if not abs(value) < 1e30:
        raise failure(path, f"{quoted(cell)} is too large: 1e30 is the most", line, column)
    return value
