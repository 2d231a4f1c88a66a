"""What a board has to give, and what a candidate takes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.export.cost.report import activity_of, cost_report
from edge_naca.export.cost.targets import Target, find_target
from edge_naca.signal_core import SignalCore

BOARD = "nucleo-f446re"  # that times are told of where no board is named: a Cortex-M4
KIB = 1024


@dataclass(frozen=True)
class Means:
    """Limits of a search; None for those that nobody named.

    Parameters
    ----------
    board : as `edge_naca.export.cost.targets.find_target` takes it: all has to fit it.
    ram : bytes of the network's workspace and the signal's memory together.
    state : bytes of what is learned.
    flash : bytes of the image.
    seconds : of making a window's features and inferring them, on the board, or on `BOARD`.

    Attributes
    ----------
    target : the board that times are of. It is found here, once: other processes, and machines,
        that work for a search need not have the file that describes it.

    Raises
    ------
    ValueError
        If there is no such board; if time is limited on one where it is not known.
    """

    board: str | None = None
    ram: int | None = None
    state: int | None = None
    flash: int | None = None
    seconds: float | None = None
    target: Target = field(init=False)

    def __post_init__(self) -> None:
        target = find_target(BOARD if self.board is None else self.board)
        object.__setattr__(self, "target", target)
        timed = target.clock is not None and target.processor.core is not None
        if self.seconds is not None and not timed:
            why = target.processor.remark or "nobody knows its clock"
            raise ValueError(
                f"how long an answer takes on {target.name} is not known ({why}): search without a "
                "limit of time"
            )

    @property
    def is_tight(self) -> bool:
        """Whether there is a limit of memory."""
        return (self.board, self.ram, self.state, self.flash) != (None,) * 4

    @property
    def clocked(self) -> str:
        """The name of the board that times are of."""
        return self.target.name


@dataclass(frozen=True)
class Costs:
    """What a candidate takes.

    Parameters
    ----------
    ram, flash : bytes, as `Means` limits them.
    seconds : of an answer; None where it was not taught, as it takes more RAM than there is, and
        where nobody knows.
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
        limits["the board's RAM"] = means.target.ram
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
    report = cost_report(core, means.target, activity_of(core, x, labels, "windows"))
    assert report.window is not None
    ram, flash = ram_of(core), len(core.image())
    parts = report.window.seconds, report.infer.seconds
    seconds = None if parts[0] is None or parts[1] is None else parts[0] + parts[1]
    lacking = []
    if means.flash is not None and flash > means.flash:
        lacking.append(f"{flash - means.flash} bytes of flash")
    if means.seconds is not None and seconds is not None and seconds > means.seconds:
        lacking.append(f"{1000 * (seconds - means.seconds):.2g} ms")
    if means.board is not None:
        for what, left in (("RAM", report.ram_left), ("flash", report.flash_left)):
            if left is not None and left < 0:
                lacking.append(f"{-left} bytes of the board's {what}")
    return Costs(ram, flash, seconds, ", ".join(lacking))
