"""What a cell of a table says: a number, nothing, or a name."""

from __future__ import annotations

import re
import unicodedata

from edge_naca.tables.errors import quoted

_DIGITS = r"[+-]?(?:[0-9]+(?:%s[0-9]*)?|%s[0-9]+)(?:[eE][+-]?[0-9]+)?"
NUMBER = {sign: re.compile(_DIGITS % (re.escape(sign), re.escape(sign))) for sign in ".,"}

NOT_FINITE = frozenset(["inf", "-inf", "+inf", "infinity", "-infinity", "nan", "-nan"])
_ABSENT = frozenset(["", "na", "n/a", "#n/a", "null", "none", "nil", "?", "-", ".", "missing"])
_MISSING = NOT_FINITE | _ABSENT
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:([.,' \u00a0\u202f’_])[0-9]{3})(?:\1[0-9]{3})*")
_GROUPED_REAL = re.compile(
    r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+\.[0-9]+|[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]+"
)
_TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?|\d{1,2}:\d{2}(:\d{2}.*)?")


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number with either decimal sign."""
    return bool(NUMBER["."].fullmatch(cell) or NUMBER[","].fullmatch(cell))


def is_missing(cell: str) -> bool:
    """Tell whether a cell stands for a number that is not there, or is none that can be used."""
    return cell.lower() in _MISSING


def is_grouped(cell: str) -> bool:
    """Tell whether a cell may be a number whose thousands a sign sets apart."""
    return bool(_GROUPED.fullmatch(cell))


def is_time(cell: str) -> bool:
    """Tell whether a cell looks like a date, or a time of day."""
    return bool(_TIME.fullmatch(cell))


def tidy(name: str) -> str:
    """Return a name without spaces around it, single ones inside, letters composed (NFC).

    Names that differ in nothing but that look the same, and are.
    """
    return unicodedata.normalize("NFC", " ".join(name.split()))


def complaint(cell: str, column: str, is_first_text: bool) -> str:
    """Say what is wrong with a cell that should be a number, and what helps.

    Parameters
    ----------
    is_first_text : whether this column holds words throughout, as one of labels does.
    """
    if "\n" in cell or "\r" in cell:
        return f"a line ends inside the cell {quoted(cell)}: is a quote missing?"
    if is_missing(cell):
        what = f"the cell says {quoted(cell)}" if cell else "the cell is empty"
        return (
            f"{what}, which is no finite number: fill it, remove the line, or leave the column out "
            f"with --drop {quoted(column)}"
        )
    if is_time(cell):
        return f"{quoted(cell)} looks like a time: --drop {quoted(column)} leaves the column out"
    if is_first_text:
        return (
            f"{quoted(cell)} is no number: if this column holds the labels, say --label-column "
            f"{quoted(column)}; if it should not be learned from, --drop {quoted(column)}"
        )
    drop = f"leave the column out with --drop {quoted(column)}"
    if is_number(cell):
        hint = "--decimal says which sign the digits after it follow"
    elif is_grouped(cell) or _GROUPED_REAL.fullmatch(cell):
        hint = f"write it without the sign that sets thousands apart, or {drop}"
    elif "\u2212" in cell:
        hint = f"its minus is U+2212: write -, or {drop}"
    else:
        hint = f"write it as 1234.5 or 1.2345e3, or {drop}"
    return f"{quoted(cell)} is no number: {hint}"
