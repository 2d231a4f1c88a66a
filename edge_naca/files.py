"""Files read within limits, and written as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path

MAX_FILE = 1 << 26  # bytes of an image or a state: more than any device that learns can hold


def read_file(path: str | PathLike[str], largest: int = MAX_FILE) -> bytes:
    """Read a whole file that may be anything, a device without an end too.

    Raises
    ------
    OSError
        If it cannot be read, or holds more than `largest` bytes.
    """
    refuse_pipe(path)
    with Path(path).open("rb") as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        most = f"{largest >> 20} MiB" if largest >> 20 else f"{largest >> 10} KiB"
        raise OSError(f"{path} is too large: {most} are the most for such a file")
    return data


def refuse_pipe(path: str | PathLike[str]) -> None:
    """Raise OSError if a path names a pipe: nobody knows when, and whether, it will be written."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISFIFO(Path(path).stat().st_mode):
            raise OSError(f"{path} is a pipe, not a file: write what comes out of it into a file")


def write_file(path: str | PathLike[str], data: bytes) -> None:
    """Write a file that, whatever happens meanwhile, holds either its old content or all of `data`.

    Links are followed. Raises OSError, also for what is there but no file: replacing a device
    such as /dev/null would be a disaster.
    """
    write_files({Path(path): data})


def write_files(content: Mapping[Path, bytes]) -> None:
    """Write files that belong together: all of them, or none where there is no room.

    As `write_file` each; whoever is killed between two renames leaves some new and some old.
    """
    parts: dict[Path, Path] = {}
    try:
        for name, data in content.items():
            path = name.resolve()
            parts[path] = _write_part(path, data)
        for path, part in parts.items():
            part.replace(path)
    except BaseException:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise
    for folder in {path.parent for path in parts}:
        _flush_folder(folder)


def try_place(path: Path) -> None:
    """Find out whether a file can be written at a place: put an empty one beside it for a moment.

    Rights alone do not tell: they promise root everything, on a file system without writing too.

    Raises
    ------
    OSError
        If it cannot, whatever the file's size.
    """
    try:
        place = path.resolve()
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(place.stat().st_mode):  # a name that is too long fails here
                raise IsADirectoryError(f"{path} is a folder: name a file")
        _write_part(place, b"").unlink()
    except OSError as error:
        if error.strerror:
            raise OSError(f"{path} cannot be written: {error.strerror}") from error
        raise
    except RuntimeError as error:  # how Python before 3.13 says that links go in a circle
        raise OSError(f"{path} is a link that leads nowhere") from error


def keep_old(path: str | PathLike[str], data: bytes) -> Path | None:
    """Keep what a file holds under its name and "~", before `data` is written there.

    Returns
    -------
    The second name, None if nothing would be lost: there is no file, or it holds `data` already.
    """
    path = Path(path).resolve()
    if not path.is_file() or (path.stat().st_size == len(data) and path.read_bytes() == data):
        return None
    old = path.with_name(f"{path.name}~")
    if old.is_dir() and not old.is_symlink():
        raise IsADirectoryError(f"{old} is a folder: {path.name} would be kept there, rename it")
    part = _part_of(path)
    try:
        shutil.copy2(path, part)  # it may be anything, and of any size
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(old)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return old


def _part_of(path: Path) -> Path:
    """Return a name beside a file that no other file has."""
    return path.with_name(f".{secrets.token_hex(8)}.part")


def _write_part(path: Path, data: bytes) -> Path:
    """Write a neighbour: only within one file system can a file take another's place at once."""
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is not a file: choose another name to save under")
    part = _part_of(path)
    try:
        with naming(path), part.open("xb") as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o7777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors of writing name the file: of a full disk they name none."""
    try:
        yield
    except OSError as error:
        error.filename = os.fspath(path)
        raise


def _flush_folder(folder: Path) -> None:
    """Make a change of names outlast a power cut, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):
        os.fsync(descriptor)
    os.close(descriptor)
