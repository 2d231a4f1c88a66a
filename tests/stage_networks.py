"""Small networks with frozen stages for the digits that come along, as people make them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import data, presets
from edge_naca.core import Core
from edge_naca.network import Encoder, Network, Preparation
from edge_naca.stages import CodedConvolution, CodedPool, SpikingConvolution, SpikingPool

NAMES = {"classes": [str(digit) for digit in range(10)]}
PREPARED = Preparation((8, 8, 1), gain=np.array([63 * 16]), shift=8)  # of 0 .. 16, to 6 bits


def _filters(maps: int) -> NDArray[Any]:
    """Return differences of neighbours, (maps, 1, 3, 3), each map its own way round."""
    y, x = np.mgrid[-1:2, -1:2]
    angles = (np.arange(maps) * 2 * np.pi / maps)[:, None, None]
    return np.rint(33 * (np.cos(angles) * x + np.sin(angles) * y))[:, None].astype(np.int8)


def coded(neurons: int = 3, maps: int = 5) -> Network:
    """Return a coded convolution and a pool in front of competing neurons."""
    convolution = CodedConvolution(
        shape=(8, 8, 1),
        weights=_filters(maps),
        padding=(1, 1),
        code_bits=6,
        bits=4,
        shift=np.array([7]),
    )
    pool = CodedPool(
        shape=convolution.output_shape, kernel=(2, 2), stride=(2, 2), code_bits=4, bits=4, shift=1
    )
    made = presets.competitive(pool.units, 10, neurons, metadata=NAMES)
    return replace(made, inputs=64, preparation=PREPARED, stages=(convolution, pool))


def spiking(neurons: int = 3, maps: int = 5) -> Network:
    """Return a spiking convolution and a pool in front of competing neurons."""
    convolution = SpikingConvolution(
        shape=(8, 8, 1),
        weights=_filters(maps),
        padding=(1, 1),
        stride=(2, 2),
        threshold=np.array([50]),
        decay=np.array([220]),
        reset="subtract",
        reset_by=np.array([50]),
    )
    pool = SpikingPool(shape=convolution.output_shape, kernel=(2, 2), stride=(2, 2))
    made = presets.competitive(pool.units, 10, neurons, metadata=NAMES)
    populations = tuple(replace(one, fire_from=7) for one in made.populations)
    return replace(
        made,
        inputs=64,
        encoder=Encoder("rate", 6, 8),
        populations=populations,
        preparation=PREPARED,
        stages=(convolution, pool),
    )


def classifier(*, readout: bool, maps: int = 5) -> Network:
    """Return spiking stages alone, as an import makes them: the last one is the output.

    It is a matched filter of the digits' means, so it answers better than chance.
    """
    digits = data.load("digits")
    means = np.stack([digits.x_train[digits.y_train == d].mean(axis=0) for d in range(10)])
    pooled = means.reshape(10, 4, 2, 4, 2).mean(axis=(2, 4)) - means.mean()
    unit = np.linalg.norm(pooled, axis=(1, 2), keepdims=True)
    heard = np.rint(300 * pooled / unit / maps).clip(-128, 127).astype(np.int8)
    first = SpikingConvolution(
        shape=(8, 8, 1),
        weights=np.full((maps, 1, 1, 1), 20),
        threshold=np.array([600]),
        decay=np.array([256]),
        reset="subtract",
        reset_by=np.array([600]),
    )
    pool = SpikingPool(shape=first.output_shape, kernel=(2, 2), stride=(2, 2))
    dense = SpikingConvolution(
        shape=pool.output_shape,
        weights=np.repeat(heard[:, None], maps, axis=1),
        threshold=np.array([0 if readout else 500]),
        reset="zero" if readout else "subtract",
        reset_by=np.array([0 if readout else 500]),
        readout=readout,
    )
    return Network(
        64, Encoder("direct", 6, 10), (), PREPARED, metadata=NAMES, stages=(first, pool, dense)
    )


def everyone() -> dict[str, Core]:
    """Return one of each kind; those that can have learned."""
    digits = data.load("digits")
    cores = {
        "coded": Core(coded()),
        "spiking": Core(spiking()),
        "classifier": Core(classifier(readout=False)),
        "readout": Core(classifier(readout=True)),
    }
    for name in ("coded", "spiking"):
        cores[name].learn_many(digits.x_train[:400], digits.y_train[:400])
    return cores
