"""The committed measurements: one JSON file each in benchmarks/results, written and read here."""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge_naca import data
from edge_naca.measurement import FORMAT, Measurement, markdown, write

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


def parser(documentation: str) -> argparse.ArgumentParser:
    """Return what all programs that measure have in common: --output."""
    result = argparse.ArgumentParser(description=documentation.split("\n", maxsplit=1)[0])
    result.add_argument("--output", type=Path, help="JSON file to write the figures to")
    return result


def data_folder(program: argparse.ArgumentParser, *files: str) -> Path:
    """Return the folder with the data, or end the program, naming the files that it needs."""
    folder = data.folder()
    if folder is None:
        program.error(f"set {data.VARIABLE} to the folder that holds {', '.join(files)}")
    return folder


def command() -> str:
    """Return what was typed to start this program."""
    return shlex.join(["python", *sys.argv])


def publish(measurement: Measurement, output: Path | None) -> None:
    """Print a measurement as people read it and, if there is a file for it, write it there."""
    print(markdown(measurement))
    if output is not None:
        write(output, measurement)


def run(documentation: str, needed: str, made: Callable[[Path], Measurement]) -> None:
    """Measure what needs one file of data, and publish it: the whole of most programs here."""
    program = parser(documentation)
    arguments = program.parse_args()
    publish(made(data_folder(program, needed)), arguments.output)


def digest(content: bytes) -> str:
    """Return what stands for a file that went into a measurement: 16 hex digits, as for data."""
    return hashlib.sha256(content).hexdigest()[:16]
