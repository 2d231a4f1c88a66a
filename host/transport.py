"""Byte streams to a device: serial ports, TCP, pseudo terminals, and a device in this process."""

from __future__ import annotations

import errno
import grp
import os
import select
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import serial

from edge_naca.host.device import DeviceError

BAUD = 115200
FIRST_PATIENCE = 5.0  # seconds for the first answer: boards may start anew when a port is opened
PIECE = 1 << 16
CONNECTING = 3.0  # seconds for a TCP connection to come about
STALL = 1.5  # seconds in which the other end takes nothing of what is written: it never will
EARLY = 1 << 20  # bytes that are kept while writing: who floods the line is not listened to
REMOTE_WAIT = 0.02  # seconds that pyserial waits for a byte, where it has to be asked


class LinkLostError(DeviceError):
    """The line is gone: a cable was pulled, or whoever held the other end went away."""


class Transport(ABC):
    """A byte stream, opened when it is made."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send all of `data`; raises LinkLostError."""

    @abstractmethod
    def read(self, timeout: float) -> bytes:
        """Return what has come, b"" when nothing comes in `timeout` seconds.

        Raises LinkLostError.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of it; again does nothing."""


class FileTransport(Transport):
    """A stream behind a file descriptor that does not block."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name
        self._early = bytearray()

    def write(self, data: bytes) -> None:
        # Read while the other end does not: it may itself be waiting to be read from.
        end = time.monotonic() + STALL
        while data:
            readable, writable = self._wait([self._descriptor], STALL)
            if readable:
                self._early += self._take()
                del self._early[:-EARLY]
            if writable:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise self._lost(error) from error
                end = time.monotonic() + STALL
            elif time.monotonic() > end:
                raise LinkLostError(f"{self._name}: the other end does not take what is sent")

    def read(self, timeout: float) -> bytes:
        if not self._early:
            readable, _ = self._wait([], timeout)
            return self._take() if readable else b""
        data = bytes(self._early)
        self._early.clear()
        return data

    def _wait(self, writers: list[int], timeout: float | None) -> tuple[list[int], list[int]]:
        try:
            readable, writable, _ = select.select([self._descriptor], writers, [], timeout)
        except (OSError, ValueError) as error:
            raise self._lost(error) from error
        return readable, writable

    def _take(self) -> bytes:
        try:
            data = os.read(self._descriptor, PIECE)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(error) from error
        if not data:
            raise LinkLostError(f"{self._name}: the other end has closed the connection")
        return data

    def _lost(self, error: Exception) -> LinkLostError:
        return LinkLostError(f"{self._name}: the connection is lost ({error})")


class SocketTransport(FileTransport):
    """A TCP connection, ``socket://HOST:PORT``: how emulators and serial servers are reached.

    Not through pyserial, which sleeps whenever it closes one.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            if parts.hostname is None or parts.port is None:
                raise ValueError("write socket://HOST:PORT")
            self._socket = socket.create_connection((parts.hostname, parts.port), CONNECTING)
        except (OSError, ValueError) as error:
            raise DeviceError(_explain(url, error)) from error
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(self._socket.fileno(), url)

    def close(self) -> None:
        self._socket.close()


class SerialTransport(FileTransport):
    """A serial port of this machine."""

    def __init__(self, port: serial.SerialBase, name: str) -> None:
        self._serial = port
        super().__init__(port.fileno(), name)

    def close(self) -> None:
        self._serial.close()


