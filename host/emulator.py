"""A device without a board, for other programs: served on a pseudo terminal or a TCP port."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
import tty
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from edge_naca.host.chaos import BadLine, Chaos
from edge_naca.host.device import DeviceError

PIECE = 1 << 14
GLANCE = 0.1  # seconds after which `stop` is noticed


class Door(ABC):
    """Where an emulated device can be reached.

    Attributes
    ----------
    address : what a client has to open.
    """

    address: str

    @abstractmethod
    def wait(self, timeout: float) -> int | None:
        """Return the descriptor to read from once there is something to read, else None."""

    @abstractmethod
    def descriptor(self) -> int | None:
        """Return the descriptor of the client, None if there is none."""

    @abstractmethod
    def hang_up(self) -> None:
        """Cut the connection, where there is such a thing."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""


class PtyDoor(Door):
    """A pseudo terminal, which looks like a serial port."""

    def __init__(self) -> None:
        self._ours, self._theirs = os.openpty()
        # Bytes are bytes: no echo, no line endings, no control characters. Their end stays open
        # here too, so that clients may come and go as at a real port.
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.address = os.ttyname(self._theirs)

    def wait(self, timeout: float) -> int | None:
        readable, _, _ = select.select([self._ours], [], [], timeout)
        return self._ours if readable else None

    def descriptor(self) -> int | None:
        return self._ours

    def hang_up(self) -> None:
        return

    def close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)


class TcpDoor(Door):
    """A TCP port on this machine, for one client at a time.

    Parameters
    ----------
    port : to listen at; 0 for any that is free.
    """

    def __init__(self, port: int = 0) -> None:
        try:
            self._listener = socket.create_server(("127.0.0.1", port), backlog=1)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise DeviceError(
                f"cannot listen at port {port} ({why}): name another one, or 0 for any"
            ) from error
        self._client: socket.socket | None = None
        self.address = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def wait(self, timeout: float) -> int | None:
        if self._client is None:
            if not select.select([self._listener], [], [], timeout)[0]:
                return None
            self._client, _ = self._listener.accept()
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._client.setblocking(False)
        readable, _, _ = select.select([self._client], [], [], timeout)
        return self._client.fileno() if readable else None

    def descriptor(self) -> int | None:
        return None if self._client is None else self._client.fileno()

    def hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def close(self) -> None:
        self.hang_up()
        self._listener.close()


class Emulator:
    """Serves a device until it is told to stop.

    Parameters
    ----------
    receive : takes bytes, returns the answer's: `VirtualDevice.receive`.
    door : where clients come in.
    chaos : faults to put into the line.
    """

    def __init__(
        self, receive: Callable[[bytes], bytes], door: Door, chaos: Chaos | None = None
    ) -> None:
        self._receive = receive
        self._door = door
        self._line = None if chaos is None else BadLine(chaos)
        self._stopped = False

    def stop(self) -> None:
        """Make `serve` return soon; may be called from another thread or a signal handler."""
        self._stopped = True

    def serve(self) -> None:
        """Serve clients, one after another."""
        while not self._stopped:
            descriptor = self._door.wait(self._pause())
            data = b""
            try:
                if descriptor is not None:
                    data = os.read(descriptor, PIECE)
                    if not data:
                        self._door.hang_up()
                        continue
                answer = self._answer(data)
                client = self._door.descriptor()
                if answer and client is not None:
                    self._write(client, answer)
            except BlockingIOError:
                continue
            except OSError:  # the client went away in the middle
                self._door.hang_up()
                # A terminal that nobody has open reports that over and over.
                time.sleep(GLANCE)

    def _pause(self) -> float:
        if self._line is None:
            return GLANCE
        waits = (self._line.there.wait(), self._line.back.wait())
        return min([GLANCE, *(wait for wait in waits if wait is not None)])

    def _answer(self, data: bytes) -> bytes:
        """Return what goes back, now that these bytes have come."""
        line = self._line
        if line is None:
            return self._receive(data) if data else b""
        line.there.feed(data)
        if line.due():
            self._door.hang_up()
            return b""
        if not data:
            line.there.release()
            line.back.release()
        for piece in line.there.take():
            line.back.feed(self._receive(piece))
        return b"".join(line.back.take())

    def _write(self, descriptor: int, data: bytes) -> None:
        """Write it all, unless the client stops reading for good."""
        while data and not self._stopped:
            if select.select([], [descriptor], [], GLANCE)[1]:
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(descriptor, data) :]


@contextlib.contextmanager
def serving(
    receive: Callable[[bytes], bytes], door: Door, chaos: Chaos | None = None
) -> Iterator[str]:
    """Serve a device in a thread of its own, and yield the address where it is reached."""
    emulator = Emulator(receive, door, chaos)
    thread = threading.Thread(target=emulator.serve)
    thread.start()
    try:
        yield door.address
    finally:
        emulator.stop()
        thread.join()
        door.close()
