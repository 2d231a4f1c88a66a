"""The columns of a table: their names, which are learned from, and which holds the labels."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_naca.printable import shown, unprintable
from edge_naca.tables.cells import is_missing, is_number, tidy
from edge_naca.tables.dialect import Row
from edge_naca.tables.errors import TableError, failure, quoted

# Names that columns of labels mostly bear: not to be learned from by mistake.
LABELS = ("label", "labels", "class", "target")

COUNTED = 10  # lines that count from 1 do so on purpose

_UNNAMED = re.compile(r"(Unnamed: \d+|Unnamed: \d+_level_\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """The names of a table's columns.

    Parameters
    ----------
    names : one a column; "column 3" where there is none.
    unnamed : places of columns without a name.
    line : where the names stand; None if nowhere.
    rows : the lines below it.
    """

    names: tuple[str, ...]
    unnamed: frozenset[int]
    line: int | None
    rows: list[Row]


def find_header(path: Path, rows: list[Row], wanted: bool | None, delimiter: str) -> Header:
    """Take names from the first line, if that holds them.

    Parameters
    ----------
    wanted : whether it does; None to look.
    delimiter : between cells.

    Raises
    ------
    TableError
        If two columns have the same name, or a name holds what cannot be printed.
    """
    if not rows:
        raise failure(path, "there is no line with numbers and a label")
    line, first = rows[0]
    if not (_is_header(rows) if wanted is None else wanted):
        width = len(first)
        return Header(
            tuple(f"column {at}" for at in range(1, width + 1)), frozenset(range(width)), None, rows
        )
    body = rows[1:]
    if not body:
        raise failure(
            path,
            "there is one line only, taken for the header, and no sample below it; if it is a "
            "sample, add --no-header",
            line,
        )
    names = [tidy(name) for name in first]
    if len(body[0][1]) == len(names) + 1 and _begin_with_names(body, delimiter):
        names = ["", *names]  # R leaves the numbers of rows without a name
    return _named(path, line, names, body)


def _begin_with_names(body: list[Row], delimiter: str) -> bool:
    """Tell whether lines begin with a name or a number of their own.

    Where commas stand between cells, two whole numbers may be one with a decimal comma as well.
    """
    names = [row[0] for _, row in body]
    counts = len(names) >= COUNTED and names == [str(n) for n in range(1, len(names) + 1)]
    if delimiter == "," and not counts and all(row[1:2] and row[1].isdigit() for _, row in body):
        return not any(name.isdigit() for name in names)
    return number_rows(names)


def number_rows(cells: Sequence[str]) -> bool:
    """Tell whether cells are whole numbers, or names, none of them twice."""
    return len(set(cells)) == len(cells) and not any(
        is_number(cell) and not cell.isdigit() for cell in cells
    )


def _named(path: Path, line: int, names: list[str], body: list[Row]) -> Header:
    unnamed = frozenset(at for at, name in enumerate(names) if _UNNAMED.fullmatch(name))
    names = [f"column {at + 1}" if at in unnamed else name for at, name in enumerate(names)]
    places: dict[str, int] = {}
    for at, name in enumerate(names):
        bad = unprintable(name)
        if bad is not None:
            raise failure(
                path,
                f"the name holds the character U+{ord(bad):04X}: rename the column",
                line,
                name,
            )
        if name in places:
            raise failure(
                path,
                f"columns {places[name] + 1} and {at + 1} bear the same name: rename one, or say "
                "--no-header if this line is a sample",
                line,
                name,
            )
        places[name] = at
    return Header(tuple(names), unnamed, line, body)


def _is_header(rows: list[Row]) -> bool:
    """Tell whether the first line names what stands below it."""
    first, body = rows[0][1], [row for _, row in rows[1:]]
    if not body:
        return not any(is_number(cell) for cell in first)
    shift = len(body[0]) - len(first)  # R's header has no name for the first column
    if shift not in (0, 1):
        return not any(is_number(cell) for cell in first)
    label = first[-1]
    if label.lower() in LABELS and all(row[-1:] != [label] for row in body):
        return True  # whatever the others are called: years, wavelengths
    for at, name in enumerate(first):
        if is_number(name) or is_missing(name):
            continue
        cells = [row[at + shift] for row in body if at + shift < len(row) and row[at + shift]]
        if cells and sum(map(is_number, cells)) * 2 > len(cells):
            return True  # a word above numbers
    # Numbers that only count the columns, as of a data frame without names.
    numbers = [cell for cell in first if is_number(cell)]
    counted = [[str(n) for n in range(start, start + len(numbers))] for start in (0, 1)]
    if len(numbers) > 1 and numbers in counted:
        return not is_number(label) and all(row[-1:] != [label] for row in body)
    # Words above words only: nothing here is learned from unless the first line is the header.
    return not numbers and not any(is_missing(cell) for cell in first)


def split_names(text: str) -> list[str]:
    """Return names with commas between them; those that hold one stand between quotes."""
    row = next(csv.reader([text], skipinitialspace=True), [])
    return [tidy(name) for name in row if name.strip()]


def find_column(path: Path, names: Sequence[str], wanted: str, option: str) -> int:
    """Return the place of a column by its name, or by its number from 1.

    Raises
    ------
    TableError
        If there is no such column; the message names near ones.
    """
    name = tidy(wanted)
    if name in names:
        return names.index(name)
    if name.isascii() and name.isdigit() and len(name) < 7 and 1 <= int(name) <= len(names):
        return int(name) - 1
    near = difflib.get_close_matches(name, names, 3) or [
        known for known in names if known.lower() == name.lower()
    ]
    some = ", ".join(map(quoted, near or names[:10]))
    more = "" if near or len(names) <= 10 else f" and {len(names) - 10} more"
    raise TableError(
        f"{shown(path)}: {option}: there is no column {quoted(wanted)}; "
        + (f"did you mean {some}?" if near else f"it has {some}{more}")
    )


def find_label(path: Path, header: Header, wanted: str | None) -> int:
    """Return the place of the column of labels: the one named, else the last.

    Raises
    ------
    TableError
        If there is no such column, or another one looks like it and nobody said which.
    """
    names = header.names
    if wanted is not None:
        return find_column(path, names, wanted, "--label-column")
    last = len(names) - 1
    others = [name for name in names if name.lower() in LABELS]
    if others and names[last] not in others:
        raise failure(
            path,
            f"labels are taken from the last column, {quoted(names[last])}, but there is "
            f"{quoted(others[0])} too: say --label-column {quoted(others[0])}, or --label-column "
            f"{quoted(names[last])} if it is meant so",
            header.line,
        )
    return last
