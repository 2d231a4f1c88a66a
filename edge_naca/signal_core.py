"""Windows of a signal and their features, run by the C code that devices run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca import image, presets
from edge_naca._core import ffi, lib
from edge_naca.core import aligned, check_status, pointer_to
from edge_naca.forks import forkable_lock
from edge_naca.network import Network, Preparation
from edge_naca.samples import check_window
from edge_naca.signal_features import Signal


def carrier(signal: Signal) -> Network:
    """Return the smallest network with a signal: for its features, whoever learns from them."""
    preparation = Preparation((1, signal.features, 1))
    return replace(presets.competitive(preparation, 1, 1, bits=1), signal=signal)


class SignalCore:
    """A network's signal, run by the same code, and to the same bits, as on a device.

    Parameters
    ----------
    network : one with a signal.

    Notes
    -----
    One object takes one call at a time; further callers wait.

    Raises
    ------
    ValueError
        If the network has no signal.
    """

    def __init__(self, network: Network) -> None:
        if network.signal is None:
            raise ValueError("the network has no signal: it takes ready features")
        self.network, self.signal = network, network.signal
        self._lock = forkable_lock()
        data = image.encode(network)
        self._bytes = aligned(len(data))
        self._bytes[:] = np.frombuffer(data, np.uint8)
        opened = ffi.new("naca_image_t *")
        stages = lib.naca_all_stages()
        place = pointer_to(self._bytes, "void *")
        check_status(lib.naca_image_open_with(stages, opened, place, len(data)))
        self._facts = ffi.new("naca_signal_facts_t *")
        check_status(lib.naca_signal_facts(opened, self._facts))
        size = ffi.new("uint32_t *")
        check_status(lib.naca_signal_size(opened, size))
        self._memory = aligned(size[0])
        made = ffi.new("naca_signal_t **")
        memory = pointer_to(self._memory, "void *")
        check_status(lib.naca_signal_init(opened, memory, size[0], made))
        self._signal = made[0]

    @property
    def memory_size(self) -> int:
        """RAM in bytes that windows and features take, here and on every device."""
        return len(self._memory)

    def features(self, windows: ArrayLike) -> NDArray[np.int16]:
        """Return the features of windows (n, window, channels), int16 (n, features).

        What `push` has not filled a window with is dropped.
        """
        numbers = self._checked(windows, 3)
        if numbers.shape[1] != self.signal.window:
            raise ValueError(
                f"windows must hold {self.signal.window} samples, not {numbers.shape[1]}"
            )
        result = np.zeros((len(numbers), self.signal.features), np.int16)
        done = ffi.new("size_t *")
        is_real = int(numbers.dtype == np.float32)
        place = pointer_to(numbers, "void *")
        out = pointer_to(result, "int16_t *")
        with self._lock:
            check_status(
                lib.naca_batch_signal(
                    self._signal, self._facts, is_real, place, len(numbers), done, out
                )
            )
        return result

    def push(self, samples: ArrayLike) -> NDArray[np.int16]:
        """Take samples (n, channels) as they come; return the features of windows that they fill.

        Returns
        -------
        NDArray
            Features, int16, one row per filled window.
        """
        numbers = self._checked(samples, 2)
        is_real = numbers.dtype == np.float32
        call = lib.naca_signal_push_reals if is_real else lib.naca_signal_push
        kind = "void *" if is_real else "int16_t *"
        taken, sample = ffi.new("uint32_t *"), ffi.new("naca_sample_t *")
        found = []
        with self._lock:
            first = 0
            while first < len(numbers):
                rest = numbers[first:]
                check_status(call(self._signal, pointer_to(rest, kind), len(rest), taken))
                first += taken[0]
                status = lib.naca_signal_features(self._signal, sample)
                if status == lib.NACA_OK:
                    content = ffi.buffer(sample.data, 2 * sample.count)
                    found.append(np.frombuffer(bytes(content), np.int16))
                elif status != lib.NACA_ERR_BUFFER:
                    check_status(status)
        return np.array(found, np.int16).reshape(len(found), self.signal.features)

    def decide(self, answer: int) -> int:
        """Take the network's answer to the latest window; return the class decided for, or −1.

        `edge_naca.specification.signal.Decisions` says how.
        """
        decided = ffi.new("int32_t *")
        with self._lock:
            check_status(lib.naca_signal_decide(self._signal, answer, decided))
        return int(decided[0])

    def gap(self) -> None:
        """Say that samples are missing from here on: no window reaches over the gap."""
        with self._lock:
            check_status(lib.naca_signal_gap(self._signal))

    def _checked(self, x: ArrayLike, dimensions: int) -> NDArray[Any]:
        numbers = check_window(self.network, x)
        if numbers.ndim != dimensions:
            raise ValueError(f"samples must have {dimensions} axes, not {numbers.shape}")
        return numbers
