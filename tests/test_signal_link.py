"""Signals over the link: windows that a device cuts, presents and learns, each exactly once."""

from __future__ import annotations

import os
import pty
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import object_of
from numpy.typing import NDArray

from edge_naca import image, recipes
from edge_naca.affine import Affine
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.host import boards
from edge_naca.host.addresses import open_link
from edge_naca.host.boards import EmulatedBoard
from edge_naca.host.chaos import BadLine, Chaos
from edge_naca.host.client import LinkDevice
from edge_naca.host.device import DeviceError
from edge_naca.host.journal import LostSamplesError, OtherSessionError
from edge_naca.host.link import RefusedError
from edge_naca.host.messages import BEHIND_GAP, NO_LABEL, SIGNAL, Kind, Reason, SampleKind
from edge_naca.host.sensors import SensorStream, read_sensor
from edge_naca.host.signals import SignalTwin, baud_needed
from edge_naca.host.transport import LoopTransport
from edge_naca.host.virtual import VirtualDevice
from edge_naca.network import Network
from edge_naca.signal_features import Signal
from edge_naca.signals.datasets import window_features

WINDOW, CHANNELS = 32, 2


def signal_of(hop: int = 16, affine: Affine | None = None) -> Signal:
    blocks = (("mean", "deviation", "change"),) * CHANNELS
    return Signal(CHANNELS, 50, WINDOW, hop, blocks, affine=affine)


def swings(count: int, seed: int, speed: float = 1.0) -> NDArray[np.int16]:
    rng = np.random.default_rng(seed)
    time = np.arange(count)[:, None] * speed / 5 + rng.uniform(0, 6, CHANNELS)
    return np.rint(1000 * np.sin(time) + rng.normal(0, 100, time.shape)).astype(np.int16)


def network_of(signal: Signal) -> Network:
    windows = np.stack([swings(WINDOW, seed, 1 + seed % 3) for seed in range(30)])
    x = window_features(signal, windows)
    dataset = Dataset("swings", x, np.arange(30) % 3, x, np.arange(30) % 3, ("a", "b", "c"))
    network = recipes.network_for(dataset, features="decorrelated", neurons_per_class=2)
    return replace(network, signal=signal)


IMAGE = image.encode(network_of(signal_of()))


def taught(device: VirtualDevice, chaos: Chaos | None = None) -> LinkDevice:
    def connect() -> Any:
        return LoopTransport(device.receive)

    return LinkDevice(
        connect if chaos is None else BadLine(chaos).over(connect), "virtual", patience=20
    )


def lesson() -> list[tuple[NDArray[np.int16], int | None]]:
    """Return stretches of three classes and of none, in pieces of any size."""
    rng = np.random.default_rng(3)
    pieces: list[tuple[NDArray[np.int16], int | None]] = []
    for seed in range(8):
        label = (0, 1, 2, None)[seed % 4]
        whole = swings(150, seed, 1 + seed % 4)
        parts = np.split(whole, np.sort(rng.integers(0, 150, 4)))
        pieces += [(part, label) for part in parts]
    return pieces


def by_twin(hop: int = 16) -> tuple[NDArray[Any], int]:
    """Return what windows come to, and the state in the end."""
    twin = SignalTwin(Core(image.encode(network_of(signal_of(hop)))))
    windows = np.concatenate([twin.push(part, label) for part, label in lesson()])
    return windows, twin.core.state_hash()


@pytest.mark.parametrize("hop", [1, 16, 40])
def test_a_device_cuts_and_learns_as_the_core_does(hop: int) -> None:
    expected, state = by_twin(hop)
    device = VirtualDevice(image.encode(network_of(signal_of(hop))))
    with taught(device) as link:
        stream = link.signal_stream()
        windows = np.concatenate([stream.push(part, label) for part, label in lesson()])
        assert link.hash() == state
    assert windows.tolist() == expected.tolist()
    learned = windows["label"] != NO_LABEL
    assert 0 < learned.sum() < len(windows)
    assert stream.learned == learned.sum()


