"""pytest's plugin: what it costs, what it is told, and what it says; products are virtual here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from products import pytest_in, small_network
from support import elf_header

from edge_naca import image

pytest_plugins = ["pytester"]

IMAGE = image.encode(small_network())


def test_who_does_not_use_it_imports_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_light():\n"
        "    loaded = {name for name in sys.modules if name.startswith('edge_naca')}\n"
        "    assert loaded <= {'edge_naca', 'edge_naca.lazy', 'edge_naca.testing',\n"
        "                      'edge_naca.testing.plugin'}, loaded\n"
        "    assert 'edge_naca.testing.plugin' in loaded\n"
        "    assert not {'numpy', 'serial', 'click', 'cffi'} & set(sys.modules)\n"
    )
    said = pytest_in(tmp_path)
    assert "1 passed" in said
    assert "naca_" not in said


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_off(request):\n"
        "    assert not any(name.startswith('edge_naca') for name in sys.modules)\n"
        "def test_asked(naca_board):\n"
        "    pass\n"
    )
    said = pytest_in(tmp_path, "-p", "no:edge_naca")
    assert re.search(r"\b1 passed\b.*\b1 error\b", said), said
    assert "fixture 'naca_board' not found" in said


class Inside:
    """pytest in this process, in a project of its own; returns what it says."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pytester = pytester
        self._monkeypatch = monkeypatch

    def __call__(self, folder: Path, *words: str | Path, ci: bool = False) -> str:
        self._monkeypatch.chdir(folder)
        self._monkeypatch.setenv("CI", "true" if ci else "")
        options = ("-rs", "-p", "no:cacheprovider", *words)
        return self._pytester.runpytest_inprocess(*options).stdout.str()


@pytest.fixture
def inside(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Inside:
    return Inside(pytester, monkeypatch)


def test_fixtures_and_options_explain_themselves(tmp_path: Path, inside: Inside) -> None:
    told = inside(tmp_path, "--fixtures")
    for name in ("board", "virtual", "faulty_line", "twin", "instructions"):
        assert re.search(rf"^naca_{name} -- .*\n .*\bnaca_{name}\(", told, re.MULTILINE), name
    told = inside(tmp_path, "--help")
    for name in ("board", "elf", "image"):
        assert f"--naca-{name}=" in told
        assert f"naca_{name} (string)" in told
    assert "naca_require_tools (string)" in told


MISSING = """
def test_board(naca_board):
    naca_board()
"""


@pytest.fixture
def folder_without_tools(tmp_path: Path) -> Path:
    """Return a project whose emulator is installed nowhere; its ini file names all there is."""
    board = tmp_path / "mine"
    board.mkdir()
    (board / "board.json").write_text(
        '{"processor": "x", "compiler": "avr", "emulator": ["no-such-emulator"]}'
    )
    (tmp_path / "my.elf").write_bytes(elf_header(83))
    (tmp_path / "my.naca").write_bytes(IMAGE)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_my.py").write_text(MISSING)
    write_ini(tmp_path)
    return tmp_path


def write_ini(folder: Path, *lines: str) -> None:
    settings = "naca_board = ./mine", "naca_elf = my.elf", "naca_image = my.naca", *lines
    (folder / "pytest.ini").write_text("\n".join(["[pytest]", *settings, ""]))


def test_a_missing_tool_skips_and_fails_in_ci(folder_without_tools: Path, inside: Inside) -> None:
    folder = folder_without_tools
    why = "emulating mine needs no-such-emulator, which is not installed: put it on the PATH"
    said = inside(folder / "tests")  # the ini file lies above
    assert "1 skipped" in said
    assert why in said
    for said in (
        inside(folder, ci=True),
        inside(folder, "--override-ini=naca_require_tools=always"),
    ):
        assert "1 failed" in said
        assert why in said
    write_ini(folder, "naca_require_tools = never")
    assert "1 skipped" in inside(folder, ci=True)
    write_ini(folder, "naca_require_tools = sometimes")
    assert "naca_require_tools is ci, always, never, not 'sometimes'" in inside(folder)


def test_what_is_named_nowhere_or_is_not_there_is_said(
    folder_without_tools: Path, inside: Inside
) -> None:
    folder = folder_without_tools
    assert "there is no emulated board 'uno': known are " in inside(folder, "--naca-board", "uno")
    said = inside(folder / "tests", "--naca-elf", "other.elf")  # relative to where it is said
    assert f"there is no program {folder}/tests/other.elf: build it" in said
    (folder / "pytest.ini").unlink()
    assert "no board is named: give one to the fixture" in inside(folder / "tests")
    (folder / "tests" / "test_my.py").write_text(MISSING.replace("naca_board", "naca_virtual"))
    assert "no image is named: give one to naca_virtual" in inside(folder)
    assert "1 passed" in inside(folder, "--naca-image", "my.naca")


PRODUCT = """
import numpy as np
from edge_naca.testing import assert_same_as_host

RANDOM = np.random.default_rng(8)
X, Y = RANDOM.integers(0, 17, (30, 16)), RANDOM.integers(0, 3, 30)

def test_right(naca_virtual):
    assert_same_as_host(naca_virtual().device, X, Y)

def test_line(naca_virtual, naca_faulty_line):
    line = naca_faulty_line(naca_virtual(), seed=3, lose=0.05, double=0.1)
    assert_same_as_host(line.device, X, Y)
    assert line.faults > 0

def test_cut(naca_virtual, naca_faulty_line):
    naca_faulty_line(naca_virtual(patience=1), lose=0.999).device

def test_twin(naca_virtual, naca_twin):
    twin = naca_twin(naca_virtual().device)
    twin.learn(X[0], 1)
    twin.device.reset()
    twin.compare_state()
"""


def test_a_product_s_tests_pass_or_say_why_not(tmp_path: Path, inside: Inside) -> None:
    (tmp_path / "my.naca").write_bytes(IMAGE)
    (tmp_path / "test_my.py").write_text(PRODUCT)
    said = inside(tmp_path, "--naca-image=my.naca", "-v", "--color=no")
    results = dict(re.findall(r"^test_my\.py::test_(\w+) (\w+)", said, re.MULTILINE))
    assert results == {"right": "PASSED", "line": "PASSED", "cut": "FAILED", "twin": "FAILED"}, said
    assert "The line is faulty on purpose: " in said
    assert "the device's state differs from its twin's before sample 1: hash " in said
    assert "No sample has been learned since they were equal" in said
    assert re.search(r"^E +learned: 0 instead of 1$", said, re.MULTILINE), said
    assert not re.search(r"edge_naca.testing.\w+\.py:", said), said  # our own frames
