"""What the owner of a device calls its classes: docs/protocol.md, section 9."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_naca.host.messages import NAME, ProtocolError

LONGEST = 255  # bytes of a name


def pack(names: Mapping[int, str]) -> bytes:
    """Write names by their labels, as NAMES_WRITE takes them."""
    parts = sorted((label, name.encode()) for label, name in names.items())
    return b"".join(NAME.pack(label, len(text)) + text for label, text in parts)


def unpack(data: bytes, device: str) -> dict[int, str]:
    """Read names by their labels.

    Raises
    ------
    ProtocolError
        If these are no names; the message names the device.
    """
    names, at = {}, 0
    while at < len(data):
        end = at + NAME.size
        label, size = NAME.unpack_from(data, at) if end <= len(data) else (0, len(data))
        text = data[end : end + size]
        if len(text) != size:
            raise ProtocolError(f"{device} keeps names that end in the middle: rename them anew")
        names[label] = text.decode(errors="replace")
        at = end + size
    return names


def applied(metadata: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """Return an image's metadata with what the owner calls the classes."""
    if not names:
        return dict(metadata)
    classes = metadata.get("classes")
    listed = list(map(str, classes)) if isinstance(classes, list) else []
    listed += [str(label) for label in range(len(listed), max(names) + 1)]
    return dict(metadata) | {"classes": [names.get(n, name) for n, name in enumerate(listed)]}


def renamed(
    metadata: Mapping[str, Any], names: Mapping[int, str], label: int, name: str
) -> dict[int, str]:
    """Return names with a class called otherwise, or as the image calls it where `name` is empty.

    Parameters
    ----------
    metadata : of the image, without what the owner says.

    Raises
    ------
    ValueError
        If the name is too long, or another class's.
    """
    if len(name.encode()) > LONGEST:
        raise ValueError(f"a name has up to {LONGEST} bytes, this one {len(name.encode())}")
    result = {one: called for one, called in names.items() if one != label}
    result |= {label: name} if name else {}
    classes = metadata.get("classes")
    if name or isinstance(classes, list):
        listed = applied(metadata, result)["classes"]
        if label < len(listed) and listed.count(listed[label]) > 1:
            raise ValueError(f"another class is called {listed[label]!r} already")
    return result
