"""From a network to an image, to C source, to other frameworks; what it costs on a board."""

from edge_naca.export.cost import activity_of, assumed_activity, cost_report
from edge_naca.export.csource import c_source, usage
from edge_naca.export.image_file import load_image, save_image

__all__ = [
    "activity_of",
    "assumed_activity",
    "c_source",
    "cost_report",
    "load_image",
    "save_image",
    "usage",
]
