"""Layers of a spiking network cut into what becomes one stage each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion import float_model
from edge_naca.export.conversion.folding import fold, identity
from edge_naca.export.conversion.layers import (
    ConversionError,
    Convolution,
    Finding,
    Float,
    Layer,
    Neurons,
    Pool,
    Rectifier,
    Scale,
    window_of,
)
from edge_naca.stages import MAX_FAN_IN, MAX_MAPS, MAX_STAGE_UNITS, MAX_STAGES, SpikingPool

MAX_NUMBERS = 1 << 22  # of a layer, in real numbers: what is folded into another may be large

Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Source:
    """Calibration samples, and how they reach the first layer.

    Parameters
    ----------
    samples : how many.
    steps : of a presentation.
    real : what the model hears: float (samples, channels, height, width) of some samples at a step.
    given : what the first stage is given: codes or spikes, in the same order of numbers, with twice
        the channels if `is_split`.
    unit, offset : what the model hears is given · unit + offset: float (channels, 1, 1).
    is_direct : whether codes are given at every step, instead of spikes.
    is_split : whether negative numbers come in channels of their own, after all others.
    """

    samples: int
    steps: int
    real: float_model.Present
    given: Callable[[Int, int], Int]
    unit: Float
    offset: Float
    is_direct: bool
    is_split: bool


@dataclass(frozen=True, eq=False)
class Segment:
    """What becomes one stage of neurons, and perhaps a pool before it.

    Parameters
    ----------
    first : number of its first layer.
    pool : of spikes, or None.
    convolution : of real numbers.
    neurons : with what scales the convolution's sums in their gain, of the shape of the layer.
    """

    first: int
    pool: Pool | None
    convolution: Convolution
    neurons: Neurons


def failure(name: str, kind: str, reason: str, advice: str) -> ConversionError:
    """Return an error of one finding."""
    return ConversionError([Finding(name, kind, reason, advice)])


def segments(layers: Sequence[Layer], source_is_direct: bool) -> tuple[list[Segment], Pool | None]:
    """Cut layers after their neurons; return the segments, and a pool that comes after the last.

    Raises
    ------
    ConversionError
        If some layer has no place in a spiking network, or two cannot be one.
    """
    wrong = [
        Finding(
            layer.name,
            type(layer).__name__,
            "a layer of real numbers cannot stand in a spiking network",
            "put spiking neurons in its place",
        )
        for layer in layers
        if isinstance(layer, Rectifier) or (isinstance(layer, Pool) and layer.kind == "max")
    ]
    if wrong:
        raise ConversionError(wrong)
    result: list[Segment] = []
    linear: list[Layer] = []
    first = 0
    for number, layer in enumerate(layers):
        if not isinstance(layer, Neurons):
            linear.append(layer)
            continue
        hears_spikes = bool(result) or not source_is_direct
        result.append(_segment(first, linear, layer, hears_spikes))
        linear, first = [], number + 1
    if not result:
        raise failure(layers[-1].name, "weights", "there are no neurons", "train a spiking network")
    if not linear:
        return result, None
    only = linear[0]
    if len(linear) > 1 or not isinstance(only, Pool):
        raise failure(
            linear[-1].name,
            "weights",
            "no neurons come after it",
            "end in neurons, or in a pool of their spikes",
        )
    return result, only


def _folded(linear: list[Layer], neurons: Neurons) -> tuple[Convolution, Float]:
    """Return the layers before neurons as one convolution, and the scale that is left over."""
    shape = neurons.input_shape
    if not linear:
        return identity(neurons.name, shape), np.array(1.0)
    folded = fold(linear)
    if int(np.prod(folded.convolution.output_shape)) != int(np.prod(shape)):
        raise failure(
            neurons.name,
            "neurons",
            f"it has the shape {shape}, what arrives {folded.convolution.output_shape}",
            "export the file again",
        )
    return folded.convolution, folded.scale


def _signs(gain: Float, name: str) -> Float:
    """Return the sign of each map's gains, (maps, 1, 1), which its weights take over."""
    if not np.isfinite(gain).all() or (gain == 0).any():
        raise failure(
            name,
            "neurons",
            "some neurons take in nothing of what arrives: their r, w_in or scale is 0",
            "remove them",
        )
    signs = np.sign(gain[:, :1, :1])
    if (np.sign(gain) != signs).any():
        raise failure(
            name,
            "neurons",
            "within a map, some neurons invert what arrives and others do not",
            "use one sign for each map",
        )
    return np.asarray(signs)


