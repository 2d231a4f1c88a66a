"""Counts of what stages do are those of the core's loops, walked through one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import stage_networks
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from stage_strategies import coded_stages, spiking_convolutions, spiking_pools
from strategies import networks, random_sample, random_state

from edge_naca.core import Core
from edge_naca.export.cost.operations import operations
from edge_naca.export.cost.stage_operations import coded_operations, spiking_operations
from edge_naca.network import Encoder, Network
from edge_naca.specification.stages import arrange
from edge_naca.stages import CodedConvolution, CodedPool, SpikingConvolution, SpikingPool, Stage

SHAPES = st.sampled_from([(5, 4, 2), (6, 1, 3), (3, 7, 4), (1, 1, 6), (4, 4, 1)])


def walk_coded(stage: CodedConvolution | CodedPool, codes: NDArray[Any]) -> Counter[str]:
    """Do as run_stage of coded.c does, and count."""
    counts: Counter[str] = Counter()
    height, width, channels = stage.shape
    for row, column in np.ndindex(*stage.output):
        counts["place of a coded stage"] += 1
        for ky in range(stage.kernel[0]):
            y = row * stage.stride[0] + ky * stage.dilation[0] - stage.padding[0]
            if not 0 <= y < height:
                counts["kernel row beyond the border"] += 1
                continue
            counts["kernel row looked at"] += 1
            for kx in range(stage.kernel[1]):
                x = column * stage.stride[1] + kx * stage.dilation[1] - stage.padding[1]
                if not 0 <= x < width:
                    counts["kernel place beyond the border"] += 1
                    continue
                if isinstance(stage, CodedPool):
                    counts["pixel under a pool"] += 1
                    counts[f"code under a pool, {stage.pool}"] += channels
                    continue
                counts["pixel under a kernel"] += 1
                counts["code under a kernel"] += channels
                for channel in np.flatnonzero(codes[y, x]).tolist():
                    group = channel // (channels // stage.groups)
                    counts["code under a kernel is not 0"] += 1
                    counts["bit of a quotient"] += group.bit_length()
                    counts["weight added, coded"] += stage.maps // stage.groups
    return counts


@settings(max_examples=60)
@given(st.data(), SHAPES, st.integers(0, 2**32 - 1))
def test_coded_stages(drawn: st.DataObject, shape: tuple[int, int, int], seed: int) -> None:
    stage: Any = drawn.draw(coded_stages(shape, 3, 4))
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 8, int(np.prod(shape))) * rng.integers(0, 2, int(np.prod(shape)))
    walked = walk_coded(stage, arrange(codes, shape, True))
    counted = coded_operations((stage,), codes.astype(np.uint8))
    for name in set(walked) | set(counted):
        if name in walked or name.startswith(("kernel", "pixel", "code under", "weight")):
            assert counted[name] == walked[name], name
    assert counted["sum of a coded stage cleared"] == stage.units


def first_window(stage: Any, axis: int, at: int, counts: Counter[str]) -> int:
    reach = (stage.kernel[axis] - 1) * stage.dilation[axis]
    if at <= reach:
        return 0
    quotient = -(-(at - reach) // stage.stride[axis])
    counts["first window divided"] += 1
    counts["bit of a quotient"] += quotient.bit_length()
    return int(quotient)


def tap_at(stage: Any, axis: int, distance: int, counts: Counter[str]) -> int:
    dilation: int = stage.dilation[axis]
    if dilation == 1:
        return distance
    counts["tap of a dilated kernel"] += 1
    counts["bit of a quotient"] += (distance // dilation).bit_length()
    return distance // dilation if distance % dilation == 0 else int(stage.kernel[axis])


def walk_event(stage: Any, spot: tuple[int, int, int], counts: Counter[str]) -> list[Any]:
    """Do as scatter and pass_on of spiking.c do; return where a pool passes the event on."""
    is_pool = isinstance(stage, SpikingPool)
    what = "a pool" if is_pool else "a convolution"
    y, x = spot[0] + stage.padding[0], spot[1] + stage.padding[1]
    first = first_window(stage, 1, x, counts)
    row = first_window(stage, 0, y, counts)
    counts["event at a pool" if is_pool else "event scattered"] += 1
    if not is_pool and stage.groups > 1:
        counts["group of a channel"] += 1
        counts["bit of a quotient"] += (spot[2] // (stage.shape[2] // stage.groups)).bit_length()
    passed = []
    while row < stage.output[0] and row * stage.stride[0] <= y:
        counts[f"row of windows of {what}"] += 1
        ky = tap_at(stage, 0, y - row * stage.stride[0], counts)
        column = first
        while column < stage.output[1] and column * stage.stride[1] <= x:
            counts[f"window of {what}"] += 1
            kx = tap_at(stage, 1, x - column * stage.stride[1], counts)
            if is_pool:
                passed.append((row, column, spot[2]))
            elif ky != stage.kernel[0] and kx != stage.kernel[1]:
                counts["neurons of a pixel reached"] += 1
                counts["weight added, spiking"] += stage.maps // stage.groups
            column += 1
        row += 1
    counts["event passed on"] += len(passed)
    return passed


def locate(stage: Stage, unit: int, in_planes: bool, counts: Counter[str]) -> tuple[int, int, int]:
    """Do as spot_of does."""
    height, width, channels = stage.shape
    pixel, channel = divmod(unit, channels)
    counts["bit of a quotient"] += pixel.bit_length()
    if in_planes and height * width > 1:
        channel, pixel = divmod(unit, height * width)
        counts["bit of a quotient"] += channel.bit_length()
        counts["event located in planes"] += 1
    else:
        counts["event located"] += 1
    row, column = divmod(pixel, width)
    counts["bit of a quotient"] += row.bit_length()
    return row, column, channel


@settings(max_examples=60)
@given(st.data(), SHAPES, st.booleans(), st.integers(0, 2**32 - 1))
def test_spiking_stages(
    drawn: st.DataObject, shape: tuple[int, int, int], pools: bool, seed: int
) -> None:
    stages: list[Any] = []
    if pools:
        stages.append(drawn.draw(spiking_pools(shape)))
    most = int(np.prod(stages[0].kernel)) if pools else 1
    before = stages[0].output_shape if pools else shape
    stages.append(drawn.draw(spiking_convolutions(before, most)))
    stages.append(drawn.draw(spiking_convolutions(stages[-1].output_shape, 1, 3)))
    network = Network(int(np.prod(shape)), Encoder("bitplane", 3, 3), (), stages=tuple(stages))
    core = Core(network)
    codes = np.random.default_rng(seed).integers(0, 8, network.inputs)
    recording = core.record(codes, "codes")
    walked: Counter[str] = Counter()
    for step, sent in enumerate(recording.input_spikes):
        first = 0
        events = [locate(stages[0], int(u), True, walked) for u in np.flatnonzero(sent)]
        for number, stage in enumerate(stages):
            if isinstance(stage, SpikingPool):
                events = [to for spot in events for to in walk_event(stage, spot, walked)]
                continue
            for spot in events:
                walk_event(stage, spot, walked)
            fired = np.flatnonzero(recording.spikes[step, first : first + stage.units])
            first += stage.units
            if number + 1 < len(stages):
                events = [locate(stages[number + 1], int(u), False, walked) for u in fired]
            else:
                walked["event appended"] += len(fired)
    counted, arriving = spiking_operations(network, recording)
    for name in walked:
        assert counted[name] == walked[name], name
    assert arriving.sum() == walked["event appended"]
    assert counted["neuron of a stage"] == 3 * network.units
    assert counted["spike of a stage"] == recording.spikes.sum()


@settings(max_examples=60)
@given(networks(), st.integers(0, 2**32 - 1))
def test_what_arrives_is_what_the_core_adds_up(network: Network, seed: int) -> None:
    rng = np.random.default_rng(seed)
    core = Core(network, random_state(network, rng))
    x, kind = random_sample(network, rng)
    if kind == "events":
        return
    recording = core.record(x, kind)
    _, arriving = spiking_operations(network, recording)
    infer, _ = operations(core, x, None, kind)
    added = infer["weight added, coded"] + infer["weight added, spiking"]
    if infer["synapse of V"]:  # each code that is not 0 reaches all rows, or those from its own on
        assert network.inhibition is not None
        codes = x if kind == "codes" else core.prepare_many(x[None])[0]
        reached = np.arange(network.inputs, 0, -1)
        if network.inhibition.rank:
            reached[:] = network.inhibition.rank
        added += int(reached[np.asarray(codes) != 0].sum())
    spikes, first = arriving, network.units - sum(p.neurons for p in network.populations)
    for population in network.populations:
        added += int((spikes + population.bias).sum()) * population.neurons
        spikes = recording.spikes[:, first : first + population.neurons].sum(axis=1)
        first += population.neurons
    assert added == recording.result.synops


def test_neurons_that_are_held_are_counted() -> None:
    stage = SpikingConvolution(
        shape=(1, 1, 1),
        weights=np.array([[[[10]]]]),
        threshold=np.array([5]),
        refractory=3,
        decay=np.array([0]),
    )
    network = Network(1, Encoder("direct", 1, 6), (), stages=(stage,))
    recording = Core(network).record(np.ones(1, int), "codes")
    assert recording.spikes[:, 0].tolist() == [True, False, False, False, True, False]
    counts, _ = spiking_operations(network, recording)
    assert counts["neuron of a stage held"] == 4
    assert counts["neuron of a stage with a refractory time"] == 6
    assert counts["spike of an output stage"] == 2
    assert counts["byte cleared"] == 4 + 4 + 4  # potential, refractory steps, spikes


@pytest.mark.parametrize("readout", [False, True])
def test_learning_without_populations_only_counts_samples(readout: bool) -> None:
    core = Core(stage_networks.classifier(readout=readout))
    infer, learn = operations(core, np.full(64, 9), 3)
    assert learn == {"sample learned": 1}
    assert infer["neuron of a readout"] == (100 if readout else 0)
    assert core.seen().tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
