"""Data sets of windows: features of recordings, split so that no recording stands on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.data import DataError, Dataset
from edge_naca.signal_core import SignalCore, carrier
from edge_naca.signal_features import Signal
from edge_naca.signals.recordings import (
    Places,
    Recording,
    check_alike,
    places_of,
    windows_at,
)
from edge_naca.signals.splits import Split, held_out

AT_ONCE = 1 << 22  # numbers of windows that are cut at a time


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
    tested : what of recordings is tested on, windows that were left out included.
    missing : classes of recordings that no window to learn is of.
    """

    dataset: Dataset
    groups: NDArray[np.str_]
    test_groups: NDArray[np.str_]
    split: str
    mixed: int
    tested: tuple[Recording, ...]
    missing: tuple[str, ...]


def dataset_of(
    name: str,
    recordings: Sequence[Recording],
    signal: Signal,
    test_fraction: float = 0.2,
    seed: int = 0,
    by: str = "auto",
    split: Split | None = None,
) -> Windowed:
    """Return the features of all windows, some of them to test.

    No window to learn shares a sample with one to test, or, where groups decide, a group.

    Parameters
    ----------
    test_fraction : of windows to test on, about; 0 learns and tests on all.
    by : how to split, as `edge_naca.signals.splits.held_out` does.
    split : one that it found already.

    Raises
    ------
    DataError
        If recordings differ in kind, or there is no window to learn from or to test.
    """
    check_alike(recordings)
    places = places_of(recordings, signal.window, signal.hop)
    is_test = is_train = np.ones(len(places.labels), bool)
    how, tested = "learned and tested on all windows", tuple(recordings)
    if test_fraction > 0:
        split = split or held_out(recordings, places, test_fraction, seed, by)
        is_test = split.tested(places, signal.window, 0)
        is_train = split.learned(places, signal.window, 0)
        how, tested = split.how, split.part(recordings, 0)
    if not is_train.any() or not is_test.any():
        what = "to learn from, of" if is_test.any() else "to test on, of"
        raise DataError(
            f"there is no window {what} {len(places.labels)} of {signal.seconds:g} s in stretches "
            f"of one class without a gap ({how}): take a shorter --window, record longer ones, or "
            "learn and test on all with --test-fraction 0"
        )
    classes = np.unique(places.labels[is_train])
    unknown = np.setdiff1d(places.labels[is_test], classes)
    if unknown.size:
        raise DataError(f"{name}: the windows to test are of classes never learned: {unknown[0]}")
    x = _features_at(signal, recordings, places)
    y = np.searchsorted(classes, places.labels).astype(np.int64)
    dataset = Dataset(
        name,
        x[is_train],
        y[is_train],
        x[is_test],
        y[is_test],
        tuple(str(c) for c in classes),
        feature_names(signal, recordings[0].channels),
    )
    owners = np.array([recordings[n].group for n in places.recordings])
    groups = owners[is_train], owners[is_test]
    named = {name for recording in recordings for name in np.unique(recording.labels).tolist()}
    missing = tuple(sorted(named - set(dataset.classes) - {""}))
    return Windowed(dataset, *groups, how, places.mixed, tested, missing)


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


def _features_at(
    signal: Signal, recordings: Sequence[Recording], places: Places
) -> NDArray[np.int16]:
    """Return the features of windows; they are cut a part at a time."""
    core = SignalCore(carrier(signal))
    each = max(AT_ONCE // (signal.window * signal.channels), 1)
    parts = [
        core.features(windows_at(recordings, places.part(first, first + each), signal.window))
        for first in range(0, len(places.labels), each)
    ]
    return np.concatenate(parts)


def window_features(signal: Signal, windows: NDArray[Any]) -> NDArray[np.int16]:
    """Return the features of windows (n, window, channels), int16 (n, features)."""
    return SignalCore(carrier(signal)).features(windows)
