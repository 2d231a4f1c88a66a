"""Files as a ZIP."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a ZIP can say: equal files make equal archives
_REGULAR_FILE = 0o100644 << 16


def zipped(files: Mapping[str, bytes], folder: str) -> bytes:
    """Return a ZIP of one folder.

    Parameters
    ----------
    files : their content, by their places in the folder.
    folder : what it is called.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        for place in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{place}", _EARLIEST)
            entry.external_attr = _REGULAR_FILE
            made.writestr(entry, files[place], zipfile.ZIP_DEFLATED)
    return archive.getvalue()
