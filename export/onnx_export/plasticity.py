"""How weights move (docs/arithmetic.md, sections 7.3 and 7.4) as ONNX nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Operand, Value
from edge_naca.export.onnx_export.population import GraphPopulation
from edge_naca.network import Population, Rule


@dataclass(frozen=True)
class _Synapses:
    """The synapses that are computed: those of all neurons, or of the few that may learn.

    Parameters
    ----------
    places : int64 (chosen,), numbers of the neurons; None for all of them.
    weights : int32 (rows, chosen).
    gain : int32 (1, chosen).
    slope : int32 (1, chosen); None for 1.
    numbers : uint32 (chosen,), numbers of the neurons.
    """

    places: Value | None
    weights: Value
    gain: Value
    slope: Value | None
    numbers: Value


def move(
    g: Graph,
    layer: GraphPopulation,
    rule: Rule,
    rows: int,
    gain: Value,
    taught: Value | None,
    trace: Value | None,
    key: Value,
) -> tuple[Value, Value]:
    """Return the weights after learning, int8 (rows, neurons), and how many changed, int32 ().

    Synapses that may not change have a gain of 0 or an untaught unit: they are computed as well,
    and keep their weights.

    Parameters
    ----------
    gain : int32 (1, neurons), rate · signal · post.
    taught : uint8 (1, rows), the spikes that pre-terms "spike" and "bounded" read.
    trace : int32 (1, rows), traces; for pre-term "attract".
    key : uint32 (), the population's key of this presentation.
    """
    population = layer.population
    chosen = _chosen(g, layer, rule, rows, gain)
    may = g.op("may_learn", "Not", g.op("no_gain", "Equal", chosen.gain, 0))
    term: Operand
    if trace is not None:
        term = _attraction(g, population, rule, rows, trace, chosen)
    else:
        assert taught is not None
        column = g.reshape("taught_column", taught, (rows, 1))
        may = g.op("may_change", "And", g.cast("taught_bool", column, bool), may)
        term = _bounded(g, population, chosen) if rule.pre == "bounded" else chosen.slope or 1
    noise = _noise(g, rule, rows, chosen, key)
    product = chosen.gain if isinstance(term, int) else g.op("product", "Mul", chosen.gain, term)
    total = g.op("product_and_noise", "Add", product, noise)
    step = arithmetic.shift_right(g, "step", total, rule.rate_shift)
    moved = g.op("moved", "Add", chosen.weights, step)
    limited = g.op("limited", "Clip", moved, population.weight_min, population.weight_max)
    new = g.op("new_weights", "Where", may, limited, chosen.weights)
    same = g.op("same", "Equal", new, chosen.weights)
    changed = g.cast("changed_int32", g.op("changed", "Not", same), np.int32)
    changes = g.reduce("changes", "ReduceSum", changed, 0, 1)
    return _put_back(
        g, layer, rule, rows, chosen, g.cast("new_weights_int8", new, np.int8)
    ), changes


def _chosen(g: Graph, layer: GraphPopulation, rule: Rule, rows: int, gain: Value) -> _Synapses:
    """Pick the neurons that may learn where they are sure to be few.

    In gated competition these are the winner, `ranks` behind it, and neurons that spiked, of which
    lateral inhibition allows `winners`. The others' gain is 0.
    """
    population = layer.population
    numbers = g.numbers(population.neurons, np.uint32)
    most = population.winners + 1 + rule.ranks
    if rule.post != "winner" or not population.winners or most >= population.neurons:
        return _Synapses(None, layer.wide_weights(), gain, layer.slope, numbers)
    idle = g.op("idle", "Equal", gain, 0)
    has_gain = g.cast("has_gain", g.op("active", "Not", idle), np.int32)
    places = g.reshape("learners", g.largest("learner_row", has_gain, most), (most,))
    slope = layer.slope
    return _Synapses(
        places,
        g.cast("weights", g.op("weights_int8", "Gather", layer.weights, places, axis=1), np.int32),
        g.op("learners_gain", "Gather", gain, places, axis=1),
        None if slope is None else g.op("learners_slope", "Gather", slope, places, axis=1),
        g.cast("learners_uint32", places, np.uint32),
    )


def _put_back(
    g: Graph, layer: GraphPopulation, rule: Rule, rows: int, chosen: _Synapses, new: Value
) -> Value:
    if chosen.places is None:
        return new
    most = layer.population.winners + 1 + rule.ranks
    places = g.expand("learners_of_rows", chosen.places, (rows, most))
    return g.op("all_weights", "ScatterElements", layer.weights, places, new, axis=1)


def _attraction(
    g: Graph, population: Population, rule: Rule, rows: int, trace: Value, chosen: _Synapses
) -> Value:
    """Pre-term "attract": from the weight to the one that the trace asks for."""
    if rule.trace_shift >= 0:
        target = g.op("target", "Mul", trace, 1 << rule.trace_shift)
    else:
        target = g.op("target", "Div", trace, 1 << -rule.trace_shift)
    limited = g.op("target_limited", "Min", target, population.weight_max)
    column = g.reshape("target_column", limited, (rows, 1))
    return g.op("term", "Sub", column, chosen.weights)


def _bounded(g: Graph, population: Population, chosen: _Synapses) -> Value:
    """Pre-term "bounded": the room that is left in the direction of the move."""
    most = g.constant(population.weight_max, np.int32)
    above = g.op("room_above", "Sub", most, chosen.weights)
    below = g.op("room_below", "Sub", chosen.weights, population.weight_min)
    rises = g.op("rises", "Greater", chosen.gain, 0)
    return g.op("term", "Where", rises, above, below)


def _noise(g: Graph, rule: Rule, rows: int, chosen: _Synapses, key: Value) -> Value:
    """Random numbers below 2**rate_shift, int32 (rows, chosen)."""
    firsts = g.op("first_counters", "Mul", chosen.numbers, rows)
    column = g.reshape("row_numbers", g.numbers(rows, np.uint32), (rows, 1))
    words = arithmetic.draws(g, "draws", key, g.op("counters", "Add", column, firsts))
    low = g.op("low_bits", "BitwiseAnd", words, (1 << rule.rate_shift) - 1)
    return g.cast("noise", low, np.int32)
