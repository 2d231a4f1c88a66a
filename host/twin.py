"""A digital twin: the C core beside a device, which has to answer the same to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import RESULT, Core
from edge_naca.host.device import DeviceError
from edge_naca.host.packing import Packer
from edge_naca.host.teaching import FORGOTTEN


class TwinMismatchError(DeviceError):
    """Device and twin differ; `sample` is the first one known to, None if it is not known."""

    def __init__(self, message: str, sample: int | None) -> None:
        self.sample = sample
        super().__init__(message)


def differences(theirs: NDArray[Any], ours: NDArray[Any]) -> str:
    """Say in which numbers two entries of `core.RESULT` differ; empty where they are equal."""
    return ", ".join(
        f"{name} {theirs[name]} instead of {ours[name]}"
        for name in RESULT.names or ()
        if theirs[name] != ours[name]
    )


class Twin:
    """Learns what the device learns, and compares.

    Parameters
    ----------
    core : in the state in which the device is, taken over.
    first : number of the next sample.
    learn : whether samples are taught.
    """

    def __init__(self, core: Core, first: int, learn: bool = True) -> None:
        self._core = core
        self._packer = Packer(core)
        self._first = first
        self._learn = learn
        self._results: list[NDArray[Any]] = []
        self._same_up_to = first

    @property
    def next(self) -> int:
        """Number of the next sample that the twin has not seen."""
        return self._first + len(self._results)

    def compare(self, number: int, label: int, sample: bytes, result: NDArray[Any]) -> None:
        """Learn a sample, if that is still to do, and compare the device's answer.

        Raises
        ------
        TwinMismatchError
            If it is another one.
        """
        if number == self.next:
            self._results.append(self._present(label, sample))
        if not self._first <= number < self.next or result["prediction"] == FORGOTTEN:
            return
        ours = self._results[number - self._first]
        different = differences(result, ours)
        if different:
            raise TwinMismatchError(
                f"the device differs from its twin at sample {number}: {different}. "
                f"{self._since(number)}",
                number,
            )

    def compare_state(self, number: int, value: int) -> None:
        """Compare the hash of the device's state before sample `number`."""
        if number != self.next:
            return
        ours = self._core.state_hash()
        if ours != value:
            raise TwinMismatchError(
                f"the device's state differs from its twin's before sample {number}: hash "
                f"{value:08x} instead of {ours:08x}. {self._changed_by(number)}",
                None,
            )
        self._same_up_to = number

    def _since(self, number: int) -> str:
        """Say where what led to another answer lies."""
        if number == self._same_up_to:
            return "Their states were equal before this sample"
        return (
            f"What it learned wrongly lies between sample {self._same_up_to}, when the states "
            "were equal, and this one"
        )

    def _changed_by(self, number: int) -> str:
        """Say which samples may have led to another state."""
        if number == self._same_up_to:
            return "No sample has been learned since they were equal"
        if number == self._same_up_to + 1:
            return (
                f"It was equal before sample {self._same_up_to}, and the answer since was too: the "
                "difference is in what that sample changed"
            )
        return (
            f"It was equal before sample {self._same_up_to}, and the answers since were too: the "
            "first difference is in what one of these samples changed"
        )

    def _present(self, label: int, sample: bytes) -> NDArray[Any]:
        codes = self._packer.codes([sample])
        if self._learn:
            return np.asarray(self._core.learn_many(codes, np.array([label]), "codes")[0])
        return np.asarray(self._core.infer_many(codes, "codes")[0])
