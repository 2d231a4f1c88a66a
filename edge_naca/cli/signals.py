"""Recordings of a signal on the command line: options, reading, and what is said about them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import click

from edge_naca.choices import SPLITS
from edge_naca.cli import common, report
from edge_naca.cli.numbers import NumberRange

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_naca.core import Core
    from edge_naca.data import Dataset
    from edge_naca.network import Network
    from edge_naca.signal_features import Signal
    from edge_naca.signals.reading import LogOptions
    from edge_naca.signals.recordings import Recording
    from edge_naca.signals.splits import Split

Function = TypeVar("Function", bound=Callable[..., Any])

TOLD = 6  # lines about how recordings were read
MAX_VOTES = 16  # as in edge_naca.limits, which help does not load
MAX_REST = 255  # windows, as an image can say


NOTHING: Mapping[str, Any] = MappingProxyType({})


class Loaded(NamedTuple):
    """Samples, and of recordings what was made of them.

    Parameters
    ----------
    dataset : Dataset
    signal : what made features; None of samples that are no recordings.
    metadata : what a new image is to say.
    groups : of each sample to learn; None of samples that are no recordings.
    options : of a network, as `edge_naca.recipes.network_for` takes them, where they were found.
    tested : recordings that are tested on.
    """

    dataset: Dataset
    signal: Signal | None = None
    metadata: Mapping[str, Any] = NOTHING
    groups: NDArray[np.str_] | None = None
    options: Mapping[str, Any] = NOTHING
    tested: tuple[Recording, ...] = ()


class Chosen(NamedTuple):
    """Features, and options of a network, that suit recordings."""

    signal: Signal
    options: dict[str, Any]


# Chooses for recordings, where `Windowing` says nothing else.
Chooser = Callable[[Sequence["Recording"], "Windowing"], Chosen]


class Read(NamedTuple):
    """Recordings, and how they were read, for people."""

    recordings: tuple[Recording, ...]
    remarks: list[str]


def seconds_of(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return "2.5", "2.5s" or "500ms" in seconds."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s)?", value.strip())
    seconds = 0.0 if match is None else float(match[1]) * (1e-3 if match[2] == "ms" else 1)
    if not 0 < seconds < 1e6:
        raise click.BadParameter(f"{value!r} is no duration: write 2.5s or 500ms.", ctx, param)
    return seconds


@dataclass(frozen=True)
class Windowing:
    """What `signal_options` were given."""

    signal: bool = False
    rate: float | None = None
    window: float | None = None
    hop: float | None = None
    group: str | None = None
    time_column: str | None = None
    split: str = "auto"

    @property
    def options(self) -> tuple[str, ...]:
        """Options that say something about recordings, as they are typed."""
        names = [field.name for field in fields(self) if field.name != "signal"]
        return tuple(
            "--" + name.replace("_", "-")
            for name in names
            if getattr(self, name) not in (None, "auto")
        )


def signal_options(function: Function) -> Function:
    """Add what tells how to read recordings and to cut them; a `Windowing` is handed over."""

    @wraps(function)
    def command(*args: Any, windowing: Windowing, **values: Any) -> Any:
        cut = {name: values.pop(name) for name in ("signal", "rate", "window", "hop", "split")}
        return function(*args, windowing=replace(windowing, **cut), **values)

    reading = log_options(command)
    for decorate in (_SPLIT, _HOP, _WINDOW, _RATE, _SIGNAL):
        reading = decorate(reading)
    return cast(Function, reading)


def log_options(function: Function) -> Function:
    """Add what tells how to read recordings; the command is handed one `Windowing`."""

    @wraps(function)
    def command(*args: Any, **values: Any) -> Any:
        chosen = {name: values.pop(name) for name in ("group", "time_column")}
        return function(*args, windowing=Windowing(**chosen), **values)

    for decorate in (_TIME_COLUMN, _GROUP):
        command = decorate(command)
    return cast(Function, command)


_TIME_COLUMN = click.option(
    "--time-column",
    metavar="NAME",
    help="Of recordings: the column of times.  [one that bears such a name]",
)
_GROUP = click.option(
    "--group",
    metavar="NAME",
    help="Of recordings: the column that says who or what they are of. Who is tested on is not "
    "learned from.  [every file]",
)
_SPLIT = click.option(
    "--split",
    type=click.Choice(SPLITS),
    default="auto",
    show_default=True,
    help="Of recordings, what is tested on: whole groups, or the last part in time of every class "
    "in every recording. auto: groups where every class is of two at least.",
)
_HOP = click.option(
    "--hop",
    callback=seconds_of,
    metavar="DURATION",
    help="From one window to the next.  [half a window]",
)
_WINDOW = click.option(
    "--window",
    callback=seconds_of,
    metavar="DURATION",
    help="How long a window is, as 2.5s or 500ms: the nearest power of two of samples.  "
    "[2.56s, of sound 0.512s]",
)
_RATE = click.option(
    "--rate",
    type=NumberRange(min=0, min_open=True),
    metavar="HZ",
    help="Samples a second of recordings.  [what times in them, or the image, say]",
)
_SIGNAL = click.option(
    "--signal",
    is_flag=True,
    help="DATA are recordings of a sensor, rows in the order of time, or folders of such files, "
    "one a class: windows of them are cut and turned into features, by the image, on a device too.",
)


@dataclass(frozen=True)
class Deciding:
    """What `decision_options` were given.

    Parameters
    ----------
    decide : M and N: M of the latest N answers have to agree; None for every answer.
    rest : seconds behind a decision in which there is none.
    """

    decide: tuple[int, int] | None = None
    rest: float | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """Options that were given, as they are typed."""
        return tuple(f"--{name}" for name in ("decide", "rest") if getattr(self, name) is not None)

    def given_to(self, found: Loaded) -> Loaded:
        """Return what was loaded with a signal that decides so.

        Raises
        ------
        click.UsageError, ValueError
        """
        if not self.options:
            return found
        if found.signal is None:
            raise click.UsageError(f"{', '.join(self.options)} goes with --signal")
        signal, (quorum, votes) = found.signal, self.decide or (1, 1)
        windows = 0 if self.rest is None else math.ceil(self.rest * signal.rate / signal.hop)
        if windows > MAX_REST:
            raise click.UsageError(
                f"--rest of {self.rest:g} s is {windows} windows, {MAX_REST} are the most: take a "
                "longer --hop"
            )
        return found._replace(signal=replace(signal, votes=votes, quorum=quorum, rest=windows))


def _agreeing(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Return "3/5" as two numbers."""
    if value is None:
        return None
    match = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", value)
    quorum, votes = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= quorum <= votes <= MAX_VOTES:
        raise click.BadParameter(
            f"{value!r}: write 3/5 for 3 of 5 answers, of {MAX_VOTES} at most", ctx, param
        )
    return quorum, votes


