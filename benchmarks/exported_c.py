"""Exported C beside Python, on samples of real data: every feature, code and answer.

    python benchmarks/exported_c.py --output benchmarks/results/exported-c.json

Networks small enough for an AVR are exported as C and built around a driver that takes samples from
a file, or from the UART of the emulated AVR, and gives back what it makes of each. Needs har.npz,
fsdd.npz and gas_drift.npz in EDGE_NACA_DATA, and what `make ci-tools` brings.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import results
from numpy.typing import NDArray
from signals import activities

from edge_naca import data, recipes
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.export.csource import c_source
from edge_naca.export.example import opening
from edge_naca.host.boards import EmulatedBoard
from edge_naca.measurement import Figure, Measurement, Table, measure
from edge_naca.signal_core import SignalCore
from edge_naca.signal_features import Signal
from edge_naca.signals.choosing import maps, motion_bands
from edge_naca.signals.datasets import window_features
from edge_naca.signals.recordings import Recording

Array = NDArray[Any]

FIRMWARE = Path(__file__).resolve().parents[1] / "firmware"
DRIVER = Path(__file__).with_name("exported_driver.c")
PRESENTED, LEARNED = 1000, 400
NAME = "network"
PIECE = 16  # bytes that the AVR takes before it says so


@dataclass(frozen=True)
class Case:
    """A network, and samples (n, ...) as it takes them: windows where it has a signal."""

    name: str
    image: bytes
    samples: Array


# ---- networks and samples ----------------------------------------------------------------------


def taught(name: str, x: Array, y: Array, signal: Signal | None, raw: Array) -> Case:
    """Return a small network taught with the first samples, and those to present."""
    classes = tuple(map(str, range(int(y.max()) + 1)))
    dataset = Dataset(name, x[:LEARNED], y[:LEARNED], x[:0], y[:0], classes)
    features = "decorrelated" if x.shape[1] <= 40 else "scaled"
    network = recipes.network_for(dataset, features=features, neurons_per_class=1)
    core = Core(replace(network, signal=signal))
    core.learn_many(x[:LEARNED], y[:LEARNED])
    chosen = np.linspace(0, len(raw) - 1, PRESENTED).astype(int)
    return Case(name, core.image(), raw[chosen])


def shuffled(*arrays: Array) -> list[Array]:
    order = np.random.default_rng(0).permutation(len(arrays[0]))
    return [array[order] for array in arrays]


def cases(folder: Path) -> Iterator[Case]:
    digits = data.load("digits")
    pixels = digits.x_train.reshape(len(digits.x_train), -1).astype(np.uint8)
    x, y = shuffled(pixels, digits.y_train)
    yield taught("digits, 64 pixels, uint8", x, y, None, x)
    yield from _of_motion(folder)
    yield _of_speech(folder)
    with np.load(folder / "gas_drift.npz") as file:
        x, y = shuffled(file["x"].astype(np.float32)[:, :32], file["y"])
    yield taught("gas sensors, 32 real numbers", x, np.unique(y, return_inverse=True)[1], None, x)


def _of_motion(folder: Path) -> Iterator[Case]:
    with np.load(folder / "har.npz") as file:
        windows = activities(file)
    whole, y = shuffled(windows.x[:, ::4], windows.y)  # 32 samples at 12.5 a second
    blocks = (("mean", "deviation", "least", "greatest", "change", "crossings"),) * 6
    signal = Signal(6, 12.5, 32, 16, blocks)
    yield taught("HAR, windows, int16", window_features(signal, whole), y, signal, whole)
    real = (whole[..., :3] / 4096).astype(np.float32)
    axes = ((0, 1, 2),)
    flat = real.reshape(-1, 3)
    recording = Recording("", flat, 12.5, np.full(len(flat), "a"), "", ("x", "y", "z"))
    bands = replace(motion_bands(16, 3), frames=2)
    signal = Signal(
        3, 12.5, 32, 16, (("mean", "deviation", "bands"),) * 4, axes, bands,
        affine=maps([recording], axes),
    )  # fmt: skip
    yield taught("HAR, windows, float", window_features(signal, real), y, signal, real)


def _of_speech(folder: Path) -> Case:
    with np.load(folder / "fsdd.npz") as file:
        audio = file["audio"]
        clips = [audio[a:b][:2048:4] for a, b in pairwise(file["offset"])]
        heard = np.stack([np.pad(clip, (0, 512 - len(clip))) for clip in clips])
        sound, y = shuffled(heard.astype(np.int16)[..., None], file["label"].astype(int))
    bands = replace(motion_bands(128, 6), frames=4, level=13)
    signal = Signal(1, 2000, 512, 256, (("bands", "decimated"),), (), bands, 64)
    return taught("spoken digits, windows, int16", window_features(signal, sound), y, signal, sound)


# ---- running -----------------------------------------------------------------------------------


def expected(case: Case) -> bytes:
    """Return what Python makes of all samples, as the driver gives it back."""
    core = Core(case.image)
    has_signal = core.network.signal is not None
    x = SignalCore(core.network).features(case.samples) if has_signal else case.samples
    codes = core.prepare_many(x)
    answers = core.infer_many(x)["prediction"].astype("<i2")
    return b"".join(
        (features.tobytes() if has_signal else b"") + code.tobytes() + answer.tobytes()
        for features, code, answer in zip(x, codes, answers, strict=True)
    )


def build(case: Case, folder: Path, *command: str) -> Path:
    """Export a network, and build the driver around it."""
    network = Core(case.image).network
    for file, content in c_source(case.image, NAME).items():
        (folder / file).write_text(content)
    kinds = {"float32": "NACA_RAW_F32", "uint8": "NACA_RAW_U8", "int16": "NACA_RAW_I16"}
    is_real = case.samples.dtype == np.float32
    defined = {
        "OPEN(image)": f"{opening(network)}(image), network_image, NETWORK_IMAGE_SIZE)",
        "KIND": kinds[case.samples.dtype.name],
        "NUMBER": {"float32": "float", "uint8": "uint8_t", "int16": "int16_t"}[
            case.samples.dtype.name
        ],
        "COUNT": f"{len(case.samples)}ul",
        "PIECE": str(PIECE),
        "IS_REAL": str(int(is_real)),
        "HAS_SIGNAL": str(int(network.signal is not None)),
    }
    lines = [f"#define {name} {value}" for name, value in defined.items()]
    (folder / "driver.h").write_text("\n".join(lines) + "\n")
    (folder / "in.bin").write_bytes(np.ascontiguousarray(case.samples).tobytes())
    sources = [*FIRMWARE.glob("core/src/*.c"), *FIRMWARE.glob("signal/src/*.c")]
    include = [f"-I{FIRMWARE / room / 'include'}" for room in ("core", "signal")]
    flags = ["-std=c99", "-Os", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]
    program = folder / f"driver-{command[0]}"
    subprocess.run(
        [*command, *flags, *include, f"-I{folder}", folder / f"{NAME}.c", DRIVER, *sources,
         "-o", program],
        check=True,
    )  # fmt: skip
    return program


def on_desktop(case: Case, folder: Path) -> bytes:
    program = build(case, folder, "cc")
    subprocess.run([program], cwd=folder, check=True)
    return (folder / "out.bin").read_bytes()


def on_arm(case: Case, folder: Path) -> bytes:
    program = build(
        case, folder, "arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "--specs=rdimon.specs",
        "-Wl,-u,vectors", "-Wl,--section-start=.vectors=0",
    )  # fmt: skip
    (folder / "out.bin").unlink(missing_ok=True)
    command = ["qemu-system-arm", "-M", "mps2-an386", "-semihosting", "-nographic"]
    command += ["-monitor", "none", "-serial", "none", "-kernel", str(program)]
    subprocess.run(command, cwd=folder, check=True)
    return (folder / "out.bin").read_bytes()


def on_avr(case: Case, folder: Path) -> bytes:
    """Return what the emulated AVR answers over its UART."""
    program = build(
        case, folder, "avr-gcc", "-mmcu=atmega1284p", "-Wl,--defsym=__DATA_REGION_LENGTH__=0x3c00"
    )
    network = Core(case.image).network
    # The driver takes a sample of a signal at a time, any other as a whole.
    taken = case.samples[0].nbytes // (1 if network.signal is None else network.signal.window)
    step = len(expected(case)) // len(case.samples)
    said = bytearray()
    with (
        EmulatedBoard("atmega1284p", program) as board,
        socket.create_connection(("127.0.0.1", board.port), timeout=120) as line,
    ):
        _wait(line)
        for sample in case.samples:
            content = sample.tobytes()
            for at in range(0, len(content), taken):
                _hand_over(line, content[at : at + taken])
            answer = b""
            while len(answer) < step:
                answer += line.recv(step - len(answer))
            said += answer
    return bytes(said)


def _hand_over(line: socket.socket, content: bytes) -> None:
    """Send bytes in pieces, each when the one before it was taken."""
    for at in range(0, len(content), PIECE):
        line.sendall(content[at : at + PIECE])
        _wait(line)


def _wait(line: socket.socket) -> None:
    """Wait until the driver takes more."""
    if line.recv(1) != b"k":
        raise SystemExit("the AVR says something else than that it has taken a piece")


def measurement(folder: Path) -> Measurement:
    figures, digests = [], {}
    for case in cases(folder):
        wanted = expected(case)
        step = len(wanted) // len(case.samples)
        for target, run in {
            "desktop": on_desktop, "Cortex-M4": on_arm, "ATmega1284P": on_avr,
        }.items():  # fmt: skip
            with tempfile.TemporaryDirectory(prefix="edge-naca-") as name:
                got = run(case, Path(name))
            places = range(0, len(wanted), step)
            alike = sum(got[at : at + step] == wanted[at : at + step] for at in places)
            print(f"{case.name}, {target}: {alike} of {len(case.samples)}", flush=True)
            figures.append(Figure({"samples": case.name}, target, alike, "alike"))
        digests[case.name] = results.digest(case.image + case.samples.tobytes())
    return measure(
        "Exported C beside Python",
        results.command(),
        [Table("Samples whose features, codes and answer are those of Python", tuple(figures))],
        data=digests,
        text=f"{PRESENTED} samples of each, spread over all there are; the ARM in QEMU "
        "(mps2-an386), the AVR in simavr.",
    )


if __name__ == "__main__":
    results.run(__doc__, "har.npz", measurement)
