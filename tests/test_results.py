"""Committed measurements are whole, and the pages beside them are made from them."""

import re
from pathlib import Path

import pytest
import results
import tables

FILES = sorted(results.FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_result_says_how_to_get_it_again(path: Path) -> None:
    measurement = results.read(path)
    assert measurement.command
    assert re.fullmatch(r"[0-9a-f]{7,40}\+?", measurement.commit)
    assert measurement.data
    assert all(re.fullmatch("[0-9a-f]{16,64}", digest) for digest in measurement.data.values())


@pytest.mark.parametrize("path", tables.pages(), ids=lambda path: path.stem)
def test_a_page_is_what_its_result_gives(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == tables.pages()[path]
