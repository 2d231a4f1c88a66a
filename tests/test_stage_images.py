"""Images with frozen stages: a hostile one is refused, and stages need their code."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from direct import Image, aligned, pointer
from replaying import sealed, status_name
from test_image import assembled, sections_of

from edge_naca import image
from edge_naca._core import ffi, lib
from edge_naca.image import ImageError
from edge_naca.image_records import ENTRY, HEADER
from edge_naca.network import Encoder, Network, Population, Rule
from edge_naca.stages import CodedConvolution, CodedPool, SpikingConvolution, SpikingPool


def staged() -> bytes:
    """Return an image with one stage of each kind, A to D, and a population behind them."""
    rng = np.random.default_rng(3)
    stages = (
        CodedConvolution(
            shape=(4, 4, 2), weights=rng.integers(-9, 9, (3, 2, 2, 2)), code_bits=4, bits=4
        ),
        CodedPool(shape=(3, 3, 3), kernel=(2, 2), code_bits=4, bits=4, shift=2),
        SpikingConvolution(shape=(2, 2, 3), weights=rng.integers(-9, 9, (2, 3, 1, 1))),
        SpikingPool(shape=(2, 2, 2), kernel=(2, 2)),
    )
    rule = Rule("all", "table", "attract", np.zeros((2, 2), int))
    population = Population(2, rule=rule)
    return image.encode(Network(32, Encoder("rate", 4, 4), (population,), stages=stages))


def changed(tag: str, at: int, layout: str, value: int) -> bytes:
    """Return that image with one number of a section changed, under a good checksum."""
    data = bytearray(staged())
    for index in range(HEADER.unpack(data)["sections"]):
        name, _, offset, _ = ENTRY.unpack(data, HEADER.size + ENTRY.size * index).values()
        if name == tag.encode():
            struct.pack_into(layout, data, offset + at, value)
    return sealed(data)


A, B, C, D = "STGA", "STGB", "STGC", "STGD"

# Section, offset, type and value of what is wrong, and the status in C.
HOSTILE: dict[str, tuple[str, int, str, int, str]] = {
    "unknown kind": (A, 0, "<B", 4, "NETWORK"),
    "coded behind spiking": (D, 0, "<B", 1, "NETWORK"),
    "other height": (B, 2, "<H", 2, "NETWORK"),
    "no height": (A, 2, "<H", 0, "NETWORK"),
    "huge height": (A, 2, "<H", 65535, "NETWORK"),
    "more rows than windows": (A, 8, "<H", 5, "NETWORK"),
    "many rows": (A, 8, "<H", 65535, "NETWORK"),
    "no maps": (A, 12, "<H", 0, "NETWORK"),
    "pool with other maps": (B, 12, "<H", 2, "NETWORK"),
    "kernel beyond the input": (B, 14, "<H", 5, "NETWORK"),
    "huge kernel": (D, 14, "<H", 65535, "NETWORK"),
    "other kernel": (A, 14, "<H", 1, "SECTION"),
    "no groups": (A, 18, "<H", 0, "NETWORK"),
    "groups that do not divide": (A, 18, "<H", 2, "NETWORK"),
    "gain of a convolution": (A, 20, "<H", 1, "NETWORK"),
    "no gain": (B, 20, "<H", 0, "NETWORK"),
    "no stride": (C, 22, "<B", 0, "NETWORK"),
    "padding as large as the kernel": (A, 26, "<B", 2, "NETWORK"),
    "dilated pool": (B, 24, "<B", 2, "NETWORK"),
    "shift of a convolution": (A, 28, "<B", 1, "NETWORK"),
    "large shift": (B, 28, "<B", 24, "NETWORK"),
    "large current shift": (C, 28, "<B", 8, "NETWORK"),
    "shift of a spiking pool": (D, 28, "<B", 1, "NETWORK"),
    "long refractory time": (C, 29, "<B", 255, "NETWORK"),
    "refractory time of a pool": (B, 29, "<B", 1, "NETWORK"),
    "no bits": (A, 31, "<B", 0, "NETWORK"),
    "many bits": (A, 31, "<B", 9, "NETWORK"),
    "bits of the stage before": (B, 30, "<B", 3, "NETWORK"),
    "bits of the encoder": (B, 31, "<B", 3, "NETWORK"),
    "bits of spikes": (C, 30, "<B", 1, "NETWORK"),
    "unknown flag": (C, 1, "<B", 16, "NETWORK"),
    "flag of a coded convolution": (A, 1, "<B", 1, "NETWORK"),
    "parameters that are not there": (C, 1, "<B", 4, "SECTION"),
    "readout before a pool": (C, 1, "<B", 2, "NETWORK"),
    "greatest of spikes": (D, 1, "<B", 1, "NETWORK"),
    "reset_by without subtraction": (C, 32 + 8, "<i", 1, "NETWORK"),
    "synapse_decay without a synapse": (C, 32 + 14, "<H", 1, "NETWORK"),
    "large decay": (C, 32 + 12, "<H", 257, "NETWORK"),
    "rule that takes spikes behind a pool": ("NETW", 16 + 32, "<B", 0, "NETWORK"),
    "no populations behind a pool": ("NETW", 4, "<B", 0, "SECTION"),
}


def test_the_image_is_taken() -> None:
    assert Image(staged()).status == "NACA_OK"
    assert image.encode(*image.decode(staged())) == staged()


@pytest.mark.parametrize("wrong", HOSTILE)
def test_hostile_stage_is_refused(wrong: str) -> None:
    section, offset, kind, value, status = HOSTILE[wrong]
    hostile = changed(section, offset, kind, value)
    assert Image(hostile).status == f"NACA_ERR_{status}"
    with pytest.raises(ImageError):
        image.decode(hostile)


def test_a_direct_encoder_may_speak_to_the_first_spiking_convolution() -> None:
    direct = changed("NETW", 5, "<B", 3)
    assert Image(direct).status == "NACA_OK"
    assert image.decode(direct)[0].encoder.kind == "direct"


@pytest.mark.parametrize("gone", [b"STGA", b"STGB"])
def test_missing_stage_is_refused(gone: bytes) -> None:
    left = assembled([section for section in sections_of(staged()) if section[0] != gone])
    assert Image(left).status != "NACA_OK"
    with pytest.raises(ImageError):
        image.decode(left)


@pytest.mark.parametrize("size", [0, 31, 32, 55, 56, 79, 84])
def test_short_and_long_stages_are_refused(size: int) -> None:
    sections = [
        (tag, flags, (content + bytes(4))[:size] if tag == b"STGA" else content)
        for tag, flags, content in sections_of(staged())
    ]
    assert Image(assembled(sections)).status == "NACA_ERR_SECTION"
    with pytest.raises(ImageError):
        image.decode(assembled(sections))


def test_stages_need_their_code() -> None:
    data, memory = staged(), aligned(len(staged()))
    memory[:] = np.frombuffer(data, np.uint8)
    found = ffi.new("naca_image_t *")
    for stages in (ffi.NULL, lib.naca_coded_stages(), lib.naca_spiking_stages()):
        status = lib.naca_image_open_with(stages, found, pointer(memory), len(data))
        assert status_name(status) == "NACA_ERR_STAGES"
    assert status_name(lib.naca_image_open(found, pointer(memory), len(data))) == "NACA_ERR_STAGES"
    status = lib.naca_image_open_with(lib.naca_all_stages(), found, pointer(memory), len(data))
    assert status_name(status) == "NACA_OK"
    assert found.stages == 4


OVERFLOWS: dict[str, Callable[[], object]] = {
    "direct codes": lambda: Network(
        4096,
        Encoder("direct", 8, 1),
        (),
        stages=(
            SpikingConvolution(
                shape=(1, 1, 4096), weights=np.ones((2, 4096, 1, 1), int), current_shift=4
            ),
        ),
    ),
    "gain of a pool": lambda: CodedPool(shape=(60, 60, 1), kernel=(60, 60), gain=2000),
    "spikes of a pool": lambda: Network(
        4096,
        Encoder("rate", 1, 1),
        (Population(2),),
        stages=(SpikingPool(shape=(64, 64, 1), kernel=(9, 9)),),
    ),
}


@pytest.mark.parametrize("kind", OVERFLOWS)
def test_what_could_overflow_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=r"exceeds|may reach|may come out"):
        OVERFLOWS[kind]()
