"""Features on a processor that works on two numbers at once, beside the specification."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from signal_strategies import network_of, random_signal, random_windows
from support import CORE, run

from edge_naca.core import Core
from edge_naca.specification import signal as specification

SIGNAL = CORE.parent / "signal"
DRIVER = Path(__file__).parent / "c" / "signal_features.c"
# Where mps2-an386 begins, and what it finds there.
PLACES = "-Wl,--section-start=.vectors=0,-Tdata=0x20000000"
VECTORS = """
extern void _start(void);
__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    (void (*)(void))0x20400000, _start};
"""
CASES = 150


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


@pytest.mark.parametrize("flags", [("-Os",), ("-O3",), ("-Os", "-DNACA_PLAIN")], ids="".join)
def test_features_are_the_same_on_a_cortex_m4(
    flags: tuple[str, ...], require_tool: Callable[[str], None], tmp_path: Path
) -> None:
    require_tool("arm-none-eabi-gcc --specs=rdimon.specs")
    require_tool("qemu-system-arm")
    rng = np.random.default_rng(11)
    content, expected = [struct.pack("<I", CASES)], []
    for _ in range(CASES):
        signal = random_signal(rng)
        windows = random_windows(signal, rng, 2)
        image = Core(network_of(signal)).image()
        is_real = windows.dtype == np.float32
        content += [struct.pack("<3I", len(image), windows.nbytes, is_real)]
        content += [padded(image), padded(windows.tobytes())]
        expected.append(specification.features(signal, windows).reshape(-1))
    (tmp_path / "windows").write_bytes(b"".join(content))
    (tmp_path / "vectors.c").write_text(VECTORS)
    sources = [DRIVER, tmp_path / "vectors.c"]
    sources += [path for room in (CORE, SIGNAL) for path in sorted((room / "src").glob("*.c"))]
    includes = [part for room in (CORE, SIGNAL) for part in ("-I", room / "include")]
    elf = tmp_path / "features.elf"
    compiler = ("arm-none-eabi-gcc", "-std=c99", "-mcpu=cortex-m4", "-mthumb", *flags)
    run(*compiler, "--specs=rdimon.specs", PLACES, *includes, *sources, "-o", elf)
    said = run(
        *("qemu-system-arm", "-machine", "mps2-an386", "-display", "none", "-monitor", "none"),
        *("-serial", "null", "-semihosting-config", "enable=on,target=native", "-kernel", elf),
        cwd=tmp_path,
    )
    assert said == "done\n"
    found = np.frombuffer((tmp_path / "features").read_bytes(), np.int16)
    assert_array_equal(found, np.concatenate(expected))
