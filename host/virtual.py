"""A device made of memory: the firmware's own link, store and core, compiled for this machine."""

from __future__ import annotations

import mmap
import secrets
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike

from edge_naca._device import ffi, lib
from edge_naca.forks import forkable_lock
from edge_naca.host.alone import open_alone
from edge_naca.limits import MAX_CHANNELS, octets, whole

_SECTOR = lib.NACA_DEVICE_SECTOR
_NEVER = 0xFFFFFFFF
_MAX_FLASH = _MAX_RAM = 1 << 31


class VirtualDevice:
    """The device's end of the link, without a line: bytes in, bytes out.

    Parameters
    ----------
    image : what a programmer put there before the first boot; None for nothing, or for what the
        flash file holds. Another image than that in the file replaces it.
    board : name that HELLO gives, at most 15 characters.
    flash_file : keeps images and saved states; without it they last as long as the object.
    ram : bytes for the network's workspace.
    image_room, state_room : bytes of flash for one image and for saved states (twice a state at
        least); 0 for no saved states.
    image_places : 2, or 1 for a device that has to drop an image to take another.
    frame_size, answer_size, remembered, window : as in link.h.
    names : bytes for what the owner calls classes; 0 where they cannot be renamed.
    channels, rate : of a sensor of its own, numbers and samples a second; 0 channels for none.
    seed : of epochs and of what power cuts leave; None for another one each time.

    Notes
    -----
    It boots at once, so that its HELLO is the first that `receive` returns. Threads may share it:
    it takes one call at a time.

    Raises
    ------
    TypeError, ValueError
        If a size is no whole number, or none that such a device can have.
    """

    def __init__(
        self,
        image: bytes | None = None,
        *,
        board: str = "virtual",
        flash_file: Path | None = None,
        ram: int = 1 << 20,
        image_room: int = 1 << 20,
        image_places: int = 2,
        state_room: int = 1 << 21,
        frame_size: int = 2048,
        answer_size: int = 2048,
        remembered: int = 256,
        window: int = 16384,
        names: int = 1024,
        channels: int = 0,
        rate: float = 50.0,
        seed: int | None = None,
    ) -> None:
        whole("image_places", image_places, 1, 2)
        whole("remembered", remembered, 1, 1 << 15)
        whole("frame_size", frame_size, 1, 1 << 16)
        whole("answer_size", answer_size, 1, 1 << 16)
        whole("window", window, 0, 0xFFFFFFFF)
        whole("names", names, 0, 1 << 16)
        whole("channels", channels, 0, MAX_CHANNELS)
        whole("ram", ram, 0, _MAX_RAM)
        whole("image_room", image_room, _SECTOR, _MAX_FLASH // 4)
        whole("state_room", state_room, 0, _MAX_FLASH // 4)
        if state_room % _SECTOR or image_room % _SECTOR or not 0 < len(board.encode()) < 16:
            raise ValueError(f"rooms are multiples of {_SECTOR}, names have 1 to 15 bytes")
        self._lock = forkable_lock()
        size = state_room + lib.NACA_DEVICE_LIST + image_places * image_room
        self._file, self._memory = _open_memory(flash_file, size)
        self._view: Any = ffi.from_buffer("uint8_t[]", self._memory, require_writable=True)
        parts = ffi.new(
            "naca_device_parts_t *",
            {
                "memory": self._view,
                "state_room": state_room,
                "image_room": image_room,
                "places": image_places,
                "ram": ram,
                "frame_size": frame_size,
                "answer_size": answer_size,
                "remembered": remembered,
                "window": window,
                "names": names,
                "channels": channels,
                "rate": round(rate * 256),
                "seed": secrets.randbits(32) if seed is None else seed & 0xFFFFFFFF,
                "board": board.encode(),
            },
        )
        self._device: Any = ffi.gc(lib.naca_device_new(parts), lib.naca_device_free)
        if not self._device:
            raise MemoryError("no memory for a virtual device: give it less")
        if image is not None:
            self._install(octets("an image", image))
        self.reboot()

    def receive(self, data: bytes) -> bytes:
        """Let the device receive bytes, in any pieces; return what it has sent since the last call.

        Without power it does neither.
        """
        received = octets("what a device receives", data)
        with self._lock:
            device = self._device
            lib.naca_device_receive(device, received, len(received))
            count = device.output_size
            sent = bytes(ffi.buffer(device.output, count)) if count else b""
            device.output_size = 0
        return sent

    def sense(self, samples: ArrayLike) -> None:
        """Have its own sensor take samples (n, channels), int16, and the program look at each."""
        numbers = np.ascontiguousarray(samples, np.int16)
        if numbers.ndim != 2 or numbers.shape[1] != self._device.parts.channels:
            raise ValueError(
                f"samples must be (n, {self._device.parts.channels}), not {numbers.shape}"
            )
        with self._lock:
            for sample in numbers:
                lib.naca_device_sense(self._device, ffi.from_buffer("int16_t[]", sample), 1)
                lib.naca_device_poll(self._device)

    def power_cut(self, after: int = 0) -> None:
        """Cut the power now, or in the middle of a flash operation after so many more of them."""
        with self._lock:
            if after > 0:
                self._device.cut_after = after - 1
            else:
                self._device.powered = 0

    def reboot(self) -> None:
        """Start with what is in the flash; all else is forgotten.

        Raises
        ------
        ValueError
            If the device is closed, or no device can be built so.
        """
        with self._lock:
            if self._view is None:
                raise ValueError("this device is closed, and its flash is gone: make another one")
            self._device.cut_after = _NEVER
            status = lib.naca_device_boot(self._device)
        if status != lib.NACA_OK:
            name = ffi.string(lib.naca_status_name(status)).decode()
            raise ValueError(
                f"no device can be built so ({name}): see naca_link_config_t in link.h"
            )

    @property
    def powered(self) -> bool:
        """Whether the power is on."""
        return bool(self._device.powered)

    @property
    def flash_operations(self) -> int:
        """Flash erases and writes so far: what power can be cut in the middle of."""
        return int(self._device.operations)

    @property
    def flash_misuses(self) -> int:
        """Writes that real flash could not have done; always 0 unless the firmware is wrong."""
        return int(self._device.misuses)

    def close(self) -> None:
        """Cut the power, and let go of the flash file; the device stays without power."""
        self.power_cut()
        with self._lock:
            if self._view is not None:
                ffi.release(self._view)
                self._view = None
                self._memory.close()
                if self._file is not None:
                    self._file.close()

    def _install(self, image: bytes) -> None:
        if lib.naca_device_holds(self._device, image, len(image)):
            return
        if lib.naca_device_install(self._device, image, len(image)) != 0:
            if self._device.list.has_other_format:
                raise ValueError(
                    "its flash was written by another version of edge-naca, which is kept as it "
                    "is: choose another file"
                )
            raise ValueError(
                f"the image has {len(image)} bytes, the device has room for "
                f"{self._device.parts.image_room}"
            )


def _open_memory(path: Path | None, size: int) -> tuple[BinaryIO | None, mmap.mmap]:
    """Return a device's flash: memory, kept in a file if there is one, which no other device has.

    Raises
    ------
    ValueError
        If another device has the file, or it is no flash of this size.
    OSError
        If it cannot be opened.
    """
    if path is None:
        return None, mmap.mmap(-1, size)
    try:
        file = open_alone(path)
    except BlockingIOError as error:
        raise ValueError(
            f"{path} is the flash of another device that is running: end that, or choose another "
            "file"
        ) from error
    try:
        file.seek(0, 2)
        if file.tell() not in (0, size):
            raise ValueError(
                f"{path} has {file.tell()} bytes: it is no flash of a device like this one, "
                f"which has {size}; choose another file"
            )
        file.truncate(size)
        return file, mmap.mmap(file.fileno(), size)
    except BaseException:
        file.close()
        raise
