"""From layers of real numbers to frozen spiking stages of integers.

Weights become 8 bits with a scale for each map. As only "above the threshold" matters, the scale
never has to be undone: thresholds, biases and resets are put into the unit of their map instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion import float_model
from edge_naca.export.conversion.layers import (
    ConversionError,
    Convolution,
    Float,
    Layer,
    LayerReport,
    Neurons,
    window_of,
)
from edge_naca.export.conversion.segments import (
    Segment,
    Source,
    conversion_findings,
    failure,
    for_source,
    pool_stage,
    segments,
)
from edge_naca.specification.arithmetic import POTENTIAL_MAX
from edge_naca.specification.stages import SpikingStages
from edge_naca.stages import (
    MAX_SUM,
    SpikingConvolution,
    SpikingStage,
)

Int = NDArray[np.int64]

MAX_CURRENT_SHIFT = 7
HEADROOM = 2  # how far beyond what calibration saw potentials may go
CLIPPINGS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
PATCHES = 4096  # inputs of a neuron that the choice of clipping looks at
DENSE_MOMENTS = 2048  # fan-in up to which correlations between inputs are looked at
COMPARED = 32  # samples whose integers are compared with real numbers, neuron by neuron
TAPPED_NUMBERS = 1 << 24


@dataclass(frozen=True, eq=False)
class Quantised:
    """A stage, and how it came about.

    Parameters
    ----------
    stage : the neurons' stage.
    unit : what 1 of a potential stands for, float (channels, height, width).
    scale : what 1 of a weight stands for, float (maps,).
    weight_error : root mean square error of the weights over that of the weights.
    notes : what may surprise.
    """

    stage: SpikingConvolution
    unit: Float
    scale: Float
    weight_error: float
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Converted:
    """Stages, and what conversion did to each layer of neurons."""

    stages: tuple[SpikingStage, ...]
    reports: tuple[LayerReport, ...]
    notes: tuple[str, ...]
    simulation: float_model.Simulation


# ---- one segment to integers ---------------------------------------------------------------------


def _moments(heard: list[Float], layer: Convolution) -> list[Float]:
    """Return E[x xᵀ] of what reaches a neuron, for each group; its diagonal if that is large."""
    patches = []
    rng = np.random.default_rng(0)
    for x in heard:
        under = float_model.windows(x, layer)
        samples, _, rows, columns = under.shape[:4]
        count = min(samples * rows * columns, max(1, PATCHES // len(heard)))
        at = np.unravel_index(
            rng.choice(samples * rows * columns, count, replace=False), (samples, rows, columns)
        )
        patches.append(under[at[0], :, at[1], at[2]])
    x = np.concatenate(patches)
    share = layer.weights.shape[1]
    result = []
    for group in range(layer.groups):
        part = x[:, group * share : (group + 1) * share].reshape(len(x), -1)
        if part.shape[1] > DENSE_MOMENTS:
            result.append((part * part).mean(axis=0))
        else:
            result.append(part.T @ part / len(part))
    return result


def _current_errors(errors: Float, moments: list[Float]) -> Float:
    """Return the mean square error of each map's sum, given the errors of its weights."""
    maps = len(errors)
    own = maps // len(moments)
    result = np.empty(maps)
    for group, moment in enumerate(moments):
        part = errors[group * own : (group + 1) * own]
        spread = part * moment if moment.ndim == 1 else part @ moment
        result[group * own : (group + 1) * own] = (spread * part).sum(axis=1)
    return result


def _rounded(weights: Float, scale: Float) -> Float:
    return np.clip(np.rint(weights / scale[:, None]), -127, 127)


def _clipped(weights: Float, moments: list[Float]) -> Float:
    """Return, for each map, the scale that disturbs its sums least."""
    greatest = np.abs(weights).max(axis=1)
    best = np.full(len(weights), np.inf)
    scale = np.zeros(len(weights))
    for share in CLIPPINGS:
        trial = np.where(greatest > 0, greatest, 1.0) * share / 127
        error = _current_errors(_rounded(weights, trial) * trial[:, None] - weights, moments)
        is_better = error < best * (1 - 1e-9)
        scale, best = np.where(is_better, trial, scale), np.where(is_better, error, best)
    return np.where(greatest > 0, scale, 0.0)


def _reset_by(neurons: Neurons, decay: Float) -> Float:
    """Return what a spike takes from the potential: here it is taken before the leak."""
    reset_by = neurons.reset_by / neurons.gain
    if not neurons.delayed:
        return reset_by
    if (decay == 0).any():
        raise failure(
            neurons.name,
            "neurons",
            "its potential leaks away within a step: nothing can be taken from it later",
            "train with a smaller leak, or with reset to zero",
        )
    return reset_by * 256 / decay


