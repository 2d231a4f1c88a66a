"""Golden vectors (tests/golden): what was learned from real digits once must never change."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from replaying import CASE, OPERATION, answers, check_replay, first_difference
from support import ROOT, run

from edge_naca.core import Core
from edge_naca.specification.network import Specification

GOLDEN = ROOT / "tests" / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.tape"))


def expected(name: str) -> list[str]:
    return (GOLDEN / f"{name}.txt").read_text().splitlines()


@pytest.mark.parametrize("engine", [Specification, Core])
@pytest.mark.parametrize("name", NAMES)
def test_vector_is_reproduced(name: str, engine: type[Specification] | type[Core]) -> None:
    told = list(answers((GOLDEN / f"{name}.tape").read_bytes(), engine))
    assert first_difference(expected(name), told) is None


@pytest.mark.parametrize("name", NAMES)
def test_vector_is_reproduced_in_c(name: str, build_preset: Callable[[str], Path]) -> None:
    program = build_preset("gcc") / "naca_replay"
    check_replay(program, GOLDEN / f"{name}.tape", expected(name))


def test_nothing_is_read_before_it_is_written(
    require_tool: Callable[[str], None], build_preset: Callable[[str], Path], tmp_path: Path
) -> None:
    """What the sanitizers do not see, valgrind does."""
    require_tool("valgrind")
    tape = b"".join((GOLDEN / f"{name}.tape").read_bytes() for name in NAMES)
    (tmp_path / "tape").write_bytes(tape)
    program = build_preset("gcc") / "naca_replay"
    run("valgrind", "-q", "--error-exitcode=9", program, tmp_path / "tape")


@pytest.mark.parametrize("name", NAMES)
def test_changed_vector_fails(name: str) -> None:
    tape = bytearray((GOLDEN / f"{name}.tape").read_bytes())
    first = CASE.size + CASE.unpack_from(tape)[1]
    status, code, kind, label, count, size = OPERATION.unpack_from(tape, first)
    OPERATION.pack_into(tape, first, status, code, kind, label + 1, count, size)
    told = list(answers(bytes(tape), Specification))
    assert "case 0, line 1" in str(first_difference(expected(name), told))


def test_script_still_makes_every_vector(tmp_path: Path) -> None:
    run(sys.executable, GOLDEN / "make.py", tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {f"{name}.{end}" for name in NAMES for end in ("tape", "txt")}
