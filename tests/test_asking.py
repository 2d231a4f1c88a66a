"""Whose labels are asked for: about as many as allowed, those in doubt rather than others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call, done, failed, object_of
from numpy.typing import NDArray

from edge_naca import NacaClassifier, data, presets, recipes
from edge_naca.asking import Asking, doubts, taught_by_asking
from edge_naca.cli.ask import asked_items
from edge_naca.cli.stream import start_of
from edge_naca.core import Core
from edge_naca.host.addresses import open_link
from edge_naca.host.client import LinkDevice
from edge_naca.host.recorder import Recorder, pack_state, read

DIGITS = data.load("digits")


def untaught(neurons: int = 8) -> tuple[Core, NDArray[Any]]:
    core = Core(recipes.network_for(DIGITS, neurons_per_class=neurons))
    return core, DIGITS.x_train


def test_doubt_is_the_ratio_of_two_distances() -> None:
    network = presets.competitive(2, 3, 1, bits=3, drift=0.0)
    core = Core(network)
    assert doubts(core, np.array([[1, 1]], np.uint8)).tolist() == [1.0]
    core.learn_many(np.array([[0, 0], [0, 0]], np.uint8), np.array([0, 0]))
    assert doubts(core, np.array([[1, 1]], np.uint8)).tolist() == [1.0]
    core.learn_many(np.array([[6, 0]], np.uint8), np.array([1]))
    given = doubts(core, np.array([[0, 0], [3, 0], [2, 0], [6, 0]], np.uint8))
    # Squared distances 4 and 16 to the one and the other, but for what priors add.
    np.testing.assert_allclose(given[[0, 1, 2]], [0, 1, 4 / 16], atol=0.08)
    assert given[3] < 0.1


@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
def test_the_share_is_kept_whatever_is_in_doubt(share: float) -> None:
    rng = np.random.default_rng(0)
    for doubt in (np.ones(4000), rng.random(4000), rng.random(4000) ** 8, np.zeros(4000)):
        asking = Asking(share, 1)
        wanted = [asking.wants_label(value) for value in doubt]
        assert share * 0.7 <= np.mean(wanted) <= share * 1.2


@pytest.mark.parametrize("labels", ["all different", "all the same"])
def test_doubt_counts_where_labels_change(labels: str) -> None:
    doubt = np.random.default_rng(0).random(5000)
    asking = Asking(0.1, 1)
    wanted = np.zeros(5000, bool)
    for number, value in enumerate(doubt):
        wanted[number] = asking.wants_label(value)
        asking.told(number if labels == "all different" else 3)
    late = slice(2000, None)
    often = wanted[late][doubt[late] > 0.9].mean()
    if labels == "all different":
        assert often > 4 * wanted[late][doubt[late] < 0.5].mean() > 0
    else:  # one class after another: at random
        assert often < 1.6 * wanted[late].mean()


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_the_share_is_one(share: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        Asking(share)


def test_only_what_is_asked_for_is_learned() -> None:
    core, x = untaught()
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], DIGITS.y_train[order]
    seen = []
    asked, answers = taught_by_asking(core, x, y, 0.2, 3, lambda: seen.append(1))
    assert len(seen) == len(x) == len(answers)
    assert core.learned() == len(asked)
    twin, _ = untaught()
    results = twin.learn_many(x[asked], y[asked])
    assert twin.state() == core.state()
    assert (results["prediction"] == answers[asked]).all()
    again, _ = untaught()
    assert (taught_by_asking(again, x, y, 0.2, 3)[0] == asked).all()
    assert 0.13 < len(asked) / len(x) < 0.25


def test_labels_that_repeat_are_taken_note_of() -> None:
    core, x = untaught()
    order = np.argsort(DIGITS.y_train, kind="stable")
    x, y = x[order], DIGITS.y_train[order]
    asked, _ = taught_by_asking(core, x, y, 0.2, 3)
    twin, asking, again = untaught()[0], Asking(0.2, 3), []
    for number, sample in enumerate(x):
        if asking.wants_label(float(doubts(twin, sample[None])[0])):
            twin.learn(sample, int(y[number]))
            asking.told(int(y[number]))
            again.append(number)
    assert asked.tolist() == again


def started(device: LinkDevice, base: int, record: Path | None) -> list[tuple[int, bytes]]:
    """Return which items of all digits would be taught."""
    x = DIGITS.x_train
    items = list(zip(DIGITS.y_train.tolist(), device.packer.samples(x), strict=True))
    return asked_items(device, base, record, x, items, 0.1, 5, True)


def test_what_is_asked_for_depends_on_what_the_device_knows(tmp_path: Path) -> None:
    written, record = tmp_path / "digits.naca", tmp_path / "asked.jsonl"
    done("train", "digits", "--untaught", "-o", written)
    with open_link(f"emulate:{written}") as device:
        x = DIGITS.x_train
        new = started(device, 0, None)
        device.learn_many(x[:600], DIGITS.y_train[:600])
        taught = started(device, 600, None)
        assert taught != new
        # A stream that began with what the image knows is asked again as it was then.
        assert started(device, 0, None) == new
        header: dict[str, Any] = {"state": pack_state(device.state())}
        Recorder(record, header | start_of(device, 600)).close()
        device.learn_many(x[600:900], DIGITS.y_train[600:900])
        assert started(device, 600, record) == taught
        assert started(device, 900, None) != taught


def test_the_classifier_asks() -> None:
    X, y = DIGITS.x_train.reshape(-1, 64), DIGITS.y_train
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order].astype(float), y[order]
    model = NacaClassifier(feature_range=(0, 16)).partial_fit(X[:50], y[:50])
    wanted = np.zeros(len(X), bool)
    for number in range(50, 600):
        wanted[number] = model.wants_label(X[number : number + 1], share=0.2)[0]
        if wanted[number]:
            model.partial_fit(X[number : number + 1], y[number : number + 1])
    assert 0.1 < wanted[50:600].mean() < 0.3
    assert model.core_.learned() == 50 + wanted.sum()
    assert model.wants_label(X[:40], share=1.0).mean() > 0.6


def test_a_device_is_taught_what_is_worth_it(tmp_path: Path) -> None:
    written, record = tmp_path / "digits.naca", tmp_path / "asked.jsonl"
    done("train", "digits", "--untaught", "-o", written)
    port = f"emulate:{written}"
    words = ("stream", "--port", port, "--data", "digits", "--order", "shuffled", "--ask", "0.2")
    told = done(*words, "--twin", "--record", record)
    assert "labels are asked for" in told
    assert "equal to the twin's" in told
    recorded = read(record)
    assert recorded.header["ask"] == 0.2
    assert 0.1 * 1437 < len(recorded.items) < 0.3 * 1437
    summary = object_of(*words)
    assert summary["samples"] == len(recorded.items)
    assert summary["state_hash"] == f"{recorded.hash:08x}"
    message = failed(2, *words, "--predict")
    assert "not with --predict" in message
    result = call(*words[:-1], "0.3", "--record", record)
    assert result.exit_code == 1
    assert "its ask is 0.2, not 0.3" in result.stderr
