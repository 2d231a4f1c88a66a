"""What looks like no known class: the core's judgement, that of the host, and the limit between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import done, failed, object_of
from numpy.typing import NDArray

from edge_naca import data, image, novelty, presets, recipes
from edge_naca.core import Core
from edge_naca.export import load_image
from edge_naca.network import Encoder, Network, Population
from edge_naca.specification.network import Specification
from edge_naca.specification.novelty import novelty as in_numbers


def digits(*classes: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return digits of these classes, and the places of their classes."""
    loaded = data.load("digits")
    chosen = np.isin(loaded.y_train, classes)
    return loaded.x_train[chosen], np.searchsorted(classes, loaded.y_train[chosen])


def taught(limit: int = 0, **settings: Any) -> tuple[Core, NDArray[Any]]:
    """Return a core that knows five digits, and samples that it was not taught."""
    dataset = data.load("digits")
    network = recipes.network_for(dataset, neurons_per_class=8, capacity=12, **settings)
    x, y = digits(0, 1, 2, 3, 4)
    core = Core(novelty.answering_none(network, limit) if limit else network)
    core.learn_many(x[:500], y[:500])
    return core, x[500:]


@pytest.mark.parametrize(
    "settings", [{}, {"weight_bits": 4}, {"features": "scaled"}, {"features": "decorrelated"}]
)
def test_core_and_host_judge_alike(settings: dict[str, Any]) -> None:
    core, known = taught(**settings)
    others = digits(5, 6, 7)[0][:60]
    x = np.concatenate([known[:60], others, known[:1] * 0])
    values = novelty.novelties(core, x)
    specification = Specification(core.network, core.state())
    assert [specification.novelty(sample) for sample in x[::9]] == values[::9].tolist()
    for limit in (int(np.median(values)), int(values.max()), 1):
        doubting = Core(novelty.answering_none(core.network, limit), core.state())
        answers = doubting.predict_many(x)
        assert ((answers < 0) == (values > limit)).all()
        assert (answers[values <= limit] == core.predict_many(x)[values <= limit]).all()


def test_what_is_not_known_is_new() -> None:
    core, known = taught()
    others = digits(5, 6, 7, 8, 9)[0]
    of_known, of_others = novelty.novelties(core, known), novelty.novelties(core, others)
    better = of_others[:, None] > of_known[None]
    assert better.mean() > 0.9  # area under the curve


def test_learning_is_the_same_with_a_limit() -> None:
    core, doubting = taught()[0], taught(limit=100)[0]
    assert core.state() == doubting.state()


def test_new_networks_know_nothing() -> None:
    core = Core(novelty.answering_none(presets.competitive(4, 2, 3, bits=3), 65534))
    assert core.infer(np.array([1, 2, 3, 0], np.uint8)).prediction == -1
    assert novelty.novelties(core, np.ones((3, 4), np.uint8)).tolist() == [65535] * 3


def test_by_hand() -> None:
    # Half distances 100, 300 and 500 of three classes, half the norm 250: 100 / (400 + 250).
    best = np.array([[150, -50, -250, -(2**31)]])
    assert in_numbers(best, np.array([250]), 0).tolist() == [100 * 4096 // 650]
    # One class: 100 / 250. A prototype itself: 0. Nothing: all.
    assert in_numbers(best[:, [0, 3]], np.array([250]), 0).tolist() == [100 * 4096 // 250]
    assert in_numbers(np.array([[250]]), np.array([250]), 0).tolist() == [0]
    assert in_numbers(best[:, 3:], np.array([250]), 0).tolist() == [65535]
    # Numbers of more than 17 bits count as far as these go.
    far = in_numbers(best[:, :3] << 18, np.array([250 << 18]), 0)
    assert abs(int(far[0]) - 100 * 4096 // 650) <= 1


def test_spiking_front_ends_are_judged_by_their_traces() -> None:
    rng = np.random.default_rng(0)
    network = replace(
        presets.competitive(6, 3, 4, bits=3, drift=0.0), encoder=Encoder("rate", 3, 9)
    )
    hidden, output = (replace(p, fire_from=8) for p in network.populations)
    network = replace(network, populations=(hidden, output))
    core = Core(network)
    x, y = rng.integers(0, 8, (60, 6)).astype(np.uint8), rng.integers(0, 3, 60)
    core.learn_many(x, y)
    values = novelty.novelties(core, x)
    limit = int(np.median(values))
    answers = Core(novelty.answering_none(network, limit), core.state()).predict_many(x)
    assert (answers[values > limit] == -1).all()


def test_limit_keeps_false_alarms() -> None:
    values = np.arange(1000)
    for rate in (0.0, 0.01, 0.05, 0.5):
        share = (values > novelty.limit_for(values, rate)).mean()
        assert rate - 0.002 <= share <= rate
    assert novelty.limit_for(np.zeros(5, np.int64), 0.05) == 1


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rate_is_a_share(rate: float) -> None:
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        novelty.limit_for(np.arange(9), rate)


def test_few_samples_say_nothing() -> None:
    network = presets.competitive(4, 2, 3, bits=3)
    with pytest.raises(ValueError, match="every fifth sample of a class: there are 0"):
        novelty.limit_of_stream(network, np.zeros((8, 4), np.uint8), np.arange(8) % 2, 0.05)
    with pytest.raises(ValueError, match="there are none"):
        novelty.limit_for(np.zeros(0, np.int64), 0.05)


def test_only_competitive_networks_can_tell() -> None:
    network = Network(3, Encoder("rate", 3, 5), (Population(2),))
    with pytest.raises(ValueError, match="learns competitively"):
        novelty.novelties(Core(network), np.zeros((2, 3), np.uint8))


def test_train_finds_the_limit(tmp_path: Path) -> None:
    x, y = digits(0, 1, 2, 3, 4)
    table, all_digits = tmp_path / "some.npz", tmp_path / "all.npz"
    np.savez(table, x=x, y=y)
    loaded = data.load("digits")
    np.savez(all_digits, x=loaded.x_train, y=loaded.y_train)
    written = tmp_path / "some.naca"
    told = done("train", table, "--unknown", "0.05", "--test-fraction", "0.2", "-o", written)
    assert "5.0% of known samples reach" in told
    rule = load_image(written).network.populations[0].rule
    assert rule is not None
    assert 0 < rule.unknown < 4096
    summary = object_of("evaluate", written, all_digits, "--test-fraction", "0.5")
    assert summary["unknown"] > 0.6  # of five digits that nobody taught
    assert summary["unanswered"] < 0.1 * summary["samples"]
    assert "above a novelty of" in done("inspect", written)
    message = failed(2, "train", table, "--untaught", "--unknown", "0.05", "-o", written)
    assert "taught from the start" in message


def test_a_limit_is_part_of_the_image() -> None:
    core, known = taught(limit=300)
    again = Core(image.encode(core.network, core.state()))
    assert (again.predict_many(known) == core.predict_many(known)).all()
    assert again.network.populations[0].rule.unknown == 300  # type: ignore[union-attr]
