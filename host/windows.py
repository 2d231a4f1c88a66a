"""Windows that a device cut and answered, with the features that it took them from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.host.link import Link
from edge_naca.host.messages import NO_LABEL
from edge_naca.host.mirror import Lesson
from edge_naca.host.sensors import read_sensor
from edge_naca.host.watching import Watching
from edge_naca.network import Network
from edge_naca.signal_core import SignalCore

Array = NDArray[Any]

MOST_READS = 64  # requests for samples that came since the last look


class Windows:
    """Has a page shown what a device makes of a signal's windows.

    Parameters
    ----------
    network : the device's, which has a signal.
    link : what happens to it is shown as well.
    """

    def __init__(self, watching: Watching, network: Network, link: Link) -> None:
        assert network.signal is not None
        link.event = watching.event
        self._watching, self._link = watching, link
        self._core = SignalCore(network)
        self._window = network.signal.window
        self._keep = 8 * self._window + 4 * network.signal.hop
        self._samples: Array | None = None
        self._first = 0  # number of the first sample kept

    def take(self, first: int, samples: Array) -> None:
        """Keep samples (n, channels), the first of which has this number."""
        kept = self._samples
        if kept is None or first != self._first + len(kept):
            self._first, self._samples = first, np.asarray(samples)
            return
        joined = np.concatenate([kept, samples])
        over = max(len(joined) - max(self._keep, len(samples) + self._window), 0)
        self._first, self._samples = self._first + over, joined[over:]

    def note(self, windows: Array, labels: Sequence[int | None]) -> None:
        """Show windows (`messages.WINDOW`) and the classes that they are known to be of."""
        for window, label in zip(windows, labels, strict=True):
            taught = -1 if window["label"] == NO_LABEL else int(window["label"])
            truth = taught if label is None else label
            row = self._features(int(window["first"]))
            self._watching.note_lesson(Lesson(row, taught, truth, window["result"]))

    def _features(self, first: int) -> Array | None:
        """Return the features of a window, None if its samples are not here."""
        at = first - self._first
        if self._samples is None or not 0 <= at <= len(self._samples) - self._window:
            return None
        row: Array = self._core.features(self._samples[None, at : at + self._window])[0]
        return row


class Heard(Windows):
    """The same for the device's own sensor, whose samples are fetched."""

    def __init__(self, watching: Watching, network: Network, link: Link) -> None:
        super().__init__(watching, network, link)
        self._next = read_sensor(link, 0).first

    def note_taught(self, windows: Array, events: Sequence[str]) -> None:
        """Show windows whose class is known where they were taught, and what went wrong."""
        for event in events:
            self._watching.event(event)
        for _ in range(MOST_READS):
            found = read_sensor(self._link, self._next)
            self.take(found.first, found.numbers)
            self._next = found.first + len(found.numbers)
            if not len(found.numbers):
                break
        self.note(windows, [None] * len(windows))
