"""Figures of frozen stages: the kernels of the first convolution, weights, and sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from numpy.typing import NDArray

from edge_naca.network import Network
from edge_naca.plots.drawing import binned, caption, show
from edge_naca.plots.figures import COLOURS
from edge_naca.stages import CodedConvolution, SpikingConvolution

Array = NDArray[Any]

MOST_KERNELS = 64
COLUMNS = 8  # of kernels

Convolution = CodedConvolution | SpikingConvolution


def convolutions(network: Network) -> list[tuple[int, Convolution]]:
    """Return the stages that have weights, and their numbers."""
    return [
        (number, stage)
        for number, stage in enumerate(network.stages)
        if isinstance(stage, (CodedConvolution, SpikingConvolution))
    ]


def kernels(stage: Convolution) -> Array | None:
    """Return each map's kernel as a picture, int64 (maps, height, width), channels added up.

    None where kernels are no pictures: a line, or a single place.
    """
    if min(stage.kernel) < 2:
        return None
    return np.asarray(stage.weights.astype(np.int64).sum(axis=1))


def draw_kernels(figure: SubFigure, number: int, stage: Convolution) -> None:
    """Draw what the maps of a convolution look for."""
    images = kernels(stage)
    count = min(stage.maps, MOST_KERNELS)
    of = f"{stage.maps}" if count == stage.maps else f"{count} of {stage.maps}"
    if images is None:
        _draw_rows(figure.subplots(), number, stage.weights.reshape(stage.maps, -1)[:count], of)
        return
    added = ", channels added up" if stage.weights.shape[1] > 1 else ""
    figure.suptitle(f"Kernels of stage {number}, {of} maps{added}", fontsize=10)
    reach = float(np.abs(images).max()) or 1.0
    grid = figure.subplots(-(-count // COLUMNS), min(count, COLUMNS), squeeze=False).reshape(-1)
    for place, axes in enumerate(grid):
        axes.axis("off")
        if place < count:
            show(axes, images[place], reach, signed=True)
            axes.set_title(f"{place}", fontsize=6, pad=1.5)


def _draw_rows(axes: Axes, number: int, weights: Array, of: str) -> None:
    """Draw weights as a matrix, where kernels are no pictures."""
    show(axes, weights, max(int(np.abs(weights.astype(int)).max()), 1), signed=True)
    axes.set_aspect("auto")
    axes.set(xlabel="channel and place of the kernel", ylabel="map")
    caption(axes, f"Kernels of stage {number}, {of} maps: their weights")


def draw_stage_weights(axes: Axes, network: Network) -> None:
    """Draw how often each weight occurs, a line for each stage that has weights."""
    for place, (number, stage) in enumerate(convolutions(network)):
        values, counts = np.unique(stage.weights, return_counts=True)
        heights, edges = binned(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        axes.stairs(
            heights / stage.weights.size,
            edges,
            fill=True,
            alpha=0.45,
            color=COLOURS[place % len(COLOURS)],
            label=f"stage {number}: {stage.weights.size} weights",
        )
    axes.set(xlabel="weight", ylabel="share", yscale="log")
    axes.set_ylim(top=axes.get_ylim()[1] * 4)  # room for the legend
    caption(axes, "Weights of frozen stages")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="upper right")


def draw_sizes(axes: Axes, network: Network) -> None:
    """Draw how many numbers or spike outputs come out of each stage."""
    names = [
        f"{number}: {'×'.join(map(str, stage.output_shape))}"
        for number, stage in enumerate(network.stages)
    ]
    bars = axes.barh(
        range(len(names)), [stage.units for stage in network.stages], color=COLOURS[0], height=0.7
    )
    axes.bar_label(bars, fontsize=8, padding=3)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("units")
    caption(axes, "What comes out of each stage")
