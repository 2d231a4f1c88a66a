"""A learning ONNX model in onnxruntime is a learner like the core, and lives as long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_running import RESULTS, Running

from edge_naca import presets
from edge_naca.core import Core
from edge_naca.export import OnnxLearner, to_onnx
from edge_naca.network import Network, Preparation


def small() -> Network:
    preparation = Preparation((4, 4, 1), "pool", gain=np.array([1]), shift=4)
    return presets.competitive(preparation, 3, 4, seed=5)


def lesson(count: int = 60) -> tuple[Any, Any]:
    rng = np.random.default_rng(2)
    return rng.integers(0, 256, (count, 4, 4)).astype(np.uint8), rng.integers(0, 3, count)


def test_it_answers_and_learns_as_the_core_does(tmp_path: Path) -> None:
    x, y = lesson()
    core = Core(small())
    core.learn_many(x[:20], y[:20])
    onnx.save(to_onnx(core, learning=True, input_type="uint8"), tmp_path / "learner.onnx")
    learner = OnnxLearner(tmp_path / "learner.onnx")
    assert learner.state_hash() == core.state_hash()
    for sample, label in zip(x[20:], y[20:], strict=True):
        before = learner.state()
        assert learner.infer(sample) == core.infer(sample)
        assert learner.state() == before
        assert learner.learn(sample, int(label)) == core.learn(sample, int(label))
    assert learner.state_hash() == core.state_hash()
    assert learner.image() == core.image()
    # What it has learned goes back to the core, and on to the next model.
    home = Core(learner.image())
    assert home.state() == learner.state() == OnnxLearner(to_onnx(home, learning=True)).state()


def test_what_it_cannot_take_is_refused_and_changes_nothing() -> None:
    core = Core(small())
    learner = OnnxLearner(to_onnx(core, learning=True, input_type="uint8"))
    sample = np.zeros(16, int)
    for x, label, message in (
        (sample[:-1], 0, "must hold 16 numbers"),
        (sample - 1, 0, r"takes raw numbers of 0 .. 255, but these are in -1 .. -1"),
        (sample + 256, 0, "export it with a wider input_type"),
        (sample, 3, "label 3 is out of range"),
        (sample, -1, "label -1 is out of range"),
    ):
        with pytest.raises(ValueError, match=message):
            learner.learn(x, label)
    with pytest.raises(ValueError, match="samples must be integers"):
        learner.learn(sample / 2, 0)
    assert learner.state_hash() == core.state_hash()


def test_spikes_are_checked() -> None:
    learner = OnnxLearner(to_onnx(small(), learning=True, input_type="spikes"))
    for spikes in (np.zeros((4, 15), int), np.full((4, 16), 2)):
        with pytest.raises(ValueError, match=r"spikes must be \(4, 16\) of 0 and 1"):
            learner.infer(spikes)


def test_files_that_hold_no_model_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no model at all")
    with pytest.raises(ValueError, match=r"x\.onnx holds no ONNX model"):
        OnnxLearner(tmp_path / "x.onnx")
    with pytest.raises(FileNotFoundError):
        OnnxLearner(tmp_path / "y.onnx")


def test_models_that_only_infer_are_refused() -> None:
    with pytest.raises(ValueError, match=r"make one with to_onnx\(…, learning=True\)"):
        OnnxLearner(to_onnx(small()))


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(package: str) -> None:
    """The rest of the library must not need it."""
    code = f"""
import sys
sys.modules[{package!r}] = None
from edge_naca import presets
from edge_naca.export import OnnxLearner, to_onnx
try:
    OnnxLearner(to_onnx(presets.competitive(7, 3, 2, bits=3), learning=True))
except ImportError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.stdout == (
        f"this needs the package {package}, which is not installed: "
        "pip install 'edge-naca[onnx]' brings it\n"
    ), told.stderr


# ---- MNIST -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mnist() -> Any:
    folder = os.environ.get("EDGE_NACA_DATA")
    if not folder:
        pytest.skip("EDGE_NACA_DATA does not say where mnist.npz is")
    with np.load(Path(folder) / "mnist.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.mark.data
def test_mnist_is_learned_alike_and_answered_alike(mnist: Any) -> None:
    order = np.random.default_rng(0).permutation(len(mnist["y_train"]))[:2000]
    x, y = mnist["x_train"][order], mnist["y_train"][order].astype(int)
    preparation = Preparation(
        (28, 28, 1), "edges", 4, cap=255, gain=np.array([2]), shift=9, norm=40
    )
    core = Core(presets.competitive(preparation, 10, 10, bits=3))
    learner = OnnxLearner(to_onnx(core, learning=True, input_type="uint8"))
    results = core.learn_many(x, y)
    for sample, label, result in zip(x, y, results, strict=True):
        assert learner.learn(sample, int(label)).changes == result["changes"]
    assert learner.state_hash() == core.state_hash()

    running = Running(to_onnx(learner.image(), input_type="uint8"))
    tested = mnist["x_test"].reshape(-1, 28, 28, 1)
    given = [running(sample=sample) for sample in tested]
    told = core.infer_many(tested)
    assert len(told) == 10000
    for name in RESULTS:
        assert np.array_equal([int(out[name]) for out in given], told[name])
    assert (told["prediction"] == mnist["y_test"]).mean() > 0.85
