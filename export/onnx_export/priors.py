"""Priors in the open competition (docs/arithmetic.md, section 7.7) as ONNX nodes."""

from __future__ import annotations

import numpy as np

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.network import Rule
from edge_naca.specification.arithmetic import NO_MARGIN
from edge_naca.specification.priors import (
    FACTOR_BITS,
    LARGEST_DISTANCE,
    LARGEST_GAP,
    LARGEST_MEAN,
    LARGEST_SQUARE,
    MEAN_OVER,
    owners,
)

_LOG_BITS = 28  # 4096 neurons with 65535 wins


def priors_of(g: Graph, rule: Rule, wins: Value, means: Value) -> Value:
    """Return the prior of each neuron, int32 (1, neurons).

    Parameters
    ----------
    wins : int32 (1, neurons) or (neurons,).
    means : uint32 (2,).
    """
    of = owners(rule)
    wins = g.reshape("wins_row", wins, (1, of.size))
    limited = g.cast("means_limited", g.op("means_least", "Min", means, LARGEST_MEAN), np.int32)
    gap = g.op("gap", "Gather", limited, g.constant(0, np.int64), axis=0)
    distance = g.op("distance", "Gather", limited, g.constant(1, np.int64), axis=0)
    is_owned = g.initializer("is_owned", of == np.arange(of.max(initial=0) + 1)[:, None])
    recruited = g.op("is_recruited", "Greater", wins, 0)
    ones = g.cast("ones", recruited, np.int32)
    count = g.reduce("count", "ReduceSum", g.op("counted", "Where", is_owned, ones, 0), 1)
    total = g.reduce("total", "ReduceSum", g.op("won", "Where", is_owned, wins, 0), 1)
    of_class = g.op("log_of_class", "Sub", _log(g, "log_count", count), _log(g, "log_total", total))
    at_least_1 = g.op("total_at_least_1", "Max", total, 1)
    scarce = g.op("scarce", "Div", g.op("weighed", "Mul", distance, rule.rarity), at_least_1)
    of_rarity = g.op("of_rarity", "Div", g.op("scarce_of_all", "Mul", scarce, count), 256)
    place = g.constant(np.maximum(of, 0), np.int64)
    log_wins = g.reshape("log_wins", _log(g, "log_won", wins), (1, of.size))
    share = g.op(
        "share", "Add", log_wins, g.op("log_at_neurons", "Gather", of_class, place, axis=0)
    )
    of_share = _scaled(g, g.op("unit", "Mul", gap, rule.share), share)
    prior = g.op(
        "sum", "Add", of_share, g.op("rarity_at_neurons", "Gather", of_rarity, place, axis=0)
    )
    has_prior = g.op("has_prior", "And", recruited, g.constant(of >= 0, bool))
    return g.op("priors", "Where", has_prior, prior, 0)


def _log(g: Graph, name: str, x: Value) -> Value:
    """Binary logarithm in 256ths of int32, 1 and more, (n,)."""
    less = g.op(f"{name}/less", "Sub", x, 1)
    cube = g.reshape(f"{name}/cube", less, (1, 1, 1, -1))
    return g.reshape(f"{name}/row", arithmetic.signed_log(g, name, cube, _LOG_BITS), (-1,))


def _scaled(g: Graph, unit: Value, share: Value) -> Value:
    """Return unit · share / 2^16, rounding down; unit with as many bits as a product has room."""
    powers = g.initializer("powers", np.left_shift(1, np.arange(31)).astype(np.int32))
    over = g.constant(np.left_shift(1, np.arange(FACTOR_BITS, 30)), np.int32)
    too_large = g.cast("too_large", g.op("is_over", "GreaterOrEqual", unit, over), np.int64)
    coarse = g.reduce("coarse", "ReduceSum", too_large, 0)
    factor = g.op("factor", "Div", unit, g.op("coarseness", "Gather", powers, coarse, axis=0))
    rest = g.op("rest", "Sub", g.constant(16, np.int64), coarse)
    divisor = g.op("divisor", "Gather", powers, rest, axis=0)
    return arithmetic.divide_down(g, "of_share", g.op("product", "Mul", factor, share), divisor)


