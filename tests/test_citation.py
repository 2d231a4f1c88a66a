"""CITATION.cff says how to cite this, in the words of the rest of the repository."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from support import ROOT


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def test_it_has_what_the_format_requires(citation: dict[str, Any]) -> None:
    assert citation["cff-version"] == "1.2.0"
    assert {"authors", "message", "title"} <= {*citation}
    for person in [*citation["authors"], *citation["references"][0]["authors"]]:
        assert {*person} in ({"name"}, {"family-names", "given-names"})


def test_it_agrees_with_the_rest(citation: dict[str, Any]) -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'name = "{citation["title"]}"' in project
    assert f'license = "{citation["license"]}"' in project
    assert citation["abstract"].rstrip(".") in project
    (paper,) = citation["references"]
    assert f"https://doi.org/{paper['doi']}" in project
    names = ", ".join(author["family-names"] for author in paper["authors"])
    text = (ROOT / "docs/paper.md").read_text(encoding="utf-8")
    assert f"({names}, *{paper['journal']}* {paper['volume']} ({paper['number']}), " in text
    assert f"{paper['start']}, {paper['year']})" in text


def test_it_states_no_version_that_could_be_another() -> None:
    assert not re.search(r"^version:", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
