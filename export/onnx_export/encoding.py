"""From codes to spikes (docs/arithmetic.md, section 4) as ONNX nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.network import Encoder


def spikes(g: Graph, encoder: Encoder, codes: Value, inputs: int, key: Value | None) -> Value:
    """Return the input spikes of a presentation.

    Parameters
    ----------
    codes : uint8 (batch, inputs), int8 if they have a sign.
    key : uint32 (), the presentation's key; only the rate encoder asks for it.

    Returns
    -------
    uint8 (batch, steps, inputs), int8 if codes have a sign: off spikes are −1.
    """
    code = g.op("codes_of_steps", "Unsqueeze", codes, g.constant([1], np.int64))
    step = np.arange(encoder.steps).reshape(-1, 1)
    if encoder.is_signed:
        wide = g.cast("wide", code, np.int32)
        size = g.cast("sizes", g.op("sizes_int32", "Abs", wide), np.uint8)
        sent = g.op("sent", "BitwiseAnd", _shifted(g, size, step), 1)
        signs = g.op("signs", "Sign", wide)
        spikes = g.op("with_sign", "Mul", g.cast("sent_int32", sent, np.int32), signs)
        return g.cast("spikes", spikes, np.int8)
    if encoder.kind == "bitplane":
        return g.op("spikes", "BitwiseAnd", _shifted(g, code, step), 1)
    if encoder.kind == "direct":
        some = g.cast("some_spikes", g.cast("some", code, bool), np.uint8)
        return g.op("spikes", "Tile", some, g.constant([1, encoder.steps, 1], np.int64))
    words = g.cast("words", code, np.uint32)
    if encoder.kind == "rate":
        assert key is not None
        first = g.initializer("first_counters", (step * inputs).astype(np.uint32))
        counters = g.op("counters", "Add", first, g.numbers(inputs, np.uint32))
        drawn = arithmetic.draws(g, "draws", key, counters)
        level = g.op("levels", "BitShift", drawn, 32 - encoder.bits, direction="RIGHT")
        return g.cast("spikes", g.op("drawn", "Less", level, words), np.uint8)
    most = 2**encoder.bits - 1
    missing = g.op("missing", "Sub", g.constant(most, np.uint32), words)
    product = g.op("product", "Mul", missing, encoder.steps)
    late = g.op("late", "BitShift", product, encoder.bits, direction="RIGHT")
    now = g.op("now", "Equal", late, g.initializer("steps", step.astype(np.uint32)))
    some = g.op("some", "Greater", words, 0)
    return g.cast("spikes", g.op("once", "And", now, some), np.uint8)


def _shifted(g: Graph, code: Value, step: NDArray[Any]) -> Value:
    """Return codes >> step: bit 0 is the one that a step sends."""
    places = g.initializer("bits", step.astype(np.uint8))
    return g.op("shifted", "BitShift", code, places, direction="RIGHT")
