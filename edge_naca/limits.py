"""Checks of what was handed in: a refusal names the argument and says what would be right."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

MAX_UNITS = 4096
MAX_POPULATIONS = 8
MAX_CLASSES = 1024
MAX_STEPS = 4095
MAX_POPULATION_STEPS = 255  # populations count spikes and traces in bytes
MAX_RATES = 4096
MAX_RANKS = 31
MAX_INHIBITED = 1024  # inputs of an inhibition that is given
MAX_LEARNED_INPUTS = 128  # of one that is learned
MAX_CHANNELS = 16  # of a signal
MAX_MAGNITUDES = 8
MAX_WINDOW = 16384  # samples of one
MAX_FRAME = 1024  # of them that a spectrum is taken of
MAX_FRAMES = 64
MAX_VOTES = 16  # answers that a decision looks at
MAX_BANDS = 64
FULL_LEVEL = 64  # what stands for a level of 1 behind the winner
SIGNED_CODE_BITS = 7  # at most, of a code beside its sign


def whole(name: str, value: Any, low: int, high: int) -> int:
    """Return `value` as an int, or raise if it is no whole number in ``low .. high``."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    number = int(value)
    if not low <= number <= high:
        raise ValueError(f"{name} must be in {low} .. {high}, not {number}")
    return number


def choice(name: str, value: Any, options: tuple[str, ...]) -> str:
    """Return `value`, or raise if it is not one of `options`."""
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(options)}, not {value!r}")
    return str(value)


def octets(name: str, data: Any) -> bytes:
    """Return bytes, or what holds memory as they do, as bytes of its own.

    Raises
    ------
    TypeError
        If it holds no memory.
    """
    if isinstance(data, bytes):
        return data
    try:
        return memoryview(data).tobytes()
    except (TypeError, ValueError, BufferError) as error:
        raise TypeError(f"{name} must be bytes, not {type(data).__name__}") from error


def integers(name: str, values: ArrayLike, dtype: type[np.integer[Any]]) -> NDArray[Any]:
    """Return `values` as a read-only array of `dtype`, or raise if one does not fit into it."""
    import numpy as np

    array = np.asarray(values)
    if array.dtype.kind not in "iub" and array.size:
        raise TypeError(f"{name} must hold integers, not {array.dtype}")
    info = np.iinfo(dtype)
    if array.size and (array.min() < info.min or array.max() > info.max):
        raise ValueError(
            f"{name} must be in {info.min} .. {info.max}, but holds {array.min()} .. {array.max()}"
        )
    result = array.astype(dtype)
    result.flags.writeable = False
    return result