def decision_options(function: Function) -> Function:
    """Add what says when windows' answers are a decision; a `Deciding` is handed over."""

    @click.option(
        "--decide", metavar="M/N", callback=_agreeing,
        help="Of recordings: decide for a class where M of the latest N answers are it, as 3/5.",
    )  # fmt: skip
    @click.option(
        "--rest", callback=seconds_of, metavar="DURATION",
        help="Of recordings: how long there is no decision behind one, as 2s.",
    )  # fmt: skip
    @wraps(function)
    def command(
        *args: Any, decide: tuple[int, int] | None, rest: float | None, **values: Any
    ) -> Any:
        return function(*args, deciding=Deciding(decide, rest), **values)

    return cast(Function, command)


def load(
    data: tuple[str, ...],
    reading: common.Reading,
    windowing: Windowing,
    core: Core | None,
    quiet: bool,
    choose: Chooser | None = None,
) -> Loaded:
    """Load data: samples as they are, or windows of recordings and what made features of them.

    Parameters
    ----------
    core : whose signal makes features; None to find one that suits.
    quiet : whether nothing is said of how recordings were read.
    choose : finds one by what is not tested on; None for one that is known to suit.

    Raises
    ------
    DataError, click.UsageError
    """
    known = None if core is None else core.network.signal
    has_signal = known is not None
    if not windowing.signal and not (has_signal and all(map(_is_recording, data))):
        if windowing.options:
            raise click.UsageError(f"{', '.join(windowing.options)} goes with --signal")
        if len(data) > 1:
            raise click.UsageError("one DATA is read, or recordings with --signal")
        return Loaded(common.load_data(data[0], reading))
    if core is not None and known is None:
        raise click.UsageError("--signal: the image takes ready features, it has no signal")
    if has_signal and (windowing.window is not None or windowing.hop is not None):
        raise click.UsageError("--window, --hop: the image decides that")
    network = None if core is None else core.network
    read = read_recordings(data, reading, windowing, network)
    return _windows(data, read, reading, windowing, network, quiet, choose)