def _comparable(scale: Float, neurons: Neurons, is_last: bool) -> Float:
    """Return scales of maps, in one unit where potentials of maps are compared with each other."""
    gain = neurons.gain
    of_map = gain[:, 0, 0]
    has_one_gain = bool((np.ptp(gain, axis=(1, 2)) <= 1e-5 * of_map).all())
    if neurons.reset == "none" and not has_one_gain:
        raise failure(
            neurons.name,
            "neurons",
            "neurons of one map differ in how much they take in, so that what is read out of them "
            "cannot be compared",
            "use one r, w_in and tau for each map",
        )
    return (scale * of_map).max() / of_map if is_last and has_one_gain else scale


def _each(numbers: dict[str, Float]) -> dict[str, Any]:
    """Return parameters (maps, rows, columns) as a stage has them: a map's, or each neuron's own.

    Units are numbered channels last.
    """
    own = any((array != array[:, :1, :1]).any() for array in numbers.values())
    return {
        "own": own,
        **{
            name: (array.transpose(1, 2, 0).reshape(-1) if own else array[:, 0, 0]).astype(np.int64)
            for name, array in numbers.items()
        },
    }


def _quantise(
    segment: Segment,
    moments: list[Float],
    peaks: Float,
    currents: Float,
    most: int,
    is_last: bool,
) -> Quantised:
    """Return a segment in integers.

    Parameters
    ----------
    moments : of what reaches a neuron, for each group.
    peaks, currents : greatest potential and current that calibration saw, over the neuron's gain.
    most : that a unit before it can send in a step.
    is_last : its potentials decide between equal numbers of spikes.
    """
    layer, neurons = segment.convolution, segment.neurons
    maps = len(layer.weights)
    flat = layer.weights.reshape(maps, -1)
    gain = neurons.gain
    is_readout = neurons.reset == "none"
    bias = np.broadcast_to(layer.bias, neurons.input_shape)
    decay = np.rint(neurons.decay * 256)
    notes = _decay_notes(neurons.name, "decay", neurons.decay, decay)
    # Thresholds of a readout mean nothing.
    threshold = 0 * gain if is_readout else neurons.threshold / gain
    reset_by = _reset_by(neurons, decay)
    demand = np.max(
        [HEADROOM * peaks, HEADROOM * currents, np.abs(threshold), np.abs(bias), reset_by / 2],
        axis=0,
    ).max(axis=(1, 2))
    scale = _clipped(flat, moments)
    shift = _shift(scale, demand, flat.shape[1], most, neurons.name)
    scale = np.maximum(scale, demand * 2.0**shift / POTENTIAL_MAX)
    scale = np.where(scale > 0, scale, 1.0)
    scale = _comparable(scale, neurons, is_last)
    integers = _rounded(flat, scale)
    unit = scale[:, None, None] / 2.0**shift
    numbers: dict[str, Float] = {
        "bias": np.rint(bias / unit),
        "threshold": np.floor(threshold / unit),
        "reset_by": np.rint(reset_by / unit),
        "decay": decay,
    }
    if neurons.synapse_decay is not None:
        numbers["synapse_decay"] = np.rint(neurons.synapse_decay * 256)
        notes += _decay_notes(
            neurons.name, "synaptic decay", neurons.synapse_decay, numbers["synapse_decay"]
        )
    try:
        stage = SpikingConvolution(
            **window_of(layer, layer.input_shape[0]),
            weights=integers.reshape(layer.weights.shape).astype(np.int8),
            dilation=layer.dilation,
            groups=layer.groups,
            reset="subtract" if neurons.reset == "subtract" else "zero",
            current_shift=shift,
            refractory=neurons.refractory,
            readout=is_readout,
            **_each(numbers),
        )
    except ValueError as error:
        raise failure(
            neurons.name, "neurons", f"it does not fit an image: {error}", "make it smaller"
        ) from error
    power = float(np.sqrt((flat**2).mean()))
    wrong = float(np.sqrt(((integers * scale[:, None] - flat) ** 2).mean()))
    return Quantised(stage, unit * gain, scale, wrong / power if power else 0.0, notes)


def _shift(scale: Float, demand: Float, fan_in: int, most: int, name: str) -> int:
    """Return how many bits below a weight's unit potentials can have: the more, the finer."""
    # Maps with next to no weights would otherwise decide for all; they get coarser ones instead.
    counts = scale > np.median(scale) / 8
    for shift in range(MAX_CURRENT_SHIFT, -1, -1):
        fits = demand * 2.0**shift <= POTENTIAL_MAX * scale
        if fan_in * 128 * most << shift <= MAX_SUM and fits[counts].all():
            return shift
    if fan_in * 128 * most > MAX_SUM:
        raise failure(
            name, "weights", f"{fan_in} inputs reach a neuron, too many", "use a smaller kernel"
        )
    return 0


def _decay_notes(name: str, what: str, real: Float, integer: Float) -> tuple[str, ...]:
    """Return what the steps of 1 / 256 did to a leak, if it is worth a word."""
    leak = 1 - real
    wrong = np.abs(real - integer / 256)
    if (wrong <= 0.05 * leak + 1e-6).all():
        return ()
    at = int((wrong / np.maximum(leak, 1e-9)).argmax())
    stored = integer.flat[at] / 256
    note = (
        f"{name}: a {what} of {real.flat[at]:.5f} a step is stored as {stored:.5f}, which leaks "
        f"{1 - stored:.5f} instead of {leak.flat[at]:.5f}: longer time steps are stored better"
    )
    return (note,)


