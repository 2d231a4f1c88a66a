"""What separates the cells of a table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from edge_naca.tables import remarks
from edge_naca.tables.errors import failure
from edge_naca.tables.separators import SEPARATORS, find_separator

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}

# What the delimiter is found by. More lines make it no surer, but take longer.
SAMPLE_LINES, SAMPLE_CHARACTERS = 60, 1 << 15

# Looking for a time in a word takes the square of its length.
_LONG = re.compile(r"([^\s,;|\"']{64})[^\s,;|\"']+")

_SPREADSHEET = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)  # first line that Excel writes and reads

Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Dialect:
    """How cells are told apart.

    Parameters
    ----------
    delimiter : one character.
    quote : what stands around cells that hold a delimiter.
    first_line : from 1; lines before it say something else.
    widths : how many cells the first lines have; a line that begins with # is a remark unless it
        has as many.
    """

    delimiter: str
    quote: str = '"'
    first_line: int = 1
    widths: frozenset[int] = frozenset()

    def cells(self, line: str) -> list[str]:
        """Return the cells of one line, whatever its quotes say; they are stripped of spaces."""
        try:
            row = next(csv.reader([line], delimiter=self.delimiter, quotechar=self.quote), [])
        except csv.Error:
            return []
        return self.tidy(row)

    def tidy(self, row: list[str]) -> list[str]:
        """Return cells without spaces around them, nor such as lie between aligned columns."""
        cells = [cell.strip() for cell in row]
        return [cell for cell in cells if cell] if self.delimiter == " " else cells

    @property
    def title(self) -> str:
        """What people call the delimiter."""
        names = {"\t": "tabs", " ": "spaces"}
        return names.get(self.delimiter, f"{self.delimiter!r}")


def find(path: Path, text: str, delimiter: str | None) -> Dialect:
    """Return the layout of a table's text.

    Parameters
    ----------
    delimiter : one character, or a key of `DELIMITERS`; None to find it.

    Raises
    ------
    TableError
        If it is no delimiter.
    """
    dialect = _found(path, text, delimiter)
    lines = islice(io.StringIO(text), dialect.first_line - 1, None)
    return replace(dialect, widths=remarks.widths_of(lines, dialect.cells))


def _found(path: Path, text: str, delimiter: str | None) -> Dialect:
    """Return the layout but for what remarks are told by."""
    said = _SPREADSHEET.fullmatch(text.partition("\n")[0])
    first = 2 if said else 1
    if delimiter is not None:
        sign = DELIMITERS.get(delimiter.lower(), delimiter.replace("\\t", "\t"))
        if not _can_separate(sign):
            raise failure(
                path,
                f"--delimiter is one sign or one of {', '.join(DELIMITERS)}, not {delimiter!r}",
            )
        return Dialect(sign, first_line=first)
    if said and _can_separate(said[1]):
        return Dialect(said[1], first_line=first)
    sample = _sample(text)
    known = find_separator(sample)
    if known is None:
        return Dialect(_frequent(sample))
    separator, quote = known
    return Dialect(separator, quote)


def _can_separate(sign: str) -> bool:
    usable = len(sign) == 1 and sign not in "\"'" and not sign.isalnum()
    return usable and (sign.isprintable() or sign == "\t")


def _sample(text: str) -> str:
    """Return the first lines, whole ones if there is one, without comments."""
    lines = (
        line
        for line in io.StringIO(text[: 4 * SAMPLE_CHARACTERS])
        if not remarks.begins_as_one(line)
    )
    sample = ""
    for count, line in enumerate(lines):
        if count == SAMPLE_LINES or (sample and len(sample) + len(line) > SAMPLE_CHARACTERS):
            break
        sample += line[:SAMPLE_CHARACTERS]
    return _LONG.sub(r"\1", sample)


def _frequent(sample: str) -> str:
    """Return the first delimiter that the sample holds at all, for samples too odd to judge."""
    return next((sign for sign in SEPARATORS if sign in sample), ",")


def rows(path: Path, text: str, dialect: Dialect) -> Iterator[Row]:
    """Yield number and cells of each line that holds any; cells are stripped of spaces.

    Raises
    ------
    TableError
        If a cell is too long to be one, or a quote is not closed.
    """
    lines = io.StringIO(text, newline="")
    skipped = dialect.first_line - 1
    for _ in range(skipped):
        next(lines)
    number = skipped + 1
    ended = False

    def without_comments() -> Iterator[str]:
        nonlocal ended
        yield from remarks.without(lines, dialect.cells, dialect.widths)
        ended = True

    reader = csv.reader(
        without_comments(),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        skipinitialspace=dialect.delimiter != " ",
    )
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise failure(
                path, f"the cells cannot be told apart ({error}): is a quote missing?", number
            ) from error
        if row is None:
            return
        if ended:  # a line that was whole would have come before the end was asked for
            raise failure(
                path, "a quote is opened in this line and closed nowhere: mend or remove it", number
            )
        cells = dialect.tidy(row)
        if any(cells):
            yield number, cells
        number = skipped + reader.line_num + 1
