"""``edge-naca export --arduino``, ``--platformio``, ``--pio-zip``, ``--zephyr`` and others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_naca.cli import common, report
from edge_naca.export.core_copy import keep_obsolete
from edge_naca.export.packages.archive import zipped
from edge_naca.export.packages.library import KINDS, folder_name, library

# Nobody means a folder by these.
OTHER_ARCHIVES = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def export_package(data: bytes, output: Path, name: str, kind: str, as_json: bool) -> None:
    """Write a library with an image as a folder or, where `output` ends in .zip, as a ZIP."""
    as_zip = output.suffix.lower() == ".zip" or kind == "pio_zip"
    kind = "platformio" if kind == "pio_zip" else kind
    if output.name.lower().endswith(OTHER_ARCHIVES) and not (as_zip or output.is_dir()):
        raise ValueError(f"{output}: a library is a folder, or a file that ends in .zip")
    files = library(data, name, kind)
    if as_zip:
        common.check_writable(output)
        common.write_kept({output: zipped(files, folder_name(name, kind))}, as_json)
    else:
        _write_folder(output, files, as_json)
    if as_json:
        report.print_json({"name": name, "kind": kind, "path": str(output), "files": sorted(files)})
        return
    size = sum(map(len, files.values()))
    tool = KINDS[kind].tool
    report.say(f"{output}: {len(files)} files, {size} bytes, a library for {tool}.\n")
    report.say(files["README.md"].decode().rstrip())


def _write_folder(folder: Path, files: Mapping[str, bytes], as_json: bool) -> None:
    """Write a library; code of an older one that it lacks becomes NAME~, which nothing compiles."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file: name a folder, or a file that ends in .zip")
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
    keep_obsolete(folder, files)
    common.write_kept({folder / file: content for file, content in files.items()}, as_json)
