"""The STM32F405's own clock and flash drivers, as machine code on a model of the chip."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from stm32 import SECTOR, PowerCutError, Stm32, burnt
from support import ROOT, run

from edge_naca.core import Core
from edge_naca.host.client import LinkDevice
from edge_naca.host.link import RefusedError
from edge_naca.host.transport import LoopTransport
from edge_naca.image import encode
from edge_naca.network import Preparation
from edge_naca.presets import competitive

Burn = Callable[..., Stm32]
X = np.random.default_rng(5).integers(0, 17, (60, 8, 8)).astype(np.uint8)
Y = np.arange(60) % 10


@pytest.fixture(scope="module")
def burn(require_tool: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Burn:
    """Return a function that makes a chip with the firmware as its preset builds it."""
    require_tool("arm-none-eabi-gcc")
    folder = tmp_path_factory.mktemp("chip")
    run("cmake", "-S", ROOT, "-B", folder, "--preset", "board-netduinoplus2", cwd=ROOT)
    run("cmake", "--build", folder, "--target", "firmware_netduinoplus2")
    program, symbols = burnt(folder / "firmware_netduinoplus2.elf")
    return lambda **how: Stm32(program, symbols, **how)


def connected(chip: Stm32) -> LinkDevice:
    return LinkDevice(lambda: LoopTransport(chip.receive), "chip", first_patience=120)


@pytest.mark.parametrize("has_pll", [True, False])
def test_clocks_and_pins(burn: Burn, has_pll: bool) -> None:
    chip = burn(has_pll=has_pll)
    assert chip.clocks.processor == (168e6 if has_pll else 16e6)
    assert abs(chip.uart.baud / 115200 - 1) < 0.01
    assert chip.system.registers[0x014] == chip.clocks.processor / 1000 - 1  # the tick's reload
    assert chip.system.registers[0x010] & 7 == 7
    assert chip.system.registers[0x104] == 1 << 37 - 32  # the interrupt of USART1
    assert chip.system.registers[0xD08] == 0x08000000  # the table of vectors
    assert chip.watchdog.is_on
    assert 6 < chip.watchdog.seconds < 10  # longer than an erase, which takes up to 4
    for pin in (9, 10):
        assert chip.pins.registers[0x00] >> 2 * pin & 3 == 2  # an alternate function
        assert chip.pins.registers[0x24] >> 4 * (pin - 8) & 15 == 7  # of USART1
    assert chip.pins.registers[0x00] >> 22 == 0xA8000000 >> 22  # the debugger's pins stay
    with connected(chip) as device:
        assert device.hello.board == "netduinoplus2"


def test_state_survives_the_power(burn: Burn) -> None:
    chip = burn()
    for number in range(1, 4):
        with connected(chip) as device:
            device.learn_many(X, Y)
            value = device.hash()
            assert device.save() == number
            assert device.stats().wear == 1  # many saves share a sector
        chip.power_up()
        with connected(chip) as device:
            assert (device.hash(), device.learned) == (value, number * len(X))
    assert chip.flash.erased == [1, 0]


@pytest.mark.slow
def test_state_of_60_kib(burn: Burn) -> None:
    network = competitive(Preparation((14, 14, 1)), 10, 30)
    core = Core(network)
    image, saved = encode(network), core.save_state()
    assert 60_000 < len(saved) <= SECTOR
    chip = burn()
    x = np.random.default_rng(6).integers(0, 256, (40, 14, 14)).astype(np.uint8)
    core.learn_many(x, Y[:40])
    with connected(chip) as device:
        device.push(image)
        device.learn_many(x, Y[:40])
        device.save()
    chip.power_up()
    with connected(chip) as device:
        device.push(image)  # uploaded images are in RAM; the state that belongs to this one is not
        assert device.state() == core.save_state()
        device.load_state(saved)
        assert device.hash() == Core(network).state_hash()
        device.reset("saved")
        assert chip.flash.is_coherent


@pytest.mark.slow
def test_power_cut_at_every_operation_of_a_save(burn: Burn) -> None:
    chip = burn()
    with connected(chip) as device:
        device.learn(X[0], 1)
        device.save()
        before = chip.flash.operations
        device.learn(X[1], 2)
        device.save()
        operations = chip.flash.operations - before
        old = device.hash()
    assert operations > 300
    completed = 0
    for cut in itertools.count(1):
        with connected(chip) as device:
            assert device.hash() == old
            device.learn(X[cut % 60], cut % 10)
            new = device.hash()
            chip.flash.cut_at = chip.flash.operations + cut
            try:
                device.save()
            except PowerCutError:
                pass
            else:
                break
        chip.power_up()
        with connected(chip) as device:
            assert device.hash() in (old, new)
            completed += device.hash() == new
            old = device.hash()
    assert cut > operations
    assert completed <= 1  # a torn word of the header may by chance be the right one


def test_failing_flash_is_told(burn: Burn) -> None:
    chip = burn()
    with connected(chip) as device:
        device.learn(X[0], 1)
        chip.flash.failing = True
        with pytest.raises(RefusedError, match="it may be worn out"):
            device.save()
        assert device.stats().store_errors == 1
        chip.flash.failing = False
        assert device.save() == 1


def test_reset_keeps_the_uploaded_image(burn: Burn, tmp_path: Path) -> None:
    network = competitive(5, 3)
    chip = burn()
    with connected(chip) as device:
        device.push(encode(network))
    chip.reset()
    with connected(chip) as device:
        assert device.hello.network_id == Core(network).network_id
    chip.power_up()
    with connected(chip) as device:
        assert device.hello.network_id != Core(network).network_id
