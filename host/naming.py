"""What the owner of a device calls its classes: docs/protocol.md, section 9."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_naca.host.messages import NAME
from edge_naca.printable import check_names

LONGEST = 255  # bytes of a name


def pack(names: Mapping[int, bytes]) -> bytes:
    """Write names by their labels, as NAMES_WRITE takes them."""
    return b"".join(NAME.pack(label, len(name)) + name for label, name in sorted(names.items()))


def unpack(data: bytes) -> dict[int, bytes]:
    """Read names by their labels, of whatever a device keeps: what is no whole name is none."""
    names, at = {}, 0
    while at + NAME.size <= len(data):
        label, size = NAME.unpack_from(data, at)
        at += NAME.size + size
        if at <= len(data):
            names[label] = data[at - size : at]
    return names


def texts(names: Mapping[int, bytes]) -> dict[int, str]:
    """Return names as people read them: bytes that are no UTF-8 are shown as such."""
    return {label: name.decode(errors="backslashreplace") for label, name in names.items()}


def applied(metadata: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """Return an image's metadata with what the owner calls the classes."""
    if not names:
        return dict(metadata)
    classes = metadata.get("classes")
    listed = list(map(str, classes)) if isinstance(classes, list) else []
    listed += [str(label) for label in range(len(listed), max(names) + 1)]
    return dict(metadata) | {"classes": [names.get(n, name) for n, name in enumerate(listed)]}


def renamed(
    metadata: Mapping[str, Any], names: Mapping[int, bytes], label: int, name: str
) -> dict[int, bytes]:
    """Return names with a class called otherwise, or as the image calls it where `name` is empty.

    Parameters
    ----------
    metadata : of the image, without what the owner says.

    Raises
    ------
    ValueError
        If the name has no UTF-8, is too long, or another class's.
    """
    check_names("the name", [name])
    called = name.encode()
    if len(called) > LONGEST:
        raise ValueError(f"a name has up to {LONGEST} bytes, this one {len(called)}")
    result = {one: kept for one, kept in names.items() if one != label}
    result |= {label: called} if called else {}
    classes = metadata.get("classes")
    if name or isinstance(classes, list):
        listed = applied(metadata, texts(result))["classes"]
        if label < len(listed) and listed.count(listed[label]) > 1:
            raise ValueError(f"another class is called {listed[label]!r} already")
    return result
