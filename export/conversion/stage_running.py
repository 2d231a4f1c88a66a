"""Stages that conversion made, run on many samples at once: the same integers as the core's.

All sums are of whole numbers below 2**53, so float64 holds them exactly and matrix products do the
work. Spiking stages are run as far as rate conversion makes them: neurons without leak, reset by
subtraction, and readouts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion import planes
from edge_naca.network import Encoder, Preparation
from edge_naca.specification.arithmetic import POTENTIAL_MAX, round_shift
from edge_naca.specification.preparation import MAX_FEATURE
from edge_naca.stages import CodedConvolution, CodedPool, SpikingConvolution, SpikingPool, Stage

Float = NDArray[np.float64]


def prepare(preparation: Preparation, raw: NDArray[Any], bits: int) -> Float:
    """Return the codes of raw samples (n, channels, height, width), whole numbers in float64.

    Parameters
    ----------
    preparation : number by number: neither pooled nor equalised.
    """
    shape = raw.shape[1:]
    offset, gain = (
        np.broadcast_to(part.astype(np.int64), int(np.prod(shape))).reshape(shape)
        for part in (preparation.offset, preparation.gain)
    )
    scaled = round_shift((raw.astype(np.int64) - offset) * gain, preparation.shift)
    scaled = np.clip(scaled, -MAX_FEATURE, MAX_FEATURE)
    sides = np.concatenate([scaled, -scaled], axis=1) if preparation.signed else scaled
    return np.clip(sides, 0, 2**bits - 1).astype(np.float64)


def run_coded(stage: CodedConvolution | CodedPool, codes: Float) -> Float:
    """Return what a stage makes of codes (samples, channels, height, width), whole numbers."""
    most = 2**stage.bits - 1
    if isinstance(stage, CodedConvolution):
        sums = _sums(stage, codes)
        unit = 2.0 ** stage.shift.astype(np.float64)[:, None, None]
    else:
        where = (stage.kernel, stage.output, stage.stride, stage.padding)
        if stage.pool == "max":
            # No code is below the zeros that lie beyond the border.
            return np.asarray(np.clip(planes.greatest(codes, *where), 0, most))
        sums = planes.total(codes, *where) * stage.gain
        unit = np.array(2.0**stage.shift)
    return np.asarray(np.clip(np.floor((sums + np.floor(unit / 2)) / unit), 0, most))


def _sums(stage: CodedConvolution | SpikingConvolution, x: Float) -> Float:
    """Return what reaches each unit, bias included."""
    where = (stage.output, stage.stride, stage.padding, stage.dilation, stage.groups)
    sums = planes.convolve(x, stage.weights, *where)
    sums += stage.bias.astype(np.float64)[:, None, None]
    return sums


def run_neurons(stage: SpikingConvolution, arriving: Float) -> Float:
    """Return what neurons without leak send at each step, (steps, samples, maps, rows, columns).

    Parameters
    ----------
    arriving : (steps, samples, channels, height, width); if the same at every step, a broadcast
        array, of which what reaches the neurons is worked out once.
    """
    threshold = stage.threshold.astype(np.float64)[:, None, None]
    taken = stage.reset_by.astype(np.float64)[:, None, None]
    is_same = arriving.strides[0] == 0
    reaching = _sums(stage, arriving[0])
    potentials = np.zeros_like(reaching)
    spikes = []
    for step, x in enumerate(arriving):
        if step and not is_same:
            reaching = _sums(stage, x)
        potentials = np.clip(potentials + reaching, -POTENTIAL_MAX, POTENTIAL_MAX)
        fired = potentials > threshold
        potentials = np.clip(potentials - fired * taken, -POTENTIAL_MAX, POTENTIAL_MAX)
        spikes.append(fired.astype(np.float64))
    return np.stack(spikes)


def run_pool(stage: SpikingPool, arriving: Float) -> Float:
    """Return what a pool passes on at each step."""
    where = (stage.kernel, stage.output, stage.stride, stage.padding)
    return np.stack([planes.total(x, *where) for x in arriving])


def run_readout(stage: SpikingConvolution, arriving: Float) -> Float:
    """Return the potentials that have added up after the last step, (samples, units)."""
    potentials = np.zeros(())
    for x in arriving:
        potentials = np.clip(potentials + _sums(stage, x), -POTENTIAL_MAX, POTENTIAL_MAX)
    return np.asarray(potentials.reshape(arriving.shape[1], -1))


def at_every_step(codes: Float, encoder: Encoder) -> Float:
    """Return what a direct encoder sends."""
    return np.broadcast_to(codes, (encoder.steps, *codes.shape))


def run_stages(stages: Sequence[Stage], encoder: Encoder, codes: Float) -> Float:
    """Return features of codes (samples, channels, height, width), or a readout's potentials.

    Features are the codes that come out, or numbers of spikes, (samples, units) in the order of
    units.
    """
    arriving: Float | None = None
    for stage in stages:
        if isinstance(stage, (CodedConvolution, CodedPool)):
            codes = run_coded(stage, codes)
            continue
        if arriving is None:
            arriving = at_every_step(codes, encoder)
        if isinstance(stage, SpikingPool):
            arriving = run_pool(stage, arriving)
        elif stage.readout:
            return run_readout(stage, arriving)
        else:
            arriving = run_neurons(stage, arriving)
    return in_order(codes if arriving is None else arriving.sum(axis=0))


def in_order(numbers: Float) -> Float:
    """Return (samples, channels, height, width) in the order of units, (samples, units)."""
    return np.moveaxis(numbers, 1, 3).reshape(len(numbers), -1)
