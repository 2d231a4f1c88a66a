"""What a device's address says: where it is, and how to reach it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from edge_naca.core import Core, CoreError
from edge_naca.files import read_file
from edge_naca.host.boards import EmulatedBoard
from edge_naca.host.chaos import BadLine, Chaos
from edge_naca.host.client import LinkDevice
from edge_naca.host.device import Device
from edge_naca.host.inprocess import InProcessDevice
from edge_naca.host.transport import BAUD, FIRST_PATIENCE, LoopTransport, Transport, open_line
from edge_naca.host.virtual import VirtualDevice
from edge_naca.image import ImageError

D = TypeVar("D")
_PORT = re.compile(r"/.+|COM\d+|[a-z0-9]+://.+")


def open_device(address: str) -> Device:
    """Open the device at an address.

    Parameters
    ----------
    address : ``/dev/ttyACM0`` (or another serial port), ``socket://HOST:PORT``,
        ``rfc2217://HOST:PORT`` (a serial port of another machine), ``emulate:FILE`` (an image run
        by the firmware's own link in this process), ``inprocess:FILE`` (the core alone, without a
        link), ``qemu:BOARD`` (the firmware of a board in QEMU).

    Raises
    ------
    ValueError
        If there is no such kind of device.
    DeviceError
        If nothing answers there, or the port cannot be used; the message says what to do.
    OSError, ImageError
        If an image file cannot be read, or is no image.
    """
    kind, _, rest = address.partition(":")
    if kind == "inprocess" and rest:
        return _checked(rest, InProcessDevice)
    return open_link(address)


def open_link(
    address: str,
    *,
    baud: int = BAUD,
    chaos: Chaos | None = None,
    image: bytes | None = None,
    reset: bool = True,
    patience: float = 15.0,
    first_patience: float = FIRST_PATIENCE,
) -> LinkDevice:
    """Open a device that is reached over a line.

    Parameters
    ----------
    address : as for `open_device`, without ``inprocess:``.
    baud : of a serial port.
    chaos : faults to put into the line.
    image : the device's image, if it is known here.
    reset : whether opening a serial port may raise DTR and RTS, at which many boards start anew.
    patience, first_patience : seconds to wait for a device that is gone, and for its first answer.
    """
    connect, close = _line(address, baud, reset)
    if chaos is not None:
        connect = BadLine(chaos).over(connect)
    return LinkDevice(connect, address, image, patience, first_patience, close)


def _nothing() -> None:
    """Nothing to let go of: the device is not ours."""


def _line(
    address: str, baud: int, reset: bool
) -> tuple[Callable[[], Transport], Callable[[], None]]:
    """Return what opens the line, and what lets go of the device behind it."""
    kind, _, rest = address.partition(":")
    if kind == "emulate" and rest:
        # One device for all connections: it is not its line.
        device = _checked(rest, VirtualDevice)
        return (lambda: LoopTransport(device.receive)), device.close
    if kind == "qemu" and rest:
        board = EmulatedBoard(rest)
        return (lambda: open_line(board.url, baud)), board.close
    if not _PORT.fullmatch(address):
        raise ValueError(
            f"{address!r} is no device: write inprocess:FILE or emulate:FILE, FILE being an image, "
            "a serial port like /dev/ttyACM0, socket://HOST:PORT, or qemu:BOARD"
        )
    return (lambda: open_line(address, baud, reset)), _nothing


def _checked(file: str, make: Callable[[bytes], D]) -> D:
    """Make a device of an image file; what is wrong with the file names it."""
    data = read_file(file)
    try:
        Core(data)
        return make(data)
    except (ImageError, CoreError) as error:
        raise ImageError(f"{file}: {error}") from error
