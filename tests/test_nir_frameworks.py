"""NIR files that real frameworks wrote, against what those frameworks themselves computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from nir_exchange import FILES, check_numbers, load, simulate
from nir_graphs import MODELS

from edge_naca import Core, data
from edge_naca.export.conversion.layers import ConversionError, Neurons
from edge_naca.export.nir.front_end import nir_check, nir_network
from edge_naca.export.nir.options import NirOptions
from edge_naca.export.nir.read import nir_layers
from edge_naca.specification.network import Specification


@pytest.mark.parametrize("name", FILES)
def test_real_numbers_are_those_of_the_framework(name: str) -> None:
    check_numbers(name)


@pytest.mark.parametrize(
    ("name", "otherwise"),
    [
        ("snntorch_synaptic", {"reset": "zero"}),
        ("snntorch_synaptic", {"delayed": False}),
        ("snntorch_synaptic", {"method": "exact"}),
        ("snntorch_synaptic", {"synapse": "jump"}),
        ("snntorch_zero", {"reset": "subtract"}),
        ("norse_dense", {"dt": 1e-3}),
        ("norse_dense", {"synapse": "filter"}),
        ("sinabs_conv", {"method": "euler"}),
        ("sinabs_conv", {"reset": "zero"}),
        ("spikingjelly_conv", {"reset": "subtract"}),
        ("rockpool_dense", {"dt": 9e-4}),
        ("rockpool_dense", {"synapse": "jump"}),
        ("rockpool_dense", {"reset": "zero"}),
    ],
)
def test_every_answer_matters(name: str, otherwise: dict[str, Any]) -> None:
    told, options = load(name)
    options = replace(options, **otherwise)
    try:
        layers = nir_layers(MODELS / f"{name}.nir", options)
    except ConversionError:
        return  # so wrong that it shows
    simulation, counts = simulate(layers, told["x"], options)
    if "counts" in told:
        assert (counts != told["counts"]).any()
    else:
        assert np.abs(simulation.potentials - told["potentials"]).max() > 0.01


@pytest.mark.parametrize("name", FILES)
def test_integers_answer_as_real_numbers_do(name: str) -> None:
    told, options = load(name)
    path = MODELS / f"{name}.nir"
    network, report = nir_network(path, told["x"], options)
    layers = nir_layers(path, options)
    simulation, _ = simulate(layers, told["x"], options)
    last = layers[-1]
    assert isinstance(last, Neurons)
    wanted = simulation.answers(last.reset == "none")
    samples = told["x"].reshape(len(told["x"]), -1)
    got = Core(network).infer_many(samples)["prediction"]
    runner = Specification(network)
    np.testing.assert_array_equal(got, [runner.infer(x).prediction for x in samples])
    assert (got == wanted).mean() >= 0.95
    assert all(layer.error < 0.2 for layer in report.layers)
    assert all(0 < layer.weight_error < 0.01 for layer in report.layers)
    assert all(layer.saturated == 0 for layer in report.layers)


def test_recurrent_neurons_are_found_before_anything_is_converted() -> None:
    path = MODELS / "snntorch_recurrent.nir"
    check = nir_check(path)
    found = check.findings
    assert {kind for _, kind in check.nodes} == {"Input", "Affine", "LIF", "Linear", "Output"}
    assert {finding.node for finding in found} == {"1.lif → 1.w_rec → 1.lif"}
    assert all("cycle" in finding.reason and finding.advice for finding in found)
    assert not check.questions
    with pytest.raises(ConversionError, match=r"1\.lif .*cycle"):
        nir_layers(path, NirOptions())


def test_a_file_leaves_open_what_it_does_not_say() -> None:
    check = nir_check(MODELS / "norse_dense.nir")
    assert not check.findings
    assert {question.option for question in check.questions} == {
        *("dt", "method", "synapse", "reset", "fires", "delayed"),
        *("steps", "encoder", "full_scale"),
    }
    check = nir_check(MODELS / "norse_dense.nir", NirOptions(exporter="norse"))
    assert {question.option for question in check.questions} == {"steps", "encoder", "full_scale"}


MNIST = NirOptions(exporter="snntorch", steps=10, encoder="direct", full_scale=255)


@pytest.mark.data
@pytest.mark.skipif(not data.available("mnist"), reason="needs MNIST")
def test_a_convolutional_network_keeps_its_accuracy() -> None:
    mnist = data.load("mnist")
    some = slice(0, 10000, 25)
    path = MODELS / "snntorch_mnist.nir"
    with np.load(MODELS / "snntorch_mnist.npz") as file:
        wanted = file["counts"][some]
    _, counts = simulate(nir_layers(path, MNIST), mnist.x_test[some], MNIST)
    np.testing.assert_array_equal(counts, wanted)
    network, report = nir_network(
        path, mnist.x_train[:200], MNIST, tests=(mnist.x_test[some], mnist.y_test[some])
    )
    assert report.accuracy_before is not None
    assert report.accuracy_after is not None
    assert report.accuracy_before > 0.97
    assert abs(report.accuracy_after - report.accuracy_before) <= 0.01
    assert network.topology == "784-24×24×8-12×12×8-8×8×16-4×4×16-10"
    assert network.metadata["converted"]["assumed"]
