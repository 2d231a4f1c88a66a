"""The learned state as the tensors that ONNX graphs take and give, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import image
from edge_naca.inhibition import to_square, to_triangle
from edge_naca.network import Network

if TYPE_CHECKING:
    from edge_naca.export.onnx_export.graph import Value

INHIBITION = "inhibition"  # begins the names of what a learned inhibition learned
_SCALARS = {
    "count": np.uint16,
    "factor_shift": np.uint8,
    "shift": np.uint8,
    "mean": np.uint32,
}  # of image.Decorrelation
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
    (rows, neurons), the bias, if any, in the last row, NAME.wins uint16 (neurons,) where the
    rule's post is "winner", NAME.means uint32 (2,) where it has priors, and NAME.residuals int16
    (2, rows) and NAME.offset int8 (rows,) where it has a drift. Of a learned inhibition what
    `image.Decorrelation` holds, with "inhibition." before it: factor int16 and weights int8
    (inputs, neurons), 0 where the input does not reach the neuron, prototypes int16 (inputs,
    neurons of the first population), the rest as there.
    """
    tensors: dict[str, NDArray[Any]] = {
        "learned": np.array(state.learned, np.uint32),
        "seen": state.seen,
    }
    for name, part in zip(population_names(network), state.populations, strict=True):
        tensors[f"{name}.weights"] = np.ascontiguousarray(part.weights.T)
        if part.wins is not None:
            tensors[f"{name}.wins"] = part.wins
        if part.means is not None:
            tensors[f"{name}.means"] = part.means
        if part.context is not None:
            tensors[f"{name}.residuals"] = part.context.residuals
            tensors[f"{name}.offset"] = part.context.offset
    if state.inhibition is not None:
        decorrelation = _tensors_of_decorrelation(state.inhibition)
        tensors |= {f"{INHIBITION}.{name}": array for name, array in decorrelation.items()}
    return tensors


def _tensors_of_decorrelation(learned: image.Decorrelation) -> dict[str, NDArray[Any]]:
    return {
        "factor": np.ascontiguousarray(to_square(learned.factor).T),
        "weights": np.ascontiguousarray(to_square(learned.weights).T),
        "row_shifts": learned.row_shifts,
        "centre": learned.centre,
        "prototypes": np.ascontiguousarray(learned.prototypes.T),
        **{name: np.array(getattr(learned, name), dtype) for name, dtype in _SCALARS.items()},
    }


def decorrelation_of(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return what a learned inhibition learned, by the names of `image.Decorrelation`."""
    start = f"{INHIBITION}."
    return {
        name.removeprefix(start): value for name, value in values.items() if name.startswith(start)
    }


def changing_names(network: Network) -> list[str]:
    """Return the names of the tensors that learning changes."""
    names = ["learned", "seen"]
    for name, population in zip(population_names(network), network.populations, strict=True):
        if population.rule is not None:
            names.append(f"{name}.weights")
            names += [f"{name}.wins"] * (population.rule.post == "winner")
            names += [f"{name}.means"] * population.rule.has_priors
            if population.rule.drift > 0:
                names += [f"{name}.residuals", f"{name}.offset"]
    state = image.new_state(network)
    if state.inhibition is not None:
        names += [f"{INHIBITION}.{name}" for name in _tensors_of_decorrelation(state.inhibition)]
    return names


def _context_of(tensors: Mapping[str, NDArray[Any]], name: str) -> image.Context | None:
    offset = tensors.get(f"{name}.offset")
    return None if offset is None else image.Context(offset, tensors[f"{name}.residuals"])


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
            np.ascontiguousarray(checked[f"{name}.weights"].T),
            checked.get(f"{name}.wins"),
            checked.get(f"{name}.means"),
            _context_of(checked, name),
        )
        for name in population_names(network)
    )
    inhibition = None
    if f"{INHIBITION}.factor" in checked:
        inhibition = image.Decorrelation(
            to_triangle(checked[f"{INHIBITION}.factor"].T),
            to_triangle(checked[f"{INHIBITION}.weights"].T),
            checked[f"{INHIBITION}.row_shifts"],
            checked[f"{INHIBITION}.centre"],
            np.ascontiguousarray(checked[f"{INHIBITION}.prototypes"].T),
            **{name: int(checked[f"{INHIBITION}.{name}"]) for name in _SCALARS},
        )
    return image.State(checked["seen"], populations, int(checked["learned"]), inhibition)
