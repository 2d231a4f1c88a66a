"""Linear layers folded into one do what they did one after another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge_naca.export.conversion import float_model, float_relu, relu_folding
from edge_naca.export.conversion.folding import fold
from edge_naca.export.conversion.layers import (
    ConversionError,
    Convolution,
    Layer,
    Pool,
    Rectifier,
    Scale,
    Shape,
    depthwise,
)
from edge_naca.export.conversion.relu_blocks import blocks_of
from edge_naca.export.conversion.segments import segments


def _sides(shape: Shape, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[int, int]:
    rows, columns = (
        (shape[1 + a] + padding[a] + padding[2 + a] - (kernel[a] - 1) * dilation[a] - 1)
        // stride[a]
        + 1
        for a in (0, 1)
    )
    return rows, columns


def _convolution(
    shape: Shape,
    maps: int,
    kernel: tuple[int, int],
    *,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    bias: bool = True,
) -> Convolution:
    rng = np.random.default_rng(maps)
    return Convolution(
        name=f"convolution {maps}",
        input_shape=shape,
        output_shape=(maps, *_sides(shape, kernel, stride, padding, dilation)),
        weights=rng.normal(size=(maps, shape[0] // groups, *kernel)),
        bias=rng.normal(size=maps) * bias,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )


def _pool(shape: Shape, kind: str, kernel: tuple[int, int], stride: tuple[int, int]) -> Pool:
    sides = _sides(shape, kernel, stride, (0, 0, 0, 0), (1, 1))
    return Pool(
        name="pool",
        input_shape=shape,
        output_shape=(shape[0], *sides),
        kind=kind,
        kernel=kernel,
        stride=stride,
    )


def _scale(shape: Shape, per_channel: bool) -> Scale:
    factor = np.random.default_rng(7).normal(size=shape)
    if per_channel:
        factor = np.broadcast_to(factor[:, :1, :1], shape)
    return Scale(name="scale", input_shape=shape, output_shape=shape, factor=factor)


def _check(*layers: Layer) -> Convolution:
    x = np.random.default_rng(3).normal(size=(5, *layers[0].input_shape))
    wanted = x
    for layer in layers:
        wanted = float_model.apply(layer, wanted)
    folded = fold(layers)
    got = float_model.apply(folded.convolution, x) * folded.scale
    np.testing.assert_allclose(got, wanted.reshape(got.shape), atol=1e-9)
    return folded.convolution


def test_convolution_then_pool() -> None:
    first = _convolution((2, 11, 12), 6, (3, 2), stride=(1, 2), padding=(1, 1, 1, 1))
    one = _check(first, _pool(first.output_shape, "average", (2, 3), (2, 1)))
    assert one.weights.shape == (6, 2, 4, 6)
    assert one.stride == (2, 2)


def test_grouped_convolution_then_pool_keeps_its_groups() -> None:
    first = _convolution((4, 9, 9), 8, (3, 3), groups=2, dilation=(2, 1))
    one = _check(first, _pool(first.output_shape, "sum", (2, 2), (2, 2)))
    assert one.groups == 2


def test_two_convolutions() -> None:
    first = _convolution((3, 12, 13), 4, (3, 3), stride=(2, 1), dilation=(1, 2), groups=1)
    second = _convolution(first.output_shape, 6, (2, 3), stride=(1, 2), dilation=(2, 1), groups=2)
    assert _check(first, second).groups == 1


def test_two_dense_layers() -> None:
    first = _convolution((2, 3, 4), 7, (3, 4))
    _check(first, _convolution((7, 1, 1), 5, (1, 1)))


def test_pool_then_padded_convolution_is_refused() -> None:
    pool = _pool((2, 8, 8), "sum", (2, 2), (2, 2))
    padded = _convolution(pool.output_shape, 3, (3, 3), padding=(1, 1, 1, 1))
    with pytest.raises(ConversionError, match=r"convolution 3 .*pads what comes from pool"):
        fold([pool, padded])


def test_a_convolution_of_single_pixels_then_a_padded_one() -> None:
    first = _convolution((2, 5, 6), 4, (1, 1), bias=False)
    second = _convolution(first.output_shape, 3, (3, 3), padding=(1, 0, 2, 1))
    assert _check(first, second).padding == (1, 0, 2, 1)


def test_scale_before_padded_convolution() -> None:
    shape = (3, 5, 6)
    padded = _convolution(shape, 6, (3, 3), padding=(1, 1, 1, 1), groups=3)
    _check(_scale(shape, True), padded)


def test_scale_of_each_pixel_before_a_dense_layer_and_after_a_convolution() -> None:
    shape = (2, 3, 4)
    _check(_scale(shape, False), _convolution(shape, 5, (3, 4)))
    _check(_convolution(shape, 2, (1, 1)), _scale(shape, False), _scale(shape, True))
    with pytest.raises(ConversionError, match=r"convolution 4 .*a factor of its own"):
        fold([_scale(shape, False), _convolution(shape, 4, (2, 2))])


def test_scale_alone() -> None:
    _check(_scale((2, 3, 4), False))


def test_layers_that_would_be_too_large_are_refused() -> None:
    first = _convolution((64, 32, 32), 64, (1, 1), bias=False)
    second = Convolution(
        name="dense",
        input_shape=first.output_shape,
        output_shape=(2000, 1, 1),
        weights=np.broadcast_to(0.0, (2000, 64, 32, 32)),
        bias=np.zeros(2000),
    )
    with pytest.raises(ConversionError, match="one layer of 131072000 weights"):
        fold([first, second])


def test_each_kind_of_model_refuses_the_layers_of_the_other() -> None:
    """Models of rectifiers hold no scales of spikes, spiking ones no rectifiers."""
    shape = (1, 2, 2)
    rectifier = Rectifier(name="r", input_shape=shape, output_shape=shape, limit=None)
    scale = Scale(name="s", input_shape=shape, output_shape=shape, factor=np.ones(shape))
    x = np.ones((1, *shape))
    with pytest.raises(TypeError, match="s: Scale is no layer of a rectifier network"):
        float_relu.run_layer(scale, x)
    with pytest.raises(TypeError, match="s: Scale is no layer of rectifiers"):
        blocks_of([scale], has_negative=False)
    with pytest.raises(TypeError, match="Rectifier is not linear"):
        fold([rectifier])
    with pytest.raises(TypeError, match="Rectifier has no place among spikes"):
        float_model.apply(rectifier, x)
    assert float_model.apply(scale, x).tolist() == x.tolist()


def test_a_rectifier_and_a_greatest_have_no_place_among_spikes() -> None:
    shape = (1, 2, 2)
    rectifier = Rectifier(name="r", input_shape=shape, output_shape=shape, limit=None)
    for layer in (rectifier, _pool(shape, "max", (2, 2), (2, 2))):
        with pytest.raises(ConversionError, match="cannot stand in a spiking network"):
            segments([layer], source_is_direct=True)


def test_layers_without_neurons_are_no_segments() -> None:
    layer = _convolution((1, 3, 3), 2, (2, 2))
    with pytest.raises(ConversionError, match=r"convolution 2 .*there are no neurons"):
        segments([layer], source_is_direct=True)


@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 1, 1, 1)])
@pytest.mark.parametrize("offset", [0.0, 0.5])
@pytest.mark.parametrize("factor", [2.0, -2.0])
@pytest.mark.parametrize("kind", ["max", "sum", "average"])
def test_what_scales_numbers_passes_pools_where_it_may(
    kind: str, factor: float, offset: float, padding: tuple[int, int, int, int]
) -> None:
    """A greatest of negatives is none of positives, and the zeros of a padding get no addend."""
    shape = (2, 4, 4)
    pool = replace(
        _pool(shape, kind, (2, 2), (2, 2)),
        padding=padding,
        output_shape=(2, *_sides(shape, (2, 2), (2, 2), padding, (1, 1))),
    )
    layer = _convolution(pool.output_shape, 3, (2, 2))
    scaled = depthwise("scaled", shape, np.full(2, factor), np.full(2, offset))
    layers: list[Layer] = [scaled, pool, layer]
    folded = relu_folding.fold(layers)
    x = np.abs(np.random.default_rng(0).normal(size=(3, *shape)))
    wanted, found = (float_relu.run(each, x)[-1] for each in (layers, folded))
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    may = factor > 0 if kind == "max" else not (any(padding) and offset)
    assert len(folded) == (2 if may else 3)
