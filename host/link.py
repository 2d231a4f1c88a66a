"""Requests and answers over a line that may lose, damage and double them, or be cut."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge_naca.core import CoreError
from edge_naca.host.device import DeviceError
from edge_naca.host.framing import END, Decoder, encode_frame
from edge_naca.host.messages import (
    CHANGING,
    GREETING,
    LEAST_BODY,
    Answer,
    Hello,
    Kind,
    ProtocolError,
    Reason,
    pack_request,
)
from edge_naca.host.transport import FIRST_PATIENCE, LinkLostError, Transport

_logger = logging.getLogger(__name__)

FIRST_WAIT = 0.5  # seconds for an answer while it is not known how fast the device is
FIRST_SLOW_WAIT = 3.0  # the same for what erases flash, where a device may be deaf meanwhile
LEAST_WAIT, LONGEST_WAIT = 0.1, 8.0
GLANCE = 0.5  # seconds after which somebody who wants to stop is heard
SILENCE = 3.0  # seconds without an answer after which that is worth saying
FIRST_LONGEST_WAIT = 1.0  # nobody erases flash before HELLO, so ask again sooner
FAREWELL = 1.5  # seconds for an answer even then
RETRY = 0.2  # seconds between two attempts to open a port that is gone


ERASING = frozenset({Kind.SAVE, Kind.RESET, Kind.IMAGE_BEGIN, Kind.NAMES_WRITE, Kind.LOCK})

STORE_REASONS = {
    -2: "the learned state is larger than what it can keep; pull it instead",
    -3: "it does not take what is written; it may be worn out",
    -5: "it was built without memory for saved states; pull the state instead",
    -6: "it keeps states that another version of the firmware has saved: 'edge-naca reset PORT "
    "--forget saved' gives them up",
}

NOTHING = {
    Kind.UNDO: "there is no lesson to undo: only the last one can be, and only until the device "
    "restarts",
    Kind.ROLLBACK: "the device has saved nothing that this network learned: 'edge-naca reset PORT "
    "--forget learned' goes back to what its image brought",
}


class NoAnswerError(DeviceError):
    """The device does not answer."""


class InterruptedLinkError(DeviceError):
    """Somebody asked to stop while the line was down."""


class RefusedError(DeviceError):
    """The device refused a request; `status` and `number` say why."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.number = answer.number
        with contextlib.suppress(ValueError):
            self.status = Reason(answer.status)
        super().__init__(_refusal(answer))


def _refusal(answer: Answer) -> str:
    what = Kind(answer.kind).name
    number = int.from_bytes(answer.body[:4], "little", signed=True)
    if answer.status == Reason.NO_IMAGE:
        return "the device has no image to run: bring one with 'edge-naca push PORT IMAGE'"
    if answer.status == Reason.CORE:
        return f"the device's core refused {what}: {CoreError(number)}"
    if answer.status == Reason.STORE:
        why = STORE_REASONS.get(number, f"for reason {number}")
        return f"the device's memory failed at {what}: {why}"
    if answer.status == Reason.LOCKED:
        left = (
            f"{answer.number} wrong phrases are left until it is restarted"
            if answer.number
            else "too many wrong phrases were tried: restart it first"
        )
        if answer.kind == Kind.LOCK:
            return f"the device was locked with another phrase; {left}"
        return f"the device is locked and refuses {what}: 'edge-naca unlock PORT' opens it; {left}"
    if answer.status == Reason.NOTHING:
        return NOTHING[Kind(answer.kind)]
    if answer.status == Reason.TOO_LARGE and answer.kind == Kind.UNDO:
        return (
            f"the device cannot undo lessons: {answer.number} bytes of its RAM are left, and a "
            "copy of the learned state does not fit there. A smaller network leaves more"
        )
    if answer.status == Reason.TOO_LARGE and answer.kind == Kind.NAMES_WRITE:
        return f"the device has room for {answer.number} bytes of names only: take shorter ones"
    if answer.status == Reason.TOO_LARGE:
        return f"the device has room for {answer.number} bytes only"
    if answer.status == Reason.UNKNOWN:
        return f"the device does not know {what}: its firmware was built without"
    try:
        return f"the device refused {what}: {Reason(answer.status).name}"
    except ValueError:
        return f"the device refused {what} for the unknown reason {answer.status}"


@dataclass
class LineCounts:
    """What went over the line, and what went wrong on it."""

    bytes_sent: int = 0
    bytes_received: int = 0
    frames_sent: int = 0
    resent: int = 0
    timeouts: int = 0
    damaged: int = 0
    gaps: int = 0
    reconnects: int = 0
    reboots: int = 0

    @property
    def errors(self) -> int:
        """All that went wrong; none of it cost anything but time."""
        return self.resent + self.damaged + self.reconnects + self.reboots


