"""Measures what windows and features of signals take on each emulated core, and fits to it.

    python benchmarks/instruction_signals.py --output benchmarks/results/instruction-signals.json

needs the tools of the emulated boards (`make board-tools`). Writes its part of
export/cost/instruction_model.json, from which `edge-naca inspect --board` reckons, and with
--output predicted against counted on signals that the fit has not seen. Takes about ten minutes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import results
from instruction_model import CORES, MODEL, NO_ROOM, unit_of
from numpy.typing import NDArray
from scipy.optimize import nnls

from edge_naca import presets
from edge_naca.affine import Affine
from edge_naca.core import Core
from edge_naca.export.cost.signal_operations import Operations, making, taking
from edge_naca.host import boards
from edge_naca.host.boards import BoardError
from edge_naca.host.counting import count
from edge_naca.image_records import SIGNAL_BLOCKS
from edge_naca.measurement import Figure, Measurement, Table, measure
from edge_naca.network import Network, Preparation
from edge_naca.signal_features import Bands, Signal
from edge_naca.signals.choosing import motion_bands, sound, suitable
from edge_naca.signals.recordings import Recording

ROOT = Path(__file__).resolve().parents[1]
FITTED, SMALL_ONES, SEED = 80, 30, 1
MOST_NUMBERS, SMALL_NUMBERS = 4096, 512  # of a window
COUNTED = 2  # windows of each

Array = NDArray[Any]
Random = np.random.Generator


@dataclass(frozen=True)
class Case:
    """A signal in a small network, and windows (n, window, channels) to count on."""

    name: str
    signal: Signal
    image: bytes
    windows: Array


@dataclass(frozen=True)
class Counted:
    """Means of a case on a board: of taking the samples of a whole window, and of its features."""

    case: Case
    push: float
    features: float

    @property
    def taken(self) -> Operations:
        """What was counted as `push`: a board measures a whole window, not a hop."""
        signal = self.case.signal
        once = taking(signal)
        return Counter({name: n * signal.window // signal.hop for name, n in once.items()})


def case_of(name: str, signal: Signal, rng: Random) -> Case:
    preparation = Preparation((1, signal.features, 1), keeps_sign=True, shift=8)
    network = presets.competitive(preparation, 2, 1, bits=3, drift=0.0)
    network = Network(
        network.inputs, network.encoder, network.populations, preparation, signal=signal
    )
    steps = rng.normal(0, 60, (COUNTED, signal.window, signal.channels))
    waves = 4000 * np.sin(np.arange(signal.window)[None, :, None] / rng.uniform(2, 40))
    windows = np.clip(np.cumsum(steps, axis=1) + waves + rng.normal(0, 200, steps.shape), -3e4, 3e4)
    return Case(name, signal, Core(network).image(), windows.astype(np.int16))


def random_signal(rng: Random, most: int) -> Signal:
    while True:
        window = 1 << int(rng.integers(4, 13))
        channels = int(rng.integers(1, 7))
        if window * channels <= most:
            break
    magnitudes = tuple(
        tuple(int(a) for a in rng.permutation(channels)[: min(channels, int(rng.integers(1, 4)))])
        for _ in range(int(rng.integers(0, 3)))
    )
    frame = min(window, 1024) >> int(rng.integers(0, 4)) if window >= 64 else window
    bands = None
    if rng.random() < 0.7:
        frames = int(rng.integers(1, 9)) if frame < window else 1
        level = int(rng.integers(1, 20)) if rng.random() < 0.4 else 0
        bands = random_bands(rng, frame, frames, level)
    known = [name for name in SIGNAL_BLOCKS if name != "bands" or bands is not None]
    blocks = []
    for _ in range(channels + len(magnitudes)):
        names = [name for name in known if rng.random() < 0.5]
        blocks.append(tuple(names) or ("mean",))
    hop = max(int(window * rng.choice([0.25, 0.5, 1])), 1)
    affine = Affine.of(0, np.ones(channels)) if rng.random() < 0.3 else None
    decimation = min(window, 1 << int(rng.integers(1, 6)))
    return Signal(channels, 50, window, hop, tuple(blocks), magnitudes, bands, decimation, affine)


def random_bands(rng: Random, frame: int, frames: int, level: int) -> Bands:
    count = int(rng.integers(1, max(frame // 8, 2)))
    number = int(rng.integers(1, frame // 2))
    slots = np.sort(rng.integers(0, count + 1, number))
    bins = np.stack([slots, np.full(number, 20), np.full(number, 12)], axis=1)
    return Bands(frame, min(count, 64), np.minimum(bins, [64, 20, 12]), 1, frames, level)


def random_cases(number: int, seed: int, most: int) -> Iterator[Case]:
    rng = np.random.default_rng(seed)
    while number:
        try:
            signal = random_signal(rng, most)
        except ValueError:  # too many features
            continue
        if signal.features <= 200:
            number -= 1
            yield case_of(f"random {seed}.{number}", signal, rng)


def recorded(channels: tuple[str, ...], rate: float) -> Recording:
    labels = np.full(64, "a")
    return Recording("", np.ones((64, len(channels)), np.int16), rate, labels, "", channels)


def unseen() -> list[Case]:
    """Return signals as people have them, and some random ones."""
    rng = np.random.default_rng(SEED + 10)
    axes = tuple(f"{sensor} {axis}" for sensor in ("acc", "gyro") for axis in "xyz")
    lone = motion_bands(32, 4)
    known = {
        "motion, 6 channels": suitable([recorded(axes, 50)]),
        "motion, 3 channels": suitable([recorded(axes[:3], 50)]),
        "sound": suitable([recorded(("sound",), 8000)]),
        "one second of sound, 20 frames": sound(8000, 8192, 8192, 24, 20, length=0.032),
        "one slow channel": Signal(1, 1, 32, 16, (("mean", "deviation", "bands"),), (), lone),
    }
    cases = [case_of(name, signal, rng) for name, signal in known.items()]
    return [*cases, *random_cases(4, SEED + 11, MOST_NUMBERS), *random_cases(4, SEED + 12, 256)]


def count_all(board: str, elf: Path, cases: list[Case]) -> list[Counted]:
    """Count on a board every case that fits it."""
    found = []
    for case in cases:
        labels = np.zeros(len(case.windows), int)
        try:
            counts = count(board, case.image, case.windows, labels, "windows", elf=elf)
        except BoardError as error:
            if not any(reason in str(error) for reason in NO_ROOM):
                raise
            continue
        assert counts.push is not None
        assert counts.features is not None
        found.append(Counted(case, float(counts.push.mean()), float(counts.features.mean())))
    return found


def fit(counted: list[Counted]) -> dict[str, float]:
    """Return the coefficients, none negative, that make relative errors small."""
    rows = [row for one in counted for row in (one.taken, making(one.case.signal))]
    wanted = np.array([n for one in counted for n in (one.push, one.features)])
    names = sorted({name for row in rows for name in row})
    matrix = np.array([[row[name] for name in names] for row in rows], float)
    solution, _ = nnls(matrix / wanted[:, None], np.ones(len(wanted)), maxiter=10000)
    return {
        name: round(float(value), 2)
        for name, value in zip(names, solution, strict=True)
        if value > 0.005
    }


def predicted(coefficients: dict[str, float], row: Operations) -> float:
    return sum(coefficients.get(name, 0.0) * n for name, n in row.items())


def compared(
    core: str, coefficients: dict[str, float], counted: list[Counted]
) -> tuple[Table, float]:
    """Return counted and predicted of signals, and how far, relatively, the worst is off."""
    figures, worst = [], 0.0
    for one in counted:
        of = {"signal": one.case.name}
        pairs = {
            "taking samples": (one.push, predicted(coefficients, one.taken)),
            "features": (one.features, predicted(coefficients, making(one.case.signal))),
        }
        for what, (number, guess) in pairs.items():
            off = guess / number - 1
            worst = max(worst, abs(off))
            figures += [
                Figure(of, what, number, unit_of(core)),
                Figure(of, f"{what}, predicted", guess, unit_of(core)),
                Figure(of, f"{what}, off", 100 * off, "%", decimals=1),
            ]
    text = f"Predictions are at most {100 * worst:.1f} % off."
    return Table(core, tuple(figures), text), worst


def measurement_of(tables: list[Table], cases: list[Case]) -> Measurement:
    content = b"".join(case.image + case.windows.tobytes() for case in cases)
    return measure(
        "The cost model of signals against the emulator",
        results.command(),
        tables,
        data={"signals and windows": results.digest(content)},
        text="Mean instructions (cycles on the AVR) of taking the samples of a window one at a "
        "time, and of making its features, on signals that the fit has not seen: that was made to "
        f"{FITTED + SMALL_ONES} random ones, as far as each board's RAM holds them. Counted in "
        "QEMU with `-icount`, on the AVR in simavr; compiler flags are the firmware's (`-Os`).",
    )


def main() -> None:
    parser = results.parser(__doc__)
    parser.add_argument("--cores", nargs="*", choices=list(CORES), default=list(CORES))
    arguments = parser.parse_args()
    content = json.loads(MODEL.read_text(encoding="utf-8"))
    fitted_to = [
        *random_cases(FITTED, SEED, MOST_NUMBERS),
        *random_cases(SMALL_ONES, SEED + 1, SMALL_NUMBERS),
    ]
    cases, tables = unseen(), []
    for core in arguments.cores:
        elf = boards.build(CORES[core], "measure")
        known = count_all(CORES[core], elf, fitted_to)
        coefficients = fit(known)
        table, worst = compared(core, coefficients, count_all(CORES[core], elf, cases))
        content["cores"][core]["signal"] = {
            "coefficients": coefficients,
            "largest_error": round(worst, 3),
        }
        tables.append(table)
        print(f"{core}: fitted to {len(known)} signals. {table.text}", flush=True)
    if "cortex-m0" in arguments.cores:
        content["cores"]["cortex-m0+"]["signal"] = content["cores"]["cortex-m0"]["signal"]
    MODEL.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    results.publish(measurement_of(tables, cases), arguments.output)


if __name__ == "__main__":
    main()
