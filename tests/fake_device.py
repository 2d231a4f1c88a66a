"""A device that speaks docs/protocol.md, in Python around the core: small, and open to tests."""

from __future__ import annotations

import struct
import zlib
from collections import OrderedDict
from dataclasses import replace

import numpy as np

from edge_naca.core import RESULT, Core, CoreError
from edge_naca.host.framing import Decoder, encode_frame
from edge_naca.host.messages import (
    ANSWER,
    BATCH,
    CHANGING,
    GREETING,
    HEADER,
    SESSION,
    TAUGHT,
    Hello,
    Kind,
    Reason,
    Stats,
)
from edge_naca.host.packing import Packer
from edge_naca.image import checksum
from edge_naca.specification.results import Result

REMEMBERED = 16


class FakeDevice:
    """A device in Python.

    Attributes
    ----------
    learnings : positions that were learned, in order: none may come twice between two restarts.
    """

    def __init__(self, image: bytes = b"", max_payload: int = 1024, window: int = 2048) -> None:
        self.learnings: list[int] = []
        self.saved: bytes | None = None
        self.saved_session = (0, 0)
        self.session = self.session_start = 0
        self.saves = 0
        self.faulty_at: int | None = None  # a position at which the label is taken for another
        self._epoch = 1000
        self._limits = (max_payload, window)
        self._decoder = Decoder()
        self._upload = bytearray()
        self._upload_size = self._upload_crc = 0
        self._state = b""
        self._incoming = bytearray()
        self._start(image)

    def _start(self, image: bytes) -> None:
        self.image = image
        self._core = Core(image) if image else None
        if self._core is not None and self.saved is not None:
            self._core.load_state(self.saved)
            self.session, self.session_start = self.saved_session
        else:
            self.session = self.session_start = 0
        self._memory: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self._epoch += 1

    def reboot(self) -> None:
        """Lose power, and come back with what was saved."""
        self._start(self.image)
        self.learnings = self.learnings[: self.learned]

    @property
    def _running(self) -> Core:
        assert self._core is not None, "there is no image"
        return self._core

    @property
    def learned(self) -> int:
        return self._core.learned() if self._core else 0

    def receive(self, data: bytes) -> bytes:
        out = b""
        for payload in self._decoder.feed(data):
            kind, tag = payload[0], payload[2:4]
            status, body = self._answer(kind, payload[4:8], payload[HEADER:])
            head = bytes([kind + ANSWER, status]) + tag + self._epoch.to_bytes(4, "little")
            out += encode_frame(head + body)
        return out

    def greeting(self) -> bytes:
        head = bytes([Kind.HELLO + ANSWER, 0]) + GREETING.to_bytes(2, "little")
        return encode_frame(head + self._epoch.to_bytes(4, "little") + self.hello())

    def hello(self) -> bytes:
        core = self._core
        crc = checksum(self.image)
        network = core.network_id if core else 0
        numbers = (crc, network, self.learned, 100_000, 60_000)
        signed = core is not None and core.network.encoder.is_signed
        flags = (core is not None, True, True, signed, False, False, False, False, False)
        session = (self.session, self.session_start)
        return Hello(
            *self._limits, "0.1.0", *flags, *numbers, "fake", 64, REMEMBERED, *session
        ).pack()

    def _answer(self, kind: int, epoch: bytes, body: bytes) -> tuple[int, bytes]:
        if kind not in list(Kind) or kind == Kind.REWARD:
            return Reason.UNKNOWN, b""
        if Kind(kind) in CHANGING and int.from_bytes(epoch, "little") != self._epoch:
            return Reason.EPOCH, b""
        if self._core is None and kind in (Kind.INFER, Kind.LEARN, Kind.LEARN_BATCH, Kind.HASH):
            return Reason.NO_IMAGE, b""
        try:
            return getattr(self, f"_{Kind(kind).name.lower()}")(body)
        except CoreError as error:
            return Reason.CORE, {"NACA_ERR_LABEL": -11}.get(error.status, -1).to_bytes(
                4, "little", signed=True
            )

    def _hello(self, body: bytes) -> tuple[int, bytes]:
        return 0, self.hello()

    def _codes(self, sample: bytes) -> np.ndarray:
        return Packer(self._running).codes([sample])[0]

    def _infer(self, body: bytes) -> tuple[int, bytes]:
        return 0, _bytes(self._running.infer(self._codes(body[1:]), "codes"))

    def _learn_one(self, label: int, sample: bytes, item: int) -> bytes:
        position = self.learned
        if position == self.faulty_at:
            label = (label + 1) % self._running.network.capacity
        self.learnings.append(position)
        result = _bytes(self._running.learn(self._codes(sample), label, "codes"))
        self._memory[position] = (item, result)
        while len(self._memory) > REMEMBERED:
            self._memory.popitem(last=False)
        return result

    def _teach(
        self, session: int, position: int, kind: int, label: int, sample: bytes
    ) -> tuple[int, bytes]:
        """Learn an item, or say what became of it: section 2 of the protocol, row by row."""
        head = struct.pack("<IBH", session, kind, label)
        item = zlib.crc32(sample, zlib.crc32(head))
        known = self._memory.get(position)
        learned = self.learned.to_bytes(4, "little")
        if known is not None and known[0] == item:
            return 0, known[1]
        if session != self.session:
            return Reason.OTHER_SESSION, self.session.to_bytes(4, "little") + learned
        if position > self.learned:
            return Reason.GAP, learned
        if position == self.learned:
            return 0, self._learn_one(label, sample, item)
        if known is not None or position < self.session_start:
            return Reason.OTHER_ITEM, learned
        return Reason.FORGOTTEN, b""

    def _session(self, body: bytes) -> tuple[int, bytes]:
        session, learned = SESSION.unpack(body)
        if session == 0:
            return Reason.OTHER_SESSION, struct.pack("<II", self.session, self.learned)
        if session != self.session:
            if learned != self.learned:
                return Reason.GAP, self.learned.to_bytes(4, "little")
            self.session, self.session_start = session, learned
        return 0, self.hello()

    def _learn(self, body: bytes) -> tuple[int, bytes]:
        session, position, label, kind = struct.unpack_from("<IIHB", body)
        return self._teach(session, position, kind, label, body[11:])

    def _learn_batch(self, body: bytes) -> tuple[int, bytes]:
        session, position, count, kind = BATCH.unpack_from(body)
        rest = body[BATCH.size :]
        size = len(rest) // count
        known = []
        for number in range(count):
            item = rest[number * size : (number + 1) * size]
            label = int.from_bytes(item[:2], "little")
            status, result = self._teach(session, position + number, kind, label, item[2:])
            if status not in (0, Reason.FORGOTTEN):
                return status, result
            known += [result] if status == 0 else []
        return 0, TAUGHT.pack(self.learned, len(known)) + b"".join(known)

    def _hash(self, body: bytes) -> tuple[int, bytes]:
        return 0, b"".join(
            n.to_bytes(4, "little") for n in (self._running.state_hash(), self.learned)
        )

    def _names_read(self, body: bytes) -> tuple[int, bytes]:
        return 0, bytes(4)

    def _save(self, body: bytes) -> tuple[int, bytes]:
        self.saved = self._running.save_state()
        self.saved_session = (self.session, self.session_start)
        self.saves += 1
        return 0, self.saves.to_bytes(4, "little")

    def _stats(self, body: bytes) -> tuple[int, bytes]:
        counters = tuple(self._running.counters().values()) if self._core else (0, 0, 0, 0)
        presentations, spikes, synops, changes = counters
        stats = Stats(
            *(self._decoder.frames, self._decoder.damaged, 0, 0, 0),
            *(presentations, spikes, synops, changes),
            *(0, 0, 0, 0, 0),
        )
        return 0, stats.pack()

    def _reset(self, body: bytes) -> tuple[int, bytes]:
        saved = self.saved
        self.saved = saved if body[0] == 0 else None
        self.reboot()
        self.saved = saved if body[0] == 1 else self.saved
        return 0, self.hello()

    def _state_read(self, body: bytes) -> tuple[int, bytes]:
        offset, length = int.from_bytes(body[:4], "little"), int.from_bytes(body[4:6], "little")
        if offset == 0:
            self._state = self._running.save_state()
        return 0, len(self._state).to_bytes(4, "little") + self._state[offset : offset + length]

    def _image_read(self, body: bytes) -> tuple[int, bytes]:
        offset, length = int.from_bytes(body[:4], "little"), int.from_bytes(body[4:6], "little")
        return 0, len(self.image).to_bytes(4, "little") + self.image[offset : offset + length]

    def _state_write(self, body: bytes) -> tuple[int, bytes]:
        total, offset = (int.from_bytes(body[at : at + 4], "little") for at in (0, 4))
        if offset == 0:
            self._incoming.clear()
        if offset != len(self._incoming):
            return Reason.ORDER, len(self._incoming).to_bytes(4, "little")
        self._incoming += body[8:]
        if len(self._incoming) == total:
            self._running.load_state(bytes(self._incoming))
            self.session = self.session_start = 0
            self._epoch += 1
        return 0, len(self._incoming).to_bytes(4, "little")

    def _image_begin(self, body: bytes) -> tuple[int, bytes]:
        size, crc = (int.from_bytes(body[at : at + 4], "little") for at in (0, 4))
        if (size, crc) != (self._upload_size, self._upload_crc):
            self._upload.clear()
        self._upload_size, self._upload_crc = size, crc
        return 0, len(self._upload).to_bytes(4, "little")

    def _image_chunk(self, body: bytes) -> tuple[int, bytes]:
        if int.from_bytes(body[:4], "little") != len(self._upload):
            return Reason.ORDER, len(self._upload).to_bytes(4, "little")
        self._upload += body[4:]
        return 0, len(self._upload).to_bytes(4, "little")

    def _image_end(self, body: bytes) -> tuple[int, bytes]:
        image = bytes(self._upload)
        self.saved = None
        self._start(image)
        self.learnings.clear()
        return 0, self.hello()


class OtherProtocol(FakeDevice):
    """A device of the future."""

    def hello(self) -> bytes:
        return (4).to_bytes(2, "little") + super().hello()[2:] + b"more"


class SmallMemory(FakeDevice):
    """A device with less memory than images take."""

    def hello(self) -> bytes:
        return replace(Hello.unpack(super().hello()), flash_room=500, ram_room=300).pack()


def _bytes(result: Result) -> bytes:
    values = (result.prediction, result.margin, result.spikes, result.synops, result.changes)
    return np.array([values], RESULT).tobytes()


def state_hash(saved: bytes) -> int:
    """Return the hash of a saved state."""
    return zlib.crc32(saved[16:])
