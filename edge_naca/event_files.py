"""Recordings of event cameras: files of N-MNIST, and AEDAT 3.1 as DVS128 Gesture has it.

Events are a structured array (events,) with the fields ``t`` (int64, µs, as the file says), ``x``
and ``y`` (uint16, pixels from the upper left), ``on`` (bool, brighter or darker).
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.data import DataError
from edge_naca.limits import whole
from edge_naca.printable import shown

Array = NDArray[Any]

EVENTS = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")])

MOST = 1 << 15  # pixels along a side, and stretches of time
N_MNIST_SIDE = 34  # pixels
N_MNIST_EVENT = 5  # bytes
OVERFLOW_ROW, OVERFLOW = 240, 1 << 13  # a row below the camera's last says: so many µs are to add

VERSION_LINE, HEADER_END = b"#!AER-DAT3.1\r\n", b"#!END-HEADER\r\n"
LONGEST_LINE = 1 << 16
PACKET = np.dtype(
    [("kind", "<i2"), ("source", "<i2"), ("size", "<i4"), ("time_at", "<i4"), ("overflow", "<i4"),
     ("capacity", "<i4"), ("number", "<i4"), ("valid", "<i4")]
)  # fmt: skip
POLARITY = 1  # the kind of event that says where it became brighter or darker
POLARITY_EVENT = np.dtype([("data", "<u4"), ("time", "<i4")])
LABEL_COLUMNS = "class,startTime_usec,endTime_usec"


@dataclass(frozen=True)
class Stretch:
    """What a recording shows from `first` to before `last`, µs."""

    label: int
    first: int
    last: int


def read_n_mnist(path: str | PathLike[str]) -> Array:
    """Read a `.bin` file of N-MNIST or N-Caltech101.

    Returns
    -------
    Events, in the order of the file.

    Raises
    ------
    DataError
        If the file cannot be read, or is cut in the midst of an event.

    Notes
    -----
    Orchard, Jayawant, Cohen and Thakor, *Converting Static Image Datasets to Spiking Neuromorphic
    Datasets Using Saccades*, Frontiers in Neuroscience 9, 2015. An event has 40 bits: column, row,
    1 bit of polarity, 23 bits of µs, the most significant byte first. A row of 240 is no event:
    from it on, times are 2^13 µs later.
    """
    content = _content(path)
    if len(content) % N_MNIST_EVENT:
        raise DataError(
            f"{shown(path)}: {len(content)} bytes are no whole number of events of "
            f"{N_MNIST_EVENT} bytes: this is no N-MNIST file, or it was cut"
        )
    raw = np.frombuffer(content, np.uint8).reshape(-1, N_MNIST_EVENT).astype(np.int64)
    x, y, high, middle, low = raw.T
    is_overflow = y == OVERFLOW_ROW
    time = ((high & 0x7F) << 16 | middle << 8 | low) + OVERFLOW * np.cumsum(is_overflow)
    return _events(time, x, y, high >> 7)[~is_overflow]


def read_aedat(path: str | PathLike[str]) -> Array:
    """Read the valid polarity events of an AEDAT 3.1 file, as DVS128 Gesture has them.

    Returns
    -------
    Events, in the order of the file; other kinds of events are passed over.

    Raises
    ------
    DataError
        If the file cannot be read, is of another version or format, or is damaged: the message says
        at which byte.

    Notes
    -----
    iniVation, *AEDAT 3.1*. Lines of text are followed by packets: a header of 28 bytes, then as
    many events as its capacity says, of which the first `number` are in use. A polarity event is a
    word (bit 0 valid, bit 1 polarity, bits 2 .. 16 row, bits 17 .. 31 column) and a time, above
    which the packet's count of overflows is put.
    """
    content = _content(path)
    at = _packets_start(path, content)
    parts = [np.zeros(0, EVENTS)]
    while at < len(content):
        if len(content) - at < PACKET.itemsize:
            raise DataError(f"{shown(path)}: the header of the packet at byte {at} is cut")
        packet = np.frombuffer(content, PACKET, 1, at)[0]
        first = at + PACKET.itemsize
        _check_packet(path, packet, at, len(content) - first)
        if packet["kind"] == POLARITY:
            parts.append(_polarity_events(content, packet, first))
        at = first + int(packet["size"]) * int(packet["capacity"])
    return np.concatenate(parts)


def read_gesture_labels(path: str | PathLike[str]) -> tuple[Stretch, ...]:
    """Read what a recording of DVS128 Gesture shows when: its `_labels.csv`.

    Raises
    ------
    DataError
        If the file cannot be read, or a line does not hold a class, a start and an end behind it.

    Notes
    -----
    Amir et al., *A Low Power, Fully Event-Based Gesture Recognition System*, CVPR 2017.
    """
    head, *lines = _content(path).decode("utf-8", "replace").split("\n")
    if head.strip() != LABEL_COLUMNS:
        raise DataError(f"{shown(path)}: the first line has to be {LABEL_COLUMNS}")
    result = []
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        try:
            label, first, last = map(int, line.split(","))
        except ValueError as error:
            raise DataError(f"{shown(path)}, line {number}: not three whole numbers") from error
        if not 0 <= first < last < 2**62:
            raise DataError(f"{shown(path)}, line {number}: from {first} to {last} µs is no time")
        result.append(Stretch(label, first, last))
    return tuple(result)


def during(events: Array, stretch: Stretch) -> Array:
    """Return the events of a stretch."""
    return events[(events["t"] >= stretch.first) & (events["t"] < stretch.last)]


def counts(events: Array, height: int, width: int, stretches: int = 1) -> NDArray[np.uint16]:
    """Return how often each pixel changed, (height, width, stretches), up to 65535.

    Parameters
    ----------
    height, width : of the camera; events outside are left out.
    stretches : equal parts of the time from the first to the last event, each counted by itself.

    Raises
    ------
    ValueError
        If there is to be no pixel, or no stretch.
    """
    for name, value in (("height", height), ("width", width), ("stretches", stretches)):
        whole(name, value, 1, MOST)
    events = events[(events["x"] < width) & (events["y"] < height)]
    result = np.zeros((height, width, stretches), np.int64)
    if len(events):
        since = events["t"] - events["t"].min()
        part = since // (int(since.max()) // stretches + 1)
        np.add.at(result, (events["y"], events["x"], part), 1)
    return np.minimum(result, np.iinfo(np.uint16).max).astype(np.uint16)


def _content(path: str | PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be read: {error.strerror}") from error


def _events(time: Array, x: Array, y: Array, on: Array) -> Array:
    result = np.zeros(len(time), EVENTS)
    result["t"], result["x"], result["y"], result["on"] = time, x, y, on
    return result


def _packets_start(path: str | PathLike[str], content: bytes) -> int:
    """Return the byte behind the lines of text."""
    if not content.startswith(VERSION_LINE):
        raise DataError(f"{shown(path)} does not begin as an AEDAT 3.1 file does")
    at = 0
    while not content.startswith(HEADER_END, at):
        end = content.find(b"\n", at, at + LONGEST_LINE)
        line = content[at : end + 1]
        if end < 0 or not line.startswith(b"#"):
            raise DataError(f"{shown(path)}: the text at its beginning has no end")
        if line.startswith(b"#Format:") and line.split(b":", 1)[1].strip() != b"RAW":
            raise DataError(
                f"{shown(path)}: its events are compressed; let the camera's software write it RAW"
            )
        at = end + 1
    return at + len(HEADER_END)


def _check_packet(path: str | PathLike[str], packet: Any, at: int, room: int) -> None:
    size, capacity, number = (int(packet[name]) for name in ("size", "capacity", "number"))
    is_whole = 0 <= number <= capacity and size > 0 and size * capacity <= room
    if is_whole and packet["kind"] == POLARITY:
        is_whole = size == POLARITY_EVENT.itemsize and packet["overflow"] >= 0
    if not is_whole:
        raise DataError(
            f"{shown(path)}: the packet at byte {at} is damaged or cut: {number} events in use of "
            f"{capacity} of {size} bytes, {room} bytes follow"
        )


def _polarity_events(content: bytes, packet: Any, first: int) -> Array:
    raw = np.frombuffer(content, POLARITY_EVENT, int(packet["number"]), first)
    raw = raw[(raw["data"] & 1) == 1]
    data, time = raw["data"], raw["time"].astype(np.int64)
    return _events(
        time + (int(packet["overflow"]) << 31), data >> 17, data >> 2 & 0x7FFF, data >> 1 & 1
    )
