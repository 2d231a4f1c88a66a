"""An ONNX file as layers (`edge_naca.export.conversion.layers`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_naca.export.conversion.layers import ConversionError, Finding, Layer
from edge_naca.export.onnx_import import dimensions, dynamic, elementwise, quantised, windows
from edge_naca.export.onnx_import.element_types import REALS
from edge_naca.export.onnx_import.file import OnnxError, read_model
from edge_naca.export.onnx_import.read import Handler, Model, Reader

if TYPE_CHECKING:
    from onnx import GraphProto

# Every kind of node that can be read, and what reads it.
HANDLERS: dict[str, Handler] = {
    **windows.HANDLERS,
    **elementwise.HANDLERS,
    **dimensions.HANDLERS,
    **quantised.HANDLERS,
    **dynamic.HANDLERS,  # after elementwise: its Mul and Cast know of dynamic scales, too
}


def read_onnx(path: str | Path, cut: str | None = None) -> Model:
    """Read an ONNX file into layers, and everything that stands in the way.

    Parameters
    ----------
    cut : name of the node, or tensor, whose result is wanted; None for the model's output.

    Raises
    ------
    OSError, OnnxError, ConversionError, ImportError
        If the file cannot be read, is no ONNX model, or its graph is cyclic or incomplete.
    """
    try:
        file = read_model(path)
        targets = [_tensor(file.graph, cut)] if cut is not None else _outputs(file.graph)
        models = [Reader(file, HANDLERS, target).model for target in targets]
    except UnicodeDecodeError as error:
        raise OnnxError(f"{path} is damaged: a name in it is no text") from error
    model = models[0]
    outputs = [value.name for value in file.graph.output]
    if len(targets) > 1:
        model.findings = _several(outputs, models)
    elif cut is None and len(outputs) > 1:
        model.notes.append(f"of the outputs {', '.join(outputs)} only {targets[0]} was followed")
    return model


def _several(outputs: list[str], models: list[Model]) -> list[Finding]:
    """Return what is said of a file of several outputs: which can be taken, and all findings."""
    good = [name for name, model in zip(outputs, models, strict=True) if not model.findings]
    which = f"of these, {', '.join(good)} can be read" if good else "none of these can be read yet"
    first = Finding(
        "the graph",
        "output",
        f"it has {len(outputs)} outputs: {', '.join(outputs)}",
        f"say which node's or output's result is wanted, with --cut NAME; {which}",
    )
    # A node on the way to several outputs is named once.
    return list(dict.fromkeys([first, *(f for model in models for f in model.findings)]))


def _outputs(graph: GraphProto) -> list[str]:
    """Return the outputs among which is what counts."""
    names = [value.name for value in graph.output]
    if len(names) < 2:
        return names
    # A classifier of skl2onnx gives a label and scores: scores are what counts.
    scores = [
        value.name
        for value in graph.output
        if value.type.HasField("tensor_type") and value.type.tensor_type.elem_type in REALS
    ]
    return scores if len(scores) == 1 else names


def _tensor(graph: GraphProto, cut: str) -> str:
    """Return the tensor that a node or tensor of this name gives."""
    for node in graph.node:
        if cut == node.name or cut in node.output:
            return str(node.output[0] if cut == node.name else cut)
    names = ", ".join(node.name or node.output[0] for node in graph.node[-8:])
    raise OnnxError(f"there is no node or tensor {cut!r} to cut at; the last nodes are {names}")


def layers_of(model: Model) -> list[Layer]:
    """Return a model's layers, or refuse with everything that was found."""
    if model.findings:
        raise ConversionError(model.findings)
    return list(model.layers)
