"""A device behind a bad line is taught exactly once, and what cannot be is told clearly."""

from __future__ import annotations

import errno
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serial
from fake_device import FakeDevice, OtherProtocol, SmallMemory
from serving import COUNT, DOORS, IMAGE, NETWORK, X, Y, connected, served, taught

from edge_naca.core import RESULT, Core, CoreError
from edge_naca.host import DeviceError, open_device
from edge_naca.host.addresses import open_link
from edge_naca.host.chaos import BadLine, Chaos
from edge_naca.host.client import FORGOTTEN, LinkDevice
from edge_naca.host.emulator import TcpDoor
from edge_naca.host.framing import encode_frame
from edge_naca.host.link import NoAnswerError, RefusedError
from edge_naca.host.messages import Kind, ProtocolError, Reason
from edge_naca.host.packing import Packer
from edge_naca.host.transport import LinkLostError, LoopTransport
from edge_naca.host.virtual import VirtualDevice
from edge_naca.image import ImageError, encode
from edge_naca.presets import competitive

BAD = Chaos(lose=0.01, double=0.01, damage=0.01, cut=4500, seed=11)
TERRIBLE = Chaos(
    lose=0.05, double=0.05, damage=0.05, drop=0.0005, flip=0.0005, split=0.2, merge=0.1, cut=900,
    seed=4,
)  # fmt: skip


# ---- exactly once ------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_20000_samples_over_a_bad_line_are_learned_once(door: str) -> None:
    core = Core(NETWORK)
    expected = core.learn_many(X, Y)
    device = VirtualDevice(IMAGE)
    line = BadLine(BAD)
    with served(device.receive, door) as address:
        connect = line.over(lambda: _open(address))
        with LinkDevice(connect, address) as client:
            results = client.learn_many(X, Y, batch=1)
            assert client.hash() == core.state_hash()
            assert client.state() == core.save_state()
            # More presentations than samples would mean that one was learned twice.
            assert client.stats().presentations == COUNT
    assert (results == expected).all()
    assert line.cuts >= 5
    for faults in (line.there, line.back):
        share = np.array([faults.lost, faults.doubled, faults.damaged]) / faults.passed
        assert ((share > 0.006) & (share < 0.014)).all()


def _open(address: str) -> Any:
    from edge_naca.host.transport import open_line

    return open_line(address)


@pytest.mark.parametrize("batch", [1, pytest.param(16, marks=pytest.mark.slow)])
def test_terrible_line(batch: int) -> None:
    core = Core(NETWORK)
    expected = core.learn_many(X[:600], Y[:600])
    fake = FakeDevice(IMAGE)
    line = BadLine(TERRIBLE)
    connect = line.over(lambda: LoopTransport(fake.receive))
    with LinkDevice(connect, "test", patience=60, first_patience=60) as client:
        results = client.learn_many(X[:600], Y[:600], batch)
        assert client.hash() == core.state_hash()
    assert fake.learnings == list(range(600))
    assert (results == expected).all()


def test_small_window_is_never_exceeded() -> None:
    fake = FakeDevice(IMAGE, max_payload=64, window=80)
    waiting = bytearray()
    most = 0

    class Slow(LoopTransport):
        def write(self, data: bytes) -> None:
            nonlocal most
            waiting.extend(data)
            most = max(most, len(waiting))

        def read(self, timeout: float) -> bytes:
            end = waiting.find(0) + 1
            self._answers += fake.receive(bytes(waiting[:end]))
            del waiting[:end]
            return super().read(timeout)

    with LinkDevice(lambda: Slow(fake.receive), "test") as client:
        client.learn_many(X[:200], Y[:200])
        assert client.hash() == taught(200).state_hash()
    assert 50 < most <= 81  # the window, and the zero byte that begins a connection


@pytest.mark.parametrize("batch", [1, 8])
def test_device_that_restarts_is_taught_again_what_it_lost(batch: int) -> None:
    fake = FakeDevice(IMAGE)
    with connected(fake.receive) as client:
        client.learn_many(X[:100], Y[:100], batch)
        client.save()
        client.learn_many(X[100:150], Y[100:150], batch)
        fake.reboot()
        assert fake.learned == 100
        expected = taught(150)
        assert client.hash() == expected.state_hash()
        fake.reboot()
        assert client.predict(X[300]) == expected.infer(X[300])
        fake.reboot()
        expected.learn_many(X[150:200], Y[150:200])
        client.learn_many(X[150:200], Y[150:200], batch)
        fake.reboot()
        assert client.state() == expected.save_state()
        fake.reboot()
        client.save()
        fake.reboot()
        assert client.hash() == expected.state_hash()
        assert client.counts.reboots == 6
    assert fake.learnings == list(range(200))


