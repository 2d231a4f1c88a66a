"""Spiking stages (docs/arithmetic.md, section 5.6) as ONNX nodes.

A stage takes all steps of a presentation before the next one takes its first: nothing goes back.
So one convolution serves all steps, and only the neurons behind it are unrolled.
"""

from __future__ import annotations

import numpy as np

from edge_naca.export.onnx_export import windows
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.export.onnx_export.neurons import GraphNeurons
from edge_naca.stages import SpikingConvolution, SpikingPool, SpikingStage


class SpikingStages:
    """The spiking stages of a network at work.

    Parameters
    ----------
    stages : by their names, in order.
    inputs : uint8 (batch, steps, units), the spikes that the encoder sends; with `is_direct`
        (batch, 1, units), the codes, which are the same at every step.
    batch, steps : of samples side by side, and of a presentation.
    is_first : whether no coded stage comes before.
    most : the largest of `inputs`.

    Attributes
    ----------
    neurons : of every convolution, by the stage's name.
    arriving : (batch, steps, units), what reaches the first population: uint8, or int32 where
        numbers of spikes may pass 255. Not what a readout gives: that is no spikes.
    most : the largest of `arriving`.
    synops : int64 (batch, 1) of each convolution.
    """

    def __init__(
        self,
        g: Graph,
        stages: dict[str, SpikingStage],
        inputs: Value,
        batch: int,
        steps: int,
        *,
        is_first: bool,
        is_direct: bool,
        most: int,
    ) -> None:
        self._batch = batch
        self._steps = steps
        self.neurons: dict[str, GraphNeurons] = {}
        self.synops: list[Value] = []
        self.arriving, self.most = inputs, most
        x, last = inputs, None
        for name, stage in stages.items():
            part = g.within(name)
            holds_codes = is_direct and last is None
            if last is None:
                shown = 1 if holds_codes else steps
                x = windows.planes(part, "arriving", x, batch * shown, stage.shape, is_first)
            if isinstance(stage, SpikingPool):
                x = self._pass_on(part, stage, x)
            else:
                self.synops.append(self._synaptic_operations(part, stage, x, holds_codes))
                x = self._convolution(part, name, stage, x, holds_codes)
            last = stage
        if last is not None:
            flat = windows.units(g, "passed_on/units", x, batch * steps, last.output_shape)
            self.arriving = g.reshape("passed_on/of_steps", flat, (batch, steps, last.units))

    def _pass_on(self, g: Graph, pool: SpikingPool, spikes: Value) -> Value:
        """Return how many spikes lie under each window, each of them 0 or 1 before."""
        sums = windows.pool_sums(g, pool, spikes, self._batch * self._steps)
        self.most = min(pool.kernel[0], pool.shape[0]) * min(pool.kernel[1], pool.shape[1])
        return sums if self.most > np.iinfo(np.uint8).max else g.cast("counts", sums, np.uint8)

    def _convolution(
        self, g: Graph, name: str, stage: SpikingConvolution, x: Value, holds_codes: bool
    ) -> Value:
        """Return who spikes, uint8 (batch · steps, maps, rows, columns).

        Parameters
        ----------
        x : (batch · steps, channels, height, width), or (batch, …) if it holds codes.
        """
        shown = 1 if holds_codes else self._steps
        sums = windows.convolve(g, stage, x, self._batch * shown, self.most)
        neurons = GraphNeurons(g, stage, self._batch, self._steps, sums, holds_codes)
        self.neurons[name] = neurons
        self.most = 1
        shape = self._batch * self._steps, stage.maps, *stage.output
        if neurons.spikes is None:
            return g.zeros(shape, np.uint8)
        return g.reshape("spikes_of_steps", neurons.spikes, shape)

    def _synaptic_operations(
        self, g: Graph, stage: SpikingConvolution, x: Value, holds_codes: bool
    ) -> Value:
        """Return the weights that all arrivals add up, int64 (batch, 1)."""
        if holds_codes:  # a code counts once a step, whatever it is
            some = g.cast("some", g.cast("is_some", x, bool), np.int64)
            arrivals = g.op("arrivals", "Mul", some, self._steps)
        else:
            height, width, channels = stage.shape
            shape = self._batch, self._steps, channels, height, width
            of_steps = g.reshape("arrivals_of_steps", g.cast("arrivals_int32", x, np.int32), shape)
            counts = g.reduce("arrival_counts", "ReduceSum", of_steps, 1)
            arrivals = g.cast("arrivals", counts, np.int64)
        return windows.synaptic_operations(g, stage, arrivals)
