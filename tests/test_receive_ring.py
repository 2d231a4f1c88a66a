"""The ring of received bytes is refused at compile time where its index cannot be read at once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import ROOT

BOARDS = ROOT / "firmware" / "boards"
INCLUDES = [
    f"-I{ROOT}/firmware/{room}" for room in ("core/include", "store/include", "link/include")
]
COMPILERS = {
    "avr": ("avr-gcc", "-mmcu=atmega1284p"),
    "cortex-m0": ("arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"),
}
REFUSAL = "its ring has 256 bytes at most"


def compiled(name: str, ring: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Compile the ring with so many bytes for a processor."""
    return subprocess.run(
        [*COMPILERS[name], "-std=c99", "-Os", f"-DBOARD_RING={ring}", *INCLUDES,
         "-c", str(BOARDS / "common" / "receive.c"), "-o", str(folder / "receive.o")],
        capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("ring", [64, 256, 257, 512, 1024])
@pytest.mark.parametrize("name", COMPILERS)
def test_a_ring_whose_index_an_avr_reads_in_two_steps_is_refused(
    name: str, ring: int, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool(" ".join([*COMPILERS[name], "-c"]))
    result = compiled(name, ring, tmp_path)
    is_refused = name == "avr" and ring > 256
    assert (result.returncode != 0) == is_refused, result.stderr
    assert (REFUSAL in result.stderr) == is_refused
    assert (tmp_path / "receive.o").exists() != is_refused


def test_the_index_has_8_bits_on_an_avr(
    tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    """Two of them and 256 bytes, beside 4 that count what was lost: nothing else is static."""
    require_tool(" ".join([*COMPILERS["avr"], "-c"]))
    assert compiled("avr", 256, tmp_path).returncode == 0
    sizes = subprocess.check_output(["avr-size", str(tmp_path / "receive.o")], text=True)
    _, data, bss, *_ = map(int, sizes.splitlines()[1].split()[:3])
    assert data + bss == 256 + 2 + 4
