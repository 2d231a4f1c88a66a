"""Images and states go over piece by piece, whatever the device says in between."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from fake_device import FakeDevice
from serving import IMAGE, NETWORK, connected, taught

from edge_naca.core import RESULT, Core
from edge_naca.host.device import DeviceError
from edge_naca.host.link import RefusedError
from edge_naca.host.messages import (
    Hello,
    Kind,
    ProtocolError,
    Reason,
    read_result,
    read_results,
)
from edge_naca.image import encode
from edge_naca.presets import competitive

Said = tuple[int, bytes]
STATE = taught(40).save_state()
OTHER = encode(competitive(64, 10, 8))


def u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


class Scripted(FakeDevice):
    """A device whose answers to one kind of request are looked at, and changed, one by one.

    Parameters
    ----------
    kind : of request.
    change : takes how many of this kind were asked before, and what gives the honest answer;
        returns an answer.
    """

    def __init__(
        self, kind: Kind, change: Callable[[Scripted, int, Callable[[], Said]], Said]
    ) -> None:
        super().__init__(IMAGE, max_payload=120)
        self.asked = 0
        self._kind = kind
        self._change = change

    def _answer(self, kind: int, epoch: bytes, body: bytes) -> Said:
        if kind != self._kind:
            return super()._answer(kind, epoch, body)
        self.asked += 1
        honest = super()._answer
        return self._change(self, self.asked, lambda: honest(kind, epoch, body))

    def restart(self) -> Said:
        """Start anew before the request is looked at."""
        self.reboot()
        return Reason.EPOCH, b""


def once(number: int, said: Callable[[Scripted], Said], kind: Kind) -> Scripted:
    """Return a device that answers request `number` of a kind otherwise."""

    def change(device: Scripted, asked: int, honest: Callable[[], Said]) -> Said:
        return said(device) if asked == number else honest()

    return Scripted(kind, change)


def always(said: Said, kind: Kind) -> Scripted:
    return Scripted(kind, lambda device, asked, honest: said)


# ---- reading -----------------------------------------------------------------------------------


def test_a_state_that_changes_while_it_is_read_is_read_again() -> None:
    device = once(2, lambda device: (Reason.ORDER, u32(0)), Kind.STATE_READ)
    with connected(device.receive) as client:
        assert client.state() == Core(NETWORK).save_state()


def test_a_device_that_restarts_while_it_is_read_is_read_again() -> None:
    def change(device: Scripted, asked: int, honest: Callable[[], Said]) -> Said:
        if asked == 2:
            device.reboot()
        return honest()

    with connected(Scripted(Kind.STATE_READ, change).receive) as client:
        assert client.state() == Core(NETWORK).save_state()


def test_a_state_that_always_changes_is_given_up() -> None:
    device = always((Reason.ORDER, u32(0)), Kind.STATE_READ)
    with connected(device.receive) as client, pytest.raises(DeviceError, match="changes what it"):
        client.state()


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (u32(0xFFFFFFFF) + bytes(100), "wants to send 4294967295 bytes at STATE_READ"),
        (u32(len(STATE) + 1) + bytes(100), f"wants to send {len(STATE) + 1} bytes"),
        (u32(len(STATE)), "answers STATE_READ with 0 bytes, where 108"),
        (u32(len(STATE)) + bytes(200), "answers STATE_READ with 200 bytes, where 108"),
        (b"abc", "answers STATE_READ with 3 bytes, not 4"),
    ],
)
def test_totals_and_pieces_that_cannot_be(said: bytes, what: str) -> None:
    device = always((0, said), Kind.STATE_READ)
    with connected(device.receive) as client, pytest.raises(ProtocolError, match=what):
        client.state()


def test_other_refusals_of_reading_are_told() -> None:
    device = always((Reason.LENGTH, b""), Kind.STATE_READ)
    with connected(device.receive) as client, pytest.raises(RefusedError, match="LENGTH"):
        client.state()


# ---- writing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_state_is_written_on_from_where_the_device_is(number: int) -> None:
    def back(device: Scripted) -> Said:
        device._incoming.clear()
        return Reason.ORDER, u32(0)

    device = once(number, back, Kind.STATE_WRITE)
    with connected(device.receive) as client:
        client.load_state(STATE)
        assert client.hash() == taught(40).state_hash()


def test_a_device_that_restarts_while_a_state_is_written_gets_it_again() -> None:
    device = once(3, lambda device: device.restart(), Kind.STATE_WRITE)
    with connected(device.receive) as client:
        client.load_state(STATE)
        assert client.hash() == taught(40).state_hash()
        assert client.learned == 40


def test_the_answer_to_the_last_piece_of_a_state_is_lost() -> None:
    """It is asked again with an epoch that has passed; the hash tells that all is there."""
    last = -(-len(STATE) // 96)

    def change(device: Scripted, asked: int, honest: Callable[[], Said]) -> Said:
        honest()
        return (Reason.EPOCH, b"") if asked == last else (0, u32(min(96 * asked, len(STATE))))

    device = Scripted(Kind.STATE_WRITE, change)
    with connected(device.receive) as client:
        client.load_state(STATE)
        assert device.asked == last
        assert client.hash() == taught(40).state_hash()


@pytest.mark.parametrize(
    "said", [(0, u32(0)), (0, u32(1 << 31)), (Reason.ORDER, u32(0)), (Reason.ORDER, u32(1 << 31))]
)
@pytest.mark.parametrize("kind", [Kind.STATE_WRITE, Kind.IMAGE_CHUNK])
def test_offsets_that_do_not_get_on_are_given_up(said: Said, kind: Kind) -> None:
    device = always(said, kind)
    with connected(device.receive) as client:
        with pytest.raises(
            ProtocolError, match=f"asks for byte {int.from_bytes(said[1], 'little')}"
        ):
            client.load_state(STATE) if kind == Kind.STATE_WRITE else client.push(OTHER)
        assert device.asked < 10


def test_offsets_that_go_back_and_forth_are_given_up() -> None:
    def change(device: Scripted, asked: int, honest: Callable[[], Said]) -> Said:
        return Reason.ORDER, u32(48 * (asked % 2))

    with (
        connected(Scripted(Kind.STATE_WRITE, change).receive) as client,
        pytest.raises(ProtocolError, match="asks for byte"),
    ):
        client.load_state(STATE)


def test_an_image_goes_on_where_an_earlier_attempt_stopped() -> None:
    device = once(10, lambda device: device.restart(), Kind.IMAGE_CHUNK)
    done: list[int] = []
    with connected(device.receive) as client:
        client.push(OTHER, lambda sent, total: done.append(sent))
        assert client.image() == OTHER
    assert done == sorted(done)


def test_an_image_is_there_although_the_last_answer_was_lost() -> None:
    def change(device: Scripted, asked: int, honest: Callable[[], Said]) -> Said:
        honest()
        return Reason.EPOCH, b""

    with connected(Scripted(Kind.IMAGE_END, change).receive) as client:
        assert client.push(OTHER).network_id == Core(OTHER).network_id


def test_a_device_that_restarts_whenever_it_gets_an_image_is_given_up() -> None:
    device = always((Reason.EPOCH, b""), Kind.IMAGE_END)
    with (
        connected(device.receive) as client,
        pytest.raises(ProtocolError, match="restarts whenever it is given this image"),
    ):
        client.push(OTHER)


def test_a_device_that_restarts_whenever_it_gets_a_state_is_given_up() -> None:
    device = always((Reason.EPOCH, b""), Kind.STATE_WRITE)
    with (
        connected(device.receive) as client,
        pytest.raises(DeviceError, match="test restarts whenever it is given this state"),
    ):
        client.load_state(STATE)


def test_a_device_that_takes_no_images_is_sent_none() -> None:
    class Fixed(FakeDevice):
        def hello(self) -> bytes:
            return replace(Hello.unpack(super().hello()), uploads=False).pack()

        def _image_begin(self, body: bytes) -> Said:
            raise AssertionError("an image was sent")

    with (
        connected(Fixed(IMAGE).receive) as client,
        pytest.raises(DeviceError, match="test takes no images over the line: build its firmware"),
    ):
        client.push(OTHER)


@pytest.mark.parametrize("kind", [Kind.IMAGE_BEGIN, Kind.IMAGE_CHUNK, Kind.STATE_WRITE])
def test_refusals_of_writing_are_told(kind: Kind) -> None:
    with (
        connected(always((Reason.LENGTH, b""), kind).receive) as client,
        pytest.raises(RefusedError, match=f"refused {kind.name}: LENGTH"),
    ):
        client.load_state(STATE) if kind == Kind.STATE_WRITE else client.push(OTHER)


def result(prediction: int) -> bytes:
    content = np.zeros(1, RESULT)
    content["prediction"] = prediction
    return content.tobytes()


@pytest.mark.parametrize("prediction", [-100, -2, 99999])
def test_an_answer_that_is_no_class_is_refused(prediction: int) -> None:
    with pytest.raises(ProtocolError, match=f"a result says class {prediction}"):
        read_result(result(prediction))
    body = struct.pack("<IH", 1, 1) + result(prediction)
    with pytest.raises(ProtocolError, match=f"a result says class {prediction}"):
        read_results(body, 1)
    assert read_result(result(-1))["prediction"] == -1
