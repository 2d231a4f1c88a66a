"""``check``, ``import`` and ``export --nir`` on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commands import call, object_of
from nir_graphs import MODELS, affine, chain, lif, node, save

from edge_naca import image
from edge_naca.specification.network import Specification


def _failed(code: int, *words: object) -> str:
    result = call(*words)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model, and data whose classes the model knows."""
    path = tmp_path_factory.mktemp("nir")
    weights = np.kron(np.eye(3), np.ones(2))
    dense = node("Affine", weight=weights, bias=np.zeros(3))
    save(path / "model.nir", chain((6,), dense, lif(tau=2.0, threshold=2.0)).to_dict())
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 200)
    x = np.repeat(np.eye(3, dtype=np.int64)[y] * 6, 2, axis=1) + rng.integers(0, 3, (200, 6))
    np.savez(path / "data.npz", x=x, y=np.array(["a", "b", "c"])[y])
    np.savez(path / "narrow.npz", x=x[:, :5], y=y)
    np.savez(path / "real.npz", x=x + 0.5, y=y)
    return path


SAID = (
    *("--dt", 1, "--method", "euler", "--reset", "subtract", "--no-delay", "--fires", "above"),
    *("--steps", 8, "--encoder", "direct", "--full-scale", 4),
)


@pytest.mark.parametrize("command", ["check", "import"])
def test_help_teaches(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    for words in (f"edge-naca {command} model.nir", "--exporter", "--full-scale", "--delay"):
        assert words in result.stdout


def test_check_says_what_import_will_ask_for(folder: Path) -> None:
    found = object_of("check", folder / "model.nir")
    assert found["convertible"] is True
    assert [entry["type"] for entry in found["nodes"]] == ["Input", "Affine", "LIF", "Output"]
    assert len(found["questions"]) == 8
    text = " ".join(call("check", folder / "model.nir", "--exporter", "snntorch").stdout.split())
    assert "Input → Affine → LIF → Output" in text
    assert "--steps" in text
    assert "--dt" not in text


def test_check_lists_what_cannot_be_converted() -> None:
    path = MODELS / "snntorch_recurrent.nir"
    found = object_of("check", path, code=1)
    assert found["convertible"] is False
    assert {entry["node"] for entry in found["findings"]} == {"1.lif → 1.w_rec → 1.lif"}
    result = call("check", path)
    assert result.exit_code == 1
    for words in ("1.w_rec", "cycle", "train a", "cannot be converted as it stands"):
        assert words in result.stdout


def test_import_converts_reports_and_remembers(folder: Path) -> None:
    made = folder / "model.naca"
    words = ("import", folder / "model.nir", "-o", made, *SAID, "--calibrate", folder / "data.npz")
    report = object_of(*words)["report"]
    assert report["accuracy_before"] > 0.95
    assert report["accuracy_after"] > 0.95
    assert [layer["name"] for layer in report["layers"]] == ["n1"]
    network, state = image.decode(made.read_bytes())
    assert state is None
    metadata = network.metadata
    assert metadata["classes"] == ["a", "b", "c"]
    assert metadata["imported"]["model"] == "model.nir"
    assert "--no-delay" in metadata["imported"]["command"]
    assert "delayed = False" in metadata["converted"]["assumed"][0]
    assert Specification(network).infer(np.array([0, 0, 6, 6, 1, 0])).prediction == 1
    result = call(*words)
    assert result.exit_code == 0
    for said in ("What conversion did", "n1", "Assumed or noted", "right in real numbers"):
        assert said in result.stdout


def test_an_image_goes_out_and_comes_back(folder: Path) -> None:
    first, graph, second = (folder / name for name in ("a.naca", "a.nir", "b.naca"))
    data = folder / "data.npz"
    object_of("import", folder / "model.nir", "-o", first, *SAID, "--calibrate", data)
    said = object_of("export", first, "--nir", "-o", graph)
    assert any("takes reset_by" in words for words in said["not_expressed"])
    assert "restored as it was" in call("check", graph).stdout
    assert object_of("import", graph, "-o", second)["report"] is None
    assert first.read_bytes() == second.read_bytes()
    message = _failed(2, "import", graph, "-o", second, "--steps", 3)
    assert "says everything itself" in message
    assert "reset_by" in call("export", first, "--nir", "-o", graph).stdout
    assert "one of: --c, --onnx" in _failed(2, "export", first, "-o", graph)


def test_what_is_missing_is_asked_for(folder: Path) -> None:
    words = ("import", folder / "model.nir", "-o", folder / "x.naca")
    message = _failed(2, *words)
    for option in ("--dt", "--method", "--reset", "--fires", "--delay", "--steps", "--full-scale"):
        assert f"{option}:" in message
    assert "--calibrate" in _failed(2, *words, *SAID)
    assert not (folder / "x.naca").exists()


@pytest.mark.parametrize(
    ("code", "words", "message"),
    [
        (2, ["check", "model.txt"], "only files that end in .nir"),
        (1, ["check", "none.nir"], "there is no file"),
        (2, ["check", "model.nir", "--input-shape", "2,x"], "'2,x' must be one to three"),
        (2, ["check", "model.nir", "--exporter", "brian"], "is not one of"),
        (1, ["import", "model.nir", "-o", "no/x.naca"], "there is no folder"),
        (1, ["import", "model.nir", "-o", "x.naca", "--calibrate", "narrow.npz"], "6"),
        (1, ["import", "model.nir", "-o", "x.naca", "--calibrate", "real.npz"], "whole numbers"),
        (1, ["import", "wide.nir", "-o", "x.naca", "--calibrate", "data.npz"], "n0 (Affine)"),
    ],
)
def test_failures_say_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: list[str], message: str
) -> None:
    monkeypatch.chdir(folder)
    save(folder / "wide.nir", chain((6,), affine(1, 3, 7), lif()).to_dict())
    said = SAID if words[0] == "import" else ()
    assert message in _failed(code, *words, *said)
