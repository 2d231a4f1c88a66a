"""docs/onnx.md: its programs run, and its tables name what models take, give and say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from support import ROOT

from edge_naca import presets
from edge_naca.core import Core
from edge_naca.export import interface, to_onnx
from edge_naca.export.onnx_export.properties import PREFIX

TEXT = (ROOT / "docs" / "onnx.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def table(head: str) -> list[list[str]]:
    """Return the rows of the table whose header starts so."""
    lines = TEXT[TEXT.index(f"\n| {head} |") + 1 :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_programs_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    exec(PROGRAMS[0], names)
    share = re.fullmatch(r"(\d\d\.\d)% right before being told\n", capsys.readouterr().out)
    assert share is not None
    assert float(share[1]) > 90
    onnx.save(names["model"], tmp_path / "learner.onnx")
    monkeypatch.chdir(tmp_path)
    names |= {"pixels": names["x"][0]}
    exec(PROGRAMS[1], names)
    core = Core(names["network"])
    core.learn(names["pixels"], 7)
    assert names["learner"].image() == core.image()


def test_tables_name_what_models_take_and_give() -> None:
    network = presets.competitive(7, 3, 2, bits=3)
    inference, learning = interface(to_onnx(network)), interface(to_onnx(network, learning=True))
    told = {
        name.strip(): row[1].split()[0] for row in table("Output") for name in row[0].split(",")
    }
    assert told == {name: kind for name, (kind, _) in inference["outputs"].items()}

    taken: dict[str, str] = {"sample": "uint8"}
    given = dict(told)
    for taken_name, given_name, kind, _ in table("Input"):
        if taken_name.startswith("inhibition."):
            continue  # test_onnx_inhibition.py holds these
        dtype = kind.split()[0] if kind else ""
        if taken_name:
            taken[taken_name] = dtype
        if given_name.endswith(".next") or given_name == "changes":
            given[given_name] = dtype
    # The table shows one population's tensors.
    taken["output.weights"] = given["output.weights.next"] = "int8"
    assert taken == {name: kind for name, (kind, _) in learning["inputs"].items()}
    assert given == {name: kind for name, (kind, _) in learning["outputs"].items()}


def test_table_names_what_models_say() -> None:
    told = {name.strip() for row in table("Name") for name in row[0].split(",")}
    model = to_onnx(presets.competitive(7, 3, 2, bits=3))
    assert {PREFIX + name for name in told} == {entry.key for entry in model.metadata_props}


def test_input_types() -> None:
    network = presets.competitive(7, 3, 2, bits=3)
    for input_type, shape in (("codes", (7,)), ("spikes", (3, 7))):
        ends = interface(to_onnx(network, input_type=input_type))
        assert ends["inputs"]["sample"] == (np.dtype(np.uint8).name, shape)
