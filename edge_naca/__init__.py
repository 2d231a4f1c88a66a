"""Spiking networks that learn one sample at a time, bit for bit the same on host and device."""

from importlib.metadata import version

__version__ = version("edge-naca")

__all__ = ["__version__"]
