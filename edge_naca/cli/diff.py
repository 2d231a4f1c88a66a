"""``edge-naca diff``."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from edge_naca.cli import common, report
from edge_naca.files import read_file

if TYPE_CHECKING:
    from edge_naca.compare import Comparison
    from edge_naca.core import Core

DIFFERENT = 3  # 1 and 2 mean failure everywhere
BAR = 40  # columns of a histogram's longest bar
BINS = 12


@click.command()
@click.argument("before", metavar="A", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("after", metavar="B", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--image", type=click.Path(dir_okay=False, path_type=Path), metavar="IMAGE",
    help="The image that A and B are states of, if neither is an image.",
)  # fmt: skip
@click.option(
    "--top", type=click.IntRange(0, 4096), default=10, show_default=True,
    help="How many of the neurons that moved most to list.",
)  # fmt: skip
@click.option("--plot", type=click.Path(path_type=Path), metavar="PNG", help="Draw all of it.")
@click.option(
    "--exit-code", is_flag=True,
    help=f"End with {DIFFERENT} if the learned states differ, as a script may want to know.",
)  # fmt: skip
@common.json_option
def diff(
    before: Path,
    after: Path,
    image: Path | None,
    top: int,
    plot: Path | None,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Show what changed from A to B: images, or states that `pull --state` wrote.

    Samples learned and neurons recruited of each class, how many weights changed where and how far,
    how far a learned inhibition did, and the neurons that moved most. Both must be of the same
    network; of another one is said which.

    \b
    Examples
      edge-naca diff digits.naca kitchen.naca --plot kitchen.png
      edge-naca diff digits.naca kitchen.state
      edge-naca diff monday.state tuesday.state --image digits.naca
      edge-naca diff a.naca b.naca --exit-code > /dev/null || echo they differ

    Ends with 0, whether A and B differ or not, unless --exit-code asks for more.
    """
    from edge_naca.compare import compare
    from edge_naca.states import snapshot

    if plot is not None:
        common.check_figure(plot)
    old, new = _load(before, after, image)
    names = max((common.class_names(core) for core in (old, new)), key=len)
    changes = compare(snapshot(old, str(before)), snapshot(new, str(after)), names)
    if plot is not None:
        from edge_naca.plots.states import difference

        figure = difference(f"{before.name} → {after.name}", changes)
        common.write_figure(plot, figure, as_json)
    if as_json:
        report.print_json(_content(changes, top))
    else:
        _print(changes, top)
    if exit_code and not changes.is_same:
        click.get_current_context().exit(DIFFERENT)


def _load(before: Path, after: Path, image: Path | None) -> tuple[Core, Core]:
    """Return both; a state is read by means of the other one's image, or of `image`."""
    from edge_naca import states

    known = None if image is None else states.load(image)
    if states.is_saved_state(read_file(before)[:4]):
        new = states.load(after, known)
        return states.load(before, known or new), new
    old = states.load(before)
    return old, states.load(after, old)


# ---- what to say -------------------------------------------------------------------------------


def _content(changes: Comparison, top: int) -> dict[str, Any]:
    names = [one.name for one in changes.classes]
    return {
        "before": _side(changes, 0),
        "after": _side(changes, 1),
        "network_id": f"{changes.before.network_id:08x}",
        "same": changes.is_same,
        "classes": [asdict(one) for one in changes.classes],
        "populations": [
            {
                "weights": population.moved.size,
                "changed": population.changed,
                "changed_by_class": population.changed_by_class(len(names)),
                "histogram": population.histogram(),
            }
            for population in changes.populations
        ],
        "inhibition": None if changes.inhibition is None else asdict(changes.inhibition),
        "most_moved": [
            asdict(one) | {"class": _owner(one.owner, names)} for one in changes.most_moved(top)
        ],
    }


def _side(changes: Comparison, which: int) -> dict[str, Any]:
    one = (changes.before, changes.after)[which]
    return {
        "file": one.name,
        "learned": one.state.learned,
        "state_hash": f"{one.state_hash:08x}",
    }


def _owner(owner: int, names: list[str]) -> str | None:
    return names[owner] if 0 <= owner < len(names) else None


