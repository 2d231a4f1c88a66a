"""Instructions and RAM of a fixed set of small networks, one of each kind that the core runs.

The networks are the same wherever they are made: nothing in them comes from a data set that may be
missing, and all that they have learned was learned in the integers of the core.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import results
from instruction_stages import coded_learner, spiking_learner
from numpy.typing import NDArray

from edge_naca import data, presets
from edge_naca.core import Core
from edge_naca.host import boards
from edge_naca.host.counting import Counts, count
from edge_naca.network import Preparation
from size.targets import Target

LESSON, SAMPLES = 200, 5


@dataclass(frozen=True)
class Case:
    """A network that has learned a little, and what it is then shown."""

    image: bytes
    samples: NDArray[Any]
    labels: NDArray[Any]
    kind: str
    workspace: int  # bytes, the same on every core

    @property
    def digest(self) -> str:
        """Digest of the image and of the samples."""
        return results.digest(self.image + self.samples.tobytes())


def _raw() -> Core:
    preparation = Preparation((8, 8, 1), gain=np.array([15]), shift=4)
    return Core(presets.competitive(preparation, 10, 3, weight_bits=4))


def _paper() -> Core:
    network = presets.paper(Preparation((8, 8, 1), gain=np.array([15])), 10, 30, steps=6)
    return Core(network, presets.paper_start(network))


CODES = "competitive, from codes"
NETWORKS: dict[str, Callable[[], Core]] = {
    "competitive, from raw numbers": _raw,
    CODES: lambda: Core(presets.competitive(64, 10, 3)),
    "rate code, the paper's rule": _paper,
    "coded stages in front": lambda: Core(coded_learner((8, 8, 1), 4, 1, stride=2)),
    "spiking stages in front": lambda: Core(spiking_learner((8, 8, 1), 3, 1)),
}


def cases() -> dict[str, Case]:
    """Return the networks, having learned the first digits of those that come along."""
    digits = data.load("digits")
    x, y = digits.x_train.reshape(len(digits.x_train), -1), digits.y_train
    result = {}
    for name, make in NETWORKS.items():
        core = make()
        kind = "codes" if name == CODES else "raw"
        numbers = np.minimum(x, 15) if kind == "codes" else x
        core.learn_many(numbers[:LESSON], y[:LESSON], kind)
        shown = slice(LESSON, LESSON + SAMPLES)
        result[name] = Case(core.image(), numbers[shown], y[shown], kind, core.workspace_size)
    return result


def counts(target: Target, networks: dict[str, Case]) -> dict[str, Counts]:
    """Run the networks on the target's emulated board.

    Raises
    ------
    BoardError
        If a tool is missing; the message says what helps.
    """
    elf = boards.build(target.board, "measure")
    return {
        name: count(target.board, one.image, one.samples, one.labels, one.kind, elf=elf)
        for name, one in networks.items()
    }
