"""Where the weights went: maps and histograms of what changed, beside those of another learner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from edge_naca.changes import Course
from edge_naca.network import Network
from edge_naca.plots.drawing import binned, caption, literal, nothing, show
from edge_naca.plots.inputs import LONG, input_names, name_axis
from edge_naca.plots.receptive import pictures

Array = NDArray[Any]

COLOURS = ("#1b6ca8", "#e07b39")  # of the first learner and of the second


def weight_changes(title: str, network: Network, courses: Sequence[Course]) -> Figure:
    """Draw what the last lesson changed, a row a learner, and below the share of every lesson.

    A row has the map of all hidden synapses, the same by presynaptic unit, and the histogram.
    """
    rows = len(courses)
    figure = Figure(figsize=(13, 3.4 * rows + 2.8), layout="constrained")
    figure.suptitle(literal(title))
    grid = figure.add_gridspec(rows + 1, 3, width_ratios=(5, 3, 4), height_ratios=[*[5] * rows, 4])
    for row, (one, colour) in enumerate(zip(courses, COLOURS, strict=False)):
        draw_map(figure.add_subplot(grid[row, 0]), one)
        draw_moved_by_input(figure.add_subplot(grid[row, 1]), network, one.moved)
        draw_histogram(figure.add_subplot(grid[row, 2]), one, colour)
    below = grid[rows, :].subgridspec(1, 2)
    for place, population in enumerate(("hidden population", "output")):
        draw_shares(figure.add_subplot(below[place]), courses, place, population)
    return figure


def draw_map(axes: Axes, course: Course) -> None:
    """Draw each synapse, neurons by inputs: blue grew, red shrank, grey stayed."""
    reach = int(np.abs(course.moved).max()) or 1
    show(axes, course.moved, reach, signed=True)
    axes.set_aspect("auto")
    axes.set(xlabel="presynaptic unit", ylabel="neuron")
    lesson = literal(course.history.stages[-1].title, LONG)
    caption(axes, f"{course.name}: lesson {lesson} changed {course.changed[-1, 0]:.1%} of synapses")


def draw_moved_by_input(axes: Axes, network: Network, moved: Array) -> None:
    """Draw how far synapses of each presynaptic unit moved on average.

    As a picture where inputs are an image's, else as a bar for each.

    Parameters
    ----------
    moved : (neurons, inputs), of the first population.
    """
    mean = np.abs(moved).mean(axis=0)
    most = float(mean.max()) if mean.size else 0.0
    caption(axes, f"By presynaptic unit: steps on average, up to {most:.2g}")
    prep, is_inhibited = network.preparation, network.inhibition is not None
    weights = mean[None].copy()
    if prep is not None and prep.signed:  # what an "off" input sees is taken off: here both count
        weights[:, prep.features :] *= -1
    images = None if is_inhibited else pictures(network, weights)
    if images is not None:
        axes.axis("off")
        show(axes, images[0], float(images.max()) or 1.0)
        return
    axes.bar(range(len(mean)), mean, color=COLOURS[0], width=0.8)
    axes.set_ylabel("steps")
    if not name_axis(axes.xaxis, [] if is_inhibited else input_names(network)):
        axes.set_xlabel("presynaptic unit")


def draw_histogram(axes: Axes, course: Course, colour: str) -> None:
    """Draw how far synapses moved in the last lesson, those that stayed left out."""
    histogram = course.histogram()
    if not histogram:
        nothing(axes, "No synapse changed")
        return
    heights, edges = binned(histogram)
    axes.stairs(heights, edges, fill=True, color=colour, alpha=0.7)
    axes.set(xlabel=f"change, in steps of 1/{course.steps} of the greatest weight", yscale="log")
    axes.set_ylabel("synapses")
    axes.grid(alpha=0.3)
    far = max(abs(value) for value in histogram)
    caption(axes, f"{sum(histogram.values())} synapses changed, by {far} steps at most")


def draw_shares(axes: Axes, courses: Sequence[Course], which: int, name: str) -> None:
    """Draw the share of synapses that each lesson changed; hatched, what an earlier one had."""
    width = 0.8 / len(courses)
    for place, (one, colour) in enumerate(zip(courses, COLOURS, strict=False)):
        at = np.arange(len(one.changed)) + (place - (len(courses) - 1) / 2) * width
        title = f"{literal(one.name)}: {one.history.final:.1%} right at the end"
        axes.bar(at, one.changed[:, which], width, color=colour, alpha=0.5, label=title)
        over = one.overwritten[:, which]
        axes.bar(at, over, width, color=colour, hatch="////", edgecolor="white", linewidth=0)
    titles = [literal(stage.title, LONG) for stage in courses[0].history.stages]
    turned = 90 if sum(map(len, titles)) > 60 else 0
    axes.set_xticks(range(len(titles)), titles, rotation=turned, fontsize=8)
    axes.set(xlabel="lesson", ylabel="synapses changed")
    axes.margins(y=0.35)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    caption(axes, f"{name}: changed by each lesson; hatched, what an earlier one had changed")
    axes.legend(loc="upper left", frameon=False, fontsize=8)
