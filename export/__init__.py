"""From a network to an image, to C source and to other frameworks."""

from edge_naca.export.csource import c_source, usage
from edge_naca.export.image_file import load_image, save_image

__all__ = ["c_source", "load_image", "save_image", "usage"]
