"""ONNX models made of networks, and run in onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto

from edge_naca.export.onnx_export.learner import as_input
from edge_naca.export.onnx_export.state import population_names, stage_names
from edge_naca.network import Network
from edge_naca.specification import encoding
from edge_naca.specification.results import Result

RESULTS = ("prediction", "margin", "spikes", "synops")


class Running:
    """A model in onnxruntime, one thread."""

    def __init__(self, model: ModelProto) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.names = [output.name for output in self.session.get_outputs()]

    def __call__(self, **feeds: Any) -> dict[str, Any]:
        """Return all outputs by name."""
        return dict(zip(self.names, self.session.run(self.names, feeds), strict=True))


def sample_for(network: Network, x: NDArray[Any], kind: str) -> tuple[NDArray[Any], str]:
    """Return a sample of `strategies.random_sample` as models take it, and the input type."""
    if kind == "events":
        return encoding.from_events(network.encoder, x, network.inputs).astype(np.uint8), "spikes"
    input_type = kind if kind == "codes" else str(x.dtype)
    return as_input(network, input_type, x), input_type


def recorded(network: Network, given: dict[str, Any], what: str) -> NDArray[Any]:
    """Return what a model recorded of all stages and populations, as in `Recording`."""
    stages = [name for name in stage_names(network) if f"{name}.{what}" in given]
    names = stages + population_names(network)
    return np.concatenate([given[f"{name}.{what}"] for name in names], axis=-1)


def result_of(given: dict[str, Any], changes: int = 0) -> Result:
    """Return what a model gave as the core says it."""
    numbers = {name: int(given[name]) for name in RESULTS}
    return Result(**numbers, changes=int(given.get("changes", changes)))
