"""The link's bytes, spelled out: requests as docs/protocol.md has them, and answers taken apart.

It shares no code with edge_naca.host, so that both ends are not wrong in the same way.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from cobs import cobs
from numpy.typing import NDArray

from edge_naca import image
from edge_naca._device import lib
from edge_naca.core import Core
from edge_naca.host.virtual import VirtualDevice
from edge_naca.image_records import SIGNAL_BLOCKS
from edge_naca.inhibition import Inhibition
from edge_naca.network import Network, Preparation
from edge_naca.presets import competitive
from edge_naca.signal_features import Signal

# Small enough for tens of thousands of samples, with all that a state can hold.
NETWORK: Network = competitive(16, 3, 4)
IMAGE = image.encode(NETWORK, None)
# The same with codes that have a sign, and an inhibition that is renewed at every second sample.
SIGNED: Network = competitive(16, 3, 4, inhibition=Inhibition(16, 4, first=2, every=2))
# One that takes samples of two channels, and cuts windows of them.
HEARING: Network = replace(
    competitive(Preparation((1, 16, 1), shift=6), 3, 4),
    signal=Signal(
        2, 50, 16, 8, ((*SIGNAL_BLOCKS[:6], "decimated"),) * 2, decimation=8, votes=3, quorum=2
    ),
)
OTHER_IMAGE = image.encode(competitive(16, 3, 5), None)

# Whose samples the functions below teach.
SESSION = 0x5E5510F1

# Little flash, so that saves come around often and cuts can be tried at every write.
SMALL: dict[str, Any] = {"state_room": 8192, "image_room": 8192, "ram": 1 << 14, "seed": 1}


def frame(payload: bytes) -> bytes:
    """Return a payload as it goes over the wire."""
    return cobs.encode(payload + struct.pack("<I", zlib.crc32(payload))) + b"\0"


def request(kind: int, body: bytes = b"", *, tag: int = 0, epoch: int = 0) -> bytes:
    return frame(struct.pack("<BBHI", kind, 0, tag, epoch) + body)


@dataclass(frozen=True)
class Answer:
    kind: int
    status: int
    tag: int
    epoch: int
    body: bytes

    def numbers(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{form}", self.body)


def payloads(data: bytes) -> list[bytes]:
    """Return the payloads of all frames, which have to be whole and undamaged."""
    assert not data or data.endswith(b"\0")
    decoded = [cobs.decode(piece) for piece in data.split(b"\0") if piece]
    assert all(zlib.crc32(piece) == 0x2144DF1C for piece in decoded)
    return [piece[:-4] for piece in decoded]


def _answer(payload: bytes) -> Answer:
    kind, status, tag, epoch = struct.unpack_from("<BBHI", payload)
    return Answer(kind, status, tag, epoch, payload[8:])


def answers(data: bytes) -> list[Answer]:
    return [_answer(payload) for payload in payloads(data)]


class Wire:
    """A virtual device and the epoch that it is in."""

    def __init__(self, image: bytes | None = IMAGE, **how: Any) -> None:
        self.device = VirtualDevice(image, **(SMALL | how))
        self.epoch = 0
        self.hello()
        self.claim()

    def hello(self) -> Answer:
        self.device.receive(b"")  # what it may have said unasked
        return self.ask(lib.NACA_LINK_HELLO, epoch=0)

    def ask(self, kind: int, body: bytes = b"", epoch: int | None = None) -> Answer:
        """Ask; the answer has to be the only one."""
        sent = request(kind, body, tag=77, epoch=self.epoch if epoch is None else epoch)
        (answer,) = answers(self.device.receive(sent))
        assert (answer.kind, answer.tag) == (kind | 0x80, 77)
        self.epoch = answer.epoch
        return answer

    def want(self, kind: int, body: bytes = b"") -> Answer:
        answer = self.ask(kind, body)
        assert answer.status == lib.NACA_LINK_OK, answer
        return answer

    def reboot(self) -> Answer:
        self.device.reboot()
        (answer,) = answers(self.device.receive(b""))
        assert (answer.kind, answer.tag) == (0x81, 0xFFFF)
        self.epoch = answer.epoch
        self.claim()
        return answer

    def claim(self, session: int = SESSION) -> None:
        """Make the device this session's, whatever it has learned, if an image runs."""
        learned = self.ask(lib.NACA_LINK_HASH)
        if learned.status == lib.NACA_LINK_OK:
            self.want(lib.NACA_LINK_SESSION, struct.pack("<II", session, learned.numbers("II")[1]))

    def learn(self, position: int, x: NDArray[np.uint8], label: int) -> Answer:
        return self.ask(lib.NACA_LINK_LEARN, learn_body(position, x, label))

    def hash(self) -> tuple[int, int]:
        """Return the state's hash, and the samples learned."""
        state, learned = self.want(lib.NACA_LINK_HASH).numbers("II")
        return state, learned


def learn_body(
    position: int, x: NDArray[np.uint8], label: int, kind: int | None = None, session: int = SESSION
) -> bytes:
    kind = lib.NACA_CODES if kind is None else kind
    return struct.pack("<IIHB", session, position % 2**32, label, kind) + x.tobytes()


def batch_body(
    position: int,
    xs: Collection[NDArray[np.uint8]],
    labels: Iterable[int],
    kind: int | None = None,
    session: int = SESSION,
) -> bytes:
    kind = lib.NACA_CODES if kind is None else kind
    head = struct.pack("<IIHB", session, position % 2**32, len(xs), kind)
    items = [struct.pack("<H", y) + x.tobytes() for x, y in zip(xs, labels, strict=True)]
    return head + b"".join(items)


def samples(count: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 16, (count, 16), dtype=np.uint8), rng.integers(0, 3, count)


def result_bytes(core: Core, x: NDArray[Any], label: int) -> bytes:
    """Learn in the core what a device is to learn; return the result as it is on the wire."""
    return core.learn_many(x[None], [label], "codes").tobytes()


def pack(codes: NDArray[np.uint8], bits: int) -> bytes:
    """Pack codes as section 4 says."""
    planes = (codes[:, None] >> np.arange(bits, dtype=np.uint8)) & 1
    return np.packbits(planes.reshape(-1), bitorder="little").tobytes()


def chunks(data: bytes, size: int) -> list[tuple[int, bytes]]:
    return [(at, data[at : at + size]) for at in range(0, len(data), size)]
