"""``edge-naca boards``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.table import Table

from edge_naca.cli import common, completion, report

if TYPE_CHECKING:
    from edge_naca.export.cost.targets import Target

LIST = "list"  # in place of a board's name: all of them


@click.command()
@click.argument("words", metavar="[WORD]...", nargs=-1, shell_complete=completion.boards)
@click.option(
    "--schema", is_flag=True,
    help="Print the JSON Schema of a board's file, with which editors check one.",
)  # fmt: skip
@common.json_option
def boards(words: tuple[str, ...], schema: bool, as_json: bool) -> None:
    """List the boards that --board takes: those with all WORDs in a name, chip or processor.

    The WORD dsp stands for processors with Arm's DSP extension, which makes features faster.

    Clock, flash and RAM are those that a program may use, each from a public file of the vendor or
    of a tool; --json says which, and so does a list of one board. Case and the signs between words
    do not matter, here and in --board, and a board has several names.

    Times are not known of a processor marked *, as none like it was measured; energy only where a
    current is known. A board of your own is a file with the same fields (docs/boards.md), which
    also tells how the shell completes names.

    \b
    Examples
      edge-naca boards
      edge-naca boards esp32
      edge-naca boards dsp arduino
      edge-naca boards pico --json
      edge-naca inspect digits.naca --board list:esp32   what an image costs on each
    """
    if schema:
        from edge_naca.board_files import SCHEMA

        if words or as_json:
            raise click.UsageError("--schema goes alone")
        report.say(SCHEMA.read_text(encoding="utf-8").rstrip("\n"))
        return
    found = chosen(words)
    if as_json:
        report.print_json({"boards": [target.to_json() for target in found]})
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("board", "chip", "processor"):
        table.add_column(heading, no_wrap=True)
    for heading in ("MHz", "flash", "RAM"):
        table.add_column(heading, justify="right", no_wrap=True)
    for target in found:
        processor = target.processor
        table.add_row(
            target.name,
            target.chip,
            processor.name + ("" if processor.core else " *"),
            _number(target.clock, 1_000_000),
            _number(target.flash, 1024),
            _number(target.ram, 1024),
        )
    report.out.print(table)
    if len(found) == 1:
        _print_details(found[0])
    else:
        report.say(
            f"{len(found)} boards; flash and RAM in KiB. *: no processor like it was measured, and "
            "times are unknown. The name of one alone shows where its figures come from."
        )


def chosen(words: tuple[str, ...] | list[str]) -> list[Target]:
    """Return the boards with all words.

    Raises
    ------
    ValueError
        If there is none.
    """
    from edge_naca.board_names import near, question
    from edge_naca.export.cost.targets import TARGETS, matching

    found = matching(words)
    if not found:
        hint = question(near(" ".join(words), TARGETS))
        raise ValueError(
            f"no board has {' and '.join(words)} in its names: {hint}`edge-naca boards` lists all"
        )
    return found


def listed(board: str) -> list[Target] | None:
    """Return the boards that ``list`` or ``list:WORD`` names, or None: it names one board."""
    return chosen(board.partition(":")[2].split()) if is_list(board) else None


def is_list(board: str) -> bool:
    """Return whether what --board was given names several boards."""
    return board.partition(":")[0].lower() == LIST


def _number(value: int | None, unit: int) -> str:
    return "unknown" if value is None else f"{value // unit}"


def _print_details(target: Target) -> None:
    current = target.current
    rows = {
        "is": target.title,
        "also called": ", ".join(target.names),
        "note": "; ".join(target.remarks),
        "DSP instructions": {True: "yes", False: "no", None: "unknown"}[target.dsp],
        "clock": "" if target.clock is None else f"{target.clock} Hz",
        "flash": "" if target.flash is None else f"{target.flash} bytes",
        "cache": "" if target.cache is None else f"{target.cache} bytes",
        "RAM": "" if target.ram is None else f"{target.ram} bytes",
        "current": ""
        if current is None
        else f"{current.microamperes_per_mhz:g} µA/MHz, {current.volts:g} V",
    }
    for name, text in rows.items():
        if text:
            report.say(f"{name}: {text}")
    for name, source in target.sources.items():
        report.say(f"source of {name}: {source}")
