"""``edge-naca undo``, ``rollback``, ``forget``, ``rename``, ``lock``, ``unlock``: for owners."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from edge_naca.cli import common, ports, report
from edge_naca.host.device import DeviceError

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
            common.confirm(question)
        device.rollback()
        _tell(port, device, as_json, f"{before} samples learned before")


@click.command()
@ports.port_argument
@click.argument("name", metavar="CLASS")
@ports.line_options
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@common.json_option
def forget(port: str, name: str, line: dict[str, Any], yes: bool, as_json: bool) -> None:
    """Have a device forget a class; what it knows of others stays.

    CLASS is a name, or the number of a class that has none. `edge-naca undo` brings it back, until
    something else is learned. What is saved on the device stays as it is.

    \b
    Examples
      edge-naca forget /dev/ttyACM0 worn
    """
    with ports.opened(port, line) as device:
        label = _label_of(device, name)
        if not yes:
            common.confirm(f"Forget class {name} on {port}?")
        device.forget(label)
        _tell(port, device, as_json, f"class {name} is forgotten")


@click.command()
@ports.port_argument
@click.argument("name", metavar="CLASS")
@click.argument("called", metavar="NAME")
@ports.line_options
@common.json_option
def rename(port: str, name: str, called: str, line: dict[str, Any], as_json: bool) -> None:
    """Call a class of a device otherwise; "" for what its image calls it.

    The device keeps the name at once, through power cuts, until another image comes. `info`,
    `stream` and `pull` use it; what the device has learned and saved stays as it is.

    \b
    Examples
      edge-naca rename /dev/ttyACM0 worn "worn bearing"
    """
    with ports.opened(port, line) as device:
        device.rename(_label_of(device, name), called)
        classes = common.named_classes(device.metadata())
    if as_json:
        report.print_json({"port": port, "classes": classes})
        return
    report.say(f"{port}: classes are {', '.join(classes)}")


def phrase_option(is_new: bool) -> Callable[[common.Function], common.Function]:
    """Add ``--phrase``; a new one is asked for twice: a slip would lock out who typed it."""
    return click.option(
        "--phrase", prompt="Pass phrase", hide_input=True, confirmation_prompt=is_new,
        envvar="EDGE_NACA_PHRASE", show_envvar=True,
        help="Asked for where it is not given; a command line is seen by others.",
    )  # fmt: skip


@click.command()
@ports.port_argument
@ports.line_options
@phrase_option(is_new=True)
@common.json_option
def lock(port: str, line: dict[str, Any], phrase: str, as_json: bool) -> None:
    """Have a device refuse to be taught or changed, until `unlock`; kept through power cuts.

    It goes on answering. Refused are lessons, images, states, names, undo and forgetting. That
    keeps off accidents and people with the line who do not know the phrase; neither who listens to
    the line while it is unlocked, nor who can read or program the chip.

    \b
    Examples
      edge-naca lock /dev/ttyACM0
    """
    with ports.opened(port, line) as device:
        device.lock(phrase)
        _tell_lock(port, device, as_json)


@click.command()
@ports.port_argument
@ports.line_options
@phrase_option(is_new=False)
@common.json_option
def unlock(port: str, line: dict[str, Any], phrase: str, as_json: bool) -> None:
    """Open a device that was locked with this phrase.

    After eight wrong ones it takes none until it is restarted.

    \b
    Examples
      edge-naca unlock /dev/ttyACM0
    """
    with ports.opened(port, line) as device:
        device.unlock(phrase)
        _tell_lock(port, device, as_json)


def _tell_lock(port: str, device: LinkDevice, as_json: bool) -> None:
    locked = device.hello.locked
    if as_json:
        report.print_json({"port": port, "locked": locked})
        return
    report.say(f"{port}: {'locked' if locked else 'not locked'}")


def _label_of(device: LinkDevice, name: str) -> int:
    """Return the label of a class.

    Raises
    ------
    DeviceError
        If there is none of that name.
    """
    names = common.named_classes(device.metadata())
    if name in names:
        return names.index(name)
    if name.isdecimal() and len(names) <= int(name) < device.core.network.capacity:
        return int(name)
    there = f"there are {', '.join(names)}" if names else "classes have no names, but numbers"
    raise DeviceError(f"no class {name!r}: {there}")


def _tell(port: str, device: LinkDevice, as_json: bool, what: str) -> None:
    """Say in which state a device is now."""
    value, learned = device.hash_at()
    if as_json:
        report.print_json({"port": port, "learned": learned, "state_hash": f"{value:08x}"})
        return
    report.say(f"{port}: {learned} samples learned, state hash {value:08x}; {what}")