def test_restart_with_the_same_epoch_is_noticed() -> None:
    """A board without a source of chance may come back with the epoch that it had."""
    fake = FakeDevice(IMAGE)
    with connected(fake.receive) as client:
        client.learn_many(X[:40], Y[:40])
        for use in (client.hash, lambda: client.learn(X[40], int(Y[40]))):
            fake.reboot()
            fake._epoch = client.link.epoch
            use()
        assert client.hash() == taught(41).state_hash()
    assert fake.learnings == list(range(41))


def test_restart_in_mid_stream() -> None:
    fake = FakeDevice(IMAGE)
    received = 0

    def receive(data: bytes) -> bytes:
        nonlocal received
        received += 1
        if received == 400:
            fake.reboot()
            return fake.greeting()
        if received == 700:
            fake.reboot()  # without a word
        return fake.receive(data)

    with connected(receive) as client:
        results = client.learn_many(X[:900], Y[:900], batch=1)
        assert client.hash() == taught(900).state_hash()
    assert fake.learnings == list(range(900))
    known = results[results["prediction"] != FORGOTTEN]
    assert len(known) > 850


def test_power_cuts_of_the_firmware_itself() -> None:
    device = VirtualDevice(IMAGE)
    with connected(device.receive) as client:
        client.learn_many(X[:50], Y[:50])
        client.save()
        client.learn_many(X[50:80], Y[50:80])
        device.power_cut()
        device.reboot()
        client.learn_many(X[80:100], Y[80:100])
        assert client.hash() == taught(100).state_hash()
        assert client.counts.reboots == 1


def test_device_that_knows_less_than_the_host_remembers() -> None:
    fake = FakeDevice(IMAGE)
    with connected(fake.receive) as client:
        client.learn_many(X[:50], Y[:50])
        client.save()
        fake.saved = None
        fake.reboot()
        with pytest.raises(DeviceError, match=r"restarted with 0 samples .* only those from 50 on"):
            client.hash()


def test_another_teacher_is_noticed() -> None:
    fake = FakeDevice(IMAGE)
    with connected(fake.receive) as client, connected(fake.receive) as other:
        other.learn_many(X[:50], Y[:50])
        other.reset("reboot")
        other.learn_many(X[:50], Y[:50])
        with pytest.raises(DeviceError, match="another host has taught test"):
            client.learn_many(X[:5], Y[:5])


def test_line_that_is_gone_for_good() -> None:
    fake = FakeDevice(IMAGE)
    there = True

    def connect() -> LoopTransport:
        if not there:
            raise DeviceError("no port")
        return LoopTransport(fake.receive)

    with LinkDevice(connect, "test", patience=0.3) as client:
        there = False
        assert client.link._transport is not None
        client.link._transport.close()
        with pytest.raises(LinkLostError, match="test did not come back in 0 s: no port"):
            client.hash()


def test_other_device_at_the_same_port() -> None:
    devices = [FakeDevice(IMAGE), FakeDevice(encode(competitive(7, 3)))]
    with LinkDevice(lambda: LoopTransport(devices.pop(0).receive), "test") as client:
        assert client.link._transport is not None
        client.link._transport.close()
        with pytest.raises(ProtocolError, match="another network answers at test"):
            client.hash()


# ---- throughput --------------------------------------------------------------------------------


def test_batches_cost_at_most_a_tenth() -> None:
    network = competitive(196, 10, 2, bits=8)  # samples of 196 bytes
    device = VirtualDevice(encode(network))
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 256, (1000, 196)), rng.integers(0, 10, 1000)
    with connected(device.receive) as client:
        assert client.packer.size == 196
        before = client.counts.bytes_sent
        client.learn_many(x, y)
        efficiency = (client.counts.bytes_sent - before) / x.size
        core = Core(network)
        core.learn_many(x, y)
        assert client.hash() == core.state_hash()
    assert efficiency <= 1.05


