"""A NIR file as a flat graph of nodes, and what is wrong with its structure.

Files are read as what they are, HDF5 (`hdf5`), and not through the constructors of the `nir`
package: those refuse whole files for one node that is old, odd or unknown, and what is wrong could
not be listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from edge_naca.export.conversion.layers import Finding, ModelFileError
from edge_naca.export.nir.apart import read_apart
from edge_naca.export.nir.hdf5 import MAX_DEPTH, MAX_NODES

MAX_EDGES = 1 << 17

INPUT, OUTPUT, GRAPH = "Input", "Output", "NIRGraph"
NEURONS = ("LIF", "CubaLIF", "IF", "LI", "CubaLI", "I", "Threshold")
WEIGHTS = ("Affine", "Linear", "Conv1d", "Conv2d")
KINDS = (*NEURONS, *WEIGHTS, "Scale", "SumPool2d", "AvgPool2d", "Flatten", INPUT, OUTPUT)

_ADVICE = {
    "Delay": "train without delays: spikes pass through all layers within a step here",
}


@dataclass(frozen=True, eq=False)
class Node:
    """A node of a graph.

    Parameters
    ----------
    name : with those of the sub-graphs it lies in: "outer/inner".
    kind : NIR's name of its type.
    parameters : as in the file: numpy arrays and scalars, strings.
    """

    name: str
    kind: str
    parameters: dict[str, Any]


@dataclass(eq=False)
class Graph:
    """A graph without sub-graphs.

    Parameters
    ----------
    nodes : by name.
    edges : pairs of names, none twice.
    metadata : of the whole graph, as in the file.
    findings : what was wrong when sub-graphs were joined.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def after(self, name: str) -> list[str]:
        """Return the names of the nodes that a node speaks to."""
        return [b for a, b in self.edges if a == name]

    def before(self, name: str) -> list[str]:
        """Return the names of the nodes that speak to a node."""
        return [a for a, b in self.edges if b == name]


# ---- reading ---------------------------------------------------------------------------------


def read_graph(source: str | PathLike[str] | Any) -> Graph:
    """Read a NIR file, or take a `nir.NIRGraph`, and join its sub-graphs into one graph.

    Raises
    ------
    ModelFileError
        If there is no NIR graph in it.
    """
    if isinstance(source, (str, PathLike)):
        data = read_apart(Path(source))
        name = str(source)
    elif hasattr(source, "to_dict"):
        data, name = source.to_dict(), "the graph"
    else:
        raise TypeError(f"a path or a nir.NIRGraph is needed, not {type(source).__name__}")
    if _text(data.get("type")) != GRAPH:
        raise ModelFileError(f"{name}: there is no NIR graph in it, but {_text(data.get('type'))}")
    graph = Graph()
    _join(graph, "", data, 0)
    metadata = data.get("metadata")
    graph.metadata = metadata if isinstance(metadata, dict) else {}
    graph.edges = list(dict.fromkeys(graph.edges))
    return graph


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def text_or(value: Any) -> Any:
    """Return bytes as text, everything else as it is."""
    return _text(value) if isinstance(value, bytes) else value


def _join(graph: Graph, prefix: str, data: dict[str, Any], depth: int) -> tuple[list[str], ...]:
    """Add a graph's nodes and edges to `graph`; return the names of its inputs and outputs."""
    nodes, edges = data.get("nodes"), data.get("edges")
    where = prefix.rstrip("/") or "the graph"
    if not isinstance(nodes, dict) or edges is None:
        raise ModelFileError(f"{where} has no nodes or no edges")
    if depth > MAX_DEPTH:
        raise ModelFileError(f"{where}: graphs lie too deep in each other")
    entries: dict[str, list[str]] = {}
    exits: dict[str, list[str]] = {}
    inputs, outputs = [], []
    for key, given in nodes.items():
        if not isinstance(given, dict) or "type" not in given:
            raise ModelFileError(f"{prefix}{key} has no type")
        name, kind = f"{prefix}{key}", _text(given["type"])
        if kind == GRAPH:
            entries[key], exits[key] = _join(graph, f"{name}/", given, depth + 1)
            continue
        parameters = {k: text_or(v) for k, v in given.items() if k not in ("type", "metadata")}
        graph.nodes[name] = Node(name, kind, parameters)
        entries[key] = exits[key] = [name]
        inputs += [name] * (kind == INPUT)
        outputs += [name] * (kind == OUTPUT)
    if len(graph.nodes) > MAX_NODES:
        raise ModelFileError(f"there are more than {MAX_NODES} nodes")
    for source, target in _pairs(where, edges):
        unknown = [end for end in (source, target) if end not in entries]
        if unknown:
            graph.findings.append(
                Finding(
                    f"{prefix}{unknown[0]}",
                    "edge",
                    f"the edge {source} → {target} of {where} names a node that is not there",
                    "export the file again",
                )
            )
            continue
        if len(graph.edges) + len(exits[source]) * len(entries[target]) > MAX_EDGES:
            raise ModelFileError(f"there are more than {MAX_EDGES} edges")
        graph.edges += [(a, b) for a in exits[source] for b in entries[target]]
    if depth and not (inputs and outputs):
        graph.findings.append(
            Finding(
                where,
                GRAPH,
                "the sub-graph lacks an Input or an Output node",
                "give it both, so that it is known where numbers go in and come out",
            )
        )
    return inputs, outputs


