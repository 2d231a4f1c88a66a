"""Make the golden vectors anew: ``python tests/golden/make.py [FOLDER]``.

Each is a tape (tests/c/replay.c) and what it answers. They are committed, so that no change of the
arithmetic, of the image or of what a network learns from real digits passes unnoticed. Only an
intended change is a reason to run this; the difference then says what became of old images.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from replaying import answers, case, operation, sample_of, saved_state  # noqa: E402

from edge_naca import image, presets  # noqa: E402
from edge_naca.affine import Affine  # noqa: E402
from edge_naca.inhibition import Inhibition, triangle  # noqa: E402
from edge_naca.network import Encoder, Network, Population, Preparation, Rule  # noqa: E402
from edge_naca.specification import encoding  # noqa: E402
from edge_naca.specification.network import Specification  # noqa: E402
from edge_naca.stages import (  # noqa: E402
    CodedConvolution,
    CodedPool,
    SpikingConvolution,
    SpikingPool,
    Stage,
)

SAMPLES = 18
CLASSES = 10
NO_DRIFT: dict[str, Any] = {"drift": 0.0}
NO_PRIORS: dict[str, Any] = {"share": 0.0, "rarity": 0.0, **NO_DRIFT}


def digits() -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the first 8×8 digits, pixels 0 .. 16, one class after another, and their labels."""
    pixels, labels = load_digits(return_X_y=True)
    order = np.argsort(labels[:SAMPLES], kind="stable")
    return pixels[order].astype(np.uint8), labels[order]


def table(capacity: int, neurons: int) -> NDArray[np.int64]:
    """Return a modulation that favours every class's own neurons and is against the next one's."""
    owner = np.arange(neurons) % capacity - np.arange(capacity)[:, None]
    return np.where(owner == 0, 64, np.where(owner % capacity == 1, -48, 0))


def start(network: Network) -> bytes:
    """Return a state with small random weights and a few wins."""
    rng = np.random.default_rng(1)
    parts = []
    for part, population in zip(
        image.new_state(network).populations, network.populations, strict=True
    ):
        low, high = population.weight_min // 4, population.weight_max // 4
        weights = rng.integers(low, high + 1, part.weights.shape).astype(np.int8)
        wins = None if part.wins is None else rng.integers(0, 12, part.wins.shape, np.uint16)
        parts.append(replace(part, weights=weights, wins=wins))
    return image.pack_state(
        network, image.State(np.zeros(network.capacity, np.uint32), tuple(parts), 0)
    )


def tape(
    network: Network, samples: list[NDArray[Any]], labels: NDArray[Any], kind: str, state: bytes
) -> bytes:
    """Write down learning all samples, looking closely at some, saving and going back."""
    encoded = image.encode(network, state)
    operations = []
    for number, (x, label) in enumerate(zip(samples, labels, strict=True)):
        sample = sample_of(network, x, kind)
        operations.append(operation("learn", sample, int(label)))
        if number % 4 == 0:
            operations.append(operation("record", sample))
        if number % 4 == 1 and kind == "raw":
            operations.append(operation("prepare", sample))
        if number % 8 == 2:
            operations.append(operation("restart"))
        if number % 8 == 3:
            operations.append(operation("infer", sample))
    if kind == "raw":  # a single small number: the square root of its norm has to be exact
        lone = np.zeros_like(samples[0])
        lone[9] = 1
        operations.append(operation("prepare", sample_of(network, lone, kind)))
    back = operation("load", (0, 0, saved_state(encoded, state)))
    return case(encoded, [*operations, back, operations[0]])


def competitive(weight_bits: int, preparation: Preparation) -> tuple[Network, bytes]:
    network = presets.competitive(
        preparation,
        CLASSES,
        2,
        weight_bits=weight_bits,
        depression=0.0625,
        grading=0.0,
        **NO_PRIORS,
    )
    return network, image.pack_state(network, image.new_state(network))


