"""Images that have learned nothing, and streams of what was learned already."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commands import call, done, failed, object_of

from edge_naca import image
from edge_naca.core import Core
from edge_naca.export import load_image
from edge_naca.signal_core import SignalCore

OPTIONS = ("--max-kib", 6, "--capacity", 4, "--seed", 3)
SEEN = "was taught with t already"


def table(path: Path, seed: int = 0) -> Path:
    random = np.random.default_rng(seed)
    rows = [
        f"{a:.3f},{b:.3f},{'xyz'[k]}" for k in range(3) for a, b in random.normal(k, 0.1, (20, 2))
    ]
    path.write_text("\n".join(["a,b,kind", *rows]) + "\n")
    return path


def test_an_untaught_image_is_the_taught_one_before_its_first_sample(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv")
    new, taught = tmp_path / "new.naca", tmp_path / "taught.naca"
    result = object_of("train", data, "--untaught", *OPTIONS, "-o", new)
    assert (result["samples"], result["capacity"]) == (0, 4)
    assert result["image_bytes"] == new.stat().st_size
    done("train", data, *OPTIONS, "-o", taught)
    network, state = image.decode(new.read_bytes())
    full = load_image(taught)
    assert state is None
    assert Core(network).network_id == full.network_id
    for key in ("classes", "columns", "scaler"):
        assert network.metadata.get(key) == full.network.metadata.get(key)
    assert result["state_bytes"] == len(full.state())
    done("train", data, "--continue", new, "-o", tmp_path / "then.naca", "--seed", 3)
    assert load_image(tmp_path / "then.naca").state_hash() == full.state_hash()


def test_untaught_says_what_it_is(tmp_path: Path) -> None:
    data, new = table(tmp_path / "t.csv"), tmp_path / "new.naca"
    text = done("train", data, "--untaught", *OPTIONS, "-o", new)
    assert "nothing learned yet, room for 4 classes" in text
    seen = object_of("inspect", new)
    assert (seen["learned_samples"], seen["training"]) == (0, [])
    assert "--untaught" in seen["prepared"]["command"]
    assert "made by: edge-naca train" in done("inspect", new)
    words = ["train", data, "--untaught", "-o", tmp_path / "x.naca"]
    assert "nothing to --continue" in failed(2, *words, "--continue", new)
    assert "or to --plot" in failed(2, *words, "--plot", tmp_path / "p.png")


def test_stream_says_what_was_learned_before(tmp_path: Path) -> None:
    data, other = table(tmp_path / "t.csv"), tmp_path / "other"
    other.mkdir()
    fresh = table(other / "t.csv", seed=1)
    new, taught = tmp_path / "new.naca", tmp_path / "taught.naca"
    done("train", data, "--untaught", *OPTIONS, "-o", new)
    done("train", data, *OPTIONS, "-o", taught)
    for path, samples, is_seen in (
        (new, data, False),
        (taught, data, True),
        (taught, fresh, False),
    ):
        words = ["stream", "--port", f"emulate:{path}", "--data", samples]
        assert (SEEN in done(*words)) == is_seen
        assert object_of(*words)["learned_before"] == is_seen
        assert object_of(*words, "--predict")["learned_before"] == is_seen


# ---- without a recording -----------------------------------------------------------------------


def test_a_new_image_learns_from_its_first_sample(tmp_path: Path) -> None:
    blank = tmp_path / "blank.naca"
    options = ("--channels", "acc_x,acc_y,acc_z", "--rate", 50, "--range", 2000, "-o", blank)
    told = object_of("new", *options, "--classes", "slow,fast", "--capacity", 3, "--decide", "2/3")
    assert (told["classes"], told["capacity"], told["samples"]) == (["slow", "fast"], 3, 0)
    core = load_image(blank)
    signal = core.network.signal
    assert signal is not None
    assert (signal.window, signal.quorum, len(signal.magnitudes)) == (128, 2, 1)
    windows = SignalCore(core.network)
    rng = np.random.default_rng(0)
    right = 0
    for number in range(60):
        label = number % 2
        time = np.arange(128)[:, None] * (1 + 4 * label) / 50
        swings = 500 * np.sin(2 * np.pi * time + rng.uniform(0, 6, 3)) + rng.normal(0, 50, (128, 3))
        x = windows.features(np.rint(swings).astype(np.int16)[None])[0]
        right += int(core.learn(x, label).prediction == label)
    assert right > 50
    said = done("new", *options)
    assert "nothing learned yet, room for 8 classes" in said


@pytest.mark.parametrize("seed", range(3))
def test_bands_of_a_new_image_do_not_depend_on_made_up_movement(seed: int, tmp_path: Path) -> None:
    blank = tmp_path / "blank.naca"
    options = ("--channels", "a,b,c", "--rate", 50, "--range", 1.65, "--real", "--seed", seed)
    done("new", *options, "-o", blank)
    signal = load_image(blank).network.signal
    assert signal is not None
    assert signal.bands is not None
    assert signal.bands.first + len(signal.bands.bins) - 1 <= signal.bands.frame / 4


@pytest.mark.parametrize("real", [True, False])
def test_what_a_sensor_gives_decides_its_maps(real: bool, tmp_path: Path) -> None:
    blank = tmp_path / "blank.naca"
    options = ("--channels", "a,b", "--rate", 50, "--range", "4,500", "-o", blank)
    done("new", *options, *(["--real"] if real else []))
    signal = load_image(blank).network.signal
    assert signal is not None
    assert (signal.affine is not None) == real


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--channels", "a,b", "--rate", 50, "--range", "1,2,3"), "3 ranges for 2 channels"),
        (("--channels", "a", "--rate", 50, "--range", "-1"), "must be numbers above 0"),
        (("--channels", "a", "--rate", 50, "--range", "wide"), "must be numbers above 0"),
        (("--channels", ",".join("abcdefghijklmnopq"), "--rate", 9, "--range", 1), "1 .. 16"),
        (("--channels", "", "--rate", 9, "--range", 1), "1 .. 16"),
        (("--channels", "a", "--rate", 50, "--range", 9, "--window", "1h"), "is no duration"),
        (("--channels", "a", "--rate", 50, "--range", 9, "--window", "900s"), "are possible"),
    ],
)
def test_sensors_that_cannot_be(words: tuple[object, ...], message: str, tmp_path: Path) -> None:
    result = call("new", *words, "-o", tmp_path / "x.naca")
    assert result.exit_code in (1, 2)
    assert message in result.output
