"""Which features suit a signal: what measured best for motion, and for sound."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_naca.affine import Affine
from edge_naca.data import DataError
from edge_naca.limits import MAX_CHANNELS, MAX_FRAME, MAX_LEARNED_INPUTS, MAX_WINDOW
from edge_naca.signal_features import FULL_WEIGHT, LEAST_WINDOW, Bands, Signal
from edge_naca.signals.recordings import Recording

SOUND_RATE = 4000.0  # samples a second from which on one channel is taken for sound
# Chosen by spoken digits held out of those to learn, and by their speakers (benchmarks/signals.py).
SOUND_BANDS, SOUND_FRAMES, SOUND_FRAME, SOUND_LEVEL = 12, 10, 0.064, 13
LOWEST_PITCH = 100.0
MOTION_WINDOW, SOUND_WINDOW = 2.56, 0.512  # seconds
HIGH = 0.25  # of a channel's energy; the motion of people has less in the upper half, noise half
LISTENED = 100  # frames of a recording by which that is found
HEADROOM = 4  # times the largest number seen that a channel still takes
LARGEST = 2**15

# What is made of each channel of a motion: the richest that has an inhibition learn from it.
MOTION = (
    (("mean", "deviation", "least", "greatest", "change", "bands"), 8),
    (("mean", "deviation", "change", "bands"), 8),
    (("mean", "deviation", "change", "bands"), 4),
    (("mean", "deviation", "change"), 0),
    (("mean", "deviation"), 0),
    (("deviation",), 0),
)


def suitable(
    recordings: Sequence[Recording],
    window: float | None = None,
    hop: float | None = None,
    spectrum: float | None = None,
) -> Signal:
    """Return a signal for recordings like these.

    Parameters
    ----------
    recordings : of one sensor: their rate, channels and range of values are looked at
    window : float, optional
        Length of a window in seconds, made the nearest power of two of samples; None for what
        suits motion or sound.
    hop : float, optional
        Time from one window to the next in seconds; None for half a window.
    spectrum : float, optional
        Share of the spectrum that motion's bands reach over; None for what recordings need.

    Raises
    ------
    DataError
        If there are too many channels, or windows cannot be so long or so short.
    """
    check_channels(recordings)
    first = recordings[0]
    rate = first.rate
    is_sound = is_of_sound(first)
    length = usual_window(rate, is_sound) if window is None else window_of(window, rate)
    step = length // 2 if hop is None else max(round(hop * rate), 1)
    if is_sound:
        # Of one class alone, how strong it is counts: silence is told from nothing else.
        level = SOUND_LEVEL if _are_several(recordings) else 0
        made = sound(rate, length, step, level=level)
    else:
        share = spectrum_of(recordings, length) if spectrum is None else spectrum
        made = _motion(first.channels, rate, length, step, share)
    return replace(made, affine=maps(recordings, made.magnitudes))


def _are_several(recordings: Sequence[Recording]) -> bool:
    """Tell whether recordings are of several classes."""
    named = {name for recording in recordings for name in np.unique(recording.labels).tolist()}
    return len(named - {""}) > 1


def check_channels(recordings: Sequence[Recording]) -> None:
    """Refuse more channels than a signal can have.

    Raises
    ------
    DataError
    """
    channels = recordings[0].samples.shape[1]
    if channels > MAX_CHANNELS:
        raise DataError(f"{channels} channels, {MAX_CHANNELS} are the most: --columns chooses some")


def is_of_sound(recording: Recording) -> bool:
    """Tell whether a recording is taken for sound: one channel of many samples a second."""
    return recording.samples.shape[1] == 1 and recording.rate >= SOUND_RATE


def usual_window(rate: float, is_sound: bool) -> int:
    """Return how many samples a window has where nobody says it: what suits motion, or sound."""
    exact = (SOUND_WINDOW if is_sound else MOTION_WINDOW) * rate
    most = MAX_WINDOW if is_sound else MAX_FRAME
    return min(max(1 << max(round(np.log2(max(exact, 1))), 0), LEAST_WINDOW), most)


def window_of(seconds: float, rate: float) -> int:
    """Return how many samples the window nearest to so many seconds has.

    Raises
    ------
    DataError
        If that is more or fewer than a window can have.
    """
    exact = seconds * rate
    length = 1 << max(round(np.log2(max(exact, 1))), 0)
    if not LEAST_WINDOW <= length <= MAX_WINDOW:
        raise DataError(
            f"a window of {seconds:g} s at {rate:g} samples a second is {exact:.0f} samples: "
            f"{LEAST_WINDOW} .. {MAX_WINDOW} are possible, "
            f"{LEAST_WINDOW / rate:.3g} .. {MAX_WINDOW / rate:.3g} s"
        )
    return length


def triangles(edges: NDArray[np.float64], frame: int) -> tuple[int, NDArray[np.int64]]:
    """Return the first bin, and `Bands.bins`, of triangular bands.

    Parameters
    ----------
    edges : in bins, ascending: band b rises from edge b to edge b + 1 and falls to edge b + 2.
    """
    k = np.arange(frame // 2, dtype=float)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (k - low) / np.maximum(middle - low, 0.5)
    falling = (high - k) / np.maximum(high - middle, 0.5)
    weights = np.clip(np.minimum(rising, falling), 0, 1)
    for band, row in enumerate(weights):  # a band without a bin takes the nearest one
        if row.max() < 0.5:
            weights[:, min(max(round(edges[band + 1]), 1), frame // 2 - 1)] *= 0.5
            row[min(max(round(edges[band + 1]), 1), frame // 2 - 1)] = 0.5
    units = np.rint(weights * FULL_WEIGHT).astype(np.int64)
    heard = np.flatnonzero(units[:, 1:].any(axis=0)) + 1
    first, last = int(heard[0]), int(heard[-1])
    bins = []
    for k_of in range(first, last + 1):
        bands = np.flatnonzero(units[:, k_of])
        if not bands.size:
            bins.append((0, 0, 0))
        elif bands.size == 1 or bands[1] != bands[0] + 1:
            best = int(units[:, k_of].argmax())
            bins.append((best + 1, int(units[best, k_of]), 0))
        else:
            down = int(units[bands[0], k_of])
            up = min(int(units[bands[1], k_of]), FULL_WEIGHT - down)
            bins.append((int(bands[0]) + 1, down, up))
    return first, np.array(bins)


def axes_of(channels: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Return which channels are the axes of one sensor: names that differ in x, y, z alone."""
    found: dict[str, dict[str, int]] = {}
    for at, name in enumerate(channels):
        match = re.fullmatch(r"(.*?)[ _.\-\[(]?([xyz])[)\]]?", name.strip(), re.IGNORECASE)
        if match:
            found.setdefault(match[1].lower(), {})[match[2].lower()] = at
    return tuple(
        tuple(places[axis] for axis in "xyz") for places in found.values() if len(places) == 3
    )


