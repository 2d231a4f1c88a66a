"""The site: words of the contracts, names of the code, links that lead somewhere."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

import edge_naca
import edge_naca.export
import edge_naca.host
import edge_naca.testing

DOCS = ROOT / "docs"
PICTURES = sorted((DOCS / "pictures").glob("*.dot"))
GLOSSARY = (DOCS / "glossary.md").read_text()
TERMS = re.findall(r"^### (.+)$", GLOSSARY, re.MULTILINE)
CONTRACTS = "\n".join((DOCS / name).read_text() for name in ("arithmetic.md", "image.md"))

# Words that the contracts leave to host and pages: real-numbered levels, front ends, the twin.
ELSEWHERE = {
    "session": "protocol.md",
    "front end": "onnx-import.md",
    "twin": "streaming.md",
    "level": "glossary.md",
}
ELSEWHERE |= {"subpopulation": "../README.md", "rank": "onnx-import.md"}


@pytest.mark.parametrize("term", TERMS)
def test_terms_of_the_glossary_are_those_of_the_contracts(term: str) -> None:
    text = CONTRACTS if term not in ELSEWHERE else (DOCS / ELSEWHERE[term]).read_text()
    assert re.search(rf"\b{term}s?\b", text, re.IGNORECASE), f"nobody says {term!r}"


def test_the_glossary_has_every_word_that_is_ours() -> None:
    ours = (
        "code,coded stage,spiking stage,map,channel,unit,presentation,population,subpopulation,"
        "level,table,trace,eligibility,margin,rank,preparation,front end,image,state,state hash,"
        "synop"
    )
    assert set(ours.split(",")) - {"channel"} <= set(TERMS)
    assert "channel" in GLOSSARY
    assert len(TERMS) == len(set(TERMS))


def test_the_api_page_has_every_public_name() -> None:
    page = (DOCS / "api.md").read_text()
    rooms = (edge_naca, edge_naca.export, edge_naca.host, edge_naca.testing)
    names = {name for room in rooms for name in room.__all__} - {"__version__"}
    directives = set(
        re.findall(r"^\.\. auto(?:class|function|exception|data):: (\w+)$", page, re.MULTILINE)
    )
    assert directives == names


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_files_that_pages_name_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:edge_naca|export|host|firmware|tests|docs|benchmarks)/[\w/.-]+)`", page.read_text()
    )
    for name in named:
        assert (ROOT / name).exists() or "NAME" in name, name


@pytest.mark.parametrize("source", PICTURES, ids=lambda source: source.name)
def test_pictures_are_drawn_from_their_sources_and_name_what_exists(source: Path) -> None:
    text = source.read_text()
    drawn = html.unescape(source.with_suffix(".svg").read_text())
    lines = [
        line
        for label in re.findall(r'\blabel="([^"]*)"', text)
        for line in re.split(r"\\[nl]", label)
    ]
    for line in filter(None, map(str.strip, lines)):
        assert line in drawn, f"{source.name} says {line!r}: `make pictures`"
    rooms = ("", "edge_naca", "firmware/core/src", "firmware/link/src", "export/onnx_import")
    homes = [ROOT / room for room in rooms]
    files = re.findall(r"[\w/]+\.(?:py|c)\b", " ".join(lines))
    assert files or source.stem == "rooms"
    for name in files:
        assert any((home / name).is_file() for home in homes), name
    if source.stem == "rooms":
        for name in re.findall(r'label="((?:edge_naca|host|export|firmware)[\w/]*)', text):
            assert (ROOT / name).is_dir(), name


@pytest.mark.slow
def test_the_site_is_built_without_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "--conf-dir",
        "docs",
        "--doctree-dir",
        str(tmp_path / "trees"),
    ]
    command += ["-b", "html", "--nitpicky", "--fail-on-warning", "--keep-going", "--quiet"]
    done = subprocess.run(
        [*command, ".", str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site/docs/architecture.html").read_text()
    for picture in PICTURES:
        assert f"{picture.stem}.svg" in page
        assert any((tmp_path / "site").rglob(picture.with_suffix(".svg").name))
    assert not re.search(r'(?:src|href)="(?:https?:)?//[^"]*\.(?:js|css|woff2?)', page), (
        "fetched when viewed"
    )
