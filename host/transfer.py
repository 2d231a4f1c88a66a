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


def _number(value: int) -> bytes:
    return value.to_bytes(NUMBER, "little")


def _chunk(link: Link, head: int) -> int:
    """Return how many bytes to write at once, behind so many others."""
    return (link.hello.max_payload - HEADER - head) // GRAIN * GRAIN


def _ignore(done: int, total: int) -> None:
    """Report progress to nobody."""


def read(link: Link, kind: Kind, progress: Progress = _ignore) -> bytes:
    """Fetch what the device holds: STATE_READ or IMAGE_READ.

    What changes on the device meanwhile begins anew.
    """
    most = min(link.hello.max_payload - HEADER - NUMBER, LARGEST_READ)
    for _ in range(TRIES):
        data = bytearray()
        total, epoch = 1, -1
        while len(data) < total:
            request = _number(len(data)) + most.to_bytes(2, "little")
            try:
                answer = link.request(kind, request)
            except RefusedError as error:
                if error.status != Reason.ORDER:
                    raise
                break
            total = answer.number
            if epoch not in (-1, answer.epoch) or len(answer.body) <= NUMBER < total:
                break
            epoch = answer.epoch
            data += answer.body[NUMBER:]
            progress(len(data), total)
        else:
            return bytes(data[:total])
    raise DeviceError(f"{link.name} changes what it holds while it is read: try again")


def write_state(link: Link, saved: bytes, progress: Progress = _ignore) -> None:
    """Make the device take over a saved state; the epoch changes."""
    room = _chunk(link, 2 * NUMBER)
    offset = 0
    for _ in range(TRIES):
        try:
            while offset < len(saved):
                head = _number(len(saved)) + _number(offset)
                try:
                    answer = link.request(Kind.STATE_WRITE, head + saved[offset : offset + room])
                except RefusedError as error:
                    if error.status != Reason.ORDER or error.number == offset:
                        raise
                    offset = error.number
                    continue
                offset = answer.number
                progress(offset, len(saved))
            break
        except RefusedError as error:
            if error.status != Reason.EPOCH:
                raise
            # Restarted, or the answer to the last piece was lost: the hash tells.
            link.refresh()
            offset = 0
            if link.request(Kind.HASH).number == zlib.crc32(saved[SAVED_STATE.size :]):
                break
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
            _chunks(link, image, begin.number, progress)
            link.adopt(link.request(Kind.IMAGE_END))
        except RefusedError as error:
            if error.status != Reason.EPOCH:
                raise
            # Restarted, or the answer to IMAGE_END was lost: HELLO tells.
            link.adopt(link.request(Kind.HELLO))
        if link.hello.image_crc == crc:
            return link.hello
    raise ProtocolError(f"{link.name} restarts whenever it is given this image")


def _chunks(link: Link, image: bytes, offset: int, progress: Progress) -> None:
    room = _chunk(link, NUMBER)
    progress(offset, len(image))
    while offset < len(image):
        try:
            piece = image[offset : offset + room]
            offset = link.request(Kind.IMAGE_CHUNK, _number(offset) + piece).number
        except RefusedError as error:
            if error.status != Reason.ORDER or error.number == offset:
                raise
            offset = error.number
        progress(offset, len(image))
