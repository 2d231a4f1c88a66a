"""``--log``: what a command was, did and said, for later and for whoever is asked for help."""

from __future__ import annotations

import errno
import logging
import os
import platform
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from edge_naca import __version__

LOGGER = logging.getLogger("edge_naca")


_META = "edge_naca.log"


class _File(logging.FileHandler):
    """A file to which nothing more is written once it has failed.

    Attributes
    ----------
    failure : why it failed; None while all is well.
    """

    def __init__(self, path: Path) -> None:
        self.failure: OSError | None = None
        _refuse_unread_pipe(path)
        super().__init__(path, encoding="utf-8", errors="backslashreplace")

    def emit(self, record: logging.LogRecord) -> None:
        """Write what is logged."""
        if self.failure is None:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging names it so)
        """Keep why the file cannot be written; all else is a mistake of this program."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self.failure = OSError(error.errno, error.strerror, self.baseFilename)

    def close(self) -> None:
        """Close the file, whatever is left of what it could not take."""
        try:
            super().close()
        except OSError:
            if self.failure is None:
                raise


def _refuse_unread_pipe(path: Path) -> None:
    """Raise OSError if a path names a pipe that nobody reads: to open it would take for ever."""
    if path.exists() and stat.S_ISFIFO(path.stat().st_mode):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            raise OSError(f"{path} is a pipe that nobody reads: name a file") from error


def keep(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    """Remember the file; the callback of ``--log``."""
    ctx.meta[_META] = path


@contextmanager
def logged(ctx: click.Context, command: str) -> Iterator[None]:
    """Add to the file of ``--log`` what is logged below "edge_naca" meanwhile, and how it ends.

    Parameters
    ----------
    command : that runs, as it was typed.

    Raises
    ------
    OSError
        If the file cannot be written: at once, or behind what the command does if it fails later.
    """
    path = ctx.meta.get(_META)
    if path is None:
        yield
        return
    handler = _File(path)
    layout = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    layout.converter = time.gmtime
    handler.setFormatter(layout)
    before = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    start = time.monotonic()
    system = f"Python {platform.python_version()}, {platform.platform()}"
    LOGGER.info("%s (edge-naca %s, %s)", command, __version__, system)
    end = "done"
    try:
        _complain(handler)
        yield
    except click.exceptions.Exit as error:
        end = f"exit {error.exit_code}"
        raise
    except KeyboardInterrupt:
        end = "interrupted"
        raise
    except BaseException as error:
        end = f"failed with {type(error).__name__}"
        said = error.format_message() if isinstance(error, click.ClickException) else error
        LOGGER.error("%s", said, exc_info=True)
        raise
    finally:
        LOGGER.info("%s after %.3f s", end, time.monotonic() - start)
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before)
        handler.close()
    _complain(handler)


def _complain(handler: _File) -> None:
    if handler.failure is not None:
        raise handler.failure
