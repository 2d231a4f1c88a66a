"""What is said and drawn of an inhibition is what it does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import done, failed, object_of
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edge_naca import decorrelation, image, presets
from edge_naca.compare import compare
from edge_naca.core import Core
from edge_naca.data import load
from edge_naca.inhibition import Inhibition, triangle
from edge_naca.network import Network, Preparation
from edge_naca.plots import figures
from edge_naca.plots.receptive import pictures
from edge_naca.plots.states import difference, knowledge
from edge_naca.specification.network import Specification
from edge_naca.states import snapshot

DIGITS = load("digits")
NAMES = list(DIGITS.classes)
INPUTS, BITS = 12, 6


def preparation(**how: Any) -> Preparation:
    return Preparation((8, 8, 1), keeps_sign=True, offset=np.array([8]), gain=np.array([7]), **how)


def given(inputs: int) -> Inhibition:
    """Return a V with rows of several sizes, none of which lets anything overflow."""
    rng = np.random.default_rng(3)
    weights = rng.integers(-20, 21, triangle(inputs))
    weights[np.cumsum(np.arange(inputs) + 1) - 1] = 90
    return Inhibition(inputs, BITS, weights, np.arange(inputs) % 2, shift=7)


def network(inhibition: Inhibition | None) -> Network:
    """Return a network with one neuron for each class, so that residuals are those of classes."""
    return presets.competitive(INPUTS, 3, 1, bits=7, inhibition=inhibition)


def drawn(count: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    mix = np.eye(INPUTS) + np.eye(INPUTS, k=-1)  # neighbours have half of their noise in common
    noise = rng.normal(0, 3, (count, INPUTS)) @ mix.T
    x = np.rint(9 * rng.permuted(np.eye(3, INPUTS), axis=1)[y] + noise)
    return np.clip(x, -63, 63).astype(np.int64), y


@pytest.fixture(scope="module")
def learned() -> Core:
    core = Core(network(Inhibition(INPUTS, BITS, first=60, every=60)))
    core.learn_many(*drawn(2000))
    return core


# ---- what is said ------------------------------------------------------------------------------


def test_the_matrix_is_what_codes_pass(learned: Core) -> None:
    x = drawn(200, seed=5)[0]
    fresh = Core(network(Inhibition(INPUTS, BITS)))
    for core in (learned, fresh, Core(network(given(INPUTS))), Core(network(None))):
        state = snapshot(core).state
        v, centre = (
            part(core.network, state) for part in (decorrelation.matrix, decorrelation.centre)
        )
        most = 2**core.network.code_bits - 1
        codes = np.clip(x, -most if core.network.encoder.is_signed else 0, most)
        out = core.features_many(codes)
        wanted = codes @ v.T - centre
        assert (centre != 0).any() == (core is learned)
        inside = np.abs(wanted) < 2**core.network.encoder.bits - 1
        assert inside.mean() > 0.9
        # The centre was rounded to the unit of sums.
        assert np.abs(out - wanted)[inside].max() <= 0.5 + np.abs(v).max() / 32
        assert (v[np.triu_indices(INPUTS, 1)] == 0).all()


def test_correlations_are_those_of_residuals(learned: Core) -> None:
    x, y = drawn(2000)
    residuals = np.concatenate([x[y == k] - x[y == k].mean(axis=0) for k in range(3)])
    v = decorrelation.matrix(learned.network, snapshot(learned).state)
    said = decorrelation.correlations(v)
    np.testing.assert_allclose(said, np.corrcoef(residuals.T), atol=0.12)
    assert said[1, 2] > 0.4
    np.testing.assert_allclose(np.diag(said), 1)
    np.testing.assert_allclose(decorrelation.correlations(np.diag([2.0, 0.0]))[0, 0], 1)


def test_prototypes_lie_where_samples_do(learned: Core) -> None:
    x, y = drawn(2000)
    stored = decorrelation.prototypes(learned.network, snapshot(learned).state)
    means = np.array([x[y == label].mean(axis=0) for label in range(3)])
    np.testing.assert_allclose(stored, means, atol=2)


def test_weights_are_taken_back_through_a_given_inhibition() -> None:
    core = Core(network(given(INPUTS)))
    x, y = drawn(300)
    core.learn_many(x, y)
    state = snapshot(core).state
    means = np.array([x[y == label].mean(axis=0) for label in range(3)])
    v = decorrelation.matrix(core.network, state)
    rule = core.network.populations[0].rule
    assert rule is not None
    weights = state.populations[0].weights / 2.0**rule.trace_shift
    back = decorrelation.prototypes(core.network, state)
    np.testing.assert_allclose(back @ v.T, weights, atol=1e-9)
    np.testing.assert_array_equal(back.argmax(axis=1), means.argmax(axis=1))
    # What V takes off its sums comes back too.
    centred = Core(network(replace(given(INPUTS), centre=np.arange(INPUTS) * 500)))
    centred.learn_many(x, y)
    state = snapshot(centred).state
    weights = state.populations[0].weights / 2.0**rule.trace_shift
    back = decorrelation.prototypes(centred.network, state) @ v.T
    off = decorrelation.centre(centred.network, state)
    assert np.abs(off).max() > 1
    np.testing.assert_allclose(back - off, weights, atol=1e-9)
    plain = Core(network(None))
    plain.learn_many(np.abs(x), y)
    state = snapshot(plain).state
    np.testing.assert_array_equal(
        decorrelation.prototypes(plain.network, state), state.populations[0].weights
    )


def test_residuals_and_shrinkage() -> None:
    """Of samples that lie a known way from the one neuron that a class has."""
    inhibition = Inhibition(4, BITS, noise=256, first=500)
    core = Core(presets.competitive(4, 2, 1, inhibition=inhibition))
    for x in ([9, 0, 0, 0], [9, 8, 0, 0]):
        core.learn(np.array(x), 0)
    learned = snapshot(core).state.inhibition
    assert learned is not None
    assert learned.count == 1
    assert decorrelation.residual(inhibition, learned) == pytest.approx(4, rel=0.01)
    assert decorrelation.shrinkage(inhibition) == 0.5


# ---- the command line ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of images, and of the state of a device that learned more."""
    path = tmp_path_factory.mktemp("inhibited")
    metadata = {"classes": NAMES}
    inhibitions = {"learned": Inhibition(64, BITS), "given": given(64), "signed": None}
    for name, inhibition in inhibitions.items():
        described = presets.competitive(
            preparation(), 10, 2, bits=4, inhibition=inhibition, metadata=metadata
        )
        core = Core(described)
        (path / f"{name}-new.naca").write_bytes(core.image())
        core.learn_many(DIGITS.x_train[:200], DIGITS.y_train[:200])
        (path / f"{name}.naca").write_bytes(core.image())
        core.learn_many(DIGITS.x_train[200:300], DIGITS.y_train[200:300])
        (path / f"{name}.state").write_bytes(core.save_state())
    return path


