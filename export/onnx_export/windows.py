"""Windows of frozen stages (docs/arithmetic.md, section 3.1) in terms of ONNX's convolutions.

Between stages numbers lie as ONNX has them, (count, channels, height, width). That is the order in
which the first stage of a network is given its input; all others are channels last outside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.stages import CodedConvolution, SpikingConvolution, Window

Shape = tuple[int, int, int]


def planes(g: Graph, name: str, x: Value, count: int, shape: Shape, is_first: bool) -> Value:
    """Return units as (count, channels, height, width).

    Parameters
    ----------
    x : `count` times the units of a stage's input, in their order.
    shape : (height, width, channels).
    is_first : whether they come plane after plane, as to the first stage of a network.
    """
    height, width, channels = shape
    if is_first or channels == 1 or height * width == 1:  # both orders are the same
        return g.reshape(name, x, (count, channels, height, width))
    pixels = g.reshape(f"{name}/pixels", x, (count, height, width, channels))
    return g.op(name, "Transpose", pixels, perm=[0, 3, 1, 2])


def units(g: Graph, name: str, x: Value, count: int, shape: Shape) -> Value:
    """Return planes (count, channels, height, width) in the order of units, (count, units)."""
    height, width, channels = shape
    if channels > 1 and height * width > 1:
        x = g.op(f"{name}/pixels", "Transpose", x, perm=[0, 2, 3, 1])
    return g.reshape(name, x, (count, height * width * channels))


def convolve(
    g: Graph, stage: CodedConvolution | SpikingConvolution, x: Value, count: int, most: int
) -> Value:
    """Return the sums of weights times inputs, int32 (count, maps, rows, columns).

    Parameters
    ----------
    x : uint8 or int32 (count, channels, height, width), 0 .. `most`.
    """
    if _is_dense(stage):  # one matrix product for all samples and steps
        column = g.initializer("weights", stage.weights.reshape(stage.maps, -1).T)
        flat = g.reshape("flat", x, (count, stage.fan_in))
        sums = arithmetic.product(g, "sums", "MatMulInteger", flat, most, column)
        return g.reshape("sums_of_maps", sums, (count, *_planes_shape(stage)))
    window, attributes = _seen(g, stage, x)
    return arithmetic.product(
        g,
        "sums",
        "ConvInteger",
        window,
        most,
        g.initializer("weights", stage.weights),
        **attributes,
        dilations=list(stage.dilation),
        group=stage.groups,
    )


def pool_sums(g: Graph, window: Window, x: Value, count: int) -> Value:
    """Return the sum under each window, int32 (count, channels, rows, columns).

    Parameters
    ----------
    x : uint8 (count, channels, height, width).
    """
    height, width, channels = window.shape
    # A convolution with ones. Channels are apart like samples are.
    single = g.reshape("single_planes", x, (count * channels, 1, height, width))
    seen, attributes = _seen(g, window, single)
    ones = g.ones((1, 1, *window.kernel), np.int8)
    sums = g.op("sums_of_planes", "ConvInteger", seen, ones, **attributes)
    return g.reshape("sums", sums, (count, *_planes_shape(window)))


def pool_maxima(g: Graph, window: Window, x: Value) -> Value:
    """Return the greatest under each window, uint8 (count, channels, rows, columns).

    Beyond the border lie zeros, which nothing is below. They are put there in so many words, as
    not every evaluator knows how to pad whole numbers while it pools.
    """
    seen, attributes = _seen(g, window, x)
    top, left, bottom, right = attributes.pop("pads")
    if top or left or bottom or right:
        border = g.constant([0, 0, top, left, 0, 0, bottom, right], np.int64)
        seen = g.op("bordered", "Pad", seen, border)
    return g.op("maxima", "MaxPool", seen, **attributes)


def synaptic_operations(
    g: Graph, stage: CodedConvolution | SpikingConvolution, arrivals: Value
) -> Value:
    """Return how many weights are added up, int64 (batch, 1).

    Parameters
    ----------
    arrivals : int64 (batch, channels, height, width), how often each input arrives.
    """
    vertical, horizontal = (_windows_over(stage, axis) for axis in (0, 1))
    each = np.outer(vertical, horizontal) * (stage.maps // stage.groups)
    work = g.op("synops_of_inputs", "Mul", arrivals, g.initializer("synops_of_an_arrival", each))
    total = g.reduce("synops_of_sample", "ReduceSum", work, 1, 2, 3)
    return g.op("synops", "Unsqueeze", total, g.constant([1], np.int64))


# ---- details -----------------------------------------------------------------------------------


def _planes_shape(window: Window) -> tuple[int, int, int]:
    return (window.maps, *window.output)


def _is_dense(stage: CodedConvolution | SpikingConvolution) -> bool:
    """Whether each neuron hears every input, through a weight of its own."""
    return (
        stage.kernel == stage.shape[:2]
        and stage.output == (1, 1)
        and stage.padding == (0, 0)
        and stage.dilation == (1, 1)
        and stage.groups == 1
    )


def _seen(g: Graph, window: Window, x: Value) -> tuple[Value, dict[str, Any]]:
    """Return the part of the input that windows see, and the attributes that make them see it.

    ONNX derives the size of the output from the input's and the padding's, which it wants to be
    0 or more: where the output is smaller than the input would give, the input is cut off.
    """
    begins, ends = list(window.padding), []
    for axis in (0, 1):
        needed = (window.output[axis] - 1) * window.stride[axis] + _reach(window, axis)
        needed -= window.padding[axis]  # at least 1, as the padding is less than the reach
        if needed < window.shape[axis]:
            x = g.cut(("seen_rows", "seen_columns")[axis], x, axis + 2, 0, needed)
        ends.append(max(needed - window.shape[axis], 0))
    return x, {
        "kernel_shape": list(window.kernel),
        "strides": list(window.stride),
        "pads": [*begins, *ends],
    }


def _reach(window: Window, axis: int) -> int:
    return (window.kernel[axis] - 1) * window.dilation[axis] + 1


def _windows_over(window: Window, axis: int) -> NDArray[np.int64]:
    """Return, for each row (axis 0) or column (1) of the input, how many windows it lies under."""
    firsts = np.arange(window.output[axis]) * window.stride[axis] - window.padding[axis]
    places = np.arange(window.kernel[axis]) * window.dilation[axis]
    under = (firsts[:, None] + places).reshape(-1)
    inside = under[(under >= 0) & (under < window.shape[axis])]
    return np.bincount(inside, minlength=window.shape[axis]).astype(np.int64)
