"""From raw numbers to codes (docs/arithmetic.md, section 3) as ONNX nodes."""

from __future__ import annotations

import numpy as np

from edge_naca.affine import Affine
from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.network import Preparation
from edge_naca.specification.preparation import LARGEST, MAX_FEATURE

_DIAGONAL = 181  # in 256ths: the cosine of 45°
_LOG_BITS = {"uint8": 8, "int16": 15, "int32": 31}
_LEAST = 2.0**-126  # of what is no subnormal number


def codes(g: Graph, prep: Preparation, raw: Value, batch: int, bits: int) -> Value:
    """Return the codes of raw samples.

    Parameters
    ----------
    raw : uint8, int16, int32 or, with affine maps, float32 (batch, height, width, channels).

    Returns
    -------
    uint8 (batch, outputs), below 2**bits; int8 if they keep a sign.
    """
    features = _features(g, prep, raw, batch)
    z = _sides(g, prep, features)
    if prep.norm:
        z = _equalised(g, prep.norm, z)
    z = g.op("limited", "Min", z, 2**bits - 1)
    if prep.keeps_sign:
        z = g.op("with_sign", "Mul", z, g.op("sign", "Sign", features))
    return g.cast("codes", z, np.int8 if prep.keeps_sign else np.uint8)


def _features(g: Graph, prep: Preparation, raw: Value, batch: int) -> Value:
    """Steps 1 to 4: int32 (batch, features)."""
    numbers = raw if prep.affine is None else mapped(g, prep.affine, prep.shape, raw)
    x = g.cast("numbers", numbers, np.int32)
    if prep.log:
        x = arithmetic.signed_log(
            g, "signed_log", x, 31 if prep.affine else _LOG_BITS[raw.dtype.name]
        )
    elif raw.dtype != np.uint8 or prep.affine is not None:
        x = g.op("clamped", "Clip", x, -32767, 32767)
    planes = g.op("planes", "Transpose", x, perm=[0, 3, 1, 2])
    if prep.spatial == "edges":
        planes = _edges(g, prep, planes, batch)
    sums = g.reshape("sums", _pooled(g, prep, planes, batch), (batch, prep.features))
    centred = g.op("clamped_sums", "Clip", sums, -32767, 32767)
    if prep.offset.any():
        offset = g.initializer("offset", prep.offset.astype(np.int32))
        centred = g.op("centred", "Sub", centred, offset)
    scaled = g.op("gained", "Mul", centred, g.initializer("gain", prep.gain.astype(np.int32)))
    rounded = arithmetic.round_shift(g, "rounded", scaled, prep.shift)
    return g.op("features", "Clip", rounded, -MAX_FEATURE, MAX_FEATURE)


def mapped(g: Graph, affine: Affine, shape: tuple[int, ...], raw: Value) -> Value:
    """Step 0, in float64, which holds exactly what does not saturate: whole numbers."""
    factor, addend = (
        np.resize(part, shape)
        for part in (
            np.ldexp(affine.factor.astype(np.float64), affine.exponent),
            affine.addend.astype(np.float64),
        )
    )
    raw = g.cast("reals", raw, np.float32)
    size = g.op("size", "Abs", raw)
    normal = g.op("is_normal", "GreaterOrEqual", size, g.constant(_LEAST, np.float32))
    counted = g.op("counted", "Where", normal, raw, g.constant(0, np.float32))
    x = g.cast("wide_reals", counted, np.float64)
    scaled = g.op("scaled", "Mul", x, g.initializer("real_factor", factor))
    rounded = g.op("rounded_reals", "Round", scaled)
    sums = g.op("with_addend", "Add", rounded, g.initializer("real_addend", addend))
    low, high = (g.constant(end, np.float64) for end in (-LARGEST, LARGEST))
    return g.op("limited_reals", "Min", g.op("not_below", "Max", sums, low), high)


def _edges(g: Graph, prep: Preparation, planes: Value, batch: int) -> Value:
    """Step 2b before pooling: the capped strength of each pixel's winning orientation.

    From int32 (batch, channels, height, width) to int32 (batch, 4 · channels, height, width).
    """
    height, width, channels = prep.shape
    border = g.initializer("border", np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    padded = g.op("padded", "Pad", planes, border)
    inner = g.cut("inner_rows", padded, 2, 1, height + 1)
    dx = g.op(
        "dx",
        "Sub",
        g.cut("east", inner, 3, 2, width + 2),
        g.cut("west", inner, 3, 0, width),
    )
    inner = g.cut("inner_columns", padded, 3, 1, width + 1)
    dy = g.op(
        "dy",
        "Sub",
        g.cut("south", inner, 2, 2, height + 2),
        g.cut("north", inner, 2, 0, height),
    )
    strengths = [g.op("abs_dx", "Abs", dx), g.op("abs_dy", "Abs", dy)]
    for kind, name in (("Add", "falling"), ("Sub", "rising")):
        both = g.op(f"{name}/abs", "Abs", g.op(f"{name}/both", kind, dx, dy))
        strengths.append(g.op(name, "Div", g.op(f"{name}/gained", "Mul", both, _DIAGONAL), 256))
    strength = g.stack("strengths", strengths, 2)
    best = g.op("best", "ArgMax", strength, axis=2, keepdims=1)
    places = g.initializer("orientations", np.arange(4).reshape(4, 1, 1))
    wins = g.op("wins", "Equal", best, places)
    capped = g.op("capped", "Min", strength, prep.cap)
    edges = g.op("edges", "Where", wins, capped, 0)
    return g.reshape("edge_planes", edges, (batch, 4 * channels, height, width))


def _pooled(g: Graph, prep: Preparation, planes: Value, batch: int) -> Value:
    """Sum over cells: int32 (batch, planes, rows, columns)."""
    if prep.cell == 1:
        return planes
    height, width, channels = prep.shape
    rows, columns = prep.grid
    count = channels * (4 if prep.spatial == "edges" else 1)
    missing = rows * prep.cell - height, columns * prep.cell - width
    if any(missing):
        ends = g.initializer("missing", np.array([0, 0, 0, 0, 0, 0, *missing]))
        planes = g.op("whole_cells", "Pad", planes, ends)
    cells = g.reshape("cells", planes, (batch, count, rows, prep.cell, columns, prep.cell))
    return g.reduce("pooled", "ReduceSum", cells, 3, 5)


def _sides(g: Graph, prep: Preparation, y: Value) -> Value:
    """Step 5: what is not negative, int32 (batch, outputs)."""
    if prep.keeps_sign:
        return g.op("sizes", "Abs", y)
    if prep.signed:
        y = g.op("on_off", "Concat", y, g.op("off", "Neg", y), axis=1)
    return g.op("positive", "Max", y, 0)


def _equalised(g: Graph, norm: int, z: Value) -> Value:
    """Step 6: every sample at one Euclidean norm."""
    # No runtime needs to sum uint32, and the sum of squares passes 2^31.
    wide = g.cast("wide", z, np.int64)
    square = g.reduce("square", "ReduceSum", g.op("squares", "Mul", wide, wide), 1, keep=True)
    root = arithmetic.square_root(g, "norm", square)
    # Where the norm is 0 so is z, and any factor will do.
    divisor = g.op("divisor", "Max", g.cast("norm_int32", root, np.int32), 1)
    factor = g.op("factor", "Div", g.constant(norm << 16, np.int32), divisor)
    product = g.op("product", "Mul", z, factor)
    return g.op("equalised", "Div", g.op("product_half", "Add", product, 32768), 65536)
