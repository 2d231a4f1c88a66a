"""NIR graphs that edge-naca wrote come home: the same network, integer for integer."""

from __future__ import annotations

import json
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import image
from edge_naca.affine import Affine
from edge_naca.export.conversion.layers import ModelFileError
from edge_naca.export.nir.graph import Graph, read_graph, text_or
from edge_naca.export.nir.write import FORMAT, METADATA, planes_first, to_nir
from edge_naca.network import Curve, Encoder, Network, Population, Preparation, Rule
from edge_naca.stages import SpikingConvolution, SpikingPool

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        Affine,
        Preparation,
        Encoder,
        Population,
        Rule,
        Curve,
        SpikingConvolution,
        SpikingPool,
    )
}
_PAIRS = ("shape", "kernel", "stride", "padding", "dilation", "output")


def is_ours(source: str | PathLike[str] | Any) -> bool:
    """Return whether a NIR file, or a `nir.NIRGraph`, was made by `to_nir`."""
    return METADATA in read_graph(source).metadata


def from_nir(source: str | PathLike[str] | Any) -> tuple[Network, bytes | None]:
    """Return the network and the learned state, if any, that `to_nir` made a NIR graph of.

    Raises
    ------
    ModelFileError
        If it is none of ours, of a later format, or was changed since.
    """
    graph = read_graph(source)
    if METADATA not in graph.metadata:
        raise ModelFileError("this NIR graph was not made by edge-naca")
    try:
        about = json.loads(text_or(graph.metadata[METADATA]))
        version = about["format"]
        if version == FORMAT:
            network, state = _restored(graph, about)
            expected = read_graph(to_nir(network, state))
    # Whatever JSON holds may be missing or of another type: all of that is one thing.
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ModelFileError(
            f"what edge-naca said about this NIR graph is damaged: {error}"
        ) from error
    if version != FORMAT:
        raise ModelFileError(
            f"edge-naca wrote this NIR graph in format {version}, this version reads {FORMAT}"
        )
    changed = _difference(graph, expected)
    if changed is not None:
        raise ModelFileError(
            f"{changed} was changed since edge-naca wrote this graph; to import it as it is now, "
            f"remove {METADATA!r} from the graph's metadata"
        )
    return network, state


def _difference(graph: Graph, expected: Graph) -> str | None:
    """Return where a graph differs from what was expected, if it does."""
    for name in {**expected.nodes, **graph.nodes}:
        if name not in graph.nodes or name not in expected.nodes:
            return f"node {name!r}"
        ours, theirs = expected.nodes[name], graph.nodes[name]
        given = dict(theirs.parameters)
        if "v_reset" in ours.parameters:
            given.setdefault("v_reset", ours.parameters["v_reset"])  # 0: files leave it out
        if ours.kind != theirs.kind or set(ours.parameters) != set(given):
            return f"node {name!r}"
        for key, value in ours.parameters.items():
            if not np.array_equal(np.asarray(value), np.asarray(given[key])):
                return f"{key} of node {name!r}"
    return None if set(graph.edges) == set(expected.edges) else "an edge"


def _built(data: Any) -> Any:
    """Undo `nir_write.described`."""
    if isinstance(data, list):
        return [_built(entry) for entry in data]
    if not isinstance(data, dict) or "is" not in data:
        return data
    kind = _KINDS[data["is"]]
    values = {key: _built(value) for key, value in data.items() if key != "is"}
    return kind(**{k: tuple(v) if k in _PAIRS and v is not None else v for k, v in values.items()})


def _restored(graph: Graph, about: dict[str, Any]) -> tuple[Network, bytes | None]:
    said = about["network"]
    stages = []
    for number, data in enumerate(said["stages"]):
        if data["is"] == SpikingConvolution.__name__:
            values = _integers(graph, f"stage_{number}_weights", data["current_shift"])
            if values.ndim == 2:  # a dense layer
                values = values.reshape(-1, data["shape"][2], *data["kernel"])
            data = {**data, "weights": values}
        stages.append(_built(data))
    network = Network(
        said["inputs"],
        _built(said["encoder"]),
        tuple(_built(entry) for entry in said["populations"]),
        preparation=_built(said["preparation"]),
        seed=said["seed"],
        metadata=said["metadata"],
        optional={key: bytes.fromhex(value) for key, value in said["optional"].items()},
        stages=tuple(stages),
    )
    state = about["state"]
    if state is None:
        return network, None
    learned = []
    for number, population in enumerate(network.populations):
        name = f"population_{number}_weights"
        shift = 0 if population.curve is not None else population.current_shift
        weights = _integers(graph, name, shift)
        if number == 0 and network.stages:
            in_units = np.empty_like(weights)
            in_units[:, planes_first(network)] = weights
            weights = in_units
        if population.bias:
            bias = _integers(graph, name, shift, "bias")
            weights = np.concatenate([weights, bias[:, None]], axis=1)
        wins, means = state["wins"][number], state["means"][number]
        context = state["contexts"][number]
        learned.append(
            image.Learned(
                weights,
                None if wins is None else np.array(wins, np.uint16),
                None if means is None else np.array(means, np.uint32),
                None if context is None else _context(context),
            )
        )
    seen = np.array(state["seen"], np.uint32)
    return network, image.pack_state(network, image.State(seen, tuple(learned), state["learned"]))


def _context(told: dict[str, Any]) -> image.Context:
    return image.Context(np.array(told["offset"], np.int8), np.array(told["residuals"], np.int16))


def _integers(graph: Graph, name: str, shift: int, what: str = "weight") -> NDArray[np.int8]:
    """Return weights as the image holds them."""
    values = np.asarray(graph.nodes[name].parameters[what], np.float64) / 2.0**shift
    rounded = np.rint(values)
    if (rounded != values).any() or np.abs(rounded).max(initial=0) > 128:
        raise ModelFileError(f"{what} of node {name!r} holds no weights of 8 bits")
    return rounded.astype(np.int8)
