"""The C core in Python: the same code, and the same bits, as on a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca import image
from edge_naca._core import ffi, lib
from edge_naca.forks import forkable_lock
from edge_naca.image import State
from edge_naca.limits import octets
from edge_naca.network import Network
from edge_naca.samples import check_events, check_labels, check_samples, default_kind
from edge_naca.specification.results import Recording, Result

RESULT = np.dtype(
    [("prediction", "<i4"), ("margin", "<i4"), ("spikes", "<u4"), ("synops", "<u4"),
     ("changes", "<u4")]
)  # fmt: skip

_RAW_KINDS = {
    "uint8": lib.NACA_RAW_U8,
    "int16": lib.NACA_RAW_I16,
    "int32": lib.NACA_RAW_I32,
    "float32": lib.NACA_RAW_F32,
}
_ALIGNMENT = lib.NACA_ALIGNMENT

# What to do about a status that a caller can cause in spite of the checks made here.
_ADVICE = {
    "NACA_ERR_STATE": "the state belongs to another network: load it into the one it came from",
    "NACA_ERR_CHECKSUM": "the bytes were damaged on the way: fetch or save them again",
    "NACA_ERR_TRUNCATED": "bytes are missing or too many: hand over the whole state",
    "NACA_ERR_FROZEN": "this core only infers: what it learned stays as the image has it",
    "NACA_ERR_MAGIC": "these bytes are no saved state: use what save_state returned",
    "NACA_ERR_NETWORK": "the network's description is outside the limits in docs/image.md",
    "NACA_ERR_SECTION": "a section is missing, misplaced, doubled or unknown (docs/image.md)",
}


class CoreError(ValueError):
    """The core refused; `status` is the name of the reason as in naca.h."""

    def __init__(self, status: int) -> None:
        self.status: str = ffi.string(lib.naca_status_name(status)).decode()
        advice = _ADVICE.get(self.status)
        super().__init__(f"{self.status}: {advice}" if advice else self.status)


def check_status(status: int) -> None:
    """Raise for what the core refused."""
    if status != lib.NACA_OK:
        raise CoreError(status)


def aligned(size: int) -> NDArray[np.uint8]:
    """Return zeroed memory as the core asks for it."""
    block = np.zeros(size + _ALIGNMENT, np.uint8)
    first = -block.ctypes.data % _ALIGNMENT
    return block[first : first + size]


def pointer_to(array: NDArray[Any], kind: str) -> Any:
    """Return a pointer into an array, which must be kept as long as it is used."""
    return ffi.cast(kind, array.ctypes.data)


class Core:
    """A network run by the C core.

    Parameters
    ----------
    network : a description, or a whole image as bytes.
    state : learned state (as `state` returns it) to start from instead of the image's.

    Notes
    -----
    Different cores may be used from different threads at the same time: every call releases the
    interpreter's lock. One core takes one call at a time; further callers wait, and so does a fork.

    Raises
    ------
    ImageError, CoreError
        If the image is damaged, of another version, or describes what cannot be.
    TypeError
        If it is neither a network nor bytes.
    """

    def __init__(self, network: Network | bytes, state: bytes | State | None = None) -> None:
        if isinstance(network, Network):
            self.network = network
        else:
            self.network, stored = image.decode(octets("an image", network))
            state = stored if state is None else state
        data = image.encode(self.network, state)
        self._image_bytes = aligned(len(data))
        self._image_bytes[:] = np.frombuffer(data, np.uint8)
        self._lock = forkable_lock()
        self._image = ffi.new("naca_image_t *")
        pointer = pointer_to(self._image_bytes, "void *")
        stages = lib.naca_all_stages()
        check_status(lib.naca_image_open_with(stages, self._image, pointer, len(data)))
        size = ffi.new("uint32_t *")
        check_status(lib.naca_workspace_size(self._image, size))
        self._workspace = aligned(size[0])
        core = ffi.new("naca_t **")
        workspace = pointer_to(self._workspace, "void *")
        check_status(lib.naca_init(self._image, workspace, size[0], core))
        self._core = core[0]

    def image(self) -> bytes:
        """Return the network with what it has learned so far, as an image."""
        return image.encode(self.network, self.state())

    # ---- one sample ----------------------------------------------------------------------

    def infer(self, x: ArrayLike, kind: str | None = None) -> Result:
        """Present one sample and predict; the learned state does not change.

        Parameters
        ----------
        x : integers, a raw sample, codes, or events (n, 2) of step and input; or real numbers, a
            raw sample of a network that maps these to integers.
        kind : "raw", "codes" or "events"; None for raw where the network can prepare samples.
        """
        sample, _keep = self._sample(x, kind)
        return self._one(lambda result: lib.naca_infer(self._core, sample, result))

    def learn(self, x: ArrayLike, label: int, kind: str | None = None) -> Result:
        """Present one sample, predict, then learn that its class is `label`.

        The result's prediction was made before learning.
        """
        check_labels(np.array([label]), 1, self.network.capacity)
        sample, _keep = self._sample(x, kind)
        return self._one(lambda result: lib.naca_learn(self._core, sample, label, result))

    def record(self, x: ArrayLike, kind: str | None = None) -> Recording:
        """Present one sample, predict, and return every spike, potential and threshold."""
        sample, _keep = self._sample(x, kind)
        steps = self.network.encoder.steps
        units = self.network.units
        inputs = np.zeros((steps, self.network.encoded), np.uint8)
        spikes = np.zeros((steps, units), np.uint8)
        potentials, thresholds = np.zeros((2, steps, units), np.int32)
        recording = ffi.new(
            "naca_recording_t *",
            {
                "input_spikes": pointer_to(inputs, "uint8_t *"),
                "spikes": pointer_to(spikes, "uint8_t *"),
                "potentials": pointer_to(potentials, "int32_t *"),
                "thresholds": pointer_to(thresholds, "int32_t *"),
            },
        )
        result = self._one(lambda r: lib.naca_record(self._core, sample, recording, r))
        sent = self._signed(inputs)
        if sent.dtype == np.uint8:
            sent = sent.astype(bool)
        return Recording(sent, spikes.astype(bool), potentials, thresholds, result)

    # ---- many samples in one call --------------------------------------------------------

    def infer_many(self, x: ArrayLike, kind: str | None = None) -> NDArray[Any]:
        """Present samples (n, …) one after another; return a structured array of results."""
        kind = kind or default_kind(self.network)
        samples = check_samples(self.network, x, kind)
        results = np.zeros(len(samples), RESULT)
        self._many(
            lambda *head: lib.naca_batch_infer(*head, pointer_to(results, "naca_result_t *")),
            samples,
            kind,
        )
        return results

    def predict_many(self, x: ArrayLike, kind: str | None = None) -> NDArray[np.int32]:
        """Return the predicted class of each sample, −1 where no output neuron spiked."""
        return np.ascontiguousarray(self.infer_many(x, kind)["prediction"])

    def learn_many(self, x: ArrayLike, labels: ArrayLike, kind: str | None = None) -> NDArray[Any]:
        """Learn samples (n, …) one after another, in the given order.

        Everything is checked before the first sample is learned. Returns a structured array
        whose predictions were made before each sample was learned.
        """
        kind = kind or default_kind(self.network)
        samples = check_samples(self.network, x, kind)
        y = check_labels(labels, len(samples), self.network.capacity)
        results = np.zeros(len(samples), RESULT)
        self._many(
            lambda *head: lib.naca_batch_learn(
                *head, pointer_to(y, "int32_t *"), pointer_to(results, "naca_result_t *")
            ),
            samples,
            kind,
        )
        return results

    def margins_many(
        self, x: ArrayLike, kind: str | None = None
    ) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Return potential minus threshold of every neuron at the last step, and the results.

        The margins are int32 (n, neurons of spiking stages and populations); −2**31 stands for a
        neuron that is not recruited yet, or never spikes.
        """
        kind = kind or default_kind(self.network)
        samples = check_samples(self.network, x, kind)
        steps = self.network.encoder.steps
        units = self.network.units
        scratch = np.zeros(2 * steps * units, np.int32)
        margins = np.zeros((len(samples), units), np.int32)
        results = np.zeros(len(samples), RESULT)
        self._many(
            lambda *head: lib.naca_batch_margins(
                *head,
                steps,
                units,
                pointer_to(scratch, "int32_t *"),
                pointer_to(margins, "int32_t *"),
                pointer_to(results, "naca_result_t *"),
            ),
            samples,
            kind,
        )
        return margins, results

    def _signed(self, codes: NDArray[np.uint8]) -> NDArray[Any]:
        """Return codes as int8 where they have a sign."""
        return codes.view(np.int8) if self.network.encoder.is_signed else codes

    def prepare_many(self, x: ArrayLike) -> NDArray[Any]:
        """Return the codes (n, inputs) that raw samples become before they are encoded."""
        samples = check_samples(self.network, x, "raw")
        codes = np.zeros((len(samples), self.network.inputs), np.uint8)
        self._many(
            lambda *head: lib.naca_batch_prepare(
                *head, self.network.inputs, pointer_to(codes, "uint8_t *")
            ),
            samples,
            "raw",
        )
        return self._signed(codes)

    def features_many(self, x: ArrayLike, kind: str | None = None) -> NDArray[Any]:
        """Return the codes (n, encoded) that the encoder is given: what comes out before it."""
        kind = kind or default_kind(self.network)
        samples = check_samples(self.network, x, kind)
        codes = np.zeros((len(samples), self.network.encoded), np.uint8)
        self._many(
            lambda *head: lib.naca_batch_features(
                *head, self.network.encoded, pointer_to(codes, "uint8_t *")
            ),
            samples,
            kind,
        )
        return self._signed(codes)

    # ---- learned state -------------------------------------------------------------------

    def state(self) -> bytes:
        """Return the learned state without a header: what images hold and hashes are over."""
        return self.save_state()[lib.NACA_STATE_HEADER :]

    def save_state(self) -> bytes:
        """Return the learned state with a header that says which network it belongs to."""
        size = ffi.new("uint32_t *")
        with self._lock:
            check_status(lib.naca_state_size(self._core, size))
            buffer = ffi.new("uint8_t[]", size[0])
            check_status(lib.naca_state_save(self._core, buffer, size[0]))
        return bytes(ffi.buffer(buffer))

    def load_state(self, saved: bytes) -> None:
        """Take over a state that `save_state` returned, here or on a device.

        Raises
        ------
        CoreError
            If it is damaged or belongs to another network; the learned state is then untouched.
        """
        data = octets("a saved state", saved)
        with self._lock:
            check_status(lib.naca_state_load(self._core, data, len(data)))

    def forget(self, label: int) -> None:
        """Forget a class: its neurons become as new, others stay as they are.

        Raises
        ------
        ValueError
            If there is no such class.
        CoreError
            If the network has no neurons that are of one class alone; nothing is forgotten then.
        """
        check_labels(np.array([label]), 1, self.network.capacity)
        with self._lock:
            check_status(lib.naca_forget(self._core, label))

    def state_hash(self) -> int:
        """Return the hash of the learned state: equal on host and device when the states are."""
        result = ffi.new("uint32_t *")
        with self._lock:
            check_status(lib.naca_state_hash(self._core, result))
        return int(result[0])

    def weights(self, population: int) -> NDArray[np.int8]:
        """Return the weights (neurons, rows) of a population, the bias, if any, in the last row."""
        return image.unpack_state(self.network, self.state()).populations[population].weights

    def learned(self) -> int:
        """Return how many samples were learned, modulo 2^32; it is part of the learned state."""
        result = ffi.new("uint32_t *")
        with self._lock:
            check_status(lib.naca_learned(self._core, result))
        return int(result[0])

    def seen(self) -> NDArray[np.uint32]:
        """Return how many samples of each class were learned, (capacity,)."""
        result = np.zeros(self.network.capacity, np.uint32)
        pointer = pointer_to(result, "uint32_t *")
        with self._lock:
            check_status(lib.naca_seen(self._core, pointer, self.network.capacity))
        return result

    def counters(self) -> dict[str, int]:
        """Return presentations, spikes, synaptic operations and weight changes since the start."""
        result = ffi.new("naca_counters_t *")
        with self._lock:
            check_status(lib.naca_counters(self._core, result))
        names = ("presentations", "spikes", "synops", "changes")
        return {name: int(getattr(result, name)) for name in names}

    @property
    def network_id(self) -> int:
        """What tells this network from others, whatever they have learned."""
        return int(self._image.network_id)

    @property
    def workspace_size(self) -> int:
        """RAM in bytes that this network takes, here and on every device."""
        return len(self._workspace)

    @property
    def frozen_size(self) -> int | None:
        """RAM in bytes where the learned state stays in the image, for programs that only infer.

        What `naca_init_frozen` needs; None for an image without a learned state.
        """
        size = ffi.new("uint32_t *")
        status = lib.naca_frozen_size(self._image, size)
        if status == lib.NACA_ERR_STATE:
            return None
        check_status(status)
        return int(size[0])

    # ---- copies --------------------------------------------------------------------------

    def __getstate__(self) -> bytes:
        return self.image()

    def __setstate__(self, data: bytes) -> None:
        Core.__init__(self, data)

    def __deepcopy__(self, memo: dict[int, Any]) -> Core:
        return Core(self.network, self.state())

    # ---- calls ---------------------------------------------------------------------------

    def _sample(self, x: ArrayLike, kind: str | None) -> tuple[Any, NDArray[Any]]:
        """Return a naca_sample_t, and the array that it points into."""
        kind = kind or default_kind(self.network)
        if kind == "events":
            array: NDArray[Any] = check_events(self.network, x)
            code, count = lib.NACA_EVENTS, len(array)
        else:
            array = check_samples(self.network, np.asarray(x)[None], kind)
            code, count = self._kind_code(array, kind), array.shape[1]
        pointer = pointer_to(array, "void *")
        return ffi.new("naca_sample_t *", {"kind": code, "data": pointer, "count": count}), array

    @staticmethod
    def _kind_code(samples: NDArray[Any], kind: str) -> int:
        return int(lib.NACA_CODES if kind == "codes" else _RAW_KINDS[samples.dtype.name])

    def _one(self, call: Callable[[Any], int]) -> Result:
        result = ffi.new("naca_result_t *")
        with self._lock:
            check_status(call(result))
        return Result(
            result.prediction, result.margin, result.spikes, result.synops, result.changes
        )

    def _many(self, call: Callable[..., int], samples: NDArray[Any], kind: str) -> None:
        done = ffi.new("size_t *")
        head = (
            self._core,
            self._kind_code(samples, kind),
            pointer_to(samples, "void *"),
            samples.shape[1],
            len(samples),
            done,
        )
        with self._lock:
            check_status(call(*head))
