"""A sensor's samples into a device, which cuts windows, predicts and learns by itself.

docs/protocol.md, section 7. Samples are numbered; what is lost on the line is sent again, and a
device that restarts is sent again what it has not learned any more.
"""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.core import Core
from edge_naca.host.device import DeviceError
from edge_naca.host.framing import frame_size
from edge_naca.host.journal import WRAP, Journal, LostSamplesError, OtherSessionError, unwrap
from edge_naca.host.link import Link, RefusedError
from edge_naca.host.messages import (
    BEHIND_GAP,
    HEADER,
    NO_LABEL,
    SIGNAL,
    TAKEN,
    WINDOW,
    Answer,
    Kind,
    ProtocolError,
    Reason,
    SampleKind,
    read_windows,
)
from edge_naca.host.pipeline import RESTARTS
from edge_naca.network import Network
from edge_naca.samples import check_window
from edge_naca.signal_core import SignalCore
from edge_naca.signal_features import Signal
from edge_naca.specification.signal import Decisions

Array = NDArray[Any]

BITS_A_BYTE = 10  # on a serial line, start and stop included
FULL = 0.9  # of a line that samples may take: answers make the host wait


@dataclass(frozen=True, eq=False)
class _Chunk:
    """Samples as they were handed over: their first number, label, and whether some are missing."""

    first: int
    numbers: Array
    label: int
    behind_gap: bool

    @property
    def end(self) -> int:
        return self.first + len(self.numbers)


