"""Arrays in .npy and .npz files of anybody: looked at before memory is taken for them."""

from __future__ import annotations

import math
import sys
import tokenize
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from edge_naca.file_kinds import told
from edge_naca.printable import shown

Array = NDArray[Any]

LARGEST = 1 << 30  # bytes of all arrays of a file
# What packs better than this, and is larger, was made to fill somebody's memory.
TIGHTEST, UNSUSPECTED = 100, 1 << 28
MAX_MEMBERS = 4096

_KINDS = "biufcU"  # numbers and names


class ArrayFileError(ValueError):
    """A file holds no arrays that can be read; the message names it, and the array."""


def read_npy(path: Path) -> Array:
    """Read a .npy file of one array.

    Raises
    ------
    ArrayFileError
        If it is none, is damaged, too large, or claims to hold more than is there.
    """
    size = path.stat().st_size
    _check_size(shown(path), size)
    with path.open("rb") as file:
        if file.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
            raise ArrayFileError(f"{shown(path)} is no .npy file of one array{told(path)}")
        file.seek(0)
        return _read(file, size, shown(path))


def read_npz(path: Path, choices: tuple[tuple[str, ...], ...]) -> tuple[Array, ...]:
    """Read arrays of a .npz file: those of the first set of names that is there as a whole.

    Raises
    ------
    ArrayFileError
        If it is none, is damaged, too large, packed tighter than data are, or lacks the names.
    """
    if not zipfile.is_zipfile(path):
        raise ArrayFileError(f"{shown(path)} is no .npz file, or a damaged one{told(path)}")
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if len(members) > MAX_MEMBERS:
                raise ArrayFileError(f"{shown(path)} holds {len(members)} files: too many")
            for names in choices:
                if all(name in members for name in names):
                    chosen = [members[name] for name in names]
                    _check_size(
                        shown(path),
                        sum(info.file_size for info in chosen),
                        sum(info.compress_size for info in chosen),
                    )
                    return tuple(_member(path, archive, info) for info in chosen)
            wanted = ", or ".join(" and ".join(names) for names in choices)
            held = ", ".join(shown(name, 40) for name in list(members)[:20]) or "nothing"
            # What is one of numpy holds arrays, only none of these.
            other = (
                ""
                if any(info.filename.endswith(".npy") for info in members.values())
                else told(path)
            )
            raise ArrayFileError(f"{shown(path)} must hold {wanted}; it holds {held}{other}")
    except ArrayFileError:
        raise
    # zipfile and what it unpacks with raise errors of many kinds for damaged files.
    except Exception as error:
        raise ArrayFileError(f"{shown(path)} cannot be read: {shown(error)}") from error


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    with archive.open(info) as file:
        return _read(file, info.file_size, f"{shown(path)}, {shown(info.filename, 40)}")


def _check_size(place: str, size: int, packed: int | None = None) -> None:
    if size > LARGEST:
        raise ArrayFileError(
            f"{place} holds {size / 2**30:.1f} GiB, and {LARGEST >> 30} GiB are the most: take "
            "fewer samples, or smaller numbers"
        )
    if packed is not None and size > max(UNSUSPECTED, TIGHTEST * packed):
        raise ArrayFileError(
            f"{place} unpacks to {size / 2**20:.0f} MiB from {packed / 2**20:.1f} MiB, as no data "
            "do: it is damaged, or made to fill memory; if it is neither, save it unpacked"
        )


def _read(file: IO[bytes], size: int, place: str) -> Array:
    """Read an array from `size` bytes."""
    try:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ArrayFileError(f"{place}: .npy of version {version[0]} cannot be read")
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
        if dtype.kind not in _KINDS:
            raise ArrayFileError(f"{place} cannot be read: it holds {dtype}, not numbers or names")
        count = math.prod(shape)
        if min(shape, default=0) < 0 or count * max(dtype.itemsize, 1) > size - file.tell():
            raise ArrayFileError(
                f"{place} cannot be read: it claims to hold {count} numbers {shape}, which are not "
                "there; the file is cut off or damaged"
            )
        file.seek(0)
        array: Array = npy.read_array(file, allow_pickle=False)
        if dtype.kind == "U":
            _check_characters(array, place)
        return array
    except ArrayFileError:
        raise
    except tokenize.TokenError as error:  # a tuple, which says where in the header
        raise ArrayFileError(f"{place} cannot be read: its header is damaged") from error
    # What numpy raises for headers that are none is of many kinds.
    except Exception as error:
        raise ArrayFileError(f"{place} cannot be read: {shown(error)}") from error


def _check_characters(names: Array, place: str) -> None:
    """Refuse numbers that are no characters: Python's text breaks where it meets one."""
    numbers = np.ascontiguousarray(names, names.dtype.newbyteorder("=")).reshape(-1)
    if numbers.view(np.uint32).max(initial=0) > sys.maxunicode:
        raise ArrayFileError(f"{place} cannot be read: its text holds what is no character")
