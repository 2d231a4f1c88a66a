"""``edge-naca devices``, ``info``, ``push``, ``pull`` and ``reset``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from edge_naca.cli import common, ports, report
from edge_naca.files import read_file
from edge_naca.host.device import DeviceError
from edge_naca.printable import shown

if TYPE_CHECKING:
    from edge_naca.host.client import LinkDevice

# What a name alone does not tell.
EXPLAINED = {
    "window": "bytes under way, at most",
    "batch": "samples in a batch, at most",
    "remembered": "answers remembered",
    "learned": "samples learned",
    "saves": "saves in its life",
    "wear": "most often erased flash sector, times in its life",
    "stack_used": "stack used, bytes at most",
    "stack_size": "stack, bytes",
}


@click.command()
@click.argument("ports_", metavar="[PORT]...", nargs=-1)
@ports.line_options
@click.option("--no-probe", is_flag=True, help="Only list ports; send nothing to anybody.")
@common.json_option
def devices(ports_: tuple[str, ...], line: dict[str, Any], no_probe: bool, as_json: bool) -> None:
    """List serial ports and ask each who is there; ports named are asked instead of those found.

    Asking sends a few bytes. Devices of other kinds take that as noise; if one of yours might
    not, use --no-probe.

    \b
    Examples
      edge-naca devices
      edge-naca devices /dev/ttyUSB0 socket://127.0.0.1:5555
    """
    from serial.tools import list_ports

    names = dict.fromkeys(ports_, "") or {
        port.device: port.description for port in sorted(list_ports.comports())
    }
    with ThreadPoolExecutor(max(len(names), 1)) as pool:  # each may take the whole patience
        rows = list(pool.map(lambda port: _probe(port, names[port], line, no_probe), names))
    if as_json:
        report.print_json({"devices": rows})
        return
    if not rows:
        report.say(
            "There is no serial port here. No board? 'edge-naca emulate IMAGE' makes a device."
        )
        return
    table = Table("port", "what", "firmware", "network", "learned")
    for row in rows:
        if "board" in row:
            cells = (row["board"], row["firmware"], row["network_id"], str(row["learned"]))
        else:
            cells = (row["problem"] or row["description"], "", "", "")
        table.add_row(row["port"], *cells)
    report.out.print(table)


def _probe(name: str, description: str, line: dict[str, Any], no_probe: bool) -> dict[str, Any]:
    from edge_naca.host.addresses import open_link

    row: dict[str, Any] = {"port": name, "description": description, "problem": ""}
    if no_probe:
        return row
    try:
        with open_link(name, **line) as device:
            hello = device.hello
    except (DeviceError, ValueError, OSError) as error:
        return row | {"problem": " ".join(str(error).split())}
    return row | {
        "board": hello.board,
        "firmware": hello.firmware,
        "network_id": f"{hello.network_id:08x}",
        "learned": hello.learned,
    }


@click.command()
@ports.port_argument
@ports.line_options
@common.json_option
def info(port: str, line: dict[str, Any], as_json: bool) -> None:
    """Show what a device is, what it holds, and what it has counted since it booted.

    The names of classes are those of its image, of which only the part with names is fetched.

    PORT is a serial port, socket://HOST:PORT, emulate:IMAGE or qemu:BOARD.

    \b
    Examples
      edge-naca info /dev/ttyACM0
      edge-naca info socket://127.0.0.1:5555 --json
    """
    with ports.opened(port, line) as device:
        content = _contents(port, device)
    if as_json:
        report.print_json(content)
        return
    table = Table.grid(padding=(0, 2))
    for name, value in content.items():
        text = ", ".join(map(shown, value)) if isinstance(value, list) else str(value)
        table.add_row(EXPLAINED.get(name, name.replace("_", " ")), text)
    report.out.print(table)


def _contents(port: str, device: LinkDevice) -> dict[str, Any]:
    hello = device.hello
    content = {"port": port} | asdict(hello)
    content |= {"image_crc": f"{hello.image_crc:08x}", "network_id": f"{hello.network_id:08x}"}
    if hello.running:
        content["classes"] = common.named_classes(device.metadata())
        content["state_hash"] = f"{device.hash():08x}"
    return content | asdict(device.stats())


@click.command()
@ports.port_argument
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@ports.line_options
@click.option(
    "--state", "only_state", is_flag=True,
    help="Bring only what FILE has learned; the device must run the same network.",
)  # fmt: skip
@common.json_option
def push(port: str, file: Path, line: dict[str, Any], only_state: bool, as_json: bool) -> None:
    """Bring an image (.naca) to a device, or the learned state that `pull --state` wrote.

    The image becomes the device's own once it is there as a whole and verified; until then the
    old one goes on. An upload that was interrupted goes on where it stopped. Images that are too
    large are refused before anything is sent.

    \b
    Examples
      edge-naca push /dev/ttyACM0 digits.naca
      edge-naca push /dev/ttyACM0 digits.naca --state
    """
    from edge_naca import image
    from edge_naca.export import load_image

    data = read_file(file)
    is_image = data.startswith(image.MAGIC)
    core = load_image(file) if is_image else None
    if core is None and not only_state:
        raise image.ImageError(f"{file} is no image; for a saved state, add --state")
    with ports.opened(port, line) as device, ports.transfer_bar("sending", as_json) as bar:
        if only_state:
            device.load_state(data if core is None else core.save_state(), bar)
        else:
            device.push(data, bar)
        value, learned = device.hash_at()
        network = device.hello.network_id
    if as_json:
        report.print_json(
            {
                "port": port,
                "bytes": len(data),
                "network_id": f"{network:08x}",
                "learned": learned,
                "state_hash": f"{value:08x}",
            }
        )
        return
    report.say(
        f"{port}: {'state' if only_state else 'image'} taken over, {learned} samples learned, "
        f"state hash {value:08x}"
    )


@click.command()
@ports.port_argument
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="What to write; an old file stays as it is until the new one is complete.",
)  # fmt: skip
@ports.line_options
@click.option("--state", "only_state", is_flag=True, help="Only the saved state, as bytes.")
@common.json_option
def pull(port: str, output: Path, line: dict[str, Any], only_state: bool, as_json: bool) -> None:
    """Fetch a device's image, with what the device has learned by now, or its state alone.

    \b
    Examples
      edge-naca pull /dev/ttyACM0 -o taught.naca
      edge-naca pull /dev/ttyACM0 --state -o taught.state
    """
    common.check_writable(output)
    with ports.opened(port, line) as device:
        with ports.transfer_bar("fetching", as_json) as bar:
            core = device.core if only_state else load_pulled(device, bar)
            saved = device.state(bar)
        core.load_state(saved)
        hello = device.hello
    common.write_kept({output: saved if only_state else core.image()}, as_json)
    summary = {
        "port": port,
        "file": str(output),
        "network_id": f"{hello.network_id:08x}",
        "learned": core.learned(),
        "state_hash": f"{core.state_hash():08x}",
    }
    if as_json:
        report.print_json(summary)
        return
    report.say(
        f"{output}: {summary['learned']} samples learned, state hash {summary['state_hash']}"
    )


def load_pulled(device: LinkDevice, bar: Any) -> Any:
    """Fetch the image, showing how far it is, and return its core."""
    device.image(bar)
    return device.core


@click.command()
@ports.port_argument
@ports.line_options
@click.option(
    "--forget",
    type=click.Choice(["learned", "saved"]),
    help="Go back to the image's own state: keeping what is saved on the device, or without it.",
)
@click.option("-y", "--yes", is_flag=True, help="Forget without asking.")
@common.json_option
def reset(port: str, line: dict[str, Any], forget: str | None, yes: bool, as_json: bool) -> None:
    """Restart a device into its saved state, or make it forget what it has learned.

    \b
    Examples
      edge-naca reset /dev/ttyACM0
      edge-naca reset /dev/ttyACM0 --forget saved --yes
    """
    with ports.opened(port, line) as device:
        if forget and not yes:
            question = f"Forget {device.hello.learned} samples that {port} has learned?"
            common.confirm(question)
        hello = device.reset(forget or "reboot")
    if as_json:
        report.print_json({"port": port, "learned": hello.learned})
        return
    report.say(f"{port}: restarted with {hello.learned} samples learned")
