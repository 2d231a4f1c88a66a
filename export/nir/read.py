"""NIR graphs as layers: node after node, with all that is wrong and all that is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from edge_naca.export.conversion.check import Question
from edge_naca.export.conversion.layers import (
    ConversionError,
    Convolution,
    Finding,
    Layer,
    Neurons,
    Scale,
)
from edge_naca.export.nir.graph import (
    INPUT,
    NEURONS,
    OUTPUT,
    WEIGHTS,
    Graph,
    Node,
    chain,
    read_graph,
    structure_findings,
)
from edge_naca.export.nir.neurons import read_neurons
from edge_naca.export.nir.options import (
    MissingOptionsError,
    NirOptions,
    filled,
    questions,
)
from edge_naca.export.nir.parameters import (
    PARAMETERS,
    Arriving,
    NodeError,
    agreed,
    arriving_as,
    given_shape,
    real,
)
from edge_naca.export.nir.weights import (
    read_convolution,
    read_dense,
    read_flatten,
    read_pool,
    read_scale,
)


@dataclass(frozen=True)
class Reading:
    """What could be read of a file.

    Parameters
    ----------
    nodes : all, in the order of the chain if there is one.
    findings : why it cannot be converted.
    questions : what has still to be said.
    layers : if nothing was found; with questions open, some of their numbers mean nothing.
    """

    nodes: list[Node]
    findings: list[Finding]
    questions: list[Question]
    layers: list[Layer]


def read_nir(source: str | PathLike[str] | Any, options: NirOptions) -> Reading:
    """Read as much as can be read.

    Parameters
    ----------
    source : a path, or a `nir.NIRGraph`.
    options : what is known so far.

    Raises
    ------
    ModelFileError
        If the file cannot be read at all.
    """
    graph: Graph = read_graph(source)
    nodes = list(graph.nodes.values())
    findings = structure_findings(graph)
    if findings:
        names = {finding.node for finding in findings}
        for node in nodes:
            if node.kind in NEURONS and node.name not in names:
                findings += _lonely_findings(node)
        return Reading(nodes, _grouped(findings), [], [])
    nodes = chain(graph)
    options = filled(options)
    asked = _questions(nodes, options)
    layers, findings = _layers(nodes, _tentative(options) if asked else options)
    return Reading(nodes, _grouped(findings), asked, [] if findings else layers)


def _grouped(findings: list[Finding]) -> list[Finding]:
    """Return findings, those of nodes that lack the same as one that names all these nodes."""
    names: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        nodes = names.setdefault((finding.kind, finding.reason, finding.advice), [])
        nodes += [finding.node] if finding.node not in nodes else []
    return [Finding(", ".join(nodes), *what) for what, nodes in names.items()]


def nir_layers(source: str | PathLike[str] | Any, options: NirOptions) -> list[Layer]:
    """Read a NIR file as layers.

    Raises
    ------
    ModelFileError
        If the file cannot be read at all.
    ConversionError
        If some nodes cannot be converted: names them all.
    MissingOptionsError
        If something has to be said that is not in the file: asks for all of it.
    """
    reading = read_nir(source, options)
    if reading.findings:
        raise ConversionError(reading.findings)
    if reading.questions:
        raise MissingOptionsError(reading.questions)
    return reading.layers


def _questions(nodes: list[Node], options: NirOptions) -> list[Question]:
    named = [node.kind for node in nodes if node.kind not in (INPUT, OUTPUT, "Flatten")]
    ends_in_weights = bool(named) and named[-1] in (*WEIGHTS, "Scale")
    asked = questions((node.kind for node in nodes), ends_in_weights, options)
    if options.input_shape is None and not _has_shape(nodes[0]):
        asked.append(
            Question(
                "input_shape",
                "the file does not say what shape its input has",
                "channels,height,width or a number",
            )
        )
    return asked


def _has_shape(node: Node) -> bool:
    try:
        return node.kind == INPUT and given_shape(node) is not None
    except NodeError:
        return True  # a wrong one is reported where it is read


def _tentative(options: NirOptions) -> NirOptions:
    """Fill every gap with something, to look for what no answer would make convertible."""
    values: dict[str, Any] = {
        "dt": 1e-9,
        "method": "exact",
        "synapse": "filter",
        "fires": "above",
        "reset": "zero",
        "delayed": False,
        "readout": "sum",
    }
    given = {name: value for name, value in values.items() if getattr(options, name) is None}
    return NirOptions(**{**vars(options), **given, "exporter": None})


# ---- one node after another --------------------------------------------------------------------


def _layers(nodes: list[Node], options: NirOptions) -> tuple[list[Layer], list[Finding]]:
    """Return layers, and why some are missing: as many reasons as can be found in one go."""
    layers: list[Layer] = []
    findings: list[Finding] = []
    given = options.input_shape
    arriving = None if given is None else arriving_as(given)
    for node in nodes:
        if arriving is None and node.kind != INPUT:
            return layers, findings  # whoever asked for the layers will ask for the shape
        made, arriving, problem = _read(node, arriving, options)
        layers += [made] if made is not None else []
        if problem is not None:
            findings.append(problem)
            if node.kind not in NEURONS:
                break  # what comes after has no known shape
    if not findings and arriving is not None:
        if not layers:
            findings.append(
                Finding("the graph", "NIRGraph", "it holds no layers", "export it again")
            )
        elif isinstance(layers[-1], (Convolution, Scale)):
            layers.append(_readout(layers[-1], options))
        findings += _chain_findings(layers)
    return layers, findings


def _read(
    node: Node, arriving: Arriving | None, options: NirOptions
) -> tuple[Layer | None, Arriving | None, Finding | None]:
    """Return a node's layer, what it gives, and why it could not be read."""
    try:
        if node.kind in (INPUT, OUTPUT):
            return None, agreed(given_shape(node), arriving), None
        assert arriving is not None
        return *_READERS[node.kind](node, arriving, options), None
    except NodeError as error:
        return None, arriving, Finding(node.name, node.kind, error.reason, error.advice)


