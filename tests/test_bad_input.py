"""What a caller can do wrong is refused with its reason, and nothing is learned from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from direct import GUARD, PATTERN, Image, Runner, aligned, pointer
from hypothesis import given, settings
from hypothesis import strategies as st
from replaying import CODES, NOTHING, sample_of, saved_state, status_name
from strategies import networks, random_sample, random_state

from edge_naca import image
from edge_naca._core import ffi, lib
from edge_naca.core import Core, CoreError
from edge_naca.network import Encoder, Network, Population, Preparation, Rule
from edge_naca.presets import competitive
from edge_naca.specification.network import Specification

INPUTS, CLASSES = 6, 3


def network(seed: int = 0) -> Network:
    rule = Rule("all", "error", "spike", rate_shift=16)
    population = Population(CLASSES, threshold=3, bias=True, rule=rule)
    return Network(INPUTS, Encoder("rate", 4, 5), (population,), Preparation((2, 3, 1)), seed)


def taught(engine: type[Core] | type[Specification]) -> Any:
    """Return a network that has learned something."""
    runner = engine(network())
    for label in range(CLASSES):
        runner.learn(np.arange(INPUTS) + label, label)
    return runner


RAW = np.arange(INPUTS)
ROWS = np.arange(2 * INPUTS).reshape(2, INPUTS)

# What is wrong with a sample, as which kind it is handed over, and what has to be said about it.
BAD_SAMPLES: dict[str, tuple[Any, str | None, str]] = {
    "float": (RAW.astype(float), None, "samples must be integers, not float64"),
    "nan": (np.full(INPUTS, np.nan), None, "samples must be integers, not float64"),
    "complex": (RAW.astype(complex), None, "samples must be integers, not complex128"),
    "text": (["1"] * INPUTS, None, "samples must be integers, not <U1"),
    "object": (np.array([None] * INPUTS), None, "samples must be integers, not object"),
    "short": (RAW[:-1], None, r"must hold 6 numbers \(raw\), but the array is \(1, 5\)"),
    "long": (np.arange(INPUTS + 1), None, r"must hold 6 numbers \(raw\)"),
    "empty": (np.zeros(0, int), None, r"must hold 6 numbers \(raw\)"),
    "number": (3, None, r"must hold 6 numbers \(raw\)"),
    "two": (ROWS, None, r"must hold 6 numbers \(raw\)"),
    "huge": (RAW + 2**31, None, "must fit into 32 bits"),
    "unknown-kind": (RAW, "bytes", "kind must be one of"),
    "codes-large": (RAW + 11, "codes", r"codes must be in 0 .. 15 \(4 bits\), but are in 11 .. 16"),
    "codes-negative": (RAW - 1, "codes", r"codes must be in 0 .. 15 \(4 bits\), but are in -1 .."),
    "codes-short": (RAW[:-1], "codes", r"must hold 6 numbers \(codes\)"),
    "codes-float": (RAW / 2, "codes", "samples must be integers, not float64"),
    "events-late": ([(5, 0)], "events", "event steps must be in 0 .. 4"),
    "events-early": ([(-1, 0)], "events", "event steps must be in 0 .. 4"),
    "events-outside": ([(0, 6)], "events", "event inputs must be in 0 .. 5"),
    "events-doubled": ([(1, 1), (1, 1)], "events", "must ascend"),
    "events-backwards": ([(2, 0), (1, 5)], "events", "must ascend"),
    "events-float": ([(0.0, 1.0)], "events", "events must be integers"),
    "events-flat": ([0, 1], "events", "events must be integers"),
}

BAD_LABELS: dict[str, tuple[Any, str]] = {
    "negative": (-1, "label -1 is out of range: this network has room for 3 classes, 0 .. 2"),
    "one-class-too-many": (CLASSES, "label 3 is out of range: this network has room for 3 classes"),
    "huge": (2**40, "label 1099511627776 is out of range"),
    "beyond-64-bits": (2**70, "labels must be integers, not object"),
    "bool": (True, "labels must be integers, not bool"),
    "float": (1.0, "labels must be integers, not float64"),
    "nan": (float("nan"), "labels must be integers, not float64"),
    "none": (None, "labels must be integers, not object"),
    "text": ("one", "labels must be integers, not <U3"),
}

ENGINES = pytest.mark.parametrize("engine", [Core, Specification])


@ENGINES
@pytest.mark.parametrize("wrong", BAD_SAMPLES)
def test_bad_sample(wrong: str, engine: type[Core] | type[Specification]) -> None:
    x, kind, message = BAD_SAMPLES[wrong]
    runner = taught(engine)
    before = runner.state()
    for call in (
        lambda: runner.infer(x, kind),
        lambda: runner.record(x, kind),
        lambda: runner.learn(x, 0, kind),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            call()
    assert runner.state() == before


@ENGINES
@pytest.mark.parametrize("wrong", BAD_LABELS)
def test_bad_label(wrong: str, engine: type[Core] | type[Specification]) -> None:
    label, message = BAD_LABELS[wrong]
    runner = taught(engine)
    before = runner.state()
    with pytest.raises((TypeError, ValueError), match=message):
        runner.learn(RAW, label)
    assert runner.state() == before


# A batch is checked as a whole: not even the good samples before the bad one are learned.
BAD_BATCHES: dict[str, tuple[Any, Any, str | None, str]] = {
    "last-label": (ROWS, [0, CLASSES], None, "label 3 is out of range"),
    "few-labels": (ROWS, [0], None, "one label for each of 2 samples"),
    "many-labels": (ROWS, [0, 1, 2], None, "one label for each of 2 samples"),
    "label-column": (ROWS, [[0], [1]], None, "one label for each of 2 samples"),
    "float-labels": (ROWS, [0.0, 1.0], None, "labels must be integers"),
    "bool-labels": (ROWS, [False, True], None, "labels must be integers"),
    "one-sample": (ROWS[0], [0], None, "each sample must hold 6 numbers"),
    "last-code": (np.array([[0] * INPUTS, [16] * INPUTS]), [0, 1], "codes", "codes must be in"),
    "nan": (np.array([[0.0] * INPUTS, [np.nan] * INPUTS]), [0, 1], None, "must be integers"),
    "wrong-shape": (ROWS.T, list(range(CLASSES)) * 2, None, "each sample must hold 6 numbers"),
    "events": (np.zeros((2, INPUTS), int), [0, 1], "events", "kind must be one of raw, codes"),
}


@pytest.mark.parametrize("wrong", BAD_BATCHES)
def test_bad_batch(wrong: str) -> None:
    x, labels, kind, message = BAD_BATCHES[wrong]
    core = taught(Core)
    before, counters = core.state(), core.counters()
    with pytest.raises((TypeError, ValueError), match=message):
        core.learn_many(x, labels, kind)
    assert (core.state(), core.counters()) == (before, counters)


@pytest.mark.parametrize("kind", ["raw", "codes"])
def test_empty_batch_does_nothing(kind: str) -> None:
    core = taught(Core)
    before = core.state()
    nothing = np.zeros((0, INPUTS), np.uint8)
    assert core.learn_many(nothing, np.zeros(0, int), kind).shape == (0,)
    assert core.predict_many(nothing, kind).shape == (0,)
    assert core.state() == before


def test_network_without_preparation_takes_no_raw_samples() -> None:
    core = Core(dataclasses.replace(network(), preparation=None))
    with pytest.raises(ValueError, match="has no preparation: hand over codes or events"):
        core.infer(RAW, "raw")
    with pytest.raises(ValueError, match="has no preparation"):
        core.prepare_many(ROWS)


# ---- saved states --------------------------------------------------------------------------------


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


BAD_STATES: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "empty": (lambda saved: b"", "TRUNCATED", "hand over the whole state"),
    "half-a-header": (lambda saved: saved[:15], "TRUNCATED", "hand over the whole state"),
    "cut": (lambda saved: saved[:-1], "TRUNCATED", "hand over the whole state"),
    "longer": (lambda saved: saved + b"\0", "TRUNCATED", "hand over the whole state"),
    "no-header": (lambda saved: saved[16:], "MAGIC", "use what save_state returned"),
    "damaged": (lambda saved: flip(saved, len(saved) - 1), "CHECKSUM", "fetch or save them again"),
    "checksum": (lambda saved: flip(saved, 13), "CHECKSUM", "fetch or save them again"),
    "size": (lambda saved: flip(saved, 8), "STATE", "belongs to another network"),
    "stranger": (
        lambda _: Core(network(seed=1)).save_state(),
        "STATE",
        "load it into the one it came from",
    ),
}


@pytest.mark.parametrize("wrong", BAD_STATES)
def test_bad_state(wrong: str) -> None:
    make, status, message = BAD_STATES[wrong]
    core = taught(Core)
    before = core.state()
    with pytest.raises(CoreError, match=f"NACA_ERR_{status}.*{message}"):
        core.load_state(make(core.save_state()))
    assert core.state() == before


def test_every_bit_of_a_saved_state_counts() -> None:
    core = taught(Core)
    saved, before = core.save_state(), core.state()
    for bit in range(8 * len(saved)):
        damaged = bytearray(saved)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CoreError):
            core.load_state(bytes(damaged))
    assert core.state() == before


@ENGINES
def test_state_of_another_size(engine: type[Core] | type[Specification]) -> None:
    with pytest.raises(ValueError, match=r"state of this network has \d+ bytes, not 5"):
        engine(network(), b"12345")


# ---- the C functions themselves ------------------------------------------------------------------


@settings(max_examples=200)
@given(given_network=networks(), seed=st.integers(0, 2**32 - 1))
def test_workspace_size_is_exact(given_network: Network, seed: int) -> None:
    rng = np.random.default_rng(seed)
    opened = Image(image.encode(given_network, random_state(given_network, rng)))
    size = opened.workspace_size()
    core = ffi.new("naca_t **")
    memory = aligned(size + GUARD)
    status = lib.naca_init(opened.opened, pointer(memory), size - 1, core)
    assert status_name(status) == "NACA_ERR_WORKSPACE"
    assert core[0] == ffi.NULL
    assert (memory == PATTERN).all()
    runner = Runner(opened)
    for _ in range(3):
        sample = sample_of(given_network, *random_sample(given_network, rng))
        assert runner.learn(sample, int(rng.integers(given_network.capacity))) == "NACA_OK"
    assert runner.guard_is_intact()


@pytest.mark.parametrize("shift", range(1, 8))
def test_misaligned_workspace(shift: int) -> None:
    opened = Image(image.encode(network()))
    size = opened.workspace_size()
    memory = aligned(size, shift)
    status = lib.naca_init(opened.opened, pointer(memory), size, ffi.new("naca_t **"))
    assert status_name(status) == "NACA_ERR_ALIGNMENT"
    assert (memory == PATTERN).all()


def test_null_pointers_are_refused() -> None:
    opened = Image(image.encode(network()))
    runner = Runner(opened)
    null, core, number = ffi.NULL, runner.core, ffi.new("uint32_t[8]")
    closed = ffi.new("naca_image_t *")
    codes = bytes(INPUTS)
    data = ffi.from_buffer(codes)
    sample = ffi.new("naca_sample_t *", {"kind": CODES, "data": data, "count": INPUTS})
    no_data = ffi.new("naca_sample_t *", {"kind": CODES, "data": null, "count": INPUTS})
    result, out = ffi.new("naca_result_t *"), ffi.new("uint8_t[]", INPUTS)
    memory = pointer(runner.memory)
    size = runner.size
    before = runner.hash()
    answers = {
        "open image": lib.naca_image_open(null, pointer(opened.memory), len(opened.memory)),
        "open data": lib.naca_image_open(closed, null, 100),
        "size image": lib.naca_workspace_size(null, number),
        "size closed": lib.naca_workspace_size(closed, number),
        "size size": lib.naca_workspace_size(opened.opened, null),
        "init image": lib.naca_init(null, memory, size, ffi.new("naca_t **")),
        "init closed": lib.naca_init(closed, memory, size, ffi.new("naca_t **")),
        "init workspace": lib.naca_init(opened.opened, null, size, ffi.new("naca_t **")),
        "init core": lib.naca_init(opened.opened, memory, size, null),
        "infer core": lib.naca_infer(null, sample, result),
        "infer sample": lib.naca_infer(core, null, result),
        "infer data": lib.naca_infer(core, no_data, result),
        "infer result": lib.naca_infer(core, sample, null),
        "learn core": lib.naca_learn(null, sample, 0, result),
        "learn sample": lib.naca_learn(core, null, 0, result),
        "learn result": lib.naca_learn(core, sample, 0, null),
        "record core": lib.naca_record(null, sample, ffi.new("naca_recording_t *"), result),
        "record sample": lib.naca_record(core, null, ffi.new("naca_recording_t *"), result),
        "record recording": lib.naca_record(core, sample, null, result),
        "record result": lib.naca_record(core, sample, ffi.new("naca_recording_t *"), null),
        "prepare core": lib.naca_prepare(null, sample, out),
        "prepare sample": lib.naca_prepare(core, null, out),
        "prepare codes": lib.naca_prepare(core, sample, null),
        "learned core": lib.naca_learned(null, number),
        "learned learned": lib.naca_learned(core, null),
        "seen core": lib.naca_seen(null, number, CLASSES),
        "seen seen": lib.naca_seen(core, null, CLASSES),
        "seen few": lib.naca_seen(core, number, CLASSES - 1),
        "seen many": lib.naca_seen(core, number, CLASSES + 1),
        "counters core": lib.naca_counters(null, ffi.new("naca_counters_t *")),
        "counters counters": lib.naca_counters(core, null),
        "hash core": lib.naca_state_hash(null, number),
        "hash hash": lib.naca_state_hash(core, null),
        "state_size core": lib.naca_state_size(null, number),
        "state_size size": lib.naca_state_size(core, null),
        "save core": lib.naca_state_save(null, out, INPUTS),
        "save buffer": lib.naca_state_save(core, null, INPUTS),
        "load core": lib.naca_state_load(null, out, INPUTS),
        "load buffer": lib.naca_state_load(core, null, INPUTS),
    }
    assert {call: status_name(status) for call, status in answers.items()} == dict.fromkeys(
        answers, "NACA_ERR_ARGUMENT"
    )
    assert runner.hash() == before


def test_recording_writes_only_what_is_wanted() -> None:
    runner = Runner(Image(image.encode(network())))
    data = ffi.from_buffer(bytes([9] * INPUTS))
    sample = ffi.new("naca_sample_t *", {"kind": CODES, "data": data, "count": INPUTS})
    result = ffi.new("naca_result_t *")
    whole = ffi.new("naca_recording_t *")
    arrays = {
        "input_spikes": ffi.new("uint8_t[]", [7] * 5 * INPUTS),
        "spikes": ffi.new("uint8_t[]", [7] * 5 * CLASSES),
        "potentials": ffi.new("int32_t[]", 5 * CLASSES),
        "thresholds": ffi.new("int32_t[]", 5 * CLASSES),
    }
    for name, array in arrays.items():
        setattr(whole, name, array)
    assert lib.naca_record(runner.core, sample, whole, result) == lib.NACA_OK
    together = {name: bytes(ffi.buffer(array)) for name, array in arrays.items()}
    for name, array in arrays.items():
        ffi.buffer(array)[:] = bytes([7]) * ffi.sizeof(array)
        alone = ffi.new("naca_recording_t *", {name: array})
        assert lib.naca_record(runner.core, sample, alone, result) == lib.NACA_OK
        assert bytes(ffi.buffer(array)) == together[name]


def test_short_buffer_is_not_written() -> None:
    runner = Runner(Image(image.encode(network())))
    size = ffi.new("uint32_t *")
    assert lib.naca_state_size(runner.core, size) == lib.NACA_OK
    memory = aligned(size[0])
    status = lib.naca_state_save(runner.core, pointer(memory), size[0] - 1)
    assert status_name(status) == "NACA_ERR_BUFFER"
    assert (memory == PATTERN).all()
    assert lib.naca_state_save(runner.core, pointer(memory), size[0]) == lib.NACA_OK
    state = image.pack_state(network(), image.new_state(network()))
    assert memory.tobytes() == saved_state(image.encode(network()), state)


def test_refused_sample_is_told_and_nothing_counted() -> None:
    core = taught(Core)
    counters = core.counters()
    result = ffi.new("naca_result_t *", dataclasses.asdict(NOTHING))
    sample = ffi.new("naca_sample_t *", {"kind": CODES, "data": ffi.NULL, "count": 0})
    assert status_name(lib.naca_learn(core._core, sample, 0, result)) == "NACA_ERR_SAMPLE"
    assert core.counters() == counters
    assert counters["presentations"] == CLASSES


@pytest.mark.parametrize("engine", [Core, Specification])
def test_booleans_are_codes(engine: type[Core] | type[Specification]) -> None:
    bits = np.array([True, False, True, True])
    machine = engine(competitive(4, 2, 3))
    machine.learn(bits, 1, "codes")
    assert machine.infer(bits, "codes") == machine.infer(bits.astype(np.uint8), "codes")
    assert machine.infer(bits, "codes").prediction == 1
