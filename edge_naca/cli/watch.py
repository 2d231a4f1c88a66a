"""``edge-naca watch``."""

from __future__ import annotations

import click

from edge_naca.cli import ports
from edge_naca.cli.page import Page
from edge_naca.cli.stream import send
from edge_naca.cli.stream_options import Wanted, stream_options


@click.command()
@ports.port_argument
@stream_options
@click.option(
    "--address", default="127.0.0.1", show_default=True,
    help="Loopback address that the page is at; others are refused.",
)  # fmt: skip
@click.option(
    "--page-port", type=click.IntRange(0, 65535), default=0, metavar="N",
    help="TCP port of the page.  [one that is free]",
)  # fmt: skip
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@click.option("--end", "ends", is_flag=True, help="End with the stream, not with Ctrl-C.")
@click.pass_context
def watch(
    ctx: click.Context,
    port: str,
    wanted: Wanted,
    address: str,
    page_port: int,
    opens: bool,
    ends: bool,
) -> None:
    """Do what `edge-naca stream` does, and show it on a page of this machine.

    The page shows accuracy, of all lessons and of the last 200; the confusion matrix; spikes;
    the neuromodulator that a label brings to neurons; how far weights move; the line. Buttons
    choose what is taught. With --data, "Teach 3" has the next samples of class 3 taught, "Teach
    all" goes on as they come, and "Stop teaching" only asks the device about samples. With
    --sensor or --signal a button says what is there from now on, as keys do.

    The page needs the extra web: pip install 'edge-naca[web]'. It loads nothing from elsewhere.
    Its address is printed, and has a part drawn at random: who knows it may teach the device.

    \b
    Examples
      edge-naca watch emulate:digits.naca --data digits --rate 50 --open
      edge-naca watch /dev/ttyACM0 --data mnist --record mnist.jsonl
      edge-naca watch /dev/ttyACM0 --sensor
    """
    from edge_naca.extras import require

    for module in ("starlette", "uvicorn", "bokeh"):
        require(module)
    from edge_naca.host.web.server import AddressError, loopback

    try:
        loopback(address)
    except AddressError as error:
        raise click.BadParameter(str(error), ctx, param_hint="--address") from error
    send(ctx, port, wanted, Page(address, page_port, opens, not ends))
