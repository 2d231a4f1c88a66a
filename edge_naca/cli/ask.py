"""What ``edge-naca stream --ask`` asks for: chosen by a core that answers as the device does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_naca.cli import report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_naca.core import Core
    from edge_naca.host.choice import Item
    from edge_naca.host.client import LinkDevice


def asked_items(
    device: LinkDevice,
    base: int,
    record: Path | None,
    x: NDArray[Any],
    items: list[Item],
    share: float,
    seed: int,
    quiet: bool,
) -> list[Item]:
    """Return the items of a stream whose labels are worth asking for, and say how many.

    What a device will answer is known here to the last bit, so it need not be asked what it doubts.

    Parameters
    ----------
    base : samples that the device had learned when the stream began.
    record : recording that the stream goes on in, if there is one.
    x, items : the whole stream: samples as the core takes them, and as they go over the line.
    """
    import numpy as np

    from edge_naca.asking import taught_by_asking

    core = _started(device, base, record)
    labels = np.array([label for label, _ in items], np.int64)
    with report.Bar(len(x), quiet) as bar:
        asked, answers = taught_by_asking(
            core, x, labels, share, seed, lambda: bar.advance(1, "asking")
        )
    if not quiet and len(x):
        report.say(
            f"{len(asked)} of {len(x)} labels are asked for; before that "
            f"{report.percent(float((answers == labels).mean()), 2)} of all samples are answered "
            "rightly"
        )
    return [items[number] for number in asked.tolist()]


def _started(device: LinkDevice, base: int, record: Path | None) -> Core:
    """Return a core in the state in which the device was when the stream began."""
    from edge_naca.core import Core
    from edge_naca.host.recorder import is_there, read

    core = Core(device.core.network, device.core.state())
    if record is not None and is_there(record):
        kept = read(record).start_state()
        if kept is not None:
            core.load_state(kept)
    elif base == device.learned:
        core.load_state(device.state())
    return core
