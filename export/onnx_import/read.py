"""The walk along an ONNX graph, node after node: a feed-forward chain becomes layers.

What cannot be converted becomes a `Finding`; reading then goes on, as far as ONNX can infer
shapes, so that one look names everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import Convolution, Finding, Layer, Shape
from edge_naca.export.conversion.relu_folding import is_affine
from edge_naca.export.onnx_import.constants import ConstantError, evaluate
from edge_naca.export.onnx_import.file import OnnxError, array, where

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

Float = NDArray[np.float64]
Array = NDArray[Any]
Dims = tuple[tuple[int, ...], ...]

PLAIN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
AFTER_THE_END = ("Identity", "Cast", "Squeeze", "Reshape", "Flatten", "ArgMax", "DequantizeLinear")
RAW = 1 / 16  # a model that begins by multiplying with less takes raw numbers
MAX_INPUT = 1 << 20  # numbers; check says how many a network really takes
MAX_FOLDED = 1 << 22  # numbers that one node may make of constants


@dataclass(frozen=True)
class Value:
    """A tensor that depends on the model's input.

    Parameters
    ----------
    shape : (channels, height, width) of the layer that it comes from.
    dims : for each of the tensor's dimensions after the batch, the axes of `shape` that it runs
        over, slowest first. ((0,), (1,), (2,)) is NCHW, ((1,), (2,), (0,)) NHWC, ((0, 1, 2),) what
        flattening NCHW gives. Axes of size 1 may be missing.
    """

    shape: Shape
    dims: Dims

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of the tensor's dimensions after the batch."""
        return tuple(int(np.prod([self.shape[axis] for axis in dim])) for dim in self.dims)


