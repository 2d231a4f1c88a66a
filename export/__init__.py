"""From a network to an image, to C source, to other frameworks; what it costs on a board."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_naca.export.cost.report import activity_of, assumed_activity, cost_report
    from edge_naca.export.csource import c_source, usage
    from edge_naca.export.image_file import load_image, save_image
    from edge_naca.export.nir.front_end import nir_check, nir_front_end, nir_network
    from edge_naca.export.nir.home import from_nir
    from edge_naca.export.nir.options import NirOptions
    from edge_naca.export.nir.write import nir_file, to_nir
    from edge_naca.export.onnx_export.build import (
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
    from edge_naca.export.packages.library import library
else:
    from edge_naca.lazy import attributes

    __getattr__, __dir__ = attributes(
        __name__,
        {
            "NirOptions": "nir.options",
            "OnnxLearner": "onnx_export.learner",
            "OnnxOptions": "onnx_import.front_end",
            "activity_of": "cost.report",
            "assumed_activity": "cost.report",
            "c_source": "csource",
            "cost_report": "cost.report",
            "from_nir": "nir.home",
            "initial_state": "onnx_export.build",
            "interface": "onnx_export.build",
            "library": "packages.library",
            "load_image": "image_file",
            "nir_check": "nir.front_end",
            "nir_file": "nir.write",
            "nir_front_end": "nir.front_end",
            "nir_network": "nir.front_end",
            "onnx_check": "onnx_import.front_end",
            "onnx_front_end": "onnx_import.front_end",
            "onnx_network": "onnx_import.front_end",
            "save_image": "image_file",
            "state_from": "onnx_export.build",
            "to_nir": "nir.write",
            "to_onnx": "onnx_export.build",
            "usage": "csource",
        },
    )

__all__ = [
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
    "library",
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