def _pairs(where: str, edges: Any) -> list[tuple[str, str]]:
    """Return edges as pairs of names."""
    rows = edges.tolist() if isinstance(edges, np.ndarray) else edges
    if not isinstance(rows, (list, tuple)):
        raise ModelFileError(f"{where} has no edges, but {_text(edges)[:40]!r}")
    for edge in rows:
        if not isinstance(edge, (list, tuple)) or len(edge) != 2:
            raise ModelFileError(f"{where}: an edge must join two nodes")
    return [(_text(source), _text(target)) for source, target in rows]


# ---- structure -------------------------------------------------------------------------------


def structure_findings(graph: Graph) -> list[Finding]:
    """Return every reason why the graph is not one feed-forward chain of known nodes."""
    findings = list(graph.findings)
    findings += [
        Finding(
            node.name,
            node.kind,
            "this type of node cannot be converted",
            _ADVICE.get(node.kind, f"replace it by some of {', '.join(KINDS)}"),
        )
        for node in graph.nodes.values()
        if node.kind not in KINDS
    ]
    cycles = _cycles(graph)
    looped = {name for cycle in cycles for name in cycle}
    for cycle in cycles:
        findings.append(
            Finding(
                " → ".join([*cycle, cycle[0]]),
                "cycle",
                "these nodes speak to each other in a cycle: recurrent connections cannot be "
                "converted",
                "train a feed-forward network, or let NACA populations behind it do the rest",
            )
        )
    roots = [name for name in graph.nodes if not graph.before(name)]
    leaves = [name for name in graph.nodes if not graph.after(name)]
    for what, ends, advice in (
        ("input", roots, "join the inputs into one array before the network"),
        ("output", leaves, "keep the output that answers, and remove the others"),
    ):
        if len(ends) > 1:
            findings.append(
                Finding(
                    ", ".join(ends), what, f"there are {len(ends)} {what}s, but can be one", advice
                )
            )
    if not graph.nodes or (not looped and not (roots and leaves)):
        findings.append(Finding("the graph", GRAPH, "it holds no nodes", "export it again"))
    for name, node in graph.nodes.items():
        if name in looped:
            continue
        for what, ends in (("from", graph.before(name)), ("to", graph.after(name))):
            ends = [end for end in ends if end not in looped]
            if len(ends) > 1:
                findings.append(
                    Finding(
                        name,
                        node.kind,
                        f"it has edges {what} {', '.join(ends)}: branches cannot be converted",
                        "train a network whose layers form one chain",
                    )
                )
    return findings


def _cycles(graph: Graph) -> list[list[str]]:
    """Return the strongly connected parts that hold a cycle, each in the order of the file."""
    after: dict[str, list[str]] = {name: [] for name in graph.nodes}
    before: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for a, b in graph.edges:
        after[a].append(b)
        before[b].append(a)
    order: list[str] = []
    seen: set[str] = set()
    for root in graph.nodes:
        _visit(root, after, seen, order)
    seen = set()
    parts = []
    for root in reversed(order):
        part: list[str] = []
        _visit(root, before, seen, part)
        if len(part) > 1 or (part and part[0] in after[part[0]]):
            parts.append([name for name in graph.nodes if name in set(part)])
    return parts


def _visit(root: str, edges: dict[str, list[str]], seen: set[str], order: list[str]) -> None:
    """Append the nodes that can be reached from `root` and were not seen, in post-order."""
    if root in seen:
        return
    seen.add(root)
    stack: list[tuple[str, Iterator[str]]] = [(root, iter(edges[root]))]
    while stack:
        name, following = stack[-1]
        for further in following:
            if further not in seen:
                seen.add(further)
                stack.append((further, iter(edges[further])))
                break
        else:
            order.append(name)
            stack.pop()


def chain(graph: Graph) -> list[Node]:
    """Return the nodes in order; the graph must have passed `structure_findings`."""
    names = [next(name for name in graph.nodes if not graph.before(name))]
    while graph.after(names[-1]):
        names.append(graph.after(names[-1])[0])
    return [graph.nodes[name] for name in names]
