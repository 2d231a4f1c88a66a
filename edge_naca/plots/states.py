"""Figures of learned states: what a network knows, and what changed between two moments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from edge_naca.compare import NOBODY, Comparison, NeuronChange, owners, recruited
from edge_naca.decorrelation import correlations, is_in_use, matrix, prototypes
from edge_naca.network import Network
from edge_naca.plots.changes import draw_moved_by_input
from edge_naca.plots.drawing import binned, caption, literal, nothing, show
from edge_naca.plots.figures import COLOURS
from edge_naca.plots.inputs import LONG, READABLE, input_names, name_axis
from edge_naca.plots.receptive import pictures
from edge_naca.plots.stages import convolutions, draw_kernels, draw_sizes, draw_stage_weights
from edge_naca.states import Snapshot

Array = NDArray[Any]

ROWS, COLUMNS = 10, 8  # of the neurons shown: classes, and neurons of each
MOST_MOVED = 8
WIDE = 40  # letters that fit side by side below a chart
INCREASE, DECREASE = COLOURS[0], COLOURS[1]


# ---- whole figures -----------------------------------------------------------------------------


def knowledge(title: str, known: Snapshot, classes: Sequence[str]) -> Figure:
    """Draw what a network has learned: weights, neurons and wins of each class, receptive fields.

    Of frozen stages it shows the kernels of the first convolution; where they are all there is,
    also their weights and sizes. Of an inhibition it shows V, and what V takes away; receptive
    fields are then those in front of it.

    Parameters
    ----------
    classes : names of the labels in use.
    """
    figure = Figure(figsize=(14, 9), layout="constrained")
    figure.suptitle(literal(title))
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(6, 7), wspace=0.02)[0]
    frozen = convolutions(known.network)
    if not known.network.populations:
        places = _axes(left, 2)
        draw_sizes(places[0], known.network)
        draw_stage_weights(places[1], known.network)
        draw_kernels(right, *frozen[0])
        return figure
    if frozen or known.network.inhibition is not None:
        halves = right.subfigures(2, 1, squeeze=False, height_ratios=(3, 5), hspace=0.02)
        above, right = halves[:, 0]
        if frozen:
            draw_kernels(above, *frozen[0])
        else:
            draw_inhibition(above, known)
    competes = any(learned.wins is not None for learned in known.state.populations)
    places = _axes(left, 3 + competes)
    draw_recruited(places[0], known, classes)
    if competes:
        draw_wins(places[1], known, classes)
    draw_weights(places[-2], known)
    draw_modulation(places[-1], known, classes)
    draw_fields(right, known, classes)
    return figure


def difference(title: str, changes: Comparison) -> Figure:
    """Draw what changed between two states: classes, weights, inputs, and what moved most."""
    figure = Figure(figsize=(15, 9), layout="constrained")
    figure.suptitle(literal(title))
    halves = figure.subfigures(2, 1, squeeze=False, height_ratios=(5, 4), hspace=0.02)
    above, below = halves[:, 0]
    places = _axes(above, 4, across=True)
    draw_learned(places[0], changes)
    draw_moved(places[1], changes)
    draw_moved_by_class(places[2], changes)
    network = changes.before.network
    if network.populations:
        draw_moved_by_input(places[3], network, changes.populations[0].moved[:, : network.arriving])
    else:
        nothing(places[3], "")
    draw_most_moved(below, changes)
    return figure


# ---- what is known -----------------------------------------------------------------------------


def draw_recruited(axes: Axes, known: Snapshot, classes: Sequence[str]) -> None:
    """Draw how many neurons each class has recruited; bars carry the samples it took."""
    taken = [recruited(known, label) for label in range(len(classes))]
    samples = known.state.seen[: len(classes)]
    if all(count is None for count in taken):
        heights = [int(count) for count in samples]
        caption(axes, "Samples learned of each class")
        axes.set_ylabel("samples")
    else:
        heights = [count or 0 for count in taken]
        room = owned_neurons(known.network)
        caption(axes, f"Neurons recruited by each class, of {room} it may; above: samples learned")
        axes.set_ylabel("neurons")
        if room:
            axes.axhline(room, color=COLOURS[2], linewidth=0.8, linestyle=":")
    bars = axes.bar(range(len(classes)), heights, color=COLOURS[0], width=0.7)
    if len(classes) <= 2 * ROWS:
        axes.bar_label(bars, [str(count) for count in samples], fontsize=7, padding=2)
    axes.margins(y=0.18)
    _class_axis(axes, classes)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def owned_neurons(network: Network) -> int:
    """Return the most neurons that a class has to itself in all populations but the output."""
    counts = np.zeros(network.capacity, int)
    for index in range(len(network.populations) - 1):
        of = owners(network, index)
        counts += np.bincount(of[of != NOBODY], minlength=network.capacity)
    return int(counts.max())


def draw_wins(axes: Axes, known: Snapshot, classes: Sequence[str]) -> None:
    """Draw how often each recruited neuron has won, a dot for each, class by class."""
    count = 0
    for index, learned in enumerate(known.state.populations):
        if learned.wins is None:
            continue
        of = owners(known.network, index)
        alive = (learned.wins > 0) & (of < len(classes)) & (of != NOBODY)
        wins, label = learned.wins[alive].astype(int), of[alive]
        # Dots of a class side by side, the same way every time.
        place = label + (np.arange(len(label)) * 0.618 % 1 - 0.5) * 0.6
        axes.scatter(place, wins, s=12, color=COLOURS[0], alpha=0.55, linewidths=0)
        count += len(wins)
    if count:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        _class_axis(axes, classes)
        caption(axes, f"How often each of {count} recruited neurons has won")
        axes.set_ylabel("wins")
        axes.grid(alpha=0.3, axis="y")
    else:
        nothing(axes, "No neuron has won yet")


def draw_weights(axes: Axes, known: Snapshot) -> None:
    """Draw how often each weight occurs, a line for each population."""
    for index, learned in enumerate(known.state.populations):
        weights = learned.weights
        if learned.wins is not None:
            weights = weights[learned.wins > 0]
        if not weights.size:
            continue
        values, counts = np.unique(weights, return_counts=True)
        heights, edges = binned(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        axes.stairs(
            heights / weights.size,
            edges,
            fill=True,
            alpha=0.45,
            color=COLOURS[index % len(COLOURS)],
            label=f"{_population_name(known.network, index)}: {weights.size} weights",
        )
    axes.set(xlabel="weight", ylabel="share", yscale="log")
    competes = any(learned.wins is not None for learned in known.state.populations)
    caption(axes, "Weights of recruited neurons" if competes else "Weights")
    axes.grid(alpha=0.3)
    if axes.patches:
        axes.set_ylim(top=axes.get_ylim()[1] * 4)  # room for the legend
        axes.legend(frameon=False, fontsize=8, loc="upper right")


def draw_modulation(axes: Axes, known: Snapshot, classes: Sequence[str]) -> None:
    """Draw the neuromodulator's level that each label brings to each neuron."""
    for index, population in enumerate(known.network.populations):
        if population.rule is None or population.rule.table is None:
            continue
        table = population.rule.table[: max(len(classes), 1)] / 64
        reach = max(float(np.abs(table).max()), 0.01)
        picture = axes.imshow(
            table, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest"
        )
        assert axes.figure is not None
        axes.figure.colorbar(picture, ax=axes, pad=0.02)
        axes.set(xlabel="neuron", ylabel="label")
        if len(classes) <= 2 * ROWS:
            axes.set_yticks(
                range(len(table)), [literal(name, LONG) for name in classes], fontsize=7
            )
        where = _population_name(known.network, index)
        caption(axes, f"What each label brings to neurons ({where}): blue teaches, red pushes away")
        return
    nothing(axes, "No population learns from a table of modulation")


