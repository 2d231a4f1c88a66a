"""Requests and answers: docs/protocol.md, sections 1, 3 and 4."""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import RESULT
from edge_naca.host.device import DeviceError

PROTOCOL = 1
ANSWER = 0x80  # added to a request's type
GREETING = 0xFFFF  # the tag of the HELLO that a device sends after boot

_HEADER = struct.Struct("<BBHI")
HEADER = _HEADER.size
_HELLO = struct.Struct("<HHI3BB5I16sHH")
_STATS = struct.Struct("<5I4Q3I")
LEARN = struct.Struct("<I")  # position; u16 label, u8 kind and sample follow
BATCH = struct.Struct("<IHB")  # position, count, kind; labels and samples follow
TAUGHT = struct.Struct("<IH")  # learned, answered; results follow
LABEL = struct.Struct("<H")


class Kind(IntEnum):
    """Types of request."""

    HELLO = 0x01
    INFER = 0x02
    LEARN = 0x03
    LEARN_BATCH = 0x04
    REWARD = 0x05
    STATE_READ = 0x06
    STATE_WRITE = 0x07
    HASH = 0x08
    SAVE = 0x09
    RESET = 0x0A
    STATS = 0x0B
    IMAGE_BEGIN = 0x0C
    IMAGE_CHUNK = 0x0D
    IMAGE_END = 0x0E
    IMAGE_READ = 0x0F


# What changes something on the device, and so has to name the right epoch.
CHANGING = frozenset(Kind) - {
    Kind.HELLO, Kind.INFER, Kind.STATE_READ, Kind.HASH, Kind.STATS, Kind.IMAGE_READ,
}  # fmt: skip


class Reason(IntEnum):
    """Why a request was refused."""

    OK = 0
    UNKNOWN = 1
    LENGTH = 2
    EPOCH = 3
    GAP = 4
    FORGOTTEN = 5
    NO_IMAGE = 6
    CORE = 7
    TOO_LARGE = 8
    ORDER = 9
    STORE = 10


class SampleKind(IntEnum):
    """How a sample is written."""

    RAW_U8 = 0
    RAW_I16 = 1
    RAW_I32 = 2
    CODES = 3
    EVENTS = 4
    PACKED = 5


class ProtocolError(DeviceError):
    """The device speaks, but not as this version understands it."""


def pack_request(kind: Kind, tag: int, epoch: int, body: bytes = b"") -> bytes:
    """Return the payload of a request."""
    return _HEADER.pack(kind, 0, tag, epoch) + body


@dataclass(frozen=True)
class Answer:
    """What a device answered."""

    kind: int
    status: int
    tag: int
    epoch: int
    body: bytes

    @classmethod
    def unpack(cls, payload: bytes) -> Answer | None:
        """Read a payload; None if it is no answer."""
        if len(payload) < HEADER:
            return None
        kind, status, tag, epoch = _HEADER.unpack_from(payload)
        if not kind & ANSWER:
            return None
        return cls(kind - ANSWER, status, tag, epoch, payload[HEADER:])

    @property
    def number(self) -> int:
        """The number that the body starts with, 0 if there is none."""
        return int.from_bytes(self.body[:4], "little")


@dataclass(frozen=True)
class Hello:
    """What a device says about itself.

    Parameters
    ----------
    max_payload : the longest payload that it takes.
    window : bytes that it can take before it has read any.
    running : whether there is an image, and it runs.
    store : whether it can keep what it learned without power.
    uploads : whether images can be brought to it over the line.
    image_crc, network_id : of its image, 0 for none.
    learned : samples learned, as part of the learned state.
    ram_room, flash_room : bytes there are for a workspace, and for an image.
    batch : samples in a LEARN_BATCH, at most.
    remembered : answers of LEARN that it can give again.
    """

    max_payload: int
    window: int
    firmware: str
    running: bool
    store: bool
    uploads: bool
    image_crc: int
    network_id: int
    learned: int
    ram_room: int
    flash_room: int
    board: str
    batch: int
    remembered: int

    @classmethod
    def unpack(cls, body: bytes) -> Hello:
        """Read the body of an answer to HELLO.

        Raises
        ------
        ProtocolError
            If the device speaks another version of the protocol.
        """
        protocol = int.from_bytes(body[:2], "little")
        if protocol != PROTOCOL:
            behind = "this edge-naca" if protocol > PROTOCOL else "the device's firmware"
            raise ProtocolError(
                f"the device speaks version {protocol} of the protocol, this edge-naca version "
                f"{PROTOCOL}: update {behind}"
            )
        if len(body) < _HELLO.size:  # longer ones are of later versions, which may add
            raise ProtocolError(
                f"the device's HELLO has {len(body)} bytes, not {_HELLO.size}: update its firmware"
            )
        values = _HELLO.unpack_from(body)
        flags, (crc, network, learned, ram, flash) = values[6], values[7:12]
        return cls(
            max_payload=values[1],
            window=values[2],
            firmware=".".join(map(str, values[3:6])),
            running=bool(flags & 1),
            store=bool(flags & 2),
            uploads=bool(flags & 4),
            image_crc=crc,
            network_id=network,
            learned=learned,
            ram_room=ram,
            flash_room=flash,
            board=values[12].rstrip(b"\0").decode("ascii", "replace"),
            batch=values[13],
            remembered=values[14],
        )

    def pack(self) -> bytes:
        """Write the body of an answer to HELLO."""
        return _HELLO.pack(
            PROTOCOL,
            self.max_payload,
            self.window,
            *map(int, self.firmware.split(".")),
            self.running + 2 * self.store + 4 * self.uploads,
            self.image_crc,
            self.network_id,
            self.learned,
            self.ram_room,
            self.flash_room,
            self.board.encode("ascii"),
            self.batch,
            self.remembered,
        )


@dataclass(frozen=True)
class Stats:
    """What a device counted since it booted; saves and wear, in the life of its memory."""

    frames: int
    damaged: int
    overruns: int
    too_long: int
    refused: int
    presentations: int
    spikes: int
    synops: int
    changes: int
    saves: int
    store_errors: int
    wear: int

    @classmethod
    def unpack(cls, body: bytes) -> Stats:
        """Read the body of an answer to STATS."""
        if len(body) < _STATS.size:
            raise ProtocolError(f"STATS has {len(body)} bytes, not {_STATS.size}")
        return cls(*_STATS.unpack_from(body))

    def pack(self) -> bytes:
        """Write the body of an answer to STATS."""
        return _STATS.pack(*(getattr(self, field.name) for field in fields(self)))


def read_result(body: bytes) -> NDArray[Any]:
    """Read the result of one sample; an array of `core.RESULT` with one entry."""
    if len(body) != RESULT.itemsize:
        raise ProtocolError(f"a result has {len(body)} bytes, not {RESULT.itemsize}")
    return np.frombuffer(body, RESULT).copy()


def read_results(body: bytes, count: int) -> NDArray[Any]:
    """Read the answer to LEARN_BATCH: results of the last samples of the batch."""
    answered = TAUGHT.unpack_from(body)[1] if len(body) >= TAUGHT.size else 0
    if len(body) != TAUGHT.size + answered * RESULT.itemsize or answered > count:
        raise ProtocolError(f"the answer to a batch of {count} has {len(body)} bytes")
    return np.frombuffer(body, RESULT, answered, TAUGHT.size).copy()
