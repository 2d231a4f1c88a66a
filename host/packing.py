"""Samples as they go over the wire: codes, packed to the bits that they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.core import Core
from edge_naca.samples import check_labels, check_samples, default_kind


def pack_codes(codes: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """Pack codes, uint8 or int8 (n, inputs), to `width` bits each, the first lowest; (n, bytes)."""
    octets = codes.view(np.uint8)[:, :, None]
    planes = np.unpackbits(octets, axis=2, count=width, bitorder="little")
    return np.packbits(
        planes.reshape(len(codes), codes.shape[1] * width), axis=1, bitorder="little"
    )


def unpack_codes(packed: NDArray[np.uint8], inputs: int, width: int) -> NDArray[np.uint8]:
    """Undo `pack_codes`, but for the bits above `width`, which are 0."""
    planes = np.unpackbits(packed, axis=1, count=inputs * width, bitorder="little")
    shape = (len(packed), inputs, width)
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
        self.inputs = core.network.inputs
        self.width = core.network.code_bits + core.network.encoder.is_signed  # bits of a code
        self.size = -(-self.inputs * self.width // 8)  # bytes of a sample

    def samples(self, x: ArrayLike) -> list[bytes]:
        """Check samples (n, …) and return the bytes of each.

        Raises
        ------
        TypeError, ValueError
            As `edge_naca.Core` does, if they are no samples of this network.
        """
        kind = default_kind(self.network)
        checked: NDArray[Any] = check_samples(self.network, x, kind)
        return self.pack(checked if kind == "codes" else self._core.prepare_many(checked))

    def pack(self, codes: NDArray[Any]) -> list[bytes]:
        """Return the bytes of each of codes (n, inputs), uint8, or int8 where they have a sign."""
        return [row.tobytes() for row in pack_codes(codes, self.width)]

    def codes(self, samples: Sequence[bytes]) -> NDArray[Any]:
        """Undo `samples`: codes (n, inputs), uint8, or int8 where they have a sign.

        Raises
        ------
        ValueError
            If bytes are too few or too many, or hold a number that is no code.
        """
        wrong = next((sample for sample in samples if len(sample) != self.size), None)
        if wrong is not None:
            raise ValueError(f"it has {len(wrong)} bytes, those of the network have {self.size}")
        packed = np.frombuffer(b"".join(samples), np.uint8).reshape(len(samples), self.size)
        codes: NDArray[Any] = unpack_codes(packed, self.inputs, self.width)
        if self.network.encoder.is_signed:
            above = 8 - self.width
            codes = (codes << above).view(np.int8) >> above
        return check_samples(self.network, codes, "codes")

    def labels(self, labels: ArrayLike, count: int) -> list[int]:
        """Check labels, which must be below the network's capacity."""
        return [int(y) for y in check_labels(labels, count, self.network.capacity)]