def graded() -> tuple[Network, bytes]:
    """Return a competitive network whose levels fall with rank, other ones for young classes.

    Of each class's neurons two are the same, so that ranks are decided by their numbers.
    """
    preparation = Preparation((8, 8, 1), gain=np.array([1]), norm=40)
    network = presets.competitive(preparation, 4, 6, depression=0.0625, **NO_PRIORS)
    hidden = network.populations[0]
    assert hidden.rule is not None
    levels = np.array([[60, 40, 30, 20], [50, 25, 12, 6], [32, 16, 8, 4]])
    rule = replace(hidden.rule, levels=levels, depress_from=2)
    populations = (replace(hidden, rule=rule), *network.populations[1:])
    state = image.unpack_state(network, start(network))
    part = state.populations[0]
    assert part.wins is not None
    weights, wins = part.weights.copy(), part.wins.copy()
    weights[3::6], wins[3::6] = weights[1::6], wins[1::6]
    same = replace(
        state, populations=(replace(part, weights=weights, wins=wins), *state.populations[1:])
    )
    return replace(network, populations=populations), image.pack_state(network, same)


def with_priors(means: tuple[int, int], neurons: int, **settings: Any) -> tuple[Network, bytes]:
    """Return a competitive network with priors, whose means begin at these numbers.

    Two classes reach the same neurons, which belong to the first of them; nobody reaches the last.
    """
    preparation = Preparation((8, 8, 1), gain=np.array([1]), norm=40)
    network = presets.competitive(preparation, 4, neurons, seed=3, **NO_DRIFT, **settings)
    hidden = network.populations[0]
    assert hidden.rule is not None
    assert hidden.rule.table is not None
    modulation = hidden.rule.table.copy()
    modulation[2] = modulation[1]
    modulation[:, -1] = 0
    rule = replace(hidden.rule, table=modulation)
    network = replace(network, populations=(replace(hidden, rule=rule), *network.populations[1:]))
    state = image.new_state(network)
    first = replace(
        state.populations[0],
        wins=np.resize([0, 1, 65535], 4 * neurons).astype(np.uint16),
        means=np.array(means, np.uint32),
    )
    populations = (first, *state.populations[1:])
    return network, image.pack_state(network, replace(state, populations=populations))


def priors() -> bytes:
    """Write down priors from a fresh start, and with means at and beyond their limits."""
    pixels, labels = digits()
    few = labels < 4
    samples, theirs = list(pixels[few]) * 2, np.tile(labels[few], 2)
    networks = (
        with_priors((0, 0), 6),
        with_priors((2**32 - 1, 2**22), 6, share=0.5, rarity=0.99),
        with_priors((70000, 9), 6, share=0.2, rarity=0.0, weight_bits=4, homeostasis=0.02),
        with_priors((900, 900), 1, share=0.1),
    )
    return b"".join(tape(network, samples, theirs, "raw", state) for network, state in networks)


def with_context(
    seen: int,
    offset: NDArray[Any] | int,
    residual: int,
    mean: int,
    weights: NDArray[Any] | None = None,
    **settings: Any,
) -> tuple[Network, bytes]:
    """Return a network with a drift, whose second context and means begin at these numbers.

    Of every other pixel residuals have the opposite sign. One class has no neuron that is
    recruited, the others have one that is not. `weights` (64,) are those of all neurons.
    """
    preparation = Preparation((8, 8, 1), gain=np.array([1]), norm=40)
    network = presets.competitive(preparation, 4, 3, seed=7, **settings)
    if settings.get("weight_bits") == 4:  # the preset gives these no drift
        hidden = network.populations[0]
        assert hidden.rule is not None
        hidden = replace(hidden, rule=replace(hidden.rule, drift=60))
        network = replace(network, populations=(hidden, *network.populations[1:]))
    state = image.unpack_state(network, start(network))
    sides = np.where(np.arange(64) % 2, 1, -1)
    residuals = np.broadcast_to(sides * residual, (2, 64)).astype(np.int16)
    wins = np.resize([9, 0, 700], 12)
    wins[9:] = 0
    first = state.populations[0]
    first = replace(
        first,
        weights=first.weights if weights is None else np.tile(weights, (12, 1)).astype(np.int8),
        wins=wins.astype(np.uint16),
        means=np.array([mean, mean], np.uint32),
        context=image.Context((np.zeros(64) + offset).astype(np.int8), residuals),
    )
    populations = (first, *state.populations[1:])
    counts = np.full(4, seen, np.uint32)
    state = replace(state, seen=counts, populations=populations, learned=4 * seen)
    return network, image.pack_state(network, state)


