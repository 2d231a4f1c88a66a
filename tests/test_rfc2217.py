"""A port of another machine, ``rfc2217://``: pyserial's own server between it and a device."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import serial
from serial.rfc2217 import PortManager
from serving import IMAGE, X, Y, served, taught

from edge_naca.host.addresses import open_link
from edge_naca.host.device import DeviceError
from edge_naca.host.virtual import VirtualDevice


class Terminal(serial.Serial):
    """A pseudo terminal: a port without modem lines."""

    cts = dsr = ri = cd = False

    def _update_rts_state(self) -> None:
        """There is no such line."""

    def _update_dtr_state(self) -> None:
        """There is no such line."""


class Server:
    """Shares a port over the network, with one client at a time."""

    def __init__(self, port: str) -> None:
        self.baud = 0
        self._port = Terminal(port, timeout=0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self._ended = False
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"
        # Its stubs ask for ports of class rfc2217.Serial; it takes anything that can write.
        self._manager: Callable[[Any, Any], PortManager] = cast(Any, PortManager)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Send to the client: how PortManager answers."""
        if self._client is not None:
            self._client.sendall(data)

    def hang_up(self) -> None:
        if self._client is not None:
            self._client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        self._listener.close()
        self._port.close()

    def _serve(self) -> None:
        while not self._ended:
            if select.select([self._listener], [], [], 0.05)[0]:
                self._client, _ = self._listener.accept()
                with contextlib.suppress(OSError):
                    self._pass(self._client, self._manager(self._port, self))
                self._client.close()

    def _pass(self, client: socket.socket, manager: Any) -> None:
        while not self._ended:
            lines: list[Any] = [client, self._port]
            readable, _, _ = select.select(lines, [], [], 0.05)
            if client in readable:
                data = client.recv(4096)
                if not data:
                    return
                self._port.write(b"".join(manager.filter(data)))
                self.baud = self._port.baudrate
            if self._port in readable:
                client.sendall(b"".join(manager.escape(self._port.read(4096))))


@pytest.fixture
def server() -> Iterator[Server]:
    with served(VirtualDevice(IMAGE).receive, "pty") as port:
        server = Server(port)
        try:
            yield server
        finally:
            server.close()


def test_device_at_another_machine(server: Server) -> None:
    with open_link(server.url, baud=57600, first_patience=60) as device:
        assert server.baud == 57600
        device.learn_many(X[:300], Y[:300], batch=1)
        device.learn_many(X[300:600], Y[300:600])
        assert device.hash() == taught(600).state_hash()
        # A busy machine may ask again; the line itself loses and damages nothing.
        assert (device.counts.damaged, device.counts.reconnects) == (0, 0)


def test_line_to_another_machine_is_cut(server: Server) -> None:
    with open_link(server.url, first_patience=60) as device:
        for turn in range(3):
            device.learn_many(X[100 * turn :][:100], Y[100 * turn :][:100])
            server.hang_up()
        assert device.hash() == taught(300).state_hash()
        assert device.counts.reconnects >= 2
        assert device.stats().presentations == 300


def test_other_machine_that_is_not_there() -> None:
    with pytest.raises(DeviceError, match=r"rfc2217://127.0.0.1:1 cannot be opened: .* refused"):
        open_link("rfc2217://127.0.0.1:1")
