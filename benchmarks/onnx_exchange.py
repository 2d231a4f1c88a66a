"""ONNX against the core, in onnxruntime: are they equal, and which takes how long.

    python benchmarks/onnx_exchange.py --output benchmarks/results/onnx.json

needs the extras `onnx` and `nir`, and MNIST in EDGE_NACA_DATA. Every number of every sample is
compared; the programme ends with an error at the first that differs. Times are of one machine and
one run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import onnxruntime
import results
from numpy.typing import NDArray

from edge_naca import data, image, presets
from edge_naca.core import Core
from edge_naca.export import NirOptions, OnnxLearner, nir_network, to_onnx
from edge_naca.measurement import Figure, Table, measure
from edge_naca.network import Network, Preparation
from edge_naca.recipes import network_for
from edge_naca.stages import (
    CodedConvolution,
    CodedPool,
    SpikingConvolution,
    SpikingPool,
    Stage,
)

SNNTORCH = Path(__file__).parents[1] / "tests" / "models" / "snntorch_mnist.nir"
LEARNED, INFERRED, BATCH = 2000, 10000, 100
NAMES = ("prediction", "margin", "spikes", "synops")

Answer = TypeVar("Answer")


def timed(work: Callable[[], Answer]) -> tuple[Answer, float]:
    """Return what work gives, and the seconds that this thread spent on it."""
    start = time.thread_time()
    answer = work()
    return answer, time.thread_time() - start


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def require_equal(what: str, ours: NDArray[Any], theirs: NDArray[Any]) -> None:
    differing = np.flatnonzero((ours != theirs).reshape(len(ours), -1).any(axis=1))
    if differing.size:
        raise SystemExit(f"{what} of sample {differing[0]} differs: {len(differing)} samples do")


def infer(core: Core, x: NDArray[Any]) -> tuple[int, float, float, float]:
    """Compare inference; return nodes and seconds of the core, one by one, and in batches."""
    shape = core.network.preparation.shape if core.network.preparation else (core.network.inputs,)
    recording = session(to_onnx(core, input_type="uint8", record=True))
    names = [output.name for output in recording.get_outputs()]
    neurons = [name for name in names if name.endswith(".spikes") and name != "input.spikes"]
    plain_model = to_onnx(core, input_type="uint8")
    plain = session(plain_model)
    batched = session(to_onnx(core, input_type="uint8", batch=BATCH))
    samples = x.reshape(len(x), *shape)

    ours, core_seconds = timed(lambda: core.infer_many(x))
    theirs, seconds = timed(lambda: [plain.run(list(NAMES), {"sample": s}) for s in samples])
    for name, column in zip(NAMES, zip(*theirs, strict=True), strict=True):
        require_equal(name, np.array(column), ours[name])
    parts, batch_seconds = timed(
        lambda: [
            batched.run(list(NAMES), {"sample": samples[first : first + BATCH]})
            for first in range(0, len(x), BATCH)
        ]
    )
    for name, columns in zip(NAMES, zip(*parts, strict=True), strict=True):
        require_equal(f"{name} (batch)", np.concatenate(columns), ours[name])

    for sample, raw in zip(samples, x, strict=True):  # every spike of every neuron
        values = dict(zip(names, recording.run(names, {"sample": sample}), strict=True))
        shown = core.record(raw)
        spikes = np.concatenate([values[name] for name in neurons], axis=1)
        require_equal("spikes", spikes, shown.spikes)
        require_equal("input spikes", values["input.spikes"], shown.input_spikes)
        counts = shown.spikes[:, -core.network.capacity :].sum(axis=0)
        require_equal("counts", values["counts"][None], counts[None])
    return len(plain_model.graph.node), core_seconds, seconds, batch_seconds


def learn(core: Core, x: NDArray[Any], y: NDArray[Any]) -> tuple[int, float, float]:
    """Compare learning from the core's state on; return nodes, and seconds of both."""
    model = to_onnx(core, learning=True, input_type="uint8")
    learner = OnnxLearner(model)
    ours, core_seconds = timed(lambda: core.learn_many(x, y))
    theirs, seconds = timed(lambda: [learner.learn(s, int(c)) for s, c in zip(x, y, strict=True)])
    for name in (*NAMES, "changes"):
        told = np.array([getattr(result, name) for result in theirs])
        require_equal(name, told, ours[name])
    if learner.state_hash() != core.state_hash():
        raise SystemExit("the state hash differs")
    return len(model.graph.node), core_seconds, seconds


def behind_stages(stages: tuple[Stage, ...], bits: int, **hidden: Any) -> Network:
    """Return the competitive setting behind stages that are given pixels as 4-bit codes.

    Parameters
    ----------
    bits : of the numbers that the hidden neurons compare.
    hidden : what is different about the hidden population, parts of its rule among them.
    """
    preparation = Preparation((28, 28, 1), gain=np.ones(1, int), shift=4)
    network = presets.competitive(stages[-1].units, 10, 30, bits=bits)
    first, output = network.populations
    assert first.rule is not None
    rule = {name: hidden.pop(name) for name in list(hidden) if hasattr(first.rule, name)}
    first = replace(first, **hidden, rule=replace(first.rule, **rule))
    return replace(
        network,
        inputs=784,
        preparation=preparation,
        stages=stages,
        populations=(first, output),
    )


