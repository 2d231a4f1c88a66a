"""Helpers for tests that read ONNX files: models made on the spot, and what onnxruntime says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from support import ROOT

Array = NDArray[Any]

MODELS = ROOT / "tests" / "models"
OPSET = 17

# An x86-64 processor with AVX2 and without VNNI adds two products of uint8 and int8 in 16 bits,
# which saturate. With this, onnxruntime takes kernels that do not. Exported networks do without:
# none of their operands is large enough (docs/onnx.md).
EXACT_PRODUCTS = "session.x64quantprecision"


def build(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, Array],
    input_shape: Sequence[int | str],
    output: str = "y",
    *,
    input_type: int = onnx.TensorProto.FLOAT,
    output_type: int = onnx.TensorProto.FLOAT,
) -> onnx.ModelProto:
    """Return a model with the input "x"."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("x", input_type, list(input_shape))],
        [helper.make_tensor_value_info(output, output_type, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    inferred = onnx.shape_inference.infer_shapes(model).graph.output[0].type
    if inferred.tensor_type.HasField("shape"):
        model.graph.output[0].type.CopyFrom(inferred)
    else:
        model.graph.output[0].type.tensor_type.shape.SetInParent()
    return model


def save(model: onnx.ModelProto, folder: Path) -> Path:
    """Write a model to a folder."""
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def answers(path: Path, x: Array, output: int = -1) -> NDArray[np.float64]:
    """Return what onnxruntime makes of samples, one at a time, exactly: (samples, numbers)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry(EXACT_PRODUCTS, "1")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    rows = [np.asarray(session.run(None, {name: sample[None]})[output]) for sample in x]
    return np.concatenate([row.reshape(1, -1) for row in rows]).astype(np.float64)
