"""A device's self-test: presented and taught what the specification says every bit of.

The samples are drawn at random, but the same for the same network. What a device answers, and the
hash of its state after each lesson, are compared with what the specification arrives at in numpy
and with the C core here. Afterwards the device is as it was.
"""

from __future__ import annotations

import platform
import statistics
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import __version__, image
from edge_naca.core import RESULT, Core
from edge_naca.host.client import LinkDevice, TrialLostError
from edge_naca.host.messages import HEADER, Kind, SampleKind, Stats, read_result
from edge_naca.image_records import SAVED_STATE
from edge_naca.network import Network
from edge_naca.specification.network import Specification
from edge_naca.specification.results import Result

FORMAT = 1
PRESENTED, TAUGHT = 8, 16  # samples of each kind, and lessons
PINGS = 20  # requests by which the line is judged
FIELDS = RESULT.names or ()


@dataclass
class Report:
    """What a self-test found.

    Parameters
    ----------
    passed : whether all that was compared was equal, and the device is as it was.
    presented, taught : samples compared.
    difference : the first that was found, None where there is none.
    state : hash and samples learned, before, after the lessons, and at the end.
    vectors : CRC-32 of everything expected: equal where the same was asked of the same state.
    device : what it says about itself.
    counted : what it counted in its life and during the test.
    line : how long answers took, what went wrong.
    notes : what was left out, and why.
    """

    passed: bool = False
    presented: int = 0
    taught: int = 0
    difference: str | None = None
    state: dict[str, str] = field(default_factory=dict)
    vectors: str = ""
    device: dict[str, Any] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    line: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    host: dict[str, str] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Return all of it, for JSON."""
        return {"format": FORMAT, **asdict(self)}


class _FoundError(Exception):
    """The first difference; the message says which."""


class SelfTest:
    """One self-test.

    Parameters
    ----------
    device : to be tested; it runs an image.
    save : where the device has no memory for a trial: save what it has learned first, and restart
        it afterwards. Without, nothing is taught there.
    """

    def __init__(self, device: LinkDevice, save: bool = False) -> None:
        self._device = device
        self._save = save
        self._report = Report()
        self._expected = 0

    def run(self) -> Report:
        """Test, and return what was found.

        Raises
        ------
        DeviceError
            If the device runs no image, or stops answering.
        """
        device, report = self._device, self._report
        before = device.hash_at()
        saved = device.state()
        core = Core(device.core.network)
        core.load_state(saved)
        counted = device.stats()
        report.state["before"] = _state(*before)
        report.host = {
            "edge-naca": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "machine": f"{platform.system()} {platform.machine()}",
        }
        report.device = asdict(device.hello) | {
            "image_crc": f"{device.hello.image_crc:08x}",
            "network_id": f"{device.hello.network_id:08x}",
            "network": core.network.topology,
        }
        try:
            if core.state_hash() != before[0]:
                raise _FoundError(
                    f"state hash {before[0]:08x} where the state has {core.state_hash():08x}"
                )
            self._present(core)
            self._lessons(core)
        except (_FoundError, TrialLostError) as error:
            report.difference = str(error)
        self._bring_back(before, saved)
        report.vectors = f"{self._expected:08x}"
        report.line = self._line()
        report.counted = _since(counted, device.stats())
        is_restored = report.state["after"] == report.state["before"]
        report.passed = report.difference is None and is_restored
        return report

    def _present(self, core: Core) -> None:
        specification = Specification(core.network, core.state())
        for name, kind, x, sent in self._samples(core):
            expected = specification.infer(x, kind)
            told = read_result(self._device.link.request(Kind.INFER, sent).body)[0]
            self._compare(name, expected, core.infer(x, kind), told)
            self._report.presented += 1

    def _samples(self, core: Core) -> Iterator[tuple[str, str, NDArray[Any], bytes]]:
        """Yield samples: what to call each, its kind, the sample, and the body that presents it."""
        network, room = core.network, self._device.hello.max_payload - HEADER - 1
        for number, x in enumerate(_codes(network, PRESENTED)):
            (packed,) = self._device.packer.pack(x[None])
            yield f"sample {number} as codes", "codes", x, bytes([SampleKind.PACKED]) + packed
        if network.preparation is None:
            return
        for number, raw in enumerate(_raw(network, PRESENTED)):
            kind = SampleKind.RAW_I16 if raw.dtype == np.int16 else SampleKind.RAW_F32
            if raw.nbytes > room:
                self._report.notes.append(
                    f"raw samples were left out: {raw.nbytes} bytes, the device takes {room}"
                )
                return
            yield f"raw sample {number}", "raw", raw, bytes([kind]) + raw.tobytes()

    def _lessons(self, core: Core) -> None:
        device, network = self._device, core.network
        if not any(population.rule for population in network.populations):
            self._report.notes.append("nothing was taught: the network does not learn")
        elif device.hello.locked:
            self._report.notes.append("nothing was taught: the device is locked")
        elif device.hello.undo:
            with device.trial():
                self._teach(core)
        elif self._save:
            device.save()
            try:
                self._teach(core)
            finally:
                device.reset()
        else:
            self._report.notes.append(
                "nothing was taught: the device has no memory to undo lessons. --save has it save "
                "what it knows first, and restart afterwards"
            )

    def _teach(self, core: Core) -> None:
        device, network = self._device, core.network
        specification = Specification(network, core.state())
        for number, x in enumerate(_codes(network, TAUGHT)):
            label = number % network.capacity
            expected = specification.learn(x, label, "codes")
            ours = core.learn(x, label, "codes")
            (told,) = device.teach([(label, device.packer.pack(x[None])[0])], 1)
            self._compare(f"lesson {number}", expected, ours, told[0])
            value, wanted = device.hash(), specification.state_hash()
            self._expected = zlib.crc32(wanted.to_bytes(4, "little"), self._expected)
            if value != wanted:
                raise _FoundError(
                    f"state after lesson {number}: hash {value:08x} instead of {wanted:08x}"
                    f"{self._where(network, specification.state())}"
                )
            self._report.taught += 1
        self._report.state["taught"] = _state(*device.hash_at())

    def _compare(self, name: str, expected: Result, ours: Result, told: NDArray[Any]) -> None:
        row = [getattr(expected, one) for one in FIELDS]
        self._expected = zlib.crc32(repr(row).encode(), self._expected)
        for one, wanted in zip(FIELDS, row, strict=True):
            for who, value in (("", int(told[one])), (" here", int(getattr(ours, one)))):
                if value != wanted:
                    raise _FoundError(f"{name}: {one}{who} {value} instead of {wanted}")

    def _where(self, network: Network, expected: bytes) -> str:
        """Say where a device's state differs first."""
        wanted = image.unpack_state(network, expected)
        told = image.unpack_state(network, self._device.state()[SAVED_STATE.size :])
        for number, (one, other) in enumerate(
            zip(told.populations, wanted.populations, strict=True)
        ):
            places = np.argwhere(one.weights != other.weights)
            if places.size:
                neuron, row = places[0].tolist()
                return (
                    f"; {len(places)} weights differ, first that of neuron {neuron}, input {row} "
                    f"in population {number}: {one.weights[neuron, row]} instead of "
                    f"{other.weights[neuron, row]}"
                )
        return "; no weight differs, but what is counted"

    def _bring_back(self, before: tuple[int, int], saved: bytes) -> None:
        """See that the device is as it was; where it restarted, give it back what it knew."""
        device = self._device
        if device.hash_at() != before:
            device.load_state(saved)
            self._report.notes.append(
                "the device restarted during the test and lost what it had not saved: it was given "
                "back, and is now what it has saved"
            )
        self._report.state["after"] = _state(*device.hash_at())

    def _line(self) -> dict[str, float]:
        link, seconds = self._device.link, []
        for _ in range(PINGS):
            start = time.perf_counter()
            link.request(Kind.STATS)
            seconds.append(time.perf_counter() - start)
        counts = link.counts
        return {
            "median_ms": round(1000 * statistics.median(seconds), 3),
            "slowest_ms": round(1000 * max(seconds), 3),
            **{
                name: getattr(counts, name)
                for name in ("frames_sent", "bytes_sent", "bytes_received", "resent", "timeouts")
            },
            **{name: getattr(counts, name) for name in ("damaged", "reconnects", "reboots")},
        }


