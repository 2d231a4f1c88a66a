"""From an image to ONNX, and the learned state to and fro."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from edge_naca import image
from edge_naca.choices import INPUT_TYPES, RAW_TYPES
from edge_naca.core import Core
from edge_naca.export.onnx_export.properties import image_of
from edge_naca.export.onnx_export.state import changing_names, state_of, tensors_of
from edge_naca.extras import require
from edge_naca.limits import choice, whole
from edge_naca.network import Network
from edge_naca.samples import takes_reals

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto


def to_onnx(
    source: Core | Network | bytes,
    *,
    learning: bool = False,
    input_type: str | None = None,
    batch: int | None = None,
    record: bool = False,
) -> ModelProto:
    """Return a network as an ONNX model of integer operators, equal to the core bit for bit.

    docs/onnx.md says what the model takes and gives.

    Parameters
    ----------
    source : a core with what it has learned, an image, or a network as new.
    learning : False for inference: the learned state is part of the model. True for one step of
        learning: the state goes in and comes out.
    input_type : of a sample: "uint8", "int16" or "int32" for raw numbers (height, width,
        channels), "float32" where they are real numbers, "codes" for uint8 (inputs,), int8 where
        they have a sign, "spikes" for uint8 (steps, inputs) of 0 and 1, which networks with coded
        stages, a direct encoder or codes with a sign do not take, "window" for samples of a signal
        (window, channels), int16, or float32 where they are real numbers.
        None for "window" of a network with a signal, else "float32" or "int32", which holds every
        raw number, or "codes" for a network that prepares none.
    batch : number of samples presented side by side, along a first axis; None for one without
        such an axis. Not with `learning`, where each sample must see what the last one changed.
    record : also give every spike, potential and threshold.

    Raises
    ------
    MissingExtraError
        If the package onnx is not installed.
    ValueError
        If an argument cannot be; the message says what can.
    """
    require("onnx")
    from edge_naca.export.onnx_export.model import build

    core = source if isinstance(source, Core) else Core(source)
    is_raw, is_real = core.network.preparation is not None, takes_reals(core.network)
    if input_type is None:
        raw_type = "float32" if is_real else "int32"
        input_type = "codes" if not is_raw else raw_type
        input_type = input_type if core.network.signal is None else "window"
    choice("input_type", input_type, INPUT_TYPES)
    encoder = core.network.encoder
    takes_spikes = not core.network.coded and encoder.kind != "direct" and not encoder.is_signed
    if input_type in RAW_TYPES and not is_raw:
        raise ValueError(
            f"input_type {input_type!r} is for raw samples, but this network has no preparation: "
            "take 'codes'" + " or 'spikes'" * takes_spikes
        )
    if input_type == "window" and core.network.signal is None:
        raise ValueError("input_type 'window' is for networks with a signal: this one has none")
    if input_type == "float32" and is_raw and not is_real:
        raise ValueError("input_type 'float32' cannot be, as this network takes integers: 'int32'")
    if input_type == "spikes" and not takes_spikes:
        raise ValueError(
            "input_type 'spikes' hands over spikes, but this network's coded stages, its direct "
            "encoder or its codes with a sign need codes: take 'codes'"
        )
    if batch is not None:
        whole("batch", batch, 1, 65535)
        if learning:
            raise ValueError("learning takes one sample at a time: leave batch out")
    return build(core, learning=learning, input_type=input_type, batch=batch, record=record)


def initial_state(model: ModelProto) -> dict[str, NDArray[Any]]:
    """Return what a learning model takes with its first sample, by the names of its inputs.

    That is the state of the core, image or network which the model was made of.
    """
    network, state = network_and_state(model)
    tensors = tensors_of(network, state)
    return {name: tensors[name] for name in changing_names(network)}


def state_from(model: ModelProto, tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the learned state as the core holds it, from what a learning model gave.

    Parameters
    ----------
    tensors : the state by the names of the model's inputs, as `initial_state` returns it.

    Raises
    ------
    ValueError
        If a tensor is missing, or is not of the type and shape that it has in the model.
    """
    network, state = network_and_state(model)
    changing = changing_names(network)
    fixed = {k: v for k, v in tensors_of(network, state).items() if k not in changing}
    return image.pack_state(network, state_of(network, {**tensors, **fixed}))


def interface(model: ModelProto) -> dict[str, dict[str, tuple[str, tuple[int, ...]]]]:
    """Return "inputs" and "outputs" of a model: type and shape of each by its name."""
    from onnx import helper

    def describe(values: Iterable[ValueInfoProto]) -> dict[str, tuple[str, tuple[int, ...]]]:
        result = {}
        for value in values:
            tensor = value.type.tensor_type
            dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
            result[value.name] = dtype, tuple(axis.dim_value for axis in tensor.shape.dim)
        return result

    return {"inputs": describe(model.graph.input), "outputs": describe(model.graph.output)}


def network_and_state(model: ModelProto) -> tuple[Network, image.State]:
    """Return the network that a model was made of, and what it had learned until then."""
    network, stored = image.decode(image_of(model))
    if stored is None:
        return network, image.new_state(network)
    return network, image.unpack_state(network, stored)
