"""The ``edge-naca`` command."""

import click

from edge_naca import __version__
from edge_naca.cli.bench import bench
from edge_naca.cli.check import check
from edge_naca.cli.common import Program
from edge_naca.cli.demo import demo
from edge_naca.cli.device import devices, info, pull, push, reset
from edge_naca.cli.diff import diff
from edge_naca.cli.emulate import emulate
from edge_naca.cli.evaluate import evaluate
from edge_naca.cli.export import export
from edge_naca.cli.import_ import import_
from edge_naca.cli.inspect import inspect
from edge_naca.cli.merge import merge
from edge_naca.cli.raster import raster
from edge_naca.cli.replay import replay
from edge_naca.cli.stream import stream
from edge_naca.cli.train import train


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edge-naca")
def main() -> None:
    """Spiking networks that learn on the edge: train, inspect, export, stream.

    A network is one file, an image (.naca). The same image runs here and on a microcontroller,
    bit for bit, and goes on learning in either place.

    \b
    Begin with
      edge-naca demo                            see one learn digits
      edge-naca train digits -o digits.naca     teach your own
      edge-naca inspect digits.naca             see what it needs and knows
      edge-naca inspect digits.naca --board nucleo-f446re   see what it costs there
      edge-naca evaluate digits.naca digits     test it
      edge-naca export digits.naca --c -o src   take it to a device
      edge-naca stream --port PORT --data digits   teach a running device

    Every command explains itself: edge-naca train --help. Exit codes: 0 done, 1 failed (one line
    on stderr says why), 2 wrong usage, 130 interrupted.
    """


for command in (
    *(demo, train, evaluate, inspect, diff, raster, export, bench),
    *(check, import_),
    *(emulate, devices, info, push, pull, merge, reset, stream, replay),
):
    main.add_command(command)
