"""``edge-naca stream``."""

from __future__ import annotations

import errno
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_naca.choices import ORDERS, PART
from edge_naca.cli import common, ports, provenance, report, signals
from edge_naca.cli.ask import asked_items
from edge_naca.cli.endings import interruptible, say_nothing, terminals
from edge_naca.cli.live import View, line_summary, right
from edge_naca.cli.numbers import NumberRange
from edge_naca.cli.stream_signal import PUSH, Way, check_options, stream_files, stream_sensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_naca.data import Dataset
    from edge_naca.host.chaos import Chaos
    from edge_naca.host.client import LinkDevice
    from edge_naca.host.recorder import Recorder
    from edge_naca.host.session import Item, Progress, Session
    from edge_naca.host.twin import Twin

SEEN = (
    "The image was taught with {data} already: what follows is no test of samples never seen. "
    "'edge-naca train --untaught' makes an image that has learned nothing."
)
SAVED = 1000  # samples between two saves on the device


@click.command()
@click.option("--port", required=True, metavar="PORT", help=ports.PORT_HELP)
@click.option("--data", metavar="NAME|FILE", help="Samples, as for train.")
@click.option(
    "--signal", "recordings", multiple=True, metavar="FILE",
    help="Instead of --data: a recording, as for train --signal; the device is sent its samples, "
    "and cuts windows and learns by itself.",
)  # fmt: skip
@click.option(
    "--sensor", is_flag=True,
    help="Instead of --data: the board's own sensor. Keys 1 .. 9 teach what is there.",
)  # fmt: skip
@click.option(
    "--real-time", is_flag=True, help="With --signal: as fast as it was recorded, no faster.",
)  # fmt: skip
@common.reading_options
@signals.log_options
@click.option(
    "--order", type=click.Choice(ORDERS), default="class", show_default=True,
    help="One class after another, everything shuffled, or as the data comes.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
    help="Of the order; 0 keeps classes in the order of their labels.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(1), metavar="N",
    help="Use the first N of DATA only; with --sensor, end after N windows.",
)  # fmt: skip
@click.option(
    "--rate", type=NumberRange(0, min_open=True), metavar="HZ",
    help="Samples a second, at most.  [as many as possible]",
)  # fmt: skip
@click.option(
    "--learn/--predict", default=True,
    help="Tell the device each label after its answer (the default), or only ask.",
)  # fmt: skip
@click.option(
    "--ask", type=NumberRange(0, 1, min_open=True), metavar="SHARE",
    help="Teach only samples whose labels are worth asking for, about this share of all: 0.1.",
)  # fmt: skip
@click.option(
    "--batch", type=click.IntRange(1, 64), default=1, show_default=True,
    help="Samples in one request, at most: fewer bytes on the line, but answers come later.",
)  # fmt: skip
@click.option(
    "--twin", type=click.IntRange(1), is_flag=False, flag_value=PART, metavar="[N]",
    help=f"Run the same core here, compare every answer, and hashes every N samples ({PART}).",
)  # fmt: skip
@click.option(
    "--record", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Record everything; a recording of the same stream that is there is gone on with.",
)  # fmt: skip
@click.option(
    "--resume", is_flag=True,
    help="Without a recording: what the device learned beyond its image was this stream.",
)  # fmt: skip
@click.option(
    "--save-every", type=click.IntRange(0), default=SAVED, show_default=True, metavar="N",
    help="Save on the device every N samples, and at the end; 0 never does.",
)  # fmt: skip
@click.option(
    "--wait", type=NumberRange(0), metavar="SECONDS",
    help="How long to wait for a device that is gone to come back.  [for ever]",
)  # fmt: skip
@ports.line_options
@ports.chaos_option
@common.json_option
@click.pass_context
def stream(
    ctx: click.Context,
    port: str,
    data: str | None,
    recordings: tuple[str, ...],
    sensor: bool,
    real_time: bool,
    reading: common.Reading,
    windowing: signals.Windowing,
    order: str,
    seed: int,
    limit: int | None,
    rate: float | None,
    learn: bool,
    ask: float | None,
    batch: int,
    twin: int | None,
    record: Path | None,
    resume: bool,
    save_every: int,
    wait: float | None,
    line: dict[str, Any],
    chaos: Chaos | None,
    as_json: bool,
) -> None:
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
    from edge_naca.host.session import Session

    _check_options(learn, ask, record)
    if recordings or sensor:
        way = Way(learn, twin is not None, save_every, real_time, _baud(port, line))
        _stream_signal(ctx, port, recordings, way, reading, windowing, limit, line, chaos, wait)
        return
    raw = common.load_data(_required(data, windowing, real_time), reading)
    with ports.opened(port, line, chaos, patience=math.inf if wait is None else wait) as device:
        if learn:
            common.check_learns(device.core, port, "add --predict")
        loaded, was_learned = _fitted(device, raw, as_json)
        names, items, x = _items(device, loaded, order, seed, limit)
        header = _header(device, loaded, learn, order, seed, limit, ask) | {"classes": names}
        base = _base(device, record, resume)
        if ask is not None:
            items = asked_items(device, base, record, x, items, ask, seed, as_json)
        if learn:
            _join(device, record, resume, base)
        recorder = _recorder(device, base, record, header, items)
        try:
            session = Session(
                device, items,
                learn=learn, base=base, batch=batch, rate=rate, recorder=recorder,
                first=0 if learn or recorder is None else recorder.count,
                twin=None if twin is None else twin_of(device, base, learn, recorder),
                look=twin or PART, save=save_every if save_every and device.hello.store else None,
            )  # fmt: skip
            title = f"{loaded.name} → {port}"
            run(session, View(title, names, device.counts, learn=learn, quiet=as_json))
            tell(session, device, names, record, learn, twin is not None, as_json, was_learned)
        finally:
            if recorder is not None:
                recorder.close()
    if session.stopped or session.unsaved:
        ctx.exit(common.INTERRUPTED if session.stopped else 1)


