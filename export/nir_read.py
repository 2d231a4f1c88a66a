"""From the nodes of a NIR graph to layers: shapes, time steps, resets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.layers import (
    ConversionError,
    Convolution,
    Finding,
    Float,
    Layer,
    Neurons,
    Pair,
    Pool,
    Scale,
    Shape,
)
from edge_naca.export.nir_graph import (
    INPUT,
    NEURONS,
    OUTPUT,
    WEIGHTS,
    Graph,
    Node,
    chain,
    read_graph,
    structure_findings,
)
from edge_naca.export.nir_options import (
    MissingOptionsError,
    NirOptions,
    Question,
    filled,
    questions,
)

MAX_SIDE = 65535

Dims = tuple[int, ...]


@dataclass(frozen=True)
class _Arriving:
    """What reaches a node.

    Parameters
    ----------
    dims : its shape as the file has it.
    shape : the same numbers in the same order as (channels, height, width). Flattening leaves it as
        it is, so that weights know where in an image their inputs lie.
    """

    dims: Dims
    shape: Shape

    @property
    def count(self) -> int:
        """Numbers that arrive."""
        return int(np.prod(self.dims))

    def __str__(self) -> str:
        return " × ".join(map(str, self.dims))


def _arriving(dims: Dims) -> _Arriving:
    if len(dims) == 1:
        return _Arriving(dims, (dims[0], 1, 1))
    if len(dims) == 2:
        return _Arriving(dims, (dims[0], 1, dims[1]))
    return _Arriving(dims, (dims[0], dims[1], dims[2]))


class _NodeError(Exception):
    """A node cannot be converted."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason, self.advice = reason, advice


@dataclass(frozen=True)
class Reading:
    """What could be read of a file.

    Parameters
    ----------
    nodes : all, in the order of the chain if there is one.
    findings : why it cannot be converted.
    questions : what has still to be said.
    layers : if nothing was found; with questions open, some of their numbers mean nothing.
    """

    nodes: list[Node]
    findings: list[Finding]
    questions: list[Question]
    layers: list[Layer]


def read_nir(source: str | PathLike[str] | Any, options: NirOptions) -> Reading:
    """Read as much as can be read.

    Parameters
    ----------
    source : a path, or a `nir.NIRGraph`.
    options : what is known so far.

    Raises
    ------
    ModelFileError
        If the file cannot be read at all.
    """
    graph: Graph = read_graph(source)
    nodes = list(graph.nodes.values())
    found = structure_findings(graph)
    if found:
        names = {finding.node for finding in found}
        for node in nodes:
            if node.kind in NEURONS and node.name not in names:
                found += _lonely_findings(node)
        return Reading(nodes, found, [], [])
    nodes = chain(graph)
    options = filled(options)
    asked = _questions(nodes, options)
    layers, found = _layers(nodes, _tentative(options) if asked else options)
    return Reading(nodes, found, asked, [] if found else layers)


def nir_layers(source: str | PathLike[str] | Any, options: NirOptions) -> list[Layer]:
    """Read a NIR file as layers.

    Raises
    ------
    ModelFileError
        If the file cannot be read at all.
    ConversionError
        If some nodes cannot be converted: names them all.
    MissingOptionsError
        If something has to be said that is not in the file: asks for all of it.
    """
    reading = read_nir(source, options)
    if reading.findings:
        raise ConversionError(reading.findings)
    if reading.questions:
        raise MissingOptionsError(reading.questions)
    return reading.layers


def _questions(nodes: list[Node], options: NirOptions) -> list[Question]:
    named = [node.kind for node in nodes if node.kind not in (INPUT, OUTPUT, "Flatten")]
    ends_in_weights = bool(named) and named[-1] in (*WEIGHTS, "Scale")
    asked = questions((node.kind for node in nodes), ends_in_weights, options)
    if options.input_shape is None and not _has_shape(nodes[0]):
        asked.append(
            Question(
                "input_shape",
                "the file does not say what shape its input has",
                "channels,height,width or a number",
            )
        )
    return asked


def _has_shape(node: Node) -> bool:
    try:
        return node.kind == INPUT and _given_shape(node) is not None
    except _NodeError:
        return True  # a wrong one is reported where it is read


