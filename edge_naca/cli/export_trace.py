"""``edge-naca export-trace``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_naca.cli import common, report

if TYPE_CHECKING:
    from edge_naca.core import Core
    from edge_naca.host.recorder import RecordedStream


@click.command("export-trace")
@click.argument("recording", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--image", type=click.Path(dir_okay=False, path_type=Path), metavar="IMAGE",
    help="Image that the recording was made with: adds spikes, moved weights and novelty.",
)  # fmt: skip
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE", help="Trace to write: .pftrace is its usual ending.",
)  # fmt: skip
@common.json_option
def export_trace(recording: Path, image: Path | None, output: Path, as_json: bool) -> None:
    """Turn a recording into a trace in Perfetto's format, for the viewer at ui.perfetto.dev.

    Each lesson is a slice with its class and its answer; accuracy, spikes and changed weights are
    counters; what happened to the line stands beside them. With --image the same samples are
    learned again here, and every spike is shown. A recording has no clock: a millisecond of the
    trace is one step of a presentation.

    \b
    Examples
      edge-naca export-trace mnist.jsonl -o mnist.pftrace
      edge-naca export-trace mnist.jsonl --image mnist.naca -o mnist.pftrace
    """
    from edge_naca.extras import require

    require("perfetto")
    from edge_naca.files import write_file
    from edge_naca.host.recorder import read
    from edge_naca.host.trace import trace

    common.check_writable(output)
    known = read(recording)
    core = None if image is None else _core_of(image, recording, known)
    content = trace(known, core)
    write_file(output, content)
    if as_json:
        summary = {"output": str(output), "samples": len(known.items), "bytes": len(content)}
        report.print_json(summary)
    else:
        report.say(
            f"{output}: {len(known.items)} samples, {len(content)} bytes; open it at "
            "https://ui.perfetto.dev, which keeps it in your browser"
        )


def _core_of(image: Path, recording: Path, known: RecordedStream) -> Core:
    """Return a core that is where the recording begins."""
    from edge_naca.export import load_image
    from edge_naca.host import recorded, resuming
    from edge_naca.host.packing import Packer
    from edge_naca.host.recorded import RecordingError

    recorded.check_header(
        f"{recording}, line 1", known.header, ("network_id", "start", "start_hash")
    )
    core = load_image(image)
    if f"{core.network_id:08x}" != known.header["network_id"]:
        raise RecordingError(
            f"{recording} is of network {known.header['network_id']}, {image} holds "
            f"{core.network_id:08x}: name the image that it was made with"
        )
    resuming.check_items(known, Packer(core))
    if known.header.get("learn", True):
        resuming.check_start(recording, known, core)
    state = known.start_state()
    if state is not None:
        core.load_state(state)
    return core
