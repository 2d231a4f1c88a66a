"""A network as a module of PyTorch, which predicts and is saved as others are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.extras import require

require("torch")

import torch  # noqa: E402 - the extra is asked for first

from edge_naca.core import Core  # noqa: E402
from edge_naca.network import Network  # noqa: E402


def as_samples(x: torch.Tensor) -> NDArray[Any]:
    """Return a batch as the core takes it: images with channels last."""
    array = np.asarray(x.detach().cpu())
    return np.moveaxis(array, 1, -1) if array.ndim == 4 else array


class NacaModule(torch.nn.Module):
    """A network that predicts in the C core; it has no parameters that a gradient could change.

    Parameters
    ----------
    network : a description, or an image.

    Attributes
    ----------
    core : edge_naca.Core
        What predicts and learns. `state_dict` holds its learned state.
    """

    def __init__(self, network: Network | bytes) -> None:
        super().__init__()
        self.core = Core(network)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return 1 for the class that is answered, 0 for others, float32 (n, capacity).

        Parameters
        ----------
        x : (n, …) in the sensor's raw numbers, images (n, channels, height, width).
        """
        return self.votes(self.core.predict_many(as_samples(x)))

    def votes(self, answers: NDArray[np.int32]) -> torch.Tensor:
        """Return answers as rows with a 1, without one where none was answered (−1)."""
        rows = np.zeros((len(answers), self.core.network.capacity), np.float32)
        is_there = answers >= 0
        rows[is_there, answers[is_there]] = 1
        return torch.from_numpy(rows)

    def get_extra_state(self) -> torch.Tensor:
        """Return the learned state, for `state_dict`."""
        return torch.frombuffer(bytearray(self.core.save_state()), dtype=torch.uint8)

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Take over a learned state, for `load_state_dict`; that of another network is refused."""
        self.core.load_state(np.asarray(state.cpu()).tobytes())
