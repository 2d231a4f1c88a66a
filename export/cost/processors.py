"""Processors of boards, and the measured core that each is reckoned by, if any.

`edge_naca.export.cost.report` knows what each operation takes on the cores of `MEASURED_ON`.
Another processor is reckoned by one of them only where the same instructions run there, and the
report says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_naca.board_names import folded

# The emulated board (`edge_naca.host.boards.BOARDS`) on which each core was measured. A Cortex-M0+
# has the Cortex-M0's instructions.
MEASURED_ON = {
    "cortex-m0": "microbit",
    "cortex-m0+": "microbit",
    "cortex-m3": "lm3s6965",
    "cortex-m4": "netduinoplus2",
    "cortex-m7": "lm3s6965-m7",
    "cortex-m33": "lm3s6965-m33",
    "cortex-m55": "mps3-an547",
    "rv32imac": "riscv-virt",
    "avr": "atmega1284p",
}


@dataclass(frozen=True)
class Processor:
    """A processor, as far as a report needs it.

    Parameters
    ----------
    name : for people.
    core : the measured core that stands for it; None if none does, and times are not known.
    remark : in which way that core is another one, or why none stands for it; "" if it is itself.
    address_space : bytes of data that it addresses.
    image_in_ram : an AVR's constants lie in RAM, the image too.
    dsp : whether it has Arm's DSP extension, with whose instructions the core works on two numbers
        of 16 bits at once (firmware/signal); None if that is up to who makes the chip.
    """

    name: str
    core: str | None = None
    remark: str = ""
    address_space: int = 1 << 32
    image_in_ram: bool = False
    dsp: bool | None = False


_KNOWN = [
    # What compilers define: __ARM_FEATURE_DSP. Of a Cortex-M33 and an M55 it can be left out.
    *(
        Processor(f"Cortex-{name}", f"cortex-{name.lower()}", dsp=dsp)
        for name, dsp in {
            "M0": False,
            "M0+": False,
            "M3": False,
            "M4": True,
            "M7": True,
            "M33": None,
            "M55": None,
        }.items()
    ),
    Processor("RV32IMAC", "rv32imac"),
    Processor(
        "RV32IMC",
        "rv32imac",
        "reckoned as RV32IMAC, whose atomic instructions the core does not use",
    ),
    Processor("AVR", "avr", address_space=1 << 16, image_in_ram=True),
    Processor(
        "AVRxt",
        "avr",
        "reckoned as the AVR of an ATmega1284P, whose stores, calls and pushes take other numbers "
        "of cycles; constants stay in flash",
        address_space=1 << 16,
    ),
    Processor("Xtensa LX6", remark="no Xtensa was measured"),
    Processor("Xtensa LX7", remark="no Xtensa was measured"),
    Processor("Cortex-M23", remark="no ARMv8-M of the baseline profile was measured"),
    Processor("Hazard3", remark="no RISC-V with its extensions was measured"),
]

PROCESSORS = {processor.name: processor for processor in _KNOWN}

# What compilers and other tables call them.
_OTHERWISE = {
    "Cortex-M0plus": "Cortex-M0+",
    "Cortex-M4F": "Cortex-M4",
    "Cortex-M33F": "Cortex-M33",
    "8-bit AVR": "AVR",
}
_BY_FOLD = {folded(name): one for name, one in PROCESSORS.items()} | {
    folded(other): PROCESSORS[name] for other, name in _OTHERWISE.items()
}


def find_processor(name: str) -> Processor:
    """Return what is known of a processor, whatever the case and the signs of its name.

    One that nobody knows is no error: it has no core, and a report says what is not known.
    """
    found = _BY_FOLD.get(folded(name).removeprefix("arm"))
    measured = ", ".join(one.name for one in PROCESSORS.values() if one.core)
    return found or Processor(name, remark=f"it is none of those known: {measured}", dsp=None)
