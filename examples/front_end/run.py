"""A front end from PyTorch, taught five digits by back-propagation; ten are learned behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from common import commonest, measured, naca, run, torch_python, work_folder
from numpy.typing import NDArray

from edge_naca.data import load

SIZE, DIGIT = 14, 8  # pixels


def somewhere(digits: NDArray[Any], random: np.random.Generator) -> NDArray[np.uint8]:
    """Return each digit (n, 8, 8) at a place of its own in a larger image (n, 14, 14)."""
    images = np.zeros((len(digits), SIZE, SIZE), np.uint8)
    places = random.integers(0, SIZE - DIGIT + 1, (len(digits), 2))
    for image, digit, (top, left) in zip(images, digits, places, strict=True):
        image[top : top + DIGIT, left : left + DIGIT] = digit
    return images


def learned(folder: Path, name: str, *front_end: object) -> float:
    """Learn one digit after another, each sample once; return the share of test samples right."""
    naca("train", "digits.npz", "--max-kib", 16, *front_end, "-o", name, folder=folder)
    return float(naca("evaluate", name, "digits.npz", folder=folder)["accuracy"])


def main() -> None:
    folder = work_folder()
    digits, random = load("digits"), np.random.default_rng(1)
    np.savez(
        folder / "digits.npz",
        x_train=somewhere(digits.x_train, random), y_train=digits.y_train,
        x_test=somewhere(digits.x_test, random), y_test=digits.y_test,
    )  # fmt: skip
    run(torch_python(), Path(__file__).with_name("train.py"), folder, folder=folder)
    options = ("--front-end", "features.onnx", "--full-scale", 16)
    behind = learned(folder, "behind.naca", *options)
    plain = learned(folder, "plain.naca")
    measured({
        "of ten digits in any place, learned behind the front end": behind,
        "the same, learned from pixels": plain,
        "whoever always gives the commonest answer": commonest(digits.y_test),
    })  # fmt: skip


if __name__ == "__main__":
    main()
