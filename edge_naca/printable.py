"""Text of others, made safe to show.

A class name, a board's name or a node of somebody's model may hold anything: codes that move a
terminal's cursor, signs that turn the direction of writing, halves of a surrogate pair that cannot
be encoded. Whatever shows such text passes it through `printable`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

HALF = re.compile("[\ud800-\udfff]")  # of a character: a lone surrogate, which no file can hold
LONGEST = 200  # characters of one name or one cell that are shown
JOINERS = frozenset("\u200c\u200d")  # Persian words and some emoji cannot do without
LAYOUT = JOINERS | frozenset("\n\t")  # what text of several lines may hold


def printable(text: object, longest: int | None = None, kept: frozenset[str] = frozenset()) -> str:
    r"""Return text in which nothing acts on a terminal and everything can be seen.

    Controls (C0, C1, escape), format characters (bidirectional ones, zero widths), separators of
    lines, lone surrogates, private and unassigned characters become ``\uXXXX``, as in JSON.

    Parameters
    ----------
    text : anything that `str` makes text of.
    longest : characters that are kept at most; the rest becomes an ellipsis. None keeps all.
    kept : characters that stay as they are.
    """
    text = str(text)
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in kept or unicodedata.category(c) == "Zs" else _escape(c)
        for c in text
    )


def shown(text: object, longest: int = LONGEST) -> str:
    """Return a name, a cell or a line of somebody else's for a message: printable and short."""
    return printable(text, longest)


def unprintable(name: str) -> str | None:
    """Return the first character that no name may hold, None if there is none."""
    return next((c for c in name if printable(c, kept=JOINERS) != c), None)


def check_names(what: str, names: Iterable[object]) -> None:
    """Refuse names that no file can hold.

    Parameters
    ----------
    what : to say what they are names of, as "the column".

    Raises
    ------
    ValueError
        If one holds half of a character; the message shows it and its place, from 1.
    """
    for place, name in enumerate(names, 1):
        if isinstance(name, str) and HALF.search(name):
            raise ValueError(
                f"{what} '{shown(name, 40)}' (number {place}) holds half of a character, which no "
                "file can: rename it"
            )


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
