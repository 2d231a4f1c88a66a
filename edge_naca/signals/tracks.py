"""Label tracks: what happened from when to when in a recording, as editors of sound write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_naca.data import TABLES, DataError, check_class_name
from edge_naca.printable import shown
from edge_naca.tables import dialect as dialects
from edge_naca.tables.cells import NUMBER, is_number, tidy
from edge_naca.tables.errors import failure, quoted
from edge_naca.tables.text import read_text

OPTION = "--labels"
BAND = "\\"  # begins a line that tells the frequencies of the label before it


@dataclass(frozen=True)
class Label:
    """A class, from when to when, and the line that says so."""

    start: float
    end: float
    name: str
    line: int


def track_of(recording: Path, labels: Path) -> Path:
    """Return the track of a recording: `labels`, or the file of its name in that folder.

    Raises
    ------
    DataError
        If there is none, or there are several.
    """
    if labels.is_file():
        return labels
    if not labels.is_dir():
        raise DataError(f"{OPTION}: there is no file or folder {shown(labels)}")
    found = [
        path
        for path in sorted(labels.iterdir())
        if path.stem == recording.stem
        and path.suffix.lower() in TABLES
        and path.resolve() != recording.resolve()
    ]
    if len(found) == 1:
        return found[0]
    names = " and ".join(shown(path) for path in found)
    wanted = f"one named {shown(recording.stem)} with " + ", ".join(TABLES)
    raise DataError(
        f"{OPTION}: {shown(labels)} holds no labels of {shown(recording)}: {wanted} is looked for"
        if not found
        else f"{OPTION}: {names} are both named after {shown(recording)}: keep one"
    )


def labels_of(track: Path, times: NDArray[np.float64]) -> NDArray[np.str_]:
    """Return the label of each sample, "" where a track has none.

    Parameters
    ----------
    track : a table of start, end and label, in this order, with or without a header.
    times : of each sample (samples,), in the unit of the track.

    Raises
    ------
    TableError, DataError
        If it is none, labels overlap, end before they start, or lie outside the recording; the
        message names the line.
    OSError
        If it cannot be read.
    """
    labels = _read(track)
    _check(track, labels)
    known = times[np.isfinite(times)]
    first, last = float(known.min(initial=np.inf)), float(known.max(initial=-np.inf))
    found = [""] * len(times)
    for label in labels:
        if label.end <= first or label.start > last:
            raise failure(
                track,
                f"{quoted(label.name)} from {label.start:.15g} to {label.end:.15g} lies outside "
                f"the recording, whose times are {first:.15g} to {last:.15g}",
                label.line,
            )
        for at in np.flatnonzero((times >= label.start) & (times < label.end)).tolist():
            found[at] = label.name
    return np.array(found)


def _read(track: Path) -> list[Label]:
    """Return the labels of a track in the order of time."""
    text, _ = read_text(track, None)
    dialect = dialects.find(track, text, "\t" if "\t" in text else None)
    labels: list[Label] = []
    for at, (line, cells) in enumerate(dialects.rows(track, text, dialect)):
        if cells[0] == BAND or (at == 0 and not any(map(is_number, cells[:2]))):
            continue
        if len(cells) < 3:
            raise failure(track, "a label needs three cells: start, end and its name", line)
        if dialect.delimiter == " ":
            cells = [*cells[:2], " ".join(cells[2:])]
        start, end = (_time(track, cell, line) for cell in cells[:2])
        labels.append(Label(start, end, tidy(cells[2]), line))
    if not labels:
        raise failure(track, "there is no label in it: a line is start, end and its name")
    return sorted(labels, key=lambda label: label.start)


def _time(track: Path, cell: str, line: int) -> float:
    if not is_number(cell):
        raise failure(track, f"{quoted(cell)} is no time: a line is start, end and its name", line)
    return float(cell if NUMBER["."].fullmatch(cell) else cell.replace(",", "."))


def _check(track: Path, labels: list[Label]) -> None:
    """Refuse labels without a name or a length, and such that overlap."""
    before = None
    for label in labels:
        span = f"{label.start:.15g} to {label.end:.15g}"
        if not label.name:
            raise failure(track, f"what is from {span} has no name", label.line)
        if not label.end > label.start:
            raise failure(track, f"{quoted(label.name)}, {span}, ends before it starts", label.line)
        check_class_name(str(track), label.name)
        if before is not None and label.start < before.end:
            raise failure(
                track,
                f"{quoted(label.name)} starts at {label.start:.15g}, while {quoted(before.name)} "
                f"of line {before.line} lasts until {before.end:.15g}: a sample is of one class",
                label.line,
            )
        before = label
