"""What `check` accepts `import` converts, and what import refuses check refuses."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper
from onnx_models import build, save

from edge_naca import image
from edge_naca.choices import CODINGS
from edge_naca.export.conversion.layers import ConversionError
from edge_naca.export.onnx_import.front_end import (
    OnnxOptions,
    onnx_check,
    onnx_front_end,
    onnx_network,
)

Array = NDArray[Any]

RNG = np.random.default_rng(5)
BYTES = RNG.integers(0, 256, (100, 8)).astype(np.uint8)
USES = ("network", "front end")


def real(value: Any) -> Array:
    return np.array(value, np.float32)


def classifier(first: list[onnx.NodeProto], constants: dict[str, Array]) -> onnx.ModelProto:
    """Return a classifier of 8 numbers; `first` make "h" of "x"."""
    rng = np.random.default_rng(1)
    nodes = [
        *first,
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("Gemm", ["r", "v"], ["y"], transB=1, name="last"),
    ]
    own = {"w": real(rng.normal(size=(16, 8))), "v": real(rng.normal(size=(3, 16)))}
    return build(nodes, own | constants, [1, 8])


def dense(given: str = "x", to: str = "h", bias: str = "") -> onnx.NodeProto:
    inputs = [given, "w", bias] if bias else [given, "w"]
    return helper.make_node("Gemm", inputs, [to], transB=1, name="first")


def of_weights(size: float) -> onnx.ModelProto:
    return classifier([dense()], {"w": real(RNG.normal(size=(16, 8)) * size)})


def of_last_weights(size: float) -> onnx.ModelProto:
    return classifier([dense()], {"v": real(RNG.normal(size=(3, 16)) * size)})


def of_one_map(size: float) -> onnx.ModelProto:
    weights = RNG.normal(size=(16, 8))
    weights[0] *= size
    return classifier([dense()], {"w": real(weights)})


def of_bias(size: float) -> onnx.ModelProto:
    return classifier([dense(bias="b")], {"b": np.full(16, size, np.float32)})


def of_quantised_input(size: float) -> onnx.ModelProto:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], name="quantise"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], name="dequantise"),
        dense("d"),
    ]
    return classifier(nodes, {"s": real(size), "z": np.array(0, np.uint8)})


def of_quantised_weights(size: float) -> onnx.ModelProto:
    whole = RNG.integers(-127, 128, (16, 8)).astype(np.int8)
    nodes = [
        helper.make_node("DequantizeLinear", ["whole", "s"], ["real"], name="dequantise"),
        helper.make_node("Gemm", ["x", "real"], ["h"], transB=1, name="first"),
    ]
    return classifier(nodes, {"whole": whole, "s": real(size)})


def of_limit(size: float) -> onnx.ModelProto:
    nodes = [dense(to="c"), helper.make_node("Clip", ["c", "low", "high"], ["h"], name="clip")]
    return classifier(nodes, {"low": real(0), "high": real(size)})


def of_input(size: float) -> onnx.ModelProto:
    factor = np.ones(8)
    factor[0] = size
    nodes = [helper.make_node("Mul", ["x", "f"], ["m"], name="mul"), dense("m")]
    return classifier(nodes, {"f": real(factor)})


MODELS = (
    *(of_weights, of_last_weights, of_one_map, of_bias, of_quantised_input),
    *(of_quantised_weights, of_limit, of_input),
)
SIZES = (1e-44, 1e-30, 1e-9, 1.0, 1e9, 1e30, 1e38)


def refusal(path: Path, use: str, options: OnnxOptions, x: Array = BYTES) -> str:
    """Return why `import` refuses a file, empty if it does not."""
    try:
        if use == "network":
            image.encode(onnx_network(path, x, options)[0])
        else:
            onnx_front_end(path, x, options)
    except ConversionError as error:
        return str(error)
    return ""


def agreed(path: Path, use: str, options: OnnxOptions, x: Array = BYTES) -> bool:
    """Return whether a file is converted, which `check` has to know."""
    found = onnx_check(path, options, use=use).findings
    refused = refusal(path, use, options, x)
    assert bool(found) == bool(refused), (found, refused)
    return not found


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_check_and_import_agree_on_numbers_of_any_size(make: Any, tmp_path: Path) -> None:
    for size in SIZES:
        path = save(make(size), tmp_path)
        for use, coding in itertools.product(USES, CODINGS):
            is_converted = agreed(path, use, OnnxOptions(coding=coding, full_scale=255))
            assert is_converted or size != 1


@pytest.mark.parametrize("make", [of_quantised_input, of_limit])
def test_a_scale_beside_which_weights_have_no_room_is_found(make: Any, tmp_path: Path) -> None:
    (found,) = onnx_check(save(make(1e-30), tmp_path), use="network").findings
    assert found.node.startswith("first")
    assert "do not fit into 8 bits beside what comes out" in found.reason


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("option", ["full_scale", "std", "mean"])
def test_check_and_import_agree_on_what_raw_numbers_mean(option: str, tmp_path: Path) -> None:
    path = save(of_weights(1), tmp_path)
    for size in (1e-320, 1e-9, 1e9, 1e36):  # samples are what float32 holds
        said: dict[str, Any] = {"full_scale": 255, option: size}
        options = OnnxOptions(**said)
        # Bytes where 1e-320 is said to be the most are no samples of such a model.
        x = BYTES / 255 * size if option == "full_scale" else BYTES
        for use in USES:
            agreed(path, use, options, x)


def test_numbers_beyond_float64_are_refused(tmp_path: Path) -> None:
    double = onnx.TensorProto.DOUBLE
    nodes = [
        helper.make_node("Cast", ["x"], ["d"], to=double, name="cast"),
        helper.make_node("Gemm", ["d", "w"], ["y"], transB=1, name="first"),
    ]
    weights = {"w": RNG.normal(size=(16, 8)) * 1e200}
    path = save(build(nodes, weights, [1, 8], output_type=double), tmp_path)
    assert "too large, or too small" in onnx_check(path, use="network").findings[0].reason
    assert "too large, or too small" in refusal(path, "network", OnnxOptions(full_scale=255))


def test_neurons_that_no_made_up_sample_reaches_are_no_reason_to_refuse(tmp_path: Path) -> None:
    path = save(of_bias(-1e6), tmp_path)
    assert not onnx_check(path, OnnxOptions(coding="rate"), use="network").findings
    assert not refusal(path, "network", OnnxOptions(coding="rate", full_scale=255))


def test_an_order_of_dimensions_that_is_not_known_is_found(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 2, 1], name="turn"),
        helper.make_node("Conv", ["t", "k"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    path = save(build(nodes, {"k": real(RNG.normal(size=(2, 3, 2, 2)))}, [1, 5, 4, 3]), tmp_path)
    (found,) = onnx_check(path, use="front end").findings
    assert "in an order that is not known" in found.reason
