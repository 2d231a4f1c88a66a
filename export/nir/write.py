"""A network as a NIR graph: what it computes when it predicts, as far as NIR can say it.

Numbers are those of the image: weights, thresholds and potentials in its integer units. What NIR
has no words for is named in the graph's metadata, together with everything that makes the network
again (`edge_naca.export.nir.home`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import __version__, image
from edge_naca.export.conversion.layers import ConversionError, Finding, Float
from edge_naca.extras import require
from edge_naca.network import Network, Population
from edge_naca.specification.priors import Priors
from edge_naca.stages import CodedConvolution, CodedPool, SpikingConvolution, SpikingPool

if TYPE_CHECKING:
    import nir

METADATA = "edge_naca"
FORMAT = 1
DT = 1e-4  # of a step: what most frameworks take
NO_LEAK = 2.0**40  # steps that a potential without leak takes to fade, beside ones that have one
NEVER = 2**31 - 1  # threshold of a neuron that has not been recruited

Chain = list[tuple[str, "nir.NIRNode"]]


def to_nir(network: Network, state: bytes | None = None) -> nir.NIRGraph:
    """Return a network as a NIR graph.

    Parameters
    ----------
    network : without coded stages and inhibition, which NIR cannot say.
    state : learned state; None for a network as new.

    Raises
    ------
    ConversionError
        If NIR has no node for some part; the message names it.
    MissingExtraError
        If the nir package is not installed.
    """
    require("nir")
    import nir

    _check(network)
    learned = image.new_state(network) if state is None else image.unpack_state(network, state)
    chain = [("input", nir.Input(np.array(_input_shape(network)))), *_stage_nodes(network)]
    chain += _population_nodes(network, learned)
    outputs = np.array([network.capacity])
    chain.append(("output", nir.Output(outputs)))
    names = [name for name, _ in chain]
    graph = nir.NIRGraph(nodes=dict(chain), edges=list(pairwise(names)), type_check=False)
    about = _about(network, None if state is None else learned)
    graph.metadata = {METADATA: json.dumps(about, sort_keys=True)}
    return graph


def nir_file(network: Network, state: bytes | None = None) -> bytes:
    """Return a network as the bytes of a NIR file; see `to_nir`."""
    graph = to_nir(network, state)
    import nir

    file = io.BytesIO()
    nir.write(file, graph)
    _leave_out_rest(file)
    return file.getvalue()


def _leave_out_rest(file: io.BytesIO) -> None:
    """Take `v_reset`, which is 0 everywhere, out of a file: nir before 1.0.6 cannot read it.

    Where it is not there NIR takes it for 0.
    """
    import h5py

    with h5py.File(file, "r+") as content:
        for node in content["node/nodes"].values():
            if "v_reset" in node:
                del node["v_reset"]


# ---- what NIR cannot say -------------------------------------------------------------------------


def _check(network: Network) -> None:
    findings = []
    if network.inhibition is not None:
        reason = (
            "it makes codes of codes before they are sent, and NIR does not know their rounding"
        )
        findings.append(Finding("inhibition", "Inhibition", reason, "export it as ONNX or C"))
    for number, stage in enumerate(network.stages):
        name = f"stages[{number}]"
        if isinstance(stage, (CodedConvolution, CodedPool)):
            reason = "it is a layer of codes, and NIR knows neither their rounding nor a maximum"
            findings.append(Finding(name, type(stage).__name__, reason, "export it as ONNX or C"))
            continue
        usual = tuple(
            (stage.shape[axis] + 2 * stage.padding[axis] - reach) // stage.stride[axis] + 1
            for axis, reach in enumerate(_reach(stage))
        )
        if stage.output != usual:
            findings.append(
                Finding(
                    name,
                    type(stage).__name__,
                    "its padding differs between two sides, for which NIR has no parameter",
                    "export it as ONNX or C",
                )
            )
        if isinstance(stage, SpikingConvolution) and _map_bias(stage) is None:
            findings.append(
                Finding(
                    name,
                    type(stage).__name__,
                    "neurons of one map have biases of their own, for which NIR has no parameter",
                    "export it as ONNX or C",
                )
            )
    if findings:
        raise ConversionError(findings)


def not_expressed(network: Network) -> list[str]:
    """Return what a reader of the graph's nodes alone would not know, in words."""
    encoder = network.encoder
    sends = f"{encoder.kind!r} of {encoder.bits} bits in {encoder.steps} steps"
    said = [
        f"time steps of {DT:g}, explicit Euler: v = decay · v + current, then the threshold",
        "integers: potentials are rounded down when they leak, and limited to 24 bits",
        f"encoder {sends}: the graph takes what it sends",
    ]
    if encoder.is_signed:
        said.append("the encoder sends off spikes too: they are −1")
    if network.preparation is not None:
        said.append("preparation of raw samples")
    for number, stage in enumerate(network.spiking):
        if not isinstance(stage, SpikingConvolution):
            continue
        if stage.reset == "subtract":
            said.append(f"stage_{number}: a spike takes reset_by from the potential")
        if stage.refractory:
            said.append(f"stage_{number}: held at 0 for {stage.refractory} steps after a spike")
    for number, population in enumerate(network.populations):
        said += [f"population_{number}: {words}" for words in _unsaid(population)]
    if any(map(_competes, network.populations)):
        said.insert(
            0,
            "WARNING: neurons compete, and the winner decides. Whoever runs the nodes alone gets "
            "other answers than this network gives",
        )
    return said


