"""From a network of rectifiers to coded stages: int8 weights, codes of 1 .. 8 bits.

A stage computes ``clamp((Σ w · code + bias) >> shift, 0, most)``. With one number s for what a code
stands for, the real weights W, in the unit of the codes that go in and come out, are
``W · s_in / s_out``; each map takes the largest power of two that still fits them into 8 bits.
A code cannot be negative: numbers that may be are split into an *on* and an *off* code, and the
next layer's weights are there twice, the second time with the other sign.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion import planes
from edge_naca.export.conversion.float_relu import run_layer
from edge_naca.export.conversion.layers import (
    ConversionError,
    Convolution,
    Finding,
    LayerReport,
    Pool,
    window_of,
)
from edge_naca.export.conversion.relu_blocks import Block, Blocks
from edge_naca.export.conversion.relu_folding import by_channel
from edge_naca.export.conversion.stage_running import (
    at_every_step,
    in_order,
    run_coded,
    run_readout,
)
from edge_naca.limits import whole
from edge_naca.network import Encoder
from edge_naca.specification.arithmetic import POTENTIAL_MAX
from edge_naca.stages import (
    MAX_BIAS,
    MAX_CODED_BIAS,
    MAX_SHIFT,
    MAX_SUM,
    CodedConvolution,
    CodedPool,
    SpikingConvolution,
    Stage,
)

Float = NDArray[np.float64]

SCALES = np.linspace(0.15, 1.0, 35)  # of the greatest number: candidates for the top of the codes
LOOKED_AT = 1 << 18  # numbers of a layer by which its scale is chosen
HEADROOM = 2.0  # potentials of a readout stay so far below saturation on calibration data


@dataclass(frozen=True, eq=False)
class Signal:
    """What travels between two stages, for all calibration samples.

    Parameters
    ----------
    codes : whole numbers in float64 (samples, channels of the stage, height, width).
    real : what the real-numbered model has there, (samples, channels, height, width).
    scale : what a code of 1 stands for, one number for each of the model's channels.
    bits : of a code.
    is_signed : whether the stage has two channels, on and off, for each of the model's.
    is_apart : whether all on channels come before all off channels, as preparation makes them; else
        they lie side by side.
    off : what an off code of 1 stands for, over what an on code does.
    """

    codes: Float
    real: Float
    scale: Float
    bits: int
    is_signed: bool
    is_apart: bool
    off: float = 1.0


@dataclass(eq=False)
class Coded:
    """What conversion makes.

    Parameters
    ----------
    stages : the frozen stages.
    encoder : what follows the coded ones.
    reports : one for each block.
    notes : what was assumed.
    codes : features of the calibration samples, whole numbers (samples, units).
    scores : potentials of the readout, (samples, classes); None if there is no readout.
    """

    stages: list[Stage] = field(default_factory=list)
    encoder: Encoder = field(default_factory=lambda: Encoder("bitplane", 8, 8))
    reports: list[LayerReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    codes: Float = field(default_factory=lambda: np.zeros((0, 0)))
    scores: Float | None = None


def convert_coded(
    model: Blocks, entering: Signal, *, bits: int = 4, inner_bits: int = 8, readout: bool = False
) -> Coded:
    """Convert blocks to coded stages, calibrated on what enters.

    Parameters
    ----------
    model : free of findings.
    entering : codes of the calibration samples as preparation makes them.
    bits : of the codes that come out at the end: the features.
    inner_bits : of the codes between stages.
    readout : make the last block, which is linear, a readout: its greatest potential is the
        answer. Else it becomes on and off codes as any other.

    Raises
    ------
    ConversionError
        If weights fit no stage; it names the layer.
    """
    whole("bits", bits, 1, 8)
    whole("inner_bits", inner_bits, 1, 8)
    result = Coded()
    body = model.blocks[:-1] if readout else model.blocks
    if not body and not readout:
        raise ValueError("there is no layer to convert")
    widths = _widths(body, inner_bits if readout else bits, inner_bits)
    signal = entering
    for block, width in zip(body, widths, strict=True):
        real = run_layer(block.layer, signal.real)
        uneven = _uneven_limits(block, real)
        if block.rectifier is not None:
            real = run_layer(block.rectifier, real)
        if isinstance(block.layer, Pool):
            signal = _pool(block, block.layer, signal, real, width, result)
        else:
            signal = _convolution(block, block.layer, signal, real, width, result, uneven)
    result.codes = in_order(signal.codes)
    result.encoder = Encoder("bitplane", signal.bits, signal.bits)
    if readout:
        _readout(model.blocks[-1], signal, result)
    return result


def _widths(blocks: tuple[Block, ...], last: int, inner: int) -> list[int]:
    """Return the bits of each block's codes: what a greatest is taken of already has its bits."""
    widths: list[int] = []
    width = last
    for block in reversed(blocks):
        widths.append(width)
        if not (isinstance(block.layer, Pool) and block.layer.kind == "max"):
            width = inner
    return widths[::-1]


