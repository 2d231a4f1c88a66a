"""Figures of frozen stages show their kernels, weights and sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import stage_networks
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from edge_naca import data
from edge_naca.compare import compare
from edge_naca.core import Core
from edge_naca.network import Encoder, Network
from edge_naca.plots import figures
from edge_naca.plots.stages import convolutions, kernels
from edge_naca.plots.states import difference, knowledge
from edge_naca.stages import CodedConvolution, SpikingConvolution
from edge_naca.states import snapshot

DIGITS = data.load("digits")
NAMES = list(DIGITS.classes)


def titles(figure: Figure) -> str:
    found = [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center")]
    for part in figure.subfigs:
        found += [part.get_suptitle(), *(inner.get_suptitle() for inner in part.subfigs)]
    return " | ".join(found)


def pictures_of(figure: Figure) -> list[Any]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def test_kernels_stand_above_what_neurons_look_for() -> None:
    core = Core(stage_networks.coded())
    core.learn_many(DIGITS.x_train[:100], DIGITS.y_train[:100])
    figure = knowledge("t", snapshot(core, "x"), NAMES)
    assert "Kernels of stage 0, 5 maps" in titles(figure)
    assert "What neurons look for" in titles(figure)
    shown = pictures_of(figure)
    stage = core.network.stages[0]
    assert isinstance(stage, CodedConvolution)
    for kernel in stage.weights[:, 0]:
        assert any(picture.shape == (3, 3) and (picture == kernel).all() for picture in shown)
    assert figures.render(figure)


@pytest.mark.parametrize("readout", [False, True])
def test_stages_alone_show_weights_and_sizes(readout: bool) -> None:
    core = Core(stage_networks.classifier(readout=readout))
    figure = knowledge("t", snapshot(core, "x"), NAMES)
    assert "What comes out of each stage" in titles(figure)
    assert "Weights of frozen stages" in titles(figure)
    widths = [bar.get_width() for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    assert widths == [320, 80, 10]
    assert figures.render(figure)


def test_channels_are_added_up_and_lines_are_no_pictures() -> None:
    rng = np.random.default_rng(0)
    weights = rng.integers(-128, 128, (70, 3, 2, 2))
    first = SpikingConvolution(shape=(4, 4, 3), weights=weights)
    drawn = kernels(first)
    assert drawn is not None
    np.testing.assert_array_equal(drawn, weights.sum(axis=1))
    line = SpikingConvolution(shape=first.output_shape, weights=rng.integers(-9, 9, (4, 70, 1, 3)))
    assert kernels(line) is None
    network = Network(48, Encoder("direct", 3, 2), (), stages=(first, line, _output(line)))
    assert [number for number, _ in convolutions(network)] == [0, 1, 2]
    figure = knowledge("t", snapshot(Core(network), "x"), [])
    assert "64 of 70 maps, channels added up" in titles(figure)
    network = Network(48, Encoder("direct", 3, 2), (), stages=(_line((4, 4, 3)),))
    figure = knowledge("t", snapshot(Core(network), "x"), [])
    assert "Kernels of stage 0, 2 maps: their weights" in titles(figure)
    assert figures.render(figure)


def _output(before: SpikingConvolution) -> SpikingConvolution:
    height, width, channels = before.output_shape
    weights = np.ones((5, channels, height, width), int)
    return SpikingConvolution(shape=before.output_shape, weights=weights)


def _line(shape: tuple[int, int, int]) -> SpikingConvolution:
    return SpikingConvolution(shape=shape, weights=np.ones((2, shape[2], 1, 2), int))


def test_a_readout_s_raster_shows_potentials() -> None:
    core = Core(stage_networks.classifier(readout=True))
    recording = core.record(DIGITS.x_test[0].reshape(-1))
    figure = figures.raster("t", recording, core.network)
    last = figure.axes[-1]
    assert "a readout, no spikes; 5 of 10 neurons shown" in last.get_title("left")
    labels = [line.get_label() for line in last.lines]
    assert f"neuron {recording.result.prediction}" == labels[0]
    np.testing.assert_array_equal(
        last.lines[0].get_ydata(), recording.potentials[:, -10:][:, recording.result.prediction]
    )


def test_a_difference_without_populations() -> None:
    core = Core(stage_networks.classifier(readout=False))
    before = snapshot(core, "before")
    core.learn_many(DIGITS.x_train[:9], DIGITS.y_train[:9])
    figure = difference("t", compare(before, snapshot(core, "after"), NAMES))
    assert "Samples learned in between: 0 → 9" in titles(figure)
    assert "Nothing in this network learns" in titles(figure)
    assert figures.render(figure)
