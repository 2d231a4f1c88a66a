"""Searching on the command line: a bar while it goes on, and what was found in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edge_naca.cli import report, signals

if TYPE_CHECKING:
    from edge_naca.search.means import Means
    from edge_naca.search.run import Found, Workers
    from edge_naca.signals.recordings import Recording

KIB = 1024


def chooser(options: dict[str, Any], quiet: bool) -> signals.Chooser:
    """Return what finds features and a network, within what options of a network say.

    Parameters
    ----------
    options : of a network; those that a search decides are taken out.
    """
    from edge_naca.search.means import Means

    max_kib = options.pop("max_kib", None)
    means = Means(state=None if max_kib is None else int(max_kib * KIB))
    given = {name: options.pop(name, None) for name in ("neurons_per_class", "bits")}

    def choose(recordings: Sequence[Recording], windowing: signals.Windowing) -> signals.Chosen:
        found = find(
            recordings,
            windowing,
            means,
            quiet,
            neurons=given["neurons_per_class"],
            bits=given["bits"],
        )
        return chosen(found, means, quiet)

    return choose


def find(
    recordings: Sequence[Recording],
    windowing: signals.Windowing,
    means: Means,
    quiet: bool,
    *,
    neurons: int | None = None,
    bits: int | None = None,
    seed: int = 0,
    workers: Workers | None = None,
) -> Found:
    """Search, with a bar."""
    from edge_naca.search.run import search

    window, hop = signals.lengths_of(windowing, recordings[0].rate)
    with report.Bar(0, quiet) as bar:
        return search(
            recordings,
            means,
            window=window,
            hop=hop,
            neurons=() if neurons is None else (neurons,),
            bits=() if bits is None else (bits,),
            by=windowing.split,
            seed=seed,
            workers=workers,
            progress=bar.reach,
        )


def chosen(found: Found, means: Means, quiet: bool) -> signals.Chosen:
    """Return what was chosen, and say why, unless quiet.

    Raises
    ------
    DataError
        If nothing fits; the message says what the smallest lacks.
    """
    from edge_naca.data import DataError
    from edge_naca.search.choice import reasons

    if found.best is None:
        smallest = min(found.trials, key=lambda trial: trial.costs.ram)
        raise DataError(
            f"none of {found.tried} candidates fits: the smallest lacks {smallest.costs.lacking}; "
            "allow more, or take a shorter --window or fewer --columns"
        )
    if not quiet:
        report.say(f"{found.tried} candidates measured, by {found.how}")
        for line in reasons(found.trials, found.best, means):
            report.say(line)
    setting = found.best.setting
    return signals.Chosen(
        found.best.signal, {"neurons_per_class": setting.neurons, "bits": setting.bits}
    )
