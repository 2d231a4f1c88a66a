"""Notebooks run, beat the trivial rule, and are committed without results."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support import ROOT
from test_examples import TRIVIAL, shares

NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kinds = [output.output_type for cell in cells for output in cell.outputs]
    assert "display_data" in kinds  # pictures
    said = "".join(output.text for output in cells[-1].outputs)
    measured = shares(said)
    assert next(iter(measured.values())) > measured[TRIVIAL] + 50


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_results(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs, f"{path.name} has results: clear them before committing"
            assert cell.execution_count is None


def test_every_notebook_is_listed() -> None:
    listed = (ROOT / "examples" / "README.md").read_text()
    assert len(NOTEBOOKS) >= 3
    for path in NOTEBOOKS:
        assert f"(notebooks/{path.name})" in listed
