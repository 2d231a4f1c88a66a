"""What every device can do, wherever it is."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_naca.host.closing import Closing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from edge_naca.specification.results import Result


class DeviceError(RuntimeError):
    """The device cannot be asked; the message says why."""


@dataclass(frozen=True)
class DeviceInfo:
    """What a device is and holds.

    Parameters
    ----------
    firmware : version of the core that runs there.
    network_id : what tells its network from others, whatever they have learned.
    capacity : how many classes there is room for.
    image_size : of the image, in bytes: flash.
    workspace_size : of the core's memory, in bytes: RAM.
    """

    firmware: str
    network_id: int
    capacity: int
    image_size: int
    workspace_size: int


class Device(Closing):
    """A running network that can be taught. Use it in a ``with`` statement, or call `close`.

    Samples are integers as the network takes them: raw where it can prepare them, else codes.
    What a device answers does not depend on where it is, to the last bit.
    """

    @abstractmethod
    def learn(self, x: ArrayLike, label: int) -> Result:
        """Present a sample, predict, then learn that its class is `label`.

        The result's prediction was made before learning.
        """

    @abstractmethod
    def predict(self, x: ArrayLike) -> Result:
        """Present a sample and predict; the learned state does not change."""

    @abstractmethod
    def state(self) -> bytes:
        """Return the learned state, with a header that says which network it belongs to."""

    @abstractmethod
    def load_state(self, saved: bytes) -> None:
        """Take over what `state` returned, here or on another device with the same network.

        A state that is refused leaves the learned state untouched.
        """

    def save(self) -> int:
        """Keep the learned state through power cuts; return how often that was done so far.

        Raises
        ------
        DeviceError
            If the device has nowhere to keep it.
        """
        raise DeviceError("this device keeps nothing without power: use state() and a file")

    @abstractmethod
    def hash(self) -> int:
        """Return the hash of the learned state: equal on two devices when their states are."""

    @abstractmethod
    def info(self) -> DeviceInfo:
        """Return what the device is and holds."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the device; closing it again does nothing, all else then is a DeviceError."""