def test_inspect_tells_what_an_inhibition_takes(folder: Path) -> None:
    text = done("inspect", folder / "learned.naca")
    for words in ("learned on the device", "renewed every 50 samples", "4 bits and a sign"):
        assert words in " ".join(text.split())
    found = object_of("inspect", folder / "learned.naca")
    assert found["encoder"]["signed"]
    assert found["preparation"]["keeps_sign"]
    inhibition = found["inhibition"]
    assert inhibition["learned"]
    assert inhibition["in_use"]
    assert inhibition["v_bytes"] == triangle(64) + 64 + 4 * 64
    assert inhibition["shrinkage"] == pytest.approx(3 / 259)
    assert 100 < inhibition["residuals"] < 200  # none of samples that recruited
    # All that a state holds: samples, two populations, wins, V and what learning it takes.
    weights = 20 * 64 + 12 * 20 // 2
    counts = 4 + 4 * 10 + 2 * 20 + 8
    v = inhibition["v_bytes"] + inhibition["learning_bytes"]
    assert found["state_bytes"] == counts + weights + v

    new = object_of("inspect", folder / "learned-new.naca")["inhibition"]
    assert (new["in_use"], new["residuals"]) == (False, 0)
    assert "in use from 50 samples on" in " ".join(
        done("inspect", folder / "learned-new.naca").split()
    )
    found = object_of("inspect", folder / "given.naca")
    assert not found["inhibition"]["learned"]
    assert found["inhibition"]["learning_bytes"] == 0
    assert found["sections"]["INHB"] == 16 + found["inhibition"]["v_bytes"]
    assert "given, over 64 codes" in " ".join(done("inspect", folder / "given.naca").split())
    assert object_of("inspect", folder / "signed.naca")["inhibition"] is None
    assert "inhibition" not in done("inspect", folder / "signed.naca")


@pytest.mark.parametrize("name", ["learned", "given", "signed"])
def test_a_state_comes_home_with_its_inhibition(name: str, folder: Path, tmp_path: Path) -> None:
    merged = tmp_path / "merged.naca"
    done("merge", folder / f"{name}.naca", folder / f"{name}.state", "-o", merged)
    device = Core((folder / f"{name}.naca").read_bytes())
    device.load_state((folder / f"{name}.state").read_bytes())
    core = Core(merged.read_bytes())
    assert core.state() == device.state()
    np.testing.assert_array_equal(core.infer_many(DIGITS.x_test), device.infer_many(DIGITS.x_test))
    others = {"learned", "given", "signed"} - {name}
    for other in others:
        message = failed(
            1, "merge", folder / f"{other}.naca", folder / f"{name}.state", "-o", merged
        )
        assert f"{name}.state belongs to network" in message


