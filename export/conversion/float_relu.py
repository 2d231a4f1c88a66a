"""The real-numbered model of a network of rectifiers: what conversion is measured against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion import planes
from edge_naca.export.conversion.layers import Convolution, Elementwise, Layer, Pool, Rectifier

Float = NDArray[np.float64]


def run_layer(layer: Layer, x: Float) -> Float:
    """Return what a layer makes of samples (n, channels, height, width), in float64.

    Raises
    ------
    TypeError
        If the layer is none of a network of rectifiers.
    """
    output = layer.output_shape[1:]
    if isinstance(layer, Convolution):
        sums = planes.convolve(
            x,
            layer.weights,
            output,
            layer.stride,
            layer.padding[:2],
            layer.dilation,
            layer.groups,
        )
        return sums + layer.bias[:, None, None]
    if isinstance(layer, Pool):
        where = (layer.kernel, output, layer.stride, layer.padding[:2])
        if layer.kind == "max":
            return planes.greatest(x, *where)
        sums = planes.total(x, *where)
        return sums / (layer.kernel[0] * layer.kernel[1]) if layer.kind == "average" else sums
    if isinstance(layer, Rectifier):
        return np.asarray(np.clip(x, layer.floor, layer.limit))
    if isinstance(layer, Elementwise):
        return x * layer.factor + layer.offset
    raise TypeError(f"{layer.name}: {type(layer).__name__} is no layer of a rectifier network")


def run(layers: Sequence[Layer], x: Float) -> list[Float]:
    """Return what each layer makes of samples, one array (n, channels, height, width) for each.

    Parameters
    ----------
    x : float (n, channels, height, width).
    """
    results = []
    for layer in layers:
        x = run_layer(layer, x)
        results.append(x)
    return results
