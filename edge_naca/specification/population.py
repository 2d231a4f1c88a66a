"""A population at work (docs/arithmetic.md, sections 5, 7.1 and 7.2), in numpy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_naca.network import Population
from edge_naca.specification.arithmetic import NO_MARGIN, Int, saturate, scale
from edge_naca.specification.contexts import MATURE, Contexts
from edge_naca.specification.novelty import best_of_classes, novelty
from edge_naca.specification.priors import Priors, half_square, owners

SILENT = 2**31 - 1  # threshold of a neuron that has not been recruited yet


@dataclass
class RunningPopulation:
    """A population at work: its learned state, and what a presentation moves."""

    population: Population
    weights: Int  # (neurons, rows)
    wins: Int | None
    priors: Priors | None = None
    contexts: Contexts | None = None
    prior: Int = field(init=False)  # of each neuron
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
    shifts: Int = field(init=False)  # of thresholds, by the context that a sample is heard in
    plain: Int = field(init=False)  # margins without priors, in the context that it is heard in
    learns_in: int = 0  # the context that the label's class hears a sample in
    margin: int = NO_MARGIN
    winner: int = -1
    ranked: Int = field(default_factory=lambda: np.zeros(0, np.int64))  # behind it, best first

    def __post_init__(self) -> None:
        self.renew_priors()

    def rest(self) -> None:
        neurons, rows = self.weights.shape
        self.potentials, self.added, self.refractory, self.counts = np.zeros((4, neurons), np.int64)
        self.trace = np.zeros(rows, np.int64)
        self.shifts = np.zeros(neurons, np.int64)
        self.learns_in = 0
        self.plain = np.full(neurons, NO_MARGIN, np.int64)
        self.last_spikes, self.spikes = np.zeros((2, neurons), bool)

    def thresholds(self) -> Int:
        """Section 5.3."""
        population = self.population
        result = np.full(population.neurons, population.threshold, np.int64)
        if population.norm_shift is not None:
            result += (self.weights * self.weights).sum(axis=1) >> population.norm_shift
        result += self.added + self.shifts - self.prior
        return result if self.wins is None else np.where(self.wins == 0, SILENT, result)

    def renew_priors(self) -> None:
        """Section 7.7: take priors from wins and means, whenever these have changed."""
        self.prior = np.zeros(self.population.neurons, np.int64)
        if self.priors is not None and self.wins is not None:
            self.prior = self.priors.values(self.wins)

    def integrate(self, spiked: Int) -> None:
        """Sections 5.1 and 5.2: traces, adaptation, current, leak."""
        population = self.population
        if population.rule is not None:
            rule = population.rule
            size = scale(np.abs(self.trace), rule.trace_decay)
            self.trace = np.sign(self.trace) * size + spiked * rule.trace_increment
            self.trace = np.clip(self.trace, -255, 255)
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
        recruited = self.thresholds() != SILENT
        everywhere = self._margins_in_contexts(recruited)
        context = self._nearest(everywhere, np.ones(population.neurons, bool), 0)
        margins = everywhere[context]
        self.margin = int(margins.max())
        self.plain = np.where(recruited, margins - self.prior, NO_MARGIN)
        crossed = (margins > 0) & (self.refractory == 0) & (step >= population.fire_from)
        self.spikes = crossed
        if population.winners:
            order = np.lexsort((np.arange(margins.size), -margins))
            ranked = [j for j in order if crossed[j]][: population.winners]
            self.spikes = np.isin(np.arange(margins.size), ranked)
        self.winner = -1
        if gate is not None and population.rule is not None and self.wins is not None:
            rule = population.rule
            plains = [np.where(recruited, m - self.prior, NO_MARGIN) for m in everywhere]
            self.learns_in = self._nearest(plains, gate > 0, context)
            plain = plains[self.learns_in]
            scores = np.where(recruited, plain - (rule.handicap * self.wins >> 4), rule.recruit)
            reached = np.flatnonzero(gate > 0)
            if reached.size:
                self.winner = int(reached[scores[reached].argmax()])
            behind = reached[recruited[reached] & (reached != self.winner)]
            self.ranked = behind[np.lexsort((behind, -scores[behind]))][: rule.ranks]
            if self.priors is not None:
                square = int((self.trace * self.trace).sum())
                threshold = population.threshold
                self.priors.measure(plain, recruited, self.winner, square, threshold)
        if context == 1:
            assert self.contexts is not None
            self.shifts = self.contexts.shifts(self.weights, self.trace)

    def novelty(self) -> int:
        """Section 7.9: how little the sample looks like any known class."""
        rule = self.population.rule
        assert rule is not None
        best = best_of_classes(self.plain[None], owners(rule))
        half = half_square(np.array([int((self.trace * self.trace).sum())]), rule)
        return int(novelty(best, half, self.population.threshold)[0])

    @property
    def is_unknown(self) -> bool:
        """Section 7.9: whether the sample's novelty is above the limit."""
        rule = self.population.rule
        return rule is not None and rule.unknown > 0 and self.novelty() > rule.unknown

    def _margins_in_contexts(self, recruited: NDArray[np.bool_]) -> list[Int]:
        """Section 7.8: margins (neurons,) in each context that is there."""
        shifts = [np.zeros(recruited.size, np.int64)]
        if self.contexts is not None and self.contexts.is_recruited:
            shifts.append(self.contexts.shifts(self.weights, self.trace))
        margins = self.potentials - self.thresholds()
        return [np.where(recruited, margins - shift, NO_MARGIN) for shift in shifts]

    @staticmethod
    def _nearest(margins: list[Int], asked: NDArray[np.bool_], otherwise: int) -> int:
        """Return the context in which a recruited neuron of those asked is nearest."""
        best = [int(m[asked].max(initial=NO_MARGIN)) for m in margins]
        return otherwise if max(best) == NO_MARGIN else best.index(max(best))

    def targets(self) -> Int:
        """Return where the sample pulls weights (section 7.3), (rows,)."""
        population, rule = self.population, self.population.rule
        assert rule is not None
        shift = rule.trace_shift
        target = self.trace << shift if shift >= 0 else self.trace >> -shift
        if self.learns_in == 1:
            assert self.contexts is not None
            target = target - self.contexts.offset
        return np.clip(target, population.weight_min, population.weight_max)

    def note_residual(self, samples: int) -> None:
        """Section 7.8: what the winner leaves of a sample, after `samples` of its class."""
        is_known = self.winner >= 0 and self.wins is not None and self.wins[self.winner] > 0
        if self.contexts is not None and is_known and samples >= MATURE:
            self.contexts.note(self.learns_in, self.targets() - self.weights[self.winner])

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
