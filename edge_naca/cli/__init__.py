"""The ``edge-naca`` command."""

import click

from edge_naca import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edge-naca")
def main() -> None:
    """Spiking networks that learn on the edge: train, inspect, export."""
