"""Signals: from windows of samples to features (docs/arithmetic.md, section 11), in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.image_records import SIGNAL_BLOCKS
from edge_naca.signal_features import FULL_WEIGHT, Bands, Signal
from edge_naca.specification.arithmetic import Int, round_shift, signed_log
from edge_naca.specification.preparation import from_reals

TURN = 1024  # steps of a whole turn
COSINE = np.floor(32767 * np.cos(np.pi * np.arange(TURN // 2 + 1) / (TURN // 2)) + 0.5).astype(
    np.int64
)
LEAST, GREATEST = -(2**15), 2**15 - 1
OCTAVE = 256
LARGEST = 14  # bits of a frame's numbers


def samples(signal: Signal, numbers: NDArray[Any]) -> Int:
    """Return samples (…, channels) as int16, in int64: section 11.2."""
    if signal.affine is None:
        return np.asarray(numbers, np.int64)
    return np.clip(from_reals(signal.affine, np.asarray(numbers, np.float32)), LEAST, GREATEST)


def features(signal: Signal, windows: NDArray[Any]) -> NDArray[np.int16]:
    """Return the features of windows (n, window, channels), int16 (n, features)."""
    channels = np.moveaxis(samples(signal, windows), 2, 0)
    magnitudes = [_magnitude(channels[list(axes)]) for axes in signal.magnitudes]
    parts = []
    for x, blocks in zip([*channels, *magnitudes], signal.blocks, strict=True):
        made = _statistics(x)
        if signal.bands is not None and "bands" in blocks:
            made["bands"] = _bands(signal.bands, x)
        made["decimated"] = _decimated(x, signal.decimation)
        parts += [made[name].reshape(len(x), -1) for name in SIGNAL_BLOCKS if name in blocks]
    return np.clip(np.concatenate(parts, axis=1), LEAST, GREATEST).astype(np.int16)


class Windows:
    """Windows of samples as they come: section 11.1.

    Parameters
    ----------
    signal : what says how long they are, and how far apart.
    """

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self.gap()

    def gap(self) -> None:
        """Drop what has not filled a window."""
        self._kept = np.zeros((0, self._signal.channels), np.int64)
        self._skip = 0

    def push(self, numbers: NDArray[Any]) -> list[Int]:
        """Take samples (n, channels), and return the windows that these fill."""
        window, hop = self._signal.window, self._signal.hop
        left_out = min(self._skip, len(numbers))
        self._skip -= left_out
        self._kept = np.concatenate([self._kept, samples(self._signal, numbers)[left_out:]])
        full = []
        while len(self._kept) >= window:
            full.append(self._kept[:window])
            self._skip = max(hop - len(self._kept), 0)
            self._kept = self._kept[hop:]
        return full


class Decisions:
    """Decisions over the answers of windows as they come: section 11.6.

    Parameters
    ----------
    signal : what says how many answers have to agree.
    """

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self.gap()

    def gap(self) -> None:
        """Forget the answers before samples that are missing."""
        self._latest: list[int] = []
        self._resting = 0

    def take(self, answer: int) -> int:
        """Take a window's answer, and return the class that it decides for; −1 for none."""
        votes = self._signal.votes
        if not votes:
            return answer
        self._latest = [*self._latest, answer][-votes:]
        if self._resting:
            self._resting -= 1
            return -1
        if answer < 0 or self._latest.count(answer) < self._signal.quorum:
            return -1
        self._resting = self._signal.rest
        return answer


# ---- what is made of a channel (n, window) -----------------------------------------------------


def _magnitude(axes: Int) -> Int:
    """Return the magnitude of channels (axes, n, window): section 11.2."""
    return np.minimum(_root((axes * axes).sum(axis=0)), GREATEST)


def _statistics(x: Int) -> dict[str, Int]:
    """Section 11.3."""
    count = x.shape[1]
    lg = count.bit_length() - 1
    total = x.sum(axis=1)
    mean = round_shift(total, lg)
    spread = ((x * x).sum(axis=1) << lg) - total * total
    halvings = np.zeros(len(x), np.int64)
    while (spread >> 2 * halvings >> 32).any():
        halvings += spread >> 2 * halvings >> 32 > 0
    deviation = _root(spread >> 2 * halvings) << halvings >> lg
    below = x < mean[:, None]
    return {
        "mean": mean,
        "deviation": deviation,
        "least": x.min(axis=1),
        "greatest": x.max(axis=1),
        "change": round_shift(np.abs(np.diff(x, axis=1)).sum(axis=1), lg),
        "crossings": (below[:, 1:] != below[:, :-1]).sum(axis=1),
    }


def _decimated(x: Int, each: int) -> Int:
    """Section 11.5."""
    sums = x.reshape(len(x), -1, each).sum(axis=2)
    return round_shift(sums, each.bit_length() - 1)


