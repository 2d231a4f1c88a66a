"""The two settings of the three-factor engine: expectation-gated competition, and the paper's rule.

Both are ordinary `Network` descriptions; every number can be changed with `dataclasses.replace`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import image
from edge_naca.expectation import (
    UNIT,
    block_matrix,
    expectation,
    level_matrix,
    modulation_table,
)
from edge_naca.front_end import FrontEnd
from edge_naca.inhibition import Inhibition
from edge_naca.limits import FULL_LEVEL, MAX_RANKS, SIGNED_CODE_BITS, whole
from edge_naca.network import Curve, Encoder, Network, Population, Preparation, Rule

ONE = 16384  # what stands for a learning rate of 1
# How many times a sample's squared norm thresholds lie below 0, where norms are equal or not.
REACH, REACH_UNEQUAL = 2, 8
DEVIATIONS = 4  # that the largest code with a sign stands for, on the whole


def rate_table(floor: float, start: float = 1.0) -> NDArray[np.int16]:
    """Return rates that fall as 1 / (wins + 1) from `start` down to `floor`: metaplasticity.

    Entry 0 recruits: at a rate of 1 a neuron becomes a copy of the first sample it wins.
    """
    if not 0 < floor <= start <= 1:
        raise ValueError(f"rates need 0 < floor <= start <= 1, not {floor} and {start}")
    entries = min(int(np.ceil(1 / floor)), 4096)
    rates = np.maximum(start / np.arange(1, entries + 1), floor)
    return np.rint(rates * ONE).astype(np.int16)


def level_table(grading: float, most: int) -> NDArray[np.uint8]:
    """Return levels that fall as powers of `grading` behind the winner, the same at every age.

    Parameters
    ----------
    grading : 0 .. 1.
    most : ranks at most; as many are taken as have a level that is not 0.

    Returns
    -------
    uint8 (1, ranks), or (0, 0) without ranks.
    """
    if not 0 <= grading <= 1:
        raise ValueError(f"grading must be in 0 .. 1, not {grading}")
    levels = np.rint(FULL_LEVEL * grading ** np.arange(1, 1 + min(most, MAX_RANKS)))
    levels = levels[levels > 0].astype(np.uint8)
    return levels.reshape((1, -1) if levels.size else (0, 0))


def competitive(
    source: Preparation | FrontEnd | int,
    capacity: int,
    neurons_per_class: int = 30,
    *,
    bits: int = 4,
    norm: float | None = None,
    weight_bits: int = 8,
    rate_floor: float = 0.02,
    homeostasis: float = 5e-5,
    depression: float = 0.0,
    grading: float = 0.5,
    share: float = 0.03,
    rarity: float = 0.1875,
    drift: float = 0.1,
    inhibition: Inhibition | None = None,
    seed: int = 0,
    metadata: dict[str, Any] | None = None,
) -> Network:
    """Return the expectation-gated competitive setting.

    Codes are sent bit by bit, so that a hidden neuron's last potential is exactly its weighted
    sum. Its threshold follows half the squared norm of its weights: the neuron furthest above
    threshold is the one nearest to the sample, lateral inhibition lets it alone spike, and an
    output neuron hears it. Each class's expectation reaches a subpopulation of its own, whose
    nearest neuron moves towards the sample; a nearer neuron of another class is pushed away.

    Parameters
    ----------
    source : how raw samples are prepared, or a front end that gives features, or the number of
        inputs if they come as codes.
    capacity : how many classes there is room for.
    neurons_per_class : hidden neurons that each class may recruit.
    bits : of a code, 1 .. 8. Many inputs with 7 or 8 bits can saturate potentials, which then no
        longer rank neurons: docs/arithmetic.md, section 5.2, says from where on. A front end
        decides itself.
    norm : Euclidean norm that samples' features have on the whole, where preparation does not
        equalise it: sets how far neurons reach. None for the greatest that there can be.
    weight_bits : 8 or 4, of the hidden weights.
    rate_floor : what a neuron's learning rate falls to; higher follows drift, lower averages more.
    homeostasis : score that a neuron loses for each win, relative to the squared norm that samples
        have (where preparation equalises it) or can have at the most: the more, the more evenly a
        class's neurons share its samples.
    depression : how hard a wrong winner is pushed, as a modulation; 0 for not at all.
    grading : what the label's level is multiplied by from one rank of its subpopulation to the
        next, 0 .. 1: neurons behind the winner learn too. 0 for the winner alone.
    share : how much a neuron's share of its class's wins counts, 0 .. 0.7, relative to how far a
        class's neurons lie behind one another: neurons that few samples feed, such as wrongly
        labelled ones, answer less. 0 for not at all.
    rarity : how much neurons of a class with few samples are helped, 0 .. 0.99, relative to the
        squared distance to winners: a mean of few samples lies further from its class than one of
        many. 0 for not at all.
    drift : how large the mean of what winners leave unexplained may become, relative to the squared
        distance to winners, before a second context is recruited: samples that have all moved
        alike are then learned there, and neurons are not dragged along. 0 for never, 0 .. 0.99.
        Behind an `inhibition` that learns there is none, nor with 4-bit weights or 8-bit codes:
        what coarse weights leave unexplained does not average out.
    inhibition : what decorrelates codes before they are sent; codes then have a sign, as they do
        where preparation keeps it.
    seed : of everything random.
    """
    front = source if isinstance(source, FrontEnd) else None
    bits = whole("bits", front.most.bit_length() if front else bits, 1, 8)
    whole("neurons_per_class", neurons_per_class, 1, 4096)
    is_signed = _are_signed(source, bits, weight_bits, inhibition)
    inputs, features = _sizes(source, inhibition)
    neurons = whole("capacity · neurons_per_class", capacity * neurons_per_class, 1, 4096)
    fineness = _fineness(weight_bits, bits, is_signed)
    norm = float(features**0.5 * 2**bits / DEVIATIONS) if is_signed and norm is None else norm
    square = 2.0**fineness * _norm_of(source, norm, features, bits)
    depth = _depth(square, norm)
    encoder = front.encoder if front else Encoder("bitplane", bits, bits, is_signed)
    # Bits: halved at every step, so that they count as what they stand for. Spikes add up.
    decay, weight = (256, 0) if front is not None and not front.is_exact else (128, bits - 1)
    hidden = Population(
        neurons,
        **_weight_range(weight_bits, is_signed),
        decay=decay,
        current_shift=weight,
        threshold=-depth,
        norm_shift=1 + fineness,  # half the squared norm, in the potentials' unit
        fire_from=encoder.steps - 1,
        winners=1,
        rule=replace(
            _competitive_rule(capacity, neurons_per_class, rate_floor, depression, grading),
            **_priors(share, rarity),
            **_drift(drift, weight_bits, bits, inhibition),
            trace_shift=fineness,
            trace_decay=decay,
            trace_increment=1 << weight,
            **_scores(square, depth, homeostasis),
        ),
    )
    return Network(
        inputs,
        encoder,
        (hidden, _competitive_output(capacity, encoder.steps - 1)),
        _prepared(source),
        seed,
        (front.metadata if front else {}) | (metadata or {}),
        stages=front.stages if front else (),
        inhibition=inhibition,
    )


def _depth(square: float, norm: float | None) -> int:
    """Return how far thresholds lie below 0, so that somebody always answers.

    No distance reaches this far. Samples whose norm is not equalised may be stronger than most.
    """
    return min(int((REACH if norm is None else REACH_UNEQUAL) * square), 1 << 26)


def _scores(square: float, depth: int, homeostasis: float) -> dict[str, Any]:
    """Return what decides who wins: the handicap for wins, and when a neuron is recruited.

    A class's neurons are recruited by samples that are not much nearer to a recruited one than to
    no neuron at all.
    """
    handicap = min(round(16 * homeostasis * square), 4095)
    return {"handicap": handicap, "recruit": min(depth + int(square / 2), 1 << 27)}


def _priors(share: float, rarity: float) -> dict[str, Any]:
    """Return a rule's priors: in 256ths, share for a doubling instead of for a factor e."""
    for name, value in (("share", share), ("rarity", rarity)):
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, not {value}")
    doubling = round(256 * 2 * np.log(2) * share)
    return {"share": min(doubling, 255), "rarity": min(round(256 * rarity), 255)}


