"""An ONNX file as layers (`edge_naca.export.conversion.layers`)."""

from __future__ import annotations

from pathlib import Path

from edge_naca.export.conversion.layers import ConversionError, Layer
from edge_naca.export.onnx_import import operators, quantised
from edge_naca.export.onnx_import.file import OnnxError, read_model
from edge_naca.export.onnx_import.read import Model, Reader

# Every kind of node that can be read, and what reads it.
HANDLERS = {**operators.HANDLERS, **quantised.HANDLERS}


def read_onnx(path: str | Path, cut: str | None = None) -> Model:
    """Read an ONNX file into layers, and everything that stands in the way.

    Raises
    ------
    OSError, OnnxError, ConversionError, ImportError
        If the file cannot be read, is no ONNX model, or its graph is cyclic or incomplete.
    """
    # Handlers register themselves.
    from edge_naca.export.onnx_import import quantised as onnx_quantised  # noqa: F401

    try:
        return Reader(read_model(path), HANDLERS, cut).model
    except UnicodeDecodeError as error:
        raise OnnxError(f"{path} is damaged: a name in it is no text") from error


def layers_of(model: Model) -> list[Layer]:
    """Return a model's layers, or refuse with everything that was found."""
    if model.findings:
        raise ConversionError(model.findings)
    return list(model.layers)
