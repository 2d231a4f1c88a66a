"""Images and learned states, piece by piece: a cut line costs only what was not yet over."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from edge_naca.host.device import DeviceError
from edge_naca.host.link import Link, RefusedError
from edge_naca.host.messages import HEADER, Hello, Kind, ProtocolError, Reason
from edge_naca.image import checksum
from edge_naca.image_records import SAVED_STATE

Progress = Callable[[int, int], None]  # bytes done, bytes in all

NUMBER = 4
GRAIN = 16  # chunks that are written are multiples of it
TRIES = 5  # a device that restarts more often than that while it is written to has a fault
LARGEST_READ = 0xFFFF
LEAST_READ = 64  # bytes that the smallest answer buffer has room for, or what is left


def _number(value: int) -> bytes:
    return value.to_bytes(NUMBER, "little")


def _ignore(done: int, total: int) -> None:
    """Report progress to nobody."""


def read(
    link: Link,
    kind: Kind,
    largest: int,
    progress: Progress = _ignore,
    *,
    begin: int = 0,
    end: int | None = None,
) -> bytes:
    """Fetch what the device holds: STATE_READ or IMAGE_READ.

    What changes on the device meanwhile begins anew.

    Parameters
    ----------
    largest : bytes that it may be, at most.
    begin, end : the part that is fetched, in bytes; of a state, all of it. None is its end.

    Raises
    ------
    ProtocolError
        If the device says that it is larger, or sends pieces that do not get on.
    """
    most = min(link.hello.max_payload - HEADER - NUMBER, LARGEST_READ)
    for _ in range(TRIES):
        data = bytearray()
        size, epoch = 1, -1
        while len(data) < size:
            length = most if end is None else min(most, end - begin - len(data))
            request = _number(begin + len(data)) + length.to_bytes(2, "little")
            try:
                answer = link.request(kind, request)
            except RefusedError as error:
                if error.status != Reason.ORDER:
                    raise
                break
            total, piece = answer.number, answer.body[NUMBER:]
            if total > largest:
                raise ProtocolError(
                    f"{link.name} wants to send {total} bytes at {kind.name}, where there are at "
                    f"most {largest}: check its firmware"
                )
            if epoch not in (-1, answer.epoch):
                break
            size = max((total if end is None else min(end, total)) - begin, 0)
            length = min(most, size - len(data))
            if not min(LEAST_READ, length) <= len(piece) <= length:
                raise ProtocolError(
                    f"{link.name} answers {kind.name} with {len(piece)} bytes, where {length} "
                    "are left or asked for: check its firmware"
                )
            epoch = answer.epoch
            data += piece
            progress(len(data), size)
        else:
            return bytes(data)
    raise DeviceError(f"{link.name} changes what it holds while it is read: try again")


def write_state(link: Link, saved: bytes, progress: Progress = _ignore) -> None:
    """Make the device take over a saved state; the epoch changes.

    Raises
    ------
    ProtocolError
        If the device restarts at every attempt, or asks for bytes that do not get on.
    RefusedError
        If the device refuses it.
    """
    for _ in range(TRIES):
        try:
            _write(link, Kind.STATE_WRITE, _number(len(saved)), saved, 0, progress)
            break
        except RefusedError as error:
            if error.status != Reason.EPOCH:
                raise
            # Restarted, or the answer to the last piece was lost: the hash tells.
            link.refresh()
            if link.request(Kind.HASH).number == zlib.crc32(saved[SAVED_STATE.size :]):
                break
    else:
        raise ProtocolError(f"{link.name} restarts whenever it is given this state")
    link.refresh()


def write_image(link: Link, image: bytes, progress: Progress = _ignore) -> Hello:
    """Bring an image to the device, going on where an earlier attempt for it stopped.

    Raises
    ------
    DeviceError
        If the image is too large; nothing was sent then.
    RefusedError
        If the device refuses it; the old image goes on there.
    """
    crc = checksum(image)
    if not link.hello.uploads:
        raise DeviceError(
            f"{link.name} takes no images over the line: build its firmware with this one"
        )
    over = len(image) - link.hello.flash_room
    if over > 0:
        raise DeviceError(
            f"the image is {over} bytes too large: it has {len(image)}, "
            f"{link.name} has room for {link.hello.flash_room}. Build its firmware with it, or "
            "with an image of the same network that has not learned, then use push --state"
        )
    for _ in range(TRIES):
        try:
            begin = link.request(Kind.IMAGE_BEGIN, _number(len(image)) + _number(crc))
            _write(link, Kind.IMAGE_CHUNK, b"", image, begin.number, progress)
            link.adopt(link.request(Kind.IMAGE_END))
        except RefusedError as error:
            if error.status != Reason.EPOCH:
                raise
            # Restarted, or the answer to IMAGE_END was lost: HELLO tells.
            link.adopt(link.request(Kind.HELLO))
        if link.hello.image_crc == crc:
            return link.hello
    raise ProtocolError(f"{link.name} restarts whenever it is given this image")


def _write(
    link: Link, kind: Kind, head: bytes, data: bytes, offset: int, progress: Progress
) -> None:
    """Send data from an offset on, in pieces, going back or ahead where the device says so."""
    room = (link.hello.max_payload - HEADER - len(head) - NUMBER) // GRAIN * GRAIN
    furthest, disorders = offset, 0
    progress(offset, len(data))
    while offset < len(data):
        piece = data[offset : offset + room]
        try:
            after = link.request(kind, head + _number(offset) + piece).number
            if after != offset + len(piece):
                disorders = TRIES
        except RefusedError as error:
            if error.status != Reason.ORDER:
                raise
            after = error.number
            disorders += 1
        if after > len(data) or disorders >= TRIES:
            raise ProtocolError(
                f"{link.name} asks for byte {after} after the {len(piece)} from {offset} on, of "
                f"{len(data)}, at {kind.name}: check its firmware"
            )
        offset = after
        if offset > furthest:
            furthest, disorders = offset, 0
        progress(offset, len(data))
