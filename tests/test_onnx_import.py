"""ONNX files become layers that compute the same, and stages that nearly do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper
from onnx_models import MODELS, answers, build, save

from edge_naca import Specification, data, image
from edge_naca.export.conversion import float_relu
from edge_naca.export.conversion.layers import Convolution, Pool, Rectifier
from edge_naca.export.conversion.relu_folding import fold
from edge_naca.export.onnx_import.front_end import (
    MissingInputError,
    OnnxOptions,
    convert_onnx,
    onnx_check,
    onnx_network,
)
from edge_naca.export.onnx_import.model import layers_of, read_onnx
from edge_naca.stages import CodedConvolution, CodedPool, SpikingConvolution

Array = NDArray[Any]

DIGITS = data.load("digits")
# Of each classifier of digits: what stands for 1 in its input, and whether it ends in a softmax.
CLASSIFIERS = {
    "digits_conv": (16, False),
    "digits_average": (1, True),
    "digits_qdq": (16, False),
    "digits_qoperator": (1, True),
    "digits_mlp": (1, True),
}


def images(name: str, count: int = 200) -> tuple[Array, Array]:
    """Return test images for onnxruntime (n, …), and as the layers take them."""
    full_scale, _ = CLASSIFIERS[name]
    x = DIGITS.x_test[:count].astype(np.float32) / full_scale
    shape = (64,) if name == "digits_mlp" else (1, 8, 8)
    return x.reshape(count, *shape), x.reshape(count, *(64, 1, 1) if len(shape) == 1 else shape)


def run(path: Path, x: Array, do_fold: bool = False) -> NDArray[np.float64]:
    """Return what a file's layers make of samples (n, channels, height, width)."""
    layers = layers_of(read_onnx(path))
    layers = fold(layers) if do_fold else layers
    return float_relu.run(layers, x.astype(np.float64))[-1].reshape(len(x), -1)


# ---- files of real exporters -------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("do_fold", [False, True], ids=["as read", "folded"])
def test_layers_compute_what_onnxruntime_does(name: str, do_fold: bool) -> None:
    path = MODELS / f"{name}.onnx"
    for_runtime, for_layers = images(name)
    wanted = answers(path, for_runtime)
    found = run(path, for_layers, do_fold)
    _, is_softmax = CLASSIFIERS[name]
    if is_softmax:
        powers = np.exp(found - found.max(axis=1, keepdims=True))
        found = powers / powers.sum(axis=1, keepdims=True)
    if name in ("digits_qdq", "digits_qoperator"):
        # onnxruntime rounds what travels between layers to 8 bits; the layers here do not.
        assert (found.argmax(axis=1) == wanted.argmax(axis=1)).mean() > 0.98
        return
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_one_dimensional_groups_and_dilation() -> None:
    path = MODELS / "temporal.onnx"
    x = np.random.default_rng(0).normal(size=(20, 4, 32)).astype(np.float32)
    np.testing.assert_allclose(run(path, x[:, :, None]), answers(path, x), atol=1e-5)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_whole_classifier_loses_less_than_a_point(name: str) -> None:
    path = MODELS / f"{name}.onnx"
    full_scale, _ = CLASSIFIERS[name]
    network, report = onnx_network(
        path,
        DIGITS.x_train,
        OnnxOptions(full_scale=full_scale),
        tests=(DIGITS.x_test, DIGITS.y_test),
        classes=DIGITS.classes,
    )
    assert report.accuracy_before is not None
    assert report.accuracy_after is not None
    assert report.accuracy_before > 0.85
    assert report.accuracy_after > report.accuracy_before - 0.01
    # What conversion said of its samples is what the specification answers.
    specification = Specification(network)
    count = 150
    found = [specification.infer(x).prediction for x in DIGITS.x_test[:count]]
    wanted = answers(path, images(name, count)[0]).argmax(axis=1)
    assert (np.array(found) == wanted).mean() > 0.98
    assert network.metadata["classes"] == list(DIGITS.classes)
    again, _ = image.decode(image.encode(network))
    assert [type(stage) for stage in again.stages] == [type(stage) for stage in network.stages]


