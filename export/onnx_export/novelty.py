"""Whether a sample is unknown (docs/arithmetic.md, section 7.9) as ONNX nodes."""

from __future__ import annotations

import numpy as np

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.export.onnx_export.population import GraphPopulation
from edge_naca.export.onnx_export.priors import half_square
from edge_naca.network import Rule
from edge_naca.specification.arithmetic import NO_MARGIN
from edge_naca.specification.novelty import BITS, LARGEST, LARGEST_HALF, UNIT_BITS
from edge_naca.specification.priors import owners


def is_unknown(g: Graph, layer: GraphPopulation, rule: Rule, trace: Value) -> Value:
    """Return whether samples are too far from what is known of any class, bool (batch, 1).

    Parameters
    ----------
    trace : int32 (batch, rows).
    """
    best = _best_of_classes(g, layer, rule)
    known = g.op("is_known", "Greater", best, NO_MARGIN)
    half = half_square(g, rule, trace, 1, keep=True)
    over = g.op("beyond", "Sub", half, g.op("best_or_0", "Where", known, best, 0))
    away = g.op("away", "Sub", over, layer.population.threshold)
    away = g.op("distances", "Clip", away, 0, LARGEST_HALF)
    away = g.op("known_away", "Where", known, away, 0)
    largest = g.op("largest", "Max", g.reduce("most", "ReduceMax", away, 1, keep=True), half)
    limits = g.constant(np.left_shift(1, np.arange(BITS, 31))[None], np.int32)
    coarse = arithmetic.reached(g, "coarse", largest, limits, 0)
    powers = arithmetic.powers(g, np.int32)
    divisor = g.reshape("divisor", g.op("power", "Gather", powers, coarse, axis=0), (-1, 1))
    half = g.op("half_coarse", "Div", half, divisor)
    away = g.op("away_coarse", "Div", away, divisor)
    near = g.op("known_or_far", "Where", known, away, LARGEST_HALF)
    nearest = g.reduce("nearest", "ReduceMin", near, 1, keep=True)
    counted = g.cast("known_int32", known, np.int32)
    count = g.reduce("count", "ReduceSum", counted, 1, keep=True)
    others = g.op("others", "Max", g.op("all_but_1", "Sub", count, 1), 1)
    total = g.reduce("total", "ReduceSum", away, 1, keep=True)
    mean = g.op("mean", "Div", g.op("of_others", "Sub", total, nearest), others)
    mean = g.op("mean_if_any", "Where", g.op("has_others", "Greater", count, 1), mean, 0)
    far = g.op("far", "Max", g.op("far_sum", "Add", mean, half), 1)
    scaled = g.op("scaled", "Mul", nearest, 1 << UNIT_BITS)
    novelty = g.op("ratio", "Min", g.op("quotient", "Div", scaled, far), LARGEST)
    is_known = g.op("has_known", "Greater", count, 0)
    novelty = g.op("novelty", "Where", is_known, novelty, LARGEST)
    return g.op("is_unknown", "Greater", novelty, rule.unknown)


def _best_of_classes(g: Graph, layer: GraphPopulation, rule: Rule) -> Value:
    """The greatest margin without priors of each class's neurons, int32 (batch, classes)."""
    assert layer.margins is not None
    assert layer.recruited is not None
    of = owners(rule)
    plain = layer.margins
    if layer.priors is not None:
        less = g.op("less_prior", "Sub", plain, layer.priors)
        plain = g.op("plain", "Where", layer.recruited, less, NO_MARGIN)
    is_owned = g.initializer("is_owned", (of == np.arange(of.max(initial=0) + 1)[:, None])[None])
    wide = g.op("plain_of_classes", "Unsqueeze", plain, g.constant([1], np.int64))
    return g.reduce("best", "ReduceMax", g.op("owned", "Where", is_owned, wide, NO_MARGIN), 2)