def _tentative(options: NirOptions) -> NirOptions:
    """Fill every gap with something, to look for what no answer would make convertible."""
    values: dict[str, Any] = {
        "dt": 1e-9,
        "method": "exact",
        "synapse": "filter",
        "fires": "above",
        "reset": "zero",
        "delayed": False,
        "readout": "sum",
    }
    given = {name: value for name, value in values.items() if getattr(options, name) is None}
    return NirOptions(**{**vars(options), **given, "exporter": None})


# ---- one node after another --------------------------------------------------------------------


def _layers(nodes: list[Node], options: NirOptions) -> tuple[list[Layer], list[Finding]]:
    """Return layers, and why some are missing: as many reasons as can be found in one go."""
    layers: list[Layer] = []
    found: list[Finding] = []
    given = options.input_shape
    arriving = None if given is None else _arriving(given)
    for node in nodes:
        if arriving is None and node.kind != INPUT:
            return layers, found  # whoever asked for the layers will ask for the shape
        made, arriving, problem = _read(node, arriving, options)
        layers += [made] if made is not None else []
        if problem is not None:
            found.append(problem)
            if node.kind not in NEURONS:
                break  # what comes after has no known shape
    if not found and arriving is not None:
        if not layers:
            found.append(Finding("the graph", "NIRGraph", "it holds no layers", "export it again"))
        elif isinstance(layers[-1], (Convolution, Scale)):
            layers.append(_readout(layers[-1], options))
        found += _chain_findings(layers)
    return layers, found


def _read(
    node: Node, arriving: _Arriving | None, options: NirOptions
) -> tuple[Layer | None, _Arriving | None, Finding | None]:
    """Return a node's layer, what it gives, and why it could not be read."""
    try:
        if node.kind in (INPUT, OUTPUT):
            return None, _agreed(_given_shape(node), arriving), None
        assert arriving is not None
        return *_READERS[node.kind](node, arriving, options), None
    except _NodeError as error:
        return None, arriving, Finding(node.name, node.kind, error.reason, error.advice)


def _readout(last: Layer, options: NirOptions) -> Neurons:
    """Return what turns the last weights into an answer: nothing is forgotten, or everything."""
    nothing = np.array(0.0)
    return Neurons(
        name=f"{last.name}/readout",
        input_shape=last.output_shape,
        output_shape=last.output_shape,
        decay=np.array(1.0 if options.readout == "sum" else 0.0),
        gain=np.array(1.0),
        offset=nothing,
        threshold=nothing,
        reset="none",
        reset_by=nothing,
    )


def _chain_findings(layers: list[Layer]) -> list[Finding]:
    """Return what is wrong with the order of layers."""
    return [
        Finding(
            layer.name,
            "LI",
            "an integrator that never spikes can only be the last layer",
            "put spiking neurons in its place, or make it the last layer",
        )
        for layer in layers[:-1]
        if isinstance(layer, Neurons) and layer.reset == "none"
    ]


def _lonely_findings(node: Node) -> list[Finding]:
    """Return what is wrong with a node of neurons whatever comes before it."""
    try:
        for name in _PARAMETERS[node.kind]:
            _real(node, name)
    except _NodeError as error:
        return [Finding(node.name, node.kind, error.reason, error.advice)]
    return []


# ---- parameters --------------------------------------------------------------------------------


_PARAMETERS = {
    "LIF": ("tau", "r", "v_leak", "v_threshold"),
    "CubaLIF": ("tau_mem", "tau_syn", "r", "v_leak", "v_threshold"),
    "IF": ("r", "v_threshold"),
    "LI": ("tau", "r", "v_leak"),
    "CubaLI": ("tau_mem", "tau_syn", "r", "v_leak"),
    "I": ("r",),
    "Threshold": ("threshold",),
}


def _real(node: Node, name: str) -> Float:
    """Return a parameter as real numbers."""
    value = node.parameters.get(name)
    if value is None:
        raise _NodeError(f"its parameter {name} is missing", "export the file again")
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise _NodeError(f"its {name} holds no numbers", "export the file again") from None
    if not array.size or np.isnan(array).any():
        raise _NodeError(
            f"its {name} holds {'NaN' if array.size else 'nothing'}",
            "look for a division by zero in the model and export it again",
        )
    return array


def _finite(node: Node, name: str) -> Float:
    array = _real(node, name)
    if not np.isfinite(array).all():
        raise _NodeError(f"its {name} holds infinity", "export it again with finite numbers")
    return array


