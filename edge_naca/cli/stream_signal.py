"""Signals in ``edge-naca stream``: recordings sample by sample, or what a board's sensor takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from edge_naca.cli import common, report, signals
from edge_naca.cli.endings import interruptible
from edge_naca.cli.keys import Keys, keys
from edge_naca.cli.live import line_summary, right

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_naca.cli.page import Page
    from edge_naca.cli.stream_options import Wanted
    from edge_naca.host.choice import Mark
    from edge_naca.host.client import LinkDevice
    from edge_naca.host.sensors import SensorStream
    from edge_naca.host.signals import SignalStream, SignalTwin
    from edge_naca.host.windows import Windows
    from edge_naca.signal_features import Signal
    from edge_naca.signals.recordings import Recording

    Array = NDArray[Any]

PIECE = 0.1  # seconds of samples that go over the line together
GLANCE = 0.1  # seconds between two looks at a board's sensor
PUSH = "push an image with a larger --capacity"
TAUGHT_BY_KEYS = 9  # classes that have a key


@dataclass
class Course:
    """How a stream is going: of each class, windows answered, and rightly; all windows."""

    names: list[str]
    windows: int = 0
    learned: int = 0
    asked: dict[int, int] = field(default_factory=dict)
    right: dict[int, int] = field(default_factory=dict)

    def note_taught(self, windows: Array) -> None:
        """Count windows; the class of those that were learned is known."""
        from edge_naca.host.messages import NO_LABEL

        labels = windows["label"].tolist()
        self.note(windows, [None if label == NO_LABEL else label for label in labels])

    def note(self, windows: Array, labels: Sequence[int | None]) -> None:
        """Count windows; those whose class is known by the answers, which come before learning."""
        from edge_naca.host.messages import NO_LABEL

        self.windows += len(windows)
        self.learned += int((windows["label"] != NO_LABEL).sum())
        for window, label in zip(windows, labels, strict=True):
            if label is not None:
                is_right = int(window["result"]["prediction"]) == label
                self.asked[label] = self.asked.get(label, 0) + 1
                self.right[label] = self.right.get(label, 0) + int(is_right)

    @property
    def accuracy(self) -> float:
        """Share of windows of a known class answered rightly, NaN without one."""
        asked = sum(self.asked.values())
        return sum(self.right.values()) / asked if asked else float("nan")

    def name_of(self, answer: int) -> str:
        """Return the name of an answer, for people."""
        if answer < 0:
            return "unknown"
        return self.names[answer] if answer < len(self.names) else f"class {answer}"


@dataclass(frozen=True)
class Way:
    """How recordings are streamed.

    Parameters
    ----------
    learn : whether the device is told classes.
    twin : whether a core here is compared with the device.
    save : windows learned between two saves on the device; 0 for none.
    real_time : whether samples go at their own rate.
    baud : of a serial line, None where the line is none.
    """

    learn: bool
    twin: bool
    save: int
    real_time: bool
    baud: int | None


# ---- recordings --------------------------------------------------------------------------------


class Piece(NamedTuple):
    """Samples of one class, -1 for none; whether they begin a recording; its rate."""

    samples: Array
    label: int
    is_first: bool
    rate: float


def stream_files(device: LinkDevice, wanted: Wanted, way: Way, page: Page | None) -> bool:
    """Send recordings, and say what came out; return whether all of it was sent."""
    from edge_naca.host.choice import Mark
    from edge_naca.host.windows import Windows

    network, quiet = device.core.network, wanted.as_json
    stream = device.signal_stream()
    windowing = replace(wanted.windowing, signal=True)
    read = signals.read_recordings(wanted.recordings, wanted.reading, windowing, network)
    _check_line(device, way)
    names = _names(device, read.recordings)
    if not quiet:
        signals.tell(read.remarks)
    course, mark = Course(names), Mark()
    twin = _twin_of(device) if way.twin else None
    pieces = _pieces(read.recordings, names)
    total = sum(len(recording.samples) for recording in read.recordings)
    wishes: list[str] = []  # to end
    title = f"{', '.join(wanted.recordings)} → {device.link.name}"
    control = mark if way.learn else None
    with nullcontext() if page is None else page.shown(title, device, names, control) as shown:
        watched = None if shown is None else Windows(shown, network, device.link)
        sender = _Sender(device, stream, twin, course, way, mark, watched)
        with report.Bar(total, quiet) as bar, interruptible(lambda: wishes.append("end")):
            for piece in pieces:
                if wishes:
                    break
                sender.send(piece)
                bar.advance(len(piece.samples), f"{report.percent(course.accuracy)} right")
            sender.end()
        _tell(device, course, way, twin is not None, bool(wishes), quiet)
        if page is not None and shown is not None and not wishes:
            page.stay(shown)
    return not wishes


class _Sender:
    """Sends pieces, compares, counts and saves."""

    def __init__(
        self,
        device: LinkDevice,
        stream: SignalStream,
        twin: SignalTwin | None,
        course: Course,
        way: Way,
        mark: Mark,
        watched: Windows | None,
    ) -> None:
        self._mark, self._watched = mark, watched
        self._device, self._stream, self._twin = device, stream, twin
        self._course, self._way = course, way
        self._saved = 0
        self._sent = 0
        self._stretch = (0, -1)  # where samples of the latest class begin, and that class
        self._begun = time.monotonic()

    def send(self, piece: Piece) -> None:
        own = piece.label if piece.label >= 0 else None
        taught = self._mark.label_of(own) if self._way.learn else None
        if self._watched is not None:
            self._watched.take(self._sent, piece.samples)
        if piece.is_first:
            self._stream.gap()
        windows = self._stream.push(piece.samples, taught)
        self._compare(piece, taught, windows)
        if piece.is_first or piece.label != self._stretch[1]:
            self._stretch = self._sent, piece.label
        self._sent += len(piece.samples)
        is_known = (windows["first"] >= self._stretch[0]) & (piece.label >= 0)
        labels = [piece.label if known else None for known in is_known]
        self._course.note(windows, labels)
        if self._watched is not None:
            self._watched.note(windows, labels)
        if self._way.real_time:
            ahead = self._begun + self._sent / piece.rate - time.monotonic()
            time.sleep(max(ahead, 0.0))
        self._save(self._way.save)

    def end(self) -> None:
        """Save what was learned since, if anything is to be saved."""
        if self._way.save:
            self._save(1)

    def _save(self, every: int) -> None:
        learned = self._course.learned - self._saved
        if every and learned >= every and self._device.hello.store:
            self._device.save()
            self._stream.forget()
            self._saved = self._course.learned

    def _compare(self, piece: Piece, taught: int | None, windows: Array) -> None:
        from edge_naca.host.twin import TwinMismatchError

        if self._twin is None:
            return
        if piece.is_first:
            self._twin.gap()
        ours = self._twin.push(piece.samples, taught)
        if ours.tolist() != windows.tolist():
            raise TwinMismatchError(
                f"the device differs from its twin behind window {self._course.windows}: it "
                f"answers {windows.tolist()} instead of {ours.tolist()}",
                self._course.windows,
            )


def _pieces(recordings: tuple[Recording, ...], names: list[str]) -> Iterator[Piece]:
    """Yield samples in the order of time, a few at once, all of one class."""
    import numpy as np

    for recording in recordings:
        labels = recording.labels
        most = max(round(PIECE * recording.rate), 1)
        edges = {*range(0, len(labels), most), len(labels)}
        edges |= set((np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist())
        ordered = sorted(edges)
        for first, last in pairwise(ordered):
            label = names.index(str(labels[first])) if labels[first] else -1
            yield Piece(recording.samples[first:last], label, first == 0, recording.rate)


def _check_line(device: LinkDevice, way: Way) -> None:
    """Refuse, or warn of, a serial line that does not carry the samples as fast as they come.

    Raises
    ------
    DeviceError
        If they are to go at their own rate.
    """
    from edge_naca.host.device import DeviceError
    from edge_naca.host.signals import baud_needed

    signal = device.core.network.signal
    assert signal is not None
    needed = baud_needed(signal, device.hello.max_payload)
    if way.baud is None or needed <= way.baud:
        return
    said = (
        f"{signal.channels} channels at {signal.rate:g} samples a second need {needed} baud, the "
        f"line has {way.baud}"
    )
    if way.real_time:
        raise DeviceError(f"{said}: set a faster one on both sides, --baud here")
    report.say(f"Warning: {said}: it will take longer than the recording lasted", err=True)


def _names(device: LinkDevice, recordings: tuple[Recording, ...]) -> list[str]:
    """Return the names of classes: the device's, and behind them those of recordings."""
    found = sorted({name for one in recordings for _, _, name in one.stretches() if name})
    return common.joined_names(device.core, found, "the device", "the recordings", PUSH)


