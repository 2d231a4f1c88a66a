"""Recordings of anybody are read rightly or refused in one line; one program writes one."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call, failed, object_of
from wire import IMAGE, NETWORK, pack, samples

from edge_naca import image
from edge_naca.core import RESULT, Core
from edge_naca.host import recorded, recorder
from edge_naca.host.recorded import RecordingError
from edge_naca.host.recorder import FORMAT, VERSION, Recorder, is_there, pack_state

HEADER: dict[str, Any] = {
    "format": FORMAT,
    "version": VERSION,
    "learn": True,
    "network_id": f"{Core(IMAGE).network_id:08x}",
    "session": "0000abcd",
    "start": 0,
    "start_hash": f"{Core(IMAGE).state_hash():08x}",
    "state": None,
    "classes": ["a", "b", "c"],
}
SAMPLE: dict[str, Any] = {
    "n": 0,
    "label": 1,
    "sample": base64.b64encode(bytes(8)).decode(),
    "prediction": -1,
    "margin": 0,
    "spikes": 0,
    "synops": 0,
    "changes": 0,
}


def write(path: Path, *lines: dict[str, Any] | str | bytes) -> Path:
    text = [line if isinstance(line, (str, bytes)) else json.dumps(line) for line in lines]
    path.write_bytes(
        b"".join((one.encode() if isinstance(one, str) else one) + b"\n" for one in text)
    )
    return path


def bomb() -> str:
    """Return a state of little text that unpacks to 160 MiB."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    packed = b"".join(packer.compress(block) for _ in range(160)) + packer.flush()
    return base64.b64encode(packed).decode()


WRONG_HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "learn": ({"learn": "yes"}, 'learn is "yes"'),
    "network": ({"network_id": 5}, "network_id is 5"),
    "start-text": ({"start": "0"}, 'start is "0"'),
    "start-real": ({"start": 1.5}, "start is 1.5"),
    "start-large": ({"start": 2**70}, "start is 1180591620717411303424"),
    "start-negative": ({"start": -1}, "start is -1"),
    "start-true": ({"start": True}, "start is true"),
    "hash": ({"start_hash": "xyz"}, 'start_hash is "xyz"'),
    "hash-null": ({"start_hash": None}, "start_hash is null"),
    "session": ({"session": []}, r"session is \[\]"),
    "state": ({"state": 3}, "state is 3"),
    "classes": ({"classes": {"a": 1}}, "classes is"),
    "class": ({"classes": [1]}, r"classes is \[1\]"),
    "classes-many": ({"classes": ["x"] * 5000}, "classes is"),
}
WRONG_SAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "label-negative": ({"label": -1}, "label is -1"),
    "label-large": ({"label": 99999}, "label is 99999"),
    "label-huge": ({"label": 2**70}, "label is"),
    "label-text": ({"label": "1"}, "label is"),
    "label-real": ({"label": 1.0}, "label is 1.0"),
    "label-null": ({"label": None}, "label is null"),
    "sample-number": ({"sample": 5}, "sample is 5"),
    "sample-base64": ({"sample": "é!"}, "no base64"),
    "sample-padding": ({"sample": "abc"}, "no base64"),
    "sample-large": ({"sample": "A" * 200_000}, "too large"),
    "prediction": ({"prediction": 2**40}, "prediction is"),
    "prediction-forgotten": ({"prediction": -2}, "prediction is -2"),
    "margin": ({"margin": 2**31}, "margin is"),
    "spikes": ({"spikes": -1}, "spikes is -1"),
    "synops": ({"synops": "many"}, "synops is"),
    "changes": ({"changes": [1]}, r"changes is \[1\]"),
    "n": ({"n": "0"}, "sample 0 is missing"),
}
WRONG_LINES: dict[str, tuple[str | bytes, str]] = {
    "depth": ('{"n":' + "[" * 100_000, "no JSON"),
    "digits": ('{"n": 1' + "0" * 10_000 + "}", "no JSON"),
    "list": ("[]", "no JSON object"),
    "bytes": (b"\xff\xfe{}", "no JSON"),
    "hash-number": ('{"learned": 1, "hash": 5}', "hash is 5"),
    "hash-long": ('{"learned": 1, "hash": "ffffffffff"}', "hash is"),
    "learned": ('{"learned": 1180591620717411303424, "hash": "00000000"}', "learned is"),
    "learned-missing": ('{"hash": "00000000"}', "missing: learned"),
    "sample-missing": ('{"n": 0, "label": 1}', "missing: sample"),
    "two-recordings": (json.dumps(HEADER), "another recording begins here"),
    "more-learned": (
        '{"learned": 1, "hash": "00000000"}',
        "0 samples after the 0 learned before, 1",
    ),
    "less-learned": ('{"learned": 4294967295, "hash": "00000000"}', "cannot be learned: lines are"),
}
WRONG = [
    *(((HEADER | change,), 1, what) for change, what in WRONG_HEADERS.values()),
    *(((HEADER, SAMPLE | change), 2, what) for change, what in WRONG_SAMPLES.values()),
    *(((HEADER, line), 2, what) for line, what in WRONG_LINES.values()),
]