def _each(node: Node, name: str, arriving: _Arriving, default: float | None = None) -> Float:
    """Return a neuron's parameter as one number, or (channels, height, width)."""
    if default is not None and node.parameters.get(name) is None:
        return np.array(default)
    array = _real(node, name)
    if array.size == 1:
        return array.reshape(())
    squeezed = array.reshape(array.shape[_leading_ones(array.shape, len(arriving.dims)) :])
    if squeezed.size == arriving.count:
        return squeezed.reshape(arriving.shape)
    try:
        return np.broadcast_to(squeezed, arriving.dims).reshape(arriving.shape)
    except ValueError:
        raise _NodeError(
            f"its {name} has the shape {array.shape}, but {arriving} numbers arrive",
            "export it again with one number for all neurons, or one for each",
        ) from None


def _leading_ones(shape: tuple[int, ...], wanted: int) -> int:
    """Return how many leading dimensions of 1 are too many: that of a batch."""
    count = 0
    while len(shape) - count > wanted and shape[count] == 1:
        count += 1
    return count


def _integers(node: Node, name: str, default: Any = None) -> NDArray[np.int64]:
    value = node.parameters.get(name, default)
    if value is None:
        raise _NodeError(f"its parameter {name} is missing", "export the file again")
    array = np.asarray(value)
    if array.dtype.kind not in "iu" and not (
        array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.rint(array)).all()
    ):
        raise _NodeError(f"its {name} holds no whole numbers: {value}", "export the file again")
    if array.size and (np.abs(array) > MAX_SIDE).any():
        raise _NodeError(f"its {name}, {value}, is out of all bounds", "export the file again")
    return array.astype(np.int64).reshape(-1)


def _pair(node: Node, name: str, flat: bool, least: int, default: Any = None) -> Pair:
    """Return a parameter as (vertical, horizontal); a number stands for both."""
    numbers = _integers(node, name, default)
    if flat and numbers.size == 1:
        numbers = np.array([0 if least == 0 else 1, numbers[0]])
    elif numbers.size == 1:
        numbers = np.repeat(numbers, 2)
    if numbers.size != 2 or numbers.min() < least:
        raise _NodeError(
            f"its {name} is {node.parameters.get(name)}",
            f"it must be one number or two, {least} or more",
        )
    return int(numbers[0]), int(numbers[1])


def _given_shape(node: Node) -> Dims | None:
    """Return the shape that an Input or Output has, if any."""
    value = node.parameters.get("shape")
    if value is None:
        types = node.parameters.get("input_type", node.parameters.get("output_type"))
        value = next(iter(types.values()), None) if isinstance(types, dict) else None
    if value is None or np.asarray(value).dtype.kind not in "iuf" or not np.asarray(value).size:
        return None
    numbers = np.asarray(value, np.float64).reshape(-1)
    if (numbers < 1).any() or (numbers > MAX_SIDE).any() or (numbers != np.rint(numbers)).any():
        raise _NodeError(f"its shape is {value}", "export it with a shape of fixed whole numbers")
    dims = tuple(map(int, numbers))
    dims = dims[_leading_ones(dims, 3) :]
    if len(dims) > 3:
        raise _NodeError(
            f"its shape {dims} has {len(dims)} dimensions",
            "export one sample, without batch and time: (channels, height, width) or fewer",
        )
    return dims


def _agreed(given: Dims | None, arriving: _Arriving | None) -> _Arriving | None:
    """Return what two sources tell, if they tell the same."""
    if given is None or arriving is None:
        return arriving if given is None else _arriving(given)
    if int(np.prod(given)) != arriving.count:
        raise _NodeError(
            f"its shape is {given}, but {arriving} numbers arrive",
            "export the file again, or say another input_shape",
        )
    return arriving


# ---- weights -----------------------------------------------------------------------------------


