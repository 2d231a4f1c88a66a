"""Networks that grow have forgotten nothing, and go on as if always that large."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import done, failed, object_of
from numpy.typing import NDArray

from edge_naca import data, image, presets, recipes
from edge_naca.core import Core
from edge_naca.export import load_image
from edge_naca.growing import grown
from edge_naca.network import Encoder, Network, Population
from edge_naca.specification.network import Specification

DIGITS = data.load("digits")


def raw(core: Core, x: NDArray[Any]) -> NDArray[Any]:
    return x


def taught(classes: int, neurons: int = 5, **settings: Any) -> Core:
    """Return a core with room for so many classes, which has learned digits of these."""
    known = DIGITS.y_train < classes
    dataset = replace(
        DIGITS.with_classes([str(label) for label in range(10)]),
        x_train=DIGITS.x_train[known],
        y_train=DIGITS.y_train[known],
        classes=tuple(map(str, range(classes))),
    )
    network = recipes.network_for(dataset, neurons_per_class=neurons, **settings)
    core = Core(network)
    core.learn_many(raw(core, dataset.x_train[:400]), dataset.y_train[:400])
    return core


SETTINGS: list[dict[str, Any]] = [{}, {"weight_bits": 4}, {"features": "decorrelated"}]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(("capacity", "neurons"), [(7, 5), (4, 8), (9, 6)])
def test_answers_stay_until_something_is_learned(
    settings: dict[str, Any], capacity: int, neurons: int
) -> None:
    core = taught(4, **settings)
    larger = Core(*grown(core.network, core.state(), capacity, neurons))
    assert larger.network.topology == f"64-{capacity * neurons}-{capacity}"
    x = raw(core, DIGITS.x_test[:200])
    before, after = core.infer_many(x), larger.infer_many(x)
    assert (before["prediction"] == after["prediction"]).all()
    assert (before["margin"] == after["margin"]).all()
    assert (larger.seen()[:4] == core.seen()).all()
    assert larger.learned() == core.learned()


@pytest.mark.parametrize("settings", SETTINGS)
def test_room_that_comes_later_is_as_good(settings: dict[str, Any]) -> None:
    small, large = taught(4, **settings), taught(4, capacity=6, **settings)
    network, state = grown(small.network, small.state(), 6)
    assert image.encode(replace(network, metadata={})) == image.encode(
        replace(large.network, metadata={})
    )
    core = Core(network, state)
    rest = slice(400, 900)
    x, y = raw(core, DIGITS.x_train[rest]), DIGITS.y_train[rest]
    x, y = x[y < 6], y[y < 6]
    specification = Specification(network, state)
    for sample, label in zip(x[:40], y[:40], strict=True):
        assert core.learn(sample, int(label)) == specification.learn(sample, int(label))
    assert core.state() == specification.state()
    core.learn_many(x[40:], y[40:])
    large.learn_many(x, y)
    test = DIGITS.y_test < 6
    right = [
        float((c.predict_many(raw(c, DIGITS.x_test[test])) == DIGITS.y_test[test]).mean())
        for c in (core, large)
    ]
    assert right[0] > 0.85
    assert abs(right[0] - right[1]) < 0.04


def test_a_second_context_grows_along() -> None:
    core = taught(4)
    network, state = core.network, image.unpack_state(core.network, core.state())
    first = state.populations[0]
    assert first.context is not None
    context = image.Context(
        np.arange(64, dtype=np.int8), np.arange(128, dtype=np.int16).reshape(2, 64)
    )
    populations = (replace(first, context=context), *state.populations[1:])
    packed = image.pack_state(network, replace(state, populations=populations))
    kept = image.unpack_state(*grown(network, packed, 6)).populations[0].context
    assert kept is not None
    assert (kept.offset == context.offset).all()
    assert (kept.residuals == context.residuals).all()


def test_more_neurons_are_used() -> None:
    core = taught(4, neurons=2)
    larger = Core(*grown(core.network, core.state(), 4, 9))
    wins = image.unpack_state(larger.network, larger.state()).populations[0].wins
    assert wins is not None
    assert (wins > 0).sum() == 8
    known = DIGITS.y_train < 4
    larger.learn_many(raw(core, DIGITS.x_train[known]), DIGITS.y_train[known])
    wins = image.unpack_state(larger.network, larger.state()).populations[0].wins
    assert wins is not None
    assert (wins > 0).sum() > 20


@pytest.mark.parametrize(
    ("capacity", "neurons", "message"),
    [
        (3, None, "capacity must be in 4 .. 1024, not 3"),
        (1025, None, "capacity must be in 4 .. 1024"),
        (4, 4, "neurons_per_class must be in 5 .. 4096, not 4"),
        (900, 5, "900 classes of 5 neurons make 4500, but there is room for 4096"),
    ],
)
def test_less_room_and_too_much_are_refused(
    capacity: int, neurons: int | None, message: str
) -> None:
    core = taught(4)
    with pytest.raises(ValueError, match=message):
        grown(core.network, core.state(), capacity, neurons)


def test_other_networks_do_not_grow() -> None:
    alone = Network(3, Encoder("rate", 3, 5), (Population(2),))
    for network in (alone, presets.paper(5, 3, 10)):
        state = image.pack_state(network, image.new_state(network))
        with pytest.raises(ValueError, match="only networks of presets"):
            grown(network, state, 9)


def test_one_class_grows() -> None:
    network = presets.competitive(4, 1, 3, bits=3, depression=0.25)
    core = Core(network)
    core.learn_many(np.ones((5, 4), np.uint8), np.zeros(5, np.int64))
    larger = Core(*grown(network, core.state(), 2))
    larger.learn_many(np.full((5, 4), 7, np.uint8), np.ones(5, np.int64))
    assert larger.predict_many(np.array([[1] * 4, [7] * 4], np.uint8)).tolist() == [0, 1]


def test_an_image_grows_and_learns_more(tmp_path: Path) -> None:
    few, all_of_them = tmp_path / "few.npz", tmp_path / "all.npz"
    known = DIGITS.y_train < 4
    np.savez(few, x=DIGITS.x_train[known], y=DIGITS.y_train[known])
    np.savez(all_of_them, x=DIGITS.x_train, y=DIGITS.y_train)
    written = tmp_path / "net.naca"
    done("train", few, "-o", written)
    again = ("train", all_of_them, "--continue", written, "-o", written)
    assert "'edge-naca grow --capacity 10' makes room for them" in failed(1, *again)
    summary = object_of("grow", written, "--capacity", "10", "-o", written)
    assert summary["capacity"] == 10
    assert summary["state_bytes"] > summary["state_bytes_before"]
    done(*again)
    assert load_image(written).seen().min() > 0
    assert "say what there should be more of" in failed(2, "grow", written, "-o", written)
    assert "capacity must be in 10" in failed(1, "grow", written, "--capacity", "2", "-o", written)
