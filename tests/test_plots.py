"""Figures show what they are given; files are what their names say."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from edge_naca import data, presets, recipes, scenarios
from edge_naca.core import Core
from edge_naca.network import Network, Preparation
from edge_naca.plots import figures
from edge_naca.scenarios import History
from edge_naca.specification.population import SILENT

DIGITS = data.load("digits")
SIGNATURES = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


@pytest.fixture(scope="module")
def core() -> Core:
    return Core(recipes.network_for(DIGITS, neurons_per_class=4))


@pytest.fixture(scope="module")
def taught(core: Core) -> History:
    return scenarios.run(core, DIGITS, scenarios.stream(DIGITS, seed=3))


def texts(figure: Figure) -> str:
    axes = [text.get_text() for place in figure.axes for text in (place.title, *place.texts)]
    left = [place.get_title(loc="left") for place in figure.axes]
    return " | ".join([*axes, *left])


@pytest.mark.parametrize("kind", SIGNATURES)
def test_figures_become_files(taught: History, kind: str) -> None:
    content = figures.render(figures.history("digits", taught, DIGITS.classes), kind)
    assert content.startswith(SIGNATURES[kind])


def test_history_has_a_cell_for_each_class_and_stage(taught: History) -> None:
    figure = figures.history("digits", taught, DIGITS.classes)
    comparison, classes = figure.axes[:2]
    np.testing.assert_allclose(np.asarray(comparison.lines[0].get_ydata()), taught.seen_accuracy())
    order = list(taught.stages[-1].classes)
    image = classes.images[0].get_array()
    assert image is not None
    np.testing.assert_array_equal(np.ma.filled(image, np.nan), taught.accuracy.T[order])
    names = [label.get_text() for label in classes.get_yticklabels()]
    assert names == [DIGITS.classes[label] for label in order]


def test_history_of_one_stage_shows_classes_alone(core: Core) -> None:
    stages = scenarios.stream(DIGITS, "shuffled")
    history = scenarios.run(Core(core.network), DIGITS, stages)
    figure = figures.history("digits", history, DIGITS.classes)
    assert [len(place.lines) for place in figure.axes] == [0, 0]
    assert figures.render(figure)


def test_lesson_shows_all_learners_and_all_weights(taught: History) -> None:
    moved = np.array([0, 0, 0, 5, -2])
    figure = figures.lesson("t", {"ours": taught, "theirs": taught}, DIGITS.classes, moved)
    assert [str(line.get_label())[:4] for line in figure.axes[0].lines] == ["ours", "thei"]
    heights = {
        round(bar.get_x() + bar.get_width() / 2): bar.get_height()
        for bar in figure.axes[2].patches
        if isinstance(bar, Rectangle)
    }
    assert {place: count for place, count in heights.items() if count} == {-2: 1, 0: 3, 5: 1}
    assert "60% not at all" in texts(figure)
    assert f"changes {np.concatenate(taught.results)['changes'].mean():.0f} weights" in texts(
        figure
    )


def test_weight_changes_of_nothing_can_be_drawn() -> None:
    axes = Figure().subplots()
    figures.draw_weight_changes(axes, np.zeros(0, int))
    assert axes.get_title(loc="left")


def test_confusion_counts_each_row_as_a_whole() -> None:
    matrix = np.array([[3, 1, 0], [0, 0, 0]])
    image = figures.confusion("t", matrix, ["a", "b"]).axes[0].images[0]
    np.testing.assert_array_equal(image.get_array(), [[0.75, 0.25, 0], [0, 0, 0]])


def test_many_classes_are_left_without_numbers() -> None:
    names = [f"class {number}" for number in range(30)]
    figure = figures.confusion("t", np.eye(30, 31, dtype=int), names)
    assert not figure.axes[0].texts
    assert figures.render(figure)


def rate_network() -> Network:
    return presets.paper(Preparation((8, 8, 1), gain=np.array([15])), 10, 20, steps=12)


@pytest.mark.parametrize("kind", ["taught", "new", "paper"])
def test_raster_shows_every_input_spike(core: Core, taught: History, kind: str) -> None:
    if kind == "paper":
        network = rate_network()
        core = Core(network, presets.paper_start(network))
    elif kind == "new":
        core = Core(core.network)
    network = core.network
    recording = core.record(DIGITS.x_test[0])
    figure = figures.raster("t", recording, network)
    assert len(figure.axes) == 1 + len(network.populations)
    points = figure.axes[0].collections[0].get_offsets()
    assert sorted(map(tuple, np.asarray(points).astype(int))) == sorted(
        zip(*np.nonzero(recording.input_spikes), strict=True)
    )
    first = 0
    for axes, population in zip(figure.axes[1:], network.populations, strict=True):
        part = slice(first, first + population.neurons)
        first += population.neurons
        assert f"{recording.spikes[:, part].sum()} spike" in axes.get_title(loc="left")
        recruited = (recording.thresholds[:, part] != SILENT).any(axis=0).sum()
        solid = [line for line in axes.lines if line.get_linestyle() == "-"]
        assert len(solid) == min(recruited, figures.SHOWN_NEURONS)
    assert figures.render(figure)


def test_raster_begins_with_the_winner(core: Core, taught: History) -> None:
    recording = core.record(DIGITS.x_test[0])
    hidden = core.network.populations[0].neurons
    winner = int(recording.spikes[-1, :hidden].argmax())
    axes = figures.raster("t", recording, core.network).axes[1]
    assert axes.lines[0].get_label() == f"neuron {winner}"
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), recording.potentials[:, winner])
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), recording.thresholds[:, winner])
