"""Counting what one sample takes on an emulated board: instructions, or cycles on an AVR.

`firmware/boards/common/measure.c` is the program, with the firmware's own compiler flags. Its
input, an image and samples, is written into the ELF file, so that one build measures every network.
"""

from __future__ import annotations

import re
import shutil
import socket
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.host import boards
from edge_naca.host.boards import Board, BoardError, EmulatedBoard, MissingToolError

# The emulated clock moves by 2**7 ns with every instruction, whatever the host does meanwhile.
COUNTING = ("-icount", "shift=7,sleep=off")
KINDS = {"uint8": 0, "int16": 1, "int32": 2, "float32": 6}
CODES, WINDOWS = 3, 7
WRAPPED = 0xFFFFFFFF
PATIENCE = 120.0  # seconds without a line from the program

_INPUT = struct.Struct("<IHHII")


@dataclass(frozen=True)
class Counts:
    """What each sample took.

    Parameters
    ----------
    unit : "instructions", or "cycles" where the emulator is cycle-accurate (AVR).
    infer, learn : int64 (samples,); every sample was first inferred, then learned.
    state_hash : of what was learned in the end.
    push, features : int64 (samples,), of windows: taking their samples one by one, and making
        features of them; None where samples are ready.
    """

    unit: str
    infer: NDArray[np.int64]
    learn: NDArray[np.int64]
    state_hash: int
    push: NDArray[np.int64] | None = None
    features: NDArray[np.int64] | None = None


class _CountingBoard(EmulatedBoard):
    def _command(self, descriptor: int) -> list[str]:
        command = super()._command(descriptor)
        return command if _is_cycle_accurate(self.board) else [*command, *COUNTING]


def _is_cycle_accurate(board: Board) -> bool:
    return board.emulator[0] == "simavr_uart"


def count(
    name: str | Path,
    image: bytes,
    samples: NDArray[Any],
    labels: NDArray[Any],
    kind: str = "raw",
    *,
    elf: Path | None = None,
) -> Counts:
    """Run an image on an emulated board and count what inferring and learning each sample takes.

    Parameters
    ----------
    name : an emulated board, as `edge_naca.host.boards.find_board` takes it.
    image : what to run, with what it has learned.
    samples : (n, numbers) as uint8, int16, int32 or float32 ("raw"), uint8 ("codes"), or windows of
        a signal as int16 (n, window, channels) ("windows").
    labels : (n,), what to learn each sample as.
    elf : the program ``measure``, if it is built already.

    Raises
    ------
    MissingToolError
        If a tool is missing; the message says what brings it.
    BoardError
        If the network does not fit the board, or the board goes silent.
    """
    program = elf or boards.build(name, "measure")
    with tempfile.TemporaryDirectory(prefix="edge-naca-") as folder:
        patched = Path(folder) / program.name
        patched.write_bytes(with_input(name, program, image, samples, labels, kind))
        with _CountingBoard(name, patched) as board:
            said = listen(board)
    return _read(board.board, said, Core(image).workspace_size)


def with_input(
    name: str | Path,
    program: Path,
    image: bytes,
    samples: NDArray[Any],
    labels: NDArray[Any],
    kind: str = "raw",
) -> bytes:
    """Return the ELF file of the program ``measure`` with what it shall measure written into it."""
    content = bytearray(program.read_bytes())
    room, offset = _place(content, program, boards.find_board(name).compiler[0])
    data = _input(image, samples, labels, kind)
    if len(data) > room:
        raise BoardError(
            f"{name} cannot measure this: image and samples take {len(data)} bytes, there is room "
            f"for {room}; take fewer samples, or a board with more memory"
        )
    content[offset : offset + len(data)] = data
    return bytes(content)


def _input(image: bytes, samples: NDArray[Any], labels: NDArray[Any], kind: str) -> bytes:
    """Return what measure.c reads (`input_t` there)."""
    rows = np.ascontiguousarray(samples.reshape(len(samples), -1))
    fixed = {"codes": CODES, "windows": WINDOWS}
    code = fixed[kind] if kind in fixed else KINDS[rows.dtype.name]
    head = _INPUT.pack(len(image), code, len(rows), rows.shape[1], rows[0].nbytes)
    return b"".join(
        [head, image, bytes(-len(image) % 8), rows.tobytes(), labels.astype(np.uint8).tobytes()]
    )


def _place(content: bytearray, program: Path, compiler: str) -> tuple[int, int]:
    """Return how large measure_input is, and where it lies in the ELF file."""
    nm = compiler.replace("gcc", "nm")
    if shutil.which(nm) is None:
        raise MissingToolError(f"measuring needs {nm}, which comes with {compiler}")
    table = subprocess.run([nm, "-S", program], capture_output=True, text=True, check=True).stdout
    match = re.search(r"^(\w+) (\w+) \w measure_input$", table, re.MULTILINE)
    if match is None:
        raise BoardError(
            f"{program} cannot be measured: it has no measure_input, as the program measure has "
            "(firmware/boards/common/measure.c)"
        )
    address, size = int(match[1], 16), int(match[2], 16)
    first, entry, entries = struct.unpack_from("<I10xHH", content, 28)
    for index in range(entries):
        _, at, virtual, _, in_file = struct.unpack_from("<5I", content, first + index * entry)
        if virtual <= address and address + size <= virtual + in_file:
            return size, at + address - virtual
    raise AssertionError(f"measure_input is in no segment of {program}")


def listen(board: EmulatedBoard) -> str:
    """Return all that the program ``measure`` says, to its end."""
    said = bytearray()
    with socket.create_connection(("127.0.0.1", board.port), timeout=PATIENCE) as line:
        while not said.endswith(b"\r\nend\r\n"):
            try:
                part = line.recv(4096)
            except TimeoutError:
                part = b""
            if not part or b"fault: " in part:
                raise BoardError(f"{board.board.name} went silent after: {bytes(said + part)!r}")
            said += part
    return said.decode("ascii")


def _read(board: Board, said: str, workspace: int) -> Counts:
    name = board.name
    status = said.split("\r\n")[-3]
    if status == "NACA_ERR_WORKSPACE":
        raise BoardError(f"the network needs {workspace} bytes of RAM, {name} has fewer to spare")
    if status != "NACA_OK":
        raise BoardError(f"{name} refuses: {status}")
    scale = re.search(r"units (\w+) ticks (\w+) empty (\w+)", said)
    assert scale is not None, said
    units, ticks, empty = (int(word, 16) for word in scale.groups())
    lines = re.findall(r"(?:push (\w+) features (\w+) )?infer (\w+) learn (\w+)", said)
    counted = np.array([[int(word or "0", 16) for word in line] for line in lines], np.int64)
    counted = counted.reshape(-1, 4)
    if (counted == WRAPPED).any():
        raise BoardError(
            f"a sample takes longer than the clock of {name} can count: `inspect` without "
            "--measure estimates it"
        )
    # Ticks are whole: the nearest number of instructions.
    push, features, infer, learn = np.rint((counted - empty) * (units / ticks)).astype(np.int64).T
    state = re.search(r"state (\w+)", said)
    assert state is not None, said
    unit = "cycles" if _is_cycle_accurate(board) else "instructions"
    of_signal = (push, features) if "features" in said else (None, None)
    return Counts(unit, infer, learn, int(state[1], 16), *of_signal)