@pytest.mark.parametrize("name", ["digits_average", "digits_mlp"])
def test_rates_answer_as_the_model_does(name: str) -> None:
    path = MODELS / f"{name}.onnx"
    options = OnnxOptions(coding="rate", steps=32, full_scale=CLASSIFIERS[name][0])
    network, report = onnx_network(
        path, DIGITS.x_train[:300], options, tests=(DIGITS.x_test, DIGITS.y_test)
    )
    assert network.encoder.kind == "direct"
    assert network.encoder.steps == 32
    assert all(s.reset == "subtract" for s in network.stages[:1] if hasattr(s, "reset"))
    assert report.accuracy_before is not None
    assert report.accuracy_after is not None
    assert report.accuracy_after > report.accuracy_before - 0.02
    specification = Specification(network)
    count = 60
    found = [specification.infer(x).prediction for x in DIGITS.x_test[:count]]
    wanted = answers(path, images(name, count)[0]).argmax(axis=1)
    assert (np.array(found) == wanted).mean() >= 0.95


def test_more_steps_make_rates_more_exact() -> None:
    path = MODELS / "digits_average.onnx"
    errors = []
    for steps in (4, 16, 64):
        options = OnnxOptions(coding="rate", steps=steps, head="answer")
        made = convert_onnx(path, DIGITS.x_train[:100], options)
        errors.append(made.report.layers[-1].error)
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]


# ---- the integers that conversion counted on are those of the specification --------------------


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("digits_conv", OnnxOptions(full_scale=16)),
        ("digits_conv", OnnxOptions(full_scale=16, head="keep", bits=3)),
        ("digits_average", OnnxOptions(bits=2, inner_bits=5)),
        ("digits_average", OnnxOptions(head="keep")),
        ("digits_mlp", OnnxOptions(full_scale=1, bits=8)),
        ("digits_average", OnnxOptions(coding="rate", steps=9)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.coding}-{value.bits}",
)
def test_calibration_codes_are_the_specifications(name: str, options: OnnxOptions) -> None:
    from edge_naca.export.conversion import coded as coded_conversion
    from edge_naca.export.conversion import rate as rate_conversion
    from edge_naca.export.onnx_import import front_end as onnx_import

    seen: list[Any] = []
    real_coded, real_rate = coded_conversion.convert_coded, rate_conversion.convert_rate

    def keep(made: Any) -> Any:
        seen.append(made)
        return made

    x = DIGITS.x_test[:25]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_import, "convert_coded", lambda *a, **k: keep(real_coded(*a, **k)))
        patch.setattr(onnx_import, "convert_rate", lambda *a, **k: keep(real_rate(*a, **k)))
        made = convert_onnx(MODELS / f"{name}.onnx", x, options)
    features = made.front_end().features(x)
    assert features.any()
    np.testing.assert_array_equal(seen[0].codes, features)


def test_readout_scores_are_the_specifications_potentials() -> None:
    from edge_naca.export.conversion import coded as coded_conversion
    from edge_naca.export.onnx_import import front_end as onnx_import

    seen: list[Any] = []
    real = coded_conversion.convert_coded
    x = DIGITS.x_test[:15]
    with pytest.MonkeyPatch.context() as patch:

        def convert(*arguments: Any, **options: Any) -> Any:
            seen.append(real(*arguments, **options))
            return seen[0]

        patch.setattr(onnx_import, "convert_coded", convert)
        network, _ = onnx_network(MODELS / "digits_conv.onnx", x, OnnxOptions(full_scale=16))
    specification = Specification(network)
    for sample, scores in zip(x, seen[0].scores, strict=True):
        potentials = specification.record(sample).potentials[-1]
        np.testing.assert_array_equal(potentials, scores)


