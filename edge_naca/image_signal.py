"""The image's section SGNL: a signal (docs/image.md, section 3.8)."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_naca.affine import Affine
from edge_naca.image_records import AFFINE_ARRAYS, SIGNAL, SIGNAL_BLOCKS
from edge_naca.signal_features import AXES, NO_AXIS, RATE_UNIT, Bands, Signal

TAG = b"SGNL"


def section(signal: Signal) -> bytes:
    """Write a signal."""
    bands = signal.bands
    record: dict[str, Any] = {
        "channels": signal.channels,
        "magnitudes": len(signal.magnitudes),
        "window": _log2(signal.window),
        "decimation": _log2(signal.decimation),
        "rate": round(signal.rate * RATE_UNIT),
        "hop": signal.hop,
        "features": signal.features,
        "flags": {"real"} if signal.affine is not None else set(),
        "votes": signal.votes,
        "quorum": signal.quorum,
        "rest": signal.rest,
    }
    if bands is not None:
        record |= {
            "frame": _log2(bands.frame),
            "frames": bands.frames,
            "bands": bands.count,
            "level": bands.level,
            "first_bin": bands.first,
            "bins": len(bands.bins),
        }
    data = SIGNAL.pack(record)
    data += bytes(
        sum(1 << SIGNAL_BLOCKS.index(name) for name in set(names)) for names in signal.blocks
    )
    for axes in signal.magnitudes:
        data += bytes([*axes, *[NO_AXIS] * (AXES - len(axes))])
    if bands is not None:
        data += bands.bins.tobytes()
    data += bytes(-len(data) % 4)
    if signal.affine is None:
        return data
    maps = (getattr(signal.affine, name).astype(kind) for name, kind in AFFINE_ARRAYS.items())
    return data + b"".join(part.tobytes() for part in maps)


def read(data: bytes) -> Signal:
    """Undo `section`.

    Raises
    ------
    ValueError
        If the bytes describe no signal.
    """
    record = SIGNAL.unpack(data)
    channels, at = record["channels"] + record["magnitudes"], SIGNAL.size
    blocks = tuple(
        tuple(name for bit, name in enumerate(SIGNAL_BLOCKS) if mask >> bit & 1)
        for mask in data[at : at + channels]
    )
    at += channels
    axes = np.frombuffer(data, np.uint8, AXES * record["magnitudes"], at).reshape(-1, AXES)
    magnitudes = tuple(tuple(int(a) for a in row if a != NO_AXIS) for row in axes)
    at += axes.nbytes
    bands = None
    if record["bands"]:
        bins = np.frombuffer(data, np.uint8, 3 * record["bins"], at).reshape(-1, 3)
        at += bins.nbytes
        bands = Bands(
            1 << record["frame"],
            record["bands"],
            bins,
            record["first_bin"],
            record["frames"],
            record["level"],
        )
    affine = None
    if "real" in record["flags"]:
        at += -at % 4
        arrays = {}
        for name, kind in AFFINE_ARRAYS.items():
            arrays[name] = np.frombuffer(data, kind, record["channels"], at)
            at += arrays[name].nbytes
        affine = Affine(**arrays)
    return Signal(
        record["channels"],
        record["rate"] / RATE_UNIT,
        1 << record["window"],
        record["hop"],
        blocks,
        magnitudes,
        bands,
        1 << record["decimation"],
        affine,
        record["votes"],
        record["quorum"],
        record["rest"],
    )


def _log2(count: int) -> int:
    return count.bit_length() - 1
