"""Every command on networks with frozen stages, with populations and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import stage_networks
from commands import done, failed, object_of

from edge_naca import data
from edge_naca.cli import report
from edge_naca.core import Core
from edge_naca.export import load_image, save_image
from edge_naca.network import Encoder, Network, Population
from edge_naca.stages import CodedConvolution, CodedPool, SpikingConvolution

DIGITS = data.load("digits")
LEARNERS = ("coded", "spiking")
FROZEN = ("classifier", "readout")

each = pytest.mark.parametrize("name", LEARNERS + FROZEN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an image of each kind."""
    path = tmp_path_factory.mktemp("stages")
    for name, core in stage_networks.everyone().items():
        save_image(core, path / f"{name}.naca")
    return path


# ---- inspect -------------------------------------------------------------------------------------


@each
def test_inspect_tells_what_stages_are(name: str, folder: Path) -> None:
    core = load_image(folder / f"{name}.naca")
    found = object_of("inspect", folder / f"{name}.naca")
    assert found["topology"] == core.network.topology
    assert len(found["stages"]) == len(core.network.stages)
    assert len(found["populations"]) == len(core.network.populations)
    for entry, stage in zip(found["stages"], core.network.stages, strict=True):
        assert entry["input"] == list(stage.shape)
        assert entry["output"] == list(stage.output_shape)
        assert entry["kernel"] == list(stage.kernel)
        assert entry["stride"] == list(stage.stride)
        assert entry["padding"] == list(stage.padding)
        if isinstance(stage, (CodedConvolution, SpikingConvolution)):
            assert entry["groups"] == stage.groups
            assert entry["weights"]["count"] == stage.weights.size
            assert entry["weights"]["least"] == stage.weights.min()
            assert entry["weights"]["most"] == stage.weights.max()
        if isinstance(stage, SpikingConvolution):
            assert entry["threshold"] == [stage.threshold.min(), stage.threshold.max()]
            assert entry["readout"] == stage.readout
        if isinstance(stage, CodedConvolution):
            assert (entry["code_bits"], entry["bits"]) == (stage.code_bits, stage.bits)
    kinds = [entry["kind"] for entry in found["stages"]]
    assert kinds == {
        "coded": ["coded convolution", "coded sum pool"],
        "spiking": ["spiking convolution", "spiking pool"],
    }.get(name, ["spiking convolution", "spiking pool", "spiking dense layer"])


@each
def test_inspect_in_words(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report.out, "width", 160)
    text = done("inspect", folder / f"{name}.naca")
    assert "Frozen stages" in text
    assert "8×8×1 → " in text
    assert ("Populations" in text) == (name in LEARNERS)
    assert ("nothing learns" in text) == (name in FROZEN)
    assert ("the greatest potential answers" in text) == (name == "readout")
    expected = {
        "coded": ("3×3, padding 1", "6 → 4 bits, shift 7", "2×2, stride 2"),
        "spiking": ("3×3, stride 2, padding 1", "threshold 50, reset subtract", "leak × 0.859"),
    }
    for words in expected.get(name, ("threshold 600, reset subtract, leak × 1", "800: ")):
        assert words in text
    if name in FROZEN:
        assert "classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in text


def test_inspect_names_all_that_a_stage_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report.out, "width", 240)
    rng = np.random.default_rng(0)
    first = SpikingConvolution(
        shape=(6, 5, 4),
        weights=rng.integers(-9, 9, (4, 2, 3, 1)),
        groups=2,
        dilation=(2, 1),
        own=True,
        threshold=np.arange(2 * 5 * 4),
        synapse_decay=np.array([64]),
        refractory=2,
        bias=np.array([3]),
        current_shift=2,
    )
    last = SpikingConvolution(
        shape=first.output_shape, weights=rng.integers(-9, 9, (3, 4, 2, 5)), reset="subtract",
        reset_by=np.array([1, 2, 3]), threshold=np.array([5]),
    )  # fmt: skip
    network = Network(120, Encoder("direct", 3, 4), (), stages=(first, last))
    save_image(Core(network), tmp_path / "x.naca")
    text = done("inspect", tmp_path / "x.naca")
    assert "3×1, dilation 2×1, 2 groups" in text
    for words in (
        "threshold 0 .. 39", "synapse × 0.25", "refractory 2 steps", "bias 3", "current × 4",
        "each neuron its own", "reset subtract 1 .. 3",
    ):  # fmt: skip
        assert words in text


def test_inspect_says_how_codes_are_scaled(tmp_path: Path) -> None:
    first = CodedConvolution(
        shape=(4, 4, 1),
        weights=np.ones((2, 1, 1, 1), int),
        bias=np.array([-3, 5]),
        shift=np.array([1, 2]),
        code_bits=4,
        bits=4,
    )
    pool = CodedPool(shape=(4, 4, 2), kernel=(2, 2), stride=(2, 2), gain=3, code_bits=4, bits=4)
    network = Network(16, Encoder("bitplane", 4, 4), (Population(2),), stages=(first, pool))
    save_image(Core(network), tmp_path / "x.naca")
    text = done("inspect", tmp_path / "x.naca")
    for words in ("4 → 4 bits", "shift 1 ..", "bias -3", "gain 3"):
        assert words in text


