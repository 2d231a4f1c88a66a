"""A table read: numbers to learn from and the labels beside them."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.limits import MAX_CLASSES
from edge_naca.printable import shown
from edge_naca.tables import dialect as dialects
from edge_naca.tables import remarks
from edge_naca.tables.cells import (
    NOT_FINITE,
    NUMBER,
    complaint,
    is_grouped,
    is_missing,
    is_number,
    tidy,
)
from edge_naca.tables.columns import Header, find_column, find_header, find_label, number_rows
from edge_naca.tables.dialect import Dialect, Row
from edge_naca.tables.errors import failure, quoted
from edge_naca.tables.text import read_text

Array = NDArray[Any]

HEAD = 500  # lines by which header and width are found
FEWEST_SAMPLED, LONG_RUN = 300, 50  # rows, and rows of a label on end, of a sensor's recording
APART, ALIKE = 25, 0.6  # rows between two that are compared, and how much nearer neighbours are
MOST_COMPARED = 2000
RISING = 10  # samples from which on a column that only rises is spoken of

# Names that columns of times and of numbers of rows mostly bear.
_ORDER = re.compile(r"(.*[_ ])?(index|idx|id|row|time|timestamp|date|datetime|t|ts|nr|no)", re.I)
_NO_LABEL = NOT_FINITE | {"", "na", "n/a", "#n/a", "null", "?", "<na>", "nat"}


@dataclass(frozen=True)
class TableOptions:
    """How to read a table where it is not as it seems; None and () leave it to be found.

    Parameters
    ----------
    delimiter : one sign, or "comma", "semicolon", "tab", "pipe" or "space".
    header : whether the first line holds names.
    decimal : "." or ",".
    encoding : as Python calls it.
    columns : what to learn from, in this order; names, or numbers from 1.
    drop : what not to learn from.
    """

    delimiter: str | None = None
    header: bool | None = None
    decimal: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Table:
    """Numbers and labels.

    Parameters
    ----------
    samples : (samples, columns), int32 if all are whole numbers, else float64.
    labels : (samples,), integers if all are, else names.
    columns : names of the columns of `samples`; "column 3" where there is none.
    has_names : whether the file names its columns.
    label_column : name of that of the labels.
    description : one line, how it was read.
    warnings : what its owner might not mean so, a line each.
    """

    samples: Array
    labels: Array
    columns: tuple[str, ...]
    has_names: bool
    label_column: str
    description: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """Where in a line is what.

    Parameters
    ----------
    chosen : places of the numbers.
    label : place of the label.
    left_out : what is said of columns that nobody asked to leave out.
    """

    header: Header
    chosen: tuple[int, ...]
    label: int
    left_out: tuple[str, ...]


def read_table(
    path: str | Path, label_column: str | None = None, options: TableOptions | None = None
) -> Table:
    """Read a table of numbers with one column of labels from a text file.

    Lines that begin with # and do not have the table's cells are remarks. Spaces around names and
    labels do not count.

    Parameters
    ----------
    label_column : its name, or its number from 1; None for the last one.
    options : what not to find out.

    Raises
    ------
    TableError
        If it is none; the message names the file, the line, the column and the option that helps.
    OSError
        If it cannot be read.
    """
    path, options = Path(path), options or TableOptions()
    text, encoding = read_text(path, options.encoding)
    dialect = dialects.find(path, text, options.delimiter)
    head = trimmed(list(islice(dialects.rows(path, text, dialect), HEAD)))
    header = find_header(path, head, options.header, dialect.delimiter)
    plan = _choose(path, header, label_column, options)
    decimal = _decimal(path, text, dialect, plan, options.decimal)
    samples, labels, lines = _body(path, rows_below(path, text, dialect, header), plan, decimal)
    names = tuple(header.names[at] for at in plan.chosen)
    where = "no header" if header.line is None else f"header in line {header.line}"
    label = quoted(header.names[plan.label])
    columns = f"{len(header.names)} columns separated by {dialect.title}"
    told = [f"{shown(path)}: read {columns}, {where}, label column {label}"]
    if decimal == ",":
        told.append("decimal comma")
    if encoding not in ("UTF-8", options.encoding):
        told.append(f"text in {encoding}")
    left = remarks.count(text, dialect.cells, dialect.widths)
    if left:
        told.append(f"{left} line{'s' * (left > 1)} beginning with # left out")
    classes = _labels(path, labels, lines, header.names[plan.label])
    doubts = tuple(_doubtful_labels(path, classes, header.names[plan.label]))
    return Table(
        _whole(samples),
        classes,
        names,
        header.line is not None,
        header.names[plan.label],
        ", ".join([*told, *plan.left_out]),
        (
            *doubts,
            *(() if options.columns else _suspicious(path, names, samples)),
            *_sampled(path, samples, classes),
        ),
    )


# ---- lines -------------------------------------------------------------------------------------


def trimmed(rows: list[Row]) -> list[Row]:
    """Return lines without empty columns at the end, which delimiters there make."""
    while rows and len(rows[-1][1]) > 1 and not any(row[-1] for _, row in rows[1:] or rows):
        width = len(rows[-1][1])
        if any(len(row) not in (width, width - 1) for _, row in rows):
            break
        if any(row[width - 1 :] not in ([], [""]) for _, row in rows):
            break
        rows = [(number, row[: width - 1]) for number, row in rows]
    return rows


def rows_below(path: Path, text: str, dialect: Dialect, header: Header) -> Iterator[Row]:
    """Yield the lines below the header, all as wide as that.

    Raises
    ------
    TableError
        If one is not.
    """
    width = len(header.names)
    for number, cells in dialects.rows(path, text, dialect):
        if header.line is not None and number <= header.line:
            continue
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if len(cells) != width:
            where = "the first one" if header.line is None else f"the header in line {header.line}"
            help_ = f"mend the line, or say --delimiter if it is not {dialect.title}"
            if dialect.delimiter == "," and len(cells) > width:
                help_ += (
                    "; a number with a decimal comma needs quotes, or other signs between cells"
                )
            raise failure(path, f"{len(cells)} values where {where} has {width}: {help_}", number)
        yield number, cells


# ---- columns -----------------------------------------------------------------------------------


def _choose(path: Path, header: Header, label_column: str | None, options: TableOptions) -> _Plan:
    """Return which columns are learned from, and which holds the labels."""
    names = header.names
    label = find_label(path, header, label_column)
    dropped = {find_column(path, names, name, "--drop") for name in options.drop}
    if label in dropped:
        raise failure(
            path,
            f"{quoted(names[label])} is to be left out, but holds the labels: --label-column names "
            "another one",
        )
    left_out: list[str] = []
    if options.columns:
        chosen = [find_column(path, names, name, "--columns") for name in options.columns]
        if label in chosen:
            raise failure(path, f"--columns: {quoted(names[label])} holds the labels")
        if len(set(chosen)) < len(chosen):
            raise failure(path, "--columns names a column twice")
    else:
        chosen = [at for at in range(len(names)) if at != label and at not in dropped]
        if header.line is not None:
            for at in [at for at in chosen if at in header.unnamed]:
                if not number_rows([row[at] for _, row in header.rows if at < len(row)]):
                    continue
                chosen.remove(at)
                left_out.append(f"without {quoted(names[at])}, which has no name and numbers rows")
    chosen = [at for at in chosen if at not in dropped]
    if not chosen:
        raise failure(
            path,
            f"beside the labels in {quoted(names[label])} there is no column to learn from; if the "
            "line was not split into its cells, say --delimiter; if it is a title, remove what "
            "stands above the header",
            header.line,
        )
    return _Plan(header, tuple(chosen), label, tuple(left_out))


def _suspicious(path: Path, names: tuple[str, ...], samples: Array) -> Iterator[str]:
    """Say which columns look like times or numbers of rows: they tell samples, not classes."""
    for at, name in enumerate(names):
        column = samples[:, at]
        rises = len(column) >= RISING and bool((np.diff(column) > 0).all())
        if rises or _ORDER.fullmatch(name):
            why = "only rises from sample to sample" if rises else "bears the name of one"
            yield (
                f"{shown(path)}: column {quoted(name)} is learned from, but {why}, as a time or an "
                f"index does: --drop {quoted(name)} leaves it out"
            )


def _sampled(path: Path, samples: Array, labels: Array) -> Iterator[str]:
    """Say so where rows look like what a sensor gives, one sample after another.

    That is: labels come in long runs, and within a run neighbours are much more alike than rows
    that are not.
    """
    count = len(samples)
    changes = int((labels[1:] != labels[:-1]).sum())
    if count < FEWEST_SAMPLED or (changes + 1) * LONG_RUN > count:
        return
    rows = np.random.default_rng(0).integers(0, count - 1, MOST_COMPARED)
    away = (rows + APART) % count
    same, apart = labels[rows] == labels[rows + 1], labels[rows] == labels[away]
    near = np.abs(samples[rows[same]] - samples[rows[same] + 1]).mean(axis=0)
    far = np.abs(samples[rows[apart]] - samples[away[apart]]).mean(axis=0)
    alike = near[far > 0] < ALIKE * far[far > 0]
    if alike.size and alike.mean() > 0.5:
        yield (
            f"{shown(path)}: rows are much like those before them, as samples in the order of time "
            "are, so that those to test are nearly the same as some to learn; if a sensor gave "
            "them one after another, learn from windows: --signal, with --rate or a column of times"
        )


# ---- cells -------------------------------------------------------------------------------------


def _decimal(path: Path, text: str, dialect: Dialect, plan: _Plan, wanted: str | None) -> str:
    """Return the decimal sign: that of the first number which has one."""
    if wanted is not None:
        if wanted not in NUMBER:
            raise failure(path, f"--decimal is '.' or ',', not {quoted(wanted)}")
        return wanted
    if dialect.delimiter != ",":
        _check_grouping(path, plan)
        for _, row in rows_below(path, text, dialect, plan.header):
            for at in plan.chosen:
                for sign, pattern in NUMBER.items():
                    if sign in row[at] and pattern.fullmatch(row[at]):
                        return sign
    return "."


def _check_grouping(path: Path, plan: _Plan) -> None:
    """Refuse a column in which a sign may set thousands apart, or digits after the whole.

    That is: wherever a number has the sign, three digits follow, and all others are below 1000.
    """
    for at in plan.chosen:
        cells = [(line, row[at]) for line, row in plan.header.rows if at < len(row)]
        signed = [(line, cell) for line, cell in cells if "." in cell or "," in cell]
        others = [cell.lstrip("+-") for _, cell in cells if cell.lstrip("+-").isdigit()]
        if (
            len(signed) > 1
            and len(signed) + len(others) == len(cells)
            and all(is_number(cell) and is_grouped(cell) for _, cell in signed)
            and any(len(cell) == 3 for cell in others)
            and all(len(cell) <= 3 for cell in others)
        ):
            line, cell = signed[0]
            sign = "," if "," in cell else "."
            raise failure(
                path,
                f"{quoted(cell)} may stand for {cell.replace(sign, '')}, beside whole numbers "
                f"below 1000: write it without the {sign!r}, or say --decimal {sign} if digits "
                "behind the whole follow it",
                line,
                plan.header.names[at],
            )


def _body(
    path: Path, rows: Iterator[Row], plan: _Plan, decimal: str
) -> tuple[Array, list[str], list[int]]:
    """Return samples, labels and the lines that they stand in."""
    pattern = re.compile(rf"(?:{NUMBER[decimal].pattern}\n)+")
    numbers, labels, lines = array("d"), [], []
    names = plan.header.names
    for line, row in rows:
        cells = [row[at] for at in plan.chosen]
        joined = "\n".join(cells)
        if not pattern.fullmatch(joined + "\n") or joined.count("\n") + 1 != len(cells):
            at = next(k for k in plan.chosen if not NUMBER[decimal].fullmatch(row[k]))
            words = all(
                not is_number(other[at]) for _, other in plan.header.rows if at < len(other)
            )
            raise failure(path, complaint(row[at], names[at], words), line, names[at])
        if decimal == ",":
            joined = joined.replace(",", ".")
        values = list(map(float, joined.split("\n")))
        if any(abs(value) > 1e300 for value in values):
            at = next(k for k, value in zip(plan.chosen, values, strict=True) if abs(value) > 1e300)
            raise failure(
                path, f"{quoted(row[at])} is too large: 1e300 is the most", line, names[at]
            )
        numbers.extend(values)
        label = row[plan.label]
        if label.lower() in _NO_LABEL or "\n" in label or "\r" in label:
            why = f"the label says {quoted(label)}" if label else "the label is empty"
            raise failure(
                path,
                f"{why}: remove the line, mend it, or name another column with --label-column",
                line,
                names[plan.label],
            )
        labels.append(label)
        lines.append(line)
    if not lines:
        raise failure(path, "there is no line with numbers and a label")
    return np.array(numbers, np.float64).reshape(len(lines), len(plan.chosen)), labels, lines


def _whole(x: Array) -> Array:
    """Return numbers as int32 if that is what they are."""
    whole = (x == np.rint(x)).all() and np.abs(x).max(initial=0) < 2**31
    return x.astype(np.int32) if whole else x


def _doubtful_labels(path: Path, labels: Array, column: str) -> Iterator[str]:
    """Say which classes may be none: names of what is missing, and names that differ in case."""
    if labels.dtype.kind != "U":
        return
    different = np.unique(labels).tolist()
    for name in different:
        if is_missing(name):
            count = int((labels == name).sum())
            yield (
                f"{shown(path)}: the label {quoted(name)} of {count} lines in column "
                f"{quoted(column)} is taken for a class: remove these lines if it means that there "
                "is none"
            )
    alike: dict[str, list[str]] = {}
    for name in different:
        alike.setdefault(name.casefold(), []).append(name)
    for names in alike.values():
        if len(names) > 1:
            yield (
                f"{shown(path)}: {', '.join(map(quoted, names))} in column {quoted(column)} differ "
                "only in capitals, and are taken for different classes"
            )


def _labels(path: Path, cells: list[str], lines: list[int], column: str) -> Array:
    """Return labels as integers if that is what they are, so that 10 comes after 9.

    Raises
    ------
    TableError
        If they are real numbers, or too many different ones.
    """
    names = np.array([tidy(cell) for cell in cells])
    different, first = np.unique(names, return_index=True)
    if all(is_number(name) for name in different):
        values = [float(name.replace(",", ".")) for name in different]
        for value, name, at in zip(values, different, first, strict=True):
            if not value.is_integer():
                raise failure(
                    path,
                    f"the label {quoted(name)} is a real number, as a quantity to predict has it; "
                    "classes are learned: name the column that holds them with --label-column, or "
                    "write ranges of the quantity as names",
                    lines[at],
                    column,
                )
        if all(abs(value) < 2**53 for value in values) and not any(
            re.fullmatch(r"[+-]?0[0-9]+|\+.*|-0", name) for name in different
        ):
            names = np.array(values)[np.searchsorted(different, names)].astype(np.int64)
            different = np.unique(names)
    if len(different) > MAX_CLASSES:
        raise failure(
            path,
            f"{len(different)} different labels in {len(names)} samples, {MAX_CLASSES} are the "
            "most: is this the column of labels? --label-column names another one",
            column=column,
        )
    return names
