"""Spiking networks that learn one sample at a time, bit for bit the same on host and device."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from edge_naca.core import Core
from edge_naca.network import Encoder, Network, Population, Preparation, Rule
from edge_naca.specification.network import Specification

if TYPE_CHECKING:
    from edge_naca.classifier.estimator import NacaClassifier

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
]


def __getattr__(name: str) -> Any:
    """Import scikit-learn only when somebody asks for the classifier."""
    if name == "NacaClassifier":
        from edge_naca.classifier.estimator import NacaClassifier

        return NacaClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
