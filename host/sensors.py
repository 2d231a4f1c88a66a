"""A device's own sensor: what the device makes of its samples, and the samples themselves.

docs/protocol.md, section 7. A device never speaks unasked, so a host asks again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.host.device import DeviceError
from edge_naca.host.journal import WRAP, Journal, OtherSessionError, unwrap
from edge_naca.host.link import Link, RefusedError
from edge_naca.host.messages import (
    NO_LABEL,
    RATE_UNIT,
    SENSED,
    SENSOR,
    SENSOR_HEAD,
    SENSOR_READ,
    WINDOW,
    Kind,
    ProtocolError,
    Reason,
    read_windows,
)
from edge_naca.host.pipeline import RESTARTS
from edge_naca.limits import MAX_CHANNELS

MOST = 0xFFFF  # samples that are asked for at once


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples that a sensor took.

    Parameters
    ----------
    rate : samples a second.
    first : number of the first of them.
    taken : samples that the sensor took so far.
    numbers : int16 (n, channels).
    """

    rate: float
    first: int
    taken: int
    numbers: NDArray[np.int16]


def read_sensor(link: Link, first: int) -> Samples:
    """Return the samples from number `first` on that a device still keeps, as many as it tells.

    Raises
    ------
    DeviceError
        If it has no sensor.
    """
    if not link.hello.sensor:
        raise DeviceError(
            f"{link.name} has no sensor of its own: docs/boards.md says how firmware gets one"
        )
    body = link.request(Kind.SENSOR_READ, SENSOR_READ.pack(first % 2**32, MOST)).body
    if len(body) < SENSOR_HEAD.size:
        raise ProtocolError(f"{link.name} answers SENSOR_READ too briefly")
    rate, channels, taken, start = SENSOR_HEAD.unpack_from(body)
    data = body[SENSOR_HEAD.size :]
    _check_sensor(link, rate, channels)
    if len(data) % (2 * channels):
        raise ProtocolError(f"{link.name} answers samples of {channels} channels in part")
    numbers = np.frombuffer(data, "<i2").reshape(-1, channels).astype(np.int16)
    taken, start = unwrap(taken, first), unwrap(start, first)
    if start + len(numbers) > taken or (len(numbers) and start < min(first, taken)):
        raise ProtocolError(
            f"{link.name} answers samples {start} to {start + len(numbers)}, having taken {taken}, "
            f"when asked for those from {first} on"
        )
    return Samples(rate / RATE_UNIT, start, taken, numbers)


def _check_sensor(link: Link, rate: int, channels: int) -> None:
    """Refuse what no sensor is like."""
    if not rate or not 1 <= channels <= MAX_CHANNELS:
        raise ProtocolError(
            f"{link.name} tells of a sensor of {channels} channels, {rate / RATE_UNIT:g} samples a "
            "second: its firmware is damaged, or another one"
        )


class SensorStream:
    """A device that hears its own sensor: windows as they come, and marks of what they are.

    Parameters
    ----------
    link : of the device.
    journal : of what it was taught.
    capacity : classes that its network has room for.

    Attributes
    ----------
    rate : samples a second.
    taken, lost : samples that the sensor took so far, and that the device was too slow for.
    events : what went wrong, oldest first.
    """

    def __init__(self, link: Link, journal: Journal, capacity: int) -> None:
        if not link.hello.signals:
            raise DeviceError(
                f"{link.name} takes no signals: its image has none, or no room for windows"
            )
        first = read_sensor(link, 0)
        self._link, self._journal, self._capacity = link, journal, capacity
        self._seen = 0
        self._is_first = True
        self.rate, self.taken, self.lost = first.rate, first.taken, 0
        self.events: list[str] = []

    def poll(self, label: int | None = None, *, on: bool = True) -> NDArray[Any]:
        """Mark samples from now on, and return the windows that were answered since.

        Parameters
        ----------
        label : class of samples to come, None for none: as of `SignalStream.push`.
        on : whether the device goes on hearing its sensor.

        Returns
        -------
        `messages.WINDOW`
            As of `SignalStream.push`.
        """
        if label is not None:
            self._journal.begin(self._link)
        found = [np.zeros(0, WINDOW)]
        restarts = 0
        for _ in range(RESTARTS):
            try:
                windows = self._ask(label, on)
            except RefusedError as error:
                restarts += 1
                if restarts == RESTARTS:
                    raise DeviceError(
                        f"{self._link.name} restarts all the time: check its power"
                    ) from error
                self._refused(error)
                continue
            if self._is_first:  # they were answered before anybody listened here
                self._is_first = bool(len(windows))
                continue
            found.append(windows)
            if not len(windows):
                break
        return np.concatenate(found)

    def _ask(self, label: int | None, on: bool) -> NDArray[Any]:
        mark = NO_LABEL if label is None else label
        session = 0 if label is None else self._journal.session
        body = self._link.request(Kind.SENSOR, SENSOR.pack(session, mark, int(on), self._seen)).body
        if len(body) < SENSED.size:
            raise ProtocolError(f"{self._link.name} answers SENSOR too briefly")
        rate, channels, taken, self.lost, learned, first, count = SENSED.unpack_from(body)
        _check_sensor(self._link, rate, channels)
        self.rate, self.taken = rate / RATE_UNIT, unwrap(taken, self.taken)
        windows = read_windows(body, SENSED.size, count, "SENSOR", self._capacity)
        if first > self._seen and not self._is_first:
            self.events.append(
                f"{first - self._seen} windows were answered, but not asked for in time"
            )
        self._seen = (first + count) % WRAP
        if (windows["label"] != NO_LABEL).any():
            self._journal.learned_by_itself(unwrap(learned, self._journal.end))
        return windows

    def _refused(self, error: RefusedError) -> None:
        if error.status == Reason.OTHER_SESSION:
            raise OtherSessionError(self._link.name) from error
        if error.status != Reason.EPOCH:
            raise error
        self._link.refresh()
        learned = self._journal.position(self._link)
        lost = self._journal.end - learned
        self.events.append(
            f"{self._link.name} has restarted"
            + (f": {lost} windows that it had learned since it last saved are lost" if lost else "")
        )
        self._journal.learned_by_itself(learned)
        self._seen, self._is_first = 0, True
