"""What is installed from a wheel works without a clone, a compiler of the core included."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from distributions import closure, files, link_closure
from support import FIRMWARE, ROOT, run

import edge_naca
from edge_naca.c_parts import PARTS, get_folder, get_include, get_includes, get_sources, needed


def shipped(part: str) -> set[str]:
    """Return the C files of a part, relative to firmware/."""
    return {
        path.relative_to(FIRMWARE).as_posix()
        for path in (FIRMWARE / part).rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, what it needs, and nothing else."""

    folder: Path

    @property
    def site(self) -> Path:
        (site,) = self.folder.glob("lib/python*/site-packages")
        return site

    def run(self, *words: str | Path, cwd: Path) -> str:
        """Run the command as in a fresh shell where the environment is active."""
        path = os.pathsep.join([str(self.folder / "bin"), "/usr/bin", "/bin"])
        return run(*words, cwd=cwd, env={"PATH": path, "HOME": str(cwd)})


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder)]
    run(*pip, "install", "--no-deps", "--no-index", wheel)
    fresh = Installed(folder)
    link_closure(fresh.site)
    return fresh


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [f"{i % 3 * 5 + i % 2},{i % 3 * 2},{'abc'[i % 3]}" for i in range(120)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["x,y,kind", *rows]) + "\n")
    return path


# ---- the wheel ---------------------------------------------------------------------------------


def test_the_wheel_holds_the_package_and_its_c_code(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"edge_naca/py.typed", "edge_naca/export/__init__.py", "edge_naca/host/__init__.py"} <= {
        *names
    }
    c_code = {name for name in names if name.startswith("edge_naca/firmware/")}
    assert c_code == {f"edge_naca/firmware/{name}" for part in PARTS for name in shipped(part)}
    # C code only to hand on: that of the parts, and what stands in libraries for firmware.
    templates = "edge_naca/export/packages/templates/"
    others = [name for name in {*names} - c_code if not name.startswith(templates)]
    assert templates + "arduino/library.properties" in names
    unwanted = re.compile(r"\.[cha]$|_build_core|/tests?[/_]|/firmware/")
    assert not [name for name in others if unwanted.search(name)]
    # Nothing but the package and its metadata, or it would land at the top of site-packages.
    assert {re.sub(r"-.*", "", name.split("/")[0]) for name in names} == {"edge_naca"}


@pytest.mark.slow
def test_the_wheel_serves_every_python_that_is_supported(wheel: Path) -> None:
    assert "-cp310-abi3-" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    extensions = {Path(name).name for name in names if name.endswith(".so")}
    assert extensions == {"_core.abi3.so", "_device.abi3.so"}
    told = run(sys.executable, "-m", "abi3audit", "--strict", "--summary", wheel)
    assert "2 extensions scanned" in told, told


@pytest.mark.slow
def test_an_index_would_take_the_wheel(wheel: Path) -> None:
    assert "PASSED" in run(sys.executable, "-m", "twine", "check", "--strict", wheel)


# ---- where the C code lies ---------------------------------------------------------------------


def test_parts_need_what_cmake_links_them_to() -> None:
    for part, others in PARTS.items():
        text = (FIRMWARE / part / "CMakeLists.txt").read_text()
        linked = re.search(rf"target_link_libraries\(naca_{part} PUBLIC ([^)]*)\)", text)
        names = linked[1].split() if linked else []
        assert {name.removeprefix("naca::") for name in names} == {*others}


def test_sources_and_includes_are_those_of_the_parts() -> None:
    assert needed() == ["core"]
    assert needed("link", "core") == ["core", "store", "signal", "link"]
    assert edge_naca.get_include() == FIRMWARE / "core/include"
    assert (get_include("link") / "naca/link.h").is_file()
    assert get_includes("signal") == [FIRMWARE / "core/include", FIRMWARE / "signal/include"]
    assert {*get_sources("link")} == {*FIRMWARE.glob("*/src/*.c")}
    with pytest.raises(ValueError, match="has no part 'cor': name one of core, signal"):
        get_folder("cor")


# ---- an installation ---------------------------------------------------------------------------


@pytest.mark.slow
def test_the_installation_answers_with_its_own_modules(
    installed: Installed, tmp_path: Path
) -> None:
    program = """
import sys, edge_naca.export, edge_naca.host
from edge_naca._core import lib
for module in (edge_naca, edge_naca.export, edge_naca.host, sys.modules["edge_naca._core"]):
    print(module.__file__)
print(*edge_naca.get_sources("link"), sep="\\n")
"""
    lines = installed.run("python", "-I", "-c", program, cwd=tmp_path).splitlines()
    assert all(line.startswith(f"{installed.site}/edge_naca/") for line in lines), lines
    assert len(lines) == 4 + len(get_sources("link"))
    assert edge_naca.__version__ in installed.run("edge-naca", "--version", cwd=tmp_path)


