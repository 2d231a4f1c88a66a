"""One step of learning (docs/arithmetic.md, section 7) as ONNX nodes: who learns, and how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.contexts import (
    context_of_label,
    counts_residual,
    learned_context,
)
from edge_naca.export.onnx_export.graph import Graph, Operand, Value
from edge_naca.export.onnx_export.inhibition_learning import Decorrelating
from edge_naca.export.onnx_export.plasticity import learners_of, move, target_of
from edge_naca.export.onnx_export.population import GraphPopulation
from edge_naca.export.onnx_export.presentation import Presentation
from edge_naca.export.onnx_export.priors import learned_means
from edge_naca.export.onnx_export.state import (
    INHIBITION,
    decorrelation_of,
    population_names,
)
from edge_naca.network import Network, Rule
from edge_naca.specification.arithmetic import NO_MARGIN

_EXPECTED = 64  # stands for a modulation, or an expected rate, of 1
_MOST_WINS = 65535


@dataclass(frozen=True)
class Lesson:
    """What one population has learned from a sample.

    Parameters
    ----------
    weights : int8 (rows, neurons).
    wins : uint16 (1, neurons); None unless the rule's post is "winner".
    means : uint32 (2,); None unless the population has priors.
    changes : int32 (), weights whose value changed.
    """

    weights: Value
    wins: Value | None
    means: Value | None
    changes: Value


@dataclass(frozen=True)
class _Competition:
    """How a gated competition went.

    Parameters
    ----------
    plain : int32 (1, neurons), margins without priors.
    scores : int32 (1, neurons), `NO_MARGIN` where the label does not reach.
    winner : bool (1, neurons).
    ranked : int32 (1, neurons), levels of those behind the winner; None where none learns there.
    learns_in : bool (1, 1), whether the second context is learned in; None without one.
    """

    plain: Value
    scores: Value
    winner: Value
    ranked: Value | None
    learns_in: Value | None


def learn(
    g: Graph,
    network: Network,
    shown: Presentation,
    key: Value,
    label: Value,
    state: dict[str, Value],
) -> tuple[list[Lesson | None], dict[str, Value]]:
    """Return what each population has learned, None for those without a rule, and the state after.

    Parameters
    ----------
    shown : the presentation of one sample.
    key : uint32 (), the presentation's key.
    label : int64 (), the sample's class.
    state : the learned state by the names of its tensors.

    Returns
    -------
    lessons
        One for each population.
    following
        What learning makes of the tensors that it changes.
    """
    following = _counted(g, network, label, state)
    decorrelating = _decorrelating(g, network, shown, key, state)
    lessons: list[Lesson | None] = []
    competition: _Competition | None = None  # of the population before, if it has a gated one
    for index, name in enumerate(population_names(network)):
        layer, rule = shown.layers[index], network.populations[index].rule
        part = g.within(f"{name}/learning")
        taught = shown.heard[index][-1]
        if competition is not None:
            taught = _taught_by_winner(part, competition.winner, layer.population.bias)
        competition = None
        if rule is None:
            lessons.append(None)
            continue
        modulation = None if rule.table is None else _modulation(part, rule, label)
        if rule.post == "winner":
            assert modulation is not None
            competition = _competition(part, layer, rule, modulation, state["seen"], label)
        window = network.encoder.steps - layer.population.fire_from
        signal = _error(part, layer, label, window) if modulation is None else modulation
        gain = _gain(part, layer, rule, signal, competition)
        trace = shown.trace(index) if rule.pre == "attract" else None
        target = None if trace is None else _target(part, layer, rule, trace, competition)
        word = part.op("key/word", "Add", key, index + 1)
        own_key = arithmetic.hash32(part, "key", word)
        learners = learners_of(part, layer.population, rule, gain)
        weights, changes = move(
            part, layer, rule, network.rows(index), learners, taught, target, own_key
        )
        wins = None if competition is None else _wins(part, layer, competition.winner)
        if decorrelating is not None and index == 0:
            assert competition is not None
            assert wins is not None
            decorrelating.learn(*_own(part, layer, rule, competition))
            decorrelating.attract(learners)
            weights = decorrelating.renew(
                layer.population, network.encoder.bits, following["learned"], wins, weights
            )
            following |= {f"{INHIBITION}.{name}": v for name, v in decorrelating.state.items()}
        means = _means(g.within(f"{name}/means"), name, layer, rule, competition, trace, state)
        lessons.append(Lesson(weights, wins, means, changes))
        if target is not None and means is not None and competition is not None and rule.drift > 0:
            part = g.within(f"{name}/contexts/learning")
            kept = state[f"{name}.residuals"], state["seen"], label
            after = _context(part, layer, rule, competition, target, means, *kept)
            following[f"{name}.residuals"], following[f"{name}.offset"] = after
    return lessons, following


def _means(
    g: Graph,
    name: str,
    layer: GraphPopulation,
    rule: Rule,
    competition: _Competition | None,
    trace: Value | None,
    state: dict[str, Value],
) -> Value | None:
    """Section 7.7: the running means after the sample, uint32 (2,); None without priors."""
    if not rule.has_priors:
        return None
    assert competition is not None
    assert trace is not None
    assert layer.recruited is not None
    return learned_means(
        g,
        rule,
        state[f"{name}.means"],
        state["learned"],
        plain=competition.plain,
        recruited=layer.recruited,
        winner=competition.winner,
        trace=trace,
        threshold=layer.population.threshold,
    )


def _counted(g: Graph, network: Network, label: Value, state: dict[str, Value]) -> dict[str, Value]:
    """Return how many samples are learned, in all and of each class."""
    classes = g.numbers(network.capacity, np.int64)
    is_label = g.cast("label/one", g.op("label/is", "Equal", classes, label), np.uint32)
    return {
        "learned": g.op("state/learned", "Add", state["learned"], 1),
        "seen": g.op("state/seen", "Add", state["seen"], is_label),
    }


def _decorrelating(
    g: Graph, network: Network, shown: Presentation, key: Value, state: dict[str, Value]
) -> Decorrelating | None:
    """Return an inhibition that learns; None where there is none."""
    inhibition = network.inhibition
    if inhibition is None or not inhibition.is_learned:
        return None
    assert shown.prepared is not None
    part = g.within(f"{INHIBITION}/learning")
    return Decorrelating(part, inhibition, shown.prepared, decorrelation_of(state), key)


def _own(
    g: Graph, layer: GraphPopulation, rule: Rule, competition: _Competition
) -> tuple[Value, Value]:
    """Section 7.5: the recruited neuron of the label whose residual is learned, if there is one.

    Returns
    -------
    int64 (1,), and bool ().
    """
    assert layer.recruited is not None
    if rule.ranks:
        known = g.op("known_scores", "Where", layer.recruited, competition.scores, NO_MARGIN)
        most = g.reduce("known_score", "ReduceMax", known, 0, 1)
        first = g.op("own", "ArgMax", known, axis=1, keepdims=0)
        return first, g.op("has_own", "Greater", most, NO_MARGIN)
    # Who stands behind a winner that is not recruited yet is not known.
    old = g.op("winner_is_recruited", "And", competition.winner, layer.recruited)
    ones = g.cast("winner_is_recruited_int32", old, np.int32)
    own = g.op("own", "ArgMax", ones, axis=1, keepdims=0)
    return own, g.cast("has_own", g.reduce("winners_recruited", "ReduceMax", ones, 0, 1), bool)


def _modulation(g: Graph, rule: Rule, label: Value) -> Value:
    """The label's row of the table, int32 (1, neurons)."""
    assert rule.table is not None
    row = g.op("table_row", "Gather", g.initializer("table", rule.table), label, axis=0)
    wide = g.cast("table_wide", row, np.int32)
    return g.op("modulation", "Unsqueeze", wide, g.constant([0], np.int64))


