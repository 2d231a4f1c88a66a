"""What a NIR file holds, read by the HDF5 library within limits on size and depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_naca.export.conversion.layers import ModelFileError
from edge_naca.export.nir.storage import MAX_BYTES, check_addresses, check_storage

MAX_NODES = 4096
MAX_DEPTH = 16


def read_hdf5(path: Path) -> dict[str, Any]:
    """Return the group "node" of a file as nested dictionaries of numpy arrays, numbers and bytes.

    Raises
    ------
    ModelFileError
        If there is none, or it is damaged or larger than any image could be.
    """
    import h5py

    if not path.is_file():
        raise ModelFileError(f"there is no file {path}")
    try:
        with h5py.File(path, "r") as file:
            check_addresses(file)
            if not isinstance(file.get("node"), h5py.Group):
                raise ModelFileError("an HDF5 file, but no NIR: it has no group 'node'")
            return _read_group(file["node"], [MAX_BYTES, MAX_NODES * 16], 0)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
    # What h5py raises for damaged files is not narrower than this.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ModelFileError(
            f"{path} cannot be read as NIR, which is HDF5: {error}; export it again"
        ) from error


def _read_group(group: Any, left: list[int], depth: int) -> dict[str, Any]:
    """Read a group of an HDF5 file; `left` holds how many bytes and entries may still be read."""
    import h5py

    if depth > 3 * MAX_DEPTH:
        raise ModelFileError(f"{group.name}: graphs lie too deep in each other, or in themselves")
    result: dict[str, Any] = {}
    for key in group:
        left[1] -= 1
        if left[1] < 0:
            raise ModelFileError("there are too many nodes and parameters")
        # Other links reach out of the file, to wherever whoever wrote it pleased.
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ModelFileError(f"{group.name}/{key} is a link to somewhere else")
        item = group[key]
        if isinstance(item, h5py.Group):
            result[key] = _read_group(item, left, depth + 1)
        elif isinstance(item, h5py.Dataset):
            if item.external is not None or item.is_virtual:
                raise ModelFileError(f"{item.name}: its numbers lie in another file")
            left[0] -= 0 if item.size is None else item.size * item.dtype.itemsize
            if left[0] < 0:
                raise ModelFileError(
                    f"{item.name}: with its {item.shape} numbers the file holds more than "
                    f"{MAX_BYTES >> 20} MiB, which no image can hold"
                )
            check_storage(item)
            result[key] = item[()]
    return result
