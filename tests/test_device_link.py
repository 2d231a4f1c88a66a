"""The device's end of the link (firmware/link): docs/protocol.md, sentence by sentence."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cobs import cobs
from hypothesis import example, given
from hypothesis import strategies as st
from wire import (
    IMAGE,
    NETWORK,
    OTHER_IMAGE,
    SESSION,
    SMALL,
    Answer,
    Wire,
    answers,
    batch_body,
    chunks,
    frame,
    learn_body,
    pack,
    request,
    result_bytes,
    samples,
)

from edge_naca import image
from edge_naca._device import ffi, lib
from edge_naca.core import Core
from edge_naca.host.virtual import VirtualDevice
from edge_naca.network import Preparation
from edge_naca.presets import competitive

NEEDS_EPOCH = [3, 4, 7, 9, 0xA, 0xC, 0xD, 0xE, 0x10, 0x11, 0x12, 0x14, 0x15, 0x16, 0x18, 0x19]
NEEDS_IMAGE = [2, 3, 4, 6, 7, 8, 9, 0x10, 0x11, 0x12, 0x14, 0x15, 0x16, 0x17, 0x18]
REQUESTS = [kind for kind in range(1, 0x1A) if kind != 5]
XS, YS = samples(40)


def body_of(kind: int) -> bytes:
    """Return a body that a request of this kind may have on a new device."""
    return {
        2: bytes([lib.NACA_CODES]) + XS[0].tobytes(),
        3: learn_body(0, XS[0], 0),
        4: batch_body(0, XS[:3], [0, 1, 2]),
        6: struct.pack("<IH", 0, 16),
        7: struct.pack("<II", 16, 0) + bytes(16),
        0xA: b"\1",
        0xC: struct.pack("<II", len(IMAGE), 1),
        0xD: struct.pack("<I", 0) + bytes(16),
        0xF: struct.pack("<IH", 0, 16),
        0x10: struct.pack("<II", SESSION, 0),
        0x11: struct.pack("<IIHBB", 0, 0, 0xFFFF, 1, 1) + bytes(8),
        0x12: struct.pack("<IHBI", 0, 0xFFFF, 1, 0),
        0x13: struct.pack("<IH", 0, 4),
        0x14: struct.pack("<IIB", SESSION, 0, 2),
        0x15: struct.pack("<II", SESSION, 0),
        0x16: struct.pack("<IIH", SESSION, 0, 0),
        0x17: struct.pack("<IH", 0, 9),
        0x19: bytes(25),
    }.get(kind, b"")


# ---- COBS ------------------------------------------------------------------------------------


def encode(data: bytes) -> bytes:
    out = ffi.new("uint8_t[]", len(data) + len(data) // 254 + 1)
    size = lib.naca_cobs_encode(data, len(data), out)
    return bytes(ffi.buffer(out, size))


def decode(data: bytes) -> bytes | None:
    buffer = ffi.new("uint8_t[]", data + b"\7" * 300)  # what follows must not be looked at
    size = lib.naca_cobs_decode(buffer, len(data))
    return None if size == 0xFFFFFFFF else bytes(ffi.buffer(buffer, size))


@pytest.mark.parametrize("run", [0, 1, 252, 253, 254, 255, 256, 507, 508, 509, 762, 763])
@pytest.mark.parametrize("tail", [b"", b"\0", b"\0\0", b"\0\1"])
def test_cobs_is_that_of_the_package_at_block_ends(run: int, tail: bytes) -> None:
    data = b"\7" * run + tail
    assert encode(data) == cobs.encode(data)
    assert decode(encode(data)) == data


@given(st.binary(max_size=600))
def test_cobs_is_that_of_the_package(data: bytes) -> None:
    assert encode(data) == cobs.encode(data)
    assert decode(encode(data)) == data


@given(st.binary(max_size=300))
@example(b"\0")
@example(b"\2")
@example(b"\3\1\0")
def test_decoding_refuses_what_the_package_refuses(data: bytes) -> None:
    try:
        expected = cobs.decode(data)
    except cobs.DecodeError:
        expected = None
    assert decode(data) == expected


@pytest.mark.parametrize("size", [128, 129, 255, 256, 509, 510, 511, 1024, 4096, 65535, 100_000])
def test_the_largest_payload_fits_whatever_its_bytes(size: int) -> None:
    payload = lib.naca_link_max_payload(size)
    for filling in (b"\0", b"\1"):
        encoded = len(cobs.encode(filling * (payload + 4)))
        assert encoded <= size
        assert payload == 65535 or filling == b"\0" or encoded >= size - 2


# ---- frames ----------------------------------------------------------------------------------


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_boot_says_hello_after_a_zero_byte() -> None:
    said = VirtualDevice(IMAGE, **SMALL).receive(b"")
    assert said[0] == 0
    (answer,) = answers(said)
    assert (answer.kind, answer.status, answer.tag) == (0x81, 0, 0xFFFF)
    assert answer.epoch != 0


@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
def test_frames_may_come_in_any_pieces(wire: Wire, pieces: int) -> None:
    stream = b"".join(request(8, tag=tag) for tag in range(20))
    got = b"".join(
        wire.device.receive(stream[at : at + pieces]) for at in range(0, len(stream), pieces)
    )
    assert [answer.tag for answer in answers(got)] == list(range(20))


GARBAGE = {
    "text": b"hello, this is a text for people\r\n\0",
    "zeros": bytes(500),
    "no COBS": b"\xff\xff\xff\0",
    "too long": b"\5" * 5000 + b"\0",
    "as long as the buffer": b"\1" * 2048 + b"\0",
    "one longer": b"\1" * 2049 + b"\0",
    "wrong CRC": cobs.encode(bytes(20)) + b"\0",
    "no header": frame(b"1234567"),
    "empty payload": frame(b""),
    "an answer": request(0x88),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_between_frames_costs_nothing(wire: Wire, garbage: bytes) -> None:
    got = answers(wire.device.receive(garbage + request(8, tag=1) + garbage + request(8, tag=2)))
    assert [answer.tag for answer in got] == [1, 2]


@given(st.binary(max_size=400))
def test_random_garbage_costs_at_most_the_next_frame(garbage: bytes) -> None:
    got = answers(Wire().device.receive(garbage + request(8, tag=1) + request(8, tag=2)))
    assert [answer.tag for answer in got][-1:] == [2]


def test_what_is_dropped_is_counted(wire: Wire) -> None:
    before = wire.want(0xB).numbers("5I4Q5I")
    for garbage in GARBAGE.values():
        wire.device.receive(garbage)
    wire.ask(5)
    after = wire.want(0xB).numbers("5I4Q5I")
    frames, damaged, overruns, too_long, refused = np.subtract(after, before)[:5]
    # Whole are the answer that came back, the refused one and the second STATS.
    assert (frames, damaged, overruns, too_long, refused) == (3, 6, 0, 2, 1)


def test_every_flip_and_every_cut_of_a_frame_is_noticed(wire: Wire) -> None:
    learn = request(3, learn_body(0, XS[0], 1), epoch=wire.epoch)
    for at, bit in itertools.product(range(len(learn)), range(8)):
        flipped = bytearray(learn)
        flipped[at] ^= 1 << bit
        assert wire.device.receive(bytes(flipped) + b"\0") == b""
    for at in range(len(learn) - 1):
        assert wire.device.receive(learn[:at] + b"\0") == b""
        # What stands before the cut is lost; what stands behind it is no whole frame either.
        assert at == 0 or wire.device.receive(learn[at:]) == b""
    assert wire.hash()[1] == 0
    assert [answer.status for answer in answers(wire.device.receive(learn + learn))] == [0, 0]
    assert wire.hash()[1] == 1


# ---- requests and refusals -------------------------------------------------------------------


def test_hello(wire: Wire) -> None:
    answer = wire.want(1)
    network_id, workspace = Core(NETWORK).network_id, SMALL["ram"]
    crc = image.checksum(IMAGE)
    version = (lib.NACA_VERSION_MAJOR, lib.NACA_VERSION_MINOR, lib.NACA_VERSION_PATCH)
    assert answer.numbers("HHI3BH5I16sHHII") == (
        (3, lib.naca_link_max_payload(2048), 16384, *version, 7 + 64, crc, network_id, 0, workspace)
        + (SMALL["image_room"], b"virtual".ljust(16, b"\0"), (2048 - 18) // 20, 256, SESSION, 0)
    )


@pytest.mark.parametrize("kind", [0, 5, 0x1A, 0x3F, 0x7F])
def test_unknown_requests_are_refused(wire: Wire, kind: int) -> None:
    assert wire.ask(kind, b"whatever").status == lib.NACA_LINK_UNKNOWN


@pytest.mark.parametrize("kind", range(1, 0x1A))
def test_requests_that_change_something_need_the_epoch(wire: Wire, kind: int) -> None:
    for off in (-1, 1, -wire.epoch):
        right = wire.epoch
        status = wire.ask(kind, body_of(kind), epoch=right + off).status
        assert (status == lib.NACA_LINK_EPOCH) == (kind in NEEDS_EPOCH)
        assert wire.epoch == right
    assert wire.hash() == Wire().hash()


@pytest.mark.parametrize("kind", range(1, 0x11))
def test_requests_that_run_the_network_need_an_image(kind: int) -> None:
    wire = Wire(None)
    answer = wire.ask(kind, body_of(kind))
    assert (answer.status == lib.NACA_LINK_NO_IMAGE) == (kind in [*NEEDS_IMAGE, 0xF])
    if answer.status == lib.NACA_LINK_NO_IMAGE:
        assert answer.numbers("i") == (lib.NACA_OK,)


def test_an_image_that_cannot_run_is_told_why() -> None:
    for broken, ram, reason in (
        (IMAGE[:-1] + bytes([IMAGE[-1] ^ 1]), 1 << 14, lib.NACA_ERR_CHECKSUM),
        (IMAGE, 64, lib.NACA_ERR_WORKSPACE),
    ):
        wire = Wire(broken, ram=ram)
        assert wire.want(1).body[11] & 1 == 0
        answer = wire.ask(2, body_of(2))
        assert (answer.status, *answer.numbers("i")) == (lib.NACA_LINK_NO_IMAGE, reason)


EXACT = {1: 0, 6: 6, 8: 0, 9: 0, 0xA: 1, 0xB: 0, 0xC: 8, 0xE: 0, 0xF: 6, 0x10: 8}


@pytest.mark.parametrize("kind", [kind for kind in REQUESTS if kind != 0x18])  # names: any bytes
def test_lengths(wire: Wire, kind: int) -> None:
    """No length is taken for another: every one but the right ones is refused."""
    body = body_of(kind)
    for length in range(len(body) + 40):
        answer = wire.ask(kind, (body + bytes(40))[:length])
        if kind in EXACT:
            assert (answer.status == lib.NACA_LINK_LENGTH) == (length != EXACT[kind])
        elif length != len(body):
            assert answer.status != lib.NACA_LINK_OK
    assert wire.hash()[1] == {3: 1, 4: 3}.get(kind, 0)


HOSTILE = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


@pytest.mark.parametrize("kind", [3, 4, 6, 7, 0xC, 0xD, 0xF, 0x10])
def test_hostile_numbers(wire: Wire, kind: int) -> None:
    body = body_of(kind)
    for at, number in itertools.product(range(max(len(body) - 3, 1)), HOSTILE):
        hostile = bytearray(body)
        hostile[at : at + 4] = struct.pack("<I", number)
        wire.ask(kind, bytes(hostile))
    wire.want(0xA, b"\2")
    assert wire.hash() == Wire().hash()


def test_infer_and_learn_are_the_core(wire: Wire) -> None:
    core = Core(NETWORK)
    for i, x in enumerate(XS):
        expected = core.infer_many(x[None], "codes").tobytes()
        assert wire.want(2, bytes([lib.NACA_CODES]) + x.tobytes()).body == expected
        assert wire.learn(i, x, int(YS[i])).body == result_bytes(core, x, int(YS[i]))
    assert wire.hash() == (core.state_hash(), len(XS))


@pytest.mark.parametrize("bits", range(1, 9))
def test_packed_codes(bits: int) -> None:
    network = competitive(13, 3, 4, bits=bits, drift=0.0)
    if bits == 8:
        network = replace(network, encoder=replace(network.encoder, kind="rate", steps=9))
    wire = Wire(image.encode(network, None))
    core = Core(network)
    codes = np.random.default_rng(bits).integers(0, 1 << bits, (30, 13), dtype=np.uint8)
    for i, x in enumerate(codes):
        packed = np.frombuffer(pack(x, bits), np.uint8)
        body = learn_body(i, packed, i % 3, lib.NACA_LINK_PACKED)
        assert wire.want(3, body).body == result_bytes(core, x, i % 3)
    first = [np.frombuffer(pack(x, bits), np.uint8) for x in codes[:5]]
    body = batch_body(30, first, [0, 1, 2, 0, 1], lib.NACA_LINK_PACKED)
    expected = b"".join(result_bytes(core, x, i % 3) for i, x in enumerate(codes[:5]))
    assert wire.want(4, body).body == struct.pack("<IH", 35, 5) + expected
    assert wire.hash()[0] == core.state_hash()


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 3])
def test_raw_samples_of_every_width(kind: int, count: int) -> None:
    width = ("<u1", "<i2", "<i4")[kind]
    network = competitive(Preparation((3, 5, 1), cell=1, signed=True), 3, 4)
    wire = Wire(image.encode(network, None))
    core = Core(network)
    raw = np.random.default_rng(kind).integers(0, 200, (count, 15)).astype(width)
    expected = core.learn_many(raw, list(range(count)))
    assert wire.want(4, batch_body(0, list(raw), range(count), kind)).body[6:] == expected.tobytes()
    one = struct.pack("<B", kind) + raw[0].tobytes()
    assert wire.want(2, one).body == core.infer_many(raw[:1]).tobytes()
    assert wire.ask(2, one[:-1]).status == lib.NACA_LINK_LENGTH


def test_events(wire: Wire) -> None:
    core = Core(NETWORK)
    events = np.array([[0, 1], [0, 3], [2, 0], [3, 15]], "<u2")
    body = learn_body(0, events, 1, lib.NACA_EVENTS)
    expected = core.learn(events, 1, "events")
    assert wire.want(3, body).numbers("ii3I")[2] == expected.spikes
    assert wire.hash()[0] == core.state_hash()
    assert wire.ask(3, body[:-1]).status == lib.NACA_LINK_LENGTH
    silence = core.infer(np.zeros((0, 2), np.uint16), "events")
    assert wire.want(2, bytes([lib.NACA_EVENTS])).numbers("ii3I")[2] == silence.spikes
    refused = wire.ask(4, batch_body(1, [events], [1], lib.NACA_EVENTS))
    assert refused.numbers("iI") == (lib.NACA_ERR_SAMPLE, 1)


def test_core_refusals_change_nothing(wire: Wire) -> None:
    wire.learn(0, XS[0], 0)
    before = wire.hash()
    for body, reason in (
        (learn_body(1, XS[0], 3), lib.NACA_ERR_LABEL),
        (learn_body(1, XS[0], 0xFFFF), lib.NACA_ERR_LABEL),
        (learn_body(1, XS[0] + 100, 0), lib.NACA_ERR_SAMPLE),
        (learn_body(1, XS[0], 0, lib.NACA_RAW_U8), lib.NACA_ERR_SAMPLE),
        (learn_body(1, XS[0], 0, 6), lib.NACA_ERR_SAMPLE),
        (learn_body(1, XS[0], 0, 255), lib.NACA_ERR_SAMPLE),
    ):
        answer = wire.ask(3, body)
        assert (answer.status, *answer.numbers("iI")) == (lib.NACA_LINK_CORE, reason, 1)
    assert wire.hash() == before


# ---- exactly once ----------------------------------------------------------------------------


def test_a_resent_sample_is_answered_from_memory(wire: Wire) -> None:
    first = [wire.learn(i, XS[i], int(YS[i])).body for i in range(10)]
    before = wire.hash()
    assert [wire.learn(i, XS[i], int(YS[i])).body for i in range(10)] == first
    assert wire.hash() == before
    gap = wire.learn(11, XS[0], 0)
    assert (gap.status, *gap.numbers("I")) == (lib.NACA_LINK_GAP, 10)
    assert wire.learn(10 + 0x7FFFFFFF, XS[0], 0).status == lib.NACA_LINK_GAP
    for position in (10 - 0x80000000, -1, 5):  # before the session, and where another was learned
        other = wire.learn(position, XS[0], 0)
        assert (other.status, *other.numbers("I")) == (lib.NACA_LINK_OTHER_ITEM, 10)
    assert wire.hash() == before


def test_old_answers_are_forgotten() -> None:
    wire = Wire(remembered=8)

    def statuses() -> list[int]:
        return [wire.learn(i, XS[i], int(YS[i])).status for i in range(20)]

    assert statuses() == [lib.NACA_LINK_OK] * 20
    assert statuses() == [lib.NACA_LINK_FORGOTTEN] * 12 + [lib.NACA_LINK_OK] * 8
    wire.want(9)
    wire.reboot()
    assert statuses() == [lib.NACA_LINK_FORGOTTEN] * 20
    assert wire.learn(20, XS[0], 0).status == lib.NACA_LINK_OK
    assert statuses() == [lib.NACA_LINK_FORGOTTEN] * 20


def test_batches_are_many_learns(wire: Wire) -> None:
    core = Core(NETWORK)
    expected = [result_bytes(core, x, int(y)) for x, y in zip(XS, YS, strict=True)]

    def ask(first: int, last: int) -> Answer:
        return wire.ask(4, batch_body(first, XS[first:last], YS[first:last].tolist()))

    def all_of(first: int, last: int, learned: int) -> bytes:
        return struct.pack("<IH", learned, last - first) + b"".join(expected[first:last])

    assert ask(0, 10).body == all_of(0, 10, 10)
    assert ask(0, 10).body == all_of(0, 10, 10)  # again
    assert ask(5, 15).body == all_of(5, 15, 15)  # half of it new
    assert ask(2, 4).body == all_of(2, 4, 15)
    assert ask(16, 20).numbers("I") == (15,)  # a gap
    assert wire.learn(15, XS[15], int(YS[15])).body == expected[15]
    assert ask(15, 40).body == all_of(15, 40, 40)
    assert wire.hash() == (core.state_hash(), 40)


def test_a_batch_ends_before_a_refused_sample(wire: Wire) -> None:
    labels = [0, 1, 2, 99, 1]
    answer = wire.ask(4, batch_body(0, XS[:5], labels))
    assert answer.status == lib.NACA_LINK_CORE
    assert answer.numbers("iI") == (lib.NACA_ERR_LABEL, 3)
    core = Core(NETWORK)
    expected = b"".join(result_bytes(core, x, y) for x, y in zip(XS[:3], labels, strict=False))
    assert wire.want(4, batch_body(0, XS[:3], labels[:3])).body[6:] == expected
    assert wire.hash() == (core.state_hash(), 3)


def test_batches_that_cannot_be(wire: Wire) -> None:
    assert wire.ask(4, batch_body(0, [], [])).status == lib.NACA_LINK_LENGTH
    assert wire.ask(4, batch_body(0, XS[:3], [0, 1, 2])[:-1]).status == lib.NACA_LINK_LENGTH
    large = Wire(remembered=2).ask(4, batch_body(0, XS[:3], [0, 1, 2]))
    assert (large.status, *large.numbers("I")) == (lib.NACA_LINK_TOO_LARGE, 2)


def test_a_batch_whose_answers_are_partly_forgotten_brings_the_rest() -> None:
    wire = Wire(remembered=4)
    expected = [wire.learn(i, XS[i], int(YS[i])).body for i in range(8)]
    body = wire.want(4, batch_body(2, XS[2:6], YS[2:6].tolist())).body
    assert body == struct.pack("<IH", 8, 2) + b"".join(expected[4:6])


def claim(wire: Wire, session: int, learned: int) -> Answer:
    return wire.ask(0x10, struct.pack("<II", session, learned))


def session_of(wire: Wire) -> tuple[int, int]:
    """Return the session that HELLO names, and where it began."""
    session, start = struct.unpack_from("<II", wire.want(1).body, 53)
    return session, start


def test_a_session_is_taken_over_by_who_knows_what_was_learned(wire: Wire) -> None:
    wire.learn(0, XS[0], 0)
    assert session_of(wire) == (SESSION, 0)
    unknowing = claim(wire, 7, 0)
    assert (unknowing.status, *unknowing.numbers("I")) == (lib.NACA_LINK_GAP, 1)
    nobody = claim(wire, 0, 1)
    assert nobody.status == lib.NACA_LINK_OTHER_SESSION
    assert nobody.numbers("II") == (SESSION, 1)
    assert session_of(wire) == (SESSION, 0)
    assert claim(wire, SESSION, 99).status == lib.NACA_LINK_OK  # it is already
    assert claim(wire, 7, 1).body == wire.want(1).body
    assert session_of(wire) == (7, 1)


def test_what_another_session_taught_is_refused_or_answered_from_memory(wire: Wire) -> None:
    first = wire.learn(0, XS[0], 0).body
    claim(wire, 7, 1)
    assert wire.learn(0, XS[0], 0).body == first  # learned, and remembered
    for position, x in ((1, XS[1]), (0, XS[1]), (5, XS[1]), (-1, XS[0])):
        refused = wire.learn(position, x, 0)
        assert refused.status == lib.NACA_LINK_OTHER_SESSION
        assert refused.numbers("II") == (7, 1)
    own = wire.ask(3, learn_body(0, XS[0], 0, session=7))
    assert own.status == lib.NACA_LINK_OTHER_ITEM
    assert wire.ask(3, learn_body(1, XS[0], 0, session=7)).status == lib.NACA_LINK_OK
    assert wire.hash()[1] == 2


@pytest.mark.parametrize("session", [0, 7])
def test_nobody_teaches_without_a_session(session: int) -> None:
    wire = Wire()
    wire.want(0xA, b"\1")
    assert session_of(wire) == (0, 0)
    refused = wire.ask(3, learn_body(0, XS[0], 0, session=session))
    assert (refused.status, *refused.numbers("II")) == (lib.NACA_LINK_OTHER_SESSION, 0, 0)
    batch = wire.ask(4, batch_body(0, XS[:2], [0, 1], session=session))
    assert batch.status == lib.NACA_LINK_OTHER_SESSION
    assert wire.hash()[1] == 0


@pytest.mark.parametrize("other", ["sample", "label", "kind", "session"])
def test_all_of_an_item_tells_it_from_others(wire: Wire, other: str) -> None:
    wire.learn(0, XS[0], 0)
    x = XS[0] ^ (other == "sample")
    kind = lib.NACA_RAW_U8 if other == "kind" else lib.NACA_CODES
    session = 7 if other == "session" else SESSION
    reasons = {"kind": lib.NACA_LINK_CORE, "session": lib.NACA_LINK_OTHER_SESSION}
    answer = wire.ask(3, learn_body(0, x, int(other == "label"), kind, session))
    assert answer.status == reasons.get(other, lib.NACA_LINK_OTHER_ITEM)
    assert wire.hash()[1] == 1


def test_a_session_is_saved_with_what_it_taught(wire: Wire) -> None:
    wire.learn(0, XS[0], 0)
    claim(wire, 7, 1)
    wire.want(9)
    wire.ask(3, learn_body(1, XS[1], 0, session=7))
    claim(wire, 8, 2)
    wire.device.reboot()
    wire.epoch = answers(wire.device.receive(b""))[0].epoch
    assert session_of(wire) == (7, 1)
    assert wire.hash()[1] == 1
    operations = wire.device.flash_operations
    claim(wire, 9, 1)
    wire.want(9)  # the state is the same, but whose it is has changed
    assert wire.device.flash_operations > operations
    wire.want(0xA, b"\0")
    assert session_of(wire) == (9, 1)
    assert write_all(wire, taught().save_state()).status == lib.NACA_LINK_OK
    assert session_of(wire) == (0, 0)
    claim(wire, 9, 30)
    wire.want(0xA, b"\2")
    assert session_of(wire) == (0, 0)


class Line:
    """A line that damages, loses and doubles frames, each with the same chance, both ways."""

    def __init__(self, device: VirtualDevice, chance: float, seed: int) -> None:
        self.device, self.chance = device, chance
        self.random = np.random.default_rng(seed)

    def _carry(self, frames: list[bytes]) -> bytes:
        out = []
        for data, fate in zip(frames, self.random.random(len(frames)), strict=True):
            if fate < self.chance:
                damaged = bytearray(data)
                damaged[self.random.integers(len(data))] ^= 1 << self.random.integers(8)
                out.append(bytes(damaged))
            elif fate >= 2 * self.chance:
                out.append(data * (2 if fate < 3 * self.chance else 1))
        return b"".join(out)

    def exchange(self, frames: list[bytes]) -> list[Answer]:
        """Return the answers that arrive whole."""
        back = self.device.receive(self._carry(frames))
        arrived = self._carry([piece + b"\0" for piece in back.split(b"\0") if piece])
        good = []
        for piece in arrived.split(b"\0"):
            try:
                payload = cobs.decode(piece)
            except cobs.DecodeError:
                continue
            if payload and zlib.crc32(payload) == 0x2144DF1C:
                good.append(frame(payload[:-4]))
        return answers(b"".join(good))


@pytest.mark.parametrize("batch", [1, 7])
def test_twenty_thousand_samples_over_a_bad_line(batch: int) -> None:
    count, under_way = 20_000, 32
    xs, ys = samples(count, seed=5)
    core = Core(NETWORK)
    expected = core.learn_many(xs, ys, "codes")
    wire = Wire()
    line = Line(wire.device, 0.01, seed=9)
    results: dict[int, bytes] = {}
    cuts = [count * k // 6 for k in range(1, 6)]

    def teach(at: int) -> bytes:
        if batch == 1:
            return request(3, learn_body(at, xs[at], ys[at]), tag=at % 65536, epoch=wire.epoch)
        body = batch_body(at, xs[at : at + batch], ys[at : at + batch].tolist())
        return request(4, body, tag=at % 65536, epoch=wire.epoch)

    base = 0
    while base < count:
        starts = range(base, min(base + under_way * batch, count), batch)
        frames = [teach(at) for at in starts]
        if cuts and base >= cuts[0]:  # the cable is pulled in mid-frame, and put back
            cuts.pop(0)
            wire.device.receive(frames[0][:20])
            wire.device.receive(b"\0")
            wire.hello()
        for answer in line.exchange(frames):
            assert answer.status in (lib.NACA_LINK_OK, lib.NACA_LINK_GAP)
            (at,) = (start for start in starts if start % 65536 == answer.tag)
            if answer.status == lib.NACA_LINK_OK:
                body = answer.body[6:] if batch > 1 else answer.body
                for k in range(len(body) // 20):
                    results[at + k] = body[20 * k : 20 * k + 20]
        while base in results:
            base += 1
    assert not cuts
    assert wire.hash() == (core.state_hash(), count)
    assert b"".join(results[i] for i in range(count)) == expected.tobytes()
    stats = wire.want(0xB).numbers("5I4Q5I")
    assert stats[5] == count  # presentations: none twice
    assert stats[1] > 0


def test_a_device_that_reboots_goes_on_from_what_was_saved() -> None:
    xs, ys = samples(500)
    core = Core(NETWORK)
    core.learn_many(xs, ys, "codes")
    wire = Wire()
    random = np.random.default_rng(3)
    at = 0
    while at < 500:
        assert wire.learn(at, xs[at], int(ys[at])).status == lib.NACA_LINK_OK
        at += 1
        if random.random() < 0.05:
            wire.want(9)
        if random.random() < 0.02:
            stale = request(3, learn_body(at, xs[0], 2), epoch=wire.epoch)
            wire.device.power_cut()
            wire.reboot()
            assert answers(wire.device.receive(stale))[0].status == lib.NACA_LINK_EPOCH
            at = wire.hash()[1]
    assert wire.hash() == (core.state_hash(), 500)


# ---- states ----------------------------------------------------------------------------------


def read_all(wire: Wire, kind: int, size: int = 100) -> bytes:
    data = b""
    while True:
        body = wire.want(kind, struct.pack("<IH", len(data), size)).body
        (total,) = struct.unpack_from("<I", body)
        assert 4 < len(body) <= 4 + size
        data += body[4:]
        if len(data) == total:
            return data


def taught(count: int = 30, seed: int = 0) -> Core:
    core = Core(NETWORK)
    core.learn_many(*samples(count, seed), "codes")
    return core


def write_all(wire: Wire, saved: bytes, size: int = 64) -> Answer:
    for at, chunk in chunks(saved, size):
        answer = wire.ask(7, struct.pack("<II", len(saved), at) + chunk)
        if answer.status:
            break
        assert answer.numbers("I") == (at + len(chunk),)
    return answer


@pytest.mark.parametrize("size", [1, 7, 16, 100, 65535])
def test_state_and_image_read(wire: Wire, size: int) -> None:
    core = Core(NETWORK)
    for i in range(20):
        wire.learn(i, XS[i], int(YS[i]))
        core.learn(XS[i], int(YS[i]), "codes")
    assert read_all(wire, 6, size) == core.save_state()
    assert read_all(wire, 0xF, size) == IMAGE


def test_reading_beyond_the_end_gives_nothing(wire: Wire) -> None:
    total = len(Core(NETWORK).save_state())
    wire.want(6, struct.pack("<IH", 0, 0))
    for beyond in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF - total):
        assert wire.want(6, struct.pack("<IH", total + beyond, 50)).numbers("I") == (total,)
    for beyond in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF - len(IMAGE)):
        read = wire.want(0xF, struct.pack("<IH", len(IMAGE) + beyond, 50))
        assert read.numbers("I") == (len(IMAGE),)
    assert len(wire.want(6, struct.pack("<IH", total - 1, 50)).body) == 5


def test_reading_a_state_that_changes_is_noticed(wire: Wire) -> None:
    tail = struct.pack("<IH", 16, 16)
    refused = wire.ask(6, tail)  # it has to begin at 0
    assert (refused.status, *refused.numbers("I")) == (lib.NACA_LINK_ORDER, 0)
    wire.want(6, struct.pack("<IH", 0, 16))
    wire.want(6, tail)
    wire.learn(0, XS[0], 0)
    assert wire.ask(6, tail).status == lib.NACA_LINK_ORDER
    wire.want(9)
    wire.want(6, struct.pack("<IH", 0, 16))
    wire.want(0xA, b"\0")  # as many samples learned, but another epoch
    assert wire.ask(6, tail).status == lib.NACA_LINK_ORDER


@pytest.mark.parametrize("size", [16, 48, 1024])
def test_state_write(wire: Wire, size: int) -> None:
    core = taught()
    before = wire.epoch
    assert write_all(wire, core.save_state(), size).status == lib.NACA_LINK_OK
    assert wire.epoch != before
    assert wire.hash() == (core.state_hash(), 30)
    wire.reboot()  # it was saved as well
    assert wire.hash() == (core.state_hash(), 30)
    assert wire.learn(30, XS[0], 1).body == result_bytes(core, XS[0], 1)  # norms are right too


def test_state_write_in_disorder(wire: Wire) -> None:
    saved = taught().save_state()
    total = len(saved)

    def put(at: int, size: int, data: bytes = saved) -> Answer:
        return wire.ask(7, struct.pack("<II", total, at) + data[at : at + size])

    def expects(answer: Answer, offset: int) -> None:
        assert (answer.status, *answer.numbers("I")) == (lib.NACA_LINK_ORDER, offset)

    expects(put(16, 16), 0)
    assert put(0, 32).status == 0
    expects(put(64, 32), 32)
    assert put(32, 32).status == 0
    expects(put(32, 32), 64)  # once more: it is there
    assert put(64, 17).status == lib.NACA_LINK_LENGTH
    assert put(64, 0).status == lib.NACA_LINK_LENGTH
    assert put(64, total, saved + bytes(99)).status == lib.NACA_LINK_LENGTH
    assert put(0, 0).status == lib.NACA_LINK_LENGTH
    assert put(64, 16).status == 0  # none of these did harm
    assert put(0, 16).status == 0  # from the start
    expects(put(80, 16), 16)
    wire.learn(0, XS[0], 0)
    wire.want(9)
    expects(put(16, 16), 0)  # the save took the place
    assert put(0, 16).status == 0
    wire.want(0xA, b"\0")
    expects(put(16, 16), 0)  # another epoch
    assert wire.hash()[1] == 1
    wire.reboot()
    assert wire.hash()[1] == 1
    assert write_all(wire, saved).status == 0
    assert wire.hash() == (taught().state_hash(), 30)


def test_a_first_chunk_that_is_repeated_costs_no_flash(wire: Wire) -> None:
    saved = taught().save_state()
    first = struct.pack("<II", len(saved), 0) + saved[:96]
    assert wire.want(7, first).numbers("I") == (96,)
    operations = wire.device.flash_operations
    for _ in range(20):
        assert wire.want(7, first).numbers("I") == (96,)
    assert wire.device.flash_operations == operations
    other = bytearray(first)
    other[40] ^= 1  # not the same chunk: the write begins anew
    assert wire.want(7, bytes(other)).numbers("I") == (96,)
    assert wire.want(7, first).numbers("I") == (96,)
    rest = wire.ask(7, struct.pack("<II", len(saved), 96) + saved[96:])
    assert rest.status == lib.NACA_LINK_OK
    assert wire.hash() == (taught().state_hash(), 30)


def test_saved_states_of_another_format_are_kept_until_they_are_given_up(tmp_path: Path) -> None:
    flash = tmp_path / "flash"
    Wire(flash_file=flash).device.close()
    with flash.open("r+b") as file:
        file.write(b"NSAV" + bytes(28))
    wire = Wire(flash_file=flash)
    wire.learn(0, XS[0], 0)
    for _ in range(2):
        refused = wire.ask(9)
        assert (refused.status, *refused.numbers("i")) == (10, lib.NACA_STORE_VERSION)
    wire.device.close()
    assert flash.read_bytes()[:32] == b"NSAV" + bytes(28)
    wire = Wire(flash_file=flash)
    wire.want(0xA, b"\2")
    wire.learn(0, XS[0], 0)
    assert wire.want(9).numbers("I") == (2,)  # giving up counts as a save


def test_damaged_and_foreign_states_are_refused(wire: Wire) -> None:
    wire.learn(0, XS[0], 0)
    wire.want(9)
    before = wire.hash()
    saved = taught().save_state()
    flipped = saved[:-1] + bytes([saved[-1] ^ 1])
    foreign = Core(competitive(16, 3, 4, seed=1)).save_state()
    for state, reason in (
        (flipped, lib.NACA_ERR_CHECKSUM),
        (foreign, lib.NACA_ERR_STATE),
        (b"XST1" + saved[4:], lib.NACA_ERR_STATE),
        (saved[:-4], lib.NACA_ERR_STATE),
        (saved + bytes(4), lib.NACA_ERR_STATE),
    ):
        answer = write_all(wire, state)
        assert (answer.status, *answer.numbers("iI")) == (lib.NACA_LINK_CORE, reason, 1)
        assert wire.hash() == before
        wire.reboot()
        assert wire.hash() == before


def test_without_flash_a_state_has_to_fit_one_frame() -> None:
    saved = taught().save_state()
    wire = Wire(state_room=0)
    assert wire.want(1).body[11] == 1 + 4 + 64
    refused = wire.ask(7, struct.pack("<II", len(saved), 0) + saved[:16])
    assert refused.status == lib.NACA_LINK_TOO_LARGE
    assert refused.numbers("I") == (lib.naca_link_max_payload(2048) - 16,)
    before = wire.epoch
    assert write_all(wire, saved, len(saved)).status == 0
    assert wire.epoch != before
    assert wire.hash() == (taught().state_hash(), 30)
    damaged = write_all(wire, saved[:-1] + b"\x77", len(saved))
    assert damaged.numbers("iI") == (lib.NACA_ERR_CHECKSUM, 30)
    unsaved = wire.ask(9)
    assert (unsaved.status, *unsaved.numbers("i")) == (10, lib.NACA_STORE_NONE)
    wire.want(0xA, b"\2")
    assert wire.hash()[1] == 0


def test_a_state_too_large_for_the_flash_is_refused() -> None:
    wire = Wire(image.encode(competitive(64, 16, 16), None), ram=1 << 17, image_room=1 << 15)
    assert wire.ask(9).numbers("i") == (lib.NACA_STORE_TOO_LARGE,)
    assert wire.want(0xB).numbers("5I4Q5I")[-5:] == (0, 0, 0, 0, 0)


def test_saving_twice_writes_once(wire: Wire) -> None:
    wire.learn(0, XS[0], 0)
    assert wire.want(9).numbers("I") == (1,)
    operations = wire.device.flash_operations
    assert wire.want(9).numbers("I") == (1,)
    wire.reboot()
    assert wire.want(9).numbers("I") == (1,)
    assert wire.device.flash_operations == operations
    wire.learn(1, XS[1], 0)
    assert wire.want(9).numbers("I") == (2,)
    assert wire.want(0xB).numbers("5I4Q5I")[-5:] == (2, 0, 1, 0, 0)


def test_what_was_never_saved_is_saved(wire: Wire) -> None:
    assert wire.want(9).numbers("I") == (1,)


def test_resets(wire: Wire) -> None:
    new, epochs = wire.hash(), {wire.epoch}
    wire.learn(0, XS[0], 0)
    wire.want(9)
    one = wire.hash()
    wire.learn(1, XS[1], 1)

    def reset(what: int) -> tuple[int, int]:
        answer = wire.want(0xA, bytes([what]))
        assert answer.body == wire.want(1).body
        assert answer.epoch not in epochs
        epochs.add(answer.epoch)
        return wire.hash()

    assert reset(0) == one
    assert reset(1) == new
    assert reset(0) == one
    assert reset(2) == new
    assert reset(0) == new
    assert wire.ask(0xA, b"\3").status == lib.NACA_LINK_UNKNOWN
    wire.reboot()
    assert wire.hash() == new


# ---- images ----------------------------------------------------------------------------------


def begin(wire: Wire, data: bytes, crc: int | None = None) -> int:
    crc = image.checksum(data) if crc is None else crc
    return int(wire.want(0xC, struct.pack("<II", len(data), crc)).numbers("I")[0])


def upload(wire: Wire, data: bytes, size: int = 128, crc: int | None = None) -> Answer:
    start = begin(wire, data, crc)
    for at, chunk in chunks(data, size):
        if at >= start:
            assert wire.want(0xD, struct.pack("<I", at) + chunk).numbers("I") == (at + len(chunk),)
    return wire.ask(0xE)


@pytest.mark.parametrize("size", [16, 240, 1024])
@pytest.mark.parametrize("first", [None, IMAGE])
def test_image_upload(first: bytes | None, size: int) -> None:
    wire = Wire(first)
    before = wire.epoch
    answer = upload(wire, OTHER_IMAGE, size)
    assert answer.status == lib.NACA_LINK_OK
    assert answer.epoch != before
    assert answer.body == wire.want(1).body
    assert read_all(wire, 0xF) == OTHER_IMAGE
    assert wire.hash()[0] == Core(OTHER_IMAGE).state_hash()
    assert upload(wire, IMAGE).status == lib.NACA_LINK_OK  # and back
    wire.reboot()
    assert read_all(wire, 0xF) == IMAGE
    assert wire.device.flash_misuses == 0


def test_an_upload_goes_on_where_it_stopped(wire: Wire) -> None:
    assert begin(wire, OTHER_IMAGE) == 0
    wire.want(0xD, struct.pack("<I", 0) + OTHER_IMAGE[:64])
    wire.device.receive(request(0xD, struct.pack("<I", 64) + OTHER_IMAGE[64:128])[:30] + b"\0")
    wire.want(0xA, b"\0")
    assert begin(wire, OTHER_IMAGE) == 64
    repeated = wire.ask(0xD, struct.pack("<I", 0) + OTHER_IMAGE[:64])
    assert (repeated.status, *repeated.numbers("I")) == (lib.NACA_LINK_ORDER, 64)
    assert wire.ask(0xE).numbers("I") == (64,)
    assert upload(wire, OTHER_IMAGE, 64).status == 0
    assert wire.ask(0xE).numbers("I") == (0,)  # nothing is under way any more


def test_another_image_starts_anew(wire: Wire) -> None:
    begin(wire, OTHER_IMAGE)
    wire.want(0xD, struct.pack("<I", 0) + OTHER_IMAGE[:64])
    assert begin(wire, OTHER_IMAGE, crc=1) == 0
    wire.want(0xD, struct.pack("<I", 0) + OTHER_IMAGE[:64])
    assert begin(wire, IMAGE) == 0
    assert begin(wire, OTHER_IMAGE) == 0
    for size in (17, 0, 1600):
        chunk = struct.pack("<I", 0) + OTHER_IMAGE.ljust(size, b"\0")[:size]
        assert wire.ask(0xD, chunk).status == lib.NACA_LINK_LENGTH
    assert upload(wire, OTHER_IMAGE).status == 0


def test_bad_images_leave_the_old_one(wire: Wire) -> None:
    wire.learn(0, XS[0], 0)
    wire.want(9)
    before = (wire.hash(), wire.epoch)
    flipped = OTHER_IMAGE[:-1] + bytes([OTHER_IMAGE[-1] ^ 1])
    small_ram = Wire(ram=Core(NETWORK).workspace_size)
    for on, data, crc, reason in (
        (wire, flipped, None, lib.NACA_ERR_CHECKSUM),
        (wire, b"XACA" + OTHER_IMAGE[4:], None, lib.NACA_ERR_MAGIC),
        (wire, OTHER_IMAGE + bytes(16), None, lib.NACA_ERR_TRUNCATED),
        (wire, OTHER_IMAGE, 5, lib.NACA_ERR_CHECKSUM),  # another one was announced
        (small_ram, OTHER_IMAGE, None, lib.NACA_ERR_WORKSPACE),
    ):
        answer = upload(on, data, crc=crc)
        assert (answer.status, answer.numbers("iI")[0]) == (lib.NACA_LINK_CORE, reason)
        assert on.ask(0xE).numbers("I") == (0,)
    assert (wire.hash(), wire.epoch) == before
    wire.reboot()
    assert wire.hash() == before[0]
    assert read_all(wire, 0xF) == IMAGE


def test_image_sizes_that_cannot_be(wire: Wire) -> None:
    for size in (SMALL["image_room"] + 1, 0xFFFFFFFF):
        answer = wire.ask(0xC, struct.pack("<II", size, 1))
        assert (answer.status, *answer.numbers("I")) == (8, SMALL["image_room"])
    for size in (0, 15):
        assert wire.ask(0xC, struct.pack("<II", size, 1)).status == lib.NACA_LINK_LENGTH


def test_a_saved_state_belongs_to_its_image(wire: Wire) -> None:
    """It comes back with its image, and is not seen under another one, of the same network too."""
    wire.learn(0, XS[0], 0)
    wire.want(9)
    saved = wire.hash()
    learned = image.encode(NETWORK, taught().state())
    for _ in range(2):
        assert upload(wire, learned).status == 0
        assert wire.hash() == (taught().state_hash(), 30)
        wire.reboot()
        assert wire.hash() == (taught().state_hash(), 30)
        assert upload(wire, OTHER_IMAGE).status == 0
        assert wire.hash()[1] == 0
        assert upload(wire, IMAGE).status == 0
        assert wire.hash() == saved


@pytest.mark.parametrize("what", ["image", "state"])
def test_power_cut_at_every_write_of_an_upload(what: str) -> None:
    """The old one or the new one, whole; and the upload then goes through."""
    saved = taught().save_state()

    def go(wire: Wire) -> Answer:
        return upload(wire, OTHER_IMAGE, 512) if what == "image" else write_all(wire, saved)

    def found(wire: Wire) -> tuple[int, int, bytes]:
        return (*wire.hash(), read_all(wire, 0xF))

    whole = Wire()
    old, start = found(whole), whole.device.flash_operations
    go(whole)
    new, end = found(whole), whole.device.flash_operations
    assert new != old
    seen = set()
    for cut in range(1, end - start + 1):
        wire = Wire(seed=cut)
        wire.device.power_cut(after=cut)
        with pytest.raises(ValueError, match="unpack"):  # no answer
            go(wire)
        assert not wire.device.powered
        wire.reboot()
        seen.add(found(wire))
        assert go(wire).status == 0
        assert found(wire) == new
        assert wire.device.flash_misuses == 0
    assert old in seen
    assert seen <= {old, new}


def test_power_cut_at_every_write_of_fifty_saves() -> None:
    """As tests/test_store.py, through the link: the state before the save, or that after it."""
    xs, ys = samples(50)
    core = Core(NETWORK)
    hashes = [core.state_hash()]
    saves = Wire()
    costs = []
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        core.learn(x, int(y), "codes")
        hashes.append(core.state_hash())
        before = saves.device.flash_operations
        saves.learn(i, x, int(y))
        saves.want(9)
        costs.append(saves.device.flash_operations - before)
    wire = Wire()
    old_ones = 0
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        for cut in range(1, costs[i] + 1):
            learned = wire.hash()[1]
            if learned == i:
                wire.learn(i, x, int(y))
            elif cut < costs[i]:
                break  # a cut in the last write of all left the new state
            wire.device.power_cut(after=cut)
            wire.device.receive(request(9, epoch=wire.epoch))
            assert not wire.device.powered
            wire.reboot()
            assert wire.hash() in ((hashes[i], i), (hashes[i + 1], i + 1))
            old_ones += wire.hash()[1] == i
        if wire.hash()[1] == i:
            wire.learn(i, x, int(y))
        wire.want(9)
        wire.reboot()
        assert wire.hash() == (hashes[i + 1], i + 1)
    assert old_ones >= sum(costs) - len(costs)  # all but those in the last write of a save
    assert wire.device.flash_misuses == 0


def test_one_place_for_images() -> None:
    """The old image stops when the new one begins, and does not come back by itself."""
    wire = Wire(image_places=1)
    wire.learn(0, XS[0], 0)
    wire.want(9)
    epoch, saved = wire.epoch, wire.hash()
    assert begin(wire, OTHER_IMAGE) == 0
    assert wire.epoch != epoch
    assert wire.ask(8).status == lib.NACA_LINK_NO_IMAGE
    wire.want(0xD, struct.pack("<I", 0) + OTHER_IMAGE[:64])
    wire.reboot()
    assert wire.ask(0xF, body_of(0xF)).status == lib.NACA_LINK_NO_IMAGE
    assert upload(wire, OTHER_IMAGE).status == 0
    assert wire.hash()[0] == Core(OTHER_IMAGE).state_hash()
    assert upload(wire, IMAGE).status == 0
    assert wire.hash() == saved
    assert wire.device.flash_misuses == 0


# ---- the virtual device ----------------------------------------------------------------------


def test_flash_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "flash"
    wire = Wire(flash_file=path)
    wire.learn(0, XS[0], 0)
    wire.want(9)
    saved = wire.hash()
    wire.learn(1, XS[1], 0)
    wire.device.close()
    for kept in (None, IMAGE):
        again = Wire(kept, flash_file=path)
        assert again.hash() == saved
        again.device.close()
    other = Wire(OTHER_IMAGE, flash_file=path)
    assert read_all(other, 0xF) == OTHER_IMAGE
    other.device.close()
    with pytest.raises(ValueError, match="choose another file"):
        Wire(flash_file=path, image_room=4096)


def test_virtual_devices_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="room for 4096"):
        VirtualDevice(bytes(4097), **(SMALL | {"image_room": 4096}))
    with pytest.raises(ValueError, match="NACA_ERR_BUFFER"):
        VirtualDevice(IMAGE, **SMALL, frame_size=100)
    with pytest.raises(ValueError, match="NACA_ERR_ARGUMENT"):
        VirtualDevice(IMAGE, **SMALL, remembered=3)
    with pytest.raises(ValueError, match="multiples of 4096"):
        VirtualDevice(IMAGE, **(SMALL | {"state_room": 100}))
    with pytest.raises(ValueError, match="1 to 15 bytes"):
        VirtualDevice(IMAGE, **SMALL, board="a name of sixteen")


def test_without_power_nothing_is_heard(wire: Wire) -> None:
    wire.device.power_cut()
    assert not wire.device.powered
    assert wire.device.receive(request(8)) == b""
    wire.reboot()
    assert wire.hash()[1] == 0


# ---- what a frame costs ----------------------------------------------------------------------


def test_payload_efficiency(record_property: Callable[[str, object], None]) -> None:
    codes = np.random.default_rng(0).integers(0, 256, (10, 196), dtype=np.uint8)
    for count, most in ((1, 1.135), (2, 1.085), (5, 1.045)):
        body = batch_body(0, codes[:count], [1] * count)
        body = learn_body(0, codes[0], 1) if count == 1 else body
        ratio = len(request(3, body, epoch=0x12345678)) / (196 * count)
        record_property(f"bytes_per_byte_in_batches_of_{count}", ratio)
        assert ratio <= most


def test_the_boards_stack_is_told() -> None:
    wire = Wire()
    used = ffi.callback("uint32_t(void *)", lambda user: 917)
    wire.device._device.config.stack_used = used
    wire.device._device.config.stack_size = 1024
    wire.reboot()
    assert wire.want(0xB).numbers("5I4Q5I")[-2:] == (917, 1024)
