"""A device without a board: the C core in this process."""

from __future__ import annotations

from numpy.typing import ArrayLike

from edge_naca._core import lib
from edge_naca.core import Core
from edge_naca.host.device import Device, DeviceError, DeviceInfo
from edge_naca.specification.results import Result


class InProcessDevice(Device):
    """The C core in this process, behind the interface of every device.

    Parameters
    ----------
    image : a whole image as bytes, with or without a learned state.
    """

    def __init__(self, image: bytes) -> None:
        self._open_core: Core | None = Core(image)
        self._image_size = len(image)

    @property
    def _core(self) -> Core:
        if self._open_core is None:
            raise DeviceError("this device is closed: open it again to go on")
        return self._open_core

    def learn(self, x: ArrayLike, label: int) -> Result:
        return self._core.learn(x, label)

    def predict(self, x: ArrayLike) -> Result:
        return self._core.infer(x)

    def state(self) -> bytes:
        return self._core.save_state()

    def load_state(self, saved: bytes) -> None:
        self._core.load_state(saved)

    def hash(self) -> int:
        return self._core.state_hash()

    def info(self) -> DeviceInfo:
        core = self._core
        version = (lib.NACA_VERSION_MAJOR, lib.NACA_VERSION_MINOR, lib.NACA_VERSION_PATCH)
        return DeviceInfo(
            firmware=".".join(map(str, version)),
            network_id=core.network_id,
            capacity=core.network.capacity,
            image_size=self._image_size,
            workspace_size=core.workspace_size,
        )

    def close(self) -> None:
        self._open_core = None
