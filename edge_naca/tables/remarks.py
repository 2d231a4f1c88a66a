"""Lines of a table that begin with #: remarks, names of columns, or lines like all others."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from edge_naca.tables.cells import is_number

if TYPE_CHECKING:
    from edge_naca.tables.dialect import Dialect

_BEFORE = " \t\ufeff"  # what may stand before the sign


def begins_as_one(line: str) -> bool:
    """Tell whether a line begins as a remark does."""
    return line.lstrip(_BEFORE).startswith("#")


def widths(text: str, dialect: Dialect) -> frozenset[int]:
    """Return the numbers of cells of the first two lines that are no remarks: header and sample."""
    lines = islice(io.StringIO(text), dialect.first_line - 1, None)
    table = (line for line in lines if line.strip() and not begins_as_one(line))
    counts = {len(_cells(line, dialect)) for line in islice(table, 2)}
    return frozenset(count for count in counts if count > 1)


def without(lines: Iterator[str], dialect: Dialect) -> Iterator[str]:
    """Yield lines, those empty that are remarks: they begin with # and are no line of the table.

    One right above the table that holds as many cells, none of them a number, names its columns,
    as `numpy.savetxt` writes it; it is yielded without the sign.
    """
    names = ""  # what may be a line of them, without the sign
    begun = False
    for line in lines:
        is_remark = begins_as_one(line)
        if names:
            yield "\n" if is_remark or not line.strip() else names
            names = ""
        if not is_remark:
            begun = begun or bool(line.strip())
            yield line
            continue
        content = line.lstrip(_BEFORE)[1:]
        cells = _cells(content, dialect)
        if len(cells) not in dialect.widths:
            yield "\n"
        elif begun or any(map(is_number, cells)):
            yield line
        else:
            names = content
    if names:
        yield "\n"


def count(text: str, dialect: Dialect) -> int:
    """Return how many lines are left out as remarks."""
    if "#" not in text:
        return 0
    kept = without(iter(io.StringIO(text)), dialect)
    return sum(
        begins_as_one(line) and not rest.strip()
        for line, rest in zip(io.StringIO(text), kept, strict=True)
    )


def _cells(line: str, dialect: Dialect) -> list[str]:
    """Return the cells of one line, whatever its quotes say."""
    try:
        row = next(csv.reader([line], delimiter=dialect.delimiter, quotechar=dialect.quote), [])
    except csv.Error:
        return []
    cells = [cell.strip() for cell in row]
    return [cell for cell in cells if cell] if dialect.delimiter == " " else cells
