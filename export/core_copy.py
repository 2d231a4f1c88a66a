"""A copy of the C code that an exported network needs, to lie beside it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

from edge_naca.c_parts import get_folder, needed

FOLDER = "naca"  # beside what `c_source` makes


def core_copy(*parts: str) -> dict[str, bytes]:
    """Return the files of some parts of the C code and of what they need, with the licence.

    Parameters
    ----------
    parts : as `edge_naca.get_folder` takes them.

    Returns
    -------
    The content of each file by its name, such as "naca/core/src/run.c".
    """
    files = {
        f"{FOLDER}/{part}/{path.relative_to(get_folder(part)).as_posix()}": path.read_bytes()
        for part in needed(*parts)
        for path in sorted(get_folder(part).rglob("*"))
        if path.is_file()
    }
    licence = distribution("edge-naca").read_text("licenses/LICENSE")
    assert licence is not None, "who copies the code has to hand on its licence"
    return files | {f"{FOLDER}/LICENSE": licence.encode()}


def keep_obsolete(folder: Path, copy: Mapping[str, bytes]) -> None:
    """Rename C files of an older copy that the new one lacks to NAME~, which nothing compiles.

    Parameters
    ----------
    folder : that of the export.
    copy : what `core_copy` returned, or the files of a library.
    """
    for place in {(folder / name).parent for name in copy}:
        for path in place.glob("*.[ch]"):
            if path.relative_to(folder).as_posix() not in copy:
                path.replace(path.with_name(f"{path.name}~"))
