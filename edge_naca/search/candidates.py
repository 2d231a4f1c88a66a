"""What may suit recordings: lengths of windows, features of them, and networks behind those."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_naca.limits import MAX_FRAME, MAX_LEARNED_INPUTS, MAX_WINDOW
from edge_naca.signal_features import LEAST_WINDOW, Bands, Signal
from edge_naca.signals.choosing import (
    axes_of,
    check_channels,
    is_of_sound,
    maps,
    motion_bands,
    sound,
    usual_window,
)
from edge_naca.signals.recordings import Recording

Blocks = tuple[str, ...]
HALF, ALL = 0.5, 1.0  # of the spectrum

STATISTICS: Blocks = ("mean", "deviation", "least", "greatest", "change", "crossings")
# What is made of each channel, bands of one spectrum, frames of a spectrogram, and which share of
# the spectrum bands reach over: from little to much.
WAYS: tuple[tuple[Blocks, int, int, float], ...] = (
    (("deviation",), 0, 1, HALF),
    (("mean", "deviation"), 0, 1, HALF),
    (("mean", "deviation", "change"), 0, 1, HALF),
    (("deviation", "change", "crossings"), 0, 1, HALF),
    (STATISTICS[:5], 0, 1, HALF),
    (STATISTICS, 0, 1, HALF),
    (("bands",), 8, 1, HALF),
    (("bands",), 16, 1, HALF),
    (("bands",), 8, 1, ALL),
    (("mean", "deviation", "change", "bands"), 4, 1, HALF),
    (("mean", "deviation", "change", "bands"), 8, 1, HALF),
    (("mean", "deviation", "change", "bands"), 8, 1, ALL),
    ((*STATISTICS[:5], "bands"), 8, 1, HALF),
    ((*STATISTICS[:5], "bands"), 16, 1, HALF),
    (("mean", "deviation", "decimated"), 0, 1, HALF),
    (("bands",), 8, 4, HALF),
    (("bands",), 12, 10, HALF),
)
# The same of sound: bands, frames and octaves that are told apart.
SOUNDS = ((8, 8, 13), (12, 10, 13), (12, 10, 0), (16, 7, 13), (10, 12, 13), (16, 1, 0))
MEANS = 8  # of a window that is decimated

HELD = 0.9  # of all time that windows of a length have to reach

NEURONS = (1, 2, 4, 6, 9, 14, 20)  # of a class
BITS = (4, 5, 6)  # of a code
USUAL_BITS = 4


@dataclass(frozen=True)
class Setting:
    """A network behind features: neurons for each class, and bits of a code."""

    neurons: int
    bits: int


def lengths(recordings: Sequence[Recording]) -> tuple[int, ...]:
    """Return lengths of windows, in samples, that recordings hold enough of.

    The usual one, half, twice and a quarter of it, as far as nearly all that is of a class lies in
    stretches that are as long; longer ones where the rate is so low that none can be shorter.
    """
    first = recordings[0]
    usual = usual_window(first.rate, is_of_sound(first))
    if not any(recording.labels.any() for recording in recordings):
        return (usual,)
    lasting = [last - first for r in recordings for first, last, name in r.stretches() if name]
    stretches = np.sort(lasting)[::-1]
    together = np.cumsum(stretches)
    held = float(stretches[np.searchsorted(together, HELD * together[-1])])
    least = max(usual // 4, LEAST_WINDOW)
    wanted = [least, least * 2, least * 4, least * 8]
    found = [n for n in wanted if n <= min(MAX_WINDOW, held)]
    shortest = max(1 << int(np.log2(max(held, LEAST_WINDOW))), LEAST_WINDOW)
    return tuple(found or [min(shortest, usual)])


def signals(recordings: Sequence[Recording], window: int, hop: int) -> list[Signal]:
    """Return signals to try, all of windows of one length.

    Raises
    ------
    DataError
        If there are too many channels.
    """
    check_channels(recordings)
    first = recordings[0]
    made = list(_of_channels(first, window, hop))
    if is_of_sound(first):  # or a machine's vibration, whose low bands and level count
        made += [sound(first.rate, window, hop, *kind) for kind in SOUNDS]
    # Of features no part can be decorrelated where there are too many.
    few = [signal for signal in made if signal.features <= MAX_LEARNED_INPUTS]
    found = few or sorted(made, key=lambda signal: signal.features)[:1]
    known = {signal.magnitudes: maps(recordings, signal.magnitudes) for signal in found}
    return [replace(signal, affine=known[signal.magnitudes]) for signal in found]


def _of_channels(first: Recording, window: int, hop: int) -> Iterator[Signal]:
    count = first.samples.shape[1]
    sensors = axes_of(first.channels)
    for magnitudes in ((), sensors) if sensors else ((),):
        for blocks, bands, frames, share in WAYS:
            frame = min(window // (1 if frames == 1 else 2), MAX_FRAME)
            if bands and bands > frame // 4:
                continue
            spectra = spectra_of(frame, bands, frames, share) if bands else None
            each = (blocks,) * (count + len(magnitudes))
            try:
                yield Signal(
                    count, first.rate, window, hop, each, magnitudes, spectra, _each(window)
                )
            except ValueError:  # more features than a network can have
                continue


def spectra_of(frame: int, count: int, frames: int = 1, share: float = HALF) -> Bands:
    """Return bands of spectra, spread over the window where there are several."""
    return replace(motion_bands(frame, count, share), frames=frames)


def reach_of(bands: Bands) -> float:
    """Return which share of the spectrum bands reach over: half, or all."""
    return HALF if bands.first + len(bands.bins) <= bands.frame * 3 // 8 else ALL


def _each(window: int) -> int:
    """Return how many samples one mean of a decimated window is of."""
    return max(window // MEANS, 1)


def neighbours(signal: Signal) -> list[Signal]:
    """Return signals that differ from one in one respect: a block, the bands, a sensor."""
    used = {name for names in signal.blocks for name in names}
    found = [_toggled(signal, name, name in used) for name in (*STATISTICS, "decimated")]
    if signal.bands is not None and "bands" in used:
        found += _other_bands(signal, signal.bands)
        found.append(_toggled(signal, "bands", True))
    sensors = signal.magnitudes or tuple((at,) for at in range(signal.channels))
    if len(sensors) > 1:
        found += [_without(signal, axes) for axes in sensors]
    return [one for one in found if one is not None and 0 < one.features <= MAX_LEARNED_INPUTS]


def _toggled(signal: Signal, name: str, has_it: bool) -> Signal | None:
    blocks = tuple(
        tuple(n for n in names if n != name) if has_it else (*names, name) if names else names
        for names in signal.blocks
    )
    decimation = _each(signal.window) if name == "decimated" else signal.decimation
    return _made(signal, blocks=blocks, decimation=decimation)


def _other_bands(signal: Signal, bands: Bands) -> Iterator[Signal | None]:
    share = reach_of(bands)
    for count in (bands.count * 2 // 3, bands.count * 3 // 2):
        if 2 <= count <= bands.frame // 4 and signal.channels > 1:
            yield _made(signal, bands=spectra_of(bands.frame, count, bands.frames, share))
    if signal.channels > 1 or not bands.level:
        other = ALL if share == HALF else HALF
        yield _made(signal, bands=spectra_of(bands.frame, bands.count, bands.frames, other))
    for frames in {max(bands.frames // 2, 1), bands.frames * 2} - {bands.frames}:
        if bands.frame < signal.window:
            yield _made(signal, bands=replace(bands, frames=frames))
    yield _made(signal, bands=replace(bands, level=0 if bands.level else 13))


def _without(signal: Signal, axes: tuple[int, ...]) -> Signal | None:
    """Return a signal that makes nothing of some channels, and of their magnitude."""
    is_out = [at in axes for at in range(signal.channels)]
    is_out += [set(part) <= set(axes) for part in signal.magnitudes]
    blocks = tuple(() if out else names for names, out in zip(signal.blocks, is_out, strict=True))
    return _made(signal, blocks=blocks)


def _made(signal: Signal, **changes: object) -> Signal | None:
    """Return a signal with changes, None where there cannot be one."""
    try:
        return replace(signal, **changes)  # type: ignore[arg-type]
    except ValueError:
        return None


def title(signal: Signal) -> str:
    """Return what is made of a window, for people."""
    kinds: dict[Blocks, int] = {}
    for names in signal.blocks:
        kinds[names] = kinds.get(names, 0) + 1
    parts = []
    for names, count in kinds.items():
        if names:
            words = [_said(signal, name) for name in names]
            parts.append(", ".join(words) + (f" of {count}" if len(kinds) > 1 else ""))
    magnitudes = sum(bool(names) for names in signal.blocks[signal.channels :])
    extra = f", {magnitudes} magnitudes among them" if magnitudes else ""
    channels = sum(map(bool, signal.blocks))
    return f"{'; '.join(parts)} ({signal.features} features of {channels} channels{extra})"


def _said(signal: Signal, name: str) -> str:
    if name == "bands" and signal.bands is not None:
        spectra = f" in {signal.bands.frames} frames" if signal.bands.frames > 1 else ""
        last = signal.bands.first + len(signal.bands.bins) - 1
        ends = f" to {last / signal.bands.frame * signal.rate:.3g} Hz"
        return f"{signal.bands.count} bands{ends}{spectra}"
    return f"{signal.window // signal.decimation} means" if name == "decimated" else name
