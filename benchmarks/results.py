"""The committed measurements: one JSON file each in benchmarks/results, read and checked here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge_naca.measurement import FORMAT, Measurement

FOLDER = Path(__file__).resolve().parent / "results"

_ADAPTER = TypeAdapter(Measurement)


def path_of(name: str) -> Path:
    """Return the file of a measurement: "mnist-64" lies in benchmarks/results/mnist-64.json."""
    return FOLDER / f"{name}.json"


def read(path: Path) -> Measurement:
    """Read a measurement and check every field.

    Raises
    ------
    ValueError
        If the file is no measurement; the message says what is wrong, and where.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
            raise ValueError(f"{path} is no measurement of format {FORMAT}")
        return _ADAPTER.validate_python(content)
    except (ValidationError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no measurement: {error}") from error


def sha256(path: Path) -> str:
    """Return the digest of a file that went into a measurement."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