def learned_means(
    g: Graph,
    rule: Rule,
    means: Value,
    learned: Value,
    *,
    plain: Value,
    recruited: Value,
    winner: Value,
    trace: Value,
    threshold: int,
) -> Value:
    """Return the means after a sample, uint32 (2,).

    Parameters
    ----------
    learned : uint32 (), samples before this one.
    plain : int32 (1, neurons), margins without priors.
    recruited, winner : bool (1, neurons).
    trace : int32 (1, rows).
    threshold : of the population, the same for all neurons.
    """
    of = owners(rule)
    known = g.op("known_winner", "And", winner, recruited)
    is_known = g.reduce("is_known", "ReduceMax", g.cast("known", known, np.int32), 0, 1)
    best = g.reduce(
        "best", "ReduceMax", g.op("winner_margin", "Where", known, plain, NO_MARGIN), 0, 1
    )
    best = g.op("best_if_known", "Where", g.cast("knows", is_known, bool), best, 0)
    numbers = g.constant(of[None], np.int32)
    owner = g.reduce("owner", "ReduceSum", g.op("owners_won", "Where", known, numbers, 0), 0, 1)
    own = g.op("own", "And", recruited, g.op("same_owner", "Equal", numbers, owner))
    behind = g.op("behind", "Sub", best, g.op("own_margins", "Where", own, plain, best))
    gaps = g.cast("gaps_int64", g.op("gaps", "Clip", behind, 0, LARGEST_GAP), np.int64)
    count = g.reduce("own_count", "ReduceSum", g.cast("own_int64", own, np.int64), 0, 1)
    total = g.reduce("gap_sum", "ReduceSum", gaps, 0, 1)
    gap = g.op("gap_mean", "Div", total, g.op("count_at_least_1", "Max", count, 1))
    distance = _distance(g, rule, trace, best, threshold)
    values = g.stack("values", [gap, g.cast("distance_int64", distance, np.int64)], 0)
    has_gap = g.op("has_gap", "Greater", count, 1)
    knows = g.cast("knows_distance", is_known, bool)
    are_new = g.stack("are_new", [g.op("new_gap", "And", has_gap, knows), knows], 0)
    return _approached(g, means, values, are_new, learned)


def half_square(g: Graph, rule: Rule, trace: Value, *axes: int, keep: bool = False) -> Value:
    """Half the squared norm of traces over axes, in potentials, int32."""
    squares = g.op("squares", "Mul", trace, trace)
    square = g.reduce("square", "ReduceSum", squares, *axes, keep=keep)
    shift = rule.trace_shift - 1
    if shift < 0:
        return arithmetic.shift_right(g, "half", square, -shift)
    return g.op("half", "Mul", g.op("least", "Min", square, LARGEST_SQUARE), 1 << shift)


def _distance(g: Graph, rule: Rule, trace: Value, best: Value, threshold: int) -> Value:
    """Half the squared distance to the winner, int32 ()."""
    half = half_square(g, rule, trace, 0, 1)
    over = g.op("over", "Sub", g.op("beyond", "Sub", half, best), threshold)
    return g.op("distance", "Clip", over, 0, LARGEST_DISTANCE)


def _approached(g: Graph, means: Value, values: Value, are_new: Value, learned: Value) -> Value:
    """Running means after a value each, where it is new."""
    before = g.cast("before", means, np.int64)
    count = g.cast("learned_int64", learned, np.int64)
    over = g.op("over_count", "Clip", count, 1, MEAN_OVER)
    difference = g.op("difference", "Sub", values, before)
    moved = g.op("moved", "Add", before, g.op("step", "Div", difference, over))  # towards 0
    return g.cast("means", g.op("kept", "Where", are_new, moved, before), np.uint32)
