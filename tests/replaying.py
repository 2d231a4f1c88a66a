"""Tapes: recorded work that every implementation has to answer alike (tests/c/replay.c).

`answers` plays a tape on the specification, or on the C core inside Python, and yields the lines
that the C program prints.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import HypothesisProvider
from numpy.typing import ArrayLike, NDArray
from strategies import KINDS, networks, random_sample, random_state
from support import run

from edge_naca import image
from edge_naca._core import ffi, lib
from edge_naca.core import Core
from edge_naca.image_records import ENTRY, HEADER, NETWORK, SAVED_STATE
from edge_naca.network import Network
from edge_naca.samples import check_events, check_samples, takes_reals
from edge_naca.specification import preparation
from edge_naca.specification.network import Specification
from edge_naca.specification.results import Recording, Result

CASE = struct.Struct("<i4I")
OPERATION = struct.Struct("<i5I")

OPERATIONS = ("infer", "learn", "record", "prepare", "restart", "load")
RAW_KINDS = {"uint8": 0, "int16": 1, "int32": 2, "float32": 6}
RAW_DTYPES = {kind: dtype for dtype, kind in RAW_KINDS.items()}
CODES, EVENTS = 3, 4

NOTHING = Result(0, 0, 0, 0, 0)


def status_name(status: int) -> str:
    """Return the name of a status as in naca.h."""
    return str(ffi.string(lib.naca_status_name(status)).decode())


# ---- writing -----------------------------------------------------------------------------------


def operation(
    name: str,
    sample: tuple[int, int, bytes] = (0, 0, b""),
    label: int = 0,
    status: int = lib.NACA_OK,
) -> bytes:
    """Write an operation down; `sample` is its kind, its count and its data."""
    kind, count, data = sample
    code = OPERATIONS.index(name)
    return OPERATION.pack(status, code, kind, label, count, len(data)) + data


def sample_of(network: Network, x: ArrayLike, kind: str) -> tuple[int, int, bytes]:
    """Return a sample as `operation` takes it."""
    if kind == "events":
        events = check_events(network, x)
        return EVENTS, len(events), events.tobytes()
    array = check_samples(network, np.asarray(x)[None], kind)[0]
    code = CODES if kind == "codes" else RAW_KINDS[array.dtype.name]
    return code, array.size, array.tobytes()


def case(encoded: bytes, operations: list[bytes], workspace_size: int = 0) -> bytes:
    """Write a case down: an image and what is done with it."""
    network, _ = image.decode(encoded)
    units = network.units
    head = CASE.pack(lib.NACA_OK, len(encoded), workspace_size, units, len(operations))
    return head + encoded + b"".join(operations)


def refused_case(encoded: bytes, status: int) -> bytes:
    """Write down an image that must not be opened."""
    return CASE.pack(status, len(encoded), 0, 0, 0) + encoded


def network_id(encoded: bytes) -> int:
    """Return what tells the network of an image from others (docs/image.md)."""
    crc = 0
    for tag, content in image.read_sections(encoded).items():
        if tag not in ("STAT", "META"):
            crc = zlib.crc32(content, zlib.crc32(tag.encode(), crc))
    return crc


def saved_state(encoded: bytes, state: bytes) -> bytes:
    """Return a learned state as `naca_state_save` writes it."""
    head = {"magic": b"NST1", "network": network_id(encoded)}
    return SAVED_STATE.pack(head | {"size": len(state), "hash": zlib.crc32(state)}) + state


# ---- reading -----------------------------------------------------------------------------------


def _read_sample(network: Network, data: bytes, kind: int) -> tuple[NDArray[Any], str]:
    if kind == EVENTS:
        return np.frombuffer(data, "<u2").reshape(-1, 2), "events"
    if kind == CODES:
        return np.frombuffer(data, np.int8 if network.encoder.is_signed else np.uint8), "codes"
    return np.frombuffer(data, np.dtype(RAW_DTYPES[kind]).newbyteorder("<")), "raw"


def _written(recording: Recording) -> bytes:
    """Return the bytes of a recording as the core writes it."""
    return b"".join(
        array.astype(dtype).tobytes()
        for array, dtype in (
            (recording.input_spikes, "u1"),
            (recording.spikes, "u1"),
            (recording.potentials, "<i4"),
            (recording.thresholds, "<i4"),
        )
    )


class _Player:
    """One case on the specification or on the C core."""

    def __init__(self, engine: type[Specification] | type[Core], encoded: bytes) -> None:
        self.engine = engine
        self.encoded = encoded
        self.network, self.state = image.decode(encoded)
        self.crc = 0
        self.start(self.state)

    def start(self, state: bytes | None) -> None:
        self.runner = self.engine(self.network, state)
        self.counters = np.zeros(4, np.uint64)

    def present(self, name: str, x: NDArray[Any], kind: str, label: int) -> Result:
        if name == "infer":
            result = self.runner.infer(x, kind)
        elif name == "learn":
            result = self.runner.learn(x, label, kind)
        else:
            recording = self.runner.record(x, kind)
            self.crc = zlib.crc32(_written(recording), self.crc)
            result = recording.result
        numbers = [1, result.spikes, result.synops, result.changes]
        self.counters += np.array(numbers, np.uint64)
        return result

    def operate(self, name: str, kind: int, label: int, data: bytes) -> Result:
        if name == "restart":
            state = self.runner.state()
            self.crc = zlib.crc32(saved_state(self.encoded, state), self.crc)
            self.start(state)
        elif name == "load":
            counters = self.counters
            self.start(data[SAVED_STATE.size :])
            self.counters = counters
        elif name == "prepare":
            assert self.network.preparation is not None
            x, _ = _read_sample(self.network, data, kind)
            codes = preparation.codes(self.network.preparation, x, self.network.code_bits)
            self.crc = zlib.crc32(codes.tobytes(), self.crc)
        else:
            return self.present(name, *_read_sample(self.network, data, kind), label)
        return NOTHING


def answers(tape: bytes, engine: type[Specification] | type[Core]) -> Iterator[str]:
    """Play a tape and yield what `naca_replay` prints for it."""
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        return tape[at - size : at]

    while at < len(tape):
        status, image_size, _, _, count = CASE.unpack(take(CASE.size))
        encoded = take(image_size)
        if status != lib.NACA_OK:
            yield f"open {status_name(status)}"
            continue
        player = _Player(engine, encoded)
        yield f"open NACA_OK {network_id(encoded):08x}"
        for _ in range(count):
            status, code, kind, label, _, size = OPERATION.unpack(take(OPERATION.size))
            data, name, result = take(size), OPERATIONS[code], NOTHING
            if status == lib.NACA_OK:
                result = player.operate(name, kind, label, data)
            yield (
                f"{name} {status_name(status)} {result.prediction} {result.margin} "
                f"{result.spikes} {result.synops} {result.changes} "
                f"{player.runner.state_hash():08x} {player.crc:08x}"
            )
        yield "end " + " ".join(map(str, player.counters))


# ---- random tapes ------------------------------------------------------------------------------


def _refusals(network: Network, encoded: bytes, state: bytes) -> Iterator[bytes]:
    """Yield operations that have to be refused, and change nothing."""
    steps, inputs = network.encoder.steps, network.inputs
    codes = CODES, inputs, bytes(inputs)
    yield operation("learn", codes, network.capacity, lib.NACA_ERR_LABEL)
    yield operation("learn", codes, 2**32 - 1, lib.NACA_ERR_LABEL)
    wrong = [
        (CODES, inputs - 1, bytes(inputs - 1)),
        (CODES, inputs + 1, bytes(inputs + 1)),
        (EVENTS, 1, struct.pack("<2H", steps, 0)),
        (EVENTS, 1, struct.pack("<2H", 0, inputs)),
        (EVENTS, 2, struct.pack("<4H", *2 * [steps - 1, inputs - 1])),
        (EVENTS + 1, inputs, bytes(inputs)),
        (2**32 - 1, inputs, bytes(inputs)),
    ]
    if network.code_bits < 8:
        wrong.append((CODES, inputs, bytes(inputs - 1) + bytes([1 << network.code_bits])))
    if network.encoder.is_signed:
        beyond = (-(1 << network.code_bits)) % 256
        wrong.append((CODES, inputs, bytes(inputs - 1) + bytes([beyond])))
        wrong.append((EVENTS, 1, struct.pack("<2H", 0, 0)))
    if steps > 1:
        wrong.append((EVENTS, 2, struct.pack("<4H", 1, 0, 0, inputs - 1)))
    prep = network.preparation
    for kind, dtype in RAW_DTYPES.items():
        count = inputs if prep is None else prep.raw_count + 1
        wrong.append((kind, count, bytes(count * np.dtype(dtype).itemsize)))
    if prep is not None:
        reals = np.zeros(prep.raw_count, np.float32)
        for bad in (np.nan, -np.inf) if takes_reals(network) else (0.0,):
            reals[-1] = bad
            wrong.append((RAW_KINDS["float32"], len(reals), reals.tobytes()))
    for sample in wrong:
        yield operation("learn", sample, 0, lib.NACA_ERR_SAMPLE)
        yield operation("record", sample, 0, lib.NACA_ERR_SAMPLE)
    yield operation("prepare", codes, 0, lib.NACA_ERR_SAMPLE)
    saved = saved_state(encoded, state)
    other = bytearray(saved)
    other[4] ^= 1
    damaged = bytearray(saved)
    damaged[-1] ^= 128
    for data, status in [
        (saved[:15], lib.NACA_ERR_TRUNCATED),
        (saved[:-1], lib.NACA_ERR_TRUNCATED),
        (saved + b"\0", lib.NACA_ERR_TRUNCATED),
        (b"NST0" + saved[4:], lib.NACA_ERR_MAGIC),
        (bytes(other), lib.NACA_ERR_STATE),
        (bytes(damaged), lib.NACA_ERR_CHECKSUM),
    ]:
        yield operation("load", (0, 0, data), 0, status)


# Where a number of a network's record lies, its format, and a value that it must not have.
_IMPOSSIBLE = [
    ("inputs", 0, "<H", 0),
    ("inputs", 0, "<H", 4097),
    ("capacity", 2, "<H", 0),
    ("capacity", 2, "<H", 1025),
    ("populations", 4, "<B", 9),
    ("encoder", 5, "<B", 4),
    ("bits", 6, "<B", 0),
    ("bits", 6, "<B", 9),
    ("steps", 7, "<B", 0),
    ("neurons", 16, "<H", 0),
    ("neurons", 16, "<H", 4097),
    ("flags", 18, "<H", 16),
    ("weight_bits", 20, "<B", 7),
    ("zero_point", 21, "<B", 16),
    ("weight_min", 22, "<b", 1),
    ("weight_max", 23, "<b", -1),
    ("decay", 24, "<H", 257),
    ("current_shift", 26, "<B", 8),
    ("refractory", 27, "<B", 255),
    ("fire_from", 28, "<B", 255),
    ("norm_shift", 29, "<B", 25),
    ("winners", 30, "<H", 4097),
    ("threshold", 32, "<i", (1 << 26) + 1),
    ("threshold", 32, "<i", -(1 << 26) - 1),
    ("inhibition", 36, "<i", -1),
    ("inhibition", 36, "<i", (1 << 15) + 1),
    ("adaptation", 40, "<i", -1),
    ("adaptation", 40, "<i", (1 << 20) + 1),
    ("adaptation_decay", 44, "<H", 257),
    ("post", 46, "<B", 4),
    ("signal", 47, "<B", 2),
    ("pre", 48, "<B", 3),
    ("trace_shift", 49, "<b", 9),
    ("trace_shift", 49, "<b", -9),
    ("trace_decay", 50, "<H", 257),
    ("rate_shift", 53, "<B", 0),
    ("rate_shift", 53, "<B", 29),
    ("handicap", 54, "<H", 4096),
    ("recruit", 56, "<i", (1 << 27) + 1),
    ("delta_margin", 60, "<i", -1),
    ("delta_margin", 60, "<i", (1 << 24) + 1),
    ("curve_shift", 68, "<B", 25),
    ("reserved", 79, "<B", 1),
]


# The same where codes have a sign, and of an inhibition's record.
_IMPOSSIBLE_SIGNED = [("encoder", 5, "<B", 1), ("is_signed", 13, "<B", 2)]
_IMPOSSIBLE_INHIBITION = [
    ("flags", 0, "<B", 2),
    ("code_bits", 1, "<B", 0),
    ("code_bits", 1, "<B", 8),
    ("inputs", 2, "<H", 0),
    ("shift", 4, "<B", 25),
    ("reach", 5, "<B", 0),
    ("reach", 5, "<B", 16),
    ("noise", 6, "<H", 4096),
    ("first", 8, "<H", 0),
    ("start", 12, "<H", 63),
    ("start", 12, "<H", 4096),
    ("rank", 14, "<H", 1025),
]


def sealed(data: bytes | bytearray) -> bytes:
    """Return an image with size and checksum put right."""
    head = HEADER.pack({**HEADER.unpack(data), "size": len(data)})[: image.CHECKSUM_AT]
    rest = bytes(data[HEADER.size :])
    return head + zlib.crc32(rest, zlib.crc32(head)).to_bytes(4, "little") + rest


def refused_cases(encoded: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """Yield cases with images that must not be opened: one damaged, one that cannot be."""
    damaged = bytearray(encoded)
    damaged[int(rng.integers(HEADER.size, len(encoded)))] ^= 1 << int(rng.integers(8))
    yield refused_case(bytes(damaged), lib.NACA_ERR_CHECKSUM)
    places = {}
    for index in range(HEADER.unpack(encoded)["sections"]):
        entry = ENTRY.unpack(encoded, HEADER.size + ENTRY.size * index)
        places[entry["tag"]] = entry["offset"]
    network_at = places[b"NETW"]
    has_populations = encoded[network_at + 4] > 0
    is_signed = encoded[network_at + NETWORK.offset("is_signed")] == 1
    choices = [x for x in _IMPOSSIBLE if has_populations or x[1] < NETWORK.size]
    hostile = [(network_at, choices)]
    if is_signed:
        hostile.append((network_at, _IMPOSSIBLE_SIGNED))
    if b"INHB" in places:
        hostile.append((places[b"INHB"], _IMPOSSIBLE_INHIBITION))
    if b"PREP" in places and not encoded[places[b"PREP"] + 1] & 16:
        flags = encoded[places[b"PREP"] + 1] | 32  # maps for each number, and there are none
        hostile.append((places[b"PREP"], [("flags", 1, "<B", flags)]))
    for first, fields in hostile:
        _, at, layout, value = fields[rng.integers(len(fields))]
        impossible = bytearray(encoded)
        struct.pack_into(layout, impossible, first + at, value)
        yield refused_case(sealed(impossible), lib.NACA_ERR_NETWORK)


def random_case(network: Network, rng: np.random.Generator, rounds: int) -> bytes:
    """Write down random work with a network: every operation, some refused; and refused images."""
    state = None if rng.random() < 0.5 else random_state(network, rng)
    encoded = image.encode(network, state)
    operations = []
    for _ in range(rounds):
        x, kind = random_sample(network, rng)
        sample = sample_of(network, x, kind)
        operations.append(operation("record", sample))
        operations.append(operation("learn", sample, int(rng.integers(network.capacity))))
        if kind == "raw":
            operations.append(operation("prepare", sample))
        if rng.random() < 0.3:
            operations.append(operation("restart"))
        if rng.random() < 0.1:
            saved = saved_state(encoded, random_state(network, rng))
            operations.append(operation("load", (0, 0, saved)))
        operations.append(operation("infer", sample))
    refusals = list(_refusals(network, encoded, random_state(network, rng)))
    for place in rng.integers(len(refusals), size=2):
        operations.insert(int(rng.integers(len(operations) + 1)), refusals[place])
    refused = b"".join(refused_cases(encoded, rng))
    return case(encoded, operations, Core(encoded).workspace_size) + refused


def random_cases(
    seed: int, count: int, rounds: int = 4, kinds: tuple[str, ...] = KINDS
) -> list[bytes]:
    """Return cases with random networks of these kinds, the same ones for the same seed.

    Hypothesis also draws constants that it finds in the modules imported so far, which differ with
    the tests that are run. What a corpus has to hold must not hang on them.
    """
    cases: list[bytes] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(networks(kinds), st.integers(0, 2**32 - 1))
    def collect(network: Network, number: int) -> None:
        cases.append(random_case(network, np.random.default_rng(number), rounds))

    with mock.patch.object(HypothesisProvider, "_maybe_draw_constant", return_value=None):
        collect()
    return cases


# ---- comparing ---------------------------------------------------------------------------------


def first_difference(expected: list[str], told: list[str]) -> str | None:
    """Return what differs first between two answers, None if nothing does."""
    case_number = -1
    for line, (wanted, got) in enumerate(zip(expected, told, strict=False)):
        case_number += wanted.startswith("open")
        if wanted != got:
            return f"case {case_number}, line {line}: expected {wanted!r}, was told {got!r}"
    if len(expected) != len(told):
        return f"{len(told)} lines instead of {len(expected)}"
    return None


def check_replay(program: Path, tape: Path, expected: list[str]) -> None:
    """Fail the test unless `naca_replay` gives the expected answers."""
    difference = first_difference(expected, run(program, tape).splitlines())
    if difference is not None:
        pytest.fail(f"{tape}: {difference}")
