"""Codes with a sign, and networks with an inhibition, over the link: each learned once."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import failed, object_of
from numpy.typing import NDArray
from wire import Wire, batch_body, learn_body, pack, result_bytes

from edge_naca import image
from edge_naca._device import lib
from edge_naca.core import Core
from edge_naca.host import DeviceClassifier
from edge_naca.host.chaos import BadLine, Chaos
from edge_naca.host.client import LinkDevice
from edge_naca.host.packing import Packer
from edge_naca.host.recorder import Recorder
from edge_naca.host.session import Session
from edge_naca.host.transport import LoopTransport
from edge_naca.host.twin import Twin, TwinMismatchError
from edge_naca.host.virtual import VirtualDevice
from edge_naca.inhibition import Inhibition, triangle
from edge_naca.network import Network, Preparation
from edge_naca.presets import competitive

INPUTS, CLASSES, COUNT = 13, 3, 400
TERRIBLE = Chaos(
    lose=0.05, double=0.05, damage=0.05, drop=0.0005, flip=0.0005, split=0.2, merge=0.1, cut=500,
    seed=8,
)  # fmt: skip
LEARNED = Inhibition(INPUTS, 6, first=20, every=30)


def given() -> Inhibition:
    rng = np.random.default_rng(4)
    weights = rng.integers(-40, 41, triangle(INPUTS))
    return Inhibition(INPUTS, 5, weights, np.arange(INPUTS) % 3, shift=6)


@cache
def network(which: str) -> Network:
    preparation = Preparation((1, INPUTS, 1), keeps_sign=True)
    inhibition = {"signed": None, "given": given(), "learned": LEARNED}[which]
    return competitive(preparation, CLASSES, 4, bits=4, inhibition=inhibition)


EACH = pytest.mark.parametrize("which", ["signed", "given", "learned"])


def drawn(count: int, most: int, seed: int = 0) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Return numbers of both signs that classes have in common, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    centres = rng.integers(-most, most + 1, (CLASSES, INPUTS))
    noise = rng.integers(-most // 4, most // 4 + 1, (count, INPUTS))
    return np.clip(centres[labels] + noise, -most, most).astype(np.int16), labels


def packed(codes: NDArray[np.int8], bits: int) -> NDArray[np.uint8]:
    return np.frombuffer(pack(codes.view(np.uint8), bits + 1), np.uint8)


# ---- the device's end ------------------------------------------------------------------------


@pytest.mark.parametrize("bits", range(1, 8))
def test_codes_with_a_sign_as_they_are_and_packed(bits: int) -> None:
    """Every code once, at every place that a byte has for it."""
    preparation = Preparation((1, INPUTS, 1), keeps_sign=True)
    plain = competitive(preparation, CLASSES, 4, bits=bits)
    inhibited = competitive(
        preparation, CLASSES, 4, bits=3, inhibition=Inhibition(INPUTS, bits, first=9, every=9)
    )
    most = 2**bits - 1
    every = np.arange(-most, most + 1)
    codes = np.resize(every, (max(len(every), 3), INPUTS)).astype(np.int8)
    codes[0], codes[1] = -most, most
    for described in (plain, inhibited):
        wire, core = Wire(image.encode(described, None)), Core(described)
        assert wire.hello().body[11] & 8
        for i, x in enumerate(codes):
            expected = result_bytes(core, x, i % 3)
            if i % 2:
                body = learn_body(i, x.view(np.uint8), i % 3)
            else:
                body = learn_body(i, packed(x, bits), i % 3, lib.NACA_LINK_PACKED)
            assert wire.want(3, body).body == expected
        several = [packed(x, bits) for x in codes[:3]]
        body = batch_body(len(codes), several, [0, 1, 2], lib.NACA_LINK_PACKED)
        expected = b"".join(result_bytes(core, x, i) for i, x in enumerate(codes[:3]))
        assert wire.want(4, body).body[6:] == expected
        assert wire.hash() == (core.state_hash(), len(codes) + 3)


@EACH
def test_what_is_no_code_is_refused(which: str) -> None:
    described = network(which)
    bits = described.code_bits
    wire, core = Wire(image.encode(described, None)), Core(described)
    codes = np.zeros(INPUTS, np.int8)
    wire.want(3, learn_body(0, packed(codes, bits), 0, lib.NACA_LINK_PACKED))
    result_bytes(core, codes, 0)
    for wrong in (-(2**bits), *([2**bits] if bits < 7 else [])):
        codes[5] = wrong
        kinds = {lib.NACA_CODES: codes.view(np.uint8)}
        if wrong < 0:  # as bits it is none that a code has
            kinds[lib.NACA_LINK_PACKED] = packed(codes, bits)
        for kind, sample in kinds.items():
            answer = wire.ask(3, learn_body(1, sample, 0, kind))
            assert answer.status == lib.NACA_LINK_CORE
            assert answer.numbers("iI") == (lib.NACA_ERR_SAMPLE, 1)
    events = np.array([[0, 1]], "<u2")
    assert wire.ask(3, learn_body(1, events, 0, lib.NACA_EVENTS)).numbers("iI")[1] == 1
    assert wire.hash() == (core.state_hash(), 1)


@pytest.mark.parametrize("kind", [lib.NACA_CODES, lib.NACA_LINK_PACKED])
def test_an_item_with_another_sign_is_another_item(kind: int) -> None:
    described = network("learned")
    wire = Wire(image.encode(described, None))
    codes = np.full(INPUTS, 5, np.int8)
    first, second = (
        packed(x, described.code_bits) if kind == lib.NACA_LINK_PACKED else x.view(np.uint8)
        for x in (codes, np.where(np.arange(INPUTS) == 12, -codes, codes))
    )
    answer = wire.want(3, learn_body(0, first, 0, kind)).body
    state = wire.hash()
    assert wire.ask(3, learn_body(0, second, 0, kind)).status == lib.NACA_LINK_OTHER_ITEM
    assert wire.want(3, learn_body(0, first, 0, kind)).body == answer
    assert wire.hash() == state


# ---- exactly once ----------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("batch", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_learned_once_over_a_terrible_line(which: str, batch: int) -> None:
    described = network(which)
    count = 200
    x, y = drawn(count, 2**described.code_bits - 1)
    core = Core(described)
    expected = core.learn_many(x, y)
    device = VirtualDevice(image.encode(described, None), seed=3)
    line = BadLine(TERRIBLE)
    connect = line.over(lambda: LoopTransport(device.receive))
    with LinkDevice(connect, "test", patience=60, first_patience=60) as client:
        assert client.hello.signed
        results = client.learn_many(x, y, batch)
        assert client.hash() == core.state_hash()
        assert client.state() == core.save_state()
        assert client.stats().presentations == count
    assert (results == expected).all()
    for faults in (line.there, line.back):
        assert faults.lost + faults.doubled + faults.damaged > 0


@EACH
def test_taught_again_what_a_restart_lost(which: str) -> None:
    """What an inhibition learned is saved with the rest, and comes back."""
    described = network(which)
    x, y = drawn(COUNT, 2**described.code_bits - 1, seed=1)
    expected = Core(described)
    device = VirtualDevice(image.encode(described, None), seed=5)
    with LinkDevice(lambda: LoopTransport(device.receive), "test") as client:
        for first in range(0, COUNT, 80):
            part = slice(first, first + 80)
            client.learn_many(x[part], y[part])
            expected.learn_many(x[part], y[part])
            if first == 80:
                client.save()
            device.reboot()
            assert client.hash() == expected.state_hash()
        assert client.counts.reboots == 5
        other = VirtualDevice(image.encode(described, None))
        saved = client.state()
    with LinkDevice(lambda: LoopTransport(other.receive), "other") as client:
        client.load_state(saved)
        assert client.predict_many(x).tolist() == expected.predict_many(x).tolist()


# ---- the host's end --------------------------------------------------------------------------


@EACH
def test_what_is_packed_is_unpacked(which: str) -> None:
    described = network(which)
    packer = Packer(Core(described))
    most = 2**described.code_bits - 1
    x, _ = drawn(50, most)
    samples = packer.samples(x)
    assert {len(sample) for sample in samples} == {-(-INPUTS * (described.code_bits + 1) // 8)}
    codes = packer.codes(samples)
    assert codes.dtype == np.int8
    assert (codes == x).all()
    with pytest.raises(ValueError, match="codes must be in"):
        packer.codes([packed(np.full(INPUTS, -most - 1, np.int8), described.code_bits).tobytes()])
    with pytest.raises(ValueError, match="it has 3 bytes, those of the network have"):
        packer.codes([bytes(3)])


def test_unsigned_codes_are_packed_as_ever() -> None:
    described = competitive(16, 3, 4)
    codes = np.random.default_rng(0).integers(0, 16, (9, 16), np.uint8)
    packer = Packer(Core(described))
    samples = packer.samples(codes)
    assert samples == [pack(row, 4) for row in codes]
    back = packer.codes(samples)
    assert back.dtype == np.uint8
    assert (back == codes).all()


@EACH
def test_a_recording_is_replayed(which: str, tmp_path: Path) -> None:
    described = network(which)
    x, y = drawn(120, 2**described.code_bits - 1, seed=2)
    data = image.encode(described, None)
    (tmp_path / "i.naca").write_bytes(data)
    device = VirtualDevice(data)
    path = tmp_path / "r.jsonl"
    with LinkDevice(lambda: LoopTransport(device.receive), "test") as client:
        items = list(zip(y.tolist(), client.packer.samples(x), strict=True))
        header: dict[str, Any] = {
            "learn": True,
            "network_id": f"{client.hello.network_id:08x}",
            "session": f"{client.session:08x}",
            "start": 0,
            "start_hash": f"{client.hash():08x}",
            "state": None,
        }
        with Recorder(path, header) as recorder:
            twin = Twin(Core(described), 0)
            Session(client, items, recorder=recorder, twin=twin).run()
        state = client.hash()
    said = object_of("replay", path, "--emulate", tmp_path / "i.naca")
    assert said["state_hash"] == f"{state:08x}"
    assert said["compared"] == 120

    lines = path.read_text().splitlines()
    line = json.loads(lines[5])
    bits = described.code_bits
    wrong = packed(np.full(INPUTS, -(2**bits), np.int8), bits)
    line["sample"] = base64.b64encode(wrong.tobytes()).decode()
    lines[5] = json.dumps(line)
    path.write_text("".join(f"{line}\n" for line in lines))
    error = failed(1, "replay", path, "--emulate", tmp_path / "i.naca")
    assert f"sample {line['n']} of the recording: codes must be in" in error


def test_a_twin_finds_another_inhibition() -> None:
    """The twin learns V too: what a device learned otherwise shows in its hash or its answers."""
    described = network("learned")
    other = replace(described, inhibition=replace(LEARNED, noise=900))
    x, y = drawn(COUNT, 2**described.code_bits - 1)
    device = VirtualDevice(image.encode(described, None))
    with LinkDevice(lambda: LoopTransport(device.receive), "test") as client:
        items = list(zip(y.tolist(), client.packer.samples(x), strict=True))
        with pytest.raises(TwinMismatchError):
            Session(client, items, twin=Twin(Core(other), 0)).run()


@EACH
def test_classifier_of_a_device(which: str) -> None:
    described = network(which)
    most = 2**described.code_bits - 1
    x, y = drawn(200, most)
    device = VirtualDevice(image.encode(described, None))
    with LinkDevice(lambda: LoopTransport(device.receive), "test") as client:
        model = DeviceClassifier(client).partial_fit(x, y)
        assert model.score(x, y) > 0.9
        with pytest.raises(ValueError, match="made for integers"):
            model.predict(x / 2)


def test_codes_alone_without_preparation() -> None:
    """A network without preparation takes codes of both signs, and says which it takes."""
    described = competitive(INPUTS, CLASSES, 4, bits=4, inhibition=Inhibition(INPUTS, 4))
    x, y = drawn(100, 15)
    expected = Core(described)
    expected.learn_many(x, y)
    device = VirtualDevice(image.encode(described, None))
    with LinkDevice(lambda: LoopTransport(device.receive), "test") as client:
        client.learn_many(x, y)
        assert client.hash() == expected.state_hash()
        with pytest.raises(ValueError, match=r"codes must be in -15 \.\. 15"):
            client.predict_many(x * 2)


def test_flag_of_hello() -> None:
    def flags(which: bytes | None) -> int:
        return int(struct.unpack_from("<B", Wire(which).hello().body, 11)[0])

    for which in ("signed", "learned"):
        assert flags(image.encode(network(which), None)) & 8
    assert flags(image.encode(competitive(16, 3, 4), None)) & 8 == 0
    assert flags(None) & 8 == 0
