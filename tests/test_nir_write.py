"""Networks as NIR graphs, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from nir_graphs import MODELS

from edge_naca import image, presets
from edge_naca.core import Core
from edge_naca.data import load
from edge_naca.export.conversion import float_model
from edge_naca.export.conversion.layers import ConversionError, ModelFileError
from edge_naca.export.nir.front_end import nir_network
from edge_naca.export.nir.home import from_nir, is_ours
from edge_naca.export.nir.options import NirOptions
from edge_naca.export.nir.read import nir_layers
from edge_naca.export.nir.write import METADATA, nir_file, to_nir
from edge_naca.inhibition import Inhibition
from edge_naca.network import Curve, Encoder, Network, Population, Preparation, Rule
from edge_naca.specification.network import Specification
from edge_naca.stages import CodedPool, SpikingConvolution, SpikingPool


def _weights(seed: int, *shape: int) -> np.ndarray[Any, np.dtype[np.int8]]:
    return np.random.default_rng(seed).integers(-127, 128, shape).astype(np.int8)


def _staged() -> Network:
    """Return a network with every kind of stage, and populations behind them."""
    # #lizard forgives: one description of a network.
    rng = np.random.default_rng(4)
    stages = (
        SpikingConvolution(
            shape=(8, 7, 4),
            weights=_weights(1, 6, 2, 3, 3),
            groups=2,
            stride=(1, 2),
            padding=(1, 1),
            bias=rng.integers(-50, 50, 6),
            threshold=rng.integers(300, 900, 6),
            decay=np.array([256, 250, 128, 0, 255, 200]),
            current_shift=2,
            refractory=2,
        ),
        SpikingPool(shape=(8, 4, 6), kernel=(2, 2), stride=(2, 2)),
        SpikingConvolution(
            shape=(4, 2, 6),
            weights=_weights(2, 5, 6, 3, 2),
            own=True,
            output=(2, 1),
            threshold=rng.integers(100, 200, 10),
            reset="subtract",
            reset_by=rng.integers(100, 200, 10),
            decay=rng.integers(0, 257, 10),
            synapse_decay=rng.integers(0, 257, 10),
        ),
    )
    populations = (
        Population(
            12,
            weight_min=0,
            threshold=-100,
            norm_shift=1,
            winners=2,
            fire_from=1,
            inhibition=5,
            adaptation=3,
            refractory=1,
            rule=Rule("winner", "table", "attract", table=np.tile([64, -4], (4, 6)), recruit=100),
        ),
        Population(
            4,
            weight_bits=4,
            zero_point=3,
            weight_min=-3,
            weight_max=12,
            bias=True,
            current_shift=3,
            curve=Curve(np.arange(-128, 128), np.ones(256, np.int16), 1),
            reset="subtract",
            rule=Rule("all", "error", "bounded"),
        ),
    )
    return Network(
        8 * 7 * 4,
        Encoder("direct", 8, 7),
        populations,
        preparation=Preparation((8, 7, 4), offset=np.array([3]), gain=np.array([5]), shift=2),
        seed=9,
        metadata={"classes": list("abcd"), "π": [1, {"is": None}]},
        optional={"MINE": b"\x00\xffabc"},
        stages=stages,
    )


def _learned(network: Network, samples: int = 6) -> bytes:
    runner = Specification(network)
    rng = np.random.default_rng(1)
    for label in range(samples):
        runner.learn(rng.integers(0, 256, 8 * 7 * 4), label % 4)
    return runner.state()


@pytest.mark.parametrize("learns", [False, True], ids=["new", "learned"])
def test_a_network_comes_home_as_it_was(learns: bool, tmp_path: Path) -> None:
    network = _staged()
    state = _learned(network) if learns else None
    path = tmp_path / "net.nir"
    path.write_bytes(nir_file(network, state))
    assert is_ours(path)
    assert image.encode(*from_nir(path)) == image.encode(network, state)
    assert image.encode(*from_nir(to_nir(network, state))) == image.encode(network, state)


def test_a_learner_of_digits_comes_home_and_answers_the_same(tmp_path: Path) -> None:
    digits = load("digits")
    core = Core(presets.competitive(Preparation((8, 8, 1)), 10, 8, bits=4))
    core.learn_many(digits.x_train[:300], digits.y_train[:300])
    path = tmp_path / "digits.nir"
    network, state = image.decode(core.image())
    path.write_bytes(nir_file(network, state))
    again = Core(image.encode(*from_nir(path)))
    np.testing.assert_array_equal(core.infer_many(digits.x_test), again.infer_many(digits.x_test))
    assert core.state_hash() == again.state_hash()


def test_a_network_of_signed_codes_comes_home_and_answers_the_same(tmp_path: Path) -> None:
    digits = load("digits")
    preparation = Preparation((8, 8, 1), keeps_sign=True, offset=np.array([8]))
    core = Core(presets.competitive(preparation, 10, 3, bits=3))
    core.learn_many(digits.x_train[:200], digits.y_train[:200])
    path = tmp_path / "signed.nir"
    network, state = image.decode(core.image())
    path.write_bytes(nir_file(network, state))
    assert image.encode(*from_nir(path)) == core.image()
    said = json.loads(to_nir(network, state).metadata[METADATA])["not_expressed"]
    assert any("off spikes" in words for words in said)


def test_an_imported_network_comes_home(tmp_path: Path) -> None:
    with np.load(MODELS / "snntorch_synaptic.npz") as file:
        x = file["x"]
    options = NirOptions(exporter="snntorch", steps=12, encoder="direct", full_scale=100)
    network, _ = nir_network(MODELS / "snntorch_synaptic.nir", x, options)
    path = tmp_path / "again.nir"
    path.write_bytes(nir_file(network))
    back, state = from_nir(path)
    assert state is None
    assert image.encode(back) == image.encode(network)


def test_the_nir_package_reads_what_was_written(tmp_path: Path) -> None:
    # It knows only square kernels, and no groups.
    first = SpikingConvolution(
        shape=(8, 8, 2), weights=_weights(1, 3, 2, 3, 3), decay=np.array([192])
    )
    last = SpikingConvolution(shape=(3, 3, 3), weights=_weights(2, 5, 3, 3, 3), readout=True)
    pool = SpikingPool(shape=(6, 6, 3), kernel=(2, 2), stride=(2, 2))
    path = tmp_path / "net.nir"
    path.write_bytes(
        nir_file(Network(128, Encoder("direct", 8, 7), (), stages=(first, pool, last)))
    )
    read = nir.read(path)  # checks the types of all nodes
    kinds = [type(read.nodes[f"stage_{number}"]).__name__ for number in range(3)]
    assert kinds == ["LIF", "SumPool2d", "I"]
    assert json.loads(read.metadata[METADATA])["not_expressed"]


def test_what_cannot_be_said_is_named() -> None:
    said = json.loads(to_nir(_staged()).metadata[METADATA])["not_expressed"]
    for words in (
        "encoder 'direct' of 8 bits in 7 steps",
        "preparation",
        "rounded down",
        "stage_0: held at 0 for 2 steps",
        "stage_2: a spike takes reset_by",
        "population_0: at most 2 neurons spike",
        "population_0: a spike inhibits",
        "population_0: no spike before step 1",
        "population_0: spikes raise the threshold",
        "population_0: the threshold follows the weights' squared norm",
        "population_0: deaf and silent for 1 steps",
        "population_0: it learns",
        "population_1: the current passes through a curve",
        "population_1: a spike takes the threshold",
    ):
        assert any(words in line for line in said), words
    plain = replace(
        _staged(), populations=(Population(4),), preparation=None, stages=_staged().stages[:2]
    )
    said = json.loads(to_nir(plain).metadata[METADATA])["not_expressed"]
    assert not any("population" in line for line in said)


def test_thresholds_are_those_of_today() -> None:
    network = _staged()
    state = _learned(network, 2)
    learned = image.unpack_state(network, state).populations[0]
    assert learned.wins is not None
    written = to_nir(network, state).nodes["population_0"].v_threshold
    norms = (learned.weights.astype(int) ** 2).sum(axis=1)
    assert (learned.wins > 0).any()
    np.testing.assert_array_equal(
        written, np.where(learned.wins > 0, (norms >> 1) - 100, 2**31 - 1)
    )


# ---- the nodes alone -----------------------------------------------------------------------------


def _nodes_alone(network: Network) -> list[Any]:
    """Return the graph's layers as a reader has them that knows nothing of us."""
    graph = to_nir(network)
    graph.metadata = {}
    reset = "zero"
    stage = network.stages[0]
    if isinstance(stage, SpikingConvolution):
        reset = stage.reset
    return nir_layers(
        graph,
        NirOptions(
            dt=1e-4,
            method="euler",
            synapse="filter",
            fires="above",
            reset=reset,
            delayed=False,
            steps=network.encoder.steps,
            encoder="direct",
            full_scale=1,
        ),
    )