def _dense(node: Node, arriving: _Arriving, options: NirOptions) -> tuple[Layer, _Arriving]:
    weights = _finite(node, "weight")
    if weights.ndim != 2:
        raise _NodeError(
            f"its weights have the shape {weights.shape}", "they must be (outputs, inputs)"
        )
    if int(np.prod(arriving.dims[:-1])) > 1:
        raise _NodeError(
            f"{arriving} numbers arrive, of which it would take one row after another",
            "flatten what comes before",
        )
    if weights.shape[1] != arriving.count:
        raise _NodeError(
            f"its weights {weights.shape} take {weights.shape[1]} numbers, but {arriving} arrive",
            "export the file again",
        )
    outputs = weights.shape[0]
    bias = _bias(node, outputs) if node.kind == "Affine" else np.zeros(outputs)
    shape = arriving.shape
    return (
        Convolution(
            name=node.name,
            input_shape=shape,
            output_shape=(outputs, 1, 1),
            weights=weights.reshape(outputs, *shape),
            bias=bias,
        ),
        _arriving((outputs,)),
    )


def _bias(node: Node, maps: int) -> Float:
    if node.parameters.get("bias") is None:
        return np.zeros(maps)
    bias = _finite(node, "bias").reshape(-1)
    if bias.size not in (1, maps):
        raise _NodeError(
            f"its bias holds {bias.size} numbers for {maps} outputs", "export the file again"
        )
    return np.array(np.broadcast_to(bias, maps))


def _convolution(node: Node, arriving: _Arriving, options: NirOptions) -> tuple[Layer, _Arriving]:
    flat = node.kind == "Conv1d"
    weights = _finite(node, "weight")
    wanted = 3 if flat else 4
    if weights.ndim != wanted:
        raise _NodeError(
            f"its weights have the shape {weights.shape}",
            f"a {node.kind} has {wanted} dimensions: maps, channels, kernel",
        )
    if len(arriving.dims) != wanted - 1:
        raise _NodeError(
            f"{arriving} numbers arrive",
            f"a {node.kind} takes {'(channels, length)' if flat else '(channels, height, width)'}: "
            "say so with input_shape, or put a layer of that shape before it",
        )
    weights = weights[:, :, None] if flat else weights
    shape = arriving.shape
    groups = int(_integers(node, "groups", 1)[0])
    if groups < 1 or shape[0] != weights.shape[1] * groups or weights.shape[0] % groups:
        raise _NodeError(
            f"its weights {weights.shape} in {groups} groups do not fit {shape[0]} channels",
            "export the file again",
        )
    stated = node.parameters.get("input_shape")
    if stated is not None and np.asarray(stated).dtype.kind in "iu":
        sides = tuple(map(int, np.asarray(stated).reshape(-1)))
        if sides != arriving.dims[1:]:
            raise _NodeError(
                f"its input_shape is {sides}, but {arriving} numbers arrive",
                "export the file again",
            )
    stride = _pair(node, "stride", flat, 1, 1)
    dilation = _pair(node, "dilation", flat, 1, 1)
    padding = _padding(node, flat, weights.shape[2:], stride, dilation)
    maps = weights.shape[0]
    output = (
        maps,
        *_output_sides(node, shape, weights.shape[2:], stride, padding, dilation),
    )
    layer = Convolution(
        name=node.name,
        input_shape=shape,
        output_shape=output,
        weights=weights,
        bias=_bias(node, maps),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )
    return layer, _arriving((maps, output[2]) if flat else output)


