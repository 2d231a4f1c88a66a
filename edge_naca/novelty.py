"""How little samples look like any known class, and from where on a network answers none.

What is computed here is what the core computes (docs/arithmetic.md, section 7.9), for many samples.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca import image
from edge_naca.core import Core
from edge_naca.holding_out import FOLD, LEAST, folds, held_out
from edge_naca.margins import class_margins
from edge_naca.network import Network, Rule
from edge_naca.samples import default_kind
from edge_naca.specification.network import Specification
from edge_naca.specification.novelty import LARGEST, UNIT_BITS, novelty
from edge_naca.specification.priors import Priors, half_square


def rule_of(network: Network) -> Rule:
    """Return the rule of the population that novelty is taken from, the first.

    Raises
    ------
    ValueError
        If it has none that compares samples with neurons: post "winner", pre "attract".
    """
    rule = network.populations[0].rule if network.populations else None
    if rule is None or (rule.post, rule.pre) != ("winner", "attract"):
        raise ValueError("novelty is known of networks whose first population learns competitively")
    return rule


def novelties(core: Core, x: ArrayLike, kind: str | None = None) -> NDArray[np.int64]:
    """Return novelties in 4096ths, (n,), 0 .. 65535: 0 for a neuron's own prototype.

    Parameters
    ----------
    core : with what it learned.
    x : samples (n, …) as `Core.infer` takes them.
    kind : "raw" or "codes"; None for raw where the network can prepare samples.

    Raises
    ------
    ValueError
        If the network is not competitive.
    """
    network, samples = core.network, np.asarray(x)
    rule = rule_of(network)
    kind = kind or default_kind(network)
    if not _are_codes(network):
        running = Specification(network, core.state())
        return np.array([running.novelty(sample, kind) for sample in samples], np.int64)
    best, _ = class_margins(core, samples, kind, _priors(core, rule))
    return novelty(best, half_squares(core, samples, kind), network.populations[0].threshold)


def _are_codes(network: Network) -> bool:
    """Return whether traces are codes: others come from spikes that nobody records."""
    return not network.spiking and network.is_code_trace(rule_of(network))


def _priors(core: Core, rule: Rule) -> NDArray[np.int64]:
    learned = image.unpack_state(core.network, core.state()).populations[0]
    if learned.means is None or learned.wins is None:
        return np.zeros(core.network.populations[0].neurons, np.int64)
    return Priors(rule, learned.means.astype(np.int64)).values(learned.wins.astype(np.int64))


def half_squares(core: Core, x: ArrayLike, kind: str | None = None) -> NDArray[np.int64]:
    """Return half the squared norms of samples in potentials, (n,).

    Parameters
    ----------
    core, x, kind : as of `novelties`.

    Raises
    ------
    ValueError
        If the network is not competitive, or traces are not codes.
    """
    rule = rule_of(core.network)
    if not _are_codes(core.network):
        raise ValueError("distances are known of networks whose codes are sent bit by bit")
    codes = core.features_many(x, kind).astype(np.int32)
    return half_square(np.einsum("ij,ij->i", codes, codes).astype(np.int64), rule)


def limit_for(known: NDArray[np.int64], false_alarms: float) -> int:
    """Return the least limit that at most a share of known samples exceeds, 1 .. 65535.

    Parameters
    ----------
    known : novelties of samples of known classes that were not learned.
    false_alarms : the share, at least 0 and below 1.

    Raises
    ------
    ValueError
        If there are no samples, or the share is not one.
    """
    if not 0 <= false_alarms < 1:
        raise ValueError(f"false_alarms must be at least 0 and below 1, not {false_alarms}")
    if not len(known):
        raise ValueError(
            "a limit of novelty is taken from samples of known classes: there are none"
        )
    return int(np.clip(np.quantile(known, 1 - false_alarms, method="higher"), 1, LARGEST))


def answering_none(network: Network, limit: int) -> Network:
    """Return a network that answers none where a sample's novelty is above a limit.

    Parameters
    ----------
    limit : in 4096ths, 1 .. 65535; 0 for a network that always answers.
    """
    rule, (first, *others) = rule_of(network), network.populations
    return replace(
        network, populations=(replace(first, rule=replace(rule, unknown=limit)), *others)
    )


def limit_of_stream(
    network: Network, x: ArrayLike, labels: NDArray[np.int64], false_alarms: float
) -> int:
    """Return the limit that suits a network which learns these samples in this order.

    It is taken from every fifth sample of each class, when all others have been learned. Where
    there is one class alone, nothing but the limit decides, so that it is taken from all samples:
    each fifth of them is left out once (`edge_naca.holding_out.folds`).

    Parameters
    ----------
    network : as new.
    x : samples (n, …), labels (n,) their classes.
    false_alarms : share of known samples that may be answered by none.

    Raises
    ------
    ValueError
        If the network is not competitive, or too few samples can be held out.
    """
    samples, is_out = np.asarray(x), held_out(labels)
    if len(np.unique(labels)) == 1 and len(labels) >= LEAST:
        fold = folds(len(labels))
        parts = [_left_out(network, samples, labels, fold == one) for one in range(FOLD)]
        return limit_for(np.concatenate(parts), false_alarms)
    if is_out.sum() < LEAST:
        raise ValueError(
            f"what is unknown is found on every fifth sample of a class: there are {is_out.sum()} "
            f"of these, and {LEAST} are needed"
        )
    return limit_for(_left_out(network, samples, labels, is_out), false_alarms)


def _left_out(
    network: Network, x: NDArray[Any], labels: NDArray[np.int64], is_out: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the novelties of samples that were left out of what a network learned."""
    core = Core(network)
    core.learn_many(x[~is_out], labels[~is_out])
    return novelties(core, x[is_out])


def share_of_1(novelty: ArrayLike) -> NDArray[np.float64]:
    """Return novelties as real numbers.

    1 stands for a sample that is as far from the nearest neuron as from all others and from nothing
    together.
    """
    return np.asarray(novelty, np.float64) / (1 << UNIT_BITS)


def in_units(share: float) -> int:
    """Return a limit of novelty as a network holds it, 1 .. 65535: `share_of_1` undone."""
    return int(np.clip(share * (1 << UNIT_BITS), 1, LARGEST))