def test_the_report_tells_how_far_off_each_layer_is() -> None:
    path = MODELS / "digits_conv.onnx"
    fine = convert_onnx(path, DIGITS.x_train[:200], OnnxOptions(full_scale=16, bits=8)).report
    coarse = convert_onnx(path, DIGITS.x_train[:200], OnnxOptions(full_scale=16, bits=2)).report
    assert [layer.name for layer in fine.layers] == [
        "node_Conv_20", "node_max_pool2d", "node_Conv_21"
    ]  # fmt: skip
    assert fine.layers[-1].error < 0.05 < coarse.layers[-1].error < 0.6
    assert fine.layers[0].weight_error < 0.02
    assert 0 < fine.layers[0].activity < 1
    assert any("left out" in note for note in fine.notes)
    assert fine.as_json()["layers"][0]["name"] == "node_Conv_20"


# ---- what raw numbers mean ---------------------------------------------------------------------


def test_pixels_are_asked_about_unless_the_model_says() -> None:
    with pytest.raises(MissingInputError, match=r"255 for pixels.*divided by 255"):
        convert_onnx(MODELS / "digits_conv.onnx", DIGITS.x_train[:50])
    made = convert_onnx(MODELS / "digits_average.onnx", DIGITS.x_train[:50])
    assert any("/Div, multiplies by 0.0625" in note for note in made.report.notes)
    real = convert_onnx(MODELS / "digits_conv.onnx", DIGITS.x_train[:50] / 16)
    assert any("real numbers" in note for note in real.report.notes)
    assert real.preparation.affine is not None


def test_real_numbers_give_the_features_of_the_same_integers() -> None:
    path = MODELS / "digits_conv.onnx"
    x = DIGITS.x_test[:20]
    whole = convert_onnx(path, x, OnnxOptions(full_scale=16, bits=8)).front_end()
    real = convert_onnx(path, x / 16, OnnxOptions(bits=8)).front_end()
    difference = np.abs(whole.features(x) - real.features(x / 16))
    assert difference.max() <= 6
    assert difference.mean() < 0.6


def test_mean_and_std_before_a_padded_layer_are_exact_at_the_border(tmp_path: Path) -> None:
    """Padding means zeros of the normalised input, that is pixels of the mean's brightness."""
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(3, 1, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], name="conv"),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    model = build(nodes, {"w": weights}, [1, 1, 6, 6])
    x = rng.integers(0, 256, (40, 6, 6)).astype(np.uint8)
    path = save(model, tmp_path)
    options = OnnxOptions(full_scale=255, mean=0.4, std=0.3, bits=8)
    made = convert_onnx(path, x, options)
    normal = ((x / 255 - 0.4) / 0.3).astype(np.float32)[:, None]
    wanted = answers(path, normal).reshape(40, 3, 6, 6)
    assert made.preparation.signed
    assert made.preparation.offset.tolist() == [102]
    features = made.front_end().features(x).reshape(40, 6, 6, 3)
    border = np.ones((6, 6), bool)
    border[1:-1, 1:-1] = False
    got = np.moveaxis(features, 3, 1)[:, :, border].ravel().astype(float)
    real = wanted[:, :, border].ravel()
    scale = (got * real).sum() / (got * got).sum()
    assert np.sqrt(((got * scale - real) ** 2).mean()) < 0.02 * np.sqrt((real**2).mean())


def test_too_many_inputs_for_on_and_off_are_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2], name="conv"),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    path = save(build(nodes, {"w": weights}, [1, 3, 32, 32]), tmp_path)
    x = rng.integers(0, 256, (10, 32, 32, 3)).astype(np.uint8)
    options = OnnxOptions(full_scale=255, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.25))
    made = convert_onnx(path, x, options)
    assert not made.preparation.signed
    assert any("along the border differs" in note for note in made.report.notes)


