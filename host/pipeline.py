"""Many requests under way at once, so that the line is never idle, and none counts twice.

The device answers in order. So an answer also tells that what was sent before it and has no answer
yet was lost, one way or the other, and that can be sent again without waiting for a timeout.
"""

from __future__ import annotations

import heapq
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import RESULT
from edge_naca.host.device import DeviceError
from edge_naca.host.framing import frame_size
from edge_naca.host.link import GLANCE, Link, RefusedError
from edge_naca.host.messages import (
    BATCH,
    GREETING,
    HEADER,
    LABEL,
    LEARN,
    Answer,
    Kind,
    Reason,
    SampleKind,
    read_result,
    read_results,
)
from edge_naca.host.transport import LinkLostError

FORGOTTEN = -2  # prediction of a sample that was learned, but whose answer nobody remembers
MOST = 16  # requests under way at once: a loss makes all that follow come too early
IDLE = 0.01  # seconds until a source that had nothing is asked again


def forgotten() -> NDArray[Any]:
    """Return what stands for an answer that is lost: `core.RESULT` with prediction FORGOTTEN."""
    result = np.zeros(1, RESULT)
    result["prediction"] = FORGOTTEN
    return result


class LostSamplesError(DeviceError):
    """The device went back further than this host remembers; `learned` says where it is."""

    def __init__(self, learned: int, start: int) -> None:
        self.learned = learned
        super().__init__(
            f"the device restarted with {learned} samples learned, but this host remembers only "
            f"those from {start} on: teach it again from there, or push a saved state"
        )


@dataclass
class Journal:
    """What the device was taught and has not saved yet, from position `start` on."""

    start: int
    items: list[tuple[int, bytes]]

    @property
    def end(self) -> int:
        """The next position."""
        return self.start + len(self.items)

    def saved(self, learned: int) -> None:
        """Forget what the device has saved."""
        del self.items[: learned - self.start]
        self.start = learned


@dataclass
class _Flight:
    """A request under way."""

    first: int
    count: int
    size: int
    doomed: bool = False  # known to come to nothing, yet its bytes still wait to be read


