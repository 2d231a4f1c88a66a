"""What holds firmware against the host: which differences it finds, and what it says of them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_device import FakeDevice
from products import small_network

from edge_naca import image, presets
from edge_naca.core import Core
from edge_naca.host.counting import Counts
from edge_naca.host.device import DeviceError
from edge_naca.host.framing import encode_frame
from edge_naca.host.link import NoAnswerError
from edge_naca.host.transport import LoopTransport
from edge_naca.inhibition import Inhibition
from edge_naca.network import Preparation
from edge_naca.states import snapshot
from edge_naca.testing import (
    BudgetError,
    DeviceUnderTest,
    DifferenceError,
    FaultyLine,
    HostTwin,
    VirtualUnderTest,
    assert_same_as_host,
)
from edge_naca.testing.differences import state_differences
from edge_naca.testing.instructions import check_budgets
from edge_naca.testing.listening import Heard

IMAGE = image.encode(small_network())
RANDOM = np.random.default_rng(8)
X, Y = RANDOM.integers(0, 17, (60, 16)), RANDOM.integers(0, 3, 60)


def under_test(fake: FakeDevice, meant: bytes | None = None) -> DeviceUnderTest:
    return DeviceUnderTest("the fake", lambda: LoopTransport(fake.receive), meant, patience=2)


# ---- device and host ---------------------------------------------------------------------------


def test_a_device_that_is_right_passes() -> None:
    with under_test(FakeDevice(IMAGE), IMAGE) as target:
        assert_same_as_host(target.device, X, Y)
        assert target.device.hello.learned == 0  # what it said when it was opened
        assert target.device.hash_at()[1] == len(X)
        assert_same_as_host(target.device, X[:5], Y[:5])  # from where it is


@pytest.mark.parametrize("every", [1, 7])
def test_a_sample_that_is_learned_otherwise_is_named(every: int) -> None:
    fake = FakeDevice(IMAGE)
    fake.faulty_at = 23
    with under_test(fake) as target, pytest.raises(DifferenceError) as error:
        assert_same_as_host(target.device, X, Y, every=every)
    message = str(error.value)
    if every == 1:
        assert re.search(r"differs from its twin('s before sample 24| at sample 23):", message)
    else:
        assert "sample 21" in message  # the last look before
    assert re.search(r"\n  populations\[\d\]\.\w+: \d+ of \d+ numbers, the first at \[", message)
    assert re.search(r"\n  seen: 2 of 3 numbers, the first at \[\d\]: \d+ instead of \d+", message)


def test_states_are_compared_where_both_have_learned_the_same_samples() -> None:
    """A difference in the midst of a part: what follows it was learned by both."""
    fake = FakeDevice(IMAGE)
    fake.faulty_at = 0
    with under_test(fake) as target, pytest.raises(DifferenceError) as error:
        HostTwin(target.device).learn_many(X, Y, every=60)
    assert "learned: " not in str(error.value)


class Tampered(FakeDevice):
    """A device whose answers, without learning, say one margin too much from the third on."""

    asked = 0

    def _infer(self, body: bytes) -> tuple[int, bytes]:
        status, answer = super()._infer(body)
        self.asked += 1
        changed = bytearray(answer)
        changed[4] ^= self.asked >= 3
        return status, bytes(changed)


def test_answers_without_learning_are_compared() -> None:
    with under_test(Tampered(IMAGE)) as target:
        twin = HostTwin(target.device)
        assert twin.predict(X[0]) == twin.core.infer(X[0])
        with pytest.raises(
            DifferenceError,
            match=r"asked about sample 1, which neither learns: margin -?\d+ instead of -?\d+\. "
            "The learned states are equal",
        ):
            twin.predict_many(X[:4])


def test_a_state_that_changed_between_samples_is_found() -> None:
    fake = FakeDevice(IMAGE)
    with under_test(fake) as target:
        twin = HostTwin(target.device)
        twin.learn(X[0], 1)
        assert twin.core.learned() == 1
        fake._running.learn(X[1], 1)
        with pytest.raises(DifferenceError, match=r"(?s)before sample 1: hash.*learned: 2 instead"):
            twin.compare_state()


def test_a_state_that_is_not_the_image_s_is_found_before_anything_is_learned() -> None:
    fake = FakeDevice(IMAGE)
    other = Core(IMAGE)
    state = image.unpack_state(other.network, other.state())
    weights = state.populations[0].weights.copy()
    weights[1, 2] += 1
    populations = (replace(state.populations[0], weights=weights), *state.populations[1:])
    changed = Core(other.network, replace(state, populations=populations))
    fake._running.load_state(changed.save_state())
    with under_test(fake) as target, pytest.raises(DifferenceError) as error:
        HostTwin(target.device)
    message = str(error.value)
    assert "no sample beyond the 0 of its image" in message
    assert message.endswith(
        "  populations[0].weights: 1 of 96 numbers, the first at [1, 2]: "
        f"{weights[1, 2]} instead of {weights[1, 2] - 1}"
    )


@pytest.mark.parametrize(
    ("runs", "what"),
    [
        (image.encode(small_network(seed=5)), "Its network is another one"),
        (image.encode(replace(small_network(), metadata={"by": "me"})), "or its metadata, is not"),
        (b"", "It runs none"),
    ],
)
def test_another_image_than_is_meant_is_said(runs: bytes, what: str) -> None:
    expected = rf"does not run the image .* checksum \w+ instead of \w+, network .*{what}\. Build"
    with (
        under_test(FakeDevice(runs), IMAGE) as target,
        pytest.raises(DifferenceError, match=expected),
    ):
        target.device.hash()
    with under_test(FakeDevice(runs)) as target, pytest.raises(DifferenceError, match=expected):
        assert_same_as_host(target.device, X, Y, image=IMAGE)


def test_too_little_ram_for_the_image_is_said() -> None:
    expected = (
        r"It runs none: its 64 bytes of RAM for a network are less than the \d+ that this one"
    )
    with (
        VirtualUnderTest(IMAGE, ram=64) as target,
        pytest.raises(DifferenceError, match=expected),
    ):
        target.device.hash()


def test_an_image_is_checked_once_since_another_one_may_be_pushed() -> None:
    other = image.encode(small_network(seed=5))
    with VirtualUnderTest(IMAGE) as target:
        target.device.push(other)
        target.hang_up()
        assert target.device.image() == other
        assert FaultyLine(target, lose=0.0).device.image() == other


def test_everything_that_is_learned_has_a_line() -> None:
    preparation = Preparation((1, 8, 1), keeps_sign=True)
    inhibition = Inhibition(8, 5, first=6, every=3)
    learner = presets.competitive(preparation, 3, 2, bits=5, inhibition=inhibition)
    before, after = Core(learner), Core(learner)
    x = np.random.default_rng(3).integers(-60, 60, (30, 8))
    after.learn_many(x, np.arange(30) % 3)
    lines = state_differences(snapshot(after).state, snapshot(before).state)
    names = [line.partition(":")[0] for line in lines]
    assert {"seen", "learned", "populations[0].weights", "populations[0].wins"} <= set(names)
    assert {"inhibition.factor", "inhibition.count", "inhibition.prototypes"} <= set(names)
    assert "learned: 30 instead of 0" in lines
    assert state_differences(snapshot(after).state, snapshot(after).state) == []


# ---- devices -----------------------------------------------------------------------------------


def test_a_faulty_line_is_faulty_and_nothing_is_learned_otherwise(tmp_path: Path) -> None:
    (tmp_path / "my.naca").write_bytes(IMAGE)
    with VirtualUnderTest(tmp_path / "my.naca", seed=1) as target:
        first = target.device
        line = FaultyLine(target, seed=4)
        assert_same_as_host(line.device, X, Y)
        assert line.faults > 0
        with pytest.raises(DeviceError, match="closed"):  # there is one line at a time
            first.hash()
        assert target.device.hash() == HostTwin(line.device).core.state_hash()
        assert repr(line) == "<FaultyLine the virtual device, over a faulty line (seed 4)>"
        noisy = FaultyLine(target, flip=0.001)
        HostTwin(noisy.device).learn_many(X, Y)
        assert noisy.line.there.noisy + noisy.line.back.noisy == noisy.faults > 0
    with pytest.raises(TypeError, match="colour"):
        FaultyLine(target, colour=1)


def test_a_line_over_which_nothing_comes_is_reported() -> None:
    with VirtualUnderTest(IMAGE, patience=1) as target:
        line = FaultyLine(target, seed=4, lose=0.999)
        with pytest.raises(
            NoAnswerError,
            match=r"nothing at the virtual device, over a faulty line \(seed 4\) answers.*\n"
            r"The line is faulty on purpose: [1-9]\d* faults so far\.",
        ):
            line.device.hash()
        assert target.device.hash() == Core(IMAGE).state_hash()


def test_what_a_program_says_is_told_from_frames_and_noise() -> None:
    heard = Heard()
    assert heard.text() == ""
    heard.feed(b"\r\nA product, version 3\r\n\0" + encode_frame(b"a frame with words in it"))
    heard.feed(b"\xff\x13noise\x80\0\r\nfault: bus at 08")
    heard.feed(b"000123 why 00000001\r\n\0")
    assert heard.text() == "A product, version 3\nfault: bus at 08000123 why 00000001"
    heard.feed(bytes(5000) + b"half a wo")
    assert heard.text().endswith("why 00000001\nhalf a wo")
    heard.feed(b"x" * 10_000 + b"\0" + b"last\n" * 30)
    assert heard.text() == "\n".join(["last"] * 30)


# ---- budgets -----------------------------------------------------------------------------------


def test_what_costs_more_than_its_budget_is_told_with_figures() -> None:
    counts = Counts("cycles", np.array([70, 90, 80]), np.array([100, 250, 300]), 0)
    check_budgets(counts, "uno", {"inferring": 90, "learning": None})
    with pytest.raises(BudgetError) as error:
        check_budgets(counts, "uno", {"inferring": 90, "learning": 249})
    assert str(error.value) == (
        "on uno, learning takes up to 300 cycles (sample 2), 249 are allowed: 2 of 3 samples take "
        "more, the mean is 217"
    )
    with pytest.raises(BudgetError, match=r"inferring takes up to 90 .*; learning takes up to 300"):
        check_budgets(counts, "uno", {"inferring": 1, "learning": 1})
