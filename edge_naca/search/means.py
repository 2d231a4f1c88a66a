"""What a board has to give, and what a candidate takes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.export.cost.report import activity_of, cost_report
from edge_naca.export.cost.targets import find_target
from edge_naca.signal_core import SignalCore

BOARD = "nucleo-f446re"  # that times are told of where no board is named: a Cortex-M4
KIB = 1024


@dataclass(frozen=True)
class Means:
    """Limits of a search; None for those that nobody named.

    Parameters
    ----------
    board : a name in `edge_naca.export.cost.targets.TARGETS`: all has to fit it.
    ram : bytes of the network's workspace and the signal's memory together.
    state : bytes of what is learned.
    flash : bytes of the image.
    seconds : of making a window's features and inferring them, on the board, or on `BOARD`.

    Raises
    ------
    ValueError
        If there is no such board; the message lists those there are.
    """

    board: str | None = None
    ram: int | None = None
    state: int | None = None
    flash: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.board is not None:
            find_target(self.board)

    @property
    def is_tight(self) -> bool:
        """Whether there is a limit of memory."""
        return (self.board, self.ram, self.state, self.flash) != (None,) * 4

    @property
    def clocked(self) -> str:
        """The board that times are of."""
        return BOARD if self.board is None else self.board


@dataclass(frozen=True)
class Costs:
    """What a candidate takes.

    Parameters
    ----------
    ram, flash : bytes, as `Means` limits them.
    seconds : of an answer; None where it was not taught, as it takes more RAM than there is.
    lacking : what it takes beyond the limits, for people; "" where it fits.
    """

    ram: int
    flash: int
    seconds: float | None
    lacking: str


def ram_of(core: Core) -> int:
    """Return bytes of a network's workspace, and of its windows."""
    return core.workspace_size + SignalCore(core.network).memory_size


def untaught(core: Core, means: Means) -> Costs:
    """Return what a network takes whatever it learns: nothing of time."""
    ram, lacking = ram_of(core), []
    limits = {"RAM": means.ram}
    if means.board is not None:
        limits["the board's RAM"] = find_target(means.board).ram
    for name, limit in limits.items():
        if limit is not None and ram > limit:
            lacking.append(f"{ram - limit} bytes of {name}")
    state = len(core.state())
    if means.state is not None and state > means.state:
        lacking.append(f"{state - means.state} bytes of learned state")
    return Costs(ram, len(core.image()), None, ", ".join(lacking))


def taught(core: Core, means: Means, x: NDArray[Any], labels: NDArray[Any]) -> Costs:
    """Return what a taught network takes.

    Parameters
    ----------
    x, labels : some windows as their features, and their classes; their spikes are reckoned with.
    """
    report = cost_report(core, means.clocked, activity_of(core, x, labels, "windows"))
    assert report.window is not None
    ram, flash = ram_of(core), len(core.image())
    seconds = report.window.seconds + report.infer.seconds
    lacking = []
    if means.flash is not None and flash > means.flash:
        lacking.append(f"{flash - means.flash} bytes of flash")
    if means.seconds is not None and seconds > means.seconds:
        lacking.append(f"{1000 * (seconds - means.seconds):.2g} ms")
    if means.board is not None:
        if report.ram_left < 0:
            lacking.append(f"{-report.ram_left} bytes of the board's RAM")
        if report.flash_left < 0:
            lacking.append(f"{-report.flash_left} bytes of the board's flash")
    return Costs(ram, flash, seconds, ", ".join(lacking))