def _drift(
    drift: float, weight_bits: int, bits: int, inhibition: Inhibition | None
) -> dict[str, Any]:
    """Return a rule's drift, in 256ths; 0 where there is no second context."""
    if not 0 <= drift < 1:
        raise ValueError(f"drift must be at least 0 and below 1, not {drift}")
    learns = inhibition is not None and inhibition.is_learned
    has_none = learns or weight_bits < 8 or bits == 8
    return {"drift": 0 if has_none else min(round(256 * drift), 255)}


def _fineness(weight_bits: int, bits: int, is_signed: bool) -> int:
    """Return which power of two times a code a weight is: as fine as its width allows."""
    fineness = (7 if weight_bits == 8 else 3 if is_signed else 4) - bits
    if fineness < -1:
        raise ValueError(f"{weight_bits}-bit weights are too coarse for {bits}-bit codes")
    return fineness


def _weight_range(weight_bits: int, is_signed: bool) -> dict[str, Any]:
    """Return what a population's weights may be: those of codes, with a sign or without."""
    most = {(8, False): 127, (8, True): 127, (4, False): 15, (4, True): 7}[weight_bits, is_signed]
    return {
        "weight_bits": weight_bits,
        "zero_point": 8 if is_signed and weight_bits == 4 else 0,
        "weight_min": -most if is_signed else 0,
        "weight_max": most,
    }