def markdown(report: Report, title: str) -> str:
    """Return a report for people, as Markdown.

    Parameters
    ----------
    title : what was tested.
    """
    verdict = "passed" if report.passed else "FAILED"
    lines = [f"# Self-test of {title}: {verdict}", ""]
    lines += [f"First difference: {report.difference}", ""] if report.difference else []
    lines += [f"- {note}" for note in report.notes] + [""] * bool(report.notes)
    compared = f"{report.presented} samples presented and {report.taught} taught"
    lines += [f"{compared}; each answer and state compared with the specification.", ""]
    lines += [f"Vectors: {report.vectors}", ""]
    for name in ("state", "device", "counted", "line", "host"):
        lines += [f"## {name.capitalize()}", "", "| | |", "| --- | --- |"]
        lines += [f"| {key} | {value} |" for key, value in getattr(report, name).items()]
        lines.append("")
    return "\n".join(lines)


def _codes(network: Network, count: int) -> Iterator[NDArray[Any]]:
    """Yield random codes (inputs,), few of them large in one sample and many in another."""
    rng = np.random.default_rng(network.inputs)
    largest = (1 << network.code_bits) - 1
    signed = network.encoder.is_signed
    for number in range(count):
        codes = rng.integers(-largest if signed else 0, largest + 1, network.inputs)
        codes[rng.random(network.inputs) < number % 4 / 4] = 0
        yield codes.astype(np.int8 if signed else np.uint8)


def _raw(network: Network, count: int) -> Iterator[NDArray[Any]]:
    """Yield random raw samples of all sizes that an int16 has, or a float32."""
    preparation = network.preparation
    assert preparation is not None
    rng = np.random.default_rng(network.inputs + 1)
    for number in range(count):
        largest = 1 << (15 * (number + 1) // count)
        raw = rng.integers(-largest, largest, preparation.shape)
        yield raw.astype(np.int16 if preparation.affine is None else np.float32)


def _state(value: int, learned: int) -> str:
    return f"{value:08x} after {learned} samples"


def _since(before: Stats, after: Stats) -> dict[str, int]:
    """Return what was counted during the test, and what counts in a device's life."""
    counted = asdict(after)
    during = ("frames", "damaged", "overruns", "too_long", "refused")
    return counted | {name: counted[name] - getattr(before, name) for name in during}
