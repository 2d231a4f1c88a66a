"""Teaching many samples over a line, in order, each exactly once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import RESULT
from edge_naca.host.framing import frame_size
from edge_naca.host.journal import (
    WRAP,
    Journal,
    OtherSessionError,
    unwrap,
)
from edge_naca.host.link import Link, RefusedError
from edge_naca.host.messages import (
    BATCH,
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
from edge_naca.host.pipeline import Flight, Pipeline

FORGOTTEN = -2  # prediction of a sample that was learned, but whose answer nobody remembers


def forgotten() -> NDArray[Any]:
    """Return what stands for an answer that is lost: `core.RESULT` with prediction FORGOTTEN."""
    result = np.zeros(1, RESULT)
    result["prediction"] = FORGOTTEN
    return result


class Teaching(Pipeline):
    """Teaches samples in order, each exactly once.

    Parameters
    ----------
    journal : what the device may have to be taught again; everything taught is added.
    size : bytes of a sample.
    batch : samples in a request, at most: more of them cost fewer bytes, but answers come later.
    """

    def __init__(self, link: Link, journal: Journal, size: int, batch: int = 1) -> None:
        journal.begin(link)
        super().__init__(link, journal.end)
        self._learned = journal.end  # where the device is, as far as is known
        self._furthest = self._learned  # since it last restarted
        self._journal = journal
        self._size = size
        self._batch = min(batch, batch_limit(link, size))
        self._foreign: int | None = None  # the first sample that was refused for another session
        self._certain = True  # whether it is known that this one was not learned

    def _is_done(self) -> bool:
        return super()._is_done() and self._learned >= self._end

    def _is_open(self) -> bool:
        # A lost answer can be had again as long as the device has not learned too much since.
        number = self._todo[0] if self._todo else self._end
        last = self._next + self.link.hello.remembered
        return number + self._batch <= last and super()._is_open()

    def _wants_items(self) -> bool:
        return self._foreign is None and super()._wants_items()

    def _needs(self, number: int) -> bool:
        if self._foreign is not None and number >= self._foreign:
            return False
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
        session = self._journal.session
        at = first - self._journal.start
        items = self._journal.items[at : at + count]
        if self._batch == 1:
            label, sample = items[0]
            head = LEARN.pack(session, first % WRAP) + LABEL.pack(label)
            return Kind.LEARN, head + bytes([SampleKind.PACKED]) + sample
        body = b"".join(LABEL.pack(label) + sample for label, sample in items)
        head = BATCH.pack(session, first % WRAP, count, SampleKind.PACKED)
        return Kind.LEARN_BATCH, head + body

    def _answered(self, flight: Flight, answer: Answer) -> None:
        if answer.status == Reason.OK:
            self._note(flight.first, self._read(flight, answer))
        elif answer.status == Reason.FORGOTTEN:
            self._note(flight.first, [forgotten()] * flight.count)
        elif answer.status == Reason.GAP:
            if not flight.doomed:
                self._gap(answer.number)
        elif answer.status == Reason.EPOCH:
            self._restarted()
        elif answer.status in (Reason.OTHER_SESSION, Reason.OTHER_ITEM):
            self._refused_for_another(flight, answer)
        else:
            if answer.status == Reason.LOCKED:  # not to be learned when somebody unlocks it
                del self._journal.items[self._learned - self._journal.start :]
            raise RefusedError(answer)

    @staticmethod
    def _read(flight: Flight, answer: Answer) -> list[NDArray[Any]]:
        if answer.kind == Kind.LEARN:
            return [read_result(answer.body)]
        results = read_results(answer.body, flight.count)
        unknown = [forgotten()] * (flight.count - len(results))
        return [*unknown, *(results[k : k + 1] for k in range(len(results)))]

    def _note(self, first: int, results: list[NDArray[Any]]) -> None:
        self._learned = max(self._learned, first + len(results))
        if self._learned > self._furthest:
            self._furthest = self._learned
            self._moved_on()
        for position, result in enumerate(results, first):
            if position >= self._next:
                known = self._results.get(position)
                if known is None or known["prediction"][0] == FORGOTTEN:
                    self._results[position] = result

    def _gap(self, learned: int) -> None:
        """Go back to where the device is: what is still under way comes too early as well."""
        self.link.counts.gaps += 1
        learned = unwrap(learned, self._end)
        if learned < self._journal.start:
            self._restarted()  # nothing less explains it
            return
        self._back_to(learned)
        for later in self._flights.values():
            later.doomed = True

    def _refused_for_another(self, flight: Flight, answer: Answer) -> None:
        """Give up this sample and what follows; those before it still get their answers."""
        if answer.status == Reason.OTHER_SESSION and answer.number == 0:
            self._restarted()  # with the same epoch by accident
            return
        if flight.count > 1 and flight.repeated:  # some may have been learned: ask one by one
            self._batch = 1
            self._again(flight.first, flight.count)
            return
        at = flight.first
        if self._foreign is None or at < self._foreign:
            self._foreign = at
            learned = int.from_bytes(answer.body[4:8], "little")
            self._certain = (
                not flight.repeated
                or answer.status == Reason.OTHER_ITEM
                or unwrap(learned, at) - at <= self.link.hello.remembered
            )
            self._drop_from(at)

    def _be_patient(self) -> None:
        super()._be_patient()
        if self._foreign is not None and self._next >= self._foreign and not self._results:
            raise OtherSessionError(self.link.name, self._foreign, self._certain)

    def _back_to(self, learned: int) -> None:
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
        try:
            learned = self._journal.rejoin(self.link)
        except OtherSessionError as error:
            if self._next == self._end:
                raise
            raise OtherSessionError(self.link.name, self._next, certain=False) from error
        self._furthest = learned
        self._back_to(learned)


def batch_limit(link: Link, size: int) -> int:
    """Return how many samples a request may hold for a second one to be under way meanwhile."""
    hello = link.hello
    payload = min(hello.max_payload, hello.window // 2 - frame_size(0))
    fitting = (payload - HEADER - BATCH.size) // (LABEL.size + size)
    return max(min(fitting, hello.batch, hello.remembered // 2), 1)
