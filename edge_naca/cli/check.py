"""``edge-naca check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from edge_naca.cli import common, formats, report
from edge_naca.cli.model_options import model_options

if TYPE_CHECKING:
    from edge_naca.export.conversion.check import Check

model_argument = click.argument(
    "model", metavar="MODEL", type=click.Path(dir_okay=False, path_type=Path)
)


@click.command()
@model_argument
@model_options
@click.option(
    "--front-end",
    "is_front_end",
    is_flag=True,
    help="Look at it as what `train --front-end` puts before learning populations.",
)
@common.json_option
def check(model: Path, is_front_end: bool, as_json: bool, **options: Any) -> None:
    """Look at a model of another framework before anything is converted.

    Lists every node that cannot be converted: where it is, why, and what to do. Then lists what the
    file does not say and `import` will ask for. Options are those of `import`; what follows from
    them is checked, too. What `check` accepts `import` converts, and with --front-end `train
    --front-end` does. Exit code 1 if something cannot be converted.

    \b
    Examples
      edge-naca check model.nir
      edge-naca check model.nir --exporter snntorch --json
      edge-naca check model.onnx --coding rate
      edge-naca check features.onnx --front-end
    """
    kind, settings = formats.format_of(model, options)
    result = kind.handler().check(model, settings, is_front_end)
    if as_json:
        report.print_json(
            {
                "model": str(model),
                "format": kind.title,
                "convertible": not result.findings,
                "nodes": [{"name": name, "type": type_} for name, type_ in result.nodes],
                "findings": [vars(finding) for finding in result.findings],
                "questions": list(map(str, result.questions)),
                "notes": list(result.notes),
            }
        )
    else:
        _print(model, result)
    if result.findings:
        raise click.exceptions.Exit(1)


def _print(model: Path, result: Check) -> None:
    if result.findings:
        table = Table("node", "type", "why it cannot be converted", "what to do", show_lines=True)
        for finding in result.findings:
            table.add_row(finding.node, finding.kind, finding.reason, finding.advice)
        report.out.print(table)
        report.say(f"{model} cannot be converted as it stands")
        return
    for note in result.notes:
        report.out.print(note)
    if result.nodes:
        kinds = " → ".join(type_ for _, type_ in result.nodes)
        report.out.print(f"{model} can be converted: {kinds}")
    if result.questions:
        report.say("The file does not say, so that import needs:")
        for question in result.questions:
            report.out.print(f"  {question}")
