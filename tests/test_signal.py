"""Signals: windows and features are alike in numpy and in C, and nothing hostile gets through."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from onnx_running import Running
from replaying import sealed
from signal_strategies import network_of, random_signal, random_windows

from edge_naca import image, image_signal
from edge_naca._core import ffi, lib
from edge_naca.core import Core, CoreError, aligned, pointer_to
from edge_naca.export import OnnxLearner, to_onnx
from edge_naca.image import ImageError
from edge_naca.image_records import ENTRY, HEADER, SIGNAL
from edge_naca.network import Network, Preparation
from edge_naca.samples import check_window
from edge_naca.signal_core import SignalCore
from edge_naca.signal_features import Bands, Signal
from edge_naca.specification import signal as specification

SEEDS = given(seed=st.integers(0, 2**32 - 1))
STATISTICS = ("mean", "deviation", "least", "greatest", "change", "crossings")


def motion() -> Signal:
    """Return a signal of three axes with all that is made of motion."""
    bins = np.array([[1, 32, 0], [1, 16, 16], [2, 20, 0], [2, 8, 0]])
    blocks = (("mean", "deviation", "bands"),) * 3 + (STATISTICS,)
    return Signal(3, 50, 32, 16, blocks, ((0, 1, 2),), Bands(16, 2, bins, frames=3))


# ---- the specification and C -------------------------------------------------------------------


@settings(max_examples=80)
@SEEDS
def test_features_are_the_same(seed: int) -> None:
    check_features(seed)


@pytest.mark.slow
@settings(max_examples=1500)
@SEEDS
def test_features_of_many_signals_are_the_same(seed: int) -> None:
    check_features(seed)


def check_features(seed: int) -> None:
    rng = np.random.default_rng(seed)
    signal = random_signal(rng)
    core = SignalCore(network_of(signal))
    windows = random_windows(signal, rng, 3)
    assert_array_equal(core.features(windows), specification.features(signal, windows))


@settings(max_examples=40)
@SEEDS
def test_windows_come_as_samples_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    signal = random_signal(rng)
    core, windows = SignalCore(network_of(signal)), specification.Windows(signal)
    mapped = replace(signal, affine=None)
    for _ in range(12):
        if rng.random() < 0.15:
            core.gap()
            windows.gap()
        part = random_windows(signal, rng, 2).reshape(-1, signal.channels)
        part = part[: rng.integers(0, len(part) + 1)]
        expected = [specification.features(mapped, full[None])[0] for full in windows.push(part)]
        found = core.push(part)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_array_equal(one, other)


def test_a_pure_tone_is_heard_in_its_band() -> None:
    bins = np.array([[k, 32, 0] for k in range(1, 32)])
    signal = Signal(1, 64, 64, 64, (("bands",),), bands=Bands(64, 31, bins))
    for k in (1, 5, 20, 31):
        tone = np.rint(8000 * np.sin(2 * np.pi * k * np.arange(64) / 64)).astype(np.int16)
        bands = specification.features(signal, tone[None, :, None])[0]
        assert bands.argmax() == k - 1
        quiet = specification.features(signal, (tone[None, :, None] / 16).astype(np.int16))[0]
        assert abs(int(bands.max()) - int(quiet.max()) - 8 * 256) < 20  # 4 octaves of amplitude


def test_statistics_are_what_they_are_called() -> None:
    rng = np.random.default_rng(0)
    x = np.rint(rng.normal(500, 2000, (4, 256, 1))).astype(np.int16)
    found = specification.features(Signal(1, 50, 256, 256, (STATISTICS,)), x)
    values = x[..., 0].astype(float)
    below = values < values.mean(axis=1, keepdims=True)
    expected = [
        values.mean(axis=1),
        values.std(axis=1),
        values.min(axis=1),
        values.max(axis=1),
        np.abs(np.diff(values, axis=1)).sum(axis=1) / 256,
        (below[:, 1:] != below[:, :-1]).sum(axis=1),
    ]
    assert np.abs(found - np.stack(expected, axis=1)).max() <= 1


def test_progress_is_made_while_features_are() -> None:
    network = network_of(motion())
    calls: list[int] = []

    @ffi.callback("void(void *)")
    def count(user: Any) -> None:
        calls.append(1)

    core = SignalCore(network)
    lib.naca_signal_set_progress(core._signal, count, ffi.NULL)
    core.features(np.zeros((1, 32, 3), np.int16))
    assert len(calls) >= 4 + 3 * 2 * 3  # channels, and frames gone through twice


# ---- networks ----------------------------------------------------------------------------------


def test_a_network_learns_from_features() -> None:
    rng = np.random.default_rng(1)
    signal = motion()
    core, windows = Core(network_of(signal)), rng.integers(-3000, 3000, (6, 32, 3))
    features = SignalCore(core.network).features(windows)
    core.learn_many(features, [0, 1] * 3)
    again = Core(core.image())
    assert again.network.signal is not None
    assert_array_equal(SignalCore(again.network).features(windows), features)
    assert (again.predict_many(features) == core.predict_many(features)).all()


@SEEDS
def test_image_holds_a_signal(seed: int) -> None:
    signal = random_signal(np.random.default_rng(seed))
    section = image_signal.section(signal)
    assert image_signal.section(image_signal.read(section)) == section


def test_a_signal_has_to_suit_the_preparation() -> None:
    signal = motion()
    network = network_of(signal)
    with pytest.raises(ValueError, match="makes 30 features of a window, preparation takes 20"):
        replace(network, signal=signal, inputs=20, preparation=Preparation((1, 20, 1)))
    with pytest.raises(ValueError, match="preparation takes 0"):
        replace(network, preparation=None)
    with pytest.raises(ValueError, match="the network has no signal"):
        SignalCore(replace(network, signal=None))


# ---- what is refused ---------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "channels": ({"channels": 17}, "channels must be in 1 .. 16"),
    "rate": ({"rate": 0.0}, "rate must be in"),
    "window": ({"window": 48}, "window must be a power of two, not 48"),
    "window-long": ({"window": 32768}, "window must be in 16 .. 16384"),
    "hop": ({"hop": 0}, "hop must be in 1"),
    "blocks": ({"blocks": (("mean",),)}, "blocks must be said of 4 channels"),
    "block": ({"blocks": (("median",),) * 4}, "a block must be one of mean"),
    "bands": ({"bands": None}, "the block 'bands' needs bands"),
    "axes": ({"magnitudes": ((0, 3),)}, r"a magnitude is of 1 .. 3 channels in 0 .. 2"),
    "frame": ({"window": 16, "bands": Bands(32, 1, np.array([[1, 1, 1]]))}, "do not fit windows"),
    "nothing": ({"blocks": ((),) * 4}, "the number of features must be in 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_descriptions_that_cannot_be(name: str) -> None:
    changes, message = WRONG[name]
    with pytest.raises((TypeError, ValueError), match=message):
        replace(motion(), **changes)


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        (np.array([[3, 1, 1]]), "slots of 0 .. 2"),
        (np.array([[1, 20, 20]]), "weights of at most 32"),
        (np.zeros((16, 3), int), "first must be in 1"),
        (np.zeros((0, 3), int), r"bins must be \(bins, 3\)"),
    ],
)
def test_bands_that_cannot_be(bins: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bands(32, 2, bins)


def test_samples_of_another_kind() -> None:
    core = SignalCore(network_of(motion()))
    for wrong, message in (
        (np.zeros((32, 2), int), "must be of 3 channels"),
        (np.full((2, 3), 32768), "must be in -32768 .. 32767"),
        (np.zeros((2, 3)), "integers of 16 bits"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            core.push(wrong)
    with pytest.raises(ValueError, match="windows must hold 32 samples"):
        core.features(np.zeros((1, 31, 3), int))


def refusal(data: bytes) -> str:
    """Return what C says of an image's signal."""
    memory = aligned(len(data))
    memory[:] = np.frombuffer(data, np.uint8)
    opened, facts = ffi.new("naca_image_t *"), ffi.new("naca_signal_facts_t *")
    stages = lib.naca_all_stages()
    status = lib.naca_image_open_with(stages, opened, pointer_to(memory, "void *"), len(data))
    if status == lib.NACA_OK:
        status = lib.naca_signal_facts(opened, facts)
    return str(ffi.string(lib.naca_status_name(status)).decode())