class RemoteTransport(Transport):
    """What pyserial reaches without a descriptor to wait for, such as ``rfc2217://HOST:PORT``."""

    def __init__(self, port: serial.SerialBase, name: str) -> None:
        self._serial: Any = port  # whose kinds share no class that knows `in_waiting`
        self._name = name

    def write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except (OSError, ValueError) as error:
            raise self._lost(error) from error

    def read(self, timeout: float) -> bytes:
        end = time.monotonic() + timeout
        try:
            # One byte is waited for, REMOTE_WAIT each time; what came with it is there.
            while not (data := self._serial.read(1)) and time.monotonic() < end:
                continue
            return data + self._serial.read(self._serial.in_waiting if data else 0)
        except (OSError, ValueError) as error:
            raise self._lost(error) from error

    def close(self) -> None:
        self._serial.close()

    def _lost(self, error: Exception) -> LinkLostError:
        return LinkLostError(f"{self._name}: the connection is lost ({error})")


def open_serial(url: str, baud: int, reset: bool = True) -> Transport:
    """Open a port for ourselves alone, or what else pyserial has a kind of address for.

    Parameters
    ----------
    reset : whether DTR and RTS are raised; many boards start anew when one is. Some systems raise
        them for a moment whatever a program wants.

    Raises
    ------
    DeviceError
        If that cannot be; the message says why and what to do.
    """
    try:
        port = serial.serial_for_url(url, do_not_open=True, baudrate=baud, timeout=REMOTE_WAIT)
        if not reset:
            port.dtr = port.rts = False
        if "://" not in url:
            port.exclusive = True
        port.open()
    except (OSError, ValueError) as error:  # SerialException is an OSError
        raise DeviceError(_explain(url, error)) from error
    has_descriptor = isinstance(port, serial.Serial)
    return SerialTransport(port, url) if has_descriptor else RemoteTransport(port, url)


def _explain(url: str, error: Exception) -> str:
    """Say why a port cannot be opened, and what to do about it."""
    code = error.errno if isinstance(error, OSError) else None
    if "://" in url:
        if code == errno.ECONNREFUSED:
            return (
                f"nobody listens at {url}: start an emulated device with "
                "'edge-naca emulate IMAGE --tcp PORT', or check host and port"
            )
        return f"{url} cannot be opened: {error}"
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return f"there is no port {url}: 'edge-naca devices' lists what is there"
    if code in (errno.EACCES, errno.EPERM):
        group = _owner(url)
        way = (
            "a udev rule can give it to another, sudo gets there now"
            if group == "root"
            else f"'sudo usermod -aG {group} $USER' and a new login let you in"
        )
        return f"no permission to open {url}: it belongs to group {group}; {way}"
    if code in (errno.EAGAIN, errno.EBUSY):
        return f"{url} is busy: another program has it open ('fuser {url}' tells which)"
    if code in (errno.ENOTTY, errno.EINVAL, errno.EISDIR) or "configure port" in str(error):
        return f"{url} is no serial port: 'edge-naca devices' lists those there are"
    return f"{url} cannot be opened: {error}"


def _owner(path: str) -> str:
    try:
        return grp.getgrgid(Path(path).stat().st_gid).gr_name
    except (OSError, KeyError):
        return "dialout"


def open_line(url: str, baud: int = BAUD, reset: bool = True) -> Transport:
    """Open a serial port or a TCP connection; parameters are those of `open_serial`.

    Raises
    ------
    DeviceError
        If that cannot be; the message says why and what to do.
    """
    return SocketTransport(url) if url.startswith("socket://") else open_serial(url, baud, reset)


class LoopTransport(Transport):
    """A device in this process: what is written is answered at once.

    Parameters
    ----------
    receive : takes bytes, returns the answer's: `VirtualDevice.receive`.
    """

    def __init__(self, receive: Callable[[bytes], bytes]) -> None:
        self._receive = receive
        self._answers = bytearray()
        self._closed = False

    def write(self, data: bytes) -> None:
        if self._closed:
            raise LinkLostError("the device in this process was closed")
        self._answers += self._receive(data)

    def read(self, timeout: float) -> bytes:
        if self._closed:
            raise LinkLostError("the device in this process was closed")
        if not self._answers:
            time.sleep(min(timeout, 0.001))
        data = bytes(self._answers)
        self._answers.clear()
        return data

    def close(self) -> None:
        self._closed = True
