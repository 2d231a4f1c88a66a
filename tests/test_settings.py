"""Defaults of options from a file: who wins, what is recorded, what is refused and how."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import done, failed, object_of

from edge_naca.cli import settings
from edge_naca.export import load_image

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "my.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    rows = [f"{i % 3 * 5},{i % 2},{'abc'[i % 3]},{i}" for i in range(60)]
    path.write_text("\n".join(["x,y,kind,row", *rows]) + "\n")
    return path


TRAIN = """
[train]
neurons-per-class = 2  # a number
label-column = "kind"
drop = ["row"]
header = true
test-fraction = 0
"""


def test_defaults_are_taken_and_what_is_typed_wins(
    write: Write, table: Path, tmp_path: Path
) -> None:
    image = tmp_path / "x.naca"
    path = write(TRAIN)
    done("--config", path, "train", table, "-o", image)
    assert load_image(image).network.populations[-2].neurons == 6
    done("--config", path, "train", table, "-o", image, "--neurons-per-class", 3)
    assert load_image(image).network.populations[-2].neurons == 9


def test_an_image_records_what_the_file_decided(write: Write, table: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.naca", tmp_path / "second.naca"
    done("--config", write(TRAIN), "train", table, "-o", first)
    core = load_image(first)
    (training,) = core.network.metadata["training"]
    words = shlex.split(training["command"])
    assert words[:3] == ["edge-naca", "--config", str(tmp_path / "my.toml")]
    assert words[3:7] == ["train", str(table), "-o", str(first)]
    decided = "--test-fraction 0 --header --drop row --label-column kind --neurons-per-class 2"
    assert sorted(words[7:]) == sorted(decided.split())
    # Without the file the recorded command makes the same.
    again = [str(second) if word == str(first) else word for word in words[3:]]
    done(*again)
    assert load_image(second).state_hash() == core.state_hash()


def test_the_file_of_the_variable_and_the_usual_one(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("[bench.class-incremental]\nseeds = 3\n")
    monkeypatch.setenv(settings.VARIABLE, str(path))
    assert object_of("config")["defaults"] == {
        "file": str(path),
        "content": {"bench": {"class-incremental": {"seeds": 3}}},
    }
    assert "default: 3" in done("bench", "class-incremental", "--help")
    monkeypatch.delenv(settings.VARIABLE)
    monkeypatch.setattr(settings, "place", lambda: tmp_path / "none.toml")
    assert object_of("config")["defaults"]["content"] is None
    monkeypatch.setattr(settings, "place", lambda: path)
    assert json.loads(done("config", "--json"))["defaults"]["file"] == str(path)


REFUSED = {
    "[train]\nmax-kb = 3": r"\[train\] max-kb: there is no such option: did you mean max-kib\?",
    "[trian]\nx = 1": "trian: there is no such command or option: did you mean train",
    "bits = 3": "bits: there is no such command or option: .*'edge-naca --help' lists them",
    "config = 'x'": "config: is a command",
    "train = 3": r"train: is a command: write its options below a line \[train\]",
    "[bench]\nclass-incremental = 3": "bench.class-incremental: is a command, not an option",
    "[bench.class-incremental]\nseeds = 0": r"\[bench.class-incremental\] seeds: 0 is not in the",
    "[train]\nbits = 9": r"\[train\] bits: 9 is not in the range",
    "[train]\nbits = 'many'": r"\[train\] bits: 'many' is not a valid integer",
    "[train]\nbits = true": r"\[train\] bits: is a text or a number",
    "[train]\nbits = [3]": r"\[train\] bits: is a text or a number",
    "[train]\nheader = 'yes'": r"\[train\] header: is true or false",
    "[train]\ndrop = [1, {}]": r"\[train\] drop: is a text, a number, or a list of them",
    "[export]\nhelp = true": r"\[export\] help: there is no such option",
    "[train": "is no TOML: ",
    "a = " + 9999 * "[" + 9999 * "]": "is no TOML: ",
    "[train]\nbits = 0x" + 9999 * "f": r"\[train\] bits: .* digits",
    "a = '\udcff'": "is no TOML: 'utf-8' codec",
    "a = 1979-05-27": "a: there is no such command or option",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:40])
def test_bad_entries_are_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    message = failed(1, "--config", path, "config")
    assert message.startswith(f"Error: {path}: ")
    assert re.search(REFUSED[text], message)


def test_a_command_minds_its_own_entries_only(write: Write) -> None:
    path = write("[train]\nbits = 9\n[config]\njson = true\n")
    assert json.loads(done("--config", path, "config", "--folder"))["folder"]
    assert "[train] bits: 9" in failed(1, "--config", path, "train", "digits", "-o", "x")


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "cannot be read: " in failed(1, "--config", tmp_path, "config")
    assert "is a pipe" in failed(1, "--config", tmp_path / "pipe", "config")


def test_a_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    message = failed(1, "--config", tmp_path / "none.toml", "config")
    assert message.endswith("none.toml: cannot be read: No such file or directory")
