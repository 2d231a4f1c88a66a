"""A test that is skipped in CI is a failure there, and only there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

SKIPPING = {
    "test": "import pytest\n\ndef test_a():\n    pytest.skip('no board')\n",
    "mark": "import pytest\n\n@pytest.mark.skip(reason='no board')\ndef test_a():\n    pass\n",
    "module": "import pytest\n\npytest.skip('no board', allow_module_level=True)\n",
    "tool": "def test_a(require_tool):\n    require_tool('no-board')\n",
}
EXPECTED_FAILURE = "import pytest\n\n@pytest.mark.xfail\ndef test_a():\n    assert False\n"


def pytest_on(source: str, folder: Path, ci: str) -> subprocess.CompletedProcess[str]:
    for name in ("conftest.py", "support.py"):
        shutil.copy(ROOT / "tests" / name, folder)
    (folder / "test_it.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", str(folder)]
    env = {**os.environ, "CI": ci, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("kind", SKIPPING)
def test_skipping_fails_in_ci_only(kind: str, tmp_path: Path) -> None:
    local = pytest_on(SKIPPING[kind], tmp_path, ci="")
    assert local.returncode in {0, 5}, local.stdout  # 5: the only module was skipped as a whole
    assert "1 skipped" in local.stdout
    in_ci = pytest_on(SKIPPING[kind], tmp_path, ci="true")
    assert in_ci.returncode in {1, 2}, in_ci.stdout
    assert "nothing may be skipped when CI is set" in in_ci.stdout
    assert "skipped" not in in_ci.stdout.splitlines()[-1]


def test_missing_tool_names_the_remedy(tmp_path: Path) -> None:
    assert "`make ci-tools` brings it" in pytest_on(SKIPPING["tool"], tmp_path, ci="").stdout


def test_expected_failure_is_no_skip(tmp_path: Path) -> None:
    assert pytest_on(EXPECTED_FAILURE, tmp_path, ci="true").returncode == 0
