"""What a program says for people on the line on which it speaks to the host."""

from __future__ import annotations

from collections import deque

from edge_naca.host.framing import Decoder
from edge_naca.host.transport import Transport

END = b"\0"
LONGEST = 1 << 12  # bytes that are kept of what has no end yet
FEWEST = 4  # characters of a text: fewer are what noise, or half a frame, looks like
MOST = 30  # lines that are kept, the latest


class Heard:
    """Text between frames, such as a greeting or the report of a fault; the latest of it."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: deque[str] = deque(maxlen=MOST)

    def feed(self, data: bytes) -> None:
        """Take what has come over the line."""
        *pieces, rest = (self._rest + data).split(END)
        self._rest = rest[-LONGEST:]
        for piece in pieces:
            if not Decoder().feed(piece + END):
                self._lines += _lines(piece)

    def text(self) -> str:
        """Return the text, a line for each that was said; frames and noise are left out."""
        return "\n".join([*self._lines, *_lines(self._rest)][-MOST:])


def _lines(piece: bytes) -> list[str]:
    # What is no ASCII becomes U+FFFD, which is printable, but no character that a program sends.
    lines = piece.decode("ascii", "replace").splitlines()
    return [line for line in lines if len(line) >= FEWEST and line.isascii() and line.isprintable()]


class Listening(Transport):
    """A line, listened to.

    Parameters
    ----------
    line : the line.
    heard : is told all that comes over it.
    """

    def __init__(self, line: Transport, heard: Heard) -> None:
        self._line = line
        self._heard = heard

    def write(self, data: bytes) -> None:
        self._line.write(data)

    def read(self, timeout: float) -> bytes:
        data = self._line.read(timeout)
        self._heard.feed(data)
        return data

    def close(self) -> None:
        self._line.close()
