"""Recordings of streams: what was sent and what was answered, in the order in which it counted.

A recording is text, one JSON object a line, only ever added to: whoever is killed while writing
loses the last line at most, and the next one goes on behind it.

- The first line is the header: ``format`` "edge-naca recording", ``version`` 2, ``learn`` (whether
  samples were taught), ``network_id``, ``session`` (that taught them), ``start`` (samples learned
  before the first one here), ``start_hash``, ``state`` (the saved state at the start, zlib and
  base64; null if the image's own), and what the caller adds: ``data``, ``digest``, ``order``,
  ``seed``, ``classes``.
- ``{"n": 0, "label": 7, "sample": …, "prediction": 7, "margin": …, "spikes": …, "synops": …,
  "changes": …}``: sample number n of the stream as it went over the line (base64 of the codes, as
  PACKED has them in docs/protocol.md, section 4) and the answer, made before learning; prediction
  null when it was lost.
- ``{"learned": …, "hash": …}``: the state's hash at that point.
- ``{"event": …}``: something that happened to the line or the device. With ``"from"`` and
  ``"teaching"``, somebody chose what is taught from that sample on: a class, or null for all
  samples as they come.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import RESULT
from edge_naca.files import naming, refuse_pipe, write_file
from edge_naca.format_versions import RECORDING
from edge_naca.host import recorded
from edge_naca.host.choice import Chosen, later
from edge_naca.host.closing import Closing
from edge_naca.host.journal import unwrap
from edge_naca.host.recorded import RecordingError
from edge_naca.host.teaching import FORGOTTEN

FORMAT = "edge-naca recording"
_START = f'{{"format":"{FORMAT}",'.encode()  # of every recording

# What has to be the same for a stream to go on in the same recording.
SAME = ("learn", "network_id", "digest", "order", "seed", "limit", "ask")


@dataclass(frozen=True, eq=False)
class RecordedStream:
    """What a recording holds.

    Parameters
    ----------
    header : its first line.
    items : label and sample of each sample.
    results : `core.RESULT`, one for each sample; prediction `FORGOTTEN` where it was lost.
    learned, hash : the last known state, None if none is.
    first_state : samples learned and hash of the first known state behind a sample that was
        learned, None if none is.
    size : bytes of the file up to the last whole line.
    choices : what somebody chose to be taught, those that count.
    events : what happened, each with the number of samples before it.
    """

    header: dict[str, Any]
    items: list[tuple[int, bytes]]
    results: NDArray[Any]
    learned: int | None
    hash: int | None
    size: int
    first_state: tuple[int, int] | None = None
    choices: tuple[Chosen, ...] = ()
    events: tuple[tuple[int, str], ...] = ()

    def start_state(self) -> bytes | None:
        """Return the saved state at the start, None if it is the image's own."""
        state = self.header.get("state")
        return None if state is None else recorded.unpack_state(state)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the end and the content of each whole line."""
    end = 0
    refuse_pipe(path)
    with path.open("rb") as file:
        for number, line in enumerate(recorded.whole_lines(path, file), 1):
            end += len(line)
            content = recorded.parse(f"{path}, line {number}", line)
            yield end, content


def read(path: Path) -> RecordedStream:
    """Read a recording.

    Raises
    ------
    RecordingError
        If it is none, or damaged; the message names the line.
    """
    lines = _lines(path)
    size, header = next(lines, (0, {}))
    if header.get("format") != FORMAT:
        raise RecordingError(f"{path} is no recording of a stream")
    if header.get("version") != RECORDING:
        raise RecordingError(
            f"{path} is a recording of version {header.get('version')}, this edge-naca reads "
            f"version {RECORDING}"
        )
    recorded.check_header(f"{path}, line 1", header)
    items: list[tuple[int, bytes]] = []
    results: list[tuple[int, ...]] = []
    choices: list[Chosen] = []
    events: list[tuple[int, str]] = []
    learned = last_hash = first_state = None
    start = int(header.get("start", 0))
    for number, (end, line) in enumerate(lines, 2):
        place, size = f"{path}, line {number}", end
        if "format" in line:
            raise RecordingError(f"{place}: another recording begins here: keep them apart")
        if "n" in line:
            if line["n"] != len(items):
                raise RecordingError(f"{place}: sample {len(items)} is missing")
            items.append(recorded.item_of(place, line))
            results.append(_result(recorded.result_of(place, line)))
        elif "hash" in line:
            learned, last_hash = recorded.state_of(place, line)
            taught = unwrap(learned, start) - start
            if header.get("learn") and not 0 <= taught <= len(items):
                raise RecordingError(
                    f"{place}: {len(items)} samples after the {start} learned before, {learned} "
                    "cannot be learned: lines are missing, or are of another recording"
                )
            if first_state is None and taught:
                first_state = learned, last_hash
        elif "event" in line:
            events.append((len(items), recorded.event_of(place, line)))
            if "teaching" in line:
                choices = later(choices, Chosen(*recorded.choice_of(place, line)))
    known = np.array(results, RESULT), learned, last_hash, size, first_state
    return RecordedStream(header, items, *known, tuple(choices), tuple(events))


def _result(answer: dict[str, int] | None) -> tuple[int, ...]:
    if answer is None:
        return (FORGOTTEN, 0, 0, 0, 0)
    return tuple(answer[name] for name in RESULT.names or ())


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def is_there(path: Path) -> bool:
    """Tell whether there is something to go on with."""
    return path.exists() and path.stat().st_size > 0 and not is_half_header(path)


def is_half_header(path: Path) -> bool:
    """Tell whether a file ends within a recording's header, so that it holds no sample.

    A full disk, or a copy that was cut off, leaves such a file.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        first = file.readline(recorded.MAX_LINE)
    if not first or first.endswith(b"\n") or len(first) == recorded.MAX_LINE:
        return False
    return first.startswith(_START) or _START.startswith(first)


