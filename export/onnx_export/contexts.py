"""A second context (docs/arithmetic.md, section 7.8) as ONNX nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.network import Rule
from edge_naca.specification.arithmetic import NO_MARGIN
from edge_naca.specification.contexts import (
    COARSE_SHIFT,
    FRACTION_BITS,
    LARGEST_OFFSET,
    MATURE,
    MEAN_SHIFT,
    SQUARE_SHIFT,
)
from edge_naca.specification.priors import LARGEST_MEAN


@dataclass(frozen=True)
class SecondContext:
    """What is known of a population's second context before a sample comes.

    Parameters
    ----------
    offset : int32 (1, rows).
    products : int32 (1, neurons), of each neuron's weights and the offset.
    is_recruited : bool (), whether it is there; None where that is certain.
    """

    offset: Value
    products: Value
    is_recruited: Value | None = None


@dataclass(frozen=True)
class Hearing:
    """Margins of a sample in both contexts, and the context in which it is nearest to a neuron.

    Parameters
    ----------
    margins : int32 (batch, neurons) of each context, `NO_MARGIN` where not recruited.
    shifts : int32 (batch, neurons), what the second context adds to thresholds.
    in_second : bool (batch, 1).
    """

    margins: tuple[Value, Value]
    shifts: Value
    in_second: Value


def variable_context(g: Graph, weights: Value, offset: Value) -> SecondContext:
    """Return the second context of a network that learns.

    Parameters
    ----------
    weights : int8 (rows, neurons).
    offset : int8 (rows,).
    """
    wide = g.cast("offset_int32", offset, np.int32)
    row = g.op("offset_row", "Unsqueeze", wide, g.constant([0], np.int64))
    column = g.op("offset_column", "Unsqueeze", wide, g.constant([1], np.int64))
    product = g.op("product", "Mul", g.cast("weights_int32", weights, np.int32), column)
    products = g.reduce("products", "ReduceSum", product, 0, keep=True)
    largest = g.reduce("largest_offset", "ReduceMax", g.op("sizes", "Mul", wide, wide), 0)
    return SecondContext(row, products, g.op("is_recruited", "Greater", largest, 0))


def hear(
    g: Graph, rule: Rule, second: SecondContext, trace: Value, margins: Value, recruited: Value
) -> Hearing:
    """Compare the contexts.

    Parameters
    ----------
    trace : int32 (batch, rows).
    margins : int32 (batch, neurons) in the first context.
    recruited : bool (1, neurons) or (neurons,).
    """
    shift = rule.trace_shift
    near = g.op("near", "Mul", trace, second.offset)
    nearness = g.reduce("nearness_sum", "ReduceSum", near, 1, keep=True)
    squares = g.op("offset_squares", "Mul", second.offset, second.offset)
    square = g.reduce("offset_square", "ReduceSum", squares, 1, keep=True)
    half = arithmetic.shift_right(g, "half_square", square, 1 + shift)
    nearness = g.op("nearness", "Sub", nearness, half)
    products = arithmetic.shift_right(g, "products_shifted", second.products, shift)
    shifts = g.op("shifts", "Sub", products, nearness)
    there = recruited
    if second.is_recruited is not None:
        there = g.op("there", "And", recruited, second.is_recruited)
    first = g.op("first_margins", "Where", recruited, margins, NO_MARGIN)
    moved = g.op("second_margins", "Where", there, g.op("moved", "Sub", margins, shifts), NO_MARGIN)
    best = [
        g.reduce(f"{name}_best", "ReduceMax", value, 1, keep=True)
        for name, value in (("first", first), ("second", moved))
    ]
    return Hearing((first, moved), shifts, g.op("in_second", "Greater", best[1], best[0]))


def context_of_label(
    g: Graph, heard: Hearing, priors: Value | None, recruited: Value, reached: Value
) -> tuple[Value, Value]:
    """Return in which context the label's class hears the sample, and margins without priors there.

    Parameters
    ----------
    recruited, reached : bool (1, neurons), of them those that the label reaches.

    Returns
    -------
    bool (1, 1), and int32 (1, neurons).
    """
    asked = g.op("asked", "And", recruited, reached)
    plains, best = [], []
    for name, margins in zip(("first", "second"), heard.margins, strict=True):
        plain = margins
        if priors is not None:
            less = g.op(f"{name}_less_prior", "Sub", margins, priors)
            is_there = g.op(f"{name}_is_there", "Greater", margins, NO_MARGIN)
            plain = g.op(f"{name}_plain", "Where", is_there, less, NO_MARGIN)
        own = g.op(f"{name}_asked", "Where", asked, plain, NO_MARGIN)
        best.append(g.reduce(f"{name}_of_label", "ReduceMax", own, 1, keep=True))
        plains.append(plain)
    nearer = g.op("second_is_nearer", "Greater", best[1], best[0])
    some = g.op("some", "Greater", g.op("best_of_label", "Max", *best), NO_MARGIN)
    otherwise = g.op("as_in_the_open", "And", g.op("none", "Not", some), heard.in_second)
    learns_in = g.op("learns_in_second", "Or", nearer, otherwise)
    return learns_in, g.op("plain_margins", "Where", learns_in, plains[1], plains[0])


def learned_context(
    g: Graph,
    rule: Rule,
    residuals: Value,
    second: SecondContext,
    learns_in: Value,
    residual: Value,
    counts: Value,
    distance: Value,
) -> tuple[Value, Value]:
    """Return residuals int16 (2, rows) and offset int8 (rows,) after a sample.

    Parameters
    ----------
    residuals : int16 (2, rows), before it.
    learns_in : bool (1, 1), whether it was the second context.
    residual : int32 (1, rows), what the winner left unexplained.
    counts : bool (), whether that counts.
    distance : int64 (), running mean after the sample.
    """
    assert second.is_recruited is not None
    place = g.reshape("learned_place", g.cast("learned_in", learns_in, np.int64), (1,))
    before = g.cast("mean_before", g.op("mean_int16", "Gather", residuals, place, axis=0), np.int32)
    scaled = g.op("residual_scaled", "Mul", residual, 1 << FRACTION_BITS)
    away = arithmetic.round_shift(g, "step", g.op("away", "Sub", scaled, before), MEAN_SHIFT)
    mean = g.op("mean", "Add", before, away)
    coarse = arithmetic.shift_right(g, "mean_coarse", mean, COARSE_SHIFT)
    coarse = g.cast("mean_int64", coarse, np.int64)
    square = g.reduce("square", "ReduceSum", g.op("squares", "Mul", coarse, coarse), 0, 1)
    weighed = g.op("square_weighed", "Mul", square, 1 << SQUARE_SHIFT)
    factor = rule.drift << rule.trace_shift
    limit = g.op("limit", "Mul", g.op("distance_limited", "Min", distance, LARGEST_MEAN), factor)
    fires = g.op("fires", "And", counts, g.op("is_over", "Greater", weighed, limit))
    is_new = g.op("is_new", "Not", second.is_recruited)
    can_move = g.op("can_move", "Or", learns_in, is_new)
    moves = g.op("moves", "And", fires, can_move)
    by = arithmetic.round_shift(g, "by", mean, FRACTION_BITS)
    moved = g.op("moved_sum", "Add", second.offset, by)
    limited = g.op("moved_limited", "Clip", moved, -LARGEST_OFFSET, LARGEST_OFFSET)
    offset = g.cast(
        "offset_int8", g.op("offset_next", "Where", moves, limited, second.offset), np.int8
    )
    noted = g.op("noted", "Where", counts, mean, before)
    settled = g.op("settled", "Where", fires, 0, noted)
    numbers = g.op("contexts", "Unsqueeze", g.numbers(2, np.int64), g.constant([1], np.int64))
    is_own = g.op("is_own", "Equal", numbers, place)
    kept = g.cast("means_before", residuals, np.int32)
    after = g.cast("residuals", g.op("means_after", "Where", is_own, settled, kept), np.int16)
    return after, g.op("offset", "Squeeze", offset, g.constant([0], np.int64))


def counts_residual(g: Graph, known_winner: Value, seen: Value, label: Value) -> Value:
    """Return whether what the winner leaves unexplained counts, bool ().

    Parameters
    ----------
    known_winner : bool (1, neurons), the winner if it is recruited.
    seen : uint32 (capacity,), samples of each class before this one.
    """
    is_known = g.reduce("is_known", "ReduceMax", g.cast("known", known_winner, np.int32), 0, 1)
    of_label = g.cast("seen", g.op("seen_word", "Gather", seen, label, axis=0), np.int64)
    is_mature = g.op("is_mature", "GreaterOrEqual", of_label, MATURE)
    return g.op("counts", "And", g.cast("knows", is_known, bool), is_mature)
