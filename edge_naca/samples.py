"""How samples are handed over: raw, as codes, or as events."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.affine import as_float32
from edge_naca.limits import choice
from edge_naca.network import Network

ARRAYS = ("raw", "codes")  # what many samples in one call can be


def takes_reals(network: Network) -> bool:
    """Return whether raw samples may be real numbers."""
    return network.preparation is not None and network.preparation.affine is not None


def default_kind(network: Network) -> str:
    """Return "raw" where the network can prepare samples, else "codes"."""
    return "codes" if network.preparation is None else "raw"


def check_labels(labels: ArrayLike, count: int, capacity: int) -> NDArray[np.int32]:
    """Return labels as int32 (count,).

    Raises
    ------
    TypeError
        If labels are not integers.
    ValueError
        If there are not `count` of them, or one is not in 0 .. capacity − 1.
    """
    y = np.asarray(labels)
    if y.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, not {y.dtype}")
    if y.shape != (count,):
        raise ValueError(f"there must be one label for each of {count} samples, not {y.shape}")
    if y.size and (y.min() < 0 or y.max() >= capacity):
        wrong = int(y[(y < 0) | (y >= capacity)][0])
        raise ValueError(
            f"label {wrong} is out of range: this network has room for {capacity} classes, "
            f"0 .. {capacity - 1}"
        )
    return _readable(y, np.int32)


def check_samples(network: Network, x: ArrayLike, kind: str) -> NDArray[Any]:
    """Return raw samples or codes as an array (samples, numbers) that the core can read.

    Raw samples of a network whose preparation maps real numbers become float32, whatever numbers
    they are. Those of others are integers: uint8, int16 and int32 pass without a copy, others go
    into int32.

    Raises
    ------
    TypeError
        If samples are no numbers.
    ValueError
        If a sample has the wrong length, a value does not fit, or samples are real numbers and the
        network takes integers.
    """
    choice("kind", kind, ARRAYS)
    array = np.asarray(x)
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    preparation = network.preparation if kind == "raw" else None
    if kind == "raw" and preparation is None:
        raise ValueError("this network has no preparation: hand over codes or events")
    is_real = kind == "raw" and takes_reals(network)
    if array.dtype.kind not in ("iuf" if is_real else "iu"):
        _refuse(array.dtype, is_real)
    wanted = network.inputs if preparation is None else preparation.raw_count
    count = len(array) if array.ndim else 0
    if array.ndim < 2 or int(np.prod(array.shape[1:])) != wanted:
        raise ValueError(
            f"each sample must hold {wanted} numbers ({kind}), but the array is {array.shape}"
        )
    array = array.reshape(count, wanted)
    if is_real:
        return _readable(as_float32(array, "samples"), np.float32)
    if kind == "codes":
        most = 2**network.code_bits - 1
        least = -most if network.encoder.is_signed else 0
        if array.size and (array.min() < least or array.max() > most):
            raise ValueError(
                f"codes must be in {least} .. {most} ({network.code_bits} bits), "
                f"but are in {array.min()} .. {array.max()}"
            )
        return _readable(array, np.int8 if network.encoder.is_signed else np.uint8)
    if array.dtype in (np.uint8, np.int16, np.int32):
        return _readable(array, array.dtype)
    info = np.iinfo(np.int32)
    if array.size and (array.min() < info.min or array.max() > info.max):
        raise ValueError("raw numbers must fit into 32 bits with a sign")
    return _readable(array, np.int32)


def _refuse(dtype: np.dtype[Any], is_real: bool) -> NoReturn:
    """Raise for samples of a type that a network does not take."""
    if is_real:
        raise TypeError(f"samples must be numbers, not {dtype}")
    if dtype.kind == "f":
        raise ValueError(
            f"samples must be integers, not {dtype}: the network was made for integers, as it was "
            "trained on them; train on real numbers, or hand over what it was trained on"
        )
    raise TypeError(f"samples must be integers, not {dtype}")


def check_window(network: Network, x: ArrayLike) -> NDArray[Any]:
    """Return samples of a signal (…, channels) as C reads them: int16, or float32 if they are real.

    Raises
    ------
    TypeError
        If they are not numbers, or real ones where integers are taken.
    ValueError
        If the network has no signal, or numbers do not fit.
    """
    signal, array = network.signal, np.asarray(x)
    if signal is None:
        raise ValueError("the network has no signal: it takes ready features")
    if array.ndim < 1 or array.shape[-1] != signal.channels:
        raise ValueError(
            f"samples must be of {signal.channels} channels, the last axis, not {array.shape}"
        )
    if signal.affine is not None:
        if array.dtype.kind not in "iuf":
            raise TypeError(f"samples must be numbers, not {array.dtype}")
        return _readable(as_float32(array, "samples"), np.float32)
    if array.dtype.kind not in "iu":
        raise TypeError(f"samples must be integers of 16 bits, not {array.dtype}")
    if array.size and (array.min() < -(2**15) or array.max() >= 2**15):
        raise ValueError(
            f"samples must be in -32768 .. 32767, but are in {array.min()} .. {array.max()}"
        )
    return _readable(array, np.int16)


def check_events(network: Network, events: ArrayLike) -> NDArray[np.uint16]:
    """Return events as uint16 (n, 2): step and input, ascending, none twice."""
    if network.coded or network.encoder.kind == "direct" or network.encoder.is_signed:
        raise ValueError(
            "this network takes no events: coded stages, direct encoders and codes with a sign "
            "need codes"
        )
    return event_list(events, network.encoder.steps, network.inputs)


def event_list(events: ArrayLike, steps: int, inputs: int) -> NDArray[np.uint16]:
    """Return events of a presentation as uint16 (n, 2): step and input, ascending, none twice.

    Parameters
    ----------
    steps, inputs : how many there are.

    Raises
    ------
    ValueError
        If they are no such events.
    """
    array = np.asarray(events)
    if array.size == 0:
        return np.zeros((0, 2), np.uint16)
    if array.dtype.kind not in "iu" or array.ndim != 2 or array.shape[1] != 2:
        raise ValueError("events must be integers (n, 2): step and input of each spike")
    at, of = array[:, 0].astype(np.int64), array[:, 1].astype(np.int64)
    if at.min() < 0 or at.max() >= steps:
        raise ValueError(f"event steps must be in 0 .. {steps - 1}")
    if of.min() < 0 or of.max() >= inputs:
        raise ValueError(f"event inputs must be in 0 .. {inputs - 1}")
    if (np.diff(at * inputs + of) <= 0).any():
        raise ValueError("events must ascend by step, then by input, and none may come twice")
    return _readable(array, np.uint16)


def _readable(array: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Return the array as C reads it: one row after another, each number at an address for it."""
    return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"])