# ---- everything ----------------------------------------------------------------------------------


def convert(layers: Sequence[Layer], source: Source) -> Converted:
    """Convert layers to frozen spiking stages, and compare the two on calibration samples.

    Raises
    ------
    ConversionError
        If something cannot be converted; the message names the layer.
    """
    findings = conversion_findings(layers, source.is_direct)
    if findings:
        raise ConversionError(findings)
    parts, trailing = segments(layers, source.is_direct)
    parts[0] = for_source(parts[0], source)
    tapped: dict[int, list[Float]] = {part.first: [] for part in parts[1:]}
    largest = max(int(np.prod(layer.input_shape)) for layer in layers)
    count = max(1, min(source.samples, 64, TAPPED_NUMBERS // (4 * largest)))
    when = {int(source.steps * share) for share in (0.25, 0.5, 0.75)} | {source.steps - 1}

    def tap(number: int, step: int, x: Float) -> None:
        if number in tapped and step in when and sum(map(len, tapped[number])) < count * len(when):
            tapped[number].append(x[:count].copy())

    simulation = float_model.simulate(
        layers, source.samples, source.steps, source.real, source.is_direct, tap
    )
    some = np.arange(count)
    tapped[parts[0].first] = [source.given(some, step).astype(np.float64) for step in sorted(when)]
    stages: list[SpikingStage] = []
    done: list[Quantised] = []
    notes: list[str] = []
    for index, part in enumerate(parts):
        heard = tapped[part.first]
        most = 255 if index == 0 and source.is_direct else 1
        if part.pool is not None:
            stages.append(pool_stage(part.pool))
            heard = [float_model.apply(replace(part.pool, kind="sum"), x) for x in heard]
            most = part.pool.kernel[0] * part.pool.kernel[1]
        shape = part.convolution.input_shape
        heard = [x.reshape(len(x), *shape) for x in heard]
        full = part.neurons.input_shape
        quantised = _quantise(
            part,
            _moments(heard, part.convolution),
            simulation.peaks[index].reshape(full) / part.neurons.gain,
            simulation.currents[index].reshape(full) / part.neurons.gain,
            most,
            is_last=part is parts[-1],
        )
        stages.append(quantised.stage)
        done.append(quantised)
        notes += quantised.notes
    if trailing is not None:
        stages.append(pool_stage(trailing))
    reports = _compare(parts, tuple(stages), done, source, simulation)
    return Converted(tuple(stages), reports, tuple(notes), simulation)


def _compare(
    parts: list[Segment],
    stages: tuple[SpikingStage, ...],
    done: list[Quantised],
    source: Source,
    simulation: float_model.Simulation,
) -> tuple[LayerReport, ...]:
    """Run the integers on some samples, and set them against the real numbers."""
    samples = min(source.samples, COMPARED)
    some = np.arange(samples)
    runners = [SpikingStages(stages, True, source.is_direct) for _ in range(samples)]
    for runner in runners:
        runner.rest()
    at_limit = np.zeros(len(parts))
    for step in range(source.steps):
        given = source.given(some, step).reshape(samples, -1)
        for runner, numbers in zip(runners, given, strict=True):
            _, rows, _ = runner.step(numbers)
            at_limit += [(np.abs(potentials) == POTENTIAL_MAX).mean() for _, potentials, _ in rows]
    reports = []
    for index, (part, quantised) in enumerate(zip(parts, done, strict=True)):
        at_work = [runner.neurons[index] for runner in runners]
        counts = np.stack([_planes(n.counts, quantised.stage) for n in at_work])
        wanted: Float = simulation.counts[index][:samples].reshape(counts.shape).astype(np.float64)
        got: Float = counts.astype(np.float64)
        if quantised.stage.readout:
            got = np.stack([_planes(n.potentials, quantised.stage) for n in at_work])
            got = got * quantised.unit
            wanted = simulation.potentials[:samples].reshape(got.shape)
        power = float(np.sqrt((wanted**2).mean()))
        wrong = float(np.sqrt(((got - wanted) ** 2).mean()))
        weights = part.convolution.weights
        reports.append(
            LayerReport(
                name=part.neurons.name,
                kind="readout" if quantised.stage.readout else "neurons",
                weight_range=(float(weights.min()), float(weights.max())),
                scale=float(quantised.scale.mean()),
                weight_error=quantised.weight_error,
                activity=float(counts.mean()) / source.steps,
                saturated=float(at_limit[index]) / (samples * source.steps),
                error=wrong / power if power else float(wrong > 0),
            )
        )
    return tuple(reports)


def _planes(numbers: Int, stage: SpikingConvolution) -> Int:
    """Return numbers in the order of a stage's units as (maps, rows, columns)."""
    return np.moveaxis(numbers.reshape(stage.output_shape), 2, 0)
