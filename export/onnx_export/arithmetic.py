"""The named operations of docs/arithmetic.md in ONNX integer operators (its section 10)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from edge_naca.export.onnx_export.graph import Graph, Operand, Value
from edge_naca.specification.arithmetic import POTENTIAL_MAX

_DIGIT = 128  # base to which numbers are taken apart for products of bytes


def shift_right(g: Graph, name: str, x: Value, shift: int) -> Value:
    """x >> shift, rounding down, for int32 of either sign."""
    return x if shift == 0 else divide_down(g, name, x, 1 << shift)


def divide_down(g: Graph, name: str, x: Value, divisor: Operand) -> Value:
    """x / divisor, rounding down, for int32 of either sign; `divisor` holds powers of two.

    Div rounds towards zero, so the multiple below is taken first; that never overflows, since the
    smallest int32 is a multiple of every power of two.
    """
    remainder = g.op(f"{name}/remainder", "Mod", x, divisor)
    multiple = g.op(f"{name}/multiple", "Sub", x, remainder)
    return g.op(name, "Div", multiple, divisor)


def scale(g: Graph, name: str, x: Value | None, decay: Operand) -> Value | None:
    """x · decay / 256, rounding down; None stands for 0."""
    if x is None or decay == 0:
        return None
    if decay == 256:
        return x
    if isinstance(decay, Value):
        return shift_right(g, name, g.op(f"{name}/product", "Mul", x, decay), 8)
    # (x · d · 2^k) >> 8 = (x · d) >> (8 − k): a decay of 128 is a mere shift.
    zeros = (decay & -decay).bit_length() - 1
    factor = decay >> zeros
    product = x if factor == 1 else g.op(f"{name}/product", "Mul", x, factor)
    return shift_right(g, name, product, 8 - zeros)


def add(g: Graph, name: str, x: Value | None, y: Value | None) -> Value | None:
    """x + y, None standing for 0."""
    if x is None or y is None:
        return y if x is None else x
    return g.op(name, "Add", x, y)


def saturate(g: Graph, name: str, v: Value) -> Value:
    """Keep membrane potentials within 24 bits."""
    return g.op(name, "Clip", v, -POTENTIAL_MAX, POTENTIAL_MAX)


def round_shift(g: Graph, name: str, x: Value, shift: int) -> Value:
    """x / 2^shift, halves going up."""
    if shift == 0:
        return x
    return shift_right(g, name, g.op(f"{name}/half", "Add", x, 1 << shift >> 1), shift)


def product(
    g: Graph, name: str, kind: str, x: Value, most: int, weights: Value, **attributes: Any
) -> Value:
    """Σ w · x, int32, exact on every runtime.

    x86 kernels without VNNI add two products of uint8 and int8 in 16 bits, which saturate. They do
    not as long as 2 · x · 128 is at most 32767, which is so for x of seven bits. Larger ones are
    taken apart into digits to base 128.

    Parameters
    ----------
    kind : "MatMulInteger" or "ConvInteger".
    x : uint8 or int32, 0 .. `most`.
    weights : int8.
    """
    if most < _DIGIT:
        return g.op(name, kind, g.cast(f"{name}/digits", x, np.uint8), weights, **attributes)
    total: Value | None = None
    place, rest = 1, x
    while place <= most:
        part = f"{name}/of_{place}"
        digit = rest if most // place < _DIGIT else g.op(f"{part}/digits", "Mod", rest, _DIGIT)
        digits = g.cast(f"{part}/digits_uint8", digit, np.uint8)
        sums = g.op(part, kind, digits, weights, **attributes)
        if place > 1:
            sums = g.op(f"{part}/weighted", "Mul", sums, place)
        if (place := place * _DIGIT) <= most:
            rest = g.op(f"{part}/rest", "Div", rest, _DIGIT)
        total = add(g, name if place > most else f"{part}/so_far", total, sums)
    assert total is not None
    return total


def signed_product(g: Graph, name: str, x: Value, most: int, weights: Value) -> Value:
    """Σ w · x, int32, for numbers of either sign: those above 0, then those below it, taken off.

    Parameters
    ----------
    x : int8 or int32 (…, rows), within ±most.
    weights : int8 (rows, columns).
    """
    wide = g.cast(f"{name}/wide", x, np.int32)
    off = g.op(f"{name}/off", "Max", g.op(f"{name}/flipped", "Neg", wide), 0)
    on = g.op(f"{name}/on", "Max", wide, 0)
    added, taken = (
        product(g, f"{name}/{side}_sums", "MatMulInteger", part, most, weights)
        for side, part in (("on", on), ("off", off))
    )
    return g.op(name, "Sub", added, taken)


def powers(g: Graph, dtype: DTypeLike) -> Value:
    """Return the powers of two that a signed type holds, from 2^0 on: divisors by their shifts."""
    count = np.iinfo(np.dtype(dtype)).bits - 1
    return g.constant([1 << place for place in range(count)], dtype)


def reached(g: Graph, name: str, x: Value, limits: Value, first: int) -> Value:
    """`first`, and 1 more for each of the ascending limits, the last axis, that x is not below."""
    steps = g.cast(f"{name}/steps", g.op(f"{name}/reached", "GreaterOrEqual", x, limits), np.int64)
    count = g.reduce(name if first == 0 else f"{name}/count", "ReduceSum", steps, -1)
    return count if first == 0 else g.op(name, "Add", count, first)


def hash32(g: Graph, name: str, x: Value) -> Value:
    """One round of the counter-based generator, on uint32."""
    for turn, (shift, factor) in enumerate(((16, 0x7FEB352D), (15, 0x846CA68B), (16, None))):
        shifted = g.op(f"{name}/shift_{turn}", "BitShift", x, shift, direction="RIGHT")
        mixed = f"{name}/mix_{turn}" if factor else name
        x = g.op(mixed, "BitwiseXor", x, shifted)
        if factor:
            x = g.op(f"{name}/product_{turn}", "Mul", x, factor)
    return x


def presentation_key(g: Graph, name: str, seed: int, learned: Value) -> Value:
    """Key of everything random in the presentation after `learned` samples, uint32 ()."""
    word = g.op(f"{name}/step", "Mul", learned, 0x9E3779B9)
    return hash32(g, name, g.op(f"{name}/word", "Add", word, seed))


def draws(g: Graph, name: str, key: Value, counters: Value) -> Value:
    """One random word for each counter, uint32."""
    return hash32(g, name, g.op(f"{name}/word", "BitwiseXor", counters, key))


def square_root(g: Graph, name: str, x: Value, bits: int = 16) -> Value:
    """The largest integer whose square is not above x, for int64 below 4^bits: bit by bit."""
    root: Value | None = None
    for bit in range(bits - 1, -1, -1):
        part = f"{name}/bit_{bit}"
        trial: Operand = 1 << bit if root is None else g.op(f"{part}/trial", "Add", root, 1 << bit)
        square = trial**2 if isinstance(trial, int) else g.op(f"{part}/square", "Mul", trial, trial)
        fits = g.op(f"{part}/fits", "GreaterOrEqual", x, square)
        if root is None:
            root = g.op(part, "Mul", g.cast(f"{part}/set", fits, np.int64), 1 << bit)
        else:
            root = g.op(part, "Where", fits, trial, root)
    assert root is not None
    return root


def signed_log(g: Graph, name: str, x: Value, most_bits: int) -> Value:
    """Binary logarithm of |x| + 1 in 256ths with the sign of x, for int32.

    Parameters
    ----------
    x : int32 (N, H, W, C).
    most_bits : the highest bit that |x| + 1 can have.
    """
    negative = g.op(f"{name}/negative", "Less", x, 0)
    words = g.cast(f"{name}/words", x, np.uint32)
    # Two's complement as words is right for −2^31 too, whose Abs int32 cannot hold. A Where would
    # be plainer, but onnxruntime-web has none for uint32.
    one = g.cast(f"{name}/one_if_negative", negative, np.uint32)
    mask = g.op(f"{name}/mask", "Sub", g.constant(0, np.uint32), one)
    size = g.op(f"{name}/size", "Add", g.op(f"{name}/flipped", "BitwiseXor", words, mask), one)
    n = g.op(f"{name}/n", "Add", size, 1)
    powers = g.initializer(
        f"{name}/powers", np.uint32(1) << np.arange(1, most_bits + 1, dtype=np.uint32)
    )
    last = g.op(f"{name}/column", "Unsqueeze", n, g.constant([-1], np.int64))
    reached = g.op(f"{name}/reached", "GreaterOrEqual", last, powers)
    bits = g.cast(f"{name}/bits", reached, np.int32)
    exponent = g.reduce(f"{name}/exponent", "ReduceSum", bits, 4)
    # With the highest bit moved to place 31, the eight below it are the fraction.
    room = g.op(f"{name}/room", "Sub", g.constant(31, np.int32), exponent)
    left = g.op(
        f"{name}/left", "BitShift", n, g.cast(f"{name}/places", room, np.uint32), direction="LEFT"
    )
    right = g.op(f"{name}/right", "BitShift", left, 23, direction="RIGHT")
    fraction = g.op(f"{name}/fraction", "BitwiseAnd", right, 255)
    whole = g.op(f"{name}/whole", "Mul", exponent, 256)
    log = g.op(f"{name}/log", "Add", whole, g.cast(f"{name}/low", fraction, np.int32))
    return g.op(name, "Where", negative, g.op(f"{name}/minus", "Neg", log), log)
