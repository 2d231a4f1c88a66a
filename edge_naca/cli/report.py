"""What commands say: numbers and tables, one JSON object, a progress bar."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from edge_naca.printable import LAYOUT, printable

if TYPE_CHECKING:
    from edge_naca.scenarios import History

COLUMN, FIRST_COLUMN = 13, 14  # widths of a growing table


class _Console(Console):
    """A console on which text of others cannot act: only rich's own codes reach the terminal."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Make a text of a string as rich does, of the width that it has once it is printable."""
        return super().render_str(printable(text, kept=LAYOUT), **how)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render as rich does, with everything printable but what controls the terminal."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text, kept=LAYOUT), segment.style)


_logger = logging.getLogger("edge_naca.said")
_logger.addHandler(logging.NullHandler())  # else Python prints warnings where nobody logs

# Names of classes are anybody's: nothing in them may mean a colour or a picture.
out = _Console(highlight=False, markup=False, emoji=False)
err = _Console(highlight=False, markup=False, emoji=False, stderr=True)


def say(text: object = "", *, err: bool = False) -> None:
    """Print text that may hold names of others, on stdout or stderr; a log keeps it, too."""
    text = printable(text, kept=LAYOUT)
    _logger.log(logging.WARNING if err else logging.INFO, "%s", text)
    click.echo(text, err=err)


def to_json(content: dict[str, Any], indent: int | None = None) -> str:
    """Return one JSON object, in printable ASCII; what is no number becomes null."""
    text = json.dumps(_plain(content), indent=indent, allow_nan=False)
    return text.replace("\x7f", "\\u007f")  # the one control that JSON lets pass


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object on one line."""
    click.echo(to_json(content))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):  # an array, or a number of numpy's
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def percent(share: float, digits: int = 1, unit: str = "%") -> str:
    """Format a share in percent, a dash for none; never as minus zero."""
    return "–" if math.isnan(share) else f"{round(100 * share, digits) + 0:.{digits}f} {unit}"


def points(difference: float, digits: int = 1) -> str:
    """Format a difference of shares in percentage points."""
    return percent(difference, digits, "points")


def line(title: str, cells: Sequence[str]) -> str:
    """Return a row of a table that grows while somebody watches."""
    return f"{title[:FIRST_COLUMN]:<{FIRST_COLUMN}}" + "".join(f"{c:>{COLUMN}}" for c in cells)


def forgotten_table(history: History, classes: Sequence[str]) -> Table:
    """Return, for each class, what was known right after learning it and what is left."""
    table = Table("class", title="What was forgotten", title_justify="left")
    for heading in ("right after learning it", "at the end", "forgotten"):
        table.add_column(heading, justify="right")
    first, last = history.after_learning(), history.accuracy[-1]
    for label in history.stages[-1].classes:
        lost = first[label] - last[label]
        table.add_row(classes[label], percent(first[label]), percent(last[label]), points(lost))
    return table


class Bar:
    """A progress bar on stderr, where somebody is watching; rows on stdout above it."""

    def __init__(self, total: int, quiet: bool = False) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=err,
            transient=True,
            redirect_stdout=False,
            disable=not err.is_terminal,
        )
        self._task = self._progress.add_task("", total=total)
        self._quiet = quiet

    def advance(self, count: int, title: str) -> None:
        """Say that so many more samples are done."""
        self._progress.update(self._task, advance=count, description=title)

    def reach(self, done: int, total: int, title: str) -> None:
        """Say that so many of so many are done; there may be more of them than was known."""
        self._progress.update(self._task, completed=done, total=total, description=title)

    def row(self, text: str) -> None:
        """Print a line, unless quiet."""
        if self._quiet:
            return
        self._progress.stop()
        out.print(text)
        self._progress.start()

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
