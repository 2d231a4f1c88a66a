"""Figures: what was learned and forgotten, how weights moved, and one presentation spike by spike.

Every function that draws returns a matplotlib `Figure`; `render` turns it into a file's bytes.
No window is opened and no global state of matplotlib is touched.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from edge_naca.compare import NOBODY, owners
from edge_naca.network import Network
from edge_naca.plots.drawing import literal
from edge_naca.plots.inputs import input_names, name_axis
from edge_naca.scenarios import History
from edge_naca.specification.population import SILENT
from edge_naca.specification.results import Recording
from edge_naca.stages import SpikingConvolution

Array = NDArray[Any]

COLOURS = ("#1b6ca8", "#e07b39", "#7a7a7a", "#5b8c5a")
SHOWN_NEURONS = 5  # of each population, in a raster
LONGEST = 28  # letters of a neuron's name
READABLE = 12  # classes up to which a matrix's cells carry numbers


def render(figure: Figure, kind: str = "png") -> bytes:
    """Return a figure as the bytes of a file: "png", "svg", "pdf" or what else matplotlib knows."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=110)
    return buffer.getvalue()


# ---- whole figures -----------------------------------------------------------------------------


def history(title: str, run: History, classes: Sequence[str]) -> Figure:
    """Draw accuracy over all classes seen, and on each class, after each stage."""
    several = len(run.stages) > 1
    figure, axes = _figure(title, 1, 1 + several, (5.5 * (1 + several), 4.6))
    if several:
        draw_comparison(axes[0], {"edge-naca": run})
    draw_classes(axes[-1], run, classes)
    return figure


def lesson(
    title: str, histories: Mapping[str, History], classes: Sequence[str], moved: Array
) -> Figure:
    """Draw what a course of learning was: the first history beside others, and its weights.

    Parameters
    ----------
    histories : by name; the first one's results tell how many weights each sample changed.
    moved : for each weight of recruited neurons, by how much it changed from start to end.
    """
    figure, axes = _figure(title, 2, 2, (12, 9))
    run = next(iter(histories.values()))
    draw_comparison(axes[0], histories)
    draw_classes(axes[1], run, classes)
    draw_weight_changes(axes[2], moved)
    draw_changes_per_sample(axes[3], run)
    return figure


def confusion(title: str, matrix: Array, classes: Sequence[str]) -> Figure:
    """Draw how often each class (row) was answered as each class, or not at all (last column)."""
    figure, (axes,) = _figure(title, 1, 1, (7.5, 6.5))
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    _matrix(axes, share, classes, [*classes, "none"])
    axes.set(xlabel="answer", ylabel="class")
    return figure


def raster(
    title: str, recording: Recording, network: Network, classes: Sequence[str] = ()
) -> Figure:
    """Draw one presentation: input spikes, and spikes and potentials of each stage and population.

    Of each some neurons are shown, from that which came furthest above its threshold
    to that which stayed furthest below; thresholds are dashed, spikes are dots, off spikes dots of
    another colour. Neurons bear the names of their classes, inputs those of a table's columns.
    """
    parts = [
        (f"stage {index}", stage.units, stage.readout)
        for index, stage in enumerate(network.stages)
        if isinstance(stage, SpikingConvolution)
    ]
    parts += [
        (f"population {index}", population.neurons, False)
        for index, population in enumerate(network.populations)
    ]
    parts[-1] = ("output", *parts[-1][1:])
    count = len(parts)
    figure, axes = _figure(title, 1 + count, 1, (9, 3 + 2.4 * count))
    steps = len(recording.input_spikes)
    _draw_inputs(axes[0], recording, network)
    first = 0
    for place, (name, neurons, is_readout) in zip(axes[1:], parts, strict=True):
        names = _neuron_names(network, name, classes)
        _draw_potentials(place, recording, slice(first, first + neurons), name, is_readout, names)
        first += neurons
    for place in axes:
        place.set_xlim(-0.5, steps - 0.5)
        place.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[-1].set_xlabel("step")
    return figure


# ---- parts -------------------------------------------------------------------------------------


def draw_comparison(axes: Axes, histories: Mapping[str, History]) -> None:
    """Draw the accuracy over all classes seen so far, a line for each history."""
    for (name, one), colour in zip(histories.items(), COLOURS, strict=False):
        stages = np.arange(1, len(one.stages) + 1)
        accuracy = one.seen_accuracy()
        axes.plot(
            stages, accuracy, "o-", color=colour, label=f"{literal(name)}  {accuracy[-1]:.1%}"
        )
    axes.set(xlabel="classes learned", ylabel="accuracy over all classes seen", ylim=(0, 1.03))
    _caption(axes, "One class after another: what is known of all of them")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left", frameon=False)


def draw_classes(axes: Axes, run: History, classes: Sequence[str]) -> None:
    """Draw the accuracy on each class (row) after each stage (column)."""
    order = list(run.stages[-1].classes)
    accuracy = run.accuracy.T[order]
    low = min(np.floor(10 * float(np.nanmin(accuracy))) / 10, 0.9)
    titles = [stage.title for stage in run.stages]
    _matrix(axes, accuracy, [classes[label] for label in order], titles, low)
    axes.set(xlabel="after learning", ylabel="class")
    _caption(axes, "What is known of each class, in percent")


def draw_weight_changes(axes: Axes, moved: Array) -> None:
    """Draw how far weights moved from start to end."""
    still = float(np.mean(moved == 0)) if moved.size else 1.0
    low, high = (int(moved.min()), int(moved.max())) if moved.size else (0, 0)
    axes.hist(
        moved, bins=[value - 0.5 for value in range(low, high + 2)], color=COLOURS[0], log=True
    )
    axes.set(xlabel="weight at the end minus at the start", ylabel="synapses of recruited neurons")
    _caption(axes, f"How far weights moved: {still:.0%} not at all")
    axes.grid(alpha=0.3)


