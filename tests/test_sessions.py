"""Each sample is learned exactly once or refused by name, whoever teaches a device."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from fake_device import FakeDevice
from serving import IMAGE, NETWORK, X, Y, connected

from edge_naca import image
from edge_naca.core import Core
from edge_naca.host.client import LinkDevice
from edge_naca.host.device import DeviceError
from edge_naca.host.journal import LostSamplesError, OtherSessionError, unwrap
from edge_naca.host.transport import LinkLostError, LoopTransport
from edge_naca.host.virtual import VirtualDevice

Items = list[int]  # numbers of samples of X and Y
WRAP = 1 << 32


def hash_of(items: Items) -> int:
    core = Core(NETWORK)
    if items:
        core.learn_many(X[items], Y[items])
    return core.state_hash()


class Host:
    """A program that teaches, over a line that can be cut.

    Attributes
    ----------
    believed : what the device has learned, as far as this program was told.
    """

    def __init__(self, device: VirtualDevice, items: Items) -> None:
        self._device = device
        self._left: int | None = None  # frames until the line is cut
        self.open(items)

    def open(self, items: Items) -> None:
        self.client = LinkDevice(self._connect, "test", patience=60.0, first_patience=60.0)
        self.believed = list(items)
        self.recorded = (self.client.session, len(items), hash_of(items))

    def _connect(self) -> LoopTransport:
        if self._left == 0:
            raise DeviceError("the cable is cut")
        return LoopTransport(self._receive)

    def _receive(self, data: bytes) -> bytes:
        answer = self._device.receive(data)
        if self._left is not None:
            self._left = max(self._left - data.count(b"\0"), 0)
            if self._left == 0:
                raise LinkLostError("the cable is cut")  # it has arrived, but no answer comes back
        return answer

    def teach(self, numbers: Items, batch: int) -> None:
        """Teach; on return each was learned once, after all that this program knew of."""
        self.client.learn_many(X[numbers], Y[numbers], batch)
        self.believed += numbers

    def teach_cut(self, numbers: Items, batch: int, frames: int) -> Items:
        """Teach while the cable is cut, and come back as a program that has only its recording."""
        self._left = frames
        self.client.link.patience = 0.1  # a cable that is cut does not come back
        try:
            self.teach(numbers, batch)
            return self.believed
        except DeviceError as error:
            if isinstance(error, OtherSessionError | LostSamplesError):
                raise
        finally:
            self._left = None
            self.client.link.patience = 60.0
        intended = self.believed + numbers
        session, start, start_hash = self.recorded
        self.client = LinkDevice(self._connect, "test", patience=60.0, first_patience=60.0)
        self.client.resume(session, start, start_hash)
        self.believed = intended[: self.client.learned]
        return intended

    def save(self) -> None:
        self.client.save()


def located(device: VirtualDevice, candidates: Iterable[Items]) -> Items:
    """Return which of these the device has learned."""
    with connected(device.receive) as client:
        state = client.hash_at()
    for items in candidates:
        if state == (hash_of(items), len(items)):
            return list(items)
    raise AssertionError(f"the device has learned {state[1]} samples that nobody was told of")


@pytest.mark.parametrize("seed", range(30))
def test_two_hosts_take_turns(seed: int) -> None:
    """With cuts, restarts and saves, and often with the same samples from both."""
    rng = np.random.default_rng(seed)
    device = VirtualDevice(IMAGE, seed=seed)
    items: Items = []  # what the device has learned
    saved: Items = []
    hosts = [Host(device, items), Host(device, items)]
    refused = 0
    for _ in range(20):
        host = hosts[rng.integers(2)]
        start = int(rng.integers(3)) * 10
        numbers = list(range(start, start + int(rng.integers(1, 12))))
        batch = int(rng.choice([1, 4]))
        operation = rng.choice(["teach", "cut", "restart", "save"], p=[0.55, 0.2, 0.1, 0.15])
        try:
            if operation == "teach":
                host.teach(numbers, batch)
                items = located(device, [host.believed])
            elif operation == "cut":
                intended = host.teach_cut(numbers, batch, int(rng.integers(1, 20)))
                items = located(device, [host.believed])
                assert items == intended[: len(items)]
            elif operation == "restart":
                device.reboot()
                items = located(device, [saved])
            else:
                host.save()
                saved = items = located(device, [host.believed, items])
        except (OtherSessionError, LostSamplesError):
            refused += 1
            whole = host.believed + numbers
            items = located(device, [items, *(whole[:end] for end in range(len(whole) + 1))])
            host.open(items)
    assert refused > 0


class Witness(FakeDevice):
    """A device that several threads may talk to, and that notes what it learns."""

    def __init__(self) -> None:
        super().__init__(IMAGE)
        self.lock = threading.Lock()
        self.noted: list[tuple[int, bytes]] = []

    def receive(self, data: bytes) -> bytes:
        with self.lock:
            return super().receive(data)

    def _learn_one(self, label: int, sample: bytes, item: int) -> bytes:
        self.noted.append((label, sample))
        return super()._learn_one(label, sample, item)


@pytest.mark.parametrize("seed", range(10))
def test_two_hosts_at_once(seed: int) -> None:
    """Whoever is refused is told the first sample that was not learned; those before it were."""
    device = Witness()
    rng = np.random.default_rng(seed)
    told: dict[int, int] = {}  # host: samples that were learned, by what it was told

    def teach(host: int, numbers: Items, batch: int) -> None:
        with connected(device.receive) as client:
            before = client.learned
            try:
                client.learn_many(X[numbers], Y[numbers], batch)
                told[host] = len(numbers)
            except OtherSessionError as error:
                learned = before if error.position is None else error.position
                told[host] = learned - before if error.certain else -1

    of_host = [list(range(first, first + 200)) for first in (0, 1000)]
    threads = [
        threading.Thread(target=teach, args=(host, numbers, int(rng.choice([1, 5]))))
        for host, numbers in enumerate(of_host)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with connected(device.receive) as client:
        packer = client.packer
        for host, numbers in enumerate(of_host):
            own = list(zip(Y[numbers].tolist(), packer.samples(X[numbers]), strict=True))
            assert [item for item in device.noted if item in own] == own[: told[host]]
    assert len(device.noted) == sum(told.values())


def test_a_host_that_was_overtaken_goes_on_when_it_opens_the_device_again() -> None:
    device = VirtualDevice(IMAGE)
    with connected(device.receive) as first, connected(device.receive) as second:
        first.learn_many(X[:5], Y[:5])
        # Nobody has said that the first is done, but the second knows all that it taught.
        second.reset("reboot")
        second.learn_many(X[5:8], Y[5:8])
        with pytest.raises(OtherSessionError, match=r"another host has taught test meanwhile"):
            first.learn(X[9], int(Y[9]))
    with connected(device.receive) as first:
        assert first.learned == 3
        first.learn(X[9], int(Y[9]))
        assert first.hash() == hash_of([5, 6, 7, 9])


def test_a_recording_is_not_gone_on_with_over_another() -> None:
    device = VirtualDevice(IMAGE)
    with connected(device.receive) as first:
        first.learn_many(X[:5], Y[:5])
        session = first.session
    with connected(device.receive) as second:
        second.learn_many(X[5:8], Y[5:8])
    with connected(device.receive) as first, pytest.raises(OtherSessionError):
        first.resume(session, 0, hash_of([]))


def test_a_session_is_gone_on_with_after_a_restart() -> None:
    """The device has saved some of it, or none."""
    for saved in (0, 4):
        device = VirtualDevice(IMAGE)
        with connected(device.receive) as client:
            client.learn_many(X[:saved], Y[:saved])
            client.save()
            client.learn_many(X[saved:6], Y[saved:6])
            session = client.session
        device.reboot()
        with connected(device.receive) as client:
            client.resume(session, 0, hash_of([]))
            assert client.learned == saved
            client.learn_many(X[saved:9], Y[saved:9])
            assert client.hash() == hash_of(list(range(9)))


def near_the_wrap(before: int) -> bytes:
    """Return a saved state to which `before` samples are missing for 2^32."""
    core = Core(NETWORK)
    core.learn_many(X[:50], Y[:50])
    state = replace(image.unpack_state(NETWORK, core.state()), learned=WRAP - before)
    return Core(NETWORK, image.pack_state(NETWORK, state)).save_state()


@pytest.mark.parametrize("batch", [1, 4])
def test_teaching_across_the_wrap(batch: int) -> None:
    device = VirtualDevice(IMAGE)
    saved = near_the_wrap(before=20)
    expected = Core(NETWORK)
    expected.load_state(saved)
    with connected(device.receive) as client:
        client.load_state(saved)
        for first in range(0, 60, 15):
            if first == 30:
                device.reboot()  # beyond the wrap; what was saved lies before it
            chosen = slice(first, first + 15)
            results = client.learn_many(X[chosen], Y[chosen], batch)
            assert (results == expected.learn_many(X[chosen], Y[chosen])).all()
        assert client.hash() == expected.state_hash()
        assert client.learned == WRAP + 40
        assert client.hello.session == client.session


@pytest.mark.parametrize(
    ("number", "near", "position"),
    [(5, 7, 5), (5, WRAP - 3, WRAP + 5), (WRAP - 3, WRAP + 5, WRAP - 3), (0, 3 * WRAP, 3 * WRAP)],
)
def test_positions_beyond_the_wrap(number: int, near: int, position: int) -> None:
    assert unwrap(number, near) == position
