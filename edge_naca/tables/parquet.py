"""A Parquet file read as what a logger wrote: rows in the order of time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.extras import require
from edge_naca.printable import shown
from edge_naca.tables.cells import tidy
from edge_naca.tables.columns import find_column
from edge_naca.tables.errors import failure, quoted
from edge_naca.tables.logs import Log
from edge_naca.tables.read import TableOptions
from edge_naca.tables.times import is_named_time

Array = NDArray[Any]

SUFFIX = ".parquet"
LARGEST = 1 << 27  # numbers that are read
_TICKS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def read_parquet(
    path: str | Path,
    options: TableOptions | None = None,
    *,
    texts: dict[str, str] | None = None,
    time_column: str | None = None,
) -> Log:
    """Read a log from a Parquet file.

    Parameters
    ----------
    options : `columns` and `drop`; the rest is about text.
    texts : columns of names: their name or number from 1 by the option that names them.
    time_column : that holds times; None for one that bears such a name, or is the only one of a
        type that means times, which are then taken for seconds.

    Raises
    ------
    TableError
        If it is none; the message names the file, the column and the option that helps.
    MissingExtraError
        If pyarrow is not installed.
    """
    require("pyarrow")
    import pyarrow
    from pyarrow import parquet, types

    path, options = Path(path), options or TableOptions()
    try:
        with parquet.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
            names = tuple(tidy(str(name)) for name in schema.names)
            _check(path, names, rows)
            places = {
                option: find_column(path, names, wanted, option)
                for option, wanted in (texts or {}).items()
            }
            dropped = {find_column(path, names, name, "--drop") for name in options.drop}
            time = _time(path, names, schema, time_column, dropped)
            taken = {*places.values(), *([] if time is None else [time])}
            chosen = _numbers(path, names, schema, options, taken, dropped)
            wanted = sorted({*chosen, *taken})
            if rows * len(wanted) > LARGEST:
                raise failure(path, f"{rows} rows of {len(wanted)} columns are too many: cut it")
            table = file.read(columns=[schema.names[at] for at in wanted])
            columns = dict(zip(wanted, table.columns, strict=True))
            said = {option: _texts(columns[at]) for option, at in places.items()}
    except (pyarrow.ArrowException, OSError) as error:
        raise failure(path, f"it is no Parquet file that can be read: {error}") from error
    unit = ""
    times: Array | None = None
    if time is not None:
        column = columns[time]
        if types.is_timestamp(column.type):
            unit = "s"
            ticks = column.cast(pyarrow.int64())
            times = _column(ticks) * _TICKS[column.type.unit]
        else:
            times = _column(column)
    channels = ", ".join(names[at] for at in chosen)
    others = [at for at in range(len(names)) if at not in {*chosen, *taken, *dropped}]
    left = f", left out {', '.join(names[at] for at in others)}" if others else ""
    return Log(
        np.stack([_column(columns[at]) for at in chosen], axis=1),
        tuple(names[at] for at in chosen),
        said,
        times,
        "" if time is None else names[time],
        list(range(1, rows + 1)),
        f"{shown(path)}: read {rows} samples of {len(names)} columns, channels {channels}{left}",
        unit,
    )


def _check(path: Path, names: tuple[str, ...], rows: int) -> None:
    if not rows:
        raise failure(path, "there is no row in it")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise failure(path, f"two columns are called {quoted(twice)}: rename one")


def _time(
    path: Path, names: tuple[str, ...], schema: Any, wanted: str | None, dropped: set[int]
) -> int | None:
    """Return the place of the column of times."""
    from pyarrow import types

    if wanted is not None:
        at = find_column(path, names, wanted, "--time-column")
        if not _is_number(schema.types[at]) and not types.is_timestamp(schema.types[at]):
            raise failure(path, f"{schema.types[at]} is no type of times", None, names[at])
        return at
    stamps = [
        at for at, kind in enumerate(schema.types) if types.is_timestamp(kind) and at not in dropped
    ]
    known = [
        at
        for at, name in enumerate(names)
        if is_named_time(name)
        and at not in dropped
        and (at in stamps or _is_number(schema.types[at]))
    ]
    for found in (known, stamps):
        if len(found) == 1:
            return found[0]
    return None


def _numbers(
    path: Path,
    names: tuple[str, ...],
    schema: Any,
    options: TableOptions,
    taken: set[int],
    dropped: set[int],
) -> list[int]:
    """Return the places of channels: those named, or all that hold numbers."""
    chosen = [find_column(path, names, name, "--columns") for name in options.columns]
    for at in chosen:
        if not _is_number(schema.types[at]):
            raise failure(path, f"it holds {schema.types[at]}, not numbers", None, names[at])
    if not options.columns:
        chosen = [
            at for at in range(len(names)) if at not in taken and _is_number(schema.types[at])
        ]
    chosen = [at for at in chosen if at not in dropped]
    if not chosen:
        raise failure(path, "there is no column of numbers to take for a channel")
    return chosen


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind))


def _column(column: Any) -> NDArray[np.float64]:
    """Return numbers, NaN where there is none."""
    import pyarrow

    return np.asarray(column.cast(pyarrow.float64(), safe=False).to_numpy(), np.float64)


def _texts(column: Any) -> list[str]:
    return ["" if value is None else tidy(str(value)) for value in column.to_pylist()]
