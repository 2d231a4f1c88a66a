"""Sketches, built by the recipes of Debian's Arduino core (arduino-core-avr), run in simavr."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import time
from functools import cache
from pathlib import Path

import pytest
from support import program, run

HOME = Path("/usr/share/arduino/hardware/arduino/avr")
CHIP = "atmega2560"
PATIENCE = 300  # seconds without a word from a sketch


@cache
def _properties() -> dict[str, str]:
    """Return what platform.txt says, and boards.txt of the Mega 2560."""
    lines = (HOME / "platform.txt").read_text().splitlines()
    lines += [
        line.removeprefix("mega.")
        for line in (HOME / "boards.txt").read_text().splitlines()
        if line.startswith("mega.build.")
    ]
    values = dict(line.split("=", 1) for line in lines if re.match(r"[a-z][^#=]*=", line))
    # Debian's avr-libc defines DECIMAL_DIG for C alone, and WString.cpp takes it.
    extra = "-DDECIMAL_DIG=__DECIMAL_DIG__"
    own = {"build.mcu": CHIP, "build.arch": "AVR", "build.extra_flags": extra}
    return values | own | {"runtime.ide.version": "10819"}


def _do(recipe: str, **values: str) -> None:
    """Run a recipe of the platform, its braces filled."""
    known = _properties() | {key.replace("__", "."): value for key, value in values.items()}
    words = known[f"recipe.{recipe}.pattern"]
    while re.search(r"\{([\w.]+)\}", words):
        words = re.sub(r"\{([\w.]+)\}", lambda found: known[found[1]], words)
    run(*shlex.split(words))


def _compile(sources: list[Path], includes: list[Path], folder: Path) -> list[str]:
    objects = []
    for number, source in enumerate(sources):
        made = str(folder / f"{number}.{source.name}.o")
        _do(
            f"{source.suffix[1:]}.o",
            includes=" ".join(f'"-I{path}"' for path in includes),
            source_file=str(source),
            object_file=made,
        )
        objects.append(made)
    return objects


def build(sketch: Path, library: Path, folder: Path) -> Path:
    """Return the program of a sketch (.ino) that uses a library, made as the Arduino IDE does it.

    Parameters
    ----------
    library : its folder, with ``src/``.
    folder : to build in.
    """
    if not HOME.is_dir():
        pytest.skip(f"there is no {HOME} (arduino-core-avr); `make ci-tools` brings it")
    core = HOME / "cores" / "arduino"
    includes = [core, HOME / "variants" / "mega", library / "src"]
    # What the IDE makes of a sketch: C++ with one line more.
    source = folder / "sketch.cpp"
    source.write_text("#include <Arduino.h>\n" + sketch.read_text(), encoding="utf-8")
    own = [source, *sorted((library / "src").rglob("*.c"))]
    of_core = [path for end in ("c", "cpp", "S") for path in sorted(core.glob(f"*.{end}"))]
    for part in ("own", "core"):
        (folder / part).mkdir()
    objects = _compile(own, includes, folder / "own")
    for made in _compile(of_core, includes, folder / "core"):
        _do("ar", build__path=str(folder), archive_file="core.a", object_file=made)
    _do(
        "c.combine",
        build__path=str(folder),
        build__project_name="sketch",
        archive_file="core.a",
        object_files=" ".join(objects),
    )
    return folder / "sketch.elf"


def output(elf: Path, last: str) -> list[str]:
    """Return the lines that a sketch sends over its UART, up to one that begins with `last`."""
    ours, its = pty.openpty()  # a terminal, or simavr would keep lines until its end
    text = ""
    with program("simavr", "-m", CHIP, "-f", "16000000", elf, stdout=its, stderr=its):
        os.close(its)
        heard = time.monotonic()
        while not re.search(rf"^{last}.*\n", text, re.MULTILINE):
            if select.select([ours], [], [], 1)[0]:
                text += _plain(os.read(ours, 4096))
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE:
                pytest.fail(f"the sketch says no more after:\n{text}")
    os.close(ours)
    # simavr prints a dot for each character that cannot be seen, the ends of lines among them.
    said = [line for line in text.splitlines() if not line.startswith("Loaded ")]
    return [line.removesuffix(".") for line in said]


def _plain(data: bytes) -> str:
    """Return what simavr prints, without colours."""
    return re.sub(r"\x1b\[[0-9;]*m|\r", "", data.decode(errors="replace"))