def draw_inhibition(figure: SubFigure, known: Snapshot) -> None:
    """Draw V as it is in use, and the correlations of inputs that it takes away.

    Each row of V is drawn relative to its largest weight: rows of inputs that hardly vary have
    weights so large that nothing else could be seen.
    """
    inhibition, learned = known.network.inhibition, known.state.inhibition
    assert inhibition is not None
    if not is_in_use(inhibition, learned):
        nothing(
            figure.subplots(),
            f"The inhibition is in use from {inhibition.first} samples learned on",
        )
        return
    v = matrix(known.network, known.state)
    rows = np.maximum(np.abs(v).max(axis=1, keepdims=True), np.finfo(float).tiny)
    names = input_names(known.network)
    source = "given" if learned is None else f"learned from {learned.count} residuals"
    left, right = figure.subplots(1, 2)
    for axes, picture, text in (
        (left, v / rows, f"Inhibition V, {source}"),
        (right, correlations(v), "Correlations that it takes away"),
    ):
        image = axes.imshow(picture, cmap="RdBu", vmin=-1, vmax=1, interpolation="nearest")
        figure.colorbar(image, ax=axes, pad=0.02, shrink=0.8)
        caption(axes, text)
        name_axis(axes.yaxis, names)
        axes.set_xlabel("input")
    left.set_ylabel("" if 0 < len(names) <= READABLE else "what comes out")


