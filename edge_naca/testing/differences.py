"""What differs: the image that a device runs, or numbers of its learned state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from edge_naca.core import Core
from edge_naca.host.client import LinkDevice
from edge_naca.image import State, checksum


class DifferenceError(AssertionError):
    """Device and host differ; the message says where first."""


def check_image(device: LinkDevice, image: bytes) -> None:
    """Raise a DifferenceError unless a device runs this image."""
    __tracebackhide__ = True
    hello = device.hello
    if checksum(image) == hello.image_crc:
        return
    meant = Core(image)
    if not hello.running:
        what = "It runs none"
        if meant.workspace_size > hello.ram_room:
            what += (
                f": its {hello.ram_room} bytes of RAM for a network are less than the "
                f"{meant.workspace_size} that this one takes"
            )
    elif hello.network_id != meant.network_id:
        what = "Its network is another one"
    else:
        what = "Its network is the same one: what it has learned, or its metadata, is not"
    raise DifferenceError(
        f"the device does not run the image that it is meant to: checksum {hello.image_crc:08x} "
        f"instead of {checksum(image):08x}, network {hello.network_id:08x} instead of "
        f"{meant.network_id:08x}. {what}. Build the firmware with that image, or push it"
    )


def state_differences(theirs: State, ours: State) -> list[str]:
    """Say in which numbers two learned states of one network differ.

    Returns
    -------
    A line for each array or number of `edge_naca.image.State` that differs, in its order: how many
    numbers do, and the first of them.
    """
    return [_line(*entry) for entry in _walk("", theirs, ours) if not np.array_equal(*entry[1:])]


def _walk(name: str, theirs: Any, ours: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield name and both values of everything in two states that is an array or a number."""
    if is_dataclass(ours):
        for field in fields(ours):
            inner = f"{name}.{field.name}" if name else field.name
            yield from _walk(inner, getattr(theirs, field.name), getattr(ours, field.name))
    elif isinstance(ours, tuple):
        for number, pair in enumerate(zip(theirs, ours, strict=True)):
            yield from _walk(f"{name}[{number}]", *pair)
    elif ours is not None:
        yield name, theirs, ours


def _line(name: str, theirs: Any, ours: Any) -> str:
    if np.ndim(ours) == 0:
        return f"{name}: {theirs} instead of {ours}"
    where = np.argwhere(theirs != ours)
    first = tuple(where[0].tolist())
    place = ", ".join(map(str, first))
    return (
        f"{name}: {len(where)} of {ours.size} numbers, the first at [{place}]: {theirs[first]} "
        f"instead of {ours[first]}"
    )
