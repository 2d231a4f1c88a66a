"""Boards that an emulator stands in for: building their programs, starting and stopping them."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import weakref
import zlib
from dataclasses import dataclass
from pathlib import Path

from edge_naca.board_files import DESCRIPTION, path_of, read_description
from edge_naca.board_names import folded, near, question
from edge_naca.host.closing import Closing
from edge_naca.host.device import DeviceError
from edge_naca.host.elf import read_machine

# The folder that holds firmware/, if this is a clone of the repository.
REPOSITORY = Path(__file__).resolve().parents[1]

STATE = "state.bin"  # what firmware/boards/common/flash_file.c opens

ARM_GCC = ("arm-none-eabi-gcc", "gcc-arm-none-eabi", "libnewlib-arm-none-eabi")
RISCV_GCC = (
    "riscv64-unknown-elf-gcc",
    "gcc-riscv64-unknown-elf",
    "picolibc-riscv64-unknown-elf",
)
AVR_GCC = ("avr-gcc", "gcc-avr", "avr-libc")
# What compiles for boards of other folders (`edge_naca.board_files.COMPILERS`), and CMake's
# toolchain file for it.
COMPILERS = {
    "arm-none-eabi": ARM_GCC,
    "riscv64-unknown-elf": RISCV_GCC,
    "avr": AVR_GCC,
}
# What processor each of these compiles for, as ELF files say it (edge_naca.host.elf).
MACHINES = {ARM_GCC[0]: "ARM", RISCV_GCC[0]: "RISC-V", AVR_GCC[0]: "AVR"}
SENSING = ("netduinoplus2",)  # boards that a simulated sensor was written for


class BoardError(DeviceError):
    """The board cannot be built or emulated here; the message says what helps."""


class MissingToolError(BoardError):
    """A compiler, an emulator or its library is not installed here."""


@dataclass(frozen=True)
class Board:
    """A board and the emulator that runs its programs.

    Parameters
    ----------
    name : of the folder in firmware/boards, which is what the device says in HELLO.
    processor : for people.
    emulator : program and arguments; its UART and the ELF are added.
    compiler : the program, then the Debian packages that bring it.
    emulator_packages : Debian packages that bring the emulator.
    variant : after the name in that of the CMake preset.
    keeps : bytes of a file that takes the place of flash which the emulator does not model.
    folder : where a board lies that is none of firmware/boards; it has no CMake preset then.
    """

    name: str
    processor: str
    emulator: tuple[str, ...]
    compiler: tuple[str, ...]
    emulator_packages: tuple[str, ...]
    variant: str = ""
    keeps: int = 0
    folder: Path | None = None

    @property
    def preset(self) -> str:
        """The CMake preset that builds its programs."""
        return f"board-{self.name}{self.variant}"

    @property
    def settings(self) -> list[str]:
        """What CMake has to be told to build its programs."""
        if self.folder is None:
            return ["--preset", self.preset]
        toolchain = self.compiler[0].removesuffix("-gcc")
        return [
            f"-DCMAKE_TOOLCHAIN_FILE={REPOSITORY}/firmware/cmake/{toolchain}.cmake",
            "-DCMAKE_BUILD_TYPE=MinSizeRel",
            f"-DNACA_BOARD={self.folder}",
        ]

    @property
    def build_name(self) -> str:
        """What tells its builds from those of other boards."""
        if self.folder is None:
            return f"{self.name}{self.variant}"
        return f"{self.name}-{zlib.crc32(str(self.folder).encode()):08x}"

    @property
    def packages(self) -> tuple[str, ...]:
        """Debian packages that building and running take."""
        return (*self.compiler[1:], *self.emulator_packages)


def _arm(name: str, processor: str, *machine: str, variant: str = "", keeps: int = 0) -> Board:
    emulator = ("qemu-system-arm", "-machine", *machine)
    return Board(name, processor, emulator, ARM_GCC, ("qemu-system-arm",), variant, keeps)


BOARDS = {
    "netduinoplus2": _arm("netduinoplus2", "Cortex-M4", "netduinoplus2", keeps=2 * 128 * 1024),
    "lm3s6965": _arm("lm3s6965", "Cortex-M3", "lm3s6965evb"),
    **{
        f"lm3s6965-m{core}": _arm(
            "lm3s6965",
            f"Cortex-M{core}",
            *("lm3s6965evb", "-cpu", f"cortex-m{core}"),
            variant=f"-m{core}",
        )
        for core in (4, 7, 33)
    },
    "microbit": _arm("microbit", "Cortex-M0", "microbit"),
    "mps3-an547": _arm("mps3-an547", "Cortex-M55", "mps3-an547"),
    "riscv-virt": Board(
        "riscv-virt",
        "rv32imac",
        ("qemu-system-riscv32", "-machine", "virt", "-bios", "none"),
        RISCV_GCC,
        ("qemu-system-misc",),
    ),
    "atmega1284p": Board(
        "atmega1284p",
        "8-bit AVR",
        ("simavr_uart", "atmega1284p"),
        AVR_GCC,
        ("simavr", "libsimavr-dev", "libelf-dev", "gcc", "libc6-dev"),
    ),
}


def find_board(name: str | Path) -> Board:
    """Return an emulated board, or raise BoardError.

    Parameters
    ----------
    name : in `BOARDS`, whatever the case and the signs between words; or the path of a board's
        folder with a description (board.json), or of that file.
    """
    path = path_of(name)
    if path is not None:
        return _read_board(path)
    found = {folded(one): board for one, board in BOARDS.items()}.get(folded(str(name)))
    if found is None:
        likely = question(near(str(name), BOARDS))
        raise BoardError(
            f"there is no emulated board {str(name)!r}: {likely}known are {', '.join(BOARDS)}, and "
            "folders by their path (docs/boards.md)"
        )
    return found


def _read_board(path: Path) -> Board:
    """Return the board in a folder of somebody else's, as its description says."""
    try:
        content = read_description(path)
    except ValueError as error:
        raise BoardError(str(error)) from error
    if "compiler" not in content:
        raise BoardError(
            f"{path} names no compiler: one of {', '.join(COMPILERS)} (docs/boards.md)"
        )
    return Board(
        path.parent.name,
        content["processor"],
        tuple(content.get("emulator", ())),
        COMPILERS[content["compiler"]],
        (),
        keeps=content.get("keeps", 0),
        folder=path.parent,
    )


