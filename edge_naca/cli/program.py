"""The group of all commands: it imports one when it is asked for, and says how failures end."""

from __future__ import annotations

import errno
import io
import shlex
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from edge_naca.cli import settings
from edge_naca.cli.common import COMMAND, INTERRUPTED
from edge_naca.cli.endings import interrupt, interruptible
from edge_naca.cli.logbook import logged
from edge_naca.extras import MissingExtraError
from edge_naca.host.device import DeviceError
from edge_naca.printable import LAYOUT, printable

LONGEST = 2000  # characters of a message
SECRET, HIDDEN = "--phrase", "***"  # the option that is not to be kept, and what stands for it


class Entry(NamedTuple):
    """Where a command is, as ``module:attribute``, and the line that the list of commands shows."""

    place: str
    summary: str


class Program(click.Group):
    """A group whose failures are one line on stderr: exit 1, 130 when interrupted.

    Parameters
    ----------
    entries : the commands by their names. The list of commands shows what stands here, so that
        help and completion import none of them.
    """

    def __init__(self, *, entries: Mapping[str, Entry], **settings: Any) -> None:
        super().__init__(**settings)
        self._entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        module, attribute = entry.place.split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        known = settings.current(ctx)
        if known is not None and name is not None and command is not None:
            known.apply(ctx, name, command)
        return name, command, rest

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [
            CompletionItem(name, help=self._entries[name].summary)
            for name in self.list_commands(ctx)
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, self._entries[name].summary) for name in sorted(self._entries)]
            )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta.setdefault(COMMAND, shlex.join(["edge-naca", *_unsecret(args)]))
        try:
            return super().parse_args(ctx, args)
        except OSError as error:  # of writing what --help says
            if error.errno == errno.EPIPE:
                raise
            raise click.ClickException(_one_line(error)) from error

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # not every terminal knows ± or ×
        try:
            with logged(ctx, ctx.meta[COMMAND]), interruptible(interrupt):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)
        except click.NoSuchOption as error:
            own = next((p for p in self.get_params(ctx) if error.option_name in p.opts), None)
            if own is None or error.ctx is ctx:
                raise
            said = f"{error.option_name} stands before the command"
            raise click.UsageError(said, error.ctx) from error
        except click.ClickException as error:
            vars(error)["message"] = printable(error.message, kept=LAYOUT)
            raise
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            raise click.ClickException(_one_line(error)) from error
        except MemoryError as error:
            raise click.ClickException(_one_line(error) or "there is too little memory") from error
        except (ValueError, DeviceError, MissingExtraError) as error:
            raise click.ClickException(_one_line(error)) from error


def _unsecret(words: list[str]) -> list[str]:
    """Return a command's words without the pass phrase, for logs and whoever reads them."""
    kept: list[str] = []
    for word in words:
        if kept and kept[-1] == SECRET:
            word = HIDDEN
        elif word.startswith(f"{SECRET}="):
            word = f"{SECRET}={HIDDEN}"
        kept.append(word)
    return kept


def _one_line(error: Exception) -> str:
    said = str(error)
    if isinstance(error, OSError) and error.strerror:  # without the number, which says the same
        place = "" if error.filename is None else f"{error.filename}: "
        said = f"{place}{error.strerror}"
    return printable(" ".join(said.split()), LONGEST)
