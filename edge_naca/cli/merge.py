"""``edge-naca merge``."""

from __future__ import annotations

from pathlib import Path

import click

from edge_naca import __version__
from edge_naca.cli import common, report
from edge_naca.files import read_file


@click.command()
@common.image_argument
@click.argument("state", metavar="STATE", type=click.Path(dir_okay=False, path_type=Path))
@common.output_image_option
@click.option(
    "--class", "classes", multiple=True, metavar="NAME",
    help="What a class is called that the device has learned and IMAGE does not name; may be "
    "given several times, in the order of their labels.",
)  # fmt: skip
@common.json_option
def merge(image: Path, state: Path, output: Path, classes: tuple[str, ...], as_json: bool) -> None:
    """Put a device's learned state (`pull --state`) into the image that the device was given.

    IMAGE's own learned state is replaced; everything else is kept, and how OUT.naca came about is
    added to what `inspect` shows. A state of another network is refused.

    A learned inhibition comes with the neurons behind it, whose weights mean something under it
    only: states are taken over as a whole, never mixed. To join what two devices have learned,
    teach one of them the samples of the other (`stream`).

    \b
    Examples
      edge-naca pull /dev/ttyACM0 --state -o kitchen.state
      edge-naca merge digits.naca kitchen.state -o kitchen.naca
      edge-naca diff digits.naca kitchen.naca
      edge-naca push /dev/ttyACM1 kitchen.naca
    """
    from edge_naca import states
    from edge_naca.export import load_image

    common.check_writable(output)
    core = load_image(image)
    before = int(core.seen().sum())
    record = {"command": common.command_line(), "version": __version__, "state": str(state)}
    merged, note = states.merge(core, read_file(state), record, classes)
    common.write_kept({output: merged.image()}, as_json)
    summary = {
        "image": str(output),
        "network_id": f"{merged.network_id:08x}",
        "learned_before": note["learned_before"],
        "learned": note["learned"],
        "state_hash": note["state_hash"],
        "classes": common.class_names(merged),
    }
    if as_json:
        report.print_json(summary)
        return
    report.say(
        f"{output}: {note['learned']} samples learned ({int(merged.seen().sum()) - before:+d}), "
        f"state hash {note['state_hash']}"
    )
