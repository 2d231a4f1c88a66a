"""Networks with signed codes and inhibitions on which instructions are counted.

Random ones have codes with a sign alone, a given V, or one that is learned: not in use yet, in use,
renewed at every sample or so. Those of `held_out_inhibitions` are never fitted to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from instruction_networks import SAMPLES, Case
from numpy.typing import NDArray

from edge_naca import data, presets
from edge_naca.core import Core
from edge_naca.image import unpack_state
from edge_naca.inhibition import Inhibition, triangle
from edge_naca.network import Network, Preparation

Array = NDArray[Any]
Random = np.random.Generator

LESSON = 60
MOST_PROTOTYPES = 6000  # numbers of them: what fits into the RAM of most boards


def random_inhibition_cases(count: int, seed: int, largest: int = 1 << 20) -> Iterator[Case]:
    """Yield cases of random networks, of images up to `largest` bytes."""
    rng = np.random.default_rng(seed)
    number = 0
    while number < count:
        case = _random_case(f"random signs {seed}.{number}", rng, largest < 1 << 16)
        if len(case.image) <= largest:
            number += 1
            yield case


def held_out_inhibitions() -> list[Case]:
    """Return cases of digits, as 64 numbers and, for an AVR, as 16."""
    digits = data.load("digits")
    cases = []
    for side, neurons in ((8, 3), (4, 1)):
        cell = 8 // side
        prep = Preparation(
            (8, 8, 1),
            cell=cell,
            keeps_sign=True,
            offset=np.array([5 * cell**2]),
            gain=np.array([9]),
            shift=2 * cell.bit_length() - 1,
        )
        signs = presets.competitive(prep, 10, neurons, bits=4, drift=0.0)
        learned = replace(signs, inhibition=Inhibition(side**2, 6))
        taught = _taught(learned, digits)
        title = f"digits, {side**2} numbers with a sign"
        given = replace(signs, inhibition=_given(learned, taught))
        low = replace(signs, inhibition=_of_low_rank(learned, taught))
        cases += [
            _case(title, _taught(signs, digits), digits),
            _case(f"{title}, V learned", taught, digits),
            _case(f"{title}, V given", _taught(given, digits), digits),
            _case(f"{title}, V of low rank", _taught(low, digits), digits),
        ]
    return cases


# ---- digits --------------------------------------------------------------------------------------

FEW = 397  # samples learned before those that are counted, the third of which renews V


def _taught(network: Network, digits: data.Dataset) -> Core:
    core = Core(network)
    core.learn_many(digits.x_train[:FEW], digits.y_train[:FEW])
    return core


def _case(name: str, core: Core, digits: data.Dataset) -> Case:
    chosen = slice(FEW, FEW + SAMPLES)
    x = digits.x_train[chosen].reshape(SAMPLES, -1)
    return Case(name, core.image(), x, digits.y_train[chosen], "raw")


def _given(network: Network, core: Core) -> Inhibition:
    """Return what a network learned as an inhibition that does not."""
    state = unpack_state(network, core.state())
    inhibition, learned = network.inhibition, state.inhibition
    assert inhibition is not None
    assert learned is not None
    return Inhibition(
        inhibition.inputs,
        inhibition.code_bits,
        learned.weights,
        learned.row_shifts,
        learned.shift,
    )


def _of_low_rank(network: Network, core: Core) -> Inhibition:
    """Return one of half as many outputs: every other row of what a network learned."""
    given = _given(network, core)
    return replace(
        given,
        rank=given.inputs // 2,
        weights=given.dense()[1::2].reshape(-1),
        row_shifts=given.row_shifts[1::2],
        centre=given.centre[1::2],
    )


# ---- random ones ---------------------------------------------------------------------------------


def _random_case(name: str, rng: Random, is_small: bool) -> Case:
    kind = str(rng.choice(["signs", "given", "learned", "learned"]))
    inputs = int(rng.integers(3, 22 if is_small else 129))
    code_bits, bits = int(rng.integers(2, 8)), int(rng.integers(2, 8))
    inhibition = None
    if kind == "given":
        inhibition = _random_given(rng, inputs, code_bits)
    elif kind == "learned":
        first = int(rng.choice([1, 20, LESSON, 10000]))
        inhibition = Inhibition(inputs, code_bits, first=first, every=int(rng.integers(1, 4)))
    else:
        code_bits = bits
    weight_bits = 4 if kind != "learned" and bits < 5 and rng.random() < 0.3 else 8
    capacity = int(rng.integers(2, 11))
    most = max(min(MOST_PROTOTYPES // inputs // capacity, 2 if is_small else 12), 1)
    prep: Preparation | None = _preparation(rng, inputs, code_bits)
    if inhibition is not None and rng.random() < 0.4:
        prep = None  # codes with a sign without either are no preset
    network = presets.competitive(
        inputs if prep is None else prep,
        capacity,
        int(rng.integers(1, most + 1)),
        bits=bits,
        weight_bits=weight_bits,
        inhibition=inhibition,
        grading=float(rng.choice([0, 0.5])),
    )
    x, labels = _samples(rng, network, code_bits)
    core = Core(network)
    handed = "codes" if prep is None else "raw"
    core.learn_many(x[SAMPLES:], labels[SAMPLES:], handed)
    return Case(name, core.image(), x[:SAMPLES], labels[:SAMPLES], handed)


def _preparation(rng: Random, inputs: int, code_bits: int) -> Preparation:
    """Return one that makes of numbers within ±1000 codes within their bits, on the whole."""
    count = inputs if rng.random() < 0.5 else 1
    prep = Preparation((1, inputs, 1), keeps_sign=True, log=bool(rng.random() < 0.15))
    largest = 256 * 10 if prep.log else 1000
    return replace(
        prep,
        offset=rng.integers(-50, 50, count),
        gain=rng.integers(700, 1300, count),
        shift=int(np.log2(largest / 2**code_bits)) + 10,
        norm=int(rng.integers(10, 120)) if rng.random() < 0.3 else 0,
    )


def _random_given(rng: Random, inputs: int, code_bits: int) -> Inhibition:
    rank = int(rng.integers(1, inputs + 1)) if rng.random() < 0.5 else 0
    weights = rng.integers(-127, 128, rank * inputs or triangle(inputs))
    row_shifts = rng.integers(0, 3, rank or inputs)
    shift = int(np.log2(70 * inputs**0.5 * 2**code_bits / 2)) - 3
    return Inhibition(inputs, code_bits, weights, row_shifts, max(shift, 0), rank=rank)


def _samples(rng: Random, network: Network, code_bits: int) -> tuple[Array, Array]:
    """Return samples around one pattern for each class, some of whose numbers are 0."""
    count = SAMPLES + LESSON
    labels = rng.integers(0, network.capacity, count)
    numbers = network.inputs
    most = 1000 if network.preparation is not None else 2**code_bits - 1
    share = rng.choice([0.5, 0.9, 1])
    patterns = rng.normal(0, most / 3, (network.capacity, numbers)) * (rng.random(numbers) < share)
    x = patterns[labels] + rng.normal(0, most / 9, (count, numbers)) * (patterns[labels] != 0)
    dtype = (
        np.int8 if network.preparation is None else np.dtype(str(rng.choice(["int16", "int32"])))
    )
    return np.clip(np.rint(x), -most, most).astype(dtype), labels
