"""From layers of real numbers to frozen spiking stages of integers.

Weights become 8 bits with a scale for each map. As only "above the threshold" matters, the scale
never has to be undone: thresholds, biases and resets are put into the unit of their map instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import frozen
from edge_naca.export import float_model
from edge_naca.export.folding import fold, identity
from edge_naca.export.layers import (
    ConversionError,
    Convolution,
    Finding,
    Float,
    Layer,
    LayerReport,
    Neurons,
    Pool,
    Rectifier,
    Scale,
)
from edge_naca.stages import (
    MAX_FAN_IN,
    MAX_MAPS,
    MAX_STAGE_UNITS,
    MAX_STAGES,
    MAX_SUM,
    SpikingConvolution,
    SpikingPool,
    SpikingStage,
)

Int = NDArray[np.int64]

MOST = (1 << 23) - 1  # of a potential
MAX_CURRENT_SHIFT = 7
HEADROOM = 2  # how far beyond what calibration saw potentials may go
CLIPPINGS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
PATCHES = 4096  # inputs of a neuron that the choice of clipping looks at
DENSE_MOMENTS = 2048  # fan-in up to which correlations between inputs are looked at
COMPARED = 32  # samples whose integers are compared with real numbers, neuron by neuron
TAPPED_NUMBERS = 1 << 24
MAX_NUMBERS = 1 << 22  # of a layer, in real numbers: what is folded into another may be large


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


def _fail(name: str, kind: str, reason: str, advice: str) -> ConversionError:
    return ConversionError([Finding(name, kind, reason, advice)])


# ---- layers to segments --------------------------------------------------------------------------


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
        raise _fail(layers[-1].name, "weights", "there are no neurons", "train a spiking network")
    if not linear:
        return result, None
    only = linear[0]
    if len(linear) > 1 or not isinstance(only, Pool):
        raise _fail(
            linear[-1].name,
            "weights",
            "no neurons come after it",
            "end in neurons, or in a pool of their spikes",
        )
    return result, only


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
    if not rest:
        folded_layer, scale = identity(neurons.name, neurons.input_shape), np.array(1.0)
    else:
        folded = fold(rest)
        folded_layer, scale = folded.convolution, folded.scale
    shape = neurons.input_shape
    if int(np.prod(folded_layer.output_shape)) != int(np.prod(shape)):
        raise _fail(
            neurons.name,
            "neurons",
            f"it has the shape {shape}, what arrives {folded_layer.output_shape}",
            "export the file again",
        )
    full = folded_layer.output_shape

    def each(name: str) -> Float:
        numbers = np.asarray(getattr(neurons, name), np.float64)
        return np.broadcast_to(numbers, shape).reshape(full)

    gain = each("gain") * scale
    if not np.isfinite(gain).all() or (gain == 0).any():
        raise _fail(
            neurons.name,
            "neurons",
            "some neurons take in nothing of what arrives: their r, w_in or scale is 0",
            "remove them",
        )
    signs = np.sign(gain[:, :1, :1])
    if (np.sign(gain) != signs).any():
        raise _fail(
            neurons.name,
            "neurons",
            "within a map, some neurons invert what arrives and others do not",
            "use one sign for each map",
        )
    bias = folded_layer.bias if folded_layer.bias.ndim == 3 else folded_layer.bias[:, None, None]
    convolution = replace(
        folded_layer,
        weights=folded_layer.weights * signs[:, :, :, None],
        bias=bias * signs,
    )
    if neurons.synapse_decay is None:
        convolution = replace(convolution, bias=convolution.bias + each("offset") / np.abs(gain))
    elif np.any(neurons.offset):
        raise _fail(
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
        stage = _pool_stage(pool)
    except ValueError:
        return False
    return int(np.prod(stage.shape)) * stage.overlap <= MAX_STAGE_UNITS


def _pool_stage(pool: Pool) -> SpikingPool:
    channels, height, width = pool.input_shape
    return SpikingPool(
        shape=(height, width, channels),
        kernel=pool.kernel,
        stride=pool.stride,
        padding=pool.padding[:2],
        output=pool.output_shape[1:],
    )


def _for_source(segment: Segment, source: Source) -> Segment:
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
            raise _fail(
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
    found = [
        Finding(part.neurons.name, "neurons", reason, "make the layer smaller")
        for part in parts
        for reason in _too_large(part)
    ]
    if trailing is not None and not _fits(trailing):
        found.append(
            Finding(
                trailing.name, "pool", "its spikes are too many for a stage", "use a smaller one"
            )
        )
    count = len(parts) + sum(part.pool is not None for part in parts) + (trailing is not None)
    if count > MAX_STAGES:
        reason = f"the network needs {count} stages, an image holds {MAX_STAGES}"
        found.append(Finding(layers[-1].name, "neurons", reason, "use fewer layers"))
    return found


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
    # Thresholds of a readout mean nothing, and what is taken is taken before the leak here.
    threshold = 0 * gain if is_readout else neurons.threshold / gain
    reset_by = neurons.reset_by / gain
    if neurons.delayed:
        if (decay == 0).any():
            raise _fail(
                neurons.name,
                "neurons",
                "its potential leaks away within a step: nothing can be taken from it later",
                "train with a smaller leak, or with reset to zero",
            )
        reset_by = reset_by * 256 / decay
    demand = np.max(
        [HEADROOM * peaks, HEADROOM * currents, np.abs(threshold), np.abs(bias), reset_by / 2],
        axis=0,
    ).max(axis=(1, 2))
    scale = _clipped(flat, moments)
    shift = _shift(scale, demand, flat.shape[1], most, neurons.name)
    scale = np.maximum(scale, demand * 2.0**shift / MOST)
    scale = np.where(scale > 0, scale, 1.0)
    of_map = gain[:, 0, 0]
    has_one_gain = bool((np.ptp(gain, axis=(1, 2)) <= 1e-5 * of_map).all())
    if is_readout and not has_one_gain:
        raise _fail(
            neurons.name,
            "neurons",
            "neurons of one map differ in how much they take in, so that what is read out of them "
            "cannot be compared",
            "use one r, w_in and tau for each map",
        )
    if is_last and has_one_gain:
        # Potentials of all maps are compared with each other, so they have to be in one unit.
        scale = (scale * of_map).max() / of_map
    integers = _rounded(flat, scale)
    unit = scale[:, None, None] / 2.0**shift
    numbers: dict[str, Any] = {
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
    own = any((array != array[:, :1, :1]).any() for array in numbers.values())
    numbers = {
        # Units are numbered channels last.
        name: array.transpose(1, 2, 0).reshape(-1) if own else array[:, 0, 0]
        for name, array in numbers.items()
    }
    channels, height, width = layer.input_shape
    try:
        stage = SpikingConvolution(
            shape=(height, width, channels),
            weights=integers.reshape(layer.weights.shape).astype(np.int8),
            stride=layer.stride,
            dilation=layer.dilation,
            padding=layer.padding[:2],
            output=layer.output_shape[1:],
            groups=layer.groups,
            reset="subtract" if neurons.reset == "subtract" else "zero",
            current_shift=shift,
            refractory=neurons.refractory,
            readout=is_readout,
            own=own,
            **{name: array.astype(np.int64) for name, array in numbers.items()},
        )
    except ValueError as error:
        raise _fail(
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
        fits = demand * 2.0**shift <= MOST * scale
        if fan_in * 128 * most << shift <= MAX_SUM and fits[counts].all():
            return shift
    if fan_in * 128 * most > MAX_SUM:
        raise _fail(
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
    found = conversion_findings(layers, source.is_direct)
    if found:
        raise ConversionError(found)
    parts, trailing = segments(layers, source.is_direct)
    parts[0] = _for_source(parts[0], source)
    tapped: dict[int, list[Float]] = {part.first: [] for part in parts[1:]}
    largest = max(int(np.prod(layer.input_shape)) for layer in layers)
    kept = max(1, min(source.samples, 64, TAPPED_NUMBERS // (4 * largest)))
    when = {round(source.steps * share) for share in (0.25, 0.5, 0.75)} | {source.steps - 1}

    def tap(number: int, step: int, x: Float) -> None:
        if number in tapped and step in when and sum(map(len, tapped[number])) < kept * len(when):
            tapped[number].append(x[:kept].copy())

    simulation = float_model.simulate(
        layers, source.samples, source.steps, source.real, source.is_direct, tap
    )
    some = np.arange(kept)
    tapped[parts[0].first] = [source.given(some, step).astype(np.float64) for step in sorted(when)]
    stages: list[SpikingStage] = []
    done: list[Quantised] = []
    notes: list[str] = []
    for index, part in enumerate(parts):
        heard = tapped[part.first]
        most = 255 if index == 0 and source.is_direct else 1
        if part.pool is not None:
            stages.append(_pool_stage(part.pool))
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
        stages.append(_pool_stage(trailing))
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
    runners = [frozen.SpikingStages(stages, True, source.is_direct) for _ in range(samples)]
    for runner in runners:
        runner.rest()
    at_limit = np.zeros(len(parts))
    for step in range(source.steps):
        given = source.given(some, step).reshape(samples, -1)
        for runner, numbers in zip(runners, given, strict=True):
            _, rows, _ = runner.step(numbers)
            at_limit += [(np.abs(potentials) == MOST).mean() for _, potentials, _ in rows]
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
