"""Committed measurements are whole, and all that quotes them says what they say."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import results
import tables
from summaries import SUMMARIES

from edge_naca import measurement
from edge_naca.measurement import Figure, mean

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


# ---- measurements ------------------------------------------------------------------------------

ACCURACY = mean({"data": "digits"}, "accuracy", [0.5, 0.75], "%", 1)
TABLE = measurement.Table(
    "Accuracy",
    (ACCURACY, Figure({"data": "digits"}, "fits", True), Figure({"data": "x"}, "accuracy", 1, "s")),
)


def test_what_was_measured_is_read_back(tmp_path: Path) -> None:
    one = measurement.measure("t", "c", [TABLE], settings={"rate": np.float32(0.5)})  # type: ignore[dict-item]
    measurement.write(tmp_path / "x.json", one)
    assert results.read(tmp_path / "x.json") == one
    assert one.figure("Accuracy", {"data": "digits"}, "accuracy") is ACCURACY
    with pytest.raises(KeyError, match=r"2 figures are 'accuracy' of \{\} in 'Accuracy'"):
        one.figure("Accuracy", {}, "accuracy")
    with pytest.raises(KeyError, match="0 figures are 'speed'"):
        one.figure("Accuracy", {}, "speed")


def test_a_measurement_says_all_of_it_to_people() -> None:
    one = measurement.measure(
        "t", "c", [TABLE], data={"digits": "0123"}, settings={"rate": 0.5}, choice="By chance."
    )
    lines = measurement.markdown(one).splitlines()
    for line in ("Data, sha256 begins with: digits 0123.", "Settings: rate 0.5.", "By chance."):
        assert line in lines
    assert "| data | accuracy | fits | single runs |" in lines
    assert "| digits | 0.6 ± 0.1 % | yes | 0.5, 0.8 |" in lines
    assert "| x | 1 s |  |  |" in lines


def test_outside_a_repository_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurement, "REPOSITORY", tmp_path)
    assert measurement.commit() == ""
    assert ", commit" not in measurement.markdown(measurement.measure("t", "c", [TABLE]))


def test_a_commit_with_changes_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> None:
        person = ["-c", "user.name=n", "-c", "user.email=e"]
        subprocess.run(["git", *person, *words], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(measurement, "REPOSITORY", tmp_path)
    git("init")
    git("commit", "--allow-empty", "-m", "first")
    assert re.fullmatch("[0-9a-f]{12}", measurement.commit())
    (tmp_path / "source.py").touch()
    assert re.fullmatch(r"[0-9a-f]{12}\+", measurement.commit())