def test_channels_last_and_first_samples_give_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(4, 3, 2, 2)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    path = save(build(nodes, {"w": weights}, ["batch", 3, 5, 7]), tmp_path)
    x = rng.integers(0, 256, (6, 5, 7, 3)).astype(np.uint8)
    first = np.ascontiguousarray(np.moveaxis(x, 3, 1))
    options = OnnxOptions(full_scale=255)
    last = convert_onnx(path, x, options).front_end().features(x)
    np.testing.assert_array_equal(
        last, convert_onnx(path, first, options).front_end().features(first)
    )


# ---- operators against onnxruntime -------------------------------------------------------------


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, Any]:
    groups = draw(st.sampled_from([1, 1, 2]))
    channels, maps = draw(st.integers(1, 2)) * groups, draw(st.integers(1, 2)) * groups
    kernel = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    about: dict[str, Any] = {
        "strides": [draw(st.integers(1, 2)), draw(st.integers(1, 2))],
        "group": groups,
    }
    automatic = draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if automatic == "NOTSET":
        about["dilations"] = [draw(st.integers(1, 2)), draw(st.integers(1, 2))]
        reach = [(k - 1) * d for k, d in zip(kernel, about["dilations"], strict=True)]
        about["pads"] = [draw(st.integers(0, reach[at % 2])) for at in range(4)]
    else:
        about["auto_pad"] = automatic
    sizes = [draw(st.integers(5, 7)), draw(st.integers(5, 7))]
    return {"about": about, "channels": channels, "maps": maps, "kernel": kernel, "sizes": sizes,
            "bias": draw(st.booleans()), "seed": draw(st.integers(0, 999))}  # fmt: skip


@settings(max_examples=60)
@given(case=convolutions())
def test_convolutions_of_all_kinds(case: dict[str, Any], tmp_path_factory: Any) -> None:
    rng = np.random.default_rng(case["seed"])
    share = case["channels"] // case["about"]["group"]
    constants: dict[str, NDArray[Any]] = {
        "w": rng.normal(size=(case["maps"], share, *case["kernel"])).astype(np.float32)
    }
    if case["bias"]:
        constants["b"] = rng.normal(size=case["maps"]).astype(np.float32)
    node = helper.make_node("Conv", ["x", *constants], ["y"], name="conv", **case["about"])
    path = save(
        build([node], constants, [1, case["channels"], *case["sizes"]]),
        tmp_path_factory.mktemp("conv"),
    )
    x = rng.normal(size=(3, case["channels"], *case["sizes"])).astype(np.float32)
    np.testing.assert_allclose(run(path, x), answers(path, x), atol=1e-4)


WINDOWS: list[dict[str, Any]] = [
    {"kernel_shape": [2, 2], "strides": [2, 2]},
    {"kernel_shape": [3, 2], "strides": [2, 1]},
    {"kernel_shape": [2, 3], "auto_pad": "VALID"},
]
PADDED: dict[str, Any] = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        *((kind, about) for kind in ("MaxPool", "AveragePool") for about in WINDOWS),
        ("MaxPool", PADDED),
        ("AveragePool", PADDED | {"count_include_pad": 1}),
        ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    ],
    ids=str,
)
def test_pools(kind: str, about: dict[str, Any], tmp_path: Path) -> None:
    path = save(build([helper.make_node(kind, ["x"], ["y"], name="p", **about)], {},
                      [1, 2, 7, 7]), tmp_path)  # fmt: skip
    x = np.random.default_rng(0).normal(size=(4, 2, 7, 7)).astype(np.float32)
    np.testing.assert_allclose(run(path, x), answers(path, x), atol=1e-5)


def normalisation(rng: np.random.Generator) -> dict[str, Array]:
    return {
        "s": rng.uniform(0.5, 2, 3).astype(np.float32),
        "b": rng.normal(size=3).astype(np.float32),
        "m": rng.normal(size=3).astype(np.float32),
        "v": rng.uniform(0.5, 2, 3).astype(np.float32),
    }


