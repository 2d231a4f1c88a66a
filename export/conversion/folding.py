"""Linear layers in a row become one convolution: pools, scales and weights without neurons between.

Stages of an image are weights followed by neurons, so whatever lies between two layers of neurons
has to be one set of weights, save for a pool of spikes, which is a stage of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_naca.export.conversion.layers import (
    ConversionError,
    Convolution,
    Finding,
    Float,
    Layer,
    Pool,
    Scale,
)

MAX_WEIGHTS = 1 << 26  # of one layer: beyond what an image can hold
NO_PADDING = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Folded:
    """Linear layers as one.

    Parameters
    ----------
    convolution : all weights; the bias may be (maps,) or (maps, rows, columns).
    scale : what its sums are multiplied by afterwards: float (maps, rows, columns), or 1.
    """

    convolution: Convolution
    scale: Float


def as_convolution(layer: Layer) -> Convolution:
    """Return a pool, or a scale with one factor for each channel, as a convolution."""
    if isinstance(layer, Convolution):
        return layer
    channels = layer.input_shape[0]
    if isinstance(layer, Pool):
        weight = 1.0 if layer.kind == "sum" else 1 / (layer.kernel[0] * layer.kernel[1])
        weights = np.full((channels, 1, *layer.kernel), weight)
        stride, padding = layer.stride, layer.padding
    elif isinstance(layer, Scale):
        weights = layer.factor[:, :1, :1].reshape(channels, 1, 1, 1)
        stride, padding = (1, 1), NO_PADDING
    else:
        raise TypeError(f"{type(layer).__name__} is not linear")
    return Convolution(
        name=layer.name,
        input_shape=layer.input_shape,
        output_shape=layer.output_shape,
        weights=weights,
        bias=np.zeros(channels),
        stride=stride,
        padding=padding,
        groups=channels,
    )


def identity(name: str, shape: tuple[int, int, int]) -> Convolution:
    """Return the convolution that changes nothing."""
    return as_convolution(
        Scale(name=name, input_shape=shape, output_shape=shape, factor=np.ones(shape))
    )


def fold(layers: Sequence[Layer]) -> Folded:
    """Fold linear layers, at least one, into one.

    Raises
    ------
    ConversionError
        If they cannot be one convolution.
    """
    whole: Convolution | None = None
    scale: Float | None = None
    for layer in layers:
        if isinstance(layer, Scale):
            scale = layer.factor if scale is None else scale * layer.factor
            continue
        step = as_convolution(layer)
        if scale is not None:
            step = _after_scale(step, scale)
            scale = None
        whole = step if whole is None else _compose(whole, step)
    if whole is None:
        whole = identity(layers[0].name, layers[0].input_shape)
    return Folded(whole, np.array(1.0) if scale is None else scale)


def _after_scale(layer: Convolution, scale: Float) -> Convolution:
    """Return a layer that multiplies what it is given by `scale` (channels, height, width)."""
    per_channel = scale[:, :1, :1]
    share = layer.weights.shape[1]
    if (scale == per_channel).all():
        factors = per_channel.reshape(layer.groups, share)
        of_map = np.repeat(factors, layer.weights.shape[0] // layer.groups, axis=0)
        return replace(layer, weights=layer.weights * of_map[:, :, None, None])
    covers = layer.weights.shape[1:] == scale.shape and layer.padding == NO_PADDING
    if not covers:
        raise ConversionError(
            [
                Finding(
                    layer.name,
                    "Scale",
                    "what comes before multiplies each pixel by a factor of its own, which a "
                    "convolution cannot take in",
                    "use one factor for each channel",
                )
            ]
        )
    return replace(layer, weights=layer.weights * scale)


def _composed_weights(first: Convolution, second: Convolution) -> tuple[Float, int]:
    """Return the weights of two convolutions as one, and in how many groups they are."""
    maps, sides, channels = second.weights.shape[0], (0, 1), first.input_shape[0]
    reach = tuple(
        (second.weights.shape[2 + a] - 1) * second.dilation[a] * first.stride[a]
        + (first.weights.shape[2 + a] - 1) * first.dilation[a]
        + 1
        for a in sides
    )
    depthwise = second.groups == first.weights.shape[0] == maps
    groups = first.groups if depthwise else 1
    size = maps * (channels // groups) * reach[0] * reach[1]
    if size > MAX_WEIGHTS:
        raise ConversionError(
            [
                Finding(
                    second.name,
                    "weights",
                    f"together with {first.name} it would be one layer of {size} weights",
                    "put neurons between them",
                )
            ]
        )
    inner = first.weights if depthwise else ungrouped(first)
    outer = second.weights if depthwise else ungrouped(second)
    weights = np.zeros((maps, channels // groups, *reach))
    height, width = inner.shape[2:]
    for y in range(outer.shape[2]):
        for x in range(outer.shape[3]):
            top = y * second.dilation[0] * first.stride[0]
            left = x * second.dilation[1] * first.stride[1]
            rows = slice(top, top + (height - 1) * first.dilation[0] + 1, first.dilation[0])
            columns = slice(left, left + (width - 1) * first.dilation[1] + 1, first.dilation[1])
            if depthwise:
                part = outer[:, 0, y, x][:, None, None, None] * inner
            else:
                part = np.tensordot(outer[:, :, y, x], inner, axes=(1, 0))
            weights[:, :, rows, columns] += part
    return weights, groups


def _compose(first: Convolution, second: Convolution) -> Convolution:
    """Return the convolution that does what two do, one after the other."""
    pointwise = (
        first.weights.shape[2:] == (1, 1)
        and first.stride == (1, 1)
        and first.padding == NO_PADDING
        and not first.bias.any()
    )
    if second.padding != NO_PADDING and not pointwise:
        raise ConversionError(
            [
                Finding(
                    second.name,
                    "weights",
                    f"it pads what comes from {first.name}, without neurons between them, so that "
                    "they cannot be one layer",
                    "put neurons between them, or leave out the padding",
                )
            ]
        )
    weights, groups = _composed_weights(first, second)
    return Convolution(
        name=second.name,
        input_shape=first.input_shape,
        output_shape=second.output_shape,
        weights=weights,
        bias=second.bias + _through(second, first.bias),
        stride=(first.stride[0] * second.stride[0], first.stride[1] * second.stride[1]),
        padding=second.padding if pointwise else first.padding,
        groups=groups,
    )


def _through(layer: Convolution, planes: Float) -> Float:
    """Return what a layer without padding makes of planes that are the same everywhere (maps,)."""
    sums = layer.weights.sum(axis=(2, 3))
    share = layer.weights.shape[1]
    own = layer.weights.shape[0] // layer.groups
    heard = np.repeat(planes.reshape(layer.groups, share), own, axis=0)
    return np.asarray((sums * heard).sum(axis=1))


def ungrouped(layer: Convolution) -> Float:
    """Return the weights as those of one group: 0 between groups."""
    if layer.groups == 1:
        return layer.weights
    maps, share = layer.weights.shape[:2]
    own = maps // layer.groups
    weights = np.zeros((maps, share * layer.groups, *layer.weights.shape[2:]))
    for group in range(layer.groups):
        rows = slice(group * own, (group + 1) * own)
        weights[rows, group * share : (group + 1) * share] = layer.weights[rows]
    return weights