def _readout(last: Layer, options: NirOptions) -> Neurons:
    """Return what turns the last weights into an answer: nothing is forgotten, or everything."""
    nothing = np.array(0.0)
    return Neurons(
        name=f"{last.name}/readout",
        input_shape=last.output_shape,
        output_shape=last.output_shape,
        decay=np.array(1.0 if options.readout == "sum" else 0.0),
        gain=np.array(1.0),
        offset=nothing,
        threshold=nothing,
        reset="none",
        reset_by=nothing,
    )


def _chain_findings(layers: list[Layer]) -> list[Finding]:
    """Return what is wrong with the order of layers."""
    return [
        Finding(
            layer.name,
            "LI",
            "an integrator that never spikes can only be the last layer",
            "put spiking neurons in its place, or make it the last layer",
        )
        for layer in layers[:-1]
        if isinstance(layer, Neurons) and layer.reset == "none"
    ]


def _lonely_findings(node: Node) -> list[Finding]:
    """Return what is wrong with a node of neurons whatever comes before it."""
    try:
        for name in PARAMETERS[node.kind]:
            real(node, name)
    except NodeError as error:
        return [Finding(node.name, node.kind, error.reason, error.advice)]
    return []


_READERS: dict[str, Callable[[Node, Arriving, NirOptions], tuple[Layer | None, Arriving]]] = {
    "Affine": read_dense,
    "Linear": read_dense,
    "Conv1d": read_convolution,
    "Conv2d": read_convolution,
    "SumPool2d": read_pool,
    "AvgPool2d": read_pool,
    "Scale": read_scale,
    "Flatten": read_flatten,
    **dict.fromkeys(NEURONS, read_neurons),
}
