"""``--log``: what a command was, did and said, for later and for whoever is asked for help."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from edge_naca import __version__

LOGGER = logging.getLogger("edge_naca")


_META = "edge_naca.log"


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
        If the file cannot be written.
    """
    path = ctx.meta.get(_META)
    if path is None:
        yield
        return
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
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