class Pipeline(ABC):
    """Keeps requests under way until every item has its answer."""

    def __init__(self, link: Link, first: int) -> None:
        self.link = link
        self._flights: dict[int, _Flight] = {}
        self._results: dict[int, NDArray[Any]] = {}
        self._todo: list[int] = []
        self._waiting: set[int] = set()  # what is in _todo
        self._next = first  # the item to hand out next
        self._end = first
        self._heard = time.monotonic()
        self._silences = 0

    # ---- what a kind of pipeline adds --------------------------------------------------------

    @abstractmethod
    def _take(self, item: Any) -> None:
        """Keep an item, to be sent as number `_end`."""

    @abstractmethod
    def _request(self, first: int, count: int) -> tuple[Kind, bytes]:
        """Write the request for items."""

    @abstractmethod
    def _answered(self, flight: _Flight, answer: Answer) -> None:
        """Read an answer."""

    @abstractmethod
    def _resume(self) -> None:
        """Find out where the device is, after it or the line was gone."""

    def _room(self, first: int) -> int:
        """Return how many items a request may hold."""
        return 1

    # ---- the loop ------------------------------------------------------------------------------

    def run(self, source: Iterable[Any]) -> Iterator[NDArray[Any]]:
        """Send what `source` yields, and yield the answers in the same order.

        A source that has nothing yet may yield None: it is asked again a little later.
        """
        items = iter(source)
        more = True
        while True:
            idle = False
            try:
                while self._is_open():
                    while more and not idle and self._wants_items():
                        try:
                            item = next(items)
                        except StopIteration:
                            more = False
                            break
                        if item is None:
                            idle = True
                        else:
                            self._add(item)
                    if not self._todo:
                        break
                    self._send()
                if not more and self._is_done():
                    return
                if self._flights or idle:
                    self._listen(idle)
            except LinkLostError:
                self.link.reconnect()
                self._restart()
            while self._next in self._results:
                yield self._results.pop(self._next)
                self._next += 1

    def _is_done(self) -> bool:
        return self._next == self._end

    def _needs(self, number: int) -> bool:
        """Tell whether an item has to be sent again if it was lost."""
        return number >= self._next and number not in self._results

    def _add(self, item: Any) -> None:
        self._take(item)
        self._put(self._end)
        self._end += 1

    def _put(self, number: int) -> None:
        if number not in self._waiting:
            self._waiting.add(number)
            heapq.heappush(self._todo, number)

    def _wants_items(self) -> bool:
        return not self._todo or len(self._todo) < self._room(self._todo[0])

    def _is_open(self) -> bool:
        """Tell whether one more request fits into what the device can take unread."""
        if not self._flights:
            return True
        if len(self._flights) >= MOST:
            return False
        sent = sum(flight.size for flight in self._flights.values())
        return sent + self._frame() <= self.link.hello.window

    @abstractmethod
    def _frame(self) -> int:
        """Return the largest size of a frame."""

    def _send(self) -> None:
        first = self._todo[0]
        count = 0
        most = self._room(first)
        while count < most and self._todo and self._todo[0] == first + count:
            self._waiting.discard(heapq.heappop(self._todo))
            count += 1
        if not self._flights:
            self._heard = time.monotonic()
        try:
            tag, size = self.link.send(*self._request(first, count))
        except LinkLostError:
            self._again(first, count)
            raise
        self._flights[tag] = _Flight(first, count, size)

    def _again(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            if self._needs(number):
                self._put(number)

    def _listen(self, idle: bool) -> None:
        left = self._heard + self.link.pace.wait - time.monotonic() if self._flights else IDLE
        for answer in self.link.receive(min(left, IDLE) if idle else min(left, GLANCE)):
            self._hear(answer)
        if self._flights and time.monotonic() - self._heard > self.link.pace.wait:
            self._timeout()

    def _hear(self, answer: Answer) -> None:
        flight = self._flights.get(answer.tag)
        if flight is None:
            if answer.tag == GREETING and answer.epoch != self.link.epoch:
                self._restart()
            return
        now = time.monotonic()
        self.link.pace.answered(now - self._heard)
        self._heard = now
        self._silences = 0
        for tag in list(self._flights):
            if tag == answer.tag:
                break
            lost = self._flights.pop(tag)
            if not lost.doomed:
                self.link.counts.resent += 1
                self._again(lost.first, lost.count)
        del self._flights[answer.tag]
        self._answered(flight, answer)

    def _timeout(self) -> None:
        """Take everything under way for lost."""
        self.link.pace.silent()
        self.link.counts.timeouts += 1
        self._silences += 1
        if self._silences > 2:
            # Who is silent for so long may be another one by now, or there may be none.
            self._restart()
            return
        self._forget_flights()
        self.link.clear_line()
        self._heard = time.monotonic()

    def _forget_flights(self) -> None:
        for flight in self._flights.values():
            if not flight.doomed:
                self.link.counts.resent += 1
                self._again(flight.first, flight.count)
        self._flights.clear()

    def _restart(self) -> None:
        self._forget_flights()
        self._resume()
        self._silences = 0
        self._heard = time.monotonic()


class Asking(Pipeline):
    """Presents samples without teaching them."""

    def __init__(self, link: Link) -> None:
        super().__init__(link, 0)
        self._bodies: list[bytes] = []
        self._largest = 0
        self.epoch = link.epoch

    def _take(self, item: bytes) -> None:
        self._bodies.append(bytes([SampleKind.PACKED]) + item)
        self._largest = frame_size(HEADER + 1 + len(item))

    def _frame(self) -> int:
        return self._largest

    def _request(self, first: int, count: int) -> tuple[Kind, bytes]:
        return Kind.INFER, self._bodies[first]

    def _answered(self, flight: _Flight, answer: Answer) -> None:
        if answer.status != Reason.OK:
            raise RefusedError(answer)
        if answer.epoch != self.link.epoch:
            raise RestartedError
        if flight.first >= self._next:
            self._results[flight.first] = read_result(answer.body)

    def _resume(self) -> None:
        if self.link.request(Kind.HELLO).epoch != self.link.epoch:
            raise RestartedError


class RestartedError(DeviceError):
    """The device's learned state is not the one that was asked about."""

    def __init__(self) -> None:
        super().__init__("the device has restarted meanwhile: ask again")


class Teaching(Pipeline):
    """Teaches samples in order, each exactly once.

    Parameters
    ----------
    journal : what the device may have to be taught again; everything taught is added.
    size : bytes of a sample.
    batch : samples in a request, at most: more of them cost fewer bytes, but answers come later.
    """

    def __init__(self, link: Link, journal: Journal, size: int, batch: int = 1) -> None:
        super().__init__(link, journal.end)
        self._learned = journal.end  # where the device is, as far as is known
        self._journal = journal
        self._size = size
        self._batch = min(batch, batch_limit(link, size))

    def _is_done(self) -> bool:
        return super()._is_done() and self._learned >= self._end

    def _is_open(self) -> bool:
        # A lost answer can be had again as long as the device has not learned too much since.
        number = self._todo[0] if self._todo else self._end
        last = self._next + self.link.hello.remembered
        return number + self._batch <= last and super()._is_open()

    def _needs(self, number: int) -> bool:
        # What was answered has to be taught again all the same after a restart.
        return number >= self._learned or super()._needs(number)

    def _take(self, item: tuple[int, bytes]) -> None:
        self._journal.items.append(item)

    def _room(self, first: int) -> int:
        return self._batch

    def _frame(self) -> int:
        if self._batch == 1:
            return frame_size(HEADER + LEARN.size + LABEL.size + 1 + self._size)
        return frame_size(HEADER + BATCH.size + self._batch * (LABEL.size + self._size))

    def _request(self, first: int, count: int) -> tuple[Kind, bytes]:
        at = first - self._journal.start
        items = self._journal.items[at : at + count]
        if self._batch == 1:
            label, sample = items[0]
            head = LEARN.pack(first & 0xFFFFFFFF) + LABEL.pack(label)
            return Kind.LEARN, head + bytes([SampleKind.PACKED]) + sample
        body = b"".join(LABEL.pack(label) + sample for label, sample in items)
        return Kind.LEARN_BATCH, BATCH.pack(first & 0xFFFFFFFF, count, SampleKind.PACKED) + body

    def _answered(self, flight: _Flight, answer: Answer) -> None:
        if answer.status == Reason.OK:
            self._note(flight.first, self._read(flight, answer))
        elif answer.status == Reason.FORGOTTEN:
            self._note(flight.first, [forgotten()] * flight.count)
        elif answer.status == Reason.GAP:
            if not flight.doomed:
                self._gap(flight, answer.number)
        elif answer.status == Reason.EPOCH:
            self._restart()
        else:
            raise RefusedError(answer)

    @staticmethod
    def _read(flight: _Flight, answer: Answer) -> list[NDArray[Any]]:
        if answer.kind == Kind.LEARN:
            return [read_result(answer.body)]
        results = read_results(answer.body, flight.count)
        unknown = [forgotten()] * (flight.count - len(results))
        return [*unknown, *(results[k : k + 1] for k in range(len(results)))]

    def _note(self, first: int, results: list[NDArray[Any]]) -> None:
        self._learned = max(self._learned, first + len(results))
        for position, result in enumerate(results, first):
            if position >= self._next:
                known = self._results.get(position)
                if known is None or known["prediction"][0] == FORGOTTEN:
                    self._results[position] = result

    def _gap(self, flight: _Flight, learned: int) -> None:
        """Go back to where the device is: what is still under way comes too early as well."""
        self.link.counts.gaps += 1
        self._back_to(learned)
        for later in self._flights.values():
            if not later.doomed:
                later.doomed = True

    def _back_to(self, learned: int) -> None:
        if learned < self._journal.start:
            raise LostSamplesError(learned, self._journal.start)
        if learned > self._end:
            raise DeviceError(
                f"the device has learned {learned} samples, but this host taught it only up to "
                f"{self._end}: somebody else teaches it as well"
            )
        self._learned = learned
        for position in range(learned, self._end):
            self._put(position)
        for position in range(self._next, learned):  # learned, but the answer was lost
            if position not in self._results:
                self._put(position)

    def resume(self) -> None:
        """Find out where the device is, and what it has to be taught again."""
        self._restart()

    def _resume(self) -> None:
        before = self.link.epoch
        hello = self.link.refresh()
        if self.link.epoch != before:
            self.link.counts.reboots += 1
            self.link.event(f"the device restarted with {hello.learned} samples learned")
        self._back_to(hello.learned)


def batch_limit(link: Link, size: int) -> int:
    """Return how many samples a request may hold for a second one to be under way meanwhile."""
    hello = link.hello
    payload = min(hello.max_payload, hello.window // 2 - frame_size(0))
    fitting = (payload - HEADER - BATCH.size) // (LABEL.size + size)
    return max(min(fitting, hello.batch, hello.remembered // 2), 1)