def _competition(
    g: Graph, layer: GraphPopulation, rule: Rule, modulation: Value, seen: Value, label: Value
) -> _Competition:
    learns_in, plain = _plain_margins(g, layer, modulation)
    scores = _scores(g, layer, rule, plain, modulation)
    winner = _winner(g, layer, scores, modulation)
    ranked = _ranked(g, layer, rule, scores, winner, seen, label) if rule.ranks else None
    return _Competition(plain, scores, winner, ranked, learns_in)


def _plain_margins(
    g: Graph, layer: GraphPopulation, modulation: Value
) -> tuple[Value | None, Value]:
    """Margins without priors, int32 (1, neurons), and the context of the label's class."""
    assert layer.margins is not None
    if layer.hearing is not None:
        assert layer.recruited is not None
        reached = g.op("reached_in_contexts", "Greater", modulation, 0)
        return context_of_label(
            g.within("contexts"), layer.hearing, layer.priors, layer.recruited, reached
        )
    if layer.priors is None:
        return None, layer.margins
    return None, g.op("plain_margins", "Sub", layer.margins, layer.priors)


def _target(
    g: Graph, layer: GraphPopulation, rule: Rule, trace: Value, competition: _Competition | None
) -> Value:
    """Where weights are pulled, int32 (1, rows), in the context that is learned in."""
    offset = None
    if layer.second is not None and competition is not None and competition.learns_in is not None:
        offset = g.op("offset", "Where", competition.learns_in, layer.second.offset, 0)
    return target_of(g, layer.population, rule, trace, offset)


