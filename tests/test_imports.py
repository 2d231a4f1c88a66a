"""The contracts between rooms (pyproject.toml) hold, and what breaks one is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support import ROOT

HOST = "only the command line and fixtures for tests import host"

# Where a room would import what it must not, and what the check then says.
FORBIDDEN = {
    "edge_naca/recipes.py": (
        "edge_naca.export.csource",
        "only the command line, and a search for what a board can do, import export",
    ),
    "edge_naca/core.py": ("edge_naca.host.framing", HOST),
    "export/csource.py": ("edge_naca.host.framing", HOST),
    "host/client.py": ("edge_naca.cli.common", "nothing imports the command line"),
    "export/nir/read.py": ("edge_naca.export.onnx_import.file", "do not know each other"),
    "export/conversion/layers.py": ("edge_naca.export.nir.graph", "do not know each other"),
    "edge_naca/specification/network.py": ("edge_naca.core", "does not use the core"),
    "edge_naca/limits.py": ("edge_naca.network", "no room imports one that imports it"),
    "export/conversion/planes.py": (
        "edge_naca.export.conversion.coded",
        "no room imports one that imports it",
    ),
}

CIRCLES = """
import graphlib, grimp
graph = grimp.build_graph("edge_naca", cache_dir=None)
assert len(graph.modules) > 100
imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
try:
    graphlib.TopologicalSorter(imports).prepare()
    print("no circle")
except graphlib.CycleError as error:
    print(*error.args[1], sep=" <- ")
"""


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "tools/lint-imports"],
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"},
        text=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("imports")
    for folder in ("edge_naca", "export", "host"):
        shutil.copytree(ROOT / folder, root / folder)
    (root / "tools").mkdir()
    for file in ("pyproject.toml", "tools/lint-imports"):
        shutil.copy(ROOT / file, root / file)
    return root


def test_contracts_hold(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("file", FORBIDDEN)
def test_forbidden_imports_are_found(copy: Path, file: str) -> None:
    module, message = FORBIDDEN[file]
    source = copy / file
    before = source.read_text()
    try:
        source.write_text(f"{before}\n\ndef later():\n    import {module}\n")
        result = lint(copy)
    finally:
        source.write_text(before)
    assert result.returncode == 1
    assert any(
        line.endswith("BROKEN") and message in line for line in result.stdout.splitlines()
    ), result.stdout + result.stderr


def test_no_module_imports_itself_through_others(copy: Path) -> None:
    # Finer than the contract, which compares neighbours: also a package and what is inside it.
    assert lint(copy).returncode == 0  # leaves the package put together
    result = subprocess.run(
        [sys.executable, "-S", "-c", CIRCLES],
        cwd=copy / "build/imports",
        env={"PYTHONPATH": sysconfig.get_path("purelib")},
        text=True,
        capture_output=True,
    )
    assert result.stdout == "no circle\n", result.stdout + result.stderr
