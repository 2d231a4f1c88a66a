"""The fuzzers find nothing in a bounded number of runs (tests/fuzz).

``EDGE_NACA_FUZZ_RUNS=1000000`` asks for as many runs of each instead.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from signal_strategies import network_of, random_signal
from strategies import networks, random_state
from support import run
from wire import HEARING, NETWORK, SESSION, SIGNED, batch_body, chunks, learn_body, pack, samples

from edge_naca import image
from edge_naca.core import Core
from edge_naca.network import Network

ASKED = int(os.environ.get("EDGE_NACA_FUZZ_RUNS", "0"))
RUNS = ASKED or 80_000
SEEDS = 400
LINK_RUNS = ASKED or 50_000
STORE_RUNS = ASKED or 40_000
STORE_SIZES = (2048, 4096, 1408, 2048, 4096, 2304)  # of the geometries in store_flash.c


def write_corpus(folder: Path) -> None:
    """Write small random images with random operations: where the fuzzer starts."""

    @seed(0)
    @settings(
        max_examples=SEEDS,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(networks(), networks(("learned",))), st.integers(0, 2**32 - 1))
    def write(network: Network, number: int) -> None:
        rng = np.random.default_rng(number)
        encoded = image.encode(network, random_state(network, rng) if number % 2 else None)
        if len(encoded) < 8000:
            data = struct.pack("<H", len(encoded)) + encoded + rng.bytes(400)
            (folder / f"{number:08x}").write_bytes(data)

    write()
    rng = np.random.default_rng(0)
    for number in range(SEEDS // 4):
        encoded = image.encode(network_of(random_signal(rng)))
        if len(encoded) < 8000:
            data = struct.pack("<H", len(encoded)) + encoded + rng.bytes(400)
            (folder / f"signal{number}").write_bytes(data)


@pytest.mark.slow
def test_fuzzing_finds_nothing(build_preset: Callable[[str], Path], tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    write_corpus(corpus)
    program = build_preset("fuzz") / "fuzz_image"
    said = run(program, f"-runs={RUNS}", "-seed=1", "-max_len=9000", corpus, cwd=tmp_path)
    assert f"Done {RUNS} runs" in said
    # Starting from valid images it gets deep into the core, not only to its refusals.
    coverage = re.findall(r"INITED cov: (\d+)", said)
    assert int(coverage[0]) > 300, said


def link_operations(network: Network, encoded: bytes) -> list[bytes]:
    """Return operations of fuzz_link.c that go through every request, as they should be."""

    def frame(kind: int, body: bytes = b"", choice: int = 1) -> bytes:
        payload = struct.pack("<BBHI", kind, 0, 7, 0) + body
        return bytes([choice, len(payload)]) + payload

    xs, ys = samples(6)
    core = Core(network)
    core.learn_many(xs, ys, "codes")
    saved = core.save_state()
    crc = struct.unpack_from("<I", encoded, 12)[0]
    teach = [frame(3, learn_body(i, xs[i], int(ys[i])), choice=2) for i in range(3)]
    return [
        *(frame(kind) for kind in (1, 8, 0xB)),
        frame(0x10, struct.pack("<II", SESSION, 0)),
        *teach,
        frame(4, batch_body(0, xs, ys.tolist()), choice=3),
        *taking_back(frame),
        *owning(frame),
        frame(2, b"\3" + xs[0].tobytes()),
        frame(2, b"\5" + pack(-xs[0], core.network.code_bits + core.network.encoder.is_signed)),
        frame(6, struct.pack("<IH", 0, 90)),
        frame(9),
        *(frame(7, struct.pack("<II", len(saved), at) + c) for at, c in chunks(saved, 208)),
        frame(0xC, struct.pack("<II", len(encoded), crc)),
        *(frame(0xD, struct.pack("<I", at) + chunk) for at, chunk in chunks(encoded, 224)),
        frame(0xE),
        frame(0xF, struct.pack("<IH", 16, 90)),
        frame(0xA, b"\2"),
        bytes([6, 9]),  # power is cut at the second flash operation
        frame(9),
        bytes([6, 2]),  # boot
        bytes([0, 3, 1, 2, 3]),
        *signal_operations(frame),
    ]


def taking_back(frame: Callable[..., bytes]) -> list[bytes]:
    """Return operations that take back what was taught, marked or not, and roll back."""
    last, before = struct.pack("<II", SESSION, 6), struct.pack("<II", SESSION, 5)
    return [
        frame(0x14, last + b"\0"),
        frame(0x14, before + b"\2"),
        frame(0x14, before + b"\1"),
        frame(0x16, before + b"\1\0"),
        frame(0x15, before),
    ]


def owning(frame: Callable[..., bytes]) -> list[bytes]:
    """Return operations that name classes, and lock and unlock."""
    key = bytes(range(24))
    return [
        frame(0x18, struct.pack("<HB", 1, 3) + b"abc"),
        frame(0x17, struct.pack("<IH", 0, 40)),
        frame(0x19, b"\1" + key),
        frame(0x18, b""),
        frame(9),
        frame(0x19, b"\2" + bytes(24)),
        frame(0x19, b"\2" + key),
    ]


def signal_operations(frame: Callable[..., bytes]) -> list[bytes]:
    """Return operations that hand over samples of two channels, and those of the device's own."""
    part = bytes(range(40)) * 4
    head = struct.pack("<IIHBB", 0, 0, 0xFFFF, 1, 1)
    return [
        frame(0x11, head + part),
        frame(0x11, struct.pack("<IIHBB", 0, 40, 0xFFFF, 0, 1) + part),
        frame(0x12, struct.pack("<IHBI", 0, 0xFFFF, 1, 0)),
        bytes([7, len(part)]) + part,
        frame(0x12, struct.pack("<IHBI", SESSION, 1, 1, 0)),
        bytes([7, len(part)]) + part,
        frame(0x13, struct.pack("<IH", 0, 9)),
    ]


