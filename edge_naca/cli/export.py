"""``edge-naca export``."""

from __future__ import annotations

import re
from pathlib import Path

import click

from edge_naca.cli import common, report
from edge_naca.export import c_source, load_image, usage
from edge_naca.files import write_file


@click.command(short_help="Turn an image into C source.")
@common.image_argument
@click.option("--c", "as_c", is_flag=True, help="As C source, to be compiled into firmware.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder to write into; made if it is not there.",
)
@click.option(
    "--header-only", is_flag=True,
    help="With --c: the image in one header, which any number of files may include.",
)  # fmt: skip
@click.option("--name", help="What files and variables are called.  [IMAGE's name]")
@common.json_option
def export(
    image: Path, as_c: bool, output: Path, header_only: bool, name: str | None, as_json: bool
) -> None:
    """Write an image in a form that others can use: with --c, as C source for firmware.

    \b
    Examples
      edge-naca export digits.naca --c -o src
      edge-naca export digits.naca --c -o src --name reader
      edge-naca export digits.naca --c --header-only -o include

    With --c it prints how to add the files to a project: CMake, make, PlatformIO, Arduino, gcc.
    """
    if not as_c:
        raise click.UsageError("say what to export as: --c")
    load_image(image)  # refuses a damaged one, by its name
    name = name or re.sub(r"[^A-Za-z0-9]+", "_", image.stem).strip("_")
    files = c_source(image.read_bytes(), name, header_only=header_only)
    output.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        write_file(output / file, text.encode())
    if as_json:
        report.print_json({"name": name, "files": [str(output / file) for file in files]})
        return
    click.echo(usage(name, header_only=header_only))
