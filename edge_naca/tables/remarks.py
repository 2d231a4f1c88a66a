"""Lines of a table that begin with #: remarks, names of columns, or lines like all others."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import islice

from edge_naca.tables.cells import is_number

Split = Callable[[str], list[str]]  # a line into its cells

_BEFORE = " \t\ufeff"  # what may stand before the sign


def begins_as_one(line: str) -> bool:
    """Tell whether a line begins as a remark does."""
    return line.lstrip(_BEFORE).startswith("#")


def widths_of(lines: Iterator[str], split: Split) -> frozenset[int]:
    """Return the numbers of cells of the first two lines that are no remarks: header and sample."""
    table = (line for line in lines if line.strip() and not begins_as_one(line))
    counts = {len(split(line)) for line in islice(table, 2)}
    return frozenset(count for count in counts if count > 1)


def without(lines: Iterator[str], split: Split, widths: frozenset[int]) -> Iterator[str]:
    """Yield lines, those empty that are remarks: they begin with # and are no line of the table.

    A line of the table has one of its `widths`. One right above the table that has, too, and holds
    no number, names its columns, as `numpy.savetxt` writes it; it is yielded without the sign.
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
        cells = split(content)
        if len(cells) not in widths:
            yield "\n"
        elif begun or any(map(is_number, cells)):
            yield line
        else:
            names = content
    if names:
        yield "\n"


def count(text: str, split: Split, widths: frozenset[int]) -> int:
    """Return how many lines are left out as remarks."""
    if "#" not in text:
        return 0
    kept = without(io.StringIO(text), split, widths)
    return sum(
        begins_as_one(line) and not rest.strip()
        for line, rest in zip(io.StringIO(text), kept, strict=True)
    )
