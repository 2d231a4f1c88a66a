"""Samples as they go over the wire: codes, packed to the encoder's bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.core import Core
from edge_naca.samples import check_labels, check_samples, default_kind


def pack_codes(codes: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Pack codes (n, inputs) to so many bits each, the first code lowest; (n, bytes)."""
    planes = np.unpackbits(codes[:, :, None], axis=2, count=bits, bitorder="little")
    return np.packbits(planes.reshape(len(codes), codes.shape[1] * bits), axis=1, bitorder="little")


def unpack_codes(packed: NDArray[np.uint8], inputs: int, bits: int) -> NDArray[np.uint8]:
    """Undo `pack_codes`."""
    planes = np.unpackbits(packed, axis=1, count=inputs * bits, bitorder="little")
    shape = (len(packed), inputs, bits)
    return np.packbits(planes.reshape(shape), axis=2, bitorder="little")[:, :, 0]


class Packer:
    """Turns samples into what is sent, preparing them here: fewer bytes, and the same answers.

    Parameters
    ----------
    core : the device's network; only its description is used, not what it learned.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self.network = core.network
        self.bits = core.network.code_bits
        self.inputs = core.network.inputs
        self.size = -(-self.inputs * self.bits // 8)  # bytes of a sample

    def samples(self, x: ArrayLike) -> list[bytes]:
        """Check samples (n, …) and return the bytes of each.

        Raises
        ------
        TypeError, ValueError
            As `edge_naca.Core` does, if they are no samples of this network.
        """
        kind = default_kind(self.network)
        checked: NDArray[Any] = check_samples(self.network, x, kind)
        codes = checked if kind == "codes" else self._core.prepare_many(checked)
        return [row.tobytes() for row in pack_codes(codes, self.bits)]

    def labels(self, labels: ArrayLike, count: int) -> list[int]:
        """Check labels, which must be below the network's capacity."""
        return [int(y) for y in check_labels(labels, count, self.network.capacity)]