@pytest.mark.parametrize(
    ("lines", "number", "what"), WRONG, ids=[*WRONG_HEADERS, *WRONG_SAMPLES, *WRONG_LINES]
)
def test_lines_that_say_what_cannot_be_are_named(
    tmp_path: Path, lines: Any, number: int, what: str
) -> None:
    path = write(tmp_path / "r.jsonl", *lines)
    with pytest.raises(RecordingError, match=rf"(?s)r.jsonl, line {number}: .*{what}") as caught:
        recorder.read(path)
    assert len(str(caught.value)) < 300 + len(str(tmp_path))
    (tmp_path / "i.naca").write_bytes(IMAGE)
    assert f"line {number}" in failed(1, "replay", path, "--emulate", tmp_path / "i.naca")


def test_a_line_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "MAX_LINE", 1 << 12)
    path = write(tmp_path / "r.jsonl", HEADER, SAMPLE, '{"event": "' + "x" * 9000 + '"}')
    with pytest.raises(RecordingError, match="line 3: too long"):
        recorder.read(path)
    monkeypatch.setattr(recorded, "MAX_RECORDING", 300)
    with pytest.raises(RecordingError, match="too long to be a recording"):
        recorder.read(write(path, HEADER, SAMPLE, SAMPLE))


def test_a_state_that_unpacks_without_end_is_refused() -> None:
    text = bomb()
    assert len(text) < 1 << 18
    tracemalloc.start()
    with pytest.raises(RecordingError, match="larger than 64 MiB"):
        recorded.unpack_state(text)
    assert tracemalloc.get_traced_memory()[1] < 150 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("!", "damaged"),
        (base64.b64encode(b"no zlib").decode(), "damaged"),
        (pack_state(bytes(range(256)) * 9)[:40], "cut off"),
        ("", "cut off"),
    ],
)
def test_damaged_states_are_refused(text: str, what: str) -> None:
    with pytest.raises(RecordingError, match=f"the recording's state is {what}"):
        recorded.unpack_state(text)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"sample": base64.b64encode(bytes(5000)).decode()}, "5000 bytes, those of the network"),
        ({"sample": ""}, "0 bytes"),
        ({"label": 3}, "label 3, the network has room for 3"),
    ],
)
def test_replay_refuses_what_its_network_cannot_take(
    tmp_path: Path, change: dict[str, Any], what: str
) -> None:
    (tmp_path / "i.naca").write_bytes(IMAGE)
    path = write(tmp_path / "r.jsonl", HEADER, SAMPLE | change)
    assert what in failed(1, "replay", path, "--emulate", tmp_path / "i.naca")


@pytest.mark.parametrize("name", ["network_id", "start", "start_hash"])
def test_replay_refuses_a_header_without(tmp_path: Path, name: str) -> None:
    (tmp_path / "i.naca").write_bytes(IMAGE)
    path = write(tmp_path / "r.jsonl", {key: HEADER[key] for key in HEADER if key != name})
    assert f"missing: {name}" in failed(1, "replay", path, "--emulate", tmp_path / "i.naca")


def taught_once(folder: Path, **other: Any) -> list[Any]:
    """Return the command that repeats a recording of one sample, whose lines say something else."""
    core, (x, y) = Core(IMAGE), samples(1)
    result = core.learn_many(x, y, "codes")[0]
    answer = {name: int(result[name]) for name in RESULT.names or ()}
    sample = {"label": int(y[0]), "sample": base64.b64encode(pack(x[0], 4)).decode()}
    after = {"learned": 1, "hash": f"{core.state_hash():08x}"}
    lines = [
        {key: other.get(key, line[key]) for key in line}
        for line in (HEADER, SAMPLE | answer | sample, after)
    ]
    (folder / "i.naca").write_bytes(IMAGE)
    return ["replay", write(folder / "r.jsonl", *lines), "--emulate", folder / "i.naca"]


def test_replay_says_whether_everything_came_out_the_same(tmp_path: Path) -> None:
    assert object_of(*taught_once(tmp_path))["compared"] == 1
    assert object_of(*taught_once(tmp_path, prediction=None))["compared"] == 0
    result = call(*taught_once(tmp_path, hash="0000beef"))
    assert result.exit_code == 1
    wrong = result.stderr
    assert "every answer is the same, but the state's hash is" in wrong
    assert "instead of 0000beef" in wrong
    result = call(*taught_once(tmp_path, spikes=77))
    assert result.exit_code == 1
    assert "instead of 77" in result.stderr
    assert "the recording starts at 5" in failed(1, *taught_once(tmp_path, start=5, learned=6))
    other = failed(1, *taught_once(tmp_path, network_id="0badcafe"))
    assert "the recording is of network 0badcafe, the device runs" in other
    assert "push the image it was made with" in other


