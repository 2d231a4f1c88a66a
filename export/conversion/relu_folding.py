"""Layers brought to the form that stages have: convolutions and pools, each rectified or not.

Normalisation and constants go into the weights of a neighbour, exactly. What a file's author put
between layers for training disappears; what the network computes stays the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import (
    Convolution,
    Elementwise,
    Layer,
    Pool,
    Rectifier,
)

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


def meaning(layer: Convolution | Elementwise) -> tuple[Float, Float]:
    """Return factor and addend of an input's layer: (channels, 1, 1), or one for each number."""
    if isinstance(layer, Elementwise):
        return layer.factor, layer.offset
    factor, addend = factors(layer)
    return factor[:, None, None], addend[:, None, None]


def sees_everything(layer: Layer) -> bool:
    """Tell whether a layer has a weight of its own for every number that it is given."""
    return (
        isinstance(layer, Convolution)
        and layer.groups == 1
        and layer.weights.shape[1:] == layer.input_shape
        and layer.output_shape[1:] == (1, 1)
        and not any(layer.padding)
    )


def by_channel(layer: Convolution, numbers: Float) -> Float:
    """Return one number for each input channel in the shape that multiplies a layer's weights."""
    maps, share = layer.weights.shape[:2]
    grouped = numbers.reshape(layer.groups, share)
    return np.repeat(grouped, maps // layer.groups, axis=0)[:, :, None, None]


def is_uneven(layer: Layer) -> bool:
    """Tell whether an affine layer scales channels so differently that 8-bit weights cannot."""
    if isinstance(layer, Elementwise):
        sizes = np.abs(layer.factor)
    elif is_affine(layer):
        assert isinstance(layer, Convolution)
        sizes = np.abs(layer.weights)
    else:
        return False
    return bool(sizes.max() > UNEVEN * sizes.min())


def fold(layers: Sequence[Layer]) -> list[Layer]:
    """Return layers that compute the same, with fewer of them.

    An affine layer goes into the convolution before it, or else, past pools, into the convolution
    behind it where that has no padding or nothing is added (padding means zeros of what the
    convolution is given, which the addend would shift). A rectifier moves before a pool that takes
    the greatest, and an affine layer before limits of which one is below 0. What is left of affine
    layers at the beginning says what raw numbers mean; one that scales channels very differently is
    left there.
    """
    result = list(layers)
    while True:
        for at in range(len(result) - 1):
            is_kept = is_affine(result[1]) or isinstance(result[1], Elementwise)
            if at == 0 and is_uneven(result[0]) and not is_kept:
                continue
            joined = _join(result[at], result[at + 1])
            if joined is not None:
                result[at : at + 2] = joined
                break
        else:
            return result


def _join(first: Layer, second: Layer) -> list[Layer] | None:
    """Return what two neighbours become, None to leave them."""
    if isinstance(first, Elementwise):
        return _push_elementwise(first, second)
    if isinstance(second, Elementwise):
        return _before_elementwise(first, second)
    if isinstance(first, Rectifier) and first.floor < 0 and is_affine(second):
        assert isinstance(second, Convolution)
        return [second, _bounds_after(first, second)]
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
            floor = max(first.floor, second.floor)
            return [replace(first, limit=min(limits, default=None), floor=floor)]
        if isinstance(first, Pool) and first.kind == "max":
            shape = first.input_shape
            return [replace(second, input_shape=shape, output_shape=shape), first]
    return None


def _bounds_after(rectifier: Rectifier, affine: Convolution) -> Rectifier:
    """Return limits behind an affine layer: the widest of all channels where they differ."""
    scale, offset = factors(affine)
    assert rectifier.limit is not None
    ends = np.array([rectifier.floor * scale + offset, rectifier.limit * scale + offset])
    high = float(ends.max())
    return replace(rectifier, floor=min(float(ends.min()), 0.0), limit=high if high > 0 else None)


def _push_elementwise(first: Elementwise, after: Layer) -> list[Layer] | None:
    """Move what is done to each number into what comes after it, where that has weights for it."""
    if isinstance(after, Elementwise) or is_affine(after):
        assert isinstance(after, (Convolution, Elementwise))
        factor, addend = meaning(after)
        return [replace(first, factor=first.factor * factor, offset=first.offset * factor + addend)]
    if not sees_everything(after):
        return None
    assert isinstance(after, Convolution)
    bias = after.bias + (after.weights * first.offset).sum(axis=(1, 2, 3))
    return [replace(after, weights=after.weights * first.factor, bias=bias)]


def _before_elementwise(first: Layer, second: Elementwise) -> list[Layer] | None:
    """Take an affine layer into what is done to each number afterwards."""
    if not is_affine(first):
        return None
    assert isinstance(first, Convolution)
    scale, offset = (part[:, None, None] for part in factors(first))
    return [
        replace(
            second,
            factor=second.factor * scale,
            offset=second.factor * offset + second.offset,
        )
    ]


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