def contexts() -> bytes:
    """Write down contexts that are recruited, heard, moved, and some at their limits."""
    pixels, labels = digits()
    few = labels < 4
    samples, theirs = list(pixels[few]) * 3, np.tile(labels[few], 3)
    samples = [x if place % 2 else 16 - x for place, x in enumerate(samples)]
    # What samples, and inverted ones, are in weights: their norm is 40, a code counts 16.
    both = np.stack([pixels[few].mean(axis=0), 16 - pixels[few].mean(axis=0)])
    both *= 16 * 40 / np.linalg.norm(both, axis=1, keepdims=True)
    between = np.clip(both[1] - both[0], -127, 127)
    networks = (
        with_context(30, 0, 700, 900),
        with_context(40, 0, 2400, 900, drift=0.05),
        with_context(40, between, 900, 60, drift=0.02),
        with_context(40, between, 200, 4000, np.clip(both[0], 0, 127)),
        with_context(40, between / 8, 0, 4000, bits=6),
        with_context(40, -127, 32640, 100, np.full(64, 127)),
        with_context(40, 127, 32640, 2**32 - 1, drift=0.004, bits=7),
        with_context(40, 3, 300, 20, weight_bits=4),
    )
    return b"".join(tape(network, samples, theirs, "raw", state) for network, state in networks)


def doubting(limit: int, means: tuple[int, int], **settings: Any) -> tuple[Network, bytes]:
    """Return a network that answers none above a limit of novelty."""
    network, state = with_priors(means, 3, **settings)
    hidden = network.populations[0]
    assert hidden.rule is not None
    hidden = replace(hidden, rule=replace(hidden.rule, unknown=limit))
    network = replace(network, populations=(hidden, *network.populations[1:]))
    return network, state


def unknown() -> bytes:
    """Write down answers of networks that take little, much or everything for known."""
    pixels, labels = digits()
    few = labels < 4
    others = list(pixels[~few])[:5]
    samples = [*pixels[few], *others, *pixels[few], 3 * pixels[0], pixels[0] * 0]
    theirs = np.concatenate([labels[few], np.zeros(5), labels[few], [0, 0]]).astype(int)
    networks = (
        doubting(400, (0, 0)),
        doubting(900, (0, 0), bits=7),
        doubting(1200, (70000, 900), share=0.5, rarity=0.99),
        doubting(65535, (0, 0), share=0.0, rarity=0.0),
        doubting(1, (900, 900), weight_bits=4),
    )
    return b"".join(tape(network, samples, theirs, "raw", state) for network, state in networks)


def decorrelated(inhibition: Inhibition) -> tuple[Network, bytes]:
    """Return a graded competitive network behind an inhibition."""
    preparation = Preparation(
        (8, 8, 1), "pool", 2, keeps_sign=True, offset=np.array([30]), gain=np.array([5]), shift=3
    )
    network = presets.competitive(
        preparation, 4, 4, bits=3, inhibition=inhibition, grading=0.6, seed=5, **NO_PRIORS
    )
    return network, image.pack_state(network, image.new_state(network))


def given_inhibition() -> Inhibition:
    rng = np.random.default_rng(6)
    weights = rng.integers(-60, 61, triangle(16))
    return Inhibition(16, 5, weights, rng.integers(0, 4, 16), shift=8)


def low_rank_inhibition() -> Inhibition:
    rng = np.random.default_rng(7)
    weights, centre = rng.integers(-60, 61, 5 * 16), rng.integers(-20000, 20001, 5)
    return Inhibition(16, 5, weights, rng.integers(0, 4, 5), shift=8, centre=centre, rank=5)


def far_decorrelated(codes: NDArray[Any], noise: int, *, reach: int = 1, **learned: Any) -> bytes:
    """Write down what an inhibition makes of one more sample when this is what it learned."""
    inputs = len(codes)
    inhibition = Inhibition(inputs, 7, reach=reach, noise=noise, first=1, every=1)
    network = presets.competitive(inputs, 2, 1, bits=3, inhibition=inhibition, **NO_PRIORS)
    state = image.new_state(network)
    assert state.inhibition is not None
    hidden = replace(state.populations[0], wins=np.array([5, 5], np.uint16))
    state = replace(
        state,
        populations=(hidden, state.populations[1]),
        inhibition=replace(state.inhibition, **learned),
    )
    sample = sample_of(network, codes, "codes")
    return case(
        image.encode(network, state),
        [operation("learn", sample, label) for label in (0, 1)] + [operation("record", sample)],
    )


