"""A core beside a device, for what the device does not tell: spikes, levels, weights that move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_naca import image
from edge_naca.core import Core
from edge_naca.expectation import UNIT
from edge_naca.host.packing import Packer
from edge_naca.novelty import novelties, rule_of, share_of_1

Array = NDArray[Any]


class Lesson(NamedTuple):
    """A sample that a device was taught, or only asked about.

    Parameters
    ----------
    sample : as it goes over the line, or features of a window, (features,).
    taught : the class that it was taught as, −1 if it was only asked about.
    truth : the class that it is of, −1 if nobody knows.
    result : `core.RESULT`, what the device answered before it learned.
    """

    sample: bytes | Array | None
    taught: int
    truth: int
    result: Any


@dataclass(frozen=True, eq=False)
class Look:
    """One lesson, seen from within.

    Parameters
    ----------
    spikes : bool (steps, units): those of inputs, of spiking stages, then of populations.
    levels : of each population, the modulation that the label brought to its neurons, 1 for full,
        float (neurons,); None where it has no table or nothing was taught.
    moved : of each population, how far the weights of each neuron moved altogether, int
        (neurons,), in units of a weight.
    margin : of the result, to be compared with the device's.
    novelty : how little the sample looked like any known class, 1 for as far from the nearest
        neuron as from all others; NaN where the network does not know.
    """

    spikes: NDArray[np.bool_]
    levels: tuple[Array | None, ...]
    moved: tuple[Array, ...]
    margin: int
    novelty: float


class Mirror:
    """Learns what a device learns.

    Parameters
    ----------
    core : in the state in which the device is, taken over.

    Attributes
    ----------
    parts : names and numbers of units of what has spikes, in the order of `Look.spikes`.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self._packer = Packer(core)
        self._knows_novelty = _knows_novelty(core)
        network = core.network
        counts = [population.neurons for population in network.populations]
        names = [f"population {at}" for at in range(len(counts) - 1)] + ["output"]
        before = network.units - sum(counts)
        stages = [("spiking stages", before)] if before else []
        self.parts = [("inputs", network.encoded), *stages, *zip(names, counts, strict=True)]

    def follow(self, lessons: Sequence[Lesson]) -> None:
        """Learn what was taught of these, in as few calls as can be."""
        for is_bytes, group in groupby(
            (one for one in lessons if one.taught >= 0), lambda one: isinstance(one.sample, bytes)
        ):
            taught = list(group)
            samples = [one.sample for one in taught]
            labels = np.array([one.taught for one in taught])
            x = self._packer.codes(samples) if is_bytes else np.stack(samples)  # type: ignore[arg-type]
            self.core.learn_many(x, labels, "codes" if is_bytes else None)

    def look(self, lesson: Lesson) -> Look:
        """Learn, or only present, one sample and tell what happened."""
        assert lesson.sample is not None
        kind = None
        x = lesson.sample
        if isinstance(x, bytes):
            kind, x = "codes", self._packer.codes([x])[0]
        recording = self.core.record(x, kind)
        novelty = float("nan")
        if self._knows_novelty:
            novelty = float(share_of_1(novelties(self.core, np.asarray(x)[None], kind))[0])
        before = self._weights()
        if lesson.taught >= 0:
            self.core.learn(x, lesson.taught, kind)
        after = self._weights() if lesson.taught >= 0 else before
        moved = tuple(
            np.abs(new.astype(np.int32) - old).sum(axis=1)
            for old, new in zip(before, after, strict=True)
        )
        levels = self._levels(lesson.taught)
        spikes = np.hstack([recording.input_spikes != 0, recording.spikes])
        return Look(spikes, levels, moved, recording.result.margin, novelty)

    def _weights(self) -> list[NDArray[np.int8]]:
        state = image.unpack_state(self.core.network, self.core.state())
        return [population.weights for population in state.populations]

    def _levels(self, label: int) -> tuple[Array | None, ...]:
        rules = [population.rule for population in self.core.network.populations]
        return tuple(
            None if label < 0 or rule is None or rule.table is None else rule.table[label] / UNIT
            for rule in rules
        )


def _knows_novelty(core: Core) -> bool:
    try:
        rule_of(core.network)
    except ValueError:
        return False
    return True
