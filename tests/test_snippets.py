"""Every block of shell, Python and C in README and the pages of the site runs, or says why not."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nir_graphs
import numpy as np
import onnx
import onnx_models
import onnxruntime
import pytest
from commands import call
from nir_graphs import affine, chain, convolution, lif, node
from onnx import helper
from support import CORE, FIRMWARE, ROOT, run

from edge_naca import data

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
RUNS = {"sh", "python", "c"}
OTHERS = {"text"}  # shown, never run

# Lines of shell that no test of this file runs, and who runs them.
NOT_RUN = {
    "make demo": "test_cli.py runs the demo",
    "make test": "this is what runs now",
    "make install": "it made the interpreter that runs now",
    "make ci-tools": "it installs packages; .ci/run calls it",
    "make board-tools": "it installs packages; `make test` calls it",
    "pip install 'edge-naca[nir]'": "it needs a registry that has this version",
    "pip install 'edge-naca[onnx]'": "it needs a registry that has this version",
    "pip install 'edge-naca[web]'": "it needs a registry that has this version",
    "pip install 'edge-naca[avalanche]'": "it needs a registry that has this version",
    "pip install 'edge-naca[neurobench]'": "it needs a registry that has this version",
    "cmake --preset board-netduinoplus2": "test_boards.py builds it in a folder of its own",
    "cmake --build --preset board-netduinoplus2": "test_boards.py builds it in a folder of its own",
    "cmake -B build/mine -DCMAKE_TOOLCHAIN_FILE=$PWD/firmware/cmake/arm-none-eabi.cmake "
    "-DCMAKE_BUILD_TYPE=MinSizeRel -DNACA_BOARD=/home/me/boards/mine": "test_board_folder.py does",
    "cmake --build build/mine": "test_board_folder.py builds it elsewhere",
}
# Programs in Python whose results are looked at, or that need what is not here.
RUN_ELSEWHERE = {
    "onnx.md": "test_onnx_doc.py",
    "testing.md": "test_products.py",
    "frameworks.md": "frameworks/avalanche.py",
}


@dataclass(frozen=True)
class Block:
    """A fenced block: page, language and content."""

    page: str
    language: str
    text: str

    def lines(self) -> list[str]:
        """Return commands of shell: lines joined where they go on, without comments."""
        joined = self.text.replace("\\\n", " ")
        commands = [shlex.join(shlex.split(line, comments=True)) for line in joined.splitlines()]
        return [command for command in commands if command]


def blocks(path: Path) -> list[Block]:
    found = FENCE.findall(path.read_text())
    return [Block(path.name, language.strip(), text) for _, language, text in found]


ALL = [block for page in PAGES for block in blocks(page)]
RUNNING = sorted({block.page for block in ALL if block.language in {"sh", "python"}})


def normal(command: str) -> str:
    return shlex.join(shlex.split(command))


def test_every_block_says_what_it_is() -> None:
    for block in ALL:
        assert block.language in RUNS | OTHERS or block.language.startswith("{"), (
            f"{block.page} has a block of {block.language!r}:\n{block.text}"
        )


def test_what_is_not_run_is_still_there() -> None:
    commands = {line for block in ALL if block.language == "sh" for line in block.lines()}
    assert {normal(line) for line in NOT_RUN} <= commands
    for page, name in RUN_ELSEWHERE.items():
        assert page in (ROOT / "tests" / name).read_text()


# ---- what the blocks find around them ----------------------------------------------------------


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that pages name."""
    folder = tmp_path_factory.mktemp("workshop")
    digits = data.load("digits")
    # Small pictures of MNIST's size, under its name: a page's commands run without fetching it.
    large = np.pad(np.kron(digits.x_train, np.ones((1, 3, 3))), ((0, 0), (2, 2), (2, 2)))
    pictures = np.minimum(large * 16, 255).astype(np.uint8)
    labels = digits.y_train.astype(np.uint8)
    np.savez(
        folder / "mnist.npz",
        x_train=pictures[:300], y_train=labels[:300],
        x_test=pictures[300:360], y_test=labels[300:360],
    )  # fmt: skip
    random = np.random.default_rng(1)
    for name, states in (("sensors.csv", "ABCD"), ("more.csv", "ABCD")):
        rows = ["a,b,c,d,e,f,g,h,state"]
        for number in range(120):
            state = number % len(states)
            numbers = random.normal(state, 0.3, 8)
            rows.append(",".join(f"{x:.4f}" for x in numbers) + f",{states[state]}")
        (folder / name).write_text("\n".join(rows) + "\n")
    _record(folder)
    spiking = chain(
        (1, 28, 28),
        convolution(1, 4, 1, 5, stride=4), lif(tau=4e-4),
        node("Flatten", start_dim=0, end_dim=-1), affine(3, 10, 144), lif(tau=4e-4),
    )  # fmt: skip
    for name in ("model.nir", "features.nir"):
        nir_graphs.save(folder / name, spiking.to_dict())
    convolving = helper.make_node("Conv", ["x", "w"], ["c"], name="conv", strides=[4, 4])
    rectifying = helper.make_node("Relu", ["c"], ["y"], name="relu")
    kernels = {"w": nir_graphs.numbers(5, 8, 1, 5, 5).astype(np.float32)}
    features = onnx_models.build([convolving, rectifying], kernels, (1, 1, 28, 28))
    onnx.save(features, folder / "net.onnx")
    flat = helper.make_node("Flatten", ["x"], ["f"], name="flatten")
    scoring = helper.make_node("Gemm", ["f", "w"], ["y"], name="scores")
    weights = {"w": nir_graphs.numbers(6, 784, 10).astype(np.float32)}
    onnx.save(
        onnx_models.build([flat, scoring], weights, (1, 1, 28, 28)), folder / "classifier.onnx"
    )
    learned = call("train", "digits", "--neurons-per-class", 5, "-o", folder / "digits.naca")
    assert learned.exit_code == 0, learned.output
    shutil.copy(folder / "digits.naca", folder / "kitchen.naca")
    return folder


