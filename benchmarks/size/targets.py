"""The cores that are measured: their boards' flags and compilers."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_naca.host.boards import BOARDS

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
ROOMS = ("core", "signal", "store", "link")
# Files of the core that are linked only where a program asks for frozen stages.
STAGES = ("all_stages", "coded", "spiking", "stages")


@dataclass(frozen=True)
class Target:
    """A core, the emulated board that has it, and how its objects are made.

    Parameters
    ----------
    core : as docs/costs.md calls it.
    board : of firmware/boards.
    has_call_graph : whether the compiler writes it (-fcallgraph-info, GCC 10 and later).
    """

    core: str
    board: str
    has_call_graph: bool = True

    @property
    def compiler(self) -> str:
        """The program that compiles."""
        return BOARDS[self.board].compiler[0]

    @property
    def emulator(self) -> str:
        """The program that runs it, or for simavr the one that Debian brings with it."""
        program = BOARDS[self.board].emulator[0]
        return "simavr" if program == "simavr_uart" else program

    def tool(self, name: str) -> str:
        """Return the program of the compiler's binutils: nm, size or objdump."""
        return self.compiler.removesuffix("gcc") + name

    def version(self) -> str:
        """Return the compiler's version, all of it."""
        command = [self.compiler, "--version"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return said.splitlines()[0].removeprefix(self.compiler).strip()

    def flags(self) -> list[str]:
        """Return the board's own flags and those that all boards are compiled with."""
        folder = FIRMWARE / "boards" / self.board
        own = re.search(r"^set\(flags (.*)\)$", (folder / "board.cmake").read_text(), re.M)
        assert own is not None, f"{folder} does not say its flags"
        # Where the C library's headers are is the tool chain's to say.
        files = (FIRMWARE / "cmake").glob("*.cmake")
        chain = next(text for file in files if self.compiler in (text := file.read_text()))
        library = re.findall(r"CMAKE_C_FLAGS_INIT (.*)\)", chain)
        return [
            *own[1].split(),
            *library,
            "-Os",
            "-DNDEBUG",
            "-ffunction-sections",
            "-fdata-sections",
        ]


TARGETS = (
    Target("cortex-m0", "microbit"),
    Target("cortex-m4", "netduinoplus2"),
    Target("rv32imac", "riscv-virt"),
    Target("avr", "atmega1284p", has_call_graph=False),
)


def sources() -> list[Path]:
    """Return the C files of core, store and link."""
    return [path for room in ROOMS for path in sorted((FIRMWARE / room / "src").glob("*.c"))]


def headers() -> list[Path]:
    """Return the public headers."""
    return [path for room in ROOMS for path in sorted((FIRMWARE / room / "include").rglob("*.h"))]


def room_of(source: Path) -> str:
    """Return the part that a file is linked with: core, stages, store or link."""
    return "stages" if source.stem in STAGES else source.parts[-3]


def compile_all(target: Target, files: Iterable[Path], folder: Path, *more: str) -> list[Path]:
    """Compile C files with debugging lines; return the objects, named ROOM-FILE.o."""
    include = [f"-I{FIRMWARE / room / 'include'}" for room in ROOMS]
    result = []
    for file in files:
        result.append(folder / f"{room_of(file)}-{file.stem}.o")
        run(
            target.compiler,
            "-std=c99",
            *target.flags(),
            *more,
            *include,
            "-c",
            file,
            "-o",
            result[-1],
        )
    return result


def run(*command: str | Path) -> str:
    """Run a command and return what it printed; CalledProcessError says what it was."""
    words = [str(word) for word in command]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