def draw_changes_per_sample(axes: Axes, run: History) -> None:
    """Draw how many weights each sample changed, as a running mean."""
    changes = np.concatenate([stage["changes"] for stage in run.results]).astype(float)
    window = max(len(changes) // 300, 1)
    mean = np.convolve(changes, np.ones(window) / window, "valid")
    axes.plot(np.arange(len(mean)) + window, mean, color=COLOURS[0], linewidth=1)
    for end in np.cumsum([len(stage) for stage in run.results])[:-1]:
        axes.axvline(end, color=COLOURS[2], linewidth=0.7, alpha=0.6)
    axes.set(xlabel="samples learned", ylabel="weights changed by a sample", ylim=(0, None))
    _caption(axes, f"A sample changes {changes.mean():.0f} weights on average")
    axes.grid(alpha=0.3)


def _neuron_names(network: Network, part: str, classes: Sequence[str]) -> list[str]:
    """Return what a part's neurons are called, with the class that each belongs to."""
    if part == "output":
        return list(classes)
    if not part.startswith("population"):
        return []
    of = owners(network, int(part.removeprefix("population ")))
    owned = [NOBODY < label < len(classes) for label in of]
    return [
        f"neuron {neuron} of {classes[of[neuron]]}" if has_class else f"neuron {neuron}"
        for neuron, has_class in enumerate(owned)
    ]


def _draw_inputs(axes: Axes, recording: Recording, network: Network) -> None:
    """Draw what the encoder sent: behind an inhibition it is no longer a table's columns."""
    spikes = recording.input_spikes.astype(np.int8)
    for sign, colour in ((1, COLOURS[0]), (-1, COLOURS[1])):
        step, unit = np.nonzero(spikes == sign)
        axes.scatter(step, unit, s=6, color=colour, linewidths=0)
    is_inhibited = network.inhibition is not None
    axes.set(ylabel="from the inhibition" if is_inhibited else "input", ylim=(-1, network.encoded))
    if not is_inhibited:
        name_axis(axes.yaxis, input_names(network))
    text = _count(int(np.count_nonzero(spikes)), "input spike")
    if network.encoder.is_signed:
        text += f", {np.count_nonzero(spikes < 0)} of them off spikes"
    _caption(axes, text)


def _draw_potentials(
    axes: Axes,
    recording: Recording,
    part: slice,
    name: str,
    is_readout: bool,
    names: Sequence[str],
) -> None:
    spikes, potentials = recording.spikes[:, part], recording.potentials[:, part]
    thresholds = np.where(
        recording.thresholds[:, part] == SILENT, np.nan, recording.thresholds[:, part]
    )
    recruited = ~np.isnan(thresholds).all(axis=0)
    margin = np.full(spikes.shape[1], -np.inf)
    margin[recruited] = np.nanmax((potentials - thresholds)[:, recruited], axis=0)
    if is_readout:  # without thresholds, the last potential answers
        recruited, margin = np.full(spikes.shape[1], True), potentials[-1]
    ranked = np.argsort(-margin.astype(float), kind="stable")[: np.count_nonzero(recruited)]
    chosen = np.linspace(0, max(len(ranked) - 1, 0), min(len(ranked), SHOWN_NEURONS)).astype(int)
    for place, neuron in enumerate(ranked[chosen]):
        colour = f"C{place}"
        label = literal(names[neuron], LONGEST) if neuron < len(names) else f"neuron {neuron}"
        axes.plot(potentials[:, neuron], "-", color=colour, label=label)
        axes.plot(thresholds[:, neuron], "--", color=colour, alpha=0.5, linewidth=1)
        when = np.flatnonzero(spikes[:, neuron])
        axes.plot(when, potentials[when, neuron], "o", color=colour)
    axes.set(ylabel=f"{name}\npotential")
    count = f"{len(chosen)} of {spikes.shape[1]} neurons shown"
    what = "a readout, no spikes" if is_readout else _count(spikes.sum(), "spike")
    dashed = "" if is_readout else "thresholds dashed, "
    _caption(axes, f"{what}; {dashed}{count}")
    if len(chosen):
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    axes.grid(alpha=0.3)


def _matrix(
    axes: Axes, share: Array, rows: Sequence[str], columns: Sequence[str], low: float = 0.0
) -> None:
    picture = axes.imshow(share, cmap="YlGnBu", vmin=low, vmax=1, aspect="auto")
    size = 9 if len(columns) <= READABLE else 6
    turned = 90 if sum(map(len, columns)) > 40 else 0
    axes.set_xticks(
        range(len(columns)), list(map(literal, columns)), rotation=turned, fontsize=size
    )
    axes.set_yticks(range(len(rows)), list(map(literal, rows)), fontsize=size)
    assert axes.figure is not None
    axes.figure.colorbar(picture, ax=axes, format=PercentFormatter(1, decimals=0))
    if len(rows) > READABLE or len(columns) > READABLE:
        return
    for row, column in np.argwhere(~np.isnan(share)):
        value = share[row, column]
        colour = "white" if value > (1 + low) / 2 else "black"
        axes.text(
            column, row, f"{100 * value:.0f}", ha="center", va="center", color=colour, fontsize=8
        )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _caption(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=10)


def _figure(
    title: str, rows: int, columns: int, size: tuple[float, float]
) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(literal(title))
    axes = list(figure.subplots(rows, columns, squeeze=False).reshape(-1))
    for place in axes:
        place.spines[["top", "right"]].set_visible(False)
    return figure, axes
