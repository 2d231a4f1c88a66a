"""Recordings from files: logs as text (CSV and the like) or Parquet, and sound (WAV)."""

from __future__ import annotations

import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.data import TABLES, DataError, check_class_name
from edge_naca.printable import printable, shown
from edge_naca.signal_features import NEAR
from edge_naca.signals.clock import UNEVEN, Clock, check_rate, clock_of, rate_of
from edge_naca.signals.recordings import Recording, rising_channels
from edge_naca.signals.tracks import labels_of, track_of
from edge_naca.tables.columns import find_column
from edge_naca.tables.errors import TableError, quoted
from edge_naca.tables.logs import Log, read_log
from edge_naca.tables.parquet import SUFFIX as PARQUET
from edge_naca.tables.parquet import read_parquet
from edge_naca.tables.read import TableOptions
from edge_naca.tables.times import unit_named

Array = NDArray[Any]

SOUND = (".wav",)
KNOWN = (*TABLES, PARQUET, *SOUND)
LABEL, GROUP = "--label-column", "--group"
LARGEST = 1 << 28  # bytes of a WAV file

_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class LogOptions:
    """How to read recordings where that is not found.

    Parameters
    ----------
    rate : samples a second; None for what a column of times, or a WAV file, says.
    label_column : column of classes; None for one class a file, named after it.
    labels : label track: a table of start, end and label, or a folder of such tables that are named
        after the recordings; None for none. Times are those of the recording's column of times,
        else seconds from its first sample.
    group : column that says who or what a sample is of; None for every file one of its own.
    time_column : column of times; None for one that bears such a name.
    table : how to read the text.
    usual_rate : samples a second where neither `rate` nor times say them; None to ask for them.
    """

    rate: float | None = None
    label_column: str | None = None
    group: str | None = None
    time_column: str | None = None
    table: TableOptions = field(default_factory=TableOptions)
    usual_rate: float | None = None
    labels: Path | None = None


@dataclass(frozen=True, eq=False)
class Read:
    """What files hold.

    Parameters
    ----------
    recordings : in the order of files, and of time.
    remarks : lines that say how they were read.
    """

    recordings: tuple[Recording, ...]
    remarks: tuple[str, ...]


def read_recordings(paths: Sequence[str | Path], options: LogOptions | None = None) -> Read:
    """Read recordings.

    A file without a column of labels or a label track is of one class, which bears its name. Where
    samples are missing, a recording ends and another one begins.

    Parameters
    ----------
    paths : of files, or of folders: all files in them, and in folders in them. Each of those is of
        the class that its folder is named after.

    Raises
    ------
    DataError
        If a file cannot be read; the message names it, and the line, column and option that helps.
    """
    options = options or LogOptions()
    recordings: list[Recording] = []
    remarks: list[str] = []
    files = list(_files(paths))
    _check_names([path for path, _ in files], options.labels)
    for path, name in files:
        if not path.is_file():
            raise DataError(f"there is no file {shown(path)}")
        try:
            read = _wav if _is_sound(path) else _log
            found, said = read(path, options, name)
        except (TableError, wave.Error, EOFError) as error:
            raise DataError(str(error) or f"{shown(path)} ends too early") from error
        except OSError as error:
            raise DataError(f"{shown(path)} cannot be read: {error}") from error
        recordings += found
        remarks += said
    return Read(tuple(recordings), tuple(remarks))


def _files(paths: Sequence[str | Path]) -> Iterator[tuple[Path, str]]:
    """Yield files, and what each is named after: itself, or the folder that it was found in."""
    for path in map(Path, paths):
        if not path.is_dir():
            yield path, path.stem
            continue
        found = [
            file
            for file in sorted(path.rglob("*"))
            if file.suffix.lower() in KNOWN and file.is_file()
        ]
        if not found:
            raise DataError(f"{shown(path)} holds no recordings: {', '.join(KNOWN)} files")
        yield from ((file, _called(file.parent)) for file in found)


def _called(folder: Path) -> str:
    """Return what a folder is called, one written as "." or ".." too."""
    return folder.resolve().name if folder.name in ("", "..") else folder.name


