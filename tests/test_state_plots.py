"""Figures of learned states show what was learned, and what changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle, StepPatch

from edge_naca import data, presets, recipes
from edge_naca.compare import Comparison, compare
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.network import Encoder, Network, Population, Preparation, Rule
from edge_naca.plots import figures
from edge_naca.plots.receptive import pictures
from edge_naca.plots.states import difference, draw_weights, knowledge
from edge_naca.states import Snapshot, snapshot

DIGITS = data.load("digits")
NAMES = list(DIGITS.classes)


def digits_core(**how: Any) -> Core:
    return Core(recipes.network_for(DIGITS, neurons_per_class=3, **how))


@pytest.fixture(scope="module")
def known() -> Snapshot:
    core = digits_core()
    core.learn_many(DIGITS.x_train[:300], DIGITS.y_train[:300])
    return snapshot(core, "digits")


@pytest.fixture(scope="module")
def changes(known: Snapshot) -> Comparison:
    core = digits_core()
    core.learn_many(DIGITS.x_train[:340], DIGITS.y_train[:340])
    return compare(known, snapshot(core, "later"), NAMES)


def titles(figure: Figure) -> str:
    return " | ".join(place.get_title(loc="left") for place in figure.axes)


def heights(figure: Figure, place: int) -> list[float]:
    return [bar.get_height() for bar in figure.axes[place].patches if isinstance(bar, Rectangle)]


def test_knowledge_shows_neurons_wins_and_fields(known: Snapshot) -> None:
    figure = knowledge("t", known, NAMES)
    assert heights(figure, 0) == [3.0] * 10
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert labels == [str(count) for count in known.state.seen]
    wins = known.state.populations[0].wins
    assert wins is not None
    dots = np.asarray(figure.axes[1].collections[0].get_offsets())
    assert sorted(dots[:, 1].tolist()) == sorted(wins[wins > 0].tolist())
    images = [place.images[0].get_array() for place in figure.axes if place.images]
    rule = known.network.populations[0].rule
    assert rule is not None
    assert rule.table is not None
    assert images[0] is not None
    np.testing.assert_allclose(images[0], rule.table / 64)
    # The winner of each class first.
    drawn = pictures(known.network, known.state.populations[0].weights)
    assert drawn is not None
    np.testing.assert_array_equal(images[1], drawn[int(np.argmax(wins[:3]))])
    assert len(images) == 1 + 30
    assert figures.render(figure)


def test_weights_are_shares_of_all(known: Snapshot) -> None:
    axes = Figure().subplots()
    draw_weights(axes, known)
    for index, patch in enumerate(axes.patches):
        assert isinstance(patch, StepPatch)
        values, edges, _ = patch.get_data()
        learned = known.state.populations[index]
        weights = learned.weights if learned.wins is None else learned.weights[learned.wins > 0]
        assert values.sum() == pytest.approx(1)
        for low, high, share in zip(edges[:-1], edges[1:], values, strict=True):
            assert share == pytest.approx(((weights > low) & (weights < high)).mean())


def test_networks_of_other_kinds_can_be_drawn() -> None:
    fresh = snapshot(digits_core())
    assert "No neuron has won yet" in titles(knowledge("t", fresh, NAMES))

    edges = digits_core(features="edges")
    edges.learn_many(DIGITS.x_train[:50], DIGITS.y_train[:50])
    assert figures.render(knowledge("t", snapshot(edges), NAMES))

    network = presets.paper(Preparation((8, 8, 1), gain=np.array([15])), 10, 20, steps=6)
    paper = Core(network, presets.paper_start(network))
    paper.learn_many(DIGITS.x_train[:30], DIGITS.y_train[:30])
    figure = knowledge("t", snapshot(paper), NAMES)
    assert "Samples learned of each class" in titles(figure)
    assert heights(figure, 0) == [float(n) for n in np.bincount(DIGITS.y_train[:30], minlength=10)]
    before = snapshot(Core(network, presets.paper_start(network)), "start")
    figure = difference("t", compare(before, snapshot(paper, "now"), NAMES))
    assert "in neurons of no one class" in titles(figure)
    assert figures.render(figure)


def test_a_network_as_new_can_be_drawn() -> None:
    """No neuron is recruited, so there are no weights, wins or bars to show."""
    rule = Rule("winner", "table", "attract", np.eye(2, dtype=int) * 64)
    network = Network(4, Encoder(), (Population(2, rule=rule),))
    figure = knowledge("t", snapshot(Core(network), "new"), ["a", "b"])
    assert not any(isinstance(patch, StepPatch) for axes in figure.axes for patch in axes.patches)
    assert "No neuron has won yet" in titles(figure)


def test_many_classes_are_left_without_labels() -> None:
    count = 40
    core = Core(presets.competitive(16, count, 2))
    core.learn_many(
        np.eye(16, dtype=np.uint8)[np.arange(count) % 16] * 9, np.arange(count), "codes"
    )
    names = [f"class {label}" for label in range(count)]
    before = snapshot(Core(core.network), "new")
    after = snapshot(core, "taught")
    for figure in (
        knowledge("t", after, names),
        difference("t", compare(before, after, names)),
    ):
        assert not any(name in text.get_text() for axes in figure.axes for text in axes.texts
                       for name in names)  # fmt: skip
        assert not figure.axes[0].texts


def test_rows_of_numbers_are_drawn_as_rows() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = rng.normal(0, 1, (60, 5)) + 5 * np.eye(5)[y]
    names = ("a name that is far too long for an axis", "b", "c")
    dataset = Dataset("t", x, y, x, y, names)
    core = Core(recipes.network_for(dataset, neurons_per_class=2, features="scaled"))
    before = snapshot(core, "new")
    core.learn_many(x, y)
    figure = knowledge("t", snapshot(core, "taught"), names)
    assert "their weights" in titles(figure)
    assert figures.render(figure)
    figure = difference("t", compare(before, snapshot(core, "taught"), names))
    assert "The neurons that moved most" in titles(figure)
    text = " ".join(bar.get_text() for bar in figure.axes[0].texts)
    assert "+20  (neurons 0 → 2)" in text
    assert figures.render(figure)


def test_difference_shows_before_after_and_change(changes: Comparison) -> None:
    figure = difference("t", changes)
    bars = [bar.get_width() for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    assert bars == [one.samples[1] - one.samples[0] for one in changes.classes]
    assert "300 → 340" in titles(figure)
    (stairs,) = figure.axes[1].patches
    assert isinstance(stairs, StepPatch)
    values, edges, _ = stairs.get_data()
    shown = {
        int(low + 0.5): int(count) for low, count in zip(edges[:-1], values, strict=True) if count
    }
    assert shown == changes.populations[0].histogram()
    images = [np.asarray(place.images[0].get_array()) for place in figure.axes if place.images]
    by_input, *images = images
    moved = np.abs(changes.populations[0].moved).mean(axis=0)
    np.testing.assert_allclose(by_input, moved.reshape(8, 8))
    count = len(images) // 3
    for before, after, moved in zip(
        images[:count], images[count : 2 * count], images[2 * count :], strict=True
    ):
        np.testing.assert_array_equal(after - before, moved)
    first = changes.most_moved(1, only=0)[0]
    drawn = pictures(changes.after.network, changes.after.state.populations[0].weights)
    assert drawn is not None
    np.testing.assert_array_equal(images[count], drawn[first.neuron])


def test_no_difference_can_be_drawn(known: Snapshot) -> None:
    figure = difference("t", compare(known, known, NAMES))
    assert "No weight changed" in titles(figure)
    assert "No neuron of the first population moved" in titles(figure)
    assert figures.render(figure)