def _competes(population: Population) -> bool:
    """Tell whether what the nodes leave out changes which neurons spike."""
    return bool(
        population.winners
        or population.inhibition
        or population.curve is not None
        or population.norm_shift is not None
    )


def _unsaid(population: Population) -> Iterator[str]:
    """Yield what NIR cannot say of a population."""
    if population.winners:
        yield f"at most {population.winners} neurons spike in a step, those furthest above"
    if population.inhibition:
        yield "a spike inhibits all other neurons"
    if population.fire_from:
        yield f"no spike before step {population.fire_from}"
    if population.adaptation:
        yield "spikes raise the threshold"
    if population.curve is not None:
        yield "the current passes through a curve"
    if population.norm_shift is not None:
        yield "the threshold follows the weights' squared norm; the one in the graph is today's"
    if population.rule is not None and population.rule.has_priors:
        yield "priors lower or raise the threshold; the one in the graph is today's"
    if population.rule is not None and population.rule.unknown > 0:
        yield "none is answered where a sample looks like no known class"
    if population.rule is not None and population.rule.drift > 0:
        yield "a second context, which takes an offset off samples, is recruited when these drift"
    if population.reset == "subtract":
        yield "a spike takes the threshold from the potential"
    if population.refractory:
        yield f"deaf and silent for {population.refractory} steps after a spike"
    if population.rule is not None:
        yield "it learns, by the rule in the metadata"


# ---- nodes ---------------------------------------------------------------------------------------


def _reach(stage: SpikingConvolution | SpikingPool) -> tuple[int, int]:
    vertical, horizontal = (
        (kernel - 1) * dilation + 1
        for kernel, dilation in zip(stage.kernel, stage.dilation, strict=True)
    )
    return vertical, horizontal


def _is_dense(stage: SpikingConvolution) -> bool:
    """Return whether every neuron hears every input."""
    return stage.kernel == stage.shape[:2] and stage.output == (1, 1) and stage.groups == 1


def _input_shape(network: Network) -> tuple[int, ...]:
    if not network.stages or network.stages[0].shape[:2] == (1, 1):
        return (network.inputs,)
    height, width, channels = network.stages[0].shape
    return channels, height, width


def _stage_nodes(network: Network) -> Chain:
    """Return the nodes of the stages."""
    import nir

    chain: Chain = []
    dims = _input_shape(network)
    for number, stage in enumerate(network.spiking):
        name = f"stage_{number}"
        if isinstance(stage, SpikingPool):
            pair = {"kernel_size": stage.kernel, "stride": stage.stride, "padding": stage.padding}
            arrays = {key: np.array(value) for key, value in pair.items()}
            chain.append((name, nir.SumPool2d(**arrays)))
        else:
            weights = stage.weights.astype(np.float32) * 2.0**stage.current_shift
            if _is_dense(stage):
                chain += _flattened(name, dims)
                flat = weights.reshape(stage.maps, -1)
                node = nir.Affine(weight=flat, bias=_map_bias(stage))
            else:
                node = nir.Conv2d(
                    input_shape=np.array(stage.shape[:2]),
                    weight=weights,
                    stride=np.array(stage.stride),
                    padding=np.array(stage.padding),
                    dilation=np.array(stage.dilation),
                    groups=stage.groups,
                    bias=_map_bias(stage),
                )
            chain += [(f"{name}_weights", node), (name, _stage_neurons(stage))]
        rows, columns, maps = stage.output_shape
        is_flat = isinstance(stage, SpikingConvolution) and _is_dense(stage)
        dims = (maps,) if is_flat else (maps, rows, columns)
    return chain


def _flattened(name: str, dims: tuple[int, ...]) -> Chain:
    """Return the node that makes a vector of `dims`, if it is none."""
    import nir

    if len(dims) == 1:
        return []
    node = nir.Flatten(input_type={"input": np.array(dims)}, start_dim=0, end_dim=-1)
    return [(f"{name}_flatten", node)]


def _map_bias(stage: SpikingConvolution) -> Float | None:
    """Return the bias of each map; None if its neurons differ in it."""
    planes = stage.bias.reshape(-1, stage.maps).astype(np.float64)
    return planes[0] if (planes == planes[0]).all() else None


def _in_shape(numbers: NDArray[Any], stage: SpikingConvolution) -> Float:
    """Return a parameter as NIR has it: (maps,), or (maps, rows, columns)."""
    rows, columns, maps = stage.output_shape
    full = np.resize(numbers.astype(np.float64), (rows, columns, maps))
    planes = np.moveaxis(full, 2, 0)
    return planes.reshape(maps) if _is_dense(stage) else np.ascontiguousarray(planes)


