"""The package and the C library can be built, installed and used in every supported way."""

from __future__ import annotations

import importlib
import re
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CORE, ROOT, run

import edge_naca
from edge_naca._build_core import declarations
from edge_naca._core import ffi, lib

PAYLOAD = bytes(range(256)) * 40 + b"a tail that fills no block"
CRC = f"{zlib.crc32(PAYLOAD):08x}"


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_crc32_chains_like_zlib(parts: list[bytes]) -> None:
    crc = 0
    for part in parts:
        crc = lib.naca_crc32(crc, part, len(part))
    assert crc == zlib.crc32(b"".join(parts))


def test_every_status_has_its_name() -> None:
    for number, name in ffi.typeof("naca_status_t").elements.items():
        assert ffi.string(lib.naca_status_name(number)).decode() == name
    assert ffi.string(lib.naca_status_name(-32768)) == b"NACA_UNKNOWN"


def test_version_is_the_headers() -> None:
    parts = (lib.NACA_VERSION_MAJOR, lib.NACA_VERSION_MINOR, lib.NACA_VERSION_PATCH)
    assert edge_naca.__version__ == ".".join(map(str, parts))


def test_no_module_hides_one_of_pythons() -> None:
    """The build runs a file of the package as a program, so its folder comes first on the path."""
    modules = {path.stem for path in (ROOT / "edge_naca").iterdir()}
    assert not modules & sys.stdlib_module_names


def test_preprocessor_sees_the_version(tmp_path: Path) -> None:
    """An enum would be 0 to `#if`, whatever its value."""
    names = ("NACA_VERSION_MAJOR", "NACA_VERSION_MINOR", "NACA_VERSION_PATCH")
    checks = " && ".join(f"defined {name} && {name} == {getattr(lib, name)}" for name in names)
    source = tmp_path / "version.c"
    source.write_text(f'#include "naca/naca.h"\n#if !({checks})\n#error "unknown"\n#endif\n')
    run("cc", "-std=c99", f"-I{CORE / 'include'}", "-c", source, "-o", tmp_path / "version.o")


@pytest.mark.parametrize("folder", ["export", "host"])
def test_top_level_folder_installs_inside_the_package(folder: str) -> None:
    module = importlib.import_module(f"edge_naca.{folder}")
    assert Path(str(module.__file__)) == ROOT / folder / "__init__.py"


def test_command_line_answers() -> None:
    version = f"edge-naca, version {edge_naca.__version__}\n"
    assert run("edge-naca", "--version").startswith(version)
    assert "Usage: edge-naca" in run("edge-naca", "-h")


@pytest.mark.parametrize("line", ["#define NACA_LIMIT 3", "  # define NACA_MAX(a, b) ((a) + (b))"])
def test_macro_in_a_public_header_is_refused(tmp_path: Path, line: str) -> None:
    header = tmp_path / "x.h"
    header.write_text(f"#ifndef X_H\n#define X_H\nenum {{ A = 1 }};\n{line}\n#endif\n")
    with pytest.raises(ValueError, match=r"NACA_\w+ is a macro"):
        declarations(header)


@pytest.mark.parametrize("room", ["core", "signal", "store", "link"])
def test_every_source_is_in_the_build(room: str) -> None:
    folder = CORE.parent / room
    listed = set(re.findall(r"src/\w+\.c", (folder / "CMakeLists.txt").read_text()))
    assert listed == {f"src/{path.name}" for path in (folder / "src").glob("*.c")}


CONSUMER_BUILD = """
cmake_minimum_required(VERSION 3.21)
project(consumer LANGUAGES C)
{find}
add_executable(consumer consumer.c)
target_link_libraries(consumer PRIVATE naca::core)
"""
CONSUMER = """
#include <naca/naca.h>
#include <stdio.h>
int main(void) { return printf("%08lx", (unsigned long)naca_crc32(0, "123456789", 9)) != 8; }
"""


@pytest.mark.parametrize(
    "find",
    [
        "find_package(naca {version} REQUIRED)",
        "add_subdirectory({root} naca)",
        "add_subdirectory({core} naca)",
    ],
    ids=["find_package", "add_subdirectory-root", "add_subdirectory-core"],
)
def test_other_cmake_projects_can_use_the_core(tmp_path: Path, find: str) -> None:
    prefix = tmp_path / "prefix"
    if find.startswith("find_package"):
        run("cmake", "-S", ROOT, "-B", tmp_path / "naca", f"-DCMAKE_INSTALL_PREFIX={prefix}")
        run("cmake", "--build", tmp_path / "naca", "--target", "install")
    project = tmp_path / "project"
    project.mkdir()
    find = find.format(version=edge_naca.__version__, root=ROOT, core=CORE)
    (project / "CMakeLists.txt").write_text(CONSUMER_BUILD.format(find=find))
    (project / "consumer.c").write_text(CONSUMER)
    build = tmp_path / "build"
    run("cmake", "-S", project, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", build)
    assert run(build / "consumer") == f"{zlib.crc32(b'123456789'):08x}"