def _twin_of(device: LinkDevice) -> SignalTwin:
    """Return a twin in the state in which the device is."""
    from edge_naca.host.signals import SignalTwin

    return SignalTwin(device.copy())


# ---- a board's sensor --------------------------------------------------------------------------


def stream_sensor(device: LinkDevice, wanted: Wanted, page: Page | None) -> bool:
    """Show what a board makes of its sensor, teach it by keys or on a page; tell if it ended.

    `wanted.limit` is how many windows to see; None to go on until somebody ends it.
    """
    from edge_naca.host.choice import Mark
    from edge_naca.host.sensors import SensorStream
    from edge_naca.host.windows import Heard

    learn, quiet = wanted.learn, wanted.as_json
    network = device.core.network
    stream = SensorStream(device.link, device.journal, network.capacity)
    _check_rate(device, stream)
    course, mark = Course(_names(device, ())), Mark(has_own=False)
    saving = _Saving(device, wanted.save_every)
    wishes: list[str] = []
    title, control = f"the sensor of {device.link.name}", mark if learn else None
    page_of = nullcontext() if page is None else page.shown(title, device, course.names, control)
    with page_of as shown, keys() as typed, interruptible(lambda: wishes.append("end")):
        watched = None if shown is None else Heard(shown, network, device.link)
        if not quiet:
            _explain(device, course, stream, typed, learn)
        while not wishes and (wanted.limit is None or course.windows < wanted.limit):
            pressed = typed.pressed(GLANCE)
            if "q" in pressed:
                break
            _mark(pressed, mark, network.capacity)
            windows = stream.poll(mark.label_of(None) if learn else None)
            course.note_taught(windows)
            if watched is not None:
                watched.note_taught(windows, stream.events)
            if not quiet:
                _show(windows, course, stream, network.signal)
            stream.events.clear()
            saving.save(course.learned, wanted.save_every)
        stream.poll(None, on=False)
    saving.save(course.learned, 1)
    way = Way(learn, False, wanted.save_every, True, None)
    _tell(device, course, way, False, bool(wishes), quiet)
    return not wishes


