"""The whole network in numpy, step by step: what the core and every export must equal."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca import image
from edge_naca.network import Network, Rule
from edge_naca.samples import check_events, check_labels, check_samples, default_kind
from edge_naca.specification import encoding, preparation
from edge_naca.specification.arithmetic import NO_MARGIN, Int, draws, hash32, presentation_key
from edge_naca.specification.contexts import Contexts
from edge_naca.specification.inhibition import RunningInhibition
from edge_naca.specification.population import RunningPopulation
from edge_naca.specification.priors import Priors
from edge_naca.specification.results import Recording, Result
from edge_naca.specification.stages import RunningConvolution, SpikingStages, run_coded


def _contexts(rule: Rule | None, context: image.Context | None) -> Contexts | None:
    if rule is None or context is None:
        return None
    return Contexts(rule, context.offset.astype(np.int64), context.residuals.astype(np.int64))


def _context(contexts: Contexts) -> image.Context:
    return image.Context(contexts.offset.astype(np.int8), contexts.residuals.astype(np.int16))


def _priors(rule: Rule | None, means: NDArray[np.uint32] | None) -> Priors | None:
    return None if rule is None or means is None else Priors(rule, means.astype(np.int64))


class Specification:
    """A network run by the specification: the same methods and answers as `edge_naca.Core`.

    Parameters
    ----------
    network : what to run.
    state : learned state to start from, as bytes; None for a network as new.
    """

    def __init__(self, network: Network, state: bytes | None = None) -> None:
        self.network = network
        learned = image.new_state(network) if state is None else image.unpack_state(network, state)
        self._seen = learned.seen.astype(np.int64)
        self._learned = learned.learned
        self._layers = [
            RunningPopulation(
                population,
                part.weights.astype(np.int64),
                None if part.wins is None else part.wins.astype(np.int64),
                _priors(population.rule, part.means),
                _contexts(population.rule, part.context),
            )
            for population, part in zip(network.populations, learned.populations, strict=True)
        ]
        self._inhibition = None
        if network.inhibition is not None:
            self._inhibition = RunningInhibition(
                network.inhibition, network.encoder.bits, learned.inhibition
            )
        is_direct = network.encoder.kind == "direct"
        self._stages = SpikingStages(network.spiking, not network.coded, is_direct)

    # ---- one sample ----------------------------------------------------------------------

    def infer(self, x: ArrayLike, kind: str | None = None) -> Result:
        """Present one sample and predict."""
        return self._present(x, kind, None, None)

    def learn(self, x: ArrayLike, label: int, kind: str | None = None) -> Result:
        """Present one sample, predict, then learn that its class is `label`."""
        check_labels(np.array([label]), 1, self.network.capacity)
        return self._present(x, kind, label, None)

    def novelty(self, x: ArrayLike, kind: str | None = None) -> int:
        """Present one sample and return its novelty in 4096ths, of the first population."""
        self._present(x, kind, None, None)
        return self._layers[0].novelty()

    def record(self, x: ArrayLike, kind: str | None = None) -> Recording:
        """Present one sample, predict, and return every spike, potential and threshold."""
        rows: list[tuple[Int, Int, Int, Int]] = []
        result = self._present(x, kind, None, rows)
        sent, fired, potentials, thresholds = (np.stack(part) for part in zip(*rows, strict=True))
        return Recording(
            sent.astype(np.int8 if self.network.encoder.is_signed else bool),
            fired.astype(bool),
            potentials.astype(np.int32),
            thresholds.astype(np.int32),
            result,
        )

    # ---- learned state -------------------------------------------------------------------

    def state(self) -> bytes:
        """Return the learned state as the C core holds it."""
        populations = tuple(
            image.Learned(
                layer.weights.astype(np.int8),
                None if layer.wins is None else layer.wins.astype(np.uint16),
                None if layer.priors is None else layer.priors.means.astype(np.uint32),
                None if layer.contexts is None else _context(layer.contexts),
            )
            for layer in self._layers
        )
        inhibition = None if self._inhibition is None else self._inhibition.learned
        state = image.State(self._seen.astype(np.uint32), populations, self._learned, inhibition)
        return image.pack_state(self.network, state)

    def state_hash(self) -> int:
        """Return the hash of the learned state."""
        return zlib.crc32(self.state())

    # ---- the presentation ----------------------------------------------------------------

    def features(self, x: ArrayLike, kind: str | None = None) -> NDArray[Any]:
        """Return the codes that the encoder is given (encoded,): uint8, or int8 with signs."""
        codes = self._codes(x, kind or default_kind(self.network))[0]
        return codes.astype(np.int8 if self.network.encoder.is_signed else np.uint8)

    def _codes(self, x: ArrayLike, kind: str) -> tuple[NDArray[Any], int]:
        """Return what the encoder is given, and the synaptic operations before it."""
        network = self.network
        sample = check_samples(network, np.asarray(x)[None], kind)[0]
        if kind == "raw" and network.preparation is not None:
            sample = preparation.codes(network.preparation, sample, network.code_bits)
        if self._inhibition is not None:
            self._sample = sample.astype(np.int64)
            return self._inhibition.codes(self._sample)
        return run_coded(network.coded, sample)

    def _arriving(self, x: ArrayLike, kind: str | None) -> tuple[Int, Int, int]:
        """Return what the encoder sends (steps, encoded), as numbers and as spikes; operations."""
        network = self.network
        kind = kind or default_kind(network)
        if kind == "events":
            events = check_events(network, x)
            spikes = encoding.from_events(network.encoder, events, network.inputs).astype(np.int64)
            return spikes, spikes, 0
        codes, synops = self._codes(x, kind)
        key = presentation_key(network.seed, self._learned)
        spikes = encoding.spikes(network.encoder, codes, key).astype(np.int64)
        is_direct = network.encoder.kind == "direct"
        return spikes * codes if is_direct else spikes, spikes, synops

    def _present(
        self, x: ArrayLike, kind: str | None, label: int | None, rows: list[Any] | None
    ) -> Result:
        inputs, sent, synops = self._arriving(x, kind)
        steps = len(inputs)
        spikes = int(np.abs(sent).sum())
        self._stages.rest()
        for layer in self._layers:
            layer.rest()
        for step, arriving in enumerate(inputs):
            is_last = step == steps - 1
            before, recorded, added = self._stages.step(arriving)
            spikes += sum(int(fired.sum()) for fired, _, _ in recorded)
            synops += added
            arrived = before
            for layer in self._layers:
                gate = None
                if is_last and label is not None:
                    gate = self._gate(layer, label)
                heard = np.append(before, 1) if layer.population.bias else before
                layer.integrate(heard)
                layer.spikes = np.zeros(layer.population.neurons, bool)
                if is_last or step >= layer.population.fire_from:
                    layer.compete(step, gate)
                recorded.append((layer.spikes, layer.potentials, layer.thresholds()))
                layer.note_post(is_last)
                layer.fire()
                synops += int(np.abs(heard).sum()) * layer.population.neurons
                spikes += int(layer.spikes.sum())
                before = layer.spikes.astype(np.int64)
            if rows is not None:
                parts = (np.concatenate(part) for part in zip(*recorded, strict=True))
                rows.append((sent[step], *parts))
        prediction = self._answer()
        changes = 0 if label is None else self._learn(arrived, label)
        return Result(prediction, self._margin(), spikes, synops % 2**32, changes)

    def _margin(self) -> int:
        """Section 6: of the last hidden population or, where there is none, of the output."""
        if not self._layers:
            return NO_MARGIN
        return self._layers[-2 if len(self._layers) > 1 else 0].margin

    def _gate(self, layer: RunningPopulation, label: int) -> Int | None:
        rule = layer.population.rule
        if rule is None or rule.post != "winner" or rule.table is None:
            return None
        return np.asarray(rule.table[label].astype(np.int64))

    def _answer(self) -> int:
        """Section 6: none if unknown, most spikes, the greater potential left, the lower class."""
        if any(layer.is_unknown for layer in self._layers):
            return -1
        output = self._layers[-1] if self._layers else self._stages.neurons[-1]
        counts, potentials = output.counts, output.potentials
        if isinstance(output, RunningConvolution) and output.stage.readout:
            return int(potentials.argmax())
        order = np.lexsort((np.arange(counts.size), -potentials, -counts))
        return int(order[0]) if counts.max() > 0 else -1

    # ---- learning ------------------------------------------------------------------------

    def _learn(self, arrived: Int, label: int) -> int:
        """Section 7: every population learns, then the sample counts as learned."""
        key = presentation_key(self.network.seed, self._learned)
        changes = 0
        taught = arrived > 0
        for index, layer in enumerate(self._layers):
            arriving = np.append(taught, True) if layer.population.bias else taught
            word = np.array([(key + index + 1) % 2**32], np.uint32)
            taught = layer.spikes
            rule = layer.population.rule
            if rule is None:
                continue
            before = layer.weights.copy()
            rates, signals = self._factors(layer, rule, label)
            gains = rates * signals
            if index == 0:
                self._learn_inhibition(layer, gains, key)
            layer.note_residual(int(self._seen[label]))
            self._change_weights(layer, rule, gains, arriving, int(hash32(word)[0]))
            changes += int((layer.weights != before).sum())
            if rule.post == "winner":
                assert layer.wins is not None
                taught = np.arange(layer.population.neurons) == layer.winner
                layer.wins = np.minimum(layer.wins + taught, 65535)
            if layer.priors is not None:
                layer.priors.learn(self._learned)
                layer.renew_priors()
            if layer.contexts is not None and layer.priors is not None:
                layer.contexts.settle(layer.learns_in, int(layer.priors.means[1]))
        self._learned = (self._learned + 1) % 2**32
        self._seen[label] = (self._seen[label] + 1) % 2**32
        self._renew_inhibition()
        return changes

    def _learn_inhibition(self, layer: RunningPopulation, gains: Int, key: int) -> None:
        """Section 7.5: V learns a residual, prototypes move as weights are about to."""
        inhibition = self._inhibition
        if inhibition is None or inhibition.learned is None:
            return
        assert layer.wins is not None
        words = np.array([key + 256, key + 257]) % 2**32
        factor_key, prototype_key = hash32(words.astype(np.uint32)).tolist()
        own = layer.winner
        if own >= 0 and layer.wins[own] == 0:
            own = int(layer.ranked[0]) if layer.ranked.size else -1
        if own >= 0:
            inhibition.learn_factor(self._sample, own, factor_key)
        for neuron in np.flatnonzero(gains > 0).tolist():
            inhibition.attract(self._sample, neuron, int(gains[neuron]), prototype_key)

    def _renew_inhibition(self) -> None:
        """Section 7.6: a V that is due comes into use, and weights become what it makes of them."""
        inhibition = self._inhibition
        if inhibition is None or not inhibition.is_due(self._learned):
            return
        layer = self._layers[0]
        rule, wins = layer.population.rule, layer.wins
        assert rule is not None
        assert wins is not None
        recruited = np.flatnonzero(wins)
        weights = inhibition.renew(recruited, rule.trace_shift)
        low, high = layer.population.weight_min, layer.population.weight_max
        layer.weights[recruited] = np.clip(weights, low, high)

    def _factors(self, layer: RunningPopulation, rule: Rule, label: int) -> tuple[Int, Int]:
        """Sections 7.1 and 7.2: rate of each neuron, and signal times post term."""
        neurons = layer.population.neurons
        rates = np.full(neurons, int(rule.rates[0]), np.int64)
        if rule.signal == "error":
            window = self.network.encoder.steps - layer.population.fire_from
            signals = 64 * (np.arange(neurons) == label) - 64 * layer.counts // window
        else:
            assert rule.table is not None
            signals = rule.table[label].astype(np.int64)
        if rule.post == "delta":
            signals = signals * layer.post
        elif rule.post == "winner":
            assert layer.wins is not None
            age = min(int(self._seen[label]).bit_length(), rule.ages - 1)
            levels = np.zeros(neurons, np.int64)
            if rule.ranks:
                levels[layer.ranked] = rule.levels[age, : layer.ranked.size]
            levels[np.arange(neurons) == layer.winner] = 64
            entry = np.minimum(layer.wins, rule.rates.size - 1)
            rates = np.where(signals > 0, rule.rates.astype(np.int64)[entry], rule.depress_rate)
            depressed = layer.spikes & (signals < 0) & (layer.wins >= rule.depress_from)
            signals = np.where(depressed, signals, np.maximum(signals, 0) * levels >> 6)
        return rates, np.asarray(signals)

    def _change_weights(
        self,
        layer: RunningPopulation,
        rule: Rule,
        gains: Int,
        arriving: NDArray[np.bool_],
        key: int,
    ) -> None:
        """Sections 7.3 and 7.4: pre-term, stochastic rounding, saturation."""
        population, weights = layer.population, layer.weights
        rows = weights.shape[1]
        learners = np.flatnonzero(gains)
        if not learners.size:
            return
        gain = gains[learners, None]
        old = weights[learners]
        eligible = np.broadcast_to(arriving, old.shape)
        if rule.pre == "attract":
            terms = layer.targets() - old
            eligible = np.ones_like(eligible)
        elif rule.pre == "bounded":
            terms = np.where(gain > 0, population.weight_max - old, old - population.weight_min)
        else:
            terms = np.broadcast_to(layer.slope[learners, None], old.shape)
        counters = learners[:, None] * rows + np.arange(rows)
        noise = draws(key, counters).astype(np.int64) % 2**rule.rate_shift
        moved = old + ((gain * terms + noise) >> rule.rate_shift)
        moved = np.clip(moved, population.weight_min, population.weight_max)
        weights[learners] = np.where(eligible, moved, old)
