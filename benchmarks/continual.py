"""One task of continual learning: every learner on the same codes, in the same order.

    python benchmarks/continual.py har --seeds 5 --output benchmarks/results/continual-har.json

Tasks are in tasks.py, scenarios in streams.py, learners in learners.py. Data are in EDGE_NACA_DATA.
A learner that would take longer than --minutes on a task is left out, and named.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import results
from learners import LEARNERS, EdgeNaca, Learner, Setting
from numpy.typing import NDArray
from rich.progress import Progress
from sklearn.metrics import roc_auc_score
from streams import SCENARIOS, Options, Stream
from tasks import TASKS, Split, Task

from edge_naca import data, metrics
from edge_naca.baselines import coded
from edge_naca.core import Core
from edge_naca.export.cost.report import activity_of, find_core, predict
from edge_naca.measurement import Figure, Measurement, Table, mean, measure
from edge_naca.metrics import paired_difference
from edge_naca.recipes import network_for

Array = NDArray[Any]

OURS = "edge-naca"
CHUNK = 200  # samples between two looks at the clock
SURE = 5  # seconds after which it is known how long a learner takes
COUNTED = 50  # samples whose operations are counted
CORE = "cortex-m4"
MOST_EXAMS = 12  # of an accuracy matrix that is shown
# Columns of what a run measures: unit, decimals.
UNITS: dict[str, tuple[str, int]] = {
    "right": ("%", 2), "average accuracy": ("%", 2), "a lesson ahead": ("%", 2),
    "prequential": ("%", 2), "forgotten since learned": ("points", 1),
    "forgotten since best": ("points", 1), "backward transfer": ("points", 1),
    "AUROC": ("", 3), "ECE": ("", 3), "KiB": ("KiB", 1),
}  # fmt: skip
WORK = {
    "synaptic operations, infer": 0, "weight changes, learn": 0,
    "instructions, infer": 0, "instructions, learn": 0,
}  # fmt: skip


class TooSlowError(Exception):
    """A learner would take longer than it may."""


class Clock:
    """Says when a learner has no more time: when it is over, or is foreseen to be.

    Parameters
    ----------
    limit : seconds.
    total : samples to learn in all runs.
    """

    def __init__(self, limit: float, total: int) -> None:
        self._limit, self._total = limit, total
        self._done = 0
        self._start = time.monotonic()

    def check(self, learned: int) -> None:
        self._done += learned
        spent = time.monotonic() - self._start
        foreseen = spent * self._total / max(self._done, 1) if spent > SURE else 0.0
        if max(spent, foreseen) > self._limit:
            raise TooSlowError


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """What one learner did with one stream.

    Parameters
    ----------
    values : by column, shares between 0 and 1 where the unit is % or points.
    matrix : (lessons, exams), shares; NaN where the samples of an exam were learned by then.
    confidence, is_right : (n,), of each answer at the end; None where nobody gives probabilities.
    """

    values: dict[str, float]
    matrix: Array
    confidence: Array | None = None
    is_right: Array | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """A split as codes, its stream, and what learners know of it."""

    split: Split
    codes: data.Dataset
    raw: data.Dataset
    stream: Stream
    setting: Setting


def prepare(task: Task, split: Split, scenario: str, seed: int, options: Options) -> Prepared:
    """Return a split as ours and all others are given it.

    The network is chosen, and features are scaled, by the training samples of the first domain.
    """
    rng = np.random.default_rng(seed)
    split = SCENARIOS[scenario].change(split, rng)
    first = split.domains == split.domains.min()
    d = split.dataset
    network = network_for(
        dataclasses.replace(d, x_train=d.x_train[first], y_train=d.y_train[first]),
        seed=seed, decorrelate_on=split.others, **task.network,
    )  # fmt: skip
    codes = given_to_all(Core(network), d)
    setting = Setting(network, codes.x_train.dtype == np.int8, seed)
    stream = SCENARIOS[scenario].order(split, rng, options)
    for exam in stream.exams:
        if not len(exam.rows):
            raise ValueError(f"{d.name} has no test samples of {exam.title}: leave it out")
    return Prepared(split, codes, d, stream, setting)


def given_to_all(core: Core, raw: data.Dataset) -> data.Dataset:
    """Return what every learner is given: codes, behind a V where that is given."""
    inhibition = core.network.inhibition
    if inhibition is None or inhibition.is_learned:
        return coded(core, raw)
    x_train, x_test = map(core.features_many, (raw.x_train, raw.x_test))
    return dataclasses.replace(raw, x_train=x_train, x_test=x_test)


# ---- one run -----------------------------------------------------------------------------------


def run(name: str, prepared: Prepared, clock: Clock) -> Run:
    """Teach a learner a stream, and measure it.

    Raises
    ------
    TooSlowError
        When the clock says so.
    """
    learner = LEARNERS[name](prepared.setting)
    stream, codes = prepared.stream, prepared.codes
    matrix, values, sure = [], {}, None
    for lesson in stream.lessons:
        if stream.delay is None:
            teach(learner, codes, lesson.rows, clock)
        else:
            values["prequential"] = prequential(learner, codes, lesson.rows, stream.delay, clock)
        answers = learner.predict_many(codes.x_test)
        clock.check(0)
        is_right = answers == codes.y_test
        matrix.append([float(is_right[e.rows].mean()) for e in stream.exams])
    table = np.array(matrix)
    if prepared.split.is_ahead:
        values |= ahead(table, stream)
        table = np.where(np.tri(*table.shape) > 0, np.nan, table)
    else:
        values |= of_matrix(table, stream)
        values |= of_answers(learner, prepared, is_right)
        sure = confidence(learner, prepared)
    values["KiB"] = learner.bytes / 1024
    if isinstance(learner, EdgeNaca):
        values |= work(learner, prepared)
    return Run(values, table, *(sure or ()))


def teach(learner: Learner, codes: data.Dataset, rows: Array, clock: Clock) -> None:
    for first in range(0, len(rows), CHUNK):
        chosen = rows[first : first + CHUNK]
        learner.learn_many(codes.x_train[chosen], codes.y_train[chosen])
        clock.check(len(chosen))


def prequential(
    learner: Learner, codes: data.Dataset, rows: Array, delay: int, clock: Clock
) -> float:
    """Return the share answered rightly where each label comes `delay` samples after its answer."""
    right = 0
    for place, row in enumerate(rows):
        right += int(learner.predict_many(codes.x_train[row][None])[0] == codes.y_train[row])
        if place >= delay:
            told = rows[place - delay]
            learner.learn_many(codes.x_train[told][None], codes.y_train[told][None])
        clock.check(1)
    return right / len(rows)


def ahead(matrix: Array, stream: Stream) -> dict[str, float]:
    """Return the accuracy in the exam that follows each lesson; {} for a single lesson."""
    if len(stream.lessons) < 2:
        return {}
    sizes = [len(exam.rows) for exam in stream.exams]
    return {"a lesson ahead": metrics.accuracy_ahead(matrix, sizes)}


def of_matrix(matrix: Array, stream: Stream) -> dict[str, float]:
    """Return what the matrix of accuracies says; of transfer, where each lesson has an exam."""
    if matrix.shape[1] == 1:
        return {}
    values = {"average accuracy": metrics.average_accuracy(matrix)}
    if matrix.shape[1] == 2:
        values |= {f"right: {e.title}": r for e, r in zip(stream.exams, matrix[-1], strict=True)}
    if matrix.shape[0] == matrix.shape[1] > 1:
        values |= {
            "forgotten since learned": metrics.forgetting_since_learned(matrix),
            "forgotten since best": metrics.forgetting_since_best(matrix),
            "backward transfer": metrics.backward_transfer(matrix),
        }
    return values


def of_answers(learner: Learner, prepared: Prepared, is_right: Array) -> dict[str, float]:
    """Return accuracy over all exams at the end, and known against unknown."""
    codes, stream = prepared.codes, prepared.stream
    asked = np.concatenate([exam.rows for exam in stream.exams])
    values = {"right": float(is_right[asked].mean())}
    if stream.unknown is not None:
        rows = np.concatenate([asked, stream.unknown])
        is_unknown = np.arange(len(rows)) >= len(asked)
        values["AUROC"] = float(roc_auc_score(is_unknown, learner.novelty(codes.x_test[rows])))
    return values


def confidence(learner: Learner, prepared: Prepared) -> tuple[Array, Array] | None:
    """Return how sure each answer is at the end, and whether it is right."""
    if not learner.has_probabilities:
        return None
    asked = np.concatenate([exam.rows for exam in prepared.stream.exams])
    p = learner.probabilities(prepared.codes.x_test[asked])
    return p.max(axis=1), p.argmax(axis=1) == prepared.codes.y_test[asked]


def work(learner: EdgeNaca, prepared: Prepared) -> dict[str, float]:
    """Return what a sample costs at the end: of ours alone, where operations are counted."""
    raw, codes = prepared.raw, prepared.codes
    rows = np.linspace(0, len(codes.y_test) - 1, min(COUNTED, len(codes.y_test))).astype(int)
    copy = Core(prepared.setting.network, learner.core.state())
    x, y = raw.x_test[rows], codes.y_test[rows]
    activity = activity_of(copy, x, y, "test samples")
    model = find_core(CORE)
    synops = copy.infer_many(x)["synops"].mean()
    return {
        "synaptic operations, infer": float(synops),
        "weight changes, learn": float(copy.learn_many(x, y)["changes"].mean()),
        "instructions, infer": predict(model, activity.infer),
        "instructions, learn": predict(model, activity.infer) + predict(model, activity.learn),
    }


# ---- all runs ----------------------------------------------------------------------------------


def measured(
    task: Task, folder: Path, scenario: str, arguments: argparse.Namespace
) -> tuple[dict[str, list[Run]], list[str], list[Prepared]]:
    """Return the runs of each learner, seed by seed and split by split, and who was too slow."""
    options = Options(arguments.classes, arguments.shots, arguments.delay)
    every = [
        prepare(task, limited(split, arguments.samples, seed), scenario, seed, options)
        for seed in range(arguments.seeds)
        for split in task.splits(folder, seed)
    ]
    total = sum(len(lesson.rows) for one in every for lesson in one.stream.lessons)
    runs: dict[str, list[Run]] = {}
    slow = []
    with Progress(transient=True) as progress:
        for name in arguments.learners:
            bar = progress.add_task(f"{scenario}: {name}", total=len(every))
            clock = Clock(60 * arguments.minutes, total)
            try:
                runs[name] = []
                for prepared in every:
                    runs[name].append(run(name, prepared, clock))
                    progress.advance(bar)
            except TooSlowError:
                del runs[name]
                slow.append(name)
    return runs, slow, every


def limited(split: Split, samples: int | None, seed: int) -> Split:
    """Return a split with so many training samples, in the order that they had."""
    count = len(split.domains)
    if samples is None or samples >= count:
        return split
    return split.kept(np.sort(np.random.default_rng(seed).permutation(count)[:samples]))


def units(runs: Sequence[float], splits: int) -> list[float]:
    """Return what a mean's error is of: splits, where there are three or more, else seeds.

    Runs of several seeds on one split are no independent news of the next split: their mean is.
    """
    table = np.reshape(runs, (-1, splits))
    return (table.mean(axis=0) if splits > 2 else table.mean(axis=1)).tolist()


def figures(scenario: str, runs: dict[str, list[Run]], splits: int) -> Iterator[Figure]:
    """Return a row for each learner: all that its runs measured, and how far it is behind ours."""
    ours = runs.get(OURS)
    for name, of_learner in runs.items():
        of = {"learner": name}
        main = main_column(of_learner[0])
        for key in of_learner[0].values:
            if key in WORK:
                continue
            unit, decimals = UNITS.get(key, ("%", 2))
            scale = 100 if unit in ("%", "points") else 1
            values = units([scale * one.values[key] for one in of_learner], splits)
            figure = mean(of, key, values, unit, decimals)
            is_plain = key == "KiB" or unit == "points"
            yield (
                figure
                if key == main
                else dataclasses.replace(figure, runs=(), sem=None if is_plain else figure.sem)
            )
        if of_learner[0].confidence is not None:
            # Of all answers together: of a few, even what is calibrated is off by chance.
            error = metrics.calibration_error(
                np.concatenate([one.confidence for one in of_learner]),
                np.concatenate([one.is_right for one in of_learner]),
            )
            yield Figure(of, "ECE", error, UNITS["ECE"][0], decimals=UNITS["ECE"][1])
        if ours is not None and name != OURS:
            ahead = paired_difference(
                *(units([100 * one.values[main] for one in side], splits)
                  for side in (ours, of_learner))
            )  # fmt: skip
            sem = None if np.isnan(ahead.sem) else ahead.sem
            yield Figure(of, "ours ahead", ahead.mean, "points", sem, decimals=2)


def main_column(one: Run) -> str:
    """Return the column by which learners are compared."""
    for key in ("prequential", "a lesson ahead", "AUROC"):
        if key in one.values:
            return key
    return "average accuracy" if "right: rare classes" in one.values else "right"


def matrix_table(scenario: str, prepared: Prepared, runs: list[Run]) -> Table | None:
    """Return the accuracies of ours after each lesson, mean over runs; None if too many."""
    stream, first = prepared.stream, runs[0].matrix
    titles = [exam.title for exam in stream.exams]
    if len(titles) > MOST_EXAMS or len(stream.lessons) < 2:
        return None
    table = 100 * np.mean([one.matrix for one in runs if one.matrix.shape == first.shape], axis=0)
    figures = tuple(
        Figure({"after lesson": str(row + 1)}, f"exam {column + 1}", float(table[row, column]),
               "%", decimals=1)
        for row, column in np.ndindex(*table.shape) if not np.isnan(table[row, column])
    )  # fmt: skip
    how = "Mean over runs; each has its own order of classes, and exam n asks what lesson n taught."
    title = f"Accuracy of {OURS} after each lesson: {SCENARIOS[scenario].title}"
    return Table(title, figures, how)


def work_table(scenario: str, runs: list[Run]) -> Table:
    figures = tuple(
        Figure(
            {"learner": OURS},
            key,
            float(np.mean([one.values[key] for one in runs])),
            decimals=decimals,
        )
        for key, decimals in WORK.items()
    )
    about = f"Means of test samples at the end; instructions of {CORE} by the cost model."
    return Table(f"Work of {OURS} for a sample: {SCENARIOS[scenario].title}", figures, about)


def document(task: Task, folder: Path, arguments: argparse.Namespace) -> Measurement:
    """Measure all scenarios of a task."""
    tables, notes = [], []
    digests = {name: results.digest((folder / name).read_bytes()) for name in task.files}
    for scenario in arguments.scenario:
        runs, slow, every = measured(task, folder, scenario, arguments)
        splits = len(every) // arguments.seeds
        title = f"Accuracy: {SCENARIOS[scenario].title}"
        tables.append(Table(title, tuple(figures(scenario, runs, splits))))
        if OURS in runs:
            matrix = matrix_table(scenario, every[0], runs[OURS])
            tables += [matrix] if matrix is not None else []
            tables.append(work_table(scenario, runs[OURS]))
        notes += [
            f"{SCENARIOS[scenario].title}: {name} is left out, as it would take longer than "
            f"{arguments.minutes:g} min." for name in slow
        ]  # fmt: skip
        network = every[0].setting.network
        digests |= {"samples": every[0].split.dataset.digest()} if not digests else {}
        over = f"{splits} splits" if splits > 2 else "seeds"
    return measure(
        f"Continual learning: {task.title}",
        results.command(),
        tables,
        versions=library_versions(),
        data=digests,
        settings={"seeds": arguments.seeds, "classes a lesson": arguments.classes}
        | ({} if arguments.samples is None else {"samples": arguments.samples}),
        choice="Ours are the defaults of `edge-naca train`; the others' are those of their "
        "sources, written in benchmarks/learners.py. All are the same for every task.",
        text=f"{task.text} Network {network.topology}; errors are over {over}. All learners "
        "see the same codes in the same order, each sample once, and are told no task.",
        notes=notes,
    )


def library_versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("numpy", "river", "scikit-learn")}


def parser() -> argparse.ArgumentParser:
    result = results.parser(__doc__ or "")
    result.add_argument("task", choices=TASKS)
    result.add_argument("--scenario", nargs="+", choices=SCENARIOS, default=["classes", "shuffled"])
    result.add_argument("--seeds", type=int, default=5, help="orders")
    result.add_argument("--samples", type=int, help="learn no more than so many of a split")
    result.add_argument("--learners", nargs="+", choices=LEARNERS, default=list(LEARNERS))
    result.add_argument("--classes", type=int, default=1, help="classes of a lesson")
    result.add_argument("--shots", type=int, default=5, help="samples of a class that is added")
    result.add_argument("--delay", type=int, default=100, help="samples until a label comes")
    result.add_argument("--minutes", type=float, default=5, help="for a learner in a scenario")
    return result


def main() -> None:
    program = parser()
    arguments = program.parse_args()
    task = TASKS[arguments.task]
    # A task of what ships along needs no folder.
    folder = results.data_folder(program, *task.files) if task.files else Path()
    try:
        measurement = document(task, folder, arguments)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from error
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
