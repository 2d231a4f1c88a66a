"""Helpers that tests import by name."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "firmware"
CORE = FIRMWARE / "core"


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command and return what it printed; when it fails, fail the test with all it said."""
    result = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    if result.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stdout}")
    return result.stdout


def elf_header(machine: int, bits: int = 1) -> bytes:
    """Return how an ELF file begins: 40 is ARM, 83 AVR; `bits` is 1 for 32 of them, 2 for 64."""
    start = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9)
    return start + (2).to_bytes(2, "little") + machine.to_bytes(2, "little") + bytes(32)


@contextmanager
def program(*command: str | Path, **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Run a program beside the test; whatever it does, it is gone in the end, and nobody waits."""
    with subprocess.Popen([str(word) for word in command], **options) as process:
        try:
            yield process
        finally:
            process.kill()
