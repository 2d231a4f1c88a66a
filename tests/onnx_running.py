"""ONNX models made of networks, and run."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto

from edge_naca import encoding
from edge_naca.core import Core
from edge_naca.export.onnx_learner import as_input
from edge_naca.network import Network


def session(model: ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 2
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(model: onnxruntime.InferenceSession, **feeds: NDArray[Any]) -> dict[str, Any]:
    """Return all outputs by name."""
    names = [output.name for output in model.get_outputs()]
    return dict(zip(names, model.run(names, feeds), strict=True))


def sample_for(network: Network, x: NDArray[Any], kind: str) -> tuple[NDArray[Any], str]:
    """Return a sample of `strategies.random_sample` as models take it, and the input type."""
    if kind == "events":
        return encoding.from_events(network.encoder, x, network.inputs).astype(np.uint8), "spikes"
    input_type = kind if kind == "codes" else str(x.dtype)
    return as_input(network, input_type, x), input_type


def recorded(network: Network, out: dict[str, Any], what: str) -> NDArray[Any]:
    """Return what a model recorded of all populations, as `Recording` has it."""
    count = len(network.populations)
    hidden = ["hidden"] if count == 2 else [f"hidden_{place}" for place in range(count - 1)]
    return np.concatenate([out[f"{name}.{what}"] for name in [*hidden, "output"]], axis=-1)


def result_of(out: dict[str, Any]) -> tuple[int, ...]:
    names = ("prediction", "margin", "spikes", "synops")
    return tuple(int(out[name]) for name in names)


def result_of_core(result: Any) -> tuple[int, ...]:
    return result.prediction, result.margin, result.spikes, result.synops


__all__ = ["Core", "recorded", "result_of", "result_of_core", "run", "sample_for", "session"]
