"""docs/protocol.md names what the device's headers name, and what the device does."""

from __future__ import annotations

import re
import struct

import pytest
from support import ROOT
from test_device_link import NEEDS_EPOCH, NEEDS_IMAGE
from wire import NETWORK, Wire, pack, samples

from edge_naca._device import ffi, lib
from edge_naca.core import RESULT, Core

TEXT = (ROOT / "docs" / "protocol.md").read_text()
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "char": 1}


def table(*heads: str) -> list[list[str]]:
    """Return the rows of the one table with these heads."""
    lines = TEXT.splitlines()
    start = lines.index("| " + " | ".join(heads) + " |")
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


REQUESTS = table("Type", "Name", "Needs", "Request body", "Answer body")
REASONS = table("Status", "Name", "Body", "Meaning")


def names_of(enum: str) -> dict[str, int]:
    elements = ffi.typeof(enum).elements
    return {name.removeprefix("NACA_LINK_"): number for number, name in elements.items()}


def test_requests_are_those_of_the_header() -> None:
    assert {row[1]: int(row[0], 16) for row in REQUESTS} == names_of("naca_link_request_t")


def test_reasons_are_those_of_the_header() -> None:
    assert {row[1]: int(row[0]) for row in REASONS} == names_of("naca_link_status_t")


def test_needs_are_those_that_are_tested() -> None:
    assert [int(row[0], 16) for row in REQUESTS if "E" in row[2]] == NEEDS_EPOCH
    assert [int(row[0], 16) for row in REQUESTS if "I" in row[2]] == NEEDS_IMAGE


def size_of(kind: str) -> int:
    name, count = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", kind).groups()  # type: ignore[union-attr]
    return SIZES[name] * int(count or 1)


def test_the_header_of_a_payload() -> None:
    at = 0
    for offset, kind, *_ in table("Offset", "Type", "Name", "Meaning"):
        assert int(offset) == at
        at += size_of(kind)
    assert at == lib.NACA_LINK_HEADER


@pytest.mark.parametrize(("name", "kind"), [("HELLO", 1), ("STATS", 0xB)])
def test_bodies_have_the_fields_of_their_tables(name: str, kind: int) -> None:
    size = sum(size_of(row[1]) for row in table(name, "Type", "Meaning"))
    assert len(Wire().want(kind).body) == size


def test_constants_in_the_text() -> None:
    assert f"Protocol version {lib.NACA_LINK_PROTOCOL}." in TEXT
    assert f"**Chunks** are multiples of {lib.NACA_LINK_CHUNK} bytes" in TEXT
    for name in ("RAW_U8", "RAW_I16", "RAW_I32", "CODES", "EVENTS"):
        assert f"{name} {getattr(lib, f'NACA_{name}')}" in TEXT
    assert f"PACKED {lib.NACA_LINK_PACKED}:" in TEXT
    assert f"u32 changes: {RESULT.itemsize} bytes" in TEXT
    assert ffi.sizeof("naca_result_t") == RESULT.itemsize


def test_packed_samples_have_the_size_in_the_text() -> None:
    xs, _ = samples(1)
    assert len(pack(xs[0], 4)) * 196 == 98 * 16
    answer = Wire().want(2, struct.pack("<B", lib.NACA_LINK_PACKED) + pack(xs[0], 4))
    assert answer.body == Core(NETWORK).infer_many(xs, "codes").tobytes()