# ---- how to say it -----------------------------------------------------------------------------


def _print(changes: Comparison, top: int) -> None:
    for one in (changes.before, changes.after):
        report.say(f"{one.name}: {one.state.learned} samples learned, hash {one.state_hash:08x}")
    if changes.is_same:
        report.say("The learned states are equal, to the last bit.")
        return
    report.out.print(_class_table(changes))
    for index, population in enumerate(changes.populations):
        where = "output" if index == len(changes.populations) - 1 else f"population {index}"
        share = report.percent(population.changed / population.moved.size)
        report.say(
            f"{where}: {population.changed} of {population.moved.size} weights changed ({share})"
        )
        for line in histogram(population.histogram()):
            report.say(f"  {line}")
    _print_inhibition(changes)
    _print_neurons(changes, top)


def _print_inhibition(changes: Comparison) -> None:
    one = changes.inhibition
    if one is None:
        return
    renewed = "V in use is the same"
    if one.distance:
        renewed = (
            f"V in use moved by {report.percent(one.distance)}, and with it all weights of neurons "
            "behind it"
        )
    report.say(
        f"inhibition: {_step(*one.residuals)} residuals learned, {one.prototypes} prototypes "
        f"moved; {renewed}"
    )


def _class_table(changes: Comparison) -> Table:
    import numpy as np

    table = Table("class", title="What each class has learned", title_justify="left")
    headings = ["samples", "neurons recruited"]
    weights = ["weights changed", "in the output"]
    for heading in headings + weights[: len(changes.populations)]:
        table.add_column(heading, justify="right")
    names = [one.name for one in changes.classes]
    by_class = [population.changed_by_class(len(names)) for population in changes.populations]
    columns = [np.sum(part, axis=0) for part in (by_class[:-1], by_class[-1:]) if part]
    for label, one in enumerate(changes.classes):
        recruited = "–" if one.recruited is None else _step(*one.recruited)
        cells = [str(column[label]) for column in columns]
        table.add_row(one.name, _step(*one.samples), recruited, *cells)
    return table


def _step(before: int, after: int) -> str:
    return str(before) if before == after else f"{before} → {after}"


def histogram(moved: dict[int, int]) -> list[str]:
    """Return lines that draw how many weights moved how far, on a logarithmic scale.

    Parameters
    ----------
    moved : how many weights moved by each difference, 0 left out.
    """
    if not moved:
        return []
    reach = max(abs(value) for value in moved)
    width = -(-reach // (BINS // 2))
    counts: dict[int, int] = {}
    for value, count in moved.items():
        place = (abs(value) - 1) // width * (1 if value > 0 else -1) + (1 if value > 0 else -1)
        counts[place] = counts.get(place, 0) + count
    longest = math.log1p(max(counts.values()))
    lines = []
    for place in range(min(counts), max(counts) + 1):
        if place == 0:
            continue
        ends = sorted(
            (1 if place > 0 else -1) * end
            for end in ((abs(place) - 1) * width + 1, min(abs(place) * width, reach))
        )
        title = f"{ends[0]:+d}" if ends[0] == ends[1] else f"{ends[0]:+d} .. {ends[1]:+d}"
        count = counts.get(place, 0)
        bar = "▇" * math.ceil(BAR * math.log1p(count) / longest)
        lines.append(f"{title:>14} {count:>7} {bar}".rstrip())
    return lines


def _print_neurons(changes: Comparison, top: int) -> None:
    from edge_naca.compare import NOBODY

    moved = changes.most_moved(top)
    if not moved:
        return
    table = Table("neuron", title="The neurons that moved most", title_justify="left")
    for heading in ("class", "weights changed", "distance", "wins"):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    names = [one.name for one in changes.classes]
    last = len(changes.populations) - 1
    for one in moved:
        where = "output" if one.population == last else f"{one.population}"
        table.add_row(
            f"{where}.{one.neuron}",
            "–" if one.owner == NOBODY else _owner(one.owner, names) or str(one.owner),
            str(one.changed),
            f"{one.distance:.1f}",
            "–" if one.wins is None else _step(*one.wins),
        )
    report.out.print(table)
