"""Networks and samples on which instructions are counted: many random ones, and some that are used.

Random ones cover what networks may hold (preparation, encoders, rules, widths, odd sizes); those of
`held_out` are never fitted to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import data, presets, recipes
from edge_naca.affine import Affine
from edge_naca.core import Core
from edge_naca.image import Learned, State, new_state
from edge_naca.network import Curve, Encoder, Network, Population, Preparation, Rule
from edge_naca.novelty import answering_none

Array = NDArray[Any]
Random = np.random.Generator

SAMPLES = 6
SMALL = 2500  # bytes of an image that finds room beside its workspace in an AVR's RAM


@dataclass(frozen=True)
class Case:
    """A network with what it has learned, and samples (n, numbers) to count on."""

    name: str
    image: bytes
    samples: Array
    labels: Array
    kind: str


def random_cases(count: int, seed: int, largest: int = 1 << 20) -> Iterator[Case]:
    """Yield cases of random networks of up to about 30 KiB, of images up to `largest` bytes."""
    rng = np.random.default_rng(seed)
    number = 0
    while number < count:
        case = _random_case(f"random {seed}.{number}", rng)
        if len(case.image) <= largest:
            number += 1
            yield case


def held_out() -> list[Case]:
    """Return cases of networks as people make them; MNIST is among them where it is there."""
    digits = data.load("digits")
    cases = [
        _taught("digits, 8 bits", recipes.network_for(digits, neurons_per_class=8), digits),
        _taught(
            "digits, 4 bits", recipes.network_for(digits, max_kib=2, weight_bits=4), digits, 400
        ),
        _taught(
            "digits, edges",
            recipes.network_for(digits, max_kib=6, features="edges"),
            digits,
        ),
        _taught("digits, 3 neurons a class", _smallest(), digits, 200),
        _paper("digits, the paper's rule", digits),
    ]
    for name, kib in (("mnist", 16), ("mnist", 64), ("fashion-mnist", 28)):
        if data.available(name):
            dataset = data.load(name)
            network = recipes.network_for(dataset, max_kib=kib)
            cases.append(_taught(f"{name}, {kib} KiB", network, dataset, 4000))
    return [*cases, *random_cases(6, seed=99), *random_cases(6, seed=98, largest=SMALL)]


# ---- those that are used -------------------------------------------------------------------------


def _taught(name: str, network: Network, dataset: data.Dataset, lesson: int = 1000) -> Case:
    core = Core(network)
    order = np.random.default_rng(1).permutation(len(dataset.y_train))
    core.learn_many(dataset.x_train[order[:lesson]], dataset.y_train[order[:lesson]])
    chosen = order[lesson : lesson + SAMPLES]
    x = dataset.x_train[chosen].reshape(len(chosen), -1)
    return Case(name, core.image(), x, dataset.y_train[chosen], "raw")


def _smallest() -> Network:
    """Return the network that the boards' programs hold, unless told otherwise."""
    preparation = Preparation((8, 8, 1), gain=np.array([15]), shift=4)
    return presets.competitive(preparation, 10, 3, weight_bits=4)


def _paper(name: str, digits: data.Dataset) -> Case:
    network = presets.paper(Preparation((8, 8, 1), gain=np.array([15])), 10, 60, steps=8)
    core = Core(network, presets.paper_start(network))
    x, y = digits.x_train.reshape(-1, 64), digits.y_train
    core.learn_many(x[:100], y[:100])
    return Case(name, core.image(), x[100 : 100 + SAMPLES], y[100 : 100 + SAMPLES], "raw")


# ---- random ones ---------------------------------------------------------------------------------


def _random_case(name: str, rng: Random) -> Case:
    preparation = _preparation(rng) if rng.random() < 0.7 else None
    inputs = int(rng.integers(5, 160)) if preparation is None else preparation.outputs
    capacity = int(rng.integers(2, 12))
    if rng.random() < 0.5:
        network = _competitive(rng, preparation, inputs, capacity)
    else:
        network = _free(rng, preparation, inputs, capacity)
    samples, labels = _samples(rng, network)
    core = Core(network, random_start(rng, network))
    kind = "raw" if preparation is not None else "codes"
    core.learn_many(samples[SAMPLES:], labels[SAMPLES:], kind)
    return Case(name, core.image(), samples[:SAMPLES], labels[:SAMPLES], kind)


def _preparation(rng: Random) -> Preparation:
    spatial = str(rng.choice(["pool", "pool", "edges"]))
    if rng.random() < 0.25:
        shape, cell, spatial = (1, int(rng.integers(8, 120)), 1), 1, "pool"
    else:
        side = int(rng.integers(6, 20))
        shape = (side, int(rng.integers(6, 20)), int(rng.choice([1, 1, 1, 2, 3])))
        cell = int(rng.integers(2, 5)) if spatial == "edges" or side > 9 else 1
    prep = Preparation(shape, spatial, cell, cap=100, log=bool(rng.random() < 0.2))
    prep = replace(prep, signed=bool(rng.random() < 0.25))
    count = prep.features if rng.random() < 0.3 else 1
    gain = rng.integers(8, 30, count)
    affine = None
    if rng.random() < 0.3:
        affine = Affine.of(0, np.ones(prep.raw_count if rng.random() < 0.7 else 1))
    return replace(
        prep,
        affine=affine,
        offset=rng.integers(0, 40, count),
        gain=gain,
        shift=int(rng.integers(3, 6)) + int(prep.log) * 3,
        norm=int(rng.integers(10, 120)) if rng.random() < 0.5 else 0,
    )


