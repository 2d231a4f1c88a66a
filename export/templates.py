"""Texts with slots, ``@{name}``, which lie beside the code as files: no language here writes so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

FOLDER = Path(__file__).with_name("packages") / "templates"


class Slots(Template):
    """A text with slots."""

    delimiter = "@"


def fill(path: Path, values: Mapping[str, str]) -> str:
    """Return the text of a template in `FOLDER`, its slots filled.

    Raises
    ------
    KeyError
        If it has a slot for which there is no value.
    """
    return Slots((FOLDER / path).read_text(encoding="utf-8")).substitute(values)