def _segment(first: int, linear: list[Layer], neurons: Neurons, hears_spikes: bool) -> Segment:
    pool: Pool | None = None
    rest = list(linear)
    if rest and hears_spikes and isinstance(rest[0], Pool) and _fits(rest[0]):
        pool = rest[0]
        rest = rest[1:]
        if pool.kind == "average":
            share = 1 / (pool.kernel[0] * pool.kernel[1])
            shape = pool.output_shape
            factor = np.full(shape, share)
            rest.insert(
                0, Scale(name=pool.name, input_shape=shape, output_shape=shape, factor=factor)
            )
    folded_layer, scale = _folded(rest, neurons)
    shape = neurons.input_shape
    full = folded_layer.output_shape

    def each(name: str) -> Float:
        numbers = np.asarray(getattr(neurons, name), np.float64)
        return np.broadcast_to(numbers, shape).reshape(full)

    gain = each("gain") * scale
    signs = _signs(gain, neurons.name)
    bias = folded_layer.bias if folded_layer.bias.ndim == 3 else folded_layer.bias[:, None, None]
    convolution = replace(
        folded_layer,
        weights=folded_layer.weights * signs[:, :, :, None],
        bias=bias * signs,
    )
    if neurons.synapse_decay is None:
        convolution = replace(convolution, bias=convolution.bias + each("offset") / np.abs(gain))
    elif np.any(neurons.offset):
        raise failure(
            neurons.name,
            "neurons",
            "a current that bypasses the synapse's filter cannot be expressed",
            "set it to 0",
        )
    names = ("decay", "threshold", "reset_by")
    values: dict[str, Any] = {name: each(name) for name in names}
    if neurons.synapse_decay is not None:
        values["synapse_decay"] = each("synapse_decay")
    return Segment(
        first,
        pool,
        convolution,
        replace(
            neurons,
            input_shape=full,
            output_shape=full,
            gain=np.abs(gain),
            offset=np.array(0.0),
            **values,
        ),
    )


def _fits(pool: Pool) -> bool:
    """Return whether a pool can be a stage of its own."""
    try:
        stage = pool_stage(pool)
    except ValueError:
        return False
    return int(np.prod(stage.shape)) * stage.overlap <= MAX_STAGE_UNITS


def pool_stage(pool: Pool) -> SpikingPool:
    """Return the spiking stage that a pool becomes."""
    return SpikingPool(**window_of(pool, pool.input_shape[0]), kernel=pool.kernel)


def for_source(segment: Segment, source: Source) -> Segment:
    """Return the first segment, made to hear what the first stage is given."""
    layer = segment.convolution
    shape = layer.input_shape
    factor = np.broadcast_to(source.unit, shape)
    unit = Scale(name=layer.name, input_shape=shape, output_shape=shape, factor=factor)
    weights = fold([unit, layer]).convolution.weights
    bias = layer.bias
    if source.offset.any():
        planes = np.broadcast_to(source.offset, (1, *shape))
        silent = replace(layer, bias=np.zeros(len(weights)))
        bias = bias + float_model.convolve(planes, silent)[0]
    if source.is_split:
        if layer.groups > 1:
            raise failure(
                layer.name,
                "weights",
                f"samples hold negative numbers, which a first layer of {layer.groups} groups "
                "cannot be given",
                "shift the samples to be positive, and say so with --mean",
            )
        weights = np.concatenate([weights, -weights], axis=1)
        shape = (2 * shape[0], *shape[1:])
    return replace(
        segment, convolution=replace(layer, input_shape=shape, weights=weights, bias=bias)
    )


def conversion_findings(layers: Sequence[Layer], source_is_direct: bool) -> list[Finding]:
    """Return why layers cannot become stages, as far as can be said without samples."""
    too_many = [
        Finding(
            layer.name,
            type(layer).__name__.lower(),
            f"it gives {int(np.prod(layer.output_shape))} numbers, more than can be worked with",
            "make it smaller",
        )
        for layer in layers
        if int(np.prod(layer.output_shape, dtype=object)) > MAX_NUMBERS
    ]
    if too_many:
        return too_many
    try:
        parts, trailing = segments(layers, source_is_direct)
    except ConversionError as error:
        return error.findings
    findings = [
        Finding(part.neurons.name, "neurons", reason, "make the layer smaller")
        for part in parts
        for reason in _too_large(part)
    ]
    if trailing is not None and not _fits(trailing):
        findings.append(
            Finding(
                trailing.name, "pool", "its spikes are too many for a stage", "use a smaller one"
            )
        )
    count = len(parts) + sum(part.pool is not None for part in parts) + (trailing is not None)
    if count > MAX_STAGES:
        reason = f"the network needs {count} stages, an image holds {MAX_STAGES}"
        findings.append(Finding(layers[-1].name, "neurons", reason, "use fewer layers"))
    return findings


def _too_large(part: Segment) -> Iterator[str]:
    """Yield in what a layer exceeds an image."""
    maps, share, height, width = part.convolution.weights.shape
    for what, size, most in (
        ("maps", maps, MAX_MAPS),
        ("inputs of a neuron", share * height * width, MAX_FAN_IN),
        ("neurons", int(np.prod(part.neurons.input_shape)), MAX_STAGE_UNITS),
        ("inputs", int(np.prod(part.convolution.input_shape)), MAX_STAGE_UNITS),
    ):
        if size > most:
            yield f"it has {size} {what}, an image holds {most}"
