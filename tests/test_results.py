"""Committed measurements are whole, and all that quotes them says what they say."""

import re
from pathlib import Path

import pytest
import results
import tables
from summaries import SUMMARIES

FILES = sorted(results.FOLDER.glob("*.json"))
PAGES = tables.pages()
DOCUMENTS = tables.documents()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_result_says_how_to_get_it_again(path: Path) -> None:
    measurement = results.read(path)
    assert measurement.command
    assert re.fullmatch(r"[0-9a-f]{12}\+?", measurement.commit)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", measurement.date)
    assert measurement.data
    assert all(re.fullmatch("[0-9a-f]{16}", digest) for digest in measurement.data.values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_command_writes_the_result_that_names_it(path: Path) -> None:
    command = results.read(path).command.split()
    if "--output" in command:
        assert command[command.index("--output") + 1] == f"benchmarks/results/{path.name}"


@pytest.mark.parametrize("path", PAGES | DOCUMENTS, ids=lambda path: path.stem)
def test_figures_that_people_read_are_those_of_the_results(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == (PAGES | DOCUMENTS)[path]


def test_every_page_has_a_result_behind_it() -> None:
    assert set(results.FOLDER.parent.glob("*.md")) == set(PAGES)


def test_every_summary_is_quoted() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in tables.QUOTING)
    assert set(re.findall("<!-- figures: (.+?) -->", texts)) == set(SUMMARIES)


def test_a_figure_that_somebody_typed_is_found() -> None:
    path = tables.QUOTING[0]
    text = path.read_text(encoding="utf-8")
    typed = re.sub(r"\*\*\d\d\.\d\d ±", "**99.99 ±", text, count=1)
    assert typed != text
    assert tables.filled(typed) == text
