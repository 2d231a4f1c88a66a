"""What a network takes on an emulated board, counted, and held against the host."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.core import Core
from edge_naca.host.counting import Counts, count
from edge_naca.samples import check_labels, check_samples, default_kind
from edge_naca.testing.devices import ImageSource, read_image
from edge_naca.testing.differences import DifferenceError


class BudgetError(AssertionError):
    """A sample costs more instructions than it may; the message has the figures."""


def count_instructions(
    board: str | Path,
    image: ImageSource,
    x: ArrayLike,
    labels: ArrayLike,
    *,
    elf: str | PathLike[str] | None = None,
    infer_budget: int | None = None,
    learn_budget: int | None = None,
) -> Counts:
    """Count what inferring and learning each sample takes on an emulated board.

    The program ``measure`` of that board runs the image with the board's own compiler flags: raw
    samples are prepared there, too. What it has learned in the end is compared with the host.

    Parameters
    ----------
    board : as `edge_naca.host.boards.find_board` takes it: a name, or the path of a folder.
    image : what to run, or the file of it.
    x : samples (n, …), as the network takes them.
    labels : (n,), what to learn each sample as.
    elf : the program ``measure``; None builds it, which takes a clone of the repository.
    infer_budget, learn_budget : instructions (on an AVR cycles) that inferring and learning any one
        sample may take; None for as many as it takes.

    Returns
    -------
    What each sample took: ``infer`` and ``learn``, arrays (n,), and their ``unit``.

    Raises
    ------
    BudgetError
        If a sample takes more than it may.
    DifferenceError
        If what was learned there is not what the host learns.
    MissingToolError
        If a tool is missing; the message says what brings it.
    BoardError
        If the network does not fit the board, the program is another one, or goes silent.
    """
    __tracebackhide__ = True
    data = read_image(image)
    core = Core(data)
    kind = default_kind(core.network)
    samples = check_samples(core.network, x, kind)
    y = check_labels(labels, len(samples), core.network.capacity)
    program = None if elf is None else Path(elf)
    counts = count(board, data, samples, y, kind, elf=program)
    core.learn_many(np.asarray(x), y, kind)
    if counts.state_hash != core.state_hash():
        raise DifferenceError(
            f"what {board} has learned from {len(y)} samples is not what the host has: hash "
            f"{counts.state_hash:08x} instead of {core.state_hash():08x}"
        )
    check_budgets(counts, f"{board}", {"inferring": infer_budget, "learning": learn_budget})
    return counts


def check_budgets(counts: Counts, board: str, budgets: Mapping[str, int | None]) -> None:
    """Raise a BudgetError unless all samples cost at most what budgets allow.

    Parameters
    ----------
    counts : what each sample took.
    board : where, for messages.
    budgets : for "inferring" and "learning" what one sample may take, None if any number.
    """
    __tracebackhide__ = True
    taken = {"inferring": counts.infer, "learning": counts.learn}
    findings = [
        _excess(what, taken[what], budget, counts.unit)
        for what, budget in budgets.items()
        if budget is not None and (taken[what] > budget).any()
    ]
    if findings:
        raise BudgetError(f"on {board}, " + "; ".join(findings))


def _excess(what: str, taken: NDArray[np.int64], budget: int, unit: str) -> str:
    most = int(taken.argmax())
    return (
        f"{what} takes up to {taken[most]} {unit} (sample {most}), {budget} are allowed: "
        f"{np.count_nonzero(taken > budget)} of {len(taken)} samples take more, the mean is "
        f"{taken.mean():.0f}"
    )