# ---- scales ------------------------------------------------------------------------------------


def best_scale(real: Float, bits: int, limit: float | None = None) -> float:
    """Return what a code of 1 should stand for: the least mean square error on `real`.

    Parameters
    ----------
    real : any shape; of negative numbers the size counts.
    limit : what numbers cannot exceed.
    """
    sizes = np.abs(real).reshape(-1)
    if sizes.size > LOOKED_AT:
        # In the order of size, so that it does not matter where in a map or sample numbers lie.
        sizes = np.sort(sizes)[:: -(-sizes.size // LOOKED_AT)]
    most, levels = float(np.abs(real).max(initial=0)), 2**bits - 1
    if most == 0:
        return (limit or 1.0) / levels
    candidates = min(most, limit or most) * SCALES / levels
    errors = [
        float(((sizes - step * np.minimum(np.rint(sizes / step), levels)) ** 2).mean())
        for step in candidates
    ]
    return float(candidates[int(np.argmin(errors))])


def effective_weights(layer: Convolution, signal: Signal) -> tuple[Float, int]:
    """Return weights in the unit of a signal's codes, for the stage's channels, and the groups."""
    weights = layer.weights * by_channel(layer, signal.scale)
    groups = layer.groups
    if not signal.is_signed:
        return weights, groups
    if not signal.is_apart:
        both = np.stack([weights, -signal.off * weights], axis=2)  # on and off side by side
        return both.reshape(len(weights), -1, *weights.shape[2:]), groups
    maps, share = weights.shape[:2]
    dense = np.zeros((maps, share * groups, *weights.shape[2:]))
    for group in range(groups):
        mine = slice(group * maps // groups, (group + 1) * maps // groups)
        dense[mine, group * share : (group + 1) * share] = weights[mine]
    return np.concatenate([dense, -dense], axis=1), 1


def _doubled(numbers: Float, off: float) -> Float:
    """Return numbers of maps, each followed by its negative in the unit of off codes."""
    return np.stack([numbers, -numbers / off], axis=1).reshape(-1, *numbers.shape[1:])


def _uneven_limits(block: Block, real: Float) -> tuple[float, float] | None:
    """Return limits below and above that differ, if numbers reach them; None where one does.

    Parameters
    ----------
    real : what comes out of the block's layer.
    """
    rectifier = block.rectifier
    if not block.is_signed or rectifier is None or rectifier.limit is None:
        return None
    low, high = -rectifier.floor, rectifier.limit
    is_cut = bool((real < rectifier.floor).any() or (real > high).any())
    return (low, high) if is_cut and low > 0 and low != high else None


def fit_maps(weights: Float, bias: Float) -> tuple[Float, Float, NDArray[np.int64]]:
    """Return int8 weights, biases and shifts of maps whose weights are in the unit of codes.

    Raises
    ------
    OverflowError
        If a map's weights exceed 127 as they are.
    """
    most = np.abs(weights).reshape(len(weights), -1).max(axis=1, initial=0)
    with np.errstate(divide="ignore"):
        room = np.floor(np.log2(127.49 / most))
        room_of_bias = np.floor(np.log2(MAX_CODED_BIAS / np.abs(bias)))
    shifts = np.minimum(np.minimum(room, room_of_bias), MAX_SHIFT)
    if (shifts < 0).any():
        raise OverflowError
    factor = 2.0**shifts
    whole_weights = np.rint(weights * factor[:, None, None, None])
    return whole_weights, np.rint(bias * factor), shifts.astype(np.int64)


# ---- blocks ------------------------------------------------------------------------------------


def _no_finer(
    scale: float, effective: Float, bias: Float, layer: Convolution, real: Float, notes: list[str]
) -> float:
    """Return a code's scale, no finer than the weights that make it allow, and note if they do."""
    # Codes can be no finer than 8 bits of weight allow.
    least = max(
        float(np.abs(effective).max(initial=0)) / 127.4,
        float(np.abs(bias).max(initial=0)) / MAX_CODED_BIAS * 1.01,
    )
    if scale < least:
        if real.any() and np.abs(real).max() / least < 1:
            raise ConversionError(
                [
                    Finding(
                        layer.name,
                        "Convolution",
                        f"its weights (up to {np.abs(layer.weights).max():.3g}) do not fit into 8 "
                        f"bits beside what comes out (at most {np.abs(real).max():.3g})",
                        "check that the calibration data are what the model was trained on, and "
                        "scaled in the same way",
                    )
                ]
            )
        notes.append(f"{layer.name}: codes are as fine as 8-bit weights allow, no finer")
        scale = least
    return scale


def _convolution(
    block: Block,
    layer: Convolution,
    signal: Signal,
    real: Float,
    bits: int,
    result: Coded,
    uneven: tuple[float, float] | None,
) -> Signal:
    effective, groups = effective_weights(layer, signal)
    bias = layer.bias
    scale, off = best_scale(real, bits, block.limit), 1.0
    if uneven is not None:
        # Codes end where the numbers do, on and off each at a limit of its own.
        low, high = uneven
        scale = high / (2**bits - 1)
        off = low / high
    if not real.any():
        result.notes.append(
            f"{layer.name}: nothing comes out on any calibration sample; its scale is a guess"
        )
    if block.is_signed:
        effective, bias = _doubled(effective, off), _doubled(bias, off)
    scale = _no_finer(scale, effective, bias, layer, real, result.notes)
    try:
        weights, offsets, shifts = fit_maps(effective / scale, bias / scale)
    except OverflowError as error:
        raise ConversionError(
            [
                Finding(
                    layer.name,
                    "Convolution",
                    f"its weights (up to {np.abs(layer.weights).max():.3g}) overflow 8 bits",
                    "check the calibration data",
                )
            ]
        ) from error
    stage = CodedConvolution(
        **window_of(layer, signal.codes.shape[1]),
        dilation=layer.dilation,
        weights=weights.astype(np.int64),
        groups=groups,
        bias=offsets.astype(np.int64),
        shift=shifts,
        code_bits=signal.bits,
        bits=bits,
    )
    codes = run_coded(stage, signal.codes)
    step = scale / 2.0**shifts
    rounded = weights * step[:, None, None, None]
    relative = relative_error(rounded - effective, effective)
    after = Signal(codes, real, np.full(len(layer.bias), scale), bits, block.is_signed, False, off)
    mean_in = float(np.abs(signal.scale).mean())
    result.stages.append(stage)
    result.reports.append(
        _report(layer.name, "Convolution", layer.weights, float(step.mean()) / mean_in, relative,
                after)
    )  # fmt: skip
    return after


def _pool(
    block: Block, layer: Pool, signal: Signal, real: Float, bits: int, result: Coded
) -> Signal:
    scale = signal.scale
    if layer.kind == "max":
        # Codes are as fine as before; where fewer bits are wanted, they were made with them.
        if bits < signal.bits:
            raise ValueError(f"{layer.name}: a greatest of {signal.bits} bits has no fewer bits")
        pool, gain, shift = "max", 1, 0
    else:
        size = layer.kernel[0] * layer.kernel[1]
        share = 1.0 if layer.kind == "sum" else 1 / size
        if np.ptp(scale) > 0:
            factor = share if layer.kind == "average" else 1 / size
            scale = scale * (share / factor)
        else:
            chosen = best_scale(real, bits, block.limit)
            factor = float(scale[0]) * share / chosen
            scale = np.full_like(scale, chosen)
        most = size * (2**signal.bits - 1)
        shift = MAX_SHIFT
        while shift and round(factor * 2**shift) > min(65535, MAX_SUM // most):
            shift -= 1
        gain = max(round(factor * 2**shift), 1)
        scale = scale * (factor * 2**shift / gain)
        pool = "sum"
    stage = CodedPool(
        **window_of(layer, signal.codes.shape[1]),
        kernel=layer.kernel,
        code_bits=signal.bits,
        bits=bits,
        pool=pool,
        gain=gain,
        shift=shift,
    )
    codes = run_coded(stage, signal.codes)
    after = replace(signal, codes=codes, real=real, scale=scale, bits=bits)
    result.stages.append(stage)
    result.reports.append(_report(layer.name, f"Pool, {layer.kind}", None, 1.0, 0.0, after))
    return after


def _readout(block: Block, signal: Signal, result: Coded) -> None:
    result.encoder = Encoder("direct", signal.bits, 1)
    arriving = at_every_step(signal.codes, result.encoder)
    add_readout(block.layer, signal, arriving, run_layer(block.layer, signal.real), result)


def add_readout(
    layer: Convolution | Pool, signal: Signal, arriving: Float, real: Float, result: Coded
) -> None:
    """Convert a layer without a ReLU behind it: neurons that add up, and whose potential is read.

    Parameters
    ----------
    arriving : float (steps, samples, …): what comes in at each step.
    real : float (samples, …): what the layer gives in real numbers.
    """
    assert isinstance(layer, Convolution)
    effective, groups = effective_weights(layer, signal)
    where = (layer.output_shape[1:], layer.stride, layer.padding[:2], layer.dilation, groups)
    mean = planes.convolve(arriving.mean(axis=0), effective, *where)
    most = float(np.abs(mean + layer.bias[:, None, None]).max(initial=0)) * len(arriving)
    step = max(
        float(np.abs(effective).max(initial=0)) / 127,
        most * HEADROOM / POTENTIAL_MAX,
        float(np.abs(layer.bias).max()) / MAX_BIAS,
    )
    step = step or 1.0
    weights, bias = np.rint(effective / step), np.rint(layer.bias / step)
    stage = SpikingConvolution(
        **window_of(layer, signal.codes.shape[1]),
        dilation=layer.dilation,
        weights=weights.astype(np.int64),
        groups=groups,
        bias=bias.astype(np.int64),
        readout=True,
    )
    scores = run_readout(stage, arriving)
    result.stages.append(stage)
    result.scores = scores
    meant = (scores * step / len(arriving)).reshape(real.shape)
    result.reports.append(
        LayerReport(
            name=layer.name,
            kind="readout",
            weight_range=(float(layer.weights.min()), float(layer.weights.max())),
            scale=step / float(np.abs(signal.scale).mean()),
            weight_error=relative_error(weights * step - effective, effective),
            activity=float((scores != 0).mean()),
            saturated=float((np.abs(scores) >= POTENTIAL_MAX).mean()),
            error=relative_error(meant - real, real),
        )
    )


# ---- reporting ---------------------------------------------------------------------


def relative_error(difference: Float, whole_: Float) -> float:
    """Return the rms of a difference as a share of the rms of the whole, 0 where that is 0."""
    size = float(np.sqrt((whole_**2).mean())) if whole_.size else 0.0
    return float(np.sqrt((difference**2).mean())) / size if size else 0.0


def _report(
    name: str, kind: str, weights: Any, scale: float, weight_error: float, after: Signal
) -> LayerReport:
    codes = after.codes
    if after.is_signed:
        half = codes.shape[1] // 2
        on, off = (
            (codes[:, :half], codes[:, half:])
            if after.is_apart
            else (codes[:, ::2], codes[:, 1::2])
        )
        signed = on - after.off * off
    else:
        signed = codes
    meant = signed * after.scale[:, None, None]
    return LayerReport(
        name=name,
        kind=kind,
        weight_range=(0.0, 0.0)
        if weights is None
        else (float(weights.min()), float(weights.max())),
        scale=scale,
        weight_error=weight_error,
        activity=float((codes != 0).mean()),
        saturated=float((codes == 2**after.bits - 1).mean()),
        error=relative_error(meant - after.real, after.real),
    )
