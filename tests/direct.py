"""The C core without the checks that `edge_naca.core` makes before it calls."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from replaying import status_name

from edge_naca._core import ffi, lib

GUARD = 64
PATTERN = 0xA5


def aligned(size: int, shift: int = 0) -> NDArray[np.uint8]:
    """Return memory full of rubbish, `shift` bytes past a multiple of NACA_ALIGNMENT."""
    block = np.full(size + 2 * lib.NACA_ALIGNMENT, PATTERN, np.uint8)
    first = -block.ctypes.data % lib.NACA_ALIGNMENT + shift
    return block[first : first + size]


def pointer(memory: NDArray[Any]) -> Any:
    return ffi.cast("void *", memory.ctypes.data)


class Image:
    """Bytes handed to naca_image_open; `status` is the name of what it answered."""

    def __init__(self, data: bytes, shift: int = 0) -> None:
        self.memory = aligned(len(data), shift)
        self.memory[:] = np.frombuffer(data, np.uint8)
        self.opened = ffi.new("naca_image_t *")
        self.status = status_name(
            lib.naca_image_open_with(
                lib.naca_all_stages(), self.opened, pointer(self.memory), len(data)
            )
        )

    def workspace_size(self) -> int:
        size = ffi.new("uint32_t *")
        assert lib.naca_workspace_size(self.opened, size) == lib.NACA_OK
        return int(size[0])


class Runner:
    """A network in a workspace, with a guard behind it that nobody may write to."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.size = image.workspace_size()
        self.memory = aligned(self.size + GUARD)
        core = ffi.new("naca_t **")
        status = lib.naca_init(image.opened, pointer(self.memory), self.size, core)
        assert status == lib.NACA_OK
        self.core = core[0]

    def hash(self) -> int:
        result = ffi.new("uint32_t *")
        assert lib.naca_state_hash(self.core, result) == lib.NACA_OK
        return int(result[0])

    def learn(self, sample: tuple[int, int, bytes], label: int) -> str:
        kind, count, data = sample
        memory = aligned(len(data))
        memory[:] = np.frombuffer(data, np.uint8)
        given = ffi.new("naca_sample_t *", {"kind": kind, "data": pointer(memory), "count": count})
        result = ffi.new("naca_result_t *")
        return status_name(lib.naca_learn(self.core, given, label, result))

    def guard_is_intact(self) -> bool:
        return bool((self.memory[self.size :] == PATTERN).all())
