"""Priors in the open competition (docs/arithmetic.md, section 7.7), in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_naca.network import Rule
from edge_naca.specification.arithmetic import Int, signed_log

LARGEST_GAP = (1 << 20) - 1
LARGEST_DISTANCE = LARGEST_MEAN = (1 << 22) - 1
LARGEST_SQUARE = 1 << 22
MEAN_OVER = 1024  # samples that running means look back on
FACTOR_BITS = 17  # of what a logarithm is multiplied by


def owners(rule: Rule) -> Int:
    """Return the class that each neuron belongs to, (neurons,): the lowest label that reaches it.

    −1 for a neuron that none reaches.
    """
    assert rule.table is not None
    reached = rule.table > 0
    return np.where(reached.any(axis=0), reached.argmax(axis=0), -1)


def half_square(square: Int, rule: Rule) -> Int:
    """Return half the squared norm of traces in potentials, from Σ of squared traces."""
    shift = rule.trace_shift - 1
    return square >> -shift if shift < 0 else np.minimum(square, LARGEST_SQUARE) << shift


@dataclass
class Priors:
    """What neurons are worth before a sample comes, and the means that it is taken from.

    Parameters
    ----------
    rule : of their population.
    means : (2,), of the gap and of the distance: part of the learned state.
    """

    rule: Rule
    means: Int

    def __post_init__(self) -> None:
        self._owners = owners(self.rule)
        self._measured: tuple[int | None, int | None] = (None, None)

    def values(self, wins: Int) -> Int:
        """Return the prior of each neuron, in potentials, from its wins."""
        gap, distance = np.minimum(self.means, LARGEST_MEAN).tolist()
        unit = gap * self.rule.share
        coarse = max(unit.bit_length() - FACTOR_BITS, 0)
        result = np.zeros(wins.size, np.int64)
        for owner in range(int(self._owners.max(initial=-1)) + 1):
            own = np.flatnonzero((self._owners == owner) & (wins > 0))
            total = int(wins[own].sum())
            if not own.size:
                continue
            share = _log(wins[own]) + _log(own.size) - _log(total)
            of_share = ((unit >> coarse) * share) >> (16 - coarse)
            of_rarity = (distance * self.rule.rarity // total * own.size) >> 8
            result[own] = of_share + of_rarity
        return result

    def measure(
        self, margins: Int, recruited: NDArray[np.bool_], winner: int, square: int, threshold: int
    ) -> None:
        """Note how far the winner's class lies behind it, and half the squared distance to it.

        Parameters
        ----------
        margins : (neurons,), without priors.
        recruited : bool (neurons,).
        winner : of the gated competition, −1 for none.
        square : Σ of squared traces.
        threshold : of the population, the same for all neurons.
        """
        self._measured = (None, None)
        if winner < 0 or not recruited[winner]:
            return
        best = int(margins[winner])
        half = int(half_square(np.array(square), self.rule))
        distance = min(max(half - best - threshold, 0), LARGEST_DISTANCE)
        own = np.flatnonzero(recruited & (self._owners == self._owners[winner]))
        gaps = np.clip(best - margins[own], 0, LARGEST_GAP)
        self._measured = (int(gaps.sum()) // own.size if own.size > 1 else None), distance

    def learn(self, learned: int) -> None:
        """Take what was measured into the means, after `learned` samples before this one."""
        over = min(max(learned, 1), MEAN_OVER)
        for place, value in enumerate(self._measured):
            if value is not None:
                before = int(self.means[place])
                away = abs(value - before) // over
                self.means[place] = before + away if value > before else before - away


def _log(x: Int | int) -> Int:
    """Return the binary logarithm in 256ths, of 1 and more."""
    return signed_log(np.asarray(x, np.int64) - 1)
