"""Layers brought to the form that stages have: convolutions and pools, each rectified or not.

Normalisation and constants go into the weights of a neighbour, exactly. What a file's author put
between layers for training disappears; what the network computes stays the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import Convolution, Layer, Pool, Rectifier

Float = NDArray[np.float64]

UNEVEN = 4  # channels of the input that differ more in scale are scaled before the first layer


def is_affine(layer: Layer) -> bool:
    """Tell whether a layer is one factor and one addend for each channel, and nothing else."""
    return (
        isinstance(layer, Convolution)
        and layer.groups == layer.weights.shape[0] == layer.input_shape[0]
        and layer.weights.shape[1:] == (1, 1, 1)
        and layer.stride == (1, 1)
        and not any(layer.padding)
        and layer.input_shape == layer.output_shape
    )


def factors(layer: Convolution) -> tuple[Float, Float]:
    """Return factor and addend of each channel of an affine layer."""
    return layer.weights.reshape(-1), layer.bias


def by_channel(layer: Convolution, numbers: Float) -> Float:
    """Return one number for each input channel in the shape that multiplies a layer's weights."""
    maps, share = layer.weights.shape[:2]
    grouped = numbers.reshape(layer.groups, share)
    return np.repeat(grouped, maps // layer.groups, axis=0)[:, :, None, None]


def is_uneven(layer: Layer) -> bool:
    """Tell whether an affine layer scales channels so differently that 8-bit weights cannot."""
    if not is_affine(layer):
        return False
    assert isinstance(layer, Convolution)
    sizes = np.abs(layer.weights)
    return bool(sizes.max() > UNEVEN * sizes.min())


def fold(layers: Sequence[Layer]) -> list[Layer]:
    """Return layers that compute the same, with fewer of them.

    An affine layer goes into the convolution before it, or else, past pools, into the convolution
    behind it where that has no padding or nothing is added (padding means zeros of what the
    convolution is given, which the addend would shift). A rectifier moves before a pool that takes
    the greatest. What is left of affine layers at the beginning says what raw numbers mean; one
    that scales channels very differently is left there.
    """
    result = list(layers)
    while True:
        for at in range(len(result) - 1):
            if at == 0 and is_uneven(result[0]) and not is_affine(result[1]):
                continue
            joined = _join(result[at], result[at + 1])
            if joined is not None:
                result[at : at + 2] = joined
                break
        else:
            return result


def _join(first: Layer, second: Layer) -> list[Layer] | None:
    """Return what two neighbours become, None to leave them."""
    if isinstance(first, Convolution) and is_affine(second):
        assert isinstance(second, Convolution)
        scale, offset = factors(second)
        return [
            replace(
                first,
                weights=first.weights * scale[:, None, None, None],
                bias=first.bias * scale + offset,
            )
        ]
    if is_affine(first):
        assert isinstance(first, Convolution)
        return _push(first, second)
    if isinstance(second, Rectifier):
        if isinstance(first, Rectifier):
            limits = [limit for limit in (first.limit, second.limit) if limit is not None]
            return [replace(first, limit=min(limits, default=None))]
        if isinstance(first, Pool) and first.kind == "max":
            shape = first.input_shape
            return [replace(second, input_shape=shape, output_shape=shape), first]
    return None


def _push(affine: Convolution, after: Layer) -> list[Layer] | None:
    """Move an affine layer into, or behind, what comes after it."""
    scale, offset = factors(affine)
    if isinstance(after, Convolution):
        if any(after.padding) and offset.any():
            return None
        bias = after.bias + (after.weights * by_channel(after, offset)).sum(axis=(1, 2, 3))
        return [replace(after, weights=after.weights * by_channel(after, scale), bias=bias)]
    if isinstance(after, Pool):
        if after.kind == "max" and (scale <= 0).any():
            return None
        if after.kind != "max" and (any(after.padding) and offset.any()):
            return None
        if after.kind == "sum":
            offset = offset * (after.kernel[0] * after.kernel[1])
        shape = after.output_shape
        return [
            after,
            replace(affine, input_shape=shape, output_shape=shape, bias=offset),
        ]
    return None


def push_regardless(affine: Convolution, after: Convolution) -> Convolution:
    """Put an affine layer into the convolution behind it, as if its padding were zeros before it.

    Exact everywhere but where the kernel reaches over the border.
    """
    joined = _push(affine, replace(after, padding=(0, 0, 0, 0)))
    assert joined is not None
    assert isinstance(joined[0], Convolution)
    return replace(joined[0], padding=after.padding)
