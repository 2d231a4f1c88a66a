"""An emulated board learns live, from an accelerometer's raw samples, how somebody moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from common import (
    GESTURES,
    commonest,
    emulated,
    find,
    gesture,
    measured,
    naca,
    work_folder,
    write_table,
)
from numpy.typing import NDArray

ACTIVITIES = ("walk", "upstairs", "downstairs", "sit", "stand")
SOMEBODY, ANYBODY = 5, 6
WINDOW = ("--rate", 50, "--window", "2.56s")
Recording = list[tuple[NDArray[np.generic], str]]  # (samples, 3), what it is


def of_person(path: Path, person: int) -> Recording:
    """Return what a person did, in the order of time: real recordings, in m/s²."""
    with np.load(path) as file:
        rows = [row for row in file["labels"] if row[1] == person]
        return [
            (file[f"exp{n:02}_user{who:02}"][first : last + 1, :3], ACTIVITIES[what - 1])
            for n, who, what, first, last in rows
        ]


def made_up(person: int) -> Recording:
    """Return gestures of a person, each twice: nobody measured these."""
    halves = [np.array_split(gesture(kind, 60, person), 2) for kind in GESTURES]
    return [
        (half[turn], kind) for turn in (0, 1) for kind, half in zip(GESTURES, halves, strict=True)
    ]


def write(path: Path, recording: Recording) -> None:
    names = [name for samples, name in recording for _ in samples]
    write_table(path, np.concatenate([samples for samples, _ in recording]), names)


def main() -> None:
    folder = work_folder()
    path = find("har.npz")
    if path is None:
        print("har.npz is not in the folder that EDGE_NACA_DATA names: movements are made up.")
        somebody, anybody = made_up(SOMEBODY), made_up(ANYBODY)
    else:
        somebody, anybody = of_person(path, SOMEBODY), of_person(path, ANYBODY)
    seen = [name for _, name in somebody]
    first = [name not in seen[:at] for at, name in enumerate(seen)]
    live = [part for part, new in zip(somebody, first, strict=True) if new]
    later = [part for part, new in zip(somebody, first, strict=True) if not new]
    for name, recording in (("anybody", anybody), ("live", live), ("later", later)):
        write(folder / f"{name}.csv", recording)

    label = ("--label-column", "gesture")
    # Another person's recording says what scale suits the sensor; nothing is learned from it.
    naca("train", "anybody.csv", "--signal", *WINDOW, *label, "--untaught", "-o", "blank.naca",
         folder=folder)  # fmt: skip
    with emulated("blank.naca", "--board", "netduinoplus2", folder=folder) as port:
        told = naca("stream", "--port", port, "--signal", "live.csv", *label, folder=folder)
        naca("pull", port, "-o", "taught.naca", folder=folder)
    tested = naca("evaluate", "taught.naca", "later.csv", "--signal", *label,
                  "--test-fraction", 0, folder=folder)  # fmt: skip
    measured({
        "of the windows taught live, answered right before being told": told["accuracy"],
        "of the windows of later recordings, taught nothing any more": tested["accuracy"],
        "whoever always gives the commonest answer": commonest(
            [name for samples, name in later for _ in samples]
        ),
    })  # fmt: skip


if __name__ == "__main__":
    main()
