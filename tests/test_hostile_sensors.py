"""Devices that answer SIGNAL, SENSOR and SENSOR_READ with anything: a command ends, in one line."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import call
from test_hostile_devices import SLOW_MACHINE, Server
from test_signal_link import CHANNELS, sensing, swings

from edge_naca.host.framing import Decoder, encode_frame
from edge_naca.host.messages import ANSWER, GREETING, HEADER, Kind, Reason

WAIT, MORE = 1.0, 4.0  # seconds: of --wait, and that an end may take beyond
PATIENCE = 15.0  # seconds that `record` waits for a device that was there

Said = tuple[int, bytes] | bytes | None
Lie = Callable[["Liar", int, bytes], Said]


class Liar:
    """A device that is honest but for answers of some kinds.

    Parameters
    ----------
    kinds : of requests that are answered otherwise.
    lie : takes this, an honest answer's status and body, and returns what is said instead: status
        and body, bytes as they are, or None for silence.
    """

    flooding = False

    def __init__(self, kinds: tuple[Kind, ...], lie: Lie) -> None:
        self.device = sensing()
        self.asked = 0
        self._kinds, self._lie = kinds, lie
        self._frames = Decoder()

    def flood(self) -> bytes:
        return b""

    def receive(self, data: bytes) -> bytes:
        self.device.sense(swings(9, self.asked))
        out = b""
        for payload in self._frames.feed(self.device.receive(data)):
            kind, body = payload[0] & ~ANSWER, payload[HEADER:]
            said: Said = payload[1], body
            if kind in self._kinds and payload[2:4] != GREETING.to_bytes(2, "little"):
                self.asked += 1
                said = self._lie(self, payload[1], body)
            if isinstance(said, bytes):
                out += said
            elif said is not None:
                out += encode_frame(payload[:1] + bytes([said[0]]) + payload[2:HEADER] + said[1])
        return out


def saying(status: int, body: bytes = b"") -> Lie:
    return lambda liar, honest_status, honest_body: (status, body)


def random_bytes(liar: Liar, status: int, body: bytes) -> Said:
    return 0, np.random.default_rng(liar.asked).bytes(len(body))


def flipped(liar: Liar, status: int, body: bytes) -> Said:
    """Tell the truth at first, then with a few bytes changed."""
    if liar.asked < 4 or not body:
        return status, body
    rng, bent = np.random.default_rng(liar.asked), bytearray(body)
    for at in rng.integers(0, min(len(body), 23), 3):
        bent[at] ^= int(rng.integers(1, 256))
    return status, bytes(bent)


def restarting(liar: Liar, status: int, body: bytes) -> Said:
    liar.device.reboot()
    return Reason.EPOCH, b""


def silent(liar: Liar, status: int, body: bytes) -> Said:
    return None


def twice(liar: Liar, status: int, body: bytes) -> Said:
    return status, body + body


def other_channels(liar: Liar, status: int, body: bytes) -> Said:
    """Have another sensor from the fourth answer on."""
    if liar.asked < 4:
        return status, body
    rate, _, taken, first = struct.unpack_from("<IBII", body)
    return 0, struct.pack("<IBII", rate, 3, taken, first) + bytes(6 * ((len(body) - 13) // 6))


LIES: dict[str, Lie] = {
    "nothing": saying(0),
    "one byte": saying(0, b"x"),
    "zeros": saying(0, bytes(40)),
    "ones": saying(0, b"\xff" * 40),
    "random": random_bytes,
    "flipped": flipped,
    "twice": twice,
    "EPOCH": saying(Reason.EPOCH),
    "ORDER": saying(Reason.ORDER, bytes(4)),
    "GAP": saying(Reason.GAP, bytes(4)),
    "OTHER_SESSION": saying(Reason.OTHER_SESSION, bytes(8)),
    "CORE": saying(Reason.CORE, b"\xff" * 4),
    "unknown": saying(200),
    "restarts": restarting,
    "silence": silent,
    "other channels": other_channels,
    "a frame that never ends": lambda liar, status, body: b"\x55" * 5000,
}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "a.csv"
    rows = [f"{at / 50},{x},{y}" for at, (x, y) in enumerate(swings(600, 1).tolist())]
    path.write_text("\n".join(["time,x,y", *rows]))
    return path


@pytest.mark.parametrize("name", [name for name in LIES if name != "other channels"])
def test_a_stream_of_samples_ends(name: str, recording: Path) -> None:
    ends((Kind.SIGNAL,), name, "stream", "--signal", recording, "--wait", WAIT)


@pytest.mark.parametrize("name", LIES)
def test_a_recording_ends(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    ends((Kind.SENSOR_READ,), name, "record", "-o", out, "--seconds", "2")
    if out.exists():  # whole rows, whatever came between
        assert {line.count(",") for line in out.read_text().splitlines()} == {CHANNELS + 1}


@pytest.mark.parametrize("name", [name for name in LIES if name != "other channels"])
def test_hearing_a_sensor_ends(name: str) -> None:
    ends((Kind.SENSOR,), name, "stream", "--sensor", "--limit", 9, "--wait", WAIT)


def test_a_sensor_that_changes_is_told(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert "has changed: 3 channels at 50" in ends(
        (Kind.SENSOR_READ,), "other channels", "record", "-o", out, "--seconds", "2"
    )


def ends(kinds: tuple[Kind, ...], name: str, *words: object) -> str:
    """Run a command, and return what it says, once that is found to be as it should."""
    with Server(Liar(kinds, LIES[name])) as server:
        begin = time.monotonic()
        port = [server.address] if words[0] == "record" else ["--port", server.address]
        result = call(words[0], *port, *words[1:], "--patience", 1)
        seconds = time.monotonic() - begin
    assert result.exit_code in (0, 1), result.output
    lines = [line for line in result.output.splitlines() if line.startswith("Error")]
    assert len(lines) == result.exit_code, result.output
    assert "Traceback" not in result.output
    assert seconds <= PATIENCE + MORE + SLOW_MACHINE
    return result.output
