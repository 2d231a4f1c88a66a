"""Random networks and samples: everything an image can say, extremes included."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from stage_strategies import chains

from edge_naca import image
from edge_naca.affine import Affine
from edge_naca.image_records import ENCODERS, PRE_TERMS, SPATIAL
from edge_naca.inhibition import Inhibition, triangle
from edge_naca.limits import MAX_LEARNED_INPUTS
from edge_naca.network import Curve, Encoder, Network, Population, Preparation, Rule
from edge_naca.samples import takes_reals
from edge_naca.stages import Stage


def _extreme(low: int, high: int) -> st.SearchStrategy[int]:
    """Return whole numbers of a range, its ends more often than chance would have it."""
    return st.one_of(st.integers(low, high), st.sampled_from([low, high]))


@st.composite
def encoders(draw: st.DrawFn, has_stages: bool = False) -> Encoder:
    kind = draw(st.sampled_from(ENCODERS[: 4 if has_stages else 3]))
    bits = draw(st.integers(1, 8))
    steps = bits if kind == "bitplane" else draw(st.one_of(st.integers(1, 12), st.just(20)))
    return Encoder(kind, bits, steps)


def random_affine(rng: np.random.Generator, count: int) -> Affine:
    """Return maps as scaling makes them, or any that can be."""
    if rng.random() < 0.5:
        return Affine.of(rng.normal(0, 10, count), 10 ** rng.uniform(-1, 4, count))
    factor = rng.integers(-(2**15), 2**15, count) >> rng.integers(0, 15, count)
    most = rng.choice([0, 1000, 2**31 - 1])
    return Affine(
        rng.choice([factor, np.full(count, -(2**15)), np.zeros(count, int)]),
        rng.integers(-128, 128, count) if rng.random() < 0.5 else rng.integers(-22, 3, count),
        rng.integers(-most - 1, most + 1, count),
    )


def random_reals(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Return finite numbers: around 0, halves, or of any bits."""
    if rng.random() < 0.5:
        return rng.normal(0, 10 ** rng.uniform(-2, 5), count).astype(np.float32)
    if rng.random() < 0.5:
        return (rng.integers(-99, 100, count) / 2).astype(np.float32)
    bits = rng.integers(0, 2**32, count, np.uint32) & np.uint32(0xFF7FFFFF)
    return bits.view(np.float32)


@st.composite
def preparations(draw: st.DrawFn, keeps_sign: bool = False) -> Preparation:
    spatial = draw(st.sampled_from(SPATIAL))
    shape = (draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(st.integers(1, 3)))
    shape_only = Preparation(shape, spatial, cell=draw(st.integers(1, 4)))
    count = shape_only.features if draw(st.booleans()) else 1
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    reach = draw(st.sampled_from([0, 1, 200, 32767]))
    least, most = draw(st.sampled_from([(0, 1), (1, 1), (0, 300), (0, 16383)]))
    affine = None
    if draw(st.booleans()):
        affine = random_affine(rng, shape_only.raw_count if draw(st.booleans()) else 1)
    return Preparation(
        shape,
        spatial,
        shape_only.cell,
        affine=affine,
        cap=draw(_extreme(0, 32767)),
        log=draw(st.booleans()),
        signed=draw(st.booleans()) and not keeps_sign,
        keeps_sign=keeps_sign,
        offset=rng.integers(-reach, reach + 1, count),
        gain=rng.integers(least, most + 1, count),
        shift=draw(st.one_of(st.just(0), st.integers(0, 10), _extreme(0, 30))),
        norm=draw(st.one_of(st.just(0), st.integers(1, 300), _extreme(1, 4095))),
    )


