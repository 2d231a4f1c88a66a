"""A bad line on purpose: loses, doubles, damages, delays, splits and merges what passes, seeded.

For tests, and for trying out what a setting does when the cable is bad (``--chaos``).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from edge_naca.host.transport import LinkLostError, Transport

END = b"\0"
HELP = (
    "lose, double, damage: share of frames; drop, flip: share of bytes; delay: seconds; split: "
    "share of frames handed over in pieces; merge: share held back to come with the next; "
    "cut: frames between two cuts of the connection; seed"
)


@dataclass(frozen=True)
class Chaos:
    """What a bad line does.

    Parameters
    ----------
    lose, double, damage : share of frames lost, sent twice, and with one bit flipped.
    drop, flip : share of bytes lost, and with one bit flipped.
    split : share of frames that arrive in pieces, in separate reads.
    merge : share of frames held back until the next one comes, or nothing else does.
    delay : seconds that frames take longer, at most.
    cut : frames after which the connection is cut, again and again; 0 never.
    seed : of everything random.
    """

    lose: float = 0.0
    double: float = 0.0
    damage: float = 0.0
    drop: float = 0.0
    flip: float = 0.0
    split: float = 0.0
    merge: float = 0.0
    delay: float = 0.0
    cut: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("lose", "double", "damage", "drop", "flip", "split", "merge"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"chaos: {name} is a share, 0 .. below 1")
        if not 0 <= self.delay <= 60 or self.cut < 0:
            raise ValueError("chaos: delay is in 0 .. 60 seconds, cut at least 0")

    @classmethod
    def parse(cls, text: str) -> Chaos:
        """Read ``lose=1%,double=0.01,cut=5000,seed=7``.

        Raises
        ------
        ValueError
            If there is no such fault, or a value is no number.
        """
        known = {field.name: field.type for field in fields(cls)}
        values: dict[str, Any] = {}
        for part in filter(None, text.replace(" ", "").split(",")):
            name, _, value = part.partition("=")
            if name not in known:
                raise ValueError(f"chaos: there is no {name!r}; there are {', '.join(known)}")
            try:
                number = float(value[:-1]) / 100 if value.endswith("%") else float(value)
                if known[name] == "int" and number != int(number):
                    raise ValueError
            except (ValueError, OverflowError) as error:
                raise ValueError(f"chaos: {name} needs a number, not {value!r}") from error
            values[name] = int(number) if known[name] == "int" else number
        return cls(**values)


class Faults:
    """One direction of a bad line.

    Attributes
    ----------
    lost, doubled, damaged : frames to which that happened.
    noisy : frames of which single bytes were lost or damaged.
    passed : frames that came in.
    """

    def __init__(self, chaos: Chaos, salt: int = 0) -> None:
        self.lost = self.doubled = self.damaged = self.noisy = self.passed = 0
        self._chaos = chaos
        self._random = random.Random(chaos.seed * 2 + salt)
        self._part = bytearray()
        self._held = bytearray()
        self._ready: list[tuple[float, bytes]] = []  # when, what; in order

    def feed(self, data: bytes) -> None:
        """Take bytes in."""
        *frames, rest = (bytes(self._part) + data).split(END)
        self._part = bytearray(rest)
        for frame in frames:
            self._frame(frame + END)

    def take(self) -> list[bytes]:
        """Return the pieces that have arrived by now; each would be one read."""
        now = time.monotonic()
        pieces = []
        while self._ready and self._ready[0][0] <= now:
            pieces.append(self._ready.pop(0)[1])
        return pieces

    def unread(self, pieces: list[bytes]) -> None:
        """Give back what was taken and not used."""
        self._ready[:0] = [(0.0, piece) for piece in pieces]

    def wait(self) -> float | None:
        """Return the seconds until something arrives, None if nothing is on its way."""
        return max(self._ready[0][0] - time.monotonic(), 0.0) if self._ready else None

    def release(self) -> None:
        """Let what was held back arrive."""
        if self._held:
            self._ready.append((time.monotonic(), bytes(self._held)))
            self._held.clear()

    def clear(self) -> None:
        """Lose everything on its way: the connection was cut."""
        self._part.clear()
        self._held.clear()
        self._ready.clear()

    def _hit(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def _frame(self, frame: bytes) -> None:
        chaos = self._chaos
        self.passed += 1
        if self._hit(chaos.lose):
            self.lost += 1
            return
        if self._hit(chaos.damage):
            self.damaged += 1
            frame = self._flip(frame, self._random.randrange(len(frame)))
        if self._hit(chaos.double):
            self.doubled += 1
            frame += frame
        if chaos.drop or chaos.flip:
            whole, frame = frame, self._noise(frame)
            self.noisy += frame != whole
        frame = bytes(self._held) + frame
        self._held.clear()
        if self._hit(chaos.merge):
            self._held += frame
            return
        pieces = [frame]
        if len(frame) > 1 and self._hit(chaos.split):
            at = self._random.randrange(1, len(frame))
            pieces = [frame[:at], frame[at:]]
        for piece in pieces:
            when = time.monotonic() + chaos.delay * self._random.random() if chaos.delay else 0.0
            # Nothing overtakes on a line.
            when = max(when, self._ready[-1][0]) if self._ready else when
            self._ready.append((when, piece))

    def _flip(self, frame: bytes, at: int) -> bytes:
        flipped = frame[at] ^ 1 << self._random.randrange(8)
        return frame[:at] + bytes([flipped]) + frame[at + 1 :]

    def _noise(self, frame: bytes) -> bytes:
        at = 0
        while at < len(frame):
            if self._hit(self._chaos.drop):
                frame = frame[:at] + frame[at + 1 :]
                continue
            if self._hit(self._chaos.flip):
                frame = self._flip(frame, at)
            at += 1
        return frame


class BadLine:
    """A line that misbehaves whoever uses it: it goes on counting when it is opened again.

    Attributes
    ----------
    there, back : what happens to frames on the way to the device, and back.
    cuts : how often the connection was cut.
    """

    def __init__(self, chaos: Chaos) -> None:
        self.chaos = chaos
        self.there, self.back = Faults(chaos, 0), Faults(chaos, 1)
        self.cuts = 0

    def over(self, connect: Callable[[], Transport]) -> Callable[[], Transport]:
        """Return what opens the same line with faults in it."""
        return lambda: ChaosTransport(connect(), self)

    def due(self) -> bool:
        """Tell whether the connection is to be cut now, and note that it was."""
        if not self.chaos.cut or self.there.passed < (self.cuts + 1) * self.chaos.cut:
            return False
        self.cuts += 1
        self.there.clear()
        self.back.clear()
        return True


class ChaosTransport(Transport):
    """A transport with faults in it."""

    def __init__(self, inner: Transport, line: BadLine) -> None:
        self._inner = inner
        self._line = line

    def write(self, data: bytes) -> None:
        self._line.there.feed(data)
        if self._line.due():
            self._inner.close()
            raise LinkLostError("the connection was cut, as chaos wanted")
        self._deliver()

    def read(self, timeout: float) -> bytes:
        end = time.monotonic() + timeout
        while True:
            self._deliver()
            pieces = self._line.back.take()
            if pieces:
                # One read returns one piece; the rest is there at once for the next.
                self._line.back.unread(pieces[1:])
                return pieces[0]
            left = end - time.monotonic()
            if left <= 0:
                self._line.there.release()
                self._line.back.release()
                return b""
            waits = [w for w in (self._line.there.wait(), self._line.back.wait()) if w is not None]
            self._line.back.feed(self._inner.read(min([left, *waits])))

    def close(self) -> None:
        self._inner.close()

    def _deliver(self) -> None:
        for piece in self._line.there.take():
            self._inner.write(piece)
