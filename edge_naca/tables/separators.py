"""Which sign separates the cells of a table: the one that makes the most regular table of them.

The measure is that of van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row
and type patterns", Data Mining and Knowledge Discovery 33, 2019, doi:10.1007/s10618-019-00646-y:
rows of as many cells, times the share of cells that look like something one cell would hold.
"""

from __future__ import annotations

import csv
import re
from collections import Counter

# Where two signs make as regular a table, the first of them: it is rarer in text.
SEPARATORS = "\t;|, "
QUOTES = "\"'"

_SINGLE = 1e-3  # what a table of one column counts for: less than any other

# What one cell holds: nothing, a number, a time, a word or words. Signs that separate are in none
# of them, but for the comma of decimals and spaces between words.
_NUMBER = r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s?(%|[^\W\d_]{1,3})?"
_THOUSANDS = r"[-+]?\d{1,3}([., ]\d{3})+([.,]\d+)?"
_TIME = r"[\dT:./+Z-]*\d[-:/.]\d[\dT:./+Z -]*([AaPp][Mm])?"
_WORDS = r"[^\W\d][\w .:/()\[\]°%µ²³*+&@#?!'’-]*|\d*[^\W\d]\w*"
_CELL = re.compile(f"|{_NUMBER}|{_THOUSANDS}|{_TIME}|{_WORDS}")


def find_separator(sample: str) -> tuple[str, str] | None:
    """Return separator and quote of a table, of its first lines.

    Parameters
    ----------
    sample : whole lines.

    Returns
    -------
    One of `SEPARATORS` and one of `QUOTES`, or None where no separator makes more than one column.
    """
    lines = [line for line in sample.splitlines() if line.strip()]
    # Beside the usual quote the other is an apostrophe.
    quotes = QUOTES[:1] if QUOTES[0] in sample else QUOTES
    best, chosen = 0.0, None
    for separator in SEPARATORS:
        for quote in quotes:
            score = _regularity(_split(lines, separator, quote))
            if score > best:
                best, chosen = score, (separator, quote)
    return chosen


def _split(lines: list[str], separator: str, quote: str) -> list[list[str]]:
    """Return the cells of each row; spaces beside them are layout, not content."""
    reader = csv.reader(lines, delimiter=separator, quotechar=quote, skipinitialspace=True)
    try:
        rows = [[cell.strip() for cell in row] for row in reader]
    except csv.Error:
        return []
    if separator == " ":  # columns may be aligned by several
        return [[cell for cell in row if cell] for row in rows]
    return rows


def _regularity(rows: list[list[str]]) -> float:
    """Return 0 where nothing is separated, or what `find_separator` compares."""
    widths = Counter(len(row) for row in rows)
    if not widths or max(widths) < 2:
        return 0.0
    pattern = sum(
        count * max(_SINGLE, (width - 1) / max(width, 1)) for width, count in widths.items()
    ) / len(widths)
    cells = [cell for row in rows for cell in row]
    known = sum(_CELL.fullmatch(cell) is not None for cell in cells)
    return pattern * known / len(cells)
