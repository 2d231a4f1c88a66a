"""Decisions over whole recordings: what happened and was noticed, and what was for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.signal_core import SignalCore
from edge_naca.signals.recordings import Recording
from edge_naca.specification.signal import Decisions

HOUR = 3600.0


@dataclass(frozen=True)
class Score:
    """How decisions went.

    Parameters
    ----------
    events : stretches of one class that last a window at least.
    hits : events with a decision for their class in a window that has samples of them.
    false_alarms : decisions for a class that no sample of their window is of.
    hours : that all recordings lasted.
    """

    events: int
    hits: int
    false_alarms: int
    hours: float

    @property
    def alarms_an_hour(self) -> float:
        """False alarms an hour, NaN of nothing."""
        return self.false_alarms / self.hours if self.hours else float("nan")


def score(core: Core, recordings: Sequence[Recording], classes: Sequence[str]) -> Score:
    """Run a network over recordings, window after window, and return how its decisions went.

    Parameters
    ----------
    core : of a network with a signal; it learns nothing.
    classes : names of its classes; events of others are not looked for, but decisions in them are
        false alarms.
    """
    signal = core.network.signal
    assert signal is not None
    events = hits = alarms = 0
    for recording in recordings:
        noticed: set[int] = set()
        stretches = [
            (first, last, name)
            for first, last, name in recording.stretches()
            if name in classes and last - first >= signal.window
        ]
        for start, label in _decided(core, recording):
            end = start + signal.window
            noticed.update(
                number
                for number, (first, last, name) in enumerate(stretches)
                if name == classes[label] and first < end and start < last
            )
            alarms += int((recording.labels[start:end] != classes[label]).all())
        events += len(stretches)
        hits += len(noticed)
    seconds = sum(recording.seconds for recording in recordings)
    return Score(events, hits, alarms, seconds / HOUR)


def _decided(core: Core, recording: Recording) -> Iterator[tuple[int, int]]:
    """Yield the first sample of each window that decides, and the class it decides for."""
    signal = core.network.signal
    assert signal is not None
    features = SignalCore(core.network).push(recording.samples)
    answers: NDArray[np.int32] = core.predict_many(features) if len(features) else np.zeros(0, int)
    decisions = Decisions(signal)
    for number, answer in enumerate(answers.tolist()):
        decided = decisions.take(answer)
        if decided >= 0:
            yield number * signal.hop, decided
