"""A device held against the host: answers, and what was learned, after each sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.core import RESULT, Core
from edge_naca.host.client import LinkDevice, one
from edge_naca.host.twin import Twin, TwinMismatchError, differences
from edge_naca.limits import whole
from edge_naca.specification.results import Result
from edge_naca.states import StateError, snapshot, with_state
from edge_naca.testing.devices import ImageSource, read_image
from edge_naca.testing.differences import DifferenceError, check_image, state_differences

MOST = 1 << 31


class HostTwin:
    """The C core on the host beside a device: both learn the same, and have to stay the same.

    Samples are numbered from 0, in the order in which they are taught here.

    Parameters
    ----------
    device : an open device, in whatever state: the host takes it over.
    image : the image, or its file, that the device is meant to run; None for the one that it says
        it runs.

    Attributes
    ----------
    core : the host's core, to be looked at.

    Raises
    ------
    DifferenceError
        If the device runs another image than it is meant to, or its learned state is not that of
        its image although it has learned nothing since.
    DeviceError
        If the device does not answer, or runs no image.
    """

    def __init__(self, device: LinkDevice, image: ImageSource | None = None) -> None:
        __tracebackhide__ = True
        self.device = device
        if image is not None:
            check_image(device, read_image(image))
        self.core = Core(device.image())
        self._take_over()
        self._twin = Twin(self.core, 0)

    def learn(self, x: ArrayLike, label: int) -> Result:
        """Teach both a sample; return what both answered before they learned it.

        Raises
        ------
        DifferenceError
            If answers or learned states differ.
        """
        __tracebackhide__ = True
        return one(self.learn_many(np.asarray(x)[None], [label])[0])

    def learn_many(self, x: ArrayLike, labels: ArrayLike, every: int = 1) -> NDArray[Any]:
        """Teach both samples (n, …); return the answers, an array (n,) of `edge_naca.core.RESULT`.

        Parameters
        ----------
        every : samples between two looks at the learned state; more of them are faster, fewer say
            exactly which sample was learned otherwise.

        Raises
        ------
        DifferenceError
            If answers or learned states differ.
        """
        __tracebackhide__ = True
        whole("every", every, 1, MOST)
        packer = self.device.packer
        array, samples = np.asarray(x), packer.samples(x)
        y = packer.labels(labels, len(samples))
        answers = [np.zeros(0, RESULT)]
        for first in range(0, len(samples), every):
            part = slice(first, first + every)
            answers.append(self.device.learn_many(array[part], y[part]))
            self._compare(y[part], samples[part], answers[-1])
        return np.concatenate(answers)

    def predict(self, x: ArrayLike) -> Result:
        """Ask both about a sample, which they do not learn; return what both answer.

        Raises
        ------
        DifferenceError
            If answers differ, or asking has changed what was learned.
        """
        __tracebackhide__ = True
        return one(self.predict_many(np.asarray(x)[None])[0])

    def predict_many(self, x: ArrayLike) -> NDArray[Any]:
        """Ask both about samples (n, …); return the answers, an array (n,) of `core.RESULT`.

        Raises
        ------
        DifferenceError
            If answers differ, or asking has changed what was learned.
        """
        __tracebackhide__ = True
        packer = self.device.packer
        ours = self.core.infer_many(packer.codes(packer.samples(x)), "codes")
        theirs = self.device.infer_many(x)
        for number, pair in enumerate(zip(theirs, ours, strict=True)):
            different = differences(*pair)
            if different:
                raise DifferenceError(
                    f"the device differs from its twin when asked about sample {number}, which "
                    f"neither learns: {different}.{self._states()}"
                )
        self.compare_state()
        return theirs

    def compare_state(self) -> None:
        """Compare learned states, for instance after a restart.

        Raises
        ------
        DifferenceError
            If they differ; the message says in which numbers.
        """
        __tracebackhide__ = True
        try:
            self._twin.compare_state(self._twin.next, self.device.hash())
        except TwinMismatchError as error:
            raise DifferenceError(f"{error}.{self._states()}") from None

    def _compare(self, labels: Sequence[int], samples: Sequence[bytes], results: Any) -> None:
        __tracebackhide__ = True
        # The host learns the rest after a difference, too: else states could not be compared.
        errors = [self._compared(*item) for item in zip(labels, samples, results, strict=True)]
        first = next(filter(None, errors), None)
        if first is not None:
            raise DifferenceError(f"{first}.{self._states()}")
        self.compare_state()

    def _compared(self, label: int, sample: bytes, result: Any) -> TwinMismatchError | None:
        try:
            self._twin.compare(self._twin.next, label, sample, result)
        except TwinMismatchError as error:
            return error
        return None

    def _take_over(self) -> None:
        """Bring the host to where the device is."""
        __tracebackhide__ = True
        value, learned = self.device.hash_at()
        if value == self.core.state_hash():
            return
        if learned == self.core.learned():
            raise DifferenceError(
                f"the device has learned no sample beyond the {learned} of its image, but its "
                f"learned state is another one: hash {value:08x} instead of "
                f"{self.core.state_hash():08x}.{self._states()}"
            )
        self.core.load_state(self.device.state())

    def _states(self) -> str:
        """Say in which numbers the learned states differ, as the end of a message."""
        try:
            theirs = with_state(self.core, self.device.state(), "the device's learned state")
        except StateError as error:
            return f" And {error}"
        different = state_differences(snapshot(theirs).state, snapshot(self.core).state)
        if not different:
            return " The learned states are equal"
        return "\nIn the learned state differ:\n  " + "\n  ".join(different)


def assert_same_as_host(
    device: LinkDevice,
    x: ArrayLike,
    labels: ArrayLike,
    *,
    image: ImageSource | None = None,
    every: int = 1,
) -> None:
    """Teach a device and the host the same samples, and fail where they first differ.

    Compared are all numbers of each answer, given before the sample is learned; the hash of the
    learned state after each `every` samples; then the answers to all samples once more, without
    learning. Since all is exact, any difference is a fault of firmware, compiler or memory, never
    rounding.

    Parameters
    ----------
    device : an open device: ``naca_board().device``, or what `edge_naca.host.open_device` returns.
    x : samples (n, …), as the network takes them.
    labels : (n,), below the network's capacity.
    image : the image, or its file, that the device is meant to run; None for the one that it says
        it runs.
    every : samples between two looks at the learned state.

    Raises
    ------
    DifferenceError
        An AssertionError that says where device and host first differ.
    DeviceError
        If the device does not answer.
    """
    __tracebackhide__ = True
    twin = HostTwin(device, image)
    twin.learn_many(x, labels, every)
    twin.predict_many(x)