@each
def test_inspect_draws(name: str, folder: Path, tmp_path: Path) -> None:
    done("inspect", folder / f"{name}.naca", "--plot", tmp_path / "k.png")
    assert (tmp_path / "k.png").read_bytes().startswith(b"\x89PNG")


@each
def test_inspect_reckons(name: str, folder: Path) -> None:
    words = ["inspect", folder / f"{name}.naca", "--board", "nucleo-f446re"]
    assumed, real = object_of(*words)["board"], object_of(*words, "--data", "digits")["board"]
    assert assumed["activity"].startswith("assumed: random codes")
    assert real["activity"] == "100 samples of digits"
    for found in (assumed, real):
        assert found["fits"]
        assert found["infer"]["count"] > 10000
        assert found["needed"]["stages"] < found["flash"]["stages"]
    assert "Flash of a program of your own (export --c): " in done(*words)


# ---- other commands ------------------------------------------------------------------------------


@each
def test_evaluate_and_raster(name: str, folder: Path, tmp_path: Path) -> None:
    core = load_image(folder / f"{name}.naca")
    expected = (core.predict_many(DIGITS.x_test) == DIGITS.y_test).mean()
    assert object_of("evaluate", folder / f"{name}.naca", "digits")["accuracy"] == expected
    assert expected > 0.4
    picture = tmp_path / "r.png"
    done("raster", folder / f"{name}.naca", "digits", "-o", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


@each
def test_export_c_opens_with_the_stages_there_are(name: str, folder: Path, tmp_path: Path) -> None:
    done("export", folder / f"{name}.naca", "--c", "-o", tmp_path)
    example = (tmp_path / f"{name}_example.c").read_text()
    family = "coded" if name == "coded" else "spiking"
    assert f"naca_image_open_with(naca_{family}_stages()" in example


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_go_on_learning(name: str, folder: Path, tmp_path: Path) -> None:
    old, new = folder / f"{name}.naca", tmp_path / "new.naca"
    taught = object_of("train", "digits", "--continue", old, "-o", new)
    core = load_image(old)
    order = np.argsort(DIGITS.y_train, kind="stable")  # one class after another
    core.learn_many(DIGITS.x_train[order], DIGITS.y_train[order])
    assert taught["state_hash"] == f"{load_image(new).state_hash():08x}"
    assert load_image(new).seen().tolist() == core.seen().tolist()
    result = object_of("diff", old, new, "--plot", tmp_path / "d.png")
    assert result["populations"][0]["changed"] > 0
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", FROZEN)
def test_what_never_learns_is_not_taught(name: str, folder: Path, tmp_path: Path) -> None:
    image = folder / f"{name}.naca"
    message = failed(1, "train", "digits", "--continue", image, "-o", tmp_path / "x.naca")
    assert "nothing in this network (64-8×8×5-4×4×5-10) learns" in message
    assert "edge-naca evaluate" in message
    assert not (tmp_path / "x.naca").exists()
    words = ["stream", "--port", f"emulate:{image}", "--data", "digits", "--limit", 20]
    assert "add --predict" in failed(1, *words)
    assert object_of(*words, "--predict")["done"] == 20


@each
def test_devices_run_them(name: str, folder: Path, tmp_path: Path) -> None:
    image, state = folder / f"{name}.naca", tmp_path / "s.state"
    port = f"emulate:{image}"
    words = ["stream", "--port", port, "--data", "digits", "--limit", 30, "--twin"]
    if name in FROZEN:
        words.append("--predict")
    assert object_of(*words)["done"] == 30
    core = load_image(image)
    pushed = object_of("push", port, image)
    assert pushed["state_hash"] == f"{core.state_hash():08x}"
    done("pull", port, "--state", "-o", state)
    merged = object_of("merge", image, state, "-o", tmp_path / "m.naca")
    assert merged["learned"] == int(core.seen().sum())
    assert "equal, to the last bit" in done("diff", image, tmp_path / "m.naca")


@pytest.mark.parametrize("name", FROZEN)
def test_diff_of_what_only_counted(name: str, folder: Path, tmp_path: Path) -> None:
    """Another program may have let it learn: samples are counted, and nothing else."""
    core = load_image(folder / f"{name}.naca")
    core.learn_many(DIGITS.x_train[:20], DIGITS.y_train[:20])
    save_image(core, tmp_path / "after.naca")
    words = ["diff", folder / f"{name}.naca", tmp_path / "after.naca"]
    result = object_of(*words, "--plot", tmp_path / "d.png")
    assert not result["same"]
    assert result["populations"] == result["most_moved"] == []
    assert sum(one["samples"][1] for one in result["classes"]) == 20
    assert "0 → 2" in done(*words)
