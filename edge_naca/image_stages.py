"""Frozen stages in an image (docs/image.md, section 3.6): one section each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.image_records import (
    CODED_MAP,
    SPIKING_NEURON,
    STAGE,
    STAGE_FIELDS,
    STAGE_KINDS,
    STAGE_RECORDS,
)
from edge_naca.records import Record, arguments, values_of
from edge_naca.stages import (
    MAX_STAGES,
    CodedConvolution,
    CodedPool,
    SpikingConvolution,
    SpikingPool,
    Stage,
)

TAGS = tuple(f"STG{chr(ord('A') + number)}" for number in range(MAX_STAGES))

_KINDS: dict[type[Stage], str] = dict(
    zip(
        (CodedConvolution, CodedPool, SpikingConvolution, SpikingPool),
        STAGE_KINDS,
        strict=True,
    )
)


def _flags(stage: Stage) -> dict[str, set[str]]:
    """Return the field of flags, for the kinds of stages that have one."""
    if isinstance(stage, CodedPool):
        return {"flags": {"max"} if stage.pool == "max" else set()}
    if isinstance(stage, SpikingConvolution):
        flags = {
            "subtract": stage.reset == "subtract",
            "readout": stage.readout,
            "own": stage.own,
            "synapse": stage.synapse_decay is not None,
        }
        return {"flags": {name for name, is_set in flags.items() if is_set}}
    return {}


def _table(record: Record, stage: Stage, count: int) -> bytes:
    """Return a record for each map or neuron."""
    table = np.zeros(count, record.dtype)
    for name, values in values_of(record.fields.values(), stage).items():
        table[name] = 0 if values is None else values
    return table.tobytes()


def _parameters(stage: Stage) -> bytes:
    """Return what a stage has for each map or neuron."""
    if isinstance(stage, CodedConvolution):
        return _table(CODED_MAP, stage, stage.maps)
    if isinstance(stage, SpikingConvolution):
        return _table(SPIKING_NEURON, stage, stage.bias.size)
    return b""


def _weights(stage: Stage) -> bytes:
    """Lay weights out as [kernel row][kernel column][channel][map of the channel's group]."""
    if not isinstance(stage, (CodedConvolution, SpikingConvolution)):
        return b""
    height, width = stage.kernel
    groups = stage.groups
    own, share = stage.maps // groups, stage.shape[2] // groups
    grouped = stage.weights.reshape(groups, own, share, height, width)
    data = grouped.transpose(3, 4, 0, 2, 1).tobytes()
    return data + bytes(-len(data) % 4)


def section(stage: Stage) -> bytes:
    """Return the content of a stage's section."""
    kind = _KINDS[type(stage)]
    values = {
        "kind": kind,
        "in": stage.shape[:2],
        "channels": stage.shape[2],
        "out": stage.output,
        "maps": stage.maps,
        "kernel": stage.kernel,
        "groups": getattr(stage, "groups", 1),
        "stride": stage.stride,
        "dilation": stage.dilation,
        "before": stage.padding,
        **values_of(STAGE_FIELDS[kind], stage),
        **_flags(stage),
    }
    record = STAGE_RECORDS[kind].pack(values)
    return record + _parameters(stage) + _weights(stage)


def _read_weights(data: bytes, record: dict[str, Any]) -> NDArray[Any]:
    """Undo `_weights`."""
    (height, width), groups = record["kernel"], record["groups"]
    maps, channels = record["maps"], record["channels"]
    STAGE["groups"].check(groups)
    own, share = maps // groups, channels // groups
    laid = np.frombuffer(data, np.int8, height * width * channels * own)
    grouped = laid.reshape(height, width, groups, share, own)
    return grouped.transpose(2, 4, 3, 0, 1).reshape(maps, share, height, width)


def read(data: bytes) -> Stage:
    """Read a stage's section.

    Raises
    ------
    ValueError
        If it describes no stage. Whoever calls writes the stage again and compares.
    """
    kind = STAGE.unpack(data)["kind"]
    record = STAGE_RECORDS[kind].unpack(data)
    flags, kernel = record["flags"], record["kernel"]
    where: dict[str, Any] = {
        "shape": (*record["in"], record["channels"]),
        "output": record["out"],
        "stride": record["stride"],
        "dilation": record["dilation"],
        "padding": record["before"],
        **arguments(STAGE_FIELDS[kind], record),
    }
    if kind == "spiking_pool":
        return SpikingPool(**where, kernel=kernel)
    if kind == "coded_pool":
        return CodedPool(**where, kernel=kernel, pool="max" if "max" in flags else "sum")
    rest = data[STAGE.size :]
    form, count = CODED_MAP, record["maps"]
    if kind == "spiking_convolution":
        form = SPIKING_NEURON
        count *= int(np.prod(record["out"])) if "own" in flags else 1
    table = np.frombuffer(rest, form.dtype, count)
    where["weights"] = _read_weights(rest[table.nbytes :], record)
    where["groups"] = record["groups"]
    where |= {name: table[name] for name in form.fields}
    if kind == "coded_convolution":
        return CodedConvolution(**where)
    if "synapse" not in flags:
        where["synapse_decay"] = None
    return SpikingConvolution(
        **where,
        reset="subtract" if "subtract" in flags else "zero",
        readout="readout" in flags,
        own="own" in flags,
    )
