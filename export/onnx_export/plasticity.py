"""How weights move (docs/arithmetic.md, sections 7.3 and 7.4) as ONNX nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Operand, Value
from edge_naca.export.onnx_export.population import GraphPopulation
from edge_naca.network import Population, Rule


@dataclass(frozen=True)
class Learners:
    """The neurons whose synapses are computed: all of them, or the few that may learn.

    Parameters
    ----------
    count : chosen, how many.
    places : int64 (chosen,), their numbers; None for all of them.
    gain : int32 (1, chosen), rate · signal · post.
    numbers : uint32 (chosen,), their numbers.
    """

    count: int
    places: Value | None
    gain: Value
    numbers: Value


def move(
    g: Graph,
    layer: GraphPopulation,
    rule: Rule,
    rows: int,
    learners: Learners,
    taught: Value | None,
    target: Value | None,
    key: Value,
) -> tuple[Value, Value]:
    """Return the weights after learning, int8 (rows, neurons), and how many changed, int32 ().

    Synapses that may not change have a gain of 0 or an untaught unit: they are computed as well,
    and keep their weights.

    Parameters
    ----------
    learners : who may learn, and how much.
    taught : uint8 (1, rows), the spikes that pre-terms "spike" and "bounded" read.
    target : int32 (1, rows), where weights are pulled; for pre-term "attract".
    key : uint32 (), the population's key of this presentation.
    """
    population = layer.population
    weights, slope = _synapses(g, layer, learners)
    gain = learners.gain
    may = g.op("may_learn", "Not", g.op("no_gain", "Equal", gain, 0))
    term: Operand
    if target is not None:
        term = g.op("term", "Sub", g.reshape("target_column", target, (rows, 1)), weights)
    else:
        assert taught is not None
        column = g.reshape("taught_column", taught, (rows, 1))
        may = g.op("may_change", "And", g.cast("taught_bool", column, bool), may)
        term = _bounded(g, population, weights, gain) if rule.pre == "bounded" else slope or 1
    noise = _noise(g, rule, rows, learners, key)
    product = gain if isinstance(term, int) else g.op("product", "Mul", gain, term)
    total = g.op("product_and_noise", "Add", product, noise)
    step = arithmetic.shift_right(g, "step", total, rule.rate_shift)
    moved = g.op("moved", "Add", weights, step)
    limited = g.op("limited", "Clip", moved, population.weight_min, population.weight_max)
    new = g.op("new_weights", "Where", may, limited, weights)
    same = g.op("same", "Equal", new, weights)
    changed = g.cast("changed_int32", g.op("changed", "Not", same), np.int32)
    changes = g.reduce("changes", "ReduceSum", changed, 0, 1)
    narrow = g.cast("new_weights_int8", new, np.int8)
    return put_back(g, "all_weights", learners, rows, layer.weights, narrow), changes


def learners_of(g: Graph, population: Population, rule: Rule, gain: Value) -> Learners:
    """Pick the neurons that may learn where they are sure to be few.

    In gated competition these are the winner, `ranks` behind it, and neurons that spiked, of which
    lateral inhibition allows `winners`. The others' gain is 0.

    Parameters
    ----------
    gain : int32 (1, neurons).
    """
    most = population.winners + 1 + rule.ranks
    if rule.post != "winner" or not population.winners or most >= population.neurons:
        numbers = g.numbers(population.neurons, np.uint32)
        return Learners(population.neurons, None, gain, numbers)
    idle = g.op("idle", "Equal", gain, 0)
    has_gain = g.cast("has_gain", g.op("active", "Not", idle), np.int32)
    places = g.reshape("learners", g.largest("learner_row", has_gain, most), (most,))
    return Learners(
        most,
        places,
        g.op("learners_gain", "Gather", gain, places, axis=1),
        g.cast("learners_uint32", places, np.uint32),
    )


def _synapses(g: Graph, layer: GraphPopulation, learners: Learners) -> tuple[Value, Value | None]:
    """Return weights, int32 (rows, chosen), and slopes, int32 (1, chosen), None for 1."""
    slope, places = layer.slope, learners.places
    if places is None:
        return layer.wide_weights(), slope
    few = g.op("weights_int8", "Gather", layer.weights, places, axis=1)
    if slope is not None:
        slope = g.op("learners_slope", "Gather", slope, places, axis=1)
    return g.cast("weights", few, np.int32), slope


def put_back(g: Graph, name: str, learners: Learners, rows: int, whole: Value, new: Value) -> Value:
    """Return a whole tensor (rows, neurons) with the new columns of those that may learn."""
    if learners.places is None:
        return new
    places = g.expand("learners_of_rows", learners.places, (rows, learners.count))
    return g.op(name, "ScatterElements", whole, places, new, axis=1)


def target_of(
    g: Graph, population: Population, rule: Rule, trace: Value, offset: Value | None
) -> Value:
    """Return the weights that traces ask for, int32 (1, rows): pre-term "attract".

    Parameters
    ----------
    offset : int32 (1, rows), what the context that is learned in takes off; None for nothing.
    """
    if rule.trace_shift >= 0:
        target = g.op("target", "Mul", trace, 1 << rule.trace_shift)
    else:
        target = arithmetic.shift_right(g, "target", trace, -rule.trace_shift)
    if offset is not None:
        target = g.op("target_in_context", "Sub", target, offset)
    return g.op("target_limited", "Clip", target, population.weight_min, population.weight_max)


def _bounded(g: Graph, population: Population, weights: Value, gain: Value) -> Value:
    """Pre-term "bounded": the room that is left in the direction of the move."""
    most = g.constant(population.weight_max, np.int32)
    above = g.op("room_above", "Sub", most, weights)
    below = g.op("room_below", "Sub", weights, population.weight_min)
    rises = g.op("rises", "Greater", gain, 0)
    return g.op("term", "Where", rises, above, below)


def _noise(g: Graph, rule: Rule, rows: int, learners: Learners, key: Value) -> Value:
    """Random numbers below 2**rate_shift, int32 (rows, chosen)."""
    firsts = g.op("first_counters", "Mul", learners.numbers, rows)
    column = g.reshape("row_numbers", g.numbers(rows, np.uint32), (rows, 1))
    words = arithmetic.draws(g, "draws", key, g.op("counters", "Add", column, firsts))
    low = g.op("low_bits", "BitwiseAnd", words, (1 << rule.rate_shift) - 1)
    return g.cast("noise", low, np.int32)
