"""How reading a table fails, and what is worth saying when it does not."""

from __future__ import annotations

from pathlib import Path

from edge_naca.printable import shown


class TableError(ValueError):
    """A table cannot be used; the message names the place and the option that helps."""


class TableWarning(UserWarning):
    """A table was read, but something in it is probably not as its owner means it."""


def failure(
    path: Path, message: str, line: int | None = None, column: str | None = None
) -> TableError:
    """Return an error that begins with the place that it is about."""
    place = shown(path)
    if line is not None:
        place += f", line {line}"
    if column is not None:
        place += f", column {quoted(column)}"
    return TableError(f"{place}: {message}")


def quoted(name: str) -> str:
    """Return a name or a cell between quotes, safe to show and not long."""
    return f"'{shown(name, 40)}'"
