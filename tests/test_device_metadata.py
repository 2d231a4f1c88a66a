"""What a device's image says about itself is fetched alone, checked, and shown by `info`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from commands import call, object_of
from fake_device import FakeDevice
from serving import IMAGE, NETWORK, connected, served

from edge_naca.host.device import DeviceError
from edge_naca.image import CHECKSUM_AT, ImageError, encode, find_metadata, table_end
from edge_naca.image_records import ENTRY, HEADER

NAMES = ["läuft", "steht", "\x1b[31mfällt\u202e", "a, b", "5"]
METADATA = {"classes": NAMES, "training": [{"command": "edge-naca train"}]}
NAMED = encode(replace(NETWORK, metadata=METADATA))
META_ENTRY = next(
    at
    for at in range(HEADER.size, table_end(NAMED), ENTRY.size)
    if ENTRY.unpack(NAMED, at)["tag"] == b"META"
)
BEGIN, END = find_metadata(NAMED)


class Counting(FakeDevice):
    """A device that counts the bytes of its image that it sends."""

    sent = 0

    def _image_read(self, body: bytes) -> tuple[int, bytes]:
        status, answer = super()._image_read(body)
        self.sent += len(answer) - 4
        return status, answer


class Shown(FakeDevice):
    """A device that gives back other bytes than those of the image that it runs."""

    def __init__(self, shown: bytes) -> None:
        super().__init__(NAMED)
        self._shown = shown

    def _image_read(self, body: bytes) -> tuple[int, bytes]:
        runs, self.image = self.image, self._shown
        answer = super()._image_read(body)
        self.image = runs
        return answer


@pytest.mark.parametrize("payload", [76, 120, 1024])
def test_only_the_part_with_metadata_goes_over_the_line(payload: int) -> None:
    device = Counting(NAMED, max_payload=payload)
    with connected(device.receive) as client:
        assert client.metadata() == METADATA
        assert device.sent == table_end(NAMED) + END - BEGIN < len(NAMED) / 2
        assert client.image() == NAMED
        before = device.sent
        assert client.metadata() == METADATA  # known by now
        assert device.sent == before


def test_an_image_need_not_say_anything() -> None:
    with connected(FakeDevice(IMAGE).receive) as client:
        assert client.metadata() == {}
    with (
        connected(FakeDevice().receive) as client,
        pytest.raises(DeviceError, match="no image to run"),
    ):
        client.metadata()


def changed(at: int, content: bytes) -> bytes:
    """Return the image with other bytes somewhere; the checksum is not looked at here."""
    return NAMED[:at] + content + NAMED[at + len(content) :]


def u32(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in numbers)


AT, SIZE = META_ENTRY + ENTRY.offset("offset"), META_ENTRY + ENTRY.offset("size")
SECTIONS = HEADER.offset("sections")
WRONG: dict[str, tuple[bytes, type[Exception], str]] = {
    "empty": (b"", DeviceError, "does not give back the image"),
    "short": (NAMED[:15], DeviceError, "does not give back the image"),
    "cut": (NAMED[: table_end(NAMED) - 1], ImageError, "table of sections is cut off"),
    "other": (changed(CHECKSUM_AT, b"\0\0\0\0"), DeviceError, "does not give back the image"),
    "magic": (changed(0, b"nACA"), ImageError, "not an edge-naca image"),
    "version": (changed(4, b"\x09\0"), ImageError, "has format version 9"),
    "sections": (changed(SECTIONS, b"\x41\0"), ImageError, "table of 65 sections does not fit"),
    "beyond": (changed(AT, u32(len(NAMED))), ImageError, "'META' is misplaced"),
    "huge": (changed(SIZE, u32(2**32 - 1)), ImageError, "'META' is misplaced"),
    "in-table": (changed(AT, u32(16)), ImageError, "'META' is misplaced"),
    "no-json": (changed(BEGIN, b"\0"), ImageError, "metadata cannot be read"),
    "list": (changed(BEGIN, b"[1]".ljust(END - BEGIN)), ImageError, "must hold a JSON object"),
    "deep": (changed(BEGIN, b"[" * (END - BEGIN)), ImageError, "metadata cannot be read"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_refused(name: str) -> None:
    content, kind, what = WRONG[name]
    with connected(Shown(content).receive) as client, pytest.raises(kind, match=what):
        client.metadata()


def test_info_names_the_classes(tmp_path: Path) -> None:
    with served(FakeDevice(NAMED).receive, "pty") as address:
        assert object_of("info", address)["classes"] == NAMES
        text = call("info", address).stdout
    assert "läuft, steht, \\u001b[31mfällt\\u202e, a, b, 5" in " ".join(text.split())
    (tmp_path / "named.naca").write_bytes(NAMED)
    assert object_of("info", f"emulate:{tmp_path / 'named.naca'}")["classes"] == NAMES


def test_info_without_names() -> None:
    with served(FakeDevice(IMAGE).receive, "pty") as address:
        assert object_of("info", address)["classes"] == []
    with served(FakeDevice().receive, "pty") as address:
        assert "classes" not in object_of("info", address)
