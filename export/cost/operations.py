"""What the core does for one sample, counted: the elementary operations that its cost is made of.

Each name stands for one piece of the core's code that takes about the same number of instructions
every time: a spike arriving at a block of sixteen neurons, a synapse that may change, a pixel whose
edges are looked at. How often each happens follows from the network and from the spikes of a
presentation; `edge_naca.export.cost.report` knows what each takes on which processor.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.export.cost.inhibition_operations import decorrelated, inhibited
from edge_naca.export.cost.stage_operations import coded_operations, spiking_operations
from edge_naca.image import BLOCK, Learned, State, unpack_state
from edge_naca.network import Encoder, Network, Population, Preparation
from edge_naca.samples import default_kind
from edge_naca.specification.contexts import MATURE
from edge_naca.specification.population import SILENT
from edge_naca.specification.priors import Priors, owners
from edge_naca.specification.results import Recording

Array = NDArray[Any]
Operations = Counter[str]

CHUNK = 255  # spikes that accumulate.c adds up in 16 bits


def operations(
    core: Core, x: Array, label: int | None = None, kind: str | None = None
) -> tuple[Operations, Operations]:
    """Present one sample, learn it, and return the operations of inferring it and of learning it.

    Parameters
    ----------
    core : learns the sample, unless `label` is None.
    x : a raw sample or codes, as `Core.infer` takes them.
    label : its class; None for inference alone, and nothing for learning.
    kind : "raw" or "codes"; None for raw where the network can prepare samples.

    Returns
    -------
    infer, learn
        `learn` holds what comes on top of inferring.
    """
    network = core.network
    kind = kind or default_kind(network)
    x = np.asarray(x).reshape(-1)
    recording = core.record(x, kind)
    before = unpack_state(network, core.state())
    codes = core.prepare_many(x[None])[0] if kind == "raw" else x
    staged, arriving = spiking_operations(network, recording)
    features = core.features_many(x[None], kind)[0]
    infer = _presented(network, before, recording, features, arriving)
    infer += staged + coded_operations(network.coded, codes) + inhibited(network, before)
    if kind == "raw" and network.preparation is not None:
        infer += _prepared(network.preparation, x)
    else:
        infer["code taken over"] += network.inputs
    if label is None:
        return infer, Counter()
    changes = core.learn(x, label, kind).changes
    after = unpack_state(network, core.state())
    return infer, _learned(network, before, after, recording, label, int(arriving[-1]), changes)


# ---- preparation and encoding --------------------------------------------------------------------


def _prepared(prep: Preparation, x: Array) -> Operations:
    """From raw numbers (height · width · channels) to codes."""
    height, width, channels = prep.shape
    rows, columns = prep.grid
    pixels = height * width * channels
    covered = rows * columns * prep.cell**2 * channels
    reads, beyond = np.ones(prep.shape, np.int64), 0
    if prep.spatial == "edges":
        # Each number is read by its four neighbours, as far as there are any.
        reads[:] = 4
        reads[[0, -1]] -= 1
        reads[:, [0, -1]] -= 1
        if height == 1:
            reads[:] -= 1
        if width == 1:
            reads[:] -= 1
        beyond = 4 * pixels - int(reads.sum())
    counts = Counter(
        {
            "preparation": 1,
            "cell": rows * columns * channels,
            "row of a cell": rows * columns * prep.cell * channels,
            f"pixel, {prep.spatial}": pixels,
            "pixel beyond the border": covered - pixels,
            "neighbour beyond the border": beyond,
            f"number read, {x.dtype.name}": int(reads.sum()),
            "number mapped": int(reads.sum()) if prep.affine is not None else 0,
            "feature": prep.features,
            "feature with its own gain": prep.features if prep.offset.size > 1 else 0,
            "feature brought to the norm": prep.features if prep.norm else 0,
            "feature split": prep.features if prep.signed else 0,
            "feature with its sign": prep.features if prep.keeps_sign else 0,
        }
    )
    if prep.log:
        counts["logarithm"] = int(reads.sum())
    return counts


def _encoded(encoder: Encoder, codes: Array, spikes: int) -> Operations:
    active = int(np.count_nonzero(codes)) * encoder.steps
    kind = "signed" if encoder.is_signed else encoder.kind
    counts = Counter({f"input looked at, {kind}": codes.size * encoder.steps})
    if encoder.kind != "bitplane":
        counts[f"code looked at, {encoder.kind}"] = active
    counts["input spike"] = spikes
    return counts


# ---- a presentation ------------------------------------------------------------------------------


def _presented(
    network: Network, state: State, recording: Recording, features: Array, arriving: Array
) -> Operations:
    """The encoder and the populations; `arriving` spikes (steps,) reach the first of them."""
    steps = network.encoder.steps
    counts = Counter(
        {"presentation": 1, "step": steps, "class compared for the answer": network.capacity}
    )
    sent = np.abs(recording.input_spikes.astype(np.int64))
    counts += _encoded(network.encoder, features, int(sent.sum()))
    first, inputs = _stage_neurons(network), arriving
    off = (recording.input_spikes < 0).sum(axis=1) if network.encoder.is_signed else None
    for index, population in enumerate(network.populations):
        part = slice(first, first + population.neurons)
        spikes = recording.spikes[:, part]
        counts["population"] += 1
        counts["population at a step"] += steps
        counts["byte cleared"] += _cleared(network, index)
        counts += _integrated(network, index, inputs, off)
        counts += _fired(
            population,
            state.populations[index],
            spikes,
            recording.potentials[:, part],
            recording.thresholds[:, part],
        )
        inputs, off = spikes.sum(axis=1), None
        first += population.neurons
    return counts


def _stage_neurons(network: Network) -> int:
    """Return how many neurons stages have: recordings begin with them."""
    return network.units - sum(population.neurons for population in network.populations)


def has_traces(network: Network, index: int) -> bool:
    """Tell whether the core keeps presynaptic traces: a bit-plane code may be its own."""
    rule, encoder = network.populations[index].rule, network.encoder
    if rule is None or rule.pre != "attract":
        return False
    code_is_trace = (
        index == 0
        and not network.spiking
        and encoder.kind == "bitplane"
        and rule.trace_decay == 128
        and rule.trace_increment == 1 << (encoder.bits - 1)
    )
    return not code_is_trace


def _cleared(network: Network, index: int) -> int:
    """Bytes that every presentation sets to zero (workspace.c)."""
    population = network.populations[index]
    rule, n = population.rule, population.neurons
    words = 4 * n * (1 + (population.adaptation != 0))
    of_bytes = [
        n if population.refractory else 0,
        n if rule is not None and rule.post == "delta" else 0,
        n if rule is not None and population.curve is not None else 0,
        n if index == len(network.populations) - 1 else 0,
        network.rows(index) if has_traces(network, index) else 0,
    ]
    return words + sum(-(-size // 4) * 4 for size in of_bytes)


def _integrated(network: Network, index: int, inputs: Array, off: Array | None) -> Operations:
    """Presynaptic spikes (steps,), of which some are off spikes, arrive, and neurons leak."""
    population = network.populations[index]
    steps, n = len(inputs), population.neurons
    arriving = inputs + population.bias
    spikes, chunks = int(arriving.sum()), int((-(-arriving // CHUNK)).sum())
    whole, rest = divmod(population.padded, BLOCK)
    counts = Counter({"block": steps * (whole + (rest > 0)), "neuron leaks": steps * n})
    if off is not None:
        chunks = int((-(-(arriving - off) // CHUNK) - (-off // CHUNK)).sum())
        counts["block that off spikes reach"] = int((off > 0).sum()) * (whole + (rest > 0))
    if population.weight_bits == 4:
        counts["chunk of spikes, 4 bits"] = chunks * (whole + (rest > 0))
        counts["spike at a block, 4 bits"] = spikes * (whole + (rest > 0))
        counts["spike at a pair of neurons, 4 bits"] = spikes * population.padded // 2
    else:
        counts["chunk of spikes"] = chunks * whole
        counts["spike at a block"] = spikes * whole
        if rest:
            counts["chunk of spikes, narrow block"] = chunks
            counts["spike at a narrow block"] = spikes
            counts["spike at a neuron of a narrow block"] = spikes * rest
    for name, is_there in (
        ("current through a curve", population.curve is not None),
        ("slope kept", population.curve is not None and population.rule is not None),
        ("refractory time passes", population.refractory != 0),
        ("adaptation fades", population.adaptation != 0),
    ):
        if is_there:
            counts[name] = steps * n
    if has_traces(network, index):
        counts["trace fades"] = steps * network.rows(index)
        counts["trace raised"] = spikes
    return counts


def _fired(
    population: Population, learned: Learned, spikes: Array, potentials: Array, thresholds: Array
) -> Operations:
    """Who crosses the threshold, and what spikes do."""
    steps, n = spikes.shape
    comparing = range(population.fire_from, steps)
    rule, rows = population.rule, learned.weights.shape[1]
    recruited = n if learned.wins is None else int(np.count_nonzero(learned.wins))
    in_second = _in_second_context(population, learned, thresholds[-1])
    rounds = len(comparing)
    counts: Operations = Counter()
    if rule is not None and rule.table is not None and rule.unknown > 0:
        rounds += 1
        counts["trace squared"] = rows
        counts["neuron judged"] = n
        counts["class judged"] = len(rule.table)
    counts += _margins(population, rounds * recruited, in_second)
    if has_second_context(learned):
        rounds += 2
        counts["offset compared with a trace"] = rows
        counts["neuron asked for a context"] = 2 * n
        counts += _margins(population, recruited) + _margins(population, recruited, True)
    counts["margin of a silent neuron"] = rounds * (n - recruited)
    margins = potentials.astype(np.int64) - thresholds
    may_spike = (margins > 0) & (thresholds != SILENT)
    if population.refractory:
        may_spike &= ~_refractory(spikes, population.refractory)
    for step in comparing:
        ranked = _ranked(population.winners, margins[step][may_spike[step]])
        counts += ranked + _thresholds(population, ranked["rank compared"], in_second)
    fired = spikes.sum(axis=1)
    counts["neuron inhibited"] = int((fired > 0).sum()) * n
    counts["spike"] = int(fired.sum())
    if population.rule is not None and population.rule.post == "delta":
        counts["neuron marked"] = (steps - 1) * n
        counts["spike marked"] = int(fired[:-1].sum())
        counts["neuron compared with the step before"] = n
        counts += _thresholds(population, n)
    return counts


def has_second_context(learned: Learned) -> bool:
    """Tell whether a population has recruited its second context."""
    return learned.context is not None and bool(learned.context.offset.any())


def _in_second_context(population: Population, learned: Learned, thresholds: Array) -> bool:
    """Tell from the thresholds at the last step (neurons,) whether a sample was heard in it."""
    if not has_second_context(learned):
        return False
    assert population.rule is not None
    assert learned.wins is not None
    first = np.full(population.neurons, population.threshold, np.int64)
    if population.norm_shift is not None:
        first += (learned.weights.astype(np.int64) ** 2).sum(axis=1) >> population.norm_shift
    if learned.means is not None:
        wins = learned.wins.astype(np.int64)
        first -= Priors(population.rule, learned.means.astype(np.int64)).values(wins)
    return bool((first != thresholds)[learned.wins > 0].any())


def _margins(population: Population, times: int, in_second: bool = False) -> Operations:
    """Margins of recruited neurons, of which thresholds are a part."""
    return Counter({"margin": times}) + _thresholds(population, times, in_second)


def _thresholds(population: Population, times: int, in_second: bool = False) -> Operations:
    """What margins take beyond the constant part of the threshold."""
    counts: Operations = Counter()
    if in_second:
        counts["threshold in the second context"] = times
    if population.norm_shift is not None:
        counts["threshold with a norm"] = times
    if population.adaptation:
        counts["threshold with adaptation"] = times
    if population.rule is not None and population.rule.has_priors:
        counts["threshold with a prior"] = times
    return counts


def _refractory(spikes: Array, refractory: int) -> Array:
    """Tell when neurons (steps, neurons) are silent because they spiked before."""
    silent = np.zeros(spikes.shape, bool)
    for step, neuron in np.argwhere(spikes):
        silent[step + 1 : step + 1 + refractory, neuron] = True
    return silent


def _ranked(winners: int, margins: Array) -> Operations:
    """Neurons that crossed the threshold enter the list, in order of their numbers."""
    if not winners:
        return Counter({"crossing": len(margins)})
    counts = Counter({"crossing, ranked": len(margins)})
    kept: list[int] = []
    for margin in margins.tolist():
        place = len(kept)
        while place > 0:
            counts["rank compared"] += 1
            if kept[place - 1] >= margin:
                break
            place -= 1
        if place < winners:
            counts["rank taken"] += 1
            kept.insert(place, margin)
            del kept[winners:]
    return counts


# ---- learning ------------------------------------------------------------------------------------


def _learned(
    network: Network,
    before: State,
    after: State,
    recording: Recording,
    label: int,
    taught: int,
    changes: int,
) -> Operations:
    """What learning adds.

    Parameters
    ----------
    taught : spikes that reached the first population at the last step.
    changes : weights that learning changed, and not a renewal of V after it.
    """
    counts: Operations = Counter({"sample learned": 1})
    changed = [
        int(np.count_nonzero(old.weights != new.weights))
        for old, new in zip(before.populations, after.populations, strict=True)
    ]
    if changed:
        changed[0] = changes - sum(changed[1:])
    first = _stage_neurons(network)
    for index, population in enumerate(network.populations):
        part = slice(first, first + population.neurons)
        first += population.neurons
        old = before.populations[index]
        rule = population.rule
        in_second = _in_second_context(population, old, recording.thresholds[-1, part])
        spiking = int(recording.spikes[-1, part].sum())
        if rule is not None:
            synapses = network.rows(index) if rule.pre == "attract" else taught + population.bias
            if rule.post == "winner":
                age = min(int(before.seen[label]).bit_length(), rule.ages - 1)
                levels = rule.levels[age] if rule.ranks else np.zeros(0, np.uint8)
                margins = _last_margins(recording, part)
                spikes = recording.spikes[-1, part]
                attracted, learners = _learners(
                    population, old, margins, spikes, label, levels, in_second, counts
                )
                if index == 0:
                    counts += decorrelated(network, before, after, attracted)
                spiking = int((rule.table[label] > 0).any()) if rule.table is not None else 0
            else:
                learners = _taught(network, population, recording, part, label, counts)
            counts["population learned"] += 1
            counts["neuron learns"] += learners
            counts[f"synapse, {rule.pre}"] += learners * synapses
            counts["weight changed"] += changed[index]
            if population.weight_bits == 4:
                counts["synapse of 4 bits"] += learners * synapses
                counts["weight of 4 bits changed"] += changed[index]
            if population.norm_shift is not None:
                counts["norm follows a weight"] += changed[index]
            if rule.has_priors:
                counts += _priors(network, index, old, after.populations[index], label, in_second)
            if rule.drift > 0:
                seen, new = int(before.seen[label]), after.populations[index]
                counts += _drift(population, old, new, seen, changed[index])
        taught = spiking
    return counts


def _priors(
    network: Network, index: int, old: Learned, new: Learned, label: int, in_second: bool
) -> Operations:
    """What priors take: traces squared, neurons of a class measured, priors taken anew."""
    population, before, wins = network.populations[index], old.wins, new.wins
    assert population.rule is not None
    assert before is not None
    assert wins is not None
    own = owners(population.rule) == label
    counts = Counter(
        {
            "prior taken anew": int(np.count_nonzero(wins)),
            "class weighed": network.capacity,
        }
    )
    if (before[own & (wins > before)] > 0).any():  # or else a neuron was recruited
        counts["trace squared"] = network.rows(index)
        counts["neuron counted to its class"] = population.neurons
        counts += _margins(population, int((before[own] > 0).sum()), in_second)
    return counts


def _drift(
    population: Population, old: Learned, new: Learned, seen: int, changed: int
) -> Operations:
    """What a second context takes, or that there may come one, after `seen` of the class."""
    assert old.context is not None
    assert new.context is not None
    rows = old.weights.shape[1]
    counts: Operations = Counter()
    if seen >= MATURE:
        counts["residual averaged"] = rows
    if has_second_context(old):
        counts["product follows a weight"] = changed
    if not np.array_equal(old.context.offset, new.context.offset):
        counts["weight multiplied by an offset"] = rows * population.neurons
    return counts


def _last_margins(recording: Recording, part: slice) -> Array:
    potentials = recording.potentials[-1, part].astype(np.int64)
    return np.asarray(potentials - recording.thresholds[-1, part])


def _learners(
    population: Population,
    old: Learned,
    margins: Array,
    spikes: Array,
    label: int,
    levels: Array,
    in_second: bool,
    counts: Operations,
) -> tuple[int, int]:
    """Return how many neurons are attracted after a gated competition, and how many learn at all.

    See docs/arithmetic.md, section 7.1. The wins afterwards would not tell: they end at 65535.
    """
    rule, wins = population.rule, old.wins
    assert rule is not None
    assert rule.table is not None
    assert wins is not None
    row = rule.table[label].astype(np.int64)
    gated = np.flatnonzero(row > 0)
    known = gated[wins[gated] > 0]
    counts["neuron asked whether it is gated"] += population.neurons
    counts["gated margin"] += len(known)
    counts["gated neuron not recruited"] += len(gated) - len(known)
    counts += _thresholds(population, len(known), in_second)
    if has_second_context(old):
        counts["neuron asked for a context"] += 2 * population.neurons
        counts["margin of a silent neuron"] += 2 * (len(gated) - len(known))
        counts += _margins(population, len(known)) + _margins(population, len(known), True)
    depressed = spikes & (row < 0) & (wins >= rule.depress_from)
    learners = int(np.count_nonzero(depressed)) if rule.depress_rate else 0
    if not len(gated):
        return 0, learners
    lost = rule.handicap * wins.astype(np.int64) >> 4
    if old.means is not None:
        lost += Priors(rule, old.means.astype(np.int64)).values(wins.astype(np.int64))
    score = np.where(wins > 0, margins - lost, rule.recruit)
    winner = gated[score[gated].argmax()]
    behind = known[known != winner]
    if rule.ranks:
        compared = len(behind) + _comparisons(score[behind].tolist(), rule.ranks)
        counts["neuron asked whether it is gated"] += population.neurons
        counts["gated margin"] += compared
        counts += _thresholds(population, compared, in_second)
    ranked = behind[np.lexsort((behind, -score[behind]))][: rule.ranks]
    moving = np.array([winner, *ranked])
    signals = row[moving] * np.array([64, *levels[: len(ranked)]]) >> 6
    rates = rule.rates[np.minimum(wins[moving], rule.rates.size - 1)]
    attracted = int(np.count_nonzero(signals * rates > 0))
    return attracted, learners + int(np.count_nonzero(signals * rates))


def _comparisons(scores: list[int], most: int) -> int:
    """Return how often a sorted list of so many at most is looked at while these enter it."""
    kept: list[int] = []
    compared = 0
    for score in scores:
        place = len(kept)
        while place and kept[place - 1] < score:
            compared, place = compared + 1, place - 1
        compared += place > 0
        kept.insert(place, score)
        del kept[most:]
    return compared


def _taught(
    network: Network,
    population: Population,
    recording: Recording,
    part: slice,
    label: int,
    counts: Operations,
) -> int:
    """Return how many neurons learn when all may."""
    rule, n = population.rule, population.neurons
    assert rule is not None
    spikes = recording.spikes[:, part]
    if rule.table is not None:
        signal = rule.table[label].astype(np.int64)
        counts["neuron taught by a table"] += n
    else:
        window = network.encoder.steps - population.fire_from
        signal = 64 * (np.arange(n) == label) - 64 * spikes.sum(axis=0) // window
        counts["neuron taught by its error"] += n
    post = np.ones(n, np.int64)
    if rule.post == "delta":
        margin = _last_margins(recording, part)
        post = (margin > -rule.delta_margin) - (
            spikes[-2].astype(np.int64) if len(spikes) > 1 else np.zeros(n, np.int64)
        )
    return int(np.count_nonzero(signal * post)) if rule.rates[0] else 0
