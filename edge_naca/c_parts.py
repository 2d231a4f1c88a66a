"""The C code that comes with the package: where headers and sources lie for other programs."""

from __future__ import annotations

from pathlib import Path

# Each part, and those that its headers and sources need; firmware/*/CMakeLists.txt says the same.
PARTS: dict[str, tuple[str, ...]] = {
    "core": (),
    "signal": ("core",),
    "store": ("core",),
    "link": ("store", "signal"),
}

_PACKAGE = Path(__file__).resolve().parent


def get_folder(part: str = "core") -> Path:
    """Return the folder of a part of the C code, with its CMakeLists.txt.

    Parameters
    ----------
    part : "core" (the network), "signal" (windows of a sensor and their features), "store" (saved
        states) or "link" (the device's end of the serial link).

    Raises
    ------
    ValueError
        If there is no such part.
    FileNotFoundError
        If this installation has lost it.
    """
    if part not in PARTS:
        raise ValueError(f"the C code has no part {part!r}: name one of {', '.join(PARTS)}")
    # Inside the package where it is installed, beside it in a clone.
    for home in (_PACKAGE, _PACKAGE.parent):
        folder = home / "firmware" / part
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{_PACKAGE} has lost its C code: install edge-naca again")


def get_include(part: str = "core") -> Path:
    """Return the folder of a part's own headers, ``<naca/naca.h>`` for the core.

    `get_includes` returns it together with the folders of what the part needs.

    Parameters
    ----------
    part : as `get_folder` takes it.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    return get_folder(part) / "include"


def get_includes(*parts: str) -> list[Path]:
    """Return the folders that a compiler has to look into (``-I``) for the headers of some parts.

    Parameters
    ----------
    parts : as `get_folder` takes them, the core if there is none. What they need comes with them.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    return [get_include(part) for part in needed(*parts)]


def get_sources(*parts: str) -> list[Path]:
    """Return the C sources (C99) of some parts, to be compiled into a program.

    Parameters
    ----------
    parts : as for `get_includes`.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    return [
        source for part in needed(*parts) for source in sorted(get_folder(part).glob("src/*.c"))
    ]


def needed(*parts: str) -> list[str]:
    """Return these parts and those that they need, each once, what is needed first."""
    order: dict[str, None] = {}
    for part in parts or ("core",):
        get_folder(part)  # refuses what is no part
        order |= dict.fromkeys([*(needed(*PARTS[part]) if PARTS[part] else ()), part])
    return list(order)
