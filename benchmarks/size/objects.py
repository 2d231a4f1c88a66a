"""Bytes of the object files: text of rooms and of functions, variables, structs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from size.targets import Target, compile_all, headers, run

# What a program has to keep beside the workspace: one of each, but for images and results.
STRUCTS = ("naca_image_t", "naca_result_t", "naca_store_t", "naca_flash_t", "naca_link_config_t")


def room_sizes(target: Target, objects: list[Path]) -> dict[str, Counter[str]]:
    """Return bytes of text (constants among it), data and bss of each room."""
    rooms: dict[str, Counter[str]] = {}
    for line in run(target.tool("size"), *objects).splitlines()[1:]:
        text, data, bss, *_, name = line.split()
        room = rooms.setdefault(Path(name).name.partition("-")[0], Counter())
        room.update(text=int(text), data=int(data), bss=int(bss))
    return rooms


def function_sizes(target: Target, objects: list[Path]) -> Counter[str]:
    """Return bytes of code of each function, "room: function", clones of it among them."""
    sizes: Counter[str] = Counter()
    for path in objects:
        room = path.name.partition("-")[0]
        for row in run(target.tool("nm"), "-S", path).splitlines():
            if function := re.fullmatch(r"\w+ (\w+) [tT] ([\w.]+)", row):
                sizes[f"{room}: {function[2].partition('.')[0]}"] += int(function[1], 16)
    return sizes


def struct_sizes(target: Target, folder: Path) -> dict[str, int]:
    """Return bytes of the public structs and of the link's own memory."""
    lines = [f'#include "naca/{header.name}"' for header in headers()]
    lines += [f"char size_of_{name}[sizeof({name})];" for name in STRUCTS]
    source = folder / "core" / "src" / "structs.c"  # its room is read off its path
    source.parent.mkdir(parents=True)
    source.write_text("\n".join(lines) + "\n")
    (compiled,) = compile_all(target, [source], folder, "-fno-common")
    table = run(target.tool("nm"), "-S", compiled)
    sizes = re.findall(r"^\w+ (\w+) \w size_of_(\w+)$", table, re.MULTILINE)
    return {name: int(size, 16) for size, name in sizes}