def _norm_of(
    source: Preparation | FrontEnd | int, norm: float | None, features: int, bits: int
) -> float:
    """Return the squared norm that samples' codes have, or have at most."""
    greatest = features * (source.most if isinstance(source, FrontEnd) else 2**bits - 1) ** 2
    equal = source.norm if isinstance(source, Preparation) else 0
    return norm**2 if norm else float(equal**2 if equal else greatest)


def _competitive_rule(
    capacity: int, neurons_per_class: int, rate_floor: float, depression: float, grading: float
) -> Rule:
    """Return how hidden neurons learn: each class's expectation reaches neurons of its own."""
    owners = np.repeat(np.arange(capacity), neurons_per_class)
    elsewhere = 0.5 + np.sqrt(depression) / 4  # where the curve is −depression
    levels = block_matrix(owners, capacity, elsewhere)
    return Rule(
        "winner",
        "table",
        "attract",
        table=modulation_table(expectation(capacity, "orthogonal"), levels),
        rates=rate_table(rate_floor),
        levels=level_table(grading, neurons_per_class - 1),
        depress_rate=ONE // 8,
    )


def _competitive_output(capacity: int, last: int) -> Population:
    """Return the output that hears the hidden neuron which alone spiked at the last step."""
    levels = block_matrix(np.arange(capacity), capacity)
    table = modulation_table(expectation(capacity, "orthogonal"), levels)
    return Population(
        capacity,
        weight_bits=4,
        weight_min=0,
        weight_max=15,
        fire_from=last,
        winners=1,
        rule=Rule("all", "table", "bounded", table=table),
    )


def _prepared(source: Preparation | FrontEnd | int) -> Preparation | None:
    if isinstance(source, FrontEnd):
        return source.preparation
    return source if isinstance(source, Preparation) else None


def _are_signed(
    source: Preparation | FrontEnd | int,
    bits: int,
    weight_bits: int,
    inhibition: Inhibition | None,
) -> bool:
    """Return whether codes have a sign; refuse in a caller's words what the network would."""
    is_signed = inhibition is not None or (isinstance(source, Preparation) and source.keeps_sign)
    if is_signed and bits > SIGNED_CODE_BITS:
        raise ValueError(
            f"bits must be in 1 .. {SIGNED_CODE_BITS} where codes have a sign, as decorrelated "
            f"features do, not {bits}"
        )
    if inhibition is not None and inhibition.is_learned and weight_bits != 8:
        raise ValueError(
            f"weight_bits must be 8 where features are decorrelated, not {weight_bits}"
        )
    return is_signed


def _sizes(source: Preparation | FrontEnd | int, inhibition: Inhibition | None) -> tuple[int, int]:
    """Return inputs of the network, and of the first population."""
    if isinstance(source, FrontEnd):
        return source.preparation.outputs, source.count
    inputs = source if isinstance(source, int) else source.outputs
    return inputs, inputs if inhibition is None else inhibition.outputs


