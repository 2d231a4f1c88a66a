"""A place that no file can be written to is found before the work begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commands import failed

from edge_naca import data, files

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
