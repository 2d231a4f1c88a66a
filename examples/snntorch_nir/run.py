"""A spiking network from snnTorch, through NIR, in integers, beside what snnTorch answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from common import commonest, measured, naca, run, torch_python, work_folder

from edge_naca.data import load


def main() -> None:
    folder = work_folder()
    digits = load("digits")
    np.savez(
        folder / "digits.npz",
        x_train=digits.x_train.reshape(-1, 64), y_train=digits.y_train,
        x_test=digits.x_test.reshape(-1, 64), y_test=digits.y_test,
    )  # fmt: skip
    train = Path(__file__).with_name("train.py")
    theirs = float(run(torch_python(), train, folder, folder=folder))
    # A file of NIR does not say how its samples were presented: train.py does.
    naca("import", "digits.nir", "--exporter", "snntorch", "--steps", 10, "--encoder", "direct",
         "--full-scale", 16, "--calibrate", "digits.npz", "-o", "digits.naca",
         folder=folder)  # fmt: skip
    ours = naca("evaluate", "digits.naca", "digits.npz", folder=folder)
    measured({
        "of the test digits, the image in 8-bit integers": ours["accuracy"],
        "of the same, snnTorch in real numbers": theirs,
        "whoever always gives the commonest answer": commonest(digits.y_test),
    })  # fmt: skip


if __name__ == "__main__":
    main()
