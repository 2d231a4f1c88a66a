"""What ONNX operators become as layers: the operators of real numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.layers import Convolution, Pair, Pool, Rectifier, depthwise
from edge_naca.export.onnx_import.file import attributes
from edge_naca.export.onnx_import.read import Dims, Handler, Reader, RefusalError, Value

if TYPE_CHECKING:
    from onnx import NodeProto

Array = NDArray[Any]
Quad = tuple[int, int, int, int]

PLANES: Dims = ((0,), (1,), (2,))


def only(node: NodeProto, given: list[str]) -> str:
    """Return the name of the one input that depends on the model's input."""
    if len(given) != 1:
        raise RefusalError(
            f"it joins {len(given)} branches of the graph"
            if given
            else "nothing that it takes could be followed to the model's input",
            "only chains can be converted: train a feature extractor without skip connections, or "
            "cut the model before they begin",
        )
    return given[0]


# ---- windows -----------------------------------------------------------------------------------


def _pair(numbers: list[int] | None, spatial: int, otherwise: int = 1) -> Pair:
    """Return (vertical, horizontal); one-dimensional kernels lie in a row."""
    given = [otherwise] * spatial if numbers is None else [int(number) for number in numbers]
    if len(given) != spatial:
        raise RefusalError(
            f"an attribute has {len(given)} numbers for {spatial} dimensions", "export it again"
        )
    return (given[0], given[1]) if spatial == 2 else (otherwise, given[0])


