"""Networks with frozen stages on which instructions are counted: many random ones, some as used.

Weights are random or simple filters: what a stage takes follows from its sizes and from how many
codes and spikes there are, not from what it was trained for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from instruction_networks import SAMPLES, SMALL, Case, random_population, random_start
from numpy.typing import NDArray

from edge_naca import data, presets
from edge_naca.core import Core
from edge_naca.network import Encoder, Network, Population, Preparation
from edge_naca.stages import (
    CodedConvolution,
    CodedPool,
    SpikingConvolution,
    SpikingPool,
    Stage,
)

Array = NDArray[Any]
Random = np.random.Generator
Shape = tuple[int, int, int]

MOST_SYNOPS = 50_000  # of a sample: emulators take their time
MOST_UNITS = 1500  # of a stage: what fits into the RAM of most boards
SILENT_SHARE = 0.1  # of random networks that may pass nothing on to what is last


# ---- random ones ---------------------------------------------------------------------------------


def random_stage_cases(count: int, seed: int, largest: int = 1 << 20) -> Iterator[Case]:
    """Yield cases of random networks with stages, of images up to `largest` bytes."""
    rng = np.random.default_rng(seed)
    number = 0
    while number < count:
        case = _random_case(f"random stages {seed}.{number}", rng, largest)
        if case is not None:
            number += 1
            yield case


def _random_case(name: str, rng: Random, largest: int) -> Case | None:
    is_small = largest < 1 << 16
    side = int(rng.integers(4, 9 if is_small else 17))
    width = 1 if rng.random() < 0.1 else int(rng.integers(3, side + 1))
    shape = (side, width, int(rng.choice([1, 1, 1, 2, 3])))
    kind = str(rng.choice(["bitplane", "rate", "latency", "direct"]))
    bits = int(rng.integers(2, 8))
    steps = bits if kind == "bitplane" else int(rng.integers(2, 10))
    encoder = Encoder(kind, bits, steps)
    capacity = int(rng.integers(2, 11))
    try:
        stages, has_populations = _chain(rng, shape, encoder, capacity)
        network = _behind(rng, shape, encoder, stages, capacity if has_populations else 0)
    except ValueError:  # a limit of images: the next one will do
        return None
    samples, labels = _samples(rng, network)
    core = Core(network, random_start(rng, network))
    results = core.learn_many(samples, labels, _kind(network))
    if (
        results["synops"].max() > MOST_SYNOPS
        or len(core.image()) > largest
        or (is_small and core.workspace_size > 6 * SMALL)
        or (not _is_lively(core, samples[0]) and rng.random() > SILENT_SHARE)
    ):
        return None
    return Case(name, core.image(), samples[:SAMPLES], labels[:SAMPLES], _kind(network))


def _kind(network: Network) -> str:
    return "codes" if network.preparation is None else "raw"


def _is_lively(core: Core, x: Array) -> bool:
    """Tell whether the last stage, or whoever follows it, gets anything."""
    recording = core.record(x, _kind(core.network))
    return bool(recording.spikes.any()) or bool((recording.potentials != 0).any())


def _chain(
    rng: Random, shape: Shape, encoder: Encoder, capacity: int
) -> tuple[tuple[Stage, ...], bool]:
    """Return stages, and whether populations are to follow."""
    stages: list[Stage] = []
    coded = int(rng.integers(0, 3)) if encoder.kind != "direct" else int(rng.integers(0, 2))
    spiking = int(rng.integers(0 if coded else 1, 4 - (coded > 1)))
    bits = int(rng.integers(2, 9)) if coded > 1 else encoder.bits
    for number in range(coded):
        after = encoder.bits if number == coded - 1 else bits
        stages.append(_coded(rng, shape, bits, after))
        shape = stages[-1].output_shape
    has_populations = bool(rng.random() < 0.6)
    if encoder.kind == "direct" or not has_populations:
        spiking = max(spiking, 1)
    for number in range(spiking):
        is_last = number == spiking - 1
        value = 2**encoder.bits - 1 if encoder.kind == "direct" and number == 0 else 1
        may_pool = value == 1 and not (stages and isinstance(stages[-1], SpikingPool))
        if is_last and not has_populations:
            stages.append(_dense(rng, shape, capacity, value))
        elif may_pool and rng.random() < 0.4:
            stages.append(SpikingPool(**_window(rng, shape)))
        else:
            stages.append(_spiking(rng, shape, value))
        shape = stages[-1].output_shape
    if max(stage.units for stage in stages) > MOST_UNITS:
        raise ValueError("too large for most boards")
    return tuple(stages), has_populations


def _window(rng: Random, shape: Shape) -> dict[str, Any]:
    """Return how a pool moves: 2 × 2 as often as all others."""
    if rng.random() < 0.5 and min(shape[:2]) > 1:
        return {"shape": shape, "kernel": (2, 2), "stride": (2, 2)}
    kernel = tuple(int(rng.integers(1, min(size, 4) + 1)) for size in shape[:2])
    if kernel == (1, 1):
        raise ValueError("this is no pool")
    stride = tuple(int(rng.integers(1, min(side, 2) + 1)) for side in kernel)
    padding = tuple(int(rng.integers(0, side)) if rng.random() < 0.4 else 0 for side in kernel)
    return {"shape": shape, "kernel": kernel, "stride": stride, "padding": padding}


def _convolution(rng: Random, shape: Shape) -> dict[str, Any]:
    height, width, channels = shape
    groups = int(rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))
    groups = groups if rng.random() < 0.4 else 1
    maps = groups * int(rng.integers(1, max(2, 17 // groups)))
    sides = []
    for size in (height, width):
        choices = [1, 2, 5, size] if rng.random() < 0.3 else [3]
        sides.append(min(int(rng.choice(choices)), size))
    dilation = tuple(
        2 if side > 1 and 2 * (side - 1) < size and rng.random() < 0.15 else 1
        for side, size in zip(sides, shape[:2], strict=True)
    )
    is_padded = rng.random() < 0.6
    weights = np.rint(rng.normal(4, 30, (maps, channels // groups, *sides))).clip(-128, 127)
    return {
        "shape": shape,
        "weights": weights.astype(np.int8),
        "groups": groups,
        "dilation": dilation,
        "stride": tuple(int(rng.choice([1, 1, 1, 2, 3])) for _ in range(2)),
        "padding": tuple(side // 2 if is_padded else 0 for side in sides),
    }


def _coded(rng: Random, shape: Shape, before: int, after: int) -> Stage:
    if rng.random() < 0.4:
        window = _window(rng, shape)
        if before == after and rng.random() < 0.5:
            return CodedPool(**window, code_bits=before, bits=after, pool="max")
        area = int(np.prod(window["kernel"]))
        gain = 2 ** (12 + after - before) // area
        return CodedPool(**window, code_bits=before, bits=after, gain=gain, shift=12)
    made = _convolution(rng, shape)
    reach = np.abs(made["weights"].astype(int)).sum(axis=(1, 2, 3)) * (2**before - 1) / 8
    shift = np.clip(np.rint(np.log2((reach + 1) / 2**after)), 0, 23).astype(int)
    bias = rng.integers(-20, 200, len(shift))
    return CodedConvolution(**made, code_bits=before, bits=after, bias=bias, shift=shift)


def _neurons(rng: Random, made: dict[str, Any], value: int, *, is_readout: bool) -> Stage:
    """Return neurons of which some spike: thresholds go by what arrives."""
    weights = made["weights"].astype(float)
    usual = np.sqrt((weights**2).sum(axis=(1, 2, 3))) * np.sqrt(value) * rng.uniform(0.3, 1.5)
    own = bool(rng.random() < 0.2)
    threshold: Array = np.rint(usual)
    reset = str(rng.choice(["zero", "subtract"]))
    if own:
        plain = SpikingConvolution(**made)
        threshold = np.resize(threshold, plain.units)
    return SpikingConvolution(
        **made,
        own=own,
        threshold=threshold.astype(int),
        reset=reset,
        reset_by=threshold.astype(int) if reset == "subtract" else np.array([0]),
        bias=rng.integers(0, 30, 1),
        decay=rng.choice([128, 200, 230, 256], 1),
        synapse_decay=rng.choice([128, 200], 1) if rng.random() < 0.3 else None,
        refractory=int(rng.integers(1, 4)) if reset == "zero" and rng.random() < 0.4 else 0,
        readout=is_readout,
    )


def _spiking(rng: Random, shape: Shape, value: int) -> Stage:
    return _neurons(rng, _convolution(rng, shape), value, is_readout=False)


def _dense(rng: Random, shape: Shape, neurons: int, value: int) -> Stage:
    """Return an output: a dense layer."""
    height, width, channels = shape
    weights = np.rint(rng.normal(4, 30, (neurons, channels, height, width))).clip(-128, 127)
    made = {"shape": shape, "weights": weights.astype(np.int8)}
    return _neurons(rng, made, value, is_readout=bool(rng.random() < 0.5))


def _behind(
    rng: Random, shape: Shape, encoder: Encoder, stages: tuple[Stage, ...], capacity: int
) -> Network:
    """Return a network with these stages, and with populations where there is a capacity."""
    preparation = None
    if rng.random() < 0.5:
        bits = getattr(stages[0], "code_bits", encoder.bits)
        preparation = Preparation(shape, gain=np.array([2**bits - 1]), shift=8)
    populations: tuple[Population, ...] = ()
    inputs = int(np.prod(shape))
    if capacity:
        arriving = stages[-1].units
        if rng.random() < 0.6 and encoder.kind != "direct":
            most = max(min(12000 // arriving // capacity, 12), 1)
            competitive = presets.competitive(
                arriving, capacity, int(rng.integers(1, most + 1)), bits=min(encoder.bits, 4)
            )
            populations = competitive.populations
            encoder = Encoder(encoder.kind, encoder.bits, max(encoder.steps, encoder.bits))
        else:
            plain = random_population(rng, capacity, capacity, encoder.steps, is_output=True)
            populations = (plain,)
    return Network(inputs, encoder, populations, preparation, seed=5, stages=stages)


def _samples(rng: Random, network: Network) -> tuple[Array, Array]:
    count = SAMPLES + 12
    numbers = network.inputs
    labels = rng.integers(0, network.capacity, count)
    most = 255 if network.preparation is not None else 2**network.code_bits - 1
    patterns = rng.random((network.capacity, numbers)) * (rng.random(numbers) < 0.7)
    x = patterns[labels] * most * rng.uniform(0.5, 1.2, (count, 1))
    x += rng.normal(0, most / 12, x.shape) * (x > 0)
    return np.clip(x, 0, most).astype(np.uint8), labels


# ---- as people make them -------------------------------------------------------------------------


def held_out_stages() -> list[Case]:
    """Return cases that nothing is fitted to; MNIST is among them where it is there."""
    digits = data.load("digits")
    cases = [
        _case(
            "digits, coded convolution and pool, learner", coded_learner((8, 8, 1), 8, 3), digits
        ),
        _case("digits, spiking convolution, learner", spiking_learner((8, 8, 1), 6, 3), digits),
        _case("digits, spiking classifier", classifier((8, 8, 1), 6, readout=False), digits),
        _case("digits, spiking readout", classifier((8, 8, 1), 6, readout=True), digits),
        _case("digits, small coded stages", coded_learner((8, 8, 1), 4, 1, stride=2), digits),
    ]
    if data.available("mnist"):
        mnist = data.load("mnist")
        coded = coded_learner((28, 28, 1), 8, 4, stride=2)
        cases.append(_case("mnist, coded convolution and pool, learner", coded, mnist))
        spiking = classifier((28, 28, 1), 4, readout=True)
        cases.append(_case("mnist, spiking readout", spiking, mnist))
    return [
        *cases,
        *random_stage_cases(6, seed=97),
        *random_stage_cases(5, seed=96, largest=SMALL),
    ]


def _case(name: str, network: Network, dataset: data.Dataset) -> Case:
    core = Core(network)
    order = np.random.default_rng(1).permutation(len(dataset.y_train))
    core.learn_many(dataset.x_train[order[:300]], dataset.y_train[order[:300]])
    chosen = order[300 : 300 + SAMPLES]
    x = dataset.x_train[chosen].reshape(len(chosen), -1)
    return Case(name, core.image(), x, dataset.y_train[chosen], "raw")


def filters(maps: int, channels: int) -> Array:
    """Return edge filters of 3 × 3 at as many angles as there are maps, int8."""
    y, x = np.mgrid[-1:2, -1:2]
    angles = np.arange(maps) * 2 * np.pi / maps
    bank = np.cos(angles)[:, None, None] * x + np.sin(angles)[:, None, None] * y
    return np.rint(np.repeat(40 * bank[:, None], channels, axis=1)).astype(np.int8)


def _prepared(shape: Shape, bits: int) -> Preparation:
    largest = 16 if shape == (8, 8, 1) else 255  # of digits that come along, and of others
    return Preparation(shape, gain=np.array([(2**bits - 1) * 256 // largest]), shift=8)


def coded_learner(shape: Shape, maps: int, neurons: int, stride: int = 1) -> Network:
    """Return a coded convolution and a pool in front of competing neurons."""
    convolution = CodedConvolution(
        shape=shape, weights=filters(maps, 1), padding=(1, 1), stride=(stride, stride),
        code_bits=6, bits=4, shift=np.array([7]),
    )  # fmt: skip
    pool = CodedPool(
        shape=convolution.output_shape, kernel=(2, 2), stride=(2, 2), pool="max",
        code_bits=4, bits=4,
    )  # fmt: skip
    made = presets.competitive(pool.units, 10, neurons)
    return replace(
        made,
        inputs=int(np.prod(shape)),
        preparation=_prepared(shape, 6),
        stages=(convolution, pool),
    )


def spiking_learner(shape: Shape, maps: int, neurons: int) -> Network:
    """Return spiking neurons behind a convolution, a pool, and competing neurons."""
    convolution = SpikingConvolution(
        shape=shape,
        weights=filters(maps, 1),
        padding=(1, 1),
        threshold=np.array([60]),
        decay=np.array([200]),
        reset="subtract",
        reset_by=np.array([60]),
    )
    pool = SpikingPool(shape=convolution.output_shape, kernel=(2, 2), stride=(2, 2))
    made = presets.competitive(pool.units, 10, neurons)
    return replace(
        made,
        inputs=int(np.prod(shape)),
        encoder=Encoder("rate", 6, 8),
        populations=tuple(replace(one, fire_from=7) for one in made.populations),
        preparation=_prepared(shape, 6),
        stages=(convolution, pool),
    )


def classifier(shape: Shape, maps: int, *, readout: bool) -> Network:
    """Return spiking stages without any population, as other frameworks make them."""
    rng = np.random.default_rng(7)
    first = SpikingConvolution(
        shape=shape,
        weights=filters(maps, 1),
        stride=(2, 2),
        padding=(1, 1),
        threshold=np.array([2000]),
        decay=np.array([230]),
        reset="subtract",
        reset_by=np.array([2000]),
    )
    pool = SpikingPool(shape=first.output_shape, kernel=(2, 2), stride=(2, 2))
    height, width, channels = pool.output_shape
    weights = rng.integers(-60, 90, (10, channels, height, width))
    dense = SpikingConvolution(
        shape=pool.output_shape, weights=weights, threshold=np.array([400]), readout=readout,
        synapse_decay=np.array([128]),
    )  # fmt: skip
    return Network(
        int(np.prod(shape)),
        Encoder("direct", 6, 8),
        (),
        _prepared(shape, 6),
        stages=(first, pool, dense),
    )
