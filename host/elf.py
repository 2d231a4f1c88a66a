"""For which processor a program is: the first bytes of an ELF file."""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER = struct.Struct("<4sB13xH")  # magic, class, then the machine
_CLASSES = {1: "", 2: " of 64 bits"}
# What compilers of ours write, and what that of a host does.
_MACHINES = {3: "x86", 40: "ARM", 62: "x86-64", 83: "AVR", 183: "AArch64", 243: "RISC-V"}


def read_machine(path: Path) -> str | None:
    """Return for which processor a program is, such as "ARM"; None if it is no ELF file."""
    with path.open("rb") as file:
        start = file.read(_HEADER.size)
    magic, bits, machine = _HEADER.unpack(start.ljust(_HEADER.size, b"\0"))
    if magic != b"\x7fELF":
        return None
    return _MACHINES.get(machine, f"machine {machine}") + _CLASSES.get(bits, "")
