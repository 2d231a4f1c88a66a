"""``edge-naca selftest``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edge_naca.cli import common, ports, report

SUFFIXES = (".md", ".json")


@click.command()
@ports.port_argument
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write the report there, to send it to somebody: Markdown (.md) or JSON (.json).",
)  # fmt: skip
@click.option(
    "--save", is_flag=True,
    help="If the device has no memory to undo lessons: have it save what it knows, and restart it "
    "afterwards. Without, nothing is taught there.",
)  # fmt: skip
@ports.line_options
@ports.chaos_option
@common.json_option
@click.pass_context
def selftest(
    ctx: click.Context,
    port: str,
    output: Path | None,
    save: bool,
    line: dict[str, Any],
    chaos: Any,
    as_json: bool,
) -> None:
    """See whether a device computes, to the last bit, what the specification says.

    Samples are presented and taught to the network that the device runs. Every answer, how far the
    winner lies above threshold, spikes, operations, and the state's hash after each lesson have to
    be those of the specification. Afterwards the device is as it was. Exit code 1 where anything
    differs.

    \b
    Examples
      edge-naca selftest /dev/ttyACM0
      edge-naca selftest /dev/ttyACM0 -o report.md
    """
    if output is not None and output.suffix not in SUFFIXES:
        raise click.UsageError(f"the report is a file with the ending {' or '.join(SUFFIXES)}")
    if output is not None:
        common.check_writable(output)
    from edge_naca.host.selftest import SelfTest, markdown

    with ports.opened(port, line, chaos) as device:
        found = SelfTest(device, save).run()
        title = f"{device.hello.board} at {port}"
    if output is not None:
        is_json = output.suffix == ".json"
        text = report.to_json(found.content(), 2) + "\n" if is_json else markdown(found, title)
        common.write_kept({output: text.encode()}, as_json)
    if as_json:
        report.print_json({"port": port, **found.content()})
    else:
        verdict = "passed" if found.passed else "FAILED"
        report.say(
            f"{title}: {verdict}; {found.presented} samples presented, {found.taught} taught, "
            f"answers in {found.line['median_ms']} ms, {found.line['resent']} requests sent again"
        )
        if found.difference is not None:
            report.say(f"first difference: {found.difference}")
        for note in found.notes:
            report.say(note)
    ctx.exit(0 if found.passed else 1)
