"""From a network to an image, to C source, to other frameworks; what it costs on a board."""

from edge_naca.export.cost import activity_of, assumed_activity, cost_report
from edge_naca.export.csource import c_source, usage
from edge_naca.export.image_file import load_image, save_image
from edge_naca.export.onnx_export import (
    INPUT_TYPES,
    initial_state,
    interface,
    state_from,
    to_onnx,
)
from edge_naca.export.onnx_learner import OnnxLearner

__all__ = [
    "INPUT_TYPES",
    "OnnxLearner",
    "activity_of",
    "assumed_activity",
    "c_source",
    "cost_report",
    "initial_state",
    "interface",
    "load_image",
    "save_image",
    "state_from",
    "to_onnx",
    "usage",
]
