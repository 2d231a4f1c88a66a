"""What the examples share: where data are, commands, and movements made up where there are none."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca import data

GESTURES = ("circle", "lift", "shake", "still")
RATE = 50  # samples a second
COUNTS = 4096  # of the sensor's 16 bits, to 1 g


def work_folder() -> Path:
    """Return the folder to write to, which is the program's only argument; it is made."""
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: {sys.argv[0]} FOLDER, which is written to")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def find(name: str) -> Path | None:
    """Return a file of the folder that EDGE_NACA_DATA names, or None where it is not."""
    folder = data.folder()
    path = None if folder is None else folder / name
    return path if path is not None and path.is_file() else None


def needed(name: str) -> Path:
    """Return a file of the folder that EDGE_NACA_DATA names; end in good order where it is not."""
    path = find(name)
    if path is None:
        print(f"This example needs {name} in the folder that {data.VARIABLE} names.")
        print("Its README says where the data are from. Nothing was run.")
        raise SystemExit(0)
    return path


def run(*words: object, folder: Path) -> str:
    """Run a command in a folder, shown as it would be typed; return what it printed.

    Raises
    ------
    SystemExit
        If it fails, with what it said.
    """
    command = [str(word) for word in words]
    print("$", *command)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def naca(*words: object, folder: Path) -> dict[str, Any]:
    """Run a command of edge-naca in a folder; return what it says with --json."""
    answer = json.loads(run("edge-naca", *words, "--json", folder=folder))
    assert isinstance(answer, dict)
    return answer


def torch_python() -> Path:
    """Return the interpreter that has torch and snnTorch.

    Raises
    ------
    SystemExit
        If there is none; the message says what brings it.
    """
    path = Path(__file__).parents[1] / "build" / "frameworks" / "torch" / "bin" / "python"
    if not path.is_file():
        raise SystemExit(
            "'make build/frameworks/torch/installed' brings PyTorch, which is not there"
        )
    return path


@contextmanager
def emulated(*words: object, folder: Path) -> Iterator[str]:
    """Run a device beside the program, as `edge-naca emulate` with these words; yield its port."""
    command = ["edge-naca", "emulate", *map(str, words)]
    print("$", *command, "&")
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = re.match(r"A device is at (\S+);", process.stdout.readline())
            if told is None:
                raise SystemExit("no device came up")
            yield told[1]
        finally:
            process.send_signal(signal.SIGINT)


def measured(rows: Mapping[str, float]) -> None:
    """Print shares of right answers, 0 .. 1: ours first, then what to compare it with."""
    print()
    for name, share in rows.items():
        print(f"{100 * share:5.1f} %  {name}")


def commonest(labels: ArrayLike) -> float:
    """Return how often whoever always gives the commonest answer is right: the trivial rule."""
    return float(np.unique(labels, return_counts=True)[1].max() / np.size(labels))


def gesture(kind: str, seconds: float, person: int) -> NDArray[np.int16]:
    """Return what an accelerometer in somebody's hand would measure: int16 (samples, 3).

    Parameters
    ----------
    kind : one of `GESTURES`.
    person : whose hand it is. Everybody has a pace, a vigour and a way to hold the sensor.
    """
    own = np.random.default_rng(person)
    pace, vigour = own.uniform(0.8, 1.25, 2)
    tilt = own.normal(0, 0.15, 3)
    random = np.random.default_rng([person, GESTURES.index(kind)])
    t = np.arange(round(seconds * RATE)) / RATE
    turn = 2 * np.pi * np.cumsum(pace * random.normal(1, 0.15, len(t))) / RATE
    zero = np.zeros(len(t))
    axes = {
        "circle": (0.5 * np.cos(1.5 * turn), 0.5 * np.sin(1.5 * turn), zero),
        "lift": (zero, zero, 0.4 * np.sin(0.8 * turn)),
        "shake": (0.9 * np.sin(4 * turn), 0.2 * np.sin(4 * turn), zero),
        "still": (zero, zero, zero),
    }[kind]
    g = np.stack(axes, axis=1) * vigour + [0, 0, 1] + tilt + random.normal(0, 0.04, (len(t), 3))
    return np.clip(np.rint(g * COUNTS), -32768, 32767).astype(np.int16)


def write_table(path: Path, samples: NDArray[Any], labels: list[str]) -> None:
    """Write a recording: a row for each sample, (samples, 3), and what was going on meanwhile."""
    rows = [f"{x},{y},{z},{name}" for (x, y, z), name in zip(samples.tolist(), labels, strict=True)]
    path.write_text("\n".join(["acc_x,acc_y,acc_z,gesture", *rows]) + "\n")
