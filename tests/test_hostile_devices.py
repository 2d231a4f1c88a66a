"""Whatever a device says, who talks to it ends in time, in one line, and keeps little."""

from __future__ import annotations

import contextlib
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from commands import call
from fake_device import FakeDevice
from serving import IMAGE, X, Y, connected
from support import program

from edge_naca.core import RESULT
from edge_naca.host.device import DeviceError
from edge_naca.host.framing import Decoder, encode_frame
from edge_naca.host.messages import ANSWER, HEADER, HELLO, Kind, Reason

WAIT = 1.0  # seconds, of --wait
MORE = 2.0  # seconds that an end may take beyond it
SLOW_MACHINE = 60.0  # seconds beyond that for the start of Python, where others use the processors
MEMORY = 64 << 20  # bytes at most
EDGE_NACA = [sys.executable, "-c", "from edge_naca.cli import main; main(prog_name='edge-naca')"]


Said = tuple[int, bytes] | bytes | None
Honest = Callable[[], tuple[int, bytes]]
Answering = Callable[["Hostile", int, bytes, Honest], Said]


class Hostile(FakeDevice):
    """A device that answers otherwise.

    Parameters
    ----------
    answer : takes the device, a request's type and body, and what gives an honest answer;
        returns status and body, bytes to be sent as they are, None for silence, or raises
        ConnectionError to hang up.
    flood : makes what it says all the time from the first LEARN on.
    """

    def __init__(self, answer: Answering, flood: Callable[[Hostile], bytes] | None = None) -> None:
        super().__init__(IMAGE)
        self.asked_to_learn = threading.Event()
        self._otherwise = answer
        self._flood = flood
        self._frames = Decoder()
        self.turn = False

    @property
    def flooding(self) -> bool:
        return self._flood is not None and self.asked_to_learn.is_set()

    def flood(self) -> bytes:
        assert self._flood is not None
        return self._flood(self)

    def receive(self, data: bytes) -> bytes:
        out = b""
        for payload in self._frames.feed(data):
            kind, tag, body = payload[0], payload[2:4], payload[HEADER:]
            if kind in LEARNS or kind == Kind.SESSION:
                self.asked_to_learn.set()
            honest = partial(self._answer, kind, payload[4:8], body)
            said = self._otherwise(self, kind, body, honest)
            if isinstance(said, bytes):
                out += said
            elif said is not None:
                out += self.frame(kind, said[0], tag, said[1])
        return out

    def frame(self, kind: int, status: int, tag: bytes, body: bytes) -> bytes:
        head = bytes([kind | ANSWER, status]) + tag + self._epoch.to_bytes(4, "little")
        return encode_frame(head + body)


LEARNS = (Kind.LEARN, Kind.LEARN_BATCH, Kind.INFER)


def on_learn(said: Callable[[Hostile, int, bytes], Said]) -> Answering:
    """Return a device that is honest but for samples."""

    def answer(device: Hostile, kind: int, body: bytes, honest: Honest) -> Said:
        return said(device, kind, body) if kind in LEARNS else honest()

    return answer


def on(kind: Kind, said: tuple[int, bytes]) -> Answering:
    """Return a device that answers one kind of request otherwise."""
    return lambda device, asked, body, honest: said if asked == kind else honest()


def hello_with(silent: bool = False, **fields: object) -> Answering:
    """Return a device whose HELLO says something else, and that may be silent on samples."""

    def answer(device: Hostile, kind: int, body: bytes, honest: Honest) -> Said:
        if silent and kind in LEARNS:
            return None
        status, said = honest()
        if kind in (Kind.HELLO, Kind.SESSION):
            said = HELLO.pack(HELLO.unpack(said) | fields)
        return status, said

    return answer