def _competitive(
    rng: Random, preparation: Preparation | None, inputs: int, capacity: int
) -> Network:
    most = max(min(24000 // inputs // capacity, 30), 1)
    weight_bits = int(rng.choice([8, 8, 4]))
    network = presets.competitive(
        preparation if preparation is not None else inputs,
        capacity,
        int(rng.integers(1, most + 1)),
        bits=int(rng.integers(2, 5 if weight_bits == 4 else 7)),
        weight_bits=weight_bits,
        seed=int(rng.integers(1000)),
    )
    return answering_none(network, 900) if rng.random() < 0.3 else network


def _free(rng: Random, preparation: Preparation | None, inputs: int, capacity: int) -> Network:
    kind = str(rng.choice(["bitplane", "rate", "latency"]))
    bits = int(rng.integers(2, 8))
    steps = bits if kind == "bitplane" else int(rng.integers(2, 14))
    sizes = [int(rng.integers(4, 100)) for _ in range(rng.integers(0, 3))]
    populations = [random_population(rng, n, capacity, steps, is_output=False) for n in sizes]
    populations.append(random_population(rng, capacity, capacity, steps, is_output=True))
    return Network(inputs, Encoder(kind, bits, steps), tuple(populations), preparation, seed=3)


def random_population(
    rng: Random, neurons: int, capacity: int, steps: int, *, is_output: bool
) -> Population:
    weight_bits = int(rng.choice([8, 8, 4]))
    rule = _rule(rng, neurons, capacity, is_output=is_output)
    curve = None
    if rng.random() < 0.25:
        curve = Curve(rng.integers(-50, 400, 256), rng.integers(0, 255, 256), 1)
    return Population(
        neurons,
        weight_bits=weight_bits,
        zero_point=8 if weight_bits == 4 else 0,
        weight_min=-8 if weight_bits == 4 else -100,
        weight_max=7 if weight_bits == 4 else 100,
        decay=int(rng.choice([128, 230, 256])),
        threshold=int(rng.integers(5, 300)),
        norm_shift=int(rng.integers(4, 10)) if rng.random() < 0.3 else None,
        adaptation=int(rng.integers(1, 50)) if rng.random() < 0.3 else 0,
        adaptation_decay=200,
        reset=str(rng.choice(["zero", "subtract"])),
        refractory=int(rng.integers(1, 3)) if rng.random() < 0.3 else 0,
        fire_from=int(rng.integers(0, steps)) if rng.random() < 0.4 else 0,
        winners=min(int(rng.integers(1, 4)), neurons) if rng.random() < 0.4 else 0,
        inhibition=int(rng.integers(0, 20)),
        bias=rule is not None and rule.pre != "attract" and bool(rng.random() < 0.5),
        curve=curve,
        rule=rule,
    )


def _rule(rng: Random, neurons: int, capacity: int, *, is_output: bool) -> Rule | None:
    if rng.random() < 0.2:
        return None
    post = str(rng.choice(["all", "delta", "winner"]))
    signal = "error" if is_output and post != "winner" and rng.random() < 0.5 else "table"
    table = rng.integers(-64, 65, (capacity, neurons)) if signal == "table" else None
    if table is not None:
        table[rng.random(table.shape) < 0.4] = 0
    return Rule(
        post,
        signal,
        str(rng.choice(["spike", "attract", "bounded"])),
        table=table,
        rates=rng.integers(200, 9000, rng.integers(1, 5)),
        depress_rate=int(rng.integers(0, 3000)),
        rate_shift=int(rng.integers(12, 20)),
        trace_shift=int(rng.integers(-3, 2)),
        trace_decay=int(rng.choice([128, 200])),
        trace_increment=int(rng.integers(1, 60)),
        handicap=int(rng.integers(0, 50)),
        recruit=int(rng.integers(-500, 500)),
        delta_margin=int(rng.integers(0, 100)),
    )


def _samples(rng: Random, network: Network) -> tuple[Array, Array]:
    """Return samples around one pattern for each class, many numbers of them 0."""
    count = SAMPLES + 60
    prep = network.preparation
    numbers = network.inputs if prep is None else prep.raw_count
    labels = rng.integers(0, network.capacity, count)
    dtype = np.dtype(str(rng.choice(["uint8", "uint8", "int16", "int32"])))
    if prep is not None and prep.affine is not None and rng.random() < 0.7:
        dtype = np.dtype(np.float32)
    most = 2**network.encoder.bits - 1 if prep is None else 255 if dtype == np.uint8 else 2000
    patterns = rng.random((network.capacity, numbers)) * (rng.random(numbers) < 0.6)
    x = patterns[labels] * most * rng.uniform(0.5, 1.2, (count, 1))
    x += rng.normal(0, most / 12, x.shape) * (x > 0)
    if prep is not None and dtype != np.uint8 and prep.signed:
        x *= rng.choice([-1, 1], numbers)
        return np.clip(x, -most, most).astype(dtype), labels
    return np.clip(x, 0, most).astype(np.uint8 if prep is None else dtype), labels


def random_start(rng: Random, network: Network) -> State:
    """Return weights that make neurons spike, where learning alone would not."""
    populations = []
    for population, fresh in zip(network.populations, new_state(network).populations, strict=True):
        weights = fresh.weights
        if fresh.wins is None:
            low, high = population.weight_min, population.weight_max
            weights = np.rint(rng.uniform(low / 3, high / 2, weights.shape)).astype(np.int8)
        context = fresh.context
        if context is not None and rng.random() < 0.5:
            offset = rng.integers(-9, 10, len(context.offset)).astype(np.int8)
            context = replace(context, offset=offset)
        populations.append(Learned(weights, fresh.wins, fresh.means, context))
    # Classes are known well enough for what winners leave unexplained to count, or are not.
    seen = np.full(network.capacity, rng.choice([0, 100]), np.uint32)
    return State(seen, tuple(populations), 0)