def _context(
    g: Graph,
    layer: GraphPopulation,
    rule: Rule,
    competition: _Competition,
    target: Value,
    means: Value,
    residuals: Value,
    seen: Value,
    label: Value,
) -> tuple[Value, Value]:
    """Section 7.8: residuals and offset after the sample."""
    assert layer.second is not None
    assert layer.recruited is not None
    assert competition.learns_in is not None
    known = g.op("known_winner", "And", competition.winner, layer.recruited)
    place = g.op("winner", "ArgMax", g.cast("known_int32", known, np.int32), axis=1, keepdims=0)
    column = g.op("winner_weights", "Gather", layer.wide_weights(), place, axis=1)
    row = g.op("winner_row", "Transpose", column, perm=[1, 0])
    distance = g.cast("distance", g.part("distance_mean", means, 0, 1), np.int64)
    return learned_context(
        g,
        rule,
        residuals,
        layer.second,
        competition.learns_in,
        g.op("residual", "Sub", target, row),
        counts_residual(g, known, seen, label),
        distance,
    )


def _scores(g: Graph, layer: GraphPopulation, rule: Rule, plain: Value, modulation: Value) -> Value:
    """Section 7.1: scores, int32 (1, neurons), `NO_MARGIN` where the label does not reach."""
    scores = plain
    assert layer.wins is not None
    assert layer.recruited is not None
    if rule.handicap:
        product = g.op("handicap_product", "Mul", layer.wins, rule.handicap)
        scores = g.op("handicapped", "Sub", scores, g.op("handicap", "Div", product, 16))
    scores = g.op("scores", "Where", layer.recruited, scores, g.constant(rule.recruit, np.int32))
    reached = g.op("reached", "Greater", modulation, 0)
    return g.op("reached_scores", "Where", reached, scores, NO_MARGIN)


def _winner(g: Graph, layer: GraphPopulation, scores: Value, modulation: Value) -> Value:
    """Section 7.1: which neuron won among those that the label reaches, bool (1, neurons)."""
    # No score is as low as NO_MARGIN; and if nobody is reached, the first is not reached either.
    first = g.op("first", "ArgMax", scores, axis=1, keepdims=1)
    is_first = g.op("is_first", "Equal", first, g.numbers(layer.population.neurons, np.int64))
    return g.op("won", "And", is_first, g.op("is_reached", "Greater", modulation, 0))


def _ranked(
    g: Graph,
    layer: GraphPopulation,
    rule: Rule,
    scores: Value,
    winner: Value,
    seen: Value,
    label: Value,
) -> Value:
    """Section 7.1: levels of those behind the winner, int32 (1, neurons), 0 for everybody else."""
    assert layer.recruited is not None
    neurons, ranks = layer.population.neurons, min(rule.ranks, layer.population.neurons)
    others = g.op("not_won", "Not", winner)
    behind = g.op("behind", "And", layer.recruited, others)
    behind_scores = g.op("behind_scores", "Where", behind, scores, NO_MARGIN)
    places = g.largest("places", behind_scores, ranks)
    # The age of the class: the bits of the number of its samples learned.
    count = g.cast("seen_of_label", g.op("seen_word", "Gather", seen, label, axis=0), np.int64)
    firsts = g.constant([1 << bit for bit in range(rule.ages - 1)], np.int64)
    reached = g.cast("ages_reached", g.op("old_enough", "GreaterOrEqual", count, firsts), np.int64)
    age = g.reduce("age", "ReduceSum", reached, 0)
    table = g.initializer("levels", rule.levels[:, :ranks])
    row = g.cast("level_row", g.op("level_bytes", "Gather", table, age, axis=0), np.int32)
    row = g.reshape("levels_of_ranks", row, (1, ranks))
    none = g.zeros((1, neurons), np.int32)
    levels = g.op("levels_of_all", "ScatterElements", none, places, row, axis=1)
    is_behind = g.op("has_rank", "Greater", behind_scores, NO_MARGIN)
    return g.op("ranked_levels", "Where", is_behind, levels, 0)


