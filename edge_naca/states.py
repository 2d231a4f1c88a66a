"""Learned states that come home: read, checked against a network, merged into its image."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

from edge_naca import image
from edge_naca.core import Core, CoreError
from edge_naca.files import read_file
from edge_naca.image import ImageError, State
from edge_naca.image_records import SAVED_STATE
from edge_naca.network import Network

MAGIC = b"NST1"


class StateError(ValueError):
    """A learned state cannot be used here; the message says why."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A network at one moment: its description and what it had learned.

    Parameters
    ----------
    name : of the file, for people.
    network : with the metadata of the image it came from.
    state : what was learned.
    network_id : what tells this network from others, whatever they have learned.
    state_hash : equal when states are.
    """

    name: str
    network: Network
    state: State
    network_id: int
    state_hash: int


def is_saved_state(data: bytes) -> bool:
    """Tell a saved state (``pull --state``) from an image."""
    return data.startswith(MAGIC)


def snapshot(core: Core, name: str = "") -> Snapshot:
    """Return what a core is and knows right now."""
    state = image.unpack_state(core.network, core.state())
    return Snapshot(name, core.network, state, core.network_id, core.state_hash())


def with_state(core: Core, saved: bytes, name: str = "the state") -> Core:
    """Return a core of the same network with a saved state in place of its own.

    Raises
    ------
    StateError
        If the bytes are no saved state, are damaged, or belong to another network; the message
        begins with `name` and says which.
    """
    if not is_saved_state(saved):
        raise StateError(
            f"{name} is no saved state: `edge-naca pull --state` and Core.save_state write one"
        )
    if len(saved) < SAVED_STATE.size:
        raise StateError(f"{name} is cut off: it has {len(saved)} bytes")
    head = SAVED_STATE.unpack(saved)
    size = SAVED_STATE.size + head["size"]
    if head["network"] != core.network_id:
        raise StateError(
            f"{name} belongs to network {head['network']:08x}, but the image holds network "
            f"{core.network_id:08x} ({core.network.topology}): merge it into the image that was "
            "pushed to the device"
        )
    if len(saved) != size:
        raise StateError(f"{name} should have {size} bytes, but has {len(saved)}")
    if zlib.crc32(saved[SAVED_STATE.size :]) != head["hash"]:
        raise StateError(f"{name} is damaged: its checksum does not match; pull it again")
    learned = Core(core.network, core.state())
    try:
        learned.load_state(saved)
    except CoreError as error:
        raise StateError(f"{name}: {error}") from error
    return learned


def merge(
    core: Core, saved: bytes, record: dict[str, Any], classes: Sequence[str] = ()
) -> tuple[Core, dict[str, Any]]:
    """Return the image's network with a device's state, and what was noted about it.

    Metadata are kept; one entry joins the list "training".

    Parameters
    ----------
    core : of the image that the device was given.
    saved : the state that was pulled from the device.
    record : what to note: the command, the file's name.
    classes : names for classes that the device has learned and the metadata do not name, in order.

    Raises
    ------
    StateError
        If the state is damaged or of another network, or there are more names than classes.
    """
    learned = with_state(core, saved, str(record.get("state", "the state")))
    before, after = snapshot(core), snapshot(learned)
    note = record | {
        "learned_before": before.state.learned,
        "learned": after.state.learned,
        "state_hash": f"{after.state_hash:08x}",
    }
    metadata = core.network.metadata
    trainings = metadata.get("training")
    known = [*trainings, note] if isinstance(trainings, list) else [note]
    metadata = metadata | {"training": known}
    if classes:
        names = metadata.get("classes")
        named = [*names, *classes] if isinstance(names, list) else list(classes)
        if len(named) > core.network.capacity:
            raise StateError(
                f"the network has room for {core.network.capacity} classes, but with "
                f"{', '.join(classes)} there would be {len(named)} names"
            )
        metadata = metadata | {"classes": named}
    return Core(replace(core.network, metadata=metadata), learned.state()), note


def load(path: str | PathLike[str], core: Core | None = None) -> Core:
    """Read an image, or a saved state of the network of `core`.

    Raises
    ------
    OSError
        If the file cannot be read.
    StateError, ImageError
        If it holds neither, or a state of another network, or there is no network to read it by.
    """
    data = read_file(path)
    if is_saved_state(data):
        if core is None:
            raise StateError(f"{path} is a saved state: it takes an image to say what it means")
        return with_state(core, data, str(path))
    try:
        return Core(data)
    except (ImageError, CoreError) as error:
        raise ImageError(f"{path}: {error}") from error
