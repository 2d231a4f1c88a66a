"""Whom a device's learned state belongs to: sessions, and what a host has to teach again."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from edge_naca.host.device import DeviceError
from edge_naca.host.link import Link, RefusedError
from edge_naca.host.messages import SESSION, Kind, Reason

WRAP = 1 << 32  # positions go over the line modulo this


def unwrap(number: int, near: int) -> int:
    """Return the position that `number` stands for modulo 2^32: the one nearest to `near`."""
    half = WRAP // 2
    return near + (number - near + half) % WRAP - half


def new_session() -> int:
    """Draw the number of a session, never 0."""
    return 1 + secrets.randbelow(WRAP - 1)


class LostSamplesError(DeviceError):
    """The device went back further than this host remembers; `learned` says where it is."""

    def __init__(self, learned: int, start: int) -> None:
        self.learned = learned
        super().__init__(
            f"the device restarted with {learned} samples learned, but this host remembers only "
            f"those from {start} on: teach it again from there, or push a saved state"
        )


class OtherSessionError(DeviceError):
    """Somebody else has taught the device.

    Attributes
    ----------
    position : of the first sample that was not learned, None where there is no such sample.
    certain : whether it is known that it was not learned.
    """

    def __init__(self, name: str, position: int | None = None, certain: bool = True) -> None:
        self.position, self.certain = position, certain
        text = f"another host has taught {name} meanwhile"
        if position is not None:
            fate = "was not learned" if certain else "may have been learned or not"
            text += f": the sample at position {position} {fate}, those before it were"
        super().__init__(f"{text}. Open the device again to go on with what it knows now")


@dataclass
class Journal:
    """What the device was taught in this session and has not saved yet.

    Parameters
    ----------
    start : position of the first of the items. Positions count on beyond 2^32.
    items : label and sample of each.
    session : of this host.
    begun : whether the session was the device's.
    origin : position where the session began, and the hash of the state there.
    predecessor : the device's session before that, None where it is not known: the same state under
        another one is not a restart but somebody who has taken back what was taught.
    """

    start: int
    items: list[tuple[int, bytes]] = field(default_factory=list)
    session: int = field(default_factory=new_session)
    begun: bool = False
    origin: tuple[int, int] | None = None
    predecessor: int | None = None

    @property
    def end(self) -> int:
        """The next position."""
        return self.start + len(self.items)

    def saved(self, learned: int) -> None:
        """Forget what the device has saved."""
        del self.items[: learned - self.start]
        self.start = learned

    def begin(self, link: Link) -> None:
        """Make the session the device's, unless it is.

        Raises
        ------
        OtherSessionError
            If the device has learned what this host does not know of.
        """
        while not self.begun:
            state = self._state(link)
            if state[0] != self.end:
                raise OtherSessionError(link.name)
            predecessor = link.hello.session
            self.begun, self.origin = self._claim(link, state[0]), state
            self.predecessor = predecessor

    def rejoin(self, link: Link) -> int:
        """Return the position of the device, whose HELLO was asked for after a cut or a restart.

        Raises
        ------
        OtherSessionError
            If its state does not come from this session.
        LostSamplesError
            If it lacks samples that this host no longer has.
        """
        learned = self._same_session(link)
        if not self.begun:  # nothing was taught yet, so anything goes
            self.start = learned
        if learned < self.start:
            raise LostSamplesError(learned, self.start)
        if learned > self.end:
            raise OtherSessionError(link.name)
        return learned

    def give_up(self, link: Link) -> None:
        """Forget what the device has lost: go on where it is.

        Raises
        ------
        OtherSessionError
            If its state does not come from this session.
        """
        self.start = self._same_session(link)
        self.items.clear()

    def position(self, link: Link) -> int:
        """Return how many items the device has learned, whose state has to be of this session.

        Raises
        ------
        OtherSessionError
            If it is not.
        """
        return self._same_session(link)

    def learned_by_itself(self, learned: int) -> None:
        """Note that the device has learned windows: what it was taught before lies behind that."""
        self.start = learned
        self.items.clear()

    def _same_session(self, link: Link) -> int:
        """Return the position of the device, whose session is, or again becomes, this one."""
        while self.begun and link.hello.session != self.session:
            state = self._state(link)
            if state != self.origin or self.predecessor not in (None, link.hello.session):
                raise OtherSessionError(link.name)
            self._claim(link, state[0])
        return unwrap(link.hello.learned, self.end)

    def _state(self, link: Link) -> tuple[int, int]:
        answer = link.request(Kind.HASH)
        return unwrap(int.from_bytes(answer.body[4:8], "little"), self.end), answer.number

    def _claim(self, link: Link, learned: int) -> bool:
        """Ask for the session; False if the device has restarted meanwhile."""
        try:
            link.adopt(link.request(Kind.SESSION, SESSION.pack(self.session, learned % WRAP)))
        except RefusedError as error:
            if error.status == Reason.GAP:
                raise OtherSessionError(link.name) from error
            if error.status != Reason.EPOCH:
                raise
            link.refresh()
            return False
        return True