def test_a_network_s_name_in_a_recording_cannot_act(tmp_path: Path) -> None:
    (tmp_path / "i.naca").write_bytes(IMAGE)
    path = write(tmp_path / "r.jsonl", HEADER | {"network_id": "\x1b]0;owned\x07\u202e\x9b"})
    said = failed(1, "replay", path, "--emulate", tmp_path / "i.naca")
    assert "\\u001b]0;owned\\u0007\\u202e\\u009b" in said


# ---- one writer --------------------------------------------------------------------------------


def test_two_programs_do_not_record_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with Recorder(path, HEADER) as first:
        first.add(1, bytes(8), None)
        for _ in range(2):
            with pytest.raises(RecordingError, match="recorded to by another program"):
                Recorder(path, HEADER)
        first.add(2, bytes(8), None)
    with Recorder(path, HEADER) as second:
        assert second.count == 2
    assert len(recorder.read(path).items) == 2


def test_a_refused_recording_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    Recorder(path, HEADER).close()
    for _ in range(2):
        with pytest.raises(RecordingError, match="holds another stream"):
            Recorder(path, HEADER | {"seed": 7})
    Recorder(path, HEADER).close()


def test_every_line_is_written_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with Recorder(path, HEADER) as open_:
        for number in range(1, 6):
            open_.add(1, bytes(8), None)
            assert len(recorder.read(path).items) == number


# ---- how a stream is ended ---------------------------------------------------------------------

STREAM = """
import os, signal, sys
from edge_naca.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the shell has it ignore
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
main(prog_name="edge-naca")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_however_a_stream_is_ended_it_ends_in_good_order(tmp_path: Path, number: int) -> None:
    x, y = samples(3000)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    (tmp_path / "i.naca").write_bytes(image.encode(NETWORK))
    words = ["stream", "--port", f"emulate:{tmp_path}/i.naca", "--data", tmp_path / "d.npz"]
    words += ["--test-fraction", "0", "--record", tmp_path / "r.jsonl", "--rate", "200"]
    process = subprocess.Popen(
        [sys.executable, "-c", STREAM, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not is_begun(tmp_path / "r.jsonl"):
        assert process.poll() is None, process.communicate()
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, (out, err)
    assert "Interrupted after" in out
    assert "is complete so far" in out
    known = recorder.read(tmp_path / "r.jsonl")
    assert known.learned == len(known.items)  # the end was noted, with the state's hash


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_commands_end_as_with_ctrl_c(tmp_path: Path, number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STREAM, "train", "digits", "-o", str(tmp_path / "d.naca"),
         "--epochs", "1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()  # it works
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err == "Interrupted.\n"
    assert not (tmp_path / "d.naca").exists()


def take_terminal() -> None:
    """Make standard input the terminal of a session of its own, as a shell does."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize("start", [take_terminal, os.setsid], ids=["hangup", "no-signal"])
@pytest.mark.parametrize("is_pictured", [True, False], ids=["picture", "lines"])
def test_a_terminal_that_goes_away_ends_a_stream_in_good_order(
    tmp_path: Path, start: Callable[[], None], is_pictured: bool
) -> None:
    """A window closed, an ssh connection cut: a hangup, and every write to it fails from then on.

    A program of another session gets no signal. What is shown goes there, as a picture that moves
    or, where stderr goes elsewhere, as lines.
    """
    x, y = samples(3000)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    (tmp_path / "i.naca").write_bytes(image.encode(NETWORK))
    words = ["stream", "--port", f"emulate:{tmp_path}/i.naca", "--data", tmp_path / "d.npz"]
    words += ["--test-fraction", "0", "--record", tmp_path / "r.jsonl", "--rate", "200"]
    ours, theirs = os.openpty()
    elsewhere = tmp_path / "err"
    with elsewhere.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", STREAM, *map(str, words)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs if is_pictured else log,
            preexec_fn=start,
            env=os.environ | {"TERM": "xterm"},
        )
    os.close(theirs)
    os.set_blocking(ours, False)
    text = b""
    while len(text) < 200 or not is_begun(tmp_path / "r.jsonl"):
        assert process.poll() is None, text
        with contextlib.suppress(BlockingIOError):
            text += os.read(ours, 1 << 16)
        time.sleep(0.02)
    os.close(ours)
    assert process.wait(120) == 130
    assert elsewhere.read_bytes() == b""
    known = recorder.read(tmp_path / "r.jsonl")
    assert 9 <= len(known.items) < 3000
    assert known.learned == len(known.items)  # the end was noted, with the state's hash
    out = subprocess.run(
        [sys.executable, "-c", STREAM, "replay", str(tmp_path / "r.jsonl"), "--emulate",
         str(tmp_path / "i.naca")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert out.returncode == 0, out
    assert f"state hash {known.hash:08x} as recorded" in out.stdout


def is_begun(path: Path) -> bool:
    """Return whether a recording holds some samples."""
    return is_there(path) and len(recorder.read(path).items) >= 9
