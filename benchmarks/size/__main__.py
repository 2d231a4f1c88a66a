"""Measure what the firmware's C code takes, or compare it with the committed figures.

    make size        measure all cores and write benchmarks/results/size.json
    make size-diff   measure, and fail where a figure grew by more than 2 %

A core whose compiler or emulator is missing is left out, and so is one whose compiler is not the
version that the committed figures are of; with CI set, a missing tool is an error.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CalledProcessError

import results
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from edge_naca.host.boards import BoardError
from edge_naca.measurement import Figure, Measurement, Table, grid, measure, write
from size import callgraph, comparison, instructions, objects
from size.instructions import Case
from size.targets import TARGETS, Target, compile_all, sources

COMMITTED = results.path_of("size")
COMMAND = "make size"

TEXT = "Text by part"
FUNCTIONS = "Text by function"
RAM = "RAM"
FRAMES = "Stack by function"
DEEPEST = "Stack by public function"
INSTRUCTIONS = "Instructions by network"
TABLES = {
    TEXT: "Code and constants at -Os, before linking. On an AVR constants lie in RAM as well.",
    FUNCTIONS: "Code alone. What the compiler inlines is part of the caller.",
    RAM: "Variables of each part, one of each struct, and the workspaces: all that there is.",
    FRAMES: "A function's own frame, with the return address where the core pushes it.",
    DEEPEST: "With the deepest chain of calls below. The program's own functions (line, flash, "
    "images), interrupts and the compiler's library come on top.",
    INSTRUCTIONS: "Mean of 5 samples, counted in an emulator; learning includes inferring.",
}

Say = Callable[[str], None]


def measure_core(target: Target, networks: Mapping[str, Case]) -> dict[str, list[Figure]]:
    """Return all figures of a core by table."""
    tables: dict[str, list[Figure]] = {title: [] for title in TABLES}

    def add(table: str, of: dict[str, str], value: float, unit: str = "bytes") -> None:
        tables[table].append(Figure(of, target.core, value, unit))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        graph_flags = ["-fcallgraph-info=su"] if target.has_call_graph else []
        compiled = compile_all(target, sources(), folder, "-fstack-usage", *graph_flags)
        for room, sizes in objects.room_sizes(target, compiled).items():
            add(TEXT, {"part": room}, sizes["text"])
            add(RAM, {"what": f"variables of {room}"}, sizes["data"] + sizes["bss"])
        for function, size in objects.function_sizes(target, compiled).items():
            add(FUNCTIONS, {"function": function}, size)
        for struct, size in objects.struct_sizes(target, folder).items():
            add(RAM, {"what": struct}, size)
        graph = callgraph.read_graph(target, compiled)
    for function, size in callgraph.frames(graph).items():
        add(FRAMES, {"function": function}, size)
    depths = callgraph.deepest(graph)
    for function in callgraph.entry_points(graph):
        add(DEEPEST, {"function": f"{graph[function].room}: {function}"}, depths[function])
    for network, one in networks.items():
        add(RAM, {"what": f"workspace: {network}"}, one.workspace)
    for network, counts in instructions.counts(target, dict(networks)).items():
        for what, per_sample in (("infer", counts.infer), ("learn", counts.learn)):
            of = {"network": network, "what": what}
            add(INSTRUCTIONS, of, round(float(per_sample.mean()), 1), counts.unit)
    return tables


def missing_tool(target: Target) -> str | None:
    """Return a program that measuring this core needs and that is not here."""
    needed = (target.compiler, target.tool("nm"), target.emulator)
    return next((program for program in needed if shutil.which(program) is None), None)


def measure_all(targets: list[Target]) -> Measurement:
    """Return the figures of these cores, two of which are measured at a time."""
    networks = instructions.cases()
    with ThreadPoolExecutor(2) as pool:
        measured = list(pool.map(lambda target: measure_core(target, networks), targets))
    tables = [
        Table(
            title,
            tuple(sorted(
                (figure for tables in measured for figure in tables[title]),
                key=lambda figure: _place(title, figure),
            )),
            text,
        )
        for title, text in TABLES.items()
    ]  # fmt: skip
    return measure(
        "What the C code takes",
        COMMAND,
        tables,
        versions={target.core: f"{target.compiler} {target.version()}" for target in targets},
        data={name: one.digest for name, one in networks.items()},
        choice="A small network of each kind, that has learned 200 digits. The flags are the "
        "boards' own.",
    )


def _place(title: str, figure: Figure) -> tuple[str, ...]:
    """Keep rows of functions in order of their names, others as they come."""
    return tuple(figure.of.values()) if title in (FUNCTIONS, FRAMES) else ()


# ---- saying it -----------------------------------------------------------------------------------


def print_all(console: Console, measured: Measurement) -> None:
    """Print every table, a column for each core."""
    cores = set(measured.versions)
    for table in measured.tables:
        heads, lines = grid(table)
        shown = Grid(title=table.title, title_justify="left")
        for head in heads:
            shown.add_column(head, justify="right" if head.partition(" (")[0] in cores else "left")
        for line in lines:
            shown.add_row(*map(escape, line))
        console.print(shown)


def print_changes(console: Console, changed: list[comparison.Change]) -> None:
    """Print what is not as committed: first what grew too much."""
    grid = Grid("table", "of", "core")
    for head in ("committed", "now", "growth"):
        grid.add_column(head, justify="right")
    for one in changed:
        numbers = (
            "none" if value is None else f"{value:g} {one.unit}" for value in (one.old, one.new)
        )
        growth = "new" if one.old is None else "gone" if one.new is None else f"{one.growth:+.1%}"
        style = "red" if one.is_refused else None
        grid.add_row(one.table, escape(one.of), one.core, *numbers, growth, style=style)
    console.print(grid)


def chosen_targets(committed: Measurement | None, say: Say) -> list[Target]:
    """Return the cores that can be measured and, where there are committed figures, compared."""
    chosen = []
    for target in TARGETS:
        absent = missing_tool(target)
        if absent is not None:
            text = (
                f"{target.core} is left out: {absent} is not installed, `make ci-tools` brings it"
            )
            if os.environ.get("CI", "").lower() in {"1", "true"}:
                raise SystemExit(text)
            say(text)
            continue
        ours = f"{target.compiler} {target.version()}"
        theirs = committed.versions.get(target.core) if committed else ours
        if theirs != ours:
            say(f"{target.core} is not compared: the figures are of {theirs}, here is {ours}")
            continue
        chosen.append(target)
    return chosen


def diff(console: Console) -> int:
    """Compare with the committed figures; return what the program exits with."""
    committed = results.read(COMMITTED)
    targets = chosen_targets(committed, console.print)
    if not targets:
        return 0
    measured = measure_all(targets)
    for name in comparison.other_networks(committed, measured):
        console.print(f"{name}: this is another network than the one of the committed figures")
    changed = comparison.changes(committed, measured, {target.core for target in targets})
    if not changed:
        console.print(f"Nothing has changed on {', '.join(target.core for target in targets)}.")
        return 0
    print_changes(console, changed)
    if not any(one.is_refused for one in changed):
        console.print("Nothing grew by more than 2 %. `make size` brings the figures up to date.")
        return 0
    console.print(
        "Figures grew by more than 2 %, or are new. Where that is meant, run `make size` and "
        f"commit {COMMITTED.relative_to(COMMITTED.parents[2])} in the same commit."
    )
    return 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="size", description=__doc__.splitlines()[0])
    parser.add_argument("--diff", action="store_true", help="compare with the committed figures")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    try:
        if parser.parse_args().diff:
            return diff(console)
        targets = chosen_targets(None, console.print)
        measured = measure_all(targets)
        print_all(console, measured)
        if len(targets) < len(TARGETS):
            console.print("Nothing is written: that takes all cores.")
            return 1
        write(COMMITTED, measured)
    except (BoardError, callgraph.CallGraphError, CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
