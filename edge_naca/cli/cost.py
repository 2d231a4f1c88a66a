"""What ``edge-naca inspect --board`` says: does an image fit a board, and what does it cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.table import Table

from edge_naca.cli import common, report, signals
from edge_naca.core import Core
from edge_naca.data import DataError
from edge_naca.export.cost.report import (
    Activity,
    Report,
    Work,
    activity_of,
    assumed_activity,
    cost_report,
    renewal_every,
)
from edge_naca.export.cost.targets import MEASURED_ON, find_target
from edge_naca.samples import check_samples, default_kind

MEASURED = 8  # samples that an emulator is asked to count
KIB = 1024


@dataclass(frozen=True)
class Samples:
    """Samples that the network can take, and their labels there."""

    x: Any
    labels: Any
    source: str


def read_samples(core: Core, data: str, reading: common.Reading) -> Samples:
    """Read a data set, and return those training samples whose classes the image knows.

    Raises
    ------
    DataError
        If it knows none of them.
    """
    found = signals.load((data,), reading, signals.Windowing(), core, quiet=True)
    dataset = common.fitted(core, found.dataset)
    names = common.class_names(core)
    names += [name for name in dataset.classes if name not in names]
    index = np.array([names.index(name) for name in dataset.classes])
    labels = index[dataset.y_train]
    known = labels < core.network.capacity
    if not known.any():
        raise DataError(f"the image has no room for any class of {dataset.name}")
    x = check_samples(core.network, dataset.x_train[known], default_kind(core.network))
    return Samples(x, labels[known], f"samples of {dataset.name}")


def board_report(core: Core, board: str, samples: Samples | None, measure: bool) -> Report:
    """Return what an image costs on a board, estimated or counted in an emulator."""
    core_of_board = find_target(board).core  # an unknown board fails before any work
    if measure:
        assert samples is not None
        return _measured(core, board, MEASURED_ON[core_of_board], samples)
    return cost_report(core, board, _activity(core, samples))


def _activity(core: Core, samples: Samples | None) -> Activity:
    if samples is None:
        return assumed_activity(core)
    activity = activity_of(core, samples.x, samples.labels, samples.source)
    return replace(activity, source=f"{activity.samples} {samples.source}")


def _measured(core: Core, board: str, emulated: str, samples: Samples) -> Report:
    from edge_naca.host.counting import count

    chosen = np.linspace(0, len(samples.x) - 1, min(len(samples.x), MEASURED)).astype(int)
    x = samples.x[chosen].reshape(len(chosen), -1)
    kind = "codes" if core.network.preparation is None else "raw"
    counts = count(emulated, core.image(), x, samples.labels[chosen], kind)
    every = renewal_every(core)
    source = f"{len(chosen)} {samples.source}"
    activity = Activity({}, {}, source, len(chosen), renewal_every=every)
    counted = float(counts.infer.mean()), float(counts.learn.mean())
    return cost_report(core, board, activity, counted)


# ---- how to say it -----------------------------------------------------------------------------


def print_report(costs: Report) -> None:
    """Print whether it fits, what it takes, and what that rests on."""
    target = costs.target
    report.say(f"\n{costs.board}: {target.chip}, {target.core} at {target.clock / 1e6:g} MHz")
    if target.notes:
        report.say(f"({target.notes})")
    report.out.print(_memory_table(costs))
    for name, left in (("flash", costs.flash_left), ("RAM", costs.ram_left)):
        if left < 0:
            report.say(f"IT DOES NOT FIT: {-left} bytes of {name} are missing.")
    if costs.ram_left < 0 and "inhibition" in costs.ram:
        report.say(_without_inhibition(costs))
    parts = ", ".join(f"{name} {size}" for name, size in costs.needed.items())
    report.say(
        f"Flash of a program of your own (export --c): {sum(costs.needed.values())} bytes "
        f"({parts}), start-up and libraries besides."
    )
    report.out.print(_work_table(costs))
    report.say("\n".join(_grounds(costs)))


def _without_inhibition(costs: Report) -> str:
    """Say by how much the inhibition is too large, and whether the rest would fit without it."""
    size, room = costs.ram["inhibition"], costs.ram["inhibition"] + costs.ram_left
    if room < 0:
        return (
            f"The inhibition takes {size} bytes of it; without it {-room} bytes are missing still."
        )
    advice = ""
    if costs.renewal_every:
        advice = ". One of fewer inputs takes less, by the square"
        if not costs.target.image_in_ram:
            advice += "; one that was learned elsewhere and is given in the image takes flash"
    return (
        f"The inhibition takes {size} bytes of it, {size - room} more than the {room} that "
        f"the rest leaves{advice}."
    )


def _memory_table(costs: Report) -> Table:
    table = Table("bytes")
    rows = {name: ["–", "–"] for name in (*costs.flash, *costs.ram)}
    for heading in ("flash", "RAM"):
        table.add_column(heading, justify="right")
    for place, parts in enumerate((costs.flash, costs.ram)):
        for name, size in parts.items():
            rows[name][place] = str(size)
    last_part = list(rows)[-1]
    together = sum(costs.flash.values()), sum(costs.ram.values())
    for title, sizes in (
        ("together", together),
        ("of", (costs.target.flash, costs.target.ram)),
        ("left", (costs.flash_left, costs.ram_left)),
    ):
        rows[title] = [str(size) for size in sizes]
    for name, cells in rows.items():
        table.add_row(name, *cells, end_section=name == last_part)
    return table


def _work_table(costs: Report) -> Table:
    table = Table("one sample")
    for heading in (costs.unit, "time", "a second", "energy"):
        table.add_column(heading, justify="right")
    for title, work in (("inferred", costs.infer), ("learned", costs.learn)):
        table.add_row(title, *_cells(work))
    if costs.window is not None:
        table.add_row("before that, its window", *_cells(costs.window))
    if costs.renewal is not None:
        table.add_row(f"V renewed, every {costs.renewal_every} samples", *_cells(costs.renewal))
    return table


def _cells(work: Work) -> tuple[str, str, str, str]:
    energy = "unknown" if work.joules is None else _scaled(work.joules, "J")
    return f"{work.count:.0f}", _scaled(work.seconds, "s"), f"{1 / work.seconds:.0f}", energy


def _scaled(value: float, unit: str) -> str:
    """Format with three digits and a prefix."""
    for factor, prefix in ((1.0, ""), (1e-3, "m"), (1e-6, "µ")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value / 1e-9:.3g} n{unit}"


def _grounds(costs: Report) -> list[str]:
    """Say what is exact, what is estimated, and from what."""
    unit, stand_in = costs.unit, MEASURED_ON[costs.target.core]
    if costs.measured:
        counted = f"counted in an emulator ({stand_in})"
    else:
        counted = (
            f"estimated by a model that was at most {costs.largest_error:.1%} off in an emulator "
            f"({stand_in}, benchmarks/instruction-model.md)"
        )
    linked = "core, all stages, inhibition, signals, link, store"
    lines = [
        f"Flash and RAM: firmware/boards ({linked}) as linked for {stand_in}.",
        f"{unit.capitalize()}: {counted}, for {costs.activity}.",
    ]
    if costs.renewal_every:
        share = "those among these samples" if costs.measured else "spread over all samples"
        lines.append(
            f"Learned: renewals of V included, {share}; one comes every {costs.renewal_every}."
        )
    if costs.window is not None:
        lines.append(
            "Window: its samples taken one at a time, and its features made"
            + ("; estimated." if costs.measured else ".")
        )
    if unit == "instructions":
        lines.append(
            f"Time: an estimate, {costs.cycles_per_instruction:g} cycles for an instruction "
            f"({costs.cycles_source})."
        )
    current = costs.target.current
    if current is None:
        lines.append(
            "Energy: no current is known well enough to estimate it (export/cost/targets.py)."
        )
    else:
        lines.append(
            f"Energy: an estimate, {current.microamperes_per_mhz:g} µA/MHz × "
            f"{current.volts:g} V ({current.source}); regulators, sensors and radio come on top."
        )
    return lines
