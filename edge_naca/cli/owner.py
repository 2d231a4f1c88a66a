"""``edge-naca undo`` and ``rollback``: what the owner of a device takes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from edge_naca.cli import common, ports, report

if TYPE_CHECKING:
    from edge_naca.host.client import LinkDevice


@click.command()
@ports.port_argument
@ports.line_options
@common.json_option
def undo(port: str, line: dict[str, Any], as_json: bool) -> None:
    """Take back the last lesson: the device is as it was before, to the last bit.

    One lesson can be taken back, once, until the device restarts. It takes a copy of the learned
    state in the device's RAM; a device without room for it says so. What is saved on the device
    stays as it is.

    \b
    Examples
      edge-naca undo /dev/ttyACM0
    """
    with ports.opened(port, line) as device:
        before = device.hello.learned
        device.undo()
        _tell(port, device, as_json, f"{before} samples learned before")


@click.command()
@ports.port_argument
@ports.line_options
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@common.json_option
def rollback(port: str, line: dict[str, Any], yes: bool, as_json: bool) -> None:
    """Go back to what the device saved last.

    What it learned since is gone; a host that teaches it is told, and does not teach that again,
    as it would after `edge-naca reset`.

    \b
    Examples
      edge-naca rollback /dev/ttyACM0 --yes
    """
    with ports.opened(port, line) as device:
        before = device.hello.learned
        if not yes:
            question = f"Drop what {port} learned since it last saved, of {before} samples?"
            click.confirm(question, abort=True, err=True)
        device.rollback()
        _tell(port, device, as_json, f"{before} samples learned before")


def _tell(port: str, device: LinkDevice, as_json: bool, what: str) -> None:
    """Say in which state a device is now."""
    value, learned = device.hash_at()
    if as_json:
        report.print_json({"port": port, "learned": learned, "state_hash": f"{value:08x}"})
        return
    report.say(f"{port}: {learned} samples learned, state hash {value:08x}; {what}")
