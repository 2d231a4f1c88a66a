"""Boards and products of somebody else's, outside of the repository, and their tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from support import FIRMWARE, ROOT, run

from edge_naca import presets
from edge_naca.export import c_source
from edge_naca.network import Network, Preparation

PRODUCT = ROOT / "tests" / "product"
DESCRIPTION: dict[str, Any] = {
    "processor": "Cortex-M3",
    "compiler": "arm-none-eabi",
    "emulator": ["qemu-system-arm", "-machine", "lm3s6965evb"],
}


def small_network(**other: Any) -> Network:
    """Return a learner that takes 16 numbers, fit for the smallest chips."""
    preparation = Preparation((4, 4, 1), gain=np.array([15]), shift=4)
    return presets.competitive(preparation, 3, 2, weight_bits=4, **other)


def board_folder(parent: Path, like: str = "lm3s6965", name: str = "mine") -> Path:
    """Copy one of our boards to a folder of somebody's, and call it otherwise."""
    folder = parent / "my boards" / name
    shutil.copytree(ROOT / "firmware" / "boards" / like, folder)
    source = folder / "board.c"
    text = source.read_text()
    assert f'board_name[] = "{like}"' in text
    source.write_text(text.replace(f'board_name[] = "{like}"', f'board_name[] = "{name}"'))
    return folder


def product_folder(parent: Path, name: str = "product") -> Path:
    """Return a folder with a board whose firmware is a program of somebody's own."""
    folder = board_folder(parent, name=name)
    shutil.copy(PRODUCT / "main.c", folder)
    with (folder / "board.cmake").open("a") as file:
        file.write("set(main ${board}/main.c)\n")
    describe(folder)
    return folder


def describe(folder: Path, **changes: Any) -> None:
    """Write a board.json like `DESCRIPTION`."""
    (folder / "board.json").write_text(json.dumps(DESCRIPTION | changes))


def build_product(clone: Path, board: Path, folder: Path, image: Path, *programs: str) -> None:
    """Build programs of a board elsewhere, as docs/testing.md says, with an image linked in."""
    settings = {
        "CMAKE_TOOLCHAIN_FILE": clone / "firmware" / "cmake" / "arm-none-eabi.cmake",
        "CMAKE_BUILD_TYPE": "MinSizeRel",
        "NACA_BOARD": board,
        "NACA_BOARD_IMAGE": image,
        "Python_EXECUTABLE": sys.executable,
    }
    given = [f"-D{name}={value}" for name, value in settings.items()]
    run("cmake", "-S", clone, "-B", folder, *given)
    targets = [f"{program}_{board.name}" for program in programs]
    run("cmake", "--build", folder, "--parallel", "2", "--target", *targets)


def arduino_library(folder: Path, image: bytes) -> Path:
    """Lay out the C code as a library for Arduino has it, all below src, and return that folder.

    Whatever has core, link and product.h in one folder can be put in its place.
    """
    source = folder / "src"
    for part in ("core", "signal", "store", "link"):
        shutil.copytree(FIRMWARE / part / "include", source, dirs_exist_ok=True)
        shutil.copytree(FIRMWARE / part / "src", source / part)
    for name, text in c_source(image, "product").items():
        if name in ("product.c", "product.h"):
            (source / name).write_text(text)
    return source


def build_sketch(library: Path, elf: Path) -> None:
    """Build the sketch with a library's sources, as Arduino does for a Mega 2560."""
    flags = "-std=c99 -Os -mmcu=atmega2560 -ffunction-sections -fdata-sections -Wl,--gc-sections"
    sources = [PRODUCT / "sketch.c", *sorted(library.rglob("*.c"))]
    run("avr-gcc", *flags.split(), f"-I{library}", *sources, "-o", elf)


def pytest_in(folder: Path, *words: str) -> str:
    """Run pytest as somebody would in a project of theirs, and return what it says."""
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=folder, env=kept, text=True, stdout=subprocess.PIPE).stdout
