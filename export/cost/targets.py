"""Boards that a report on size and cost knows: memory, clock, and what running draws.

To add one, add an entry to `TARGETS`: figures from the chip's datasheet, a core that was measured
(`MEASURED_ON`), and a current only with where it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

KIB = 1024


@dataclass(frozen=True)
class Current:
    """What a running processor draws, peripherals off: the coefficient of an energy estimate.

    Parameters
    ----------
    microamperes_per_mhz : at the voltage below.
    volts : of the supply.
    source : the document, and what it says.
    """

    microamperes_per_mhz: float
    volts: float
    source: str


@dataclass(frozen=True)
class Target:
    """A board, as far as a report on size and cost needs it.

    Parameters
    ----------
    chip, core : for people, and for the model.
    flash, ram : bytes that programs may use; RAM in one piece.
    clock : Hz: what our firmware runs at where there is one, else the highest the chip runs at.
    current : None if no figure is known well enough.
    image_in_ram : an AVR's constants lie in RAM, the image too.
    notes : what people should know.
    """

    chip: str
    core: str
    flash: int
    ram: int
    clock: int
    current: Current | None = None
    image_in_ram: bool = False
    notes: str = ""


_F40X = Current(238, 3.3, "STM32F405/407 datasheet DS8626: run from flash at 168 MHz, 40 mA")
_NRF51 = Current(275, 3.0, "nRF51822 product specification: 275 µA/MHz running from flash")
_ATMEGA = Current(1250, 5.0, "ATmega640/1280/2560 datasheet: active at 8 MHz and 5 V, 10 mA")

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

TARGETS: dict[str, Target] = {
    # Boards with firmware in firmware/boards, and what an emulator has in their place.
    "netduinoplus2": Target(
        "STM32F405RG", "cortex-m4", 768 * KIB, 112 * KIB, 168_000_000, _F40X,
        notes="of 1 MiB flash 256 KiB are for learned state, of 128 KiB RAM 16 KiB for uploads",
    ),
    "lm3s6965": Target(
        "LM3S6965", "cortex-m3", 256 * KIB, 40 * KIB, 8_000_000,
        notes="of 64 KiB RAM 24 KiB are for uploads and learned state; the chip can run at 50 MHz",
    ),
    "lm3s6965-m4": Target(
        "LM3S6965 with another core", "cortex-m4", 256 * KIB, 40 * KIB, 8_000_000,
        notes="exists in an emulator only",
    ),
    "lm3s6965-m7": Target(
        "LM3S6965 with another core", "cortex-m7", 256 * KIB, 40 * KIB, 8_000_000,
        notes="exists in an emulator only",
    ),
    "lm3s6965-m33": Target(
        "LM3S6965 with another core", "cortex-m33", 256 * KIB, 40 * KIB, 8_000_000,
        notes="exists in an emulator only",
    ),
    "microbit": Target(
        "nRF51822", "cortex-m0", 224 * KIB, 16 * KIB, 16_000_000, _NRF51,
        notes="of 256 KiB flash 32 KiB are for learned state",
    ),
    "mps3-an547": Target(
        "Corstone-300 FPGA", "cortex-m55", 512 * KIB, 256 * KIB, 32_000_000,
        notes="of 512 KiB RAM 256 KiB are for uploads and learned state",
    ),
    "riscv-virt": Target(
        "QEMU virt", "rv32imac", 512 * KIB, 256 * KIB, 100_000_000,
        notes="exists in an emulator only; its clock is made up",
    ),
    "atmega1284p": Target(
        "ATmega1284P", "avr", 128 * KIB, 16 * KIB, 16_000_000, image_in_ram=True,
    ),
    # Well-known boards with the same processors.
    "nucleo-f446re": Target("STM32F446RE", "cortex-m4", 512 * KIB, 128 * KIB, 180_000_000),
    "nucleo-f401re": Target(
        "STM32F401RE", "cortex-m4", 512 * KIB, 96 * KIB, 84_000_000,
        Current(146, 3.3, "STM32F401xD/xE datasheet DS10086: run, 146 µA/MHz, peripherals off"),
    ),
    "nucleo-f411re": Target(
        "STM32F411RE", "cortex-m4", 512 * KIB, 128 * KIB, 100_000_000,
        Current(100, 3.3, "STM32F411xC/xE datasheet DS10314: run, 100 µA/MHz, peripherals off"),
    ),
    "stm32f4-discovery": Target(
        "STM32F407VG", "cortex-m4", 1024 * KIB, 128 * KIB, 168_000_000, _F40X,
        notes="64 KiB more of RAM lie elsewhere (CCM)",
    ),
    "nucleo-l476rg": Target(
        "STM32L476RG", "cortex-m4", 1024 * KIB, 96 * KIB, 80_000_000,
        Current(100, 3.3, "STM32L476xx datasheet DS10198: run, 100 µA/MHz"),
        notes="32 KiB more of RAM lie elsewhere (SRAM2)",
    ),
    "nrf52840-dk": Target(
        "nRF52840", "cortex-m4", 1024 * KIB, 256 * KIB, 64_000_000,
        Current(52, 3.0, "nRF52840 product specification: CoreMark from flash, 52 µA/MHz, DC/DC"),
    ),
    "bluepill": Target(
        "STM32F103C8", "cortex-m3", 64 * KIB, 20 * KIB, 72_000_000,
        Current(375, 3.3, "STM32F103x8/xB datasheet DS5319: run from flash at 72 MHz, 27 mA"),
    ),
    "raspberry-pi-pico": Target(
        "RP2040", "cortex-m0+", 2048 * KIB, 256 * KIB, 125_000_000,
        notes="flash is outside the chip and read through a 16 KiB cache; two cores, one is used",
    ),
    "raspberry-pi-pico-2": Target(
        "RP2350", "cortex-m33", 4096 * KIB, 512 * KIB, 150_000_000,
        notes="flash is outside the chip and read through a 16 KiB cache; two cores, one is used",
    ),
    "nucleo-u575zi-q": Target(
        "STM32U575ZI", "cortex-m33", 2048 * KIB, 768 * KIB, 160_000_000,
        Current(19.5, 3.3, "STM32U575xx datasheet DS13737: 19.5 µA/MHz in an empty loop, at least"),
    ),
    "nucleo-f767zi": Target(
        "STM32F767ZI", "cortex-m7", 2048 * KIB, 384 * KIB, 216_000_000,
        notes="128 KiB more of RAM lie elsewhere (DTCM)",
    ),
    "esp32-c3": Target(
        "ESP32-C3", "rv32imac", 4096 * KIB, 320 * KIB, 160_000_000,
        notes="rv32imc; flash is outside the chip and read through a cache",
    ),
    "hifive1-rev-b": Target("FE310-G002", "rv32imac", 4096 * KIB, 16 * KIB, 320_000_000,
        notes="flash is outside the chip and read through a 16 KiB cache"),
    "arduino-mega": Target(
        "ATmega2560", "avr", 248 * KIB, 8 * KIB, 16_000_000, _ATMEGA, image_in_ram=True,
        notes="of 256 KiB flash 8 KiB are the boot loader's",
    ),
    "arduino-uno": Target(
        "ATmega328P", "avr", 32_256, 2 * KIB, 16_000_000, image_in_ram=True,
        notes="of 32 KiB flash 512 bytes are the boot loader's",
    ),
}  # fmt: skip


def find_target(name: str) -> Target:
    """Return the board of that name.

    Raises
    ------
    ValueError
        If there is none; the message lists those there are.
    """
    if name not in TARGETS:
        near = get_close_matches(name, TARGETS) or [one for one in TARGETS if name and name in one]
        hint = f"; near it {'are' if len(near) > 1 else 'is'} {', '.join(near)}" if near else ""
        raise ValueError(
            f"there is no board {name!r}{hint}. All that are known: {', '.join(sorted(TARGETS))}"
        )
    return TARGETS[name]