def _padding(
    node: Node, flat: bool, kernel: tuple[int, ...], stride: Pair, dilation: Pair
) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right)."""
    value = node.parameters.get("padding", 0)
    if not isinstance(value, str):
        top, left = _pair(node, "padding", flat, 0, 0)
        return top, left, top, left
    if value == "valid":
        return 0, 0, 0, 0
    if value != "same":
        raise _NodeError(f"its padding is {value!r}", "it must be numbers, 'same' or 'valid'")
    if stride != (1, 1):
        raise _NodeError("padding 'same' has no meaning with strides", "give padding in numbers")
    total = [(kernel[axis] - 1) * dilation[axis] for axis in (0, 1)]
    # Where it cannot be even, frameworks put one more at the end.
    return total[0] // 2, total[1] // 2, -(-total[0] // 2), -(-total[1] // 2)


def _output_sides(
    node: Node,
    shape: Shape,
    kernel: tuple[int, ...],
    stride: Pair,
    padding: tuple[int, int, int, int],
    dilation: Pair,
) -> Pair:
    sides = []
    for axis in (0, 1):
        room = shape[1 + axis] + padding[axis] + padding[2 + axis]
        room -= (kernel[axis] - 1) * dilation[axis] + 1
        if room < 0:
            raise _NodeError(
                f"its kernel {tuple(kernel)} is larger than what arrives, {shape}",
                "export the file again with an input that is large enough",
            )
        sides.append(room // stride[axis] + 1)
    return sides[0], sides[1]


def _pool(node: Node, arriving: _Arriving, options: NirOptions) -> tuple[Layer, _Arriving]:
    if len(arriving.dims) != 3:
        raise _NodeError(
            f"{arriving} numbers arrive", f"a {node.kind} takes (channels, height, width)"
        )
    shape = arriving.shape
    kernel = _pair(node, "kernel_size", False, 1)
    stride = _pair(node, "stride", False, 1, node.parameters.get("kernel_size"))
    top, left = _pair(node, "padding", False, 0, 0)
    padding = (top, left, top, left)
    if 2 * top > kernel[0] or 2 * left > kernel[1]:
        raise _NodeError("its padding is more than half of its kernel", "export the file again")
    rows, columns = _output_sides(node, shape, kernel, stride, padding, (1, 1))
    output = (shape[0], rows, columns)
    layer = Pool(
        name=node.name,
        input_shape=shape,
        output_shape=output,
        kind="sum" if node.kind == "SumPool2d" else "average",
        kernel=kernel,
        stride=stride,
        padding=padding,
    )
    return layer, _arriving(output)


def _scale(node: Node, arriving: _Arriving, options: NirOptions) -> tuple[Layer, _Arriving]:
    _finite(node, "scale")
    factor = np.broadcast_to(_each(node, "scale", arriving), arriving.shape)
    shape = arriving.shape
    return Scale(name=node.name, input_shape=shape, output_shape=shape, factor=factor), arriving


def _flatten(node: Node, arriving: _Arriving, options: NirOptions) -> tuple[None, _Arriving]:
    """Join dimensions: numbers stay where they are, as layers keep theirs row by row."""
    start = int(_integers(node, "start_dim", 1)[0])
    end = int(_integers(node, "end_dim", -1)[0])
    dims = arriving.dims
    count = len(dims)
    first = start + count if start < 0 else start
    last = end + count if end < 0 else end
    if not (0 <= first < count and 0 <= last < count and first <= last):
        if count == 1:
            return None, arriving  # a vector: exporters count dimensions of a batch, too
        raise _NodeError(f"it joins dimensions {start} .. {end} of {dims}", "export the file again")
    joined = int(np.prod(dims[first : last + 1]))
    return None, _Arriving((*dims[:first], joined, *dims[last + 1 :]), arriving.shape)


# ---- neurons -----------------------------------------------------------------------------------


def _leak(node: Node, name: str, arriving: _Arriving, options: NirOptions) -> tuple[Float, Float]:
    """Return how much a step keeps, and the share of an input that it takes in."""
    tau = _each(node, name, arriving)
    assert options.dt is not None
    if (tau <= 0).any():
        raise _NodeError(f"its {name} holds {tau.min():g}", "time constants must be above 0")
    steps = options.dt / tau
    if options.method == "exact":
        return np.exp(-steps), -np.expm1(-steps)
    if (steps > 1 + 1e-6).any():
        raise _NodeError(
            f"its {name} holds {tau.min():g}, less than the time step dt = {options.dt:g}",
            "say the dt that the exporter wrote time constants with",
        )
    share = np.minimum(steps, 1.0)
    return 1 - share, share


def _membrane(
    node: Node, name: str, arriving: _Arriving, options: NirOptions
) -> tuple[Float, Float]:
    """Return decay and gain of a leaky membrane."""
    decay, share = _leak(node, name, arriving, options)
    r = _each(node, "r", arriving)
    if not np.isfinite(r).all():
        # A leak of 0 is written as infinite tau and r; their quotient, which counts, is lost.
        if options.exporter == "snntorch" and (np.isinf(r) == (decay == 1)).all():
            return decay, np.where(np.isinf(r), 1.0, share * np.where(np.isinf(r), 0.0, r))
        raise _NodeError(
            "its r holds infinity: neurons without leak were written as leaky ones",
            "name the exporter if it was snnTorch, or export a leak above 0",
        )
    return decay, np.asarray(share * r)


def _rest(node: Node, arriving: _Arriving) -> Float:
    """Return the potential at rest, from which potentials are counted here."""
    leak = _each(node, "v_leak", arriving, 0.0)
    reset = _each(node, "v_reset", arriving, 0.0)
    if node.kind == "IF":
        return reset
    if "v_reset" in node.parameters and not np.allclose(leak, reset, rtol=1e-6, atol=1e-9):
        raise _NodeError(
            "its v_reset differs from its v_leak: a spike here resets to rest",
            "train with v_reset equal to v_leak",
        )
    return leak


def _thresholds(
    node: Node, name: str, arriving: _Arriving, rest: Float, options: NirOptions
) -> Float:
    threshold = np.asarray(_each(node, name, arriving) - rest)
    if not np.isfinite(threshold).all():
        raise _NodeError(f"its {name} holds infinity", "export it with finite thresholds")
    # Above the next smaller number is to have reached this one.
    return np.nextafter(threshold, -np.inf) if options.fires == "reached" else threshold


def _neurons(node: Node, arriving: _Arriving, options: NirOptions) -> tuple[Layer, _Arriving]:
    kind = node.kind
    synapse: Float | None = None
    if kind in ("IF", "I"):
        dt = options.if_dt if options.if_dt is not None else options.dt
        assert dt is not None
        decay, gain = np.array(1.0), np.asarray(dt * _each(node, "r", arriving))
    elif kind == "Threshold":
        decay, gain = np.array(0.0), np.array(1.0)
    else:
        name = "tau_mem" if kind.startswith("Cuba") else "tau"
        decay, gain = _membrane(node, name, arriving, options)
    if kind.startswith("Cuba"):
        synapse, share = _leak(node, "tau_syn", arriving, options)
        gain = gain * _each(node, "w_in", arriving, 1.0)
        if options.synapse == "filter":
            gain = gain * share
    if not np.isfinite(gain).all():
        raise _NodeError("its r or w_in holds infinity", "export it with finite numbers")
    shape = arriving.shape
    common: dict[str, Any] = {
        "name": node.name,
        "input_shape": shape,
        "output_shape": shape,
        "decay": decay,
        "gain": np.asarray(gain),
        "offset": np.array(0.0),
        "synapse_decay": synapse,
    }
    nothing = np.array(0.0)
    if kind in ("LI", "CubaLI", "I"):
        if kind != "I" and np.ptp(np.asarray(_each(node, "v_leak", arriving, 0.0))) > 0:
            raise _NodeError(
                "its v_leak differs from neuron to neuron, so that their potentials cannot be "
                "compared with each other as they are",
                "train with one v_leak for all",
            )
        return Neurons(**common, threshold=nothing, reset="none", reset_by=nothing), arriving
    if kind == "Threshold":
        threshold = _thresholds(node, "threshold", arriving, nothing, options)
        return Neurons(**common, threshold=threshold, reset="zero", reset_by=nothing), arriving
    rest = _rest(node, arriving)
    threshold = _thresholds(node, "v_threshold", arriving, rest, options)
    if options.reset == "zero":
        # snnTorch clears what a Synaptic holds at the next step, with all that this step brought.
        held = 1 if options.exporter == "snntorch" and kind == "CubaLIF" else 0
        refractory = max(options.refractory, held)
        return (
            Neurons(
                **common,
                threshold=threshold,
                reset="zero",
                reset_by=nothing,
                refractory=refractory,
            ),
            arriving,
        )
    by = np.asarray(_each(node, "v_threshold", arriving) - rest)
    if (by < 0).any():
        raise _NodeError(
            "a threshold below rest cannot be subtracted", "train with thresholds above rest"
        )
    if options.delayed and (decay == 0).any():
        raise _NodeError(
            "its potential leaks away within a step, so that nothing can be taken from it later",
            "train with a leak below 1, or with reset to zero",
        )
    delayed = bool(options.delayed)
    return (
        Neurons(**common, threshold=threshold, reset="subtract", reset_by=by, delayed=delayed),
        arriving,
    )


_READERS: dict[str, Callable[[Node, _Arriving, NirOptions], tuple[Layer | None, _Arriving]]] = {
    "Affine": _dense,
    "Linear": _dense,
    "Conv1d": _convolution,
    "Conv2d": _convolution,
    "SumPool2d": _pool,
    "AvgPool2d": _pool,
    "Scale": _scale,
    "Flatten": _flatten,
    **dict.fromkeys(NEURONS, _neurons),
}