def _window(
    about: dict[str, Any], value: Value, kernel: Pair, spatial: int
) -> tuple[Pair, Pair, Quad, Pair]:
    """Return stride, dilation, padding and output of a kernel that moves over a value."""
    stride = _pair(about.get("strides"), spatial)
    dilation = _pair(about.get("dilations"), spatial)
    pads = [int(number) for number in about.get("pads", [0] * (2 * spatial))]
    if len(pads) != 2 * spatial:
        raise RefusalError(f"pads has {len(pads)} numbers", "export it again")
    if spatial == 1:
        pads = [0, pads[0], 0, pads[1]]
    if min(pads) < 0:
        raise RefusalError(f"its pads {pads} are negative", "crop the input instead")
    automatic = about.get("auto_pad", "NOTSET") or "NOTSET"
    output = [0, 0]
    for axis in (0, 1):
        size, step = value.shape[1 + axis], stride[axis]
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        if automatic == "VALID":
            pads[axis] = pads[axis + 2] = 0
        elif automatic.startswith("SAME"):
            missing = max((-(-size // step) - 1) * step + reach - size, 0)
            less, more = missing // 2, missing - missing // 2
            first, last = (less, more) if automatic == "SAME_UPPER" else (more, less)
            pads[axis], pads[axis + 2] = first, last
        room = size + pads[axis] + pads[axis + 2] - reach
        if room < 0:
            raise RefusalError(
                f"its kernel {kernel} is larger than its input {value.shape[1:]}, padding included",
                "check the size of the model's input",
            )
        output[axis] = room // step + 1
        if about.get("ceil_mode", 0):
            # A window that would begin in the padding behind the input does not count.
            output[axis] = min(-(-room // step) + 1, (size + pads[axis] - 1) // step + 1)
    return stride, dilation, (pads[0], pads[1], pads[2], pads[3]), (output[0], output[1])


def convolution(
    reader: Reader,
    node: NodeProto,
    value: Value,
    weights: Array,
    bias: Array | None,
    about: dict[str, Any],
) -> None:
    """Add a convolution with the given real-numbered weights."""
    spatial = weights.ndim - 2
    if spatial not in (1, 2):
        raise RefusalError(
            f"it is a convolution of {spatial} dimensions", "only those of 1 and 2 can be converted"
        )
    value = reader.channels_first(value, spatial)
    groups = int(about.get("group", 1))
    maps, share = weights.shape[:2]
    if groups < 1 or share * groups != value.shape[0] or maps % groups:
        raise RefusalError(
            f"weights of shape {weights.shape} in {groups} groups do not fit an input of "
            f"{value.shape[0]} channels",
            "export the model again: its parameters do not fit each other",
        )
    if bias is not None and bias.shape != (maps,):
        raise RefusalError(f"its bias {bias.shape} must be ({maps},)", "export the model again")
    dense = weights.astype(np.float64).reshape(maps, share, -1, weights.shape[-1])
    kernel = (dense.shape[2], dense.shape[3])
    stride, dilation, padding, output = _window(about, value, kernel, spatial)
    layer = Convolution(
        name=reader.name(node),
        input_shape=value.shape,
        output_shape=(maps, *output),
        weights=dense,
        bias=np.zeros(maps) if bias is None else bias.astype(np.float64),
        stride=stride,
        dilation=dilation,
        padding=padding,
        groups=groups,
    )
    reader.add(node, layer, value.dims)


def dense(
    reader: Reader, node: NodeProto, value: Value, weights: Array, bias: Array | None
) -> None:
    """Add a dense layer of weights (outputs, inputs): a kernel as large as its input."""
    if len(value.dims) != 1:
        raise RefusalError(
            f"it takes (batch, {', '.join(map(str, value.sizes))}), not (batch, features)",
            "flatten before it, or use a 1 × 1 convolution",
        )
    if weights.ndim != 2 or weights.shape[1] != value.sizes[0]:
        raise RefusalError(
            f"weights of shape {weights.shape} do not fit {value.sizes[0]} inputs",
            "export the model again: its parameters do not fit each other",
        )
    maps = len(weights)
    order = [*value.dims[0]] + [axis for axis in range(3) if axis not in value.dims[0]]
    planes = weights.astype(np.float64).reshape(maps, *(value.shape[axis] for axis in order))
    planes = planes.transpose(0, *(1 + order.index(axis) for axis in range(3)))
    shift = np.zeros(maps)
    if bias is not None:
        if bias.size not in (1, maps):
            raise RefusalError(f"its bias {bias.shape} must be ({maps},)", "export it again")
        shift = np.broadcast_to(bias.reshape(-1), maps).astype(np.float64)
    layer = Convolution(
        name=reader.name(node),
        input_shape=value.shape,
        output_shape=(maps, 1, 1),
        weights=planes,
        bias=shift,
    )
    reader.add(node, layer, ((0,),))


def pool(reader: Reader, node: NodeProto, value: Value, kind: str, about: dict[str, Any]) -> None:
    """Add a pool."""
    spatial = len(value.dims) - 1
    if "kernel_shape" not in about or spatial not in (1, 2):
        raise RefusalError("it has no kernel_shape that fits its input", "export it again")
    value = reader.channels_first(value, spatial)
    kernel = _pair(about["kernel_shape"], spatial)
    stride, dilation, padding, output = _window(about, value, kernel, spatial)
    if dilation != (1, 1):
        raise RefusalError("a pool cannot be dilated", "train with dilations of 1")
    if kind == "average":
        beyond = any(
            (output[axis] - 1) * stride[axis] + kernel[axis] > value.shape[1 + axis] + padding[axis]
            for axis in (0, 1)
        )
        counts_all = bool(about.get("count_include_pad", 0)) and not about.get("ceil_mode", 0)
        if (any(padding) or beyond) and not counts_all:
            raise RefusalError(
                "its windows at the border are averages of fewer numbers",
                "train with count_include_pad=True and ceil_mode=False, or without padding",
            )
    reader.add(
        node,
        Pool(
            name=reader.name(node),
            input_shape=value.shape,
            output_shape=(value.shape[0], *output),
            kind=kind,
            kernel=kernel,
            stride=stride,
            padding=padding,
        ),
        value.dims,
    )


def _conv(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    weights = reader.parameter(node, 1, "weights")
    convolution(reader, node, value, weights, reader.optional(node, 2, "bias"), attributes(node))


def _gemm(reader: Reader, node: NodeProto, given: list[str]) -> None:
    about = attributes(node)
    value = reader.values[only(node, given)]
    if node.input[0] not in given or about.get("transA", 0):
        raise RefusalError("its input is transposed or on the right", "export it as x · W + b")
    weights = reader.parameter(node, 1, "weights").astype(np.float64)
    weights = weights if about.get("transB", 0) else weights.T
    bias = reader.optional(node, 2, "bias")
    scaled = None if bias is None else bias.astype(np.float64) * about.get("beta", 1.0)
    dense(reader, node, value, weights * about.get("alpha", 1.0), scaled)


def _matmul(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    if node.input[0] not in given:
        raise RefusalError("its input is on the right", "export it as x · W")
    dense(reader, node, value, reader.parameter(node, 1, "weights").T, None)


def _max_pool(reader: Reader, node: NodeProto, given: list[str]) -> None:
    pool(reader, node, reader.values[only(node, given)], "max", attributes(node))


def _average_pool(reader: Reader, node: NodeProto, given: list[str]) -> None:
    pool(reader, node, reader.values[only(node, given)], "average", attributes(node))


def _global_pool(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    kind = "max" if node.op_type == "GlobalMaxPool" else "average"
    pool(reader, node, value, kind, {"kernel_shape": list(value.sizes[1:])})


def _reduce_mean(reader: Reader, node: NodeProto, given: list[str]) -> None:
    about, value = attributes(node), reader.values[only(node, given)]
    axes = reader.optional(node, 1, "axes")
    axes_ = about.get("axes") if axes is None else axes.reshape(-1).tolist()
    rank = len(value.dims) + 1
    if axes_ is None or sorted(axis % rank for axis in axes_) != list(range(2, rank)):
        raise RefusalError(
            f"it averages over axes {axes_}, not over all places of each map",
            "use global average pooling",
        )
    pool(reader, node, value, "average", {"kernel_shape": list(value.sizes[1:])})
    if not about.get("keepdims", 1):
        made = reader.values[node.output[0]]
        reader.put(node, Value(made.shape, made.dims[:1]))


# ---- element by element ------------------------------------------------------------------------


def _rectify(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    low: float | None = 0.0
    high: float | None = None
    if node.op_type == "Clip":
        about = attributes(node)
        bounds = [reader.optional(node, place, "bound") for place in (1, 2)]
        low, high = (
            about.get(name) if bound is None else float(bound.reshape(-1)[0])
            for name, bound in zip(("min", "max"), bounds, strict=True)
        )
    if low != 0 or (high is not None and high <= 0):
        raise RefusalError(
            f"it clips to {low} .. {high}", "only clipping from 0 on (ReLU, ReLU6) can be converted"
        )
    rectifier = Rectifier(
        name=reader.name(node), input_shape=value.shape, output_shape=value.shape, limit=high
    )
    reader.add(node, rectifier, value.dims)


def _per_channel(value: Value, constant: Array) -> NDArray[np.float64]:
    """Return a constant as one number, or one for each channel."""
    numbers = constant.astype(np.float64)
    if numbers.size == 1:
        return numbers.reshape(1)
    sizes = (1, *value.sizes)
    if numbers.ndim <= len(sizes):
        padded = numbers.reshape((1,) * (len(sizes) - numbers.ndim) + numbers.shape)
        for place, dim in enumerate(value.dims, start=1):
            others = [size for at, size in enumerate(padded.shape) if at != place]
            is_channels = dim == (0,) and padded.shape[place] == value.shape[0]
            if is_channels and set(others) == {1}:
                return padded.reshape(-1)
    raise RefusalError(
        f"its constant of shape {constant.shape} is not one number for each channel of "
        f"(batch, {', '.join(map(str, value.sizes))})",
        "only constants that are the same at all places can be converted",
    )


def affine(
    reader: Reader,
    node: NodeProto,
    value: Value,
    scale: NDArray[np.float64],
    offset: NDArray[np.float64],
) -> None:
    """Add ``scale · x + offset``; folding puts it into a neighbour."""
    layer = depthwise(reader.name(node), value.shape, scale, offset)
    reader.add(node, layer, value.dims)


def _arithmetic(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    is_left = node.input[0] == given[0]
    number = _per_channel(value, reader.parameter(node, int(is_left), "constant"))
    one, none = np.ones(1), np.zeros(1)
    if node.op_type == "Add":
        affine(reader, node, value, one, number)
    elif node.op_type == "Sub":
        affine(reader, node, value, one if is_left else -one, -number if is_left else number)
    elif node.op_type == "Mul":
        affine(reader, node, value, number, none)
    else:
        if not is_left:
            raise RefusalError("it divides by what the model computes", "cut the model before it")
        if (number == 0).any():
            raise RefusalError("it divides by 0", "check the model's constants")
        affine(reader, node, value, 1 / number, none)


def _normalise(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    about = attributes(node)
    if about.get("training_mode", 0):
        raise RefusalError("it is in training mode", "export with model.eval()")
    names = ("scale", "bias", "mean", "variance")
    numbers = [
        reader.parameter(node, place, name).astype(np.float64).reshape(-1)
        for place, name in enumerate(names, start=1)
    ]
    channels = value.sizes[0]
    if any(part.shape != (channels,) for part in numbers) or value.dims[0] != (0,):
        raise RefusalError(
            f"its parameters {[part.size for part in numbers]} are not one for each of "
            f"{channels} channels",
            "export the model again, with channels first",
        )
    scale, bias, mean, variance = numbers
    if (variance < 0).any():
        raise RefusalError("a variance is negative", "export the model again")
    factor = scale / np.sqrt(variance + about.get("epsilon", 1e-5))
    affine(reader, node, value, factor, bias - mean * factor)


def _scaler(reader: Reader, node: NodeProto, given: list[str]) -> None:
    """Scale as skl2onnx writes scikit-learn's scalers: (x − offset) · scale."""
    value, about = reader.values[only(node, given)], attributes(node)
    scale = _per_channel(value, np.asarray(about.get("scale", [1.0])))
    offset = _per_channel(value, np.asarray(about.get("offset", [0.0])))
    affine(reader, node, value, scale, -offset * scale)


def _pass_on(reader: Reader, node: NodeProto, given: list[str]) -> None:
    if node.op_type == "Cast" and not reader.ended:
        from onnx import TensorProto

        reals = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
        if attributes(node).get("to") not in reals:
            raise RefusalError("it rounds to whole numbers", "export the model without this cast")
    if node.op_type == "Dropout":
        training = reader.optional(node, 2, "training_mode")
        if training is not None and bool(training.reshape(-1)[0]):
            raise RefusalError("it is in training mode", "export with model.eval()")
    reader.put(node, reader.values[only(node, given)])


def _end(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    reader.note(f"{reader.name(node)} ({node.op_type}) left out: the greatest number is the answer")
    reader.ended = True
    reader.put(node, value)


# ---- the order of things -----------------------------------------------------------------------


def _shape(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value, about = reader.values[only(node, given)], attributes(node)
    sizes = np.array([1, *value.sizes], np.int64)
    end = about.get("end", len(sizes))
    reader.constants[node.output[0]] = sizes[about.get("start", 0) : end]


def _flatten(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    axis = attributes(node).get("axis", 1)
    if axis % (len(value.dims) + 1) != 1:
        raise RefusalError(f"it flattens from axis {axis} on", "flatten from axis 1 on")
    _rearrange(reader, node, value, [int(np.prod(value.sizes))])


def _reshape(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    if reader.ended:
        reader.put(node, value)
        return
    target = [int(size) for size in reader.parameter(node, 1, "shape").reshape(-1)]
    before = [1, *value.sizes]
    if not attributes(node).get("allowzero", 0):
        target = [
            before[at] if size == 0 and at < len(before) else size for at, size in enumerate(target)
        ]
    count = int(np.prod(before))
    if target.count(-1) == 1:
        rest = -int(np.prod(target))
        target[target.index(-1)] = count // rest if rest > 0 else 0
    if len(target) < 2 or target[0] != 1 or int(np.prod(target)) != count:
        raise RefusalError(
            f"it makes {target} of {before}", "keep the batch as the first dimension when reshaping"
        )
    _rearrange(reader, node, value, target[1:])


def _rearrange(reader: Reader, node: NodeProto, value: Value, sizes: list[int]) -> None:
    """Cut a value's axes, in their order, into dimensions of the given sizes."""
    axes = [axis for dim in value.dims for axis in dim if value.shape[axis] > 1]
    dims: list[tuple[int, ...]] = []
    for size in sizes:
        dim: list[int] = []
        while axes and int(np.prod([value.shape[axis] for axis in dim])) < size:
            dim.append(axes.pop(0))
        if int(np.prod([value.shape[axis] for axis in dim])) != size:
            break
        dims.append(tuple(dim))
    if len(dims) == len(sizes) and not axes:
        if len(dims) == 1 and not dims[0]:
            dims = [(0,)]
        reader.put(node, Value(value.shape, tuple(dims)))
        return
    model = reader.model
    if not model.layers and len(model.input_dims) == 1 and len(sizes) in (2, 3):
        # The model takes a vector and makes an image of it at once.
        model.input_shape = (sizes[0], 1 if len(sizes) == 2 else sizes[1], sizes[-1])
        model.input_dims = ((0, 1, 2),)
        reader.put(node, Value(model.input_shape, PLANES if len(sizes) == 3 else ((0,), (2,))))
        return
    raise RefusalError(
        f"it cuts {list(value.sizes)} into {sizes}, across what belongs together",
        "only flattening, and adding or removing dimensions of 1, can be converted",
    )


def _squeeze(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    given_axes = reader.optional(node, 1, "axes")
    axes = attributes(node).get("axes") if given_axes is None else given_axes.reshape(-1).tolist()
    dims = list(value.dims)
    if node.op_type == "Unsqueeze":
        rank = len(dims) + 1 + len(axes or [])
        places = sorted(int(axis) % rank for axis in axes or [])
        if not places or places[0] == 0:
            raise RefusalError("it moves the batch", "keep the batch as the first dimension")
        for place in places:
            dims.insert(place - 1, ())
    else:
        rank = len(dims) + 1
        if axes is None:
            places = [at for at, size in enumerate(value.sizes, start=1) if size == 1]
        else:
            places = sorted(int(axis) % rank for axis in axes)
        if 0 in places or any(value.sizes[place - 1] != 1 for place in places):
            raise RefusalError("it removes the batch", "keep the batch as the first dimension")
        dims = [dim for at, dim in enumerate(dims, start=1) if at not in places] or [(0,)]
    reader.put(node, Value(value.shape, tuple(dims)))


def _transpose(reader: Reader, node: NodeProto, given: list[str]) -> None:
    value = reader.values[only(node, given)]
    rank = len(value.dims) + 1
    order = [int(axis) for axis in attributes(node).get("perm", range(rank)[::-1])]
    if len(order) != rank or order[0] != 0:
        raise RefusalError("it moves the batch", "keep the batch as the first dimension")
    reader.put(node, Value(value.shape, tuple(value.dims[axis - 1] for axis in order[1:])))


# Kinds of nodes of real numbers, and what reads each.
HANDLERS: dict[str, Handler] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "ReduceMean": _reduce_mean,
    "Relu": _rectify,
    "Clip": _rectify,
    "Add": _arithmetic,
    "Sub": _arithmetic,
    "Mul": _arithmetic,
    "Div": _arithmetic,
    "BatchNormalization": _normalise,
    "Scaler": _scaler,
    "Identity": _pass_on,
    "Dropout": _pass_on,
    "Cast": _pass_on,
    "Softmax": _end,
    "LogSoftmax": _end,
    "ArgMax": _end,
    "Shape": _shape,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _squeeze,
    "Transpose": _transpose,
}
