"""What `cmake --install` writes is found by CMake and by pkg-config, wherever it lies later."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import CORE, ROOT, run

import edge_naca

# A call of each part, so that the linker needs its library.
CALLS = {
    "core": ("naca/naca.h", 'naca_crc32(0, "123456789", 9) != 0xCBF43926u'),
    "signal": ("naca/signal.h", "naca_signal_size(0, 0) != NACA_ERR_ARGUMENT"),
    "store": ("naca/store.h", "naca_store_open(&store, 0) != NACA_STORE_NONE"),
    "link": ("naca/link.h", "naca_link_init(0, 0) != NACA_ERR_ARGUMENT"),
}
CONSUMER = """
#include <{header}>
#include <stdio.h>
{more}
int main(void) {{ return {call} || puts("all right") < 0; }}
"""
BUILD = """
cmake_minimum_required(VERSION 3.21)
project(consumer LANGUAGES C)
find_package(naca {version} REQUIRED COMPONENTS {part})
add_executable(consumer consumer.c)
target_link_libraries(consumer PRIVATE naca::{part})
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where everything is installed: elsewhere than it was installed to."""
    folder = tmp_path_factory.mktemp("install")
    first = folder / "first"
    run("cmake", "-S", ROOT, "-B", folder / "build", f"-DCMAKE_INSTALL_PREFIX={first}")
    run("cmake", "--build", folder / "build", "--parallel", "2", "--target", "install")
    return first.rename(folder / "moved")


def write_consumer(folder: Path, part: str) -> None:
    header, call = CALLS[part]
    more = "static naca_store_t store;" if part == "store" else ""
    (folder / "consumer.c").write_text(CONSUMER.format(header=header, call=call, more=more))
    text = BUILD.format(version=edge_naca.__version__, part=part)
    (folder / "CMakeLists.txt").write_text(text)


@pytest.mark.parametrize("part", CALLS)
def test_cmake_finds_each_part(prefix: Path, part: str, tmp_path: Path) -> None:
    write_consumer(tmp_path, part)
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tmp_path / "build")
    assert run(tmp_path / "build" / "consumer") == "all right\n"


@pytest.mark.parametrize("part", CALLS)
def test_pkg_config_finds_each_part(
    prefix: Path, part: str, require_tool: Callable[[str], None], tmp_path: Path
) -> None:
    require_tool("pkg-config")
    write_consumer(tmp_path, part)
    (folder,) = {path.parent for path in prefix.rglob("naca.pc")}
    environment = os.environ | {"PKG_CONFIG_PATH": str(folder)}
    name = "naca" if part == "core" else f"naca-{part}"
    said = run("pkg-config", "--modversion", name, env=environment)
    assert said == f"{edge_naca.__version__}\n"
    flags = run("pkg-config", "--cflags", "--libs", name, env=environment).split()
    run("cc", "-std=c99", tmp_path / "consumer.c", *flags, "-o", tmp_path / "consumer")
    assert run(tmp_path / "consumer") == "all right\n"


def test_a_part_that_was_not_installed_is_named(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    run("cmake", "-S", CORE, "-B", tmp_path / "core", f"-DCMAKE_INSTALL_PREFIX={prefix}")
    run("cmake", "--build", tmp_path / "core", "--target", "install")
    write_consumer(tmp_path, "link")
    command = ["cmake", "-S", str(tmp_path), "-B", str(tmp_path / "b")]
    command.append(f"-DCMAKE_PREFIX_PATH={prefix}")
    found = subprocess.run(command, text=True, capture_output=True)
    assert found.returncode != 0
    assert "link was not installed with naca" in " ".join(found.stderr.split())
