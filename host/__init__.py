"""The live side: devices, the links to them, and sessions that teach them."""

from edge_naca.host.device import Device, DeviceError, DeviceInfo
from edge_naca.host.inprocess import InProcessDevice

__all__ = ["Device", "DeviceError", "DeviceInfo", "InProcessDevice"]
