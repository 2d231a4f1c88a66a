"""Names that no file can hold are found where they enter; files may have any name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call, failed, object_of
from onnx import helper
from onnx_models import build, save
from serving import NETWORK

from edge_naca import data, image
from edge_naca.export import load_image
from edge_naca.export.nir.front_end import nir_network
from edge_naca.export.onnx_import.front_end import OnnxOptions, onnx_network
from edge_naca.image import ImageError
from edge_naca.printable import check_names

ODD = os.fsdecode(b"b\xff")  # a file's name that is no UTF-8
TABLE = "x,z,y\n" + "".join(f"{n % 3},{n % 5},{'ab'[n % 2]}\n" for n in range(20))


def test_halves_are_told_from_whole_characters() -> None:
    check_names("the column", ["", "a", "Größe", "走", "\U0001f52c", 3])
    with pytest.raises(ValueError, match=r"the column 'b\\udcff' \(number 2\) holds half of a"):
        check_names("the column", ["a", ODD])


@pytest.mark.parametrize("where", [{"classes": ["a", ODD]}, {"notes": {"by": ODD}}, {ODD: 1}])
def test_metadata_with_half_a_character_are_refused(where: dict[str, Any]) -> None:
    with pytest.raises(ImageError, match=r"half of a character, .*b\\udcff"):
        image.encode(replace(NETWORK, metadata=where))


def test_classes_in_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "n.npz", x=np.arange(4)[:, None], y=["a", ODD, "a", ODD])
    with pytest.raises(data.DataError, match=r"class name 'b\\udcff' holds the character U\+DCFF"):
        data.read(tmp_path / "n.npz", test_fraction=0)


@pytest.mark.parametrize("encoding", ["unicode_escape", "utf-7"])
@pytest.mark.parametrize("place", ["column", "class"])
def test_tables_in_encodings_that_can_say_halves(tmp_path: Path, encoding: str, place: str) -> None:
    half = {"unicode_escape": "\\udcff", "utf-7": "+3P8-"}[encoding]
    text = TABLE.replace("z", half, 1) if place == "column" else TABLE.replace(",a", f",{half}")
    (tmp_path / "t.csv").write_text(text)
    words = ["train", tmp_path / "t.csv", "--encoding", encoding, "-o", tmp_path / "o.naca"]
    message = failed(1, *words)
    line = 1 if place == "column" else 2
    assert f"line {line}: there is half of a character, \\udcff, which no file can" in message
    assert not (tmp_path / "o.naca").exists()


@pytest.mark.parametrize("convert", [onnx_network, nir_network])
def test_classes_of_a_model_are_looked_at_first(
    tmp_path: Path, convert: Callable[..., Any]
) -> None:
    with pytest.raises(ValueError, match=r"classes: the class .* holds half of a character"):
        convert(tmp_path / "no file", np.zeros((1, 1)), classes=["a", ODD])


def test_a_table_and_an_image_of_any_name(tmp_path: Path) -> None:
    table, model = tmp_path / f"{ODD}.csv", tmp_path / f"{ODD}.naca"
    table.write_text(TABLE)
    object_of("train", table, "-o", model)
    (entry,) = load_image(model).network.metadata["training"]
    assert entry["data"] == r"b\udcff"
    assert r"b\udcff.csv" in entry["command"]
    recording = tmp_path / f"{ODD}.jsonl"
    words = ["stream", "--port", f"emulate:{model}", "--data", table, "--record", recording]
    assert object_of(*words)["done"] == 16
    assert object_of("replay", recording, "--emulate", model)["done"] == 16


def test_a_model_of_any_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(2, 4)).astype(np.float32)}
    gemm = helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)
    path = save(build([gemm], weights, [1, 4]), tmp_path).rename(tmp_path / f"{ODD}.onnx")
    x, y = rng.integers(0, 255, (20, 4)), np.arange(20) % 2
    np.savez(tmp_path / "d.npz", x=x, y=y)
    network, _ = onnx_network(path, x, OnnxOptions(full_scale=255))
    assert image.encode(network)
    words = ["--full-scale", 255, "--calibrate", tmp_path / "d.npz", "-o", tmp_path / "o.naca"]
    result = call("import", path, *words)
    assert result.exit_code == 0, result.output
    about = load_image(tmp_path / "o.naca").network.metadata["imported"]
    assert about["model"] == r"b\udcff.onnx"


@pytest.mark.parametrize("option", ["--label-column", "--drop", "--columns"])
def test_options_that_name_columns(tmp_path: Path, option: str) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    message = failed(1, "train", tmp_path / "t.csv", option, ODD, "-o", tmp_path / "o.naca")
    assert r"there is no column 'b\udcff'" in message
