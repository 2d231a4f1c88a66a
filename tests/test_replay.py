"""Every build of the core answers tapes as the specification does (tests/c/replay.c)."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable
from pathlib import Path

import pytest
from replaying import answers, check_replay, first_difference, random_cases
from support import run

from edge_naca.core import Core
from edge_naca.specification.network import Specification

PRESETS = ["gcc", "clang", "gcc-O0", "sanitize"]
if platform.machine() == "x86_64":
    PRESETS.append("m32")


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_random_networks(preset: str, build_preset: Callable[[str], Path], tmp_path: Path) -> None:
    # Other networks for each build: together they are thousands.
    tape = b"".join(random_cases(seed=PRESETS.index(preset), count=600))
    (tmp_path / "tape").write_bytes(tape)
    expected = list(answers(tape, Specification))
    check_replay(build_preset(preset) / "naca_replay", tmp_path / "tape", expected)


def test_python_plays_tapes_alike() -> None:
    tape = b"".join(random_cases(seed=99, count=50))
    expected = list(answers(tape, Specification))
    assert first_difference(expected, list(answers(tape, Core))) is None


def test_random_cases_are_of_their_seed_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a module holds that another test imported changes none of them."""
    before = random_cases(seed=7, count=30, rounds=1)
    (tmp_path / "constants_of_others.py").write_text(f"NUMBERS = {list(range(101, 3000, 7))}\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("constants_of_others")
    assert random_cases(seed=7, count=30, rounds=1) == before


def test_difference_is_told_with_its_place() -> None:
    expected = ["open 1", "infer NACA_OK 1", "end", "open 2", "infer NACA_OK 3"]
    assert first_difference(expected, expected) is None
    assert first_difference(expected, expected[:4]) == "4 lines instead of 5"
    assert first_difference(expected, [*expected, "end"]) == "6 lines instead of 5"
    wrong = [*expected[:4], "infer NACA_OK 4"]
    assert str(first_difference(expected, wrong)).startswith("case 1, line 4: expected 'infer")


@pytest.mark.parametrize("cut", [1, 20, 30])
def test_torn_tape_is_refused(
    cut: int, build_preset: Callable[[str], Path], tmp_path: Path
) -> None:
    (tape,) = random_cases(seed=1, count=1, rounds=1)
    (tmp_path / "tape").write_bytes(tape[:-cut])
    with pytest.raises(pytest.fail.Exception, match="the tape ends too early"):
        run(build_preset("gcc") / "naca_replay", tmp_path / "tape")