WEIGHT_UNIT = 512  # what stands for a weight of 1 under the paper's rule
POTENTIAL_UNIT = 4096  # what stands for a membrane potential of 1 there


def sigmoid_curve() -> Curve:
    """Return σ as a table, 16 entries for each unit of its argument, −8 .. 8."""
    x = (np.arange(256) - 128 + 0.5) / 16
    sigmoid = 1 / (1 + np.exp(-x))
    return Curve(
        np.rint(sigmoid * POTENTIAL_UNIT).astype(int),
        np.rint(sigmoid * (1 - sigmoid) * 256).astype(int),
        shift=int(np.log2(WEIGHT_UNIT // 16)),
    )


def _rate(eta: float, term_unit: int) -> dict[str, Any]:
    """Return rates and rate_shift for a learning rate in the paper's units.

    `term_unit` stands for a pre-term of 1. The rate is kept as precise as 16 bits allow.
    """
    for shift in range(28, 7, -1):
        rate = eta * WEIGHT_UNIT / (UNIT * term_unit) * 2.0**shift
        if abs(rate) <= 32767:
            return {"rates": np.rint([rate]).astype(int), "rate_shift": shift}
    raise ValueError(f"a learning rate of {eta} moves weights further than their range")


def paper(
    source: Preparation | int,
    capacity: int,
    hidden: int = 1000,
    *,
    continual: bool = True,
    steps: int = 20,
    learning_rate: float = 5e-3,
    output_learning_rate: float = 5e-2,
    levels: str = "uniform",
    seed: int = 0,
    metadata: dict[str, Any] | None = None,
) -> Network:
    """Return the paper's rule: rate code, uniform NI, Δs, presynaptic spike of the last step.

    Parameters
    ----------
    source : how raw samples are prepared, or the number of inputs if they come as codes.
    capacity : how many classes there is room for.
    hidden : hidden neurons.
    continual : the paper's network for continual learning, whose current is σ(W u); else that for
        i.i.d. classification, whose current is W u + b.
    steps : T.
    learning_rate, output_learning_rate : η for one sample. (The paper's 5e-4 is for batches.)
    levels : NI: "uniform", "normal" or "beta".
    seed : of everything random.

    Notes
    -----
    A network with this rule needs weights to start from: `paper_start`. The published input gating
    by a mask averaged over a batch is left out: one sample at a time there is no batch, and the
    mask of a batch of one class tells the class.
    """
    bits = 8
    neuron: dict[str, Any] = {"decay": 51, "threshold": POTENTIAL_UNIT // 2}  # d = 0.2, θ = 0.5
    if continual:
        neuron["curve"] = sigmoid_curve()
        term_unit = 256
    else:
        neuron["current_shift"] = int(np.log2(POTENTIAL_UNIT // WEIGHT_UNIT))
        term_unit = 1
    table = modulation_table(expectation(capacity), level_matrix(levels, capacity, hidden, seed))
    hidden_population = Population(
        hidden,
        **neuron,
        bias=not continual,
        rule=Rule(
            "delta",
            "table",
            "spike",
            table=table,
            delta_margin=round((0.2 if continual else 0.5) * POTENTIAL_UNIT),
            **_rate(-learning_rate, term_unit),
        ),
    )
    output = Population(
        capacity,
        **neuron,
        bias=True,
        rule=Rule("all", "error", "spike", **_rate(output_learning_rate, term_unit)),
    )
    return Network(
        source if isinstance(source, int) else source.outputs,
        Encoder("rate", bits, steps),
        (hidden_population, output),
        None if isinstance(source, int) else source,
        seed,
        metadata or {},
    )


def paper_start(network: Network) -> bytes:
    """Return the state that the paper's networks start from: weights within ±1 / √fan-in."""
    rng = np.random.default_rng(network.seed)
    fresh = image.new_state(network)
    populations = []
    for part in fresh.populations:
        reach = WEIGHT_UNIT / np.sqrt(part.weights.shape[1])
        weights = np.rint(rng.uniform(-reach, reach, part.weights.shape)).astype(np.int8)
        populations.append(image.Learned(weights, part.wins))
    return image.pack_state(network, image.State(fresh.seen, tuple(populations), 0))