def spectrum_of(recordings: Sequence[Recording], window: int) -> float:
    """Return which share of the spectrum motion's bands are to reach over: half of it, or all.

    All where a channel has more of its energy in the upper half than `HIGH`.
    """
    frame = min(window, MAX_FRAME)
    upper = np.zeros(recordings[0].samples.shape[1])
    whole = upper + 1e-30
    for recording in recordings:
        count = len(recording.samples) // frame
        chosen = np.unique(np.linspace(0, count - 1, min(count, LISTENED)).astype(int))
        frames = [recording.samples[frame * n : frame * (n + 1)].astype(float) for n in chosen]
        for one in frames:
            spectrum = np.fft.rfft((one - one.mean(axis=0)) * np.hanning(frame)[:, None], axis=0)
            power = np.abs(spectrum) ** 2
            upper += power[frame // 4 :].sum(axis=0)
            whole += power.sum(axis=0)
    return 1.0 if np.max(upper / whole) > HIGH else 0.5


def _motion(channels: Sequence[str], rate: float, window: int, hop: int, spectrum: float) -> Signal:
    magnitudes = axes_of(channels)
    count = len(channels) + len(magnitudes)
    frame = min(window, MAX_FRAME)
    for names, bands in MOTION:
        blocks = (names,) * count
        made = motion_bands(frame, bands, spectrum) if bands else None
        signal = Signal(len(channels), rate, window, hop, blocks, magnitudes, made)
        if signal.features <= MAX_LEARNED_INPUTS:
            return signal
    return signal


def motion_bands(frame: int, count: int, share: float = 0.5) -> Bands:
    """Return bands of a bin at first, then ever wider by a factor, up to a share of all bins."""
    most = share * frame / 2
    edges = np.concatenate([[0.0], np.geomspace(1, max(most, count + 1), count + 1)])
    for at in range(1, len(edges)):
        edges[at] = max(edges[at], edges[at - 1] + 1)
    edges = np.minimum(edges, frame / 2)
    first, bins = triangles(edges, frame)
    return Bands(frame, count, bins, first)


def sound(
    rate: float,
    window: int,
    hop: int,
    bands: int = SOUND_BANDS,
    frames: int = SOUND_FRAMES,
    level: int = SOUND_LEVEL,
    length: float = SOUND_FRAME,
) -> Signal:
    """Return a signal whose features are what mel bands hold in frames over the window.

    Parameters
    ----------
    length : of a frame in seconds, of which the nearest power of two of samples is taken.
    """
    frame = min(1 << round(np.log2(length * rate)), MAX_FRAME, window)
    pitches = np.array([LOWEST_PITCH, rate / 2])
    ends = 1127 * np.log(1 + pitches / 700)
    edges = 700 * (np.exp(np.linspace(ends[0], ends[1], bands + 2) / 1127) - 1) * frame / rate
    first, bins = triangles(edges, frame)
    spectra = Bands(frame, bands, bins, first, frames, level)
    return Signal(1, rate, window, hop, (("bands",),), bands=spectra)


def scaled_by(recordings: Sequence[Recording], signal: Signal) -> Signal:
    """Return a signal whose maps, where it has some, suit these recordings alone."""
    if signal.affine is None or not recordings:
        return signal
    return replace(signal, affine=maps(recordings, signal.magnitudes) or signal.affine)


def maps(recordings: Sequence[Recording], magnitudes: Sequence[Sequence[int]]) -> Affine | None:
    """Return what makes int16 of numbers that are none; the axes of a sensor share a scale."""
    is_whole = all(recording.samples.dtype.kind in "iu" for recording in recordings)
    most = np.max([np.abs(r.samples.astype(float)).max(axis=0) for r in recordings], axis=0)
    if is_whole and most.max() < LARGEST:
        return None
    for axes in magnitudes:
        most[list(axes)] = most[list(axes)].max()
    most = np.maximum(most, 1e-30)
    return Affine.of(0, 2.0 ** np.floor(np.log2(LARGEST / HEADROOM / most)))
