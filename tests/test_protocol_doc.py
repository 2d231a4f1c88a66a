"""docs/protocol.md names what the device's headers name, and what the device does."""

from __future__ import annotations

import re
import struct

import numpy as np
import pytest
from support import ROOT
from test_device_link import NEEDS_EPOCH, NEEDS_IMAGE
from wire import NETWORK, Wire, pack, samples

from edge_naca._device import ffi, lib
from edge_naca.core import RESULT, Core
from edge_naca.host import messages
from edge_naca.host.messages import HELLO, PAYLOAD_HEADER, STATS, Kind, Reason, SampleKind
from edge_naca.records import Field, Record

TEXT = (ROOT / "docs" / "protocol.md").read_text()


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
    named = {row[1]: int(row[0], 16) for row in REQUESTS}
    assert named == names_of("naca_link_request_t") == {kind.name: kind.value for kind in Kind}


def test_reasons_are_those_of_the_header() -> None:
    named = {row[1]: int(row[0]) for row in REASONS}
    assert (
        named == names_of("naca_link_status_t") == {reason.name: reason.value for reason in Reason}
    )


def test_needs_are_those_that_are_tested() -> None:
    assert [int(row[0], 16) for row in REQUESTS if "E" in row[2]] == NEEDS_EPOCH
    assert set(NEEDS_EPOCH) == messages.CHANGING - {Kind.REWARD}
    assert [int(row[0], 16) for row in REQUESTS if "I" in row[2]] == NEEDS_IMAGE


def layout(record: Record) -> list[tuple[str, str]]:
    return [(field.name, field.type) for field in record.fields.values()]


def test_the_header_of_a_payload() -> None:
    rows = table("Offset", "Type", "Name", "Meaning")
    assert [(row[2], row[1]) for row in rows] == layout(PAYLOAD_HEADER)
    assert [int(row[0]) for row in rows] == [PAYLOAD_HEADER.offset(row[2]) for row in rows]
    assert PAYLOAD_HEADER.size == lib.NACA_LINK_HEADER


@pytest.mark.parametrize(("name", "record"), [("HELLO", HELLO), ("STATS", STATS)])
def test_bodies_have_the_fields_of_their_tables(name: str, record: Record) -> None:
    fields = []
    for names, kind, *_ in table(name, "Type", "Meaning"):
        several = names.split(", ")  # u64[4] when they share a row
        kind = kind.removesuffix(f"[{len(several)}]") if len(several) > 1 else kind
        fields += [(each, kind) for each in several]
    assert fields == layout(record)
    assert len(Wire().want(Kind[name]).body) == record.size


def test_flags_of_hello() -> None:
    meaning = {row[0]: row[2] for row in table("HELLO", "Type", "Meaning")}["flags"]
    words = {"running": "an image runs", "store": "saved states can be kept"}
    words |= {"uploads": "images can be uploaded", "signed": "codes have a sign"}
    words |= {"signals": "signals are taken", "sensor": "there is a sensor"}
    words |= {"undo": "lessons can be undone", "locked": "the device is locked"}
    words |= {"other_saves": "saves of another version of the firmware are kept"}
    numbered = [f"{1 << bit}: {words[flag]}" for bit, flag in enumerate(HELLO["flags"].flags)]
    assert meaning == "; ".join(numbered)


@pytest.mark.parametrize(
    ("kind", "column", "form"),
    [
        ("LEARN", 3, [messages.LEARN, messages.LABEL]),
        ("LEARN_BATCH", 3, [messages.BATCH]),
        ("LEARN_BATCH", 4, [messages.TAUGHT]),
    ],
)
def test_bodies_begin_as_the_table_of_requests_says(
    kind: str, column: int, form: list[struct.Struct]
) -> None:
    cell = next(row[column] for row in REQUESTS if row[1] == kind)
    fields = [Field(name, type_) for type_, name in re.findall(r"(u\d+) (\w+)", cell.split("×")[0])]
    letters = "".join(np.dtype(field.dtype).char for field in fields)
    assert letters.startswith("".join(part.format[1:] for part in form)), (letters, cell)


def test_constants_in_the_text() -> None:
    assert f"Protocol version {lib.NACA_LINK_PROTOCOL}." in TEXT
    assert f"**Chunks** are multiples of {lib.NACA_LINK_CHUNK} bytes" in TEXT
    assert messages.PROTOCOL == lib.NACA_LINK_PROTOCOL
    assert lib.NACA_LINK_PACKED == SampleKind.PACKED
    for kind in SampleKind:
        assert f"{kind.name} {kind.value}" in TEXT
        assert kind is SampleKind.PACKED or getattr(lib, f"NACA_{kind.name}") == kind
    assert f"its answer is type + {messages.ANSWER:X}" in TEXT
    assert f"the frame HELLO with tag {messages.GREETING:X} once after boot" in TEXT
    assert f"u32 changes: {RESULT.itemsize} bytes" in TEXT
    assert ffi.sizeof("naca_result_t") == RESULT.itemsize


def test_packed_samples_have_the_size_in_the_text() -> None:
    xs, _ = samples(1)
    assert len(pack(xs[0], 4)) * 196 == 98 * 16
    answer = Wire().want(2, struct.pack("<B", lib.NACA_LINK_PACKED) + pack(xs[0], 4))
    assert answer.body == Core(NETWORK).infer_many(xs, "codes").tobytes()
