"""What windows of a signal and their features call for, counted (firmware/signal/src).

Nothing of it depends on what the samples are but the square roots of magnitudes, which take more
turns where neighbours differ: those are reckoned with as of a usual sensor.
"""

from __future__ import annotations

from collections import Counter

from edge_naca.signal_features import Bands, Signal

Operations = Counter[str]


def taking(signal: Signal) -> Operations:
    """Return what the samples call for that come from one window to the next, one at a time."""
    numbers = signal.hop * signal.channels
    mapped = "" if signal.affine is None else " and mapped"
    return Counter({f"sample taken{mapped}": signal.hop, f"number taken{mapped}": numbers})


def making(signal: Signal) -> Operations:
    """Return what the features of a window call for."""
    window = signal.window
    counts: Operations = Counter({"window": 1})
    counts["number moved"] = max(window - signal.hop, 0) * signal.channels
    for axes in signal.magnitudes:
        counts["root of squares"] += window
        counts["square"] += window * len(axes)
    for names in signal.blocks:
        counts += _made_of(signal, names)
    return counts


def _made_of(signal: Signal, names: tuple[str, ...]) -> Operations:
    """Return what is made of one channel."""
    window, bands = signal.window, signal.bands
    counts: Operations = Counter({"channel": 1})
    is_whole = bands is not None and bands.frame == window
    if is_whole or set(names) - {"bands", "decimated"}:
        counts["number summed"] = window
    if "deviation" in names:
        counts["deviation"] = 1
    if "change" in names:
        counts["number compared with its neighbour"] = window
    if "crossings" in names:
        counts["number compared with the mean"] = window
    if "bands" in names and bands is not None:
        counts += _spectra(bands, is_whole)
    if "decimated" in names:
        counts["number averaged"] = window
        counts["mean of some"] = window // signal.decimation
    return counts


def _spectra(bands: Bands, is_whole: bool) -> Operations:
    pairs = bands.frame // 2
    halves = [1 << n for n in range(2, pairs.bit_length() - 1)]
    groups = [pairs // (2 * half) for half in halves]
    each = {
        "frame": 1,
        "number of a frame": bands.frame,
        "four pairs joined": pairs // 4,
        "step of a transform": len(halves),
        "group of pairs": sum(groups),
        "two pairs turned": sum(g * (h // 2 - 1) for g, h in zip(groups, halves, strict=True)),
        "bin": len(bands.bins),
        "band": bands.count,
        "number searched for its frame": 0 if is_whole else bands.frame,
    }
    counts = Counter({name: bands.frames * count for name, count in each.items()})
    if bands.level:
        counts["band levelled"] = bands.frames * bands.count
    return +counts