def _is_recording(name: str) -> bool:
    from edge_naca.signals.reading import KNOWN

    return Path(name).suffix.lower() in KNOWN or Path(name).is_dir()


def read_recordings(
    data: tuple[str, ...],
    reading: common.Reading,
    windowing: Windowing,
    network: Network | None = None,
) -> Read:
    """Read recordings that are alike, and warn of what is odd about them.

    Parameters
    ----------
    network : that they are for, if there is one already.

    Raises
    ------
    DataError, click.UsageError
    """
    from edge_naca.signals import reading as files
    from edge_naca.signals.recordings import check_alike, doubts
    from edge_naca.signals.usual import unusual

    signal = None if network is None else network.signal
    if reading.labels is not None and reading.label_column is not None:
        raise click.UsageError("--labels and --label-column both say what classes are: give one")
    options = _log_options(reading, windowing, None if signal is None else signal.rate)
    found = files.read_recordings(data, options)
    check_alike(found.recordings)
    warnings = list(doubts(found.recordings))
    if network is not None and signal is not None:
        _check_fits(signal, found.recordings)
        warnings += unusual(found.recordings, network.metadata)
    for warning in warnings:
        report.say(f"Warning: {warning}", err=True)
    return Read(found.recordings, list(found.remarks))


def tell(remarks: Sequence[str]) -> None:
    """Print how recordings were read: of many files, only what is said of the first ones."""
    for line in remarks[:TOLD]:
        report.say(line)
    if len(remarks) > TOLD:
        report.say(f"and {len(remarks) - TOLD} lines more about how recordings were read")


def lengths_of(windowing: Windowing, rate: float) -> tuple[int | None, int | None]:
    """Return window and hop in samples; None for what was not said."""
    from edge_naca.signals.choosing import window_of

    window = None if windowing.window is None else window_of(windowing.window, rate)
    hop = None if windowing.hop is None else max(round(windowing.hop * rate), 1)
    return window, hop


