"""Two networks in one firmware, on the desktop and on an emulated Cortex-M4: the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from common import GESTURES, commonest, gesture, measured, naca, run, work_folder, write_table
from numpy.typing import NDArray

from edge_naca.data import load
from edge_naca.export import load_image
from edge_naca.signal_core import SignalCore

HERE = Path(__file__).parent
WINDOW = 64  # samples: one gesture
ROUNDS, DIGITS = 12, 300
QEMU = "qemu-system-arm -M mps2-an386 -display none -monitor none -serial none -semihosting"


def movements() -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Return windows (n, samples, axes) of one person's gestures in turn, and which they are."""
    each = [gesture(kind, ROUNDS * WINDOW / 50, 1).reshape(-1, WINDOW, 3) for kind in GESTURES]
    windows = np.stack(each, axis=1).reshape(-1, WINDOW, 3)
    return windows, np.tile(np.arange(len(GESTURES), dtype=np.uint8), ROUNDS)


def c_array(kind: str, name: str, values: NDArray[Any]) -> str:
    """Return constants of C: an array of as many dimensions as `values` has."""
    size = "".join(f"[{n}]" for n in values.shape)
    text = str(values.tolist()).replace("[", "{").replace("]", "}")
    return f"static const {kind} recording_{name}{size} = {text};\n"


def said(name: str, right: NDArray[Any], state: int) -> str:
    """Return what main.c prints of a network."""
    return f"{name}: {right.sum()} of {len(right)} right before being told, state {state:08x}\n"


def main() -> None:
    folder = work_folder()
    windows, labels = movements()
    names = [GESTURES[label] for label in np.repeat(labels, WINDOW)]
    write_table(folder / "motion.csv", windows.reshape(-1, 3), names)

    # Untaught images: room, features and scale, but nothing learned.
    signal = ("--signal", "--rate", 50, "--window", "1.28s", "--hop", "1.28s")
    table = ("motion.csv", "--label-column", "gesture", "--test-fraction", 0)
    naca("train", *table, *signal, "--untaught", "-o", "motion.naca", folder=folder)
    naca("train", "digits", "--max-kib", 16, "--untaught", "-o", "digits.naca", folder=folder)
    for name in ("motion", "digits"):
        naca("export", f"{name}.naca", "--c", "--no-core", "-o", ".", folder=folder)

    motion, digits = (load_image(folder / f"{name}.naca") for name in ("motion", "digits"))
    data = load("digits")
    codes, digit = digits.prepare_many(data.x_train[:DIGITS]), data.y_train[:DIGITS]
    recording = [
        "#include <stdint.h>\n",
        f"enum {{ RECORDING_SAMPLES = {labels.size * WINDOW}, RECORDING_DIGITS = {DIGITS} }};\n",
        c_array("int16_t", "samples", windows.reshape(-1, 3)),
        c_array("uint8_t", "gestures", labels),
        c_array("uint8_t", "codes", codes),
        c_array("uint8_t", "digits", digit),
    ]
    (folder / "recording.h").write_text("".join(recording))

    run("make", "-C", HERE, f"OUT={folder}", folder=folder)
    features = SignalCore(motion.network).features(windows)
    right = {
        "motion": motion.learn_many(features, labels)["prediction"] == labels,
        "digits": digits.learn_many(codes, digit, "codes")["prediction"] == digit,
    }
    states = {"motion": motion.state_hash(), "digits": digits.state_hash()}
    expected = "".join(said(name, right[name], states[name]) for name in right)
    programs = {"desktop": ["./host"], "Cortex-M4": [*QEMU.split(), "-kernel", "board.elf"]}
    for where, command in programs.items():
        answer = run(*command, folder=folder)
        if answer != expected:
            raise SystemExit(f"{where} said\n{answer}where Python says\n{expected}")
    print(f"\nPython, desktop and Cortex-M4 say:\n{expected}", end="")
    measured({
        "of gestures, answered right before being told": right["motion"].mean(),
        "whoever always gives the commonest answer": commonest(labels),
        "of digits, answered right before being told": right["digits"].mean(),
        "whoever always gives the commonest digit": commonest(digit),
    })  # fmt: skip


if __name__ == "__main__":
    main()
