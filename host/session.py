"""Streaming: a stream of labelled samples into a device, counted, recorded and compared."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.choices import PART
from edge_naca.host.choice import Item
from edge_naca.host.client import LinkDevice
from edge_naca.host.device import DeviceError
from edge_naca.host.journal import LostSamplesError, unwrap
from edge_naca.host.link import InterruptedLinkError, RefusedError
from edge_naca.host.messages import Reason
from edge_naca.host.pipeline import RESTARTS, RestartedError
from edge_naca.host.recorder import Recorder
from edge_naca.host.teaching import FORGOTTEN
from edge_naca.host.twin import Twin

PAUSE = 0.1  # seconds between two samples that are asked about while nothing is taught
GLANCE = 0.01  # seconds between two looks at whether teaching goes on
RECENT = 200  # samples that speeds and means are taken over


@dataclass
class Progress:
    """How a stream is going. Accuracy is prequential: answers are given before learning.

    Attributes
    ----------
    done, total : samples of the stream, those of earlier runs included.
    asked, right : of each class, samples answered here, and answered rightly; (capacity,).
    lost : samples learned whose answer nobody remembers.
    events : what happened to line and device, latest last.
    """

    total: int
    capacity: int
    done: int = 0
    lost: int = 0
    asked: NDArray[np.int64] = field(init=False)
    right: NDArray[np.int64] = field(init=False)
    events: deque[str] = field(default_factory=lambda: deque(maxlen=5))
    _recent: deque[tuple[float, int, int]] = field(default_factory=lambda: deque(maxlen=RECENT))

    def __post_init__(self) -> None:
        self.asked, self.right = np.zeros((2, self.capacity), np.int64)

    def note(self, label: int, result: NDArray[Any]) -> None:
        """Count an answer."""
        if result["prediction"] == FORGOTTEN:
            self.lost += 1
            return
        self.asked[label] += 1
        self.right[label] += int(result["prediction"]) == label
        entry = (time.monotonic(), int(result["spikes"]), int(result["changes"]))
        self._recent.append(entry)

    @property
    def accuracy(self) -> float:
        """Share of samples answered rightly, NaN before the first."""
        asked = int(self.asked.sum())
        return int(self.right.sum()) / asked if asked else float("nan")

    @property
    def speed(self) -> float:
        """Samples a second, lately."""
        if len(self._recent) < 2:
            return 0.0
        seconds = time.monotonic() - self._recent[0][0]
        return (len(self._recent) - 1) / seconds if seconds > 0 else 0.0

    def mean(self, which: str) -> float:
        """Mean "spikes" or "changes" of a sample, lately."""
        place = {"spikes": 1, "changes": 2}[which]
        return sum(entry[place] for entry in self._recent) / max(len(self._recent), 1)


class Session:
    """A stream into a device.

    Parameters
    ----------
    device : to teach, or to ask.
    items : label and sample of the whole stream, samples as the device's `packer` makes them.
    learn : whether to teach.
    base : how many samples the device had learned before the first of the stream.
    first : number of the sample to begin with, when `learn` is false.
    batch : samples in a request, at most.
    rate : samples a second, at most; None as many as possible.
    recorder : keeps what happens.
    twin : learns beside the device, and is compared with it.
    look : samples between two looks at the state: for `twin`, and for the recording.
    save : samples between two saves on the device; None for none.

    Attributes
    ----------
    watch : called often, with what is known by then.
    compare : called with each sample's number and answer, once.
    ready : asked before each sample whether it may be taught now. While it may not, the device is
        asked about samples that `ahead` gives (label and sample, None for nothing), and `seen` is
        told of each answer with them: nothing is learned or recorded of these.
    hash : of the device's learned state, when it was last looked at.
    unsaved : why the device could not save what it learned last; empty if it could, or was not to.

    Notes
    -----
    `stop`, from a signal handler or another thread, ends the stream in good order: what is under
    way is still answered and recorded.
    """

    def __init__(
        self,
        device: LinkDevice,
        items: Sequence[Item],
        *,
        learn: bool = True,
        base: int = 0,
        first: int = 0,
        batch: int = 1,
        rate: float | None = None,
        recorder: Recorder | None = None,
        twin: Twin | None = None,
        look: int = PART,
        save: int | None = None,
    ) -> None:
        self.watch: Callable[[Progress], None] = lambda progress: None
        self.compare: Callable[[int, NDArray[Any]], None] = lambda number, result: None
        self.ready: Callable[[int], bool] = lambda number: True
        self.ahead: Callable[[], Item | None] = lambda: None
        self.seen: Callable[[Item, NDArray[Any]], None] = lambda item, result: None
        self.progress = Progress(len(items), device.core.network.capacity)
        self.hash: int | None = None
        self.unsaved = ""
        self._device = device
        self._items = items
        self._learn = learn
        self._base = base
        self._next = first
        self._batch = batch
        self._rate = rate
        self._recorder = recorder
        self._twin = twin
        self._look = look if save is None else min(look, save)
        self._save = save
        self._saved = base
        self._stopped = False
        self._setbacks = 0  # restarts since something moved on
        self._noted = first  # samples whose answers have been counted
        device.link.stop = lambda: self._stopped
        device.link.event = self._event

    def stop(self) -> None:
        """End the stream soon."""
        self._stopped = True

    @property
    def stopped(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._stopped

    def run(self) -> Progress:
        """Stream until the end, or until somebody stops it.

        Raises
        ------
        TwinMismatchError
            If the device differs from its twin.
        DeviceError
            If the device is at no point of this stream, is gone for too long, or refuses.
        """
        try:
            self._join()
            while not self._stopped and self._next < len(self._items):
                is_ready = not self._learn or self.ready(self._next)
                self._or_back(self._part if is_ready else self._look_on)
            self._end()
        except InterruptedLinkError as error:
            self._event(str(error))
            self.hash = None  # nobody knows
        finally:
            self._device.link.stop = lambda: False
        self.watch(self.progress)
        return self.progress

    def _join(self) -> None:
        """Find where in the stream the device is."""
        if self._learn:
            self._next = unwrap(self._device.learned, self._base) - self._base
            if not 0 <= self._next <= len(self._items):
                raise DeviceError(
                    f"the device has learned {self._device.learned} samples, but this stream "
                    f"covers {self._base} to {self._base + len(self._items)}: reset the device, "
                    "or start a new stream"
                )
        recorder = self._recorder
        while recorder is not None and self._learn and recorder.count < self._next:
            # Learned by a run that was killed before it could record the answer.
            recorder.add(*self._items[recorder.count], None)
        self.progress.done = self._next
        self._noted = max(self._noted, self._next)

    def _or_back(self, step: Callable[[], None]) -> None:
        if self._setbacks > RESTARTS:
            raise DeviceError(
                f"{self._device.link.name} loses what it learned again and again: check its power "
                "and firmware"
            )
        before = self._next
        try:
            step()
            self._setbacks = 0
        except LostSamplesError:
            # It restarted with less than the client remembers; but the data is all here.
            self._device.rejoin()
            self._join()
            self._event(f"going back to sample {self._next}")
        except RestartedError:
            self._device.rejoin()
        if self._next <= before:
            self._setbacks += 1

    def _part(self) -> None:
        """Stream up to the next look at the state."""
        end = min(self._next + self._look - self._next % self._look, len(self._items))
        number = self._next
        # After a restart the device is taught again what is known already: nothing to count.
        if self._learn:
            answers = self._device.teach(self._source(number, end), self._batch)
        else:
            answers = self._device.ask(sample and sample[1] for sample in self._source(number, end))
        for result in answers:
            self._note(number, result[0])
            number += 1
            self._next = number
        self._look_at_state()

    def _source(self, first: int, end: int) -> Iterator[Item | None]:
        start = time.monotonic()
        for number in range(first, end):
            while self._rate and time.monotonic() < start + (number - first + 1) / self._rate:
                if self._stopped:
                    return
                yield None
                self.watch(self.progress)
            if self._stopped:
                return
            if self._learn and not self.ready(number):
                return
            yield self._items[number]

    def _look_on(self) -> None:
        """Ask about a sample, now and then, while nothing is taught."""
        item = self.ahead()
        if item is not None:
            try:
                (result,) = self._device.ask([item[1]])
            except RestartedError:
                self._device.catch_up()
            else:
                self.seen(item, result[0])
        end = time.monotonic() + max(PAUSE, 1 / self._rate if self._rate else 0)
        while not (self._stopped or self.ready(self._next)) and time.monotonic() < end:
            time.sleep(GLANCE)
        self.watch(self.progress)

    def _note(self, number: int, result: NDArray[Any]) -> None:
        label, sample = self._items[number]
        if self._twin is not None:
            self._twin.compare(number, label, sample, result)
        if self._recorder is not None and number == self._recorder.count:
            self._recorder.add(label, sample, result)
        if number >= self._noted:
            self.compare(number, result)
            self.progress.note(label, result)
            self._noted = number + 1
        self.progress.done = number + 1
        self.watch(self.progress)

    def _look_at_state(self) -> None:
        self.hash, learned = self._device.hash_at()
        if self._recorder is not None:
            self._recorder.state(learned, self.hash)
        if self._twin is not None:
            self._twin.compare_state(self._next, self.hash)
        if self._save is not None and self._learn and learned - self._saved >= self._save:
            self._save_now()

    def _end(self) -> None:
        if self._learn and self._save is not None and self._device.learned != self._saved:
            self._save_now()
        self._look_at_state()

    def _save_now(self) -> None:
        try:
            self._device.save()
            self._saved = self._device.learned
        except RefusedError as error:
            if error.status != Reason.STORE:
                raise
            # Worth saying, but no reason to end: what is not saved can be taught again.
            self._event(str(error))
            self.unsaved = str(error)
            self._save = None

    def _event(self, text: str) -> None:
        self.progress.events.append(text)
        if self._recorder is not None:
            self._recorder.event(text)
        self.watch(self.progress)
