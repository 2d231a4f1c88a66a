"""What is left of a learned state when a class is forgotten: docs/arithmetic.md, section 7.10."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_naca.image import Learned, pack_state, unpack_state
from edge_naca.network import Network, Population
from edge_naca.samples import check_labels


def forgotten(network: Network, state: bytes, label: int) -> bytes:
    """Return a learned state without a class: what a device makes of it at FORGET.

    Parameters
    ----------
    network : whose populations before the output have neurons that are of one class alone.
    state : what it learned, as `Core.state` returns it.
    label : the class, below the network's capacity.

    Raises
    ------
    ValueError
        If the network is another one, or there is no such class.
    """
    check_labels(np.array([label]), 1, network.capacity)
    learned = unpack_state(network, state)
    hidden = network.populations[:-1]
    if not hidden:
        raise ValueError("the network has no hidden neurons that could forget a class")
    parts = list(learned.populations)
    for number, population in enumerate(hidden):
        own = _own(population, label)
        wins = parts[number].wins
        assert wins is not None
        parts[number] = replace(
            _with(parts[number], parts[number].weights * ~own[:, None]),
            wins=np.where(own, 0, wins).astype(np.uint16),
        )
        if network.populations[number + 1].rule is not None:
            after = parts[number + 1].weights.copy()
            after[:, np.flatnonzero(own)] = 0
            parts[number + 1] = _with(parts[number + 1], after)
    inhibition = learned.inhibition
    if inhibition is not None:
        own = _own(hidden[0], label)
        prototypes = (inhibition.prototypes * ~own[:, None]).astype(np.int16)
        inhibition = replace(inhibition, prototypes=prototypes)
    seen = learned.seen.copy()
    seen[label] = 0
    after_all = replace(learned, seen=seen, populations=tuple(parts), inhibition=inhibition)
    return pack_state(network, after_all)


def _own(population: Population, label: int) -> NDArray[np.bool_]:
    """Return which neurons are of that class alone, (neurons,)."""
    rule = population.rule
    if rule is None or rule.post != "winner" or rule.table is None:
        raise ValueError("neurons that do not compete for labels belong to no class")
    reached = np.asarray(rule.table) > 0
    own = reached[label]
    if not own.any() or (reached.sum(axis=0)[own] > 1).any():
        raise ValueError(f"there are no neurons that are of class {label} alone")
    return np.asarray(own)


def _with(part: Learned, weights: NDArray[np.generic]) -> Learned:
    return replace(part, weights=weights.astype(np.int8))
