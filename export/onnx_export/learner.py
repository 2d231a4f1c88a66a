"""A learning ONNX model at work in onnxruntime."""

from __future__ import annotations

import zlib
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca import image
from edge_naca.export.onnx_export.build import initial_state, network_and_state, state_from
from edge_naca.export.onnx_export.properties import property_of
from edge_naca.export.onnx_export.state import NEXT
from edge_naca.extras import require
from edge_naca.network import Network
from edge_naca.samples import check_labels, check_samples, check_window, takes_reals
from edge_naca.specification.results import Result

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession

_INFERRED = ("prediction", "margin", "spikes", "synops")


class OnnxLearner:
    """A network run by onnxruntime: the same methods and answers as `edge_naca.Core`.

    It does what every program does that runs such a model: it feeds the state that came out with
    one sample in with the next.

    Parameters
    ----------
    model : what `to_onnx` returned with `learning`, or a file that holds it.
    threads : how many one operator may use. Models are small: one is fastest.

    Raises
    ------
    MissingExtraError
        If the packages onnx and onnxruntime are not installed.
    OSError
        If the file cannot be read.
    ValueError
        If it is not a model that learns.
    """

    def __init__(self, model: ModelProto | str | PathLike[str], threads: int = 1) -> None:
        require("onnx")
        require("onnxruntime")
        import onnx

        self._model = model if isinstance(model, onnx.ModelProto) else _load(model)
        if property_of(self._model, "kind") != "learning":
            raise ValueError("this model only infers: make one with to_onnx(…, learning=True)")
        self.network, _ = network_and_state(self._model)
        self._input_type = property_of(self._model, "input_type")
        self._session = _session_of(self._model, threads)
        # onnxruntime computes what nobody fetches too: inferring has a model of its own.
        self._inferring = _session_of(_inferring_part(self._model), threads)
        self._state = initial_state(self._model)
        self._outputs = [*_INFERRED, "changes", *(name + NEXT for name in self._state)]

    def infer(self, x: ArrayLike) -> Result:
        """Present one sample and predict; the learned state does not change."""
        values = self._inferring.run(list(_INFERRED), self._feeds(x, 0))
        prediction, margin, spikes, synops = map(int, values)
        return Result(prediction, margin, spikes, synops, changes=0)

    def learn(self, x: ArrayLike, label: int) -> Result:
        """Present one sample, predict, then learn that its class is `label`.

        The result's prediction was made before learning.
        """
        check_labels(np.array([label]), 1, self.network.capacity)
        values = self._session.run(self._outputs, self._feeds(x, label))
        prediction, margin, spikes, synops, changes = map(int, values[: -len(self._state)])
        self._state = dict(zip(self._state, values[-len(self._state) :], strict=True))
        return Result(prediction, margin, spikes, synops, changes)

    def state(self) -> bytes:
        """Return the learned state as the core holds it."""
        return state_from(self._model, self._state)

    def state_hash(self) -> int:
        """Return the hash of the learned state: equal to the core's when the states are."""
        return zlib.crc32(self.state())

    def image(self) -> bytes:
        """Return the network with what it has learned so far, as an image."""
        return image.encode(self.network, self.state())

    def _feeds(self, x: ArrayLike, label: int) -> dict[str, NDArray[Any]]:
        return {
            "sample": as_input(self.network, self._input_type, x),
            "label": np.array(label, np.int32),
            **self._state,
        }


def _session_of(model: ModelProto, threads: int) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _inferring_part(model: ModelProto) -> ModelProto:
    """Return the part of a learning model that inferring takes, with the same inputs."""
    from onnx.utils import Extractor

    inputs = [value.name for value in model.graph.input]
    return Extractor(model).extract_model(inputs, list(_INFERRED))


def _load(path: str | PathLike[str]) -> ModelProto:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(path)
    except DecodeError as error:
        raise ValueError(f"{path} holds no ONNX model: export one with to_onnx") from error


def as_input(network: Network, input_type: str, x: ArrayLike) -> NDArray[Any]:
    """Return one sample as models of this input type take it.

    Raises
    ------
    TypeError, ValueError
        If it does not hold what the network takes, has another size, or holds what the type cannot.
    """
    if input_type == "codes":
        return check_samples(network, np.asarray(x)[None], "codes")[0]
    if input_type == "window":
        return check_window(network, x)
    if input_type == "spikes":
        spikes = np.asarray(x)
        shape = network.encoder.steps, network.inputs
        if spikes.shape != shape or not np.isin(spikes, (0, 1)).all():
            raise ValueError(f"spikes must be {shape} of 0 and 1, not {spikes.shape}")
        return spikes.astype(np.uint8)
    assert network.preparation is not None
    raw = check_samples(network, np.asarray(x)[None], "raw")[0]
    if input_type == "float32":
        return raw.reshape(network.preparation.shape)
    if takes_reals(network):  # as they are: the model maps them, as the core does
        raw = np.asarray(x).reshape(-1)
        if raw.dtype.kind not in "iub":
            raise ValueError(f"the model takes {input_type}: export it with input_type float32")
    info = np.iinfo(input_type)
    if raw.min() < info.min or raw.max() > info.max:
        raise ValueError(
            f"the model takes raw numbers of {info.min} .. {info.max}, but these are in "
            f"{raw.min()} .. {raw.max()}: export it with a wider input_type"
        )
    return raw.astype(input_type).reshape(network.preparation.shape)
