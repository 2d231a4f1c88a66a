"""The live side: devices, the links to them, and sessions that teach them."""

from typing import TYPE_CHECKING, Any

from edge_naca.host.addresses import open_device
from edge_naca.host.client import LinkDevice
from edge_naca.host.device import Device, DeviceError, DeviceInfo
from edge_naca.host.inprocess import InProcessDevice
from edge_naca.host.session import Session

if TYPE_CHECKING:
    from edge_naca.host.classifier import DeviceClassifier

__all__ = [
    "Device",
    "DeviceClassifier",
    "DeviceError",
    "DeviceInfo",
    "InProcessDevice",
    "LinkDevice",
    "Session",
    "open_device",
]


def __getattr__(name: str) -> Any:
    """Import scikit-learn only when somebody asks for the classifier."""
    if name == "DeviceClassifier":
        from edge_naca.host.classifier import DeviceClassifier

        return DeviceClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