def draw_fields(figure: SubFigure, known: Snapshot, classes: Sequence[str]) -> None:
    """Draw what neurons of the first population look for: those of each class that won most."""
    learned = known.state.populations[0]
    of = owners(known.network, 0)
    strength = (
        np.linalg.norm(learned.weights.astype(float), axis=1)
        if learned.wins is None
        else learned.wins.astype(float)
    )
    selection = _chosen(of, strength, len(classes))
    if not any(len(row) for row in selection):
        nothing(figure.subplots(), "Nothing learned yet: no neuron looks for anything")
        return
    flat = [neuron for row in selection for neuron in row]
    fields = prototypes(known.network, known.state)[flat]
    images = pictures(known.network, fields)
    if images is None:
        rows = figure.subplots()
        names = input_names(known.network)
        _draw_rows(rows, fields, of[flat], classes, names)
        if known.network.inhibition is not None:
            caption(rows, "What neurons look for: prototypes, in codes before the inhibition")
        if known.network.stages:
            rows.set_xlabel("unit of the last stage")
        return
    which = (
        "those with the largest weights"
        if learned.wins is None
        else "those of each class that won most, and how often"
    )
    figure.suptitle(f"What neurons look for: {which}", fontsize=10)
    reach = float(np.abs(images).max()) or 1.0
    grid = figure.subplots(len(selection), max(map(len, selection)), squeeze=False)
    number = 0
    for line, row in zip(grid, selection, strict=True):
        for place, axes in enumerate(line):
            axes.axis("off")
            if place >= len(row):
                continue
            show(axes, images[number], reach)
            if learned.wins is not None:
                axes.set_title(str(learned.wins[row[place]]), fontsize=6, pad=1.5)
            if place == 0 and of[row[0]] != NOBODY:
                name = literal(classes[of[row[0]]], LONG)
                axes.text(
                    -0.12, 0.5, name, transform=axes.transAxes, ha="right", va="center", fontsize=9
                )
            number += 1


def _chosen(of: Array, strength: Array, classes: int) -> list[Array]:
    """Return rows of neurons to show: of each class the strongest, or simply the strongest."""
    alive = strength > 0
    if (of == NOBODY).all():
        ranked = np.argsort(-strength, kind="stable")[: ROWS * COLUMNS]
        ranked = ranked[alive[ranked]]
        return [ranked[first : first + COLUMNS] for first in range(0, len(ranked), COLUMNS)]
    rows = []
    for label in range(min(classes, 2 * ROWS)):
        own = np.flatnonzero((of == label) & alive)
        if own.size:
            rows.append(own[np.argsort(-strength[own], kind="stable")][:COLUMNS])
    return rows