def _record(folder: Path) -> None:
    """Write recordings of three axes: one file a movement, and one of all; and one of sound."""
    random = np.random.default_rng(2)
    times = np.arange(1500) / 50
    together = ["time,acc_x,acc_y,acc_z,activity,person"]
    for at, (kind, pace) in enumerate({"walk": 1.8, "run": 2.9, "sit": 0.1}.items()):
        axes = [np.sin(2 * np.pi * pace * times + turn) for turn in range(3)]
        rows = np.stack(axes, axis=1) + random.normal(0, 0.1, (1500, 3))
        lines = [
            f"{time:.2f}," + ",".join(f"{x:.3f}" for x in row)
            for time, row in zip(times, rows, strict=True)
        ]
        (folder / f"{kind}.csv").write_text("\n".join([together[0][:22], *lines]) + "\n")
        for person in range(2):
            part = lines[750 * person : 750 * person + 750]
            together += [f"{line},{kind},person {person + at % 2}" for line in part]
    (folder / "log.csv").write_text("\n".join(together) + "\n")
    (folder / "live.csv").write_text("\n".join(together[:300]) + "\n")  # six seconds
    heard = random.normal(0, 900, 8000 * 12)
    heard[8000 * 6 :] = 900 * np.sin(np.arange(8000 * 6))
    with wave.open(str(folder / "sounds.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(heard.astype("<i2").tobytes())
    (folder / "sounds.txt").write_text("0\t6\twater\n6\t12\tkettle\n")


def _few_digits() -> data.Dataset:
    full = data.load("digits")
    x_train, y_train = full.x_train[:200], full.y_train[:200]
    x_test, y_test = full.x_test[:60], full.y_test[:60]
    return replace(full, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


FEW_DIGITS = _few_digits()


@dataclass
class Devices:
    """Virtual devices, started by the command line, in place of the ports that pages name."""

    running: list[subprocess.Popen[str]] = field(default_factory=list)
    ports: dict[str, str] = field(default_factory=dict)

    def start(self, *words: str) -> str:
        command = ["edge-naca", "emulate", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        told = re.fullmatch(r"A device is at (\S+); .*\n", line)
        assert told is not None, line
        return told[1]

    def named(self, text: str) -> str:
        """Return a text with the ports of running devices in place of those that it names."""
        for port in re.findall(r"/dev/(?:pts/\d|ttyACM\d)", text):
            if port not in self.ports:
                self.ports[port] = self.start("digits.naca")
            text = text.replace(port, self.ports[port])
        return text

    def stop(self) -> None:
        for process in self.running:
            process.send_signal(signal.SIGINT)
        for process in self.running:
            process.communicate(timeout=120)


@pytest.fixture
def devices() -> Iterator[Devices]:
    started = Devices()
    yield started
    started.stop()


def run_line(line: str, devices: Devices) -> None:
    words = shlex.split(line)
    if words[0] == "edge-naca" and words[1] == "emulate":
        devices.ports["/dev/pts/3"] = devices.start(*words[2:])
    elif words[0] == "edge-naca":
        result = call(*shlex.split(devices.named(line))[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
    else:
        program = words[0].replace(".venv/bin/", f"{Path(sys.executable).parent}/")
        run(program, *words[1:], cwd=ROOT)


# ---- they run ----------------------------------------------------------------------------------


def names_for(page: str) -> dict[str, Any]:
    """Return what the Python blocks of a page take for granted."""
    digits = data.load("digits")
    x, y = digits.x_train[:200].reshape(200, -1), digits.y_train[:200]
    today = {"X": x, "y": y, "X_test": x, "y_test": y, "X_new": x[:9], "x": digits.x_train[0]}
    today |= {"label": 7, "pixels": digits.x_train[0], "onnxruntime": onnxruntime}
    if page == "README.md":  # its classifier has room for eight classes
        few = y < 8
        today |= {f"X_{day}": x[few] for day in ("monday", "tuesday", "wednesday")}
        today |= {f"y_{day}": y[few] for day in ("monday", "tuesday")}
    if page == "how-do-i.md":
        few = np.tile(np.flatnonzero(y < 4), 2)  # enough to hold some out
        today |= {"X": x[few], "y": y[few], "X_test": x[few], "y_test": y[few]}
        today |= {"X_normal": np.tile(x[y == 0], (5, 1))}
    if page == "streaming.md":
        today |= {"X": digits.x_train[:9], "y": digits.y_train[:9]}
        today |= {"X_today": x, "y_today": y}
    if page == "onnx-import.md":
        mnist = data.load("mnist")
        today |= {"x_train": mnist.x_train, "dataset": mnist}
    return today


@pytest.mark.parametrize("page", RUNNING)
def test_blocks_run(
    page: str,
    workshop: Path,
    tmp_path: Path,
    devices: Devices,
    monkeypatch: pytest.MonkeyPatch,
    require_tool: Callable[[str], None],
) -> None:
    if page == "boards.md" or any("--measure" in b.text for b in ALL if b.page == page):
        require_tool("arm-none-eabi-gcc -c")
        require_tool("qemu-system-arm")
    monkeypatch.setenv("EDGE_NACA_DATA", str(workshop))
    monkeypatch.setattr(data, "_digits", lambda: FEW_DIGITS)  # streams need not be long
    folder = tmp_path / "here"
    shutil.copytree(workshop, folder)
    monkeypatch.chdir(folder)
    names = names_for(page)
    skipped = {normal(line) for line in NOT_RUN}
    for block in (block for block in ALL if block.page == page):
        if block.language == "sh":
            for line in block.lines():
                if line not in skipped:
                    run_line(line, devices)
        elif block.language == "python" and page not in RUN_ELSEWHERE:
            exec(compile(devices.named(block.text), page, "exec"), names)


PROGRAM = """
#include "naca/naca.h"
extern const uint8_t digits[], sensors[], pixels[784];
extern const int16_t numbers[8];
extern const uint32_t digits_size, sensors_size, label;
static uint64_t memory[8192];
void program(void);
void program(void)
{
%s
}
"""


@pytest.mark.parametrize(
    "block", [block for block in ALL if block.language == "c"], ids=lambda block: block.page
)
def test_c_compiles(block: Block, tmp_path: Path, require_tool: Callable[[str], None]) -> None:
    require_tool("gcc")
    source = tmp_path / "block.c"
    source.write_text(PROGRAM % block.text)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]
    run("gcc", *flags, "-I", CORE / "include", "-I", FIRMWARE / "link" / "include", source)
