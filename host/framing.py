"""Frames on a byte stream: docs/protocol.md, section 1."""

from __future__ import annotations

import re
import zlib

from cobs import cobs

CRC = 4
END = b"\0"
PIECE = re.compile(rb"[^\0]+")
LONGEST = 1 << 17  # of a frame on the wire: more without an end is noise, and is not kept


def encode_frame(payload: bytes) -> bytes:
    """Return a payload as it goes over the wire, closed by a zero byte."""
    return cobs.encode(payload + zlib.crc32(payload).to_bytes(CRC, "little")) + END


def frame_size(payload: int) -> int:
    """Return how many bytes a payload of so many takes on the wire, at most."""
    size = payload + CRC
    return size + size // 254 + 2


class Decoder:
    """Takes bytes in any pieces and returns the payloads of the frames that are whole.

    Everything else is dropped and counted: whatever came, the next zero byte starts afresh.

    Attributes
    ----------
    frames : frames received whole.
    damaged : pieces between zero bytes that were no frame: damaged ones, and text for people.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.damaged = 0
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the payloads that they complete."""
        self._rest += data
        end = self._rest.rfind(END) + 1
        # One by one: a line full of zero bytes must not become a list of as many pieces.
        pieces = (match.group() for match in PIECE.finditer(self._rest, 0, end))
        payloads = [payload for piece in pieces if (payload := self._payload(piece))]
        # What has become too long stays too long until its end comes, without being kept.
        self._rest = self._rest[end : end + LONGEST + 1]
        return payloads

    def restart(self) -> None:
        """Forget an unfinished frame: after the line was cut, its end will not come."""
        self._rest.clear()

    def _payload(self, piece: bytes) -> bytes | None:
        try:
            data = cobs.decode(piece) if len(piece) <= LONGEST else b""
        except cobs.DecodeError:
            data = b""
        payload, crc = data[:-CRC], data[-CRC:]
        if not payload or zlib.crc32(payload) != int.from_bytes(crc, "little"):
            self.damaged += 1
            return None
        self.frames += 1
        return payload
