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
from edge_naca.files import refuse_pipe

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
    refuse_pipe(path)
    with path.open("rb") as file:  # a device without an end, perhaps, which has no size
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise OnnxError(
            f"{path} has more than {MAX_FILE >> 20} MiB, of which no microcontroller holds as "
            "much: export a smaller feature extractor"
        )
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise OnnxError(f"{path} is no ONNX file, or a truncated one: {error}") from error
    if not model.graph.node or not model.opset_import:
        raise OnnxError(f"{path} is no ONNX file: it holds no graph")
    _check_operator_set(model, path)
    if len(model.graph.node) > MAX_NODES:
        raise OnnxError(
            f"{path} has {len(model.graph.node)} nodes; no more than {MAX_NODES} are looked at"
        )
    _load_external(model, path)
    _check_order(model.graph)
    _check_rules(model, path)
    return inliner.inline_local_functions(model) if model.functions else model


def _check_operator_set(model: ModelProto, path: Path) -> None:
    """Refuse operators that the installed onnx does not know: they may mean something else.

    "ai.onnx" is another name of ONNX's own domain.
    """
    import onnx

    for part in (*model.opset_import, *model.graph.node):
        if part.domain == "ai.onnx":
            part.domain = ""
    version = max((part.version for part in model.opset_import if not part.domain), default=0)
    newest = onnx.defs.onnx_opset_version()
    if version > newest:
        raise OnnxError(
            f"{path} is of operator set {version}, which the installed onnx {onnx.__version__} "
            f"does not know: export it with operator set {newest} or less, or install a newer onnx"
        )


def _check_rules(model: ModelProto, path: Path) -> None:
    """Refuse what ONNX's own checker refuses, but for what it asks for and nobody needs.

    That is the graph's name, and the shapes of outputs, which are inferred.
    """
    import onnx

    model.graph.name = model.graph.name or "graph"
    outputs = [value.type.tensor_type for value in model.graph.output]
    shapeless = [kind for kind in outputs if kind.elem_type and not kind.HasField("shape")]
    for kind in shapeless:
        kind.shape.SetInParent()
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise OnnxError(
            f"{path} breaks the rules of ONNX: {' '.join(str(error).split())}"
        ) from error
    for kind in shapeless:
        kind.ClearField("shape")


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
    left = MAX_FILE
    for tensor in _tensors(model.graph):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        left -= _external_bytes(tensor, path, folder)
        if left < 0:
            raise OnnxError(
                f"{path}: its data beside it have more than {MAX_FILE >> 20} MiB, of which no "
                "microcontroller holds as much: export a smaller feature extractor"
            )
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        except Exception as error:  # onnx has several kinds, by version
            raise OnnxError(
                f"{path}: the data of {tensor.name!r} cannot be read: {error}"
            ) from error
        tensor.data_location = TensorProto.DEFAULT


def _external_bytes(tensor: TensorProto, path: Path, folder: Path) -> int:
    """Return how many bytes a tensor takes from a file beside the model.

    Several may lie in one file, or be the same bytes of it.
    """
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    try:
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
        return int(entries.get("length", 0)) or beside.stat().st_size
    except OnnxError:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # no name of a file, or no number
        raise OnnxError(
            f"{path}: the data of {tensor.name!r} cannot be read from {location!r}: {error}"
        ) from error


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
