"""A board may lie in a folder outside of the repository."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from products import DESCRIPTION, board_folder, describe, product_folder
from support import ROOT, elf_header, run

from edge_naca.core import Core
from edge_naca.host import boards
from edge_naca.host.addresses import open_link
from edge_naca.host.boards import BOARDS, BoardError, EmulatedBoard, MissingToolError, find_board
from edge_naca.host.counting import count


def configured(board: str | Path, build: Path) -> subprocess.CompletedProcess[str]:
    """Configure as docs/boards.md says, without a preset."""
    toolchain = ROOT / "firmware" / "cmake" / "arm-none-eabi.cmake"
    return subprocess.run(
        ["cmake", "-S", str(ROOT), "-B", str(build), f"-DCMAKE_TOOLCHAIN_FILE={toolchain}",
         "-DCMAKE_BUILD_TYPE=MinSizeRel", f"-DNACA_BOARD={board}"],
        capture_output=True, text=True,
    )  # fmt: skip


def test_cmake_builds_a_board_of_another_folder(
    tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool("arm-none-eabi-gcc")
    folder = board_folder(tmp_path)
    result = configured(f"{folder}/", tmp_path / "build")
    assert result.returncode == 0, result.stderr
    run("cmake", "--build", tmp_path / "build", "--parallel", "2")
    for program in ("firmware", "selftest"):
        elf = tmp_path / "build" / f"{program}_mine.elf"
        assert b"mine\0" in elf.read_bytes()
    text = (folder / "board.ld").read_text()
    (folder / "board.ld").write_text(text.replace("LENGTH = 256K", "LENGTH = 1K"))
    with pytest.raises(pytest.fail.Exception, match="`FLASH' overflowed"):  # its script is watched
        run("cmake", "--build", tmp_path / "build")


@pytest.mark.parametrize(
    ("board", "what"),
    [
        ("TMP/none", "there is no TMP/none/board.cmake"),
        ("lm3s6966", f"there is no {ROOT}/firmware/boards/lm3s6966/board.cmake"),
        ("TMP/a name", "name takes letters, digits and _ . + - only"),
    ],
)
def test_cmake_names_what_is_no_board(
    board: str, what: str, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool("arm-none-eabi-gcc")
    (tmp_path / "a name").mkdir()
    (tmp_path / "a name" / "board.cmake").touch()
    result = configured(board.replace("TMP", str(tmp_path)), tmp_path / "build")
    assert result.returncode != 0
    said = "".join(result.stderr.split())  # CMake breaks its lines where it likes
    assert "".join(what.replace("TMP", str(tmp_path)).split()) in said


def test_an_emulator_runs_a_board_of_another_folder(
    tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    folder = board_folder(tmp_path)
    describe(folder)
    elf = boards.build(folder, folder=tmp_path / "build")
    assert elf == tmp_path / "build" / "firmware_mine.elf"
    with EmulatedBoard(folder, elf) as board, open_link(board.url, first_patience=120) as device:
        assert device.hello.board == "mine"
        assert device.hello.running


@pytest.mark.slow
def test_a_program_of_one_s_own_is_built_and_its_network_measured(
    tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    folder = product_folder(tmp_path)
    elf = boards.build(folder, folder=tmp_path / "build")
    assert b"A product, version 3" in elf.read_bytes()
    with EmulatedBoard(folder, elf) as board, open_link(board.url, first_patience=120) as device:
        assert device.hello.board == "product"
        assert device.hello.running
        image = device.image()
    x, y = np.eye(3, 64, dtype=np.uint8) * 16, np.arange(3)
    measure = boards.build(folder, "measure", folder=tmp_path / "build")
    counts = count(folder, image, x, y, elf=measure)
    core = Core(image)
    core.learn_many(x, y)
    assert counts.unit == "instructions"
    assert counts.state_hash == core.state_hash()
    assert (counts.learn > counts.infer).all()
    with pytest.raises(BoardError, match=r"firmware_product\.elf cannot be measured: it has no"):
        count(folder, image, x, y, elf=elf)


def test_builds_of_folders_of_one_name_do_not_meet(tmp_path: Path) -> None:
    names = {find_board("lm3s6965").build_name, find_board("lm3s6965-m4").build_name}
    for parent in ("a", "b"):
        folder = board_folder(tmp_path / parent, name="lm3s6965")
        describe(folder)
        names.add(find_board(str(folder)).build_name)
    assert len(names) == 4
    assert len({board.build_name for board in BOARDS.values()}) == len(BOARDS)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "Expecting"),
        ("[" * 60_000, "recursion"),
        ("[]", "holds no JSON object"),
        (json.dumps(DESCRIPTION | {"board": "x"}), "may name processor, compiler, emulator"),
        (json.dumps(DESCRIPTION | {"processor": 3}), "processor is a text"),
        (json.dumps(DESCRIPTION | {"compiler": ["avr"]}), "compiler is one of"),
        (json.dumps(DESCRIPTION | {"emulator": "qemu"}), "emulator is a list"),
        (json.dumps(DESCRIPTION | {"emulator": [1]}), "emulator is a list"),
        (json.dumps(DESCRIPTION | {"keeps": True}), "keeps is a number"),
        (json.dumps(DESCRIPTION | {"keeps": -1}), "keeps is a number"),
    ],
)
def test_descriptions_that_cannot_be_are_refused(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "board.json").write_text(text)
    with pytest.raises(BoardError, match=f"board.json does not describe a board.*{what}"):
        find_board(tmp_path)


def test_descriptions_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    with pytest.raises(
        BoardError, match=r"board.json cannot be read: No such file.*A board of your"
    ):
        find_board(tmp_path)
    (tmp_path / "board.json").write_text(" " * (1 << 16) + "{}")
    with pytest.raises(BoardError, match=r"board.json is too large: 64 KiB are the most"):
        find_board(tmp_path)


def test_the_description_of_the_page_is_read(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "boards.md").read_text()
    (tmp_path / "board.json").write_text(re.findall(r"```text\n(\{.*?\})\n```", page, re.S)[0])
    board = find_board(tmp_path)
    assert (board.processor, board.compiler[0]) == ("Cortex-M3", "arm-none-eabi-gcc")
    assert list(board.emulator) == DESCRIPTION["emulator"]


def test_a_board_without_an_emulator_is_built_alone(tmp_path: Path) -> None:
    (tmp_path / "board.json").write_text(json.dumps({"processor": "M0", "compiler": "avr"}))
    with pytest.raises(BoardError, match="names no emulator"):
        EmulatedBoard(tmp_path)


def test_a_missing_emulator_is_named(tmp_path: Path) -> None:
    describe(tmp_path, emulator=["no-such-emulator"])
    (tmp_path / "x.elf").write_bytes(elf_header(40))
    with pytest.raises(MissingToolError, match=r"needs no-such-emulator.*put it on the PATH"):
        EmulatedBoard(tmp_path, tmp_path / "x.elf")
