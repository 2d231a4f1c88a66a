"""Frames survive whatever is around them, and samples their packing."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_naca.core import RESULT
from edge_naca.host.chaos import Chaos, Faults
from edge_naca.host.framing import LONGEST, Decoder, encode_frame, frame_size
from edge_naca.host.messages import (
    TAUGHT,
    Answer,
    Hello,
    Kind,
    ProtocolError,
    Stats,
    pack_request,
    read_results,
)
from edge_naca.host.packing import pack_codes, unpack_codes

PAYLOADS = st.lists(st.binary(min_size=1, max_size=600), max_size=8)


@given(PAYLOADS, st.data())
def test_frames_come_out_however_they_are_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(encode_frame, payloads))
    decoder = Decoder()
    got = []
    while stream:
        at = data.draw(st.integers(1, len(stream)))
        got += decoder.feed(stream[:at])
        stream = stream[at:]
    assert got == payloads
    assert (decoder.frames, decoder.damaged) == (len(payloads), 0)


@given(st.binary(min_size=1, max_size=3000))
def test_frame_is_as_long_as_announced(payload: bytes) -> None:
    frame = encode_frame(payload)
    assert len(frame) <= frame_size(len(payload))
    assert frame.index(0) == len(frame) - 1


@given(st.binary(max_size=500), st.binary(min_size=1, max_size=100))
def test_garbage_costs_at_most_one_frame(garbage: bytes, payload: bytes) -> None:
    decoder = Decoder()
    decoder.feed(garbage)
    got = [*decoder.feed(encode_frame(payload)), *decoder.feed(encode_frame(payload))]
    assert got[-1] == payload
    assert decoder.feed(b"\0" + encode_frame(payload)) == [payload]


@given(st.binary(min_size=1, max_size=100), st.data())
def test_any_flipped_bit_is_noticed(payload: bytes, data: st.DataObject) -> None:
    frame = encode_frame(payload)
    bit = data.draw(st.integers(0, len(frame) * 8 - 1))
    damaged = bytearray(frame)
    damaged[bit // 8] ^= 1 << bit % 8
    assert payload not in Decoder().feed(bytes(damaged) + b"\0")


def test_endless_noise_is_not_kept() -> None:
    decoder = Decoder()
    for _ in range(40):
        assert decoder.feed(b"x" * 10_000) == []
    assert len(decoder._rest) <= LONGEST + 1
    assert decoder.feed(b"\0" + encode_frame(b"well")) == [b"well"]


def test_text_for_people_may_share_the_line() -> None:
    decoder = Decoder()
    assert decoder.feed(b"booting...\r\n\0" + encode_frame(b"frame")) == [b"frame"]
    assert decoder.damaged == 1


def test_frame_is_as_documented() -> None:
    payload = b"\x01\0\x05\0\0\0\0\0"
    body = payload + zlib.crc32(payload).to_bytes(4, "little")
    frame = encode_frame(payload)
    assert Decoder().feed(frame) == [payload]
    assert len(frame) == len(body) + 2


@given(st.integers(1, 8), st.integers(1, 40), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_codes_survive_packing(bits: int, inputs: int, count: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 2**bits, (count, inputs)).astype(np.uint8)
    packed = pack_codes(codes, bits)
    assert packed.shape == (count, -(-inputs * bits // 8))
    assert (unpack_codes(packed, inputs, bits) == codes).all()


def test_first_code_is_in_the_lowest_bits() -> None:
    codes = np.array([[1, 2, 3]], np.uint8)
    assert pack_codes(codes, 4).tolist() == [[0x21, 0x03]]
    assert pack_codes(codes, 3).tolist() == [[0b11010001, 0]]


def test_messages_are_read_as_they_are_written() -> None:
    flags = (True, False, True, True, True, False, True, False, True)
    hello = Hello(512, 2048, "1.2.3", *flags, 1, 2, 3, 4, 5, "board", 6, 7, 8, 9)
    assert Hello.unpack(hello.pack()) == hello
    assert Hello.unpack(hello.pack() + b"what a later version adds") == hello
    stats = Stats(*range(14))
    assert Stats.unpack(stats.pack() + b"more") == stats
    assert Answer.unpack(b"\x81\0\x05\0\x07\0\0\0body") == Answer(1, 0, 5, 7, b"body")
    assert Answer.unpack(pack_request(Kind(1), 5, 7)) is None
    assert Answer.unpack(b"short") is None


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"\x04\0" + bytes(60), "version 4 .*: update this edge-naca"),
        (b"\2\0", "version 2 .*: update the device's firmware"),
        (b"\x03\0", "HELLO has 2 bytes, not 61"),
    ],
)
def test_other_protocols_are_named(body: bytes, what: str) -> None:
    with pytest.raises(ProtocolError, match=what):
        Hello.unpack(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        TAUGHT.pack(5, 1),  # a result is missing
        TAUGHT.pack(5, 0) + bytes(RESULT.itemsize),  # a result that is not announced
        TAUGHT.pack(5, 3) + bytes(3 * RESULT.itemsize),  # more results than were asked for
    ],
)
def test_answers_to_batches_that_cannot_be(body: bytes) -> None:
    with pytest.raises(ProtocolError, match=f"the answer to a batch of 2 has {len(body)} bytes"):
        read_results(body, 2)
    assert len(read_results(TAUGHT.pack(5, 2) + bytes(2 * RESULT.itemsize), 2)) == 2


# ---- bad lines ---------------------------------------------------------------------------------


def test_chaos_is_read_from_text() -> None:
    chaos = Chaos.parse("lose=1%, double=0.02,cut=5000,seed=7")
    assert chaos == Chaos(lose=0.01, double=0.02, cut=5000, seed=7)
    assert Chaos.parse("") == Chaos()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("warp=1", "there is no 'warp'"),
        ("lose", "lose needs a number, not ''"),
        ("lose=x%", "lose needs a number, not 'x%'"),
        ("lose=nan", "lose is a share"),
        ("lose=100%", "lose is a share"),
        ("cut=1.5", "cut needs a number"),
        ("cut=inf", "cut needs a number"),
        ("cut=-1", "cut at least 0"),
        ("delay=100", "delay is in 0"),
    ],
)
def test_wrong_chaos_is_named(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Chaos.parse(text)


def test_chaos_repeats_and_keeps_its_shares() -> None:
    frames = [encode_frame(bytes([1, number % 255 + 1])) for number in range(20_000)]
    outcomes = []
    for _ in range(2):
        faults = Faults(Chaos(lose=0.01, damage=0.01, double=0.01, split=0.1, merge=0.1, seed=5))
        for frame in frames:
            faults.feed(frame)
        faults.release()
        outcomes.append((faults.take(), faults.lost, faults.damaged, faults.doubled))
    assert outcomes[0] == outcomes[1]
    assert all(140 < count < 260 for count in outcomes[0][1:])


@given(PAYLOADS, st.integers(0, 9))
def test_splitting_and_merging_alone_change_nothing(payloads: list[bytes], seed: int) -> None:
    faults = Faults(Chaos(split=0.5, merge=0.5, seed=seed))
    stream = b"".join(map(encode_frame, payloads))
    for byte in stream:
        faults.feed(bytes([byte]))
    faults.release()
    assert b"".join(faults.take()) == stream