def _bands(bands: Bands, x: Int) -> Int:
    """Section 11.4: (n, frames, bands)."""
    length = bands.frame
    lg = length.bit_length() - 1
    room = x.shape[1] - length
    first = [f * room // (bands.frames - 1) if bands.frames > 1 else 0 for f in range(bands.frames)]
    frames = x[:, np.array(first)[:, None] + np.arange(length)]
    total = frames.sum(axis=2)
    above = (frames.max(axis=2) << lg) - total
    below = total - (frames.min(axis=2) << lg)
    span = np.maximum(np.maximum(above, below).max(axis=1), 1)
    exponent = (LARGEST - _bit_length(span))[:, None, None]
    centred = (frames << lg) - total[..., None]
    down, up = np.maximum(-exponent, 0), np.maximum(exponent, 0)
    level = centred + (1 << down >> 1) >> down << up
    n = np.arange(length) * (TURN // length)
    hann = 32768 - COSINE[np.where(n <= TURN // 2, n, TURN - n)] >> 1
    re, im = _transform(round_shift(level * hann, 15))
    power = _power(bands, re, im)
    slots = np.zeros((*power.shape[:2], bands.count + 2), np.int64)
    for k, (slot, falling, rising) in enumerate(bands.bins.astype(np.int64)):
        slots[..., slot] += power[..., k] * falling
        slots[..., slot + 1] += power[..., k] * rising
    assert slots.max(initial=0) < 2**31, f"weights above {FULL_WEIGHT}"
    logs = signed_log(slots[..., 1:-1]) - 2 * OCTAVE * (exponent + lg)
    return _levelled(logs, bands.level) if bands.level else logs


def _levelled(logs: Int, octaves: int) -> Int:
    flat = logs.reshape(len(logs), -1)
    raised = np.maximum(flat, flat.max(axis=1, keepdims=True) - octaves * OCTAVE)
    count = raised.shape[1]
    mean = (raised.sum(axis=1, keepdims=True) + count // 2) // count
    return (raised - mean).reshape(logs.shape)


# ---- the Fourier transform ---------------------------------------------------------------------


def _rotated(at: Int, re: Int, im: Int) -> tuple[Int, Int]:
    """Turn numbers back by `at` 1024ths of a turn, rounded."""
    w_re, w_im = COSINE[at], -COSINE[np.abs(TURN // 4 - at)]
    return round_shift(w_re * re - w_im * im, 15), round_shift(w_re * im + w_im * re, 15)


def _transform(y: Int) -> tuple[Int, Int]:
    """Return the transform of the pairs of y (…, frame), divided by their number."""
    pairs = y.shape[-1] // 2
    bits = pairs.bit_length() - 1
    order = [int(f"{k:0{bits}b}"[::-1], 2) for k in range(pairs)]
    re, im = y[..., 0::2][..., order], y[..., 1::2][..., order]
    half = 1
    while half < pairs:
        shape = (*y.shape[:-1], pairs // (2 * half), 2, half)
        re, im = re.reshape(shape), im.reshape(shape)
        at = np.arange(half) * (TURN // 2 // half)
        b_re, b_im = re[..., 1, :], im[..., 1, :]
        t_re, t_im = _rotated(at, b_re, b_im)
        # No rotation and that by a quarter of a turn are exact.
        t_re = np.where(at == 0, b_re, np.where(at == TURN // 4, b_im, t_re))
        t_im = np.where(at == 0, b_im, np.where(at == TURN // 4, -b_re, t_im))
        a_re, a_im = re[..., 0, :], im[..., 0, :]
        re = np.stack([a_re + t_re + 1 >> 1, a_re - t_re + 1 >> 1], axis=-2)
        im = np.stack([a_im + t_im + 1 >> 1, a_im - t_im + 1 >> 1], axis=-2)
        half *= 2
    shape = (*y.shape[:-1], pairs)
    return re.reshape(shape), im.reshape(shape)


def _power(bands: Bands, re: Int, im: Int) -> Int:
    """Return the power of the bins that bands take, from the transform of pairs."""
    pairs = re.shape[-1]
    k = bands.first + np.arange(len(bands.bins))
    a_re, a_im, b_re, b_im = re[..., k], im[..., k], re[..., pairs - k], im[..., pairs - k]
    even_re, even_im = a_re + b_re + 1 >> 1, a_im - b_im + 1 >> 1
    odd_re, odd_im = a_im + b_im + 1 >> 1, b_re - a_re + 1 >> 1
    t_re, t_im = _rotated(k * (TURN // bands.frame), odd_re, odd_im)
    x_re, x_im = even_re + t_re + 1 >> 1, even_im + t_im + 1 >> 1
    return np.asarray(x_re * x_re + x_im * x_im)


# ---- integers ----------------------------------------------------------------------------------


def _bit_length(x: Int) -> Int:
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)


def _root(x: Int) -> Int:
    """Return the largest integers whose squares are not above x, below 2**53."""
    root = np.sqrt(x.astype(np.float64)).astype(np.int64)
    root -= root * root > x
    return root + ((root + 1) * (root + 1) <= x)
