"""What frozen stages do for one sample, counted: see `edge_naca.export.cost.operations`.

Coded stages look at every place of their output once; spiking ones follow events, and every step
their neurons fade and fire. Which kernel place meets which input depends on one axis at a time, so
tables of one axis, for rows and for columns, are enough to count it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.network import Network
from edge_naca.specification.results import Recording
from edge_naca.specification.stages import arrange, pass_on, run_coded
from edge_naca.stages import CodedConvolution, CodedStage, SpikingConvolution, SpikingPool, Window

Array = NDArray[Any]
Operations = Counter[str]


# ---- before the encoder --------------------------------------------------------------------------


def coded_operations(stages: tuple[CodedStage, ...], codes: Array) -> Operations:
    """Return what coded stages do with the codes of a sample (firmware/core/src/coded.c)."""
    counts: Operations = Counter()
    for number, stage in enumerate(stages):
        before, _ = run_coded(stages[:number], codes)
        given = arrange(before.astype(np.int64), stage.shape, number == 0)
        counts += _coded_stage(stage, given)
    return counts


def _coded_stage(stage: CodedStage, given: Array) -> Operations:
    vertical, horizontal = (_inside(stage, axis) for axis in (0, 1))
    rows, columns = stage.output
    places = int(vertical.sum() * horizontal.sum())
    counts = Counter(
        {
            "coded stage": 1,
            "place of a coded stage": rows * columns,
            "sum of a coded stage cleared": stage.units,
            "kernel row looked at": int(vertical.sum()) * columns,
            "kernel row beyond the border": int((~vertical).sum()) * columns,
            "kernel place beyond the border": int(vertical.sum() * (~horizontal).sum()),
        }
    )
    if isinstance(stage, CodedConvolution):
        down, across = _reached(vertical, stage, 0), _reached(horizontal, stage, 1)
        active = int(down @ np.count_nonzero(given, axis=2) @ across)
        counts["pixel under a kernel"] = places
        counts["code under a kernel"] = places * stage.shape[2]
        counts["code under a kernel is not 0"] = active
        counts["weight added, coded"] = active * (stage.maps // stage.groups)
        if stage.groups > 1:
            counts["group of a code"] = active
        heard = np.array([down @ (plane != 0) @ across for plane in np.moveaxis(given, 2, 0)])
        counts["bit of a quotient"] = int(heard @ _bits(_groups(stage)))
        counts["code made by a convolution"] = stage.units
        counts["bit shifted, coded"] = rows * columns * int(stage.shift.sum())
    else:
        counts["pixel under a pool"] = places
        counts[f"code under a pool, {stage.pool}"] = places * stage.shape[2]
        counts["code made by a pool"] = stage.units
        counts["bit shifted, coded"] = stage.units * stage.shift
    return counts


def _groups(stage: CodedConvolution | SpikingConvolution) -> Array:
    """Return the group that each channel belongs to."""
    return np.arange(stage.shape[2]) // (stage.shape[2] // stage.groups)


def _bits(numbers: Array) -> Array:
    """Return how many bits numbers have, which is how long division in software takes."""
    return np.ceil(np.log2(numbers.astype(np.float64) + 1)).astype(np.int64)


def _inside(stage: Window, axis: int) -> Array:
    """Tell which places of the kernel lie within the input, bool (outputs, kernel)."""
    at = _positions(stage, axis)
    return np.asarray((at >= 0) & (at < stage.shape[axis]))


def _positions(stage: Window, axis: int) -> Array:
    output = np.arange(stage.output[axis])[:, None] * stage.stride[axis]
    return output + np.arange(stage.kernel[axis]) * stage.dilation[axis] - stage.padding[axis]


def _reached(inside: Array, stage: Window, axis: int) -> Array:
    """Return how many times kernels look at each input along an axis, (size,)."""
    at = _positions(stage, axis)[inside]
    return np.bincount(at, minlength=stage.shape[axis])


# ---- after the encoder ---------------------------------------------------------------------------


def spiking_operations(network: Network, recording: Recording) -> tuple[Operations, Array]:
    """Return what spiking stages do (firmware/core/src/spiking.c), and what they pass on.

    The latter is the number of spikes that reach the first population at each step, (steps,):
    those of the encoder, off spikes included, where there are no spiking stages.
    """
    sent: Array = np.abs(recording.input_spikes.astype(np.int64))
    steps = len(sent)
    if not network.spiking:
        return Counter(), sent.sum(axis=1)
    counts = Counter(
        {
            "presentation with spiking stages": 1,
            "step with spiking stages": steps,
            "spiking stage at a step": steps * len(network.spiking),
        }
    )
    unit, behind_pool = 0, False
    for number, stage in enumerate(network.spiking):
        in_planes = number == 0 and not network.coded
        if not behind_pool:
            # What a pool passes on is known by its place, everything else by its number.
            counts += _located(stage, sent.sum(axis=0), in_planes)
        events = np.stack([arrange(row, stage.shape, in_planes) for row in sent])
        if isinstance(stage, SpikingPool):
            counts += _passed_on(stage, events)
            sent = np.stack([pass_on(stage, row) for row in events])
            behind_pool = True
            continue
        behind_pool = False
        counts += _scattered(stage, events)
        sent = recording.spikes[:, unit : unit + stage.units].astype(np.int64)
        unit += stage.units
        is_output = stage is network.stages[-1] and not network.populations
        counts += _neurons(stage, sent, is_output)
    counts["event appended"] = int(sent.sum())
    return counts, sent.sum(axis=1)


def _located(stage: Window, sent: Array, in_planes: bool) -> Operations:
    """Where the units lie that sent so many events, found by division."""
    height, width, channels = stage.shape
    unit = np.arange(sent.size)
    pixel, quotients = unit // channels, [unit // channels]
    is_plane = in_planes and height * width > 1
    if is_plane:
        pixel = unit % (height * width)
        quotients.append(unit // (height * width))
    quotients.append(pixel // width)
    bits = sum(int(sent @ _bits(quotient)) for quotient in quotients)
    name = "event located in planes" if is_plane else "event located"
    return Counter({name: int(sent.sum()), "bit of a quotient": bits})


@dataclass(frozen=True)
class _Axis:
    """What an event does along one axis, depending on its place there: all (size,).

    Parameters
    ----------
    windows, reached : that the place lies in, and in which the kernel has a tap for it.
    divided, bits : 1 where finding the first window takes a division, and bits of the quotient.
    tap_bits : of quotients by which taps of a dilated kernel are found, all windows together.
    """

    windows: Array
    reached: Array
    divided: Array
    bits: Array
    tap_bits: Array


def _axis(stage: SpikingConvolution | SpikingPool, axis: int) -> _Axis:
    stride, dilation = stage.stride[axis], stage.dilation[axis]
    reach = (stage.kernel[axis] - 1) * dilation
    at = np.arange(stage.shape[axis]) + stage.padding[axis]
    first = np.maximum(-(-(at - reach) // stride), 0)
    window = np.arange(stage.output[axis])
    distance = at[:, None] - window * stride
    lies = (window >= first[:, None]) & (distance >= 0)
    taps = np.where(lies, distance // dilation, 0)
    return _Axis(
        lies.sum(axis=1),
        (lies & (distance % dilation == 0)).sum(axis=1),
        (at > reach).astype(np.int64),
        _bits(first),
        _bits(taps).sum(axis=1),
    )


def _scattered(stage: SpikingConvolution, events: Array) -> Operations:
    """Events (steps, height, width, channels) add their weights to the neurons that they reach."""
    down, across = _axis(stage, 0), _axis(stage, 1)
    counts, reached = _along(events, down, across, "a convolution")
    pixels = events.sum(axis=(0, 3))
    counts["event scattered"] = int(events.sum())
    counts["neurons of a pixel reached"] = reached
    counts["weight added, spiking"] = reached * (stage.maps // stage.groups)
    if stage.groups > 1:
        counts["group of a channel"] = int(events.sum())
        counts["bit of a quotient"] += int(events.sum(axis=(0, 1, 2)) @ _bits(_groups(stage)))
    if stage.dilation[0] > 1:
        counts["tap of a dilated kernel"] += int(down.windows @ pixels.sum(axis=1))
        counts["bit of a quotient"] += int(down.tap_bits @ pixels.sum(axis=1))
    if stage.dilation[1] > 1:
        counts["tap of a dilated kernel"] += int(down.windows @ pixels @ across.windows)
        counts["bit of a quotient"] += int(down.windows @ pixels @ across.tap_bits)
    return counts


def _passed_on(stage: SpikingPool, events: Array) -> Operations:
    """A pool passes events on, once for every window that they lie in."""
    counts, reached = _along(events, _axis(stage, 0), _axis(stage, 1), "a pool")
    counts["event at a pool"] = int(events.sum())
    counts["event passed on"] = reached
    return counts


def _along(events: Array, down: _Axis, across: _Axis, what: str) -> tuple[Operations, int]:
    """Return what finding windows takes, in rows, then in columns, and how many are reached."""
    pixels = events.sum(axis=(0, 3))
    rows, columns = pixels.sum(axis=1), pixels.sum(axis=0)
    counts = Counter(
        {
            "first window divided": int(down.divided @ rows + columns @ across.divided),
            "bit of a quotient": int(down.bits @ rows + columns @ across.bits),
            f"row of windows of {what}": int(down.windows @ rows),
            f"window of {what}": int(down.windows @ pixels @ across.windows),
        }
    )
    return counts, int(down.reached @ pixels @ across.reached)


def _neurons(stage: SpikingConvolution, spikes: Array, is_output: bool) -> Operations:
    """Neurons of a stage fade and fire at every step; spikes are (steps, units)."""
    steps, units = spikes.shape
    every, fired = steps * units, int(spikes.sum())
    counts = Counter({"neuron of a stage": every, "spike of a stage": fired})
    counts["spiking convolution at a step"] = steps
    counts["byte cleared"] = 4 * units
    if stage.synapse_decay is not None:
        counts["neuron of a stage with a synapse"] = every
        counts["byte cleared"] += 4 * units
    if stage.refractory:
        held = _held(spikes, stage.refractory)
        counts["neuron of a stage with a refractory time"] = every
        counts["neuron of a stage held"] = held
        counts["byte cleared"] += -(-units // 4) * 4
    if stage.reset == "subtract":
        counts["spike of a stage subtracts"] = fired
    if stage.readout:
        counts["neuron of a readout"] = every
    if is_output:
        counts["neuron of an output stage"] = every
        counts["spike of an output stage"] = every if stage.readout else fired
        counts["byte cleared"] += -(-units // 4) * 4
    return counts


def _held(spikes: Array, refractory: int) -> int:
    """Return how often neurons are held because they spiked before."""
    steps = np.nonzero(spikes)[0]
    return int(np.minimum(refractory, len(spikes) - 1 - steps).sum())
