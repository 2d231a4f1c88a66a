"""Recordings of a sensor, and what is cut of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.data import DataError
from edge_naca.printable import shown

Array = NDArray[Any]

RISING = 10  # samples from which on a channel that only rises is spoken of
SELDOM = 0.005  # share of samples that a channel of a sensor changes at, at least


@dataclass(frozen=True, eq=False)
class Recording:
    """Samples of a sensor without a gap.

    Parameters
    ----------
    name : of the file, for people.
    samples : (samples, channels), integers or real numbers.
    rate : samples a second.
    labels : class of each sample (samples,), "" where there is none.
    group : who or what it is of: windows of a group are learned from or tested on, never both.
    channels : their names.
    """

    name: str
    samples: Array
    rate: float
    labels: Array
    group: str
    channels: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    def stretches(self) -> Iterator[tuple[int, int, str]]:
        """Yield first sample, last one + 1 and class of stretches of one class, or of none, ""."""
        edges = [0, *(np.flatnonzero(self.labels[1:] != self.labels[:-1]) + 1).tolist()]
        for first, last in pairwise([*edges, len(self.labels)]):
            yield first, last, str(self.labels[first])

    def part(self, first: int, last: int) -> Recording:
        """Return samples `first` .. `last` − 1 of it."""
        return replace(self, samples=self.samples[first:last], labels=self.labels[first:last])


@dataclass(frozen=True, eq=False)
class Places:
    """Where windows of one class lie.

    Parameters
    ----------
    recordings : number of the recording that each is of (windows,).
    starts : sample of that recording that each begins with.
    labels : class of each.
    mixed : how many windows were left out since their samples are of several classes, or of none.
    """

    recordings: Array
    starts: Array
    labels: Array
    mixed: int

    def some(self, most: int) -> Places:
        """Return so many of them at most, spread evenly over all."""
        chosen = np.unique(np.linspace(0, len(self.labels) - 1, most).astype(int))
        parts = self.recordings[chosen], self.starts[chosen], self.labels[chosen]
        return Places(*parts, self.mixed)

    def part(self, first: int, last: int) -> Places:
        """Return those from one to another."""
        parts = self.recordings[first:last], self.starts[first:last], self.labels[first:last]
        return Places(*parts, self.mixed)


@dataclass(frozen=True, eq=False)
class Cut:
    """Windows of recordings.

    Parameters
    ----------
    windows : (windows, samples, channels).
    places : where each lies.
    groups : of each (windows,).
    """

    windows: Array
    places: Places
    groups: Array


def cut(recordings: Sequence[Recording], window: int, hop: int) -> Cut:
    """Cut recordings into windows whose samples are all of one class.

    Parameters
    ----------
    window : samples of a window.
    hop : samples from one window to the next.

    Raises
    ------
    DataError
        If there is no such window; the message says what there is.
    """
    places = places_of(recordings, window, hop)
    groups = np.array([recordings[n].group for n in places.recordings])
    return Cut(windows_at(recordings, places, window), places, groups)


def windows_at(recordings: Sequence[Recording], places: Places, window: int) -> Array:
    """Return the windows that lie there, (windows, samples, channels)."""
    pairs = zip(places.recordings, places.starts, strict=True)
    return np.stack([recordings[n].samples[start : start + window] for n, start in pairs])


def places_of(recordings: Sequence[Recording], window: int, hop: int) -> Places:
    """Return where `cut` finds windows.

    Raises
    ------
    DataError
        As `cut`.
    """
    rows = list(_looked_at(recordings, window, hop))
    kept = [(number, start, label) for number, start, label in rows if label]
    if not rows:
        longest = max(len(recording.samples) for recording in recordings)
        raise DataError(
            f"no recording is as long as a window of {window} samples: the longest has "
            f"{longest}; take a shorter --window, or record longer"
        )
    if not kept:
        raise DataError(
            f"none of {len(rows)} windows is of one class: every one holds samples without a label "
            "or of several; take a shorter --window"
        )
    numbers, starts, labels = zip(*kept, strict=True)
    return Places(np.array(numbers), np.array(starts), np.array(labels), len(rows) - len(kept))


def _looked_at(
    recordings: Sequence[Recording], window: int, hop: int
) -> Iterator[tuple[int, int, str]]:
    """Yield recording, first sample and class of every window, "" where it is not one."""
    for number, recording in enumerate(recordings):
        labels = recording.labels
        # Where the class changes: a window of one class holds no such place but its first.
        changes = np.concatenate([[0], np.cumsum(labels[1:] != labels[:-1])])
        for start in range(0, len(labels) - window + 1, hop):
            is_one = changes[start] == changes[start + window - 1]
            yield number, start, str(labels[start]) if is_one else ""


def check_alike(recordings: Sequence[Recording]) -> None:
    """Refuse recordings that differ in channels or in rate.

    Raises
    ------
    DataError
        That names the first one which does, and in what.
    """
    first = recordings[0]
    for other in recordings[1:]:
        if other.samples.shape[1] != first.samples.shape[1]:
            raise DataError(
                f"{shown(other.name)} has {other.samples.shape[1]} channels, {shown(first.name)} "
                f"{first.samples.shape[1]}: --columns chooses the same ones of both"
            )
        if other.channels != first.channels:
            raise DataError(
                f"the channels of {shown(other.name)} are {', '.join(other.channels)}, those of "
                f"{shown(first.name)} {', '.join(first.channels)}: --columns chooses by name"
            )
        if abs(other.rate / first.rate - 1) > 0.02:
            raise DataError(
                f"{shown(other.name)} has {other.rate:g} samples a second, {shown(first.name)} "
                f"{first.rate:g}: give recordings of one rate"
            )


def rising_channels(names: Sequence[str], samples: Array) -> Iterator[str]:
    """Yield names of channels whose numbers rise with every sample, as times and indexes do."""
    if len(samples) >= RISING:
        rises = np.asarray((np.diff(samples, axis=0) > 0).all(axis=0))
        yield from (names[at] for at in np.flatnonzero(rises).tolist())


def doubts(recordings: Sequence[Recording]) -> Iterator[str]:
    """Say which channels are no sensor's, never change, or stand at their ends too often."""
    longest = max(recordings, key=lambda recording: len(recording.samples))
    for name in rising_channels(longest.channels, longest.samples):
        yield (
            f"channel {shown(name)} only rises, as times and indexes do: --time-column or --drop "
            "keep it from being learned"
        )
    for at, name in enumerate(recordings[0].channels):
        numbers = np.concatenate([recording.samples[:, at] for recording in recordings])
        if (numbers == numbers[0]).all():
            yield f"channel {shown(name)} is {numbers[0]:g} everywhere: is the sensor connected?"
            continue
        changes = int((numbers[1:] != numbers[:-1]).sum())
        if changes < SELDOM * len(numbers) and (numbers == np.rint(numbers)).all():
            yield (
                f"channel {shown(name)} changes {changes} times only in {len(numbers)} samples: if "
                "it says who or what they are of, name it with --group, --label-column or --drop"
            )
            continue
        ends = numbers.min(), numbers.max()
        for end in ends:
            share = float((numbers == end).mean())
            held = numbers == end
            runs = held[1:] & held[:-1]
            if share > 0.01 and runs.mean() > 0.005 and ends[0] != ends[1]:
                yield (
                    f"channel {shown(name)} stands at {end:g}, its most extreme number, for "
                    f"{100 * share:.0f} % of all samples: it may be clipped"
                )
