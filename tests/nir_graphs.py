"""NIR graphs for tests: as plain data, so that they may be as wrong as files can be."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from support import ROOT

from edge_naca.export.nir.options import NirOptions

MODELS = ROOT / "tests" / "models"

# Everything that a graph of plain LIF neurons leaves open.
SAID = NirOptions(
    dt=1.0,
    method="euler",
    synapse="filter",
    fires="above",
    reset="zero",
    steps=6,
    encoder="direct",
    full_scale=1,
)


class Raw:
    """What a `nir.NIRGraph` gives when asked for a dictionary."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    def to_dict(self) -> dict[str, Any]:
        return self.data


def node(kind: str, **parameters: Any) -> dict[str, Any]:
    return {"type": kind, **parameters}


def numbers(seed: int, *shape: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(size=shape)


def graph(
    nodes: dict[str, dict[str, Any]], edges: list[tuple[str, str]] | None = None, **more: Any
) -> Raw:
    """Return a graph; without edges, one node after another."""
    names = list(nodes)
    if edges is None:
        edges = list(pairwise(names))
    return Raw({"type": "NIRGraph", "nodes": nodes, "edges": edges, **more})


def chain(shape: Any, *nodes: dict[str, Any]) -> Raw:
    """Return Input, nodes n0, n1, …, Output."""
    named = {f"n{number}": given for number, given in enumerate(nodes)}
    return graph({"input": node("Input", shape=shape), **named, "output": node("Output")})


def lif(tau: Any = 2.0, r: Any = 1.0, threshold: Any = 1.0, **more: Any) -> dict[str, Any]:
    parameters = {"tau": tau, "r": r, "v_leak": 0.0, "v_threshold": threshold, **more}
    return node("LIF", **{k: np.asarray(v, np.float64) for k, v in parameters.items()})


def affine(seed: int, outputs: int, inputs: int) -> dict[str, Any]:
    return node("Affine", weight=numbers(seed, outputs, inputs), bias=numbers(seed + 1, outputs))


def convolution(seed: int, maps: int, channels: int, side: int, **more: Any) -> dict[str, Any]:
    usual = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    return node(
        "Conv2d",
        weight=numbers(seed, maps, channels, side, side),
        bias=numbers(seed + 1, maps),
        **{**usual, **more},
    )


def save(path: Path, data: dict[str, Any]) -> Path:
    """Write a graph as HDF5, whatever it holds."""

    def fill(group: Any, content: dict[str, Any]) -> None:
        for key, value in content.items():
            if isinstance(value, dict):
                fill(group.create_group(key), value)
            elif value is not None:
                group.create_dataset(key, data=value)

    with h5py.File(path, "w") as file:
        fill(file.create_group("node"), data)
    return path