class SignalStream:
    """Samples on their way into a device.

    Parameters
    ----------
    link : of the device, whose image has a signal.
    journal : of what it was taught.
    network : that it runs.

    Attributes
    ----------
    learned : windows learned so far.

    Raises
    ------
    DeviceError
        If the device takes no signals; the message says why.
    """

    def __init__(self, link: Link, journal: Journal, network: Network) -> None:
        self._link, self._journal, self._network = link, journal, network
        self._signal = _signal_of(link, network)
        self._chunks: deque[_Chunk] = deque()
        self._log: deque[tuple[int, bool]] = deque()  # windows, and whether they were learned
        self._base = journal.end  # what the device has learned before the log begins
        self._end = 0  # number of the sample to come
        self._at = 0  # number of the sample to be sent
        # Added to numbers on the line: a device takes a chunk that is the same as its latest one,
        # number and all, for that one sent again, though a stream that has ended sent it.
        self._origin = secrets.randbelow(WRAP)
        self._last = -1  # number of the first sample of the latest window handed out
        self._behind_gap = True
        self._resumed = False  # whether the samples to be sent do not follow those sent before
        self.learned = 0

    def push(self, samples: ArrayLike, label: int | None = None) -> Array:
        """Send samples (n, channels); return the windows that they filled.

        Parameters
        ----------
        samples : integers, or real numbers where the signal takes them.
        label : class of all of them: windows whose samples all bear one are learned with it. None
            for no class: windows are presented.

        Returns
        -------
        `messages.WINDOW`
            One entry a window: number of its first sample, label that it was learned with
            (`messages.NO_LABEL` for none), class that was decided for (−1 for none), and the
            network's result, made before learning.

        Raises
        ------
        DeviceError
            If the device is gone for too long, refuses, or was taught by somebody else.
        ValueError
            If samples are none that the signal takes.
        """
        numbers = check_window(self._network, samples)
        if numbers.ndim != 2:
            raise ValueError(f"samples must be (n, channels), not {numbers.shape}")
        if label is not None:
            if not 0 <= label < self._network.capacity:
                raise ValueError(f"label must be in 0 .. {self._network.capacity - 1}, not {label}")
            self._journal.begin(self._link)
        chunk = _Chunk(self._end, numbers, NO_LABEL if label is None else label, self._behind_gap)
        if len(numbers):
            self._chunks.append(chunk)
            self._behind_gap = False
        self._end = chunk.end
        windows = self._send()
        self._trim()
        return windows

    def gap(self) -> None:
        """Say that samples are missing before those to come: no window reaches over the gap."""
        self._behind_gap = True

    def forget(self) -> None:
        """Keep nothing of what the device has learned by now: it has saved it."""
        self._log = deque((first, False) for first, _ in list(self._log)[-1:])
        self._base = self._journal.end
        self._trim()

    # ---- sending -----------------------------------------------------------------------------

    def _send(self) -> Array:
        """Send what was not sent yet, again after a restart; return new windows."""
        found: list[Array] = []
        restarts = 0
        while self._at < self._end:
            # Mostly the latest one: an earlier one after a restart only.
            chunk = next(chunk for chunk in reversed(self._chunks) if chunk.first <= self._at)
            try:
                answer = self._link.request(Kind.SIGNAL, self._body(chunk))
            except RefusedError as error:
                restarts += 1
                if restarts > RESTARTS:
                    raise DeviceError(
                        f"{self._link.name} loses what it learned again and again: check its power"
                    ) from error
                self._refused(error)
                continue
            found.append(self._read(answer))
        return np.concatenate([np.zeros(0, WINDOW), *found])

    def _body(self, chunk: _Chunk) -> bytes:
        offset = self._at - chunk.first
        numbers = chunk.numbers[offset : offset + self._most(chunk.numbers)]
        is_new = self._resumed or (chunk.behind_gap and offset == 0)
        kind = SampleKind.RAW_F32 if numbers.dtype == np.float32 else SampleKind.RAW_I16
        session = self._journal.session if chunk.label != NO_LABEL else 0
        flags = BEHIND_GAP if is_new else 0
        head = SIGNAL.pack(session, (self._origin + self._at) % WRAP, chunk.label, flags, kind)
        return head + numbers.tobytes()

    def _most(self, numbers: Array) -> int:
        """Return how many samples a request holds."""
        room = self._link.hello.max_payload - HEADER - SIGNAL.size
        return room // numbers[0].nbytes

    def _read(self, answer: Answer) -> Array:
        if len(answer.body) < TAKEN.size:
            raise ProtocolError(f"{self._link.name} answers SIGNAL too briefly")
        following, learned, count = TAKEN.unpack_from(answer.body)
        following = unwrap(following - self._origin, self._at)
        if not self._at < following <= self._end:
            raise ProtocolError(f"{self._link.name} took no sample, or more than it was sent")
        windows = read_windows(answer.body, TAKEN.size, count, "SIGNAL", self._network.capacity)
        windows["first"] -= np.uint32(self._origin)
        firsts = [unwrap(int(first), self._at) for first in windows["first"]]
        self._check(firsts, following)
        self._at, self._resumed = following, False
        taught = (windows["label"] != NO_LABEL).tolist()
        self._log.extend(zip(firsts, taught, strict=True))
        if any(taught):
            self._journal.learned_by_itself(unwrap(learned, self._journal.end))
        is_fresh = np.array([first > self._last for first in firsts], bool)
        self.learned += int(np.sum(is_fresh & np.array(taught, bool)))
        self._last = max([self._last, *firsts])
        return np.asarray(windows[is_fresh])

    def _check(self, firsts: list[int], following: int) -> None:
        """Refuse windows that the samples taken cannot have filled."""
        ends = [first + self._signal.window for first in firsts]
        for before, end in zip([self._at, *ends], ends, strict=False):
            if not before < end <= following:
                raise ProtocolError(
                    f"{self._link.name} answers a window that ends at sample {end}, having taken "
                    f"those from {self._at} to {following}"
                )

    def _refused(self, error: RefusedError) -> None:
        """Find out where the device is after a restart, or raise what it refused."""
        if error.status == Reason.OTHER_SESSION:
            raise OtherSessionError(self._link.name) from error
        if error.status not in (Reason.EPOCH, Reason.ORDER):
            raise error
        self._link.refresh()
        learned = self._journal.position(self._link)
        kept = learned - self._base
        if kept < 0:
            raise LostSamplesError(learned, self._base) from error
        self._journal.learned_by_itself(learned)
        self._at, self._resumed = self._resume_at(kept), True

    def _resume_at(self, kept: int) -> int:
        """Return the sample to go on with, if the device has learned so many windows of the log."""
        at = self._start()
        while self._log:
            first, is_learned = self._log.popleft()
            if is_learned and kept == 0:
                self._log.clear()
                return first
            kept -= int(is_learned)
            self._base += int(is_learned)
            at = first + self._signal.hop
        return min(max(at, self._start()), self._end)

    def _start(self) -> int:
        return self._chunks[0].first if self._chunks else self._end

    def _trim(self) -> None:
        """Forget samples that nobody will have to be sent again."""
        needed = self._at - self._signal.window - self._signal.hop
        for first, is_learned in self._log:
            if is_learned:
                needed = min(needed, first)
                break
        while self._chunks and self._chunks[0].end <= min(needed, self._at):
            self._chunks.popleft()
        # What was only presented before the first learned one is not asked for again.
        while self._log and not self._log[0][1] and len(self._log) > 1:
            self._log.popleft()


