"""What Python reads withstands changed files (tests/fuzz/fuzz_readers.py), in a bounded number."""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest
from nir_graphs import affine, chain, lif, save

from edge_naca.arrays import ArrayFileError, read_npy
from edge_naca.export import nir_check
from edge_naca.export.conversion.layers import ModelFileError
from edge_naca.tables import dialect

RUNS, SLOW_RUNS = 250, 10_000


def fuzzer() -> ModuleType:
    """Import the program, which is no module of the tests."""
    path = Path(__file__).parent / "fuzz" / "fuzz_readers.py"
    spec = importlib.util.spec_from_file_location("fuzz_readers", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FUZZER = fuzzer()


def hold(figures: dict[str, float], runs: int) -> None:
    """Some files were read and some refused: the fuzzer got past the first check, and did work."""
    assert figures["runs"] == runs
    assert 0.02 * runs < figures["good"] < 0.9 * runs


@pytest.mark.parametrize("target", FUZZER.TARGETS)
def test_changed_files_are_read_or_refused(target: str, tmp_path: Path) -> None:
    hold(FUZZER.fuzz(target, RUNS, 1, tmp_path), RUNS)


@pytest.mark.slow
@pytest.mark.parametrize("target", FUZZER.TARGETS)
def test_many_changed_files_are_read_or_refused(target: str, tmp_path: Path) -> None:
    hold(FUZZER.fuzz(target, SLOW_RUNS, 2, tmp_path), SLOW_RUNS)


@pytest.mark.parametrize("say", [
    lambda: os.write(2, b"Exception ignored in: ..."),
    lambda: warnings.warn("half of a number is lost", RuntimeWarning, stacklevel=1),
    lambda: np.float64(1e300).astype(np.float16),
])  # fmt: skip
def test_what_is_said_beside_an_error_is_a_finding(say: Callable[[], object]) -> None:
    with pytest.raises((AssertionError, Warning)), FUZZER.silent():
        say()


# ---- what it found once ------------------------------------------------------------------------


def test_text_that_is_no_text_is_refused(tmp_path: Path) -> None:
    names = np.array([[0x61, 0x110000]], np.uint32).view("<U2").reshape(1)
    np.save(tmp_path / "y.npy", names)
    with pytest.raises(ArrayFileError, match=r"y.npy cannot be read: its text holds what is no"):
        read_npy(tmp_path / "y.npy")


def test_nir_text_of_claimed_length_takes_no_memory(tmp_path: Path) -> None:
    path = save(tmp_path / "g.nir", chain((4,), affine(1, 3, 4), lif()).to_dict())
    with h5py.File(path) as file:
        at = file["node/nodes/n0/type"].id.get_offset()
    content = bytearray(path.read_bytes())
    assert int.from_bytes(content[at : at + 4], "little") == len("Affine")
    content[at : at + 4] = (2**32 - 16).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="n0/type: a text is longer than"):
        nir_check(path)


@pytest.mark.parametrize("edges", [5, np.zeros((3, 3)), "ab", [["a"]], [1, 2]])
def test_nir_edges_that_are_none_are_refused(tmp_path: Path, edges: Any) -> None:
    data = chain((4,), affine(1, 3, 4), lif()).to_dict()
    path = save(tmp_path / "g.nir", {**data, "edges": edges})
    with pytest.raises(ModelFileError):
        nir_check(path)


def test_long_words_do_not_reach_detection() -> None:
    """It takes the square of a word's length."""
    sample = dialect._sample("a" * 200_000 + ";" + "b" * 70_000 + "\n1;2\n")
    assert max(map(len, sample.replace(";", " ").split())) <= 64
