"""The written arithmetic, executable: the whole network in numpy, step by step.

This is what docs/arithmetic.md says and what the C core, the firmware and every export must equal.
It is written to be read beside that document, dense and in int64, on purpose unlike the
event-driven C: the two agree because the arithmetic is the same, not because the code is.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca import encoding, frozen, image, preparation
from edge_naca.arithmetic import Int, draws, hash32, presentation_key, saturate, scale
from edge_naca.network import Network, Population, Rule
from edge_naca.samples import check_events, check_labels, check_samples, default_kind

SILENT = 2**31 - 1  # threshold of a neuron that has not been recruited yet
NO_MARGIN = -(2**31)


@dataclass(frozen=True)
class Result:
    """What one presentation gave: see `naca_result_t` in naca.h."""

    prediction: int
    margin: int
    spikes: int
    synops: int
    changes: int


@dataclass(frozen=True)
class Recording:
    """Every spike, potential and threshold of one presentation.

    Parameters
    ----------
    input_spikes : bool (steps, units that the encoder sends).
    spikes : bool (steps, neurons): those of spiking stages, then those of populations.
    potentials : int32, same shape: after integration, before any reset.
    thresholds : int32, same shape: 2**31 − 1 for a neuron that is not recruited yet.
    result : what the presentation gave.
    """

    input_spikes: NDArray[np.bool_]
    spikes: NDArray[np.bool_]
    potentials: NDArray[np.int32]
    thresholds: NDArray[np.int32]
    result: Result


@dataclass
class _Layer:
    """A population at work."""

    population: Population
    weights: Int  # (neurons, rows)
    wins: Int | None
    potentials: Int = field(init=False)
    added: Int = field(init=False)
    refractory: Int = field(init=False)
    counts: Int = field(init=False)
    trace: Int = field(init=False)
    last_spikes: NDArray[np.bool_] = field(init=False)  # at the step before
    spikes: NDArray[np.bool_] = field(init=False)  # at this step
    post: Int = field(init=False)
    slope: Int = field(init=False)
    sums: Int = field(init=False)
    margin: int = NO_MARGIN
    winner: int = -1

    def rest(self) -> None:
        neurons, rows = self.weights.shape
        self.potentials, self.added, self.refractory, self.counts = np.zeros((4, neurons), np.int64)
        self.trace = np.zeros(rows, np.int64)
        self.last_spikes, self.spikes = np.zeros((2, neurons), bool)

    def thresholds(self) -> Int:
        """Section 5.3."""
        population = self.population
        result = np.full(population.neurons, population.threshold, np.int64)
        if population.norm_shift is not None:
            result += (self.weights * self.weights).sum(axis=1) >> population.norm_shift
        result += self.added
        return result if self.wins is None else np.where(self.wins == 0, SILENT, result)

    def integrate(self, spiked: Int) -> None:
        """Sections 5.1 and 5.2: traces, adaptation, current, leak."""
        population = self.population
        if population.rule is not None:
            rule = population.rule
            self.trace = scale(self.trace, rule.trace_decay) + spiked * rule.trace_increment
            self.trace = np.minimum(self.trace, 255)
        self.added = scale(self.added, population.adaptation_decay)
        sums = self.weights @ spiked
        if population.curve is None:
            current = sums << population.current_shift
            self.slope = np.ones_like(sums)
        else:
            entry = np.clip((sums >> population.curve.shift) + 128, 0, 255)
            current = population.curve.current.astype(np.int64)[entry]
            self.slope = population.curve.slope.astype(np.int64)[entry]
        current = np.where(self.refractory > 0, 0, current)
        self.potentials = saturate(scale(self.potentials, population.decay) + current)

    def compete(self, step: int, gate: Int | None) -> None:
        """Sections 5.4 and 7.1: who spikes, and who wins among those that the label reaches."""
        population = self.population
        thresholds = self.thresholds()
        recruited = thresholds != SILENT
        margins = np.where(recruited, self.potentials - thresholds, NO_MARGIN)
        self.margin = int(margins.max())
        crossed = (margins > 0) & (self.refractory == 0) & (step >= population.fire_from)
        self.spikes = crossed
        if population.winners:
            order = np.lexsort((np.arange(margins.size), -margins))
            ranked = [j for j in order if crossed[j]][: population.winners]
            self.spikes = np.isin(np.arange(margins.size), ranked)
        self.winner = -1
        if gate is not None and population.rule is not None and self.wins is not None:
            rule = population.rule
            scores = np.where(recruited, margins - (rule.handicap * self.wins >> 4), rule.recruit)
            reached = np.flatnonzero(gate > 0)
            if reached.size:
                self.winner = int(reached[scores[reached].argmax()])

    def note_post(self, is_last: bool) -> None:
        """Section 7.2, the paper's Δs, taken before the reset of the last step."""
        rule = self.population.rule
        if is_last and rule is not None:
            would = self.potentials - self.thresholds() > -rule.delta_margin
            self.post = would.astype(np.int64) - self.last_spikes

    def fire(self) -> None:
        """Section 5.5: lateral inhibition, reset, refractory time, adaptation."""
        population, spikes = self.population, self.spikes
        self.refractory = np.maximum(self.refractory - 1, 0)
        if spikes.any():
            others = self.potentials - population.inhibition * int(spikes.sum())
            own = self.potentials - self.thresholds() if population.reset == "subtract" else 0
            self.potentials = saturate(np.where(spikes, own, others))
        self.refractory = np.where(spikes, population.refractory, self.refractory)
        self.added = np.where(spikes, saturate(self.added + population.adaptation), self.added)
        self.counts = self.counts + spikes
        self.last_spikes = spikes


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
            _Layer(
                population,
                part.weights.astype(np.int64),
                None if part.wins is None else part.wins.astype(np.int64),
            )
            for population, part in zip(network.populations, learned.populations, strict=True)
        ]
        is_direct = network.encoder.kind == "direct"
        self._stages = frozen.SpikingStages(network.spiking, not network.coded, is_direct)

    # ---- one sample ----------------------------------------------------------------------

    def infer(self, x: ArrayLike, kind: str | None = None) -> Result:
        """Present one sample and predict."""
        return self._present(x, kind, None, None)

    def learn(self, x: ArrayLike, label: int, kind: str | None = None) -> Result:
        """Present one sample, predict, then learn that its class is `label`."""
        check_labels(np.array([label]), 1, self.network.capacity)
        return self._present(x, kind, label, None)

    def record(self, x: ArrayLike, kind: str | None = None) -> Recording:
        """Present one sample, predict, and return every spike, potential and threshold."""
        rows: list[tuple[Int, Int, Int, Int]] = []
        result = self._present(x, kind, None, rows)
        sent, fired, potentials, thresholds = (np.stack(part) for part in zip(*rows, strict=True))
        return Recording(
            sent.astype(bool),
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
            )
            for layer in self._layers
        )
        state = image.State(self._seen.astype(np.uint32), populations, self._learned)
        return image.pack_state(self.network, state)

    def state_hash(self) -> int:
        """Return the hash of the learned state."""
        return zlib.crc32(self.state())

    # ---- the presentation ----------------------------------------------------------------

    def features(self, x: ArrayLike, kind: str | None = None) -> NDArray[np.uint8]:
        """Return the codes that the encoder is given, uint8 (encoded,)."""
        return self._codes(x, kind or default_kind(self.network))[0]

    def _codes(self, x: ArrayLike, kind: str) -> tuple[NDArray[np.uint8], int]:
        """Return what the encoder is given, and the synaptic operations of coded stages."""
        network = self.network
        sample = check_samples(network, np.asarray(x)[None], kind)[0]
        if kind == "raw" and network.preparation is not None:
            sample = preparation.codes(network.preparation, sample, network.code_bits)
        return frozen.run_coded(network.coded, sample)

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
        spikes = int(sent.sum())
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
                synops += int(heard.sum()) * layer.population.neurons
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
            return self._stages.neurons[-1].margin
        return self._layers[-2 if len(self._layers) > 1 else 0].margin

    def _gate(self, layer: _Layer, label: int) -> Int | None:
        rule = layer.population.rule
        if rule is None or rule.post != "winner" or rule.table is None:
            return None
        return np.asarray(rule.table[label].astype(np.int64))

    def _answer(self) -> int:
        """Section 6: most spikes, then the greater potential left, then the lower class."""
        output = self._layers[-1] if self._layers else self._stages.neurons[-1]
        counts, potentials = output.counts, output.potentials
        if isinstance(output, frozen.Neurons) and output.stage.readout:
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
            self._change_weights(layer, rule, gains, arriving, int(hash32(word)[0]))
            changes += int((layer.weights != before).sum())
            if rule.post == "winner":
                assert layer.wins is not None
                taught = np.arange(layer.population.neurons) == layer.winner
                layer.wins = np.minimum(layer.wins + taught, 65535)
        self._learned = (self._learned + 1) % 2**32
        self._seen[label] = (self._seen[label] + 1) % 2**32
        return changes

    def _factors(self, layer: _Layer, rule: Rule, label: int) -> tuple[Int, Int]:
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
            won = np.arange(neurons) == layer.winner
            entry = np.minimum(layer.wins, rule.rates.size - 1)
            rates = np.where(won, rule.rates.astype(np.int64)[entry], rule.depress_rate)
            signals = np.where(won | (layer.spikes & (signals < 0)), signals, 0)
        return rates, np.asarray(signals)

    def _change_weights(
        self, layer: _Layer, rule: Rule, gains: Int, arriving: NDArray[np.bool_], key: int
    ) -> None:
        """Sections 7.3 and 7.4: pre-term, stochastic rounding, saturation."""
        population, weights = layer.population, layer.weights
        rows = weights.shape[1]
        chosen = np.flatnonzero(gains)
        if not chosen.size:
            return
        gain = gains[chosen, None]
        old = weights[chosen]
        eligible = np.broadcast_to(arriving, old.shape)
        if rule.pre == "attract":
            shift = rule.trace_shift
            target = layer.trace << shift if shift >= 0 else layer.trace >> -shift
            terms = np.minimum(target, population.weight_max) - old
            eligible = np.ones_like(eligible)
        elif rule.pre == "bounded":
            terms = np.where(gain > 0, population.weight_max - old, old - population.weight_min)
        else:
            terms = np.broadcast_to(layer.slope[chosen, None], old.shape)
        counters = chosen[:, None] * rows + np.arange(rows)
        noise = draws(key, counters).astype(np.int64) % 2**rule.rate_shift
        moved = old + ((gain * terms + noise) >> rule.rate_shift)
        moved = np.clip(moved, population.weight_min, population.weight_max)
        weights[chosen] = np.where(eligible, moved, old)
