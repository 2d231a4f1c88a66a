"""A network as a library for firmware: the code that runs it, the image, a manifest, an example."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import edge_naca
from edge_naca.c_parts import PARTS, get_folder
from edge_naca.core import Core
from edge_naca.export.csource import c_source
from edge_naca.export.example import code_of, example, example_output
from edge_naca.export.templates import FOLDER, fill
from edge_naca.signal_core import SignalCore

# Sources of the core that no network needs but those with frozen stages or an inhibition.
STAGES = ("all_stages", "coded", "inhibition", "inhibition_learning", "spiking", "stages")

# What a program takes beside the network, about: stack, buffers, the system's own; in KiB.
_SYSTEM_RAM = 16
_SYSTEM_FLASH = 64

# Headers that NAME.h would hide: ours, and on file systems that ignore case Arduino's.
_TAKEN = {"edge_naca", "arduino"}

_SUMMARY = "A spiking network that predicts, and goes on learning, on the device"


@dataclass(frozen=True)
class Kind:
    """What one tool asks of a library.

    Attributes
    ----------
    tool : what it is called.
    folder : of the library; NAME stands for the network's name, here and in `program`.
    is_flat : all headers below ``src/``, which alone is looked into; else a folder for each part.
    frame : what begins and ends the example, in templates/example.
    program : where the example lies.
    """

    tool: str
    folder: str
    is_flat: bool
    frame: str
    program: str


KINDS = {
    "arduino": Kind("Arduino", "edge-naca-NAME", True, "arduino.cpp", "examples/NAME/NAME.ino"),
    "platformio": Kind(
        "PlatformIO", "edge-naca-NAME", True, "arduino.cpp", "examples/NAME/src/main.cpp"
    ),
    "zephyr": Kind("Zephyr", "naca_NAME", False, "zephyr.c", "samples/NAME/src/main.c"),
    "idf": Kind("ESP-IDF", "naca_NAME", False, "idf.c", "examples/NAME/main/main.c"),
    "cmake": Kind("CMake", "naca-NAME", False, "program.c", "example/NAME_example.c"),
}
WITHOUT_AVR = ("zephyr", "idf")  # which do not run on one


def library(image: bytes, name: str, kind: str) -> dict[str, bytes]:
    """Return the files of a library for firmware that holds a network and all that runs it.

    Parameters
    ----------
    image : what `Core.image` returns, or an image file holds.
    name : what the network is called in C, as for `c_source`.
    kind : "arduino", "platformio", "zephyr", "idf" or "cmake".

    Returns
    -------
    The content of each file by its place in the library. With the same image, name and version of
    edge-naca it is the same, byte for byte.

    Raises
    ------
    ValueError
        If there is no such kind, or `name` cannot be one.
    ImageError, CoreError
        If the core would refuse the image.
    """
    if kind not in KINDS:
        raise ValueError(f"no library is called {kind!r}: name one of {', '.join(KINDS)}")
    if name.lower() in _TAKEN:
        raise ValueError(f"{name!r} is a header of the library already: choose another name")
    shape = KINDS[kind]
    source = c_source(image, name)
    network = Core(image).network
    network_folder = "src" if shape.is_flat else "network"
    texts = {f"{network_folder}/{name}.{end}": source[f"{name}.{end}"] for end in "hc"}
    texts[shape.program.replace("NAME", name)] = example(network, name, shape.frame)
    values = _values(image, name, kind)
    texts |= _filled(kind, "", name, values)
    if shape.is_flat:
        texts |= _filled("flat", "src/", name, values)
    files = {place: text.encode() for place, text in texts.items()}
    return files | _code(shape.is_flat, kind == "cmake") | {"LICENSE": _licence()}


def folder_name(name: str, kind: str) -> str:
    """Return what the folder of a library is called."""
    return KINDS[kind].folder.replace("NAME", name)


# ---- the C code --------------------------------------------------------------------------------


def _code(is_flat: bool, has_cmake: bool) -> dict[str, bytes]:
    """Return all parts of the C code, with what builds them by CMake where that is asked for."""
    files = {}
    for part in PARTS:
        home = get_folder(part)
        for path in sorted(path for path in home.rglob("*") if path.is_file()):
            place = path.relative_to(home)
            if path.suffix not in {".c", ".h"} and not has_cmake:
                continue
            if not is_flat:
                files[f"{part}/{place.as_posix()}"] = path.read_bytes()
            elif place.parts[0] == "include":
                files[f"src/{place.relative_to('include').as_posix()}"] = path.read_bytes()
            else:
                files[f"src/{part}/{place.relative_to('src').as_posix()}"] = path.read_bytes()
    return files


def _sources(part: str) -> list[str]:
    """Return the sources of a part, by their places in a library with a folder for each part."""
    return [f"{part}/src/{path.name}" for path in sorted(get_folder(part).glob("src/*.c"))]


def _licence() -> bytes:
    text = distribution("edge-naca").read_text("licenses/LICENSE")
    assert text is not None, "who copies the code has to hand on its licence"
    return text.encode()


# ---- what stands in the templates --------------------------------------------------------------


def _filled(kind: str, where: str, name: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the templates of a kind, filled, by their places behind `where`."""
    home = FOLDER / kind
    places = sorted(path.relative_to(home) for path in home.rglob("*") if path.is_file())
    return {
        where + place.as_posix().replace("NAME", name): fill(Path(kind) / place, values)
        for place in places
    }


def _values(image: bytes, name: str, kind: str) -> dict[str, str]:
    core = Core(image)
    network = core.network
    windows = 0 if network.signal is None else SignalCore(network).memory_size
    ram = core.workspace_size + windows
    about = distribution("edge-naca").metadata
    output = example_output(image)
    core_sources = [file for file in _sources("core") if Path(file).stem not in STAGES]
    stages = [f"core/src/{stem}.c" for stem in STAGES]
    values = {
        "name": name,
        "version": edge_naca.__version__,
        "author": about["Author"],
        "license": about["License-Expression"],
        "url": about["Project-URL"].partition(", ")[2],
        "summary": _SUMMARY,
        "id": f"{core.network_id:08x}",
        "memory": f"{len(image)} bytes of flash for the image and {ram} bytes of RAM"
        + ("" if kind in WITHOUT_AVR else "; an AVR has both in RAM"),
        "least_ram": str(math.ceil(ram / 1024) + _SYSTEM_RAM),
        "least_flash": str(math.ceil(len(image) / 1024) + _SYSTEM_FLASH),
        "library": "core" if network.signal is None else "signal",
        "pc_library": "naca" if network.signal is None else "naca-signal",
        "has_stages": "n" if code_of(network) is None else "y",
        "has_signal": "n" if network.signal is None else "y",
        "output": _indented(output, "    "),
        "regex": _indented((f'- "{line}"' for line in output), "      "),
        "last_line": output[-1],
        "core_sources": _indented(core_sources, "        "),
        "stages_sources": _indented(stages, "        "),
    }
    for part in ("signal", "store", "link"):
        values[f"{part}_sources"] = _indented(_sources(part), "        ")
    return values | {"options": fill(Path("kconfig/options"), values)}


def _indented(lines: Iterable[str], by: str) -> str:
    return "\n".join(by + line for line in lines)
