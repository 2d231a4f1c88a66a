"""``edge-naca evaluate``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from edge_naca.cli import common, report, signals

if TYPE_CHECKING:
    from edge_naca.core import Core
    from edge_naca.scenarios import Array
    from edge_naca.signals.recordings import Recording

SHOWN_MISTAKES = 5


@click.command()
@common.image_argument
@common.data_arguments
@common.reading_options
@signals.signal_options
@click.option("--plot", type=click.Path(path_type=Path), metavar="PNG", help="Draw the confusion.")
@common.json_option
def evaluate(
    image: Path,
    data: tuple[str, ...],
    reading: common.Reading,
    windowing: signals.Windowing,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Test an image on the test samples of DATA, one at a time, without learning.

    Shows accuracy overall and on each class, what is taken for what, how many samples no output
    neuron answered, and spikes and synaptic operations a sample. DATA is read as `train` reads it:
    with the same --test-fraction, the samples tested are those that `train` did not learn.

    \b
    Examples
      edge-naca evaluate mnist.naca mnist
      edge-naca evaluate mnist.naca mnist --plot confusion.png
      edge-naca evaluate sensor.naca sensor.csv --json
      edge-naca evaluate sensor.naca other.csv --test-fraction 0
      edge-naca evaluate gait.naca walk.csv run.csv --signal --rate 50
    """
    import numpy as np

    from edge_naca.data import DataError
    from edge_naca.export import load_image

    if plot is not None:
        common.check_figure(plot)
    core = load_image(image)
    found = signals.load(data, reading, windowing, core, as_json)
    dataset = found.dataset
    names = common.class_names(core)
    index = np.array([names.index(name) if name in names else -1 for name in dataset.classes])
    label = index[dataset.y_test]
    known = label >= 0
    if not known.any():
        raise DataError(
            f"{image} knows none of the classes of {dataset.name} "
            f"({common.listed(dataset.classes)}), "
            f"but {common.listed(names)}; --label-column names the column of a table's labels"
        )
    dataset = common.fitted(core, dataset)
    y = label[known]
    results = _present(core, dataset.x_test[known], as_json)
    answers = results["prediction"]
    matrix = np.zeros((len(names), len(names) + 1), np.int64)
    is_answer = (answers >= 0) & (answers < len(names))
    np.add.at(matrix, (y, np.where(is_answer, answers, len(names))), 1)
    tested = matrix.sum(axis=1)
    summary: dict[str, Any] = {
        "data": dataset.name,
        "table": dataset.description or None,
        "samples": len(y),
        "left_out": int((~known).sum()),
        "accuracy": float((answers == y).mean()),
        "unanswered": int((~is_answer).sum()),
        "unknown": _unknown(core, dataset.x_test[~known], as_json),
        "spikes_per_sample": float(results["spikes"].mean()),
        "synops_per_sample": float(results["synops"].mean()),
        "classes": names,
        "per_class": {name: matrix[c, c] / tested[c] for c, name in enumerate(names) if tested[c]},
        "confusion": matrix,
        "decisions": _decisions(core, found.tested, names),
        "state_hash": f"{core.state_hash():08x}",
    }
    if plot is not None:
        from edge_naca.plots import figures

        title = f"{dataset.name}: {summary['accuracy']:.1%} of {len(y)} samples"
        figure = figures.confusion(title, matrix, names)
        common.write_figure(plot, figure, as_json)
    if as_json:
        report.print_json(summary)
    else:
        _print(summary, matrix, names)


def _decisions(core: Core, recordings: tuple[Recording, ...], names: list[str]) -> Any:
    """Return how decisions over several answers went, None where each answer is one."""
    signal = core.network.signal
    if signal is None or not signal.votes:
        return None
    from edge_naca.signals.events import score

    found = score(core, recordings, names)
    return asdict(found) | {"alarms_an_hour": found.alarms_an_hour}


def _unknown(core: Core, x: Array, quiet: bool) -> float | None:
    """Return the share of samples of classes never learned that are answered by none.

    None where there are no such samples, or the network always answers.
    """
    populations = core.network.populations
    if not len(x) or not any(p.rule is not None and p.rule.unknown for p in populations):
        return None
    results = _present(core, x, quiet)
    return float((results["prediction"] < 0).mean())


def _present(core: Core, x: Array, quiet: bool) -> Array:
    import numpy as np

    from edge_naca.scenarios import CHUNK

    parts = []
    with report.Bar(len(x), quiet) as bar:
        for first in range(0, len(x), CHUNK):
            part = x[first : first + CHUNK]
            parts.append(core.infer_many(part))
            bar.advance(len(part), "testing")
    return np.concatenate(parts)


def _print(summary: dict[str, Any], matrix: Array, names: list[str]) -> None:
    table = Table("class", title_justify="left")
    for heading in ("samples", "right", "mostly taken for"):
        table.add_column(heading, justify="right" if heading != "mostly taken for" else "left")
    columns = [*names, "no answer"]
    for c, name in enumerate(names):
        if name not in summary["per_class"]:
            continue
        wrong = matrix[c].copy()
        wrong[c] = 0
        worst = [int(k) for k in (-wrong).argsort(kind="stable") if wrong[k]][:SHOWN_MISTAKES]
        mistakes = ", ".join(f"{columns[k]} ({wrong[k]})" for k in worst)
        right = report.percent(summary["per_class"][name])
        table.add_row(name, str(matrix[c].sum()), right, mistakes)
    report.out.print(table)
    if summary["left_out"]:
        report.say(f"{summary['left_out']} samples left out: of classes never learned")
    if summary["unknown"] is not None:
        report.say(f"{report.percent(summary['unknown'])} of these were answered by none: unknown")
    if summary["decisions"] is not None:
        said = summary["decisions"]
        report.say(
            f"decisions: {said['hits']} of {said['events']} events noticed, "
            f"{said['alarms_an_hour']:.1f} false alarms an hour ({said['false_alarms']} in "
            f"{said['hours']:.2f} h)"
        )
    report.say(
        f"{summary['samples']} samples: {report.percent(summary['accuracy'], 2)} right, "
        f"{summary['unanswered']} unanswered, {summary['spikes_per_sample']:.0f} spikes and "
        f"{summary['synops_per_sample']:.0f} synaptic operations a sample"
    )
