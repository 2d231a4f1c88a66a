"""What all tests share: outside tools, builds of the C code, and no silent skipping in CI."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest
from support import ROOT, run

from edge_naca.host import boards

# A busy machine is not a bug: only the property decides, not how long one example took.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.load_profile("default")

# cmake, ninja and edge-naca are installed beside the interpreter, which need not be on the PATH.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

# `make test` is not the make of what a test makes, which would say where it enters and leaves.
for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
    os.environ.pop(name, None)

# Defaults of whoever runs the tests are none of theirs.
os.environ["EDGE_NACA_CONFIG"] = os.devnull

# What the user keeps in a file of defaults is not for tests.
os.environ["XDG_CONFIG_HOME"] = str(Path(tempfile.gettempdir()) / "edge-naca-tests")
os.environ.pop("EDGE_NACA_CONFIG", None)

# What a shell starts in the background ignores signals, and so would the programs of the tests.
for name, handler in (
    ("SIGINT", signal.default_int_handler),
    ("SIGTERM", signal.SIG_DFL),
    ("SIGHUP", signal.SIG_DFL),
):
    number = getattr(signal, name, None)  # Windows has no SIGHUP
    if number is not None and signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def _fail_if_skipped(report: Report) -> Report:
    """In CI every tool is there, so a skipped test is a check that was lost without a word."""
    in_ci = os.environ.get("CI", "").lower() in {"1", "true"}
    if in_ci and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: nothing may be skipped when CI is set. {reason}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _fail_if_skipped((yield))


@pytest.fixture(scope="session")
def require_tool(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], None]:
    """Return a function that skips the test unless a tool is there and works.

    ``require_tool("valgrind")`` looks for a program. With flags, ``require_tool("gcc -m32")``, the
    program is a C compiler that must be able to build with them: a compiler is often there
    without the libraries for another word size or for a sanitizer.
    """
    source = tmp_path_factory.mktemp("tools") / "probe.c"
    source.write_text('#include <string.h>\nint main(void) { return (int)strlen(""); }\n')
    works: dict[str, bool] = {}

    def probe(command: str) -> bool:
        program, *flags = command.split()
        if shutil.which(program) is None:
            return False
        build = [program, *flags, str(source), "-o", str(source.with_suffix(".out"))]
        return not flags or subprocess.run(build, capture_output=True).returncode == 0

    def require(command: str) -> None:
        if command not in works:
            works[command] = probe(command)
        if not works[command]:
            pytest.skip(f"'{command}' does not work here; `make ci-tools` brings it")

    return require


# What a preset of CMakePresets.json needs beyond a plain C compiler.
PRESET_TOOLS = {
    "clang": "clang",
    "m32": "gcc -m32",
    "sanitize": "clang -fsanitize=address,undefined",
    "fuzz": "clang -fsanitize=address,undefined",
    "cortex-m4": "arm-none-eabi-gcc -c",
}


@pytest.fixture(scope="session")
def build_preset(
    require_tool: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Return a function that builds a CMake preset once and returns its build directory."""
    built: dict[str, Path] = {}

    def build(preset: str) -> Path:
        require_tool(PRESET_TOOLS.get(preset, "gcc"))
        if preset not in built:
            folder = tmp_path_factory.mktemp(preset)
            run("cmake", "-S", ROOT, "--preset", preset, "-B", folder, cwd=ROOT)
            run("cmake", "--build", folder)
            built[preset] = folder
        return built[preset]

    return build


@pytest.fixture(scope="session")
def build_board(
    require_tool: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Path]:
    """Return a function that builds a board's program once and returns the ELF file."""
    built: dict[tuple[str, str], Path] = {}
    root = tmp_path_factory.mktemp("boards")

    def build(name: str, program: str) -> Path:
        board = boards.BOARDS[name]
        require_tool(board.compiler[0])
        require_tool("gcc -lsimavr -lelf" if name == "atmega1284p" else board.emulator[0])
        if (name, program) not in built:
            built[name, program] = boards.build(name, program, folder=root / name)
        return built[name, program]

    return build
