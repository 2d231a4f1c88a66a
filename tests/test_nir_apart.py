"""Files that lead the HDF5 library in circles, or astray, end in one line."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import failed
from nir_graphs import affine, chain, lif, save

from edge_naca.export.conversion.layers import ModelFileError
from edge_naca.export.nir import apart
from edge_naca.export.nir.hdf5 import read_hdf5

HEAP = struct.Struct("<4sIQQQ")  # signature, version, size, first free block, address of its data


def free_blocks(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield place and offset of the first free block of each heap of names."""
    at = content.find(b"HEAP")
    while at >= 0:
        _, _, size, free, data = HEAP.unpack_from(content, at)
        if free < size:
            yield data + free, free
        at = content.find(b"HEAP", at + 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save(tmp_path / "net.nir", chain([2], affine(0, 3, 2), lif()).to_dict())


def test_what_is_read_apart_is_what_is_in_the_file(path: Path) -> None:
    here, there = read_hdf5(path), apart.read_apart(path)
    weights = [data["nodes"]["n0"]["weight"] for data in (here, there)]
    assert (weights[0] == weights[1]).all()
    assert weights[0].dtype == weights[1].dtype
    assert [data["edges"].tolist() for data in (here, there)] == [here["edges"].tolist()] * 2


def test_a_block_that_follows_itself_has_an_end(path: Path) -> None:
    """HDF5 takes each block of a list of free blocks into memory, and goes on to the next one."""
    content = path.read_bytes()
    blocks = list(free_blocks(content))
    assert len(blocks) > 3
    place, offset = blocks[1]
    circle = bytearray(content)
    struct.pack_into("<Q", circle, place, offset)
    path.write_bytes(circle)
    assert "net.nir cannot be read" in failed(1, "check", path)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"crashed on it \(SIGSEGV\)"),
        ("from edge_naca.export.nir.apart import _limit\n_limit(1)\nwhile True: pass", "no end"),
        ("raise ValueError('something else')", r"failed \(ValueError: something else\)"),
    ],
)
def test_however_the_process_ends_it_is_one_line(
    code: str, what: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_CODE", f"import sys; sys.path[:] = sys.argv[3:]\n{code}")
    with pytest.raises(ModelFileError, match=what):
        apart.read_apart(path)


def test_memory_that_is_too_small_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import pickle; sys.stdout.buffer.write(pickle.dumps(MemoryError()))"
    monkeypatch.setattr(apart, "_CODE", f"import sys\n{code}")
    with pytest.raises(MemoryError, match=r"net\.nir: there is too little memory"):
        apart.read_apart(path)


def test_the_folder_that_it_runs_in_gives_no_code(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "h5py.py").write_text("raise SystemExit('not ours')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [entry for entry in sys.path if entry])
    assert apart.read_apart(path)["nodes"]
