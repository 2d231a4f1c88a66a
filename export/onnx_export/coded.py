"""Coded stages (docs/arithmetic.md, section 3.1) as ONNX nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.onnx_export import arithmetic, windows
from edge_naca.export.onnx_export.graph import Graph, Operand, Value
from edge_naca.stages import CodedConvolution, CodedPool, CodedStage


def run(
    g: Graph, stages: dict[str, CodedStage], codes: Value, batch: int
) -> tuple[Value, list[Value]]:
    """Return the codes that come out of the coded stages of a network, and synaptic operations.

    Parameters
    ----------
    stages : by their names, in order; the first is the first of the network.
    codes : uint8 (batch, inputs).

    Returns
    -------
    uint8 (batch, units), and int64 (batch, 1) of each convolution.
    """
    x, synops, last = codes, list[Value](), None
    for name, stage in stages.items():
        part = g.within(name)
        if last is None:
            x = windows.planes(part, "codes_before", x, batch, stage.shape, True)
        if isinstance(stage, CodedConvolution):
            some = part.cast("arrivals", part.cast("some", x, bool), np.int64)
            synops.append(windows.synaptic_operations(part, stage, some))
            x = _convolution(part, stage, x, batch)
        else:
            x = _pool(part, stage, x, batch)
        last = stage
    if last is not None:
        x = windows.units(g, "coded/codes", x, batch, last.output_shape)
    return x, synops


def _convolution(g: Graph, stage: CodedConvolution, x: Value, batch: int) -> Value:
    sums = windows.convolve(g, stage, x, batch, 2**stage.code_bits - 1)
    shift = stage.shift.astype(np.int32)
    added = stage.bias + (1 << shift >> 1)  # halves go up
    if added.any():
        sums = g.op("sums_and_half", "Add", sums, _of_maps(g, "bias_and_half", added))
    if shift.any():
        sums = arithmetic.divide_down(g, "shifted", sums, _of_maps(g, "divisor", 1 << shift))
    return _codes(g, sums, stage.bits)


def _pool(g: Graph, stage: CodedPool, x: Value, batch: int) -> Value:
    if stage.pool == "max":
        greatest = windows.pool_maxima(g, stage, x)
        if stage.bits >= stage.code_bits:
            return greatest
        return g.op("codes", "Min", greatest, 2**stage.bits - 1)
    sums = windows.pool_sums(g, stage, x, batch)
    if stage.gain > 1:
        sums = g.op("gained", "Mul", sums, stage.gain)
    if stage.shift:  # nothing here is negative, so Div rounds down
        half = g.op("gained_and_half", "Add", sums, 1 << stage.shift >> 1)
        sums = g.op("shifted", "Div", half, 1 << stage.shift)
    return _codes(g, sums, stage.bits)


def _codes(g: Graph, x: Value, bits: int) -> Value:
    """Return int32 as codes: uint8, 0 .. 2**bits − 1."""
    return g.cast("codes", g.op("limited", "Clip", x, 0, 2**bits - 1), np.uint8)


def _of_maps(g: Graph, name: str, numbers: NDArray[Any]) -> Operand:
    """Return one number for each map, or the one that they share."""
    if (numbers == numbers[0]).all():
        return int(numbers[0])
    return g.initializer(name, numbers.astype(np.int32).reshape(-1, 1, 1))
