"""Figures call neurons by their classes and inputs by the columns of a table."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edge_naca import data, recipes
from edge_naca.compare import owners
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.network import Network, Preparation
from edge_naca.plots import figures
from edge_naca.plots.inputs import input_names
from edge_naca.plots.states import knowledge
from edge_naca.states import snapshot

Y = np.arange(60) % 3
X = np.random.default_rng(0).normal(0, 1, (60, 5)) + 5 * np.eye(5)[Y]
CLASSES = ("calm", "windy", "storm")
COLUMNS = ["t", "hum\x1bidity", "$p$", "wind", "a name that is far too long"]


def network_with(columns: object, samples: np.ndarray = X) -> Network:
    dataset = Dataset("t", samples, Y, samples, Y, CLASSES)
    network = recipes.network_for(dataset, neurons_per_class=2, features="scaled")
    return replace(network, metadata=network.metadata | {"columns": columns})


def taught(network: Network) -> Core:
    core = Core(network)
    core.learn_many(X, Y)
    return core


def labels(figure: Figure, which: str) -> list[list[str]]:
    found = []
    for axes in figure.findobj(Axes):
        assert isinstance(axes, Axes)
        axis = axes.xaxis if which == "x" else axes.yaxis
        found.append([text.get_text() for text in axis.get_ticklabels()])
    return found


def test_the_raster_names_neurons_and_inputs() -> None:
    core = taught(network_with(COLUMNS))
    network = core.network
    recording = core.record(X[0])
    figure = figures.raster("t", recording, network, CLASSES)
    named = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert len(named) == network.encoded
    assert named[0] == "t"
    assert r"\$p\$" in named
    assert not any("\x1b" in name for name in named)
    of = owners(network, 0)
    for line in figure.axes[1].lines:
        name = str(line.get_label())
        if not name.startswith("_"):
            neuron = int(name.split()[1])
            assert name == f"neuron {neuron} of {CLASSES[of[neuron]]}"
    assert str(figure.axes[1].lines[0].get_label()).startswith("neuron ")
    assert str(figure.axes[2].lines[0].get_label()) in CLASSES
    assert figures.render(figure)


def test_what_is_known_is_drawn_over_the_names_of_columns() -> None:
    core = taught(network_with(COLUMNS))
    figure = knowledge("t", snapshot(core, "t"), CLASSES)
    (below,) = [names for names in labels(figure, "x") if names and names[0] == "t"]
    assert [below[0], below[2], below[3]] == ["t", r"\$p\$", "wind"]
    assert "\x1b" not in "".join(below)
    assert len(below) == core.network.encoded
    assert figures.render(figure)


@pytest.mark.parametrize("columns", [None, 3, {}, ["a", "b"], "abcde"])
def test_names_that_do_not_fit_are_left_out(columns: object) -> None:
    core = taught(network_with(columns))
    assert input_names(core.network) == []
    figure = knowledge("t", snapshot(core, "t"), CLASSES)
    assert any(axes.get_xlabel() == "input" for axes in figure.findobj(Axes))
    assert figures.render(figure)


def test_the_second_input_of_a_column_has_a_minus() -> None:
    signed = SimpleNamespace(
        metadata={"columns": ["a", "b"]},
        preparation=Preparation((1, 2, 1), "pool", signed=True),
        stages=(),
    )
    assert input_names(cast(Network, signed)) == ["a", "b", "−a", "−b"]


def test_pictures_have_no_columns() -> None:
    digits = data.load("digits")
    network = recipes.network_for(digits, neurons_per_class=1)
    assert isinstance(network.preparation, Preparation)
    assert input_names(network) == []


def test_many_columns_are_left_numbers() -> None:
    wide = np.tile(X, (1, 6))
    network = network_with([f"c{k}" for k in range(30)], wide)
    core = Core(network)
    core.learn_many(wide, Y)
    figure = knowledge("t", snapshot(core, "t"), CLASSES)
    assert not any("c0" in names for names in labels(figure, "x"))
