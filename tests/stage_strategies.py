"""Random frozen stages: everything an image can say of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_naca.stages import (
    MAX_STAGE_UNITS,
    CodedConvolution,
    CodedPool,
    SpikingConvolution,
    SpikingPool,
    Stage,
)

Shape = tuple[int, int, int]
MOST_UNITS = 300


@st.composite
def _windows(draw: st.DrawFn, shape: Shape, may_dilate: bool) -> dict[str, Any]:
    """Return how a kernel moves, with windows that lie partly or wholly beyond the far border."""
    kernel, stride, dilation, padding, output = [], [], [], [], []
    for size in shape[:2]:
        before = draw(st.integers(0, 2))
        step = draw(st.integers(1, 2)) if may_dilate else 1
        most = (size + 2 * before) // step + 1
        side = draw(st.one_of(st.integers(1, min(most, 4)), st.just(most)))
        before = min(before, (side - 1) * step)
        if (side - 1) * step > size + 2 * before:
            side, before = 1, 0
        stride.append(draw(st.integers(1, 3)))
        last = (size + before - 1) // stride[-1] + 1
        output.append(draw(st.one_of(st.just(last), st.integers(1, last))))
        kernel.append(side)
        dilation.append(step)
        padding.append(before)
    return {
        "shape": shape,
        "kernel": tuple(kernel),
        "stride": tuple(stride),
        "dilation": tuple(dilation),
        "padding": tuple(padding),
        "output": tuple(output),
    }


@st.composite
def _convolutions(draw: st.DrawFn, shape: Shape) -> dict[str, Any]:
    """Return what every convolution is made of."""
    window = draw(_windows(shape, True))
    kernel = window.pop("kernel")
    channels = shape[2]
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    maps = groups * draw(st.integers(1, max(1, 6 // groups)))
    assume(window["output"][0] * window["output"][1] * maps <= MOST_UNITS)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low, high = draw(st.sampled_from([(-128, 127), (-20, 30), (127, 127), (-128, -128)]))
    weights = rng.integers(low, high + 1, (maps, channels // groups, *kernel))
    return {**window, "weights": weights, "groups": groups}


def _numbers(rng: np.random.Generator, reach: int, count: int, low: int | None = None) -> Any:
    return rng.integers(-reach if low is None else low, reach + 1, rng.choice([1, count]))


@st.composite
def coded_stages(draw: st.DrawFn, shape: Shape, code_bits: int, bits: int) -> Stage:
    codes: dict[str, Any] = {"code_bits": code_bits, "bits": bits}
    if draw(st.booleans()):
        window = draw(_windows(shape, False))
        pool = draw(st.sampled_from(["sum", "max"]))
        if pool == "max":
            return CodedPool(**window, **codes, pool=pool)
        area = window["kernel"][0] * window["kernel"][1] * (2**code_bits - 1)
        gain = draw(st.integers(1, min(65535, (1 << 30) // area)))
        shift = draw(st.sampled_from([0, 1, 4, gain.bit_length(), 23]))
        return CodedPool(**window, **codes, gain=gain, shift=shift)
    made = draw(_convolutions(shape))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    maps = len(made["weights"])
    reach = draw(st.sampled_from([0, 1000, 1 << 26]))
    shift = rng.integers(0, draw(st.sampled_from([1, 12, 24])), rng.choice([1, maps]))
    return CodedConvolution(**made, **codes, bias=_numbers(rng, reach, maps), shift=shift)


@st.composite
def spiking_convolutions(draw: st.DrawFn, shape: Shape, most: int, units: int = 0) -> Stage:
    """Return neurons behind a convolution, or, with `units`, behind a dense layer of that size."""
    made = draw(_convolutions(shape))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if units:
        channels = shape[2]
        made = {"shape": shape, "weights": rng.integers(-90, 128, (units, channels, *shape[:2]))}
    weights: NDArray[Any] = np.asarray(made["weights"])
    own = draw(st.booleans())
    rows, columns = made.get("output", (1, 1))
    count = rows * columns * len(weights) if own else len(weights)
    fan_in = int(np.prod(weights.shape[1:]))
    shifts = [s for s in range(8) if fan_in * 128 * most << s <= 1 << 30]
    reset = draw(st.sampled_from(["zero", "subtract"]))
    reach = draw(st.sampled_from([10, 3000, 1 << 23]))
    threshold = draw(st.sampled_from([10, 3000, 100000, 1 << 26]))
    return SpikingConvolution(
        **made,
        own=own,
        bias=_numbers(rng, reach, count),
        threshold=_numbers(rng, threshold, count, -threshold // 4),
        reset=reset,
        reset_by=_numbers(rng, threshold >> 2, count, 0) if reset == "subtract" else np.array([0]),
        decay=rng.choice([0, 1, 128, 230, 256], rng.choice([1, count])),
        synapse_decay=draw(st.sampled_from([None, *np.array([[0], [200], [256]])])),
        current_shift=draw(st.sampled_from(shifts)),
        refractory=draw(st.sampled_from([0, 1, 3, 254])) if reset == "zero" else 0,
        readout=bool(units) and draw(st.booleans()),
    )


@st.composite
def spiking_pools(draw: st.DrawFn, shape: Shape) -> Stage:
    pool = SpikingPool(**draw(_windows(shape, False)))
    assume(int(np.prod(shape)) * pool.overlap <= MAX_STAGE_UNITS)
    return pool


def shapes_of(inputs: int) -> list[Shape]:
    """Return the shapes that so many inputs may have."""
    return [
        (height, width, inputs // (height * width))
        for height in range(1, inputs + 1)
        for width in range(1, inputs // height + 1)
        if inputs % (height * width) == 0
    ]


@st.composite
def chains(
    draw: st.DrawFn, inputs: int, bits: int, kind: str, capacity: int | None, spikes_only: bool
) -> tuple[Stage, ...]:
    """Return stages behind so many inputs.

    Parameters
    ----------
    bits : of the encoder.
    kind : of the encoder.
    capacity : neurons of the output, if the last stage is it.
    spikes_only : whether the first population can only learn from single spikes.
    """
    stages: list[Stage] = []
    shape = draw(st.sampled_from(shapes_of(inputs)))
    coded = draw(st.integers(0, 3))
    before = draw(st.integers(1, 8))
    for number in range(coded):
        after = bits if number == coded - 1 else draw(st.integers(1, 8))
        stages.append(draw(coded_stages(shape, before, after)))
        shape, before = stages[-1].output_shape, after
    most = 2**bits - 1 if kind == "direct" else 1
    needs_spiking = kind == "direct" or capacity is not None or not stages
    for number in range(draw(st.integers(int(needs_spiking), 3))):
        may_pool = not (number == 0 and kind == "direct") and not (
            stages and isinstance(stages[-1], SpikingPool)
        )
        if may_pool and draw(st.booleans()):
            stages.append(draw(spiking_pools(shape)))
            most = stages[-1].kernel[0] * stages[-1].kernel[1]
        else:
            stages.append(draw(spiking_convolutions(shape, most)))
            most = 1
        shape = stages[-1].output_shape
    if capacity is not None:
        stages.append(draw(spiking_convolutions(shape, most, capacity)))
    elif spikes_only and isinstance(stages[-1], SpikingPool):
        stages.append(draw(spiking_convolutions(shape, most)))
    return tuple(stages)
