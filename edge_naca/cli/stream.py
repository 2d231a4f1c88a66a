"""``edge-naca stream``."""

from __future__ import annotations

import errno
import math
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_naca.choices import PART
from edge_naca.cli import common, ports, provenance, report
from edge_naca.cli.ask import asked_items
from edge_naca.cli.endings import interruptible, say_nothing, terminals
from edge_naca.cli.live import View, line_summary, right
from edge_naca.cli.stream_options import Wanted, stream_options
from edge_naca.cli.stream_signal import PUSH, Way, check_options, stream_files, stream_sensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_naca.cli.page import Page
    from edge_naca.data import Dataset
    from edge_naca.host.choice import Choice, Chosen, Item
    from edge_naca.host.client import LinkDevice
    from edge_naca.host.recorder import Recorder
    from edge_naca.host.session import Progress, Session
    from edge_naca.host.twin import Twin
    from edge_naca.host.watching import Watching

SEEN = (
    "The image was taught with {data} already: what follows is no test of samples never seen. "
    "'edge-naca train --untaught' makes an image that has learned nothing."
)


@click.command()
@click.option("--port", required=True, metavar="PORT", help=ports.PORT_HELP)
@stream_options
@click.pass_context
def stream(ctx: click.Context, port: str, wanted: Wanted) -> None:
    """Send the training samples of DATA to a device, one after another.

    The device answers each sample before it learns it, so the accuracy shown is of samples it had
    never seen; if its image was taught with them already, that is said. A cable that is pulled is
    waited for; a device that restarts is taught again what it had not saved. Ctrl-C ends in good
    order. With --record, the same command goes on later where the device is, even if this program
    was killed. With --ask, a core here that answers as the device does decides which samples are
    worth a label; only those are taught.

    With --signal the samples of a recording go over the line as they are, marked with their class;
    with --sensor the board takes its own, and a key marks what is there. Windows whose samples all
    bear one mark are learned, on the device, each exactly once.

    \b
    Examples
      edge-naca stream --port /dev/ttyACM0 --data mnist --record mnist.jsonl
      edge-naca stream --port emulate:digits.naca --data digits --order shuffled --twin
      edge-naca stream --port emulate:digits.naca --data digits --ask 0.1
      edge-naca stream --port emulate:gait.naca --signal live.csv --learn
      edge-naca stream --port /dev/ttyACM0 --sensor
      edge-naca stream --port socket://127.0.0.1:5555 --data gas.csv --order given --rate 10
    """
    send(ctx, port, wanted)


def send(ctx: click.Context, port: str, wanted: Wanted, page: Page | None = None) -> None:
    """Stream what is wanted into the device behind a port.

    Parameters
    ----------
    page : where people watch, and choose what is taught; None if they do not.
    """
    _check_options(wanted.learn, wanted.ask, wanted.record)
    if wanted.recordings or wanted.sensor:
        _send_signal(ctx, port, wanted, page)
        return
    raw = common.load_data(_required(wanted), wanted.reading)
    with ports.opened(port, wanted.line, wanted.chaos, patience=_patience(wanted)) as device:
        if wanted.learn:
            common.check_learns(device.core, port, "add --predict")
        session = _send_data(port, device, raw, wanted, page)
    if session.stopped or session.unsaved:
        ctx.exit(common.INTERRUPTED if session.stopped else 1)


def _send_data(
    port: str, device: LinkDevice, raw: Dataset, wanted: Wanted, page: Page | None
) -> Session:
    """Stream samples, and say what came out."""
    from edge_naca.host.choice import Choice
    from edge_naca.host.session import Session

    learn, record, quiet = wanted.learn, wanted.record, wanted.as_json
    loaded, was_learned = _fitted(device, raw, quiet)
    names, items, x = _items(device, loaded, wanted.order, wanted.seed, wanted.limit)
    header = _header(device, loaded, wanted) | {"classes": names}
    base = _base(device, record, wanted.resume)
    if wanted.ask is not None:
        items = asked_items(device, base, record, x, items, wanted.ask, wanted.seed, quiet)
    if learn:
        _join(device, record, wanted.resume, base)
    choice = Choice(items, _choices(record))
    recorder = _recorder(device, base, record, header, choice)
    try:
        session = Session(
            device, choice,
            learn=learn, base=base, batch=wanted.batch, rate=wanted.rate, recorder=recorder,
            first=0 if learn or recorder is None else recorder.count,
            twin=None if wanted.twin is None else twin_of(device, base, learn, recorder),
            look=wanted.twin or PART,
            save=wanted.save_every if wanted.save_every and device.hello.store else None,
        )  # fmt: skip
        if learn:
            session.ready, session.ahead = choice.is_ready, choice.ahead
        title = f"{loaded.name} → {port}"
        view = View(title, names, device.counts, learn=learn, quiet=quiet)
        twin = wanted.twin is not None
        control = choice if learn else None
        with nullcontext() if page is None else page.shown(title, device, names, control) as shown:
            if shown is not None:
                _show(session, choice, shown)
            run(session, view)
            tell(session, device, names, record, learn, twin, quiet, was_learned)
            if page is not None and shown is not None and not session.stopped:
                page.stay(shown)
        return session
    finally:
        if recorder is not None:
            recorder.close()


