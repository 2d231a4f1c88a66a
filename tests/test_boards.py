"""The firmware on emulated boards: every processor learns the same, to the last bit."""

from __future__ import annotations

import json
import re
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cobs import cobs
from support import ROOT, elf_header, run

from edge_naca import data, recipes, scenarios
from edge_naca.core import Core
from edge_naca.host import boards
from edge_naca.host.addresses import open_link
from edge_naca.host.boards import BOARDS, BoardError, EmulatedBoard
from edge_naca.image import checksum, encode, unpack_state
from edge_naca.network import Preparation
from edge_naca.presets import competitive
from edge_naca.specification.network import Specification
from edge_naca.states import snapshot

BUILT = Path("firmware", "boards", "files")  # what is linked in, in a build folder

HELLO, LEARN, LEARN_BATCH, HASH, SAVE, RESET, STATS = 0x01, 0x03, 0x04, 0x08, 0x09, 0x0A, 0x0B
IMAGE_BEGIN, IMAGE_CHUNK, IMAGE_END, SESSION = 0x0C, 0x0D, 0x0E, 0x10
OURS = 0x5E5510F1  # the session that teaches here
UNASKED = 0xFFFF

Build = Callable[[str, str], Path]

# Emulators that take long (an AVR's computes each of its cycles), and variants of a machine of
# which the others are tested anyway.
SLOW = ("atmega1284p", "riscv-virt", "lm3s6965-m4", "lm3s6965-m7", "lm3s6965-m33")


def quick_and_slow(*names: str) -> list[Any]:
    """Return boards to test on, those marked that take long."""
    return [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in names]


class Port:
    """A line to a board. (pyserial's drops what has arrived by the time it is opened.)"""

    def __init__(self, board: EmulatedBoard) -> None:
        self._socket = socket.create_connection(("127.0.0.1", board.port), timeout=120)
        self._bytes = self._socket.makefile("rb")

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read_until(self, end: bytes) -> bytes:
        data = bytearray()
        try:
            while not data.endswith(end):
                byte = self._bytes.read(1)
                if not byte:
                    pytest.fail(f"the board went away after {bytes(data)!r}")
                data += byte
        except TimeoutError:
            pytest.fail(f"the board says nothing more after {bytes(data)!r}")
        return bytes(data)

    def close(self) -> None:
        self._bytes.close()
        self._socket.close()


@contextmanager
def powered(name: str, elf: Path) -> Iterator[tuple[EmulatedBoard, Port]]:
    """Switch a board on and plug it in."""
    with EmulatedBoard(name, elf) as board, closing(Port(board)) as port:
        yield board, port


TESTED = {"stages": "selftest.naca", "inhibition": "inhibition.naca"}  # by the self-test


def samples(elf: Path) -> tuple[dict[str, int], list[tuple[int, bytes]]]:
    """Return the hashes that the self-test expects, and its samples in the order of learning."""
    data = (elf.parent / BUILT / "selftest.bin").read_bytes()
    *hashes, steps, count, raw, _ = struct.unpack_from("<2I4H", data)
    records = [data[at : at + raw + 1] for at in range(16, len(data), raw + 1)]
    assert len(records) == count
    return dict(zip(TESTED, hashes, strict=True)), [
        (records[step % count][0], records[step % count][1:]) for step in range(steps)
    ]


def learned_in_python(elf: Path, name: str) -> Core:
    """Return the core inside Python after the same samples."""
    core = Core((elf.parent / BUILT / name).read_bytes())
    for label, sample in samples(elf)[1]:
        core.learn(list(sample), label)
    return core


# ---- the self-test ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", quick_and_slow(*BOARDS))
def test_selftest(name: str, build_board: Build) -> None:
    elf = build_board(name, "selftest")
    expected, steps = samples(elf)
    assert len(steps) >= 200
    cores = {name: learned_in_python(elf, file) for name, file in TESTED.items()}
    assert expected == {name: core.state_hash() for name, core in cores.items()}
    inhibition = snapshot(cores["inhibition"]).state.inhibition
    assert inhibition is not None
    assert inhibition.count > 200
    assert inhibition.shift > 0  # V is in use
    with powered(name, elf) as (board, port):
        said = port.read_until(b"ed\r\n").decode()
        assert f"on {board.board.name}\r\n" in said
        told = [
            f"{name} NACA_OK\r\nexpected {value:08x}\r\nhash {value:08x}\r\n"
            for name, value in expected.items()
        ]
        assert said.endswith("".join(told) + "passed\r\n")
        port.write(b"x")  # received in an interrupt
        assert port.read_until(b"x") == b"x"

        if name != "atmega1284p":  # where nothing guards the stack, and anything may follow
            port.write(b"s")  # calls itself until the stack ends
            assert b"\0\r\nfault: " in port.read_until(b"passed\r\n")

        port.write(b"f")
        text = port.read_until(b"passed\r\n").decode()
        assert re.search(r"\0\r\nfault: (hard|exception|abort) at \w{8} why \w{8}\r\n\0", text)

        # After the reset all of it works again.
        port.write(b"o")
        port.read_until(b"deaf\r\n")
        port.write(b"." * 1100)  # more than fits any board's ring: counted, never silent
        assert re.fullmatch(rb"lost 0*[1-9a-f]\w*\r\n", port.read_until(b"\n"))


