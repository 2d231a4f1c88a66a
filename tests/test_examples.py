"""Examples run, say what their pages say, and beat the trivial rule."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import ROOT, run

EXAMPLES = ROOT / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/run.py"))
NEEDS = {
    "gestures": ("arm-none-eabi-gcc -c", "qemu-system-arm"),
    "onnx_web": ("npm", "node"),
    "two_networks": ("gcc", "make", "arm-none-eabi-gcc -c", "qemu-system-arm"),
}
DATA = {"gas_drift", "gestures", "spoken_digits"}  # what they measure is of real recordings
# Points that back-propagation in real numbers may differ by elsewhere. All else is integers.
TOLERANCE = {"front_end": 8.0, "snntorch_nir": 4.0}
TRIVIAL = "whoever always gives the commonest answer"


def shares(text: str) -> dict[str, float]:
    """Return what lines such as `12.3 %  what` say."""
    lines = re.findall(r"^ *(\d+\.\d) %  (.+)$", text, re.MULTILINE)
    return {what: float(percent) for percent, what in lines}


def example(name: str, folder: Path, env: dict[str, str]) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return run(
        sys.executable, EXAMPLES / name / "run.py", folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(EXAMPLES)} | env,
    )  # fmt: skip


@pytest.fixture(scope="session")
def torch() -> None:
    """Bring PyTorch, or skip where it cannot be had."""
    if not (ROOT / "build" / "frameworks" / "torch" / "installed").is_file():
        pytest.skip("`make build/frameworks/torch/installed` brings PyTorch")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_example(
    name: str,
    tmp_path: Path,
    require_tool: Callable[[str], None],
    request: pytest.FixtureRequest,
) -> None:
    for tool in NEEDS.get(name, ()):
        require_tool(tool)
    if name in TOLERANCE:
        request.getfixturevalue("torch")
    if name in DATA and not os.environ.get("EDGE_NACA_DATA"):
        pytest.skip("EDGE_NACA_DATA names no folder with the data")
    measured = shares(example(name, tmp_path, {}))
    page = shares((EXAMPLES / name / "README.md").read_text())
    assert list(measured) == list(page)
    assert measured == pytest.approx(page, abs=TOLERANCE.get(name, 0.05))
    assert next(iter(measured.values())) > measured[TRIVIAL] + 30


@pytest.mark.parametrize("name", sorted(DATA - {"gestures"}))
def test_without_data_an_example_says_what_it_wants(name: str, tmp_path: Path) -> None:
    said = example(name, tmp_path, {"EDGE_NACA_DATA": str(tmp_path)})
    assert re.fullmatch(r"This example needs \w+\.npz [^\n]*\n[^\n]* Nothing was run\.\n", said)
    assert not list(tmp_path.iterdir())


def test_every_example_has_a_page_and_is_listed() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    for name in NAMES:
        page = (EXAMPLES / name / "README.md").read_text()
        assert f"make example-{name.replace('_', '-')}" in page
        assert f"({name}/README.md)" in listed
