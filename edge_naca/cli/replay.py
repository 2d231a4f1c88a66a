"""``edge-naca replay``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_naca.cli import common, ports, report
from edge_naca.cli.live import View
from edge_naca.cli.stream import run
from edge_naca.host.device import DeviceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_naca.host.chaos import Chaos
    from edge_naca.host.client import LinkDevice
    from edge_naca.host.recorder import RecordedStream


@click.command()
@click.argument("recording", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--port", metavar="PORT", help=ports.PORT_HELP)
@click.option(
    "--emulate", type=click.Path(dir_okay=False, path_type=Path), metavar="IMAGE",
    help="Repeat it into an emulated device with this image.",
)  # fmt: skip
@click.option(
    "--reset", is_flag=True,
    help="First bring the device to where the recording starts: it forgets what it learned.",
)  # fmt: skip
@click.option("--batch", type=click.IntRange(1, 64), default=1, show_default=True)
@ports.line_options
@ports.chaos_option
@common.json_option
@click.pass_context
def replay(
    ctx: click.Context,
    recording: Path,
    port: str | None,
    emulate: Path | None,
    reset: bool,
    batch: int,
    line: dict[str, Any],
    chaos: Chaos | None,
    as_json: bool,
) -> None:
    """Send a recording's samples again; every answer and the state's hash have to be the same.

    \b
    Examples
      edge-naca replay mnist.jsonl --emulate mnist.naca
      edge-naca replay mnist.jsonl --port /dev/ttyACM0 --reset
    """
    from edge_naca.host import recorded, recorder, resuming
    from edge_naca.host.session import Session

    if (port is None) == (emulate is None):
        raise click.UsageError("give either --port or --emulate")
    known = recorder.read(recording)
    recorded.check_header(
        f"{recording}, line 1", known.header, ("network_id", "start", "start_hash")
    )
    address = port or f"emulate:{emulate}"
    with ports.opened(address, line, chaos) as device:
        learn = bool(known.header.get("learn", True))
        _go_to_start(device, known, reset or emulate is not None)
        resuming.check_items(known, device.packer)
        answers = _Comparison(known)
        session = Session(device, known.items, learn=learn, base=device.learned, batch=batch)
        session.compare = answers
        names = [str(name) for name in known.header.get("classes", [])]
        title = f"{recording} → {address}"
        run(session, View(title, names, device.counts, learn=learn, quiet=as_json))
    same = session.hash == known.hash or known.hash is None
    if not session.stopped and not same:
        raise DeviceError(
            f"every answer is the same, but the state's hash is {session.hash:08x} instead of "
            f"{known.hash:08x}"
        )
    unknown = len(known.items) - answers.compared
    summary = {
        "samples": len(known.items),
        "done": session.progress.done,
        "interrupted": session.stopped,
        "compared": answers.compared,
        "state_hash": None if session.hash is None else f"{session.hash:08x}",
        "accuracy": session.progress.accuracy,
    }
    if as_json:
        report.print_json(summary)
    elif not session.stopped:
        report.say(
            f"{len(known.items)} samples repeated, {answers.compared} answers the same"
            + (f", {unknown} had no recorded answer" if unknown else "")
            + f", state hash {summary['state_hash']}"
            + ("" if known.hash is None else " as recorded")
        )
    if session.stopped:
        ctx.exit(common.INTERRUPTED)


def _go_to_start(device: LinkDevice, known: RecordedStream, reset: bool) -> None:
    """See to it that the device is where the recording starts."""
    from edge_naca.host.journal import WRAP

    network = known.header["network_id"]
    if f"{device.hello.network_id:08x}" != network:
        raise DeviceError(
            f"the recording is of network {network}, the device runs "
            f"{device.hello.network_id:08x}: push the image it was made with"
        )
    if reset:
        state = known.start_state()
        if state is None:
            device.reset("learned")
        else:
            device.load_state(state)
    value, learned = device.hash_at()
    if (learned % WRAP, f"{value:08x}") != (known.header["start"], known.header["start_hash"]):
        raise DeviceError(
            f"the device has learned {learned} samples (hash {value:08x}), the recording starts at "
            f"{known.header['start']} (hash {known.header['start_hash']}): --reset brings the "
            "device there, if its image is the one it was made with"
        )


class _Comparison:
    """Compares answers with recorded ones."""

    def __init__(self, known: RecordedStream) -> None:
        self.compared = 0
        self._known = known

    def __call__(self, number: int, result: NDArray[Any]) -> None:
        from edge_naca.core import RESULT
        from edge_naca.host.teaching import FORGOTTEN

        recorded = self._known.results[number]
        if FORGOTTEN in (recorded["prediction"], result["prediction"]):
            return
        names: Sequence[str] = RESULT.names or ()
        wrong = [name for name in names if recorded[name] != result[name]]
        if wrong:
            told = ", ".join(f"{name} {result[name]} instead of {recorded[name]}" for name in wrong)
            raise DeviceError(f"sample {number} is answered otherwise than recorded: {told}")
        self.compared += 1