def changed(network: Network, at: int, layout: str, value: int) -> bytes:
    """Return an image of a network with a number in its section SGNL changed."""
    data = bytearray(image.encode(network))
    for index in range(HEADER.unpack(data)["sections"]):
        entry = ENTRY.unpack(data, HEADER.size + ENTRY.size * index)
        if entry["tag"] == image_signal.TAG:
            struct.pack_into(layout, data, entry["offset"] + at, value)
    return sealed(data)


HOSTILE = {
    "channels": (SIGNAL.offset("channels"), "<B", 4),
    "no channels": (SIGNAL.offset("channels"), "<B", 0),
    "magnitudes": (SIGNAL.offset("magnitudes"), "<B", 9),
    "window": (SIGNAL.offset("window"), "<B", 15),
    "frame": (SIGNAL.offset("frame"), "<B", 6),
    "frames": (SIGNAL.offset("frames"), "<B", 0),
    "bands": (SIGNAL.offset("bands"), "<B", 1),
    "level": (SIGNAL.offset("level"), "<B", 31),
    "decimation": (SIGNAL.offset("decimation"), "<B", 6),
    "rate": (SIGNAL.offset("rate"), "<I", 0),
    "hop": (SIGNAL.offset("hop"), "<I", 0),
    "first bin": (SIGNAL.offset("first_bin"), "<H", 0),
    "last bin": (SIGNAL.offset("first_bin"), "<H", 5),
    "bins": (SIGNAL.offset("bins"), "<H", 3),
    "features": (SIGNAL.offset("features"), "<H", 20),
    "flags": (SIGNAL.offset("flags"), "<B", 2),
    "real": (SIGNAL.offset("flags"), "<B", 1),
    "reserved": (SIGNAL.offset("reserved"), "<B", 1),
    "block": (SIGNAL.size, "<B", 3),
    "axis": (SIGNAL.size + 4, "<B", 3),
    "no first axis": (SIGNAL.size + 4, "<B", 255),
    "slot": (SIGNAL.size + 7, "<B", 3),
    "weights": (SIGNAL.size + 8, "<B", 33),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_signals_are_refused(name: str) -> None:
    network = network_of(motion())
    data = changed(network, *HOSTILE[name])
    assert refusal(data) == "NACA_ERR_NETWORK"
    with pytest.raises(ImageError):
        image.decode(data)
    assert refusal(image.encode(network)) == "NACA_OK"
    assert refusal(image.encode(replace(network, signal=None))) == "NACA_ERR_SECTION"


def test_what_c_refuses() -> None:
    core = SignalCore(network_of(motion()))
    data = image.encode(core.network)
    memory = aligned(len(data))
    memory[:] = np.frombuffer(data, np.uint8)
    opened = ffi.new("naca_image_t *")
    place = pointer_to(memory, "void *")
    assert lib.naca_image_open_with(lib.naca_all_stages(), opened, place, len(data)) == lib.NACA_OK
    room, made = aligned(core.memory_size + 8), ffi.new("naca_signal_t **")
    where = pointer_to(room, "uint8_t *")
    null, sample, taken = ffi.NULL, ffi.new("naca_sample_t *"), ffi.new("uint32_t *")
    numbers = ffi.new("int16_t[6]")
    init, size = lib.naca_signal_init, core.memory_size
    assert init(opened, where + 1, size, made) == lib.NACA_ERR_ALIGNMENT
    assert init(opened, where, size - 1, made) == lib.NACA_ERR_WORKSPACE
    assert init(opened, null, size, made) == lib.NACA_ERR_ARGUMENT
    assert init(null, where, size, made) == lib.NACA_ERR_ARGUMENT
    assert lib.naca_signal_size(opened, null) == lib.NACA_ERR_ARGUMENT
    assert lib.naca_signal_facts(opened, null) == lib.NACA_ERR_ARGUMENT
    for call in (lib.naca_signal_push, lib.naca_signal_push_reals):
        assert call(null, numbers, 1, taken) == lib.NACA_ERR_ARGUMENT
        assert call(core._signal, null, 1, taken) == lib.NACA_ERR_ARGUMENT
        assert call(core._signal, numbers, 1, null) == lib.NACA_ERR_ARGUMENT
    assert lib.naca_signal_push_reals(core._signal, numbers, 1, taken) == lib.NACA_ERR_SAMPLE
    assert lib.naca_signal_gap(null) == lib.NACA_ERR_ARGUMENT
    assert lib.naca_signal_set_progress(null, null, null) == lib.NACA_ERR_ARGUMENT
    assert lib.naca_signal_features(null, sample) == lib.NACA_ERR_ARGUMENT
    assert lib.naca_signal_features(core._signal, null) == lib.NACA_ERR_ARGUMENT
    assert lib.naca_signal_features(core._signal, sample) == lib.NACA_ERR_BUFFER


# ---- ONNX --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_onnx_takes_windows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    signal = random_signal(rng)
    core = Core(network_of(signal))
    windows = random_windows(signal, rng, 6)
    features = SignalCore(core.network).features(windows)
    core.learn_many(features[:4], [0, 1, 0, 1])
    model = to_onnx(core, batch=6)
    given = Running(model)(sample=check_window(core.network, windows))
    expected = core.infer_many(features)
    for name in ("prediction", "margin", "spikes"):
        assert_array_equal(given[name], expected[name].astype(given[name].dtype))
    learner = OnnxLearner(to_onnx(core, learning=True))
    for window, row in zip(windows[:2], features[:2], strict=True):
        learner.learn(window, 1)
        core.learn(row, 1)
    assert learner.state_hash() == core.state_hash()


def test_onnx_says_what_cannot_be() -> None:
    network = network_of(motion())
    with pytest.raises(ValueError, match="this one has none"):
        to_onnx(replace(network, signal=None), input_type="window")
    features = to_onnx(network, input_type="int16")
    assert features.graph.input[0].type.tensor_type.shape.dim[1].dim_value == 30


# ---- decisions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_decisions_are_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    signal = random_signal(rng)
    ours, theirs = specification.Decisions(signal), SignalCore(network_of(signal))
    for _ in range(4):
        answers = rng.integers(-1, rng.integers(1, 4), 60).tolist()
        assert [ours.take(a) for a in answers] == [theirs.decide(a) for a in answers]
        ours.gap()
        theirs.gap()


def test_decisions_take_several_answers_and_rest() -> None:
    signal = replace(plain_signal(), votes=5, quorum=3, rest=2)
    decisions = specification.Decisions(signal)
    answers = [0, 0, -1, 0, 0, 0, 0, 1, 1, 1, -1, 1]
    decided = [decisions.take(answer) for answer in answers]
    #           0   0  -1  0   0   0  0   1   1   1  -1  1
    assert decided == [-1, -1, -1, 0, -1, -1, 0, -1, -1, 1, -1, -1]
    every = specification.Decisions(plain_signal())
    assert [every.take(a) for a in (-1, 2, 2)] == [-1, 2, 2]


@pytest.mark.parametrize(
    "wrong", [{"votes": 17}, {"votes": 3}, {"votes": 3, "quorum": 4}, {"rest": 1}, {"quorum": 1}]
)
def test_decisions_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"votes|quorum|rest"):
        replace(plain_signal(), **wrong)


def test_answers_that_cannot_be() -> None:
    core = SignalCore(network_of(plain_signal()))
    for answer in (-2, 1 << 15):
        with pytest.raises(CoreError, match="ARGUMENT"):
            core.decide(answer)


def plain_signal() -> Signal:
    return Signal(1, 50, 16, 8, (("mean",),))