def _show(session: Session, choice: Choice, watching: Watching) -> None:
    """Have a page shown what a session does."""

    def note(number: int, result: NDArray[Any]) -> None:
        watching.note(choice[number], result)

    session.compare = note
    watching.progress = session.progress
    session.seen = watching.note_asked


def _choices(record: Path | None) -> tuple[Chosen, ...]:
    """Return what was chosen to be taught in the recording that is gone on with."""
    from edge_naca.host.recorder import is_there, read

    return read(record).choices if record is not None and is_there(record) else ()


def _patience(wanted: Wanted) -> float:
    return math.inf if wanted.wait is None else wanted.wait


def _required(wanted: Wanted) -> str:
    """Return what is to be streamed, or say what is missing, or does not go with it."""
    if wanted.data is None:
        raise click.UsageError("say what to stream: --data, --signal or --sensor")
    if wanted.windowing.options or wanted.real_time:
        names = [*wanted.windowing.options, *(["--real-time"] if wanted.real_time else [])]
        raise click.UsageError(f"{', '.join(names)} goes with --signal")
    return wanted.data


def _baud(port: str, line: dict[str, Any]) -> int | None:
    """Return the baud rate of a line that has one."""
    has_one = port.startswith(("/dev/", "rfc2217:", "COM"))
    return int(line["baud"]) if has_one and not port.startswith("/dev/pts") else None


def _send_signal(ctx: click.Context, port: str, wanted: Wanted, page: Page | None) -> None:
    """Send recordings, or hear a board's sensor."""
    check_options(ctx)
    if wanted.data is not None or (wanted.recordings and wanted.sensor):
        raise click.UsageError("give one of --data, --signal and --sensor")
    if wanted.limit is not None and wanted.recordings:
        raise click.UsageError("--limit: not of the samples of a signal")
    baud = _baud(port, wanted.line)
    twin = wanted.twin is not None
    way = Way(wanted.learn, twin, wanted.save_every, wanted.real_time, baud)
    with ports.opened(port, wanted.line, wanted.chaos, patience=_patience(wanted)) as device:
        if way.learn:
            common.check_learns(device.core, port, "add --predict")
        if wanted.recordings:
            is_whole = stream_files(device, wanted, way, page)
        else:
            is_whole = stream_sensor(device, wanted, page)
    if not is_whole:
        ctx.exit(common.INTERRUPTED)


def _check_options(learn: bool, ask: float | None, record: Path | None) -> None:
    """Refuse early what does not go together, or cannot be recorded to; say what is begun anew."""
    from edge_naca.host.recorder import is_half_header

    if ask is not None and not learn:
        raise click.UsageError("--ask: labels are asked for to learn them, not with --predict")
    if record is None:
        return
    common.check_writable(record)
    if is_half_header(record):
        report.say(
            f"{record} ends within its header and holds no sample: it is begun anew", err=True
        )


def _recorder(
    device: LinkDevice,
    base: int,
    record: Path | None,
    header: dict[str, Any],
    choice: Choice,
) -> Recorder | None:
    """Open what is recorded to; what is there has to be the beginning of this stream."""
    from edge_naca.host import resuming
    from edge_naca.host.recorder import Recorder, is_there

    if record is None:
        return None
    recorder = Recorder(record, header if is_there(record) else header | start_of(device, base))
    choice.note = recorder.choice
    known = recorder.known
    if known is None:
        return recorder
    try:
        resuming.check_samples(record, known, choice)
        if header["learn"]:
            resuming.check_start(record, known, device.core)
    except BaseException:
        recorder.close()
        raise
    return recorder


def run(session: Session, view: View) -> None:
    """Run a session before somebody's eyes.

    Ctrl-C ends it in good order, and so does a terminal that is gone, with a signal or without.
    """
    streams = terminals()  # one that is gone does not tell any more that it is one

    def watch(progress: Progress) -> None:
        try:
            view(progress)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            say_nothing(streams)
            session.stop()

    session.watch = watch
    with view, interruptible(session.stop):
        watch(session.progress)
        session.run()


def tell(
    session: Session,
    device: LinkDevice,
    names: list[str],
    record: Path | None,
    learn: bool,
    twin: bool,
    as_json: bool,
    was_learned: bool,
) -> None:
    """Say how a session ended."""
    progress = session.progress
    summary: dict[str, Any] = {
        "samples": progress.total,
        "done": progress.done,
        "interrupted": session.stopped,
        "accuracy": progress.accuracy,
        "per_class": {
            name: progress.right[label] / progress.asked[label]
            for label, name in enumerate(names)
            if progress.asked[label]
        },
        "answers_lost": progress.lost,
        "state_hash": None if session.hash is None else f"{session.hash:08x}",
        "unsaved": session.unsaved or None,
        "twin": "equal" if twin else None,
        "recording": None if record is None else str(record),
        "events": list(progress.events),
        "line": asdict(device.counts),
        "learned_before": was_learned,
    }
    if as_json:
        report.print_json(summary)
        return
    ended = "Interrupted after" if session.stopped else "Done:"
    report.say(
        f"{ended} {progress.done} of {progress.total} samples, "
        f"{report.percent(progress.accuracy, 2)} {right(learn)}, state hash "
        f"{summary['state_hash'] or 'unknown'}" + (", equal to the twin's" if twin else "")
    )
    for event in progress.events:
        report.say(f"On the way: {event}")
    if session.unsaved:
        report.say(
            f"Not saved on the device: {session.unsaved}. What it learned is gone with its power: "
            "edge-naca pull takes the state off it.",
            err=True,
        )
    if device.counts.errors:
        report.say(f"The line: {line_summary(device.counts)}; no sample was learned twice.")
    if session.stopped and record is not None:
        report.say(f"{record} is complete so far; the same command goes on from here.")


