"""Requests and answers: docs/protocol.md, sections 1, 3 and 4."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import RESULT
from edge_naca.host.device import DeviceError
from edge_naca.limits import MAX_CLASSES
from edge_naca.records import Field, Record

PROTOCOL = 3
LEAST_PAYLOAD = 64  # that a device takes: HELLO and all requests but samples fit
ANSWER = 0x80  # added to a request's type
GREETING = 0xFFFF  # the tag of the HELLO that a device sends after boot

PAYLOAD_HEADER = Record(
    Field("type", "u8"),
    Field("status", "u8"),
    Field("tag", "u16"),
    Field("epoch", "u32"),
)
HEADER = PAYLOAD_HEADER.size
HELLO = Record(
    Field("protocol", "u16"),
    Field("max_payload", "u16"),
    Field("window", "u32"),
    Field("firmware", "u8[3]"),
    Field(
        "flags",
        "u16",
        flags=(
            "running",
            "store",
            "uploads",
            "signed",
            "signals",
            "sensor",
            "undo",
            "locked",
            "other_saves",
        ),
    ),
    Field("image_crc", "u32"),
    Field("network_id", "u32"),
    Field("learned", "u32"),
    Field("ram_room", "u32"),
    Field("flash_room", "u32"),
    Field("board", "char[16]"),
    Field("batch", "u16"),
    Field("remembered", "u16"),
    Field("session", "u32"),
    Field("session_start", "u32"),
)
STATS = Record(
    Field("frames", "u32"),
    Field("damaged", "u32"),
    Field("overruns", "u32"),
    Field("too_long", "u32"),
    Field("refused", "u32"),
    Field("presentations", "u64"),
    Field("spikes", "u64"),
    Field("synops", "u64"),
    Field("changes", "u64"),
    Field("saves", "u32"),
    Field("store_errors", "u32"),
    Field("wear", "u32"),
    Field("stack_used", "u32"),
    Field("stack_size", "u32"),
)
LEARN = struct.Struct("<II")  # session, position; u16 label, u8 kind and sample follow
BATCH = struct.Struct("<IIHB")  # session, position, count, kind; labels and samples follow
SESSION = struct.Struct("<II")  # session, learned
TAUGHT = struct.Struct("<IH")  # learned, answered; results follow
LABEL = struct.Struct("<H")
SIGNAL = struct.Struct("<IIHBB")  # session, first sample, label, flags, kind; samples follow
LOCK = struct.Struct("<B8s16s")  # what, salt, key
LOCKED = struct.Struct("<BB8s")  # whether it is, tries left, salt
NAME = struct.Struct("<HB")  # label, bytes of the name, which follows
CHANGE = struct.Struct("<II")  # session, learned; of UNDO u8 what, of FORGET u16 label follow
SENSOR = struct.Struct("<IHBI")  # session, label, whether it is on, windows seen
SENSOR_READ = struct.Struct("<IH")  # first sample, how many
TAKEN = struct.Struct("<IIH")  # next sample, learned, windows; those follow
SENSED = struct.Struct("<IBIIIIH")  # rate, channels, taken, lost, learned, first window, windows
SENSOR_HEAD = struct.Struct("<IBII")  # rate, channels, taken, first sample; samples follow
WINDOW = np.dtype([("first", "<u4"), ("label", "<u2"), ("decided", "<i2"), ("result", RESULT)])
NO_LABEL = 0xFFFF  # of samples that are of no class
BEHIND_GAP = 1  # flag of SIGNAL: samples before these are missing
RATE_UNIT = 256  # a rate is told in 256ths of a sample a second


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
    SESSION = 0x10
    SIGNAL = 0x11
    SENSOR = 0x12
    SENSOR_READ = 0x13
    UNDO = 0x14
    ROLLBACK = 0x15
    FORGET = 0x16
    NAMES_READ = 0x17
    NAMES_WRITE = 0x18
    LOCK = 0x19


# What changes something on the device, and so has to name the right epoch.
CHANGING = frozenset(Kind) - {
    Kind.HELLO, Kind.INFER, Kind.STATE_READ, Kind.HASH, Kind.STATS, Kind.IMAGE_READ,
    Kind.SENSOR_READ, Kind.NAMES_READ,
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
    OTHER_SESSION = 11
    OTHER_ITEM = 12
    NOTHING = 13
    LOCKED = 14


class SampleKind(IntEnum):
    """How a sample is written."""

    RAW_U8 = 0
    RAW_I16 = 1
    RAW_I32 = 2
    CODES = 3
    EVENTS = 4
    PACKED = 5
    RAW_F32 = 6


class ProtocolError(DeviceError):
    """The device speaks, but not as this version understands it."""


def pack_request(kind: Kind, tag: int, epoch: int, body: bytes = b"") -> bytes:
    """Return the payload of a request."""
    return PAYLOAD_HEADER.pack({"type": kind, "tag": tag, "epoch": epoch}) + body


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
        head = PAYLOAD_HEADER.unpack(payload)
        kind = head.pop("type")
        return cls(kind - ANSWER, **head, body=payload[HEADER:]) if kind & ANSWER else None

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
    signed : whether its network's codes have a sign, for which a packed one takes a bit more.
    signals : whether it takes the samples of a signal.
    sensor : whether it has a sensor of its own.
    undo : whether it has memory to undo a lesson.
    locked : whether it refuses what changes it.
    other_saves : whether its memory holds saves of another version of the firmware, which are kept.
    image_crc, network_id : of its image, 0 for none.
    learned : samples learned, as part of the learned state, modulo 2^32.
    ram_room, flash_room : bytes there are for a workspace, and for an image.
    batch : samples in a LEARN_BATCH, at most.
    remembered : samples whose answers it can give again.
    session : of the host that teaches; 0 where nobody has taught this state yet.
    session_start : samples learned when that session began, modulo 2^32.
    """

    max_payload: int
    window: int
    firmware: str
    running: bool
    store: bool
    uploads: bool
    signed: bool
    signals: bool
    sensor: bool
    undo: bool
    locked: bool
    other_saves: bool
    image_crc: int
    network_id: int
    learned: int
    ram_room: int
    flash_room: int
    board: str
    batch: int
    remembered: int
    session: int
    session_start: int

    @classmethod
    def unpack(cls, body: bytes) -> Hello:
        """Read the body of an answer to HELLO.

        Raises
        ------
        ProtocolError
            If the device speaks another version of the protocol, or says what cannot be.
        """
        protocol = int.from_bytes(body[:2], "little")
        if protocol != PROTOCOL:
            behind = "this edge-naca" if protocol > PROTOCOL else "the device's firmware"
            raise ProtocolError(
                f"the device speaks version {protocol} of the protocol, this edge-naca version "
                f"{PROTOCOL}: update {behind}"
            )
        if len(body) < HELLO.size:  # longer ones are of later versions, which may add
            raise ProtocolError(
                f"the device's HELLO has {len(body)} bytes, not {HELLO.size}: update its firmware"
            )
        values = HELLO.unpack(body)
        del values["protocol"]
        flags = values.pop("flags")
        values |= {flag: flag in flags for flag in HELLO["flags"].flags}
        values["firmware"] = ".".join(map(str, values["firmware"]))
        values["board"] = values["board"].rstrip(b"\0").decode("ascii", "replace")
        hello = cls(**values)
        hello._check()
        return hello

    def _check(self) -> None:
        """Refuse what no device can be, so that nobody else has to think of it."""
        least = {
            "max_payload": LEAST_PAYLOAD,
            "window": LEAST_PAYLOAD,
            "batch": 1,
            "remembered": 1,
        }
        for name, number in least.items():
            value = getattr(self, name)
            if value < number:
                raise ProtocolError(
                    f"the device says that its {name} is {value}, which cannot be below {number}: "
                    "check its firmware"
                )

    def pack(self) -> bytes:
        """Write the body of an answer to HELLO."""
        values = {name: value for name, value in vars(self).items() if name in HELLO.fields}
        return HELLO.pack(
            {
                **values,
                "protocol": PROTOCOL,
                "firmware": tuple(map(int, self.firmware.split("."))),
                "flags": {flag for flag in HELLO["flags"].flags if getattr(self, flag)},
                "board": self.board.encode("ascii"),
            }
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
    stack_used: int
    stack_size: int

    @classmethod
    def unpack(cls, body: bytes) -> Stats:
        """Read the body of an answer to STATS."""
        if len(body) < STATS.size:
            raise ProtocolError(f"STATS has {len(body)} bytes, not {STATS.size}")
        return cls(**STATS.unpack(body))

    def pack(self) -> bytes:
        """Write the body of an answer to STATS."""
        return STATS.pack(vars(self))


# Bytes that an answer has at least. HELLO, STATS and results are read by functions of their own.
LEAST_BODY = {
    Kind.STATE_READ: 4, Kind.STATE_WRITE: 4, Kind.HASH: 8, Kind.SAVE: 4, Kind.IMAGE_BEGIN: 4,
    Kind.IMAGE_CHUNK: 4, Kind.IMAGE_READ: 4, Kind.NAMES_READ: 4, Kind.LOCK: 10,
}  # fmt: skip


def read_result(body: bytes) -> NDArray[Any]:
    """Read the result of one sample; an array of `core.RESULT` with one entry."""
    if len(body) != RESULT.itemsize:
        raise ProtocolError(f"a result has {len(body)} bytes, not {RESULT.itemsize}")
    return _checked(np.frombuffer(body, RESULT).copy())


def read_results(body: bytes, count: int) -> NDArray[Any]:
    """Read the answer to LEARN_BATCH: results of the last samples of the batch."""
    answered = TAUGHT.unpack_from(body)[1] if len(body) >= TAUGHT.size else 0
    if len(body) != TAUGHT.size + answered * RESULT.itemsize or answered > count:
        raise ProtocolError(f"the answer to a batch of {count} has {len(body)} bytes")
    return _checked(np.frombuffer(body, RESULT, answered, TAUGHT.size).copy())


def read_windows(body: bytes, head: int, count: int, what: str, capacity: int) -> NDArray[Any]:
    """Read the windows behind the first `head` bytes of an answer; an array of `WINDOW`.

    Parameters
    ----------
    what : the request that is answered, for people.
    capacity : of the network: its classes are below that.
    """
    if len(body) != head + count * WINDOW.itemsize:
        raise ProtocolError(f"the answer to {what} tells {count} windows in {len(body)} bytes")
    windows = np.frombuffer(body, WINDOW, count, head).copy()
    _checked(windows["result"])
    labels = windows["label"][windows["label"] != NO_LABEL]
    for classes in (windows["result"]["prediction"], windows["decided"], labels):
        if (classes >= capacity).any():
            raise ProtocolError(
                f"the answer to {what} says class {classes.max()} where there are {capacity} "
                "classes: the device's firmware is damaged, or another one"
            )
    return windows


def _checked(results: NDArray[Any]) -> NDArray[Any]:
    """Return results, or refuse them if an answer is no class: −1 stands for none."""
    predicted = results["prediction"]
    wrong = predicted[(predicted < -1) | (predicted >= MAX_CLASSES)]
    if wrong.size:
        raise ProtocolError(
            f"a result says class {wrong[0]}: the device's firmware is damaged, or another one"
        )
    return results
