"""What the firmware, and each part of the core in it, takes as linked for a board."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from edge_naca.host import boards

# Files of the core that are linked only where somebody asks for frozen stages or an inhibition:
# "shared" by all of them, but for the few bytes of the table with all.
FAMILIES = {
    "stages": "shared",
    "all_stages": "shared",
    "coded": "coded",
    "spiking": "spiking",
    "inhibition": "inhibition",
    "inhibition_learning": "inhibition",
}

_KEPT = re.compile(
    r"^ \.(?:text|s?rodata)[\w.]*\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+\S*libnaca\.a\((\w+)\.c\.obj\)",
    re.MULTILINE,
)
_STACK = 1664  # of an AVR: board.ld leaves so much for the stack


def sizes(core: str, board: str) -> dict[str, Any]:
    """Return bytes of the core's parts, and of the firmware's flash and RAM without any network."""
    elf = boards.build(board, "firmware")
    tool = boards.BOARDS[board].compiler[0].replace("gcc", "size")
    table = subprocess.run([tool, "-A", elf], capture_output=True, text=True, check=True).stdout
    found = {name: int(size) for name, size in re.findall(r"^(\.[\w.]+) +(\d+)", table, re.M)}
    image = (elf.parent / "firmware" / "boards" / "files" / "default.naca").stat().st_size
    flash = sum(found.get(name, 0) for name in (".text", ".rodata", ".ARM.exidx", ".data"))
    ram = sum(found.get(name, 0) for name in (".stack", ".data", ".bss", ".noinit"))
    if core == "avr":
        ram += _STACK - image  # constants lie in RAM; the image is counted by itself
    return {
        "core_flash": core_parts(elf.with_suffix(".map")),
        "firmware_flash": flash - image,
        "firmware_ram": ram,
    }


def core_parts(path: Path) -> dict[str, int]:
    """Return bytes that the linker kept of the core: by itself, and of what can be added."""
    _, _, kept = path.read_text(encoding="utf-8").partition("Linker script and memory map")
    parts: Counter[str] = Counter()
    for size, file in _KEPT.findall(kept):
        parts[FAMILIES.get(file, "core")] += int(size, 16)
    if set(parts) != {"core", *FAMILIES.values()}:
        raise ValueError(f"{path} does not name all parts of the core: {dict(parts)}")
    return dict(parts)