def _need(program: str, packages: tuple[str, ...], what: str) -> str:
    path = shutil.which(program)
    if path is None:
        advice = "put it on the PATH"
        if packages:
            advice = f"run `make ci-tools` (or install the Debian packages {' '.join(packages)})"
        raise MissingToolError(f"{what} needs {program}, which is not installed: {advice}")
    return path


def _run(*command: str | Path) -> None:
    result = subprocess.run(
        [str(word) for word in command],
        cwd=REPOSITORY,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if result.returncode != 0:
        raise BoardError(f"{' '.join(map(str, command))} failed:\n{result.stdout}")


def build(
    name: str | Path,
    program: str = "firmware",
    *,
    image: Path | None = None,
    folder: Path | None = None,
    sensor: bool = False,
) -> Path:
    """Build a board's program for its emulator and return the ELF file.

    Parameters
    ----------
    name : an emulated board, as `find_board` takes it.
    program : "firmware", or "selftest", which needs no host.
    image : a .naca file to link in instead of the small digits learner.
    folder : where to build; by default one of its own, and one for each image: what suits the
        emulator need not suit the chip.
    sensor : with a simulated sensor of the board's own.

    Raises
    ------
    MissingToolError
        If a tool is missing; the message names the command that brings it.
    BoardError
        If there is no such board, or building fails.
    """
    board = find_board(name)
    if not (REPOSITORY / "firmware" / "boards").is_dir():
        raise BoardError("building for a board takes a clone of the repository: there is none here")
    _need(board.compiler[0], board.packages, f"building for {name}")
    cmake = shutil.which("cmake", path=str(Path(sys.executable).parent)) or _need(
        "cmake", ("cmake",), f"building for {name}"
    )
    senses = board.folder is None and board.name in SENSING
    if sensor and not senses:
        raise BoardError(f"{name} has no simulated sensor; {', '.join(SENSING)} has")
    if folder is None:
        part = (f"-{image.stem}" if image else "") + ("-sensor" if sensor else "")
        folder = REPOSITORY / "build" / f"emulated-{board.build_name}{part}"
    _run(
        *(cmake, "-S", REPOSITORY, "-B", folder),
        *board.settings,
        f"-DPython_EXECUTABLE={sys.executable}",
        f"-DNACA_BOARD_IMAGE={image.resolve() if image else ''}",
        *(["-DNACA_BOARD_FLASH=file"] if board.keeps else []),
        *([f"-DNACA_BOARD_SENSOR={'simulated' if sensor else ''}"] if senses else []),
    )
    target = f"{program}_{board.name}"
    _run(cmake, "--build", folder, "--target", target, "--parallel", "2")
    return folder / f"{target}.elf"


def _simavr_uart(folder: Path) -> Path:
    """Compile the program that runs simavr with its UART on a socket, and return it."""
    source = REPOSITORY / "firmware" / "boards" / "atmega1284p" / "simavr_uart.c"
    program = folder / "simavr_uart"
    if not source.is_file():
        raise MissingToolError(
            "emulating an AVR takes a clone of the repository, which is not here"
        )
    compiler = _need("cc", ("gcc", "libc6-dev"), "emulating an AVR")
    if not Path("/usr/include/simavr/sim_avr.h").exists():
        raise MissingToolError("emulating an AVR needs libsimavr: run `make ci-tools`")
    _run(compiler, "-std=gnu99", "-O2", source, "-o", program, "-lsimavr", "-lelf")
    return program


def _make_flash(board: Board, path: Path) -> None:
    """Make a board's flash as it comes from the factory, unless it is there."""
    if not board.keeps:
        able = ", ".join(other.name for other in BOARDS.values() if other.keeps)
        raise BoardError(f"{board.name} has no flash that can be kept in a file; {able} has")
    if not path.exists() or path.stat().st_size == 0:
        path.write_bytes(b"\xff" * board.keeps)
    size = path.stat().st_size
    if size != board.keeps:
        raise BoardError(
            f"{path} has {size} bytes: it is no flash of {board.name}, which has {board.keeps}; "
            "choose another file"
        )


def _check_program(board: Board, elf: Path) -> None:
    machine, wanted = read_machine(elf), MACHINES[board.compiler[0]]
    if machine != wanted:
        what = "no ELF file" if machine is None else f"a program for {machine}"
        raise BoardError(
            f"{elf} is {what}, and {board.name} runs programs for {wanted}: name the board that it "
            "was built for, or a program that was built for this one"
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the emulator at once and collect it: nothing in it is worth waiting for."""
    process.kill()
    process.wait()


class EmulatedBoard(Closing):
    """A board in an emulator, its UART on a TCP port of this machine.

    The emulator waits for the first connection, so that nothing the program says is lost. When a
    connection ends the program runs on, and another one may follow; a second one at the same time
    has to wait. Use it in a ``with`` statement, or call `close`.

    Parameters
    ----------
    name : an emulated board, as `find_board` takes it.
    elf : the program; None builds the firmware first.
    image : a .naca file that the firmware is built with.
    flash : a file in which the board keeps saved states when it is switched off; without one they
        last as long as the emulator.
    sensor : whether the firmware is built with a simulated sensor of the board's own.

    Attributes
    ----------
    port : the TCP port on 127.0.0.1.
    url : the same as pyserial's ``serial_for_url`` takes it.

    Raises
    ------
    MissingToolError
        If a tool is missing; the message names the command that brings it.
    BoardError
        If the program is one for another processor, the emulator does not start, or this board
        cannot keep anything in a file.
    """

    def __init__(
        self,
        name: str | Path,
        elf: Path | None = None,
        *,
        image: Path | None = None,
        flash: Path | None = None,
        sensor: bool = False,
    ) -> None:
        self.board = find_board(name)
        if not self.board.emulator:
            raise BoardError(f"{self.board.folder}/{DESCRIPTION} names no emulator: build it alone")
        if flash is not None:
            _make_flash(self.board, flash)
        self.elf = (elf or build(name, image=image, sensor=sensor)).resolve()
        if not self.elf.is_file():
            raise BoardError(f"there is no program {self.elf}: build it, or name another file")
        _check_program(self.board, self.elf)
        self._folder = tempfile.TemporaryDirectory(prefix="edge-naca-")
        if flash is not None:
            Path(self._folder.name, STATE).symlink_to(flash.resolve())
        self._log = Path(self._folder.name) / "log"
        # The emulator inherits a socket that listens already: no port can be taken meanwhile, and
        # connecting works from now on.
        with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
            self.port: int = listener.getsockname()[1]
            self._process = self._start(listener.fileno())
        self.url = f"socket://127.0.0.1:{self.port}"
        self._finalizer = weakref.finalize(self, _stop, self._process)
        self._check_started()

    def _command(self, descriptor: int) -> list[str]:
        program, *arguments = self.board.emulator
        if program == "simavr_uart":
            path: Path | str = _simavr_uart(Path(self._folder.name))
            return [str(path), str(descriptor), *arguments, str(self.elf)]
        path = _need(program, self.board.emulator_packages, f"emulating {self.board.name}")
        return [
            *(path, *arguments, "-display", "none", "-monitor", "none", "-nodefaults"),
            *("-chardev", f"socket,id=uart,fd={descriptor},server=on,wait=on,nodelay=on"),
            *("-serial", "chardev:uart", "-kernel", str(self.elf)),
            *(("-semihosting-config", "enable=on,target=native") if self.board.keeps else ()),
        ]

    def _start(self, descriptor: int) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(
                self._command(descriptor),
                cwd=self._folder.name,
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _check_started(self) -> None:
        """Give the emulator a moment to find that it cannot run."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)
            said = self.log()
            self.close()
            raise BoardError(f"the emulator of {self.board.name} does not start: {said}")

    @property
    def is_running(self) -> bool:
        """Whether the emulator is still at work."""
        return self._process.poll() is None

    def log(self) -> str:
        """Return what the emulator itself had to say."""
        return self._log.read_text(errors="replace").strip()

    def close(self) -> None:
        """Stop the emulator; stopping it again does nothing."""
        self._finalizer()
        self._folder.cleanup()
