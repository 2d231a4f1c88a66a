"""The figures of the page, described by Bokeh; the page fills their sources by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bokeh.core.types import ID
from bokeh.embed import json_item
from bokeh.layouts import gridplot
from bokeh.models import ColumnDataSource, FactorRange, LinearColorMapper
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from edge_naca.host.watching import LESSONS, LOOKED, NONE, RECENT

SIZE: dict[str, Any] = {"width": 430, "height": 240, "toolbar_location": None}
BLUE, ORANGE, GREY = "#1f5fa8", "#d2691e", "#888888"


def _source(name: str, columns: Sequence[str]) -> ColumnDataSource:
    return ColumnDataSource({column: [] for column in columns}, name=name)


def _figure(title: str, x: str, y: str, **how: Any) -> Any:
    made = figure(title=title, x_axis_label=x, y_axis_label=y, tools="", **(SIZE | how))
    made.toolbar.logo = None
    return made


def figures(names: Sequence[str], parts: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Return all figures as JSON that Bokeh's script in a browser draws.

    Parameters
    ----------
    names : of the classes.
    parts : names and numbers of units of what has spikes: `Mirror.parts`.
    """
    neurons = [part for part in parts if "population" in part[0] or part[0] == "output"]
    lessons, looked = _source("lessons", LESSONS), _source("looked", LOOKED)
    rows = [
        [_accuracy(lessons), _confusion(names)],
        [_raster(parts), _levels(neurons)],
        [_changes(lessons), _moved(neurons)],
        [_drift(looked), _novelty(looked)],
    ]
    content: dict[str, Any] = dict(json_item(gridplot(rows, toolbar_location=None), ID("figures")))
    return content


def _accuracy(lessons: ColumnDataSource) -> Any:
    plot = _figure("Accuracy, before learning", "lesson", "share right", y_range=(0, 1.02))
    for column, colour, legend in (
        ("recent", ORANGE, f"last {RECENT}"),
        ("accuracy", BLUE, "all"),
    ):
        plot.line("number", column, source=lessons, color=colour, line_width=2, legend_label=legend)
    plot.legend.location = "bottom_right"
    return plot


def _confusion(names: Sequence[str]) -> Any:
    source = _source("confusion", ("truth", "answer", "count", "share"))
    # A class's name may be "none" as well: its row and column are then that of the answer none.
    plot = _figure(
        "Confusion matrix: share of each class's answers", "answer", "class",
        x_range=FactorRange(factors=list(dict.fromkeys([*names, NONE]))),
        y_range=FactorRange(factors=list(dict.fromkeys(reversed(names)))),
    )  # fmt: skip
    colours = LinearColorMapper(palette="Blues256", low=1, high=0)
    plot.rect(
        "answer", "truth", 1, 1, source=source, line_color=None,
        fill_color={"field": "share", "transform": colours},
    )  # fmt: skip
    if len(names) <= 12:
        plot.text(
            "answer", "truth", text="count", source=source, text_align="center",
            text_baseline="middle", text_font_size="8px", text_color=ORANGE,
        )  # fmt: skip
    plot.xaxis.major_label_orientation = 0.8
    return plot


def _borders(plot: Any, parts: Sequence[tuple[str, int]], dimension: Any) -> None:
    """Draw a line between each two populations."""
    first = 0
    for _, neurons in parts[:-1]:
        first += neurons
        line = Span(location=first - 0.5, dimension=dimension, line_color=GREY, line_dash="dotted")
        plot.add_layout(line)


def _units(parts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(name for name, _ in parts)


def _neurons(parts: Sequence[tuple[str, int]]) -> str:
    return "neuron: " + ", then ".join(f"{count} of {name}" for name, count in parts)


def _raster(parts: Sequence[tuple[str, int]]) -> Any:
    source = _source("spikes", ("step", "neuron"))
    count = sum(neurons for _, neurons in parts)
    plot = _figure(
        "Spikes of the latest lessons shown", "step, lesson after lesson", _units(parts),
        y_range=(-1, count),
    )  # fmt: skip
    plot.scatter("step", "neuron", source=source, size=3, color=BLUE, line_color=None)
    _borders(plot, parts, "width")
    return plot


def _levels(parts: Sequence[tuple[str, int]]) -> Any:
    source = _source("levels", ("left", "right", "top"))
    count = sum(neurons for _, neurons in parts)
    plot = _figure(
        "Neuromodulator that the label brings", _neurons(parts), "modulation, 1 is full",
        x_range=(-1, count), y_range=(-1.1, 1.1),
    )  # fmt: skip
    plot.quad("left", "right", "top", 0, source=source, color=BLUE, line_color=None)
    _borders(plot, parts, "height")
    return plot


def _changes(lessons: ColumnDataSource) -> Any:
    plot = _figure("Work of each lesson", "lesson", "spikes, weights changed")
    plot.line("number", "changes", source=lessons, color=ORANGE, legend_label="weights changed")
    plot.line("number", "spikes", source=lessons, color=BLUE, legend_label="spikes")
    plot.legend.location = "top_left"
    return plot


def _moved(parts: Sequence[tuple[str, int]]) -> Any:
    source = _source("moved", ("neuron", "top"))
    count = sum(neurons for _, neurons in parts)
    plot = _figure(
        "Weights moved by the latest lesson shown", _neurons(parts), "sum of |Δw|",
        x_range=(-1, count),
    )  # fmt: skip
    plot.vbar("neuron", top="top", width=1, source=source, color=ORANGE)
    _borders(plot, parts, "height")
    return plot


def _drift(looked: ColumnDataSource) -> Any:
    plot = _figure("Weights moved, of lessons shown", "lesson", "sum of |Δw|")
    plot.line("number", "moved", source=looked, color=ORANGE)
    return plot


def _novelty(looked: ColumnDataSource) -> Any:
    plot = _figure("Novelty, of lessons shown", "lesson", "1: like nothing known")
    plot.line("number", "novelty", source=looked, color=BLUE)
    return plot
