"""Recordings as traces that the viewer at ui.perfetto.dev shows: Perfetto's own format.

A recording has no clock. A trace's time is that of the network: one step of a presentation is a
millisecond, and one more lies between two lessons.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import count
from typing import Any

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import (
    DebugAnnotation,
    TracePacket,
    TrackDescriptor,
    TrackEvent,
)
from perfetto.trace_builder.proto_builder import TraceProtoBuilder

from edge_naca.core import Core
from edge_naca.host.mirror import Lesson, Look, Mirror
from edge_naca.host.recorded import RecordingError
from edge_naca.host.recorder import RecordedStream
from edge_naca.host.teaching import FORGOTTEN
from edge_naca.host.watching import NONE, RECENT

STEP = 1_000_000  # nanoseconds of a step
SEQUENCE = 1  # of packets: one writer

_FROM_WITHIN = ("sum of |Δw|", "novelty")


class _Tracks:
    """Adds packets of tracks and of what happens on them, each track when it is first named."""

    def __init__(self) -> None:
        self._builder = TraceProtoBuilder()
        self._tracks: dict[tuple[str, ...], int] = {}

    def begin(self, track: tuple[str, ...], time: int, name: str, said: dict[str, int]) -> None:
        event = self._event(track, time, TrackEvent.TYPE_SLICE_BEGIN)
        event.name = name
        for key, value in said.items():
            event.debug_annotations.append(DebugAnnotation(name=key, int_value=value))

    def end(self, track: tuple[str, ...], time: int) -> None:
        self._event(track, time, TrackEvent.TYPE_SLICE_END)

    def instant(self, track: tuple[str, ...], time: int, name: str) -> None:
        self._event(track, time, TrackEvent.TYPE_INSTANT).name = name

    def value(self, track: str, time: int, value: float) -> None:
        event = self._event((track,), time, TrackEvent.TYPE_COUNTER, is_counter=True)
        event.double_counter_value = value

    def name(self, track: tuple[str, ...]) -> None:
        self._track(track, is_counter=False)

    def serialize(self) -> bytes:
        return bytes(self._builder.serialize())

    def _event(
        self, track: tuple[str, ...], time: int, kind: TrackEvent.Type, is_counter: bool = False
    ) -> TrackEvent:
        number = self._track(track, is_counter)
        packet = self._packet()
        packet.timestamp = time
        packet.track_event.type = kind
        packet.track_event.track_uuid = number
        return packet.track_event

    def _track(self, track: tuple[str, ...], is_counter: bool) -> int:
        number = self._tracks.get(track)
        if number is None:
            parent = self._track(track[:-1], False) if len(track) > 1 else None
            number = self._tracks[track] = len(self._tracks) + 1
            described = self._packet().track_descriptor
            described.uuid, described.name = number, track[-1]
            described.child_ordering = TrackDescriptor.ChildTracksOrdering.EXPLICIT
            described.sibling_order_rank = number
            if parent is not None:
                described.parent_uuid = parent
            if is_counter:
                described.counter.SetInParent()
        return number

    def _packet(self) -> TracePacket:
        packet = self._builder.add_packet()
        packet.trusted_packet_sequence_id = SEQUENCE
        return packet


def trace(known: RecordedStream, core: Core | None = None) -> bytes:
    """Return a recording as a trace.

    Parameters
    ----------
    known : the recording.
    core : in the state at the recording's start, taken over; it brings spikes, moved weights and
        novelty. None to do without them; a lesson then is one step.

    Raises
    ------
    RecordingError
        If the core answers otherwise than was recorded.
    """
    mirror = None if core is None else Mirror(core)
    steps = 1 if core is None else core.network.encoder.steps
    names = [str(name) for name in known.header.get("classes", [])]
    learn = bool(known.header.get("learn", True))
    tracks, recent = _Tracks(), deque[bool](maxlen=RECENT)
    events = deque(known.events)
    units = [] if mirror is None else _units(mirror)
    for unit in units:  # in their order, whether they spike or not
        tracks.name(unit)
    for number, (label, sample), result in zip(count(), known.items, known.results, strict=False):
        time = number * (steps + 1) * STEP
        while events and events[0][0] <= number:
            tracks.instant(("events",), time, events.popleft()[1])
        answer = int(result["prediction"])
        if answer != FORGOTTEN:
            recent.append(answer == label)
        _add_lesson(tracks, time, steps, _name(names, label), _answer(names, answer), result)
        if recent:
            tracks.value(f"accuracy of the last {RECENT}, %", time, 100 * sum(recent) / len(recent))
        if mirror is not None:
            lesson = Lesson(sample, label if learn else -1, label, result)
            look = mirror.look(lesson)
            if answer != FORGOTTEN and look.margin != result["margin"]:
                raise RecordingError(
                    f"sample {number} is answered otherwise than recorded: margin {look.margin} "
                    f"instead of {result['margin']}"
                )
            _add_look(tracks, time, units, look)
    for _, text in events:
        tracks.instant(("events",), len(known.items) * (steps + 1) * STEP, text)
    return tracks.serialize()


def _units(mirror: Mirror) -> list[tuple[str, str]]:
    """Return the track of each unit, in their order."""
    return [
        (f"spikes of {name}", str(unit)) for name, units in mirror.parts for unit in range(units)
    ]


def _add_lesson(
    tracks: _Tracks, time: int, steps: int, truth: str, answer: str, result: Any
) -> None:
    said = {name: int(result[name]) for name in ("margin", "spikes", "synops", "changes")}
    tracks.begin(("lessons",), time, f"{truth}, answered {answer}", said)
    tracks.end(("lessons",), time + steps * STEP)
    tracks.value("spikes", time, said["spikes"])
    tracks.value("weights changed", time, said["changes"])


def _add_look(tracks: _Tracks, time: int, units: list[tuple[str, str]], look: Look) -> None:
    for step, unit in zip(*look.spikes.nonzero(), strict=True):
        tracks.instant(units[unit], time + int(step) * STEP, "spike")
    values = (float(sum(part.sum() for part in look.moved)), look.novelty)
    for name, value in zip(_FROM_WITHIN, values, strict=True):
        if not math.isnan(value):
            tracks.value(name, time, value)


def _name(names: list[str], label: int) -> str:
    return names[label] if 0 <= label < len(names) else f"class {label}"


def _answer(names: list[str], answer: int) -> str:
    if answer == FORGOTTEN:
        return "(lost)"
    return NONE if answer < 0 else _name(names, answer)
