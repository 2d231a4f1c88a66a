"""What the commands that talk to devices share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from edge_naca.cli import report
from edge_naca.host.chaos import HELP, Chaos
from edge_naca.host.transport import BAUD

if TYPE_CHECKING:
    from edge_naca.host.client import LinkDevice

Function = TypeVar("Function", bound=Callable[..., Any])

PORT_HELP = "A serial port, socket:// or rfc2217://HOST:PORT, emulate:IMAGE or qemu:BOARD."

port_argument = click.argument("port", metavar="PORT")
baud_option = click.option(
    "--baud", type=click.IntRange(1), default=BAUD, show_default=True, help="Of a serial port."
)


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
def opened(port: str, baud: int, chaos: Chaos | None = None, **how: Any) -> Iterator[LinkDevice]:
    """Open a device, and close it whatever happens."""
    from edge_naca.host.addresses import open_link

    if port.startswith("inprocess:"):
        raise click.UsageError("a device in this process has no port: write emulate:IMAGE")
    try:
        device = open_link(port, baud=baud, chaos=chaos, **how)
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
