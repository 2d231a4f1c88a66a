"""``edge-naca emulate``."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_naca.cli import common, completion, ports, report
from edge_naca.cli.endings import interruptible
from edge_naca.files import read_file

if TYPE_CHECKING:
    from edge_naca.host.chaos import Chaos


@click.command()
@click.argument(
    "image", metavar="[IMAGE]", required=False, type=click.Path(dir_okay=False, path_type=Path)
)
@click.option("--pty", "on_pty", is_flag=True, help="Be there as a serial port.  [the default]")
@click.option(
    "--tcp", "tcp_port", type=click.IntRange(0, 65535), metavar="PORT",
    help="Be there at a TCP port of this machine; 0 takes any that is free.",
)  # fmt: skip
@click.option(
    "--flash", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Keep images and saved states in this file, as a device does without power; with "
    "--board, saved states.",
)  # fmt: skip
@click.option(
    "--board", metavar="NAME", shell_complete=completion.emulated_boards,
    help="Run the real firmware of this board in an emulator instead.",
)  # fmt: skip
@click.option("--sensor", is_flag=True, help="With --board: with a simulated sensor of its own.")
@ports.chaos_option
@common.json_option
def emulate(
    image: Path | None,
    on_pty: bool,
    tcp_port: int | None,
    flash: Path | None,
    board: str | None,
    sensor: bool,
    chaos: Chaos | None,
    as_json: bool,
) -> None:
    """Be a device with IMAGE, on a pseudo terminal or a TCP port, until interrupted.

    It is the firmware's own link, store and core, compiled for this machine, so everything can be
    tried here before there is a board. Without IMAGE it waits for one to be pushed.

    \b
    Examples
      edge-naca emulate digits.naca
      edge-naca emulate digits.naca --tcp 5555 --flash device.bin
      edge-naca emulate digits.naca --chaos lose=1%,damage=1%,cut=5000
      edge-naca emulate digits.naca --board netduinoplus2 --flash board.bin
    """
    from edge_naca.export import load_image
    from edge_naca.host.emulator import Emulator, PtyDoor, TcpDoor
    from edge_naca.host.virtual import VirtualDevice

    if on_pty and tcp_port is not None:
        raise click.UsageError("give either --pty or --tcp, not both")
    if image is not None:
        load_image(image)
    if board is not None:
        if on_pty or tcp_port is not None or chaos is not None:
            raise click.UsageError(
                "--board brings its own port: leave out --pty, --tcp and --chaos"
            )
        _run_board(board, image, flash, sensor, as_json)
        return
    if sensor:
        raise click.UsageError("--sensor goes with --board")
    device = VirtualDevice(None if image is None else read_file(image), flash_file=flash)
    door = PtyDoor() if tcp_port is None else TcpDoor(tcp_port)
    emulator = Emulator(device.receive, door, chaos)
    try:
        with interruptible(emulator.stop):
            _announce(door.address, as_json)
            emulator.serve()
    finally:
        door.close()
        device.close()


def _announce(address: str, as_json: bool) -> None:
    """Say where the device is, at once, also through a pipe."""
    if as_json:
        report.print_json({"port": address})
    else:
        report.say(f"A device is at {address}; Ctrl-C switches it off.")


def _run_board(
    name: str, image: Path | None, flash: Path | None, sensor: bool, as_json: bool
) -> None:
    from edge_naca.host.boards import EmulatedBoard

    ended = threading.Event()
    with (
        EmulatedBoard(name, image=image, flash=flash, sensor=sensor) as board,
        interruptible(ended.set),
    ):
        _announce(board.url, as_json)
        while board.is_running and not ended.wait(0.2):
            pass
        if not ended.is_set():
            raise click.ClickException(f"the emulator of {name} ended: {board.log()}")