@pytest.mark.parametrize("seed", range(6))
def test_bad_lines_lose_and_double_nothing(seed: int) -> None:
    expected, state = by_twin()
    chaos = Chaos(lose=0.002, double=0.002, damage=0.002, seed=seed)
    with taught(VirtualDevice(IMAGE), chaos) as link:
        stream = link.signal_stream()
        windows = np.concatenate([stream.push(part, label) for part, label in lesson()])
        assert link.hash() == state
        assert link.counts.errors
    assert windows.tolist() == expected.tolist()


@pytest.mark.parametrize("seed", range(8))
def test_restarts_lose_and_double_nothing(seed: int) -> None:
    expected, state = by_twin()
    rng = np.random.default_rng(seed)
    device = VirtualDevice(IMAGE, seed=seed)
    with taught(device) as link:
        stream = link.signal_stream()
        found = []
        for part, label in lesson():
            found.append(stream.push(part, label))
            draw = rng.random()
            if draw < 0.15:
                link.save()
                if rng.random() < 0.5:
                    stream.forget()
            elif draw < 0.3:
                device.reboot()
        assert link.hash() == state
    assert np.concatenate(found).tolist() == expected.tolist()


def test_gaps_end_windows() -> None:
    twin = SignalTwin(Core(IMAGE))
    with taught(VirtualDevice(IMAGE)) as link:
        stream = link.signal_stream()
        for seed in range(4):
            part = swings(40 + 7 * seed, seed)
            assert stream.push(part, seed % 3).tolist() == twin.push(part, seed % 3).tolist()
            stream.gap()
            twin.gap()
        assert link.hash() == twin.core.state_hash()


def test_real_numbers_go_as_they_are() -> None:
    signal = signal_of(affine=Affine.of(0, np.full(CHANNELS, 900.0)))
    data = image.encode(network_of(signal))
    twin = SignalTwin(Core(data))
    part = swings(200, 1) / 1000.0
    with taught(VirtualDevice(data)) as link:
        stream = link.signal_stream()
        assert stream.push(part, 1).tolist() == twin.push(part.astype(np.float32), 1).tolist()
        with pytest.raises(ValueError, match="finite"):
            stream.push(np.full((4, CHANNELS), np.nan), 1)


def test_two_hosts_do_not_mix() -> None:
    device = VirtualDevice(IMAGE)
    with taught(device) as one, taught(device) as other:
        first, second = one.signal_stream(), other.signal_stream()
        first.push(swings(100, 1), 0)
        with pytest.raises(OtherSessionError):
            second.push(swings(100, 2), 1)
        # Who only asks disturbs nobody's session, but windows of both are told apart by a gap.
        asked = other.signal_stream().push(swings(100, 3))
        assert (asked["label"] == NO_LABEL).all()
        before = one.hash()
        first.push(swings(100, 4), 0)
        assert one.hash() != before


def test_samples_and_windows_in_turn() -> None:
    core = Core(IMAGE)
    twin = SignalTwin(core)
    x = window_features(signal_of(), swings(WINDOW, 9)[None])
    with taught(VirtualDevice(IMAGE)) as link:
        stream = link.signal_stream()
        for seed in range(5):
            part = swings(90, seed)
            stream.push(part, seed % 3)
            twin.push(part, seed % 3)
            assert link.learn(x[0], 1) == core.learn(x[0], 1)
        assert link.hash() == core.state_hash()


def test_what_the_device_has_lost_for_good_is_said() -> None:
    device = VirtualDevice(IMAGE)
    with taught(device) as link:
        stream = link.signal_stream()
        stream.push(swings(200, 1), 0)
        stream.forget()  # which nobody has saved
        device.reboot()
        with pytest.raises(LostSamplesError):
            stream.push(swings(200, 2), 0)


