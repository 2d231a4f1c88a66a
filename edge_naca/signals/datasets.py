"""Data sets of windows: features of recordings, split so that no recording stands on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.data import DataError, Dataset
from edge_naca.signal_features import Signal
from edge_naca.signals.recordings import Cut, Recording, check_alike, cut
from edge_naca.specification.signal import features

CHUNK = 500  # windows at once


@dataclass(frozen=True, eq=False)
class Windowed:
    """A data set of windows, and what they are of.

    Parameters
    ----------
    dataset : Dataset
        Features, int16.
    groups, test_groups : of each sample to learn, and of each to test.
    split : how samples to test were chosen, for people.
    mixed : windows left out since they are of no class, or of several.
    """

    dataset: Dataset
    groups: NDArray[np.str_]
    test_groups: NDArray[np.str_]
    split: str
    mixed: int


def dataset_of(
    name: str,
    recordings: Sequence[Recording],
    signal: Signal,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> Windowed:
    """Return the features of all windows, some of them to test.

    Windows of a group are all learned from or all tested on, where every class is of two groups at
    least. Else the last part of each recording is tested on, and windows that reach into it are
    left out.

    Parameters
    ----------
    test_fraction : of windows to test on, about; 0 learns and tests on all.

    Raises
    ------
    DataError
        If recordings differ in kind, or there is no window to learn from or to test.
    """
    check_alike(recordings)
    found = cut(recordings, signal.window, signal.hop)
    is_test, is_train, how = _split(found, recordings, signal, test_fraction, seed)
    if not is_train.any() or not is_test.any():
        raise DataError(
            f"{len(found.labels)} windows are too few to learn from some and to test on others: "
            "record longer, or take shorter ones; --test-fraction 0 learns and tests on all"
        )
    x = window_features(signal, found.windows)
    classes = np.unique(found.labels[is_train])
    unknown = np.setdiff1d(found.labels[is_test], classes)
    if unknown.size:
        raise DataError(f"{name}: the windows to test are of classes never learned: {unknown[0]}")
    y = np.searchsorted(classes, found.labels).astype(np.int64)
    dataset = Dataset(
        name,
        x[is_train],
        y[is_train],
        x[is_test],
        y[is_test],
        tuple(str(c) for c in classes),
        feature_names(signal, recordings[0].channels),
    )
    return Windowed(dataset, found.groups[is_train], found.groups[is_test], how, found.mixed)


def feature_names(signal: Signal, channels: Sequence[str]) -> tuple[str, ...]:
    """Return what each feature is called: the channel, then what is made of it."""
    names = list(channels)
    names += ["|" + ", ".join(channels[a] for a in axes) + "|" for axes in signal.magnitudes]
    sizes = signal.sizes
    return tuple(
        f"{channel} {block}" + (f" {part}" if sizes[block] > 1 else "")
        for channel, blocks in zip(names, signal.blocks, strict=True)
        for block in sizes
        if block in blocks
        for part in range(sizes[block])
    )


def window_features(signal: Signal, windows: NDArray[Any]) -> NDArray[np.int16]:
    """Return the features of windows (n, window, channels), int16 (n, features)."""
    parts = [
        features(signal, windows[first : first + CHUNK]) for first in range(0, len(windows), CHUNK)
    ]
    return np.concatenate(parts)


def _split(
    found: Cut, recordings: Sequence[Recording], signal: Signal, fraction: float, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], str]:
    """Return which windows to test, which to learn, and how that was decided."""
    everything = np.ones(len(found.labels), bool)
    if fraction == 0:
        return everything, everything, "learned and tested on all windows"
    pairs = np.unique(np.stack([found.labels, found.groups], axis=1), axis=0)
    counts = np.unique(pairs[:, 0], return_counts=True)[1]
    if counts.min() > 1:
        is_test = _held_out(found, fraction, seed)
        held = np.unique(found.groups[is_test])
        some = ", ".join(held[:5]) + (" …" if len(held) > 5 else "")
        count = len(np.unique(found.groups))
        return is_test, ~is_test, f"tested on {len(held)} of {count} groups: {some}"
    is_test, is_train = np.zeros(len(everything), bool), np.zeros(len(everything), bool)
    for number in range(len(recordings)):
        for label in np.unique(found.labels[found.recordings == number]):
            rows = np.flatnonzero((found.recordings == number) & (found.labels == label))
            cut_at = found.starts[rows[0]] + round(
                (found.starts[rows[-1]] + signal.window - found.starts[rows[0]]) * (1 - fraction)
            )
            is_train[rows] = found.starts[rows] + signal.window <= cut_at
            is_test[rows] = found.starts[rows] >= cut_at
    return is_test, is_train, f"tested on the last {100 * fraction:g} % of every recording"


def _held_out(found: Cut, fraction: float, seed: int) -> NDArray[np.bool_]:
    """Return windows of groups drawn until there are enough; every class keeps one to learn."""
    is_test = np.zeros(len(found.labels), bool)
    groups = np.random.default_rng(seed).permutation(np.unique(found.groups))
    for group in groups:
        more = is_test | (found.groups == group)
        left = set(found.labels[~more].tolist())
        if left != set(found.labels.tolist()) or is_test.mean() >= fraction:
            continue
        if more.mean() <= 1.5 * fraction or not is_test.any():
            is_test = more
    return is_test
