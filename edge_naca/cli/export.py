"""``edge-naca export``."""

from __future__ import annotations

import re
from pathlib import Path

import click

from edge_naca.choices import INPUT_TYPES
from edge_naca.cli import common, report
from edge_naca.files import read_file


@click.command()
@common.image_argument
@click.option("--c", "as_c", is_flag=True, help="As C source, to be compiled into firmware.")
@click.option("--onnx", "as_onnx", is_flag=True, help="As an ONNX model that predicts.")
@click.option(
    "--onnx-learning",
    "as_learning",
    is_flag=True,
    help="As an ONNX model that predicts and learns: the learned state goes in and comes out. "
    "The state to begin with is written beside it, with .state.npz at the end of its name.",
)
@click.option("--nir", "as_nir", is_flag=True, help="As a NIR graph of what predicts.")
@click.option("--arduino", is_flag=True, help="As an Arduino library.")
@click.option("--platformio", is_flag=True, help="As a PlatformIO library.")
@click.option("--pio-zip", is_flag=True, help="The same as a ZIP, whatever PATH is called.")
@click.option("--zephyr", is_flag=True, help="As a Zephyr module, with Kconfig and a sample.")
@click.option("--idf", is_flag=True, help="As an ESP-IDF component.")
@click.option("--cmake", is_flag=True, help="As a CMake package, with pkg-config files.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="With --c the folder to write into, made if it is not there; of a library the folder or, "
    "if it ends in .zip, a ZIP; else the file.",
)
@click.option(
    "--name", help="In C and libraries: what files and variables are called.  [IMAGE's name]"
)
@click.option(
    "--input-type",
    type=click.Choice(INPUT_TYPES),
    help="With ONNX: what a sample is, raw numbers of a type, codes, or the spikes of every step. "
    "[int32, which holds every raw number; codes where the network prepares none]",
)
@click.option(
    "--header-only", is_flag=True,
    help="With --c: the image in one header, which any number of files may include.",
)  # fmt: skip
@click.option(
    "--no-core", is_flag=True,
    help="With --c: leave out the copy of the C core, where a project has one already.",
)  # fmt: skip
@common.json_option
def export(
    image: Path,
    as_c: bool,
    as_onnx: bool,
    as_learning: bool,
    as_nir: bool,
    output: Path,
    header_only: bool,
    name: str | None,
    input_type: str | None,
    no_core: bool,
    as_json: bool,
    **libraries: bool,
) -> None:
    """Write an image in a form that others can use: C source, a library for firmware, ONNX, NIR.

    \b
    Examples
      edge-naca export digits.naca --c -o src
      edge-naca export digits.naca --c -o src --name reader
      edge-naca export digits.naca --c --header-only -o include
      edge-naca export digits.naca --arduino -o digits.zip
      edge-naca export digits.naca --zephyr -o modules/naca
      edge-naca export digits.naca --onnx --input-type uint8 -o digits.onnx
      edge-naca export digits.naca --onnx-learning -o learner.onnx
      edge-naca export digits.naca --nir -o digits.nir

    With --c the C core is copied beside them, so that "make" in that folder needs a C compiler and
    nothing else. How to add the files to a project is printed: CMake, make, PlatformIO, Arduino.
    A library has all of edge-naca's C code beside the image, and an example that predicts, is told
    and learns; what is not called is not linked.
    """
    from edge_naca.export import load_image

    chosen = [kind for kind, is_chosen in libraries.items() if is_chosen]
    forms = {"c": as_c, "onnx": as_onnx, "onnx-learning": as_learning, "nir": as_nir}
    forms |= {kind.replace("_", "-"): is_chosen for kind, is_chosen in libraries.items()}
    asked = [form for form, is_asked in forms.items() if is_asked]
    if len(asked) > 1:
        raise click.UsageError(f"--{' and --'.join(asked)}: export one form at a time")
    if not asked:
        raise click.UsageError(f"say what to export as, one of: --{', --'.join(forms)}")
    if not (as_onnx or as_learning) and input_type is not None:
        raise click.UsageError("--input-type goes with --onnx and --onnx-learning")
    if not (as_c or chosen) and name is not None:
        raise click.UsageError("--name goes with --c and with libraries")
    if not as_c and (header_only or no_core):
        raise click.UsageError("--header-only and --no-core go with --c")
    load_image(image)  # refuses a damaged one, by its name
    name = name or re.sub(r"[^A-Za-z0-9]+", "_", image.stem).strip("_")
    if as_c:
        _export_c(image, output, header_only, name, not no_core, as_json)
    elif chosen:
        from edge_naca.cli.export_package import export_package

        export_package(read_file(image), output, name, chosen[0], as_json)
    elif as_nir:
        from edge_naca.cli.export_nir import export_nir

        export_nir(read_file(image), output, as_json)
    else:
        from edge_naca.cli.export_onnx import export_onnx

        export_onnx(read_file(image), output, as_learning, input_type, as_json)


def _export_c(
    image: Path,
    output: Path,
    header_only: bool,
    name: str,
    with_core: bool,
    as_json: bool,
) -> None:
    from edge_naca.export import c_source, usage
    from edge_naca.export.ccheck import MARK, c_check
    from edge_naca.export.core_copy import FOLDER, core_copy, keep_obsolete
    from edge_naca.image import decode

    content = read_file(image)
    files = c_source(content, name, header_only=header_only) | c_check(content, name)
    if output.exists() and not output.is_dir():
        raise NotADirectoryError(f"{output} is a file: name a folder for the C sources")
    output.mkdir(parents=True, exist_ok=True)
    makefile = output / "Makefile"
    if makefile.exists() and not read_file(makefile).startswith(MARK.encode()):
        del files["Makefile"]  # that of a project stays; docs/how-do-i.md says how to check without
    has_signal = decode(content)[0].signal is not None
    core = core_copy("signal" if has_signal else "core") if with_core else {}
    for file in core:
        (output / file).parent.mkdir(parents=True, exist_ok=True)
    keep_obsolete(output, core)
    written = {file: text.encode() for file, text in files.items()} | core
    common.write_kept({output / file: data for file, data in written.items()}, as_json)
    if as_json:
        folder = str(output / FOLDER) if with_core else None
        named = [str(output / file) for file in files]
        report.print_json({"name": name, "files": named, "core": folder})
        return
    report.say(usage(name, header_only=header_only, has_signal=has_signal))
