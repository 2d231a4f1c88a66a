"""``edge-naca bench``."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from edge_naca import __version__
from edge_naca.cli import common, report
from edge_naca.cli.weight_changes import weight_changes

if TYPE_CHECKING:
    from edge_naca import measurement
    from edge_naca.data import Dataset
    from edge_naca.scenarios import Lesson

    Progress = Callable[[int, Lesson], None]

# What each figure is, and its unit.
MEASURES = {
    "accuracy": ("one class after another", "%"),
    "shuffled": ("the same, samples shuffled", "%"),
    "order_cost": ("what the order costs", "points"),
    "forgetting": ("forgetting, mean over classes", "points"),
    "nearest_mean": ("nearest class mean, same codes", "%"),
    "sgd": ("the network by SGD, one class after another", "%"),
}


@click.group()
def bench() -> None:
    """Measure what this project claims."""


bench.add_command(weight_changes)


@bench.command("class-incremental", short_help="Accuracy and forgetting, over several orders.")
@click.option("--data", required=True, metavar="NAME|FILE", help="As for train.")
@common.reading_options
@common.network_options
@click.option(
    "--seeds", type=click.IntRange(1, 1000), default=5, show_default=True,
    help="How many orders of classes and samples.",
)  # fmt: skip
@click.option(
    "--folds", type=click.IntRange(2, 100),
    help="Cross-validate instead of using the data's own test samples.  [5 for digits]",
)  # fmt: skip
@click.option("--baselines", "with_sgd", is_flag=True, help="Also the same network taught by SGD.")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="Also write the figures, with the command that made them: .md or .json.",
)  # fmt: skip
@common.json_option
def class_incremental(
    data: str,
    reading: common.Reading,
    seeds: int,
    folds: int | None,
    with_sgd: bool,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Teach classes one after another, in several orders, and measure what remains.

    One sample at a time, a single pass, no replay, no task label, integers only. Every order is
    also taught shuffled: the difference is what it costs that classes come one after another.
    Figures are means over the orders ± their standard error.

    \b
    Examples
      edge-naca bench class-incremental --data mnist --max-kib 64 --seeds 5
      edge-naca bench class-incremental --data digits --max-kib 16 --folds 5 --baselines
      edge-naca bench class-incremental --data my.csv --max-kib 32 --output figures.md
    """
    from edge_naca import measurement, recipes
    from edge_naca.image import state_size

    options = common.chosen_network(**options)
    if output is not None:
        if output.suffix not in (".md", ".json"):
            raise click.UsageError("--output must end in .md or .json")
        common.check_writable(output)
    dataset = common.load_data(data, reading)
    if folds is None and data == "digits":
        folds = 5
    network = recipes.network_for(dataset, **options)
    splits = [
        (seed, split)
        for seed in range(seeds)
        for split in (dataset.folds(folds, seed) if folds else (dataset,))
    ]
    runs = _run_all(splits, options, with_sgd)
    measured = {
        "command": common.command_line(),
        "version": __version__,
        "data": dataset.name,
        "digest": dataset.digest(),
        "seeds": seeds,
        "folds": folds,
        "network": network.topology,
        "bits": network.encoder.bits,
        "state_bytes": state_size(network),
        "figures": _figures([seed for seed, _ in splits], runs),
    }
    if output is not None:
        result = _measurement(measured)
        write = measurement.markdown if output.suffix == ".md" else measurement.to_json
        common.write_kept({output: write(result).encode()}, as_json)
    if as_json:
        report.print_json(measured)
    else:
        _print(measured)


# ---- measuring ---------------------------------------------------------------------------------


class _StoppedError(Exception):
    """Another run failed, or somebody interrupted: the rest need not be finished."""


