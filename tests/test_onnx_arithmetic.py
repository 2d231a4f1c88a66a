"""The operations of docs/arithmetic.md as ONNX nodes, where they could go wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given as given_examples
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from onnx import helper
from onnx_running import Running
from strategies import preparations

from edge_naca.export.onnx_export import arithmetic as onnx_arithmetic
from edge_naca.export.onnx_export import inhibition as onnx_inhibition
from edge_naca.export.onnx_export import preparation as onnx_preparation
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.network import Preparation
from edge_naca.specification import arithmetic, inhibition, preparation

WORDS = np.random.default_rng(3).integers(0, 2**32, 300, np.uint32)
INTS = np.concatenate(
    [
        WORDS.view(np.int32),
        [-(2**31), 2**31 - 1, -1, 0, 1],
        *([2**k - 1, 2**k, -(2**k), -(2**k) - 1] for k in range(1, 31)),
    ]
).astype(np.int32)


def through(
    make: Callable[[Graph, Value], Value], x: NDArray[Any], shape: tuple[int, ...] | None = None
) -> NDArray[Any]:
    """Return what nodes make of x in onnxruntime, in the shape of x unless another is given."""
    g = Graph()
    g.output("y", make(g, g.input("x", x.dtype, x.shape)), x.shape if shape is None else shape)
    opset = [helper.make_opsetid("", 21)]
    model = helper.make_model(g.proto("test"), opset_imports=opset, ir_version=10)
    result = Running(model)(x=x)["y"]
    assert isinstance(result, np.ndarray)
    return result


@pytest.mark.parametrize("shift", [0, 1, 4, 23, 28, 30])
def test_shifts_round_down(shift: int) -> None:
    given = through(lambda g, x: onnx_arithmetic.shift_right(g, "z", x, shift), INTS)
    assert_array_equal(given, INTS.astype(np.int64) >> shift)


@pytest.mark.parametrize("shift", [0, 1, 7, 29])
def test_halves_go_up(shift: int) -> None:
    x = np.clip(INTS, -(2**30), 2**30)
    given = through(lambda g, x: onnx_arithmetic.round_shift(g, "z", x, shift), x)
    assert_array_equal(given, arithmetic.round_shift(x.astype(np.int64), shift))


@pytest.mark.parametrize("decay", [1, 2, 51, 96, 128, 200, 254, 255, 256])
def test_scale(decay: int) -> None:
    x = np.clip(INTS, -arithmetic.POTENTIAL_MAX, arithmetic.POTENTIAL_MAX)

    def make(g: Graph, x: Value) -> Value:
        scaled = onnx_arithmetic.scale(g, "z", x, decay)
        assert scaled is not None
        return scaled

    assert_array_equal(through(make, x), arithmetic.scale(x.astype(np.int64), decay))


def test_words() -> None:
    given = through(lambda g, x: onnx_arithmetic.hash32(g, "z", x), WORDS)
    assert_array_equal(given, arithmetic.hash32(WORDS))
    keys = [arithmetic.presentation_key(77, int(word)) for word in WORDS]
    given = through(lambda g, x: onnx_arithmetic.presentation_key(g, "z", 77, x), WORDS)
    assert given.tolist() == keys


@pytest.mark.parametrize("bits", [16, 17])
def test_square_roots(bits: int) -> None:
    roots = np.array([1, 2, 3, 255, 256, 1000, 32767, 32768, 46341, 65534, 65535], np.int64)
    x = np.concatenate([[0], roots**2 - 1, roots**2, roots**2 + 1, [2**32 - 1]])
    if bits == 17:
        x = np.append(x, [2**32, 2**32 + 1, 2**34 - 1])
    given = through(lambda g, x: onnx_arithmetic.square_root(g, "z", x, bits), x)
    assert given.tolist() == [arithmetic.square_root(int(number)) for number in x]


@pytest.mark.parametrize("most", [1, 127, 128, 2047])
def test_products_of_numbers_with_a_sign(most: int) -> None:
    rng = np.random.default_rng(most)
    x = rng.choice([-most, most, 0, 1], (4, 300)).astype(np.int32)
    x[0], x[1] = most, -most
    weights = rng.choice([-128, 127], (300, 6)).astype(np.int8)
    weights[:, 0] = -128

    def make(g: Graph, x: Value) -> Value:
        return onnx_arithmetic.signed_product(g, "z", x, most, g.initializer("w", weights))

    given = through(make, x, (4, 6))
    assert_array_equal(given, x.astype(np.int64) @ weights.astype(np.int64))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_sums_scaled_by_shifts_of_either_sign(dtype: str) -> None:
    shifts = np.arange(-20, 25 if dtype == "int32" else 45)
    sums = np.clip(INTS, -(1 << 25), 1 << 25).astype(dtype).reshape(-1, 1)
    shape = len(sums), len(shifts)

    def make(g: Graph, x: Value) -> Value:
        return onnx_inhibition.scaled(g, x, g.initializer("shifts", shifts), 127)

    told = inhibition.scaled(sums.astype(np.int64), shifts, 127)
    assert_array_equal(through(make, sums, shape), told)


@pytest.mark.parametrize(("dtype", "bits"), [("uint8", 8), ("int16", 15), ("int32", 31)])
def test_logarithms(dtype: str, bits: int) -> None:
    info = np.iinfo(dtype)
    x = np.clip(np.append(INTS, [info.min, info.max]), info.min, info.max).astype(np.int32)
    x = x.reshape(1, -1, 1, 1)
    given = through(lambda g, x: onnx_arithmetic.signed_log(g, "z", x, bits), x)
    assert_array_equal(given, arithmetic.signed_log(x.astype(np.int64)))


def test_raw_numbers_are_clamped_before_they_are_added() -> None:
    prep = Preparation((1, 2, 1), "pool", 2, signed=True)
    for dtype, least in (("int16", -(2**15)), ("int32", -(2**31))):
        raw = np.array([least, 32767], dtype).reshape(1, 1, 2, 1)
        given = through(lambda g, x: onnx_preparation.codes(g, prep, x, 1, 8), raw, (1, 2))
        assert given.tolist() == [preparation.codes(prep, raw[0], 8).tolist()] == [[0, 0]]


@settings(max_examples=300)
@given_examples(
    prep=st.one_of(preparations(), preparations(keeps_sign=True)),
    dtype=st.sampled_from(["uint8", "int16", "int32"]),
    bits=st.integers(1, 8),
    reach=st.sampled_from([3, 300, 2**31]),
    seed=st.integers(0, 2**32 - 1),
)
def test_preparation(prep: Preparation, dtype: str, bits: int, reach: int, seed: int) -> None:
    bits = min(bits, 7) if prep.keeps_sign else bits
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    low, high = max(info.min, -reach), min(info.max, reach)
    raw = rng.integers(low, high, (3, *prep.shape), endpoint=True).astype(dtype)
    raw[0] = rng.choice([low, high], prep.shape)
    given = through(
        lambda g, x: onnx_preparation.codes(g, prep, x, 3, bits), raw, (3, prep.outputs)
    )
    assert_array_equal(given, [preparation.codes(prep, sample, bits) for sample in raw])
