"""The ``edge-naca`` command."""

from pathlib import Path

import click

from edge_naca import __version__
from edge_naca.cli import logbook, settings
from edge_naca.cli.program import Entry, Program

COMMANDS = {
    "bench": Entry("edge_naca.cli.bench:bench", "Measure what this project claims."),
    "boards": Entry("edge_naca.cli.boards:boards", "List the boards that --board takes."),
    "check": Entry(
        "edge_naca.cli.check:check",
        "See whether a model of another framework can be imported.",
    ),
    "config": Entry(
        "edge_naca.cli.config:config",
        "Show how edge-naca is set up, and where its C code lies.",
    ),
    "demo": Entry(
        "edge_naca.cli.demo:demo",
        "See a network learn digits, one class after another.",
    ),
    "devices": Entry(
        "edge_naca.cli.device:devices",
        "List serial ports, and which devices answer there.",
    ),
    "diff": Entry(
        "edge_naca.cli.diff:diff",
        "Show what changed between two images or learned states.",
    ),
    "emulate": Entry(
        "edge_naca.cli.emulate:emulate",
        "Be a device: for trying things without a board.",
    ),
    "evaluate": Entry("edge_naca.cli.evaluate:evaluate", "Test an image on data."),
    "export": Entry(
        "edge_naca.cli.export:export", "Turn an image into C source, a library, ONNX or NIR."
    ),
    "export-trace": Entry(
        "edge_naca.cli.export_trace:export_trace",
        "Turn a recording into a trace that Perfetto's viewer shows.",
    ),
    "import": Entry(
        "edge_naca.cli.import_:import_",
        "Make an image of a model of another framework.",
    ),
    "forget": Entry("edge_naca.cli.owner:forget", "Have a device forget a class."),
    "info": Entry("edge_naca.cli.device:info", "Show what a device is, holds and has counted."),
    "inspect": Entry(
        "edge_naca.cli.inspect:inspect",
        "Show what an image holds, knows and needs, also on a given board.",
    ),
    "freeze": Entry(
        "edge_naca.cli.freeze:freeze", "Take a learned inhibition as given: into flash."
    ),
    "grow": Entry("edge_naca.cli.grow:grow", "Make room for more classes in an image."),
    "lock": Entry("edge_naca.cli.owner:lock", "Have a device refuse to be taught or changed."),
    "merge": Entry("edge_naca.cli.merge:merge", "Put a device's learned state into an image."),
    "new": Entry(
        "edge_naca.cli.new:new", "Make an image for a sensor that nobody has recorded yet."
    ),
    "pull": Entry("edge_naca.cli.device:pull", "Fetch a device's image with what it has learned."),
    "push": Entry("edge_naca.cli.device:push", "Bring an image, or a learned state, to a device."),
    "raster": Entry("edge_naca.cli.raster:raster", "Draw every spike of one presentation."),
    "record": Entry(
        "edge_naca.cli.record:record", "Collect labelled samples from a board's sensor."
    ),
    "rename": Entry("edge_naca.cli.owner:rename", "Call a class of a device otherwise."),
    "replay": Entry(
        "edge_naca.cli.replay:replay",
        "Repeat a recording into a device, and compare.",
    ),
    "reset": Entry("edge_naca.cli.device:reset", "Restart a device, or make it forget."),
    "rollback": Entry("edge_naca.cli.owner:rollback", "Go back to what a device saved last."),
    "search": Entry(
        "edge_naca.cli.search:search",
        "Find which features and network suit recordings and fit a board.",
    ),
    "selftest": Entry(
        "edge_naca.cli.selftest:selftest",
        "See whether a device computes what the specification says.",
    ),
    "stream": Entry(
        "edge_naca.cli.stream:stream",
        "Teach a running device, sample by sample, and watch.",
    ),
    "train": Entry("edge_naca.cli.train:train", "Teach a network, and write it as an image."),
    "undo": Entry("edge_naca.cli.owner:undo", "Take back a device's last lesson."),
    "unlock": Entry("edge_naca.cli.owner:unlock", "Open a device that was locked."),
    "watch": Entry(
        "edge_naca.cli.watch:watch",
        "Teach a running device, and watch it on a page of this machine.",
    ),
}


def _show_versions(ctx: click.Context, param: click.Parameter, is_wanted: bool) -> None:
    if not is_wanted or ctx.resilient_parsing:
        return
    from edge_naca.cli import report
    from edge_naca.format_versions import described

    report.say(f"edge-naca, version {__version__}")
    report.say(f"formats: {described()}")
    ctx.exit()


@click.group(
    cls=Program, entries=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_versions,
    help="Show the versions of edge-naca and of the formats that it writes, and exit.",
)  # fmt: skip
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", envvar=settings.VARIABLE,
    is_eager=True, callback=settings.load, expose_value=False,
    help="Take defaults of options from here.  "
    f"[${settings.VARIABLE}, or config.toml as 'edge-naca config' says]",
)  # fmt: skip
@click.option(
    "--log", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", expose_value=False,
    callback=logbook.keep,
    help="Add to this file what the command does and says, and where it fails.",
)  # fmt: skip
def main() -> None:
    """Spiking networks that learn on the edge: train, inspect, export, stream.

    A network is one file, an image (.naca). The same image runs here and on a microcontroller,
    bit for bit, and goes on learning in either place.

    \b
    Begin with
      edge-naca demo                            see one learn digits
      edge-naca train digits -o digits.naca     teach your own
      edge-naca inspect digits.naca             see what it needs and knows
      edge-naca inspect digits.naca --board nucleo-f411re   see what it costs there
      edge-naca evaluate digits.naca digits     test it
      edge-naca export digits.naca --c -o src   take it to a device
      edge-naca stream --port PORT --data digits   teach a running device

    Every command explains itself: edge-naca train --help. Exit codes: 0 done, 1 failed (one line
    on stderr says why), 2 wrong usage, 130 interrupted.
    """
