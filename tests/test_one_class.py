"""One class alone: what is normal is learned, and everything else is unknown."""

from __future__ import annotations

from pathlib import Path

import motor
import numpy as np
import pytest
from commands import call, object_of
from hypothesis import given
from hypothesis import strategies as st
from serving import connected

from edge_naca import NacaClassifier, novelty, recipes, scaling
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.export import load_image
from edge_naca.host.virtual import VirtualDevice
from edge_naca.network import Preparation
from edge_naca.presets import competitive
from edge_naca.signals.datasets import window_features
from edge_naca.specification.network import Specification

RATE = 0.02  # of false alarms that is asked for
SECONDS = 60


def recorded(folder: Path, seed: int, **faults: float) -> list[Path]:
    """Write a recording of a motor that is well, and those of faults by their names."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    made = {"normal": 0.0} | faults
    for name, fault in made.items():
        motor.write(folder / f"{name}.csv", motor.vibration(rng, SECONDS, fault))
    return [folder / f"{name}.csv" for name in made]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("motor")
    (normal,) = recorded(folder / "first", 0)
    words = ("train", normal, "--signal", "--rate", motor.RATE, "--unknown", RATE)
    result = call(*words, "-o", folder / "motor.naca")
    assert result.exit_code == 0, result.output
    assert "Warning" not in result.stderr
    return folder / "motor.naca"


def windows(read: np.ndarray, core: Core) -> np.ndarray:
    """Return the features of windows of a recording."""
    signal = core.network.signal
    assert signal is not None
    starts = range(0, len(read) - signal.window + 1, signal.hop)
    cut = np.stack([read[at : at + signal.window, None] for at in starts])
    return window_features(signal, cut.astype(np.int16))


def test_a_bearing_is_noticed_by_whoever_heard_nothing_but_a_good_one(
    image: Path, tmp_path: Path
) -> None:
    later = recorded(tmp_path / "later", 1, slight=0.35, bearing=0.5)
    known = ("--signal", "--rate", motor.RATE, "--test-fraction", 0)
    found = object_of("evaluate", image, *later[:1], *later[2:], *known)
    assert found["samples"] > 200
    assert 1 - found["accuracy"] <= 2.5 * RATE  # false alarms, of windows not heard before
    assert found["unknown"] >= 0.99
    slight = windows(np.loadtxt(later[1], int, skiprows=1), load_image(image))
    assert (load_image(image).predict_many(slight) == -1).mean() >= 0.5


@pytest.mark.parametrize("what", ["stuck", "fallen off", "loose", "twice as strong"])
def test_what_is_no_vibration_of_this_motor_is_unknown(image: Path, what: str) -> None:
    rng = np.random.default_rng(3)
    read = {
        "stuck": np.full(20_000, 900),
        "fallen off": rng.integers(-3, 4, 20_000),
        "loose": motor.vibration(rng, 5, gain=0.5),
        "twice as strong": motor.vibration(rng, 5, gain=2),
    }
    core = load_image(image)
    assert (core.predict_many(windows(read[what], core)) == -1).mean() > 0.95


def test_the_specification_and_a_device_say_none_where_the_core_does(image: Path) -> None:
    core = load_image(image)
    rng = np.random.default_rng(4)
    read = np.concatenate([motor.vibration(rng, 4), motor.vibration(rng, 4, 0.4)])
    x = windows(read, core)
    answers = core.predict_many(x)
    assert {-1, 0} == set(answers.tolist())
    spec = Specification(core.network, core.state())
    assert [spec.infer(sample).prediction for sample in x] == answers.tolist()
    with connected(VirtualDevice(image.read_bytes()).receive) as device:
        assert (device.predict_many(x) == answers).all()


def test_two_ways_of_running_are_both_normal() -> None:
    rng = np.random.default_rng(5)
    means = rng.normal(0, 3, (2, 20))
    x = means[rng.integers(0, 2, 600)] + rng.normal(0, 0.5, (600, 20))
    model = NacaClassifier(max_classes=1, false_alarms=RATE).fit(x[:400], np.zeros(400))
    assert model.is_unknown(x[400:]).mean() <= 3 * RATE
    between = means.mean(axis=0) + rng.normal(0, 0.5, (200, 20))
    assert model.is_unknown(between).mean() > 0.9
    far = means[:1] + np.array([[30], [-30]])
    assert model.is_unknown(far).all()


@given(st.integers(0, 2**31), st.integers(2, 40), st.booleans())
def test_the_mean_lies_in_the_middle_of_codes(seed: int, features: int, are_real: bool) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(rng.uniform(-900, 900, features), rng.uniform(5, 900, features), (60, features))
    x = x.astype(np.float32) if are_real else np.rint(x).astype(np.int16)
    plan = scaling.plan(x, scaling="centred")
    assert (plan.source, plan.bits, plan.inhibition) == ("centred", 7, None)
    core = Core(competitive(plan.preparation, 1, 1, bits=plan.bits))
    mean = x.mean(axis=0)[None] if are_real else np.rint(x.mean(axis=0))[None]
    codes = core.prepare_many(mean.astype(x.dtype)).astype(int)
    assert (np.abs(codes - 63.5) <= 2).all()
    spread = core.prepare_many(x).std(axis=0)
    assert (np.abs(spread - 127 / 24) <= 0.7).all()
    furthest = x.mean(axis=0) + 13 * x.std(axis=0) * np.array([[-1], [1]])
    assert (core.prepare_many(furthest.astype(x.dtype)) == [[0], [127]]).all()


def test_features_that_never_change_are_taken() -> None:
    x = np.tile(np.array([[5, 7, 9]], np.int16), (40, 1))
    x[::2, 0] += 1
    preparation: Preparation = scaling.plan(x, scaling="centred").preparation
    codes = Core(competitive(preparation, 1, 1, bits=7)).prepare_many(x)
    assert (codes[:, 1:] > 50).all()
    assert (codes[:, 1:] < 80).all()


def dataset(classes: int) -> Dataset:
    rng = np.random.default_rng(6)
    y = np.arange(200) % classes
    x = (rng.normal(0, 9, (200, 12)) + 40 * y[:, None]).astype(np.int16)
    return Dataset("d", x, y, x, y, tuple("abc"[:classes]))


@pytest.mark.parametrize(("classes", "room"), [(1, None), (1, 1), (1, 3), (2, None)])
def test_one_class_without_room_for_more_is_centred(classes: int, room: int | None) -> None:
    network = recipes.network_for(dataset(classes), capacity=room)
    assert (network.encoder.bits == scaling.CENTRED_BITS) == (classes == 1 and room != 3)
    chosen = recipes.network_for(dataset(classes), capacity=room, features="centred")
    assert chosen.inhibition is None
    assert chosen.encoder.bits == scaling.CENTRED_BITS


def test_a_limit_of_one_class_is_taken_from_all_samples() -> None:
    found = dataset(1)
    network = recipes.network_for(found)
    limit = novelty.limit_of_stream(network, found.x_train, found.y_train, 0.0)
    parts = []
    for first in range(5):
        fifth = np.concatenate([np.arange(at, at + 5) for at in range(5 * first, 200, 25)])
        core = Core(network)
        others = np.setdiff1d(np.arange(200), fifth)
        core.learn_many(found.x_train[others], found.y_train[others])
        parts.append(novelty.novelties(core, found.x_train[fifth]))
    assert limit == np.concatenate(parts).max()
    with pytest.raises(ValueError, match="20 are needed"):
        novelty.limit_of_stream(network, found.x_train[:19], found.y_train[:19], 0.1)