# ---- what is refused -----------------------------------------------------------------------------


def test_devices_that_take_no_signals() -> None:
    small = VirtualDevice(IMAGE, ram=Core(IMAGE).workspace_size + 8)
    with taught(small) as link, pytest.raises(DeviceError, match="bytes of RAM, it has"):
        link.signal_stream()
    plain = image.encode(replace(network_of(signal_of()), signal=None))
    with taught(VirtualDevice(plain)) as link:
        with pytest.raises(DeviceError, match="has no signal"):
            link.signal_stream()
        refused = refusal(link, SIGNAL.pack(0, 0, NO_LABEL, BEHIND_GAP, SampleKind.RAW_I16) + b"ab")
        assert refused.status == Reason.CORE


def refusal(link: LinkDevice, body: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        link.link.request(Kind.SIGNAL, body)
    return caught.value


@pytest.mark.parametrize(
    ("head", "samples", "status"),
    [
        ((0, 0, NO_LABEL, BEHIND_GAP, SampleKind.RAW_I32), bytes(8), Reason.CORE),
        ((0, 0, NO_LABEL, BEHIND_GAP, SampleKind.RAW_F32), bytes(8), Reason.CORE),
        ((0, 0, NO_LABEL, BEHIND_GAP, SampleKind.RAW_I16), bytes(5), Reason.LENGTH),
        ((0, 7, NO_LABEL, 0, SampleKind.RAW_I16), bytes(8), Reason.ORDER),
        ((0, 0, 1, BEHIND_GAP, SampleKind.RAW_I16), bytes(8), Reason.OTHER_SESSION),
        ((5, 0, 1, BEHIND_GAP, SampleKind.RAW_I16), bytes(8), Reason.OTHER_SESSION),
        ((0, 0, NO_LABEL, BEHIND_GAP, SampleKind.RAW_I16), b"", Reason.LENGTH),
    ],
)
def test_chunks_that_cannot_be(head: tuple[int, ...], samples: bytes, status: Reason) -> None:
    with taught(VirtualDevice(IMAGE)) as link:
        before = link.hash()
        assert refusal(link, SIGNAL.pack(*head) + samples).status == status
        assert link.hash() == before


def test_labels_that_there_are_not() -> None:
    with taught(VirtualDevice(IMAGE)) as link:
        stream = link.signal_stream()
        stream.push(swings(10, 1), 0)
        for label in (-1, 3):
            with pytest.raises(ValueError, match=r"label must be in 0 \.\. 2"):
                stream.push(swings(10, 1), label)
        body = SIGNAL.pack(link.session, 10, 3, 0, SampleKind.RAW_I16) + bytes(4)
        assert refusal(link, body).status == Reason.CORE


def answering(
    link: LinkDevice, wanted: Kind, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have a device answer one kind of request with what it likes."""
    request = link.link.request

    def lies(kind: Kind, body: bytes = b"", patience: float | None = None) -> Any:
        found = request(kind, body, patience)
        return replace(found, body=answer) if kind == wanted else found

    monkeypatch.setattr(link.link, "request", lies)


def test_a_repeated_chunk_is_answered_again() -> None:
    with taught(VirtualDevice(IMAGE)) as link:
        link.signal_stream().push(swings(8, 1), 0)  # begins the session
        body = SIGNAL.pack(link.session, 0, 1, BEHIND_GAP, SampleKind.RAW_I16)
        body += swings(60, 2).tobytes()
        first = link.link.request(Kind.SIGNAL, body)
        learned = link.hash()
        assert link.link.request(Kind.SIGNAL, body).body == first.body
        assert link.hash() == learned
        assert struct.unpack_from("<II", first.body) == (60, 2)


def test_the_same_samples_are_learned_again_by_another_stream() -> None:
    core = Core(IMAGE)
    clip = swings(WINDOW, 1)
    with taught(VirtualDevice(IMAGE)) as link:
        for _ in range(3):
            twin = SignalTwin(core)
            assert link.signal_stream().push(clip, 0).tolist() == twin.push(clip, 0).tolist()
            assert link.hash() == core.state_hash()
        asked = SignalTwin(core).push(clip).tolist()
        for _ in range(2):
            assert link.signal_stream().push(clip).tolist() == asked


@pytest.mark.parametrize("label", [None, 1])
def test_a_restart_behind_stretches_too_short_for_a_window(label: int | None) -> None:
    device, twin = VirtualDevice(IMAGE), SignalTwin(Core(IMAGE))
    with taught(device) as link:
        stream = link.signal_stream()
        found: list[Any] = []
        expected: list[Any] = []
        for count in (WINDOW + 5, *[WINDOW // 2] * 20, WINDOW):
            if count == WINDOW:
                device.reboot()
            for one, list_ in ((stream, found), (twin, expected)):
                one.gap()
                list_ += one.push(swings(count, count), label).tolist()
        assert link.hash() == twin.core.state_hash()
    assert found == expected


def window(
    label: int = NO_LABEL, decided: int = -1, prediction: int = 0, first: int = 0, count: int = 1
) -> bytes:
    head = struct.pack("<IIH", 50, 0, count)
    entry = struct.pack("<IHhiiIII", first, label, decided, prediction, 0, 0, 0, 0)
    return head + count * entry


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "answers SIGNAL too briefly"),
        (bytes(9), "answers SIGNAL too briefly"),
        (struct.pack("<IIH", 9999, 0, 0), "took no sample"),
        (struct.pack("<IIH", 50, 0, 2), "tells 2 windows in 10 bytes"),
        (window(label=7), "says class 7 where there are 3"),
        (window(decided=3), "says class 3 where there are 3"),
        (window(prediction=4), "says class 4 where there are 3"),
        (window(prediction=-5), "a result says class -5"),
        (window(first=19), "a window that ends at sample 51"),
        (window(first=1 << 31), "a window that ends at sample"),
        (window(first=2**32 - WINDOW), "a window that ends at sample 0"),
        (window(count=2), "a window that ends at sample 32"),
    ],
)
def test_answers_that_cannot_be(
    answer: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with taught(VirtualDevice(IMAGE)) as link:
        stream = link.signal_stream()
        stream._origin = 0
        answering(link, Kind.SIGNAL, answer, monkeypatch)
        with pytest.raises(DeviceError, match=message):
            stream.push(swings(50, 1))


def test_what_a_line_has_to_carry() -> None:
    heard = Signal(1, 8000, 4096, 2048, (("mean",),))
    assert 160_000 < baud_needed(heard, 1000) < 250_000
    assert baud_needed(signal_of(), 1000) < 9600


# ---- a sensor of the device's own ----------------------------------------------------------------


def sensing(**how: Any) -> VirtualDevice:
    return VirtualDevice(IMAGE, channels=CHANNELS, rate=50, **how)


def test_a_sensor_is_heard_and_marked() -> None:
    device = sensing()
    twin = SignalTwin(Core(IMAGE))
    device.sense(swings(70, 9))  # before anybody listens
    with taught(device) as link:
        stream = SensorStream(link.link, link.journal, link.core.network.capacity)
        assert stream.rate == 50
        assert not len(stream.poll())
        found = []
        for seed in range(12):
            label = (0, 1, None)[seed % 3]
            stream.poll(label)
            part = swings(45, seed)
            device.sense(part)
            found += stream.poll(label).tolist()
            ours = twin.push(part, label)
            ours["first"] += 70
            assert found[len(found) - len(ours) :] == ours.tolist()
        assert link.hash() == twin.core.state_hash()
        stream.poll(on=False)
        device.sense(swings(200, 5))
        assert not len(stream.poll(on=False))
        assert (stream.taken, stream.lost) == (70 + 12 * 45 + 200, 0)


def test_windows_that_nobody_asked_for_in_time_are_named() -> None:
    device = sensing()
    with taught(device) as link:
        stream = SensorStream(link.link, link.journal, link.core.network.capacity)
        stream.poll(0)
        device.sense(swings(30, 1))
        stream.poll(0)
        device.sense(swings(300, 1))
        windows = stream.poll(0)
        assert len(windows) == 4
        assert "windows were answered, but not asked for in time" in stream.events[0]


def test_a_sensor_survives_a_restart() -> None:
    device = sensing()
    with taught(device) as link:
        stream = SensorStream(link.link, link.journal, link.core.network.capacity)
        stream.poll(1)
        device.sense(swings(70, 1))
        assert len(stream.poll(1)) == 3
        device.reboot()
        stream.poll(1)
        assert "has restarted: 3 windows that it had learned" in stream.events[0]
        device.sense(swings(100, 2))
        assert (stream.poll(1)["label"] == 1).any()


def test_samples_of_a_sensor_are_read() -> None:
    device = sensing()
    samples = swings(500, 1)
    with taught(device) as link:
        device.sense(samples[:100])
        found = read_sensor(link.link, 0)
        assert (found.rate, found.first, found.taken) == (50, 0, 100)
        assert (found.numbers == samples[:100]).all()
        device.sense(samples[100:])
        late = read_sensor(link.link, 100)
        assert late.taken == 500
        assert late.first == 500 - 255  # what is kept
        assert (late.numbers == samples[late.first : late.first + len(late.numbers)]).all()
        assert not len(read_sensor(link.link, 500).numbers)
        assert not len(read_sensor(link.link, 700).numbers)
    with taught(VirtualDevice(IMAGE)) as link, pytest.raises(DeviceError, match="no sensor"):
        read_sensor(link.link, 0)


def test_a_sensor_of_other_channels() -> None:
    device = VirtualDevice(IMAGE, channels=3)
    with taught(device) as link:
        stream = SensorStream(link.link, link.journal, link.core.network.capacity)
        with pytest.raises(RefusedError, match="NACA_ERR_SAMPLE"):
            stream.poll(0)


@pytest.mark.parametrize(
    ("kind", "answer", "message"),
    [
        (Kind.SENSOR_READ, b"", "SENSOR_READ too briefly"),
        (Kind.SENSOR_READ, struct.pack("<IBII", 0, 2, 0, 0), "2 channels, 0 samples a second"),
        (Kind.SENSOR_READ, struct.pack("<IBII", 256, 0, 0, 0), "of 0 channels"),
        (Kind.SENSOR_READ, struct.pack("<IBII", 256, 17, 0, 0), "of 17 channels"),
        (Kind.SENSOR_READ, struct.pack("<IBII", 256, 2, 9, 9) + bytes(3), "2 channels in part"),
        (Kind.SENSOR_READ, struct.pack("<IBII", 256, 2, 9, 9) + bytes(4), "having taken 9"),
        (Kind.SENSOR_READ, struct.pack("<IBII", 256, 2, 9, 3) + bytes(4), "from 8 on"),
        (Kind.SENSOR, bytes(9), "SENSOR too briefly"),
        (Kind.SENSOR, struct.pack("<IBIIIIH", 0, 2, 0, 0, 0, 0, 0), "0 samples a second"),
        (Kind.SENSOR, struct.pack("<IBIIIIH", 256, 2, 0, 0, 0, 0, 9), "tells 9 windows"),
    ],
)
def test_sensors_that_cannot_be(
    kind: Kind, answer: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with taught(sensing()) as link:
        stream = SensorStream(link.link, link.journal, link.core.network.capacity)
        answering(link, kind, answer, monkeypatch)
        ask = stream.poll if kind == Kind.SENSOR else lambda: read_sensor(link.link, 8)
        with pytest.raises(DeviceError, match=message):
            ask()


def test_numbers_of_windows_go_round(monkeypatch: pytest.MonkeyPatch) -> None:
    with taught(sensing()) as link:
        stream = SensorStream(link.link, link.journal, link.core.network.capacity)
        last = struct.pack("<IBIIIIH", 256, 2, 0, 0, 0, 2**32 - 1, 1)
        last += struct.pack("<IHhiiIII", 0, NO_LABEL, -1, 0, 0, 0, 0, 0)
        answering(link, Kind.SENSOR, last, monkeypatch)
        stream.poll()
        assert stream._seen == 0


# ---- on a board ----------------------------------------------------------------------------------


BOARD = "netduinoplus2"


@pytest.fixture
def build_with(require_tool: Callable[[str], None], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that builds the board's firmware with an image."""
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")

    def build(data: bytes, *, sensor: bool = False) -> Path:
        path = tmp_path / "board.naca"
        path.write_bytes(data)
        return boards.build(BOARD, image=path, sensor=sensor, folder=tmp_path / "build")

    return build


PROGRAM = "from edge_naca.cli import main; main()"


def of_board(window: int = 64) -> Network:
    """Return a network for the simulated sensor: three channels, 200 samples a second."""
    signal = Signal(3, 200, window, window // 2, (("mean", "deviation", "change"),) * 3)
    x = np.random.default_rng(0).integers(-1000, 1000, (40, signal.features)).astype(np.int16)
    dataset = Dataset("n", x, np.arange(40) % 2, x, np.arange(40) % 2, ("slow", "fast"))
    network = recipes.network_for(dataset, features="decorrelated", neurons_per_class=2)
    return replace(network, signal=signal, metadata={"classes": ["slow", "fast"]})


def test_a_board_takes_samples_over_its_uart(
    build_with: Callable[..., Path], tmp_path: Path
) -> None:
    expected, state = by_twin()
    with EmulatedBoard(BOARD, build_with(IMAGE)) as board, open_link(board.url) as link:
        stream = link.signal_stream()
        windows = np.concatenate([stream.push(part, label) for part, label in lesson()])
        assert link.hash() == state
    assert windows.tolist() == expected.tolist()


def test_a_board_hears_its_own_sensor(build_with: Callable[..., Path], tmp_path: Path) -> None:
    recording = tmp_path / "recording.csv"
    elf = build_with(image.encode(of_board()), sensor=True)
    with EmulatedBoard(BOARD, elf) as board:
        told = object_of("record", board.url, "-o", recording, "--label", "slow", "--seconds", 2)
        assert told["samples"] > 40
        assert told["rate"] == 200
        rows = recording.read_text().splitlines()
        assert rows[0] == "time,channel 1,channel 2,channel 3,label"
        assert len(rows) == told["samples"] + 1
        words = ("stream", "--port", board.url, "--sensor", "--limit", 3)
        heard = object_of(*words, "--predict")
        assert heard["windows"] >= 3
        with open_link(board.url) as link:
            sensor = SensorStream(link.link, link.journal, link.core.network.capacity)
            labels: list[int] = []
            while len(labels) < 4:
                labels += sensor.poll(1)["label"].tolist()
                time.sleep(0.05)
            assert 1 in labels
            sensor.poll(on=False)


def test_keys_teach(build_with: Callable[..., Path], tmp_path: Path) -> None:
    elf = build_with(image.encode(of_board()), sensor=True)
    with EmulatedBoard(BOARD, elf) as board:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-c", PROGRAM, "stream", "--port", board.url, "--sensor"]
        process = subprocess.Popen(
            [*command, "--limit", "12"], stdin=theirs, stdout=subprocess.PIPE, text=True
        )
        os.write(ours, b"2")
        said, _ = process.communicate(timeout=120)
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 0, said
    assert "Press 1 slow, 2 fast" in said
    assert "taught fast" in said
