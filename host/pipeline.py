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

from numpy.typing import NDArray

from edge_naca.host.device import DeviceError
from edge_naca.host.framing import LONGEST, frame_size
from edge_naca.host.link import (
    FAREWELL,
    GLANCE,
    RETRY,
    InterruptedLinkError,
    Link,
    NoAnswerError,
    RefusedError,
)
from edge_naca.host.messages import GREETING, HEADER, Answer, Kind, Reason, SampleKind, read_result
from edge_naca.host.transport import LinkLostError

MOST = 16  # requests under way at once: a loss makes all that follow come too early
RESTARTS = 20  # a device that restarts more often while nothing moves on has a fault
IDLE = 0.01  # seconds until a source that had nothing is asked again


@dataclass
class Flight:
    """A request under way."""

    first: int
    count: int
    size: int
    repeated: bool  # whether some of it was sent before
    doomed: bool = False  # known to come to nothing, yet its bytes still wait to be read


class Pipeline(ABC):
    """Keeps requests under way until every item has its answer."""

    def __init__(self, link: Link, first: int) -> None:
        self.link = link
        self._flights: dict[int, Flight] = {}
        self._results: dict[int, NDArray[Any]] = {}
        self._todo: list[int] = []
        self._waiting: set[int] = set()  # what is in _todo
        self._next = first  # the item to hand out next
        self._end = first
        self._sent = first  # what comes before has been sent at least once
        self._heard = time.monotonic()
        self._advanced = time.monotonic()  # when an item last got its answer, or none was waiting
        self._lost = self._advanced  # when the line was last lost
        self._silences = 0
        self._answers = self._restarts = 0  # since something moved on

    # ---- what a kind of pipeline adds --------------------------------------------------------

    @abstractmethod
    def _take(self, item: Any) -> None:
        """Keep an item, to be sent as number `_end`."""

    @abstractmethod
    def _request(self, first: int, count: int) -> tuple[Kind, bytes]:
        """Write the request for items."""

    @abstractmethod
    def _answered(self, flight: Flight, answer: Answer) -> None:
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
                if self._advanced < self._lost:
                    time.sleep(RETRY)  # lost again, and nothing has come of it
                self._lost = time.monotonic()
                self.link.reconnect()
                self._restart()
            self._be_patient()
            while self._next in self._results:
                yield self._results.pop(self._next)
                self._next += 1
                self._moved_on()

    def _moved_on(self) -> None:
        self._advanced = time.monotonic()
        self._answers = self._restarts = 0

    def _be_patient(self) -> None:
        """End it where nothing has moved on for too long, whatever the device says meanwhile."""
        now = time.monotonic()
        if self._is_done():
            self._moved_on()
        elif now - self._advanced > self.link.patience:
            if not self._answers:
                raise NoAnswerError(self.link.silence())
            raise NoAnswerError(
                f"{self.link.name} answers, but has learned or answered no sample for "
                f"{self.link.patience:g} s: reset the device, or check its firmware"
            )
        elif self.link.stop() and now - self._advanced > FAREWELL:
            raise InterruptedLinkError(f"stopped while {self.link.name} did not answer")

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

    def _drop_from(self, number: int) -> None:
        """Do not send this item or those that follow."""
        self._todo = [other for other in self._todo if other < number]
        heapq.heapify(self._todo)
        self._waiting = set(self._todo)

    def _wants_items(self) -> bool:
        return not self._todo or len(self._todo) < self._room(self._todo[0])

    def _is_open(self) -> bool:
        """Tell whether one more request fits into what the device can take unread."""
        if not self._flights:
            return True
        if len(self._flights) >= MOST:
            return False
        sent = sum(flight.size for flight in self._flights.values())
        return sent + self._frame() <= min(self.link.hello.window, LONGEST)

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
        repeated = first < self._sent
        self._sent = max(self._sent, first + count)
        try:
            tag, size = self.link.send(*self._request(first, count))
        except LinkLostError:
            self._again(first, count)
            raise
        self._flights[tag] = Flight(first, count, size, repeated)

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
                self._restarted()
            return
        now = time.monotonic()
        self._answers += 1
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

    def _restarted(self) -> None:
        """Begin again, since the device says that it has restarted."""
        self._restarts += 1
        if self._restarts > RESTARTS:
            raise DeviceError(
                f"{self.link.name} restarts all the time, or says so: check its power and firmware"
            )
        self._restart()

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

    def _answered(self, flight: Flight, answer: Answer) -> None:
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
