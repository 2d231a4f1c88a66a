"""What the commands that talk to devices share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from edge_naca.cli import report
from edge_naca.cli.numbers import NumberRange
from edge_naca.host.chaos import HELP, Chaos
from edge_naca.host.transport import BAUD, FIRST_PATIENCE

if TYPE_CHECKING:
    from edge_naca.host.client import LinkDevice

Function = TypeVar("Function", bound=Callable[..., Any])

PORT_HELP = "A serial port, socket:// or rfc2217://HOST:PORT, emulate:IMAGE or qemu:BOARD."

port_argument = click.argument("port", metavar="PORT")


def line_options(command: Function) -> Function:
    """Add the options that say how a port is opened.

    The command gets them as `line`, arguments of `open_link`.
    """

    @click.option(
        "--baud", type=click.IntRange(1), default=BAUD, show_default=True, help="Of a serial port."
    )
    @click.option(
        "--patience", type=NumberRange(0, min_open=True), default=FIRST_PATIENCE,
        show_default=True, metavar="SECONDS",
        help="How long to wait for the first answer: some boards start slowly.",
    )  # fmt: skip
    @click.option(
        "--no-reset", is_flag=True,
        help="Keep a serial port's DTR and RTS low: many boards start anew when one is raised.",
    )  # fmt: skip
    @wraps(command)
    def with_line(*args: Any, baud: int, patience: float, no_reset: bool, **rest: Any) -> Any:
        line = {"baud": baud, "first_patience": patience, "reset": not no_reset}
        return command(*args, line=line, **rest)

    return cast(Function, with_line)


def _parse_chaos(ctx: click.Context, param: click.Parameter, value: str | None) -> Chaos | None:
    try:
        return None if value is None else Chaos.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


chaos_option = click.option(
    "--chaos",
    metavar="SPEC",
    callback=_parse_chaos,
    help=f"Make the line worse: {HELP}. Such as lose=1%,seed=7.",
)


@contextmanager
def opened(
    port: str, line: dict[str, Any], chaos: Chaos | None = None, **how: Any
) -> Iterator[LinkDevice]:
    """Open a device, and close it whatever happens."""
    from edge_naca.host.addresses import open_link

    if port.startswith("inprocess:"):
        raise click.UsageError("a device in this process has no port: write emulate:IMAGE")
    try:
        device = open_link(port, chaos=chaos, **line, **how)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with device:
        yield device


@contextmanager
def transfer_bar(title: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show bytes that move, on stderr, where somebody is watching."""
    text = TextColumn("{task.description}")
    columns = (text, BarColumn(), DownloadColumn(), TransferSpeedColumn())
    disable = quiet or not report.err.is_terminal
    with Progress(*columns, console=report.err, transient=True, disable=disable) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
