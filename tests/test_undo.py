"""Taking back: UNDO and ROLLBACK (docs/protocol.md, section 8), by wire, host and command."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from commands import call, failed, object_of
from hypothesis import given
from hypothesis import strategies as st
from serving import IMAGE, NETWORK, X, Y, connected, served, taught
from wire import HEARING, SESSION, SIGNED, SMALL, Wire, batch_body, samples

from edge_naca import image
from edge_naca._device import lib
from edge_naca.core import Core
from edge_naca.host.client import LinkDevice, OtherSessionError
from edge_naca.host.device import DeviceError
from edge_naca.host.journal import new_session
from edge_naca.host.link import RefusedError
from edge_naca.host.messages import HELLO, Kind, Reason
from edge_naca.host.virtual import VirtualDevice
from edge_naca.network import Network
from edge_naca.presets import competitive

OURS = 0xABCD
XS, YS = samples(12)
LAST, TO_MARK, MARK = 0, 1, 2


def undo(wire: Wire, what: int, learned: int, session: int = OURS) -> int:
    status = wire.ask(Kind.UNDO, struct.pack("<IIB", session, learned, what)).status
    assert isinstance(status, int)
    return status


def rollback(wire: Wire, learned: int) -> int:
    status = wire.ask(Kind.ROLLBACK, struct.pack("<II", OURS, learned)).status
    assert isinstance(status, int)
    return status


def session_of(wire: Wire) -> tuple[int, int]:
    told = HELLO.unpack(wire.hello().body)
    return told["session"], told["session_start"]


# A network whose inhibition is renewed on the way, contexts and priors among the state, 4-bit
# weights: all that a lesson can change.
NETWORKS = [competitive(16, 3, 4), SIGNED, competitive(16, 3, 4, weight_bits=4)]


@given(st.sampled_from(NETWORKS), st.integers(1, 12), st.integers(0, 2**31))
def test_a_lesson_taken_back_leaves_no_trace(network: Network, count: int, seed: int) -> None:
    """What follows is what it would have been, too: nothing that is derived is left behind."""
    wire = Wire(image.encode(network))
    rng = np.random.default_rng(seed)
    xs, ys = rng.integers(0, 16, (count + 1, 16), dtype=np.uint8), rng.integers(0, 3, count + 1)
    twin = Core(network)
    kind = lib.NACA_CODES
    for number in range(count):
        before = wire.hash()
        wire.want(Kind.LEARN_BATCH, batch_body(number, xs[number:][:1], ys[number:][:1], kind))
        assert wire.hash() != before
        assert undo(wire, LAST, number + 1) == 0
        assert wire.hash() == before == (twin.state_hash(), number)
        wire.claim()
        answer = wire.want(Kind.LEARN_BATCH, batch_body(number, xs[number:][:1], ys[number:][:1]))
        assert (
            answer.body[6:] == twin.learn_many(xs[number:][:1], ys[number:][:1], "codes").tobytes()
        )
    assert wire.hash() == (twin.state_hash(), count)


def test_one_lesson_and_of_a_batch_the_last() -> None:
    wire, twin = Wire(), Core(competitive(16, 3, 4))
    assert undo(wire, LAST, 0) == Reason.NOTHING
    wire.want(Kind.LEARN_BATCH, batch_body(0, XS[:5], YS[:5]))
    twin.learn_many(XS[:4], YS[:4], "codes")
    epoch = wire.epoch
    assert undo(wire, LAST, 5) == 0
    assert wire.epoch != epoch
    assert wire.hash() == (twin.state_hash(), 4)
    assert session_of(wire) == (OURS, 4)
    assert undo(wire, LAST, 4) == Reason.NOTHING
    assert wire.learn(4, XS[4], YS[4]).status == Reason.OTHER_SESSION  # who taught is told


def test_what_is_asked_for_is_checked() -> None:
    wire = Wire()
    wire.learn(0, XS[0], YS[0])
    before = wire.hash()
    assert undo(wire, LAST, 2) == Reason.GAP
    assert undo(wire, LAST, 0) == Reason.GAP
    assert undo(wire, LAST, 1, session=0) == Reason.OTHER_SESSION
    assert undo(wire, 3, 1) == Reason.UNKNOWN
    assert undo(wire, TO_MARK, 1) == Reason.NOTHING
    assert rollback(wire, 1) == Reason.NOTHING
    assert wire.hash() == before
    assert wire.learn(1, XS[1], 77).status == Reason.CORE
    assert undo(wire, LAST, 1) == Reason.NOTHING  # a lesson that was refused is none
    wire.reboot()
    assert undo(wire, LAST, 0) == Reason.NOTHING


def test_a_device_without_room_refuses_by_its_name() -> None:
    core = Core(competitive(16, 3, 4))
    state = len(core.state())
    for room, can in (
        (core.workspace_size + state, True),
        (core.workspace_size + state - 1, False),
    ):
        wire = Wire(**(SMALL | {"ram": room}))
        assert bool(wire.hello().body[11] & 64) == can
        wire.learn(0, XS[0], YS[0])
        assert (undo(wire, LAST, 1) == 0) == can
        if not can:
            answer = wire.ask(Kind.UNDO, struct.pack("<IIB", OURS, 1, MARK))
            assert (answer.status, *answer.numbers("I")) == (Reason.TOO_LARGE, state - 1)
            learned = core.learn(XS[0], int(YS[0]), "codes")
            assert wire.hash() == (core.state_hash(), 1), learned


def test_windows_of_a_signal_and_the_copy_do_not_meet() -> None:
    """The workspace is as small as both fit: what a window overwrote would show."""
    wide = Wire(image.encode(HEARING), ram=1 << 16)
    state = len(Core(HEARING).state())
    least = next(
        ram for ram in range(0, 1 << 14, 4)
        if Core(HEARING).workspace_size + state <= ram
        and bool((flags := Wire(image.encode(HEARING), ram=ram).hello().body[11]) & 16)
        and flags & 64
    )  # fmt: skip
    small = Wire(image.encode(HEARING), ram=least)
    read = np.random.default_rng(1).integers(-900, 900, (24, 2)).astype("<i2").tobytes()
    for wire in (wide, small):
        body = struct.pack("<IIHBB", SESSION, 5, 1, 1, 1) + read
        wire.want(Kind.SIGNAL, body)
        before = wire.hash()
        assert before[1] == 2
        assert undo(wire, LAST, 2) == 0
        assert wire.hash()[1] == 1
    assert wide.hash() == small.hash()


def test_a_mark_holds_however_much_comes() -> None:
    wire = Wire()
    wire.want(Kind.LEARN_BATCH, batch_body(0, XS[:3], YS[:3]))
    wire.want(Kind.SAVE)
    wire.learn(3, XS[3], YS[3])
    before, session = wire.hash(), session_of(wire)
    assert undo(wire, MARK, 4) == 0
    wire.claim(77)
    wire.want(Kind.LEARN_BATCH, batch_body(4, XS[4:9], YS[4:9], session=77))
    assert undo(wire, LAST, 9) == Reason.NOTHING
    assert undo(wire, TO_MARK, 4) == 0
    assert (wire.hash(), session_of(wire)) == (before, session)
    assert undo(wire, TO_MARK, 4) == Reason.NOTHING
    operations = wire.device.flash_operations
    assert wire.learn(4, XS[4], YS[4]).status == 0  # the session is still its own
    assert rollback(wire, 5) == 0
    assert wire.hash()[1] == 3
    assert wire.device.flash_operations == operations


def test_a_save_under_a_mark_is_noticed() -> None:
    wire = Wire()
    wire.learn(0, XS[0], YS[0])
    wire.want(Kind.SAVE)
    assert undo(wire, MARK, 1) == 0
    wire.learn(1, XS[1], YS[1])
    wire.want(Kind.SAVE)
    assert undo(wire, TO_MARK, 2) == 0
    before = wire.hash()
    wire.want(Kind.SAVE)  # not taken for one that is there already
    wire.reboot()
    assert wire.hash() == before


def test_back_to_the_latest_save() -> None:
    wire = Wire()
    wire.want(Kind.LEARN_BATCH, batch_body(0, XS[:3], YS[:3]))
    wire.want(Kind.SAVE)
    before = wire.hash()
    wire.want(Kind.LEARN_BATCH, batch_body(3, XS[3:9], YS[3:9]))
    assert rollback(wire, 8) == Reason.GAP
    assert rollback(wire, 9) == 0
    assert wire.hash() == before
    assert session_of(wire) == (OURS, 3)
    wire.want(Kind.SAVE)
    wire.reboot()
    assert wire.hash() == before


# ---- by the host ----------------------------------------------------------------------------


@pytest.fixture
def device() -> Iterator[LinkDevice]:
    with connected(VirtualDevice(IMAGE).receive) as found:
        yield found


def test_a_host_goes_on_after_taking_back(device: LinkDevice) -> None:
    device.learn_many(X[:9], Y[:9])
    device.undo()
    assert device.hash_at() == (taught(8).state_hash(), 8)
    device.save()
    device.learn_many(X[8:20], Y[8:20])
    assert device.hash() == taught(20).state_hash()
    device.rollback()
    device.learn_many(X[8:10], Y[8:10])
    assert device.hash_at() == (taught(10).state_hash(), 10)
    device.undo()
    with pytest.raises(RefusedError, match="no lesson to undo"):
        device.undo()


def test_who_teaches_meanwhile_does_not_teach_again_what_was_taken_back() -> None:
    virtual = VirtualDevice(IMAGE)
    with connected(virtual.receive) as one, connected(virtual.receive) as other:
        one.learn_many(X[:1], Y[:1])
        other.rejoin()
        other.undo()
        with pytest.raises(OtherSessionError):
            one.learn_many(X[1:2], Y[1:2])
        assert other.hash_at() == (taught(0).state_hash(), 0)


@pytest.mark.parametrize("cut", [False, True])
def test_an_answer_that_was_lost(cut: bool) -> None:
    """The request comes twice; the device takes back once, or has restarted and says so."""
    virtual = VirtualDevice(IMAGE)
    lost: list[bytes] = []

    def receive(data: bytes) -> bytes:
        answer = virtual.receive(data)
        if dropping and not lost and len(data) > 20:  # the request itself
            lost.append(answer)
            if cut:
                virtual.reboot()
            return b""
        return answer

    dropping = False
    with connected(receive) as device:
        device.learn_many(X[:5], Y[:5])
        device.save()
        device.learn_many(X[5:7], Y[5:7])
        dropping = True
        if cut:
            with pytest.raises(RefusedError, match="no lesson to undo"):
                device.undo()
            assert device.hello.learned == 5
        else:
            device.undo()
            assert device.hash_at() == (taught(6).state_hash(), 6)
    assert lost


def test_a_trial_leaves_all_as_it_was(device: LinkDevice) -> None:
    device.learn_many(X[:4], Y[:4])
    device.save()
    device.learn_many(X[4:7], Y[4:7])
    before, session = device.hash_at(), device.link.refresh().session
    with device.trial():
        device.learn_many(X[7:90], Y[7:90])
        assert device.hash() == taught(90).state_hash()
    assert (device.hash_at(), device.link.refresh().session) == (before, session)


def test_a_restart_ends_a_trial() -> None:
    virtual = VirtualDevice(IMAGE)
    with connected(virtual.receive) as device:
        device.learn_many(X[:4], Y[:4])
        with pytest.raises(DeviceError, match="restarted during a trial"), device.trial():
            virtual.reboot()
        assert device.hash_at()[1] == 0


def test_a_network_that_fills_the_ram_is_told() -> None:
    ram = Core(NETWORK).workspace_size
    with connected(VirtualDevice(IMAGE, ram=ram).receive) as device:
        device.learn_many(X[:4], Y[:4])
        assert not device.hello.undo
        with pytest.raises(RefusedError, match="cannot undo lessons: 0 bytes of its RAM are left"):
            device.undo()
        with pytest.raises(RefusedError, match="cannot undo"), device.trial():
            raise AssertionError("nothing is tried there")


# ---- by command -----------------------------------------------------------------------------


def test_commands(tmp_path: Path) -> None:
    virtual = VirtualDevice(IMAGE)
    with connected(virtual.receive) as device:
        device.learn_many(X[:4], Y[:4])
        device.save()
        device.learn_many(X[4:7], Y[4:7])
    with served(virtual.receive, "tcp") as port:
        told = object_of("undo", port)
        assert told["state_hash"] == f"{taught(6).state_hash():08x}"
        assert "no lesson to undo" in failed(1, "undo", port)
        assert "Aborted" in call("rollback", port, text="n\n").output
        assert object_of("rollback", port, "--yes")["learned"] == 4
        assert "4 samples learned" in call("rollback", port, "--yes").output
        assert object_of("reset", port, "--forget", "saved", "--yes")["learned"] == 0
        assert "saved nothing" in failed(1, "rollback", port, "--yes")


def test_sessions_are_never_0() -> None:
    assert all(new_session() for _ in range(99))
