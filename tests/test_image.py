"""Images: nothing is lost in them, and none that is damaged or hostile gets in."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from direct import Image, Runner
from hypothesis import given, settings
from hypothesis import strategies as st
from replaying import CODES, network_id, sealed
from strategies import networks, random_sample, random_state

from edge_naca import image
from edge_naca.core import Core
from edge_naca.image import CRITICAL, ImageError
from edge_naca.image_records import ENTRY, HEADER
from edge_naca.network import Curve, Encoder, Network, Population, Preparation, Rule
from edge_naca.specification.network import Specification

Section = tuple[bytes, int, bytes]


def small_network() -> Network:
    """Return a network whose image holds every kind of section and is small."""
    rng = np.random.default_rng(3)
    curve = Curve(np.arange(-128, 128), rng.integers(0, 9, 256))
    hidden = Rule("winner", "table", "attract", np.array([[64, -9, 0], [-9, 64, 3]]))
    return Network(
        8,
        Encoder("bitplane", 3, 3),
        (
            Population(3, weight_bits=4, zero_point=5, weight_min=-5, weight_max=9, rule=hidden),
            Population(2, bias=True, curve=curve, rule=Rule("all", "error", "spike")),
        ),
        Preparation((1, 4, 1), signed=True),
        seed=7,
        metadata={"classes": ["nought", "one"]},
    )


def small_image() -> bytes:
    network = small_network()
    return image.encode(network, random_state(network, np.random.default_rng(5)))


def sections_of(data: bytes) -> list[Section]:
    """Return tag, flags and content of each section."""
    result = []
    for index in range(HEADER.unpack(data)["sections"]):
        entry = ENTRY.unpack(data, HEADER.size + ENTRY.size * index)
        tag, flags, offset, size = entry.values()
        result.append((tag, flags, data[offset : offset + size]))
    return result


def assembled(sections: list[Section]) -> bytes:
    """Return an image of these sections."""
    offset = HEADER.size + ENTRY.size * len(sections)
    table = body = b""
    for tag, flags, content in sections:
        place = {"offset": offset + len(body), "size": len(content)}
        table += ENTRY.pack({"tag": tag, "flags": flags, **place})
        body += content + bytes(-len(content) % 4)
    head = {"magic": image.MAGIC, "version": image.VERSION, "sections": len(sections)}
    return sealed(HEADER.pack(head) + table + body)


def plain(thing: Any) -> Any:
    """Return a description as nested tuples that can be compared."""
    if dataclasses.is_dataclass(thing):
        return tuple(plain(getattr(thing, field.name)) for field in dataclasses.fields(thing))
    if isinstance(thing, tuple):
        return tuple(map(plain, thing))
    return (thing.dtype, thing.tolist()) if isinstance(thing, np.ndarray) else thing


# ---- nothing is lost -----------------------------------------------------------------------------


@settings(max_examples=300)
@given(networks(), st.integers(0, 2**32 - 1), st.dictionaries(st.text(), st.text(), max_size=3))
def test_round_trip(network: Network, seed: int, metadata: dict[str, str]) -> None:
    network = dataclasses.replace(network, metadata=metadata)
    state = random_state(network, np.random.default_rng(seed))
    data = image.encode(network, state)
    read, read_state = image.decode(data)
    assert plain(read) == plain(network)
    assert read_state == state
    assert image.pack_state(network, image.unpack_state(network, state)) == state
    assert image.encode(read, read_state) == data
    assert image.decode(image.encode(network))[1] is None
    assert Core(data).network_id == network_id(data)


@settings(max_examples=150)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_saved_and_loaded_goes_on_as_if_nothing_had_been(network: Network, seed: int) -> None:
    rng = np.random.default_rng(seed)
    going_on = Core(network, random_state(network, rng))
    for number in range(6):
        if number % 2 == 0:
            through_image = Core(going_on.image())
            through_state = Core(network)
            through_state.load_state(going_on.save_state())
        x, kind = random_sample(network, rng)
        label = int(rng.integers(network.capacity))
        wanted = going_on.learn(x, label, kind)
        for core in (through_image, through_state):
            assert core.learn(x, label, kind) == wanted
            assert core.state() == going_on.state()


def test_unknown_optional_section_is_skipped_and_kept() -> None:
    data = small_image()
    extended = assembled([*sections_of(data), (b"NEWS", 0, b"whatever")])
    assert extended != data
    assert Image(extended).status == "NACA_OK"
    read, state = image.decode(extended)
    assert plain(read) == plain(
        dataclasses.replace(small_network(), optional={"NEWS": b"whatever"})
    )
    assert image.encode(read, state) == extended
    assert Core(extended).network_id == Core(data).network_id
    assert Image(extended).opened.network_id == Image(data).opened.network_id


# ---- what is damaged is refused ----------------------------------------------------------------


def refused(data: bytes) -> bool:
    """Return whether both the C core and Python refuse an image."""
    try:
        image.decode(data)
    except ImageError:
        return Image(data).status != "NACA_OK"
    return False


@pytest.mark.parametrize("content", [b"[1, 2]", b'"text"', b"3"])
def test_metadata_that_are_no_object_are_refused(content: bytes) -> None:
    data = image.encode(dataclasses.replace(small_network(), metadata={"a": 1}))
    sections = [
        (tag, flags, content if tag == b"META" else body) for tag, flags, body in sections_of(data)
    ]
    with pytest.raises(ImageError, match="META must hold a JSON object, not"):
        image.decode(assembled(sections))


def test_undamaged_image_is_taken() -> None:
    assert Image(small_image()).status == "NACA_OK"
    assert plain(image.decode(small_image())[0]) == plain(small_network())


def test_truncated_image_is_refused() -> None:
    data = small_image()
    assert [size for size in range(len(data)) if not refused(data[:size])] == []
    assert refused(data + bytes(4))
    # Even where size and checksum have been put right.
    _, _, offset, size = ENTRY.unpack(data, LAST_ENTRY_AT).values()
    shorter = [sealed(data[:size]) for size in range(HEADER.size, offset + size)]
    assert [len(cut) for cut in shorter if not refused(cut)] == []


def test_flipped_bit_is_refused() -> None:
    data = small_image()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert refused(bytes(flipped)), f"bit {bit}"


@pytest.mark.slow
def test_flipped_bit_under_a_good_checksum_is_refused_or_harmless() -> None:
    data = small_image()
    statuses = set()
    for bit in range(8 * HEADER.size, 8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        hostile = sealed(flipped)
        opened = Image(hostile)
        statuses.add(opened.status)
        if opened.status != "NACA_OK":
            assert refused(hostile), f"only C refuses bit {bit}: {opened.status}"
            continue
        runner = Runner(opened)
        codes = CODES, opened.opened.inputs, bytes(opened.opened.inputs)
        assert runner.learn(codes, 0) == "NACA_OK"
        assert runner.guard_is_intact()
        try:
            network, state = image.decode(hostile)
        except ImageError:
            continue  # Python may be more particular than a device has to be
        specification = Specification(network, state)
        specification.learn(np.zeros(network.inputs, int), 0, "codes")
        assert specification.state_hash() == runner.hash(), f"bit {bit}"
        assert Core(hostile).network_id == opened.opened.network_id, f"bit {bit}"
    assert statuses == {"NACA_OK", "NACA_ERR_NETWORK", "NACA_ERR_SECTION"}


# ---- what is hostile is refused ------------------------------------------------------------------


def changed(at: int, format_: str, value: int) -> bytes:
    """Return the small image with one number changed, under a good checksum."""
    data = bytearray(small_image())
    struct.pack_into(format_, data, at, value)
    return sealed(data)


def with_section(tag: bytes, content: bytes, flags: int = CRITICAL) -> bytes:
    """Return the small image with one section's content changed, or one section more."""
    sections = {name: (flag, old) for name, flag, old in sections_of(small_image())}
    sections[tag] = flags, content
    return assembled([(name, *rest) for name, rest in sections.items()])