def _taught_by_winner(g: Graph, winner: Value, bias: bool) -> Value:
    """The spikes that the next population is taught by, uint8 (1, rows)."""
    spikes = g.cast("taught", winner, np.uint8)
    if not bias:
        return spikes
    return g.op("taught_and_bias", "Concat", spikes, g.ones((1, 1), np.uint8), axis=1)


def _error(g: Graph, layer: GraphPopulation, label: Value, window: int) -> Value:
    """Section 7.2: expectation minus rate, int32 (1, neurons)."""
    assert layer.counts is not None
    is_label = g.op("is_label", "Equal", g.numbers(layer.population.neurons, np.int64), label)
    expected = g.op("expected", "Mul", g.cast("is_label_int32", is_label, np.int32), _EXPECTED)
    scaled = g.op("counts_scaled", "Mul", layer.counts, _EXPECTED)
    return g.op("error", "Sub", expected, g.op("rate_seen", "Div", scaled, window))


def _gain(
    g: Graph,
    layer: GraphPopulation,
    rule: Rule,
    signal: Value,
    competition: _Competition | None,
) -> Value:
    """Sections 7.1 and 7.2: rate · signal · post, int32 (1, neurons)."""
    rate: Operand = int(rule.rates[0])
    if rule.post == "delta":
        signal = g.op("signal_delta", "Mul", signal, _delta(g, layer, rule))
    elif competition is not None:
        assert layer.wins is not None
        last_spikes = layer.spikes[-1]
        assert last_spikes is not None
        rates = g.initializer("rates", rule.rates)
        entry = g.op("rate_entry", "Min", layer.wins, rule.rates.size - 1)
        won_rate = g.cast("won_rate", g.op("rate_row", "Gather", rates, entry), np.int32)
        negative = g.op("negative", "Less", signal, 0)
        rate = g.op("rate", "Where", negative, rule.depress_rate, won_rate)
        pushed = g.op("pushed", "And", last_spikes, negative)
        if rule.depress_from > 1:  # who spikes has won before
            known = g.op("consolidated", "GreaterOrEqual", layer.wins, rule.depress_from)
            pushed = g.op("pushed_if_consolidated", "And", pushed, known)
        learns = g.op("learns", "Or", competition.winner, pushed)
        rest: Operand = 0
        if competition.ranked is not None:
            product = g.op("ranked_product", "Mul", signal, competition.ranked)
            rest = g.op("ranked_signal", "Div", product, 64)
        signal = g.op("signal_gated", "Where", learns, signal, rest)
    return g.op("gain", "Mul", signal, rate)


def _delta(g: Graph, layer: GraphPopulation, rule: Rule) -> Value:
    """The paper's Δs: would it spike now, against did it spike at the step before."""
    assert layer.margins is not None
    would = g.op("would_spike", "Greater", layer.margins, -rule.delta_margin)
    post = g.cast("would_spike_int32", would, np.int32)
    before = layer.spikes[-2] if len(layer.spikes) > 1 else None
    if before is None:
        return post
    return g.op("delta", "Sub", post, g.cast("did_spike_int32", before, np.int32))


def _wins(g: Graph, layer: GraphPopulation, winner: Value) -> Value:
    """Wins after learning, uint16 (1, neurons)."""
    assert layer.wins is not None
    more = g.op("wins_more", "Add", layer.wins, g.cast("won_int32", winner, np.int32))
    return g.cast("wins", g.op("wins_int32", "Min", more, _MOST_WINS), np.uint16)
