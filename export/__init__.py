"""From a network to an image, to C source, to other frameworks; what it costs on a board."""

from edge_naca.export.cost.report import activity_of, assumed_activity, cost_report
from edge_naca.export.csource import c_source, usage
from edge_naca.export.image_file import load_image, save_image
from edge_naca.export.nir.front_end import nir_check, nir_front_end, nir_network
from edge_naca.export.nir.home import from_nir
from edge_naca.export.nir.options import NirOptions
from edge_naca.export.nir.write import nir_file, to_nir
from edge_naca.export.onnx_export.build import (
    INPUT_TYPES,
    initial_state,
    interface,
    state_from,
    to_onnx,
)
from edge_naca.export.onnx_export.learner import OnnxLearner
from edge_naca.export.onnx_import.front_end import (
    OnnxOptions,
    onnx_check,
    onnx_front_end,
    onnx_network,
)

__all__ = [
    "INPUT_TYPES",
    "NirOptions",
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
    "nir_check",
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