def test_slow_save_is_asked_for_once() -> None:
    """Flash takes its time, and what is sent meanwhile would be lost: nor is LEARN slower after."""
    fake = FakeDevice(IMAGE)
    late: list[tuple[float, bytes]] = []

    def receive(data: bytes) -> bytes:
        saves = fake.saves
        answer = fake.receive(data)
        late.append((time.monotonic() + 1.0 * (fake.saves - saves), answer))
        return b""

    class Slow(LoopTransport):
        def read(self, timeout: float) -> bytes:
            time.sleep(0.001)
            return late.pop(0)[1] if late and late[0][0] <= time.monotonic() else b""

    with LinkDevice(lambda: Slow(receive), "test") as client:
        client.learn_many(X[:50], Y[:50])
        before = client.counts.resent, client.counts.timeouts, client.link.pace.wait
        assert client.save() == 1
        assert (client.counts.resent, client.counts.timeouts, client.link.pace.wait) == before


def test_line_is_kept_full() -> None:
    """Requests go out without waiting for each answer: here none comes before eight are there."""
    fake = FakeDevice(IMAGE)
    held = bytearray()
    answered = 0

    def receive(data: bytes) -> bytes:
        nonlocal answered
        held.extend(fake.receive(data))
        if fake.learned < 496 and 0 < fake.learned - answered < 8:
            return b""
        answered = fake.learned
        answers = bytes(held)
        held.clear()
        return answers

    with connected(receive, patience=60) as client:
        client.learn_many(X[:500], Y[:500], batch=1)
        assert client.hash() == taught(500).state_hash()


# ---- what every device can do ------------------------------------------------------------------


def test_same_answers_as_the_core(tmp_path: Path) -> None:
    (tmp_path / "net.naca").write_bytes(IMAGE)
    core = Core(NETWORK)
    with open_device(f"emulate:{tmp_path}/net.naca") as device:
        for x, y in zip(X[:100], Y, strict=False):
            assert device.predict(x) == core.infer(x)
            assert device.learn(x, y) == core.learn(x, y)
        assert device.hash() == core.state_hash()
        assert device.state() == core.save_state()
        info = device.info()
        assert (info.network_id, info.capacity) == (core.network_id, 5)
        assert (info.image_size, info.workspace_size) == (len(IMAGE), core.workspace_size)
        assert device.save() == 1
    with pytest.raises(DeviceError, match="this device is closed"):
        device.hash()


def test_many_answers_at_once() -> None:
    device = VirtualDevice(IMAGE)
    with connected(device.receive) as client:
        client.learn_many(X[:300], Y[:300])
        expected = taught(300).infer_many(X[300:600])
        answers = client.infer_many(X[300:600])
        assert answers.dtype == RESULT
        assert (answers == expected).all()
        assert (client.predict_many(X[300:600]) == expected["prediction"]).all()
        assert len(client.infer_many(X[:0])) == 0


def test_state_moves_between_devices() -> None:
    first, second = VirtualDevice(IMAGE), FakeDevice(IMAGE, max_payload=100)
    with connected(first.receive) as one, connected(second.receive) as other:
        one.learn_many(X[:80], Y[:80])
        other.load_state(one.state())
        assert other.hash() == one.hash()
        assert other.learn(X[80], 1) == one.learn(X[80], 1)
        one.load_state(other.state())
        assert other.state() == one.state()


def test_reset() -> None:
    device = VirtualDevice(IMAGE)
    with connected(device.receive) as client:
        client.learn_many(X[:50], Y[:50])
        client.save()
        client.learn_many(X[50:60], Y[50:60])
        assert client.reset().learned == 50
        assert client.reset("learned").learned == 0
        assert client.hash() == Core(NETWORK).state_hash()
        assert client.reset().learned == 50
        assert client.reset("saved").learned == 0
        assert client.reset().learned == 0
        client.learn_many(X[:30], Y[:30])
        assert client.hash() == taught(30).state_hash()
        with pytest.raises(ValueError, match="must be reboot, learned, saved"):
            client.reset("all")


