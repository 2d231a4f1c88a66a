"""The decorrelating population (docs/arithmetic.md, section 3.2) as ONNX nodes."""

from __future__ import annotations

import numpy as np

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.inhibition import Inhibition
from edge_naca.specification.arithmetic import round_shift
from edge_naca.specification.inhibition import GREATEST_SHIFT, LARGEST_CENTRE

_ROW_SHIFTS = 16  # a learned one is read modulo this


def codes(
    g: Graph, inhibition: Inhibition, bits: int, x: Value, learned: dict[str, Value]
) -> tuple[Value, Value]:
    """Return the codes that go out, and synaptic operations.

    Parameters
    ----------
    bits : of the magnitude of a code that goes out.
    x : int8 (batch, inputs), the codes that come in.
    learned : what a learned V consists of, by the names of `image.Decorrelation`; V in use is
        int8 (inputs, neurons). Empty where V is given.

    Returns
    -------
    int8 (batch, outputs), and int64 (batch, 1).
    """
    largest, most = 2**bits - 1, 2**inhibition.code_bits - 1
    ones = g.cast("some_int64", g.cast("some", x, bool), np.int64)
    inputs, rank = inhibition.inputs, inhibition.rank
    reached = np.full(inputs, rank, np.int64) if rank else np.arange(inputs, 0, -1)
    fan_out = g.initializer("fan_out", reached)
    work = g.op("work_of_inputs", "Mul", ones, fan_out)
    synops = g.reduce("synops_in_use", "ReduceSum", work, 1, keep=True)
    if not learned:
        weights = g.initializer("weights", np.ascontiguousarray(inhibition.dense().T))
        shifts = inhibition.shift - inhibition.row_shifts.astype(np.int64)
        sums = arithmetic.signed_product(g, "sums", x, most, weights)
        known = np.clip(inhibition.centre.astype(np.int64), -LARGEST_CENTRE, LARGEST_CENTRE)
        taken_off = round_shift(known, inhibition.fraction).astype(np.int32)
        sums = g.op("centred", "Sub", sums, g.initializer("centre", taken_off))
        y = scaled(g.within("codes"), sums, g.initializer("shifts", shifts), largest)
        return g.cast("codes_out", y, np.int8), synops
    shift = g.cast("shift", learned["shift"], np.int64)
    stored = g.cast("stored_row_shifts", learned["row_shifts"], np.int64)
    limited = g.op("limited_shift", "Min", shift, GREATEST_SHIFT)
    rows = g.op("row_shifts", "Mod", stored, _ROW_SHIFTS)
    sums = arithmetic.signed_product(g, "sums", x, most, learned["weights"])
    stored = g.op("known_centre", "Clip", learned["centre"], -LARGEST_CENTRE, LARGEST_CENTRE)
    centre = arithmetic.round_shift(g, "centre", stored, inhibition.fraction)
    sums = g.op("centred", "Sub", sums, centre)
    y = scaled(g.within("codes"), sums, g.op("shifts", "Sub", limited, rows), largest)
    wide = g.cast("codes_in", x, np.int32)
    passing = g.constant(inhibition.code_bits - bits, np.int64)
    passed = scaled(g.within("passed_on"), wide, passing, largest)
    in_use = g.op("in_use", "Greater", shift, 0)
    y = g.op("codes_of_now", "Where", in_use, y, passed)
    synops = g.op("synops", "Mul", synops, g.cast("in_use_int64", in_use, np.int64))
    return g.cast("codes_out", y, np.int8), synops


def scaled(g: Graph, sums: Value, shifts: Value, largest: int) -> Value:
    """Return sums / 2**shifts, halves going up, or times 2**−shifts, within ±largest.

    Parameters
    ----------
    sums : int32, or int64 where a shift may pass 24.
    shifts : int64, of a shape that sums can be broadcast to.
    """
    powers = arithmetic.powers(g, sums.dtype)
    divisor = g.op("divisor", "Gather", powers, g.op("down", "Max", shifts, 0))
    raised = g.op("raised", "Add", sums, g.op("half", "Div", divisor, 2))
    rounded = arithmetic.divide_down(g, "rounded", raised, divisor)
    up = g.op("up", "Clip", g.op("negated", "Neg", shifts), 0, 7)
    small = g.op("small", "Clip", sums, -128, 128)
    grown = g.op("grown", "Mul", small, g.op("factor", "Gather", powers, up))
    shrinks = g.op("shrinks", "GreaterOrEqual", shifts, 0)
    return g.op(
        "limited", "Clip", g.op("either", "Where", shrinks, rounded, grown), -largest, largest
    )
