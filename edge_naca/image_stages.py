"""Frozen stages in an image (docs/image.md, section 3.6): one section each."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.stages import (
    MAX_STAGES,
    POOLS,
    CodedConvolution,
    CodedPool,
    SpikingConvolution,
    SpikingPool,
    Stage,
)

TAGS = tuple(f"STG{chr(ord('A') + number)}" for number in range(MAX_STAGES))

KINDS = (CodedConvolution, CodedPool, SpikingConvolution, SpikingPool)
RECORD = struct.Struct("<BB10H10B")
CODED_MAP = np.dtype([("bias", "<i4"), ("shift", "<u4")])
SPIKING_NEURON = np.dtype(
    [("bias", "<i4"), ("threshold", "<i4"), ("reset_by", "<i4"), ("decay", "<u2"),
     ("synapse_decay", "<u2")]
)  # fmt: skip

FLAG_MAX = 1
FLAG_SUBTRACT, FLAG_READOUT, FLAG_OWN, FLAG_SYNAPSE = 1, 2, 4, 8


def _flags(stage: Stage) -> int:
    if isinstance(stage, CodedPool):
        return FLAG_MAX * (stage.pool == "max")
    if isinstance(stage, SpikingConvolution):
        return (
            FLAG_SUBTRACT * (stage.reset == "subtract")
            | FLAG_READOUT * stage.readout
            | FLAG_OWN * stage.own
            | FLAG_SYNAPSE * (stage.synapse_decay is not None)
        )
    return 0


def _parameters(stage: Stage) -> bytes:
    """Return what a stage has for each map or neuron."""
    if isinstance(stage, CodedConvolution):
        maps = np.zeros(stage.maps, CODED_MAP)
        for name in ("bias", "shift"):
            maps[name] = getattr(stage, name)
        return maps.tobytes()
    if isinstance(stage, SpikingConvolution):
        neurons = np.zeros(stage.bias.size, SPIKING_NEURON)
        for name in ("bias", "threshold", "reset_by", "decay"):
            neurons[name] = getattr(stage, name)
        if stage.synapse_decay is not None:
            neurons["synapse_decay"] = stage.synapse_decay
        return neurons.tobytes()
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
    record = RECORD.pack(
        KINDS.index(type(stage)),
        _flags(stage),
        *stage.shape,
        *stage.output_shape,
        *stage.kernel,
        getattr(stage, "groups", 1),
        getattr(stage, "gain", 0),
        *stage.stride,
        *stage.dilation,
        *stage.padding,
        stage.shift if isinstance(stage, CodedPool) else getattr(stage, "current_shift", 0),
        getattr(stage, "refractory", 0),
        getattr(stage, "code_bits", 0),
        getattr(stage, "bits", 0),
    )
    return record + _parameters(stage) + _weights(stage)


def _read_weights(data: bytes, maps: int, channels: int, kernel: Any, groups: int) -> NDArray[Any]:
    height, width = kernel
    own, share = maps // groups, channels // groups
    laid = np.frombuffer(data, np.int8, height * width * channels * own)
    grouped = laid.reshape(height, width, groups, share, own)
    return grouped.transpose(2, 4, 3, 0, 1).reshape(maps, share, height, width)


def read(data: bytes) -> Stage:
    """Read a stage's section.

    Raises
    ------
    IndexError, ValueError, struct.error
        If it describes no stage. Whoever calls writes the stage again and compares.
    """
    kind, flags, *numbers = RECORD.unpack_from(data)
    height, width, channels, rows, columns, maps, *numbers = numbers
    kernel_height, kernel_width, groups, gain, *numbers = numbers
    shift, refractory, code_bits, bits = numbers[6:]
    where: dict[str, Any] = {
        "shape": (height, width, channels),
        "output": (rows, columns),
        "stride": tuple(numbers[0:2]),
        "dilation": tuple(numbers[2:4]),
        "padding": tuple(numbers[4:6]),
    }
    codes = {"code_bits": code_bits, "bits": bits}
    kernel = (kernel_height, kernel_width)
    rest = data[RECORD.size :]
    if KINDS[kind] is SpikingPool:
        return SpikingPool(**where, kernel=kernel)
    if KINDS[kind] is CodedPool:
        pool = POOLS[flags & FLAG_MAX]
        return CodedPool(**where, **codes, kernel=kernel, pool=pool, gain=gain, shift=shift)
    if KINDS[kind] is CodedConvolution:
        each = np.frombuffer(rest, CODED_MAP, maps)
        weights = _read_weights(rest[each.nbytes :], maps, channels, kernel, groups)
        return CodedConvolution(
            **where,
            **codes,
            weights=weights,
            groups=groups,
            bias=each["bias"],
            shift=each["shift"],
        )
    each = np.frombuffer(rest, SPIKING_NEURON, rows * columns * maps if flags & FLAG_OWN else maps)
    weights = _read_weights(rest[each.nbytes :], maps, channels, kernel, groups)
    return SpikingConvolution(
        **where,
        weights=weights,
        groups=groups,
        bias=each["bias"],
        threshold=each["threshold"],
        reset="subtract" if flags & FLAG_SUBTRACT else "zero",
        reset_by=each["reset_by"],
        decay=each["decay"],
        synapse_decay=each["synapse_decay"] if flags & FLAG_SYNAPSE else None,
        current_shift=shift,
        refractory=refractory,
        readout=bool(flags & FLAG_READOUT),
        own=bool(flags & FLAG_OWN),
    )
