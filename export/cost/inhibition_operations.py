"""What an inhibition does (firmware/core/src/inhibition.c, inhibition_learning.c), counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.image import Decorrelation, State
from edge_naca.inhibition import triangle
from edge_naca.network import Network
from edge_naca.specification.inhibition import RunningInhibition

Array = NDArray[Any]
Operations = Counter[str]

# What only a renewal takes: reports spread it over the samples between two of them.
RENEWAL = frozenset(
    {
        "renewal",
        "row narrowed",
        "synapse narrowed",
        "prototype put through a row",
        "prototype put through a synapse",
        "norm summed",
    }
)


def is_in_use(network: Network, state: State) -> bool:
    """Tell whether codes pass V: one that is learned may not be in use yet."""
    return network.inhibition is not None and (
        state.inhibition is None or state.inhibition.shift != 0
    )


def inhibited(network: Network, state: State) -> Operations:
    """Codes pass V on their way to the encoder."""
    if network.inhibition is None:
        return Counter()
    v = network.inhibition
    if not is_in_use(network, state):
        return Counter({"code passed on": v.inputs})
    counts = Counter({"row of V": v.outputs, "synapse of V": v.size, "work of a code": v.inputs})
    if state.inhibition is not None:
        counts["centre taken off"] = v.inputs
    return counts


def decorrelated(network: Network, before: State, after: State, attracted: int) -> Operations:
    """What a learned inhibition adds to learning a sample; so many prototypes moved."""
    old, new = before.inhibition, after.inhibition
    if network.inhibition is None or old is None or new is None:
        return Counter()
    inputs = network.inputs
    counts = Counter({"prototype": attracted, "number of a prototype": attracted * inputs})
    if _is_taught(old, new):
        counts["residual"] += 1
        counts["number of a residual"] += inputs
        counts["row of the factor"] += inputs
        counts["synapse of the factor"] += triangle(inputs)
        if old.count == 0:
            counts["factor begun"] += 1
    running = RunningInhibition(network.inhibition, network.encoder.bits, new)
    if running.is_due(after.learned):
        wins = after.populations[0].wins
        assert wins is not None
        counts += renewal(network, int(np.count_nonzero(wins)))
    return counts


def _is_taught(old: Decorrelation, new: Decorrelation) -> bool:
    return old.count != new.count or not np.array_equal(old.factor, new.factor)


def renewal(network: Network, recruited: int) -> Operations:
    """V comes into use; weights of so many neurons become what it makes of their prototypes."""
    inputs = network.inputs
    norms = [
        population.neurons * network.rows(index)
        for index, population in enumerate(network.populations)
        if population.norm_shift is not None
    ]
    return Counter(
        {
            "renewal": 1,
            "row narrowed": inputs,
            "synapse narrowed": triangle(inputs),
            # Once to find how far codes reach, once for the weights; their mean is another part.
            "prototype put through a row": 2 * recruited * inputs,
            "prototype put through a synapse": 2 * recruited * triangle(inputs),
            "norm summed": sum(norms),
        }
    )


def samples_between_renewals(network: Network, learned: int) -> int:
    """Return how many samples are learned from one renewal to the next, after so many."""
    inhibition = network.inhibition
    assert inhibition is not None
    return inhibition.every or max(inhibition.first, learned)