def pack_state(saved: bytes) -> str:
    """Return a saved state as headers hold it."""
    return base64.b64encode(zlib.compress(saved, 9)).decode()


class Recorder(Closing):
    """Adds to a recording.

    Parameters
    ----------
    path : of the file; one that is there has to be of the same stream, and is gone on with.
    header : what is known about the stream.

    Attributes
    ----------
    header : that of the file: of an older one where there was one.
    count : samples recorded.
    known : what the file held before; None if nothing.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.path = path
        self.count = 0
        self.known: RecordedStream | None = None
        self.header = {"format": FORMAT, "version": RECORDING, **header}
        self._file = recorded.open_alone(path)
        try:
            size = self._go_on(path, header) if is_there(path) else self._begin(path)
            self._file.truncate(size)  # of what a killed writer left half written
            self._file.seek(size)
        except BaseException:
            self._file.close()
            raise

    def _begin(self, path: Path) -> int:
        """Write the header, and return where it ends."""
        first = _line(self.header)
        # As a whole or not at all, so that there is no recording without its header. The file takes
        # the place of the empty one.
        write_file(path, first)
        file, self._file = self._file, recorded.open_alone(path)
        file.close()
        return len(first)

    def _go_on(self, path: Path, header: dict[str, Any]) -> int:
        """Take over what is there, and return where it ends."""
        self.known = known = read(path)
        for name in SAME:
            if known.header.get(name) != header.get(name):
                raise RecordingError(
                    f"{path} holds another stream (its {name} is {known.header.get(name)!r}, not "
                    f"{header.get(name)!r}): name another file to record to"
                )
        self.header, self.count = known.header, len(known.items)
        return known.size

    def add(self, label: int, sample: bytes, result: NDArray[Any] | None) -> None:
        """Add the next sample; without its result if that was lost."""
        line: dict[str, Any] = {
            "n": self.count,
            "label": label,
            "sample": base64.b64encode(sample).decode(),
        }
        if result is None or result["prediction"] == FORGOTTEN:
            line["prediction"] = None
        else:
            line |= {name: int(result[name]) for name in RESULT.names or ()}
        self._write(line)
        self.count += 1

    def state(self, learned: int, value: int) -> None:
        """Note the hash of the learned state."""
        self._write({"learned": learned, "hash": f"{value:08x}"})

    def event(self, text: str) -> None:
        """Note what happened."""
        self._write({"event": text})

    def choice(self, chosen: Chosen) -> None:
        """Note what is taught from a sample on, before that is sent."""
        what = "all samples" if chosen.label is None else f"class {chosen.label}"
        text = f"from sample {chosen.first} on, {what} as they come"
        self._write({"event": text, "from": chosen.first, "teaching": chosen.label})

    def _write(self, line: dict[str, Any]) -> None:
        with naming(self.path):
            self._file.write(_line(line))
            self._file.flush()  # at once: whoever is killed loses the line that is being written

    def close(self) -> None:
        """Close the file."""
        with naming(self.path):  # what did not fit is tried once more
            self._file.close()