@pytest.mark.slow
def test_fuzzing_the_link_finds_nothing(
    build_preset: Callable[[str], Path], tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name, network in {"plain": NETWORK, "signed": SIGNED, "signal": HEARING}.items():
        encoded = image.encode(network, None)
        operations = link_operations(network, encoded)
        image_part = struct.pack("<H", len(encoded)) + encoded
        for number in range(len(operations) + 1):
            (corpus / f"{name}-{number}").write_bytes(image_part + b"".join(operations[:number]))
    program = build_preset("fuzz") / "fuzz_link"
    said = run(program, f"-runs={LINK_RUNS}", "-seed=1", "-max_len=6000", corpus, cwd=tmp_path)
    assert f"Done {LINK_RUNS} runs" in said
    coverage = re.findall(r"INITED cov: (\d+)", said)
    assert int(coverage[0]) > 500, said


@pytest.mark.slow
def test_fuzzing_the_store_finds_nothing(
    build_preset: Callable[[str], Path], tmp_path: Path
) -> None:
    """What the memory holds, what is saved, cuts and bad sectors (docs/store.md, section 9)."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    random = np.random.default_rng(1)
    for geometry, size in enumerate(STORE_SIZES):
        for flags in range(4):
            memory = random.bytes(size) if flags & 1 else b""
            data = bytes([geometry, flags, 7]) + memory + random.bytes(300)
            (corpus / f"{geometry}-{flags}").write_bytes(data)
    program = build_preset("fuzz") / "fuzz_store"
    said = run(program, f"-runs={STORE_RUNS}", "-seed=1", "-max_len=4800", corpus, cwd=tmp_path)
    assert f"Done {STORE_RUNS} runs" in said
    coverage = re.findall(r"DONE +cov: (\d+)", said)
    assert int(coverage[0]) > 300, said
