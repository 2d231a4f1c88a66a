"""``edge-naca freeze``."""

from __future__ import annotations

from pathlib import Path

import click

from edge_naca import __version__
from edge_naca.cli import common, report


@click.command()
@common.image_argument
@common.output_image_option
@common.json_option
def freeze(image: Path, output: Path, as_json: bool) -> None:
    """Take the inhibition that IMAGE has learned as given: out of RAM, into flash.

    The network answers as before and its neurons go on learning. What decorrelates their inputs
    stays as it is from now on, so what learning it took leaves the learned state. Freeze late: a
    network that has seen only some of its classes knows too little of what there is to decorrelate.

    OUT.naca is another network: devices take it as an image (`push`), and states that were saved
    under IMAGE go into IMAGE only (`merge`, before freezing).

    \b
    Examples
      edge-naca train sensors.csv --label-column state -o sensors.naca
      edge-naca freeze sensors.naca -o frozen.naca
      edge-naca inspect frozen.naca --board nucleo-f411re
    """
    from edge_naca import decorrelation
    from edge_naca.export import load_image
    from edge_naca.image import encode, state_size, unpack_state

    common.check_writable(output)
    core = load_image(image)
    before = state_size(core.network)
    record = {
        "command": common.command_line(),
        "version": __version__,
        "network_id": f"{core.network_id:08x}",
        "state_hash": f"{core.state_hash():08x}",
    }
    learned = unpack_state(core.network, core.state())
    network, state = decorrelation.frozen(core.network, learned, record)
    common.write_kept({output: encode(network, state)}, as_json)
    summary = {
        "image": str(output),
        "state_bytes_before": before,
        "state_bytes": state_size(network),
        "frozen": network.metadata["frozen"],
    }
    if as_json:
        report.print_json(summary)
        return
    report.say(
        f"{output}: {before} bytes of learned state have become {state_size(network)}; the "
        f"inhibition stays as it was after {state.learned} learned samples"
    )
