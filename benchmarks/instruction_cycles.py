"""Cycles per instruction: from the instructions that really run, and the processors' manuals.

QEMU counts instructions, not cycles. For the Cortex-M0, M0+, M3 and M4, whose manuals say what each
instruction takes with memory that answers at once, the instructions of inferring and learning a
digit are traced and weighed by that. For the other cores no such table is published: the M4's
figure is scaled by CoreMark per MHz. Real chips wait for flash on top, as far as their caches and
buffers do not hide it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instruction_networks import held_out

from edge_naca.host import boards
from edge_naca.host.boards import EmulatedBoard
from edge_naca.host.counting import listen, with_input

REFILL = 2  # of 1 .. 3 cycles that the pipeline of an M3 or M4 takes to refill

TRACED = {
    "cortex-m0": ("microbit", "Cortex-M0 manual (ARM DDI 0432C), table 3-1"),
    "cortex-m0+": ("microbit", "Cortex-M0+ manual (ARM DDI 0484C), table 3-1"),
    "cortex-m3": ("lm3s6965", "Cortex-M3 manual (ARM DDI 0337), instruction timing"),
    "cortex-m4": ("netduinoplus2", "Cortex-M4 manual (ARM DDI 0439), table 3-1"),
}

# CoreMark per MHz as Arm's and SiFive's product pages give it; the M4 has 3.42.
SCALED = {"cortex-m7": 5.01, "cortex-m33": 4.02, "cortex-m55": 4.2, "rv32imac": 3.01}
COREMARK_M4 = 3.42


@dataclass(frozen=True)
class Instruction:
    """One that ran: mnemonic, operands, and whether the next one lay elsewhere."""

    mnemonic: str
    operands: str
    jumped: bool


def cycles_per_instruction(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the model assumes of each core: `cycles_per_instruction` and `cycles_source`."""
    result: dict[str, dict[str, Any]] = {}
    traces: dict[str, list[Instruction]] = {}
    for core, (board, manual) in TRACED.items():
        if board not in traces:
            traces[board] = list(trace(board, folder))
        ran = traces[board]
        result[core] = _entry(
            sum(cycles(core, ran)) / len(ran),
            f"instructions traced in QEMU, weighed by the {manual}; memory without wait states",
        )
    m4 = result["cortex-m4"]["cycles_per_instruction"]
    for core, coremark in SCALED.items():
        result[core] = _entry(
            m4 * COREMARK_M4 / coremark,
            f"the Cortex-M4's, scaled by CoreMark per MHz: {COREMARK_M4} there, {coremark} here",
        )
    result["avr"] = _entry(1.0, "counted in cycles by simavr")
    return result


def _entry(value: float, source: str) -> dict[str, Any]:
    return {"cycles_per_instruction": round(value, 2), "cycles_source": source}


class _Tracing(EmulatedBoard):
    def _command(self, descriptor: int) -> list[str]:
        log = str(self.elf.with_suffix(".log"))
        traced = ["-singlestep", "-d", "exec,nochain", "-D", log]
        return [*super()._command(descriptor), *traced]


def trace(board: str, folder: Path) -> Iterator[Instruction]:
    """Yield what runs from the first naca_infer on, the program around it left out."""
    case = held_out()[0]
    patched = folder / f"{board}.elf"
    program = boards.build(board, "measure")
    patched.write_bytes(with_input(board, program, case.image, case.samples[:1], case.labels[:1]))
    with _Tracing(board, patched) as running:
        listen(running)
    listing, start = _listing(boards.BOARDS[board].compiler[0].replace("gcc", "objdump"), patched)
    last: int | None = None
    begun = False
    with patched.with_suffix(".log").open() as log:
        for line in log:
            found = re.search(r"\[\w+/(\w+)/", line)
            if found is None:
                continue
            address = int(found[1], 16)
            if last in listing:
                size, mnemonic, operands = listing[last]
                yield Instruction(mnemonic, operands, address != last + size)
            begun = begun or address == start
            last = address if begun else None


def _listing(objdump: str, elf: Path) -> tuple[dict[int, tuple[int, str, str]], int]:
    """Return bytes, mnemonic and operands by address, and where naca_infer is."""
    text = subprocess.run([objdump, "-d", elf], capture_output=True, text=True, check=True).stdout
    found: dict[int, tuple[int, str, str]] = {}
    start, ours = 0, False
    for line in text.splitlines():
        if function := re.match(r"(\w+) <(\w+)>:", line):
            ours = re.match(r"main$|board_|cortex_m_|clock_|print_count", function[2]) is None
            if function[2] == "naca_infer":
                start = int(function[1], 16)
        elif ours and (row := re.match(r" *(\w+):\t([0-9a-f ]+?) *\t(\S+)\t?(.*)", line)):
            size = len(row[2].replace(" ", "")) // 2
            found[int(row[1], 16)] = size, row[3].removesuffix(".n").removesuffix(".w"), row[4]
    return found, start


# ---- what the manuals say ------------------------------------------------------------------------


def cycles(core: str, ran: Sequence[Instruction]) -> Iterator[int]:
    """Yield the cycles of each instruction."""
    small = core in ("cortex-m0", "cortex-m0+")
    before = False  # whether the last one was a load that this one can follow without waiting
    for one in ran:
        yield _small(core, one) if small else _large(one, before)
        before = _is_load(one)


def _registers(operands: str) -> int:
    """Count the registers of a list such as {r4, r5, pc} or {r4-r7, lr}."""
    count = 0
    for part in operands[operands.find("{") + 1 : operands.find("}")].split(","):
        ends = re.findall(r"r(\d+)", part)
        count += int(ends[1]) - int(ends[0]) + 1 if len(ends) == 2 else 1
    return count


def _is_load(one: Instruction) -> bool:
    return one.mnemonic.startswith("ldr")


def _small(core: str, one: Instruction) -> int:
    plus = core == "cortex-m0+"
    name = one.mnemonic
    if name in ("push", "pop") or name.startswith(("ldm", "stm")):
        into_pc = (3 if plus else 4) - 1 if "pc" in one.operands else 0
        return 1 + _registers(one.operands) + into_pc
    if name.startswith(("ldr", "str")):
        return 2
    if name in ("bl", "blx"):
        return 3 if plus or name == "blx" else 4
    if name.startswith("b") and name not in ("bics", "bic"):
        return (2 if plus else 3) if one.jumped else 1
    return 2 if plus and "pc" in one.operands and one.jumped else 1


def _large(one: Instruction, after_load: bool) -> int:
    name = one.mnemonic
    refill = REFILL if one.jumped else 0
    if name in ("push", "pop") or name.startswith(("ldm", "stm")):
        return 1 + _registers(one.operands) + refill
    if name.startswith(("ldrd", "strd")):
        return 3
    if _is_load(one):
        return (1 if after_load else 2) + refill
    if name.startswith(("udiv", "sdiv")):
        return 7  # of 2 .. 12
    if name.startswith(("tbb", "tbh")):
        return 2 + refill
    if name.startswith("it") or name == "nop":
        return 0 if name.startswith("it") else 1  # folded into the instruction before
    if name.startswith(("mla", "mls")):
        return 2
    return 1 + refill