def _header(device: LinkDevice, loaded: Dataset, wanted: Wanted) -> dict[str, Any]:
    """Return what has to be the same for a stream to go on in the same recording."""
    return {
        "learn": wanted.learn,
        "network_id": f"{device.hello.network_id:08x}",
        "data": loaded.name,
        "digest": loaded.digest(),
        "order": wanted.order,
        "seed": wanted.seed,
        "limit": wanted.limit,
        "ask": wanted.ask,
    }


# ---- what is streamed ----------------------------------------------------------------------------


def _fitted(device: LinkDevice, raw: Dataset, as_json: bool) -> tuple[Dataset, bool]:
    """Return samples as the device takes them, and whether its image was taught with them."""
    dataset = common.fitted(device.core, raw)
    was_learned = provenance.is_learned(device.core.network, {raw.digest(), dataset.digest()})
    if was_learned and not as_json:
        report.say(SEEN.format(data=dataset.name))
    return dataset, was_learned


def _items(
    device: LinkDevice, dataset: Dataset, order: str, seed: int, limit: int | None
) -> tuple[list[str], list[Item], NDArray[Any]]:
    """Return class names, the stream as it goes over the line, and its samples as integers."""
    import numpy as np

    from edge_naca import scenarios

    names = common.joined_names(device.core, dataset.classes, "the device", dataset.name, PUSH)
    dataset = dataset.with_classes(names)
    first = replace(dataset, x_train=dataset.x_train[:limit], y_train=dataset.y_train[:limit])
    stages = scenarios.stream(first, order, seed)
    chosen = np.concatenate([stage.indices for stage in stages])
    x = dataset.x_train[chosen]
    samples = device.packer.samples(x)
    return names, list(zip(dataset.y_train[chosen].tolist(), samples, strict=True)), x


def _base(device: LinkDevice, record: Path | None, resume: bool) -> int:
    """Return how many samples the device had learned before this stream began."""
    from edge_naca.host.recorder import is_there, read

    if record is not None and is_there(record):
        return int(read(record).header.get("start", 0))
    return learned_by_image(device) if resume else device.learned


def _join(device: LinkDevice, record: Path | None, resume: bool, base: int) -> None:
    """Go on with the session that this stream was begun in, if it was."""
    from edge_naca.host.recorder import is_there

    if record is not None and is_there(record):
        _resume_recorded(device, record)
    elif resume and device.hello.session:
        device.resume(device.hello.session, base, device.core.state_hash())


def _resume_recorded(device: LinkDevice, record: Path) -> None:
    """Go on with the session of a recording.

    Raises
    ------
    DeviceError
        If the device's state does not come from it.
    """
    from edge_naca.host import recorded
    from edge_naca.host.client import OtherSessionError
    from edge_naca.host.device import DeviceError
    from edge_naca.host.recorder import read

    header = read(record).header
    recorded.check_header(f"{record}, line 1", header, ("session", "start", "start_hash"))
    try:
        device.resume(int(header["session"], 16), header["start"], int(header["start_hash"], 16))
    except OtherSessionError as error:
        raise DeviceError(
            f"{device.link.name} does not hold what {record} taught it: another host has taught it "
            "since, or it was reset. Record to another file, or push the state that it had"
        ) from error


def learned_by_image(device: LinkDevice) -> int:
    """Return how many samples the device's image has learned without the device."""
    return device.core.learned()


def start_of(device: LinkDevice, base: int) -> dict[str, Any]:
    """Return what a recording's header says about where it starts."""
    from edge_naca.host.recorder import pack_state

    if base != device.learned:
        value = device.core.state_hash()
        return _start(device, base, value, None)
    value = device.hash()
    own = value == device.core.state_hash()
    state = None if own else pack_state(device.state())
    return _start(device, base, value, state)


def _start(device: LinkDevice, base: int, value: int, state: str | None) -> dict[str, Any]:
    return {
        "session": f"{device.session:08x}",
        "start": base,
        "start_hash": f"{value:08x}",
        "state": state,
    }


def twin_of(device: LinkDevice, base: int, learn: bool, recorder: Recorder | None) -> Twin:
    """Return a twin in the state in which the device is."""
    from edge_naca.host.twin import Twin

    counted = 0 if recorder is None else recorder.count
    return Twin(device.copy(), device.learned - base if learn else counted, learn)
