"""The search: many candidates looked at briefly, the best of them closely."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.data import DataError
from edge_naca.extras import require
from edge_naca.search.candidates import (
    BITS,
    NEURONS,
    USUAL_BITS,
    Setting,
    lengths,
    neighbours,
    signals,
)
from edge_naca.search.choice import best_of, key_of, worth_trying
from edge_naca.search.means import Means
from edge_naca.search.trials import Trial, Windows, attempt
from edge_naca.signal_features import Signal
from edge_naca.signals.recordings import Recording, check_alike, places_of, windows_at
from edge_naca.signals.splits import crossed

Array = NDArray[Any]
Job = tuple[Signal, tuple[Setting, ...]]

BRIEF_FOLDS, BRIEF_WINDOWS, MOST_WINDOWS = 3, 2000, 6000
ROUNDS = 4  # of looking around the best
CLOSE = 6  # signals whose networks are varied


@dataclass(frozen=True)
class Found:
    """What a search found.

    Parameters
    ----------
    trials : all that was tried on all windows, in the order in which it was; where nothing fits,
        all that was tried.
    best : the one chosen; None where nothing fits.
    tried : how many candidates were looked at in all.
    how : how windows were split, for people.
    """

    trials: tuple[Trial, ...]
    best: Trial | None
    tried: int
    how: str


@dataclass(frozen=True)
class Workers:
    """Who does the work.

    Parameters
    ----------
    jobs : processes on this machine; None for one a processor core.
    dask : address of a Dask scheduler, as tcp://host:8786; None for this machine.
    """

    jobs: int | None = None
    dask: str | None = None


def search(
    recordings: Sequence[Recording],
    means: Means | None = None,
    *,
    window: int | None = None,
    hop: int | None = None,
    neurons: tuple[int, ...] = (),
    bits: tuple[int, ...] = (),
    by: str = "auto",
    seed: int = 0,
    workers: Workers | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Found:
    """Return what suits recordings best, measured by cross-validation.

    The same recordings, means and seed give the same result, whoever does the work.

    Parameters
    ----------
    means : what a candidate may take.
    window, hop : samples; None to try several lengths, and half of them for the hop.
    neurons, bits : of a class, and of a code; nothing to try several.
    by : how windows are split, as `edge_naca.signals.splits.crossed` does.
    progress : called with how many of how many candidates are done, and what is being looked at.

    Raises
    ------
    DataError
        If recordings differ in kind, are too short, or hold one class only.
    """
    require("joblib")
    check_alike(recordings)
    means = means or Means()
    run = _Run(means, seed, progress)
    sets = _sets(recordings, lengths(recordings) if window is None else (window,), hop, by)
    sizes = tuple(sets)
    jobs = {n: signals(recordings, n, hop or n // 2) for n in sizes}
    brief = {n: _some(windows, BRIEF_WINDOWS, BRIEF_FOLDS) for n, (windows, _) in sets.items()}
    few = neurons or ((1, 3, 6) if means.is_tight else (3, 6))
    usual = tuple(Setting(n, b) for b in bits or (USUAL_BITS,) for n in few)
    with _at_work(workers or Workers()):
        rough = run.all(brief, [(s, usual) for n in sizes for s in jobs[n]], "features")
        for _ in range(ROUNDS):
            known = {key_of(trial.signal) for trial in rough}
            around = [
                other
                for trial in worth_trying(rough, 3)
                for other in neighbours(trial.signal)
                if key_of(other) not in known
            ]
            unique = list({key_of(signal): signal for signal in around}.values())
            if not unique:
                break
            rough += run.all(brief, [(s, usual) for s in unique], "features nearby")
        full = {n: windows for n, (windows, _) in sets.items()}
        settings = tuple(Setting(n, b) for b in bits or BITS for n in neurons or NEURONS)
        close = [(trial.signal, settings) for trial in worth_trying(rough, CLOSE)]
        trials = run.all(full, _spread(close), "networks") if close else rough
    return Found(tuple(trials), best_of(trials), run.tried, next(iter(sets.values()))[1])


def _spread(jobs: Sequence[Job], size: int = 6) -> list[Job]:
    """Return jobs of few settings each, so that all workers have some."""
    return [
        (signal, settings[first : first + size])
        for signal, settings in jobs
        for first in range(0, len(settings), size)
    ]


class _Run:
    """Hands candidates to workers, and counts them."""

    def __init__(
        self, means: Means, seed: int, progress: Callable[[int, int, str], None] | None
    ) -> None:
        self._means, self._seed, self._progress = means, seed, progress
        self.tried = 0

    def all(self, windows: dict[int, Windows], jobs: Sequence[Job], what: str) -> list[Trial]:
        """Return the trials of all jobs, in their order."""
        from joblib import Parallel, delayed

        total = self.tried + sum(len(settings) for _, settings in jobs)
        calls = (
            delayed(attempt)(windows[signal.window], signal, settings, self._means, self._seed)
            for signal, settings in jobs
        )
        found: list[Trial] = []
        for trials in Parallel(return_as="generator")(calls):
            found += trials
            self.tried += len(trials)
            if self._progress is not None:
                self._progress(self.tried, total, what)
        return found


@contextmanager
def _at_work(workers: Workers) -> Iterator[None]:
    """Have joblib's work done by processes here, or by those of a Dask cluster."""
    from joblib import parallel_config

    if workers.dask is None:
        with parallel_config(n_jobs=workers.jobs or -1):
            yield
        return
    require("distributed")
    from distributed import Client
    from distributed.comm.addressing import get_address_host_port

    try:
        get_address_host_port(workers.dask)  # a client that finds none waits for itself at the end
        client = Client(workers.dask, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"--dask: there is no scheduler at {workers.dask}: 'dask scheduler' and 'dask worker "
            f"{workers.dask}' begin one ({error})"
        ) from error
    with client, parallel_config(backend="dask", client=client):
        yield


