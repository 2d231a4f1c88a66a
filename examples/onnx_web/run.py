"""Learning in the browser's ONNX runtime, here under node: the same to every bit as in the core."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from common import commonest, measured, naca, run, work_folder
from numpy.typing import NDArray

from edge_naca.data import load
from edge_naca.export import initial_state, load_image, state_from

HERE = Path(__file__).parent
DIGITS = 500


def as_json(array: NDArray[Any]) -> dict[str, Any]:
    """Return type, dimensions and numbers of a tensor."""
    return {"type": str(array.dtype), "dims": array.shape, "data": array.ravel().tolist()}


def from_json(told: dict[str, Any]) -> NDArray[Any]:
    return np.array(told["data"], told["type"]).reshape(told["dims"])


def main() -> None:
    folder = work_folder()
    naca("train", "digits", "--max-kib", 16, "--untaught", "-o", "blank.naca", folder=folder)
    naca("export", "blank.naca", "--onnx-learning", "--input-type", "uint8", "-o", "learner.onnx",
         folder=folder)  # fmt: skip

    digits = load("digits")
    x, y = digits.x_train[:DIGITS].astype(np.uint8), digits.y_train[:DIGITS]
    model = onnx.load(folder / "learner.onnx")
    state = {name: as_json(value) for name, value in initial_state(model).items()}
    samples = {"shape": (8, 8, 1), "samples": x.reshape(DIGITS, -1).tolist(), "labels": y.tolist()}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "samples.json").write_text(json.dumps(samples))

    for name in ("package.json", "package-lock.json", "learn.mjs"):
        shutil.copy(HERE / name, folder)
    run("npm", "ci", "--no-audit", "--no-fund", folder=folder)
    run("node", "learn.mjs", folder, folder=folder)
    answers = json.loads((folder / "answers.json").read_text())
    learned = {name: from_json(value) for name, value in answers["state"].items()}

    core = load_image(folder / "blank.naca")
    predictions = core.learn_many(digits.x_train[:DIGITS], y)["prediction"]
    if answers["predictions"] != predictions.tolist() or state_from(model, learned) != core.state():
        raise SystemExit("onnxruntime-web and the core differ")
    print("\nAll answers, and the learned state, are those of the core.")
    measured({
        "of the digits, answered right before being told": (predictions == y).mean(),
        "whoever always gives the commonest answer": commonest(y),
    })  # fmt: skip


if __name__ == "__main__":
    main()
