"""A second context for samples that all moved alike (docs/arithmetic.md, section 7.8), in numpy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edge_naca.network import Rule
from edge_naca.specification.arithmetic import Int
from edge_naca.specification.priors import LARGEST_MEAN

FRACTION_BITS = 7  # of mean residuals
MEAN_SHIFT = 6  # a mean residual moves by 1 / 2**MEAN_SHIFT of the way
COARSE_SHIFT = 6  # what its squares are taken without
SQUARE_SHIFT = 5  # brings the sum of these squares to 256ths of distances
MATURE = 32  # samples of a class before its residuals count
LARGEST_OFFSET = 127


@dataclass
class Contexts:
    """Two ways to hear a sample: as it is, and less an offset that many samples have in common.

    Parameters
    ----------
    rule : of their population, with a drift.
    offset : (rows,), in weights: what the second context takes off; all 0 while it is not there.
    residuals : (2, rows), of each context: running means of what winners leave unexplained.
    """

    rule: Rule
    offset: Int
    residuals: Int
    _square: int | None = field(default=None, init=False)  # of the mean residual that moved

    @property
    def is_recruited(self) -> bool:
        return bool(self.offset.any())

    def shifts(self, weights: Int, trace: Int) -> Int:
        """Return what the second context adds to thresholds, (neurons,).

        Margins are half the squared norm of what is heard less half its squared distance to a
        neuron. With this addition the norm is that of the sample, in both contexts, so that
        margins of the two compare.
        """
        shift = self.rule.trace_shift
        nearness = int(trace @ self.offset) - (int(self.offset @ self.offset) >> (1 + shift))
        return ((weights @ self.offset) >> shift) - nearness

    def note(self, context: int, residual: Int) -> None:
        """Take what the winner leaves of a sample, (rows,) in weights, into the context's mean."""
        mean = self.residuals[context]
        mean += ((residual << FRACTION_BITS) - mean + (1 << MEAN_SHIFT >> 1)) >> MEAN_SHIFT
        self._square = int(((mean >> COARSE_SHIFT) ** 2).sum())

    def settle(self, context: int, distance: int) -> None:
        """Recruit the second context, or move it, when a mean residual has become too large.

        Parameters
        ----------
        context : whose mean residual was noted.
        distance : running mean of half the squared distance to winners.
        """
        square, self._square = self._square, None
        limit = min(distance, LARGEST_MEAN) * self.rule.drift << self.rule.trace_shift
        if square is None or square << SQUARE_SHIFT <= limit:
            return
        mean = self.residuals[context]
        if context == 1 or not self.is_recruited:
            moved = self.offset + ((mean + (1 << FRACTION_BITS >> 1)) >> FRACTION_BITS)
            self.offset = np.clip(moved, -LARGEST_OFFSET, LARGEST_OFFSET)
        mean[:] = 0
