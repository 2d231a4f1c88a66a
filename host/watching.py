"""What somebody who watches a device sees: counted lesson by lesson, drawn some times a second."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.host.choice import Item
from edge_naca.host.link import LineCounts
from edge_naca.host.mirror import Lesson, Look, Mirror
from edge_naca.host.session import Progress
from edge_naca.host.teaching import FORGOTTEN

Array = NDArray[Any]

PERIOD = 0.2  # seconds between two pictures
RECENT = 200  # lessons that the windowed accuracy is of
KEPT = 400  # lessons and looks that are drawn
MOST_SPIKES = 4000  # that are drawn
LOOKS = 8  # lessons side by side in the raster
EVENTS = 5
NONE = "none"  # the answer that is no class
LESSONS = ("number", "accuracy", "recent", "spikes", "changes")
LOOKED = ("number", "moved", "novelty")


class Control(Protocol):
    """Who decides what is taught: `choice.Choice` or `choice.Mark`."""

    has_own: bool
    is_used_up: bool

    @property
    def wanted(self) -> int | None:
        """The class that is taught, None for what samples bear themselves."""

    @property
    def is_resting(self) -> bool:
        """Whether nothing is taught."""

    def teach(self, label: int | None) -> None:
        """Teach a class from now on, None for what samples bear themselves."""

    def rest(self) -> None:
        """Teach nothing from now on."""


class Watching:
    """Counts lessons, and follows them in a core of its own.

    `note`, `note_asked`, `note_lesson` and `event` are called by whoever teaches, and cost next to
    nothing; `tick` does the work, in a thread of its own.

    Parameters
    ----------
    title : what is taught where.
    names : of the classes.
    core : the device's network in the state in which the device is, taken over.
    counts : of the line.
    control : who decides what is taught; None if nothing can be.

    Attributes
    ----------
    progress : of the session that is watched, None if it is none.
    is_over : whether nothing more comes.
    """

    def __init__(
        self,
        title: str,
        names: Sequence[str],
        core: Core,
        counts: LineCounts,
        control: Control | None,
    ) -> None:
        self.title, self.control, self.counts = title, control, counts
        capacity = core.network.capacity
        self.names = [*names, *(f"class {at}" for at in range(len(names), capacity))]
        self.mirror: Mirror | None = Mirror(core)
        self.parts = self.mirror.parts
        self.populations = [population.neurons for population in core.network.populations]
        self._learns = control is not None
        self._queue: deque[Lesson] = deque()
        self._lock = threading.Lock()
        self._count = 0  # lessons
        self._known = self._right = 0  # those of a known class, and of these answered rightly
        self._recent: deque[int] = deque(maxlen=RECENT)
        self._recent_right = 0
        self._confusion = np.zeros((capacity, capacity + 1), np.int64)  # the last answer is none
        self._lessons: deque[tuple[Any, ...]] = deque(maxlen=KEPT)
        self._looked: deque[tuple[Any, ...]] = deque(maxlen=KEPT)
        self._looks: deque[tuple[Lesson, Look]] = deque(maxlen=LOOKS)
        self._events: deque[str] = deque(maxlen=EVENTS)
        self._taught = 0
        self._last: Lesson | None = None
        self.progress: Progress | None = None
        self.is_over = False

    # ---- what happens --------------------------------------------------------------------------

    def note(self, item: Item, result: Any) -> None:
        """Note a sample of a stream, with its class, and what the device answered."""
        self._queue.append(Lesson(item[1], item[0] if self._learns else -1, item[0], result))

    def note_asked(self, item: Item, result: Any) -> None:
        """Note a sample that was only asked about."""
        self._queue.append(Lesson(item[1], -1, item[0], result))

    def note_lesson(self, lesson: Lesson) -> None:
        """Note a lesson."""
        self._queue.append(lesson)

    def event(self, text: str) -> None:
        """Note what happened to line or device."""
        self._events.append(text)

    # ---- counting ------------------------------------------------------------------------------

    def tick(self) -> None:
        """Count what was noted since, and look at the latest of it from within."""
        lessons = []
        while self._queue:
            lessons.append(self._queue.popleft())
        if not lessons:
            return
        looked = self._look(lessons)
        with self._lock:
            for lesson in lessons:
                self._add(lesson)
            if looked is not None:
                self._looks.append(looked)
                _, look = looked
                moved = int(sum(part.sum() for part in look.moved))
                self._looked.append((self._count, moved, _number(look.novelty)))

    def _look(self, lessons: list[Lesson]) -> tuple[Lesson, Look] | None:
        """Follow lessons; return the latest that is known here, as it looks from within."""
        if self.mirror is None:
            return None
        if any(one.sample is None and one.taught >= 0 for one in lessons):
            self._lose("samples of a window that was learned were missed")
            return None
        known = [one for one in lessons if one.sample is not None]
        if not known:
            return None
        self.mirror.follow(known[:-1])
        look = self.mirror.look(known[-1])
        told = known[-1].result
        if told["prediction"] != FORGOTTEN and int(told["margin"]) != look.margin:
            self._lose("the device answers otherwise than a core here")
            return None
        return known[-1], look

    def _lose(self, why: str) -> None:
        """Look no more: what would be shown is not what the device does."""
        self.mirror = None
        self.event(f"{why}: spikes, levels and weights are not shown any more")

    def _add(self, lesson: Lesson) -> None:
        result = lesson.result
        self._count += 1
        self._taught += lesson.taught >= 0
        answer = int(result["prediction"])
        if lesson.truth >= 0 and answer != FORGOTTEN:
            is_right = int(answer == lesson.truth)
            self._known += 1
            self._right += is_right
            if len(self._recent) == RECENT:
                self._recent_right -= self._recent[0]
            self._recent.append(is_right)
            self._recent_right += is_right
            self._confusion[lesson.truth, answer if answer >= 0 else -1] += 1
        self._lessons.append(
            (
                self._count,
                self._right / self._known if self._known else None,
                self._recent_right / len(self._recent) if self._recent else None,
                int(result["spikes"]),
                int(result["changes"]),
            )
        )
        self._last = lesson

    # ---- what is shown -------------------------------------------------------------------------

    def picture(self, after: tuple[int, int] = (0, 0)) -> tuple[dict[str, Any], tuple[int, int]]:
        """Return what a page is sent, and how far that goes.

        Parameters
        ----------
        after : numbers of the last lesson and of the last look that the page has.
        """
        with self._lock:
            lessons = [entry for entry in self._lessons if entry[0] > after[0]]
            looked = [entry for entry in self._looked if entry[0] > after[1]]
            content = {
                "lessons": _columns(LESSONS, lessons),
                "looked": _columns(LOOKED, looked),
                "confusion": self._confusion_columns(),
                **self._within(),
                "facts": self._facts(),
                "line": asdict(self.counts) | {"errors": self.counts.errors},
                "teaching": self._teaching(),
            }
            reached = (
                lessons[-1][0] if lessons else after[0],
                looked[-1][0] if looked else after[1],
            )
        return content, reached

    def _confusion_columns(self) -> dict[str, list[Any]]:
        counts = self._confusion
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        truths, answers = np.nonzero(counts)
        answered = [*self.names, NONE]
        return {
            "truth": [self.names[at] for at in truths],
            "answer": [answered[at] for at in answers],
            "count": counts[truths, answers].tolist(),
            "share": np.round(shares[truths, answers], 3).tolist(),
        }

    def _within(self) -> dict[str, dict[str, list[Any]]]:
        """Return spikes, levels and moved weights of the latest looks."""
        columns = {
            "spikes": _columns(("step", "neuron"), []),
            "levels": _columns(("left", "right", "top"), []),
            "moved": _columns(("neuron", "top"), []),
        }
        start = 0
        for look in self._drawn_looks():
            steps, units = np.nonzero(look.spikes)
            columns["spikes"]["step"] += (steps + start).tolist()
            columns["spikes"]["neuron"] += units.tolist()
            start += len(look.spikes) + 1  # a gap between lessons
        if self._looks:
            _, look = self._looks[-1]
            first = 0
            for neurons, levels, moved in zip(
                self.populations, look.levels, look.moved, strict=True
            ):
                if levels is not None:
                    for name, values in zip(("left", "right", "top"), _runs(levels), strict=True):
                        shift = 0 if name == "top" else first
                        columns["levels"][name] += [value + shift for value in values]
                places = np.flatnonzero(moved)
                columns["moved"]["neuron"] += (places + first).tolist()
                columns["moved"]["top"] += moved[places].tolist()
                first += neurons
        return columns

    def _drawn_looks(self) -> list[Look]:
        """Return the latest looks that have no more spikes together than can be drawn."""
        left = MOST_SPIKES
        looks: list[Look] = []
        for _, look in reversed(self._looks):
            left -= int(look.spikes.sum())
            if looks and left < 0:
                break
            looks.append(look)
        return looks[::-1]

    def _facts(self) -> dict[str, Any]:
        last, progress = self._last, self.progress
        answer = -1 if last is None else int(last.result["prediction"])
        events = [*(progress.events if progress is not None else ()), *self._events]
        return {
            "lessons": self._count,
            "taught": self._taught,
            "done": None if progress is None else progress.done,
            "total": None if progress is None else progress.total,
            "speed": None if progress is None else round(progress.speed, 1),
            "answer": None if last is None else self._name(answer),
            "truth": None if last is None or last.truth < 0 else self._name(last.truth),
            "was_taught": last is not None and last.taught >= 0,
            "is_over": self.is_over,
            "events": events[-EVENTS:],
        }

    def _teaching(self) -> dict[str, Any] | None:
        control = self.control
        if control is None:
            return None
        return {
            "resting": control.is_resting,
            "wanted": control.wanted,
            "used_up": control.is_used_up,
        }

    def _name(self, label: int) -> str:
        return self.names[label] if 0 <= label < len(self.names) else NONE


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


def _runs(levels: Array) -> tuple[list[float], list[float], list[float]]:
    """Return begin, end and value of neighbours of one level; those of level 0 are left out."""
    edges = np.flatnonzero(np.diff(levels)) + 1
    begins = np.concatenate([[0], edges])
    ends = np.concatenate([edges, [len(levels)]])
    values = levels[begins]
    is_there = values != 0
    return tuple(part[is_there].tolist() for part in (begins - 0.5, ends - 0.5, values))


def _number(value: float) -> float | None:
    """Return a number as JSON has it, None for NaN."""
    return None if np.isnan(value) else round(value, 4)
