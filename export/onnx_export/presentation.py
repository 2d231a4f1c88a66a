"""A whole presentation as ONNX nodes: sample, coded stages, spikes, spiking stages, populations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_naca.export.onnx_export import arithmetic, coded, encoding, preparation, signal
from edge_naca.export.onnx_export import inhibition as decorrelation
from edge_naca.export.onnx_export.contexts import SecondContext
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.export.onnx_export.neurons import GraphNeurons
from edge_naca.export.onnx_export.population import GraphPopulation
from edge_naca.export.onnx_export.spiking import SpikingStages
from edge_naca.export.onnx_export.state import INHIBITION, population_names, stage_names
from edge_naca.network import Network


def sample_shape(network: Network, input_type: str) -> tuple[int, ...]:
    """Return the shape of one sample."""
    if input_type == "spikes":
        return network.encoder.steps, network.inputs
    if input_type == "codes":
        return (network.inputs,)
    if input_type == "window":
        assert network.signal is not None
        return network.signal.window, network.signal.channels
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
    priors : int32 (1, neurons); None for a population without.
    second : its second context; None for a population without.
    """

    weights: Value
    norms: Value | None = None
    wins: Value | None = None
    priors: Value | None = None
    second: SecondContext | None = None


class Presentation:
    """One sample, or several side by side, shown to a network.

    Parameters
    ----------
    inhibition : what a learned inhibition learned, by the names of `image.Decorrelation`.

    Attributes
    ----------
    batch : samples side by side.
    prepared : uint8 (batch, inputs), codes before coded stages or an inhibition, int8 if they have
        a sign; None if spikes were handed over.
    codes : (batch, encoded), what the encoder is given, alike.
    inputs : (batch, steps, encoded), the spikes that the encoder sends, alike: off spikes are −1.
    neurons : those of spiking stages, whose values say what they did, in order.
    neuron_names : what those stages are called.
    arriving : (batch, steps, units), what reaches the first population: uint8, or int32 where
        numbers of spikes may pass 255.
    layers : the populations, whose values say what they did.
    layer_names : what they are called.
    heard : for each population and step, (batch, rows), the spikes that reach it, its bias
        included; None for none at all.
    synops : int64 (batch, 1), synaptic operations of each convolution.
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
        inhibition: dict[str, Value],
    ) -> None:
        self._g = g
        self.network = network
        self.batch = batch
        self._steps = network.encoder.steps
        self.synops: list[Value] = []
        self.prepared = self._prepared(sample, input_type)
        self.codes = self._codes(inhibition)
        self.inputs = self._sent(sample, key)
        stages = self._spiking_stages()
        self.neurons: list[GraphNeurons] = list(stages.neurons.values())
        self.neuron_names = list(stages.neurons)
        self.synops += stages.synops
        self.arriving, self._most = stages.arriving, stages.most
        self.layers: list[GraphPopulation] = []
        self.layer_names = population_names(network)
        self.heard: list[list[Value | None]] = []
        self._traces: dict[int, Value] = {}
        for index, part in enumerate(learned):
            population = network.populations[index]
            g_layer = g.within(self.layer_names[index])
            layer = GraphPopulation(
                g_layer,
                population,
                batch,
                part.weights,
                part.norms,
                part.wins,
                part.priors,
                part.second,
            )
            if self.layers:
                heard = self._from_layer(g_layer, self.layers[-1], population.bias)
                sums = self._sums_of_steps(g_layer, heard, part.weights)
            else:
                heard, sums = self._from_inputs(g_layer, population.bias, part.weights)
            self.heard.append(heard)
            for step, sum_ in enumerate(sums):
                is_last = step == self._steps - 1
                trace = self.trace(index) if is_last and part.second is not None else None
                layer.step(sum_, step >= population.fire_from, trace)
            self.layers.append(layer)

    def trace(self, index: int) -> Value:
        """Return a population's traces after the last step, int32 (batch, rows): section 5.1."""
        if index not in self._traces:
            g = self._g.within(self.layer_names[index])
            self._traces[index] = self._code_trace(g, index) or self._spike_trace(g, index)
        return self._traces[index]

    # ---- details ---------------------------------------------------------------------------

    def _code_trace(self, g: Graph, index: int) -> Value | None:
        """Return a bit-plane code, which is its own trace; None for any other."""
        rule = self.network.populations[index].rule
        assert rule is not None
        if index > 0 or self.codes is None or self.network.spiking:
            return None
        return g.cast("trace", self.codes, np.int32) if self.network.is_code_trace(rule) else None

    def _spike_trace(self, g: Graph, index: int) -> Value:
        rule = self.network.populations[index].rule
        assert rule is not None
        trace: Value | None = None
        for step, spikes in enumerate(self.heard[index]):
            name = f"trace_{step}"
            trace = arithmetic.scale(g, f"{name}/faded", trace, rule.trace_decay)
            if spikes is not None and rule.trace_increment:
                wide = g.cast(f"{name}/spikes", spikes, np.int32)
                more = g.op(f"{name}/more", "Mul", wide, rule.trace_increment)
                total = arithmetic.add(g, f"{name}/sum", trace, more)
                assert total is not None
                trace = g.op(name, "Min", total, 255)
        none = self.batch, self.network.rows(index)
        return g.zeros(none, np.int32) if trace is None else trace

    def _prepared(self, sample: Value, input_type: str) -> Value | None:
        """Return the codes of samples: section 3."""
        g, network = self._g, self.network
        if input_type == "spikes":
            return None
        if input_type == "codes":
            return g.reshape("input/codes", sample, (self.batch, network.inputs))
        prep = network.preparation
        assert prep is not None
        if input_type == "window":
            assert network.signal is not None
            shape = self.batch, network.signal.window, network.signal.channels
            windows = g.reshape("signal/window", sample, shape)
            sample = signal.features(g.within("signal"), network.signal, windows, self.batch)
        raw = g.reshape("preparation/raw", sample, (self.batch, *prep.shape))
        return preparation.codes(g.within("preparation"), prep, raw, self.batch, network.code_bits)

    def _codes(self, inhibition: dict[str, Value]) -> Value | None:
        """Return what the encoder is given: sections 3.1 and 3.2."""
        g, network = self._g, self.network
        if self.prepared is None:
            return None
        if network.inhibition is not None:
            part, bits = g.within(INHIBITION), network.encoder.bits
            codes, synops = decorrelation.codes(
                part, network.inhibition, bits, self.prepared, inhibition
            )
            self.synops = [synops]
            return codes
        names = stage_names(network)[: len(network.coded)]
        stages = dict(zip(names, network.coded, strict=True))
        codes, self.synops = coded.run(g, stages, self.prepared, self.batch)
        return codes

    def _sent(self, sample: Value, key: Value | None) -> Value:
        """Return the spikes that the encoder sends: section 4."""
        g, network = self._g.within("input"), self.network
        if self.codes is None:
            return g.reshape("spikes", sample, (self.batch, self._steps, network.inputs))
        return encoding.spikes(g, network.encoder, self.codes, network.encoded, key)

    def _spiking_stages(self) -> SpikingStages:
        g, network = self._g, self.network
        names = stage_names(network)[len(network.coded) :]
        inputs, most, is_direct = self.inputs, 1, network.encoder.kind == "direct"
        if is_direct:
            assert self.codes is not None
            inputs = g.reshape("input/direct", self.codes, (self.batch, 1, network.encoded))
            most = 2**network.encoder.bits - 1
        return SpikingStages(
            g,
            dict(zip(names, network.spiking, strict=True)),
            inputs,
            self.batch,
            self._steps,
            is_first=not network.coded,
            is_direct=is_direct,
            most=most,
        )

    def _from_inputs(
        self, g: Graph, bias: bool, weights: Value
    ) -> tuple[list[Value | None], list[Value | None]]:
        """Return what reaches the first population at each step, and its sums: one product."""
        spikes = self.arriving
        if bias:
            ones = g.ones((self.batch, self._steps, 1), spikes.dtype)
            spikes = g.op("spikes_and_bias", "Concat", spikes, ones, axis=2)
        if self.network.encoder.is_signed:
            sums = arithmetic.signed_product(g, "sums", spikes, 1, weights)
        else:
            sums = arithmetic.product(g, "sums", "MatMulInteger", spikes, self._most, weights)
        steps = range(self._steps)
        return (
            [g.part(f"arriving_{step}", spikes, 1, step) for step in steps],
            [g.part(f"sums_{step}", sums, 1, step) for step in steps],
        )

    def _from_layer(self, g: Graph, before: GraphPopulation, bias: bool) -> list[Value | None]:
        """Return what reaches a population from the one before it, at each step."""
        heard: list[Value | None] = []
        for step, fired in enumerate(before.spikes):
            spikes = None if fired is None else g.cast(f"heard_spikes_{step}", fired, np.uint8)
            if bias:
                if spikes is None:
                    spikes = g.zeros((self.batch, before.population.neurons), np.uint8)
                ones = g.ones((self.batch, 1), np.uint8)
                spikes = g.op(f"spikes_and_bias_{step}", "Concat", spikes, ones, axis=1)
            heard.append(spikes)
        return heard

    @staticmethod
    def _sums_of_steps(g: Graph, heard: list[Value | None], weights: Value) -> list[Value | None]:
        return [
            None if spikes is None else g.op(f"sums_{step}", "MatMulInteger", spikes, weights)
            for step, spikes in enumerate(heard)
        ]