@st.composite
def rules(draw: st.DrawFn, neurons: int, capacity: int, is_output: bool, bias: bool) -> Rule:
    signal = draw(st.sampled_from(["table", "error"])) if is_output else "table"
    post = draw(
        st.sampled_from(["all", "delta", "winner"] if signal == "table" else ["all", "delta"])
    )
    pre = draw(st.sampled_from([term for term in PRE_TERMS if term != "attract" or not bias]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([[-128, 127], [-4, 0, 64], list(range(-77, 78))]))
    reach = draw(st.sampled_from([20, 16384, 32767]))
    shape = draw(st.sampled_from([(0, 0), (1, 1), (1, 3), (3, 2), (16, 31)]))
    if post != "winner":
        shape = (0, 0)
    has_priors = post == "winner" and pre == "attract" and draw(st.booleans())
    return Rule(
        post,
        signal,
        pre,
        table=rng.choice(levels, (capacity, neurons)) if signal == "table" else None,
        rates=rng.integers(-reach, reach + 1, draw(st.integers(1, 5))),
        depress_rate=draw(_extreme(-32768, 32767)),
        rate_shift=draw(_extreme(1, 28)),
        trace_shift=draw(st.one_of(st.integers(-4, 0), _extreme(-8, 8))),
        trace_decay=draw(st.sampled_from([0, 64, 128, 200, 256])),
        trace_increment=draw(st.sampled_from([0, 1, 4, 8, 128, 255])),
        handicap=draw(st.one_of(st.integers(0, 64), st.integers(0, 4095), st.just(4095))),
        recruit=draw(st.one_of(_extreme(-(1 << 27), 1 << 27), st.integers(-1000, 1000))),
        depress_from=draw(st.sampled_from([0, 1, 2, 3, 65535])),
        levels=rng.integers(0, 65, shape),
        delta_margin=draw(st.one_of(_extreme(0, 1 << 24), st.integers(0, 500))),
        share=draw(_extreme(0, 255)) if has_priors else 0,
        rarity=draw(_extreme(0, 255)) if has_priors else 0,
    )


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Curve(
        rng.integers(-32768, 32768, 256), rng.integers(0, 256, 256), draw(st.integers(0, 24))
    )


@st.composite
def populations(draw: st.DrawFn, neurons: int, capacity: int, steps: int, out: bool) -> Population:
    bits = draw(st.sampled_from([8, 4]))
    zero = draw(st.integers(0, 15)) if bits == 4 else 0
    low, high = (-128, 127) if bits == 8 else (-zero, 15 - zero)
    bias = draw(st.booleans())
    small = st.integers(-300, 300)
    population = Population(
        neurons,
        weight_bits=bits,
        zero_point=zero,
        weight_min=draw(st.one_of(st.just(low), _extreme(low, 0))),
        weight_max=draw(st.one_of(st.just(high), _extreme(0, high))),
        decay=draw(st.sampled_from([0, 1, 51, 128, 255, 256])),
        current_shift=draw(_extreme(0, 7)),
        threshold=draw(st.one_of(small, small, _extreme(-(1 << 26), 1 << 26))),
        norm_shift=draw(st.one_of(st.none(), st.integers(0, 24))),
        adaptation=draw(st.one_of(st.just(0), st.integers(1, 200), st.just(1 << 20))),
        adaptation_decay=draw(_extreme(0, 256)),
        reset=draw(st.sampled_from(["zero", "subtract"])),
        refractory=draw(st.one_of(st.just(0), st.integers(1, 4), st.just(254))),
        fire_from=draw(_extreme(0, steps - 1)),
        winners=draw(st.one_of(st.just(0), _extreme(1, neurons))),
        inhibition=draw(st.one_of(st.just(0), st.integers(1, 300), st.just(1 << 15))),
        bias=bias,
        curve=draw(st.one_of(st.none(), st.none(), curves())),
        rule=draw(st.one_of(st.none(), *2 * [rules(neurons, capacity, out, bias)])),
    )
    if draw(st.integers(0, 9)) > 0:
        return population
    # Neurons that spike at every step, whatever happens: this takes adaptation to its limit.
    return dataclasses.replace(
        population,
        threshold=-(1 << 26),
        adaptation=1 << 20,
        adaptation_decay=256,
        refractory=0,
        fire_from=0,
        winners=0,
    )


@st.composite
def inhibitions(draw: st.DrawFn, inputs: int, is_learned: bool) -> Inhibition:
    shared: dict[str, Any] = {"inputs": inputs, "code_bits": draw(st.integers(1, 7))}
    if is_learned:
        return Inhibition(
            **shared,
            reach=draw(_extreme(1, 15)),
            noise=draw(st.one_of(st.integers(0, 9), _extreme(0, 4095))),
            first=draw(st.sampled_from([1, 2, 3, 5])),
            every=draw(st.sampled_from([0, 1, 2, 4])),
            start=draw(_extreme(64, 4095)),
        )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low, high = draw(st.sampled_from([(-128, -128), (-128, 127), (-9, 9), (127, 127)]))
    most = draw(st.sampled_from([1, 1 << 12, 1 << 31]))
    rank = draw(st.one_of(st.just(0), st.integers(1, inputs)))
    outputs = rank or inputs
    return Inhibition(
        **shared,
        rank=rank,
        weights=rng.integers(low, high + 1, rank * inputs or triangle(inputs)),
        row_shifts=rng.integers(0, draw(st.sampled_from([1, 3, 16])), outputs),
        shift=draw(st.one_of(st.integers(0, 12), _extreme(0, 24))),
        centre=rng.integers(-most, most, outputs),
    )


@st.composite
def _behind_signs(
    draw: st.DrawFn, population: Population, capacity: int, bits: int, is_taught: bool
) -> Population:
    """Return a population as the encoder of codes with a sign, or a learned V, needs it."""
    population = dataclasses.replace(population, bias=False)
    rule = population.rule
    if is_taught:
        rule = draw(rules(population.neurons, capacity, False, False))
        shift = abs(rule.trace_shift)
        rule = dataclasses.replace(rule, post="winner", rate_shift=20, trace_shift=shift)
        population = dataclasses.replace(population, weight_bits=8, zero_point=0)
    if rule is not None:
        increment = 1 << (bits - 1)
        rule = dataclasses.replace(rule, pre="attract", trace_decay=128, trace_increment=increment)
    return dataclasses.replace(population, rule=rule)


@st.composite
def _with_doubts(
    draw: st.DrawFn, population: Population, steps: int, can_drift: bool
) -> Population:
    """Return a population that may answer none and have a second context, if its rule can."""
    rule = population.rule
    can = rule is not None and (rule.post, rule.pre) == ("winner", "attract")
    if rule is None or not can or not draw(st.booleans()):
        return population
    rule = dataclasses.replace(
        rule, unknown=draw(st.sampled_from([0, 1, 1000, 2500, 4000, 9000, 65535]))
    )
    if can_drift:
        drift = draw(_extreme(0, 255))
        rule = dataclasses.replace(rule, trace_shift=abs(rule.trace_shift), drift=drift)
    return dataclasses.replace(population, fire_from=steps - 1, rule=rule)


KINDS = ("plain", "stages", "signs")


@st.composite
def networks(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS) -> Network:
    """Return a network of one of these kinds; "learned" has an inhibition that is learned."""
    kind = draw(st.sampled_from(kinds))
    has_stages, has_signs = kind == "stages", kind in ("signs", "learned")
    encoder = draw(encoders(has_stages))
    if has_signs:
        bits = draw(st.integers(1, 7))
        encoder = Encoder("bitplane", bits, bits, is_signed=True)
    preparation = None
    if kind != "learned" and draw(st.booleans()):
        preparation = draw(preparations(has_signs and draw(st.booleans())))
    # Beyond 255 spiking inputs, partial sums no longer fit into the 16 bits that the core uses.
    counts = st.one_of(*2 * [st.integers(1, 40)], st.sampled_from([257, 600]))
    if kind == "learned":
        counts = st.one_of(st.integers(1, 3), st.integers(1, 24))
    inputs = preparation.outputs if preparation is not None else draw(counts)
    capacity = draw(st.integers(1, 6))
    sizes = [draw(st.integers(1, 40)) for _ in range(draw(st.integers(0, 2)))] + [capacity]
    if has_stages and draw(st.booleans()):
        sizes = []  # the last stage is the output
    plastic = tuple(
        draw(populations(size, capacity, encoder.steps, place == len(sizes) - 1))
        for place, size in enumerate(sizes)
    )
    inhibition = None
    if has_signs:
        if kind == "learned" or (inputs <= MAX_LEARNED_INPUTS and draw(st.integers(0, 3)) > 0):
            inhibition = draw(inhibitions(inputs, kind == "learned" or draw(st.booleans())))
        is_taught = inhibition is not None and inhibition.is_learned
        first = draw(_behind_signs(plastic[0], capacity, encoder.bits, is_taught))
        plastic = first, *plastic[1:]
    learned = inhibition is not None and inhibition.is_learned
    plastic = tuple(
        draw(_with_doubts(population, encoder.steps, place > 0 or not learned))
        for place, population in enumerate(plastic)
    )
    stages: tuple[Stage, ...] = ()
    if has_stages:
        rule = plastic[0].rule if plastic else None
        spikes_only = rule is not None and rule.pre != "attract"
        output = None if plastic else capacity
        stages = draw(chains(inputs, encoder.bits, encoder.kind, output, spikes_only))
    seed = draw(st.integers(0, 2**32 - 1))
    return Network(
        inputs, encoder, plastic, preparation, seed=seed, stages=stages, inhibition=inhibition
    )


def _random_decorrelation(network: Network, rng: np.random.Generator) -> image.Decorrelation | None:
    """Return what a learned inhibition may have learned, or what it never would."""
    new = image.new_state(network).inhibition
    if new is None:
        return None
    reach = int(rng.choice([1, 300, 2**15]))

    def numbers(array: NDArray[Any]) -> NDArray[Any]:
        info = np.iinfo(array.dtype)
        low, high = max(info.min, -reach), min(info.max, reach)
        values = rng.integers(low, high, array.shape, endpoint=True)
        share = rng.choice([0, 0.1, 1], p=[0.4, 0.4, 0.2])
        ends = np.where(rng.random(array.shape) < share, rng.choice([low, high]), values)
        return ends.astype(array.dtype)

    return image.Decorrelation(
        numbers(new.factor),
        numbers(new.weights),
        numbers(new.row_shifts),
        (numbers(new.centre).astype(np.int64) << rng.integers(0, 17)).astype(np.int32),
        numbers(new.prototypes),
        count=int(rng.choice([0, 1, 50, 4094, 4095, 65535])),
        factor_shift=int(rng.choice([0, 5, 12, 17, 31, 255])),
        shift=int(rng.choice([0, 1, 9, 24, 255])),
        mean=int(rng.choice([0, 1, 5000, 2**22, 2**32 - 1])),
    )


def _random_context(rows: int, rng: np.random.Generator) -> image.Context:
    """Return a context that is there or not, as it may be or at its ends."""
    offset = rng.integers(-128, 128, rows) >> rng.choice([0, 4, 8])
    ends = [-32768, 32767, 0]
    residuals = rng.choice(ends, (2, rows)) >> rng.choice([0, 5])
    return image.Context(
        np.where(offset == -1, 0, offset).astype(np.int8), residuals.astype(np.int16)
    )


def random_state(network: Network, rng: np.random.Generator) -> bytes:
    """Return a learned state with weights all over what can be stored, or at its ends."""
    populations = []
    for index, population in enumerate(network.populations):
        low, high = population.weight_range
        shape = (population.neurons, network.rows(index))
        has_wins = population.rule is not None and population.rule.post == "winner"
        wins = rng.choice([0, 1, 2, 9, 300, 65535], population.neurons).astype(np.uint16)
        weights = rng.integers(low, high + 1, shape)
        if rng.random() < 0.3:
            weights = np.broadcast_to(rng.choice([low, high], (population.neurons, 1)), shape)
        means = None
        if population.rule is not None and population.rule.has_priors:
            means = rng.choice([0, 1, 90, 5000, 2**20, 2**22, 2**32 - 1], 2).astype(np.uint32)
        context = None
        if population.rule is not None and population.rule.drift > 0:
            context = _random_context(shape[1], rng)
        populations.append(
            image.Learned(weights.astype(np.int8), wins if has_wins else None, means, context)
        )
    seen = rng.integers(0, 2**32, network.capacity, np.uint32)
    learned = int(rng.choice([0, 1, 1000, 2**32 - 1]))
    inhibition = _random_decorrelation(network, rng)
    return image.pack_state(network, image.State(seen, tuple(populations), learned, inhibition))


def random_sample(network: Network, rng: np.random.Generator) -> tuple[NDArray[Any], str]:
    """Return a sample of any kind that the network takes, and which kind it is."""
    kinds = ["codes"] + ["raw"] * 2 * (network.preparation is not None)
    encoder = network.encoder
    if not network.coded and encoder.kind != "direct" and not encoder.is_signed:
        kinds.append("events")
    kind = str(rng.choice(kinds))
    if kind == "codes":
        most = 2**network.code_bits
        least = 1 - most if encoder.is_signed else 0
        if rng.random() < 0.2:
            return np.full(network.inputs, rng.choice([least, most - 1])), kind
        return rng.integers(least, most, network.inputs) * rng.integers(0, 2, network.inputs), kind
    if kind == "events":
        spikes = rng.random((encoder.steps, network.inputs)) < rng.random()
        return np.argwhere(spikes), kind
    assert network.preparation is not None
    count = network.preparation.raw_count
    if takes_reals(network) and rng.random() < 0.6:
        return random_reals(rng, count), kind
    dtype = rng.choice(["uint8", "int16", "int32"])
    info = np.iinfo(dtype)
    if rng.random() < 0.3:
        sample = rng.choice(np.array([info.min, info.max, 0], dtype), count)
    else:
        reach = rng.choice([3, 1000, info.max])
        sample = rng.integers(max(info.min, -reach), reach, count, endpoint=True).astype(dtype)
    if rng.random() < 0.2:  # a single small number, whose norm is a whole number
        sample[:] = 0
        sample[rng.integers(count)] = rng.integers(1, 9)
    return sample, kind
