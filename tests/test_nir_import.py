"""NIR graphs as frozen stages: every node, every way in, and every refusal."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from nir_graphs import SAID, Raw, affine, chain, convolution, graph, lif, node, numbers, save

from edge_naca.core import Core
from edge_naca.export.conversion import float_model
from edge_naca.export.conversion.input_layout import CalibrationError
from edge_naca.export.conversion.layers import ConversionError, Convolution, ModelFileError, Neurons
from edge_naca.export.conversion.segments import segments
from edge_naca.export.nir.front_end import convert_nir, nir_check, nir_network, samples_for
from edge_naca.export.nir.hdf5 import read_hdf5
from edge_naca.export.nir.options import MissingOptionsError, NirOptions
from edge_naca.export.nir.read import nir_layers
from edge_naca.export.nir.write import to_nir
from edge_naca.extras import MissingExtraError
from edge_naca.image import encode
from edge_naca.network import Network, Population, Rule
from edge_naca.specification.network import Specification
from edge_naca.stages import SpikingConvolution, SpikingPool

SAMPLES = 40


def _samples(shape: tuple[int, ...], low: int = 0, high: int = 4, seed: int = 5) -> Any:
    return np.random.default_rng(seed).integers(low, high, (SAMPLES, *shape))


def _compare(
    source: Any, x: Any, options: NirOptions = SAID, agreement: float = 0.9
) -> tuple[Network, float_model.Simulation]:
    """Convert, and compare every spike count of the last layer with real numbers."""
    network, report = nir_network(source, x, options)
    layers = nir_layers(source, options)
    given = samples_for(x, layers, options).source()
    simulation = float_model.simulate(
        layers, given.samples, given.steps, given.real, given.is_direct
    )
    last = layers[-1]
    assert isinstance(last, Neurons)
    wanted = simulation.answers(last.reset == "none")
    assert len(set(wanted.tolist())) > 1, "the test tells nothing"
    got = Core(network).infer_many(x.reshape(len(x), -1))["prediction"]
    runner = Specification(network)
    some = x.reshape(len(x), -1)[:10]
    assert got[:10].tolist() == [runner.infer(sample).prediction for sample in some]
    assert (got == wanted).mean() >= agreement
    assert all(layer.error < 0.25 for layer in report.layers)
    return network, simulation


# ---- nodes ---------------------------------------------------------------------------------------

DENSE = affine(1, 6, 8)


@pytest.mark.parametrize(
    "neurons",
    [
        lif(),
        lif(tau=np.linspace(1.5, 4, 6), r=np.linspace(0.5, 2, 6), threshold=np.linspace(0.5, 2, 6)),
        lif(v_leak=-0.5, v_reset=-0.5),
        node("IF", r=np.array(0.5), v_threshold=np.ones(6)),
        node("IF", r=np.array(0.5), v_threshold=np.array(1.0), v_reset=np.array(-0.5)),
        node(
            "CubaLIF",
            tau_mem=np.array(2.0),
            tau_syn=np.array(1.5),
            r=np.array(1.0),
            v_leak=np.array(0.0),
            v_threshold=np.array(1.0),
            w_in=np.linspace(0.5, 1.5, 6),
        ),
        node("Threshold", threshold=np.array(0.3)),
        node("LI", tau=np.array(3.0), r=np.array(1.0), v_leak=np.array(0.2)),
        node("I", r=np.array(0.4)),
        node(
            "CubaLI",
            tau_mem=np.array(2.0),
            tau_syn=np.array(1.5),
            r=np.array(1.0),
            v_leak=np.array(0.0),
        ),
    ],
    ids=lambda n: n["type"],
)
@pytest.mark.parametrize("how", ["euler", "exact", "subtract", "delayed", "reached", "refractory"])
def test_every_kind_of_neuron(neurons: dict[str, Any], how: str) -> None:
    choices: dict[str, dict[str, Any]] = {
        "euler": {},
        "exact": {"method": "exact"},
        "subtract": {"reset": "subtract", "delayed": False},
        "delayed": {"reset": "subtract", "delayed": True},
        "reached": {"fires": "reached"},
        "refractory": {"refractory": 1},
    }
    network, _ = _compare(
        chain((8,), DENSE, neurons), _samples((8,)), replace(SAID, **choices[how])
    )
    stage = network.stages[0]
    assert isinstance(stage, SpikingConvolution)
    assert stage.readout == (neurons["type"] in ("LI", "I", "CubaLI"))
    assert (stage.synapse_decay is not None) == neurons["type"].startswith("Cuba")


def test_integers_are_exact_where_nothing_has_to_be_rounded() -> None:
    weights = np.random.default_rng(2).integers(-127, 128, (6, 8)).astype(float)
    weights[:, 0] = 127  # the scale is then 1 for every map
    dense = node("Affine", weight=weights, bias=np.arange(-3.0, 3.0))
    neurons = node("IF", r=np.array(1.0), v_threshold=np.arange(300.0, 360.0, 10.0))
    for said in ({}, {"reset": "subtract", "delayed": False}, {"fires": "reached"}):
        options = replace(SAID, steps=20, **said)
        x = _samples((8,))
        source = chain((8,), dense, neurons)
        network, simulation = _compare(source, x, options, agreement=1.0)
        stage = network.stages[0]
        assert isinstance(stage, SpikingConvolution)
        shift = 2**stage.current_shift
        np.testing.assert_array_equal(stage.weights.reshape(6, 8), weights)
        np.testing.assert_array_equal(stage.bias, np.arange(-3, 3) * shift)
        at = np.arange(300, 360, 10) * shift - (said.get("fires") == "reached")
        np.testing.assert_array_equal(stage.threshold, at)
        runner = Specification(network)
        spikes = [runner.record(sample).spikes.sum(axis=0) for sample in x]
        np.testing.assert_array_equal(spikes, simulation.counts[0].reshape(len(x), 6))


def test_weights_are_clipped_where_samples_say_it_disturbs_least() -> None:
    weights = np.random.default_rng(2).uniform(-1, 1, (6, 8))
    weights[:, 0] = 10
    source = chain((8,), node("Linear", weight=weights), lif(threshold=2.0))
    x = _samples((8,))
    used = convert_nir(source, x, SAID)
    x = x.copy()
    x[:, 0] = 0
    unused = convert_nir(source, x, SAID)
    np.testing.assert_allclose(used.report.layers[0].scale, 10 / 127, rtol=1e-6)
    assert unused.report.layers[0].scale < 8.5 / 127


def test_a_delayed_subtraction_is_an_earlier_one_before_the_leak() -> None:
    x = _samples((8,))
    results = []
    for delayed, share in ((True, 1.0), (False, 0.75)):
        options = replace(SAID, reset="subtract", delayed=delayed)
        layers = nir_layers(chain((8,), DENSE, lif(tau=4.0)), options)
        last = layers[-1]
        assert isinstance(last, Neurons)
        layers[-1] = replace(last, reset_by=last.reset_by / share)
        source = samples_for(x, layers, options).source()
        results.append(float_model.simulate(layers, SAMPLES, 6, source.real, True))
    np.testing.assert_array_equal(results[0].counts[0], results[1].counts[0])
    np.testing.assert_allclose(results[0].potentials, results[1].potentials, atol=1e-9)
    assert results[0].counts[0].any()


def test_a_delayed_subtraction_is_taken_before_the_leak_here() -> None:
    options = replace(SAID, reset="subtract", delayed=True)
    made = convert_nir(chain((8,), DENSE, lif(tau=4.0, threshold=0.75)), _samples((8,)), options)
    stage = made.stages[0]
    assert isinstance(stage, SpikingConvolution)
    np.testing.assert_array_equal(stage.decay, 192)
    np.testing.assert_allclose(stage.reset_by, stage.threshold / 0.75, atol=2)


@pytest.mark.parametrize(
    "nodes",
    [
        (convolution(1, 4, 2, 3, padding=1), lif(), node("SumPool2d", kernel_size=2, stride=2)),
        (convolution(1, 4, 2, 3, padding="same"), lif(), node("AvgPool2d", kernel_size=(2, 2))),
        (convolution(1, 4, 2, 2, padding="same", dilation=(2, 1)), lif()),
        (convolution(1, 4, 2, 3, padding="valid", stride=(2, 1)), lif()),
        (convolution(1, 4, 1, 3, groups=2), lif()),
        (convolution(1, 4, 2, 3), node("AvgPool2d", kernel_size=2, stride=2), lif()),
        (node("AvgPool2d", kernel_size=2, stride=2), convolution(1, 4, 2, 2), lif()),
        (node("Scale", scale=np.full((2, 8, 8), 0.7)), convolution(1, 4, 2, 2), lif()),
        (convolution(1, 4, 2, 3), node("Scale", scale=np.abs(numbers(4, 4, 6, 6)) + 0.1), lif()),
        (lif(threshold=numbers(3, 2, 8, 8) * 0.1 + 1),),
        (convolution(1, 4, 2, 3), lif(), node("AvgPool2d", kernel_size=3, stride=2, padding=1)),
    ],
    ids=lambda nodes: "-".join(n["type"] for n in nodes),
)
def test_layers_of_images(nodes: tuple[dict[str, Any], ...]) -> None:
    source = chain((2, 8, 8), *nodes, node("Flatten", start_dim=0, end_dim=-1))
    layers = nir_layers(source, replace(SAID, readout="sum"))
    count = int(np.prod(layers[-1].output_shape))
    ending = (node("Flatten", start_dim=1, end_dim=-1), affine(9, 5, count), lif(threshold=0.5))
    flatten = node("Flatten", start_dim=0, end_dim=-1)
    _compare(chain((2, 8, 8), *nodes, flatten, *ending[1:]), _samples((2, 8, 8)))


def test_convolution_along_one_axis() -> None:
    first = node(
        "Conv1d",
        input_shape=np.array(20),
        weight=numbers(1, 4, 3, 5),
        bias=np.zeros(4),
        stride=np.array([2]),
        padding=np.array([1]),
        dilation=np.array([1]),
        groups=1,
    )
    flatten = node("Flatten", start_dim=0, end_dim=-1)
    source = chain((3, 20), first, lif(), flatten, affine(3, 5, 36), lif())
    network, _ = _compare(source, _samples((3, 20)))
    assert network.stages[0].shape == (1, 20, 3)


def test_potentials_are_counted_from_rest() -> None:
    for neurons in (
        lif(v_leak=-0.5, v_reset=-0.5),
        node("IF", r=np.array(1.0), v_threshold=np.array(1.0), v_reset=np.array(-0.5)),
    ):
        last = nir_layers(chain((8,), DENSE, neurons), SAID)[-1]
        assert isinstance(last, Neurons)
        assert last.threshold == 1.5
        assert last.offset == 0


def test_neurons_may_invert_what_arrives() -> None:
    factors = node("Scale", scale=np.array([1.0, -0.5, 2.0, -1.0, 0.7, -2.0]))
    _compare(chain((8,), DENSE, factors, lif()), _samples((8,)))
    _compare(chain((8,), DENSE, lif(r=np.array([1, -1, 1, -1, 0.5, -2]))), _samples((8,)))


@pytest.mark.parametrize(("side", "padding"), [(2, (0, 0, 1, 1)), (3, (1, 1, 1, 1))])
def test_same_padding_has_its_odd_row_at_the_end(side: int, padding: tuple[int, ...]) -> None:
    layer = nir_layers(chain((2, 8, 8), convolution(1, 4, 2, side, padding="same"), lif()), SAID)[0]
    assert isinstance(layer, Convolution)
    assert layer.padding == padding
    assert layer.output_shape == (4, 8, 8)


def test_an_edge_may_be_there_twice() -> None:
    plain = chain((8,), DENSE, lif()).to_dict()
    twice = Raw({**plain, "edges": [*plain["edges"], plain["edges"][0]]})
    assert [layer.name for layer in nir_layers(twice, SAID)] == ["n0", "n1"]


def test_maps_with_next_to_no_weights_do_not_coarsen_all_others() -> None:
    weights = numbers(1, 6, 8)
    options = replace(SAID, full_scale=100)
    stages = []
    for share in (1.0, 1e-5):
        weights[0] *= share
        source = chain((8,), node("Linear", weight=weights), lif())
        stages.append(convert_nir(source, _samples((8,), 0, 101), options).stages[0])
    normal, faint = stages
    assert isinstance(normal, SpikingConvolution)
    assert isinstance(faint, SpikingConvolution)
    assert faint.current_shift == normal.current_shift
    np.testing.assert_array_equal(faint.weights[1:], normal.weights[1:])


def test_a_linear_layer_has_no_bias_and_dimensions_of_a_batch_do_no_harm() -> None:
    linear = node("Linear", weight=numbers(1, 6, 8))
    network, _ = _compare(chain((1, 8), linear, lif(threshold=np.ones((1, 6)))), _samples((8,)))
    stage = network.stages[0]
    assert isinstance(stage, SpikingConvolution)
    assert not stage.bias.any()


def test_graphs_in_graphs() -> None:
    block = graph(
        {
            "in": node("Input", shape=np.array([8])),
            "weights": DENSE,
            "neurons": lif(),
            "out": node("Output", shape=np.array([6])),
        }
    ).to_dict()
    nested = graph({"inner": block}).to_dict()
    nested["nodes"] |= {"in": node("Input", shape=[8]), "out": node("Output", shape=[6])}
    nested["edges"] = [("in", "inner"), ("inner", "out")]
    source = graph({"input": node("Input", shape=[8]), "block": nested, "output": node("Output")})
    plain = chain((8,), DENSE, lif())
    x = _samples((8,))
    ours, flat = nir_network(source, x, SAID)[0], nir_network(plain, x, SAID)[0]
    mine, theirs = ours.stages[0], flat.stages[0]
    assert isinstance(mine, SpikingConvolution)
    assert isinstance(theirs, SpikingConvolution)
    np.testing.assert_array_equal(mine.weights, theirs.weights)
    assert nir_layers(source, SAID)[0].name == "block/inner/weights"


def test_input_and_output_nodes_may_be_missing() -> None:
    source = graph({"a": DENSE, "b": lif()})
    with pytest.raises(MissingOptionsError, match="--input-shape"):
        nir_layers(source, SAID)
    _compare(source, _samples((8,)), replace(SAID, input_shape=(8,)))


def test_graphs_in_memory_are_taken_as_they_are() -> None:
    made = nir.NIRGraph.from_list(
        nir.Affine(weight=DENSE["weight"], bias=DENSE["bias"]),
        nir.LIF(tau=np.full(6, 2.0), r=np.ones(6), v_leak=np.zeros(6), v_threshold=np.ones(6)),
    )
    _compare(made, _samples((8,)))


# ---- ways in -------------------------------------------------------------------------------------


def _image_net() -> Raw:
    return chain(
        (2, 6, 6),
        convolution(1, 4, 2, 3, padding=1),
        lif(),
        node("Flatten", start_dim=0, end_dim=-1),
        affine(3, 5, 144),
        lif(),
    )


def test_images_may_come_with_channels_last_or_first() -> None:
    first = _samples((2, 6, 6))
    last = np.ascontiguousarray(np.moveaxis(first, 1, 3))
    planes, _ = _compare(_image_net(), first)
    pixels, _ = _compare(_image_net(), last)
    assert planes.preparation is not None
    assert planes.preparation.shape == (1, 72, 1)
    assert pixels.preparation is not None
    assert pixels.preparation.shape == (6, 6, 2)
    answers = [
        [Specification(network).infer(sample).prediction for sample in x.reshape(len(x), -1)]
        for network, x in ((planes, first), (pixels, last))
    ]
    assert answers[0] == answers[1]


def test_mean_and_deviation_go_into_weights_and_biases() -> None:
    options = replace(SAID, full_scale=2, mean=(1.0, 0.5), std=(0.75, 1.25))
    network, _ = _compare(_image_net(), _samples((2, 6, 6)), options, agreement=0.85)
    stage = network.stages[0]
    assert isinstance(stage, SpikingConvolution)
    assert stage.own  # beyond the border there is nothing, not a raw 0


def test_negative_numbers_get_inputs_of_their_own() -> None:
    network, _ = _compare(_image_net(), _samples((2, 6, 6), -4, 4))
    assert network.preparation is not None
    assert network.preparation.signed
    assert network.stages[0].shape == (6, 6, 4)


def test_large_numbers_become_codes_of_8_bits() -> None:
    x = _samples((2, 6, 6), 0, 4) * 700 + 3
    network, _ = _compare(_image_net(), x, replace(SAID, full_scale=700))
    assert network.preparation is not None
    assert network.preparation.gain[0] / 2.0**network.preparation.shift < 255 / 2000


@pytest.mark.parametrize("encoder", ["rate", "latency"])
def test_samples_may_come_as_spikes(encoder: str) -> None:
    options = replace(SAID, encoder=encoder, full_scale=200, steps=20)
    source = chain((8,), node("Linear", weight=2 * numbers(1, 6, 8)), lif())
    network, _ = _compare(source, _samples((8,), 0, 201), options)
    assert network.encoder.kind == encoder
    signed, _ = _compare(source, _samples((8,), -200, 201), options)
    assert signed.preparation is not None
    assert signed.preparation.signed


@pytest.mark.parametrize("encoder", ["direct", "rate"])
def test_a_single_step_will_do(encoder: str) -> None:
    source = chain((8,), DENSE, lif(threshold=0.1), affine(4, 5, 6), lif(threshold=0.1))
    options = replace(SAID, encoder=encoder, steps=1, full_scale=3)
    network, _ = _compare(source, _samples((8,)), options)
    assert network.encoder.steps == 1


def test_neurons_that_snntorch_gave_no_leak() -> None:
    source = chain((8,), DENSE, lif(tau=np.inf, r=np.inf))
    assert "holds infinity" in _refused(source)[0][1]
    options = NirOptions(exporter="snntorch", steps=6, encoder="direct", full_scale=3)
    network, _ = _compare(source, _samples((8,)), options)
    plain = chain((8,), DENSE, node("IF", r=np.array(1e4), v_threshold=np.array(1.0)))
    same, _ = _compare(plain, _samples((8,)), options)
    for name in ("weights", "threshold", "decay", "reset_by"):
        ours, theirs = (getattr(net.stages[0], name) for net in (network, same))
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("readout", ["sum", "last"])
def test_files_that_end_in_weights_are_read_out(readout: str) -> None:
    source = chain((8,), DENSE, lif(), affine(4, 5, 6))
    with pytest.raises(MissingOptionsError, match="--readout"):
        nir_layers(source, SAID)
    network, _ = _compare(source, _samples((8,)), replace(SAID, readout=readout))
    stage = network.stages[-1]
    assert isinstance(stage, SpikingConvolution)
    assert stage.readout
    np.testing.assert_array_equal(stage.decay, 256 if readout == "sum" else 0)


def test_a_front_end_may_end_in_a_pool_and_populations_learn_behind_it() -> None:
    source = chain(
        (1, 8, 8), convolution(1, 4, 1, 3, padding=1), lif(), node("SumPool2d", kernel_size=4)
    )
    x = _samples((8, 8))
    made = convert_nir(source, x, SAID)
    assert isinstance(made.stages[-1], SpikingPool)
    rule = Rule("all", "error", "spike", rates=np.array([4096]))
    with pytest.raises(ConversionError, match=r"n2 .*does not end in neurons"):
        nir_network(source, x, SAID)
    pool = made.stages[-1]
    network = Network(
        made.preparation.outputs,
        made.encoder,
        (Population(3, rule=replace(rule, pre="attract")),),
        preparation=made.preparation,
        stages=made.stages,
    )
    assert network.arriving == pool.units == 16
    learner = Specification(network)
    before = learner.state_hash()
    for number, sample in enumerate(x[:5]):
        learner.learn(sample.reshape(-1), number % 3)
    assert learner.state_hash() != before


def test_accuracy_is_reported_for_both_kinds_of_numbers() -> None:
    source, x = chain((8,), DENSE, lif()), _samples((8,))
    layers = nir_layers(source, SAID)
    given = samples_for(x, layers, SAID).source()
    answers = float_model.simulate(layers, SAMPLES, 6, given.real, True).answers(False)
    labels = np.where(np.arange(SAMPLES) % 2 == 0, answers, 5 - answers)
    _, report = nir_network(source, x, SAID, tests=(x, labels))
    assert report.accuracy_before is not None
    assert report.accuracy_before == (answers == labels).mean() < 1
    assert report.accuracy_after is not None
    assert abs(report.accuracy_after - report.accuracy_before) < 0.1
    assert report.samples == SAMPLES


def test_a_leak_that_256ths_cannot_hold_is_noted() -> None:
    _, report = nir_network(chain((8,), DENSE, lif(tau=300.0, r=300.0)), _samples((8,)), SAID)
    assert any("n1: a decay of 0.99667" in note for note in report.notes)
    _, report = nir_network(chain((8,), DENSE, lif()), _samples((8,)), SAID)
    assert not any("decay" in note and note.startswith("n1") for note in report.notes)


# ---- refusals ------------------------------------------------------------------------------------


def _large(padding: int) -> dict[str, Any]:
    return convolution(1, 4, 1, 3, padding=padding)


@pytest.mark.parametrize(
    ("first", "where", "why"),
    [
        (_large(3000), "n0", "numbers, more than can be worked with"),
        (_large(100), "n1", "neurons, an image holds 65535"),
        (convolution(1, 5000, 1, 3), "n1", "5000 maps, an image holds 4096"),
    ],
)
def test_layers_too_large_for_an_image_are_found_without_samples(
    first: dict[str, Any], where: str, why: str
) -> None:
    found = nir_check(chain((1, 8, 8), first, lif())).findings
    assert where in {finding.node for finding in found}
    assert any(why in finding.reason for finding in found)


@pytest.mark.parametrize("encoder", ["direct", "rate", "events"])
@pytest.mark.parametrize(("side", "fits"), [(64, True), (70, False)])
def test_what_conversion_refuses_of_any_sample_is_found_without_samples(
    encoder: str, side: int, fits: bool
) -> None:
    # 70 · 70 inputs are more than an image can have: only conversion sees that.
    options = replace(SAID, encoder=encoder)
    first = convolution(0, 2, 1, 3, stride=np.array([8, 8]))
    source = chain((1, side, side), first, lif())
    found = nir_check(source, options, use="front end")
    reasons = [finding.reason for finding in found.findings]
    assert (not reasons) == fits
    assert fits or "4900 inputs" in reasons[0]


def _refused(source: Any, options: NirOptions = SAID) -> list[tuple[str, str]]:
    """Return node and reason of every finding; `check` and conversion must tell the same."""
    found = nir_check(source, options).findings
    assert all(finding.advice for finding in found)
    with pytest.raises(ConversionError) as caught:
        nir_layers(source, options)
    assert {finding.node for finding in caught.value.findings} <= {f.node for f in found}
    return [(finding.node, finding.reason) for finding in found]


@pytest.mark.parametrize(
    ("nodes", "where", "why"),
    [
        ((DENSE, lif(tau=0.0)), "n1", "tau holds 0"),
        ((DENSE, lif(tau=0.5)), "n1", "less than the time step"),
        ((DENSE, lif(tau=np.nan)), "n1", "tau holds NaN"),
        ((DENSE, lif(r=np.inf)), "n1", "r holds infinity"),
        ((DENSE, lif(threshold=np.inf)), "n1", "v_threshold holds infinity"),
        ((DENSE, lif(v_reset=0.5)), "n1", "v_reset differs from its v_leak"),
        ((DENSE, lif(v_leak=-0.5)), "n1", "v_reset, which is 0 as none is given, differs"),
        ((DENSE, lif(tau=np.ones(5))), "n1", r"tau has the shape \(5,\), but 6 numbers arrive"),
        ((DENSE, node("LIF", tau=np.ones(6))), "n1", "parameter r is missing"),
        ((DENSE, lif(tau=np.array([]))), "n1", "tau holds nothing"),
        (
            (DENSE, node("LIF", tau="long", r=1.0, v_leak=0.0, v_threshold=1.0)),
            "n1",
            "no real numbers",
        ),
        ((DENSE, node("I", r=np.full(6, 2 + 1j))), "n1", "r holds no real numbers"),
        ((DENSE, node("I", r=np.full(6, b"2.0"))), "n1", "r holds no real numbers"),
        ((node("Affine", bias=np.ones(6)), lif()), "n0", "parameter weight is missing"),
        ((node("Affine", weight=np.full((6, 8), np.inf)), lif()), "n0", "weight holds infinity"),
        ((node("Affine", weight=np.ones((2, 6, 8))), lif()), "n0", r"shape \(2, 6, 8\)"),
        ((affine(1, 6, 9), lif()), "n0", r"\(6, 9\) take 9 numbers, but 8 arrive"),
        ((node("Affine", weight=np.ones((6, 8)), bias=np.ones(5)), lif()), "n0", "bias holds 5"),
        ((convolution(1, 4, 2, 3), lif()), "n0", "8 numbers arrive"),
        ((node("SumPool2d", kernel_size=2), lif()), "n0", "8 numbers arrive"),
        ((node("Scale", scale=np.ones(7)), lif()), "n0", r"scale has the shape \(7,\)"),
        ((DENSE, node("LI", tau=2.0, r=1.0, v_leak=0.0), affine(3, 4, 6), lif()), "n1", "last"),
        ((DENSE, node("LI", tau=2.0, r=1.0, v_leak=numbers(1, 6))), "n1", "v_leak differs"),
    ],
)
def test_nodes_that_cannot_be_converted(
    nodes: tuple[dict[str, Any], ...], where: str, why: str
) -> None:
    found = _refused(chain((8,), *nodes))
    assert [name for name, _ in found] == [where]
    assert re.search(why, found[0][1]), found


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (convolution(1, 4, 3, 3), "do not fit 2 channels"),
        (convolution(1, 3, 1, 3, groups=2), "do not fit 2 channels"),
        (convolution(1, 4, 2, 9), "larger than what arrives"),
        (convolution(1, 4, 2, 3, padding="reflect"), "padding is 'reflect'"),
        (convolution(1, 4, 2, 3, padding="same", stride=2), "no meaning with strides"),
        (convolution(1, 4, 2, 3, stride=0), "stride is 0"),
        (convolution(1, 4, 2, 3, stride=1.5), "no whole numbers"),
        (convolution(1, 4, 2, 3, stride=(1, 2, 3)), r"stride is \(1, 2, 3\)"),
        (convolution(1, 4, 2, 3, dilation=10**9), "out of all bounds"),
        (convolution(1, 4, 2, 3, dilation=np.int64(-(2**63))), "out of all bounds"),
        (convolution(1, 4, 2, 3, input_shape=np.array([7, 8])), r"input_shape is \(7, 8\)"),
        (node("AvgPool2d", kernel_size=2, stride=2, padding=2), "more than half"),
        (affine(1, 6, 8), "one row after another"),
        (node("Flatten", start_dim=2, end_dim=1), "joins dimensions 2 .. 1"),
    ],
)
def test_layers_of_images_that_cannot_be_converted(first: dict[str, Any], why: str) -> None:
    found = _refused(chain((2, 8, 8), first, lif()))
    assert [name for name, _ in found] == ["n0"]
    assert re.search(why, found[0][1]), found


def test_which_neurons_a_shorter_parameter_is_for_has_to_be_said() -> None:
    """NIR gives parameters the shape of the neurons; 4 numbers could be any axis of 4 × 4 × 4."""
    thresholds = np.arange(1.0, 5.0)
    found = _refused(chain((4, 4, 4), lif(threshold=thresholds)))
    assert [where for where, _ in found] == ["n0"]
    assert "shape (4,), but 4 × 4 × 4 numbers arrive" in found[0][1]
    (layer,) = nir_layers(chain((4, 4, 4), lif(threshold=thresholds.reshape(4, 1, 1))), SAID)
    assert isinstance(layer, Neurons)
    np.testing.assert_array_equal(layer.threshold[:, 2, 3], thresholds)
    (layer,) = nir_layers(chain((4, 4, 4), lif(threshold=np.full(4, 2.0))), SAID)
    assert isinstance(layer, Neurons)
    assert layer.threshold == 2


def test_one_cause_is_one_finding() -> None:
    layers = [part for _ in range(12) for part in (affine(1, 8, 8), lif(v_reset=0.5))]
    found = _refused(chain((8,), *layers))
    assert len(found) == 1
    assert found[0][0] == ", ".join(f"n{number}" for number in range(1, 24, 2))


def test_everything_wrong_is_listed_at_once() -> None:
    source = graph(
        {
            "input": node("Input", shape=[8]),
            "late": node("Delay", delay=np.ones(8)),
            "odd": node("Swish"),
            "weights": DENSE,
            "neurons": node("LIF", tau=np.ones(6)),
            "output": node("Output"),
        }
    )
    found = dict(_refused(source))
    assert set(found) == {"late", "odd", "neurons"}


@pytest.mark.parametrize(
    ("edges", "why"),
    [
        ([("i", "a"), ("a", "b"), ("b", "a"), ("b", "o")], {"a → b → a": "in a cycle"}),
        ([("i", "a"), ("a", "a"), ("a", "b"), ("b", "o")], {"a → a": "in a cycle"}),
        ([("i", "a"), ("a", "b"), ("i", "b"), ("b", "o")], {"i": "to a, b", "b": "from a, i"}),
        (
            [("i", "a"), ("b", "a"), ("a", "o")],
            {"i, b": "2 inputs", "a": "from i, b"},
        ),
        (
            [("i", "a"), ("a", "b"), ("a", "o")],
            {"b, o": "2 outputs", "a": "to b, o"},
        ),
        ([("i", "a"), ("a", "b"), ("b", "o"), ("b", "x")], {"x": "a node that is not there"}),
        ([("a", "b"), ("b", "i"), ("i", "o"), ("o", "a")], {"i → a → b → o → i": "cycle"}),
    ],
)
def test_structures_that_cannot_be_converted(
    edges: list[tuple[str, str]], why: dict[str, str]
) -> None:
    nodes = {"i": node("Input", shape=[8]), "a": DENSE, "b": lif(), "o": node("Output")}
    found = _refused(graph(nodes, edges))
    for name, words in why.items():
        assert any(where == name and words in reason for where, reason in found), found
    assert {name for name, _ in found} == set(why)


def test_a_sub_graph_without_ends_and_an_empty_graph() -> None:
    block = graph({"weights": DENSE}).to_dict()
    source = graph({"input": node("Input", shape=[8]), "block": block, "output": node("Output")})
    assert ("block", "the sub-graph lacks an Input or an Output node") in _refused(source)
    assert _refused(graph({})) == [("the graph", "it holds no nodes")]
    assert _refused(graph({"i": node("Input", shape=[8]), "o": node("Output", shape=[8])})) == [
        ("the graph", "it holds no layers")
    ]


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ([4, 2, 8, 8], "4 dimensions"),
        ([-1, 8], "its shape is"),
        ([10**6], "its shape is"),
        ([2.5], "its shape is"),
    ],
)
def test_shapes_that_cannot_be(shape: list[Any], why: str) -> None:
    found = _refused(chain(np.array(shape), DENSE, lif()))
    assert found[0][0] == "input"
    assert why in found[0][1]


def test_an_output_of_another_shape_is_refused() -> None:
    source = graph(
        {"input": node("Input", shape=[8]), "a": DENSE, "b": lif(), "o": node("Output", shape=[7])}
    )
    assert _refused(source)[0][0] == "o"


def test_layers_that_have_no_place_or_do_not_fit() -> None:
    x = _samples((8,))
    dead = chain((8,), DENSE, lif(r=0.0))
    with pytest.raises(ConversionError, match=r"n1 .*take in nothing"):
        convert_nir(dead, x, SAID)
    wide = chain((8,), affine(1, 5000, 8), lif())
    with pytest.raises(ConversionError, match=r"n1 .*it has 5000 maps, an image holds 4096"):
        convert_nir(wide, x, SAID)
    mixed = chain((1, 2, 4), convolution(1, 2, 1, 1), lif(r=numbers(1, 2, 2, 4)))
    with pytest.raises(ConversionError, match=r"n1 .*invert what arrives"):
        convert_nir(mixed, x, SAID)
    options = replace(SAID, reset="subtract", delayed=True)
    with pytest.raises(ConversionError, match=r"n1 .*leaks away within a step"):
        convert_nir(chain((8,), DENSE, lif(tau=1.0)), x, options)
    deep = [part for number in range(17) for part in (affine(number, 8, 8), lif())]
    with pytest.raises(ConversionError, match="17 stages, an image holds 16"):
        convert_nir(chain((8,), *deep), x, SAID)


@pytest.mark.parametrize(
    ("x", "why"),
    [
        (np.zeros((5, 7), int), "8 .*numbers"),
        (np.zeros((5, 8)) + 0.5, "whole numbers as the sensor gives them, not float64"),
        (np.full((5, 8), 40000), "must be in ±32767"),
        (np.zeros(8, int), "samples"),
        (np.zeros((0, 8), int), "samples"),
        (np.array([["a"] * 8]), "whole numbers"),
    ],
)
def test_calibration_that_does_not_suit(x: Any, why: str) -> None:
    with pytest.raises(CalibrationError, match=f"calibration samples.*{why}"):
        convert_nir(chain((8,), DENSE, lif()), x, SAID)


def test_samples_larger_than_an_image_takes_are_refused() -> None:
    wide = chain((5000,), affine(1, 4, 5000), lif())
    with pytest.raises(CalibrationError, match="a sample takes 5000 inputs: an image has at most"):
        convert_nir(wide, _samples((5000,)), SAID)
    half = chain((2500,), affine(1, 4, 2500), lif())
    with pytest.raises(CalibrationError, match="a sample takes 5000 inputs, two a number for"):
        convert_nir(half, _samples((2500,), -3), SAID)


def test_a_scale_that_no_gain_can_hold_is_refused() -> None:
    options = replace(SAID, encoder="rate", full_scale=1e15)
    with pytest.raises(CalibrationError, match=r"multiplied by 2\.56e-13: check full_scale"):
        convert_nir(chain((8,), DENSE, lif()), _samples((8,)), options)


def test_a_layer_of_thousands_of_inputs_is_converted_closely() -> None:
    """Of so many inputs only the powers are looked at, not how they go together."""
    network, _ = _compare(chain((3000,), affine(1, 4, 3000), lif()), _samples((3000,)))
    assert network.inputs == 3000


def test_negative_numbers_cannot_enter_groups() -> None:
    grouped = chain((2, 6, 6), convolution(1, 4, 1, 3, groups=2), lif())
    with pytest.raises(ConversionError, match=r"n0 .*a first layer of 2 groups cannot be given"):
        convert_nir(grouped, _samples((2, 6, 6), -3), SAID)


def test_potentials_of_different_units_cannot_be_compared() -> None:
    readout = node("LI", tau=np.array(2.0), r=np.abs(numbers(1, 2, 2, 4)) + 1, v_leak=np.array(0.0))
    with pytest.raises(ConversionError, match=r"n1 .*neurons of one map differ in how much they"):
        convert_nir(chain((1, 2, 4), convolution(1, 2, 1, 1), readout), _samples((1, 2, 4)), SAID)


def test_weights_without_neurons_behind_them_are_no_stage() -> None:
    layers = nir_layers(chain((8,), DENSE, lif()), SAID)
    assert len(segments(layers, source_is_direct=True)[0]) == 1
    with pytest.raises(ConversionError, match=r"n0 .*no neurons come after it"):
        segments([*layers, layers[0]], source_is_direct=True)


def test_whole_numbers_may_come_as_floats() -> None:
    source, x = chain((8,), DENSE, lif()), _samples((8,))
    network, _ = nir_network(source, x, SAID)
    other, _ = nir_network(source, x.astype(np.float64), SAID)
    assert encode(other) == encode(network)


def test_classes_go_into_the_image() -> None:
    names = ["a", "b", "c", "d", "e", "f"]
    network, _ = nir_network(chain((8,), DENSE, lif()), _samples((8,)), SAID, classes=names)
    assert network.metadata["classes"] == names


def test_normalisation_of_other_channels_is_refused() -> None:
    options = replace(SAID, mean=(0.1, 0.2, 0.3))
    with pytest.raises(ValueError, match="mean must be one number, or one for each of 2 channels"):
        convert_nir(_image_net(), _samples((2, 6, 6)), options)


def test_test_samples_that_do_not_suit() -> None:
    source, x = chain((8,), DENSE, lif()), _samples((8,))
    with pytest.raises(CalibrationError, match="a class each"):
        nir_network(source, x, SAID, tests=(x, np.zeros(3, int)))
    with pytest.raises(CalibrationError, match=r"one of 6 classes, but .* 0 \.\. 6"):
        nir_network(source, x, SAID, tests=(x, np.arange(SAMPLES) % 7))


# ---- options -------------------------------------------------------------------------------------


def test_everything_that_is_missing_is_asked_for_at_once() -> None:
    with pytest.raises(MissingOptionsError) as caught:
        nir_layers(chain((8,), DENSE, lif()), NirOptions())
    asked = {question.option for question in caught.value.questions}
    assert asked == {"dt", "method", "reset", "fires", "delayed", "steps", "encoder", "full_scale"}
    for words in ("--dt:", "euler or exact", "--delay:", "direct or rate or latency", "--exporter"):
        assert words in str(caught.value)


def test_what_is_said_goes_before_what_the_exporter_does() -> None:
    x = _samples((8,))
    source = chain((8,), DENSE, lif(tau=2e-4, r=2.0))
    usual = NirOptions(exporter="snntorch", steps=6, encoder="direct", full_scale=1)
    ours = convert_nir(source, x, usual).stages[0]
    other = convert_nir(source, x, replace(usual, reset="zero", dt=1.5e-4)).stages[0]
    assert isinstance(ours, SpikingConvolution)
    assert isinstance(other, SpikingConvolution)
    assert (ours.reset, ours.decay[0]) == ("subtract", 128)
    assert (other.reset, other.decay[0]) == ("zero", 64)


@pytest.mark.parametrize(
    "wrong",
    [
        {"exporter": "brian"},
        {"dt": 0.0},
        {"full_scale": -1.0},
        {"steps": 4096},
        {"refractory": -1},
        {"encoder": "bitplane"},
        {"encoder": "rate", "mean": 3.0},
        {"std": (1.0, 0.0)},
        {"mean": (1.0, float("nan"))},
    ],
)
def test_options_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(reversed(wrong))):
        NirOptions(**wrong)


# ---- files ---------------------------------------------------------------------------------------


def test_files_and_graphs_read_the_same(tmp_path: Path) -> None:
    source = _image_net()
    path = save(tmp_path / "net.nir", source.to_dict())
    for ours, theirs in zip(nir_layers(path, SAID), nir_layers(source, SAID), strict=True):
        assert ours.name == theirs.name
        for key, value in vars(ours).items():
            np.testing.assert_array_equal(value, vars(theirs)[key])


@pytest.mark.slow
def test_damaged_files_are_refused_by_name(tmp_path: Path) -> None:
    path = save(tmp_path / "net.nir", _image_net().to_dict())
    content = path.read_bytes()
    for size in (0, 1, 100, 512, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(ModelFileError, match=r"net\.nir"):
            nir_layers(path, SAID)
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        for at in rng.integers(0, len(content), 8):
            damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            nir_layers(path, SAID)
        except (ModelFileError, ConversionError, MissingOptionsError):
            continue


def test_what_is_no_nir_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="there is no file"):
        nir_layers(tmp_path / "none.nir", SAID)
    path = tmp_path / "other.nir"
    with h5py.File(path, "w") as file:
        file["data"] = 1
    with pytest.raises(ModelFileError, match="no group 'node'"):
        nir_layers(path, SAID)
    with pytest.raises(ModelFileError, match="no NIR graph in it, but LIF"):
        nir_layers(save(path, lif()), SAID)
    with pytest.raises(ModelFileError, match="no nodes or no edges"):
        nir_layers(save(path, {"type": "NIRGraph"}), SAID)
    with pytest.raises(ModelFileError, match="a has no type"):
        nir_layers(Raw({"type": "NIRGraph", "nodes": {"a": {}}, "edges": []}), SAID)
    with pytest.raises(TypeError, match="a path or a nir"):
        nir_layers(3, SAID)


def test_without_what_reads_or_writes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "net.nir", _image_net().to_dict())
    network, _ = nir_network(path, _samples((2, 6, 6)), SAID)
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'edge-naca\[nir\]'"):
        nir_layers(path, SAID)
    with pytest.raises(MissingExtraError, match=r"pip install 'edge-naca\[nir\]'"):
        to_nir(network)


def test_files_that_reach_out_or_never_end_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "net.nir", chain((8,), DENSE, lif()).to_dict())
    with h5py.File(path, "a") as file:
        file["node/nodes/n0/more"] = h5py.ExternalLink("/etc/hostname", "/")
    with pytest.raises(ModelFileError, match="n0/more is a link to somewhere else"):
        nir_layers(path, SAID)
    with h5py.File(path, "a") as file:
        del file["node/nodes/n0/more"]
        file["node/nodes/n0/more"] = file["node"]
    with pytest.raises(ModelFileError, match="too deep"):
        nir_layers(path, SAID)
    with h5py.File(path, "a") as file:
        del file["node/nodes/n0/more"]
        file.create_dataset("node/nodes/n0/more", (1 << 20, 1 << 20), "f4", chunks=(1, 1 << 10))
    with pytest.raises(ModelFileError, match=r"n0/more: with its .* holds more than 256 MiB"):
        nir_layers(path, SAID)


def _with_more(path: Path, **how: Any) -> Path:
    """Write a file in which a node has one more dataset."""
    save(path, chain((8,), DENSE, lif()).to_dict())
    with h5py.File(path, "a") as file:
        file.create_dataset("node/nodes/n0/more", **how)
    return path


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (
            {"shape": (2,), "dtype": "f8", "external": [("other.bin", 0, 16)]},
            "n0/more: its numbers lie in another file",
        ),
        (
            {"shape": (1,), "dtype": "f8", "maxshape": (None,), "chunks": (1 << 26,)},
            "n0/more is stored in pieces of 512 MiB",
        ),
        (
            {"shape": (2,), "dtype": h5py.vlen_dtype(np.int32)},
            "n0/more holds object, neither numbers nor names",
        ),
        (
            {"data": ["a", "b"], "chunks": (1,), "maxshape": (None,)},
            "n0/more: names are read only where they lie in one piece",
        ),
    ],
)
def test_storage_that_could_take_any_memory_is_refused(
    how: dict[str, Any], why: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelFileError, match=re.escape(why)):
        nir_layers(_with_more(tmp_path / "net.nir", **how), SAID)


def _first_free(content: bytes | bytearray) -> int:
    """Return where the size of what is free in the first collection of texts stands."""
    at = content.index(b"GCOL") + 16
    while content[at : at + 2] != b"\0\0":
        at += 16 + -(-int.from_bytes(content[at + 8 : at + 16], "little") // 8) * 8
    return at + 8


@pytest.mark.parametrize("size", [0, 15, 1 << 20, 2**64 - 8, 2**64 - 1])
@pytest.mark.parametrize("of", ["text", "free"])
def test_texts_whose_objects_never_end_are_refused(of: str, size: int, tmp_path: Path) -> None:
    """HDF5 alone stays in one for ever, in C code that no signal interrupts."""
    path = save(tmp_path / "net.nir", chain((8,), DENSE, lif()).to_dict())
    content = bytearray(path.read_bytes())
    at = content.index(b"GCOL") + 24 if of == "text" else _first_free(content)
    content[at : at + 8] = size.to_bytes(8, "little")
    path.write_bytes(content)
    command = [str(Path(sys.executable).with_name("edge-naca")), "check", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: {path}")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(("width", "block"), [(4, 0), (8, 512)])
def test_addresses_of_another_kind_are_refused(width: int, block: int, tmp_path: Path) -> None:
    save(tmp_path / "net.nir", chain((8,), DENSE, lif()).to_dict())
    settings = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    settings.set_sizes(width, width)
    settings.set_userblock(block)
    path = tmp_path / "other.nir"
    with (
        h5py.File(tmp_path / "net.nir") as old,
        h5py.File(h5py.h5f.create(bytes(path), h5py.h5f.ACC_TRUNC, settings)) as new,
    ):
        old.copy("node", new)
    with pytest.raises(ModelFileError, match="a user block, or addresses that are not of 8 bytes"):
        nir_layers(path, SAID)


def test_files_and_graphs_of_too_much_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = chain((8,), DENSE, lif())
    path = save(tmp_path / "net.nir", source.to_dict())
    monkeypatch.setattr("edge_naca.export.nir.graph.MAX_EDGES", 2)
    with pytest.raises(ModelFileError, match="there are more than 2 edges"):
        nir_layers(source, SAID)
    monkeypatch.setattr("edge_naca.export.nir.graph.MAX_NODES", 1)
    with pytest.raises(ModelFileError, match="there are more than 1 nodes"):
        nir_layers(source, SAID)
    monkeypatch.setattr("edge_naca.export.nir.hdf5.MAX_NODES", 1)
    with pytest.raises(ModelFileError, match=r"net\.nir: there are too many nodes and parameters"):
        read_hdf5(path)


def test_graphs_too_deep_in_each_other_are_refused() -> None:
    deep = graph({"inner": DENSE}).to_dict()
    for _ in range(17):
        deep = graph({"inner": deep}).to_dict()
    with pytest.raises(ModelFileError, match="graphs lie too deep in each other"):
        nir_layers(Raw(deep), SAID)


@pytest.mark.parametrize(
    ("edges", "why"),
    [
        ("input", "the graph has no edges, but 'input'"),
        ([("input", "n0", "n1")], "the graph: an edge must join two nodes"),
        ([1, 2], "the graph: an edge must join two nodes"),
    ],
)
def test_edges_that_are_none_are_refused(edges: Any, why: str) -> None:
    source = chain((8,), DENSE, lif())
    source.data["edges"] = edges
    with pytest.raises(ModelFileError, match=why):
        nir_layers(source, SAID)


def test_types_may_be_arrays_of_one_text() -> None:
    source = chain((8,), DENSE, lif())
    source.data["nodes"]["n1"]["type"] = np.array(b"LIF")
    assert [type(layer).__name__ for layer in nir_layers(source, SAID)] == [
        "Convolution", "Neurons"
    ]  # fmt: skip


IF = node("IF", r=np.array(np.inf), v_threshold=np.array(1.0))


@pytest.mark.parametrize(
    ("neurons", "options", "why"),
    [
        (lif(threshold=-1.0), {"reset": "subtract"}, "a threshold below rest cannot be subtracted"),
        (lif(threshold=np.inf), {}, "its v_threshold holds infinity"),
        (IF, {}, "its r or w_in holds infinity"),
    ],
)
def test_neurons_that_cannot_be_converted(
    neurons: dict[str, Any], options: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConversionError, match=f"n1 .*{why}"):
        nir_layers(chain((8,), DENSE, neurons), replace(SAID, **options))


def test_pools_without_a_kernel_are_refused() -> None:
    with pytest.raises(ConversionError, match=r"n0 .*its parameter kernel_size is missing"):
        nir_layers(chain((1, 4, 4), node("SumPool2d", stride=2, padding=0), lif()), SAID)


def test_flattening_what_is_not_there_is_refused() -> None:
    wrong = node("Flatten", start_dim=5, end_dim=7)
    with pytest.raises(ConversionError, match=r"n0 .*it joins dimensions 5 \.\. 7 of"):
        nir_layers(chain((2, 4, 4), wrong, DENSE, lif()), SAID)
    assert len(nir_layers(chain((8,), wrong, DENSE, lif()), SAID)) == 2
