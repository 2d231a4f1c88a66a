"""Which of many trials to choose, and why, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from edge_naca.search.candidates import title
from edge_naca.search.means import KIB, Means
from edge_naca.search.trials import Trial
from edge_naca.signal_features import Signal

ALIKE = 0.001  # that accuracies may differ by, and count as the same
CHEAPER = 0.7  # of the RAM that one takes which is worth to be told


def key_of(signal: Signal) -> tuple[object, ...]:
    """Return what tells signals apart."""
    bands = signal.bands
    spectra = None
    if bands is not None:
        last = bands.first + len(bands.bins)
        spectra = (bands.frame, bands.count, bands.frames, bands.level, last)
    used = any("bands" in names for names in signal.blocks)
    blocks = tuple(tuple(sorted(names)) for names in signal.blocks)
    each = signal.decimation if any("decimated" in names for names in signal.blocks) else 0
    return signal.window, blocks, signal.magnitudes, spectra if used else None, each


def worth_trying(trials: Sequence[Trial], count: int) -> list[Trial]:
    """Return the best trials, of different signals; half of them at least of different windows."""
    best: dict[tuple[object, ...], Trial] = {}
    for trial in trials:
        key = key_of(trial.signal)
        if trial.fits and (key not in best or trial.accuracy > best[key].accuracy):
            best[key] = trial
    ranked = sorted(best.values(), key=lambda trial: -trial.accuracy)
    chosen = ranked[: (count + 1) // 2]
    for trial in ranked:
        if trial.signal.window not in {other.signal.window for other in chosen}:
            chosen.append(trial)
    chosen += [trial for trial in ranked if trial not in chosen]
    return chosen[:count]


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial to choose of those that fit; None where none does.

    The most accurate one; where several are alike, the one that takes the least RAM. A longer
    window answers later: it has to be better by more than the standard error of the difference.
    """
    best: Trial | None = None
    for window in sorted({trial.signal.window for trial in trials}):
        of_length = [t for t in trials if t.fits and t.signal.window == window]
        if not of_length:
            continue
        most = max(trial.accuracy for trial in of_length)
        alike = [trial for trial in of_length if trial.accuracy >= most - ALIKE]
        one = min(alike, key=lambda trial: (trial.costs.ram, -trial.accuracy))
        if best is None or one.accuracy - best.accuracy > _difference_error(one, best):
            best = one
    return best


def frontier(trials: Sequence[Trial]) -> list[Trial]:
    """Return those that fit and that nothing beats which takes as little RAM, the least first."""
    found: list[Trial] = []
    for trial in sorted((t for t in trials if t.fits), key=lambda t: (t.costs.ram, -t.accuracy)):
        if not found or trial.accuracy > found[-1].accuracy:
            found.append(trial)
    return found


def reasons(trials: Sequence[Trial], best: Trial, means: Means) -> Iterator[str]:
    """Say why one was chosen, and what else there was."""
    costs = best.costs
    of_ram = "" if means.ram is None else f" of {means.ram / KIB:g}"
    of_time = "" if means.seconds is None else f" of {1000 * means.seconds:g}"
    time = (
        f"{1000 * costs.seconds:.2f}{of_time} ms" if costs.seconds is not None else "unknown time"
    )
    yield (
        f"chosen: windows of {best.signal.window} samples ({best.signal.seconds:g} s), "
        f"{title(best.signal)}, {best.setting.neurons} neurons a class, {best.setting.bits} bits: "
        f"{best.accuracy:.2%} right ± {100 * best.error:.2f}, {costs.ram / KIB:.1f}{of_ram} KiB of "
        f"RAM, {time} an answer on {means.clocked}"
    )
    longer = [t for t in trials if t.fits and t.signal.window > best.signal.window]
    if longer:
        other = max(longer, key=lambda trial: trial.accuracy)
        if other.accuracy > best.accuracy:
            yield (
                f"longer windows, of {other.signal.seconds:g} s, reach {other.accuracy:.2%}: no "
                "more than chance explains, and answers would come later"
            )
    cheaper = [t for t in frontier(trials) if t.costs.ram <= CHEAPER * costs.ram]
    if cheaper:
        other = cheaper[-1]
        yield (
            f"less RAM: {other.costs.ram / KIB:.1f} KiB reach {other.accuracy:.2%} with "
            f"{title(other.signal)}, {other.setting.neurons} neurons a class"
        )
    beyond = [t for t in trials if not t.fits and t.accuracy > best.accuracy]
    if beyond:
        other = max(beyond, key=lambda trial: trial.accuracy)
        yield f"{other.accuracy:.2%} would be reached, but {other.costs.lacking} are missing"


def _difference_error(one: Trial, other: Trial) -> float:
    """Return the standard error of the difference of two accuracies: by folds where those agree."""
    if len(one.right) == len(other.right) > 1:
        differences = np.array(one.right) - np.array(other.right)
        return float(np.std(differences, ddof=1) / len(differences) ** 0.5)
    return one.error + other.error
