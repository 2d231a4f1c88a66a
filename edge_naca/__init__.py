"""Spiking networks that learn one sample at a time, bit for bit the same on host and device."""

from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_naca.c_parts import get_folder, get_include, get_includes, get_sources
    from edge_naca.classifier.estimator import NacaClassifier
    from edge_naca.core import Core
    from edge_naca.network import Encoder, Network, Population, Preparation, Rule
    from edge_naca.specification.network import Specification
else:
    from edge_naca.lazy import attributes

    # Imported on demand: the command line's help needs no numpy, and only the classifier needs
    # scikit-learn.
    __getattr__, __dir__ = attributes(
        __name__,
        {
            "Core": "core",
            "Encoder": "network",
            "NacaClassifier": "classifier.estimator",
            "Network": "network",
            "Population": "network",
            "Preparation": "network",
            "Rule": "network",
            "Specification": "specification.network",
            "get_folder": "c_parts",
            "get_include": "c_parts",
            "get_includes": "c_parts",
            "get_sources": "c_parts",
        },
    )

__version__ = version("edge-naca")

__all__ = [
    "Core",
    "Encoder",
    "NacaClassifier",
    "Network",
    "Population",
    "Preparation",
    "Rule",
    "Specification",
    "__version__",
    "get_folder",
    "get_include",
    "get_includes",
    "get_sources",
]
