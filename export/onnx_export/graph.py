"""A thin builder of ONNX graphs: names, constants, and the integer type of every value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from onnx import GraphProto, NodeProto, ValueInfoProto, helper, numpy_helper

# Operators whose result is not of their first input's type.
_RESULTS = {
    "And": bool,
    "Equal": bool,
    "Greater": bool,
    "GreaterOrEqual": bool,
    "Less": bool,
    "Not": bool,
    "Or": bool,
    "ArgMax": np.int64,
    "ConvInteger": np.int32,
    "MatMulInteger": np.int32,
}


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: its name and its type."""

    name: str
    dtype: np.dtype[Any]


Operand = Value | int


@dataclass
class _Parts:
    """What a graph and all its parts write into."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    inputs: list[ValueInfoProto] = field(default_factory=list)
    outputs: list[ValueInfoProto] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def _info(name: str, dtype: DTypeLike, shape: tuple[int, ...]) -> ValueInfoProto:
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape
    )


class Graph:
    """A graph to be, or a part of it whose names all begin alike.

    Every value is named after what it is, `hidden/potential_3`, and the node that makes it bears
    the same name. Tensors that go in or out have names with dots, `hidden.weights`, or plain ones.
    """

    def __init__(self) -> None:
        self._parts = _Parts()
        self._prefix = ""

    def within(self, part: str) -> Graph:
        """Return a part of this graph: what is added to it has names that begin with `part`/."""
        graph = Graph()
        graph._parts = self._parts
        graph._prefix = f"{self._prefix}{part}/"
        return graph

    # ---- values that nothing computes ------------------------------------------------------

    def input(self, name: str, dtype: DTypeLike, shape: tuple[int, ...]) -> Value:
        """Add an input of the whole graph."""
        value = self._new(name, dtype)
        self._parts.inputs.append(_info(value.name, dtype, shape))
        return value

    def initializer(self, name: str, array: ArrayLike) -> Value:
        """Add an array under a name of its own."""
        content = np.asarray(array)
        value = self._new(name, content.dtype)
        self._parts.constants[value.name] = content
        return value

    def shared(self, name: str, array: ArrayLike) -> Value:
        """Add an array under a name of its own, unless this part of the graph has it already."""
        full = self._prefix + name
        if full in self._parts.constants:
            return Value(full, self._parts.constants[full].dtype)
        return self.initializer(name, array)

    def constant(self, number: ArrayLike, dtype: DTypeLike) -> Value:
        """Return a number, or a few, named after themselves and stored once."""
        content = np.asarray(number, dtype)
        return self._common(str(content.tolist()), content)

    def numbers(self, count: int, dtype: DTypeLike) -> Value:
        """Return 0 .. count − 1."""
        return self._common(f"0..{count - 1}", np.arange(count, dtype=dtype))

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> Value:
        """Return as many zeros as the shape says."""
        return self._common(f"0 × {list(shape)}", np.zeros(shape, dtype))

    def ones(self, shape: tuple[int, ...], dtype: DTypeLike) -> Value:
        """Return as many ones as the shape says."""
        return self._common(f"1 × {list(shape)}", np.ones(shape, dtype))

    # ---- operators -------------------------------------------------------------------------

    def op(self, name: str, kind: str, *operands: Operand, **attributes: Any) -> Value:
        """Add a node, and return its first output.

        Plain numbers among the operands become constants of the type of the others.
        """
        inputs = self._typed(kind, operands)
        first = inputs[1] if kind == "Where" else inputs[0]
        value = self._new(name, _RESULTS.get(kind, first.dtype))
        self._node(kind, inputs, [value], attributes)
        return value

    def cast(self, name: str, x: Value, dtype: DTypeLike) -> Value:
        """Change the type: two's complement, cut off where the new type is narrower."""
        if x.dtype == np.dtype(dtype):
            return x
        value = self._new(name, dtype)
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        self._node("Cast", [x], [value], {"to": kind})
        return value

    def reshape(self, name: str, x: Value, shape: tuple[int, ...]) -> Value:
        """Give a tensor another shape."""
        return self.op(name, "Reshape", x, self.constant(shape, np.int64))

    def expand(self, name: str, x: Value, shape: tuple[int, ...]) -> Value:
        """Repeat a tensor along axes of length 1."""
        return self.op(name, "Expand", x, self.constant(shape, np.int64))

    def reduce(self, name: str, kind: str, x: Value, *axes: int, keep: bool = False) -> Value:
        """Sum ("ReduceSum") or maximum ("ReduceMax") over axes."""
        return self.op(name, kind, x, self.constant(axes, np.int64), keepdims=int(keep))

    def part(self, name: str, x: Value, axis: int, place: int) -> Value:
        """Return what lies at one place of an axis, which goes."""
        return self.op(name, "Gather", x, self.constant(place, np.int64), axis=axis)

    def cut(self, name: str, x: Value, axis: int, first: int, end: int) -> Value:
        """Return the places first .. end − 1 of an axis."""
        places = (self.constant([number], np.int64) for number in (first, end, axis))
        return self.op(name, "Slice", x, *places)

    def stack(self, name: str, values: list[Value], axis: int) -> Value:
        """Put tensors of one shape beside each other along a new axis."""
        where = self.constant([axis], np.int64)
        layers = [
            self.op(f"{name}/{place}", "Unsqueeze", value, where)
            for place, value in enumerate(values)
        ]
        return self.op(name, "Concat", *layers, axis=axis)

    def largest(self, name: str, x: Value, count: int) -> Value:
        """Return the places of the `count` largest along the last axis, the first among equals."""
        values = self._new(f"{name}/values", x.dtype)
        places = self._new(name, np.int64)
        self._node("TopK", [x, self.constant([count], np.int64)], [values, places], {"axis": -1})
        return places

    # ---- the end ---------------------------------------------------------------------------

    def output(self, name: str, x: Value, shape: tuple[int, ...]) -> None:
        """Make a value an output of the whole graph under a name of its own, in a given shape."""
        self.reshape(name, x, shape)
        self._parts.outputs.append(_info(name, x.dtype, shape))

    def proto(self, name: str) -> GraphProto:
        """Return the graph without what no output needs."""
        parts = self._parts
        needed = {info.name for info in parts.outputs}
        nodes = []
        for node in reversed(parts.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                nodes.append(node)
        return helper.make_graph(
            nodes[::-1],
            name,
            parts.inputs,
            parts.outputs,
            [
                numpy_helper.from_array(array, constant)
                for constant, array in parts.constants.items()
                if constant in needed
            ],
        )

    # ---- details ---------------------------------------------------------------------------

    def _new(self, name: str, dtype: DTypeLike) -> Value:
        full = self._prefix + name
        if full in self._parts.names:
            raise ValueError(f"the graph has a value {full!r} already")
        self._parts.names.add(full)
        return Value(full, np.dtype(dtype))

    def _common(self, name: str, array: NDArray[Any]) -> Value:
        """Return a constant of the whole graph, stored once."""
        root = Graph()
        root._parts = self._parts
        return root.shared(f"constants/{array.dtype}/{name}", array)

    def _typed(self, kind: str, operands: tuple[Operand, ...]) -> list[Value]:
        condition = [operands[0]] if kind == "Where" else []
        numbers = operands[len(condition) :]
        dtype = next(number.dtype for number in numbers if isinstance(number, Value))
        return [
            x if isinstance(x, Value) else self.constant(x, dtype) for x in (*condition, *numbers)
        ]

    def _node(
        self, kind: str, inputs: list[Value], outputs: list[Value], attributes: dict[str, Any]
    ) -> None:
        self._parts.nodes.append(
            helper.make_node(
                kind,
                [value.name for value in inputs],
                [value.name for value in outputs],
                name=outputs[-1].name,
                **attributes,
            )
        )