def hold_out(
    recordings: Sequence[Recording], windowing: Windowing, fraction: float
) -> tuple[Split | None, tuple[Recording, ...]]:
    """Return what is tested on, None for nothing, and what is left to choose by.

    It is decided before a length of windows is: by the shortest that may be chosen.
    """
    from edge_naca.search.candidates import lengths
    from edge_naca.signals.recordings import places_of
    from edge_naca.signals.splits import held_out

    if fraction == 0:
        return None, tuple(recordings)
    window, hop = lengths_of(windowing, recordings[0].rate)
    window = min(lengths(recordings)) if window is None else window
    places = places_of(recordings, window, window // 2 if hop is None else hop)
    split = held_out(recordings, places, fraction, by=windowing.split)
    return split, split.rest(recordings)


def _windows(
    data: tuple[str, ...],
    read: Read,
    reading: common.Reading,
    windowing: Windowing,
    network: Network | None,
    quiet: bool,
    choose: Chooser | None,
) -> Loaded:
    from edge_naca.printable import printable
    from edge_naca.signals.choosing import LOWEST_PITCH, is_of_sound, scaled_by, suitable
    from edge_naca.signals.datasets import dataset_of
    from edge_naca.signals.recordings import places_of
    from edge_naca.signals.splits import held_out
    from edge_naca.signals.usual import usual

    recordings, fraction, split = read.recordings, reading.test_fraction, None
    if not quiet:
        tell(read.remarks)
    options: dict[str, Any] = {}
    if network is not None and network.signal is not None:
        signal, metadata = network.signal, {}
    elif choose is None:
        signal = suitable(recordings, windowing.window, windowing.hop)
        if fraction > 0:
            places = places_of(recordings, signal.window, signal.hop)
            split = held_out(recordings, places, fraction, by=windowing.split)
            signal = scaled_by(split.rest(recordings), signal)
        metadata = usual(recordings)
    else:
        split, rest = hold_out(recordings, windowing, fraction)
        signal, options = choose(rest, windowing)
        metadata = usual(recordings)
    name = printable(Path(data[0]).stem) if len(data) == 1 else f"{len(data)} recordings"
    windowed = dataset_of(name, recordings, signal, fraction, 0, windowing.split, split)
    dataset = windowed.dataset
    how = (
        f"windows of {signal.window} samples ({signal.seconds:g} s), one every {signal.hop}: "
        f"{len(dataset.y_train)} to learn, {len(dataset.y_test)} to test, {signal.features} "
        f"features each; {windowed.split}"
    )
    lines = [how]
    if network is None and choose is None and is_of_sound(recordings[0]):
        sound = f"taken for sound: bands above {LOWEST_PITCH:g} Hz"
        others = "--features auto looks for others too, as a machine's vibration may need them"
        # They are chosen by how well classes are told apart.
        is_alone = signal.bands is not None and not signal.bands.level
        lines.append(sound + ("" if is_alone else f", without how loud it is; {others}"))
    if windowed.mixed:
        lines.append(f"{windowed.mixed} windows left out, which are not of one class")
    if windowed.missing:
        report.say(
            f"Warning: no window to learn is of {', '.join(windowed.missing)}: record more of it, "
            "or take a shorter --window",
            err=True,
        )
    if not quiet:
        for line in lines:
            report.say(line)
    dataset = replace(dataset, description="; ".join([*read.remarks, *lines]))
    return Loaded(dataset, signal, metadata, windowed.groups, options, windowed.tested)


def _log_options(
    reading: common.Reading, windowing: Windowing, usual_rate: float | None
) -> LogOptions:
    """Return what the options say of how to read recordings."""
    from edge_naca.signals.reading import LogOptions
    from edge_naca.tables.read import TableOptions

    table = TableOptions(
        reading.delimiter,
        reading.header,
        reading.decimal,
        reading.encoding,
        reading.columns,
        reading.drop,
    )
    return LogOptions(
        windowing.rate,
        reading.label_column,
        windowing.group,
        windowing.time_column,
        table,
        usual_rate,
        reading.labels,
    )


def _check_fits(signal: Signal, recordings: tuple[Recording, ...]) -> None:
    """Refuse recordings of another rate or of other channels than an image takes.

    Raises
    ------
    DataError
    """
    from edge_naca.data import DataError
    from edge_naca.printable import shown

    for recording in recordings:
        channels = recording.samples.shape[1]
        if channels != signal.channels:
            raise DataError(
                f"{shown(recording.name)} has {channels} channels, the image takes "
                f"{signal.channels}: --columns chooses them"
            )
        if not signal.is_at(recording.rate):
            raise DataError(
                f"{shown(recording.name)} has {recording.rate:g} samples a second, the image takes "
                f"{signal.rate:g}: features would mean something else; resample it, or say --rate "
                "if times in it are wrong"
            )
