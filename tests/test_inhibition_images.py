"""Images of codes with a sign and of inhibitions: nothing is lost, what is hostile is refused."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from direct import Image, Runner, aligned, pointer
from replaying import CODES, EVENTS, sealed, status_name
from strategies import random_state
from test_image import assembled, plain, refused, sections_of

from edge_naca import image
from edge_naca._core import ffi, lib
from edge_naca.core import Core
from edge_naca.image import ImageError
from edge_naca.image_records import ENTRY, HEADER
from edge_naca.inhibition import Inhibition, triangle
from edge_naca.network import Encoder, Network, Population, Preparation, Rule
from edge_naca.specification.network import Specification

INPUTS = 5
ENCODER = Encoder("bitplane", 3, 3, is_signed=True)
SIZE = triangle(INPUTS)
RANK = 2


def rule(**changes: Any) -> Rule:
    """Return a rule that a learned inhibition learns with."""
    shape: dict[str, Any] = {
        "table": [[64, 64, -9], [-9, 0, 64]],
        "rates": [16384, 8192],
        "trace_decay": 128,
        "trace_increment": 4,
        "levels": [[32]],
    }
    return Rule("winner", "table", "attract", **shape | changes)


def network(kind: str) -> Network:
    """Return a small network with an inhibition that is given, of low rank or learned, or none."""
    given = Inhibition(INPUTS, 4, np.arange(SIZE) - 7, np.arange(INPUTS) % 3, shift=4)
    rows = np.arange(RANK * INPUTS) - 7
    low = Inhibition(INPUTS, 4, rows, np.arange(RANK) % 3, shift=4, rank=RANK)
    learned = Inhibition(INPUTS, 4, first=2, every=1)
    hidden = Population(3, weight_min=-128, decay=128, current_shift=2, norm_shift=1, rule=rule())
    return Network(
        INPUTS,
        ENCODER,
        (hidden, Population(2)),
        Preparation((1, INPUTS, 1), keeps_sign=True),
        seed=3,
        inhibition={"given": given, "low": low, "learned": learned, "none": None}[kind],
    )


KINDS = ("given", "low", "learned", "none")


def encoded(kind: str) -> bytes:
    return image.encode(network(kind), random_state(network(kind), np.random.default_rng(4)))


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(kind: str) -> None:
    data = encoded(kind)
    assert Image(data).status == "NACA_OK"
    read, state = image.decode(data)
    assert plain(read) == plain(network(kind))
    assert image.encode(read, state) == data
    tags = [tag for tag, _, _ in sections_of(data)]
    assert tags[:3] == [b"NETW", b"PREP", b"MOD0" if kind == "none" else b"INHB"]


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bit_under_a_good_checksum_is_refused_or_harmless(kind: str) -> None:
    data = encoded(kind)
    statuses = set()
    x = np.arange(INPUTS) % 2
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
        codes = CODES, opened.opened.inputs, x.astype(np.uint8).tobytes()
        assert runner.learn(codes, 0) == "NACA_OK"
        assert runner.guard_is_intact()
        try:
            read, state = image.decode(hostile)
        except ImageError:
            continue  # Python may be more particular than a device has to be
        specification = Specification(read, state)
        specification.learn(x, 0, "codes")
        assert specification.state_hash() == runner.hash(), f"bit {bit}"
    assert statuses == {"NACA_OK", "NACA_ERR_NETWORK", "NACA_ERR_SECTION"}


# ---- what is hostile is refused ------------------------------------------------------------------


def changed(kind: str, tag: str, at: int, layout: str, value: int) -> bytes:
    """Return the image with one number of a section changed, under a good checksum."""
    data = bytearray(encoded(kind))
    for index in range(HEADER.unpack(data)["sections"]):
        entry = ENTRY.unpack(data, HEADER.size + ENTRY.size * index)
        if entry["tag"] == tag.encode():
            struct.pack_into(layout, data, entry["offset"] + at, value)
    return sealed(data)


FIRST = 16  # where the first population's record lies in NETW

# Kind, section, offset, type and value of what is wrong.
HOSTILE: dict[str, tuple[str, str, int, str, int]] = {
    "sign of other encoders": ("none", "NETW", 5, "<B", 1),
    "inhibition without signs": ("given", "NETW", 13, "<B", 0),
    "kept sign without signs": ("none", "NETW", 13, "<B", 0),
    "neither this nor that": ("none", "NETW", 13, "<B", 2),
    "kept and split": ("none", "PREP", 1, "<B", 8 | 2),
    "unknown preparation": ("none", "PREP", 1, "<B", 64),
    "bias behind signs": ("none", "NETW", FIRST + 2, "<H", 5),
    "spikes learned behind signs": ("none", "NETW", FIRST + 32, "<B", 0),
    "bounded behind signs": ("none", "NETW", FIRST + 32, "<B", 2),
    "trace that is no code": ("none", "NETW", FIRST + 34, "<H", 256),
    "increment of another code": ("none", "NETW", FIRST + 36, "<B", 2),
    "unknown kind": ("given", "INHB", 0, "<B", 2),
    "codes of no bits": ("given", "INHB", 1, "<B", 0),
    "codes of 8 bits": ("learned", "INHB", 1, "<B", 8),
    "no inputs": ("given", "INHB", 2, "<H", 0),
    "fewer inputs": ("learned", "INHB", 2, "<H", INPUTS - 1),
    "more inputs": ("given", "INHB", 2, "<H", INPUTS + 1),
    "most inputs": ("given", "INHB", 2, "<H", 65535),
    "wide shift": ("given", "INHB", 4, "<B", 25),
    "wide shift of a learned one": ("learned", "INHB", 4, "<B", 25),
    "no reach": ("learned", "INHB", 5, "<B", 0),
    "far reach": ("learned", "INHB", 5, "<B", 16),
    "loud noise": ("learned", "INHB", 6, "<H", 4096),
    "from no sample on": ("learned", "INHB", 8, "<H", 0),
    "low start": ("learned", "INHB", 12, "<H", 63),
    "high start": ("learned", "INHB", 12, "<H", 4096),
    "rank of a learned one": ("learned", "INHB", 14, "<H", 1),
    "rank above its inputs": ("given", "INHB", 14, "<H", INPUTS + 1),
    "wide row": ("given", "INHB", 16 + INPUTS - 1, "<B", 16),
    "learned from all": ("learned", "NETW", FIRST + 30, "<B", 1),
    "learned at another rate": ("learned", "NETW", FIRST + 37, "<B", 19),
    "learned from coarse weights": ("learned", "NETW", FIRST + 33, "<b", -1),
}


@pytest.mark.parametrize("wrong", HOSTILE)
def test_hostile_image_is_refused(wrong: str) -> None:
    hostile = changed(*HOSTILE[wrong])
    assert Image(hostile).status == "NACA_ERR_NETWORK"
    with pytest.raises(ImageError):
        image.decode(hostile)


def with_inhibition(kind: str, content: bytes) -> bytes:
    return assembled(
        [
            (tag, flags, content if tag == b"INHB" else old)
            for tag, flags, old in sections_of(encoded(kind))
        ]
    )


@pytest.mark.parametrize("size", [0, 15, 16, 17, 23, 24, 44, 58, 60, 63])
def test_short_and_long_given_ones_are_refused(size: int) -> None:
    (content,) = (old for tag, _, old in sections_of(encoded("given")) if tag == b"INHB")
    assert len(content) == 16 + 8 + 4 * INPUTS + SIZE == 59
    hostile = with_inhibition("given", (content + bytes(9))[:size])
    assert Image(hostile).status == "NACA_ERR_SECTION"
    with pytest.raises(ImageError):
        image.decode(hostile)


@pytest.mark.parametrize("size", [0, 16, 20, 28, 37, 39])
def test_short_and_long_ones_of_low_rank_are_refused(size: int) -> None:
    (content,) = (old for tag, _, old in sections_of(encoded("low")) if tag == b"INHB")
    assert len(content) == 16 + 4 + 4 * RANK + RANK * INPUTS == 38
    hostile = with_inhibition("low", (content + bytes(1))[:size])
    assert Image(hostile).status == "NACA_ERR_SECTION"
    with pytest.raises(ImageError):
        image.decode(hostile)


@pytest.mark.parametrize("size", [0, 4, 15, 17, 20, 39])
def test_short_and_long_learned_ones_are_refused(size: int) -> None:
    (content,) = (old for tag, _, old in sections_of(encoded("learned")) if tag == b"INHB")
    hostile = with_inhibition("learned", (content + bytes(39))[:size])
    assert Image(hostile).status == "NACA_ERR_SECTION"
    with pytest.raises(ImageError):
        image.decode(hostile)


def test_two_inhibitions_are_refused() -> None:
    sections = sections_of(encoded("given"))
    twice = assembled([*sections, sections[2]])
    assert Image(twice).status == "NACA_ERR_SECTION"
    with pytest.raises(ImageError, match="'INHB' is doubled"):
        image.decode(twice)


def test_inhibition_that_is_not_critical_is_no_inhibition_to_the_core() -> None:
    sections = [
        (tag, 0 if tag == b"INHB" else flags, content)
        for tag, flags, content in sections_of(encoded("given"))
    ]
    assert Image(assembled(sections)).opened.bits == ENCODER.bits
    with pytest.raises(ImageError, match="'INHB' must be marked as critical"):
        image.decode(assembled(sections))


@pytest.mark.parametrize("size", [4, 8, 3000])
def test_other_states_are_refused(size: int) -> None:
    sections = [
        (tag, flags, bytes(size) if tag == b"STAT" else content)
        for tag, flags, content in sections_of(encoded("learned"))
    ]
    assert Image(assembled(sections)).status == "NACA_ERR_SECTION"
    with pytest.raises(ImageError, match="learned state"):
        image.decode(assembled(sections))


def test_inhibition_needs_its_code() -> None:
    data = encoded("learned")
    memory = aligned(len(data))
    memory[:] = np.frombuffer(data, np.uint8)
    found = ffi.new("naca_image_t *")
    for stages in (ffi.NULL, lib.naca_coded_stages(), lib.naca_spiking_stages()):
        status = lib.naca_image_open_with(stages, found, pointer(memory), len(data))
        assert status_name(status) == "NACA_ERR_STAGES"
    assert status_name(lib.naca_image_open(found, pointer(memory), len(data))) == "NACA_ERR_STAGES"
    for stages in (lib.naca_inhibition(), lib.naca_all_stages()):
        status = lib.naca_image_open_with(stages, found, pointer(memory), len(data))
        assert status_name(status) == "NACA_OK"
        assert (found.bits, found.is_signed, found.stages) == (4, 1, 0)


def test_signs_need_no_code() -> None:
    data = encoded("none")
    memory = aligned(len(data))
    memory[:] = np.frombuffer(data, np.uint8)
    found = ffi.new("naca_image_t *")
    assert lib.naca_image_open(found, pointer(memory), len(data)) == lib.NACA_OK
    assert found.is_signed == 1


# ---- samples -------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [-128, -17, -16, 16, 127])
def test_codes_beyond_their_bits_are_refused(code: int) -> None:
    runner = Runner(Image(encoded("learned")))
    before = runner.hash()
    codes = np.array([0] * (INPUTS - 1) + [code], np.int8)
    assert runner.learn((CODES, INPUTS, codes.tobytes()), 0) == "NACA_ERR_SAMPLE"
    assert runner.hash() == before
    with pytest.raises(ValueError, match=r"codes must be in -15 .. 15"):
        Core(network("learned")).learn(codes, 0, "codes")


@pytest.mark.parametrize("code", [-15, 15])
def test_ends_of_codes_are_taken(code: int) -> None:
    codes = np.full(INPUTS, code, np.int8)
    runner = Runner(Image(encoded("learned")))
    assert runner.learn((CODES, INPUTS, codes.tobytes()), 0) == "NACA_OK"


def test_events_are_refused() -> None:
    runner = Runner(Image(encoded("none")))
    assert runner.learn((EVENTS, 1, struct.pack("<2H", 0, 0)), 0) == "NACA_ERR_SAMPLE"
    with pytest.raises(ValueError, match="takes no events"):
        Core(network("none")).infer(np.array([[0, 0]]), "events")


# ---- descriptions --------------------------------------------------------------------------------

V = {"weights": np.zeros(SIZE, int), "row_shifts": np.zeros(INPUTS, int)}
IMPOSSIBLE: dict[str, tuple[dict[str, Any], str]] = {
    "code_bits": ({"code_bits": 8}, "code_bits must be in 1 .. 7"),
    "inputs": ({"inputs": 1025}, "inputs must be in 1 .. 1024"),
    "learned inputs": ({"inputs": 129}, "inputs of a learned inhibition must be in 1 .. 128"),
    "rows of a learned one": ({"row_shifts": [0] * 5}, "row_shifts of a learned inhibition"),
    "weights": ({**V, "weights": np.zeros(SIZE - 1, int)}, "weights must hold 15 numbers"),
    "rank": ({**V, "rank": 6}, "rank must be in 0 .. 5"),
    "rank of a learned one": ({"rank": 1}, "rank of a learned inhibition"),
    "rectangle": ({**V, "rank": 2}, "weights must hold 10 numbers, 2 rows of 5 inputs"),
    "rows of a rectangle": (
        {**V, "rank": 2, "weights": np.zeros(10, int)},
        "one number for each of 2 rows",
    ),
    "square": ({**V, "weights": np.zeros((5, 5), int)}, "weights must hold 15 numbers"),
    "rows": ({**V, "row_shifts": [0]}, "one number for each of 5 rows"),
    "centre": ({**V, "centre": [0]}, "centre must hold one number for each of 5 rows"),
    "centre of a learned one": ({"centre": [0] * 5}, "centre of a learned inhibition"),
    "wide row": ({**V, "row_shifts": [0, 0, 16, 0, 0]}, "the greatest of row_shifts"),
    "reach": ({"reach": 0}, "reach must be in 1 .. 15"),
    "noise": ({"noise": 4096}, "noise must be in 0 .. 4095"),
    "first": ({"first": 0}, "first must be in 1 .. 65535"),
    "start": ({"start": 63}, "start must be in 64 .. 4095"),
}


@pytest.mark.parametrize("wrong", IMPOSSIBLE)
def test_impossible_inhibition_is_refused(wrong: str) -> None:
    changes, message = IMPOSSIBLE[wrong]
    with pytest.raises(ValueError, match=message):
        Inhibition(**{"inputs": INPUTS, "code_bits": 4, **changes})


def _with_first(**changes: Any) -> Network:
    of_rule = {name: changes.pop(name) for name in list(changes) if hasattr(rule(), name)}
    first = replace(network("learned").populations[0], rule=rule(**of_rule))
    return replace(network("learned"), populations=(replace(first, **changes), Population(2)))


@pytest.mark.parametrize(
    "changes",
    [
        {"rate_shift": 19},
        {"trace_shift": -1},
        {"weight_bits": 4, "zero_point": 8, "weight_min": -8, "weight_max": 7},
    ],
)
def test_learned_inhibition_needs_a_population_of_prototypes(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a learned inhibition needs"):
        _with_first(**changes)


def test_networks_that_do_not_go_with_signs_are_refused() -> None:
    bare = replace(network("none"), preparation=None)
    with pytest.raises(ValueError, match="bitplane encoder of at most 7 bits"):
        Encoder("rate", 4, 4, is_signed=True)
    with pytest.raises(ValueError, match="bitplane encoder of at most 7 bits"):
        Encoder("bitplane", 8, 8, is_signed=True)
    with pytest.raises(ValueError, match="either split"):
        Preparation((1, INPUTS, 1), signed=True, keeps_sign=True)
    with pytest.raises(ValueError, match="the encoder must take them"):
        replace(network("none"), encoder=Encoder("bitplane", 3, 3))
    with pytest.raises(ValueError, match="the encoder must take them"):
        replace(bare, inhibition=Inhibition(INPUTS, 4), encoder=Encoder("bitplane", 3, 3))
    with pytest.raises(ValueError, match="inputs of the inhibition"):
        replace(bare, inhibition=Inhibition(INPUTS + 1, 4))
    with pytest.raises(ValueError, match="no bias"):
        replace(bare, populations=(Population(2, bias=True),))
    with pytest.raises(ValueError, match="a rule needs pre 'attract'"):
        _with_first(trace_increment=2)
