"""A whole presentation as ONNX nodes: sample, spikes, populations, answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_naca.export import onnx_arithmetic as arithmetic
from edge_naca.export import onnx_encoding as encoding
from edge_naca.export import onnx_preparation as preparation
from edge_naca.export.onnx_graph import Graph, Value
from edge_naca.export.onnx_population import Layer
from edge_naca.export.onnx_state import population_names
from edge_naca.network import Network
from edge_naca.specification import NO_MARGIN


def sample_shape(network: Network, input_type: str) -> tuple[int, ...]:
    """Return the shape of one sample."""
    if input_type == "spikes":
        return network.encoder.steps, network.inputs
    if input_type == "codes":
        return (network.inputs,)
    assert network.preparation is not None
    return network.preparation.shape


@dataclass(frozen=True)
class Learned:
    """What one population has learned, as values of the graph.

    Parameters
    ----------
    weights : int8 (rows, neurons), the bias, if any, in the last row.
    norms : int32 (1, neurons), squared norms of the weights; None computes them.
    wins : uint16 (neurons,); None unless the rule's post is "winner".
    """

    weights: Value
    norms: Value | None = None
    wins: Value | None = None


class Presentation:
    """One sample, or several side by side, shown to a network.

    Attributes
    ----------
    codes : uint8 (batch, inputs); None if spikes were handed over.
    inputs : uint8 (batch, steps, inputs), input spikes.
    layers : the populations, whose values say what they did.
    arriving : for each population and step, uint8 (batch, rows), the spikes that reach it, its
        bias included; None for none at all.
    """

    def __init__(
        self,
        g: Graph,
        network: Network,
        learned: list[Learned],
        sample: Value,
        input_type: str,
        key: Value | None,
        batch: int,
    ) -> None:
        self._g = g
        self.network = network
        self._batch = batch
        self._steps = network.encoder.steps
        self.codes = self._codes(sample, input_type)
        if self.codes is None:
            self.inputs = g.reshape("input/spikes", sample, (batch, self._steps, network.inputs))
        else:
            self.inputs = encoding.spikes(
                g.within("input"), network.encoder, self.codes, network.inputs, key
            )
        self.layers: list[Layer] = []
        self.arriving: list[list[Value | None]] = []
        for name, population, part in zip(
            population_names(network), network.populations, learned, strict=True
        ):
            g_layer = g.within(name)
            layer = Layer(g_layer, population, batch, part.weights, part.norms, part.wins)
            if self.layers:
                arriving = self._from_layer(g_layer, self.layers[-1], population.bias)
                sums = self._sums_of_steps(g_layer, arriving, part.weights)
            else:
                arriving, sums = self._from_inputs(g_layer, population.bias, part.weights)
            for step, sum_ in enumerate(sums):
                layer.step(sum_, step >= population.fire_from)
            self.layers.append(layer)
            self.arriving.append(arriving)

    # ---- what it gives ---------------------------------------------------------------------

    def prediction(self) -> Value:
        """Section 6: most spikes, then the greater potential left, then the lower class."""
        g, output = self._g.within("answer"), self.layers[-1]
        assert output.counts is not None
        most = g.reduce("most_spikes", "ReduceMax", output.counts, 1, keep=True)
        among = g.op("among_most", "Equal", output.counts, most)
        left = output.zeros() if output.left is None else output.left
        ranked = g.op("ranked", "Where", among, left, NO_MARGIN)
        first = g.op("first", "ArgMax", ranked, axis=1, keepdims=1)
        spoke = g.op("spoke", "Greater", most, 0)
        label = g.cast("first_label", first, np.int32)
        return g.op("prediction", "Where", spoke, label, -1)

    def margin(self) -> Value:
        """The margin of the last population before the output, or of the output alone."""
        layer = self.layers[-2 if len(self.layers) > 1 else 0]
        assert layer.margins is not None
        return self._g.reduce("answer/margin", "ReduceMax", layer.margins, 1, keep=True)

    def spikes_and_synops(self) -> tuple[Value, Value]:
        """Spikes of everything, and synaptic operations modulo 2^32: uint32 (batch, 1)."""
        g = self._g.within("answer")
        wide = g.cast("input_ones", self.inputs, np.int32)
        before = g.op(
            "input_spikes",
            "Unsqueeze",
            g.reduce("input_sum", "ReduceSum", wide, 1, 2),
            g.constant([1], np.int64),
        )
        spikes, synops = before, None
        for name, layer in zip(population_names(self.network), self.layers, strict=True):
            population = layer.population
            if population.bias:
                before = g.op(f"{name}/arriving", "Add", before, self._steps)
            words = g.cast(f"{name}/words", before, np.uint32)
            work = g.op(f"{name}/synops", "Mul", words, population.neurons)
            synops = arithmetic.add(g, f"{name}/synops_so_far", synops, work)
            assert layer.counts is not None
            before = g.reduce(f"{name}/spikes", "ReduceSum", layer.counts, 1, keep=True)
            spikes = g.op(f"{name}/spikes_so_far", "Add", spikes, before)
        assert synops is not None
        return g.cast("spikes", spikes, np.uint32), synops

    # ---- details ---------------------------------------------------------------------------

    def _codes(self, sample: Value, input_type: str) -> Value | None:
        if input_type == "spikes":
            return None
        if input_type == "codes":
            return self._g.reshape("input/codes", sample, (self._batch, self.network.inputs))
        prep = self.network.preparation
        assert prep is not None
        raw = self._g.reshape("preparation/raw", sample, (self._batch, *prep.shape))
        bits = self.network.encoder.bits
        return preparation.codes(self._g.within("preparation"), prep, raw, self._batch, bits)

    def _from_inputs(
        self, g: Graph, bias: bool, weights: Value
    ) -> tuple[list[Value | None], list[Value | None]]:
        """Return what reaches the first population at each step, and its sums: one product."""
        spikes = self.inputs
        if bias:
            ones = g.ones((self._batch, self._steps, 1), np.uint8)
            spikes = g.op("spikes_and_bias", "Concat", spikes, ones, axis=2)
        sums = g.op("sums", "MatMulInteger", spikes, weights)
        steps = range(self._steps)
        return (
            [g.part(f"arriving_{step}", spikes, 1, step) for step in steps],
            [g.part(f"sums_{step}", sums, 1, step) for step in steps],
        )

    def _from_layer(self, g: Graph, before: Layer, bias: bool) -> list[Value | None]:
        """Return what reaches a population from the one before it, at each step."""
        arriving: list[Value | None] = []
        for step, fired in enumerate(before.spikes):
            spikes = None if fired is None else g.cast(f"heard_spikes_{step}", fired, np.uint8)
            if bias:
                if spikes is None:
                    spikes = g.zeros((self._batch, before.population.neurons), np.uint8)
                ones = g.ones((self._batch, 1), np.uint8)
                spikes = g.op(f"spikes_and_bias_{step}", "Concat", spikes, ones, axis=1)
            arriving.append(spikes)
        return arriving

    @staticmethod
    def _sums_of_steps(
        g: Graph, arriving: list[Value | None], weights: Value
    ) -> list[Value | None]:
        return [
            None if spikes is None else g.op(f"sums_{step}", "MatMulInteger", spikes, weights)
            for step, spikes in enumerate(arriving)
        ]
