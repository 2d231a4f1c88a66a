"""``edge-naca search``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from edge_naca.cli import common, completion, lessons, report, signals
from edge_naca.cli.numbers import NumberRange
from edge_naca.cli.searching import KIB, chosen, find

if TYPE_CHECKING:
    from edge_naca.search.means import Means
    from edge_naca.search.run import Found

SHOWN = 12  # rows of the table

_ABOVE_0 = NumberRange(min=0, min_open=True)


@click.command()
@common.data_arguments
@common.reading_options
@signals.signal_options
@click.option(
    "--board", metavar="NAME", shell_complete=completion.boards,
    help="All has to fit this board, beside the firmware, and times are its: a name of "
    "`edge-naca boards`, or a file of your own (docs/boards.md).",
)  # fmt: skip
@click.option(
    "--max-ram", type=_ABOVE_0, metavar="KIB",
    help="Most KiB that network, windows and features take together.",
)  # fmt: skip
@click.option("--max-flash", type=_ABOVE_0, metavar="KIB", help="Most KiB of the image.")
@click.option(
    "--max-time", callback=signals.seconds_of, metavar="DURATION",
    help="Longest time of an answer, as 2ms: features of a window made, and inferred.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="OUT.naca",
    help="Teach what was chosen, and write it as an image.",
)  # fmt: skip
@click.option("--plot", type=click.Path(path_type=Path), metavar="PNG", help="Draw all of it.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
    help="Of everything random.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, 4096), metavar="N",
    help="Processes that work at once.  [one a processor core]",
)  # fmt: skip
@click.option(
    "--dask", metavar="ADDRESS",
    help="Have a Dask cluster do the work: its scheduler, as tcp://host:8786.",
)  # fmt: skip
@common.json_option
def search(
    data: tuple[str, ...],
    reading: common.Reading,
    windowing: signals.Windowing,
    board: str | None,
    max_ram: float | None,
    max_flash: float | None,
    max_time: float | None,
    output: Path | None,
    plot: Path | None,
    seed: int,
    jobs: int | None,
    dask: str | None,
    as_json: bool,
) -> None:
    """Find by measurement which windows, features and network suit recordings and fit a board.

    DATA are recordings, as `train --signal` reads them. Part of them is held out for a test at the
    end (--test-fraction); by the rest hundreds of candidates are cross-validated, in folds that
    share no group (--group) or, without groups, no stretch of time. Features and lengths of windows
    come first, each behind a usual network; then what differs a little from the best; then sizes
    of networks and bits of codes behind the best of those.

    Of what fits, the most accurate is chosen, and of equals the one that takes the least RAM. A
    longer window answers later: it has to be better by more than chance explains.

    \b
    Examples
      edge-naca search log.csv --label-column activity --group person
      edge-naca search log.csv --label-column activity --board nucleo-f446re --max-ram 16 \\
          --max-time 2ms -o gait.naca --plot search.png
      edge-naca search sound/*.wav --window 0.5s --jobs 8
      edge-naca search log.csv --label-column activity --dask tcp://10.0.0.5:8786
    """
    from edge_naca.search.means import Means
    from edge_naca.search.run import Workers

    for path in (output, plot):
        if path is not None:
            common.check_writable(path)
    if plot is not None:
        common.check_figure(plot)
    if jobs is not None and dask is not None:
        raise click.UsageError("--jobs: with --dask, the cluster decides that")
    means = Means(
        board,
        None if max_ram is None else int(max_ram * KIB),
        None,
        None if max_flash is None else int(max_flash * KIB),
        max_time,
    )
    windowing = replace(windowing, signal=True)
    read = signals.read_recordings(data, reading, windowing)
    split, rest = signals.hold_out(read.recordings, windowing, reading.test_fraction)
    if not as_json:
        signals.tell(read.remarks)
        if split is not None:
            report.say(f"held out: {split.how}")
    found = find(rest, windowing, means, as_json, seed=seed, workers=Workers(jobs, dask))
    if not as_json and found.best is not None:
        _print_table(found)
    choice = chosen(found, means, as_json)
    summary = _summary(found, means)
    if plot is not None:
        _draw(plot, found, means, as_json)
    if output is not None:
        summary |= _teach(output, data, reading, windowing, choice, seed, as_json)
    if as_json:
        report.print_json(summary)


def _print_table(found: Found) -> None:
    """Print what is best for its RAM, and what is best without regard to it."""
    from edge_naca.search.choice import frontier

    best = sorted((trial for trial in found.trials if trial.fits), key=lambda t: -t.accuracy)
    shown = {id(trial): trial for trial in [*frontier(found.trials)[-SHOWN // 2 :], *best[:SHOWN]]}
    table = Table("right", "±", "RAM", "an answer", "window", "features", "neurons", "bits")
    for trial in sorted(shown.values(), key=lambda t: -t.accuracy)[:SHOWN]:
        mark = " *" if trial is found.best else ""
        table.add_row(
            report.percent(trial.accuracy, 2) + mark,
            f"{100 * trial.error:.2f}",
            f"{trial.costs.ram / KIB:.1f} KiB",
            "unknown" if trial.costs.seconds is None else f"{1000 * trial.costs.seconds:.2f} ms",
            f"{trial.signal.seconds:g} s",
            str(trial.signal.features),
            str(trial.setting.neurons),
            str(trial.setting.bits),
        )
    report.out.print(table)


def _summary(found: Found, means: Means) -> dict[str, Any]:
    assert found.best is not None
    return {
        "candidates": found.tried,
        "split": found.how,
        "board": means.clocked,
        "chosen": found.best.to_json(),
        "trials": [trial.to_json() for trial in found.trials],
    }


def _draw(plot: Path, found: Found, means: Means, quiet: bool) -> None:
    from edge_naca.plots.trials import trials

    title = f"{found.tried} candidates, by {found.how}"
    common.write_figure(plot, trials(title, found.trials, found.best, means), quiet)


def _teach(
    output: Path,
    data: tuple[str, ...],
    reading: common.Reading,
    windowing: signals.Windowing,
    choice: signals.Chosen,
    seed: int,
    quiet: bool,
) -> dict[str, Any]:
    """Teach what was chosen all that is not held out, test it on the rest, and write it."""
    from edge_naca import recipes
    from edge_naca.core import Core

    found = signals.load(data, reading, windowing, None, quiet, lambda *_: choice)
    dataset, course = found.dataset, lessons.Course("class", 1, seed)
    network = recipes.network_for(dataset, signal=choice.signal, seed=seed, **choice.options)
    core = Core(replace(network, metadata=network.metadata | dict(found.metadata)))
    history = lessons.teach(core, dataset, lessons.stages_of(core, dataset, course), quiet)
    content, record = lessons.image_of(core, dataset, dataset, history, course)
    common.write_kept({output: content}, quiet)
    if not quiet:
        report.say(f"{output}: {report.percent(history.final, 2)} right of what was held out")
    return {"image": str(output), "image_bytes": len(content)} | record
