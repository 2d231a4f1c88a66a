"""Frozen stages at work (docs/arithmetic.md, sections 3 and 5), in numpy: dense, in int64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.specification.arithmetic import Int, round_shift, saturate
from edge_naca.stages import (
    CodedConvolution,
    CodedStage,
    SpikingConvolution,
    SpikingPool,
    SpikingStage,
    Window,
)


def arrange(values: Int, shape: tuple[int, int, int], is_first: bool) -> Int:
    """Return numbers in the order of units as (height, width, channels)."""
    height, width, channels = shape
    if is_first:  # plane after plane
        return np.moveaxis(values.reshape(channels, height, width), 0, 2)
    return values.reshape(height, width, channels)


def _windows(window: Window, x: Int) -> Iterator[tuple[int, int, Int]]:
    """Yield, for each place (ky, kx) of the kernel, what lies under it: (rows, columns, channels).

    Beyond the border of `x` (height, width, channels) lie zeros.
    """
    rows, columns = window.output
    (top, left), (sy, sx), (dy, dx) = window.padding, window.stride, window.dilation
    kernel_height, kernel_width = window.kernel
    height, width, _ = x.shape
    bottom = max((rows - 1) * sy + (kernel_height - 1) * dy + 1 - top - height, 0)
    right = max((columns - 1) * sx + (kernel_width - 1) * dx + 1 - left - width, 0)
    padded = np.pad(x, ((top, bottom), (left, right), (0, 0)))
    for ky in range(kernel_height):
        for kx in range(kernel_width):
            y, x_ = ky * dy, kx * dx
            yield ky, kx, padded[y : y + rows * sy : sy, x_ : x_ + columns * sx : sx]


def convolve(stage: CodedConvolution | SpikingConvolution, x: Int) -> Int:
    """Return the sums of weights times inputs, (rows, columns, maps)."""
    share = stage.shape[2] // stage.groups
    own = stage.maps // stage.groups
    sums = np.zeros((*stage.output, stage.maps), np.int64)
    weights = stage.weights.astype(np.int64)
    for ky, kx, under in _windows(stage, x):
        for group in range(stage.groups):
            maps = slice(group * own, (group + 1) * own)
            heard = under[:, :, group * share : (group + 1) * share]
            sums[:, :, maps] += heard @ weights[maps, :, ky, kx].T
    return sums


def synaptic_operations(stage: CodedConvolution | SpikingConvolution, events: Int) -> int:
    """Return how many weights `events` (height, width, channels), numbers of arrivals, add up."""
    heard = sum(int(under.sum()) for _, _, under in _windows(stage, events))
    return heard * (stage.maps // stage.groups)


def run_coded(stages: tuple[CodedStage, ...], codes: NDArray[Any]) -> tuple[Int, int]:
    """Return the codes that come out of coded stages, int64 (units,), and synaptic operations."""
    x, synops = codes.astype(np.int64), 0
    for number, stage in enumerate(stages):
        arriving = arrange(x, stage.shape, number == 0)
        if isinstance(stage, CodedConvolution):
            synops += synaptic_operations(stage, (arriving != 0).astype(np.int64))
            shift = stage.shift.astype(np.int64)
            y = (convolve(stage, arriving) + stage.bias + (1 << shift >> 1)) >> shift
        elif stage.pool == "max":
            y = np.max([under for _, _, under in _windows(stage, arriving)], axis=0)
        else:
            sums = np.sum([under for _, _, under in _windows(stage, arriving)], axis=0)
            y = round_shift(sums * stage.gain, stage.shift)
        x = np.clip(y, 0, 2**stage.bits - 1).reshape(-1)
    return x, synops


@dataclass
class RunningConvolution:
    """The neurons of a spiking convolution at work: all arrays int64 (units,)."""

    stage: SpikingConvolution
    potentials: Int = field(init=False)
    currents: Int = field(init=False)
    refractory: Int = field(init=False)
    counts: Int = field(init=False)

    def _each(self, name: str) -> Int:
        """Return a parameter, one number for each neuron."""
        numbers: Int = getattr(self.stage, name).astype(np.int64)
        return np.resize(numbers, self.stage.units)  # maps come last: they repeat

    def rest(self) -> None:
        self.potentials, self.currents, self.refractory, self.counts = np.zeros(
            (4, self.stage.units), np.int64
        )

    def step(self, sums: Int) -> tuple[NDArray[np.bool_], Int, Int]:
        """Take a step; return spikes, potentials before any reset, thresholds."""
        stage = self.stage
        arriving = (sums.reshape(-1) << stage.current_shift) + self._each("bias")
        if stage.synapse_decay is None:
            self.potentials = saturate(self._leak() + arriving)
        else:
            faded = self.currents * self._each("synapse_decay") >> 8
            self.currents = saturate(faded + arriving)
            self.potentials = saturate(self._leak() + self.currents)
        held = self.refractory > 0
        self.potentials = np.where(held, 0, self.potentials)
        self.refractory = np.where(held, self.refractory - 1, 0)
        before = self.potentials
        thresholds = self._each("threshold")
        spikes = (before > thresholds) & ~held
        if stage.readout:
            spikes, thresholds = np.zeros_like(spikes), np.full_like(thresholds, 2**31 - 1)
        left = before - self._each("reset_by") if stage.reset == "subtract" else 0 * before
        self.potentials = saturate(np.where(spikes, left, before))
        self.refractory = np.where(spikes, stage.refractory, self.refractory)
        self.counts = self.counts + spikes
        return spikes, before, thresholds

    def _leak(self) -> Int:
        return self.potentials * self._each("decay") >> 8


def pass_on(stage: SpikingPool, spikes: Int) -> Int:
    """Return how many spikes each unit of a pool passes on, int64 (units,)."""
    return np.asarray(sum(under for _, _, under in _windows(stage, spikes))).reshape(-1)


class SpikingStages:
    """All spiking stages of a network at work.

    Parameters
    ----------
    stages : in order.
    is_first : whether no coded stage comes before: the first one is given planes.
    is_direct : whether the first one is given codes instead of spikes.
    """

    def __init__(self, stages: tuple[SpikingStage, ...], is_first: bool, is_direct: bool) -> None:
        self.stages = stages
        self.is_first = is_first
        self.is_direct = is_direct
        self.neurons = [RunningConvolution(s) for s in stages if isinstance(s, SpikingConvolution)]

    def rest(self) -> None:
        """Put every neuron to rest."""
        for neurons in self.neurons:
            neurons.rest()

    def step(self, arriving: Int) -> tuple[Int, list[tuple[NDArray[np.bool_], Int, Int]], int]:
        """Take a step.

        Returns what reaches the populations, each convolution's spikes, potentials and thresholds,
        and synaptic operations.
        """
        rows: list[tuple[NDArray[np.bool_], Int, Int]] = []
        synops = 0
        for number, stage in enumerate(self.stages):
            x = arrange(arriving, stage.shape, self.is_first and number == 0)
            if isinstance(stage, SpikingPool):
                arriving = pass_on(stage, x)
                continue
            events = (x != 0).astype(np.int64) if self.is_direct and number == 0 else x
            synops += synaptic_operations(stage, events)
            rows.append(self.neurons[len(rows)].step(convolve(stage, x)))
            arriving = rows[-1][0].astype(np.int64)
        return arriving, rows, synops