class RefusalError(Exception):
    """A node cannot be converted: why, and what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason, self.advice = reason, advice


@dataclass
class Model:
    """What a file holds.

    Parameters
    ----------
    layers : in order.
    input_type : of the model's input, in numpy's words.
    input_shape : (channels, height, width) of the first layer's input.
    input_dims : how the file's input is laid out, as `Value.dims`.
    findings : everything that cannot be converted.
    notes : what was assumed or left out.
    """

    layers: list[Layer] = field(default_factory=list)
    input_type: str = "float32"
    input_shape: Shape = (1, 1, 1)
    input_dims: Dims = ()
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def says_range(self) -> str | None:
        """How the file itself says that it takes raw numbers; None if it does not."""
        if np.dtype(self.input_type).kind in "iu":
            return f"it takes {self.input_type}"
        first = self.layers[0] if self.layers else None
        if first is not None and is_affine(first):
            assert isinstance(first, Convolution)
            factor = float(np.abs(first.weights).max())
            if factor <= RAW:
                return f"its first node, {first.name}, multiplies by {factor:.4g}"
        return None


# Of constants: what makes no more numbers than it is given, and what makes as many as it is told.
KEEP_SIZE = (
    *("Cast", "Concat", "DequantizeLinear", "Flatten", "Identity", "QuantizeLinear", "Reshape"),
    *("Slice", "Squeeze", "Transpose", "Unsqueeze"),
)
EXPAND = ("ConstantOfShape", "Expand", "Pad", "Range", "Resize", "Tile", "OneHot", "EyeLike")

Handler = Callable[["Reader", "NodeProto", list[str]], None]


class Reader:
    """Reads one graph.

    Parameters
    ----------
    model : checked, functions inlined.
    handlers : what reads nodes, by their kind.
    cut : name of the node, or tensor, whose result the features are; None for the model's output.
    """

    def __init__(
        self, model: ModelProto, handlers: Mapping[str, Handler], cut: str | None = None
    ) -> None:
        self.graph: GraphProto = model.graph
        self.model = Model()
        self.constants: dict[str, Array] = {}
        self.values: dict[str, Value] = {}
        self.ended = False  # by a Softmax or ArgMax: nothing that counts can follow
        self._handlers = handlers
        self._number = 0
        self._initializers = {tensor.name: tensor for tensor in self.graph.initializer}
        self._inferred = _inferred_shapes(model)
        self._opsets = list(model.opset_import)
        self._read(cut)

    # ---- the walk ------------------------------------------------------------------------

    def _read(self, cut: str | None) -> None:
        target = self._target(cut)
        self._take_input(target)
        if self.model.findings:
            return
        wanted = self._wanted(target)
        for number, node in enumerate(self.graph.node):
            if any(name in wanted for name in node.output):
                self._number = number
                self._visit(node)

    def _target(self, cut: str | None) -> str:
        outputs = [value.name for value in self.graph.output]
        if cut is None:
            if len(outputs) > 1:
                # A classifier of skl2onnx gives a label and scores: scores are what counts.
                numbers = [v.name for v in self.graph.output if v.type.HasField("tensor_type")
                           and v.type.tensor_type.elem_type in (1, 10, 11)]  # fmt: skip
                if len(numbers) != 1:
                    self._find(
                        "the graph",
                        "output",
                        f"it has {len(outputs)} outputs: {', '.join(outputs)}",
                        "say which node's result is wanted, with `cut`",
                    )
                    return outputs[0]
                self.note(f"of the outputs {', '.join(outputs)} only {numbers[0]} was followed")
                return numbers[0]
            return outputs[0]
        for node in self.graph.node:
            if cut == node.name or cut in node.output:
                return str(node.output[0] if cut == node.name else cut)
        names = ", ".join(node.name or node.output[0] for node in self.graph.node[-8:])
        raise OnnxError(f"there is no node or tensor {cut!r} to cut at; the last nodes are {names}")

    def _wanted(self, target: str) -> set[str]:
        """Return the names of all tensors that `target` depends on."""
        makers = {name: node for node in self.graph.node for name in node.output}
        wanted, waiting = set(), [target]
        while waiting:
            name = waiting.pop()
            if name and name not in wanted:
                wanted.add(name)
                waiting += list(makers[name].input) if name in makers else []
        return wanted

    def _take_input(self, target: str) -> None:
        wanted = self._wanted(target)
        inputs = [
            value
            for value in self.graph.input
            if value.name not in self._initializers and value.name in wanted
        ]
        if len(inputs) != 1:
            names = ", ".join(value.name for value in inputs) or "none"
            self._find(
                "the graph",
                "input",
                f"it has {len(inputs)} inputs ({names})",
                "only models of exactly one input can be converted: export one branch by itself",
            )
            return
        value = inputs[0]
        kind = value.type.tensor_type
        sizes = [d.dim_value if d.HasField("dim_value") else (d.dim_param or "?")
                 for d in kind.shape.dim]  # fmt: skip
        from onnx import helper

        try:
            self.model.input_type = str(helper.tensor_dtype_to_np_dtype(kind.elem_type))
        except KeyError:
            self._find(value.name, "input", "it is no tensor", "export a model that takes a tensor")
            return
        if not kind.HasField("shape") or not 2 <= len(sizes) <= 4:
            self._find(
                value.name,
                "input",
                f"its shape ({', '.join(map(str, sizes))}) is not (batch, features), "
                "(batch, channels, length) or (batch, channels, height, width)",
                "export with such an input",
            )
            return
        if any(not isinstance(size, int) or size < 1 for size in sizes[1:]):
            self._find(
                value.name,
                "input",
                f"its shape ({', '.join(map(str, sizes))}) is not fixed beyond the batch",
                "export with a fixed input size, as an image on a device has one",
            )
            return
        rest = [int(size) for size in sizes[1:]]
        if math.prod(rest) > MAX_INPUT:
            self._find(
                value.name,
                "input",
                f"({', '.join(map(str, sizes))}) are more numbers than any network takes",
                "train on smaller samples",
            )
            return
        shapes = {1: (rest[0], 1, 1), 2: (rest[0], 1, rest[-1])}
        shape = shapes.get(len(rest), (rest[0], rest[1 % len(rest)], rest[-1]))
        dims: Dims = {1: ((0,),), 2: ((0,), (2,))}.get(len(rest), ((0,), (1,), (2,)))
        self.model.input_shape, self.model.input_dims = shape, dims
        self.values[value.name] = Value(shape, dims)

    def _visit(self, node: NodeProto) -> None:
        given = [name for name in node.input if name in self.values]
        if not given and self._fold(node):
            return
        handler = self._handlers.get(node.op_type) if node.domain in PLAIN_DOMAINS else None
        try:
            if self.ended and node.op_type not in AFTER_THE_END:
                raise RefusalError(
                    "it follows the end of a classifier", "cut the model before, with `cut`"
                )
            if handler is None:
                known = {"Add", "Concat", "Sum"} if len(given) > 1 else set()
                if node.op_type in known or len(given) > 1:
                    raise _branches(len(given))
                raise _unknown(node)
            handler(self, node, given)
        except RefusalError as refusal:
            self._find(where(node, self._number), _kind(node), refusal.reason, refusal.advice)
        except OnnxError as error:
            self._find(where(node, self._number), _kind(node), str(error), "export it again")
        for name in node.output:
            if name and name not in self.values and name not in self.constants:
                self._guess(name)

    def _guess(self, name: str) -> None:
        """After a finding: go on with the shape that ONNX infers, to find what else there is."""
        sizes = self._inferred.get(name)
        if sizes is None or not 2 <= len(sizes) <= 4 or min(sizes[1:]) < 1:
            return
        if math.prod(sizes) > MAX_FOLDED:
            return
        dims: Dims = {2: ((0,),), 3: ((0,), (2,))}.get(len(sizes), ((0,), (1,), (2,)))
        shape = {2: (sizes[1], 1, 1), 3: (sizes[1], 1, sizes[-1])}.get(
            len(sizes), (sizes[1], sizes[2 % len(sizes)], sizes[-1])
        )
        self.values[name] = Value(shape, dims)

    def _fold(self, node: NodeProto) -> bool:
        """Work a node out that depends on constants only; tell whether that was so."""
        from onnx import numpy_helper

        names = list(dict.fromkeys(name for name in node.input if name))
        if not all(self.constant(name) is not None for name in names):
            return False
        if not self._is_small(node, names):
            return False
        inputs = {
            name: self._initializers.get(name)
            or numpy_helper.from_array(self.constants[name], name)
            for name in names
        }
        try:
            results = evaluate(node, inputs, self._opsets)
        except ConstantError as error:
            self._find(
                where(node, self._number), _kind(node), f"it cannot be worked out: {error}",
                "export the model again, with constants folded",
            )  # fmt: skip
            return True
        outputs = [name for name in node.output if name]
        self.constants.update(zip(outputs, map(np.asarray, results), strict=True))
        return True

    def _is_small(self, node: NodeProto, names: list[str]) -> bool:
        """Tell whether what a node makes of constants is sure to be small."""
        outputs = [name for name in node.output if name]
        if all(name in self._inferred for name in outputs):
            return all(math.prod(self._inferred[name]) <= MAX_FOLDED for name in outputs)
        given = sum(self.constants[name].size for name in names)
        # Others may make as much as the square of what they are given, or anything at all.
        limits = {**dict.fromkeys(KEEP_SIZE, MAX_FOLDED), **dict.fromkeys(EXPAND, -1)}
        return given <= limits.get(node.op_type, int(MAX_FOLDED**0.5))

    # ---- what handlers use ---------------------------------------------------------------

    def constant(self, name: str) -> Array | None:
        """Return a constant tensor, None if the name is none."""
        if name not in self.constants and name in self._initializers:
            self.constants[name] = array(self._initializers[name])
        return self.constants.get(name)

    def parameter(self, node: NodeProto, place: int, what: str) -> Array:
        """Return an input that must be constant."""
        name = node.input[place] if place < len(node.input) else ""
        found = self.constant(name) if name else None
        if found is None:
            raise RefusalError(
                f"its {what} is {'computed from the input' if name else 'missing'}",
                "export the model with its parameters as constants",
            )
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise RefusalError(
                f"its {what} holds NaN or infinity", "train the model again; something went wrong"
            )
        return found

    def optional(self, node: NodeProto, place: int, what: str) -> Array | None:
        """Return an input that must be constant if it is there."""
        if place >= len(node.input) or not node.input[place]:
            return None
        return self.parameter(node, place, what)

    def put(self, node: NodeProto, value: Value, place: int = 0) -> None:
        """Say what a node's result is."""
        self.values[node.output[place]] = value

    def add(self, node: NodeProto, layer: Layer, dims: Dims) -> None:
        """Add a layer, which makes the node's result."""
        self.model.layers.append(layer)
        self.put(node, Value(layer.output_shape, dims))

    def name(self, node: NodeProto) -> str:
        """Return how the layer of a node is called."""
        return str(node.name or node.output[0])

    def note(self, text: str) -> None:
        """Note something that people should know."""
        self.model.notes.append(text)

    def channels_first(self, value: Value, spatial: int) -> Value:
        """Return a value as planes of `spatial` dimensions, renaming the input's axes if need be.

        Raises
        ------
        RefusalError
            If its dimensions are not channels and then places.
        """
        wanted: Dims = ((0,), (2,)) if spatial == 1 else ((0,), (1,), (2,))
        if _same(value, wanted):
            return Value(value.shape, wanted)
        if not self.model.layers and len(value.dims) == spatial + 1:
            return self.rename_input(value, wanted)
        raise RefusalError(
            f"it takes (batch, {', '.join(map(str, value.sizes))}) with dimensions in another "
            "order than the layer before gave them",
            "export the model with channels first (NCHW) throughout",
        )

    def rename_input(self, value: Value, wanted: Dims) -> Value:
        """Before the first layer: call the axes of `value` what `wanted` calls them."""
        sizes = [1, 1, 1]
        names: dict[int, tuple[int, ...]] = {}
        for dim, target in zip(value.dims, wanted, strict=True):
            sizes[target[0]] = int(np.prod([value.shape[axis] for axis in dim]))
            if len(dim) == 1:
                names[dim[0]] = target
            elif len(dim) > 1:
                raise RefusalError("it splits up what came before", "export without reshaping")
        model = self.model
        shape = (sizes[0], sizes[1], sizes[2])
        model.input_dims = tuple(
            tuple(new for axis in dim for new in names.get(axis, ())) for dim in model.input_dims
        )
        model.input_shape = shape
        return Value(shape, wanted)

    def _find(self, node: str, kind: str, reason: str, advice: str) -> None:
        self.model.findings.append(Finding(node, kind, reason, advice))


