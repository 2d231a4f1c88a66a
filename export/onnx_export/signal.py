"""From a window of a signal to features (docs/arithmetic.md, section 11) as ONNX nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.export.onnx_export.preparation import mapped
from edge_naca.image_records import SIGNAL_BLOCKS
from edge_naca.signal_features import Bands, Signal
from edge_naca.specification.signal import COSINE, GREATEST, LARGEST, LEAST, OCTAVE, TURN

_STATISTICS = SIGNAL_BLOCKS[:6]
_ROOM = 28  # bits that a frame's numbers may have, times their count


def features(g: Graph, signal: Signal, window: Value, batch: int) -> Value:
    """Return the features of windows, int32 (batch, features).

    Parameters
    ----------
    window : int16 or, with affine maps, float32 (batch, window, channels).
    """
    x = _channels(g, signal, window)
    count = signal.channels + len(signal.magnitudes)
    made = {**_statistics(g.within("statistics"), x, signal.window, (batch, count, 1))}
    if signal.bands is not None:
        bands = signal.bands
        logs = _bands(g.within("bands"), bands, x, signal.window, (batch, count))
        made["bands"] = g.reshape("bands", logs, (batch, count, bands.frames * bands.count))
    made["decimated"] = _decimated(g, x, signal, (batch, count))
    sizes = signal.sizes
    names = [name for name in SIGNAL_BLOCKS if name in made]
    together = g.op("of_channels", "Concat", *(made[name] for name in names), axis=2)
    width = sum(sizes[name] for name in names)
    flat = g.reshape("all", together, (batch, count * width))
    chosen = g.op("chosen", "Gather", flat, g.initializer("places", _places(signal, names)), axis=1)
    return g.cast("features", g.op("limited", "Clip", chosen, LEAST, GREATEST), np.int32)


def _places(signal: Signal, names: list[str]) -> NDArray[np.int64]:
    """Return which of the numbers of all channels are features, in their order."""
    sizes, first = signal.sizes, 0
    places: list[int] = []
    for blocks in signal.blocks:
        for name in names:
            if name in blocks:
                places += range(first, first + sizes[name])
            first += sizes[name]
    return np.array(places, np.int64)


def _channels(g: Graph, signal: Signal, window: Value) -> Value:
    """Section 11.2: int64 (batch, channels and magnitudes, window)."""
    if signal.affine is None:
        wide = g.cast("numbers", window, np.int64)
    else:
        real = mapped(g.within("real"), signal.affine, (1, 1, signal.channels), window)
        wide = g.op("numbers", "Clip", g.cast("whole", real, np.int64), LEAST, GREATEST)
    x = g.op("channels", "Transpose", wide, perm=[0, 2, 1])
    parts = [x]
    for number, axes in enumerate(signal.magnitudes):
        name = f"magnitude_{number}"
        places = g.constant(list(axes), np.int64)
        one = g.op(f"{name}/axes", "Gather", x, places, axis=1)
        squares = g.reduce(
            f"{name}/squares", "ReduceSum", g.op(f"{name}/each", "Mul", one, one), 1, keep=True
        )
        root = arithmetic.square_root(g, f"{name}/root", squares)
        parts.append(g.op(name, "Min", root, GREATEST))
    return g.op("all_channels", "Concat", *parts, axis=1) if len(parts) > 1 else x


def _statistics(g: Graph, x: Value, count: int, shape: tuple[int, ...]) -> dict[str, Value]:
    """Section 11.3: int64 (batch, channels, 1) each."""
    lg = count.bit_length() - 1
    total = g.reduce("sum", "ReduceSum", x, 2, keep=True)
    mean = arithmetic.round_shift(g, "mean", total, lg)
    squares = g.reduce("squares", "ReduceSum", g.op("square", "Mul", x, x), 2, keep=True)
    grown, square = g.op("grown", "Mul", squares, count), g.op("of_sum", "Mul", total, total)
    spread = g.op("spread", "Sub", grown, square)
    limits = g.constant([1 << (32 + 2 * k) for k in range(14)], np.int64)
    halvings = g.reshape("halvings", arithmetic.reached(g, "reached", spread, limits, 0), shape)
    powers = arithmetic.powers(g, np.int64)
    unit = g.op("unit", "Gather", powers, halvings, axis=0)
    low = g.op("low", "Div", spread, g.op("unit_squared", "Mul", unit, unit))
    root = g.op("root", "Mul", arithmetic.square_root(g, "low_root", low), unit)
    later, sooner = g.cut("later", x, 2, 1, count), g.cut("sooner", x, 2, 0, count - 1)
    steps = g.op("steps", "Abs", g.op("step", "Sub", later, sooner))
    below = g.op("below", "Less", x, mean)
    sides = (
        g.cut(f"{name}_below", below, 2, first, first + count - 1)
        for name, first in (("later", 1), ("sooner", 0))
    )
    crossed = g.op("crossed", "Not", g.op("same_side", "Equal", *sides))
    crossings = g.cast("crossings_each", crossed, np.int64)
    change = g.reduce("changes", "ReduceSum", steps, 2, keep=True)
    values = (
        mean,
        g.op("deviation", "Div", root, count),
        g.reduce("least", "ReduceMin", x, 2, keep=True),
        g.reduce("greatest", "ReduceMax", x, 2, keep=True),
        arithmetic.round_shift(g, "change", change, lg),
        g.reduce("crossings", "ReduceSum", crossings, 2, keep=True),
    )
    return dict(zip(_STATISTICS, values, strict=True))


def _decimated(g: Graph, x: Value, signal: Signal, shape: tuple[int, int]) -> Value:
    """Section 11.5."""
    each = signal.decimation
    groups = g.reshape("groups", x, (*shape, signal.window // each, each))
    sums = g.reduce("group_sums", "ReduceSum", groups, 3)
    return arithmetic.round_shift(g, "decimated", sums, each.bit_length() - 1)


# ---- bands -------------------------------------------------------------------------------------


def _bands(g: Graph, bands: Bands, x: Value, window: int, shape: tuple[int, int]) -> Value:
    """Section 11.4: int64 (batch, channels, frames · bands)."""
    length, count = bands.frame, bands.frames
    room = window - length
    first = np.array([f * room // (count - 1) if count > 1 else 0 for f in range(count)])
    places = (first[:, None] + np.arange(length)).reshape(-1)
    framed = g.op("framed", "Gather", x, g.initializer("frame_places", places), axis=2)
    frames = g.reshape("frames", framed, (*shape, count, length))
    levelled, exponent = _levelled(g, frames, length, (*shape, 1, 1))
    n = np.arange(length) * (TURN // length)
    hann = 32768 - COSINE[np.where(n <= TURN // 2, n, TURN - n)] >> 1
    weighed = g.op("weighed", "Mul", levelled, g.initializer("hann", hann))
    y = arithmetic.round_shift(g, "y", weighed, 15)
    rows = shape[0] * shape[1] * count
    re, im = _transform(g.within("transform"), y, rows, length // 2)
    power = _power(g.within("power"), bands, re, im)
    weights = np.zeros((len(bands.bins), bands.count + 2))
    for k, (slot, down, up) in enumerate(bands.bins.astype(int)):
        weights[k, slot] += down
        weights[k, slot + 1] += up
    # Sums below 2^31, which float64 holds exactly.
    reals = g.cast("power_float64", power, np.float64)
    sums = g.op("sums", "MatMul", reals, g.initializer("weights", weights[:, 1:-1]))
    grid = (*shape, count, bands.count)
    slots = g.reshape("slots", g.cast("sums_int32", sums, np.int32), grid)
    logs = g.cast("logs", arithmetic.signed_log(g, "log", slots, 31), np.int64)
    lg = length.bit_length() - 1
    taken = g.op("taken_off", "Mul", g.op("scale", "Add", exponent, lg), 2 * OCTAVE)
    result = g.op("of_frames", "Sub", logs, taken)
    flat = g.reshape("flat", result, (*shape, count * bands.count))
    return _raised(g, flat, bands.level, count * bands.count) if bands.level else flat


def _levelled(g: Graph, frames: Value, length: int, shape: tuple[int, ...]) -> tuple[Value, Value]:
    """Return numbers brought to a common exponent, and that, (batch, channels, 1, 1)."""
    total = g.reduce("frame_sums", "ReduceSum", frames, 3, keep=True)
    greatest = g.reduce("frame_greatest", "ReduceMax", frames, 3, keep=True)
    least = g.reduce("frame_least", "ReduceMin", frames, 3, keep=True)
    above = g.op("above", "Sub", g.op("most_above", "Mul", greatest, length), total)
    below = g.op("below", "Sub", total, g.op("most_below", "Mul", least, length))
    one = g.op("span_of_frames", "Max", above, below)
    span = g.op("span", "Max", g.reduce("widest", "ReduceMax", one, 2, keep=True), 1)
    limits = g.constant([1 << k for k in range(_ROOM)], np.int64)
    bits = g.reshape("bits", arithmetic.reached(g, "span_bits", span, limits, 0), shape)
    exponent = g.op("exponent", "Sub", g.constant(LARGEST, np.int64), bits)
    powers = arithmetic.powers(g, np.int64)
    down, up = (
        g.op(f"unit_{name}", "Gather", powers, g.op(f"places_{name}", "Max", shift, 0), axis=0)
        for name, shift in (("down", g.op("minus", "Neg", exponent)), ("up", exponent))
    )
    centred = g.op("centred", "Sub", g.op("grown", "Mul", frames, length), total)
    rounding = g.op("with_half", "Add", centred, g.op("half", "Div", down, 2))
    lowered = arithmetic.divide_down(g, "lowered", rounding, down)
    return g.op("levelled", "Mul", lowered, up), exponent


def _raised(g: Graph, flat: Value, octaves: int, count: int) -> Value:
    """Raise what is far below the loudest, and take the mean off."""
    loudest = g.reduce("loudest", "ReduceMax", flat, 2, keep=True)
    floor = g.op("floor", "Sub", loudest, octaves * OCTAVE)
    raised = g.op("raised", "Max", flat, floor)
    sums = g.reduce("raised_sum", "ReduceSum", raised, 2, keep=True)
    mean = arithmetic.divide_down(
        g, "raised_mean", g.op("raised_half", "Add", sums, count // 2), count
    )
    return g.op("around_mean", "Sub", raised, mean)


# ---- the Fourier transform ---------------------------------------------------------------------


def _rotated(g: Graph, at: NDArray[np.int64], re: Value, im: Value) -> tuple[Value, Value]:
    """Turn numbers back by `at` 1024ths of a turn, rounded."""
    w_re = g.initializer("w_re", COSINE[at])
    w_im = g.initializer("w_im", -COSINE[np.abs(TURN // 4 - at)])
    pairs = (("re", re, im, "Sub"), ("im", im, re, "Add"))
    result = []
    for name, one, other, kind in pairs:
        first = g.op(f"{name}_first", "Mul", w_re, one)
        second = g.op(f"{name}_second", "Mul", w_im, other)
        result.append(
            arithmetic.round_shift(g, f"t_{name}", g.op(f"{name}_both", kind, first, second), 15)
        )
    return result[0], result[1]


def _transform(g: Graph, y: Value, rows: int, pairs: int) -> tuple[Value, Value]:
    """Return the transform of pairs, int64 (rows, pairs) twice."""
    bits = pairs.bit_length() - 1
    order = np.array([int(f"{k:0{bits}b}"[::-1], 2) for k in range(pairs)])
    grouped = g.reshape("pairs", y, (rows, pairs, 2))
    reversed_ = g.op("reversed", "Gather", grouped, g.initializer("order", order), axis=1)
    z = [g.part(name, reversed_, 2, place) for place, name in enumerate(("re", "im"))]
    half = 1
    while half < pairs:
        z = _stage(g.within(f"half_{half}"), z, (rows, pairs // (2 * half), 2, half))
        half *= 2
    re, im = (
        g.reshape(f"{name}_out", part, (rows, pairs))
        for name, part in zip(("re", "im"), z, strict=True)
    )
    return re, im


def _stage(g: Graph, z: list[Value], shape: tuple[int, int, int, int]) -> list[Value]:
    half = shape[3]
    names = ("re", "im")
    groups = [g.reshape(f"{n}_in", part, shape) for n, part in zip(names, z, strict=True)]
    a = [g.part(f"{n}_a", part, 2, 0) for n, part in zip(names, groups, strict=True)]
    b = [g.part(f"{n}_b", part, 2, 1) for n, part in zip(names, groups, strict=True)]
    t = list(b)
    if half > 1:
        at = np.arange(half) * (TURN // 2 // half)
        turned = _rotated(g, at, *b) if half > 2 else tuple(b)
        quarter = [b[1], g.op("minus_re", "Neg", b[0])]
        is_plain, is_quarter = (
            g.initializer(f"is_{n}", at == where) for n, where in (("plain", 0), ("quarter", 256))
        )
        t = [
            g.op(f"{n}_t", "Where", is_plain, same, g.op(f"{n}_rest", "Where", is_quarter, q, r))
            for n, same, q, r in zip(names, b, quarter, turned, strict=True)
        ]
    result = []
    for n, one, other in zip(names, a, t, strict=True):
        halves = [
            arithmetic.round_shift(g, f"{n}_{kind}", g.op(f"{n}_{kind}_both", kind, one, other), 1)
            for kind in ("Add", "Sub")
        ]
        result.append(g.stack(f"{n}_out", halves, 2))
    return result


def _power(g: Graph, bands: Bands, re: Value, im: Value) -> Value:
    """Return the power of the bins that bands take, int64 (rows, bins)."""
    pairs = bands.frame // 2
    k = bands.first + np.arange(len(bands.bins))
    here, there = g.initializer("bins", k), g.initializer("mirrored", pairs - k)
    a_re, a_im, b_re, b_im = (
        g.op(name, "Gather", part, places, axis=1)
        for name, part, places in (
            ("a_re", re, here), ("a_im", im, here), ("b_re", re, there), ("b_im", im, there)
        )
    )  # fmt: skip

    def mean(name: str, kind: str, one: Value, other: Value) -> Value:
        return arithmetic.round_shift(g, name, g.op(f"{name}_both", kind, one, other), 1)

    even = mean("even_re", "Add", a_re, b_re), mean("even_im", "Sub", a_im, b_im)
    odd = mean("odd_re", "Add", a_im, b_im), mean("odd_im", "Sub", b_re, a_re)
    t_re, t_im = _rotated(g, k * (TURN // bands.frame), *odd)
    x_re, x_im = mean("x_re", "Add", even[0], t_re), mean("x_im", "Add", even[1], t_im)
    squares = g.op("re_squared", "Mul", x_re, x_re), g.op("im_squared", "Mul", x_im, x_im)
    return g.op("power", "Add", *squares)
