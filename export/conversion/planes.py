"""Convolution and pooling of many samples at once, on planes (samples, channels, height, width).

In float64 every sum of products of integers below 2**53 is exact, so the same functions serve the
real-numbered reference and the integer stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Pair = tuple[int, int]


def under_kernel(
    x: Float,
    kernel: Pair,
    output: Pair,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    beyond: float = 0.0,
) -> Iterator[tuple[int, int, Float]]:
    """Yield, for each place (row, column) of the kernel, what lies under it.

    Parameters
    ----------
    x : (samples, channels, height, width).
    output : (rows, columns).
    padding : (top, left); below and on the right there is whatever `output` needs.
    beyond : what lies beyond the border.
    """
    room: list[Pair] = [(0, 0), (0, 0)]
    for axis in (0, 1):
        reach = (output[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1
        room.append((padding[axis], max(reach - padding[axis] - x.shape[2 + axis], 0)))
    padded = np.pad(x, room, constant_values=beyond)
    for row in range(kernel[0]):
        for column in range(kernel[1]):
            top, left = row * dilation[0], column * dilation[1]
            yield (
                row,
                column,
                padded[
                    :,
                    :,
                    top : top + (output[0] - 1) * stride[0] + 1 : stride[0],
                    left : left + (output[1] - 1) * stride[1] + 1 : stride[1],
                ],
            )


def convolve(
    x: Float,
    weights: NDArray[Any],
    output: Pair,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Float:
    """Return the sums of weights times inputs, float64 (samples, maps, rows, columns).

    Parameters
    ----------
    weights : (maps, channels / groups, kernel height, kernel width).
    """
    maps, share, height, width = weights.shape
    own = maps // groups
    sums = np.zeros((len(x), maps, *output))
    dense = weights.astype(np.float64)
    for row, column, under in under_kernel(x, (height, width), output, stride, padding, dilation):
        for group in range(groups):
            heard = under[:, group * share : (group + 1) * share]
            mine = slice(group * own, (group + 1) * own)
            sums[:, mine] += np.einsum("mc,nchw->nmhw", dense[mine, :, row, column], heard,
                                       optimize=True)  # fmt: skip
    return sums


def greatest(x: Float, kernel: Pair, output: Pair, stride: Pair, padding: Pair) -> Float:
    """Return the greatest number of each window; beyond the border there is nothing to find."""
    result = np.full((*x.shape[:2], *output), -np.inf)
    for _, _, under in under_kernel(x, kernel, output, stride, padding, beyond=-np.inf):
        np.maximum(result, under, out=result)
    return result


def total(x: Float, kernel: Pair, output: Pair, stride: Pair, padding: Pair) -> Float:
    """Return the sum of each window."""
    result = np.zeros((*x.shape[:2], *output))
    for _, _, under in under_kernel(x, kernel, output, stride, padding):
        result += under
    return result
