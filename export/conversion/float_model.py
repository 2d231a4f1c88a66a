"""Layers at work in real numbers: what a model does before it is made of integers.

Every number that conversion is judged by comes from here, so this follows `export.layers` to the
letter, and tests hold it against the frameworks themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import (
    Convolution,
    Float,
    Layer,
    Neurons,
    Pool,
    Scale,
)

BATCH_NUMBERS = 1 << 22  # numbers that a batch may have in its largest layer


# ---- layers without a state ----------------------------------------------------------------------


def windows(x: Float, layer: Convolution | Pool) -> Float:
    """Return what lies under a kernel: (samples, channels, rows, columns, height, width)."""
    kernel = layer.weights.shape[2:] if isinstance(layer, Convolution) else layer.kernel
    dilation = layer.dilation if isinstance(layer, Convolution) else (1, 1)
    top, left, bottom, right = layer.padding
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    reach = tuple((kernel[a] - 1) * dilation[a] + 1 for a in (0, 1))
    under = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
    rows, columns = layer.output_shape[1:]
    under = under[:, :, :: layer.stride[0], :: layer.stride[1], :: dilation[0], :: dilation[1]]
    return np.asarray(under[:, :, :rows, :columns])


def convolve(x: Float, layer: Convolution) -> Float:
    """Return weights times what lies under them, and the bias."""
    under = windows(x, layer)
    samples, _, rows, columns = under.shape[:4]
    maps, share = layer.weights.shape[:2]
    own = maps // layer.groups
    result = np.empty((samples, maps, rows, columns))
    for group in range(layer.groups):
        weights = layer.weights[group * own : (group + 1) * own].reshape(own, -1)
        heard = under[:, group * share : (group + 1) * share].transpose(0, 2, 3, 1, 4, 5)
        sums = heard.reshape(samples * rows * columns, -1) @ weights.T
        result[:, group * own : (group + 1) * own] = sums.reshape(
            samples, rows, columns, own
        ).transpose(0, 3, 1, 2)
    bias = layer.bias if layer.bias.ndim == 3 else layer.bias[:, None, None]
    return result + bias


def apply(layer: Layer, x: Float) -> Float:
    """Return what a layer without a state makes of x (samples, channels, height, width)."""
    x = x.reshape(len(x), *layer.input_shape)
    if isinstance(layer, Convolution):
        return convolve(x, layer)
    if isinstance(layer, Scale):
        return np.asarray(x * layer.factor)
    if isinstance(layer, Pool) and layer.kind != "max":
        under = windows(x, layer)
        return np.asarray(under.sum((4, 5)) if layer.kind == "sum" else under.mean((4, 5)))
    raise TypeError(f"{type(layer).__name__} has no place among spikes")


# ---- neurons -------------------------------------------------------------------------------------


@dataclass
class NeuronState:
    """Neurons at work on a batch of samples; arrays are (samples, channels, height, width)."""

    layer: Neurons
    samples: int
    potentials: Float = field(init=False)
    currents: Float = field(init=False)
    owed: Float = field(init=False)
    held: NDArray[np.int64] = field(init=False)
    counts: NDArray[np.int64] = field(init=False)
    before: Float = field(init=False)  # potentials of the last step, before any reset

    def __post_init__(self) -> None:
        shape = (self.samples, *self.layer.input_shape)
        self.potentials, self.currents, self.owed, self.before = np.zeros((4, *shape))
        self.held, self.counts = np.zeros((2, *shape), np.int64)

    def step(self, x: Float) -> Float:
        """Take a step; return spikes as 0 and 1."""
        layer = self.layer
        if layer.synapse_decay is None:
            self.currents = x
        else:
            self.currents = layer.synapse_decay * self.currents + x
        driven = layer.gain * self.currents + layer.offset
        v = layer.decay * self.potentials + driven - self.owed
        v = self.before = np.where(self.held > 0, 0.0, v)
        spikes = np.zeros(v.shape, bool) if layer.reset == "none" else v > layer.threshold
        spikes &= self.held == 0
        self.held = np.where(spikes, layer.refractory, np.maximum(self.held - 1, 0))
        if layer.reset == "subtract":
            taken = np.where(spikes, layer.reset_by, 0.0)
            self.owed = taken if layer.delayed else self.owed
            self.potentials = v if layer.delayed else v - taken
        else:
            self.potentials = np.where(spikes, 0.0, v)
        self.counts += spikes
        return spikes.astype(np.float64)

    def left(self) -> Float:
        """Return potentials as if all that is owed had been paid before the leak."""
        if not self.layer.delayed:
            return self.potentials
        return np.asarray(self.potentials - self.owed / self.layer.decay)


@dataclass(frozen=True)
class Simulation:
    """What layers did with samples.

    Parameters
    ----------
    counts : spikes of each layer of neurons: int64 (samples, channels, height, width).
    potentials : of the last layer of neurons after the last step, (samples, units).
    peaks : for each layer of neurons, the greatest potential that occurred, of either sign:
        float (channels, height, width).
    currents : likewise, the greatest gain · current.
    """

    counts: list[NDArray[np.int64]]
    potentials: Float
    peaks: list[Float]
    currents: list[Float]

    def answers(self, is_readout: bool) -> NDArray[np.int64]:
        """Return classes: most spikes, then the greater potential; −1 if there was no spike."""
        if is_readout:
            return np.asarray(self.potentials.argmax(axis=1))
        counts = self.counts[-1].reshape(len(self.potentials), -1)
        most = counts.max(axis=1, keepdims=True)
        tied = np.where(counts == most, self.potentials, -np.inf)
        return np.where(most[:, 0] > 0, tied.argmax(axis=1), -1)


Present = Callable[[NDArray[np.int64], int], Float]
Tap = Callable[[int, int, Float], None]


def simulate(
    layers: Sequence[Layer],
    samples: int,
    steps: int,
    present: Present,
    is_constant: bool,
    tap: Tap | None = None,
) -> Simulation:
    """Present samples to layers, batch by batch.

    Parameters
    ----------
    layers : with neurons among them.
    samples : how many.
    present : given the numbers of some samples and a step, what the first layer hears of them,
        float (samples, channels, height, width).
    is_constant : whether `present` gives the same at every step.
    tap : called with number of the layer, step and what the layer is given.
    """
    largest = max(int(np.prod(layer.input_shape)) for layer in layers)
    kernels = [_spread(layer) for layer in layers if isinstance(layer, (Convolution, Pool))]
    batch = max(1, min(256, BATCH_NUMBERS // max(largest, *kernels, 1)))
    parts = [
        _simulate_batch(layers, np.arange(first, min(first + batch, samples)), steps, present,
                        is_constant, tap)
        for first in range(0, samples, batch)
    ]  # fmt: skip
    return Simulation(
        [np.concatenate(counts) for counts in zip(*(p.counts for p in parts), strict=True)],
        np.concatenate([p.potentials for p in parts]),
        [np.max(peaks, axis=0) for peaks in zip(*(p.peaks for p in parts), strict=True)],
        [np.max(peaks, axis=0) for peaks in zip(*(p.currents for p in parts), strict=True)],
    )


def _spread(layer: Convolution | Pool) -> int:
    """Return how many numbers `windows` makes of a sample."""
    kernel = layer.weights.shape[2:] if isinstance(layer, Convolution) else layer.kernel
    channels, (_, rows, columns) = layer.input_shape[0], layer.output_shape
    return channels * rows * columns * kernel[0] * kernel[1]


def _simulate_batch(
    layers: Sequence[Layer],
    chosen: NDArray[np.int64],
    steps: int,
    present: Present,
    is_constant: bool,
    tap: Tap | None,
) -> Simulation:
    states = {
        number: NeuronState(layer, len(chosen))
        for number, layer in enumerate(layers)
        if isinstance(layer, Neurons)
    }
    peaks = {number: np.zeros(layers[number].input_shape) for number in states}
    currents = {number: np.zeros(layers[number].input_shape) for number in states}
    first = min(states)
    constant: Float | None = None
    for step in range(steps):
        for number, layer in enumerate(layers):
            if number < first and constant is not None:
                continue
            if number == 0:
                x = present(chosen, step)
            if number == first and constant is not None:
                x = constant
            if tap is not None:
                tap(number, step, x)
            if number in states:
                state = states[number]
                if number == first and is_constant:
                    constant = x
                x = state.step(x.reshape(len(chosen), *layer.input_shape))
                driven = np.abs(state.layer.gain * state.currents)
                peaks[number] = np.maximum(peaks[number], np.abs(state.before).max(axis=0))
                currents[number] = np.maximum(currents[number], driven.max(axis=0))
            else:
                x = apply(layer, x)
    last = states[max(states)]
    return Simulation(
        [state.counts for state in states.values()],
        last.left().reshape(len(chosen), -1),
        list(peaks.values()),
        list(currents.values()),
    )
