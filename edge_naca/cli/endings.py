"""How commands are ended from outside: Ctrl-C, a polite kill, a terminal that goes away."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# Windows has no SIGHUP.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_ENDINGS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` when the user or the system wants an end; a second wish ends things at once.

    A signal that whoever started the program lets it ignore, as nohup does, stays ignored.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        for signum, handler in before.items():
            signal.signal(signum, handler)
        if number == getattr(signal, "SIGHUP", None):
            say_nothing(streams)
        stop()

    streams = terminals()
    # Signals are the main thread's business.
    numbers = _ENDINGS if threading.current_thread() is threading.main_thread() else ()
    known = {number: signal.getsignal(number) for number in numbers}
    before = {number: handler for number, handler in known.items() if handler != signal.SIG_IGN}
    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt() -> None:
    """Raise KeyboardInterrupt, as Ctrl-C does where nobody takes care of it."""
    raise KeyboardInterrupt


def terminals() -> list[int]:
    """Return which of the descriptors 1 and 2, stdout and stderr, are terminals."""
    return [number for number in (1, 2) if os.isatty(number)]


def say_nothing(streams: list[int]) -> None:
    """Send what is still written nowhere: on a terminal that is gone, writing fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in streams:
        os.dup2(nowhere, number)
    os.close(nowhere)
