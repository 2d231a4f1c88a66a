"""The ends of ONNX models: what takes the greatest number of a sample is left out, no other is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_naca.export.conversion.layers import ConversionError, Finding
from edge_naca.export.onnx_import.front_end import onnx_check


def ending_in(path: Path, opset: int, outputs: int, *nodes: Any) -> Path:
    """Write a model of one Gemm and what follows it, of inputs (1, 8)."""
    weights = np.random.default_rng(0).normal(size=(8, outputs)).astype(np.float32)
    first = helper.make_node("Gemm", ["x", "w"], ["y0"])
    graph = helper.make_graph(
        [first, *nodes],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("kind", "opset", "axis", "fits"),
    [
        ("Softmax", 13, -1, True),
        ("Softmax", 13, 1, True),
        ("Softmax", 13, None, True),
        ("Softmax", 13, 0, False),
        ("Softmax", 11, None, True),
        ("Softmax", 11, 0, False),
        ("LogSoftmax", 17, 0, False),
        ("ArgMax", 13, 1, True),
        ("ArgMax", 13, -1, True),
        ("ArgMax", 13, None, False),
        ("ArgMax", 13, 0, False),
        ("Softmax", 13, 5, False),
    ],
)
def test_the_greatest_number_is_one_of_a_sample(
    tmp_path: Path, kind: str, opset: int, axis: int | None, fits: bool
) -> None:
    said: dict[str, Any] = {} if axis is None else {"axis": axis}
    node = helper.make_node(kind, ["y0"], ["out"], name="end", **said)
    found = onnx_check(ending_in(tmp_path / "m.onnx", opset, 4, node), use="network")
    assert (not found.findings) == fits, found.findings
    assert fits or found.findings[0].node.startswith("end")


def test_one_number_is_compared_with_nothing(tmp_path: Path) -> None:
    node = helper.make_node("Softmax", ["y0"], ["out"], name="end", axis=1)
    found = onnx_check(ending_in(tmp_path / "m.onnx", 13, 1, node), use="network")
    assert "compares one number with nothing" in found.findings[0].reason


def test_a_softmax_over_places_is_refused(tmp_path: Path) -> None:
    shape = numpy_helper.from_array(np.array([1, 4, 1]), "shape")
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("Reshape", ["y0", "shape"], ["y1"]),
        helper.make_node("Softmax", ["y1"], ["out"], name="end", axis=-1),
    ]
    found = onnx_check(ending_in(tmp_path / "m.onnx", 13, 4, *nodes), use="network")
    assert found.findings[0].node.startswith("end")


def test_what_a_model_is_called_is_printable_in_an_exception() -> None:
    assert "\x1b" not in str(ConversionError([Finding("in\x1b[31m", "Input", "bad", "mend it")]))