def without_section(tag: bytes) -> bytes:
    return assembled([section for section in sections_of(small_image()) if section[0] != tag])


def of_section(tag: bytes) -> bytes:
    return next(content for name, _, content in sections_of(small_image()) if name == tag)


NETWORK_AT = HEADER.size + ENTRY.size * 8  # the first section follows the table
ENTRY_AT = HEADER.size + ENTRY.size  # the second section's entry
LAST_ENTRY_AT = NETWORK_AT - ENTRY.size

# What is wrong, the status in C, what Python says. Optional sections are nothing to the core.
HOSTILE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", "ERR_TRUNCATED", "not an edge-naca image"),
    "other-magic": (lambda: b"NACB" + small_image()[4:], "ERR_MAGIC", "not an edge-naca image"),
    "damaged": (lambda: small_image()[:-9] + b"x" + small_image()[-8:], "ERR_CHECKSUM", "damaged"),
    "newer": (lambda: changed(4, "<H", 2), "ERR_VERSION", "format version 2, .* reads version 1"),
    "older": (lambda: changed(4, "<H", 0), "ERR_VERSION", "format version 0, .* reads version 1"),
    "huge-size": (
        lambda: small_image()[:8] + bytes([255] * 4) + small_image()[12:],
        "ERR_TRUNCATED",
        "says it has 4294967295 bytes",
    ),
    "huge-table": (
        lambda: changed(6, "<H", 65535),
        "ERR_SECTION",
        "table of 65535 sections does not fit",
    ),
    "many-sections": (
        lambda: assembled(
            [*sections_of(small_image()), *[(b"%04d" % i, 0, b"") for i in range(57)]]
        ),
        "ERR_SECTION",
        "table of 65 sections does not fit",
    ),
    "huge-section": (lambda: changed(ENTRY_AT + 12, "<I", 2**32 - 1), "ERR_SECTION", "misplaced"),
    "huge-offset": (lambda: changed(ENTRY_AT + 8, "<I", 2**32 - 4), "ERR_SECTION", "misplaced"),
    "overlap": (lambda: changed(ENTRY_AT + 8, "<I", NETWORK_AT), "ERR_SECTION", "misplaced"),
    "in-header": (lambda: changed(ENTRY_AT + 8, "<I", 0), "ERR_SECTION", "misplaced"),
    "misaligned": (
        lambda: changed(LAST_ENTRY_AT + 8, "<I", len(small_image()) - 31),
        "ERR_SECTION",
        "misplaced",
    ),
    "doubled": (
        lambda: assembled([*sections_of(small_image()), (b"STAT", CRITICAL, b"1234")]),
        "ERR_SECTION",
        "'STAT' is doubled",
    ),
    "doubled-optional": (
        lambda: assembled([*sections_of(small_image()), (b"META", 0, b"{}")]),
        "OK",
        "'META' is doubled",
    ),
    "unknown-critical": (
        lambda: with_section(b"CONV", b"1234"),
        "ERR_SECTION",
        "needs section 'CONV', which this edge-naca cannot read",
    ),
    "unknown-index": (lambda: with_section(b"MOD7", b"1234"), "ERR_SECTION", "'MOD7'"),
    "needless": (lambda: with_section(b"CUR0", of_section(b"CUR1")), "ERR_SECTION", "'CUR0'"),
    "out-of-order": (
        lambda: assembled([sections_of(small_image())[place] for place in (0, 2, 1, 3, 4, 5, 6)]),
        "OK",
        "'MOD0' is out of order",
    ),
    "not-critical": (
        lambda: with_section(b"PREP", of_section(b"PREP"), flags=0),
        "OK",
        "'PREP' must be marked as critical",
    ),
    "no-network": (lambda: without_section(b"NETW"), "ERR_SECTION", "NETW"),
    "no-table": (lambda: without_section(b"MOD0"), "ERR_SECTION", "MOD0"),
    "no-rates": (lambda: without_section(b"RAT1"), "ERR_SECTION", "RAT1"),
    "no-curve": (lambda: without_section(b"CUR1"), "ERR_SECTION", "CUR1"),
    "short-network": (lambda: with_section(b"NETW", bytes(12)), "ERR_SECTION", "no valid network"),
    "long-network": (
        lambda: with_section(b"NETW", of_section(b"NETW") + bytes(64)),
        "ERR_SECTION",
        "'NETW' .* holds what",
    ),
    "short-preparation": (
        lambda: with_section(b"PREP", bytes(8)),
        "ERR_SECTION",
        "no valid network",
    ),
    "short-table": (lambda: with_section(b"MOD0", bytes(5)), "ERR_SECTION", "no valid network"),
    "long-rates": (lambda: with_section(b"RAT0", bytes(4)), "ERR_SECTION", "'NETW' .* holds what"),
    "short-state": (lambda: with_section(b"STAT", bytes(8)), "ERR_SECTION", "learned state"),
    "no-inputs": (lambda: changed(NETWORK_AT, "<H", 0), "ERR_NETWORK", "inputs"),
    "many-inputs": (lambda: changed(NETWORK_AT, "<H", 65535), "ERR_NETWORK", "inputs"),
    "other-inputs": (lambda: changed(NETWORK_AT, "<H", 9), "ERR_NETWORK", "inputs is 9"),
    "many-classes": (
        lambda: changed(NETWORK_AT + 2, "<H", 65535),
        "ERR_NETWORK",
        "no valid network",
    ),
    "no-populations": (lambda: changed(NETWORK_AT + 4, "<B", 0), "ERR_SECTION", "populations"),
    "many-populations": (lambda: changed(NETWORK_AT + 4, "<B", 255), "ERR_NETWORK", "no valid"),
    "unknown-encoder": (
        lambda: changed(NETWORK_AT + 5, "<B", 4),
        "ERR_NETWORK",
        "no valid network",
    ),
    "many-bits": (lambda: changed(NETWORK_AT + 6, "<B", 9), "ERR_NETWORK", "bits"),
    "no-steps": (lambda: changed(NETWORK_AT + 7, "<B", 0), "ERR_NETWORK", "steps"),
    "many-steps": (lambda: changed(NETWORK_AT + 12, "<B", 1), "ERR_NETWORK", "steps"),
    "too-many-steps": (lambda: changed(NETWORK_AT + 12, "<B", 16), "ERR_NETWORK", "steps"),
    "many-neurons": (
        lambda: changed(NETWORK_AT + 16, "<H", 65535),
        "ERR_NETWORK",
        "no valid network",
    ),
    "no-neurons": (lambda: changed(NETWORK_AT + 16, "<H", 0), "ERR_NETWORK", "no valid network"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_image_is_refused_with_its_reason(kind: str) -> None:
    make, status, message = HOSTILE[kind]
    hostile = make()
    assert Image(hostile).status == f"NACA_{status}"
    with pytest.raises(ImageError, match=message):
        image.decode(hostile)
    with pytest.raises(ImageError, match=message):
        Core(hostile)


def test_small_image_is_laid_out_as_these_tests_think() -> None:
    tags = [tag for tag, _, _ in sections_of(small_image())]
    assert tags == [b"NETW", b"PREP", b"MOD0", b"RAT0", b"RAT1", b"CUR1", b"STAT", b"META"]
    assert assembled(sections_of(small_image())) == small_image()


@pytest.mark.parametrize("shift", range(1, 8))
def test_misaligned_image_is_refused(shift: int) -> None:
    assert Image(small_image(), shift).status == "NACA_ERR_ALIGNMENT"
