"""What of recordings is learned, and what is tested on: never windows that share a sample or group.

A split gives every sample a number: that of the fold that it is tested in, or `NEVER`.
A window is tested in a fold where all its samples are of it, and learned where none is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge_naca.choices import SPLITS
from edge_naca.data import DataError
from edge_naca.limits import choice
from edge_naca.signals.recordings import Places, Recording

NEVER = -1  # a sample that is tested in no fold
FOLDS = 5
SHOWN = 5  # names of groups that are told


@dataclass(frozen=True, eq=False)
class Split:
    """Folds of recordings.

    Parameters
    ----------
    folds : number of the fold that each sample is tested in, an array a recording.
    count : of folds.
    how : how they were found, for people.
    """

    folds: tuple[NDArray[np.int64], ...]
    count: int
    how: str

    def tested(self, places: Places, window: int, fold: int) -> NDArray[np.bool_]:
        """Return which windows are tested in a fold: all their samples are of it."""
        return self._share(places, window, fold) == window

    def learned(self, places: Places, window: int, fold: int) -> NDArray[np.bool_]:
        """Return which windows are learned before a fold is tested: none of their samples is."""
        return self._share(places, window, fold) == 0

    def _share(self, places: Places, window: int, fold: int) -> NDArray[np.int64]:
        """Return how many samples of each window are tested in a fold."""
        sums = [np.concatenate([[0], np.cumsum(folds == fold)]) for folds in self.folds]
        return np.array(
            [
                sums[number][start + window] - sums[number][start]
                for number, start in zip(places.recordings, places.starts, strict=True)
            ],
            np.int64,
        )

    def rest(self, recordings: Sequence[Recording]) -> tuple[Recording, ...]:
        """Return what of recordings is never tested on."""
        return self.part(recordings, NEVER)

    def part(self, recordings: Sequence[Recording], fold: int) -> tuple[Recording, ...]:
        """Return what of recordings is tested in a fold."""
        parts = []
        for recording, folds in zip(recordings, self.folds, strict=True):
            edges = np.flatnonzero(np.diff(folds == fold)) + 1
            bounds = [0, *edges.tolist(), len(folds)]
            parts += [
                recording.part(first, last)
                for first, last in pairwise(bounds)
                if folds[first] == fold
            ]
        return tuple(parts)


def held_out(
    recordings: Sequence[Recording],
    places: Places,
    fraction: float = 0.2,
    seed: int = 0,
    by: str = "auto",
) -> Split:
    """Return one fold of about so many windows, which an image is tested on.

    Parameters
    ----------
    places : of windows; a group counts for a class where it has one of it.
    fraction : of windows, above 0.
    by : "group", "time" or "auto": groups where every class is of two at least, else the last part
        of every class in every recording.

    Raises
    ------
    DataError
        If groups are asked for where a class is of one alone.
    """
    if _has_groups(recordings, places, by):
        groups = np.array([recording.group for recording in recordings])
        chosen = _drawn(groups[places.recordings], places.labels, fraction, seed)
        folds = [np.full(len(r.labels), 0 if r.group in chosen else NEVER) for r in recordings]
        how = f"tested on {len(chosen)} of {len(np.unique(groups))} groups: {_some(chosen)}"
        return Split(tuple(folds), 1, how)
    folds = [np.where(_shares(r) >= 1 - fraction, 0, NEVER) for r in recordings]
    return Split(tuple(folds), 1, f"tested on the last {100 * fraction:g} % of every recording")


def crossed(
    recordings: Sequence[Recording], places: Places, count: int = FOLDS, by: str = "auto"
) -> Split:
    """Return folds for cross-validation, in which every sample is tested once.

    Parameters
    ----------
    places : of windows; a group counts for a class where it has one of it.
    count : of folds at most.
    by : as of `held_out`; of time, every class in every recording is cut into parts.

    Raises
    ------
    DataError
        If groups are asked for where a class is of one alone.
    """
    if not _has_groups(recordings, places, by):
        folds = [np.floor(_shares(r) * count).astype(np.int64) for r in recordings]
        folds = [np.maximum(numbers, NEVER) for numbers in folds]
        return Split(tuple(folds), count, f"{count} parts of the time of every recording")
    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.array([recording.group for recording in recordings])
    owners = groups[places.recordings]
    count = min(count, int(_groups_of_classes(owners, places.labels).min()))
    found = np.full(len(recordings), NEVER)
    splitter = StratifiedGroupKFold(count)
    for fold, (_, test) in enumerate(splitter.split(owners, places.labels, owners)):
        found[np.isin(groups, owners[test])] = fold
    folds = [np.full(len(r.labels), fold) for r, fold in zip(recordings, found, strict=True)]
    return Split(tuple(folds), count, f"{count} folds of whole groups")


def each_group(recordings: Sequence[Recording], places: Places) -> tuple[Split, tuple[str, ...]]:
    """Return a fold for each group, and their names: leave one out after the other.

    Raises
    ------
    DataError
        If there is one group alone.
    """
    names, numbers = np.unique([r.group for r in recordings], return_inverse=True)
    if len(names) < 2:
        raise DataError(
            f"all is of one group, {names[0]}: --group names the column that says who or what "
            "recordings are of"
        )
    folds = [np.full(len(r.labels), n) for r, n in zip(recordings, numbers, strict=True)]
    return Split(tuple(folds), len(names), "each group left out once"), tuple(map(str, names))


def _has_groups(recordings: Sequence[Recording], places: Places, by: str) -> bool:
    """Return whether to split by groups: every class then is of two at least."""
    choice("by", by, SPLITS)
    if by == "time":
        return False
    owners = np.array([recording.group for recording in recordings])[places.recordings]
    has = bool(_groups_of_classes(owners, places.labels).min(initial=2) > 1)
    if by == "group" and not has:
        counts = _groups_of_classes(owners, places.labels)
        lone = np.unique(places.labels)[counts.argmin()]
        raise DataError(
            f"class {lone} is of one group alone, and groups stand on one side: name groups with "
            "--group, record more of them, or split by time"
        )
    return has


def _groups_of_classes(owners: NDArray[np.str_], labels: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return of how many groups each class is, in the order of their names."""
    pairs = np.unique(np.stack([labels, owners], axis=1), axis=0)
    return np.unique(pairs[:, 0], return_counts=True)[1]


def _drawn(
    owners: NDArray[np.str_], labels: NDArray[np.str_], fraction: float, seed: int
) -> list[str]:
    """Return groups, drawn until they have enough windows; every class keeps one to learn."""
    chosen: list[str] = []
    is_test = np.zeros(len(labels), bool)
    for group in np.random.default_rng(seed).permutation(np.unique(owners)):
        more = is_test | (owners == group)
        left = set(labels[~more].tolist())
        if left != set(labels.tolist()) or is_test.mean() >= fraction:
            continue
        if more.mean() <= 1.5 * fraction or not is_test.any():
            is_test = more
            chosen.append(str(group))
    return chosen


def _shares(recording: Recording) -> NDArray[np.float64]:
    """Return which share of its class in this recording lies before each sample; −1 without one."""
    shares = np.full(len(recording.labels), -1.0)
    for label in np.unique(recording.labels):
        if label:
            at = np.flatnonzero(recording.labels == label)
            shares[at] = np.arange(len(at)) / len(at)
    return shares


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