def _draw_rows(
    axes: Axes, weights: Array, of: Array, classes: Sequence[str], names: list[str]
) -> None:
    """Draw weights (neurons, inputs) as a matrix, where samples are no images."""
    reach = float(np.abs(weights).max()) or 1.0
    signed = bool((weights < 0).any())
    axes.imshow(
        weights,
        cmap="RdBu" if signed else "Greys",
        vmin=-reach if signed else 0,
        vmax=reach,
        aspect="auto",
        interpolation="nearest",
    )
    starts = np.flatnonzero(np.diff(of, prepend=of[0] - 1))
    axes.set_yticks(starts, [literal(classes[k], LONG) if k != NOBODY else "" for k in of[starts]])
    for start in starts[1:]:
        axes.axhline(start - 0.5, color=COLOURS[1], linewidth=0.6)
    is_named = name_axis(axes.xaxis, names)
    if is_named and sum(map(len, names)) > WIDE:
        axes.tick_params(axis="x", rotation=90)
    axes.set(xlabel="" if is_named else "input", ylabel="neurons, class by class")
    caption(axes, "What neurons look for: their weights")


# ---- what changed ------------------------------------------------------------------------------


def draw_learned(axes: Axes, changes: Comparison) -> None:
    """Draw how many samples of each class were learned in between, and neurons recruited."""
    samples = np.array([one.samples[1] - one.samples[0] for one in changes.classes])
    names = [one.name for one in changes.classes]
    colours = [INCREASE if count >= 0 else DECREASE for count in samples]
    bars = axes.barh(range(len(names)), samples, color=colours, height=0.7)
    labels = []
    for one, count in zip(changes.classes, samples, strict=True):
        text = f"{count:+d}" if count else ""
        if one.recruited is not None and one.recruited[0] != one.recruited[1]:
            text += f"  (neurons {one.recruited[0]} → {one.recruited[1]})"
        labels.append(text)
    if len(names) <= 2 * ROWS:
        axes.bar_label(bars, labels, fontsize=8, padding=3)
    axes.margins(x=0.35)
    _class_axis(axes, names, upright=True)
    before, after = changes.learned
    caption(axes, f"Samples learned in between: {before} → {after}")
    axes.set_xlabel("samples")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_moved(axes: Axes, changes: Comparison) -> None:
    """Draw how far weights moved, those that stayed left out; a line for each population."""
    for index, population in enumerate(changes.populations):
        histogram = population.histogram()
        share = population.changed / population.moved.size
        name = _population_name(changes.before.network, index)
        if not histogram:
            continue
        heights, edges = binned(histogram)
        axes.stairs(
            heights,
            edges,
            fill=True,
            alpha=0.5,
            color=COLOURS[index % len(COLOURS)],
            label=f"{name}: {population.changed} changed ({share:.1%})",
        )
    if not axes.patches:
        learns = bool(changes.before.network.populations)
        nothing(axes, "No weight changed" if learns else "Nothing in this network learns")
        return
    axes.axvline(0, color=COLOURS[2], linewidth=0.7)
    axes.set(xlabel="weight afterwards minus before", ylabel="weights", yscale="log")
    caption(axes, "How far weights moved")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    axes.margins(y=0.25)


def draw_moved_by_class(axes: Axes, changes: Comparison) -> None:
    """Draw in whose neurons weights changed."""
    names = [one.name for one in changes.classes]
    left = np.zeros(len(names))
    shared = 0
    for index, population in enumerate(changes.populations):
        counts = population.changed_by_class(len(names))
        shared += population.changed - int(counts.sum())
        if not counts.any():
            continue
        axes.barh(
            range(len(names)),
            counts,
            left=left,
            height=0.7,
            color=COLOURS[index % len(COLOURS)],
            label=_population_name(changes.before.network, index),
        )
        left += counts
    if not left.any():
        nothing(
            axes, f"No class's own neuron changed; {shared} weights of others" if shared else ""
        )
        return
    _class_axis(axes, names, upright=True)
    axes.set_xlabel("weights changed")
    axes.margins(x=0.3)
    caption(axes, "In whose neurons" + (f"; {shared} in neurons of no one class" if shared else ""))
    axes.legend(frameon=False, fontsize=8, loc="upper right")


