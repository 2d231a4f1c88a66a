"""Keys pressed while a command runs, where a terminal is there to press them."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Keys:
    """Keys as they are pressed; none where standard input is no terminal."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    @property
    def are_there(self) -> bool:
        """Whether anybody can press some."""
        return self._descriptor is not None

    def pressed(self, seconds: float) -> str:
        """Return what was pressed within so many seconds, "" for nothing."""
        if self._descriptor is None:
            select.select([], [], [], seconds)
            return ""
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return ""
        return os.read(self._descriptor, 64).decode("ascii", "replace")


@contextmanager
def keys() -> Iterator[Keys]:
    """Hear keys at once, without Enter, as long as this lasts."""
    try:
        descriptor = sys.stdin.fileno()
        is_terminal = os.isatty(descriptor)
    except (OSError, ValueError):
        is_terminal = False
    if not is_terminal:
        yield Keys(None)
        return
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSADRAIN)  # what was typed before counts as well
    try:
        yield Keys(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