def test_diff_tells_what_an_inhibition_learned(folder: Path, tmp_path: Path) -> None:
    words = ["diff", folder / "learned.naca", folder / "learned.state"]
    said = object_of(*words, "--plot", tmp_path / "d.png")["inhibition"]
    assert said["residuals"][1] - said["residuals"][0] <= 100
    assert 0 < said["distance"] < 1
    assert 0 < said["prototypes"] <= 20
    text = " ".join(done(*words).split())
    assert f"{said['prototypes']} prototypes moved; V in use moved by" in text
    same = object_of("diff", folder / "learned.naca", folder / "learned.naca")["inhibition"]
    assert (same["distance"], same["prototypes"]) == (0, 0)
    for name in ("given", "signed"):
        assert (
            object_of("diff", folder / f"{name}.naca", folder / f"{name}.state")["inhibition"]
            is None
        )


@pytest.mark.parametrize("name", ["learned", "given", "signed"])
def test_pictures_are_written(name: str, folder: Path, tmp_path: Path) -> None:
    done("inspect", folder / f"{name}.naca", "--plot", tmp_path / "k.png")
    done("raster", folder / f"{name}.naca", "digits", "-o", tmp_path / "r.svg")
    assert (tmp_path / "k.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "r.svg").read_bytes().startswith(b"<?xml")


def test_nir_refuses_an_inhibition_by_name(folder: Path, tmp_path: Path) -> None:
    for name in ("learned", "given"):
        message = failed(1, "export", folder / f"{name}.naca", "--nir", "-o", tmp_path / "x.nir")
        assert "inhibition (Inhibition)" in message
        assert "export it as ONNX or C" in message
    graph, back = tmp_path / "s.nir", tmp_path / "s.naca"
    done("export", folder / "signed.naca", "--nir", "-o", graph)
    assert "restored as it was" in done("check", graph)
    done("import", graph, "-o", back)
    assert back.read_bytes() == (folder / "signed.naca").read_bytes()


# ---- what is drawn -------------------------------------------------------------------------------


def titles(figure: Figure) -> str:
    return " | ".join(place.get_title(loc="left") for place in figure.axes)


def image_of(figure: Figure, title: str) -> NDArray[Any]:
    (place,) = [one for one in figure.axes if title in one.get_title(loc="left")]
    return np.asarray(place.images[0].get_array())


def test_knowledge_shows_v_and_prototypes_as_samples_are(folder: Path) -> None:
    core = Core((folder / "learned.naca").read_bytes())
    known = snapshot(core)
    figure = knowledge("t", known, NAMES)
    assert known.state.inhibition is not None
    v = decorrelation.matrix(core.network, known.state)
    shown = image_of(figure, f"learned from {known.state.inhibition.count} residuals")
    np.testing.assert_allclose(shown, v / np.abs(v).max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        image_of(figure, "Correlations"), decorrelation.correlations(v), atol=1e-9
    )
    fields = decorrelation.prototypes(core.network, known.state)
    expected = pictures(core.network, fields)
    assert expected is not None
    drawn = [place for place in figure.axes if place.images and not place.get_title(loc="left")]
    wins = known.state.populations[0].wins
    assert wins is not None
    np.testing.assert_allclose(
        np.asarray(drawn[-1].images[0].get_array()), expected[18 + int(np.argmin(wins[18:20]))]
    )
    # What lies below the middle of an input is drawn as that, in another colour.
    assert drawn[-1].images[0].get_clim()[0] < 0
    assert expected.min() < 0 < expected.max()
    # They look like the means of their classes, which weights do not.
    mean = DIGITS.x_train[DIGITS.y_train == 0].mean(axis=0)
    stood = expected[:2][int(np.argmax(wins[:2]))]
    assert np.corrcoef(stood.ravel(), mean.ravel())[0, 1] > 0.8
    assert figures.render(figure)


def test_an_inhibition_that_is_not_in_use_is_said(folder: Path) -> None:
    figure = knowledge("t", snapshot(Core((folder / "learned-new.naca").read_bytes())), NAMES)
    assert "in use from 50 samples learned on" in titles(figure)
    figure = knowledge("t", snapshot(Core((folder / "given.naca").read_bytes())), NAMES)
    assert "Inhibition V, given" in titles(figure)


def test_rows_are_prototypes_where_samples_are_no_images(learned: Core) -> None:
    figure = knowledge("t", snapshot(learned), ["a", "b", "c"])
    assert "prototypes, in codes before the inhibition" in titles(figure)
    shown = image_of(figure, "prototypes, in codes")
    stored = decorrelation.prototypes(learned.network, snapshot(learned).state)
    assert sorted(map(tuple, shown)) == sorted(map(tuple, stored))
    assert figures.render(figure)


def test_difference_shows_prototypes(folder: Path) -> None:
    old = Core((folder / "learned.naca").read_bytes())
    new = Core((folder / "learned.naca").read_bytes())
    new.load_state((folder / "learned.state").read_bytes())
    changes = compare(snapshot(old, "old"), snapshot(new, "new"), NAMES)
    figure = difference("t", changes)
    first = changes.most_moved(1, only=0)[0].neuron
    images = [np.asarray(place.images[0].get_array()) for place in figure.axes if place.images]
    before, after = (
        pictures(one.network, decorrelation.prototypes(one.network, one.state))
        for one in (changes.before, changes.after)
    )
    assert before is not None
    assert after is not None
    np.testing.assert_allclose(images[0], before[first])
    np.testing.assert_allclose(images[len(images) // 3], after[first])
    assert figures.render(figure)


@pytest.mark.parametrize("name", ["signed", "learned"])
def test_raster_shows_off_spikes(name: str, folder: Path) -> None:
    core = Core((folder / f"{name}.naca").read_bytes())
    recording = core.record(DIGITS.x_test[0])
    sent = recording.input_spikes
    assert sent.dtype == np.int8
    figure = figures.raster("t", recording, core.network, NAMES)
    on, off = (np.asarray(one.get_offsets()) for one in figure.axes[0].collections)
    for dots, sign in ((on, 1), (off, -1)):
        assert sorted(map(tuple, dots)) == sorted(map(tuple, np.argwhere(sent == sign)))
    assert len(off) > 0
    assert f"{np.count_nonzero(sent)} input spikes, {len(off)} of them off" in titles(figure)
    label = "from the inhibition" if name == "learned" else "input"
    assert figure.axes[0].get_ylabel() == label


# ---- frozen --------------------------------------------------------------------------------------


def test_a_frozen_inhibition_answers_and_learns_as_given(learned: Core) -> None:
    state = image.unpack_state(learned.network, learned.state())
    network, kept = decorrelation.frozen(learned.network, state)
    frozen = Core(image.encode(network, kept))
    x, y = drawn(300, seed=1)
    assert len(frozen.state()) < len(learned.state()) / 2
    assert (frozen.features_many(x, "codes") == learned.features_many(x, "codes")).all()
    assert (frozen.predict_many(x, "codes") == learned.predict_many(x, "codes")).all()
    specification = Specification(network, frozen.state())
    for sample, label in zip(x[:40], y[:40], strict=True):
        assert specification.learn(sample, int(label)) == frozen.learn(sample, int(label))
    assert specification.state() == frozen.state()
    assert decorrelation.centre(network, kept) == pytest.approx(
        decorrelation.centre(learned.network, state)
    )


def test_only_what_is_in_use_can_be_frozen(learned: Core) -> None:
    fresh = image.new_state(learned.network)
    with pytest.raises(ValueError, match="not in use yet, but from 60 learned samples on"):
        decorrelation.frozen(learned.network, fresh)
    plain = network(None)
    with pytest.raises(ValueError, match="there is nothing to freeze"):
        decorrelation.frozen(plain, image.new_state(plain))


def test_freeze_writes_an_image_whose_state_is_small(learned: Core, tmp_path: Path) -> None:
    (tmp_path / "net.naca").write_bytes(learned.image())
    output = tmp_path / "frozen.naca"
    report = object_of("freeze", tmp_path / "net.naca", "-o", output)
    core = Core(output.read_bytes())
    assert report["state_bytes"] == len(core.state()) < report["state_bytes_before"]
    assert core.network.inhibition is not None
    assert not core.network.inhibition.is_learned
    note = core.network.metadata["frozen"]
    assert note == report["frozen"]
    assert (note["what"], note["learned"]) == ("inhibition", learned.learned())
    assert note["network_id"] == f"{learned.network_id:08x}"
    assert note["command"].startswith("edge-naca freeze")
    told = f"inhibition frozen after {learned.learned()} learned samples by: edge-naca freeze"
    assert told in " ".join(done("inspect", output).split())
    message = failed(1, "freeze", output, "-o", tmp_path / "again.naca")
    assert "there is nothing to freeze" in message