class Pace:
    """How long to wait for an answer: learned from those that came, doubled when none comes.

    Parameters
    ----------
    first : seconds, as long as no answer has come.
    """

    def __init__(self, first: float) -> None:
        self._first = first
        self._slowest: float | None = None
        self._doubled = 1

    @property
    def wait(self) -> float:
        """Seconds of silence after which something must have been lost."""
        usual = self._first if self._slowest is None else max(4 * self._slowest, LEAST_WAIT)
        return min(usual * self._doubled, LONGEST_WAIT)

    def answered(self, seconds: float) -> None:
        """Note how long an answer took."""
        self._slowest = max(seconds, 0.98 * (self._slowest or 0.0))
        self._doubled = 1

    def silent(self) -> None:
        """Note that nothing came in time."""
        self._doubled = min(2 * self._doubled, 1024)


class Link:
    """A line to a device: knows its epoch, waits, repeats, and opens the line again when cut.

    Parameters
    ----------
    connect : opens the line.
    name : what to call the device in messages.
    patience : seconds for which to wait for a device that was there to come back.
    first_patience : the same, for a device that has not answered yet.
    """

    def __init__(
        self,
        connect: Callable[[], Transport],
        name: str,
        patience: float = 15.0,
        first_patience: float = FIRST_PATIENCE,
    ) -> None:
        self._connect = connect
        self.name = name
        self.patience = patience
        self._first_patience = first_patience
        self.counts = LineCounts()
        self.pace = Pace(FIRST_WAIT)
        self._slow_pace = Pace(FIRST_SLOW_WAIT)
        self.stop: Callable[[], bool] = lambda: False  # asked while waiting for a lost line
        self.event: Callable[[str], None] = lambda text: None  # told what happens to the line
        # Anywhere: answers to a host that was killed may still lie in a port's buffer.
        self._tag = secrets.randbelow(GREETING)
        self._decoder = Decoder()
        self._known = False  # whether it has ever answered
        self._transport: Transport | None = connect()
        try:
            self.hello, self.epoch = self._greet(first_patience)
            self._known = True
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the line; again does nothing."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    # ---- sending and receiving -------------------------------------------------------------

    def send(self, kind: Kind, body: bytes = b"", epoch: int | None = None) -> tuple[int, int]:
        """Send a request once; return its tag, and how many bytes it took."""
        self._tag = (self._tag + 1) % GREETING
        if epoch is None:
            epoch = self.epoch if kind in CHANGING else 0
        frame = encode_frame(pack_request(kind, self._tag, epoch, body))
        self._open().write(frame)
        self.counts.bytes_sent += len(frame)
        self.counts.frames_sent += 1
        _logger.debug("%s: %s, tag %d, %d bytes", self.name, kind.name, self._tag, len(frame))
        return self._tag, len(frame)

    def clear_line(self) -> None:
        """End what may be half sent: if a frame's end was lost, it would swallow the next one."""
        self._open().write(END)
        self.counts.bytes_sent += len(END)

    def receive(self, timeout: float) -> Iterator[Answer]:
        """Yield the answers that come next, none after `timeout` seconds of silence."""
        data = self._open().read(max(timeout, 0.0))
        self.counts.bytes_received += len(data)
        before = self._decoder.damaged
        payloads = self._decoder.feed(data)
        self.counts.damaged += self._decoder.damaged - before
        yield from filter(None, map(Answer.unpack, payloads))

    def request(self, kind: Kind, body: bytes = b"", patience: float | None = None) -> Answer:
        """Ask until there is an answer; the answer is OK.

        Raises
        ------
        RefusedError
            If the device refused, also because the epoch is no longer what it was.
        NoAnswerError, LinkLostError
            If no answer came in `patience` seconds.
        """
        end = time.monotonic() + (self.patience if patience is None else patience)
        lost = 0
        while True:
            try:
                answer = self._ask(kind, body, end)
                break
            except LinkLostError as error:
                lost += 1
                if self.stop():
                    raise InterruptedLinkError(f"stopped while {self.name} was away") from error
                if time.monotonic() > end:
                    raise
                if lost > 1:
                    time.sleep(RETRY)
                self.reconnect()
        if answer.status != Reason.OK:
            raise RefusedError(answer)
        if len(answer.body) < LEAST_BODY.get(kind, 0):
            raise ProtocolError(
                f"{self.name} answers {kind.name} with {len(answer.body)} bytes, not "
                f"{LEAST_BODY[kind]}: check its firmware"
            )
        return answer

    def _ask(self, kind: Kind, body: bytes, end: float) -> Answer:
        pace = self._slow_pace if kind in ERASING else self.pace
        tags: list[int] = []
        begin = time.monotonic()
        is_told = greeted = False
        while True:
            if tags:
                self.clear_line()
            tags.append(self.send(kind, body)[0])
            start = time.monotonic()
            wait = pace.wait if self._known else min(pace.wait, FIRST_LONGEST_WAIT)
            again = min(start + wait, end)
            while (now := time.monotonic()) < again:
                for answer in self.receive(min(again - now, GLANCE)):
                    if answer.tag in tags and answer.kind == kind:
                        took = 1e3 * (time.monotonic() - start)
                        _logger.debug(
                            "%s: %s answered with status %d after %.1f ms",
                            self.name,
                            kind.name,
                            answer.status,
                            took,
                        )
                        if len(tags) == 1:
                            pace.answered(time.monotonic() - start)
                        if is_told:
                            self.event(f"{self.name} answers again")
                        return answer
                    if answer.tag == GREETING and not self._known and not greeted:
                        greeted, again = True, now  # it has just started: ask what it did not hear
                if self.stop() and now - begin > FAREWELL:
                    raise InterruptedLinkError(f"stopped while {self.name} did not answer")
            if self._known and now - begin > SILENCE and not is_told:
                self.event(f"{self.name} does not answer: waiting for it")
                is_told = True
            pace.silent()
            self.counts.timeouts += 1
            if now >= end:
                raise NoAnswerError(self.silence())
            self.counts.resent += 1

    def silence(self) -> str:
        """Say that no answer has come, and what to do."""
        if self._known:
            return f"{self.name} has stopped answering: reset the device, or check the cable"
        if self.counts.bytes_received:
            return (
                f"something at {self.name} speaks, but not as an edge-naca device: check port, "
                "baud rate and firmware"
            )
        return (
            f"nothing at {self.name} answers as an edge-naca device: check port, baud rate "
            "and whether the firmware runs"
        )

    def _open(self) -> Transport:
        if self._transport is None:
            raise LinkLostError(f"{self.name} is not connected")
        return self._transport

    # ---- who is there ----------------------------------------------------------------------

    def _greet(self, patience: float) -> tuple[Hello, int]:
        """Ask who is there; begin with a zero byte, which ends whatever was half sent."""
        self._decoder.restart()
        self.clear_line()
        answer = self._ask(Kind.HELLO, b"", time.monotonic() + patience)
        if answer.status != Reason.OK:
            raise RefusedError(answer)
        return Hello.unpack(answer.body), answer.epoch

    def refresh(self) -> Hello:
        """Ask who is there now, and take over the epoch.

        Raises
        ------
        ProtocolError
            If the device runs another network than before.
        """
        answer = self.request(Kind.HELLO)
        self._same(Hello.unpack(answer.body))
        self.adopt(answer)
        return self.hello

    def adopt(self, answer: Answer) -> None:
        """Take over what an answer with the body of HELLO says."""
        self.hello, self.epoch = Hello.unpack(answer.body), answer.epoch

    def reconnect(self) -> None:
        """Open the line again, waiting until there is one."""
        self.close()
        self.counts.reconnects += 1
        self.event(f"lost {self.name}: waiting for it to come back")
        end = time.monotonic() + self.patience
        while True:
            try:
                self._transport = self._connect()
                left = end - time.monotonic()
                found, epoch = self._greet(max(min(self._first_patience, left), FIRST_WAIT))
                break
            except ProtocolError:
                self.close()
                raise
            except DeviceError as error:
                self.close()
                if self.stop():
                    raise InterruptedLinkError(f"stopped while {self.name} was away") from error
                if time.monotonic() >= end:
                    raise LinkLostError(
                        f"{self.name} did not come back in {self.patience:.0f} s: {error}"
                    ) from error
            time.sleep(RETRY)
        self._same(found)
        # The epoch stays what it was: who uses it has to notice that it changed, if it did.
        self.hello = found
        self.event(f"{self.name} is back" + ("" if epoch == self.epoch else ", after a restart"))

    def _same(self, found: Hello) -> None:
        if found.network_id != self.hello.network_id:
            raise ProtocolError(
                f"another device or another network answers at {self.name} now: "
                f"{found.network_id:08x} instead of {self.hello.network_id:08x}"
            )
