"""``edge-naca record``."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_naca.cli import common, ports, report
from edge_naca.cli.endings import interruptible
from edge_naca.cli.keys import keys
from edge_naca.cli.numbers import NumberRange
from edge_naca.files import keep_old

if TYPE_CHECKING:
    from edge_naca.host.client import LinkDevice
    from edge_naca.host.sensors import Samples

GLANCE = 0.02  # seconds between two looks


@click.command()
@ports.port_argument
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="OUT.csv",
    help="Recording to write: times, channels, label.",
)  # fmt: skip
@click.option(
    "--label", "labels", multiple=True, metavar="NAME",
    help="Class of what is recorded. Of several, keys 1 .. 9 say which it is, 0 none of them.",
)  # fmt: skip
@click.option(
    "--seconds", type=NumberRange(min=0, min_open=True), metavar="S",
    help="How long.  [until q or Ctrl-C]",
)  # fmt: skip
@click.option(
    "--names", metavar="NAME,NAME...", help="Of the channels, as acc_x,acc_y,acc_z.",
)  # fmt: skip
@ports.line_options
@common.json_option
def record(
    port: str,
    output: Path,
    labels: tuple[str, ...],
    seconds: float | None,
    names: str | None,
    line: dict[str, Any],
    as_json: bool,
) -> None:
    """Collect labelled samples from a board's own sensor, as `train --signal` reads them.

    With one --label all of it is of that class. With several, press their numbers while it goes on;
    0 for what is none. A board that is too slow, or a line, leaves a gap in the times, where a
    recording is split when it is read.

    \b
    Examples
      edge-naca record /dev/ttyACM0 -o walk.csv --label walk --seconds 60
      edge-naca record /dev/ttyACM0 -o log.csv --label walk --label run --names ax,ay,az
      edge-naca train log.csv --signal --label-column label -o gait.naca
    """
    from edge_naca.data import check_class_name

    for label in labels:
        check_class_name("--label", label)
    common.check_writable(output)
    wishes: list[str] = []
    with (
        ports.opened(port, line) as device,
        keys() as typed,
        interruptible(lambda: wishes.append("end")),
    ):
        recorder = _Recorder(device, output, names)
        if not as_json:
            recorder.explain(labels, typed.are_there)
        label = labels[0] if len(labels) == 1 else ""
        end = None if seconds is None else time.monotonic() + seconds
        try:
            while not wishes and (end is None or time.monotonic() < end):
                pressed = typed.pressed(GLANCE)
                if "q" in pressed:
                    break
                recorder.take(label)
                label = _label(pressed, label, labels)
        finally:
            recorder.close()
    if as_json:
        report.print_json(recorder.summary())
        return
    report.say(
        f"{output}: {recorder.count} samples, {recorder.count / recorder.rate:.1f} s"
        + (f", {recorder.lost} samples missing" if recorder.lost else "")
    )


def _label(pressed: str, label: str, labels: tuple[str, ...]) -> str:
    """Return the class of samples to come."""
    for key in pressed:
        if len(labels) > 1 and key.isdigit() and int(key) <= len(labels):
            label = labels[int(key) - 1] if key != "0" else ""
    return label


class _Recorder:
    """Writes samples as they come."""

    def __init__(self, device: LinkDevice, path: Path, names: str | None) -> None:
        first = self._read(device, 0)
        self._device, self._path = device, path
        self.rate = first.rate
        self.count = self.lost = 0
        self._next = first.taken
        self._channels = channels = first.numbers.shape[1]
        chosen = [f"channel {at + 1}" for at in range(channels)]
        if names is not None:
            chosen = [name.strip() for name in names.split(",")]
        if len(chosen) != channels:
            raise click.UsageError(
                f"--names: the sensor has {channels} channels, not {len(chosen)}"
            )
        self._kept = keep_old(path, b"")
        self._file = path.open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(["time", *chosen, "label"])

    @staticmethod
    def _read(device: LinkDevice, first: int) -> Samples:
        from edge_naca.host.sensors import read_sensor

        return read_sensor(device.link, first)

    def explain(self, labels: tuple[str, ...], has_keys: bool) -> None:
        """Say what is recorded, and what keys do."""
        if self._kept is not None:
            report.say(f"what {self._path} was is kept as {self._kept.name}", err=True)
        report.say(f"{self._device.link.name}: {self.rate:g} samples a second")
        if len(labels) > 1:
            choices = ", ".join(f"{at + 1} {name}" for at, name in enumerate(labels))
            report.say(f"Press {choices}, 0 for none, q to end." if has_keys else choices)

    def take(self, label: str) -> None:
        """Write the samples that came since."""
        from edge_naca.host.device import DeviceError

        found = self._read(self._device, self._next)
        if (found.rate, found.numbers.shape[1]) != (self.rate, self._channels):
            raise DeviceError(
                f"the sensor of {self._device.link.name} has changed: {found.numbers.shape[1]} "
                f"channels at {found.rate:g} samples a second, {self._channels} at {self.rate:g} "
                "before"
            )
        if found.taken < self._next:  # it has restarted, and counts anew
            self._next = found.first
        self.lost += max(found.first - self._next, 0)
        for at, numbers in enumerate(found.numbers.tolist(), found.first):
            self._rows.writerow([f"{at / self.rate:.6f}", *numbers, label])
        self._next = found.first + len(found.numbers)
        self.count += len(found.numbers)

    def close(self) -> None:
        """Complete the file."""
        self._file.close()

    def summary(self) -> dict[str, Any]:
        """Return what was recorded, as JSON has it."""
        return {
            "recording": str(self._path),
            "samples": self.count,
            "seconds": self.count / self.rate,
            "rate": self.rate,
            "missing": self.lost,
        }