def decorrelated_extremes() -> Iterator[bytes]:
    """Yield what drives the learning of an inhibition to its limits, and exact divisions."""
    inputs = 40
    factor = np.full(triangle(inputs), 32767, np.int16)
    factor[0] = 100
    prototypes = np.array([2047, -2047], np.int16)[:, None].repeat(inputs, axis=1)
    shared: dict[str, Any] = {"factor": factor, "mean": 2**32 - 1, "count": 4095}
    far, below = {**shared, "prototypes": prototypes}, {**shared, "prototypes": -prototypes}
    yield far_decorrelated(np.full(inputs, -127), 4095, **far, factor_shift=14)
    below |= {"centre": np.full(inputs, -(2**31), np.int32), "shift": 24}
    yield far_decorrelated(np.full(inputs, -127), 0, **below, factor_shift=31)
    # Only the last row gives something: 192 for the third residual, and 1 / 4 has no remainder.
    last = np.where(np.arange(triangle(inputs)) < triangle(inputs - 1), 0, 16384)
    still: dict[str, Any] = {"factor": last.astype(np.int16), "prototypes": 0 * prototypes}
    yield far_decorrelated(np.eye(inputs, dtype=int)[0] * 12, 0, **still, count=2, factor_shift=13)


def furthest_decorrelated() -> bytes:
    """Write down the largest reach: prototypes give so much that its shift meets its limit."""
    inputs = 40
    state = {
        "factor": np.full(triangle(inputs), 32767, np.int16),
        "prototypes": np.array([2047, -2047], np.int16)[:, None].repeat(inputs, axis=1),
        "count": 4095,
        "factor_shift": 14,
    }
    return far_decorrelated(np.full(inputs, -127), 4095, reach=15, **state)


def paper(continual: bool) -> tuple[Network, bytes]:
    preparation = Preparation((8, 8, 1), gain=np.array([255]), shift=4)
    network = presets.paper(preparation, CLASSES, 12, continual=continual, steps=10)
    return network, presets.paper_start(network)


