"""The description of a decorrelating inhibitory population (docs/arithmetic.md, section 3.2).

It stands between preparation and encoder. Codes with a sign come in, codes with a sign go out: each
neuron i gives y_i = Σ V_ij x_j, so that residuals of different inputs, which sensors have much in
common in, become uncorrelated and of equal variance. V is a lower triangle, given or learned on the
device, or a given rectangle of low rank: fewer codes go out than come in, and neurons behind it
hold so many weights fewer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.image_records import INHIBITION_FIELDS
from edge_naca.limits import MAX_LEARNED_INPUTS, integers, whole
from edge_naca.records import check

Array = NDArray[Any]

ABOVE = 11  # bits of a prototype's magnitude: what learning V takes residuals from
LARGEST_COUNT = 4095  # residuals that count; from then on the oldest fade


def triangle(inputs: int) -> int:
    """Return the numbers of a lower triangle of so many rows."""
    return inputs * (inputs + 1) // 2


def to_triangle(square: Array) -> Array:
    """Return the lower triangle of a matrix (inputs, inputs), row after row."""
    return np.asarray(square[np.tril_indices(len(square))])


def to_square(flat: Array) -> Array:
    """Undo `to_triangle`; above the diagonal lies 0."""
    inputs = int(np.sqrt(2 * len(flat)))
    square = np.zeros((inputs, inputs), flat.dtype)
    square[np.tril_indices(inputs)] = flat
    return square


@dataclass(frozen=True, eq=False)
class Inhibition:
    """A decorrelating inhibitory population.

    Parameters
    ----------
    inputs : codes that come in: at most 1024, of a learned one 128.
    code_bits : of the magnitude of a code that comes in, 1 .. 7. The encoder's `bits` are those of
        one that goes out.
    weights : int8, V row after row: (inputs · (inputs + 1) / 2,), a lower triangle, or
        (rank · inputs,); None if it is learned.
    row_shifts : uint8 (outputs,), of a given V: row i counts 2**row_shifts[i] times.
    shift : of a given V: sums are divided by 2**shift.
    centre : of a given V: int32 (outputs,), what is taken off sums, with `fraction` fractional
        bits; nothing by default.
    reach : of a learned V: how many root mean squares of what prototypes give, in halves, the
        largest code stands for at least.
    noise : of a learned V: the mean squared noise that is added to residuals, in 256ths of their
        mean square. The more, the less is decorrelated. Noise λ is a shrinkage of λ / (1 + λ).
    first : of a learned V: it is in use from that many learned samples on.
    every : of a learned V: it is renewed after so many more; 0 at each doubling.
    start : of a learned V: what its first row begins with, 64 .. 4095. Less leaves more room for
        inputs whose residuals become small, more is finer.
    rank : of a given V: so many codes go out, at most `inputs`, and V has all its weights; 0 for as
        many as come in, and a triangle.
    """

    inputs: int
    code_bits: int
    weights: Array | None = None
    row_shifts: Array = field(default_factory=lambda: np.zeros(0, np.uint8))
    shift: int = 0
    centre: Array = field(default_factory=lambda: np.zeros(0, np.int32))
    reach: int = 6
    noise: int = 3
    first: int = 50
    every: int = 50
    start: int = 2048
    rank: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "row_shifts", integers("row_shifts", self.row_shifts, np.uint8))
        object.__setattr__(self, "centre", integers("centre", self.centre, np.int32))
        check(INHIBITION_FIELDS, self)
        if self.weights is None:
            whole("centre of a learned inhibition", self.centre.size, 0, 0)
            whole("inputs of a learned inhibition", self.inputs, 1, MAX_LEARNED_INPUTS)
            whole("row_shifts of a learned inhibition", self.row_shifts.size, 0, 0)
            whole("rank of a learned inhibition", self.rank, 0, 0)
            return
        whole("rank", self.rank, 0, self.inputs)
        weights = integers("weights", self.weights, np.int8)
        object.__setattr__(self, "weights", weights)
        if weights.shape != (self.size,):
            kind = f"{self.rank} rows of" if self.rank else "the lower triangle of"
            raise ValueError(
                f"weights must hold {self.size} numbers, {kind} {self.inputs} inputs, not "
                f"{weights.shape}"
            )
        if not self.centre.size:
            nothing = integers("centre", np.zeros(self.outputs, int), np.int32)
            object.__setattr__(self, "centre", nothing)
        for name in ("row_shifts", "centre"):
            if getattr(self, name).shape != (self.outputs,):
                raise ValueError(
                    f"{name} must hold one number for each of {self.outputs} rows, "
                    f"not {getattr(self, name).shape}"
                )
        whole("the greatest of row_shifts", int(self.row_shifts.max()), 0, 15)

    @property
    def is_learned(self) -> bool:
        """Whether V is learned on the device, from nothing."""
        return self.weights is None

    @property
    def outputs(self) -> int:
        """Codes that go out."""
        return self.rank or self.inputs

    @property
    def size(self) -> int:
        """Weights of V."""
        return self.rank * self.inputs if self.rank else triangle(self.inputs)

    def dense(self) -> Array:
        """Return a given V with all its zeros: int8 (outputs, inputs)."""
        assert self.weights is not None
        if self.rank:
            return self.weights.reshape(self.rank, self.inputs)
        return to_square(self.weights)

    @property
    def fraction(self) -> int:
        """Fractional bits of prototypes."""
        return ABOVE - self.code_bits