class _Saving:
    """Saves on the device now and then, if it can and is to."""

    def __init__(self, device: LinkDevice, every: int) -> None:
        self._device, self._saved = device, 0
        self._may = every > 0 and device.hello.store

    def save(self, learned: int, every: int) -> None:
        if self._may and learned - self._saved >= every:
            self._device.save()
            self._saved = learned


def _check_rate(device: LinkDevice, stream: SensorStream) -> None:
    from edge_naca.host.device import DeviceError

    signal = device.core.network.signal
    assert signal is not None
    if not signal.is_at(stream.rate):
        raise DeviceError(
            f"the sensor of {device.link.name} takes {stream.rate:g} samples a second, the image "
            f"was made for {signal.rate:g}: record with `edge-naca record` and train by that"
        )


def _explain(
    device: LinkDevice, course: Course, stream: SensorStream, typed: Keys, learn: bool
) -> None:
    report.say(f"The sensor of {device.link.name}, {stream.rate:g} samples a second.")
    if not typed.are_there or not learn:
        return
    capacity = min(device.core.network.capacity, TAUGHT_BY_KEYS)
    known = [course.names[at] if at < len(course.names) else "new" for at in range(capacity)]
    choices = ", ".join(f"{at + 1} {name}" for at, name in enumerate(known))
    report.say(f"Press {choices} to teach what is there from then on, 0 to end that, q to quit.")


def _mark(pressed: str, mark: Mark, capacity: int) -> None:
    """Have keys say what is there from now on."""
    for key in pressed:
        if key == "0" or key == " ":
            mark.rest()
        elif key.isdigit() and int(key) <= capacity:
            mark.teach(int(key) - 1)


def _show(windows: Array, course: Course, stream: SensorStream, signal: Signal | None) -> None:
    from edge_naca.host.messages import NO_LABEL

    has_votes = signal is not None and signal.votes > 0
    for event in stream.events:
        report.say(event)
    for window in windows:
        label = int(window["label"])
        taught = "" if label == NO_LABEL else f"   taught {course.name_of(label)}"
        answer = course.name_of(int(window["result"]["prediction"]))
        if has_votes and window["decided"] >= 0:
            answer += f"   decided: {course.name_of(int(window['decided']))}"
        at = int(window["first"]) / stream.rate
        asking = "   press its number to teach it" if answer.startswith("unknown") else ""
        report.say(f"{at:9.2f} s   {answer}{taught}{asking}")


# ---- what came out -----------------------------------------------------------------------------


def _tell(
    device: LinkDevice, course: Course, way: Way, twin: bool, stopped: bool, quiet: bool
) -> None:
    summary: dict[str, Any] = {
        "windows": course.windows,
        "learned": course.learned,
        "interrupted": stopped,
        "accuracy": course.accuracy,
        "per_class": {
            course.name_of(label): course.right[label] / asked
            for label, asked in sorted(course.asked.items())
        },
        "state_hash": f"{device.hash():08x}",
        "twin": "equal" if twin else None,
        "line": asdict(device.counts),
    }
    if quiet:
        report.print_json(summary)
        return
    report.say(
        f"{'Interrupted after' if stopped else 'Done:'} {course.windows} windows, "
        f"{course.learned} learned, {report.percent(course.accuracy, 2)} of those of a known class "
        f"{right(way.learn)}, state hash {summary['state_hash']}"
        + (", equal to the twin's" if twin else "")
    )
    if device.counts.errors:
        report.say(f"The line: {line_summary(device.counts)}; no sample was taken twice.")


def check_options(ctx: click.Context) -> None:
    """Refuse options that say something of ready samples.

    Raises
    ------
    click.UsageError
    """
    from click.core import ParameterSource

    for name in ("order", "seed", "rate", "ask", "batch", "record", "resume"):
        if ctx.get_parameter_source(name) == ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name}: not of the samples of a signal")
