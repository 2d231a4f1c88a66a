"""An STM32F405 around the machine code of its firmware: clocks, UART and flash, as RM0090 has them.

The processor is Unicorn's. What a driver does that the chip would not take is a `MisuseError`.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import run
from unicorn.arm_const import (
    UC_ARM_REG_LR,
    UC_ARM_REG_PC,
    UC_ARM_REG_SP,
    UC_CPU_ARM_CORTEX_M4,
)
from unicorn.unicorn import Uc
from unicorn.unicorn_const import (
    UC_ARCH_ARM,
    UC_HOOK_CODE,
    UC_MODE_MCLASS,
    UC_MODE_THUMB,
    UC_PROT_ALL,
    UC_PROT_EXEC,
    UC_PROT_READ,
)

HSI = 16_000_000
PROGRAM, PROGRAM_SIZE = 0x08000000, 768 * 1024
STATE, SECTOR, SECTORS = 0x080C0000, 128 * 1024, 2
RAM, RAM_SIZE = 0x20000000, 128 * 1024
FLASH, RCC, GPIOA, USART1, SYSTEM = 0x40023C00, 0x40023800, 0x40020000, 0x40011000, 0xE000E000
IWDG = 0x40003000
RETURN = 0x1000  # where interrupt handlers return to
WFI = b"\x30\xbf"
LONGEST = 120_000_000  # microseconds until the program has to sleep
LINE = 16  # bytes in a line of the data cache


class MisuseError(AssertionError):
    """The driver does what the reference manual forbids."""


class PowerCutError(Exception):
    """The power went in the middle of an operation of the flash."""


def require(is_so: object, what: str) -> None:
    if not is_so:
        raise MisuseError(what)


class Flash:
    """The last two sectors, their controller, and the data cache in front of them.

    Attributes
    ----------
    operations : erases and words programmed so far.
    cut_at : number of the operation in whose middle the power goes.
    erased : how often each sector was.
    """

    SLOW = 3  # readings of SR for which an operation lasts

    def __init__(self, seed: int = 0) -> None:
        self.data = bytearray(random.Random(seed).randbytes(SECTOR * SECTORS))
        self.operations = 0
        self.cut_at: int | None = None
        self.erased = [0] * SECTORS
        self.failing = False  # programming leaves an error, as in a sector that is protected
        self._random = random.Random(seed)
        self.power_up()

    def power_up(self) -> None:
        self.acr, self._sr, self._cr = 0, 0, 1 << 31
        self._keys: list[int] = []
        self._busy = 0
        self._cache: dict[int, bytes] = {}
        self.cut_at = None

    # ---- registers

    def read_register(self, offset: int) -> int:
        if offset == 0x0C:
            self._busy -= self._busy > 0
            return self._sr | (self._busy > 0) << 16
        return {0x00: self.acr, 0x10: self._cr}[offset]

    def write_register(self, offset: int, value: int) -> None:
        {0x00: self._set_acr, 0x04: self._key, 0x0C: self._clear, 0x10: self._set_cr}[offset](value)

    def _set_acr(self, value: int) -> None:
        if value & 1 << 12:
            require(not self.acr & 1 << 10, "the data cache is reset while it is on")
            self._cache.clear()
        self.acr = value

    def _key(self, value: int) -> None:
        self._keys.append(value)
        require(self._cr & 1 << 31, "unlocked already")
        require(self._keys in ([0x45670123], [0x45670123, 0xCDEF89AB]), "a wrong key")
        if len(self._keys) == 2:
            self._cr &= ~(1 << 31)

    def _clear(self, value: int) -> None:
        require(not self._busy, "SR is written while busy")
        self._sr &= ~value

    def _set_cr(self, value: int) -> None:
        require(not self._busy, "CR is written while busy")
        require(not self._cr & 1 << 31, "CR is written while locked")
        self._cr = value
        if value & 1 << 31:
            self._keys.clear()
        elif value & 1 << 16:
            require(value & 3 == 2, "a start of something else than a sector's erase")
            self._erase((value >> 3 & 15) - 10)
            self._cr &= ~(1 << 16)

    # ---- memory

    def _erase(self, sector: int) -> None:
        require(0 <= sector < SECTORS, "a sector of the program is erased")
        self.erased[sector] += 1
        begin = sector * SECTOR
        if self._operation():
            # Any bit may have got there or not.
            done = self._random.randrange(SECTOR)
            self.data[begin : begin + done] = b"\xff" * done
            torn = self._random.randbytes(64)
            self.data[begin + done : begin + done + len(torn)] = torn[: SECTOR - done]
            raise PowerCutError
        self.data[begin : begin + SECTOR] = b"\xff" * SECTOR

    def write(self, at: int, size: int, value: int) -> None:
        require(not self._busy, "a word is written while busy")
        require(self._cr & 1 << 31 == 0 and self._cr & 1, "a word is written without PG")
        require(self._cr >> 8 & 3 == 2 and size == 4, "not as wide as PSIZE says")
        require(at % 4 == 0, "a word is not aligned")
        require(self.data[at : at + 4] == b"\xff" * 4, "this was not erased")
        if self.failing:
            self._sr |= 1 << 4
            return
        if self._operation():
            value |= self._random.randrange(1 << 32)
        self.data[at : at + 4] = value.to_bytes(4, "little")
        line = at // LINE * LINE
        if line in self._cache:
            self._cache[line] = bytes(self.data[line : line + LINE])
        if self.operations == self.cut_at:
            raise PowerCutError

    def _operation(self) -> bool:
        self.operations += 1
        self._busy = self.SLOW
        return self.operations == self.cut_at

    @property
    def is_coherent(self) -> bool:
        """Whether the cache holds only what the memory holds."""
        return all(self.data[at : at + LINE] == known for at, known in self._cache.items())

    def read(self, at: int, size: int) -> int:
        require(not self._busy, "memory is read while busy: the processor would stand still")
        line = at // LINE * LINE
        if self.acr & 1 << 10:
            known = self._cache.setdefault(line, bytes(self.data[line : line + LINE]))
        else:
            known = bytes(self.data[line : line + LINE])
        return int.from_bytes(known[at - line : at - line + size], "little")


class Clocks:
    """RCC: what runs how fast."""

    def __init__(self, flash: Flash, has_pll: bool = True) -> None:
        self._flash = flash
        self._has_pll = has_pll
        self._patience = 5
        self._registers = {0x00: 0x83, 0x04: 0x24003010, 0x08: 0, 0x30: 0, 0x44: 0}

    def read_register(self, offset: int) -> int:
        value = self._registers[offset]
        if offset == 0x00 and value & 1 << 24 and self._has_pll:
            self._patience -= self._patience > 0
            value |= (self._patience == 0) << 25
        if offset == 0x08:
            value |= (value & 3) << 2
        return value

    def write_register(self, offset: int, value: int) -> None:
        if offset == 0x04:
            require(not self._registers[0x00] & 1 << 24, "the PLL is changed while it is on")
        self._registers[offset] = value
        if offset == 0x08 and value & 3 == 2:
            require(self.read_register(0x00) & 1 << 25, "the PLL does not run yet")
            require(self._pll()[1] <= 168e6, "too fast")
            require(self._flash.acr & 7 >= 5, "too few wait states for 168 MHz")
            require(self.bus(10) <= 42e6 and self.bus(13) <= 84e6, "a bus is too fast")

    def _pll(self) -> tuple[float, float]:
        """Return the frequencies for USB and for the processor."""
        value = self._registers[0x04]
        require(not value & 1 << 22, "the external oscillator is not there on every board")
        divided = HSI / (value & 63)
        require(1e6 <= divided <= 2e6, "the PLL's input is in 1 .. 2 MHz")
        vco = divided * (value >> 6 & 511)
        require(192e6 <= vco <= 432e6, "the PLL's output is in 192 .. 432 MHz")
        return vco / (value >> 24 & 15), vco / (2 * (value >> 16 & 3) + 2)

    @property
    def processor(self) -> float:
        return self._pll()[1] if self._registers[0x08] & 3 == 2 else HSI

    def bus(self, shift: int) -> float:
        code = self._registers[0x08] >> shift & 7
        return self.processor / (1 << code - 3 if code & 4 else 1)

    @property
    def gpioa_is_on(self) -> bool:
        return bool(self._registers[0x30] & 1)

    @property
    def usart1_is_on(self) -> bool:
        return bool(self._registers[0x44] & 1 << 4)


class Pins:
    """GPIOA."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self.registers = {0x00: 0xA8000000, 0x24: 0}

    def read_register(self, offset: int) -> int:
        require(self._clocks.gpioa_is_on, "GPIOA has no clock yet")
        return self.registers[offset]

    def write_register(self, offset: int, value: int) -> None:
        require(self._clocks.gpioa_is_on, "GPIOA has no clock yet")
        self.registers[offset] = value