def everything(
    encoder: Encoder, preparation: Preparation | None, bits: int, **neuron: Any
) -> Network:
    """Return a network of three populations with all dynamics at work, each rule differing."""
    zero = 7 if bits == 4 else 0
    low, high = (-7, 8) if bits == 4 else (-100, 100)
    shared: dict[str, Any] = {
        "weight_bits": bits,
        "zero_point": zero,
        "weight_min": low,
        "weight_max": high,
        **neuron,
    }
    error = Rule("all", "error", "spike", rates=np.array([12000]), rate_shift=16)
    return Network(
        64 if preparation is None else preparation.outputs,
        encoder,
        (
            Population(
                18,
                **shared,
                threshold=high // 2,
                winners=5,
                rule=Rule(
                    "delta",
                    "table",
                    "bounded",
                    table(CLASSES, 18),
                    delta_margin=40,
                    rates=np.array([6000]),
                ),
            ),
            Population(
                26,
                **shared,
                norm_shift=6,
                rule=Rule(
                    "winner",
                    "table",
                    "attract",
                    table(CLASSES, 26),
                    rates=np.array([16384, 8192, 4096]),
                    depress_rate=1000,
                    trace_decay=200,
                    trace_increment=200,
                    trace_shift=-4 if bits == 4 else -1,
                    handicap=300,
                    recruit=30,
                ),
            ),
            Population(CLASSES, **shared, bias=True, threshold=high // 4, rule=error),
        ),
        preparation,
        seed=12345,
    )


def coded_stages(preparation: Preparation) -> Network:
    """Return a competitive learner behind a quantised convolutional front end."""
    rng = np.random.default_rng(8)
    first = CodedConvolution(
        shape=(8, 8, 1),
        weights=rng.integers(-30, 40, (6, 1, 3, 3)),
        padding=(1, 1),
        code_bits=8,
        bits=5,
        bias=rng.integers(-90, 90, 6),
        shift=np.array([4, 5, 4, 5, 4, 5]),
    )
    pool = CodedPool(shape=(8, 8, 6), kernel=(2, 2), stride=(2, 2), pool="max", code_bits=5, bits=5)
    grouped = CodedConvolution(
        shape=(4, 4, 6),
        weights=rng.integers(-20, 30, (9, 2, 2, 2)),
        groups=3,
        dilation=(2, 2),
        code_bits=5,
        bits=6,
        shift=np.array([6]),
    )
    mean = CodedPool(shape=(2, 2, 9), kernel=(2, 1), code_bits=6, bits=4, gain=3, shift=2)
    inner = presets.competitive(
        Preparation((1, mean.units, 1)), CLASSES, 2, depression=0.0625, grading=0.0, **NO_PRIORS
    )
    return Network(
        64, inner.encoder, inner.populations, preparation, stages=(first, pool, grouped, mean)
    )


def spiking_stages(encoder: Encoder, populations: tuple[Population, ...]) -> Network:
    """Return spiking stages of every kind and, without populations, a readout."""
    rng = np.random.default_rng(9)
    first = SpikingConvolution(
        shape=(8, 8, 1),
        weights=rng.integers(-40, 60, (4, 1, 3, 3)),
        padding=(1, 0),
        bias=np.array([5, -3, 0, 9]),
        threshold=np.array([300, 400, 350, 500]),
        reset="subtract",
        reset_by=np.array([330, 400, 350, 500]),
        decay=np.array([230]),
    )
    pool = SpikingPool(shape=first.output_shape, kernel=(3, 2), stride=(2, 2), padding=(1, 0))
    second = SpikingConvolution(
        shape=pool.output_shape,
        weights=rng.integers(-60, 60, (6, 2, 2, 2)),
        groups=2,
        stride=(2, 1),
        threshold=np.array([90]),
        decay=np.array([200]),
        synapse_decay=np.array([128]),
        current_shift=2,
        refractory=1,
    )
    units = second.units if populations else CLASSES
    dense = SpikingConvolution(
        shape=second.output_shape,
        weights=rng.integers(-50, 60, (units, 6, *second.output)),
        threshold=rng.integers(20, 200, units),
        own=True,
        readout=not populations,
    )
    stages: tuple[Stage, ...] = (first, pool, second, dense)
    return Network(64, encoder, populations, stages=stages, seed=77)


def extremes() -> bytes:
    """Write down what drives sums, potentials, adaptation and win counts to their limits."""
    preparation = Preparation((2, 600, 1), "pool", 2, norm=120)
    rule = Rule("winner", "table", "attract", np.array([[64] * 4, [64] * 4]), handicap=1)
    restless = Population(
        4,
        threshold=-(1 << 26),
        adaptation=1 << 20,
        adaptation_decay=256,
        current_shift=7,
        reset="subtract",
        rule=rule,
    )
    output = Population(2, threshold=50)
    network = Network(300, Encoder("rate", 4, 12), (restless, output), preparation)
    weights = np.full((4, 300), 127, np.int8)
    weights[1] = -128
    wins = np.array([65535, 1, 65534, 0], np.uint16)
    hidden, last = image.Learned(weights, wins), image.Learned(np.ones((2, 4), np.int8), None)
    encoded = image.encode(network, image.State(np.zeros(2, np.uint32), (hidden, last), 0))
    raw = np.zeros(1200, np.int32)
    raw[:8] = 2**31 - 1
    raw[8:16:3] = 3000
    raw[16:40] = 300
    full = operation("record", sample_of(network, np.full(300, 15), "codes"))
    taught = operation("learn", sample_of(network, np.full(300, 15), "codes"))
    return case(
        encoded,
        [taught, full, *2 * [taught], full, operation("prepare", sample_of(network, raw, "raw"))],
    )


def vectors() -> Iterator[tuple[str, bytes]]:
    """Yield the name of each vector and its tape."""
    pixels, labels = digits()
    raw = list(pixels)
    plain = Preparation((8, 8, 1), gain=np.array([1]), norm=40)
    pooled = Preparation((8, 8, 1), "pool", 2, gain=np.array([3]), shift=2, norm=30)
    edges = Preparation((8, 8, 1), "edges", 4, cap=12, gain=np.array([5]), shift=3, norm=50)
    for name, bits, preparation in [
        ("competitive", 8, plain),
        ("competitive-pool-4bit", 4, pooled),
        ("competitive-edges", 8, edges),
    ]:
        network, state = competitive(bits, preparation)
        yield name, tape(network, raw, labels, "raw", state)
    network, state = graded()
    few = labels < network.capacity
    yield "graded", tape(network, list(pixels[few]) * 2, np.tile(labels[few], 2), "raw", state)
    yield "priors", priors()
    yield "contexts", contexts()
    yield "unknown", unknown()
    for name, continual in [("paper-continual", True), ("paper-iid", False)]:
        network, state = paper(continual)
        yield name, tape(network, raw, labels, "raw", state)

    features = np.arange(128)
    sensor = Preparation(
        (4, 16, 2),
        log=True,
        signed=True,
        offset=features * 8 - 512,
        gain=features % 5 + 1,
        shift=6,
        norm=90,
    )
    signed = [
        x * np.int16(2000) - np.int16(16000) for x in np.concatenate([pixels, pixels], axis=1)
    ]
    network = everything(
        Encoder("latency", 6, 9), sensor, 8, decay=230, adaptation=150, adaptation_decay=200,
        reset="subtract", refractory=2,
    )  # fmt: skip
    yield "sensor-latency", tape(network, signed, labels, "raw", start(network))

    network = everything(
        Encoder("rate", 4, 7), None, 4, decay=200, inhibition=6, current_shift=1, fire_from=2
    )
    codes = [np.minimum(x, 15) for x in raw]
    yield "codes-rate-4bit", tape(network, codes, labels, "codes", start(network))

    network = everything(Encoder("latency", 4, 6), None, 8, decay=256, refractory=1)
    events = [np.argwhere(encoding.spikes(network.encoder, np.minimum(x, 15), 0)) for x in raw]
    yield "events", tape(network, events, labels, "events", start(network))
    yield "extremes", extremes()

    network = coded_stages(Preparation((8, 8, 1), gain=np.array([255]), shift=4))
    yield "coded-stages", tape(network, raw, labels, "raw", start(network))
    network = spiking_stages(Encoder("direct", 5, 6), ())
    bright = [np.minimum(x * 2, 31) for x in raw]
    yield "spiking-readout", tape(network, bright, labels, "codes", start(network))
    hidden = Population(16, threshold=60, rule=Rule("all", "table", "bounded", table(CLASSES, 16)))
    output = Population(CLASSES, threshold=30, rule=Rule("all", "error", "spike"))
    network = spiking_stages(Encoder("rate", 4, 7), (hidden, output))
    yield "spiking-stages", tape(network, codes, labels, "codes", start(network))
    yield from signed_vectors()
    yield from (("reals", reals()), ("halves", halves()))


def reals() -> bytes:
    """Write down what is learned from real numbers, extreme ones, and integers taken for such."""
    pixels, labels = digits()
    rng = np.random.default_rng(10)
    each = Affine.of(rng.uniform(0, 16, 64), rng.uniform(3, 30, 64))
    around = Preparation((8, 8, 1), keeps_sign=True, affine=each, shift=2, norm=40)
    network, state = competitive(4, around)
    learned = tape(network, list((pixels / 3).astype(np.float32)), labels, "raw", state)
    # Bits of all kinds, through maps of all kinds, a logarithm behind them.
    factor = np.array([1, -1, 32767, -32768, 12345, -3, 0, 8192])
    exponent = np.array([-128, 127, -15, -11, 0, -1, 5, -47])
    addend = np.array([0, 2**31 - 1, -(2**31), 7, -1, 100, 5, 0])
    maps = Affine(factor, exponent, addend)
    odd = Preparation((1, 8, 1), log=True, signed=True, shift=5, affine=maps)
    network = Network(16, Encoder("rate", 8, 3), (Population(2, threshold=9),), odd)
    words = [0, 1 << 31, 1, 0x7FFFFF, 1 << 23, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F800000, 0xBFC00000]
    words += [0x40200000, 0x4B800001, 0x3EFFFFFF, 0x47C35000, 0x33800000, 0x3F7FFFFF, 0x5F000000]
    bits = np.array(words, np.uint32)
    samples = [bits.view(np.float32)[(np.arange(8) + turn) % 16] for turn in range(16)]
    ways = [operation("prepare", sample_of(network, x, "raw")) for x in samples]
    wholes = [0, -1, 255, 2**24 + 1, 2**24 + 3, -(2**31), 2**31 - 1, -(2**25) - 6]
    for turn in range(8):
        x = np.roll(np.array(wholes, "<i4"), turn)
        for kind, dtype in ((0, "<u1"), (1, "<i2"), (2, "<i4")):
            ways.append(operation("prepare", (kind, 8, x.astype(dtype).tobytes())))
    return learned + case(image.encode(network), ways) + small_reals()


def small_reals() -> bytes:
    """Write down what becomes of real numbers, where every integer shows in a code."""
    maps = Affine(
        factor=np.array([1, -1, 16384, 32767, 1, -3, 1, 12345]),
        exponent=np.array([0, 0, 43, -16, 0, -1, 127, 0]),
        addend=np.array([0, 9, 0, 0, -(2**24), 100, 7, -200]),
    )
    prep = Preparation((1, 8, 1), signed=True, affine=maps)
    network = Network(16, Encoder("rate", 8, 3), (Population(2, threshold=9),), prep)
    numbers = [0.5, 1.5, 2.5, 3.0, -0.5, -2.5, 1.0, 0.99999994, 1e-40, -1e-44, 1.2e-38, 16777220.0]
    samples = [np.full(8, number, np.float32) for number in numbers]
    ways = [operation("prepare", sample_of(network, x, "raw")) for x in samples]
    wholes = (1, 5, 2**24 + 1, 2**24 + 3, -(2**24) - 3, 2**31 - 1)
    ways += [operation("prepare", (2, 8, np.full(8, x, "<i4").tobytes())) for x in wholes]
    return case(image.encode(network), ways)


def halves() -> bytes:
    """Write down what rounds to 0, to a half, and to a little more than one."""
    maps = Affine(
        factor=np.array([1, 32767, -32768, 1]),
        exponent=np.array([-20, -39, -39, -21]),
        addend=np.zeros(4, int),
    )
    prep = Preparation((1, 4, 1), signed=True, affine=maps)
    network = Network(8, Encoder("rate", 8, 3), (Population(2, threshold=9),), prep)
    half = 2**23 + 2**19  # 8.5 of the first map
    numbers = [
        half - 1,
        half,
        half + 1,
        half + 2**20,
        half + 2**20 + 1,
        2**24 - 1,
        2**22,
        2**23 + 9,
    ]
    samples = [
        sample_of(network, np.full(4, sign * number, np.float32), "raw")
        for number in numbers
        for sign in (1, -1)
    ]
    ways = [operation("prepare", sample) for sample in samples]
    return case(image.encode(network), [operation("learn", samples[0]), *ways])


def signed_vectors() -> Iterator[tuple[str, bytes]]:
    """Yield those of codes with a sign, decorrelated or not."""
    pixels, labels = digits()
    around = Preparation((8, 8, 1), keeps_sign=True, offset=np.array([8]), norm=40)
    network, state = competitive(4, around)
    yield "signed", tape(network, list(pixels), labels, "raw", state)
    few = labels < 4
    samples, theirs = list(pixels[few]) * 3, np.tile(labels[few], 3)
    learned = Inhibition(16, 5, first=8, every=4)
    networks = map(decorrelated, (learned, given_inhibition()))
    tapes = [tape(network, samples, theirs, "raw", state) for network, state in networks]
    yield "decorrelated", b"".join([*tapes, *decorrelated_extremes()])
    network, state = decorrelated(low_rank_inhibition())
    yield "low-rank", tape(network, samples, theirs, "raw", state)
    yield "furthest-reach", furthest_decorrelated()


def make(folder: Path) -> None:
    """Write all vectors into a folder."""
    for name, written in vectors():
        (folder / f"{name}.tape").write_bytes(written)
        lines = "".join(f"{line}\n" for line in answers(written, Specification))
        (folder / f"{name}.txt").write_text(lines)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