def coded_edges() -> Network:
    """Edges of eight directions, summed over 4 × 4 pixels, as 3-bit codes."""
    edges = CodedConvolution(
        shape=(28, 28, 1), weights=edge_filters(), padding=(1, 1), code_bits=4, bits=6
    )
    cells = CodedPool(shape=(28, 28, 8), kernel=(4, 4), stride=(4, 4), code_bits=6, bits=3, shift=6)
    return behind_stages((edges, cells), 3)


def spiking_edges() -> Network:
    """Neurons that spike where they see an edge; hidden neurons compare numbers of spikes."""
    edges = SpikingConvolution(
        shape=(28, 28, 1),
        weights=4 * edge_filters(),
        padding=(1, 1),
        threshold=np.array([160]),
        decay=np.array([128]),
        current_shift=3,
    )
    cells = SpikingPool(shape=(28, 28, 8), kernel=(4, 4), stride=(4, 4))
    # Nothing fades: potentials and traces are of all spikes of the presentation.
    return behind_stages(
        (edges, cells),
        4,
        decay=256,
        current_shift=0,
        norm_shift=1,
        trace_shift=0,
        trace_decay=256,
        trace_increment=1,
    )


def imported(dataset: data.Dataset) -> Network:
    """A convolutional network that snnTorch trained (benchmarks/nir.md): it learns nothing here."""
    options = NirOptions(exporter="snntorch", steps=10, encoder="direct", full_scale=255)
    network, _ = nir_network(SNNTORCH, dataset.x_train[:500], options)
    return network


def edge_filters() -> NDArray[np.int64]:
    """Return Sobel's filters and those between them, (8, 1, 3, 3)."""
    upright = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    slanted = np.array([[-2, -1, 0], [-1, 0, 1], [0, 1, 2]])
    turned = [np.rot90(one, turns) for one in (upright, slanted) for turns in range(4)]
    return np.stack(turned)[:, None]


def networks(dataset: data.Dataset) -> dict[str, Core]:
    """Return the networks that are compared."""
    edges = network_for(dataset, neurons_per_class=30)
    pixels = network_for(dataset, neurons_per_class=30, features="pixels", weight_bits=4)
    assert edges.preparation is not None
    paper: Network = presets.paper(edges.preparation, 10, 300)
    return {
        "edges, competitive, 8-bit weights": Core(edges),
        "pixels, competitive, 4-bit weights": Core(pixels),
        "the paper's rule, rate code, 20 steps": Core(
            image.encode(paper, presets.paper_start(paper))
        ),
        "coded convolution and pool in front": Core(coded_edges()),
        "spiking convolution and pool in front": Core(spiking_edges()),
        "trained in snnTorch, imported through NIR": Core(imported(dataset)),
    }


def row(of: dict[str, str], count: int, nodes: int, core: float, runtime: float) -> list[Figure]:
    """Return a row of the table; that the numbers are equal has been checked before.

    Parameters
    ----------
    count : how many samples.
    nodes : of the graph.
    core, runtime : seconds of all samples.
    """
    return [
        Figure(of, "samples", count),
        Figure(of, "nodes", nodes),
        Figure(of, "equal", True),
        Figure(of, "core", 1e6 * core / count, "µs"),
        Figure(of, "onnxruntime", 1e6 * runtime / count, "µs"),
        Figure(of, "ratio", runtime / core, decimals=1),
    ]


def compare(title: str, core: Core, dataset: data.Dataset) -> list[Figure]:
    """Compare one network, learning first where it can learn."""
    of = {"network": title, "topology": core.network.topology}
    order = np.random.default_rng(0).permutation(len(dataset.y_train))[:LEARNED]
    figures = []
    if core.network.populations:
        nodes, core_seconds, seconds = learn(core, dataset.x_train[order], dataset.y_train[order])
        learning = of | {"what": "learning", "state hash": f"{core.state_hash():08x}"}
        figures += row(learning, LEARNED, nodes, core_seconds, seconds)
    nodes, core_seconds, seconds, batch_seconds = infer(core, dataset.x_test[:INFERRED])
    figures += row(of | {"what": "inference"}, INFERRED, nodes, core_seconds, seconds)
    batched = of | {"what": f"inference, {BATCH} at a time"}
    return figures + row(batched, INFERRED, nodes, core_seconds, batch_seconds)


def main() -> None:
    arguments = results.parser(__doc__).parse_args()
    dataset = data.load("mnist")
    figures = []
    for title, core in networks(dataset).items():
        print(title, flush=True)
        figures += compare(title, core, dataset)
    measurement = measure(
        "ONNX against the core",
        results.command(),
        [Table("MNIST, one thread each", tuple(figures))],
        versions={"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
        data={"mnist": dataset.digest(), SNNTORCH.name: results.digest(SNNTORCH.read_bytes())},
        text="*Equal*: of every sample prediction, margin, spikes, synaptic operations and weight "
        "changes; in inference also every single spike and the output's spike counts; in learning "
        "also the state hash after the last sample. Each sample is one call of onnxruntime from "
        "Python; the core takes all in one call from C. Times are what the thread that computes "
        "spends.",
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
