"""The walk along an ONNX graph, node after node: a feed-forward chain becomes layers.

What cannot be converted becomes a `Finding`; reading then goes on, as far as ONNX can infer
shapes, so that one look names everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import (
    Convolution,
    Elementwise,
    Finding,
    Layer,
    Rectifier,
    Shape,
    depthwise,
)
from edge_naca.export.conversion.relu_folding import is_affine
from edge_naca.export.onnx_import.constants import ConstantError, evaluate
from edge_naca.export.onnx_import.element_types import (
    REALS,
    bits_of_type,
    grid_of_type,
    numpy_type,
    onnx_type,
    plain,
    type_name,
)
from edge_naca.export.onnx_import.file import OnnxError, array, attributes, where
from edge_naca.export.onnx_import.values import NO_PADS, Dims, Grid, Pads, RefusalError, Value

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

Float = NDArray[np.float64]
Array = NDArray[Any]

PLAIN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
QUANTISERS = ("QuantizeLinear", "DequantizeLinear")
AFTER_THE_END = (
    *("ArgMax", "Cast", "DequantizeLinear", "Flatten", "Identity", "QuantizeLinear", "Reshape"),
    *("Squeeze", "Unsqueeze"),
)
RAW = 1 / 16  # a model that begins by multiplying with less takes raw numbers
MAX_INPUT = 1 << 20  # numbers; check says how many a network really takes
MAX_FOLDED = 1 << 22  # numbers that one node may make of constants


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
    is_binary : whether it ends in one number that decides between two classes by its sign.
    """

    layers: list[Layer] = field(default_factory=list)
    input_type: str = "float32"
    input_shape: Shape = (1, 1, 1)
    input_dims: Dims = ()
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_binary: bool = False

    @property
    def says_range(self) -> str | None:
        """How the file itself says that it takes raw numbers; None if it does not."""
        if np.dtype(self.input_type).kind in "iu":
            return f"it takes {self.input_type}"
        first = self.layers[0] if self.layers else None
        if isinstance(first, Elementwise):
            factor = float(np.abs(first.factor).max())
        elif isinstance(first, Convolution) and is_affine(first):
            factor = float(np.abs(first.weights).max())
        else:
            return None
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
    target : name of the tensor that is wanted.
    """

    def __init__(self, model: ModelProto, handlers: Mapping[str, Handler], target: str) -> None:
        self.graph: GraphProto = model.graph
        self.model = Model()
        self.constants: dict[str, Array] = {}
        self.values: dict[str, Value] = {}
        # Of dynamic quantisation: scales times constants, and zero points, by the scale's name.
        self.factors: dict[str, tuple[str, Array]] = {}
        self.points: dict[str, str] = {}
        self.batch = 1
        self.ended = False  # by a Softmax or ArgMax: nothing that counts can follow
        self.opset = max([o.version for o in model.opset_import if not o.domain], default=0)
        self._target = target
        self._handlers = handlers
        self._number = 0
        self._lost: set[str] = set()  # made by nodes that are refused
        self.guesses: set[str] = set()  # of these, what is followed all the same
        self._tensors = {tensor.name: tensor for tensor in self.graph.initializer}
        self._inferred = _inferred_shapes(model)
        self._opsets = list(model.opset_import)
        self._read()

    # ---- the walk ------------------------------------------------------------------------

    def _read(self) -> None:
        self._take_input()
        if self.model.findings:
            return
        dependencies = self._dependencies()
        for number, node in enumerate(self.graph.node):
            if any(name in dependencies for name in node.output):
                self._number = number
                self._visit(node)
        if not self.model.findings and self._target not in self.values:
            self._find(
                self._target, "output", "it does not depend on the model's input",
                "take another output, with --cut NAME",
            )  # fmt: skip
        self.model.layers = [_by_channel(layer) for layer in self.model.layers]
        for before, layer in enumerate(self.model.layers):
            if before and isinstance(layer, Elementwise) and not self.model.findings:
                self._find(
                    layer.name, "constant", "it differs from place to place, behind limits",
                    "quantise the model with its input already normalised",
                )  # fmt: skip

    def _dependencies(self) -> set[str]:
        """Return the names of all tensors that the target depends on."""
        makers = {name: node for node in self.graph.node for name in node.output}
        dependencies, waiting = set(), [self._target]
        while waiting:
            name = waiting.pop()
            if name and name not in dependencies:
                dependencies.add(name)
                waiting += list(makers[name].input) if name in makers else []
        return dependencies

    def _take_input(self) -> None:
        dependencies = self._dependencies()
        inputs = [
            value
            for value in self.graph.input
            if value.name not in self._tensors and value.name in dependencies
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
        listed = ", ".join(map(str, sizes))
        integers = grid_of_type(kind.elem_type)
        if integers is None and kind.elem_type not in REALS:
            self._find(
                value.name, "input", f"it takes {type_name(kind.elem_type)}, no numbers of its own",
                "export a model that takes a tensor of float32 or of 8-bit integers",
            )  # fmt: skip
        elif not kind.HasField("shape") or not 2 <= len(sizes) <= 4:
            self._find(
                value.name,
                "input",
                f"its shape ({listed}) is not (batch, features), "
                "(batch, channels, length) or (batch, channels, height, width)",
                "export with such an input",
            )
        elif any(not isinstance(size, int) or size < 1 for size in sizes[1:]):
            self._find(
                value.name,
                "input",
                f"its shape ({listed}) is not fixed beyond the batch",
                "export with a fixed input size, as an image on a device has one",
            )
        elif math.prod(rest := [int(size) for size in sizes[1:]]) > MAX_INPUT:
            self._find(
                value.name,
                "input",
                f"({listed}) are more numbers than any network takes",
                "train on smaller samples",
            )
        else:
            shape, dims = planes_of(rest)
            self.model.input_shape, self.model.input_dims = shape, dims
            if integers is not None:
                self.model.input_type = type_name(kind.elem_type).lower()
            self.batch = sizes[0] if isinstance(sizes[0], int) and sizes[0] > 0 else 1
            if self.batch > 1:
                self.note(
                    f"the file's batch is fixed at {self.batch}; samples are taken one by one"
                )
            self.values[value.name] = Value(shape, dims, integers)

    def _visit(self, node: NodeProto) -> None:
        inputs = [name for name in node.input if name in self.values]
        if any(name in self._lost for name in node.input):
            self._lose(node)  # what is wrong was said of the node that made it
            return
        if not inputs and self._fold(node):
            return
        handler = self._handlers.get(node.op_type) if node.domain in PLAIN_DOMAINS else None
        try:
            if self.ended and node.op_type not in AFTER_THE_END:
                raise RefusalError(
                    "it follows the end of a classifier", "cut the model before, with --cut NAME"
                )
            if handler is None:
                if len(inputs) > 1:
                    raise branches(len(inputs))
                raise unknown(node)
            if self.ended:
                self.put(node, self.one(node, inputs))
            else:
                handler(self, node, inputs)
        except RefusalError as refusal:
            self._find(where(node, self._number), _kind(node), refusal.reason, refusal.advice)
            self._lose(node)
        except OnnxError as error:
            self._find(where(node, self._number), _kind(node), str(error), "export it again")
            self._lose(node)

    def _lose(self, node: NodeProto) -> None:
        """After a finding: go on with the shape that ONNX infers, to find what else there is."""
        for name in node.output:
            if not name or name in self.values or name in self.constants:
                continue
            sizes = self._inferred.get(name, ())
            if 2 <= len(sizes) <= 4 and min(sizes[1:]) >= 1 and math.prod(sizes) <= MAX_FOLDED:
                self.values[name] = Value(*planes_of(sizes[1:]))
                self.guesses.add(name)
            else:
                self._lost.add(name)

    def _fold(self, node: NodeProto) -> bool:
        """Work a node out that depends on constants only; tell whether that was so."""
        from onnx import numpy_helper

        if node.op_type == "Constant" and node.attribute[:1] and node.attribute[0].name == "value":
            self._tensors[node.output[0]] = node.attribute[0].t
            return True
        names = list(dict.fromkeys(name for name in node.input if name))
        if not all(self.constant(name) is not None for name in names):
            return False
        if not self._is_small(node, names):
            return False
        inputs = {
            name: self._tensors.get(name) or numpy_helper.from_array(self.constants[name], name)
            for name in names
        }
        for name, tensor in inputs.items():
            tensor.name = name
        try:
            results = evaluate(node, inputs, self._opsets)
        except ConstantError as error:
            self._find(
                where(node, self._number), _kind(node), f"it cannot be worked out: {error}",
                "export the model again, with constants folded",
            )  # fmt: skip
            self._lost.update(name for name in node.output if name)
            return True
        outputs = [name for name in node.output if name]
        self.constants.update(zip(outputs, map(plain, map(np.asarray, results)), strict=True))
        return True

    def _is_small(self, node: NodeProto, names: list[str]) -> bool:
        """Tell whether what a node makes of constants is sure to be small."""
        outputs = [name for name in node.output if name]
        if all(name in self._inferred for name in outputs):
            return all(math.prod(self._inferred[name]) <= MAX_FOLDED for name in outputs)
        size = sum(self.constants[name].size for name in names)
        # Others may make as much as the square of what they are given, or anything at all.
        limits = {**dict.fromkeys(KEEP_SIZE, MAX_FOLDED), **dict.fromkeys(EXPAND, -1)}
        return size <= limits.get(node.op_type, int(MAX_FOLDED**0.5))

    # ---- what handlers use ---------------------------------------------------------------

    def constant(self, name: str) -> Array | None:
        """Return a constant tensor, None if the name is none."""
        if name not in self.constants and name in self._tensors:
            self.constants[name] = plain(array(self._tensors[name]))
        return self.constants.get(name)

    def grid(self, node: NodeProto, places: tuple[int, int]) -> Grid:
        """Return what integers stand for whose scale and zero point are these inputs of a node.

        Raises
        ------
        RefusalError
            If there is no such number, or the integers are none that are known.
        """
        scale = self.scale(node, places[0], "scale")
        zero = self.optional(node, places[1], "zero point")
        about = attributes(node)
        if zero is None:
            kind = about.get("output_dtype", 0) if node.op_type == "QuantizeLinear" else 0
            # Of DequantizeLinear without a zero point, limits are not asked for.
            kind, point = kind or onnx_type("UINT8"), 0.0
        else:
            if zero.size != 1 or scale.size != 1:
                raise RefusalError("it quantises channels apart", "quantise activations by tensor")
            name = node.input[places[1]]
            kind = self._tensors[name].data_type if name in self._tensors else numpy_type(zero)
            point = float(zero.reshape(-1)[0])
        if scale.size != 1 or about.get("block_size", 0):
            raise RefusalError("it quantises channels apart", "quantise activations by tensor")
        limits = grid_of_type(kind)
        if limits is None:
            raise RefusalError(
                f"it quantises to {type_name(kind)}, which is no whole number",
                "quantise activations to uint8 or int8",
            )
        widths = range(2, 17) if node.op_type in QUANTISERS else range(8, 9)
        if bits_of_type(kind) not in widths:
            raise RefusalError(
                f"its zero point is {type_name(kind)}, which {node.op_type} does not take",
                "quantise activations to uint8 or int8",
            )
        step = float(scale.reshape(-1)[0])
        if not 0 < step < np.inf:
            raise RefusalError(f"its scale is {step}", "quantise the model again")
        return replace(limits, scale=step, zero=point)

    def scale(self, node: NodeProto, place: int, what: str) -> NDArray[np.float64]:
        """Return the scale of integers, which must be constant."""
        scale = self.parameter(node, place, what)
        if scale.dtype.kind != "f":
            raise RefusalError(
                f"its {what} holds {scale.dtype}, no real numbers", "export it again"
            )
        return scale.astype(np.float64)

    def parameter(self, node: NodeProto, place: int, what: str) -> Array:
        """Return an input that must be constant."""
        name = node.input[place] if place < len(node.input) else ""
        array = self.constant(name) if name else None
        if array is None:
            raise RefusalError(
                f"its {what} is {'computed from the input' if name else 'missing'}",
                "export the model with its parameters as constants",
            )
        if array.dtype.kind not in "biuf":
            raise RefusalError(f"its {what} holds {array.dtype}, no numbers", "export it again")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise RefusalError(
                f"its {what} holds NaN or infinity", "train the model again; something went wrong"
            )
        return array

    def optional(self, node: NodeProto, place: int, what: str) -> Array | None:
        """Return an input that must be constant if it is there."""
        if place >= len(node.input) or not node.input[place]:
            return None
        return self.parameter(node, place, what)

    def one(self, node: NodeProto, inputs: list[str]) -> Value:
        """Return the one value that a node takes.

        Raises
        ------
        RefusalError
            If it takes several, or none that could be followed.
        """
        if not inputs:
            raise RefusalError(
                "nothing that it takes could be followed to the model's input",
                "export the model again, with constants folded",
            )
        if len(inputs) > 1:
            raise branches(len(inputs))
        return self.values[inputs[0]]

    def real(self, node: NodeProto, inputs: list[str]) -> Value:
        """Return the one value that a node takes, which has to be real numbers.

        Raises
        ------
        RefusalError
            If it is none, or holds integers that stand for other numbers.
        """
        value = self.one(node, inputs)
        if value.integers is not None:
            raise RefusalError(
                "it computes with integers, which wrap or are cut off",
                "put a DequantizeLinear, or a Cast to float, before it",
            )
        return value

    def put(self, node: NodeProto, value: Value, place: int = 0) -> None:
        """Say what a node's result is."""
        self.values[node.output[place]] = value

    @property
    def is_leading(self) -> bool:
        """Whether what was read so far only says what the input's numbers mean, each by itself."""
        return all(isinstance(layer, (Elementwise, Rectifier)) for layer in self.model.layers)

    def is_last(self, node: NodeProto) -> bool:
        """Tell whether nothing that counts follows a node up to what is wanted."""
        waiting, seen = [node], {id(node)}
        users: dict[str, list[NodeProto]] = {}
        dependencies = self._dependencies()
        for user in self.graph.node:
            if any(name in dependencies for name in user.output):
                for name in user.input:
                    users.setdefault(name, []).append(user)
        while waiting:
            for user in (u for name in waiting.pop().output for u in users.get(name, [])):
                if user.op_type not in AFTER_THE_END:
                    return False
                if id(user) not in seen:
                    seen.add(id(user))
                    waiting.append(user)
        return True

    def add(self, node: NodeProto, layer: Layer, dims: Dims, pads: Pads = NO_PADS) -> None:
        """Add a layer, which makes the node's result."""
        self.model.layers.append(layer)
        self.put(node, Value(layer.output_shape, dims, pads=pads))

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
        layout: Dims = ((0,), (2,)) if spatial == 1 else ((0,), (1,), (2,))
        if _same(value, layout):
            return replace(value, dims=layout)
        if self.is_leading and len(value.dims) == spatial + 1:
            return self._rename_input(value, layout)
        raise RefusalError(
            f"it takes (batch, {', '.join(map(str, value.sizes))}) with dimensions in another "
            "order than the layer before gave them",
            "export the model with channels first (NCHW) throughout",
        )

    def _rename_input(self, value: Value, layout: Dims) -> Value:
        """Before the first layer: call the axes of `value` what `layout` calls them."""
        names: dict[int, int] = {}  # the new axis of each old one
        for dim, target in zip(value.dims, layout, strict=True):
            if len(dim) > 1:
                raise RefusalError("it splits up what came before", "export without reshaping")
            if dim:
                names[dim[0]] = target[0]
        model = self.model
        model.input_dims = tuple(
            tuple(names[axis] for axis in dim if axis in names) for dim in model.input_dims
        )
        # Axes that nobody names have size 1 and go where there is room.
        rest = [axis for axis in range(3) if axis not in names]
        old_of = {new: old for old, new in names.items()}
        order = [old_of[axis] if axis in old_of else rest.pop() for axis in range(3)]
        shape = (value.shape[order[0]], value.shape[order[1]], value.shape[order[2]])
        pads = (value.pads[order[0]], value.pads[order[1]], value.pads[order[2]])
        model.layers = [
            _arranged(layer, shape, lambda numbers: numbers.transpose(order))
            for layer in model.layers
        ]
        model.input_shape = shape
        return replace(value, shape=shape, dims=layout, pads=pads)

    def reshape_input(self, shape: Shape) -> None:
        """Before the first layer: the input is a vector of which the model makes an image."""
        model = self.model
        model.layers = [
            _arranged(layer, shape, lambda numbers: numbers.reshape(shape))
            for layer in model.layers
        ]
        model.input_shape, model.input_dims = shape, ((0, 1, 2),)

    def _find(self, node: str, kind: str, reason: str, advice: str) -> None:
        self.model.findings.append(Finding(node, kind, reason, advice))