class Uart:
    """USART1."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self.brr = self.cr1 = 0
        self.status = 0xC0
        self.incoming = 0
        self.sent = bytearray()

    def read_register(self, offset: int) -> int:
        if offset == 0x00:
            return self.status
        require(offset == 0x04, "this register is not read")
        self.status &= ~0x28
        return self.incoming

    def write_register(self, offset: int, value: int) -> None:
        require(self._clocks.usart1_is_on, "USART1 has no clock yet")
        if offset == 0x04:
            require(self.cr1 & 1 << 13 and self.cr1 & 1 << 3, "nothing sends yet")
            self.sent.append(value & 0xFF)
        elif offset == 0x08:
            self.brr = value
        else:
            require(offset == 0x0C, "this register is not written")
            self.cr1 = value

    @property
    def baud(self) -> float:
        return self._clocks.bus(13) / self.brr


class System:
    """What is the processor's own: tick, interrupts, reset."""

    def __init__(self) -> None:
        self.registers: dict[int, int] = {}
        self._count = 0

    def read_register(self, offset: int) -> int:
        if offset == 0x18:
            self._count += 977
            return -self._count & 0xFFFF
        return self.registers.get(offset, 0)

    def write_register(self, offset: int, value: int) -> None:
        self.registers[offset] = value

    @property
    def wants_reset(self) -> bool:
        return self.registers.get(0xD0C) == 0x05FA0004