OWN: dict[str, Any] = {"bias": [7], "threshold": 400 + np.arange(192), "reset_by": [0]}


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s,
        lambda s: replace(s, decay=[256, 192, 128, 0, 64, 32]),
        lambda s: replace(s, reset="subtract", reset_by=s.threshold),
        lambda s: replace(s, synapse_decay=[128], decay=[128]),
        lambda s: replace(s, own=True, decay=128 + np.arange(192) % 2 * 128, **OWN),
    ],
    ids=["integrators", "leaks", "subtract", "synapses", "own leaks"],
)
def test_nodes_alone_compute_the_same(
    change: Callable[[SpikingConvolution], SpikingConvolution],
) -> None:
    first = _staged().stages[0]
    assert isinstance(first, SpikingConvolution)
    plain = change(replace(first, refractory=0, decay=np.array([256]), current_shift=7))
    last = SpikingConvolution(
        shape=(8, 4, 6),
        weights=_weights(3, 3, 6, 8, 4),
        threshold=np.array([4000]),
        decay=np.array([256]),
        current_shift=7,
    )
    network = Network(8 * 7 * 4, Encoder("direct", 8, 7), (), stages=(plain, last))
    layers = _nodes_alone(network)
    codes = np.random.default_rng(6).integers(0, 256, (6, 8 * 7 * 4))
    planes = codes.reshape(-1, 4, 8, 7).astype(float)
    simulation = float_model.simulate(layers, 6, 7, lambda some, step: planes[some], True)
    runner = Specification(network)
    # Units are numbered channels last, layers have planes.
    got = [runner.record(sample).spikes.sum(axis=0)[: 8 * 4 * 6] for sample in codes]
    wanted = np.moveaxis(simulation.counts[0], 1, 3).reshape(6, -1)
    assert wanted.any()
    # Potentials are rounded down when they leak, which may cost or give a spike in thousands.
    assert (np.array(got) != wanted).mean() < 0.005
    assert simulation.counts[-1].reshape(6, -1).any()


