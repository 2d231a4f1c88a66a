"""A place that no file can be written to is found before the work begins."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import failed

from edge_naca import data, files
from edge_naca.core import RESULT
from edge_naca.host import recorder

COMMANDS = ("train digits -o FILE.naca", "pull emulate:x.naca -o FILE.naca", "import m.nir -o FILE")


@pytest.mark.parametrize("line", COMMANDS)
@pytest.mark.parametrize(
    "place", ["no/FILE", "/proc/FILE", f"{'x' * 300}FILE", "link", "circle", "/dev/null"]
)
def test_a_bad_place_is_found_before_the_work(
    line: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: Any, **__: Any) -> None:
        raise AssertionError("work has begun")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("there/further")  # into a folder that is not there
    (tmp_path / "circle").symlink_to("circle")
    for function in ("edge_naca.data.load", "edge_naca.cli.ports.opened"):
        monkeypatch.setattr(function, work)
    monkeypatch.setattr(data, "read", work)
    words = [place if word.startswith("FILE") else word for word in line.split()]
    message = failed(1, *words)
    assert place.rpartition("/")[2] in message
    assert "[Errno" not in message
    assert ".part" not in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["circle", "link"]


@pytest.mark.parametrize(
    "line",
    [
        "train a.csv -o a.csv",
        "train a.csv -o link.csv",
        "train digits --front-end model.onnx -o model.onnx",
        "import model.onnx --calibrate a.csv -o a.csv",
    ],
)
def test_what_is_read_is_not_written_over(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "model.onnx"):
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / "link.csv").symlink_to("a.csv")
    assert "is what this command reads" in failed(2, *line.split())
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "model.onnx").read_bytes() == b"mine"


def test_a_folder_in_the_place_of_the_kept_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.naca"
    path.write_bytes(b"old")
    (tmp_path / "a.naca~").mkdir()
    with pytest.raises(IsADirectoryError, match=r"a\.naca~ is a folder"):
        files.keep_old(path, b"new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.naca", "a.naca~"]
    assert path.read_bytes() == b"old"


# ---- no room -----------------------------------------------------------------------------------


@contextmanager
def room_for(count: int) -> Iterator[None]:
    """Let no file become larger than so many bytes: what does not fit fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_without_room_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.naca"
    path.write_bytes(b"old")
    with room_for(100), pytest.raises(OSError, match="File too large") as caught:
        files.write_file(path, bytes(1000))
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("net.naca", b"old")]
    with pytest.raises(FileNotFoundError) as missing:
        files.write_file(tmp_path / "no" / "net.naca", b"")
    assert missing.value.filename == str(tmp_path / "no" / "net.naca")


def test_a_recording_without_room_is_named_and_good_so_far(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    header = dict.fromkeys(recorder.SAME) | {
        "learn": True,
        "network_id": "00000000",
        "session": "00000001",
        "start": 0,
        "start_hash": "00000000",
        "state": None,
    }
    writer = recorder.Recorder(path, header)

    def write() -> None:
        for _ in range(100):
            writer.add(1, bytes(30), np.zeros((), RESULT))

    with room_for(2000), pytest.raises(OSError, match="File too large") as caught:
        write()
    assert caught.value.filename == str(path)
    writer.close()
    assert 5 < len(recorder.read(path).items) < 100


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("words", ["--help", "--version", "train --help", "devices --json"])
def test_what_is_said_into_a_full_file_ends_in_one_line(words: str) -> None:
    command = [sys.executable, "-c", "from edge_naca.cli import main; main()", *words.split()]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "Error: No space left on device\n")
