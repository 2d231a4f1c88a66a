"""The live side: devices, the links to them, and sessions that teach them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_naca.host.addresses import open_device
    from edge_naca.host.classifier.estimator import DeviceClassifier
    from edge_naca.host.client import LinkDevice
    from edge_naca.host.device import Device, DeviceError, DeviceInfo
    from edge_naca.host.inprocess import InProcessDevice
    from edge_naca.host.session import Session
else:
    from edge_naca.lazy import attributes

    __getattr__, __dir__ = attributes(
        __name__,
        {
            "Device": "device",
            "DeviceClassifier": "classifier.estimator",
            "DeviceError": "device",
            "DeviceInfo": "device",
            "InProcessDevice": "inprocess",
            "LinkDevice": "client",
            "Session": "session",
            "open_device": "addresses",
        },
    )

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