def test_image_is_pushed_over_a_bad_line_and_pulled() -> None:
    network = competitive(64, 10, 4)
    core = Core(network)
    rng = np.random.default_rng(3)
    core.learn_many(rng.integers(0, 16, (200, 64)), rng.integers(0, 10, 200))
    image = core.image()
    device = VirtualDevice()
    chaos = Chaos(lose=0.03, damage=0.03, double=0.03, cut=20, seed=2)
    connect = BadLine(chaos).over(lambda: LoopTransport(device.receive))
    with LinkDevice(connect, "test", patience=60, first_patience=60) as client:
        with pytest.raises(DeviceError, match="no image to run: bring one"):
            client.learn(X[0], 1)
        with pytest.raises(DeviceError, match="no image to run: bring one"):
            client.image()
        assert client.push(image).network_id == core.network_id
        assert client.hash() == core.state_hash()
        client._image = None
        assert client.image() == image
        assert client.push(IMAGE).learned == 0


def test_upload_goes_on_where_it_stopped() -> None:
    device = VirtualDevice(IMAGE)
    image = encode(competitive(64, 10, 4))
    offsets: list[int] = []

    class UnpluggedError(Exception):
        pass

    def pull_the_cable(done: int, total: int) -> None:
        if done > total // 2:
            raise UnpluggedError

    with connected(device.receive) as client, pytest.raises(UnpluggedError):
        client.push(image, pull_the_cable)
    with connected(device.receive) as client:
        assert client.hash() == Core(NETWORK).state_hash()  # the old one goes on meanwhile
        client.push(image, lambda done, total: offsets.append(done))
        assert offsets[0] > len(image) // 2
        assert client.hello.network_id == Core(image).network_id


# ---- what is refused ---------------------------------------------------------------------------


def test_wrong_samples_and_labels_are_not_sent() -> None:
    device = VirtualDevice(IMAGE)
    with connected(device.receive) as client:
        client.learn(X[0], 2)
        sent = client.counts.frames_sent
        for x, y, what in (
            (X[:2, :15], [0, 0], "each sample must hold 16 numbers"),
            (X[:2], [0, 5], "label 5 is out of range: this network has room for 5 classes"),
            (X[:2], [0], "one label for each of 2 samples"),
        ):
            with pytest.raises(ValueError, match=what):
                client.learn_many(x, y)
        with pytest.raises(ValueError, match="must be integers"):
            client.predict(X[0] / 2)
        assert client.counts.frames_sent == sent
        assert client.hash() == Core(NETWORK).state_hash() or client.learned == 1


def test_image_too_large_is_not_sent() -> None:
    fake = SmallMemory(IMAGE)
    with connected(fake.receive) as client:
        need = Core(IMAGE).workspace_size
        sent = client.counts.bytes_sent
        with pytest.raises(DeviceError, match=f"needs {need - 300} bytes of RAM too many: {need}"):
            client.push(IMAGE)
        with pytest.raises(ImageError, match="does not start with 'NACA'"):
            client.push(b"nothing")
        assert client.counts.bytes_sent == sent
    device = VirtualDevice(IMAGE, image_room=1 << 12)
    room = 1 << 12
    with connected(device.receive) as client:
        room = client.hello.flash_room
        image = encode(competitive(64, 10, 4, metadata={"note": "x" * room}))
        sent = client.counts.bytes_sent
        over = len(image) - room
        with pytest.raises(DeviceError, match=f"{over} bytes too large: it has {len(image)}"):
            client.push(image)
        assert client.counts.bytes_sent == sent


def test_sample_too_long_for_a_device_is_not_sent() -> None:
    """The device would drop its frames without a word, again and again."""
    network = competitive(120, 5, 2, bits=8)
    device = VirtualDevice(encode(network), frame_size=128)
    x = np.zeros((1, 120), np.uint8)
    with connected(device.receive, patience=60) as client:
        room = client.hello.max_payload
        with pytest.raises(DeviceError, match=f"is {120 + 19 - room} bytes too long for test"):
            client.learn(x[0], 1)
        with pytest.raises(DeviceError, match=f"is {120 + 9 - room} bytes too long for test"):
            client.predict(x[0])
        assert client.stats().too_long == 0


def test_state_of_another_network_is_not_sent() -> None:
    device = VirtualDevice(IMAGE)
    with connected(device.receive) as client:
        sent = client.counts.frames_sent
        before = client.hash()
        with pytest.raises(CoreError, match="NACA_ERR_STATE"):
            client.load_state(Core(competitive(7, 3)).save_state())
        assert client.hash() == before
        assert client.counts.frames_sent > sent


def test_refusals_of_the_device_are_explained() -> None:
    device = VirtualDevice(IMAGE)
    with connected(device.receive) as client:
        items = [(9, Packer(Core(NETWORK)).samples(X[:1])[0])]
        with pytest.raises(RefusedError, match="core refused LEARN: NACA_ERR_LABEL"):
            list(client.teach(items, batch=1))


