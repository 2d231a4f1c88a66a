"""From a network to an image, to C source and to other frameworks."""

from edge_naca.export.csource import c_source, usage
from edge_naca.export.image_file import load_image, save_image
from edge_naca.export.nir_home import from_nir
from edge_naca.export.nir_import import nir_front_end, nir_network
from edge_naca.export.nir_options import NirOptions
from edge_naca.export.nir_write import nir_file, to_nir

__all__ = [
    "NirOptions",
    "c_source",
    "from_nir",
    "load_image",
    "nir_file",
    "nir_front_end",
    "nir_network",
    "save_image",
    "to_nir",
    "usage",
]
