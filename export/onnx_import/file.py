"""ONNX files: read, checked as a whole, and refused in words where something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import ConversionError, Finding
from edge_naca.extras import require

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

MAX_FILE = 1 << 28  # bytes: a thousand times what an image can hold
MAX_NODES = 10_000
MAX_CONSTANT = 1 << 26  # numbers in one constant


class OnnxError(ValueError):
    """A file is no ONNX model that can be looked at; the message says what is wrong with it."""


def read_model(path: str | Path) -> ModelProto:
    """Read an ONNX file, with the external data that belong to it.

    Raises
    ------
    OSError
        If the file cannot be read.
    OnnxError
        If it is no ONNX model, is truncated or too large, or its external data are not there.
    ImportError
        If the package onnx is not installed.
    ConversionError
        If the graph is cyclic or breaks the rules of ONNX; it names the nodes.
    """
    require("onnx")
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import inliner

    path = Path(path)
    size = path.stat().st_size
    if size > MAX_FILE:
        raise OnnxError(
            f"{path} has {size >> 20} MiB; no more than {MAX_FILE >> 20} can be looked at, and no "
            "microcontroller holds that much: export a smaller feature extractor"
        )
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise OnnxError(f"{path} is no ONNX file, or a truncated one: {error}") from error
    if not model.graph.node or not model.opset_import:
        raise OnnxError(f"{path} is no ONNX file: it holds no graph")
    if len(model.graph.node) > MAX_NODES:
        raise OnnxError(
            f"{path} has {len(model.graph.node)} nodes; no more than {MAX_NODES} are looked at"
        )
    _load_external(model, path)
    _check_order(model.graph)
    model.graph.name = model.graph.name or "graph"  # the checker asks for one that nobody needs
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise OnnxError(
            f"{path} breaks the rules of ONNX: {' '.join(str(error).split())}"
        ) from error
    return inliner.inline_local_functions(model) if model.functions else model


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t


def _load_external(model: ModelProto, path: Path) -> None:
    """Read what the file keeps beside itself, from its own folder only."""
    from onnx import TensorProto, external_data_helper

    folder = path.resolve().parent
    for tensor in _tensors(model.graph):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        beside = (folder / location).resolve()
        if not location or not beside.is_relative_to(folder):
            raise OnnxError(
                f"{path}: the data of {tensor.name!r} are said to be in {location!r}, which is not "
                "in the model's folder"
            )
        if not beside.is_file():
            raise OnnxError(
                f"{path}: the data of {tensor.name!r} are missing: they belong into the file "
                f"{location!r} beside the model. Copy it there, or export with external_data=False"
            )
        if beside.stat().st_size > MAX_FILE:
            raise OnnxError(f"{path}: {location!r} has more than {MAX_FILE >> 20} MiB")
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        except Exception as error:  # onnx has several kinds, by version
            raise OnnxError(
                f"{path}: the data of {tensor.name!r} in {location!r} cannot be read: {error}"
            ) from error
        tensor.data_location = TensorProto.DEFAULT


def _check_order(graph: GraphProto) -> None:
    """Refuse cycles, and inputs that nothing makes, by the names of their nodes."""
    known = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    known |= {tensor.values.name for tensor in graph.sparse_initializer} | {""}
    makers = {name: number for number, node in enumerate(graph.node) for name in node.output}
    findings = [
        Finding(
            where(node, number),
            node.op_type,
            f"its input {name!r} is made by no node and is no parameter of the file",
            "export the model again with its parameters",
        )
        for number, node in enumerate(graph.node)
        for name in node.input
        if name not in known and name not in makers
    ]
    if findings:
        raise ConversionError(findings)
    order = TopologicalSorter(
        {
            number: [makers[name] for name in node.input if name not in known]
            for number, node in enumerate(graph.node)
        }
    )
    try:
        order.prepare()
    except CycleError as error:
        # Each node of the ring feeds the next; the first is there again at its end.
        ring = error.args[1][:-1]
        raise ConversionError(
            [
                Finding(
                    " → ".join(where(graph.node[number], number) for number in ring),
                    "cycle",
                    "the graph is cyclic: these nodes wait for each other",
                    "only feed-forward models can be converted",
                )
            ]
        ) from error


def where(node: NodeProto, number: int) -> str:
    """Return how to name a node to people: its name, and its place in the graph."""
    return f"{node.name or node.op_type} (node {number})"


def attributes(node: NodeProto) -> dict[str, Any]:
    """Return a node's attributes: numbers, strings, lists, tensors."""
    from onnx import helper

    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}


def array(tensor: TensorProto) -> NDArray[Any]:
    """Return a tensor's numbers.

    Raises
    ------
    OnnxError
        If there are too many of them, or not as many as its shape says.
    """
    from onnx import numpy_helper

    count = int(np.prod([int(size) for size in tensor.dims], dtype=object))
    if count > MAX_CONSTANT:
        raise OnnxError(f"{tensor.name!r} has {count} numbers, more than {MAX_CONSTANT}")
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (KeyError, TypeError, ValueError) as error:
        raise OnnxError(f"{tensor.name!r} does not hold what its shape says: {error}") from error
