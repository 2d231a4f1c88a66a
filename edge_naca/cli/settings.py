"""Defaults of options, kept in a file: ``config.toml``."""

from __future__ import annotations

import difflib
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from edge_naca.files import read_file
from edge_naca.printable import shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VARIABLE = "EDGE_NACA_CONFIG"

LARGEST = 1 << 20  # bytes of a file of defaults
_META = "edge_naca.settings"


class Settings:
    """What a file says of the options of commands, by command and option.

    Parameters
    ----------
    path : of the file.
    content : its entries: tables are commands, all others are options of ``edge-naca`` itself.
    """

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self.path = path
        self.content = content

    def error(self, place: str, what: str) -> click.ClickException:
        """Return the refusal of an entry."""
        return click.ClickException(shown(f"{self.path}: {place}: {what}", 1000))

    def apply(self, ctx: click.Context, name: str, command: click.Command) -> None:
        """Let the options of a command, and of those in it, take their defaults from the file.

        Raises
        ------
        ClickException
            If an entry names no option, or has a value that the option does not take.
        """
        table = self.content.get(name)
        if table is None:
            return
        if not isinstance(table, dict):
            raise self.error(name, f"is a command: write its options below a line [{name}]")
        defaults = dict(ctx.default_map or {})
        ctx.default_map = {**defaults, name: self.defaults(ctx, command, table, name)}

    def check(self, ctx: click.Context) -> None:
        """Refuse an entry of any command as `apply` does; `ctx` is that of the whole program."""
        assert isinstance(ctx.command, click.Group)
        for name in self.content:
            command = ctx.command.get_command(ctx, name)
            if command is not None:
                self.apply(ctx, name, command)

    def defaults(
        self, ctx: click.Context, command: click.Command, table: Mapping[str, Any], place: str
    ) -> dict[str, Any]:
        """Return what a table says, by the names that click knows.

        Parameters
        ----------
        ctx : of the command around this one.
        place : of the table, for people: "train", "bench.class-incremental", "" for the whole file.
        """
        commands = command.list_commands(ctx) if isinstance(command, click.Group) else []
        options = _options(command)
        defaults = {}
        for key, value in table.items():
            if key in commands:
                if place:
                    assert isinstance(command, click.Group)
                    inner = command.get_command(ctx, key)
                    assert inner is not None
                    if not isinstance(value, dict):
                        raise self.error(f"{place}.{key}", "is a command, not an option")
                    defaults[key] = self.defaults(ctx, inner, value, f"{place}.{key}")
            elif key in options:
                option = options[key]
                assert option.name is not None
                defaults[option.name] = self._value(ctx, option, value, _entry(place, key))
            else:
                raise self.error(_entry(place, key), _unknown(place, key, [*options, *commands]))
        return defaults

    def _value(self, ctx: click.Context, option: click.Option, value: Any, place: str) -> Any:
        """Return a value as somebody would type it, once the option has taken it."""
        if option.is_flag:
            if not isinstance(value, bool):
                raise self.error(place, "is true or false")
            return value
        values = value if option.multiple and isinstance(value, list) else [value]
        if not all(isinstance(one, (str, int, float)) for one in values) or any(
            isinstance(one, bool) for one in values
        ):
            kinds = (
                "a text, a number, or a list of them" if option.multiple else "a text or a number"
            )
            raise self.error(place, f"is {kinds}")
        try:
            typed = [str(one) for one in values]
            given = typed if option.multiple else typed[0]
            option.type_cast_value(ctx, given)
        except click.BadParameter as error:
            raise self.error(place, error.message) from error
        except ValueError as error:  # a number of thousands of digits
            raise self.error(place, str(error)) from error
        return given


def read(path: Path) -> Settings:
    """Read a file of defaults.

    Raises
    ------
    ClickException
        If it cannot be read, or is no TOML.
    """
    settings = Settings(path, {})
    try:
        settings.content = tomllib.loads(read_file(path, LARGEST).decode("utf-8-sig"))
    except OSError as error:
        raise settings.error("cannot be read", error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:  # numbers and towers of lists may be too large
        raise settings.error("is no TOML", str(error)) from error
    return settings


def place() -> Path:
    """Return where the file of defaults lies unless somebody says otherwise."""
    return Path(click.get_app_dir("edge-naca")) / "config.toml"


def load(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Take defaults from a file, or from where it usually lies; the callback of ``--config``."""
    if ctx.resilient_parsing:  # completion asks what there is, not what was set
        return path
    if path is None:
        path = place()
        if not path.is_file():
            return None
    settings = ctx.meta[_META] = read(path)
    ctx.default_map = settings.defaults(ctx, ctx.command, settings.content, "")
    return path


def current(ctx: click.Context) -> Settings | None:
    """Return the settings that this run of the program goes by."""
    settings: Settings | None = ctx.meta.get(_META)
    return settings


def typed(ctx: click.Context) -> str:
    """Return the options of a command that a file decided, as somebody would have typed them."""
    words: list[str] = []
    for name, option in _options(ctx.command).items():
        assert option.name is not None
        if ctx.get_parameter_source(option.name) is not ParameterSource.DEFAULT_MAP:
            continue
        value = (ctx.default_map or {})[option.name]
        if option.is_flag:
            opposite = option.secondary_opts[0] if option.secondary_opts else None
            words += [f"--{name}"] if value else [opposite] if opposite else []
        else:
            for one in value if option.multiple else [value]:
                words += [f"--{name}", one]
    return shlex.join(words)


def _options(command: click.Command) -> dict[str, click.Option]:
    """Return the options that can have another default, by their long names without dashes."""
    return {
        long.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option)
        and not option.is_eager
        and (not option.is_flag or option.is_bool_flag)
        for long in option.opts
        if long.startswith("--")
    }


def _entry(place: str, key: str) -> str:
    return f"[{place}] {key}" if place else key


def _unknown(place: str, key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, 1)
    guess = f"did you mean {near[0]}? " if near else ""
    command = " ".join(["edge-naca", *place.split(".")]).strip()
    kind = "option" if place else "command or option"
    return f"there is no such {kind}: {guess}'{command} --help' lists them"
