"""What is shown while samples stream into a device."""

from __future__ import annotations

import contextlib
import errno
import threading
import time
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge_naca.cli import report

if TYPE_CHECKING:
    from edge_naca.host.link import LineCounts
    from edge_naca.host.session import Progress

FRAMES_A_SECOND = 8
BAR = 24  # width of a class's bar
QUIET_SECONDS = 1.5  # between two lines where no terminal shows a picture: two are promised
LINES = 10  # lines printed in all where nobody watches


class View:
    """A picture of a stream on the terminal; where there is none, a line every two seconds.

    Parameters
    ----------
    title : what streams where.
    names : of the classes.
    counts : of the line.
    learn : whether the device learns each sample once it has answered.
    quiet : print nothing.
    """

    def __init__(
        self, title: str, names: list[str], counts: LineCounts, *, learn: bool, quiet: bool
    ) -> None:
        self._title = title
        self._right = right(learn)
        self._names = names
        self._counts = counts
        self._quiet = quiet
        self._drawn = time.monotonic()
        self._printed = 0
        self._told = ""  # the last event printed
        self._last: Progress | None = None
        self._live = Live(
            console=report.err, auto_refresh=False, transient=False, redirect_stdout=False
        )
        self._moving = report.err.is_terminal and not quiet
        self._printing = threading.Lock()
        self._ended = threading.Event()
        self._speaker = threading.Thread(target=self._speak, name="progress", daemon=True)

    def __enter__(self) -> View:
        if self._moving:
            self._live.start()
        elif not self._quiet:
            self._speaker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._speaker.is_alive():
            self._speaker.join()
        if self._moving:
            if self._last is not None:
                self._live.update(self._picture(self._last))
            self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show how things are, not too often. Raises OSError where nobody can see it any more."""
        self._last = progress
        now = time.monotonic()
        if self._moving and now - self._drawn > 1 / FRAMES_A_SECOND:
            self._drawn = now
            if not report.err.is_terminal:  # it was one: rich falls silent without a word
                raise OSError(errno.EIO, "the terminal is gone")
            self._live.update(self._picture(progress), refresh=True)
        elif not self._moving and not self._quiet:
            with self._printing:
                self._line(progress)

    def _speak(self) -> None:
        """Print a line now and then, also while nothing comes from the device."""
        with contextlib.suppress(OSError):  # nobody reads: whoever streams finds out as well
            while not self._ended.wait(QUIET_SECONDS / 4):
                with self._printing:
                    if self._last is not None:
                        self._line(self._last)

    def _line(self, progress: Progress) -> None:
        if progress.events and progress.events[-1] is not self._told:
            self._told = progress.events[-1]
            report.out.print(self._told)
        step = max(progress.total // LINES, 1)
        now = time.monotonic()
        if progress.done // step > self._printed or now - self._drawn >= QUIET_SECONDS:
            self._drawn = now
            self._printed = progress.done // step
            report.out.print(
                f"{progress.done:>7} of {progress.total}   "
                f"{report.percent(progress.accuracy)} right   {progress.speed:.0f} samples/s"
            )

    def _picture(self, progress: Progress) -> Group:
        rows = Table.grid(padding=(0, 2))
        rows.add_row("samples", f"{progress.done} of {progress.total}")
        rows.add_row(self._right, report.percent(progress.accuracy, 2))
        rows.add_row("samples/s", f"{progress.speed:.1f}")
        means = f"{progress.mean('spikes'):.0f} spikes, {progress.mean('changes'):.0f} changes"
        rows.add_row("a sample", means)
        rows.add_row("line", line_summary(self._counts))
        classes = Table.grid(padding=(0, 2))
        for label, name in enumerate(self._names):
            asked = int(progress.asked[label])
            if asked:
                share = progress.right[label] / asked
                bar = Text(f"{'█' * round(share * BAR):<{BAR}}", "cyan")
                classes.add_row(name, bar, report.percent(share), f"{asked}")
        events = [Text(text, "yellow") for text in list(progress.events)[-3:]]
        return Group(Text(self._title, "bold"), rows, classes, *events)


def right(learn: bool) -> str:
    """Say what an accuracy is of: answers that come before each sample is learned, or only come."""
    return "right before learning" if learn else "right"


def line_summary(counts: LineCounts) -> str:
    """Say what went wrong on the line."""
    if not counts.errors:
        return "no errors"
    parts = (
        (counts.resent, "resent"),
        (counts.damaged, "damaged"),
        (counts.reconnects, "reconnected"),
        (counts.reboots, "restarted"),
    )
    return ", ".join(f"{count} {what}" for count, what in parts if count)
