"""Learning populations behind frozen stages: what sets them up, and that they learn."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from nir_graphs import chain, lif, node, save
from numpy.typing import NDArray
from onnx_models import MODELS

from edge_naca import (
    Core,
    Encoder,
    NacaClassifier,
    Network,
    Preparation,
    Specification,
    data,
    export,
    presets,
    recipes,
)
from edge_naca.cli import main
from edge_naca.export import load_image
from edge_naca.export.onnx_import.front_end import OnnxOptions, onnx_front_end, onnx_network
from edge_naca.front_end import FrontEnd, spread
from edge_naca.stages import CodedConvolution, SpikingConvolution, SpikingPool

Array = NDArray[Any]

DIGITS = data.load("digits")


def front_end(**options: Any) -> FrontEnd:
    chosen = DIGITS.x_train[spread(len(DIGITS.x_train), 200)]
    name = "digits_average" if options.get("coding") == "rate" else "digits_conv"
    scale = None if options.get("coding") == "rate" else 16
    path, said = MODELS / f"{name}.onnx", OnnxOptions(full_scale=scale, **options)
    return onnx_front_end(path, chosen, said)[0]


def small(dataset: data.Dataset, each: int) -> data.Dataset:
    """Return a data set of so many training samples of each class, one class after another."""
    places = [np.flatnonzero(dataset.y_train == label)[:each] for label in range(10)]
    chosen = np.concatenate(places)
    return replace(
        dataset,
        x_train=dataset.x_train[chosen],
        y_train=dataset.y_train[chosen],
        x_test=dataset.x_test[:120],
        y_test=dataset.y_test[:120],
    )


@pytest.mark.parametrize(
    ("options", "weight_bits"),
    [({"bits": 4}, 8), ({"bits": 3}, 4), ({"coding": "rate", "steps": 7}, 8)],
    ids=["4-bit codes", "4-bit weights", "rates"],
)
def test_classes_are_learned_one_after_another(options: dict[str, Any], weight_bits: int) -> None:
    dataset = small(DIGITS, 20)
    network = recipes.network_for(
        dataset, front_end=front_end(**options), neurons_per_class=8, weight_bits=weight_bits
    )
    core, specification = Core(network), Specification(network)
    core.learn_many(dataset.x_train, dataset.y_train)
    answers = core.predict_many(dataset.x_test)
    assert (answers == dataset.y_test).mean() > 0.75
    assert -1 not in answers
    core = Core(network)
    for x, label in zip(dataset.x_train[::10], dataset.y_train[::10], strict=True):
        assert specification.learn(x, int(label)) == core.learn(x, int(label))
    assert specification.state() == core.state()


@pytest.mark.parametrize("options", [{"bits": 3}, {"coding": "rate", "steps": 6}], ids=str)
def test_a_first_sample_becomes_the_weights_of_the_neuron_it_recruits(
    options: dict[str, Any],
) -> None:
    """So the features that the front end speaks of are what the population hears."""
    front = front_end(**options)
    network = presets.competitive(front, 10, 2, norm=30.0)
    specification = Specification(network)
    x = DIGITS.x_train[3]
    specification.learn(x, 4)
    from edge_naca import image

    weights = image.unpack_state(network, specification.state()).populations[0].weights
    features = front.features(x[None])[0]
    fineness = 7 - front.most.bit_length()
    np.testing.assert_array_equal(weights[4 * 2], features * 2**fineness)


def test_what_comes_behind_can_be_taught_with_codes() -> None:
    """Frozen stages never change: their codes can be worked out once, as the benchmark does."""
    front = front_end(bits=4)
    network = recipes.network_for(small(DIGITS, 5), front_end=front, neurons_per_class=2)
    behind = replace(network, inputs=network.encoded, preparation=None, stages=(), metadata={})
    whole, part = Core(network), Core(behind)
    for x, label in zip(DIGITS.x_train[:60], DIGITS.y_train[:60], strict=True):
        codes = front.features(x[None])[0].astype(np.uint8)
        assert whole.learn(x, int(label)).prediction == part.learn(codes, int(label)).prediction
    assert whole.state() == part.state()


def test_neurons_reach_as_far_as_features_are_strong() -> None:
    front = front_end(bits=4)
    weak, strong = (presets.competitive(front, 10, 2, norm=norm) for norm in (10.0, 20.0))
    assert strong.populations[0].threshold == pytest.approx(4 * weak.populations[0].threshold)
    rules = [network.populations[0].rule for network in (weak, strong)]
    assert rules[0] is not None
    assert rules[1] is not None
    assert rules[1].recruit == pytest.approx(4 * rules[0].recruit, rel=1e-3)
    norm = recipes.typical_norm(front, DIGITS.x_train)
    features = front.features(DIGITS.x_train[:300]).astype(float)
    assert norm == pytest.approx(np.sqrt((features**2).sum(axis=1).mean()), rel=0.05)


def test_the_size_follows_the_budget_and_the_features() -> None:
    from edge_naca.image import state_size

    front = front_end(bits=3)
    network = recipes.network_for(small(DIGITS, 2), front_end=front, max_kib=16)
    assert network.arriving == front.count == 256
    assert (
        state_size(network)
        <= 16 * 1024
        < state_size(
            recipes.network_for(
                small(DIGITS, 2),
                front_end=front,
                neurons_per_class=network.populations[0].neurons // 10 + 1,
            )
        )
    )


def test_features_and_bits_are_the_front_ends() -> None:
    choices: tuple[dict[str, Any], ...] = ({"features": "edges"}, {"bits": 4})
    for more in choices:
        with pytest.raises(ValueError, match="are the front end's"):
            recipes.network_for(DIGITS, front_end=front_end(bits=3), **more)


def test_silence_is_refused() -> None:
    front = front_end(bits=3)
    last = front.stages[-1]
    assert isinstance(last, CodedConvolution)
    silent = replace(last, bias=np.full(last.maps, -(1 << 24), np.int32))
    silenced = replace(front, stages=(*front.stages[:-1], silent))
    with pytest.raises(ValueError, match="nothing but zeros on these samples"):
        recipes.typical_norm(silenced, DIGITS.x_train)


# ---- the command line --------------------------------------------------------------------------


def call(*words: object) -> str:
    result = CliRunner().invoke(main, [str(word) for word in words], prog_name="edge-naca")
    assert result.exit_code == 0, result.output
    return result.stdout


def test_train_learns_behind_a_model_and_behind_an_image(tmp_path: Path) -> None:
    first, second = tmp_path / "first.naca", tmp_path / "second.naca"
    model = MODELS / "digits_conv.onnx"
    words = ("--max-kib", 24, "--bits", 3, "--weight-bits", 4)
    told = json.loads(
        call("train", "digits", "--front-end", model, "--full-scale", 16, *words, "-o", first,
             "--json")
    )  # fmt: skip
    assert told["accuracy"] > 0.9
    assert told["state_bytes"] <= 24 * 1024
    assert told["conversion"]["layers"][0]["name"] == "node_Conv_20"
    again = json.loads(
        call("train", "digits", "--front-end", first, "--max-kib", 24, "--weight-bits", 4, "-o",
             second, "--json")
    )  # fmt: skip
    assert again["conversion"] is None
    assert again["state_hash"] == told["state_hash"]
    evaluated = json.loads(call("evaluate", first, "digits", "--json"))
    assert evaluated["accuracy"] == told["accuracy"]
    text = call("train", "digits", "--front-end", model, "--full-scale", 16, "-o", first)
    assert "node_linear left out" in text


def test_import_makes_an_image_that_answers(tmp_path: Path) -> None:
    path = tmp_path / "digits.naca"
    model = MODELS / "digits_qoperator.onnx"
    told = json.loads(call("import", model, "-o", path, "--calibrate", "digits", "--json"))[
        "report"
    ]
    assert told["accuracy_before"] - told["accuracy_after"] < 0.01
    evaluated = json.loads(call("evaluate", path, "digits", "--json"))
    assert evaluated["accuracy"] == pytest.approx(told["accuracy_after"])
    assert evaluated["classes"] == list(DIGITS.classes)
    behind = json.loads(
        call("train", "digits", "--front-end", path, "-o", tmp_path / "taught.naca", "--json")
    )
    assert behind["accuracy"] > 0.85


# ---- the front end of an image -----------------------------------------------------------------


def test_the_front_end_of_a_network_is_the_one_it_was_made_with() -> None:
    front = front_end(bits=3)
    network = presets.competitive(front, 10, 2, norm=30.0)
    again = FrontEnd.of(network)
    assert again.stages == front.stages
    assert again.preparation is front.preparation
    assert again.metadata == front.metadata


@pytest.mark.parametrize("coding", ["bitplane", "rate"])
def test_of_a_classifier_the_answer_is_left_out(coding: str) -> None:
    name, scale = ("digits_average", 1) if coding == "rate" else ("digits_conv", 16)
    options = OnnxOptions(full_scale=scale, coding=coding)
    network, _ = onnx_network(MODELS / f"{name}.onnx", DIGITS.x_train[:100], options)
    front = FrontEnd.of(network)
    assert front.stages == network.stages[:-1]
    assert front.features(DIGITS.x_train[:3]).any()
    assert front.is_exact == (coding == "bitplane")


def test_what_can_be_no_front_end() -> None:
    plain = presets.competitive(Preparation((8, 8, 1)), 10, 2)
    with pytest.raises(ValueError, match="no frozen stages"):
        FrontEnd.of(plain)
    with pytest.raises(ValueError, match="no preparation"):
        FrontEnd.of(presets.competitive(64, 10, 2))
    ones = np.ones((4, 1, 1, 1), np.int8)
    readout = SpikingConvolution(shape=(8, 8, 1), weights=ones, readout=True)
    with pytest.raises(ValueError, match="readout, which never spikes"):
        FrontEnd(Preparation((8, 8, 1)), Encoder("direct", 4, 1), (readout,))
    wide = CodedConvolution(shape=(8, 8, 1), weights=np.ones((70, 1, 1, 1), np.int8), bits=3)
    with pytest.raises(ValueError, match="4480 features; a population hears 4096"):
        FrontEnd(Preparation((8, 8, 1)), Encoder("bitplane", 3, 3), (wide,))
    neurons = SpikingConvolution(shape=(8, 8, 1), weights=ones)
    pool = SpikingPool(shape=(8, 8, 4), kernel=(4, 4), stride=(4, 4))
    with pytest.raises(ValueError, match="320 spikes in a presentation"):
        FrontEnd(Preparation((8, 8, 1)), Encoder("rate", 4, 20), (neurons, pool))


def test_pooled_spikes_count() -> None:
    """A pool passes on several spikes of one unit in a step; the population counts them all."""
    weights = np.full((2, 1, 1, 1), 100, np.int8)
    neurons = SpikingConvolution(
        shape=(8, 8, 1), weights=weights, threshold=np.array([700]), reset="subtract",
        reset_by=np.array([700]),
    )  # fmt: skip
    pool = SpikingPool(shape=(8, 8, 2), kernel=(2, 2), stride=(2, 2))
    front = FrontEnd(Preparation((8, 8, 1)), Encoder("direct", 5, 6), (neurons, pool))
    assert front.most == 24
    features = front.features(DIGITS.x_train[:4])
    assert features.max() > 6
    network = presets.competitive(front, 10, 2, norm=30.0)
    assert isinstance(network, Network)
    specification = Specification(network)
    specification.learn(DIGITS.x_train[0], 0)
    assert specification.infer(DIGITS.x_train[0]).prediction == 0


# ---- as a scikit-learn estimator ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_real", "coding"),
    [(False, "bitplane"), (True, "bitplane"), (False, "rate")],
    ids=["integers", "real numbers", "rates"],
)
def test_a_classifier_learns_behind_a_front_end(is_real: bool, coding: str) -> None:
    x = DIGITS.x_train.reshape(-1, 64) / (16 if is_real else 1)
    tests = DIGITS.x_test.reshape(-1, 64) / (16 if is_real else 1)
    name = "digits_average" if coding == "rate" else "digits_conv"
    full_scale = 1 if is_real or coding == "rate" else 16
    options = OnnxOptions(full_scale=full_scale, bits=3, coding=coding, steps=7)
    front, _ = onnx_front_end(MODELS / f"{name}.onnx", x[:300], options)
    model = NacaClassifier(8, max_classes=10, front_end=front, weight_bits=4)
    for label in range(10):  # one class after another
        mine = DIGITS.y_train == label
        model.partial_fit(x[mine], DIGITS.y_train[mine])
    assert model.score(tests, DIGITS.y_test) > (0.8 if coding == "rate" else 0.9)
    shares = model.predict_proba(tests)
    assert np.isfinite(shares).all()
    assert (shares.argmax(axis=1) == model.predict(tests)).mean() > 0.99
    assert 0.3 < shares.max(axis=1).mean() < 1
    again = NacaClassifier.from_image(model.to_image())
    assert (again.predict(tests) == model.predict(tests)).all()
    again.partial_fit(x[:20], DIGITS.y_train[:20])
    model.partial_fit(x[:20], DIGITS.y_train[:20])
    assert again.core_.state() == model.core_.state()


def test_a_classifier_refuses_what_is_no_front_end() -> None:
    x, y = DIGITS.x_train.reshape(-1, 64)[:30], DIGITS.y_train[:30]
    with pytest.raises(TypeError, match=r"front_end must be an edge_naca\.front_end\.FrontEnd"):
        NacaClassifier(front_end="net.onnx").fit(x, y)  # type: ignore[arg-type]  # what is refused
    front = front_end(bits=3)
    with pytest.raises(ValueError, match="either front_end or preparation"):
        NacaClassifier(front_end=front, preparation=front.preparation).fit(x, y)
    with pytest.raises(ValueError, match="preparation wants 64 numbers"):
        NacaClassifier(front_end=front).fit(x[:, :50], y)


def test_train_learns_behind_a_spiking_model(tmp_path: Path) -> None:
    model, taught = tmp_path / "eyes.nir", tmp_path / "taught.naca"
    kernels = np.array([[[[1, 1], [-1, -1]]], [[[1, -1], [1, -1]]], [[[1, 1], [1, 1]]]]) / 4
    see = node(
        "Conv2d", weight=kernels, bias=np.zeros(3), stride=1, padding=0, dilation=1, groups=1
    )
    save(model, chain((1, 8, 8), see, lif(np.full((3, 7, 7), 1.5), threshold=0.4)).to_dict())
    said: tuple[object, ...] = (
        "--dt",
        1,
        "--method",
        "euler",
        "--reset",
        "zero",
        "--fires",
        "above",
    )
    said += ("--steps", 6, "--encoder", "direct", "--full-scale", 16)
    words = ("--front-end", model, "--max-kib", 24, "--weight-bits", 4, "-o", taught)
    told = json.loads(call("train", "digits", *words, *said, "--json"))
    assert told["accuracy"] > 0.9
    assert [layer["kind"] for layer in told["conversion"]["layers"]] == ["neurons"]
    network = load_image(taught).network
    assert network.metadata["front_end"]["model"] == "eyes.nir"
    assert isinstance(network.stages[0], SpikingConvolution)
    refused = CliRunner().invoke(main, ["train", "digits", *map(str, words)])
    assert refused.exit_code == 2
    assert "--steps" in refused.stderr
    assert "--reset" in refused.stderr
    refused = CliRunner().invoke(
        main, ["train", "digits", *map(str, (*words, *said)), "--bits", "3"]
    )
    assert "--bits: a NIR file has no use for that" in " ".join(refused.stderr.split())


@pytest.mark.parametrize("what", ["check", "front_end", "network"])
def test_every_format_is_asked_alike(what: str) -> None:
    ours, theirs = (
        inspect.signature(getattr(export, f"{name}_{what}")) for name in ("onnx", "nir")
    )
    assert list(ours.parameters)[1:] == list(theirs.parameters)[1:]
    assert ours.return_annotation == theirs.return_annotation
