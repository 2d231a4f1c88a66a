"""Random signals: everything an image can say of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import presets
from edge_naca.affine import Affine
from edge_naca.image_records import SIGNAL_BLOCKS
from edge_naca.limits import MAX_UNITS
from edge_naca.network import Network, Preparation
from edge_naca.signal_features import FULL_WEIGHT, Bands, Signal


def random_signal(rng: np.random.Generator) -> Signal:
    """Return a signal."""
    while True:
        parts = _random_parts(rng)
        sizes = len(parts["blocks"]) * (6 + 8 * 5 + parts["window"] // parts["decimation"])
        if any(parts["blocks"]) and sizes <= MAX_UNITS:
            return Signal(**parts)


def _random_parts(rng: np.random.Generator) -> dict[str, Any]:
    channels, lg = int(rng.integers(1, 7)), int(rng.integers(4, 11))
    magnitudes = tuple(
        tuple(rng.permutation(channels)[: rng.integers(1, 4)].tolist())
        for _ in range(rng.integers(0, 3))
    )
    blocks = tuple(
        tuple(name for name in SIGNAL_BLOCKS if rng.random() < 0.6)
        for _ in range(channels + len(magnitudes))
    )
    frame = 1 << int(rng.integers(3, lg + 1))
    bins = int(rng.integers(1, frame // 2))
    count = int(rng.integers(1, 9))  # at most 8 bands in 5 frames
    down = rng.integers(0, FULL_WEIGHT + 1, bins)
    table = [rng.integers(0, count + 1, bins), down, rng.integers(0, FULL_WEIGHT + 1 - down)]
    bands = Bands(
        frame,
        count,
        np.stack(table, axis=1),
        int(rng.integers(1, frame // 2 - bins + 1)),
        int(rng.integers(1, 6)),
        int(rng.choice([0, 0, 5, 13, 30])),
    )
    affine = None
    if rng.random() < 0.4:
        affine = Affine.of(rng.normal(0, 1, channels), 10 ** rng.uniform(0, 4, channels))
    votes = int(rng.integers(1, 17)) if rng.random() < 0.5 else 0
    return {
        "votes": votes,
        "quorum": int(rng.integers(1, votes + 1)) if votes else 0,
        "rest": int(rng.choice([0, 0, 3, 255])) if votes else 0,
        "channels": channels,
        "rate": float(rng.uniform(0.01, 20000)),
        "window": 1 << lg,
        "hop": int(rng.integers(1, 2 << lg)),
        "blocks": blocks,
        "magnitudes": magnitudes,
        "bands": bands,
        "decimation": 1 << int(rng.integers(0, lg + 1)),
        "affine": affine,
    }


def random_windows(signal: Signal, rng: np.random.Generator, count: int) -> NDArray[Any]:
    """Return windows (count, window, channels): noise, extremes, constants, tones."""
    shape = count, signal.window, signal.channels
    kind = rng.integers(4)
    if kind == 0:
        x = rng.integers(-(2**15), 2**15, shape)
    elif kind == 1:
        x = rng.choice([-(2**15), 2**15 - 1, 0], shape)
    elif kind == 2:
        x = np.rint(rng.normal(rng.uniform(-300, 300), 2, shape)).astype(np.int64)
    else:
        t = np.arange(signal.window)[:, None] * rng.uniform(0, 3, signal.channels)
        x = np.rint(32767 * np.sin(t)).astype(np.int64) + np.zeros(shape, np.int64)
    x[0] = x[0, 0]
    if signal.affine is not None and rng.random() < 0.7:
        return (x / rng.uniform(1, 30000)).astype(np.float32)
    return x.astype(np.int16)


def network_of(signal: Signal) -> Network:
    """Return a small network that takes the features of a signal."""
    assert signal.features <= MAX_UNITS
    preparation = Preparation((1, signal.features, 1), gain=np.array([1]), shift=6)
    return replace(presets.competitive(preparation, 2, 1), signal=signal)
