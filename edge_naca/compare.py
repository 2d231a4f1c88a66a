"""What changed between two learned states of one network: samples, neurons, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.decorrelation import matrix
from edge_naca.network import Network, Population
from edge_naca.states import Snapshot, StateError

Array = NDArray[Any]

NOBODY = -1  # owner of a neuron that no class has to itself


@dataclass(frozen=True)
class ClassChange:
    """What changed for one class: samples learned, and neurons recruited, before and after."""

    name: str
    samples: tuple[int, int]
    recruited: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class PopulationChange:
    """What changed in one population.

    Parameters
    ----------
    moved : int16 (neurons, rows), each weight afterwards minus before.
    owners : (neurons,), the class that each neuron belongs to, `NOBODY` for none.
    wins : (2, neurons) before and after, None unless neurons compete for labels.
    """

    moved: Array
    owners: Array
    wins: Array | None

    @property
    def changed(self) -> int:
        """How many weights changed."""
        return int(np.count_nonzero(self.moved))

    def changed_by_class(self, classes: int) -> Array:
        """Return how many weights changed in the neurons of each class, (classes,)."""
        per_neuron = np.count_nonzero(self.moved, axis=1)
        owned = (self.owners >= 0) & (self.owners < classes)
        return np.bincount(self.owners[owned], per_neuron[owned], classes).astype(int)

    def histogram(self) -> dict[int, int]:
        """Return how many weights moved how far, those that stayed left out."""
        values, counts = np.unique(self.moved[self.moved != 0], return_counts=True)
        return dict(zip(values.tolist(), counts.tolist(), strict=True))


@dataclass(frozen=True)
class NeuronChange:
    """How far one neuron's weights moved: `distance` is Euclidean, in units of a weight."""

    population: int
    neuron: int
    owner: int
    changed: int
    distance: float
    wins: tuple[int, int] | None


@dataclass(frozen=True)
class InhibitionChange:
    """What changed in a learned inhibition.

    Parameters
    ----------
    residuals : how many V had learned, before and after; counting ends at 4095.
    distance : how far V in use moved, Frobenius norm, relative to V before. Where it did, all
        weights of the first population became what the new V makes of their prototypes.
    prototypes : neurons whose prototype moved.
    """

    residuals: tuple[int, int]
    distance: float
    prototypes: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two snapshots of one network, and what lies between them.

    Parameters
    ----------
    inhibition : None where none is learned.
    """

    before: Snapshot
    after: Snapshot
    classes: list[ClassChange]
    populations: list[PopulationChange]
    inhibition: InhibitionChange | None = None

    @property
    def is_same(self) -> bool:
        """Whether the learned states are equal, to the last bit."""
        return self.before.state_hash == self.after.state_hash

    @property
    def learned(self) -> tuple[int, int]:
        """Samples learned, before and after."""
        return self.before.state.learned, self.after.state.learned

    def most_moved(self, count: int, only: int | None = None) -> list[NeuronChange]:
        """Return the neurons whose weights moved furthest, those that did not move left out.

        Parameters
        ----------
        count : how many at the most.
        only : of this population; None for all of them.
        """
        differences = []
        for index, population in enumerate(self.populations):
            if only is not None and index != only:
                continue
            distance = np.sqrt((population.moved.astype(np.int64) ** 2).sum(axis=1))
            for neuron in np.argsort(-distance, kind="stable")[:count]:
                wins = None
                if population.wins is not None:
                    wins = int(population.wins[0, neuron]), int(population.wins[1, neuron])
                differences.append(
                    NeuronChange(
                        index,
                        int(neuron),
                        int(population.owners[neuron]),
                        int(np.count_nonzero(population.moved[neuron])),
                        float(distance[neuron]),
                        wins,
                    )
                )
        differences.sort(key=lambda one: -one.distance)
        return [one for one in differences[:count] if one.changed]


def compare(before: Snapshot, after: Snapshot, classes: Sequence[str]) -> Comparison:
    """Compare two learned states.

    Parameters
    ----------
    before, after : of the same network; metadata may differ.
    classes : what the labels are called.

    Raises
    ------
    StateError
        If they are states of two networks; the message says of which.
    """
    if before.network_id != after.network_id:
        raise StateError(
            f"{before.name} holds network {before.network_id:08x} ({before.network.topology}), "
            f"{after.name} network {after.network_id:08x} ({after.network.topology}): only states "
            "of one network can be compared"
        )
    populations = []
    for index in range(len(before.network.populations)):
        old, new = before.state.populations[index], after.state.populations[index]
        wins = None
        if old.wins is not None and new.wins is not None:
            wins = np.stack([old.wins, new.wins]).astype(int)
        moved = new.weights.astype(np.int16) - old.weights
        populations.append(PopulationChange(moved, owners(before.network, index), wins))
    return Comparison(
        before,
        after,
        [_class_change(before, after, label, name) for label, name in enumerate(classes)],
        populations,
        _inhibition_change(before, after),
    )


def _inhibition_change(before: Snapshot, after: Snapshot) -> InhibitionChange | None:
    old, new = before.state.inhibition, after.state.inhibition
    if old is None or new is None:
        return None
    matrices = [matrix(one.network, one.state) for one in (before, after)]
    size = float(np.linalg.norm(matrices[0])) or 1.0
    return InhibitionChange(
        (old.count, new.count),
        float(np.linalg.norm(matrices[1] - matrices[0])) / size,
        int((old.prototypes != new.prototypes).any(axis=1).sum()),
    )


def owners(network: Network, index: int) -> Array:
    """Return the class that each neuron of a population belongs to, `NOBODY` for none.

    An output neuron belongs to its class; a neuron that a gated competition recruits, to the one
    class whose label reaches it.
    """
    population = network.populations[index]
    if index == len(network.populations) - 1:
        return np.arange(population.neurons)
    reached = _gates(population)
    if reached is None:
        return np.full(population.neurons, NOBODY)
    alone = reached.sum(axis=0) == 1
    return np.where(alone, reached.argmax(axis=0), NOBODY)


def recruited(snapshot: Snapshot, label: int) -> int | None:
    """Return how many neurons a class has recruited, None if nobody recruits."""
    wins = None
    for population, learned in zip(
        snapshot.network.populations, snapshot.state.populations, strict=True
    ):
        reached = _gates(population)
        if reached is not None and learned.wins is not None:
            wins = (wins or 0) + int(np.count_nonzero(learned.wins[reached[label]]))
    return wins


def _gates(population: Population) -> Array | None:
    """Return which labels let which neurons compete, bool (classes, neurons)."""
    rule = population.rule
    if rule is None or rule.post != "winner" or rule.table is None:
        return None
    return np.asarray(rule.table > 0)


def _class_change(before: Snapshot, after: Snapshot, label: int, name: str) -> ClassChange:
    old, new = recruited(before, label), recruited(after, label)
    return ClassChange(
        name,
        (int(before.state.seen[label]), int(after.state.seen[label])),
        None if old is None or new is None else (old, new),
    )
