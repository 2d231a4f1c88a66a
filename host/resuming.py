"""Whether a recording may be gone on with: what it says of its beginning is found out again.

The device knows its session, but not where that began. If a recording says too much, or too little,
samples would be taught twice, or never.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_naca.choices import PART
from edge_naca.core import RESULT, Core
from edge_naca.host.journal import unwrap
from edge_naca.host.packing import Packer
from edge_naca.host.recorded import RecordingError
from edge_naca.host.recorder import RecordedStream
from edge_naca.host.teaching import FORGOTTEN
from edge_naca.printable import shown

HELP = "it is damaged, or of another image: name another file to record to"


def check_samples(path: Path, known: RecordedStream, items: Sequence[tuple[int, bytes]]) -> None:
    """Check that a recording holds the first samples of a stream.

    Raises
    ------
    RecordingError
        If it does not; the message names the first sample that differs.
    """
    for number, item in enumerate(known.items):
        if number >= len(items) or item != items[number]:
            raise RecordingError(
                f"{shown(path)}: its sample {number} is not that of this stream: {HELP}"
            )


def check_items(known: RecordedStream, packer: Packer) -> None:
    """Check that a recording holds samples of a network.

    Raises
    ------
    RecordingError
        If it does not; the message names the first sample that is none.
    """
    capacity = packer.network.capacity
    for number, (label, sample) in enumerate(known.items):
        try:
            packer.codes([sample])
        except ValueError as error:
            raise RecordingError(
                f"sample {number} of the recording: {error}: something is wrong with it"
            ) from error
        if label >= capacity:
            raise RecordingError(
                f"sample {number} of the recording has label {label}, the network has room for "
                f"{capacity} classes: something is wrong with it"
            )


def check_start(path: Path, known: RecordedStream, image: Core) -> None:
    """Check that a recording of teaching starts where it says.

    Its state has to be that of so many samples. And its first samples have to lead from there to
    the answers, and to the state, that were noted.

    Parameters
    ----------
    image : the device's, where the recording holds no state. It stays as it is.

    Raises
    ------
    RecordingError
        If it does not.
    """
    start, noted = known.header["start"], known.header["start_hash"]
    state = known.start_state()
    core = Core(image.network, image.state())
    try:
        if state is not None:
            core.load_state(state)
    except ValueError as error:
        raise RecordingError(f"{shown(path)}: the state at its start: {error}: {HELP}") from error
    found = core.learned(), f"{core.state_hash():08x}"
    if (start, noted) != found:
        raise RecordingError(
            f"{shown(path)} says that it starts after {start} samples (hash {noted}), but the "
            f"state it starts with has learned {found[0]} (hash {found[1]}): {HELP}"
        )
    _check_beginning(path, known, core)


def _check_beginning(path: Path, known: RecordedStream, core: Core) -> None:
    """Check what the first samples lead to: up to where a state was noted first."""
    start = core.learned()
    count, value = min(len(known.items), PART), None
    if known.first_state is not None:
        learned, value = known.first_state
        count = unwrap(learned, start) - start
    if not count:
        return
    labels, samples = zip(*known.items[:count], strict=True)
    results = core.learn_many(Packer(core).codes(samples), np.array(labels), "codes")
    answered = known.results[:count]["prediction"] != FORGOTTEN
    same = all((results[n] == known.results[:count][n])[answered].all() for n in RESULT.names or ())
    if not same or value not in (None, core.state_hash()):
        raise RecordingError(
            f"{shown(path)}: its first {count} samples do not lead from its start to what was "
            f"noted behind them: {HELP}"
        )
