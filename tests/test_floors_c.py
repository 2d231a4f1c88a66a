"""C code calls down the floors of firmware/ and in no circle, and the check sees where it does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support import FIRMWARE, ROOT, run

CHECK = ROOT / "tools/c-floors"


def test_no_circle_and_nothing_upwards() -> None:
    assert "no circle, nothing upwards" in run(CHECK)


# What is added to which files, and what the check has to say of it.
BREAKAGES = {
    "circle": (
        {
            "core/src/crc32.c": "const char *naca_x(void) { return naca_status_name(NACA_OK); }",
            "core/src/status.c": "uint32_t naca_y(void) { return naca_crc32(0, names, 1); }",
        },
        [
            "circle of 2 files",
            "core/src/crc32.c -> core/src/status.c: naca_status_name",
            "core/src/status.c -> core/src/crc32.c: naca_crc32",
        ],
    ),
    "call": (
        {"store/src/store.c": "int naca_link_x(void); int y(void) { return naca_link_x(); }"}
        | {"link/src/link.c": "int naca_link_x(void) { return 1; }"},
        ["store/src/store.c calls up to link/src/link.c: naca_link_x"],
    ),
    "include": (
        {"core/src/crc32.c": '#include "naca/link.h"'},
        ["core/src/crc32.c includes naca/link.h"],
    ),
    "inside": (
        {"boards/common/firmware.c": '#include "stages.h"'},
        ["boards/common/firmware.c includes stages.h"],
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_breakages_are_named(breakage: str, tmp_path: Path) -> None:
    additions, expected = BREAKAGES[breakage]
    copy = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, copy)
    for file, code in additions.items():
        with (copy / file).open("a", encoding="utf-8") as source:
            source.write(f"{code}\n")
    answer = subprocess.run([CHECK, copy], capture_output=True, text=True, check=False)
    assert answer.returncode == 1, answer.stderr
    for line in expected:
        assert line in answer.stdout
