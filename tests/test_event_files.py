"""Files of event cameras, written here by what their formats' public definitions say."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_naca import event_files
from edge_naca.data import DataError
from edge_naca.event_files import Stretch

START = (
    b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n"
    b"#Start-Time: 2015-10-01 12:00:00 (TZ+0000)\r\n#!END-HEADER\r\n"
)


def n_mnist(t: int, x: int, y: int, on: int) -> bytes:
    """Return an event as 40 bits: 8 of column, 8 of row, 1 of polarity, 23 of time."""
    return (x << 32 | y << 24 | on << 23 | t).to_bytes(5, "big")


def polarity(t: int, x: int, y: int, on: int, valid: int = 1) -> bytes:
    return struct.pack("<Ii", x << 17 | y << 2 | on << 1 | valid, t)


def packet(
    events: list[bytes], *, kind: int = 1, size: int = 8, overflow: int = 0, spare: int = 0
) -> bytes:
    head = struct.pack(
        "<hhiiiiii", kind, 1, size, 4, overflow, len(events) + spare, len(events), len(events)
    )
    return head + b"".join(events) + bytes(size * spare)


def rows(events: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(map(int, event)) for event in events.tolist()]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# ---- N-MNIST -----------------------------------------------------------------------------------


def test_n_mnist_events(tmp_path: Path) -> None:
    events = [(5, 3, 33, 1), (2**23 - 1, 33, 0, 0), (300_000, 0, 17, 1)]
    path = written(tmp_path / "00001.bin", b"".join(n_mnist(*event) for event in events))
    read = event_files.read_n_mnist(path)
    assert rows(read) == events
    assert read.dtype == event_files.EVENTS


def test_n_mnist_overflows_add_to_all_that_follows(tmp_path: Path) -> None:
    content = [n_mnist(8000, 1, 2, 1), n_mnist(0, 0, 240, 0), n_mnist(10, 3, 4, 0)]
    content += [n_mnist(0, 0, 240, 0), n_mnist(20, 5, 6, 1)]
    path = written(tmp_path / "x.bin", b"".join(content))
    assert rows(event_files.read_n_mnist(path)) == [
        (8000, 1, 2, 1), (10 + 2**13, 3, 4, 0), (20 + 2**14, 5, 6, 1),
    ]  # fmt: skip


def test_n_mnist_without_events(tmp_path: Path) -> None:
    assert rows(event_files.read_n_mnist(written(tmp_path / "x.bin", b""))) == []


def test_cut_n_mnist_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.bin", n_mnist(1, 2, 3, 1)[:-1])
    with pytest.raises(DataError, match="4 bytes are no whole number"):
        event_files.read_n_mnist(path)
    with pytest.raises(DataError, match="cannot be read"):
        event_files.read_n_mnist(tmp_path / "none.bin")


# ---- AEDAT 3.1 ---------------------------------------------------------------------------------


def test_aedat_events(tmp_path: Path) -> None:
    content = START + packet(
        [polarity(7, 127, 0, 1), polarity(9, 0, 127, 0), polarity(9, 1, 1, 1, valid=0)], spare=2
    )
    content += packet([bytes(12)], kind=0, size=12)  # special events, passed over
    content += packet([polarity(3, 2**15 - 1, 2**15 - 1, 1)], overflow=2)
    assert rows(event_files.read_aedat(written(tmp_path / "x.aedat", content))) == [
        (7, 127, 0, 1), (9, 0, 127, 0), (3 + 2 * 2**31, 2**15 - 1, 2**15 - 1, 1),
    ]  # fmt: skip


def test_aedat_without_packets(tmp_path: Path) -> None:
    assert rows(event_files.read_aedat(written(tmp_path / "x.aedat", START))) == []


WHOLE = packet([polarity(7, 1, 2, 1)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin"),
        (START.replace(b"3.1", b"2.0") + WHOLE, "does not begin"),
        (START.replace(b"RAW", b"Serial-TS") + WHOLE, "compressed"),
        (START.replace(b"#!END-HEADER\r\n", b"") + WHOLE, "no end"),
        (b"#!AER-DAT3.1\r\n#" + b"x" * 100_000, "no end"),
        (START + WHOLE + WHOLE[:20], f"packet at byte {len(START) + len(WHOLE)} is cut"),
        (START + WHOLE[:-1], "damaged or cut: 1 events in use of 1 of 8 bytes, 7 bytes follow"),
        (START + struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, -1, -1, 0), "damaged"),
        (START + struct.pack("<hhiiiiii", 1, 1, 0, 4, 0, 2**31 - 1, 1, 0), "damaged"),
        (START + struct.pack("<hhiiiiii", 0, 1, 2**31 - 1, 4, 0, 2**31 - 1, 1, 0), "damaged"),
        (START + struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, 1, 2, 0) + bytes(8), "damaged"),
        (START + struct.pack("<hhiiiiii", 1, 1, 4, 4, 0, 2, 2, 0) + bytes(8), "damaged"),
        (START + struct.pack("<hhiiiiii", 1, 1, 8, 4, -1, 1, 1, 0) + bytes(8), "damaged"),
    ],
)
def test_damaged_aedat_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        event_files.read_aedat(written(tmp_path / "x.aedat", content))


@given(st.data())
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("any")
    whole = bytearray(START + WHOLE * 3)
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(whole)))
    for read in (event_files.read_aedat, event_files.read_n_mnist):
        try:
            events = read(written(folder / "x", bytes(whole[:end])))
        except DataError:
            continue
        assert events.dtype == event_files.EVENTS


# ---- labels, and what classifiers take -----------------------------------------------------------


def test_gestures_by_time(tmp_path: Path) -> None:
    text = b"class,startTime_usec,endTime_usec\r\n1,100,200\r\n11,200,350\r\n\r\n"
    labels = event_files.read_gesture_labels(written(tmp_path / "x_labels.csv", text))
    assert labels == (Stretch(1, 100, 200), Stretch(11, 200, 350))
    content = START + packet([polarity(t, 1, 1, 1) for t in (99, 100, 199, 200, 349, 350)])
    events = event_files.read_aedat(written(tmp_path / "x.aedat", content))
    assert [event_files.during(events, one)["t"].tolist() for one in labels] == [
        [100, 199], [200, 349],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "lines", ["", "a,b,c\n1,2,3", "1,2", "1,2,3,4", "1,x,3", "1,5,5", "1,-1,5", "1,2," + "9" * 5000]
)
def test_bad_labels_are_refused(tmp_path: Path, lines: str) -> None:
    is_headless = not lines or lines.startswith("a")
    text = lines if is_headless else f"class,startTime_usec,endTime_usec\n1,1,2\n{lines}\n"
    with pytest.raises(DataError, match="first line" if is_headless else "line 3"):
        event_files.read_gesture_labels(written(tmp_path / "x.csv", text.encode()))


def test_events_are_counted_by_pixel_and_time() -> None:
    events = np.zeros(6, event_files.EVENTS)
    events["t"], events["x"] = [10, 10, 14, 15, 19, 12], [0, 0, 0, 0, 2, 9]
    events["y"] = [1, 1, 1, 1, 0, 0]
    result = event_files.counts(events, 2, 3, 2)  # the last event is outside
    assert result.shape == (2, 3, 2)
    assert result[1, 0].tolist() == [3, 1]
    assert result[0, 2].tolist() == [0, 1]
    assert result.sum() == 5
    assert event_files.counts(events[:0], 2, 3).sum() == 0
    many = np.zeros(70_000, event_files.EVENTS)
    assert event_files.counts(many, 1, 1).item() == 65535
    with pytest.raises(ValueError, match="stretches"):
        event_files.counts(events, 2, 3, 0)