def u32(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def new_epoch_each_time(device: Hostile, kind: int, body: bytes) -> Said:
    device._epoch += 1
    return Reason.EPOCH, b""


def back_and_forth(device: Hostile, kind: int, body: bytes) -> Said:
    device.turn = not device.turn
    return Reason.GAP, u32(int(device.turn))


def hang_up(device: Hostile, kind: int, body: bytes) -> Said:
    raise ConnectionError


def hang_up_after_hello(device: Hostile, kind: int, body: bytes, honest: Honest) -> Said:
    if kind != Kind.HELLO and device.asked_to_learn.is_set():
        raise ConnectionError
    return honest()


def another_session(device: Hostile, kind: int, body: bytes, honest: Honest) -> Said:
    if kind in LEARNS:
        return Reason.OTHER_SESSION, u32(99, 0)
    return hello_with(session=99)(device, kind, body, honest)


def wrong_kinds(device: Hostile, kind: int, body: bytes, honest: Honest) -> Said:
    answer = honest()
    return answer if kind == Kind.HELLO else device.frame(kind % 16 + 1, 0, b"\0\0", answer[1])


def spam(device: Hostile) -> bytes:
    device._epoch += 1
    return device.greeting() * 20


def silent(*_: object) -> Said:
    return None


ESCAPES = b"\x1b[2J\x1b]0;owned\x07\x9b31m"

# Each with what its line says.
DEVICES: dict[str, tuple[Callable[[], Hostile], str]] = {
    "silent on LEARN": (lambda: Hostile(on_learn(silent)), "has stopped answering"),
    "GAP for ever": (
        lambda: Hostile(on_learn(lambda *_: (Reason.GAP, u32(0)))),
        "has learned or answered no sample for 1 s",
    ),
    "GAP back and forth": (
        lambda: Hostile(on_learn(back_and_forth)),
        "has learned or answered no sample for 1 s|restarts all the time",
    ),
    "GAP at 2^32 - 1": (
        lambda: Hostile(on_learn(lambda *_: (Reason.GAP, u32(0xFFFFFFFF)))),
        "restarts all the time",
    ),
    "EPOCH for ever": (
        lambda: Hostile(on_learn(lambda *_: (Reason.EPOCH, b""))),
        "restarts all the time|no sample for 1 s",
    ),
    "a new EPOCH each time": (
        lambda: Hostile(on_learn(new_epoch_each_time)),
        "restarts all the time|no sample for 1 s",
    ),
    "FORGOTTEN for ever": (
        lambda: Hostile(on_learn(lambda *_: (Reason.FORGOTTEN, b""))),
        "restarts all the time|no sample for 1 s",
    ),
    "closes on LEARN": (lambda: Hostile(on_learn(hang_up)), "has stopped answering|no sample"),
    "closes after HELLO": (
        lambda: Hostile(hang_up_after_hello),
        "has stopped answering|no sample|closed the connection",
    ),
    "greeting spam": (
        lambda: Hostile(on_learn(silent), flood=spam),
        "restarts all the time|has stopped answering",
    ),
    "a flood of zero bytes": (
        lambda: Hostile(on_learn(silent), flood=lambda device: bytes(1 << 16)),
        "has stopped answering",
    ),
    "a flood of short frames": (
        lambda: Hostile(on_learn(silent), flood=lambda device: b"\1\0" * (1 << 15)),
        "has stopped answering",
    ),
    "a frame that never ends": (
        lambda: Hostile(on_learn(silent), flood=lambda device: b"\x55" * (1 << 16)),
        "has stopped answering",
    ),
    "an image of 4 GiB": (
        lambda: Hostile(on(Kind.IMAGE_READ, (0, u32(0xFFFFFFFF) + bytes(1000)))),
        "wants to send 4294967295 bytes",
    ),
    "an image that never comes": (
        lambda: Hostile(on(Kind.IMAGE_READ, (0, u32(1000)))),
        "answers IMAGE_READ with 0 bytes",
    ),
    "an image that is none": (
        lambda: Hostile(on(Kind.IMAGE_READ, (0, u32(16) + ESCAPES[:16].ljust(16)))),
        "does not give back the image it runs",
    ),
    "remembered 0": (lambda: Hostile(hello_with(remembered=0)), "its remembered is 0"),
    "batch 0": (lambda: Hostile(hello_with(batch=0)), "its batch is 0"),
    "payloads of 0 bytes": (lambda: Hostile(hello_with(max_payload=0)), "its max_payload is 0"),
    "payloads of 11 bytes": (lambda: Hostile(hello_with(max_payload=11)), "its max_payload is 11"),
    "a window of 0": (lambda: Hostile(hello_with(window=0)), "its window is 0"),
    "a window of 4 GiB": (
        lambda: Hostile(hello_with(silent=True, window=0xFFFFFFFF)),
        "has stopped answering",
    ),
    "escapes in its name": (
        lambda: Hostile(hello_with(silent=True, board=ESCAPES[:16])),
        "has stopped answering",
    ),
    "escapes between frames": (
        lambda: Hostile(
            on_learn(lambda *_: ESCAPES + b"\0"), flood=lambda device: ESCAPES * 50 + b"\0"
        ),
        "has stopped answering",
    ),
    "another session": (lambda: Hostile(another_session), "another host has taught"),
    "OTHER_ITEM for ever": (
        lambda: Hostile(on_learn(lambda *_: (Reason.OTHER_ITEM, u32(0)))),
        "another host has taught",
    ),
    "an unknown reason": (
        lambda: Hostile(on_learn(lambda *_: (200, b""))),
        "refused LEARN for the unknown reason 200",
    ),
    "results of 1 byte": (lambda: Hostile(on_learn(lambda *_: (0, b"x"))), "a result has 1 bytes"),
    "answers of other kinds": (lambda: Hostile(wrong_kinds), "has stopped answering"),
    "a hash of another state": (
        lambda: Hostile(on(Kind.HASH, (0, u32(1, 77)))),
        "another host has taught|has learned 77",
    ),
    "a hash of no bytes": (
        lambda: Hostile(on(Kind.HASH, (0, b""))),
        "answers HASH with 0 bytes, not 8",
    ),
}


class Talking(Protocol):
    """What answers bytes, and may talk all the time."""

    @property
    def flooding(self) -> bool: ...

    def flood(self) -> bytes: ...

    def receive(self, data: bytes) -> bytes: ...


class Server:
    """Serves a device over TCP; hangs up where it raises ConnectionError."""

    def __init__(self, device: Talking) -> None:
        self._device = device
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.address = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *how: object) -> None:
        self._done.set()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._done.is_set():
            if select.select([self._listener], [], [], 0.05)[0]:
                client, _ = self._listener.accept()
                with client, contextlib.suppress(ConnectionError):
                    client.setblocking(False)
                    self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        pending = bytearray()
        while not self._done.is_set():
            if self._device.flooding and not pending:
                pending += self._device.flood()
            readable, writable, _ = select.select([client], [client] if pending else [], [], 0.02)
            if readable:
                data = client.recv(1 << 16)
                if not data:
                    return
                pending += self._device.receive(data)
            if writable:
                del pending[: client.send(pending)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "data.npz"
    x, y = X[:200].reshape(-1, 4, 4), Y[:200]
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    return path


@pytest.mark.parametrize("name", DEVICES)
def test_a_stream_ends(name: str, data: Path, record_property: Callable[..., None]) -> None:
    make, what = DEVICES[name]
    words = ["--data", str(data), "--order", "given", "--wait", str(WAIT), "--patience", "3"]
    tracemalloc.start()
    try:
        with Server(make()) as server:
            begin = time.monotonic()
            result = call("stream", "--port", server.address, *words)
            seconds = time.monotonic() - begin
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    record_property("seconds", seconds)
    record_property("bytes", peak)
    assert result.exit_code == 1, result.output
    [line] = [text for text in result.stderr.splitlines() if "right" not in text]
    assert re.search(what, line), line
    assert line.isprintable()
    assert seconds <= WAIT + MORE + SLOW_MACHINE
    assert peak <= MEMORY


@pytest.mark.parametrize("name", ["silent on LEARN", "greeting spam", "closes after HELLO"])
def test_ctrl_c_ends_a_stream(name: str, data: Path) -> None:
    """Without --wait it would wait for ever."""
    device = DEVICES[name][0]()
    words = ["--data", str(data), "--order", "given"]
    with Server(device) as server:
        command = [*EDGE_NACA, "stream", "--port", server.address, *words]
        with program(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert device.asked_to_learn.wait(60)
            begin = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
            assert time.monotonic() - begin < 2 + SLOW_MACHINE
            assert process.returncode in (1, 130)


def saves_nothing(device: Hostile, kind: int, body: bytes, honest: Honest) -> Said:
    """Have a store, and refuse to save."""
    if kind == Kind.SAVE:
        return Reason.STORE, b""
    status, said = honest()
    if kind == Kind.HELLO:
        said = HELLO.pack({**HELLO.unpack(said), "flags": ("running", "store", "uploads")})
    return status, said


def test_a_device_that_cannot_save_is_told_of(data: Path) -> None:
    with Server(Hostile(saves_nothing)) as server:
        result = call("stream", "--port", server.address, "--data", str(data), "--wait", "5")
    assert result.exit_code == 1, result.output
    assert "Not saved on the device" in result.stderr
    assert "200 of 200 samples" in result.stdout


@pytest.mark.parametrize(
    ("prediction", "why"), [(5, "answers class 5 where there are 5 classes"), (-2, "says class -2")]
)
def test_an_answer_that_is_no_class_is_refused(prediction: int, why: str) -> None:
    def another(device: Hostile, kind: int, body: bytes, honest: Honest) -> Said:
        status, said = honest()
        if kind in (Kind.LEARN, Kind.LEARN_BATCH, Kind.INFER) and status == Reason.OK:
            at = len(said) - RESULT.itemsize  # of the last sample
            last = np.frombuffer(said, RESULT, 1, at).copy()
            last["prediction"] = prediction
            said = said[:at] + last.tobytes()
        return status, said

    device = connected(Hostile(another).receive)
    with pytest.raises(DeviceError, match=why):
        device.learn_many(X[:4], Y[:4])
    device = connected(Hostile(another).receive)
    with pytest.raises(DeviceError, match=why):
        device.infer_many(X[:4])
