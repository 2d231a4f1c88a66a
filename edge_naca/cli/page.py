"""The page on which people watch a device, as commands serve it."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_naca.cli import report
from edge_naca.cli.endings import interruptible

if TYPE_CHECKING:
    from edge_naca.host.client import LinkDevice
    from edge_naca.host.watching import Control, Watching


@dataclass(frozen=True)
class Page:
    """Where the page is.

    Parameters
    ----------
    address, port : of this machine; port 0 for any that is free.
    opens : whether a browser is opened.
    stays : whether the page is there until Ctrl-C, also when nothing more comes.
    """

    address: str
    port: int
    opens: bool
    stays: bool

    @contextmanager
    def shown(
        self, title: str, device: LinkDevice, names: Sequence[str], control: Control | None
    ) -> Iterator[Watching]:
        """Serve the page as long as this lasts, and say where.

        Parameters
        ----------
        title, names, control : as of `Watching`.
        device : in its state of now.
        """
        from edge_naca.host.watching import Watching
        from edge_naca.host.web import server

        watching = Watching(title, names, device.copy(), device.counts, control)
        with server.Page(watching, self.address, self.port) as page:
            # On stderr, where it is no part of what --json prints.
            report.say(f"Watch at {page.url}", err=True)
            if self.opens:
                webbrowser.open(page.url)
            yield watching

    def stay(self, watching: Watching) -> None:
        """Say that nothing more comes, and wait for Ctrl-C if the page is to stay."""
        watching.is_over = True
        if not self.stays:
            return
        report.say("The page stays until Ctrl-C.", err=True)
        ended = threading.Event()
        with interruptible(ended.set):
            while not ended.wait(1):
                pass