class Watchdog:
    """The independent watchdog (RM0090, section 21): once it is on, nothing stops it."""

    def __init__(self) -> None:
        self.is_on = False
        self.feeds = 0
        self.registers = {0x4: 0, 0x8: 0xFFF}
        self._is_open = False

    def read_register(self, offset: int) -> int:
        return self.registers.get(offset, 0)

    def write_register(self, offset: int, value: int) -> None:
        if offset == 0:
            self._is_open = value == 0x5555
            self.is_on |= value == 0xCCCC
            self.feeds += value == 0xAAAA
        else:
            require(self._is_open, "the watchdog's registers are closed")
            self.registers[offset] = value

    @property
    def seconds(self) -> float:
        """How long it waits, at the oscillator's typical 32 kHz."""
        return 4 * 2 ** self.registers[0x4] * (self.registers[0x8] + 1) / 32e3


class Stm32:
    """The chip with a program in it: `receive` is its UART, as of `VirtualDevice`.

    Parameters
    ----------
    program : what is to be burnt from 0x08000000 on.
    symbols : where the program's functions are.
    has_pll : whether the PLL ever starts.
    """

    def __init__(self, program: bytes, symbols: dict[str, int], has_pll: bool = True) -> None:
        self.flash = Flash()
        self._has_pll = has_pll
        self._handler = symbols["usart_interrupt"] | 1
        self._uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M4)
        self._uc.mem_map(PROGRAM, PROGRAM_SIZE, UC_PROT_READ | UC_PROT_EXEC)
        self._uc.mem_write(PROGRAM, program)
        self._uc.mem_map(RAM, RAM_SIZE, UC_PROT_ALL)
        self._uc.mem_map(RETURN, 0x1000, UC_PROT_ALL)
        self._uc.mmio_map(STATE, SECTOR * SECTORS, self._fetch, None, self._program, None)
        for page in (IWDG, 0x40011000, 0x40020000, 0x40023000, SYSTEM):
            self._uc.mmio_map(page, 0x1000, self._read(page), None, self._write(page), None)
        sleep = program.index(WFI, symbols["board_sleep"] - PROGRAM) + PROGRAM
        for address in (sleep, RETURN):
            self._uc.hook_add(UC_HOOK_CODE, self._stop, None, address, address)
        self._sleep = sleep
        self._start = struct.unpack_from("<II", program)
        self.power_up()

    def power_up(self) -> None:
        """Start with whatever is in the flash; RAM holds noise."""
        self._uc.mem_write(RAM, random.Random(self.flash.operations).randbytes(RAM_SIZE))
        self.reset()

    def reset(self) -> None:
        """Start again, with the RAM as it is."""
        self.flash.power_up()
        self.clocks = Clocks(self.flash, self._has_pll)
        self.pins, self.uart, self.system = Pins(self.clocks), Uart(self.clocks), System()
        self.watchdog = Watchdog()
        self._parts: dict[int, Any] = {
            FLASH: self.flash, RCC: self.clocks, GPIOA: self.pins, USART1: self.uart,
            SYSTEM: self.system, IWDG: self.watchdog,
        }  # fmt: skip
        self._uc.reg_write(UC_ARM_REG_SP, self._start[0])
        self._pc = self._start[1]
        self._run()

    def receive(self, data: bytes) -> bytes:
        """Receive bytes as fast as the program takes them; return what it has sent meanwhile."""
        for at in range(0, len(data), 256):
            for byte in data[at : at + 256]:
                self._interrupt(byte)
            self._run()
        sent = bytes(self.uart.sent)
        self.uart.sent.clear()
        return sent

    def _interrupt(self, byte: int) -> None:
        """Let the handler take a byte while the program sleeps."""
        self.uart.incoming, self.uart.status = byte, self.uart.status | 0x20
        require(self.uart.cr1 & 1 << 5, "the receiver interrupts nobody")
        context = self._uc.context_save()
        self._uc.reg_write(UC_ARM_REG_LR, RETURN | 1)
        self._emulate(self._handler)
        self._uc.context_restore(context)

    def _run(self) -> None:
        """Run until the program sleeps."""
        self._emulate(self._pc | 1)
        if self.system.wants_reset:
            self.reset()
            return
        require(self._uc.reg_read(UC_ARM_REG_PC) == self._sleep, "the program is not asleep")
        self._pc = self._sleep + len(WFI)

    def _emulate(self, address: int) -> None:
        # Raises what its hooks raise. Who takes longer than that hangs, and is not asleep.
        self._uc.emu_start(address, 0xFFFFFFFF, timeout=LONGEST)

    def _stop(self, uc: Uc, *_: Any) -> None:
        uc.emu_stop()

    def _fetch(self, uc: Uc, at: int, size: int, _: object) -> int:
        return self.flash.read(at, size)

    def _program(self, uc: Uc, at: int, size: int, value: int, _: object) -> None:
        self.flash.write(at, size, value)

    def _read(self, page: int) -> Callable[..., int]:
        def read(uc: Uc, offset: int, size: int, _: object) -> int:
            part, register = self._part(page + offset)
            return int(part.read_register(register))

        return read

    def _write(self, page: int) -> Callable[..., None]:
        def write(uc: Uc, offset: int, size: int, value: int, _: object) -> None:
            part, register = self._part(page + offset)
            part.write_register(register, value)
            if self.system.wants_reset:
                uc.emu_stop()

        return write

    def _part(self, address: int) -> tuple[Any, int]:
        for start, part in self._parts.items():
            if start <= address < start + (0x1000 if start == SYSTEM else 0x100):
                return part, address - start
        raise MisuseError(f"there is nothing at {address:08x}")


def burnt(elf: Path) -> tuple[bytes, dict[str, int]]:
    """Return what a programmer would burn, and where the functions are."""
    binary = elf.with_suffix(".bin")
    run("arm-none-eabi-objcopy", "-O", "binary", elf, binary)
    lines = (line.split() for line in run("arm-none-eabi-nm", elf).splitlines())
    return binary.read_bytes(), {words[2]: int(words[0], 16) for words in lines if len(words) == 3}