def _arranged(layer: Layer, shape: Shape, arrange: Callable[[Float], Float]) -> Layer:
    """Return a layer of the input, whose axes are called otherwise."""
    if isinstance(layer, Elementwise):
        layer = replace(layer, factor=arrange(layer.factor), offset=arrange(layer.offset))
    return replace(layer, input_shape=shape, output_shape=shape)


def _same(value: Value, layout: Dims) -> bool:
    """Tell whether a value's dimensions are `layout`, leaving out axes of size 1."""

    def long(dims: Dims) -> Dims:
        return tuple(tuple(axis for axis in dim if value.shape[axis] > 1) for dim in dims)

    heard = {axis for dim in layout for axis in dim}
    silent = all(value.shape[axis] == 1 for axis in range(3) if axis not in heard)
    return long(value.dims) == long(layout) and silent


def branches(count: int) -> RefusalError:
    """Return the refusal of a node that joins branches."""
    return RefusalError(
        f"it joins {count} branches of the graph",
        "only chains can be converted: train a feature extractor without skip connections, or cut "
        "the model before they begin, with --cut NAME",
    )


def unknown(node: NodeProto) -> RefusalError:
    """Return the refusal of an operator that is not converted, with what to use instead."""
    advice = {
        "Sigmoid": "train with ReLU; at the end of a model a sigmoid may stay",
        "Tanh": "train with ReLU; at the end of a model a tanh may stay",
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


def planes_of(sizes: Sequence[int]) -> tuple[Shape, Dims]:
    """Return (channels, height, width), and the dimensions of a tensor (batch, *sizes)."""
    if len(sizes) == 1:
        return (sizes[0], 1, 1), ((0,),)
    if len(sizes) == 2:
        return (sizes[0], 1, sizes[1]), ((0,), (2,))
    return (sizes[0], sizes[1], sizes[2]), ((0,), (1,), (2,))


def _by_channel(layer: Layer) -> Layer:
    """Return a layer in the form that folds best: one number for each channel, where they do."""
    if not isinstance(layer, Elementwise):
        return layer
    factor, offset = layer.factor[:, :1, :1], layer.offset[:, :1, :1]
    if (layer.factor != factor).any() or (layer.offset != offset).any():
        return layer
    return depthwise(layer.name, layer.input_shape, factor.reshape(-1), offset.reshape(-1))
