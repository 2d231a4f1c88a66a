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
from edge_naca.signals.recordings import Recording
from edge_naca.signals.times import check_rate, even, rate_of, usual_step
from edge_naca.signals.tracks import labels_of, track_of
from edge_naca.tables.errors import TableError
from edge_naca.tables.logs import Log, read_log
from edge_naca.tables.parquet import SUFFIX as PARQUET
from edge_naca.tables.parquet import read_parquet
from edge_naca.tables.read import TableOptions

Array = NDArray[Any]

SOUND = (".wav",)
KNOWN = (*TABLES, PARQUET, *SOUND)
LABEL, GROUP = "--label-column", "--group"
LONGEST_STEP = 1.5  # times the usual one, above which samples are missing
UNEVEN = 0.05  # share of the usual step that steps differ by, from which on rates are uneven
LARGEST = 1 << 28  # bytes of a WAV file


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
    check_rate(path, rate)
    if width not in (1, 2):
        raise DataError(
            f"{shown(path)} has samples of {8 * width} bits: 8 and 16 can be read; convert it"
        )
    data = data[: len(data) // (width * channels) * width * channels]
    numbers = np.frombuffer(data, "<i2" if width == 2 else np.uint8).astype(np.int32)
    if width == 1:  # without a sign, around 128
        numbers = (numbers - 128) * 256
    samples = numbers.reshape(-1, channels)
    if not len(samples):
        raise DataError(f"{shown(path)} holds no samples")
    if options.rate is not None and abs(options.rate / rate - 1) > 0.001:
        raise DataError(
            f"{shown(path)} has {rate} samples a second, --rate says {options.rate:g}: leave that "
            "out, or convert the file"
        )
    names = tuple(f"channel {at + 1}" for at in range(channels))
    labels = _labels(path, options, name, np.arange(len(samples)) / rate)
    recording = Recording(path.name, samples, float(rate), labels, path.stem, names)
    short = f"{shown(path)} is cut off: {len(samples)} samples are there, it says {said}"
    return [recording], [short] if len(samples) < said else []


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
    step = None if log.time is None else usual_step(path, log.time, log.time_column)
    rate, remarks = rate_of(path, log, options.rate or usual, step)
    labels, groups = _owners(path, options, name, log, rate)
    numbers = log.numbers
    whole = numbers[np.isfinite(numbers)]
    if (whole == np.rint(whole)).all() and np.abs(whole).max(initial=0) < 2**31:
        kind: type[Any] = np.int32
    else:
        kind = np.float64
    found = []
    pieces = list(_pieces(log, groups, step))
    made_even = 0
    for first, last in pieces:
        samples, piece_labels = numbers[first:last], labels[first:last]
        if log.time is not None and step is not None and options.rate is None:
            times = log.time[first:last]
            if np.abs(np.diff(times) / step - 1).mean() > UNEVEN:
                samples, piece_labels = even(times, samples, piece_labels, step)
                made_even += last - first
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
    if made_even:
        remarks.append(
            f"{shown(path)}: steps between times differ, so that {made_even} samples were put at "
            "even times"
        )
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


def _pieces(log: Log, groups: Array, step: float | None) -> Iterator[tuple[int, int]]:
    """Yield first row and last one + 1 of what has no gap: in time, in numbers, in groups."""
    is_there = np.asarray(np.isfinite(log.numbers).all(axis=1))
    breaks = np.asarray(groups[1:] != groups[:-1])
    if log.time is not None and step is not None:
        is_there = is_there & np.isfinite(log.time)
        steps = np.diff(log.time)
        breaks = breaks | ~((steps > 0) & (steps < LONGEST_STEP * step))
    breaks = breaks | ~is_there[1:] | ~is_there[:-1]
    edges = [0, *(np.flatnonzero(breaks) + 1), len(groups)]
    for first, last in pairwise(edges):
        if last - first > 1 and is_there[first]:
            yield int(first), int(last)
