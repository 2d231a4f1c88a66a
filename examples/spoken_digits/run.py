"""Spoken digits: WAV files, each heard once, one digit after another."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from common import commonest, measured, naca, needed, work_folder
from numpy.typing import NDArray

RATE, WINDOW = 8000, 4096  # a clip is one window of 0.512 s, filled up with silence or cut off
TESTED, HEARD = range(5), range(5, 20)  # recordings of each speaker and digit: official test split
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def write_clip(path: Path, audio: NDArray[np.int16]) -> None:
    clip = np.zeros(WINDOW, "<i2")
    clip[: len(audio)] = audio[:WINDOW]
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(clip.tobytes())


def write_clips(path: Path, folder: Path) -> list[str]:
    """Write clips to hear and to test on, a folder a digit; return the tested ones' names."""
    tested = []
    with np.load(path) as file:
        told = {name: file[name] for name in file.files}
    for at, (digit, index) in enumerate(zip(told["label"], told["index"], strict=True)):
        part = "test" if index in TESTED else "heard" if index in HEARD else None
        if part is None:
            continue
        audio = told["audio"][told["offset"][at] : told["offset"][at + 1]]
        write_clip(folder / part / NAMES[digit] / f"{at}.wav", audio)
        tested += [NAMES[digit]] * (part == "test")
    return tested


def main() -> None:
    path = needed("fsdd.npz")
    folder = work_folder()
    tested = write_clips(path, folder)
    naca("train", "heard", "--signal", "--window", "512ms", "--test-fraction", 0,
         "-o", "digits.naca", folder=folder)  # fmt: skip
    answers = naca("evaluate", "digits.naca", "test", "--signal", "--test-fraction", 0,
                   folder=folder)  # fmt: skip
    measured({
        "of clips never heard, of speakers heard before": answers["accuracy"],
        "whoever always gives the commonest answer": commonest(tested),
    })  # fmt: skip


if __name__ == "__main__":
    main()
