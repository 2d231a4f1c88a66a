"""What a recording's lines may say, and who may write it: recordings come from anybody."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from edge_naca.files import MAX_FILE
from edge_naca.host import alone
from edge_naca.limits import MAX_CLASSES
from edge_naca.printable import shown

MAX_RECORDING = 1 << 32  # bytes
MAX_LINE = 1 << 27  # bytes: a header with the largest state
MAX_SAMPLE = 1 << 16  # bytes
_HASH = re.compile("[0-9a-f]{8}")


class RecordingError(ValueError):
    """What was read is no recording that can be used; the message says why."""


# ---- lines -------------------------------------------------------------------------------------


def whole_lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Yield lines that end, none of them too long to be one.

    Raises
    ------
    RecordingError
        If a line, or the file, is.
    """
    size = number = 0
    while (line := file.readline(MAX_LINE)).endswith(b"\n"):
        number += 1
        size += len(line)
        if size > MAX_RECORDING:
            raise RecordingError(f"{shown(path)} is too long to be a recording")
        yield line
    if len(line) == MAX_LINE:
        raise RecordingError(f"{shown(path)}, line {number + 1}: too long to be one")


def parse(place: str, line: bytes) -> dict[str, Any]:
    """Return a line's JSON object.

    Raises
    ------
    RecordingError
        If it is none.
    """
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{place}: this is no JSON") from error
    if not isinstance(content, dict):
        raise RecordingError(f"{place}: this is no JSON object")
    return content


# ---- values ------------------------------------------------------------------------------------


def _is_whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MAX_CLASSES and all(map(_is_text, value))


_U32 = _is_whole(0, 2**32 - 1)
_HEADER: dict[str, Callable[[Any], bool]] = {
    "learn": lambda value: isinstance(value, bool),
    "network_id": _is_text,
    "session": lambda value: _is_hash(value) and int(value, 16) != 0,  # 0 is that of nobody
    "start": _U32,
    "start_hash": _is_hash,
    "state": lambda value: value is None or _is_text(value),
    "classes": _are_names,
}
_is_label = _is_whole(0, MAX_CLASSES - 1)
_SAMPLE: dict[str, Callable[[Any], bool]] = {
    "label": _is_label,
    "sample": _is_text,
}
_RESULT: dict[str, Callable[[Any], bool]] = {
    "prediction": _is_whole(-1, MAX_CLASSES - 1),
    "margin": _is_whole(-(2**31), 2**31 - 1),
    "spikes": _U32,
    "synops": _U32,
    "changes": _U32,
}
_CHOICE: dict[str, Callable[[Any], bool]] = {
    "from": _U32,
    "teaching": lambda value: value is None or _is_label(value),
}
_STATE: dict[str, Callable[[Any], bool]] = {"learned": _U32, "hash": _is_hash}


def _check(place: str, content: dict[str, Any], rules: dict[str, Callable[[Any], bool]]) -> None:
    for name, is_right in rules.items():
        if name not in content:
            raise RecordingError(f"{place}: something is missing: {name}")
        if not is_right(content[name]):
            raise RecordingError(f"{place}: something is wrong: {name} is {_brief(content[name])}")


def _brief(value: Any) -> str:
    try:
        return shown(json.dumps(value), 60)
    except (ValueError, RecursionError):  # a number of thousands of digits, or a tower of lists
        return "no such value"


def check_header(place: str, header: dict[str, Any], required: tuple[str, ...] = ()) -> None:
    """Check what a header says.

    Parameters
    ----------
    required : what it has to say.

    Raises
    ------
    RecordingError
        If something is of the wrong kind or missing; the message begins with `place`.
    """
    names = [name for name in _HEADER if name in header or name in required]
    _check(place, header, {name: _HEADER[name] for name in names})


def item_of(place: str, line: dict[str, Any]) -> tuple[int, bytes]:
    """Return label and sample of a line; raise as `check_header`."""
    _check(place, line, _SAMPLE)
    if len(line["sample"]) > 2 * MAX_SAMPLE:
        raise RecordingError(f"{place}: the sample is too large to be one")
    try:
        return line["label"], base64.b64decode(line["sample"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecordingError(f"{place}: something is wrong: the sample is no base64") from error


def result_of(place: str, line: dict[str, Any]) -> dict[str, int] | None:
    """Return a line's answer, None where it was lost; raise as `check_header`."""
    if line.get("prediction", 0) is None:
        return None
    _check(place, line, _RESULT)
    return {name: line[name] for name in _RESULT}


def state_of(place: str, line: dict[str, Any]) -> tuple[int, int]:
    """Return samples learned and the state's hash at a line; raise as `check_header`."""
    _check(place, line, _STATE)
    return line["learned"], int(line["hash"], 16)


def event_of(place: str, line: dict[str, Any]) -> str:
    """Return what a line says that happened."""
    _check(place, line, {"event": _is_text})
    text: str = line["event"]
    return text


def choice_of(place: str, line: dict[str, Any]) -> tuple[int, int | None]:
    """Return what a line says was chosen: from which sample on, and the class, None for all."""
    _check(place, line, _CHOICE)
    return line["from"], line["teaching"]


def unpack_state(text: str) -> bytes:
    """Return the saved state that a header holds, zlib and base64.

    Raises
    ------
    RecordingError
        If it is damaged, or larger than any state.
    """
    try:
        unpacker = zlib.decompressobj()
        state = unpacker.decompress(base64.b64decode(text, validate=True), MAX_FILE)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise RecordingError("the recording's state is damaged") from error
    if not unpacker.eof:
        why = "cut off" if len(state) < MAX_FILE else f"larger than {MAX_FILE >> 20} MiB"
        raise RecordingError(f"the recording's state is {why}")
    return state


# ---- writing -----------------------------------------------------------------------------------


def open_alone(path: Path) -> BinaryIO:
    """Do as `alone.open_alone`, but raise RecordingError if somebody else records there."""
    try:
        return alone.open_alone(path)
    except BlockingIOError as error:
        raise RecordingError(
            f"{shown(path)} is being recorded to by another program: end that, or name another file"
        ) from error
