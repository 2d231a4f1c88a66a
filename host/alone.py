"""Files that one process writes, and no other at the same time."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl


def open_alone(path: Path) -> BinaryIO:
    """Open a file to write in, whether it is there or not, and keep others from doing the same.

    It is the process that is alone: the file is free when it ends, however it ends.

    Raises
    ------
    BlockingIOError
        If somebody else has it open like this.
    OSError
        If it cannot be opened.
    """
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
    try:
        _lock(file)
        if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise BlockingIOError
    except FileNotFoundError as error:
        file.close()
        raise BlockingIOError from error
    except BaseException:
        file.close()
        raise
    return file


def _lock(file: BinaryIO) -> None:
    if sys.platform == "win32":  # nobody else opens a file there that is written
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return  # some file systems have no locks
