"""Small trained networks, as images, for libraries that tests build: they fit an ATmega2560."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from edge_naca.core import Core
from edge_naca.network import Encoder, Network, Preparation
from edge_naca.presets import competitive
from edge_naca.signal_features import Bands, Signal
from edge_naca.stages import CodedConvolution


def _taught(network: Network) -> bytes:
    rng = np.random.default_rng(5)
    core = Core(network)
    assert network.preparation is not None
    x = rng.integers(0, 256, (40, network.preparation.raw_count))
    core.learn_many(x, rng.integers(1, network.capacity, 40))
    return core.image()


@cache
def plain() -> bytes:
    """Return an image of 8x8 pixels, ten classes."""
    return _taught(competitive(Preparation((8, 8, 1), "pool", 2), 10, 4))


@cache
def windowed() -> bytes:
    """Return an image with a signal: two channels of integers."""
    bins = np.array([[1, 32, 0], [1, 16, 16], [2, 20, 0]])
    blocks = (("mean", "deviation", "bands"), ("change",), ("greatest",))
    signal = Signal(2, 50, 32, 16, blocks, ((0, 1),), Bands(16, 2, bins))
    preparation = Preparation((1, signal.features, 1), gain=np.array([9]), shift=6)
    return _taught(replace(competitive(preparation, 3, 2, bits=3), signal=signal))


@cache
def staged() -> bytes:
    """Return an image with a frozen convolution."""
    rng = np.random.default_rng(6)
    stage = CodedConvolution(
        shape=(8, 8, 1), weights=rng.integers(-9, 20, (2, 1, 3, 3)), bits=4, shift=np.array([7])
    )
    inner = competitive(stage.units, 3, 2, bits=4)
    preparation = Preparation((8, 8, 1))
    encoder = Encoder("bitplane", 4, 4)
    return _taught(Network(64, encoder, inner.populations, preparation, stages=(stage,)))


IMAGES = {"plain": plain, "windowed": windowed, "staged": staged}
