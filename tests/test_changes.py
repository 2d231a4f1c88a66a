"""Where the weights went: shares, histogram and maps are those of the weights themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from commands import done
from matplotlib.figure import Figure

from edge_naca import changes, data, presets, recipes, scenarios
from edge_naca.changes import Course, on_grid
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.image import unpack_state
from edge_naca.network import Encoder, Network, Population, Rule
from edge_naca.plots import figures
from edge_naca.plots.changes import draw_moved_by_input, weight_changes

DIGITS = data.load("digits")
FEW = Dataset(
    "digits",
    DIGITS.x_train[:200],
    DIGITS.y_train[:200],
    DIGITS.x_test[:50],
    DIGITS.y_test[:50],
    DIGITS.classes,
)


def network() -> Network:
    return recipes.network_for(FEW, neurons_per_class=4)


@pytest.fixture(scope="module")
def both() -> tuple[Course, Course]:
    return changes.courses(Core(network()), FEW, scenarios.stream(FEW))


def test_shares_are_those_of_the_states(both: tuple[Course, Course]) -> None:
    core = Core(network())
    moments = [unpack_state(core.network, core.state())]
    for lesson in scenarios.stream(FEW):
        core.learn_many(FEW.x_train[lesson.indices], FEW.y_train[lesson.indices])
        moments.append(unpack_state(core.network, core.state()))
    ours = both[0]
    for index in (0, 1):
        weights = np.stack([moment.populations[index].weights.astype(int) for moment in moments])
        moved = np.diff(weights, axis=0)
        assert ours.changed[:, index].tolist() == [(part != 0).mean() for part in moved]
        before = np.zeros(moved.shape[1:], bool)
        for part, share in zip(moved, ours.overwritten[:, index], strict=True):
            assert share == ((part != 0) & before).mean()
            before |= part != 0
        if index == 0:
            np.testing.assert_array_equal(ours.moved, moved[-1])
    np.testing.assert_array_equal(ours.changed, ours.touched)
    assert ours.steps == 127


def test_a_lesson_leaves_the_synapses_of_others_alone_and_sgd_does_not(
    both: tuple[Course, Course],
) -> None:
    ours, sgd = both
    assert not ours.overwritten.any()
    assert (ours.changed[:, 0] <= 0.1).all()
    assert sgd.overwritten[1:].max(axis=0).min() > 0
    assert sgd.touched[:, 0].min() > 0.3
    assert (sgd.changed <= sgd.touched).all()
    assert (sgd.overwritten <= sgd.changed).all()


def test_a_course_sums_up(both: tuple[Course, Course]) -> None:
    for one in both:
        assert sum(one.histogram().values()) == np.count_nonzero(one.moved)
        assert 0 not in one.histogram()
        np.testing.assert_allclose(one.by_input(), np.abs(one.moved).mean(axis=0))
        assert one.moved.shape == (40, 64)


def test_real_weights_are_rounded_to_as_many_steps() -> None:
    assert on_grid(np.array([0.5, -1.0, 0.02, 0.003]), 100).tolist() == [50, -100, 2, 0]
    assert on_grid(np.array([3, -7], np.int8), 100).tolist() == [3, -7]
    assert on_grid(np.zeros(2), 100).tolist() == [0, 0]


def test_a_network_without_hidden_population_is_refused() -> None:
    rule = Rule("winner", "table", "attract", np.eye(10, dtype=int) * 64)
    alone = Core(Network(64, Encoder(), (Population(10, rule=rule),)))
    with pytest.raises(ValueError, match="has no hidden population"):
        changes.courses(alone, FEW, scenarios.stream(FEW))


def test_the_figure_has_both_side_by_side(both: tuple[Course, Course]) -> None:
    figure = weight_changes("t", network(), both)
    images = [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
    for one, place in zip(both, (0, 2), strict=True):
        np.testing.assert_array_equal(images[place], one.moved)
        np.testing.assert_allclose(images[place + 1], one.by_input().reshape(8, 8))
    assert figures.render(figure)


def test_inputs_that_are_no_picture_are_bars() -> None:
    axes = Figure().subplots()
    moved = np.array([[0, 2, -4], [0, -2, 0]])
    draw_moved_by_input(axes, presets.competitive(3, 2, 1), moved)
    heights = [bar.get_height() for bar in axes.patches]  # type: ignore[attr-defined]
    assert heights == [0, 2, 2]


def test_both_inputs_of_a_feature_count_in_its_picture() -> None:
    x = np.random.default_rng(0).integers(0, 256, (60, 28, 28)).astype(np.uint8)
    y = np.arange(60) % 2
    split = recipes.network_for(Dataset("t", x, y, x, y, ("a", "b")), features="pixels")
    axes = Figure().subplots()
    draw_moved_by_input(axes, split, np.ones((2, split.inputs), int))
    drawn = np.asarray(axes.images[0].get_array())
    assert (drawn > 0).all()


def test_the_command_says_what_the_library_measures(
    both: tuple[Course, Course], tmp_path: Path
) -> None:
    file = tmp_path / "few.npz"
    np.savez(file, x_train=FEW.x_train, y_train=FEW.y_train, x_test=FEW.x_test, y_test=FEW.y_test)
    words = "bench", "weight-changes", "--data", file, "--neurons-per-class", 4
    result = json.loads(done(*words, "--plot", tmp_path / "p.png", "--json"))
    for one, told in zip(both, result["courses"], strict=True):
        assert told["accuracy"] == pytest.approx(one.history.final)
        assert told["changed"]["hidden"] == pytest.approx(one.changed[:, 0].tolist())
        assert told["overwritten"]["output"] == pytest.approx(one.overwritten[:, 1].tolist())
        assert told["histogram"] == {str(k): count for k, count in one.histogram().items()}
    assert (tmp_path / "p.png").stat().st_size > 10000
    text = done(*words)
    assert "changed 0.0 % of hidden synapses" in text


def test_the_command_says_that_an_inhibition_renews_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(240) % 3
    x = rng.normal(0, 1, (240, 6)) + 3 * np.eye(6)[y]
    np.savez(tmp_path / "t.npz", x=x, y=y)
    text = done(
        "bench", "weight-changes", "--data", tmp_path / "t.npz", "--plot", tmp_path / "t.svg"
    )
    assert "what it renewed counts as changed" in text
    assert (tmp_path / "t.svg").exists()