@pytest.mark.slow
def test_from_a_table_to_a_program_with_make_and_nothing_else(
    installed: Installed, table: Path, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool("make")
    installed.run("edge-naca", "train", table, "-o", "x.naca", cwd=tmp_path)
    installed.run("edge-naca", "export", "x.naca", "--c", "-o", "out", cwd=tmp_path)
    run("make", cwd=tmp_path / "out", env={"PATH": "/usr/bin:/bin"})  # no Python any more
    told = run(tmp_path / "out" / "x_example")
    assert re.fullmatch(r"before: -?\d+\nafter: 0\nstate: [0-9a-f]{8}\n", told)
    checked = installed.run("make", "x.on-desktop", cwd=tmp_path / "out")
    assert "x: 10 of 10 samples alike" in checked
    installed.run("edge-naca", "export", "x.naca", "--arduino", "-o", "lib.zip", cwd=tmp_path)
    assert "edge-naca-x/library.properties" in zipfile.ZipFile(tmp_path / "lib.zip").namelist()


@pytest.mark.slow
def test_the_makefile_takes_the_installed_core(
    installed: Installed, table: Path, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool("make")
    installed.run("edge-naca", "train", table, "-o", "x.naca", cwd=tmp_path)
    installed.run("edge-naca", "export", "x.naca", "--c", "--no-core", "-o", "out", cwd=tmp_path)
    said = installed.run("make", "-n", cwd=tmp_path / "out")
    assert f"-I{installed.site}/edge_naca/firmware/core/include" in said


@pytest.mark.slow
def test_what_tries_a_wheel_goes_from_a_table_to_a_program(
    installed: Installed, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool("gcc")
    said = installed.run("python", ROOT / "tools/try-wheel", cwd=tmp_path)
    assert said.endswith("net: 10 of 10 samples alike\n")
    (tmp_path / "false").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "false").chmod(0o755)
    with pytest.raises(pytest.fail.Exception, match="returned non-zero exit status 1"):
        installed.run(
            "env", f"CC={tmp_path / 'false'}", "python", ROOT / "tools/try-wheel", cwd=tmp_path
        )


@pytest.mark.slow
def test_the_base_takes_at_most_100_mb(wheel: Path) -> None:
    """Bytes of files that are installed, bytecode of dependencies included (docs/installing.md)."""
    own = sum(entry.file_size for entry in zipfile.ZipFile(wheel).infolist())
    others = {
        name: sum(path.stat().st_size for path in files(name)) for name in closure() - {"edge-naca"}
    }
    assert {"numpy", "rich", "pyserial"} <= {*others}
    bytecode = 4e6  # of our own modules, more than they take
    assert own + bytecode + sum(others.values()) <= 100e6, others


@pytest.mark.slow
def test_the_makefile_says_that_the_core_is_missing(
    installed: Installed, table: Path, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool("make")
    installed.run("edge-naca", "train", table, "-o", "x.naca", cwd=tmp_path)
    installed.run("edge-naca", "export", "x.naca", "--c", "--no-core", "-o", "out", cwd=tmp_path)
    result = subprocess.run(
        ["make"],
        cwd=tmp_path / "out",
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert "say where the core lies: make NACA=FOLDER" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_config_compiles_each_part(
    part: str, installed: Installed, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    """All headers, and all sources linked; no symbol is missing but what the part is handed."""
    require_tool("gcc")
    header = {"core": "naca"}.get(part, part)
    (tmp_path / "main.c").write_text(
        f"#include <naca/{header}.h>\n#include <naca/naca.h>\n"
        "int main(void) { return naca_crc32(0, 0, 0) != 0; }\n"
    )
    build = f"gcc $(edge-naca config --cflags {part}) main.c $(edge-naca config --sources {part})"
    installed.run("sh", "-ec", f"{build} -o main", cwd=tmp_path)
    run(tmp_path / "main")
    assert str(installed.site) in installed.run("edge-naca", "config", "--includes", cwd=tmp_path)


@pytest.mark.slow
def test_cmake_takes_the_installed_core(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(
        "#include <naca/naca.h>\nint main(void) { return naca_crc32(0, 0, 0) != 0; }\n"
    )
    folder = installed.run("edge-naca", "config", "--folder", "core", cwd=tmp_path).strip()
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.21)\nproject(user LANGUAGES C)\n"
        f"add_subdirectory({folder} naca)\nadd_executable(main main.c)\n"
        "target_link_libraries(main PRIVATE naca::core)\n"
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build")
    run("cmake", "--build", tmp_path / "build")
    run(tmp_path / "build" / "main")
