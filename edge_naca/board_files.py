"""Files that describe a board (docs/boards.md): what may stand in one, checked field by field.

The table of known boards has the same fields. Who builds and emulates boards reads some of them
(`edge_naca.host.boards`), who reckons with a board others (`edge_naca.export.cost.targets`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_naca.files import MAX_FILE, read_file

SCHEMA = Path(__file__).with_name("board.schema.json")
DESCRIPTION = "board.json"  # in the folder of a board that lies elsewhere
SUFFIXES = (".json", ".toml")  # of files that describe a board
MAX_DESCRIPTION = 1 << 16  # bytes of such a file
COMPILERS = ("arm-none-eabi", "riscv64-unknown-elf", "avr")
MAX_MEMORY = 1 << 32  # bytes that a processor of 32 bits addresses
MAX_CLOCK = 10_000_000_000  # Hz
MAX_CURRENT = 1_000_000  # µA/MHz
MAX_VOLTS = 1000


def path_of(name: str | Path) -> Path | None:
    """Return the file that describes a board, if `name` is a path and no name.

    A path is absolute, begins with a dot, ends in .json or .toml, or has separators and leads
    somewhere. Of a folder it is the file `DESCRIPTION` in it.
    """
    path, text = Path(name), str(name)
    if path.suffix in SUFFIXES:
        return path.absolute()
    # Names of other tables have separators too, as nrf5340dk/nrf5340/cpuapp.
    leads = "/" in text and path.exists()
    if isinstance(name, Path) or path.is_absolute() or text.startswith(".") or leads:
        return path.absolute() / DESCRIPTION
    return None


def read_description(path: Path) -> dict[str, Any]:
    """Return the checked content of a board's file.

    Raises
    ------
    ValueError
        If it cannot be read, or a field is wrong; the message names file and field.
    """
    try:
        content = _parsed(path)
    except OSError as error:
        if error.strerror is None:  # of this program's own, which says all
            raise ValueError(str(error)) from error
        raise ValueError(
            f"{path} cannot be read: {error.strerror}. A board of your own is a file that ends in "
            f".json or .toml, or a folder with a {DESCRIPTION} (docs/boards.md)"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} does not describe a board (docs/boards.md): {error}") from error
    wrong = wrong_description(content)
    if wrong:
        raise ValueError(f"{path} does not describe a board (docs/boards.md): {wrong}")
    assert isinstance(content, dict)
    return content


def _parsed(path: Path) -> object:
    text = read_file(path, MAX_DESCRIPTION)
    if path.suffix != ".toml":
        return json.loads(text)
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text.decode("utf-8"))


def wrong_description(content: object) -> str:
    """Return what is wrong with a board's description, nothing if all is right."""
    if not isinstance(content, dict):
        return "it holds no JSON object"
    unknown = sorted(content.keys() - FIELDS.keys())
    if unknown:
        return f"it may name {', '.join(FIELDS)}, but not {', '.join(map(repr, unknown))}"
    if "processor" not in content:
        return "processor is missing: a text, as Cortex-M4"
    for name, value in content.items():
        wrong = FIELDS[name](value)
        if wrong:
            return f"{name} {wrong}"
    return ""


# ---- what a field may be: each returns what is wrong, nothing if all is right -------------------


def _text(value: object) -> str:
    return "" if isinstance(value, str) and value.strip() else "is a text"


def _texts(value: object) -> str:
    right = isinstance(value, list) and all(not _text(one) for one in value)
    return "" if right else "is a list of texts"


def _compiler(value: object) -> str:
    return "" if value in list(COMPILERS) else f"is one of {', '.join(COMPILERS)}"


def _emulator(value: object) -> str:
    right = isinstance(value, list) and all(isinstance(word, str) for word in value)
    return "" if right else "is a list of a program and its arguments"


def _keeps(value: object) -> str:
    right = type(value) is int and 0 <= value <= MAX_FILE
    return "" if right else f"is a number of bytes up to {MAX_FILE}"


def _boolean(value: object) -> str:
    return "" if isinstance(value, bool) else "is true or false"


def _whole(most: int) -> Callable[[object], str]:
    def check(value: object) -> str:
        right = type(value) is int and 1 <= value <= most
        return "" if right else f"is a whole number from 1 to {most}"

    return check


def _positive(most: int) -> Callable[[object], str]:
    def check(value: object) -> str:
        right = type(value) in (int, float) and 0 < value <= most  # type: ignore[operator]
        return "" if right else f"is a number above 0, up to {most}"

    return check


def _figure(**checks: Callable[[object], str]) -> Callable[[object], str]:
    """Return the check of a figure: an object of numbers, with where they come from."""
    parts = checks | {"source": _text}

    def check(value: object) -> str:
        if not isinstance(value, dict) or value.keys() != parts.keys():
            return f"is an object of {', '.join(parts)}"
        for part, check_part in parts.items():
            wrong = check_part(value[part])
            if wrong:
                return f"has a wrong {part!r}: it {wrong}"
        return ""

    return check


# `SCHEMA` says the same to editors; tests hold both to the same examples.
FIELDS: dict[str, Callable[[object], str]] = {
    "processor": _text,
    "compiler": _compiler,
    "emulator": _emulator,
    "keeps": _keeps,
    "title": _text,
    "names": _texts,
    "chip": _text,
    "source": _text,
    "dsp": _figure(present=_boolean),
    "clock": _figure(hz=_whole(MAX_CLOCK)),
    "flash": _figure(bytes=_whole(MAX_MEMORY)),
    "cache": _figure(bytes=_whole(MAX_MEMORY)),
    "ram": _figure(bytes=_whole(MAX_MEMORY)),
    "current": _figure(microamperes_per_mhz=_positive(MAX_CURRENT), volts=_positive(MAX_VOLTS)),
    "notes": _text,
    "$schema": _text,
}
