"""``edge-naca selftest``: right devices pass, wrong ones are told where, all stay as they were."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import call, failed, object_of
from serving import IMAGE, X, Y, connected, served
from stage_networks import coded, spiking
from wire import HEARING, SIGNED

from edge_naca import image
from edge_naca.affine import Affine
from edge_naca.core import Core
from edge_naca.host.framing import Decoder, encode_frame
from edge_naca.host.messages import ANSWER, Kind
from edge_naca.host.selftest import SelfTest, markdown
from edge_naca.host.virtual import VirtualDevice
from edge_naca.network import Network, Preparation
from edge_naca.presets import competitive

REAL = competitive(Preparation((1, 16, 1), affine=Affine.of(np.zeros(16), np.full(16, 0.01))), 3, 4)


def altered(
    device: VirtualDevice,
    request: Callable[[int, bytearray], None] = lambda kind, payload: None,
    answer: Callable[[int, bytearray], None] = lambda kind, payload: None,
) -> Callable[[bytes], bytes]:
    """Return a device whose requests and answers are changed on the way, checksums and all."""
    there, back = Decoder(), Decoder()

    def receive(data: bytes) -> bytes:
        sent = b""
        for payload in there.feed(data):
            changed = bytearray(payload)
            request(payload[0], changed)
            sent += encode_frame(bytes(changed))
        said = b""
        for payload in back.feed(device.receive(sent)):
            changed = bytearray(payload)
            answer(payload[0] - ANSWER, changed)
            said += encode_frame(bytes(changed))
        return said

    return receive


@pytest.mark.parametrize(
    "network",
    [HEARING, SIGNED, REAL, coded(), spiking()],
    ids=lambda network: str(network.topology),
)
def test_a_device_that_is_right_passes_and_is_as_it_was(network: Network) -> None:
    with connected(VirtualDevice(image.encode(network)).receive) as device:
        before = device.hash_at(), device.hello.session
        found = SelfTest(device).run()
        assert (found.passed, found.difference) == (True, None)
        assert found.presented == (16 if network.preparation is not None else 8)
        assert found.taught == (16 if any(p.rule for p in network.populations) else 0)
        assert (device.hash_at(), device.link.refresh().session) == before


def test_what_was_taught_and_not_saved_is_kept() -> None:
    virtual = VirtualDevice(IMAGE)
    with connected(virtual.receive) as device:
        device.learn_many(X[:20], Y[:20])
        operations = virtual.flash_operations
        before = device.hash_at()
        first = SelfTest(device).run()
        assert first.passed
        assert first.state["before"] == first.state["after"] != first.state["taught"]
        assert device.hash_at() == before
        assert virtual.flash_operations == operations  # no wear
        assert SelfTest(device).run().vectors == first.vectors
        device.learn_many(X[:1], Y[:1])
        assert SelfTest(device).run().vectors != first.vectors


def test_a_wrong_answer_is_named() -> None:
    def answer(kind: int, payload: bytearray) -> None:
        if kind == Kind.LEARN:
            payload[12] ^= 4  # the margin

    virtual = VirtualDevice(IMAGE)
    with connected(altered(virtual, answer=answer)) as device:
        before = device.hash_at()
        found = SelfTest(device).run()
        assert not found.passed
        assert found.difference is not None
        assert found.difference.startswith("lesson 0: margin ")
        assert device.hash_at() == before


def test_a_weight_that_was_learned_wrongly_is_named() -> None:
    """As if the core computed wrongly: the fourth lesson is another one than was sent."""
    taught: list[int] = []

    def request(kind: int, payload: bytearray) -> None:
        if kind == Kind.LEARN:
            taught.append(1)
            if len(taught) == 4:
                payload[16] = (payload[16] + 1) % 5  # the label

    virtual = VirtualDevice(IMAGE)
    with connected(altered(virtual, request)) as device:
        before = device.hash_at()
        found = SelfTest(device).run()
        assert found.difference is not None
        assert "state after lesson 3: hash " in found.difference or "lesson 3:" in found.difference
        assert "weights differ" in found.difference or "changes" in found.difference
        assert device.hash_at() == before


@pytest.mark.parametrize("save", [False, True])
def test_a_device_without_memory_for_a_trial(save: bool) -> None:
    ram = Core(IMAGE).workspace_size
    with connected(VirtualDevice(IMAGE, ram=ram).receive) as device:
        device.learn_many(X[:5], Y[:5])
        before = device.hash_at()
        found = SelfTest(device, save).run()
        assert found.passed
        assert found.taught == (16 if save else 0)
        assert ("nothing was taught" in "".join(found.notes)) == (not save)
        assert device.hash_at() == before
        assert device.stats().saves == save


def test_a_device_that_restarts_meanwhile_is_given_back_what_it_knew() -> None:
    virtual = VirtualDevice(IMAGE)
    taught: list[int] = []

    def request(kind: int, payload: bytearray) -> None:
        if kind == Kind.LEARN:
            taught.append(1)
            if len(taught) == 7:
                virtual.reboot()

    with connected(altered(virtual, request)) as device:
        device.learn_many(X[:5], Y[:5])
        taught.clear()
        before = device.hash_at()
        found = SelfTest(device).run()
        assert not found.passed
        assert "restarted" in (found.difference or "") + "".join(found.notes)
        assert device.hash_at() == before


def test_the_report(tmp_path: Path) -> None:
    with served(VirtualDevice(IMAGE).receive, "tcp") as port:
        told = object_of("selftest", port)
        assert (told["passed"], told["taught"], told["format"]) == (True, 16, 1)
        assert call("selftest", port, "-o", tmp_path / "r.md").exit_code == 0
        text = (tmp_path / "r.md").read_text()
        for part in (
            ": passed",
            "| edge-naca |",
            "| board | virtual |",
            "| median_ms |",
            "Vectors",
        ):
            assert part in text
        assert call("selftest", port, "-o", tmp_path / "r.json").exit_code == 0
        content = json.loads((tmp_path / "r.json").read_text())
        assert content["vectors"] == told["vectors"]
        assert content["line"]["resent"] == 0
        assert ".md or .json" in failed(2, "selftest", port, "-o", tmp_path / "r.txt")

        def answer(kind: int, payload: bytearray) -> None:
            if kind == Kind.INFER:
                struct.pack_into("<I", payload, 16, 0)

    with served(altered(VirtualDevice(IMAGE), answer=answer), "tcp") as port:
        result = call("selftest", port)
        assert result.exit_code == 1
        assert "first difference: sample 0 as codes: spikes 0 instead of" in result.stdout


def test_a_bad_line_is_told() -> None:
    with served(VirtualDevice(IMAGE).receive, "tcp") as port:
        told = object_of("selftest", port, "--chaos", "lose=3%,seed=2")
        assert told["passed"]
        assert told["line"]["resent"] > 0


def test_a_device_without_an_image_is_told() -> None:
    with served(VirtualDevice().receive, "tcp") as port:
        assert "no image" in failed(1, "selftest", port)


def test_markdown_says_what_was_left_out() -> None:
    with connected(VirtualDevice(IMAGE, ram=Core(IMAGE).workspace_size).receive) as device:
        assert "- nothing was taught" in markdown(SelfTest(device).run(), "x")