class Refusing(FakeDevice):
    """A device that answers one kind of request with a status and a body, so many times."""

    def __init__(self, kind: Kind, status: int, body: bytes = b"", times: int = 1000) -> None:
        super().__init__(IMAGE)
        self._said = (status, body)
        self._kind, self._times = kind, times

    def _answer(self, kind: int, epoch: bytes, body: bytes) -> tuple[int, bytes]:
        if kind != self._kind or self._times == 0:
            return super()._answer(kind, epoch, body)
        self._times -= 1
        return self._said


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (Reason.NO_IMAGE, b"", "the device has no image to run: bring one with 'edge-naca push"),
        (Reason.TOO_LARGE, b"\xf4\1\0\0", "the device has room for 500 bytes only"),
        (Reason.UNKNOWN, b"", "the device does not know HASH: its firmware was built without"),
        (Reason.STORE, b"\x63\0\0\0", "the device's memory failed at HASH: for reason 99"),
        (Reason.LENGTH, b"", "the device refused HASH: LENGTH"),
        (200, b"", "the device refused HASH for the unknown reason 200"),
    ],
)
def test_every_refusal_says_what_it_means(status: int, body: bytes, what: str) -> None:
    device = Refusing(Kind.HASH, status, body)
    with connected(device.receive) as client, pytest.raises(RefusedError, match=f"^{what}"):
        client.hash()


def test_a_device_that_refuses_to_say_who_it_is() -> None:
    with pytest.raises(RefusedError, match="the device refused HELLO: LENGTH"):
        connected(Refusing(Kind.HELLO, Reason.LENGTH).receive)


@pytest.mark.parametrize("kind", [Kind.SAVE, Kind.RESET])
def test_a_device_that_restarts_all_the_time_is_given_up(kind: Kind) -> None:
    device = Refusing(kind, Reason.EPOCH)
    with (
        connected(device.receive) as client,
        pytest.raises(DeviceError, match="test restarts all the time: check its power"),
    ):
        client.save() if kind == Kind.SAVE else client.reset()


def test_a_reset_is_asked_again_when_the_device_restarts() -> None:
    with connected(Refusing(Kind.RESET, Reason.EPOCH, times=2).receive) as client:
        client.learn(X[0], 1)
        assert client.reset("learned").learned == 0
        assert client.learned == 0


def test_what_a_reset_refuses_is_told() -> None:
    with connected(Refusing(Kind.RESET, Reason.LENGTH).receive) as client:
        with pytest.raises(RefusedError, match="refused RESET: LENGTH"):
            client.reset()
        with pytest.raises(ValueError, match="what must be reboot, learned, saved, not 'all'"):
            client.reset("all")


def test_an_image_that_is_not_the_one_that_runs_is_refused() -> None:
    class Other(FakeDevice):
        def _image_read(self, body: bytes) -> tuple[int, bytes]:
            own, self.image = self.image, encode(competitive(16, 3, 2))
            try:
                return super()._image_read(body)
            finally:
                self.image = own

    with (
        connected(Other(IMAGE).receive) as client,
        pytest.raises(DeviceError, match="test does not give back the image it runs"),
    ):
        client.image()


@pytest.mark.parametrize(
    ("status", "body", "error", "what"),
    [
        (Reason.LENGTH, b"", RefusedError, "the device refused INFER: LENGTH"),
        (0, b"abc", ProtocolError, "a result has 3 bytes, not "),
    ],
)
def test_answers_to_questions_that_are_none(
    status: int, body: bytes, error: type[DeviceError], what: str
) -> None:
    with (
        connected(Refusing(Kind.INFER, status, body).receive) as client,
        pytest.raises(error, match=what),
    ):
        client.predict(X[0])


