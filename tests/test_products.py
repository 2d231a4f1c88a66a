"""Programs of somebody else's on emulated processors, held against the host by their own tests."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from products import (
    arduino_library,
    build_product,
    build_sketch,
    product_folder,
    pytest_in,
    small_network,
)
from support import ROOT

from edge_naca import image

pytestmark = pytest.mark.slow

IMAGE = image.encode(small_network())
PAGE = (ROOT / "docs" / "testing.md").read_text()
DIFFERENCE = (
    r"(?s)the device('s state)? differs from its twin.* sample \d+.*In the learned state differ:"
    r".*populations\[\d\]\.wins: \d+ of \d+ numbers, the first at \[\d+\]: \d+ instead of \d+"
)


def block(language: str, beginning: str) -> str:
    """Return the block of docs/testing.md that begins so."""
    blocks = re.findall(rf"```{language}\n({re.escape(beginning)}.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 1, beginning
    return str(blocks[0])


def write_project(folder: Path) -> None:
    """Write what all projects have: image, samples, and the tests of docs/testing.md."""
    (folder / "product.naca").write_bytes(IMAGE)
    random = np.random.default_rng(3)
    y = np.arange(40) % 3
    means = random.integers(2, 14, (3, 16))
    x = np.clip(means[y] + random.integers(-3, 4, (len(y), 16)), 0, 16)
    np.savez(folder / "samples.npz", x=x, y=y)
    (folder / "test_product.py").write_text(block("python", "import numpy"))


def break_learning(source: Path) -> None:
    """ "Mend" a step of learning, as somebody might in a copy of theirs."""
    text = source.read_text()
    assert text.count("handicap * wins >> 4") == 1
    source.write_text(text.replace("handicap * wins >> 4", "handicap * wins >> 1"))


# ---- a board outside of the repository, with a main of its own ---------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str], None]) -> Path:
    """Return the project of docs/testing.md, its programs built."""
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    folder = tmp_path_factory.mktemp("project")
    (folder / "boards").mkdir()
    mine = product_folder(folder, name="mine").rename(folder / "boards" / "mine")
    (folder / "pytest.ini").write_text(block("text", "[pytest]"))
    write_project(folder)
    build_product(ROOT, mine, folder / "build", folder / "product.naca", "firmware", "measure")
    return folder


def test_a_product_that_is_right_passes_the_tests_of_the_page(project: Path) -> None:
    said = pytest_in(project)
    assert "4 passed" in said, said


def test_a_product_that_learns_otherwise_is_found(project: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    for part in ("firmware", "tools"):
        shutil.copytree(ROOT / part, clone / part)
    shutil.copy(ROOT / "CMakeLists.txt", clone)
    break_learning(clone / "firmware" / "core" / "src" / "population.c")
    mine = project / "boards" / "mine"
    build_product(clone, mine, tmp_path / "build", project / "product.naca", "firmware")
    elf = tmp_path / "build" / "firmware_mine.elf"
    said = pytest_in(project, f"--naca-elf={elf}", "-k", "host_does")
    assert "1 failed" in said
    assert re.search(DIFFERENCE, said), said
    assert "The program said:\nA product, version 3\n" in said


def test_a_product_that_takes_too_long_is_found(project: Path) -> None:
    text = block("python", "import numpy").replace("budget=100_000", "budget=9_999")
    (project / "check_budget.py").write_text(text)
    said = pytest_in(project, "check_budget.py", "-k", "fast_enough")
    assert "1 failed" in said
    assert re.search(
        r"BudgetError: on \S+/boards/mine, learning takes up to \d{5} instructions \(sample \d\), "
        r"9999 are allowed: 5 of 5 samples take more, the mean is \d{5}\n",
        said,
    ), said


def test_a_product_on_another_board_says_that_nothing_comes(project: Path) -> None:
    said = pytest_in(project, "--naca-board=netduinoplus2", "--naca-patience=4", "-k", "host_does")
    assert re.search(
        r"(?s)NoAnswerError: .*firmware_mine\.elf on netduinoplus2 .*answer.*"
        r"Was it built for this board \(qemu-system-arm -machine netduinoplus2\)",
        said,
    ), said


# ---- a sketch, as for an Arduino Mega -----------------------------------------------------------


@pytest.mark.parametrize("is_broken", [False, True], ids=["right", "broken"])
def test_a_sketch_is_held_against_the_host(
    is_broken: bool, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool("avr-gcc")
    require_tool("gcc -lsimavr -lelf")
    write_project(tmp_path)
    library = arduino_library(tmp_path / "library", IMAGE)
    if is_broken:
        break_learning(library / "core" / "population.c")
    build_sketch(library, tmp_path / "sketch.elf")
    (tmp_path / "mega").mkdir()
    (tmp_path / "mega" / "board.json").write_text(block("text", '{\n  "processor": "ATmega'))
    settings = ("--naca-board=./mega", "--naca-elf=sketch.elf", "--naca-image=product.naca")
    said = pytest_in(tmp_path, *settings, "-k", "host_does or cable")
    if is_broken:
        assert "2 failed" in said
        assert re.search(DIFFERENCE, said), said
    else:
        assert "2 passed" in said, said
