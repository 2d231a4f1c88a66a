"""Emulated devices that tests talk to, and the network that they run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from edge_naca.core import Core
from edge_naca.host.chaos import Chaos
from edge_naca.host.client import LinkDevice
from edge_naca.host.emulator import PtyDoor, TcpDoor, serving
from edge_naca.host.transport import LoopTransport
from edge_naca.image import encode
from edge_naca.network import Preparation
from edge_naca.presets import competitive

NETWORK = competitive(Preparation((4, 4, 1)), 5, 3)
IMAGE = encode(NETWORK)
COUNT = 20_000
X = np.random.default_rng(2).integers(0, 16, (COUNT, 16)).astype(np.uint8)
Y = np.random.default_rng(3).integers(0, 5, COUNT)

DOORS = {"pty": PtyDoor, "tcp": TcpDoor}


def served(
    receive: Callable[[bytes], bytes], door: str, chaos: Chaos | None = None
) -> AbstractContextManager[str]:
    """Serve a device beside the test, and yield its address."""
    return serving(receive, DOORS[door](), chaos)


def connected(receive: Callable[[bytes], bytes], **how: Any) -> LinkDevice:
    """Return a client of a device in this process."""
    return LinkDevice(lambda: LoopTransport(receive), "test", **how)


def taught(count: int) -> Core:
    """Return the core after so many samples."""
    core = Core(NETWORK)
    core.learn_many(X[:count], Y[:count])
    return core
