"""One population of a presentation (docs/arithmetic.md, section 5) as ONNX nodes.

Steps are unrolled. What is certain to be 0 when the graph is made, such as the spikes before
`fire_from`, is None and costs no nodes.
"""

from __future__ import annotations

import numpy as np

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.contexts import Hearing, SecondContext, hear
from edge_naca.export.onnx_export.graph import Graph, Operand, Value
from edge_naca.network import Population
from edge_naca.specification.arithmetic import NO_MARGIN
from edge_naca.specification.population import SILENT


class GraphPopulation:
    """A population at work: its state during a presentation, as values of the graph.

    Parameters
    ----------
    g : the part of the graph that bears the population's name.
    population, batch : what it is, and how many samples are presented side by side.
    weights : int8 (rows, neurons), the bias, if any, in the last row.
    norms : int32 (1, neurons), squared norms of the weights; None computes them.
    wins : uint16 (neurons,); None unless the rule's post is "winner".
    priors : int32 (1, neurons); None for a population without.
    second : its second context; None for a population without.

    Attributes
    ----------
    potentials, thresholds, spikes : int32, int32 and bool (batch, neurons) of each step so far;
        potentials are those before any reset, spikes None while nobody can spike.
    margins : int32 (batch, neurons) of the last step, `NO_MARGIN` where not recruited.
    hearing : the last step in both contexts; None without a second one.
    counts : int32 (batch, neurons), spikes so far.
    left : int32 (batch, neurons), potentials after the reset of the last step.
    slope : int32 (batch, neurons) of the last step; None stands for 1.
    """

    def __init__(
        self,
        g: Graph,
        population: Population,
        batch: int,
        weights: Value,
        norms: Value | None = None,
        wins: Value | None = None,
        priors: Value | None = None,
        second: SecondContext | None = None,
    ) -> None:
        self._g = g
        self._batch = batch
        self.population = population
        self.weights = weights
        self._wide_weights: Value | None = None
        self.wins = None if wins is None else g.cast("wins", wins, np.int32)
        self.recruited = None if self.wins is None else g.op("recruited", "Greater", self.wins, 0)
        self.priors = priors
        self.second = second
        self.hearing: Hearing | None = None
        self._constant_threshold = self._without_adaptation(norms)
        self.potentials: list[Value | None] = []
        self.thresholds: list[Value | int] = []
        self.spikes: list[Value | None] = []
        self.margins: Value | None = None
        self.counts: Value | None = None
        self.left: Value | None = None
        self.slope: Value | None = None
        self._added: Value | None = None
        self._refractory: Value | None = None

    def zeros(self) -> Value:
        """Return an int32 0 for each neuron."""
        return self._g.zeros((self._batch, self.population.neurons), np.int32)

    def wide_weights(self) -> Value:
        """Return the weights as int32 (rows, neurons)."""
        if self._wide_weights is None:
            self._wide_weights = self._g.cast("wide_weights", self.weights, np.int32)
        return self._wide_weights

    def step(self, sums: Value | None, can_spike: bool, trace: Value | None = None) -> None:
        """Take one step.

        Parameters
        ----------
        sums : int32 (batch, neurons), the sum of the weights of the units that spike; None for 0.
        can_spike : whether `fire_from` is reached.
        trace : int32 (batch, rows), in the last step of a population with a second context.
        """
        step = len(self.potentials)
        self._added = arithmetic.scale(
            self._g, f"adaptation_fades_{step}", self._added, self.population.adaptation_decay
        )
        v = self._integrate(step, sums)
        self.potentials.append(v)
        threshold: Operand = self._constant_threshold
        if self._added is not None:
            threshold = self._g.op(f"threshold_{step}", "Add", self._added, threshold)
        self.left = v
        if not can_spike:
            self.thresholds.append(threshold)
            self.spikes.append(None)
            return
        v = self.zeros() if v is None else v
        if trace is not None:
            threshold = self._in_context(v, threshold, trace)
        self.thresholds.append(threshold)
        spikes = self._compete(step, v, threshold)
        self.spikes.append(spikes)
        self._fire(step, v, threshold, spikes)

    def shown_threshold(self, step: int) -> Value:
        """Return the thresholds of a step as recordings show them, int32 (batch, neurons)."""
        threshold = self.thresholds[step]
        if isinstance(threshold, int):
            threshold = self._g.constant(threshold, np.int32)
        if self.recruited is not None:
            threshold = self._g.op(
                f"shown_threshold_{step}", "Where", self.recruited, threshold, SILENT
            )
        shape = self._batch, self.population.neurons
        return self._g.expand(f"all_thresholds_{step}", threshold, shape)

    # ---- the parts of a step ---------------------------------------------------------------

    def _without_adaptation(self, norms: Value | None) -> Operand:
        """The part of section 5.3 that does not change during a presentation."""
        threshold = self._with_norms(norms)
        if self.priors is None:
            return threshold
        if isinstance(threshold, int):
            threshold = self._g.constant(threshold, np.int32)
        return self._g.op("threshold_with_priors", "Sub", threshold, self.priors)

    def _with_norms(self, norms: Value | None) -> Operand:
        g, population = self._g, self.population
        if population.norm_shift is None:
            return population.threshold
        if norms is None:
            wide = self.wide_weights()
            squares = g.op("squares", "Mul", wide, wide)
            norms = g.reduce("norms", "ReduceSum", squares, 0, keep=True)
        part = g.op("norm_part", "Div", norms, 1 << population.norm_shift)
        return g.op("threshold", "Add", part, population.threshold)

    def _integrate(self, step: int, sums: Value | None) -> Value | None:
        """Section 5.2: current and leak."""
        g, population, curve = self._g, self.population, self.population.curve
        current = sums
        if curve is not None:
            name = f"curve_{step}"
            place = arithmetic.shift_right(
                g, f"{name}/shifted", self.zeros() if sums is None else sums, curve.shift
            )
            centre = g.op(f"{name}/centre", "Add", place, 128)
            entry = g.op(f"{name}/entry", "Clip", centre, 0, 255)
            current = g.op(f"{name}/current", "Gather", self._table("current"), entry)
            self.slope = g.op(f"{name}/slope", "Gather", self._table("slope"), entry)
        elif sums is not None and population.current_shift:
            current = g.op(f"current_{step}", "Mul", sums, 1 << population.current_shift)
        if current is not None and self._refractory is not None:
            deaf = g.op(f"deaf_{step}", "Greater", self._refractory, 0)
            current = g.op(f"heard_{step}", "Where", deaf, 0, current)
        kept = arithmetic.scale(g, f"leak_{step}", self.left, population.decay)
        if current is None:
            return kept  # no leak takes a potential out of its range
        v = arithmetic.add(g, f"sum_{step}", kept, current)
        assert v is not None
        return arithmetic.saturate(g, f"potential_{step}", v)

    def _table(self, name: str) -> Value:
        """Return the current or slope of the population's curve, the same for all steps."""
        assert self.population.curve is not None
        numbers = getattr(self.population.curve, name).astype(np.int32)
        return self._g.shared(f"curve/{name}", numbers)

    def _in_context(self, v: Value, threshold: Operand, trace: Value) -> Value:
        """Section 7.8: thresholds in the context in which the sample is nearest to a neuron."""
        rule = self.population.rule
        assert self.second is not None
        assert self.recruited is not None
        assert rule is not None
        g = self._g.within("contexts")
        margins = g.op("margins", "Sub", v, threshold)
        self.hearing = hear(g, rule, self.second, trace, margins, self.recruited)
        added = g.op("added", "Where", self.hearing.in_second, self.hearing.shifts, 0)
        return g.op("threshold", "Add", added, threshold)

    def _compete(self, step: int, v: Value, threshold: Operand) -> Value:
        """Section 5.4: who spikes, bool (batch, neurons)."""
        g, population = self._g, self.population
        margins = g.op(f"margin_{step}", "Sub", v, threshold)
        if self.recruited is not None:
            margins = g.op(f"known_margin_{step}", "Where", self.recruited, margins, NO_MARGIN)
        self.margins = margins
        is_limited = 0 < population.winners < population.neurons
        able = f"may_spike_{step}" if is_limited else f"spikes_{step}"
        if self._refractory is None:
            may_spike = g.op(able, "Greater", margins, 0)
        else:
            crossed = g.op(f"crossed_{step}", "Greater", margins, 0)
            ready = g.op(f"ready_{step}", "Equal", self._refractory, 0)
            may_spike = g.op(able, "And", crossed, ready)
        if not is_limited:
            return may_spike
        ranked = g.op(f"ranked_{step}", "Where", may_spike, margins, NO_MARGIN)
        if population.winners == 1:
            first = g.op(f"first_{step}", "ArgMax", ranked, axis=1, keepdims=1)
            among = g.op(
                f"is_first_{step}", "Equal", first, g.numbers(population.neurons, np.int64)
            )
        else:
            places = g.largest(f"first_{step}", ranked, population.winners)
            none = g.zeros((self._batch, population.neurons), bool)
            ones = g.ones((self._batch, population.winners), bool)
            among = g.op(f"is_first_{step}", "ScatterElements", none, places, ones, axis=1)
        return g.op(f"spikes_{step}", "And", may_spike, among)

    def _fire(self, step: int, v: Value, threshold: Operand, spikes: Value) -> None:
        """Section 5.5: refractory time, inhibition, reset, adaptation."""
        g, population = self._g, self.population
        ones = g.cast(f"ones_{step}", spikes, np.int32)
        self.counts = arithmetic.add(g, f"counts_{step}", self.counts, ones)
        if population.refractory:
            waits: Operand = 0
            if self._refractory is not None:
                less = g.op(f"waited_{step}", "Sub", self._refractory, 1)
                waits = g.op(f"waits_{step}", "Max", less, 0)
            rest = g.constant(population.refractory, np.int32)
            self._refractory = g.op(f"refractory_{step}", "Where", spikes, rest, waits)
        others, own, saturates = v, g.constant(0, np.int32), False
        if population.inhibition:
            count = g.reduce(f"spike_count_{step}", "ReduceSum", ones, 1, keep=True)
            taken = g.op(f"inhibition_{step}", "Mul", count, population.inhibition)
            others, saturates = g.op(f"inhibited_{step}", "Sub", v, taken), True
        if population.reset == "subtract":
            own, saturates = g.op(f"subtracted_{step}", "Sub", v, threshold), True
        name = f"left_{step}"
        left = g.op(f"{name}/wide" if saturates else name, "Where", spikes, own, others)
        self.left = arithmetic.saturate(g, name, left) if saturates else left
        if population.adaptation:
            more: Operand = population.adaptation
            if self._added is not None:
                sum_ = g.op(f"adaptation_sum_{step}", "Add", self._added, population.adaptation)
                more = arithmetic.saturate(g, f"adaptation_more_{step}", sum_)
            less_or_none: Operand = 0 if self._added is None else self._added
            if isinstance(more, int):
                more = g.constant(more, np.int32)
            self._added = g.op(f"adaptation_{step}", "Where", spikes, more, less_or_none)