def _signal_of(link: Link, network: Network) -> Signal:
    if network.signal is None:
        raise DeviceError(
            f"the image of {link.name} has no signal: it takes ready features; `edge-naca train "
            "--signal` makes one that takes samples"
        )
    if not link.hello.signals:
        needed = SignalCore(network).memory_size + Core(network).workspace_size
        raise DeviceError(
            f"{link.name} takes no samples of a signal: network and windows need {needed} bytes of "
            f"RAM, it has {link.hello.ram_room}, or its firmware was built without"
        )
    return network.signal


# ---- what a line carries -------------------------------------------------------------------------


def baud_needed(signal: Signal, max_payload: int) -> int:
    """Return the least baud rate at which a serial line carries a signal.

    Parameters
    ----------
    max_payload : of the device's requests.
    """
    size = signal.channels * (4 if signal.affine is not None else 2)
    samples = max((max_payload - HEADER - SIGNAL.size) // size, 1)
    frame = frame_size(HEADER + SIGNAL.size + samples * size)
    # A chunk is sent when the one before it is answered.
    answer = frame_size(HEADER + TAKEN.size) + samples / signal.hop * WINDOW.itemsize
    return int(signal.rate * (frame + answer) / samples * BITS_A_BYTE / FULL) + 1


# ---- beside the device ---------------------------------------------------------------------------


class SignalTwin:
    """What a device does with samples, done here: the same core, the same windows, the same labels.

    Parameters
    ----------
    core : in the state in which the device is, taken over.
    """

    def __init__(self, core: Core) -> None:
        assert core.network.signal is not None
        self.core, self._signal = core, core.network.signal
        self._windows = SignalCore(core.network)
        self._decisions = Decisions(self._signal)
        self._next = self._run = self._start = self._count = 0
        self._label = NO_LABEL

    def gap(self) -> None:
        """Begin anew behind samples that are missing."""
        self._windows.gap()
        self._decisions.gap()
        self._run = self._count = 0
        self._start = self._next

    def push(self, samples: ArrayLike, label: int | None = None) -> Array:
        """Take samples as `SignalStream.push` does, and return the same."""
        numbers = np.asarray(samples)
        number = NO_LABEL if label is None else label
        self._run = self._run if number == self._label else 0
        self._label = number
        before = self._run - (self._next - self._start)
        features = self._windows.push(numbers)
        found = np.zeros(len(features), WINDOW)
        for entry, row in zip(found, features, strict=True):
            first = self._start + self._count * self._signal.hop
            run = first + self._signal.window - self._start + before
            is_taught = number != NO_LABEL and run >= self._signal.window
            entry["first"], entry["label"] = first, number if is_taught else NO_LABEL
            entry["result"] = (
                self.core.learn_many(row[None], np.array([number]))[0]
                if is_taught
                else self.core.infer_many(row[None])[0]
            )
            entry["decided"] = self._decisions.take(int(entry["result"]["prediction"]))
            self._count += 1
        self._next += len(numbers)
        self._run += len(numbers)
        return found
