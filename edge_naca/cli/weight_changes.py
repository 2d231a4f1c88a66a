"""``edge-naca bench weight-changes``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from edge_naca.cli import common, report

if TYPE_CHECKING:
    from edge_naca.changes import Course
    from edge_naca.scenarios import Lesson


@click.command("weight-changes", short_help="Where the weights went, beside SGD's.")
@click.option("--data", required=True, metavar="NAME|FILE", help="As for train.")
@common.reading_options
@common.network_options
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True,
    help="Of the order of classes and samples; 0 keeps the classes as their labels are.",
)  # fmt: skip
@click.option("--plot", type=click.Path(path_type=Path), metavar="PNG", help="Draw all of it.")
@common.json_option
def weight_changes(
    data: str, reading: common.Reading, seed: int, plot: Path | None, as_json: bool, **options: Any
) -> None:
    """Teach classes one after another, and see which synapses each lesson changed.

    The same network is taught the same codes in the same order by stochastic gradient descent
    (surrogate gradients). Its real weights are rounded to as many steps as the core's, so that what
    could not be stored is no change. Behind an inhibition that learns, all weights are renewed with
    it, those of classes learned before as well.

    \b
    Examples
      edge-naca bench weight-changes --data digits --plot changes.png
      edge-naca bench weight-changes --data mnist --features pixels --json
    """
    from edge_naca import changes, recipes, scenarios
    from edge_naca.core import Core

    if plot is not None:
        common.check_figure(plot)
    options = common.chosen_network(**options)
    dataset = common.load_data(data, reading)
    network = recipes.network_for(dataset, seed=seed, **options)
    lessons = scenarios.stream(dataset, "class", seed)
    with report.Bar(2 * len(dataset.y_train), as_json) as bar:

        def progress(count: int, lesson: Lesson) -> None:
            bar.advance(count, lesson.title)

        courses = changes.courses(Core(network), dataset, lessons, progress)
    if plot is not None:
        from edge_naca.plots.changes import weight_changes as draw

        title = f"{dataset.name}, one class after another: where the weights went"
        common.write_figure(plot, draw(title, network, courses), as_json)
    if as_json:
        report.print_json(
            {
                "command": common.command_line(),
                "data": dataset.name,
                "digest": dataset.digest(),
                "network": network.topology,
                "lessons": [lesson.title for lesson in lessons],
                "courses": [_content(one) for one in courses],
            }
        )
        return
    _print(f"{dataset.name}, network {network.topology}", courses)
    if network.inhibition is not None and network.inhibition.is_learned:
        report.say("The inhibition learned, too: what it renewed counts as changed.")


def _content(one: Course) -> dict[str, Any]:
    return {
        "name": one.name,
        "accuracy": one.history.final,
        "steps": one.steps,
        "synapses": one.moved.size,
        **{
            name: {"hidden": shares[:, 0], "output": shares[:, 1]}
            for name, shares in (
                ("changed", one.changed),
                ("overwritten", one.overwritten),
                ("touched", one.touched),
            )
        },
        "histogram": one.histogram(),
        "by_input": one.by_input(),
    }


def _print(title: str, courses: tuple[Course, ...]) -> None:
    from edge_naca.cli.diff import histogram

    report.say(title)
    table = Table("lesson", title="Synapses that each lesson changed", title_justify="left")
    for where in ("hidden", "output"):
        for one in courses:
            table.add_column(f"{where}: {one.name}", justify="right")
    for place, lesson in enumerate(courses[0].history.stages):
        shares = (one.changed[place, which] for which in (0, 1) for one in courses)
        table.add_row(lesson.title, *map(report.percent, shares))
    report.out.print(table)
    for one in courses:
        over, touched = (part.mean(axis=0) for part in (one.overwritten, one.touched))
        report.say(
            f"{one.name}: {report.percent(one.history.final)} right at the end. A lesson changed "
            f"{report.percent(over[0])} of hidden synapses and {report.percent(over[1])} of the "
            "output's that an earlier lesson had changed; however little, "
            f"{report.percent(touched[0])} and {report.percent(touched[1])} of all. What the last "
            f"lesson changed in the hidden population, in steps of 1/{one.steps} of the greatest "
            "weight:"
        )
        for line in histogram(one.histogram()):
            report.say(f"  {line}")
