"""What a search found: accuracy against what it takes, every candidate a point."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from edge_naca.plots.drawing import caption, literal
from edge_naca.search.choice import frontier
from edge_naca.search.means import KIB, Means
from edge_naca.search.trials import Trial

FITS, TOO_MUCH, CHOSEN = "#1b6ca8", "#b8b8b8", "#e07b39"


def trials(title: str, found: Sequence[Trial], best: Trial | None, means: Means) -> Figure:
    """Draw accuracy against RAM, with the frontier, and against the time of an answer."""
    figure = Figure(figsize=(12, 5), layout="constrained")
    figure.suptitle(literal(title))
    left, right = figure.subplots(1, 2, sharey=True)
    tried = [trial for trial in found if trial.right]
    timed = [trial for trial in tried if trial.costs.seconds is not None]
    ram = [trial.costs.ram / KIB for trial in tried]
    time = [1000 * (trial.costs.seconds or 0) for trial in timed]
    for axes, shown, x, limit in (
        (left, tried, ram, None if means.ram is None else means.ram / KIB),
        (right, timed, time, None if means.seconds is None else 1000 * means.seconds),
    ):
        _draw(axes, shown, x, best)
        if limit is not None:
            axes.axvline(limit, color="black", linestyle=":", label="limit")
    edge = frontier(tried)
    left.plot(
        [trial.costs.ram / KIB for trial in edge],
        [trial.accuracy for trial in edge],
        color=FITS,
        drawstyle="steps-post",
        label="best for its RAM",
    )
    left.set(xlabel="RAM, KiB", ylabel="right, cross-validated")
    right.set(xlabel=f"an answer, ms on {means.clocked}")
    left.yaxis.set_major_formatter(PercentFormatter(1))
    caption(left, "network, windows and features")
    caption(right, "features made, and inferred" if timed else "how long it takes is not known")
    left.legend(loc="lower right")
    return figure


def _draw(axes: Axes, tried: Sequence[Trial], x: Sequence[float], best: Trial | None) -> None:
    for fits, colour, name in ((False, TOO_MUCH, "does not fit"), (True, FITS, "fits")):
        places = [at for at, trial in enumerate(tried) if trial.fits == fits]
        if places:
            axes.scatter(
                [x[at] for at in places],
                [tried[at].accuracy for at in places],
                s=12,
                color=colour,
                label=name,
            )
    if best is not None and best in tried:
        at = tried.index(best)
        axes.scatter([x[at]], [best.accuracy], s=90, marker="*", color=CHOSEN, label="chosen")