def _tau(decay: Float) -> Float:
    """Return time constants of what decay / 256 leaves in a step."""
    leak = np.maximum(1 - decay / 256, 1 / NO_LEAK)
    return np.asarray(DT / leak)


def _neurons(decay: Float, synapse: Float | None, threshold: Float | None) -> nir.NIRNode:
    """Return a node of neurons whose current arrives undiminished; all arrays have its shape."""
    import nir

    tau = _tau(decay)
    zero = np.zeros_like(tau)
    fires = {} if threshold is None else {"v_threshold": threshold}  # v_reset is then 0
    if synapse is not None:
        tau_syn = _tau(synapse)
        kind = nir.CubaLI if threshold is None else nir.CubaLIF
        return kind(
            tau_syn=tau_syn, tau_mem=tau, r=tau / DT, v_leak=zero, w_in=tau_syn / DT, **fires
        )
    if (decay == 256).all():
        r = np.full(tau.shape, 1 / DT)
        return nir.I(r=r) if threshold is None else nir.IF(r=r, **fires)
    kind = nir.LI if threshold is None else nir.LIF
    return kind(tau=tau, r=tau / DT, v_leak=zero, **fires)


def _stage_neurons(stage: SpikingConvolution) -> nir.NIRNode:
    return _neurons(
        _in_shape(stage.decay, stage),
        None if stage.synapse_decay is None else _in_shape(stage.synapse_decay, stage),
        None if stage.readout else _in_shape(stage.threshold, stage),
    )


def _population_nodes(network: Network, learned: image.State) -> Chain:
    """Return the nodes of the populations."""
    import nir

    chain: Chain = []
    dims = _input_shape(network)
    if network.stages:
        rows, columns, maps = network.stages[-1].output_shape
        last = network.stages[-1]
        is_flat = isinstance(last, SpikingConvolution) and _is_dense(last)
        dims = (maps,) if is_flat else (maps, rows, columns)
    for number, population in enumerate(network.populations):
        name = f"population_{number}"
        part = learned.populations[number]
        weights = part.weights.astype(np.float32)
        if population.curve is None:
            weights = weights * np.float32(2.0**population.current_shift)
        bias = weights[:, -1].copy() if population.bias else np.zeros(len(weights), np.float32)
        weights = weights[:, : weights.shape[1] - population.bias]
        if number == 0 and network.stages:
            weights = weights[:, planes_first(network)]
        chain += _flattened(name, dims)
        chain.append((f"{name}_weights", nir.Affine(weight=weights, bias=bias)))
        decay = np.full(population.neurons, float(population.decay))
        thresholds = _thresholds(population, part)
        chain.append((name, _neurons(decay, None, thresholds)))
        dims = (population.neurons,)
    return chain


def planes_first(network: Network) -> NDArray[np.int64]:
    """Return, for NIR's order of the last stage's outputs, where they are in that of units."""
    shape = network.stages[-1].output_shape
    units = np.arange(int(np.prod(shape))).reshape(shape)
    return np.moveaxis(units, 2, 0).reshape(-1)


def _thresholds(population: Population, learned: image.Learned) -> Float:
    """Return today's thresholds, without what spikes add."""
    result = np.full(population.neurons, float(population.threshold))
    if population.norm_shift is not None:
        weights = learned.weights.astype(np.int64)
        result += (weights * weights).sum(axis=1) >> population.norm_shift
    if learned.wins is not None:
        if learned.means is not None and population.rule is not None:
            priors = Priors(population.rule, learned.means.astype(np.int64))
            result -= priors.values(learned.wins.astype(np.int64))
        result[learned.wins == 0] = NEVER
    return result


# ---- metadata ------------------------------------------------------------------------------------


def _about(network: Network, learned: image.State | None) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": __version__,
        "not_expressed": not_expressed(network),
        "network": described(network),
        "state": None
        if learned is None
        else {
            "learned": learned.learned,
            "seen": learned.seen.tolist(),
            "wins": [
                None if part.wins is None else part.wins.tolist() for part in learned.populations
            ],
            "means": [
                None if part.means is None else part.means.tolist() for part in learned.populations
            ],
            "contexts": [
                None if part.context is None else _context(part.context)
                for part in learned.populations
            ],
        },
    }


def _context(context: image.Context) -> dict[str, Any]:
    return {"offset": context.offset.tolist(), "residuals": context.residuals.tolist()}


def described(thing: Any) -> Any:
    """Return a description as what JSON can hold; weights of stages are in the nodes."""
    if is_dataclass(thing):
        result = {
            field.name: described(getattr(thing, field.name))
            for field in fields(thing)
            if field.name != "weights"
        }
        return {"is": type(thing).__name__, **result}
    if isinstance(thing, np.ndarray):
        return thing.tolist()
    if isinstance(thing, (list, tuple)):
        return [described(entry) for entry in thing]
    if isinstance(thing, dict):
        return {key: described(value) for key, value in thing.items()}
    if isinstance(thing, bytes):
        return thing.hex()
    return thing
