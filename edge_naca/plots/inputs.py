"""What a network's inputs are called: the columns of the table that it was taught with."""

from __future__ import annotations

from matplotlib.axis import Axis

from edge_naca.network import Network
from edge_naca.plots.drawing import literal

READABLE = 20  # names along an axis, at most
LONG = 14  # letters of a name, at most


def input_names(network: Network) -> list[str]:
    """Return a name for each input of the network; none where inputs are not columns of a table.

    Of a column that two inputs share, one for each side of its middle, the second has a minus.
    """
    columns, prep = network.metadata.get("columns"), network.preparation
    if not isinstance(columns, list) or prep is None or network.stages:
        return []
    if not len(columns) == prep.raw_count == prep.features:
        return []
    names = [str(name) for name in columns]
    return names + [f"−{name}" for name in names] if prep.signed else names


def name_axis(axis: Axis, names: list[str]) -> bool:
    """Write names along an axis, if they can be read; tell whether."""
    if not 0 < len(names) <= READABLE:
        return False
    axis.set_ticks(range(len(names)), [literal(name, LONG) for name in names], fontsize=7)
    return True
