"""Teaching a network a data set, stage by stage, and the image that this makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from edge_naca.cli import common, provenance, report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_naca.core import Core
    from edge_naca.data import Dataset
    from edge_naca.export.conversion.layers import Report
    from edge_naca.network import Network
    from edge_naca.scenarios import History, Lesson


@dataclass(frozen=True)
class Course:
    """In which order samples come, how often, and what is random: `edge_naca.scenarios.stream`."""

    order: str
    epochs: int
    seed: int


def stages_of(core: Core, dataset: Dataset, course: Course) -> list[Lesson]:
    """Return the stream; what the core knew before counts as seen from the start."""
    import numpy as np

    from edge_naca import scenarios

    known = tuple(int(label) for label in np.flatnonzero(core.seen()))
    return [
        replace(stage, classes=known + tuple(c for c in stage.classes if c not in known))
        for stage in scenarios.stream(dataset, course.order, course.seed, course.epochs)
    ]


def teach(core: Core, dataset: Dataset, stages: Sequence[Lesson], quiet: bool) -> History:
    """Teach a core all stages, and say what is known after each, unless quiet."""
    from edge_naca import scenarios

    total = sum(len(stage.indices) for stage in stages)
    with report.Bar(total, quiet) as bar:
        bar.row(report.line("learned", ("samples", "accuracy", "forgotten")))
        for history in scenarios.follow(
            core, dataset, stages, lambda count, stage: bar.advance(count, stage.title)
        ):
            stage = history.stages[-1]
            cells = (
                f"{len(stage.indices)}",
                report.percent(history.final),
                report.points(history.forgetting),
            )
            bar.row(report.line(stage.title, cells))
    return history


def image_of(
    core: Core, dataset: Dataset, loaded: Dataset, history: History, course: Course
) -> tuple[bytes, dict[str, Any]]:
    """Return the image of a taught core, and the record of its training that it holds.

    Parameters
    ----------
    dataset : with classes as the image has them.
    loaded : the same as it was loaded.
    """
    from edge_naca import image

    record = provenance.record(loaded, history, course.order, course.epochs, course.seed)
    network = provenance.with_record(core.network, dataset.classes, dataset.columns, record)
    return image.encode(network, core.state()), record


def left_out(
    dataset: Dataset,
    groups: NDArray[np.str_] | None,
    options: dict[str, Any],
    course: Course,
    quiet: bool,
) -> dict[str, float]:
    """Test on each group once, by a network that learned all others; return what is right of each.

    Parameters
    ----------
    dataset : all samples to learn.
    groups : of each of them.
    options : of the network, as `edge_naca.recipes.network_for` takes them.

    Raises
    ------
    DataError
        If there is one group alone.
    """
    import numpy as np

    from edge_naca import recipes
    from edge_naca.core import Core
    from edge_naca.data import DataError

    names = np.unique([] if groups is None else groups)
    if len(names) < 2:
        raise DataError("--leave-one-out: there is one group alone; --group tells them apart")
    found: dict[str, float] = {}
    x, y = dataset.x_train, dataset.y_train
    with report.Bar(len(names), quiet) as bar:
        for name in names:
            is_out = groups == name
            part = replace(dataset, x_train=x[~is_out], y_train=y[~is_out])
            core = Core(recipes.network_for(part, seed=course.seed, **options))
            for stage in stages_of(core, part, course):
                core.learn_many(part.x_train[stage.indices], part.y_train[stage.indices])
            found[str(name)] = float((core.predict_many(x[is_out]) == y[is_out]).mean())
            bar.advance(1, f"without {name}")
    if not quiet:
        _print_left_out(found, {str(name): int((groups == name).sum()) for name in names})
    return found


def _print_left_out(found: dict[str, float], counts: dict[str, int]) -> None:
    import numpy as np

    table = Table("left out", title="Each group, by a network that learned all others")
    for heading in ("windows", "right"):
        table.add_column(heading, justify="right")
    for name, share in found.items():
        table.add_row(name, str(counts[name]), report.percent(share))
    report.out.print(table)
    shares = np.array(list(found.values()))
    report.say(
        f"{len(shares)} groups left out one after the other: {report.percent(shares.mean(), 2)} "
        f"right, from {report.percent(shares.min())} to {report.percent(shares.max())}"
    )


def write_untaught(
    output: Path, network: Network, loaded: Dataset, converted: Report | None, as_json: bool
) -> None:
    """Write a network that has learned nothing, and say what it has room for."""
    from edge_naca import image
    from edge_naca.image import state_size

    network = provenance.with_names(network, loaded.classes, loaded.columns)
    record = provenance.source(loaded)
    network = replace(network, metadata=network.metadata | {"prepared": record})
    content = image.encode(network)
    common.write_kept({output: content}, as_json)
    size = state_size(network)
    if as_json:
        report.print_json(
            record
            | {"image": str(output), "image_bytes": len(content), "state_bytes": size}
            | {"samples": 0, "classes": list(loaded.classes), "capacity": network.capacity}
            | {"table": loaded.description or None}
            | {"conversion": None if converted is None else converted.as_json()}
        )
        return
    report.say(
        f"{output}: {network.topology}, nothing learned yet, room for {network.capacity} classes, "
        f"{size / 1024:.1f} KiB of state"
    )