def _run_all(
    splits: list[tuple[int, Dataset]], options: dict[str, Any], with_sgd: bool
) -> list[dict[str, float]]:
    """Run every seed and split, on as many threads as there are processors."""
    stop = Event()
    streams = 3 if with_sgd else 2
    total = streams * sum(len(split.y_train) for _, split in splits)

    with report.Bar(total) as bar, ThreadPoolExecutor(os.cpu_count()) as pool:

        def progress(count: int, _: Lesson) -> None:
            if stop.is_set():
                raise _StoppedError
            bar.advance(count, "learning")

        futures = [
            pool.submit(_run, split, seed, options, with_sgd, progress) for seed, split in splits
        ]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _run(
    dataset: Dataset, seed: int, options: dict[str, Any], with_sgd: bool, progress: Progress
) -> dict[str, float]:
    """Return every measure for one order."""
    from edge_naca import baselines, recipes, scenarios
    from edge_naca.core import Core

    network = recipes.network_for(dataset, seed=seed, **options)
    in_turn = scenarios.stream(dataset, "class", seed)
    core = Core(network)
    history = scenarios.run(core, dataset, in_turn, progress)
    mixed = scenarios.run(
        Core(network), dataset, scenarios.stream(dataset, "shuffled", seed), progress
    )
    coded = baselines.coded(core, dataset)
    mean = baselines.NearestClassMean(network.inputs, network.capacity)
    measures = {
        "accuracy": history.final,
        "shuffled": mixed.final,
        "order_cost": mixed.final - history.final,
        "forgetting": history.forgetting,
        "nearest_mean": scenarios.run(mean, coded, in_turn).final,
    }
    if with_sgd:
        same = baselines.SurrogateGradientNetwork.like(network)
        measures["sgd"] = scenarios.run(same, coded, in_turn, progress).final
    return measures


def _figures(seeds: list[int], runs: list[dict[str, float]]) -> dict[str, Any]:
    """Return mean and standard error over seeds, of the means over each seed's folds."""
    import numpy as np

    result = {}
    for name in runs[0]:
        values = np.array([run[name] for run in runs])
        by_seed = np.array([values[np.equal(seeds, seed)].mean() for seed in sorted(set(seeds))])
        count = len(by_seed)
        error = by_seed.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
        result[name] = {"mean": by_seed.mean(), "sem": error, "orders": by_seed}
    return result


# ---- reporting ---------------------------------------------------------------------------------


def _title(measured: dict[str, Any]) -> str:
    how = f"{measured['folds']}-fold, " if measured["folds"] else ""
    orders = "1 order" if measured["seeds"] == 1 else f"{measured['seeds']} orders"
    return (
        f"{measured['data']}, {how}{orders}, network {measured['network']}, "
        f"{measured['bits']}-bit codes, {measured['state_bytes'] / 1024:.1f} KiB of learned state"
    )


def _number(share: float) -> str:
    """Format in percent, never as minus zero."""
    return f"{round(100 * share, 2) + 0:.2f}"


def _rows(measured: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what, mean ± error, and the single orders, in percent or points."""
    rows = []
    for name, figure in measured["figures"].items():
        title, unit = MEASURES[name]
        error = "" if math.isnan(figure["sem"]) else f" ± {_number(figure['sem'])}"
        orders = ", ".join(map(_number, figure["orders"]))
        rows.append((title, f"{_number(figure['mean'])}{error} {unit}", orders))
    return rows


def _print(measured: dict[str, Any]) -> None:
    report.say(_title(measured))
    table = Table("what")
    table.add_column("mean ± s.e.m.", justify="right")
    for what, figure, _ in _rows(measured):
        table.add_row(what, figure)
    report.out.print(table)


def _measurement(measured: dict[str, Any]) -> measurement.Measurement:
    """Return the figures in the format of benchmarks/results."""
    from edge_naca import measurement

    figures = []
    for name, figure in measured["figures"].items():
        what, unit = MEASURES[name]
        orders = [100 * value for value in figure["orders"]]
        figures.append(measurement.mean({"what": what}, "mean ± s.e.m.", orders, unit, 2))
    return measurement.measure(
        _title(measured),
        measured["command"],
        [measurement.Table("Accuracy and forgetting", tuple(figures))],
        data={measured["data"]: measured["digest"]},
        text="Single pass, one sample at a time, no replay, no task label, integers only.",
    )
