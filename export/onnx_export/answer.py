"""What a presentation gives (docs/arithmetic.md, section 6) as ONNX nodes."""

from __future__ import annotations

import numpy as np

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.export.onnx_export.novelty import is_unknown
from edge_naca.export.onnx_export.presentation import Presentation
from edge_naca.specification.arithmetic import NO_MARGIN


def counts(shown: Presentation) -> Value:
    """Spikes of each output neuron, int32 (batch, capacity)."""
    if not shown.layers:
        return shown.neurons[-1].counts
    count = shown.layers[-1].counts
    assert count is not None
    return count


def prediction(g: Graph, shown: Presentation) -> Value:
    """Most spikes, then the greater potential left, then the lower class; int32 (batch, 1).

    −1 if nobody spiked, or the sample is unknown.
    """
    if not shown.layers:
        output = shown.neurons[-1]
        left = output.left
        if output.stage.readout:
            return _label(g, left)
    else:
        layer = shown.layers[-1]
        left = layer.zeros() if layer.left is None else layer.left
    spikes = counts(shown)
    most = g.reduce("most_spikes", "ReduceMax", spikes, 1, keep=True)
    among = g.op("among_most", "Equal", spikes, most)
    label = _label(g, g.op("ranked", "Where", among, left, NO_MARGIN))
    speaks = g.op("spoke", "Greater", most, 0)
    for index, layer in enumerate(shown.layers):
        rule = layer.population.rule
        if rule is not None and rule.unknown > 0:
            part = g.within(f"{shown.layer_names[index]}/novelty")
            unknown = is_unknown(part, layer, rule, shown.trace(index))
            speaks = part.op("speaks", "And", speaks, part.op("not_unknown", "Not", unknown))
    return g.op("prediction", "Where", speaks, label, -1)


def _label(g: Graph, scores: Value) -> Value:
    first = g.op("first", "ArgMax", scores, axis=1, keepdims=1)
    return g.cast("first_label", first, np.int32)


def margin(g: Graph, shown: Presentation) -> Value:
    """The margin of the last population before the output, or of the output; int32 (batch, 1)."""
    if not shown.layers:
        return g.initializer("no_margin", np.full((shown.batch, 1), NO_MARGIN, np.int32))
    layer = shown.layers[-2 if len(shown.layers) > 1 else 0]
    assert layer.margins is not None
    return g.reduce("margin", "ReduceMax", layer.margins, 1, keep=True)


def spikes_and_synops(g: Graph, shown: Presentation) -> tuple[Value, Value]:
    """Spikes of everything, and synaptic operations modulo 2^32: uint32 (batch, 1)."""
    spikes = sent = _sum(g, "input_spikes", shown.inputs)
    before = sent if shown.arriving is shown.inputs else _sum(g, "arriving", shown.arriving)
    synops = _of_stages(g, shown)
    for name, neurons in zip(shown.neuron_names, shown.neurons, strict=True):
        fired = g.reduce(f"{name}/spikes", "ReduceSum", neurons.counts, 1, keep=True)
        spikes = g.op(f"{name}/spikes_so_far", "Add", spikes, fired)
    for name, layer in zip(shown.layer_names, shown.layers, strict=True):
        population = layer.population
        if population.bias:
            before = g.op(f"{name}/arriving", "Add", before, shown.network.encoder.steps)
        words = g.cast(f"{name}/words", before, np.uint32)
        work = g.op(f"{name}/synops", "Mul", words, population.neurons)
        synops = arithmetic.add(g, f"{name}/synops_so_far", synops, work)
        assert layer.counts is not None
        before = g.reduce(f"{name}/spikes", "ReduceSum", layer.counts, 1, keep=True)
        spikes = g.op(f"{name}/spikes_so_far", "Add", spikes, before)
    assert synops is not None
    return g.cast("spikes", spikes, np.uint32), synops


def _sum(g: Graph, name: str, x: Value) -> Value:
    """Sum over steps and units, off spikes like others, int32 (batch, 1)."""
    ones = g.cast(f"{name}/ones", x, np.int32)
    if x.dtype == np.int8:
        ones = g.op(f"{name}/sizes", "Abs", ones)
    total = g.reduce(f"{name}/sum", "ReduceSum", ones, 1, 2)
    return g.op(name, "Unsqueeze", total, g.constant([1], np.int64))


def _of_stages(g: Graph, shown: Presentation) -> Value | None:
    """Synaptic operations of all stages modulo 2^32, uint32 (batch, 1)."""
    total: Value | None = None
    for place, work in enumerate(shown.synops):
        total = arithmetic.add(g, f"stages/synops_{place}", total, work)
    if total is None:
        return None
    low = g.op("stages/synops_low", "BitwiseAnd", total, 0xFFFFFFFF)
    return g.cast("stages/synops", low, np.uint32)