@pytest.mark.parametrize(
    "name", quick_and_slow("lm3s6965", "mps3-an547", "riscv-virt", "atmega1284p")
)
def test_a_program_that_hangs_starts_again(name: str, build_board: Build) -> None:
    """Boards whose watchdog the emulator has; riscv-virt has none, and counts ticks."""
    with powered(name, build_board(name, "selftest")) as (_, port):
        port.read_until(b"passed\r\n")
        port.write(b"h")
        assert b"self-test on" in port.read_until(b"passed\r\n")


# ---- the firmware ----------------------------------------------------------------------------


class Line:
    """The protocol in its simplest form, sharing no code with edge_naca.host."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.tag = 0
        self.epoch = 0
        self.dropped: list[bytes] = []

    def send(self, kind: int, body: bytes = b"") -> None:
        self.tag += 1
        payload = struct.pack("<BBHI", kind, 0, self.tag, self.epoch) + body
        self.port.write(cobs.encode(payload + struct.pack("<I", zlib.crc32(payload))) + b"\0")

    def receive(self) -> tuple[int, int, int, bytes]:
        """Return kind, status, tag and body of the next frame that is whole."""
        while True:
            frame = self.port.read_until(b"\0")
            try:
                payload = cobs.decode(frame[:-1])
            except cobs.DecodeError:
                payload = b""
            if len(payload) >= 12 and zlib.crc32(payload) == 0x2144DF1C:
                kind, status, tag, self.epoch = struct.unpack_from("<BBHI", payload)
                return kind, status, tag, payload[8:-4]
            if payload:
                self.dropped.append(frame)

    def ask(self, kind: int, body: bytes = b"") -> bytes:
        self.send(kind, body)
        answer = self.receive()
        assert answer[:3] == (kind + 0x80, 0, self.tag), answer
        return answer[3]

    def hash(self) -> tuple[int, int]:
        state, learned = struct.unpack("<II", self.ask(HASH))
        return state, learned

    def stats(self) -> dict[str, int]:
        names = ("frames", "damaged", "overruns", "too_long", "refused")
        return dict(zip(names, struct.unpack_from("<5I", self.ask(STATS)), strict=True))


def hello(line: Line) -> dict[str, Any]:
    """Return what the device says when it has started."""
    kind, status, tag, body = line.receive()
    assert (kind, status, tag) == (HELLO + 0x80, 0, UNASKED)
    names = "protocol max_payload window major minor patch flags image_crc network_id learned"
    numbers = struct.unpack_from("<HHI3BH5I16s", body)
    told = dict(zip([*names.split(), "ram_room", "flash_room", "board"], numbers, strict=True))
    return told | {"board": told["board"].rstrip(b"\0").decode()}


def teach(line: Line, steps: list[tuple[int, bytes]], under_way: int) -> list[int]:
    """Learn samples, several requests under way at a time; return the predictions."""
    predictions = []
    for position, (label, sample) in enumerate(steps):
        line.send(LEARN, struct.pack("<IIHB", OURS, position, label, 0) + sample)
        if position >= under_way - 1:
            predictions.append(line.receive())
    predictions += [line.receive() for _ in range(under_way - 1)]
    assert [status for _, status, _, _ in predictions] == [0] * len(steps)
    return [struct.unpack_from("<i", body)[0] for *_, body in predictions]


@pytest.mark.parametrize("name", quick_and_slow(*BOARDS))
def test_learning_over_the_line(name: str, build_board: Build) -> None:
    elf = build_board(name, "firmware")
    _, steps = samples(elf)
    core = Core((elf.parent / BUILT / "default.naca").read_bytes())
    specification = Specification(core.network)
    for label, x in steps:
        specification.learn(list(x), label)
    expected = specification.state_hash()
    with powered(name, elf) as (board, port):
        line = Line(port)
        told = hello(line)
        assert told["protocol"] == 3
        assert told["board"] == board.board.name
        assert told["network_id"] == core.network_id
        assert told["flags"] & 3 == 3  # the image runs, and states can be kept

        # Noise, text and half a frame: what comes after the next zero byte is understood again.
        port.write(bytes(range(256)) + b"hello?\r\n\0" + b"\xff" * 1200 + b"\0\0\x05\x81\x01")
        port.write(b"\0")
        before = line.stats()
        assert before["damaged"] + before["too_long"] > 0

        # As many requests under way as the window allows: receiving and learning overlap.
        line.ask(SESSION, struct.pack("<II", OURS, 0))
        size = len(steps[0][1]) + 25
        predictions = teach(line, steps, told["window"] // size)
        assert predictions == [core.learn(list(x), label).prediction for label, x in steps]
        assert line.hash() == (expected, len(steps)) == (core.state_hash(), len(steps))
        assert line.stats()["overruns"] == before["overruns"]
        used, stack = struct.unpack_from("<II", line.ask(STATS), 64)
        assert 0 < used <= 0.75 * stack

        # Saved, gone wrong, restored.
        line.ask(SAVE)
        label, sample = steps[0]
        line.ask(LEARN, struct.pack("<IIHB", OURS, len(steps), label, 0) + sample)
        assert line.hash()[0] != expected
        line.ask(RESET, b"\0")
        assert line.hash() == (expected, len(steps))
        assert line.dropped == []


@pytest.mark.parametrize("name", ["netduinoplus2", "riscv-virt"])
def test_another_image_over_the_line(name: str, build_board: Build) -> None:
    elf = build_board(name, "firmware")
    core = Core((elf.parent / BUILT / "default.naca").read_bytes())
    for label, sample in samples(elf)[1][:20]:
        core.learn(list(sample), label)
    with powered(name, elf) as (_, port):
        line = Line(port)
        hello(line)
        for _ in range(3):  # the slots take turns
            data = core.image()
            line.ask(IMAGE_BEGIN, struct.pack("<II", len(data), checksum(data)))
            for at in range(0, len(data), 512):
                line.ask(IMAGE_CHUNK, struct.pack("<I", at) + data[at : at + 512])
            line.ask(IMAGE_END)
            assert line.hash()[0] == core.state_hash()
            core.learn(list(sample), label)


def run_of(name: str, image_file: Path, folder: Path) -> EmulatedBoard:
    """Return a board whose firmware has an image linked in."""
    elf = boards.build(name, image=image_file, folder=folder)
    return EmulatedBoard(name, elf)


@pytest.mark.parametrize(
    "name", quick_and_slow("netduinoplus2", "microbit", "riscv-virt", "atmega1284p")
)
def test_an_inhibition_is_learned_on_every_processor(
    name: str, build_board: Build, tmp_path: Path
) -> None:
    """Signed codes go over the line; what V has learned is saved, and comes back."""
    built = build_board(name, "selftest").parent / BUILT
    core = Core((built / "inhibition.naca").read_bytes())
    network = core.network
    assert network.inhibition is not None
    specification = Specification(network)
    x = np.random.default_rng(2).integers(0, 17, (60, 64))
    y = np.arange(60) % 10
    with (
        run_of(name, built / "inhibition.naca", tmp_path) as board,
        open_link(board.url, patience=120, first_patience=120) as device,
    ):
        assert device.hello.signed
        told = device.learn_many(x, y)
        expected = [specification.learn(*item) for item in zip(x, y.tolist(), strict=True)]
        assert told["prediction"].tolist() == [result.prediction for result in expected]
        assert device.hash() == specification.state_hash()
        learned = unpack_state(network, specification.state()).inhibition
        assert learned is not None
        assert learned.shift > 0  # in use, after 40 samples
        device.save()
        device.learn(x[0], 3)
        assert device.hash() != specification.state_hash()
        assert device.reset().learned == 60
        assert device.hash() == specification.state_hash()
        used = device.stats()
        assert 0 < used.stack_used <= 0.75 * used.stack_size


@pytest.mark.data
@pytest.mark.slow
def test_mnist_class_after_class_on_the_stm32(build_board: Build) -> None:
    elf = build_board("netduinoplus2", "firmware")
    if not data.available("mnist"):
        pytest.skip(f"{data.VARIABLE} does not say where mnist.npz is")
    mnist = data.load("mnist")
    network = recipes.network_for(mnist)
    order = np.concatenate([stage.indices[:200] for stage in scenarios.stream(mnist)])
    specification = Specification(network)
    with (
        EmulatedBoard("netduinoplus2", elf) as board,
        open_link(board.url, first_patience=120) as device,
    ):
        device.push(encode(network))
        told = device.learn_many(mnist.x_train[order], mnist.y_train[order])
        expected = [specification.learn(mnist.x_train[i], int(mnist.y_train[i])) for i in order]
        assert told["prediction"].tolist() == [result.prediction for result in expected]
        assert device.hash() == specification.state_hash()
        asked = device.predict_many(mnist.x_test[:200])
    assert (asked == mnist.y_test[:200]).mean() > 0.9


def test_stm32_keeps_60_kib_without_power(build_board: Build, tmp_path: Path) -> None:
    elf = build_board("netduinoplus2", "firmware")
    network = competitive(Preparation((14, 14, 1)), 10, 30)
    core = Core(network)
    assert len(core.save_state()) > 60_000
    x = np.random.default_rng(1).integers(0, 256, (90, 14, 14))
    flash = tmp_path / "flash.bin"
    for turn in range(3):
        with (
            EmulatedBoard("netduinoplus2", elf, flash=flash) as board,
            open_link(board.url, first_patience=120) as device,
        ):
            device.push(encode(network))  # into RAM, other than what was learned
            assert device.hash() == core.state_hash()
            part = x[30 * turn :][:30]
            device.learn_many(part, np.arange(30) % 10)
            core.learn_many(part, np.arange(30) % 10)
            assert device.save() == turn + 1
            assert device.reset().learned == 30 * (turn + 1)
    flash.write_bytes(b"a picture")
    with pytest.raises(BoardError, match="it is no flash of netduinoplus2, which has 262144"):
        EmulatedBoard("netduinoplus2", elf, flash=flash)
    assert flash.read_bytes() == b"a picture"
    with pytest.raises(BoardError, match=r"microbit has no flash .*; netduinoplus2 has"):
        EmulatedBoard("microbit", elf, flash=flash)


def test_stm32_fits_its_budget(build_board: Build) -> None:
    elf = build_board("netduinoplus2", "firmware")
    sections = {
        name: int(size)
        for name, size in re.findall(r"^(\.\w+) +(\d+)", run("arm-none-eabi-size", "-A", elf), re.M)
    }
    image = (elf.parent / BUILT / "default.naca").stat().st_size
    # With all that an image may ask for: stages of both families, the inhibition, and signals.
    assert sections[".text"] + sections[".data"] - image <= 40 * 1024
    ram = [sections[name] for name in (".stack", ".data", ".bss", ".noinit")]
    assert sum(ram) <= 6.5 * 1024  # everything but the workspace: stack, ring, frames, link


# ---- emulators -------------------------------------------------------------------------------


def test_every_board_can_be_emulated() -> None:
    folders = {path.parent.name for path in (ROOT / "firmware" / "boards").glob("*/board.cmake")}
    assert {board.name for board in BOARDS.values()} == folders
    presets = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
    listed = {preset["name"] for preset in presets if preset["name"].startswith("board-")}
    assert {board.preset for board in BOARDS.values()} == listed


def test_ci_installs_what_boards_need() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for board in BOARDS.values():
        for package in board.packages:
            assert re.search(rf"[\s']{package}[\s']", makefile), package


def test_emulator_is_gone_afterwards(build_board: Build) -> None:
    with EmulatedBoard("microbit", build_board("microbit", "selftest")) as board:
        was_running = board.is_running
    assert (was_running, board.is_running) == (True, False)
    assert not Path(f"/proc/{board._process.pid}").exists()  # no zombie either
    board.close()


def test_line_may_come_and_go(build_board: Build) -> None:
    with EmulatedBoard("lm3s6965", build_board("lm3s6965", "selftest")) as board:
        for byte, end in ((b"z", b"passed\r\nz"), (b"q", b"q")):
            with closing(Port(board)) as port:
                port.write(byte)
                assert port.read_until(byte).endswith(end)


def test_what_cannot_be_emulated_is_said(
    build_board: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_board("atmega1284p", "selftest")  # or is skipped
    elf = tmp_path / "empty.elf"
    with pytest.raises(BoardError, match="no emulated board 'uno': known are netduinoplus2, "):
        EmulatedBoard("uno")
    with pytest.raises(BoardError, match=r"there is no program .*empty\.elf"):
        EmulatedBoard("microbit", elf)
    elf.touch()
    with pytest.raises(BoardError, match="is no ELF file, and microbit runs programs for ARM: "):
        EmulatedBoard("microbit", elf)
    elf.write_bytes(elf_header(83)[:20])
    with pytest.raises(BoardError, match="is a program for AVR, and microbit runs "):
        EmulatedBoard("microbit", elf)
    with pytest.raises(BoardError, match=r"(?s)does not start: .*cannot run .*empty\.elf"):
        EmulatedBoard("atmega1284p", elf)
    elf.write_bytes(elf_header(40, bits=2))
    with pytest.raises(BoardError, match="is a program for ARM of 64 bits, and microbit"):
        EmulatedBoard("microbit", elf)
    elf.write_bytes(elf_header(40))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BoardError, match=r"needs qemu-system-arm, .* `make ci-tools`"):
        EmulatedBoard("microbit", elf)
    with pytest.raises(BoardError, match=r"needs avr-gcc, .* `make ci-tools` .* gcc-avr avr-libc"):
        boards.build("atmega1284p")
