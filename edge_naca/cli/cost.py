"""What ``edge-naca inspect --board`` says: does an image fit a board, and what does it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.table import Table

from edge_naca.cli import common, report, signals
from edge_naca.core import Core
from edge_naca.data import DataError
from edge_naca.export.cost.processors import MEASURED_ON
from edge_naca.export.cost.report import (
    Activity,
    Report,
    Work,
    activity_of,
    assumed_activity,
    cost_report,
    renewal_every,
)
from edge_naca.export.cost.targets import Target, find_target
from edge_naca.samples import check_samples, default_kind

MEASURED = 8  # samples that an emulator is asked to count
KIB = 1024
UNKNOWN = "unknown"


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
    """Return what an image costs on a board, estimated or counted in an emulator.

    Raises
    ------
    ValueError
        If there is no such board, or none to count on.
    """
    target = find_target(board)  # an unknown board fails before any work
    if measure:
        assert samples is not None
        return _measured(core, target, samples)
    return cost_report(core, target, _activity(core, samples))


def board_reports(core: Core, boards: Sequence[Target], samples: Samples | None) -> list[Report]:
    """Return what an image costs on each of several boards."""
    activity = _activity(core, samples)
    return [cost_report(core, board, activity) for board in boards]


def _activity(core: Core, samples: Samples | None) -> Activity:
    if samples is None:
        return assumed_activity(core)
    activity = activity_of(core, samples.x, samples.labels, samples.source)
    return replace(activity, source=f"{activity.samples} {samples.source}")


def _measured(core: Core, target: Target, samples: Samples) -> Report:
    from edge_naca.host.counting import count

    processor = target.processor
    if processor.core is None:
        raise ValueError(f"no emulator counts for {processor.name}: {processor.remark}")
    chosen = np.linspace(0, len(samples.x) - 1, min(len(samples.x), MEASURED)).astype(int)
    x = samples.x[chosen].reshape(len(chosen), -1)
    kind = "codes" if core.network.preparation is None else "raw"
    emulated = MEASURED_ON[processor.core]
    counts = count(emulated, core.image(), x, samples.labels[chosen], kind)
    every = renewal_every(core)
    source = f"{len(chosen)} {samples.source}"
    activity = Activity({}, {}, source, len(chosen), renewal_every=every)
    counted = float(counts.infer.mean()), float(counts.learn.mean())
    return cost_report(core, target, activity, counted)


# ---- how to say it -----------------------------------------------------------------------------


def print_report(costs: Report) -> None:
    """Print whether it fits, what it takes, and what that rests on."""
    target = costs.target
    clock = "an unknown clock" if target.clock is None else f"{target.clock / 1e6:g} MHz"
    report.say(f"\n{costs.board}: {target.chip}, {target.processor.name} at {clock}")
    for remark in target.remarks:
        report.say(f"({remark})")
    report.out.print(_memory_table(costs))
    for name, left in (("flash", costs.flash_left), ("RAM", costs.ram_left)):
        if left is not None and left < 0:
            report.say(f"IT DOES NOT FIT: {-left} bytes of {name} are missing.")
    if costs.fits is None:
        report.say(_unknown_fit(costs))
    if costs.ram_left is not None and costs.ram_left < 0 and "inhibition" in costs.ram:
        report.say(_without_inhibition(costs, costs.ram_left))
    parts = ", ".join(f"{name} {size}" for name, size in costs.needed.items())
    code = "" if target.processor.core else "the core's code, "
    report.say(
        f"Flash of a program of your own (export --c): {sum(costs.needed.values())} bytes "
        f"({parts}), {code}start-up and libraries besides."
    )
    report.out.print(_work_table(costs))
    report.say("\n".join(_grounds(costs)))


def _unknown_fit(costs: Report) -> str:
    """Say why nobody knows whether it fits, and what is known."""
    what = []
    if costs.target.processor.core is None:
        what.append("how large the firmware is there")
    what += [
        f"how much {name} the board has"
        for name, size in (("flash", costs.target.flash), ("RAM", costs.target.ram))
        if size is None
    ]
    return f"Whether it fits is not known, nor {' and '.join(what)}; what is in the table fits."


def _without_inhibition(costs: Report, ram_left: int) -> str:
    """Say by how much the inhibition is too large, and whether the rest would fit without it."""
    size, room = costs.ram["inhibition"], costs.ram["inhibition"] + ram_left
    if room < 0:
        return (
            f"The inhibition takes {size} bytes of it; without it {-room} bytes are missing still."
        )
    advice = ""
    if costs.renewal_every:
        advice = ". One of fewer inputs takes less, by the square"
        if not costs.target.processor.image_in_ram:
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
    if costs.target.processor.core is None:
        rows["firmware"] = [UNKNOWN, UNKNOWN]
    last_part = list(rows)[-1]
    together = sum(costs.flash.values()), sum(costs.ram.values())
    for title, sizes in (
        ("together", together),
        ("of", (costs.target.flash, costs.target.ram)),
        ("left", (costs.flash_left, costs.ram_left)),
    ):
        rows[title] = [UNKNOWN if size is None else str(size) for size in sizes]
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
    return (
        UNKNOWN if work.count is None else f"{work.count:.0f}",
        UNKNOWN if work.seconds is None else _scaled(work.seconds, "s"),
        UNKNOWN if work.seconds is None else f"{1 / work.seconds:.0f}",
        UNKNOWN if work.joules is None else _scaled(work.joules, "J"),
    )


def _scaled(value: float, unit: str) -> str:
    """Format with three digits and a prefix."""
    for factor, prefix in ((1.0, ""), (1e-3, "m"), (1e-6, "µ")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value / 1e-9:.3g} n{unit}"


def print_comparison(costs: Sequence[Report]) -> None:
    """Print one line a board: whether it fits, what is left, and what a sample takes."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("board", "fits"):
        table.add_column(heading, no_wrap=True)
    for heading in ("RAM left", "inferred", "learned", "energy"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in costs:
        inferred, learned = _cells(one.infer), _cells(one.learn)
        table.add_row(
            one.board,
            _fits(one),
            UNKNOWN if one.ram_left is None else str(one.ram_left),
            inferred[1],
            learned[1],
            learned[3],
        )
    report.out.print(table)
    report.say(
        "Bytes of RAM beside the firmware, where its size is known; time of a sample, and the "
        "energy of learning it. --board with one name says what that rests on."
    )


def _fits(costs: Report) -> str:
    if costs.fits is None:
        return UNKNOWN
    lacking = [
        name
        for name, left in (("flash", costs.flash_left), ("RAM", costs.ram_left))
        if left is not None and left < 0
    ]
    return "yes" if costs.fits else f"NO: {lacking[0] if len(lacking) == 1 else 'both'}"


def _grounds(costs: Report) -> list[str]:
    """Say what is exact, what is estimated, and from what."""
    lines = [*_of_firmware(costs), *_of_time(costs), *_of_energy(costs)]
    by_file: dict[str, list[str]] = {}  # what a file says, `edge-naca boards NAME` shows
    for name, source in costs.target.sources.items():
        by_file.setdefault(source.partition(": ")[0], []).append(name)
    if by_file:
        said = "; ".join(f"{', '.join(names)}: {file}" for file, names in by_file.items())
        lines.append(f"The board: {said}.")
    return lines


def _of_firmware(costs: Report) -> list[str]:
    processor, unit = costs.target.processor, costs.unit.capitalize()
    if processor.core is None:
        unknown = f"{unit}, time, energy, size of the firmware: not known of {processor.name}."
        return [f"{unknown} The image and the workspace are exact."]
    stand_in = MEASURED_ON[processor.core]
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
        f"{unit}: {counted}, for {costs.activity}.",
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
    return lines


def _of_time(costs: Report) -> list[str]:
    if costs.target.processor.core is None:
        return []
    if costs.target.clock is None:
        return ["Time and energy: not known, as the board's clock is not."]
    lines = []
    if costs.unit == "instructions":
        cycles = f"{costs.cycles_per_instruction:g} cycles for an instruction"
        lines.append(f"Time: an estimate, {cycles} ({costs.cycles_source}).")
    cache, used = costs.target.cache, sum(costs.needed.values())
    if cache is not None:
        stays = "all of it can stay there" if used <= cache else "waiting for flash comes on top"
        lines.append(f"Cache: {cache} bytes, for {used} of image and core: {stays}.")
    return lines


def _of_energy(costs: Report) -> list[str]:
    current = costs.target.current
    if costs.infer.seconds is None:
        return []
    if current is None:
        return [f"Energy: no current of {costs.board} is known well enough to estimate it."]
    estimate = f"{current.microamperes_per_mhz:g} µA/MHz × {current.volts:g} V ({current.source})"
    return [f"Energy: an estimate, {estimate}; regulators, sensors and radio come on top."]
