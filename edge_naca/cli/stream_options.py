"""What the commands that stream let somebody say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from edge_naca.choices import ORDERS, PART
from edge_naca.cli import common, ports, signals
from edge_naca.cli.numbers import NumberRange

if TYPE_CHECKING:
    from edge_naca.host.chaos import Chaos

Function = TypeVar("Function", bound=Callable[..., Any])

SAVED = 1000  # samples between two saves on the device


@dataclass(frozen=True)
class Wanted:
    """What is to be streamed, and how: the options of the command line, by their names."""

    data: str | None
    recordings: tuple[str, ...]
    sensor: bool
    real_time: bool
    reading: common.Reading
    windowing: signals.Windowing
    order: str
    seed: int
    limit: int | None
    rate: float | None
    learn: bool
    ask: float | None
    batch: int
    twin: int | None
    record: Path | None
    resume: bool
    save_every: int
    wait: float | None
    line: dict[str, Any]
    chaos: Chaos | None
    as_json: bool


def stream_options(command: Function) -> Function:
    """Add the options that say what is streamed, and how; the command gets them as `wanted`."""

    @_what
    @_how
    @wraps(command)
    def with_options(*args: Any, **given: Any) -> Any:
        wanted = Wanted(**{field.name: given.pop(field.name) for field in fields(Wanted)})
        return command(*args, wanted=wanted, **given)

    return cast(Function, with_options)


def _what(command: Function) -> Function:
    """Add the options that say what is streamed."""

    @click.option("--data", metavar="NAME|FILE", help="Samples, as for train.")
    @click.option(
        "--signal", "recordings", multiple=True, metavar="FILE",
        help="Instead of --data: a recording, as for train --signal; the device is sent its "
        "samples, and cuts windows and learns by itself.",
    )  # fmt: skip
    @click.option(
        "--sensor", is_flag=True,
        help="Instead of --data: the board's own sensor. Keys 1 .. 9 teach what is there.",
    )  # fmt: skip
    @click.option(
        "--real-time", is_flag=True, help="With --signal: as fast as it was recorded, no faster.",
    )  # fmt: skip
    @common.reading_options
    @signals.log_options
    @click.option(
        "--order", type=click.Choice(ORDERS), default="class", show_default=True,
        help="One class after another, everything shuffled, or as the data comes.",
    )  # fmt: skip
    @click.option(
        "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
        help="Of the order; 0 keeps classes in the order of their labels.",
    )  # fmt: skip
    @click.option(
        "--limit", type=click.IntRange(1), metavar="N",
        help="Use the first N of DATA only; with --sensor, end after N windows.",
    )  # fmt: skip
    @wraps(command)
    def with_options(*args: Any, **given: Any) -> Any:
        return command(*args, **given)

    return cast(Function, with_options)


def _how(command: Function) -> Function:
    """Add the options that say how it is streamed."""

    @click.option(
        "--rate", type=NumberRange(0, min_open=True), metavar="HZ",
        help="Samples a second, at most.  [as many as possible]",
    )  # fmt: skip
    @click.option(
        "--learn/--predict", default=True,
        help="Tell the device each label after its answer (the default), or only ask.",
    )  # fmt: skip
    @click.option(
        "--ask", type=NumberRange(0, 1, min_open=True), metavar="SHARE",
        help="Teach only samples whose labels are worth asking for, about this share of all: 0.1.",
    )  # fmt: skip
    @click.option(
        "--batch", type=click.IntRange(1, 64), default=1, show_default=True,
        help="Samples in one request, at most: fewer bytes on the line, but answers come later.",
    )  # fmt: skip
    @click.option(
        "--twin", type=click.IntRange(1), is_flag=False, flag_value=PART, metavar="[N]",
        help=f"Run the same core here, compare every answer, and hashes every N samples ({PART}).",
    )  # fmt: skip
    @click.option(
        "--record", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
        help="Record everything; a recording of the same stream that is there is gone on with.",
    )  # fmt: skip
    @click.option(
        "--resume", is_flag=True,
        help="Without a recording: what the device learned beyond its image was this stream.",
    )  # fmt: skip
    @click.option(
        "--save-every", type=click.IntRange(0), default=SAVED, show_default=True, metavar="N",
        help="Save on the device every N samples, and at the end; 0 never does.",
    )  # fmt: skip
    @click.option(
        "--wait", type=NumberRange(0), metavar="SECONDS",
        help="How long to wait for a device that is gone to come back.  [for ever]",
    )  # fmt: skip
    @ports.line_options
    @ports.chaos_option
    @common.json_option
    @wraps(command)
    def with_options(*args: Any, **given: Any) -> Any:
        return command(*args, **given)

    return cast(Function, with_options)