def _required(data: str | None, windowing: signals.Windowing, real_time: bool) -> str:
    """Return what is to be streamed, or say what is missing, or does not go with it."""
    if data is None:
        raise click.UsageError("say what to stream: --data, --signal or --sensor")
    if windowing.options or real_time:
        names = [*windowing.options, *(["--real-time"] if real_time else [])]
        raise click.UsageError(f"{', '.join(names)} goes with --signal")
    return data


def _baud(port: str, line: dict[str, Any]) -> int | None:
    """Return the baud rate of a line that has one."""
    has_one = port.startswith(("/dev/", "rfc2217:", "COM"))
    return int(line["baud"]) if has_one and not port.startswith("/dev/pts") else None


def _stream_signal(
    ctx: click.Context,
    port: str,
    recordings: tuple[str, ...],
    way: Way,
    reading: common.Reading,
    windowing: signals.Windowing,
    limit: int | None,
    line: dict[str, Any],
    chaos: Chaos | None,
    wait: float | None,
) -> None:
    """Send recordings, or hear a board's sensor."""
    check_options(ctx)
    quiet = bool(ctx.params["as_json"])
    if ctx.params["data"] is not None or (recordings and ctx.params["sensor"]):
        raise click.UsageError("give one of --data, --signal and --sensor")
    if limit is not None and recordings:
        raise click.UsageError("--limit: not of the samples of a signal")
    patience = math.inf if wait is None else wait
    with ports.opened(port, line, chaos, patience=patience) as device:
        if way.learn:
            common.check_learns(device.core, port, "add --predict")
        if recordings:
            is_whole = stream_files(device, recordings, way, reading, windowing, quiet)
        else:
            is_whole = stream_sensor(device, way.learn, limit, way.save, quiet)
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
    items: list[Item],
) -> Recorder | None:
    """Open what is recorded to; what is there has to be the beginning of this stream."""
    from edge_naca.host import resuming
    from edge_naca.host.recorder import Recorder, is_there

    if record is None:
        return None
    recorder = Recorder(record, header if is_there(record) else header | start_of(device, base))
    known = recorder.known
    if known is None:
        return recorder
    try:
        resuming.check_samples(record, known, items)
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


def _header(
    device: LinkDevice,
    loaded: Dataset,
    learn: bool,
    order: str,
    seed: int,
    limit: int | None,
    ask: float | None,
) -> dict[str, Any]:
    """Return what has to be the same for a stream to go on in the same recording."""
    return {
        "learn": learn,
        "network_id": f"{device.hello.network_id:08x}",
        "data": loaded.name,
        "digest": loaded.digest(),
        "order": order,
        "seed": seed,
        "limit": limit,
        "ask": ask,
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
