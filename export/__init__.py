"""From a network to an image, to C source, to other frameworks; what it costs on a board."""

from edge_naca.export.cost import activity_of, assumed_activity, cost_report
from edge_naca.export.csource import c_source, usage
from edge_naca.export.image_file import load_image, save_image
from edge_naca.export.nir_home import from_nir
from edge_naca.export.nir_import import nir_front_end, nir_network
from edge_naca.export.nir_options import NirOptions
from edge_naca.export.nir_write import nir_file, to_nir
from edge_naca.export.onnx_export import (
    INPUT_TYPES,
    initial_state,
    interface,
    state_from,
    to_onnx,
)
from edge_naca.export.onnx_import import (
    OnnxFrontEnd,
    OnnxOptions,
    onnx_check,
    onnx_front_end,
    onnx_network,
)
from edge_naca.export.onnx_learner import OnnxLearner

__all__ = [
    "INPUT_TYPES",
    "NirOptions",
    "OnnxFrontEnd",
    "OnnxLearner",
    "OnnxOptions",
    "activity_of",
    "assumed_activity",
    "c_source",
    "cost_report",
    "from_nir",
    "initial_state",
    "interface",
    "load_image",
    "nir_file",
    "nir_front_end",
    "nir_network",
    "onnx_check",
    "onnx_front_end",
    "onnx_network",
    "save_image",
    "state_from",
    "to_nir",
    "to_onnx",
    "usage",
]