def _same(value: Value, wanted: Dims) -> bool:
    """Tell whether a value's dimensions are `wanted`, leaving out axes of size 1."""

    def long(dims: Dims) -> Dims:
        return tuple(tuple(axis for axis in dim if value.shape[axis] > 1) for dim in dims)

    heard = {axis for dim in wanted for axis in dim}
    silent = all(value.shape[axis] == 1 for axis in range(3) if axis not in heard)
    return long(value.dims) == long(wanted) and silent


def _branches(count: int) -> RefusalError:
    return RefusalError(
        f"it joins {count} branches of the graph",
        "only chains can be converted: train a feature extractor without skip connections, or cut "
        "the model before they begin",
    )


def _unknown(node: NodeProto) -> RefusalError:
    advice = {
        "DynamicQuantizeLinear": "quantise the model statically (quantize_static)",
        "ConvInteger": "quantise the model statically (quantize_static)",
        "MatMulInteger": "quantise the model statically (quantize_static)",
        "Sigmoid": "train with ReLU",
        "Tanh": "train with ReLU",
        "LeakyRelu": "train with ReLU",
        "Erf": "train with ReLU instead of GELU",
        "Gelu": "train with ReLU",
        "HardSwish": "train with ReLU or ReLU6",
        "HardSigmoid": "train with ReLU or ReLU6",
        "LSTM": "only feed-forward models can be converted",
        "GRU": "only feed-forward models can be converted",
        "RNN": "only feed-forward models can be converted",
        "LayerNormalization": "use batch normalisation, which is folded into weights",
        "InstanceNormalization": "use batch normalisation, which is folded into weights",
    }.get(node.op_type, "cut the model before it, or replace it; docs/onnx-import.md lists what is")
    return RefusalError("there is no frozen stage that does this", advice)


def _kind(node: NodeProto) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def _inferred_shapes(model: ModelProto) -> dict[str, tuple[int, ...]]:
    """Return what ONNX infers of shapes, with a batch of 1 where the batch is open."""
    from onnx import shape_inference

    try:
        graph = shape_inference.infer_shapes(model).graph
    except Exception:  # whatever it stumbles over, nodes are looked at one by one all the same
        return {}
    shapes = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        if not value.type.tensor_type.HasField("shape"):
            continue
        dims = value.type.tensor_type.shape.dim
        sizes = [d.dim_value if d.HasField("dim_value") else 0 for d in dims]
        if sizes and sizes[0] == 0:
            sizes[0] = 1
        if all(sizes):
            shapes[value.name] = tuple(sizes)
    return shapes
