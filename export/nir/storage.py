"""What is looked at in an HDF5 file before its library, which believes what it finds, reads on."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import IO, Any

import numpy as np

from edge_naca.export.conversion.layers import ModelFileError

MAX_BYTES = 1 << 28  # of all numbers in a file: more than any image can hold
MAX_TEXT = 1 << 24  # bytes: metadata may hold a whole image

# Names as in HDF5's file format specification. A global heap collection holds texts of any length.
_HEAP_ID = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
_COLLECTION = struct.Struct("<4sB3xQ")  # signature, version, size
_OBJECT = struct.Struct("<HHIQ")  # index, references, reserved, size
_FREE = 0  # index of what is left in a collection; its size counts its header


def check_addresses(file: Any) -> None:
    """Refuse a file whose addresses are not as everybody writes them, and as they are read here.

    Raises
    ------
    ModelFileError
        If they have another width than 8 bytes, or begin behind a user block.
    """
    if file.userblock_size or file.id.get_create_plist().get_sizes() != (8, 8):
        raise ModelFileError("its HDF5 has a user block, or addresses that are not of 8 bytes")


def check_storage(item: Any) -> None:
    """Refuse a data set that would take more memory than its shape says, or never end.

    Parameters
    ----------
    item : of a file that `check_addresses` accepted.

    Raises
    ------
    ModelFileError
        It names the data set.
    """
    import h5py

    chunk = math.prod(item.chunks or ()) * item.dtype.itemsize
    if chunk > MAX_BYTES:
        raise ModelFileError(f"{item.name} is stored in pieces of {chunk >> 20} MiB")
    if not item.dtype.hasobject:
        return
    if h5py.check_string_dtype(item.dtype) is None:
        raise ModelFileError(f"{item.name} holds {item.dtype}, neither numbers nor names")
    count = 0 if item.size is None else item.size
    start = item.id.get_offset()
    if count and start is None:
        raise ModelFileError(f"{item.name}: names are read only where they lie in one piece")
    with Path(item.file.filename).open("rb") as file:
        file.seek(start or 0)
        content = file.read(count * _HEAP_ID.itemsize)
        ids = np.frombuffer(
            content[: len(content) // _HEAP_ID.itemsize * _HEAP_ID.itemsize], _HEAP_ID
        )
        if int(ids["length"].max(initial=0)) > MAX_TEXT:
            raise ModelFileError(f"{item.name}: a text is longer than {MAX_TEXT} bytes")
        left = size = Path(item.file.filename).stat().st_size
        for address in np.unique(ids["address"][ids["address"] > 0]).tolist():
            taken = _collection_size(file, address) if address < size else None
            if taken is None or taken > left:  # they do not overlap
                raise ModelFileError(f"{item.name}: its texts are damaged")
            left -= taken


def _collection_size(file: IO[bytes], address: int) -> int | None:
    """Return the bytes of a collection, None if its objects do not fill it one after the other.

    HDF5 goes from one object to the next by their sizes, and never ends at one of size 0.
    """
    file.seek(address)
    header = file.read(_COLLECTION.size)
    if len(header) < _COLLECTION.size:
        return None
    signature, _, size = _COLLECTION.unpack(header)
    if signature != b"GCOL" or size > MAX_BYTES:
        return None
    content = file.read(max(size - _COLLECTION.size, 0))
    at = 0
    while len(content) - at >= _OBJECT.size:
        index, _, _, length = _OBJECT.unpack_from(content, at)
        step = length if index == _FREE else _OBJECT.size + -(-length // 8) * 8
        if not _OBJECT.size <= step <= len(content) - at:
            return None
        at += step
    return max(size, _COLLECTION.size)