class Mute(FakeDevice):
    """A device that leaves the first questions unanswered, and may restart at the last of them."""

    def __init__(self, questions: int, restarts: bool) -> None:
        super().__init__(IMAGE)
        self._left, self._restarts, self._is_asked = questions, restarts, False

    def _infer(self, body: bytes) -> tuple[int, bytes]:
        self._is_asked = True
        return super()._infer(body)

    def receive(self, data: bytes) -> bytes:
        self._is_asked = False
        said = super().receive(data)
        if not self._is_asked or not self._left:
            return said
        self._left -= 1
        if self._restarts and not self._left:
            self.reboot()
        return b""


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("questions", [1, 3])
def test_a_question_is_asked_of_the_state_that_was_taught(questions: int, restarts: bool) -> None:
    """After three silences it is found out who is there; what a restart lost is taught again."""
    with connected(Mute(questions, restarts).receive, patience=60) as client:
        client.learn_many(X[:30], Y[:30])
        assert client.predict(X[40]) == taught(30).infer(X[40])
        assert client.hash() == taught(30).state_hash()
        assert client.counts.timeouts >= questions


def test_statistics_that_are_none() -> None:
    with (
        connected(Refusing(Kind.STATS, 0, b"abc").receive) as client,
        pytest.raises(ProtocolError, match="STATS has 3 bytes, not "),
    ):
        client.stats()


def test_faults_may_be_put_into_any_line(tmp_path: Path) -> None:
    (tmp_path / "net.naca").write_bytes(IMAGE)
    chaos = Chaos(lose=0.2, seed=3)
    with open_link(f"emulate:{tmp_path / 'net.naca'}", chaos=chaos) as client:
        client.learn_many(X[:60], Y[:60], batch=1)
        assert client.hash() == taught(60).state_hash()
        assert client.counts.resent > 0


def test_a_closed_device_is_closed_again_for_nothing() -> None:
    line = LoopTransport(FakeDevice(IMAGE).receive)
    client = LinkDevice(lambda: line, "test")
    client.close()
    client.close()
    with pytest.raises(DeviceError, match="this device is closed: open it again"):
        client.hash()
    for use in (lambda: line.write(b"x"), lambda: line.read(0)):
        with pytest.raises(LinkLostError, match="the device in this process was closed"):
            use()


@pytest.mark.parametrize(
    ("receive", "what"),
    [
        (lambda data: b"", "nothing at test answers as an edge-naca device"),
        (lambda data: b"AT: ERROR\r\n", "something at test speaks, but not as an edge-naca"),
        (lambda data: data, "something at test speaks, but not as an edge-naca"),
        (OtherProtocol(IMAGE).receive, "version 4 of the protocol, this edge-naca version 3"),
    ],
    ids=["silent", "modem", "echo", "future"],
)
def test_what_is_no_device_of_ours(receive: Any, what: str) -> None:
    with pytest.raises(DeviceError, match=what):
        connected(receive, first_patience=0.5)


def test_device_that_falls_silent() -> None:
    fake = FakeDevice(IMAGE)
    silent = False
    with connected(lambda data: b"" if silent else fake.receive(data), patience=0.3) as client:
        client.learn(X[0], 1)
        silent = True
        with pytest.raises(NoAnswerError, match="test has stopped answering: reset the device"):
            client.learn(X[1], 1)


class Deaf(LoopTransport):
    """A line to a board that starts anew when it is opened, and hears nothing meanwhile."""

    def __init__(self, fake: FakeDevice, seconds: float, greets: bool) -> None:
        super().__init__(fake.receive)
        self._ready = time.monotonic() + seconds
        self._said = fake.greeting() if greets else b""

    def write(self, data: bytes) -> None:
        if time.monotonic() >= self._ready:
            super().write(data)

    def read(self, timeout: float) -> bytes:
        if time.monotonic() >= self._ready and self._said:
            said, self._said = self._said, b""
            return said
        return super().read(timeout)


@pytest.mark.parametrize("greets", [True, False])
def test_board_that_starts_when_it_is_opened_is_waited_for(greets: bool) -> None:
    fake = FakeDevice(IMAGE)
    with LinkDevice(lambda: Deaf(fake, 1.2, greets), "test") as client:
        asked = client.counts.frames_sent
        assert client.learn(X[0], 1).prediction >= -1
        # Asked at 0 s and 0.5 s; then at the greeting, else a second after that.
        assert asked == 3


def test_patience_for_a_first_answer_ends() -> None:
    fake = FakeDevice(IMAGE)
    with pytest.raises(NoAnswerError, match="nothing at test answers"):
        LinkDevice(lambda: Deaf(fake, 60, True), "test", first_patience=0.3)