# ---- refusals ------------------------------------------------------------------------------------


def test_parts_without_words_in_nir_are_refused() -> None:
    coded = Network(
        64,
        Encoder("bitplane", 4, 4),
        (Population(3),),
        stages=(CodedPool(shape=(8, 8, 1), kernel=(2, 2), stride=(2, 2), bits=4),),
    )
    with pytest.raises(ConversionError, match=r"stages\[0\] \(CodedPool\).*ONNX or C"):
        to_nir(coded)
    first = _staged().stages[0]
    assert isinstance(first, SpikingConvolution)
    uneven = replace(first, stride=(1, 1), output=(8, 6))
    network = Network(224, Encoder("direct", 8, 3), (Population(3),), stages=(uneven,))
    with pytest.raises(ConversionError, match="padding differs between two sides"):
        to_nir(network)
    own = replace(
        first,
        own=True,
        decay=np.array([256]),
        bias=np.arange(192),
        threshold=np.array([500]),
        reset_by=np.array([0]),
    )
    network = Network(224, Encoder("direct", 8, 3), (Population(3),), stages=(own,))
    with pytest.raises(ConversionError, match="biases of their own"):
        to_nir(network)
    network = presets.competitive(6, 3, 2, inhibition=Inhibition(6, 4))
    with pytest.raises(ConversionError, match=r"inhibition \(Inhibition\).*rounding.*ONNX or C"):
        to_nir(network)


def test_changed_graphs_do_not_pass_for_ours(tmp_path: Path) -> None:
    network = _staged()
    content = nir_file(network, _learned(network))
    path = tmp_path / "net.nir"

    def changed(change: Callable[[Any], None]) -> str:
        path.write_bytes(content)
        with h5py.File(path, "a") as file:
            change(file["node"])
        with pytest.raises(ModelFileError) as caught:
            from_nir(path)
        return str(caught.value)

    def set_one(name: str) -> Callable[[Any], None]:
        def change(node: Any) -> None:
            numbers = node["nodes"][name]
            numbers[...] = np.asarray(numbers) + 1

        return change

    def drop(name: str) -> Callable[[Any], None]:
        def change(node: Any) -> None:
            del node[name]

        return change

    def rewrite(words: Callable[[dict[str, Any]], None]) -> Callable[[Any], None]:
        def change(node: Any) -> None:
            about = json.loads(node["metadata"][METADATA][()])
            words(about)
            del node["metadata"][METADATA]
            node["metadata"][METADATA] = json.dumps(about)

        return change

    assert "v_threshold of node 'stage_0' was changed" in changed(set_one("stage_0/v_threshold"))
    assert "kernel_size of node 'stage_1'" in changed(set_one("stage_1/kernel_size"))
    assert "no weights of 8 bits" in changed(set_one("stage_0_weights/weight"))

    def swap(node: Any) -> None:
        edges = node["edges"][()]
        del node["edges"]
        node["edges"] = edges[::-1, ::-1]

    assert "an edge was changed" in changed(swap)
    assert "node 'stage_1'" in changed(drop("nodes/stage_1"))
    assert "bias of node 'stage_0_weights'" in changed(set_one("stage_0_weights/bias"))
    assert "format 2" in changed(rewrite(lambda about: about.update(format=2)))
    assert "damaged" in changed(rewrite(lambda about: about.pop("network")))
    assert "damaged" in changed(rewrite(lambda about: about["network"].update(inputs=-1)))
    assert "damaged" in changed(rewrite(lambda about: about["network"]["encoder"].pop("is")))
    with pytest.raises(ModelFileError, match="was not made by edge-naca"):
        from_nir(MODELS / "norse_dense.nir")
    assert not is_ours(MODELS / "norse_dense.nir")