def _sets(
    recordings: Sequence[Recording], sizes: Sequence[int], hop: int | None, by: str
) -> dict[int, tuple[Windows, str]]:
    """Return windows of each length that there are enough of.

    Raises
    ------
    DataError
        If there are enough of none.
    """
    sets: dict[int, tuple[Windows, str]] = {}
    for size in sizes:
        with suppress(DataError):
            sets[size] = _windows(recordings, size, hop or size // 2, by)
    if not sets:  # say why
        _windows(recordings, min(sizes), hop or min(sizes) // 2, by)
    return sets


def _windows(
    recordings: Sequence[Recording], window: int, hop: int, by: str
) -> tuple[Windows, str]:
    """Return windows of one length with their folds, and how those were found."""
    places = places_of(recordings, window, hop).some(MOST_WINDOWS)
    classes, y = np.unique(places.labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError(
            f"all windows are of one class, {classes[0]}: there is nothing to tell apart. 'train "
            "--unknown 0.02', without --features auto, has all that is unlike it answered by none"
        )
    split = crossed(recordings, places, by=by)
    tested = [split.tested(places, window, fold) for fold in range(split.count)]
    learned = [split.learned(places, window, fold) for fold in range(split.count)]
    useful = [
        fold
        for fold in range(split.count)
        if tested[fold].any() and len(np.unique(y[learned[fold]])) == len(classes)
    ]
    if not useful:
        raise DataError(
            f"{len(y)} windows of {window} samples are too few to learn from some and to test on "
            "others: record longer, or take shorter ones"
        )
    return (
        Windows(
            windows_at(recordings, places, window),
            y,
            np.stack([tested[fold] for fold in useful]),
            np.stack([learned[fold] for fold in useful]),
            tuple(map(str, classes)),
        ),
        split.how,
    )


def _some(windows: Windows, most: int, folds: int) -> Windows:
    """Return windows spread evenly over all, and the first folds."""
    chosen = np.unique(np.linspace(0, len(windows.y) - 1, most).astype(int))
    tested, learned = windows.tested[:folds, chosen], windows.learned[:folds, chosen]
    has_all = [
        bool(test.any()) and len(np.unique(windows.y[chosen][learn])) == len(windows.classes)
        for test, learn in zip(tested, learned, strict=True)
    ]
    if not any(has_all):
        return windows
    return Windows(
        windows.x[chosen], windows.y[chosen], tested[has_all], learned[has_all], windows.classes
    )
