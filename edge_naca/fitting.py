"""Data for a network that is there already: the numbers that it takes, in its order."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edge_naca.data import DataError, Dataset
from edge_naca.network import Network
from edge_naca.printable import shown
from edge_naca.samples import takes_reals
from edge_naca.tables.errors import TableWarning, quoted

COLUMNS = "columns"  # in an image's metadata: names of the numbers of a sample


def columns_of(network: Network) -> tuple[str, ...]:
    """Return the names of the numbers that a network takes, () if unknown."""
    names = network.metadata.get(COLUMNS)
    wanted = _numbers(network)
    if isinstance(names, list) and len(names) == wanted and all(isinstance(n, str) for n in names):
        return tuple(names)
    return ()


def fit(network: Network, dataset: Dataset) -> Dataset:
    """Return the samples as a network takes them.

    Columns of a table are taken by their names where the image holds some, so that their order and
    further columns do not matter.

    Raises
    ------
    DataError
        If samples have another size, or columns are missing, which the message names, or samples
        are real numbers and the network takes none.

    Warns
    -----
    TableWarning
        If columns bear other names than those that the network learned from.
    """
    known, names = columns_of(network), dataset.columns
    if known and names and known != names:
        missing = [name for name in known if name not in names]
        if not missing:
            chosen = [names.index(name) for name in known]
            return replace(
                dataset,
                x_train=dataset.x_train[:, chosen],
                x_test=dataset.x_test[:, chosen],
                columns=known,
            )
        if len(names) == len(known):
            warnings.warn(
                f"{shown(dataset.name)}: {_some(missing)} of the image bear other names here; its "
                "columns are taken in their order",
                TableWarning,
                stacklevel=2,
            )
        else:
            advice = "use a table with all of them, or train another image"
            if network.signal is not None:  # which makes these itself
                advice = "of a recording the image makes them itself, with --signal"
            raise DataError(
                f"{shown(dataset.name)} has no column {_some(missing)}, which the image learned "
                f"from: {advice}"
            )
    wanted, held = _numbers(network), int(np.prod(dataset.x_train.shape[1:]))
    if held != wanted:
        shape = dataset.x_train.shape[1:]
        advice = "; --columns and --drop choose columns" if names else ""
        raise DataError(
            f"{shown(dataset.name)}: the network takes samples of {wanted} numbers, not "
            f"{shape if len(shape) > 1 else held}: this is other data than it was made for{advice}"
        )
    if dataset.x_train.dtype.kind == "f" and not takes_reals(network):
        raise DataError(
            f"{shown(dataset.name)}: the network takes integers, but the samples are real numbers: "
            "this is other data than it was made for; train on real numbers to have them"
        )
    return dataset


def _numbers(network: Network) -> int:
    return network.inputs if network.preparation is None else network.preparation.raw_count


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(quoted, names[:3])) + more
