"""`--log FILE`: what it keeps of a command, of one that fails, and of what goes over a line."""

from __future__ import annotations

import errno
import logging
import os
import re
from pathlib import Path
from typing import TextIO

import pytest
from commands import call, done, failed
from serving import IMAGE, served

from edge_naca import __version__
from edge_naca.host.virtual import VirtualDevice


def test_a_log_says_what_ran_what_was_said_and_how_it_ended(tmp_path: Path) -> None:
    log = tmp_path / "my.log"
    said = done("--log", log, "config")
    first, *kept, last = log.read_text().splitlines()
    assert re.match(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO edge_naca: edge-naca --log ", first
    )
    assert f"(edge-naca {__version__}, Python " in first
    assert [line.split("edge_naca.said: ")[1] for line in kept] == said.splitlines()
    assert re.search(r"INFO edge_naca: done after \d+\.\d{3} s$", last)
    done("--log", log, "config")
    assert log.read_text().count("INFO edge_naca: done") == 2  # added, not written over
    assert not logging.getLogger("edge_naca").handlers


@pytest.mark.parametrize("phrase", [["--phrase", "open sesame"], ["--phrase=open sesame"]])
def test_a_log_does_not_keep_a_pass_phrase(phrase: list[str], tmp_path: Path) -> None:
    log = tmp_path / "my.log"
    with served(VirtualDevice(IMAGE).receive, "tcp") as port:
        done("--log", log, "lock", port, *phrase)
        failed(1, "--log", log, "lock", port, "--phrase=other", "--json")
    text = log.read_text()
    assert "sesame" not in text
    assert "other" not in text.replace("another", "")
    assert re.search(r" lock \S+ '?--phrase[ =]'?\*\*\*' ", text)


def test_an_option_of_the_program_behind_the_command_is_told_its_place() -> None:
    for words in (
        ["train", "--log", "x"],
        ["bench", "class-incremental", "--log", "x"],
        ["boards", "--version"],
    ):
        option = words[-1] if words[-1] == "--version" else "--log"
        assert failed(2, *words) == f"Error: {option} stands before the command"
    assert "No such option '--lgo'" in failed(2, "train", "--lgo", "x")


def test_a_failure_is_kept_with_its_traceback_and_said_in_one_line(tmp_path: Path) -> None:
    log = tmp_path / "my.log"
    message = failed(1, "--log", log, "inspect", tmp_path / "none.naca")
    text = log.read_text()
    assert "Traceback" in text
    assert "FileNotFoundError" in text
    assert "failed with FileNotFoundError after" in text
    assert "none.naca" in message


def test_wrong_usage_is_kept_too(tmp_path: Path) -> None:
    log = tmp_path / "my.log"
    assert call("--log", log, "train").exit_code == 2
    assert "Missing argument 'DATA...'" in log.read_text()


def test_a_log_that_cannot_be_written_stops_the_command(tmp_path: Path) -> None:
    message = failed(1, "--log", tmp_path / "none" / "my.log", "config")
    assert message.endswith("my.log: No such file or directory")


def test_a_log_holds_what_went_over_the_line(tmp_path: Path) -> None:
    log = tmp_path / "my.log"
    with served(VirtualDevice(IMAGE).receive, "pty") as port:
        done("--log", log, "info", port)
    text = log.read_text()
    assert re.search(r"DEBUG edge_naca\.host\.link: \S+: HELLO, tag \d+, \d+ bytes\n", text)
    assert re.search(r": HELLO answered with status 0 after \d+\.\d ms\n", text)


def test_a_log_is_no_folder(tmp_path: Path) -> None:
    assert "is a directory" in failed(2, "--log", tmp_path, "config")


def test_a_log_without_room_stops_the_command_before_it_begins() -> None:
    result = call("--log", "/dev/full", "config")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: /dev/full: No space left on device\n"


def test_a_log_that_fails_later_is_told_once_all_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "my.log"
    written = logging.StreamHandler.flush

    def flush(handler: logging.StreamHandler[TextIO]) -> None:
        if log.stat().st_size and isinstance(handler, logging.FileHandler):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written(handler)

    monkeypatch.setattr(logging.StreamHandler, "flush", flush)
    result = call("--log", log, "config")
    assert result.exit_code == 1
    assert result.stdout == done("config")
    assert result.stderr == f"Error: {log}: No space left on device\n"
    # What the command itself has to say comes first.
    log.unlink()
    assert "none.naca" in failed(1, "--log", log, "inspect", tmp_path / "none.naca")


def test_a_log_in_a_pipe_waits_for_nobody(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is a pipe that nobody reads" in failed(1, "--log", pipe, "config")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    done("--log", pipe, "config")
    assert b"INFO edge_naca: done" in os.read(reader, 1 << 16)
    os.close(reader)
