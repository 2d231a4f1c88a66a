"""The learned state as the tensors that ONNX graphs take and give, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import image
from edge_naca.network import Network

NEXT = ".next"  # ends the names of what a learning graph gives to be fed to it the next time


def population_names(network: Network) -> list[str]:
    """Return what populations are called: "hidden", or "hidden_0", "hidden_1", …, and "output"."""
    if not network.populations:
        return []
    hidden = len(network.populations) - 1
    if hidden == 1:
        return ["hidden", "output"]
    return [f"hidden_{place}" for place in range(hidden)] + ["output"]


def stage_names(network: Network) -> list[str]:
    """Return what frozen stages are called: "stage_0", "stage_1" and so on."""
    return [f"stage_{place}" for place in range(len(network.stages))]


def tensors_of(network: Network, state: image.State) -> dict[str, NDArray[Any]]:
    """Return a learned state by the names of its tensors.

    Returns
    -------
    "learned" uint32 (), "seen" uint32 (capacity,), and for each population NAME.weights int8
    (rows, neurons), the bias, if any, in the last row, and NAME.wins uint16 (neurons,) where the
    rule's post is "winner".
    """
    tensors: dict[str, NDArray[Any]] = {
        "learned": np.array(state.learned, np.uint32),
        "seen": state.seen,
    }
    for name, part in zip(population_names(network), state.populations, strict=True):
        tensors[f"{name}.weights"] = np.ascontiguousarray(part.weights.T)
        if part.wins is not None:
            tensors[f"{name}.wins"] = part.wins
    return tensors


def changing_names(network: Network) -> list[str]:
    """Return the names of the tensors that learning changes."""
    names = ["learned", "seen"]
    for name, population in zip(population_names(network), network.populations, strict=True):
        if population.rule is not None:
            names.append(f"{name}.weights")
            names += [f"{name}.wins"] * (population.rule.post == "winner")
    return names


def state_of(network: Network, tensors: Mapping[str, NDArray[Any]]) -> image.State:
    """Undo `tensors_of`.

    Raises
    ------
    ValueError
        If a tensor is missing, or is not of the type and shape that this network's state has.
    """
    wanted = tensors_of(network, image.new_state(network))
    checked = {}
    for name, like in wanted.items():
        if name not in tensors:
            raise ValueError(f"the state lacks {name!r}: it consists of {', '.join(wanted)}")
        array = np.asarray(tensors[name])
        if array.dtype != like.dtype or array.shape != like.shape:
            raise ValueError(
                f"{name} must be {like.dtype} {like.shape}, not {array.dtype} {array.shape}"
            )
        checked[name] = array
    populations = tuple(
        image.Learned(
            np.ascontiguousarray(checked[f"{name}.weights"].T), checked.get(f"{name}.wins")
        )
        for name in population_names(network)
    )
    return image.State(checked["seen"], populations, int(checked["learned"]))
