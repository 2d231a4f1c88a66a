"""The decorrelating population at work (docs/arithmetic.md, sections 3.2 and 7.5), in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_naca.image import Decorrelation
from edge_naca.inhibition import LARGEST_COUNT, Inhibition, to_square, to_triangle, triangle
from edge_naca.specification.arithmetic import Int, draws, round_shift, square_root

DEVIATION_BITS = 6  # one deviation of what V gives is 64
LARGEST_OUTPUT = 1023  # 16 deviations
LARGEST_PROTOTYPE = 2047
LARGEST_RESIDUAL = 8191
LARGEST_FACTOR = 32767
LARGEST_MEAN = 1 << 24
LARGEST_CENTRE = 1 << 26
LARGEST_REACH = 1 << 22
GREATEST_SHIFT = 24
ONE = 1 << 20
MEAN_OVER = 1024  # residuals that the running mean square looks back on


def scaled(sums: Int, shifts: Int, largest: int) -> Int:
    """Return sums divided by 2**shifts, or multiplied where that is negative, within ±largest."""
    down = np.maximum(shifts, 0)
    rounded = (sums + (1 << down >> 1)) >> down
    grown = np.clip(sums, -128, 128) << np.clip(-shifts, 0, 7)
    return np.clip(np.where(shifts >= 0, rounded, grown), -largest, largest)


@dataclass
class RunningInhibition:
    """A decorrelating population, what it learned, and the prototypes that it learned that from.

    Parameters
    ----------
    inhibition : its description.
    bits : of the magnitude of a code that goes out.
    learned : its part of the learned state; None where V is given.
    """

    inhibition: Inhibition
    bits: int
    learned: Decorrelation | None

    def codes(self, x: Int) -> tuple[Int, int]:
        """Section 3.2: codes (outputs,) that go out, and the synaptic operations for them."""
        given, learned = self.inhibition, self.learned
        largest = 2**self.bits - 1
        if learned is None:
            weights, rows, shift = given.dense(), given.row_shifts, given.shift
            centre = given.centre
        elif learned.shift == 0:  # not in use yet
            shifts = np.full(x.size, given.code_bits - self.bits)
            return scaled(x, shifts, largest), 0
        else:
            weights, rows = to_square(learned.weights), learned.row_shifts & 15
            shift = min(learned.shift, GREATEST_SHIFT)
            centre = learned.centre
        centre = np.clip(centre.astype(np.int64), -LARGEST_CENTRE, LARGEST_CENTRE)
        sums = weights.astype(np.int64) @ x - round_shift(centre, given.fraction)
        count = np.full(x.size, given.rank) if given.rank else np.arange(x.size, 0, -1)
        return scaled(sums, shift - rows.astype(np.int64), largest), int(count[x != 0].sum())

    def _prototypes(self, neurons: Int | int) -> Int:
        assert self.learned is not None
        stored = self.learned.prototypes[neurons].astype(np.int64)
        return np.clip(stored, -LARGEST_PROTOTYPE, LARGEST_PROTOTYPE)

    # ---- learning ------------------------------------------------------------------------

    def learn_factor(self, x: Int, own: int, key: int) -> None:
        """Section 7.5: V learns the residual of the recruited neuron `own` of the label."""
        given, learned = self.inhibition, self.learned
        assert learned is not None
        inputs = x.size
        residual = ((x << given.fraction) - self._prototypes(own)) >> 1
        mean = int((residual * residual).sum()) // inputs
        is_first = learned.count == 0
        learned.count = min(learned.count + 1, LARGEST_COUNT)
        if is_first:
            learned.mean = mean
            deviation = max(square_root(mean), 1)
            shift = 1
            while given.start * deviation >> shift > 90:
                shift += 1
            learned.factor_shift = shift
            diagonal = ((1 << (shift + DEVIATION_BITS)) + deviation // 2) // deviation
            learned.factor = to_triangle(np.eye(inputs, dtype=np.int64) * diagonal).astype(np.int16)
        else:
            before = min(learned.mean, LARGEST_MEAN)
            away = abs(mean - before) // min(learned.count, MEAN_OVER)
            learned.mean = before + away if mean > before else before - away
        power = (learned.mean >> 8) * given.noise + ((learned.mean & 255) * given.noise >> 8)
        noise = square_root(power)
        heads = draws(key, triangle(inputs) + np.arange(inputs)) & 1
        residual = residual + np.where(heads == 1, noise, -noise)
        residual = np.clip(residual, -LARGEST_RESIDUAL, LARGEST_RESIDUAL)
        self._step(residual, key)

    def _step(self, residual: Int, key: int) -> None:
        """Move V so that (VᵀV)⁻¹ holds the residual too: exact, of rank 1, row after row."""
        learned = self.learned
        assert learned is not None
        factor = to_square(learned.factor.astype(np.int64))
        output = round_shift(factor @ residual, learned.factor_shift & 31)
        output = np.clip(output, -LARGEST_OUTPUT, LARGEST_OUTPUT)
        growth = ONE + (ONE >> 1) // learned.count
        power = learned.count << (2 * DEVIATION_BITS)
        before = np.zeros(len(residual), np.int64)  # what rows above had, weighed by their outputs
        for row, y in enumerate(output.tolist()):
            after = power + y * y
            shrink = square_root((power << 32) // after)
            joint = after * shrink >> 16  # √(power · after)
            own = (shrink * growth >> 16) - ONE
            other = ((abs(y) << 26) // joint) * growth >> 20
            other = -other if y < 0 else other
            old = factor[row, : row + 1].copy()
            counters = triangle(row) + np.arange(row + 1)
            noise = draws(key, counters).astype(np.int64) % ONE
            moved = old + ((own * old - other * (before[: row + 1] >> 5) + noise) >> 20)
            factor[row, : row + 1] = np.clip(moved, -LARGEST_FACTOR, LARGEST_FACTOR)
            before[: row + 1] += y * old >> 1
            power = after
        learned.factor = to_triangle(factor).astype(np.int16)

    def attract(self, x: Int, neuron: int, gain: int, key: int) -> None:
        """Section 7.5: the prototype of a neuron whose weights move with a gain moves alike."""
        learned = self.learned
        assert learned is not None
        old = self._prototypes(neuron)
        target = x << self.inhibition.fraction
        noise = draws(key, neuron * x.size + np.arange(x.size)).astype(np.int64) % 2**16
        moved = old + (((gain >> 4) * (target - old) + noise) >> 16)
        learned.prototypes[neuron] = np.clip(moved, -LARGEST_PROTOTYPE, LARGEST_PROTOTYPE)

    def is_due(self, samples: int) -> bool:
        """Section 7.6: whether V is renewed after that many learned samples."""
        given = self.inhibition
        if self.learned is None or self.learned.count == 0 or samples < given.first:
            return False
        if given.every:
            return (samples - given.first) % given.every == 0
        while samples > given.first and samples % 2 == 0:
            samples //= 2
        return samples == given.first

    def renew(self, recruited: Int, fraction: int) -> Int:
        """Section 7.6: take V from its factor into use; return weights for recruited neurons.

        Parameters
        ----------
        recruited : their numbers.
        fraction : fractional bits of a weight: it stands for a code times 2**fraction.

        Returns
        -------
        int64 (recruited, inputs).
        """
        given, learned = self.inhibition, self.learned
        assert learned is not None
        factor = to_square(learned.factor.astype(np.int64))
        greatest = np.abs(factor).max(axis=1)
        rows = np.zeros(len(factor), np.int64)
        while (greatest >> rows > 127).any():
            rows += greatest >> rows > 127
        weights = np.clip((factor + (1 << rows >> 1)[:, None]) >> rows[:, None], -127, 127)
        learned.weights = to_triangle(weights).astype(np.int8)
        learned.row_shifts = rows.astype(np.uint8)
        prototypes = self._prototypes(recruited)
        half = LARGEST_PROTOTYPE + 1
        mean = (prototypes + half).sum(axis=0) // max(recruited.size, 1) - half
        centre = weights @ np.where(recruited.size > 0, mean, 0)
        learned.centre = centre.astype(np.int32)
        sums = prototypes @ weights.T - centre
        reached = np.clip((sums >> given.fraction) << rows, -LARGEST_REACH, LARGEST_REACH)
        total = int((reached * reached >> 8).sum()) * given.reach**2
        shift = max(3 - self.bits, 1)
        room = recruited.size * len(factor)
        while shift < GREATEST_SHIFT - self.bits and total >= room << 2 * (self.bits + shift - 3):
            shift += 1
        learned.shift = shift
        largest = (2**self.bits - 1) << max(fraction, 0)
        return scaled(sums, shift + given.fraction - fraction - rows, largest)
