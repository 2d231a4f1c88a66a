"""Encoders: from codes to spikes (docs/arithmetic.md, section 4), in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.network import Encoder
from edge_naca.specification.arithmetic import draws


def spikes(encoder: Encoder, codes: NDArray[Any], key: int) -> NDArray[Any]:
    """Return the spikes of a presentation, (steps, inputs): bool, or −1, 0, 1 with signs."""
    code = codes.astype(np.int64)
    step = np.arange(encoder.steps)[:, None]
    if encoder.is_signed:
        return np.asarray(np.sign(code) * (np.abs(code) >> step & 1))
    if encoder.kind == "bitplane":
        return np.asarray(code >> step & 1 != 0)
    if encoder.kind == "rate":
        counters = step * code.size + np.arange(code.size)
        return np.asarray(draws(key, counters) >> np.uint32(32 - encoder.bits) < code)
    if encoder.kind == "direct":
        return np.asarray(np.broadcast_to(code > 0, (encoder.steps, code.size)))
    late = (2**encoder.bits - 1 - code) * encoder.steps >> encoder.bits
    return np.asarray((late == step) & (code > 0))


def from_events(encoder: Encoder, events: NDArray[Any], inputs: int) -> NDArray[np.bool_]:
    """Return the spikes of an event list (n, 2) of step and input, bool (steps, inputs)."""
    result = np.zeros((encoder.steps, inputs), bool)
    result[events[:, 0], events[:, 1]] = True
    return result