def draw_most_moved(figure: SubFigure, changes: Comparison) -> None:
    """Draw the neurons that moved most: before, afterwards and what changed, or how far."""
    network = changes.before.network
    first = changes.most_moved(MOST_MOVED, only=0)
    if not first:
        has_first = bool(network.populations)
        why = "No neuron of the first population moved" if has_first else ""
        nothing(figure.subplots(), why)
        return
    neurons = [one.neuron for one in first]
    old, new = (
        prototypes(network, which.state)[neurons] for which in (changes.before, changes.after)
    )
    images = [pictures(network, weights) for weights in (old, new, new - old)]
    if images[0] is None:
        _draw_changed_rows(figure.subplots(), new - old, first, changes)
        return
    where = "" if network.inhibition is None else ", and what they stand for before the inhibition"
    figure.suptitle(f"The neurons that moved most{where}", fontsize=10)
    grid = figure.subplots(3, len(first), squeeze=False)
    for line, part, name in zip(grid, images, ("before", "after", "change"), strict=True):
        assert part is not None
        reach = float(np.abs(part).max()) or 1.0
        for axes, picture, one in zip(line, part, first, strict=True):
            axes.axis("off")
            show(axes, picture, reach, signed=name == "change")
            if name == "before":
                axes.set_title(_describe(one, changes), fontsize=8)
        line[0].text(
            -0.1, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=9
        )


def _draw_changed_rows(
    axes: Axes, moved: Array, neurons: Sequence[NeuronChange], changes: Comparison
) -> None:
    """Draw what changed as a matrix, where samples are no images."""
    reach = float(np.abs(moved).max()) or 1.0
    picture = axes.imshow(
        moved, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest"
    )
    assert axes.figure is not None
    axes.figure.colorbar(picture, ax=axes, pad=0.02)
    names = [_describe(one, changes).replace("\n", ", ") for one in neurons]
    axes.set_yticks(range(len(neurons)), names, fontsize=8)
    axes.set_xlabel("input")
    caption(axes, "The neurons that moved most: what changed, blue grew, red shrank")


def _describe(one: NeuronChange, changes: Comparison) -> str:
    text = f"neuron {one.neuron}"
    if 0 <= one.owner < len(changes.classes):
        text += f"\nclass {literal(changes.classes[one.owner].name, LONG)}"
    if one.wins is not None:
        text += f", won {one.wins[0]} → {one.wins[1]}"
    return text


# ---- parts -------------------------------------------------------------------------------------


def _axes(figure: SubFigure, count: int, *, across: bool = False) -> list[Axes]:
    places = figure.subplots(*((1, count) if across else (count, 1)), squeeze=False).reshape(-1)
    for place in places:
        place.spines[["top", "right"]].set_visible(False)
    return list(places)


def _class_axis(axes: Axes, names: Sequence[str], *, upright: bool = False) -> None:
    short = [literal(name, LONG) for name in names]
    size = 8 if len(names) <= 2 * ROWS else 5
    if upright:
        axes.set_yticks(range(len(names)), short, fontsize=size)
        axes.invert_yaxis()
        return
    turned = 90 if sum(map(len, short)) > 60 else 0
    axes.set_xticks(range(len(names)), short, fontsize=size, rotation=turned)


def _population_name(network: Network, index: int) -> str:
    if index == len(network.populations) - 1:
        return "output"
    return "hidden" if len(network.populations) == 2 else f"population {index}"