def _check_names(files: Sequence[Path], labels: Path | None) -> None:
    """Refuse a file that is given twice, and files that would share one label track."""
    if labels is not None and len(files) > 1 and not labels.is_dir():
        raise DataError(
            "--labels of several recordings is a folder, with a file named after each of them"
        )
    known: dict[str | Path, Path] = {}
    for file in files:
        same = known.setdefault(file.resolve(), file)
        if same is not file:
            raise DataError(f"{shown(file)} is given twice: what is tested would be learned too")
        other = known.setdefault(file.stem, file)
        if labels is not None and other is not file:
            raise DataError(
                f"--labels: {shown(other)} and {shown(file)} would take the same labels, those "
                f"named {shown(file.stem)}: name them apart, or keep labels in another folder"
            )


def _is_sound(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in KNOWN:
        raise DataError(f"{shown(path)}: recordings come from {', '.join(KNOWN)} files")
    return suffix in SOUND


# ---- sound -------------------------------------------------------------------------------------


def _wav(path: Path, options: LogOptions, name: str) -> tuple[list[Recording], list[str]]:
    if options.label_column is not None:
        raise DataError(f"{shown(path)}: sound has no columns: its name says which class it is of")
    if path.stat().st_size > LARGEST:
        raise DataError(f"{shown(path)} is larger than {LARGEST >> 20} MiB: cut it")
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            said = file.getnframes()
            data = file.readframes(said)
    except wave.Error as error:
        raise DataError(f"{shown(path)} is no WAV file of whole numbers: {error}") from error
    check_rate(shown(path), rate)
    if width not in range(1, 5):
        raise DataError(f"{shown(path)} has samples of {8 * width} bits: 8 to 32 can be read")
    data = data[: len(data) // (width * channels) * width * channels]
    numbers = _upper_bits(data, width)
    names = tuple(f"channel {at + 1}" for at in range(channels))
    table = options.table
    dropped = {find_column(path, names, one, "--drop") for one in table.drop}
    wanted = table.columns or names
    chosen = [find_column(path, names, one, "--columns") for one in wanted]
    chosen = [at for at in chosen if at not in dropped]
    if not chosen:
        raise DataError(f"{shown(path)}: --drop leaves none of its {channels} channels")
    samples = numbers.reshape(-1, channels)[:, chosen]
    if not len(samples):
        raise DataError(f"{shown(path)} holds no samples")
    if options.rate is not None and abs(options.rate / rate - 1) > 0.001:
        raise DataError(
            f"{shown(path)} has {rate} samples a second, --rate says {options.rate:g}: leave that "
            "out, or convert the file"
        )
    labels = _labels(path, options, name, np.arange(len(samples)) / rate)
    names = tuple(names[at] for at in chosen)
    recording = Recording(path.name, samples, float(rate), labels, path.stem, names)
    remarks = []
    if width != 2 or channels != 1:
        how = f"{shown(path)}: {channels} channels, {rate} a second, {8 * width} bits"
        remarks.append(f"{how}, {', '.join(names)} taken at 16 bits")
    if len(samples) < said:
        remarks.append(
            f"{shown(path)} is cut off: {len(samples)} samples are there, it says {said}"
        )
    return [recording], remarks


def _upper_bits(data: bytes, width: int) -> NDArray[np.int32]:
    """Return samples of so many bytes as 16 bits: their upper ones, as a sensor of 16 gives."""
    if width == 1:  # without a sign, around 128
        return (np.frombuffer(data, np.uint8).astype(np.int32) - 128) * 256
    octets = np.frombuffer(data, np.uint8).reshape(-1, width)[:, -2:]
    return np.ascontiguousarray(octets).view("<i2")[:, 0].astype(np.int32)


def _labels(path: Path, options: LogOptions, name: str, times: Array) -> Array:
    """Return the class of each sample of a file without a column of them."""
    if options.labels is not None:
        return labels_of(track_of(path, options.labels), times)
    check_class_name(str(path), printable(name))
    return np.full(len(times), printable(name))


# ---- logs --------------------------------------------------------------------------------------


def _log(path: Path, options: LogOptions, name: str) -> tuple[list[Recording], list[str]]:
    texts = {LABEL: options.label_column, GROUP: options.group}
    wanted = {option: column for option, column in texts.items() if column is not None}
    read = read_parquet if path.suffix.lower() == PARQUET else read_log
    log = read(path, options.table, texts=wanted, time_column=options.time_column)
    usual = options.usual_rate if log.time is None else None
    clock = None if log.time is None else clock_of(log.time, log.time_column, shown(path))
    rate, remarks = _rate(path, log, clock, options.rate or usual)
    labels, groups = _owners(path, options, name, log, rate)
    numbers = log.numbers
    whole = numbers[np.isfinite(numbers)]
    if (whole == np.rint(whole)).all() and np.abs(whole).max(initial=0) < 2**31:
        kind: type[Any] = np.int32
    else:
        kind = np.float64
    found = []
    pieces = list(_pieces(log, groups, clock))
    for first, last in pieces:
        samples, piece_labels = numbers[first:last], labels[first:last]
        if log.time is not None and clock is not None and options.rate is None:
            samples, piece_labels = clock.evened(log.time[first:last], samples, piece_labels)
        found.append(
            Recording(
                path.name,
                samples.astype(kind) if kind is np.float64 else np.rint(samples).astype(kind),
                rate,
                piece_labels,
                str(groups[first]),
                log.columns,
            )
        )
    if not found:
        raise DataError(f"{shown(path)} holds no two samples without a gap between them")
    people = len(np.unique(groups))
    said = f"{log.description}, {rate:g} a second"
    if people > 1:
        said += f", {people} groups"
    if len(found) > people:
        said += f", samples are missing in {len(found) - people} places, where recordings are split"
    lost = len(numbers) - sum(last - first for first, last in pieces)
    if lost:
        said += f", {lost} samples left out, which lack a number or stand alone between gaps"
    return found, [said, *remarks]


def _owners(
    path: Path, options: LogOptions, name: str, log: Log, rate: float
) -> tuple[Array, Array]:
    """Return class and group of each row."""
    count = len(log.numbers)
    if LABEL in log.texts:
        labels = np.array(log.texts[LABEL])
    else:
        times = np.arange(count) / rate if log.time is None else log.time
        labels = _labels(path, options, name, times)
    for label in np.unique(labels):
        if label:
            check_class_name(str(path), str(label))
    groups = np.array(log.texts[GROUP]) if GROUP in log.texts else np.full(count, path.stem)
    return labels, groups


def _rate(path: Path, log: Log, clock: Clock | None, said: float | None) -> tuple[float, list[str]]:
    """Return samples a second, and what is to be said about them."""
    told = None
    if log.time is not None and clock is not None:
        times = log.time[np.isfinite(log.time)]
        are_whole = bool((times == np.rint(times)).all())
        unit = log.time_unit or unit_named(log.time_column) or _unit(clock.step, are_whole)
        told = rate_of(clock.step * _UNITS[unit])
    if said is not None:
        check_rate(shown(path), said)
        if told is None or abs(told / said - 1) < NEAR:
            return said, []
        doubt = f"times in {shown(log.time_column)} say {told:g}"
        return said, [f"{shown(path)}: {said:g} samples a second, as --rate says; {doubt}"]
    if clock is None or told is None:
        rising = (quoted(name) for name in rising_channels(log.columns, log.numbers))
        found = next((f", which may be {name}" for name in rising), "")
        raise DataError(
            f"{shown(path)} does not say how many samples a second it has: say --rate, or name "
            f"the column of times with --time-column{found}"
        )
    check_rate(shown(path), told)
    remarks = [f"times in {shown(log.time_column)} taken for {unit}: {told:g} samples a second"]
    if clock.packets:
        remarks.append(
            f"{shown(path)}: several samples bear the same time, as those of a packet do: they "
            "were taken for evenly spaced"
        )
    elif clock.uneven > UNEVEN:
        remarks.append(
            f"{shown(path)}: steps differ by {100 * clock.uneven:.0f} % on average, so that "
            "samples were put at even times between them"
        )
    return told, remarks


def _unit(step: float, are_whole: bool) -> str:
    """Return the unit of times that makes a usual rate."""
    if not are_whole or step < 1:
        return "s"
    return "ms" if step < 5e3 else "us" if step < 5e6 else "ns"


def _pieces(log: Log, groups: Array, clock: Clock | None) -> Iterator[tuple[int, int]]:
    """Yield first row and last one + 1 of what has no gap: in time, in numbers, in groups."""
    is_there = np.asarray(np.isfinite(log.numbers).all(axis=1))
    breaks = np.asarray(groups[1:] != groups[:-1])
    if log.time is not None and clock is not None:
        is_there = is_there & np.isfinite(log.time)
        breaks = breaks | clock.gaps(log.time)
    breaks = breaks | ~is_there[1:] | ~is_there[:-1]
    edges = [0, *(np.flatnonzero(breaks) + 1), len(groups)]
    for first, last in pairwise(edges):
        if last - first > 1 and is_there[first]:
            yield int(first), int(last)
