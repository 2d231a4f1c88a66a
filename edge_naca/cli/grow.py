"""``edge-naca grow``."""

from __future__ import annotations

from pathlib import Path

import click

from edge_naca.cli import common, report


@click.command()
@common.image_argument
@common.output_image_option
@click.option(
    "--capacity", type=click.IntRange(1, 1024), help="Classes to have room for.  [as now]"
)
@click.option(
    "--neurons-per-class", type=click.IntRange(1, 4096), help="Neurons for each class.  [as now]"
)
@common.json_option
def grow(
    image: Path, output: Path, capacity: int | None, neurons_per_class: int | None, as_json: bool
) -> None:
    """Make room for more classes, or for more neurons of each, in an image that has learned.

    It answers as before, and has forgotten nothing. OUT.naca is another network: devices take it as
    an image (`push`), and states that were saved under IMAGE go into IMAGE only (`merge`, before
    growing).

    \b
    Examples
      edge-naca grow sensors.naca --capacity 12 -o sensors.naca
      edge-naca train more.csv --label-column state --continue sensors.naca -o sensors.naca
    """
    from edge_naca.export import load_image
    from edge_naca.growing import grown
    from edge_naca.image import encode, state_size

    if capacity is None and neurons_per_class is None:
        raise click.UsageError("say what there should be more of: --capacity, --neurons-per-class")
    common.check_writable(output)
    core = load_image(image)
    before = core.network
    network, state = grown(
        before, core.state(), before.capacity if capacity is None else capacity, neurons_per_class
    )
    common.write_kept({output: encode(network, state)}, as_json)
    sizes = {"state_bytes_before": state_size(before), "state_bytes": state_size(network)}
    if as_json:
        topology = {"topology": network.topology, "capacity": network.capacity}
        report.print_json({"image": str(output), **topology, **sizes})
        return
    report.say(
        f"{output}: {before.topology} has become {network.topology}, {sizes['state_bytes_before']} "
        f"bytes of learned state {sizes['state_bytes']}"
    )