@pytest.mark.parametrize("reset", [True, False])
def test_lines_that_start_a_board_anew(reset: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeDevice(IMAGE)
    opened: list[tuple[bool, bool]] = []
    before = serial.Serial.open

    def note(port: Any) -> None:
        opened.append((port.dtr, port.rts))
        before(port)

    monkeypatch.setattr(serial.Serial, "open", note)
    with served(fake.receive, "pty") as address, open_link(address, reset=reset):
        assert opened == [(reset, reset)]


# ---- ports -------------------------------------------------------------------------------------


def test_wrong_port_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no port")
    for address, what in (
        (f"{tmp_path}/ttyACM7", "there is no port .*'edge-naca devices' lists"),
        (f"{tmp_path}/file", "is no serial port"),
        (str(tmp_path), "is no serial port"),
        ("/dev/null", "is no serial port"),
        ("socket://127.0.0.1:1", "nobody listens at socket://127.0.0.1:1: start an emulated"),
        ("socket://127.0.0.1", "write socket://HOST:PORT"),
        ("warp://x", "warp"),
    ):
        with pytest.raises(DeviceError, match=what):
            open_link(address)


def test_busy_port_is_explained() -> None:
    fake = FakeDevice(IMAGE)
    with served(fake.receive, "pty") as address, open_link(address) as client:
        assert client.hello.board == "fake"
        with pytest.raises(DeviceError, match="is busy: another program has it open"):
            open_link(address)


def test_port_without_permission_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any) -> None:
        raise serial.SerialException(errno.EACCES, "could not open port: Permission denied")

    monkeypatch.setattr(serial.Serial, "open", refuse)
    with pytest.raises(DeviceError, match="no permission to open /dev/tty: it belongs to group"):
        open_link("/dev/tty")
    with pytest.raises(DeviceError, match=r"no permission to open /dev/ttyX: .*-aG dialout"):
        open_link("/dev/ttyX")


def test_second_client_at_a_tcp_port_waits_for_its_turn() -> None:
    fake = FakeDevice(IMAGE)
    with served(fake.receive, "tcp") as address:
        with open_link(address), pytest.raises(DeviceError, match=r"nothing at .* answers"):
            open_link(address, first_patience=0.3)
        with open_link(address) as client:
            assert client.hello.board == "fake"


def test_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DeviceError, match=f"cannot listen at port {port}"):
            TcpDoor(port)


def test_answer_larger_than_a_terminal_holds() -> None:
    """Both ends write at once more than fits between them: neither may wait for the other."""
    fake = FakeDevice(IMAGE, max_payload=60_000, window=1 << 18)
    with served(fake.receive, "pty") as address, open_link(address) as client:
        client.learn_many(X[:5000], Y[:5000])
        assert client.hash() == taught(5000).state_hash()
        assert len(client.image()) == len(IMAGE)


def test_chaos_on_the_device_s_side() -> None:
    device = VirtualDevice(IMAGE)
    chaos = Chaos(lose=0.02, damage=0.02, double=0.02, delay=0.001, split=0.1, cut=300, seed=6)
    with served(device.receive, "tcp", chaos) as address, open_link(address) as client:
        client.learn_many(X[:1000], Y[:1000], batch=1)
        assert client.hash() == taught(1000).state_hash()
        assert client.stats().presentations == 1000
        assert client.counts.reconnects >= 3


def test_frames_of_strangers_are_ignored() -> None:
    fake = FakeDevice(IMAGE)
    stranger = encode_frame(bytes([0x83, 0, 9, 9, 0, 0, 0, 0]) + bytes(20)) + b"log text\n\0"
    with connected(lambda data: stranger + fake.receive(data)) as client:
        client.learn_many(X[:50], Y[:50], batch=1)
        assert client.hash() == taught(50).state_hash()


def test_descriptors_are_given_back() -> None:
    fake = FakeDevice(IMAGE)
    before = list(Path("/proc/self/fd").iterdir())
    for door in DOORS:
        with served(fake.receive, door) as address:
            for _ in range(3):
                with open_link(address) as client:
                    client.hash()
                with pytest.raises(DeviceError):
                    open_link(f"{address}0")
    assert len(list(Path("/proc/self/fd").iterdir())) == len(before)


def test_a_flash_file_is_one_device_s(tmp_path: Path) -> None:
    flash = tmp_path / "flash.bin"
    first = VirtualDevice(flash_file=flash)
    with pytest.raises(ValueError, match="is the flash of another device that is running"):
        VirtualDevice(flash_file=flash)
    first.close()
    VirtualDevice(flash_file=flash).close()
