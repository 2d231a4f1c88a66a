"""``edge-naca export``."""

from __future__ import annotations

import re
from pathlib import Path

import click

from edge_naca.cli import common, report
from edge_naca.cli.export_nir import export_nir
from edge_naca.export import c_source, load_image, usage
from edge_naca.files import write_file


@click.command(short_help="Turn an image into C source or a NIR graph.")
@common.image_argument
@click.option("--c", "as_c", is_flag=True, help="As C source, to be compiled into firmware.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="With --c the folder to write into, made if it is not there; else the file.",
)
@click.option("--nir", "as_nir", is_flag=True, help="As a NIR graph of what predicts.")
@click.option("--name", help="What files and variables are called.  [IMAGE's name]")
@common.json_option
def export(
    image: Path, as_c: bool, output: Path, as_nir: bool, name: str | None, as_json: bool
) -> None:
    """Write an image in a form that others can use: C source for firmware, or a NIR graph.

    \b
    Examples
      edge-naca export digits.naca --c -o src
      edge-naca export digits.naca --c -o src --name reader
      edge-naca export digits.naca --nir -o digits.nir
    """
    if as_c + as_nir != 1:
        raise click.UsageError("say what to export as, one of: --c, --nir")
    load_image(image)  # refuses a damaged one, by its name
    if as_nir:
        export_nir(image.read_bytes(), output, as_json)
        return
    name = name or re.sub(r"[^A-Za-z0-9]+", "_", image.stem).strip("_")
    files = c_source(image.read_bytes(), name)
    output.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        write_file(output / file, text.encode())
    if as_json:
        report.print_json({"name": name, "files": [str(output / file) for file in files]})
        return
    click.echo(usage(name))
