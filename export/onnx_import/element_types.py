"""Element types of ONNX: their names, the integers that they hold, and how numpy takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.onnx_import.values import Grid

Array = NDArray[Any]

REALS = (1, 10, 11, 16)  # float32, float16, float64, bfloat16


def onnx_type(name: str) -> int:
    """Return the number of an element type, such as UINT8."""
    from onnx import TensorProto

    return int(TensorProto.DataType.Value(name))


def numpy_type(numbers: Array) -> int:
    """Return the element type of an array."""
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(numbers.dtype))


def type_name(kind: int) -> str:
    """Return the name that ONNX gives a type of numbers."""
    from onnx import TensorProto

    return TensorProto.DataType.Name(kind) if kind in TensorProto.DataType.values() else "no type"


def grid_of_type(kind: int) -> Grid | None:
    """Return integers of a type as they are; None if it is none of integers."""
    bits = bits_of_type(kind)
    if bits is None:
        return None
    size = 1 << bits
    has_sign = type_name(kind).startswith("INT")
    low, high = (-(size // 2), size // 2 - 1) if has_sign else (0, size - 1)
    return Grid(1.0, 0.0, low, high)


def bits_of_type(kind: int) -> int | None:
    """Return the bits of a type of integers; None if it is none."""
    name = type_name(kind)
    if name == "BOOL":
        return 1
    bits = name.removeprefix("U").removeprefix("INT")
    return int(bits) if bits.isdigit() and name.endswith(f"INT{bits}") else None


def plain(numbers: Array) -> Array:
    """Return numbers of types that numpy lacks in one that it has."""
    if numbers.dtype.kind in "biufOUScM":
        return numbers
    is_real = "float" in numbers.dtype.name
    return numbers.astype(np.float32 if is_real else np.int8)
