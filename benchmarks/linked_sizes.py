"""What the firmware, and each part of the core in it, takes as linked for a board.

    python benchmarks/linked_sizes.py

writes what has changed into export/cost/instruction_model.json; `instruction_model.py` does so too.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from edge_naca.export.cost.processors import MEASURED_ON
from edge_naca.host import boards

MODEL = Path(__file__).resolve().parents[1] / "export" / "cost" / "instruction_model.json"

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

SIGNAL = "signal"  # the library of signals, all of it

_KEPT = re.compile(
    r"^ \.(?:text|s?rodata)[\w.]*\s+0x[0-9a-f]+\s+0x([0-9a-f]+)"
    r"\s+\S*libnaca(_signal)?\.a\((\w+)\.c\.obj\)",
    re.MULTILINE,
)
_STACK = 1728  # of an AVR: board.ld leaves so much for the stack


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
    for size, of_signal, file in _KEPT.findall(kept):
        parts[SIGNAL if of_signal else FAMILIES.get(file, "core")] += int(size, 16)
    if set(parts) != {"core", SIGNAL, *FAMILIES.values()}:
        raise ValueError(f"{path} does not name all parts of the core: {dict(parts)}")
    return dict(parts)


def main() -> None:
    content = json.loads(MODEL.read_text(encoding="utf-8"))
    for core, board in MEASURED_ON.items():
        content["cores"][core] |= sizes(core, board)
        print(f"{core}: {content['cores'][core]['firmware_flash']} bytes of flash", flush=True)
    MODEL.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
