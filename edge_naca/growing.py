"""Room for more classes, or more neurons of each, in a network that has learned already."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_naca.image import Learned, State, new_state, pack_state, unpack_state
from edge_naca.limits import MAX_CLASSES, MAX_UNITS, whole
from edge_naca.network import Network, Population

Integers = NDArray[np.int64]


def grown(
    network: Network, state: bytes, capacity: int, neurons_per_class: int | None = None
) -> tuple[Network, bytes]:
    """Return a network with more room, and the state that it goes on from.

    What was learned stays as it is, and every sample is answered as before until the next one is
    learned. New neurons come behind the old ones, whose numbers stay. A device takes the network as
    a new image: its id is another one.

    Parameters
    ----------
    network : of `presets.competitive`: one population in which every class owns as many neurons as
        any other, and an output.
    state : what it learned.
    capacity : classes that there is room for then, at least those of before.
    neurons_per_class : neurons of each class then, at least as many as before, the default.

    Raises
    ------
    ValueError
        If the network is another one, there would be less room than before or more than fits, or
        the state is not the network's.
    """
    learned = unpack_state(network, state)
    before = network.capacity
    capacity = whole("capacity", capacity, before, MAX_CLASSES)
    owners = _owners(network)
    each = int(np.bincount(owners, minlength=before).max())
    neurons = each if neurons_per_class is None else neurons_per_class
    neurons = whole("neurons_per_class", neurons, each, MAX_UNITS)
    if capacity * neurons > MAX_UNITS:
        raise ValueError(
            f"{capacity} classes of {neurons} neurons make {capacity * neurons}, but there is room "
            f"for {MAX_UNITS}"
        )
    added = np.repeat(np.arange(before), neurons - each)
    added = np.concatenate([added, np.repeat(np.arange(before, capacity), neurons)])
    owners = np.concatenate([owners, added])
    hidden, output = network.populations
    populations = (_with_room(hidden, owners, capacity), _with_room(output, None, capacity))
    larger = replace(network, populations=populations)
    return larger, pack_state(larger, _moved(learned, new_state(larger)))


def _owners(network: Network) -> Integers:
    """Return the class that each hidden neuron belongs to."""
    message = "only networks of presets.competitive grow: one hidden population, an output"
    if len(network.populations) != 2:
        raise ValueError(message)
    owners = []
    for population in network.populations:
        rule = population.rule
        if rule is None or rule.table is None or rule.table.max() <= 0:
            raise ValueError(message)
        mine = rule.table == rule.table.max()
        others = np.unique(rule.table[~mine])
        if (mine.sum(axis=0) != 1).any() or others.size > 1:
            raise ValueError(f"{message}, in which a label is for its own neurons alone")
        owners.append(mine.argmax(axis=0))
    if len(np.unique(np.bincount(owners[0], minlength=network.capacity))) > 1:
        raise ValueError(f"{message}, in which classes have as many neurons as one another")
    return np.asarray(owners[0])


def _with_room(population: Population, owners: Integers | None, capacity: int) -> Population:
    """Return a population whose neurons belong to these classes; None for an output."""
    rule = population.rule
    assert rule is not None
    assert rule.table is not None
    owners = np.arange(capacity) if owners is None else owners
    own, least = int(rule.table.max()), int(rule.table.min())
    # A single class has nobody else's neurons to say what others get.
    elsewhere = least if (rule.table < own).any() else 0
    table = np.where(owners == np.arange(capacity)[:, None], own, elsewhere)
    return replace(population, neurons=len(owners), rule=replace(rule, table=table))


def _moved(learned: State, fresh: State) -> State:
    """Return the state of a larger network in which what was learned lies first."""
    seen = fresh.seen.copy()
    seen[: len(learned.seen)] = learned.seen
    populations = []
    for old, new in zip(learned.populations, fresh.populations, strict=True):
        weights = new.weights.copy()
        neurons, rows = old.weights.shape
        weights[:neurons, :rows] = old.weights
        wins = new.wins
        if wins is not None and old.wins is not None:
            wins = wins.copy()
            wins[:neurons] = old.wins
        populations.append(Learned(weights, wins, old.means, old.context))
    inhibition = learned.inhibition
    if inhibition is not None and fresh.inhibition is not None:
        prototypes = fresh.inhibition.prototypes.copy()
        prototypes[: len(inhibition.prototypes)] = inhibition.prototypes
        inhibition = replace(inhibition, prototypes=prototypes)
    return State(seen, tuple(populations), learned.learned, inhibition)