CHAINS: dict[str, list[tuple[str, list[str], dict[str, Any]]]] = {
    "norm-relu-conv": [
        ("BatchNormalization", ["s", "b", "m", "v"], {}), ("Relu", [], {}),
        ("Conv", ["w"], {"pads": [1, 1, 1, 1]}), ("Relu", [], {}),
    ],
    "relu-norm-pool-conv": [
        ("Conv", ["w"], {}), ("Relu", [], {}), ("BatchNormalization", ["s", "b", "m", "v"], {}),
        ("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}), ("Conv", ["w"], {}),
        ("Relu", [], {}),
    ],
    "norm-before-padding": [
        ("Conv", ["w"], {}), ("Relu", [], {}), ("BatchNormalization", ["s", "b", "m", "v"], {}),
        ("Conv", ["w"], {"pads": [1, 1, 1, 1]}), ("Relu", [], {}),
    ],
    "pool-relu": [
        ("Conv", ["w"], {"pads": [1, 1, 1, 1]}),
        ("AveragePool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}), ("Relu", [], {}),
    ],
    "max-relu": [
        ("Conv", ["w"], {"pads": [1, 1, 1, 1]}),
        ("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}), ("Relu", [], {}),
    ],
    "linear-linear": [
        ("Conv", ["w"], {"pads": [1, 1, 1, 1]}), ("Conv", ["w"], {}), ("Relu", [], {}),
    ],
    "arithmetic": [
        ("Mul", ["k"], {}), ("Add", ["c"], {}), ("Conv", ["w"], {}), ("Sub", ["c"], {}),
        ("Div", ["k"], {}), ("Clip", ["zero", "six"], {}), ("GlobalAveragePool", [], {}),
        ("Flatten", [], {}), ("Gemm", ["g", "b"], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
        ("Relu", [], {}),
    ],
    "last-linear": [("Conv", ["w"], {}), ("AveragePool", [], {"kernel_shape": [2, 2]})],
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_chains_fold_exactly_and_convert_closely(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    constants = normalisation(rng) | {
        "w": rng.normal(0.2, 1, (3, 3, 3, 3)).astype(np.float32) / 4,
        "k": rng.uniform(0.5, 2, (3, 1, 1)).astype(np.float32),
        "c": rng.normal(size=(1, 3, 1, 1)).astype(np.float32),
        "g": rng.normal(size=(3, 3)).astype(np.float32),
        "zero": np.array(0, np.float32),
        "six": np.array(6, np.float32),
    }
    nodes, before = [], "x"
    for number, (kind, inputs, about) in enumerate(CHAINS[name]):
        after = "y" if number + 1 == len(CHAINS[name]) else f"t{number}"
        nodes.append(helper.make_node(kind, [before, *inputs], [after], name=f"n{number}", **about))
        before = after
    used = {k: v for k, v in constants.items() if any(k in node.input for node in nodes)}
    path = save(build(nodes, used, [1, 3, 9, 9]), tmp_path)
    x = rng.normal(size=(60, 3, 9, 9)).astype(np.float32)
    wanted = answers(path, x)
    np.testing.assert_allclose(run(path, x), wanted, atol=1e-4)
    np.testing.assert_allclose(run(path, x, do_fold=True), wanted, atol=1e-4)
    assert not onnx_check(path).findings
    made = convert_onnx(path, x, OnnxOptions(bits=8, head="keep"))
    assert made.report.layers[-1].error < 0.06
    assert len(made.stages) <= len(fold(layers_of(read_onnx(path))))


def test_what_follows_a_transposed_input(tmp_path: Path) -> None:
    """What tf2onnx writes: channels last outside, channels first inside, flattened as outside."""
    rng = np.random.default_rng(2)
    constants: dict[str, NDArray[Any]] = {
        "w": rng.normal(size=(4, 2, 3, 3)).astype(np.float32),
        "d": rng.normal(size=(4 * 3 * 5, 6)).astype(np.float32),
        "shape": np.array([-1, 60], np.int64),
    }
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2], name="in"),
        helper.make_node("Conv", ["t", "w"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Transpose", ["r"], ["u"], perm=[0, 2, 3, 1], name="out"),
        helper.make_node("Reshape", ["u", "shape"], ["f"], name="flat"),
        helper.make_node("MatMul", ["f", "d"], ["y"], name="dense"),
    ]
    path = save(build(nodes, constants, ["n", 5, 7, 2]), tmp_path)
    x = rng.integers(0, 200, (8, 5, 7, 2)).astype(np.uint8)
    real = x.astype(np.float32)
    model = read_onnx(path)
    assert model.input_shape == (2, 5, 7)
    found = float_relu.run(layers_of(model), np.moveaxis(real, 3, 1).astype(np.float64))[-1]
    np.testing.assert_allclose(found.reshape(8, -1), answers(path, real), rtol=1e-4)
    made = convert_onnx(path, x, OnnxOptions(full_scale=1, head="answer"))
    assert made.preparation.shape == (5, 7, 2)
    assert made.report.layers[-1].error < 0.05


def test_a_vector_that_the_model_makes_an_image_of(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    constants: dict[str, NDArray[Any]] = {
        "w": rng.normal(size=(4, 1, 3, 3)).astype(np.float32),
        "shape": np.array([0, 1, 8, 8], np.int64),
    }
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["t"], name="image"),
        helper.make_node("Conv", ["t", "w"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    path = save(build(nodes, constants, [1, 64]), tmp_path)
    features = [
        convert_onnx(path, x, OnnxOptions(full_scale=16)).front_end().features(x)
        for x in (DIGITS.x_test[:10], DIGITS.x_test[:10].reshape(10, 64))
    ]
    image, vector = features
    np.testing.assert_array_equal(image, vector)


def test_shapes_that_the_graph_works_out_itself(tmp_path: Path) -> None:
    """What older torch exporters write for x.view(x.size(0), -1)."""
    rng = np.random.default_rng(2)
    constants: dict[str, NDArray[Any]] = {
        "w": rng.normal(size=(2, 1, 3, 3)).astype(np.float32),
        "zero": np.array(0, np.int64),
        "axes": np.array([0], np.int64),
        "rest": np.array([-1], np.int64),
        "d": rng.normal(size=(72, 3)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Shape", ["r"], ["s"], name="shape"),
        helper.make_node("Gather", ["s", "zero"], ["n"], name="gather"),
        helper.make_node("Unsqueeze", ["n", "axes"], ["u"], name="unsqueeze"),
        helper.make_node("Concat", ["u", "rest"], ["v"], axis=0, name="concat"),
        helper.make_node("Reshape", ["r", "v"], ["f"], name="reshape"),
        helper.make_node("MatMul", ["f", "d"], ["y"], name="dense"),
    ]
    path = save(build(nodes, constants, ["n", 1, 8, 8]), tmp_path)
    x = rng.normal(size=(5, 1, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(run(path, x), answers(path, x), atol=1e-4)


def test_the_reference_is_exact_on_every_processor(tmp_path: Path) -> None:
    """Kernels that add two products in 16 bits give 32767 for 32385 + 32385."""
    constants: dict[str, NDArray[Any]] = {
        "s": np.array(1, np.float32), "z": np.array(0, np.uint8),
        "w": np.full((64, 1), 127, np.int8), "wz": np.array(0, np.int8),
        "ys": np.array(2.0**14, np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("QLinearMatMul", ["x", "s", "z", "w", "s", "wz", "ys", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "ys", "z"], ["y"]),
    ]
    model = build(nodes, constants, [1, 64], input_type=onnx.TensorProto.UINT8)
    found = answers(save(model, tmp_path), np.full((1, 64), 255, np.uint8))
    assert found == np.rint(64 * 255 * 127 / 2**14) * 2**14


def test_integer_inputs_are_raw_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    constants: dict[str, NDArray[Any]] = {
        "xs": np.array(1 / 255, np.float32), "xz": np.array(0, np.uint8),
        "w": rng.integers(-127, 128, (3, 1, 3, 3)).astype(np.int8),
        "ws": np.array([0.01, 0.02, 0.015], np.float32), "wz": np.zeros(3, np.int8),
        "ys": np.array(0.02, np.float32), "yz": np.array(0, np.uint8),
        "b": rng.integers(-2000, 2000, 3).astype(np.int32),
    }  # fmt: skip
    node = helper.make_node(
        "QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], ["q"], name="conv"
    )
    nodes = [node, helper.make_node("DequantizeLinear", ["q", "ys", "yz"], ["y"], name="back")]
    model = build(nodes, constants, [1, 1, 6, 6], input_type=onnx.TensorProto.UINT8)
    path = save(model, tmp_path)
    x = rng.integers(0, 256, (30, 6, 6)).astype(np.uint8)
    wanted = answers(path, x[:, None])
    found = run(path, x[:, None].astype(np.float64))
    np.testing.assert_allclose(found, wanted, atol=0.0101)  # half a step of the output
    made = convert_onnx(path, x, OnnxOptions(bits=8))
    assert any("takes uint8" in note for note in made.report.notes)
    assert made.report.layers[0].error < 0.02


# ---- the structure of what comes out -----------------------------------------------------------


def test_stages_are_as_few_and_narrow_as_can_be() -> None:
    made = convert_onnx(
        MODELS / "digits_conv.onnx", DIGITS.x_train[:100], OnnxOptions(full_scale=16, bits=3)
    )
    first, pool, last = made.stages
    assert isinstance(first, CodedConvolution)
    assert isinstance(pool, CodedPool)
    assert isinstance(last, CodedConvolution)
    assert (first.bits, pool.bits, last.bits, made.encoder.bits) == (8, 8, 3, 3)
    assert pool.pool == "max"
    # Every map uses its 8 bits.
    for stage in (first, last):
        most = np.abs(stage.weights.astype(int)).reshape(stage.maps, -1).max(axis=1)
        assert (most >= 64).all()


def test_before_a_last_greatest_codes_are_narrow_already(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("MaxPool", ["r"], ["y"], kernel_shape=[2, 2], name="pool"),
    ]
    weights = {"w": rng.normal(size=(3, 1, 3, 3)).astype(np.float32)}
    path = save(build(nodes, weights, [1, 1, 8, 8]), tmp_path)
    made = convert_onnx(path, DIGITS.x_train[:50], OnnxOptions(full_scale=16, bits=3))
    assert [getattr(stage, "bits", None) for stage in made.stages] == [3, 3]


def test_cut_takes_the_result_of_a_node() -> None:
    path = MODELS / "digits_conv.onnx"
    model = read_onnx(path, "node_max_pool2d")
    assert [type(layer) for layer in model.layers] == [Convolution, Rectifier, Pool]
    options = OnnxOptions(full_scale=16, cut="node_max_pool2d")
    assert convert_onnx(path, DIGITS.x_train[:50], options).front_end().count == 128


def test_the_head_is_dropped_kept_or_answers() -> None:
    path, x = MODELS / "digits_conv.onnx", DIGITS.x_train[:100]
    kinds = {}
    for head in ("drop", "keep", "answer"):
        made = convert_onnx(path, x, OnnxOptions(full_scale=16, head=head))
        kinds[head] = made.stages[-1].units, type(made.stages[-1])
    assert kinds["drop"] == (256, CodedConvolution)
    assert kinds["keep"] == (20, CodedConvolution)  # on and off of ten scores
    assert kinds["answer"] == (10, SpikingConvolution)
