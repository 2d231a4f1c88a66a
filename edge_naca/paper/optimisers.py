"""How far weights move by a gradient: the two optimisers that the paper uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Optimiser(Protocol):
    """What turns gradients into changes."""

    def change(self, name: str, gradient: Array) -> Array:
        """Return what is to be subtracted from the weights `name`, of the gradient's shape."""
        ...


@dataclass(frozen=True)
class Sgd:
    """Stochastic gradient descent without momentum, as in continual learning: η · gradient."""

    rate: float

    def change(self, name: str, gradient: Array) -> Array:
        """Return η · gradient, whatever the name."""
        return np.float32(self.rate) * gradient


@dataclass
class Adam:
    """Adam (Kingma and Ba, 2015, algorithm 1), as in i.i.d. classification.

    It keeps two moments of each weight. So a gradient always has to be of all weights of its name:
    it does not go with input gating.
    """

    rate: float
    decays: tuple[float, float] = (0.9, 0.999)
    smallest: float = 1e-8
    _moments: dict[str, tuple[Array, Array, int]] = field(default_factory=dict, repr=False)

    def change(self, name: str, gradient: Array) -> Array:
        """Return η · m̂ / (√v̂ + ε)."""
        zero = np.zeros_like(gradient)
        first, second, count = self._moments.get(name, (zero, zero, 0))
        a, b = self.decays
        first = np.float32(a) * first + np.float32(1 - a) * gradient
        second = np.float32(b) * second + np.float32(1 - b) * gradient**2
        count += 1
        self._moments[name] = first, second, count
        deviation = np.sqrt(second / np.float32(1 - b**count)) + np.float32(self.smallest)
        return np.float32(self.rate / (1 - a**count)) * first / deviation
