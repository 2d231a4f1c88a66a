"""The integer operations that everything else is made of (docs/arithmetic.md, sections 1 and 2).

All work on numpy arrays of int64 or uint32, element by element. int64 is not what a device uses:
it is wide enough to show that nothing overflows the 32 bits which a device does use.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]

POTENTIAL_MAX = 8388607
NO_MARGIN = -(2**31)  # of a neuron that has not been recruited yet, and where there are none


def hash32(x: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """One round of the counter-based generator: a bijection of 32-bit words."""
    x = np.asarray(x, np.uint32)
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def presentation_key(seed: int, learned: int) -> int:
    """Key of everything random in the presentation after `learned` samples."""
    word = (seed + learned * 0x9E3779B9) % 2**32
    return int(hash32(np.array([word], np.uint32))[0])


def draws(key: int, counters: NDArray[Any]) -> NDArray[np.uint32]:
    """Draw one 32-bit word for each counter."""
    return hash32(np.asarray(counters, np.uint32) ^ np.uint32(key))


def scale(x: Int, decay: int) -> Int:
    """Multiply by decay / 256, rounding down."""
    return (x * decay) >> 8


def saturate(v: Int) -> Int:
    """Keep membrane potentials within ±POTENTIAL_MAX."""
    return np.clip(v, -POTENTIAL_MAX, POTENTIAL_MAX)


def round_shift(x: Int, shift: int) -> Int:
    """Divide by 2**shift, rounding halves up."""
    return (x + (1 << shift >> 1)) >> shift


def square_root(x: int) -> int:
    """Return the largest integer whose square is not above `x`."""
    return math.isqrt(x)


def signed_log(x: Int) -> Int:
    """Binary logarithm of |x| + 1 in 256ths, linear between powers of two, with the sign of x."""
    n = np.abs(x) + 1
    exponent = np.zeros_like(n)
    for power in range(1, 32):
        exponent = np.where(n >> power != 0, power, exponent)
    fraction = np.where(
        exponent >= 8, n >> np.maximum(exponent - 8, 0), n << (8 - exponent).clip(0)
    )
    return np.sign(x) * (exponent * 256 + fraction % 256)


def bit_lengths(x: Int) -> Int:
    """Return the bits that numbers below 2^53, not negative, take; 0 takes none."""
    return np.asarray(np.frexp(np.asarray(x, np.float64))[1], np.int64)
