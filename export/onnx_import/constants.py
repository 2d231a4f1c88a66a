"""What nodes make of constants, worked out by onnxruntime, which knows every operator version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from edge_naca.extras import require

if TYPE_CHECKING:
    from onnx import AttributeProto, NodeProto, OperatorSetIdProto, TensorProto

Array = NDArray[Any]

# These give other numbers each time.
RANDOM = (
    *("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform"),
    "RandomUniformLike",
)


class ConstantError(ValueError):
    """A node cannot be worked out; the message says why."""


def evaluate(
    node: NodeProto, inputs: Mapping[str, TensorProto], opsets: Sequence[OperatorSetIdProto]
) -> list[Array]:
    """Return what a node makes of constants, one array for each of its outputs that has a name.

    Parameters
    ----------
    inputs : by the names that the node uses.
    opsets : of the file, as the meaning of an operator depends on its version.

    Raises
    ------
    ConstantError
        If the node has no result that is always the same, or onnxruntime refuses it.
    ImportError
        If the package onnxruntime is not installed.
    """
    require("onnxruntime")
    import onnxruntime
    from onnx import helper

    if node.op_type in RANDOM:
        raise ConstantError("its result is random")
    if any(_is_graph(attribute) for attribute in node.attribute):
        raise ConstantError("it holds a graph of its own, which may never end")
    graph = helper.make_graph(
        [node],
        "constants",
        [],
        [helper.make_empty_tensor_value_info(name) for name in node.output if name],
        list(inputs.values()),
    )
    # onnxruntime knows operator sets by domain; those that the node does not use may be newer.
    used = [opset for opset in opsets if opset.domain in (node.domain, "")]
    model = helper.make_model(graph, opset_imports=used, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4  # what goes wrong is raised
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return list(session.run(None, {}))
    except Exception as error:  # onnxruntime has a class for each of its status codes
        raise ConstantError(" ".join(str(error).split())) from error


def _is_graph(attribute: AttributeProto) -> bool:
    return attribute.HasField("g") or bool(attribute.graphs)
