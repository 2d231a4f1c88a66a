"""Manifests of libraries: what the tools that read them check, or their specifications ask for."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from idf_component_tools.manager import ManifestManager, UploadMode
from idf_component_tools.manifest import Manifest
from manifest_models import LibraryProperties, Module, Sample, properties
from package_images import IMAGES, plain
from platformio.package.exception import ManifestValidationError
from platformio.package.manifest.parser import ManifestParserFactory
from platformio.package.manifest.schema import ManifestSchema
from platformio.package.pack import PackagePacker
from pydantic import ValidationError

import edge_naca
from edge_naca.export import library
from edge_naca.export.example import example_output

EACH_IMAGE = pytest.mark.parametrize("image", IMAGES)


@pytest.fixture(autouse=True)
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """PlatformIO would fetch the list of licences; ours is on it."""
    known = {"licenses": [{"licenseId": "MIT"}]}
    monkeypatch.setattr(ManifestSchema, "load_spdx_licenses", staticmethod(lambda: known))


def manifest(kind: str, place: str, image: str = "plain") -> str:
    return library(IMAGES[image](), "net", kind)[place].decode()


def write(folder: Path, kind: str) -> Path:
    for place, content in library(plain(), "net", kind).items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


# ---- Arduino -----------------------------------------------------------------------------------


@EACH_IMAGE
def test_library_properties(image: str) -> None:
    values = properties(manifest("arduino", "library.properties", image))
    said = LibraryProperties.model_validate(values)
    assert (said.name, said.version) == ("edge-naca-net", edge_naca.__version__)
    assert said.includes == "net.h"
    assert "arduino" not in said.name.lower()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("category", "Learning"),
        ("version", "0.1"),
        ("name", "3/4"),
        ("url", ""),
        ("licence", "MIT"),
    ],
)
def test_bad_library_properties_are_refused(field: str, value: str) -> None:
    values = properties(manifest("arduino", "library.properties"))
    with pytest.raises(ValidationError, match=field):
        LibraryProperties.model_validate(values | {field: value})


# ---- PlatformIO --------------------------------------------------------------------------------


def test_library_json_is_what_platformio_reads(tmp_path: Path) -> None:
    home = write(tmp_path / "library", "platformio")
    read = ManifestParserFactory.new_from_file(str(home / "library.json")).as_dict()
    said = ManifestSchema().load_manifest(read)
    assert said == read  # what it does not know it would have left out
    assert (said["name"], said["version"]) == ("edge-naca-net", edge_naca.__version__)
    assert {*json.loads((home / "library.json").read_text())} <= {*said}
    for header in said["headers"]:
        assert (home / "src" / header).is_file()
    for one in said["examples"]:
        for file in one["files"]:
            assert (home / one["base"] / file).is_file()


def test_platformio_reads_the_arduino_library_too(tmp_path: Path) -> None:
    home = write(tmp_path / "library", "arduino")
    read = ManifestParserFactory.new_from_file(str(home / "library.properties")).as_dict()
    said = ManifestSchema().load_manifest(read)
    assert (said["name"], said["version"]) == ("edge-naca-net", edge_naca.__version__)


def test_platformio_packs_it(tmp_path: Path) -> None:
    home = write(tmp_path / "library", "platformio")
    with tarfile.open(PackagePacker(str(home)).pack(str(tmp_path / "out"))) as archive:
        packed = {name.removeprefix("./") for name in archive.getnames()}
    assert {*library(plain(), "net", "platformio")} <= packed


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", "1"), ("license", "MTI"), ("keywords", ["Übung"]), ("name", "")],
)
def test_a_bad_library_json_is_refused(field: str, value: object) -> None:
    values: dict[str, Any] = json.loads(manifest("platformio", "library.json"))
    with pytest.raises(ManifestValidationError, match=field):
        ManifestSchema().load_manifest(values | {field: value})


def test_the_project_finds_the_library() -> None:
    text = manifest("platformio", "examples/net/platformio.ini")
    assert re.search(r"^lib_deps = edge-naca-net=symlink://\.\./\.\.$", text, re.MULTILINE)


# ---- ESP-IDF -----------------------------------------------------------------------------------


def checked(path: Path, mode: UploadMode = UploadMode.false) -> ManifestManager:
    return ManifestManager(path, "naca_net", upload_mode=mode).validate()


def test_idf_component_is_what_its_manager_takes(tmp_path: Path) -> None:
    """By the checks of an upload, which are stricter."""
    home = write(tmp_path / "naca_net", "idf")
    said = checked(home, UploadMode.component)
    assert said._validation_errors == []
    # What the manager does not know it passes over.
    assert {*yaml.safe_load((home / "idf_component.yml").read_text())} <= {*Manifest.model_fields}
    assert str(said.manifest.version) == edge_naca.__version__
    assert said.manifest.license == "MIT"
    main = home / "examples" / "net" / "main"
    of_example = checked(main)
    assert of_example._validation_errors == []
    (needed,) = of_example.manifest.requirements
    assert (main / needed.path).resolve() == home.resolve()


@pytest.mark.parametrize("line", ["version: one", "url: nowhere", "dependencies: {idf: five}"])
def test_a_bad_idf_component_is_refused(line: str, tmp_path: Path) -> None:
    home = write(tmp_path / "naca_net", "idf")
    text = (home / "idf_component.yml").read_text()
    field = line.split(":")[0]
    kept = [old for old in text.splitlines() if not old.startswith((f"{field}:", " "))]
    (home / "idf_component.yml").write_text("\n".join([line, *kept]))
    assert checked(home, UploadMode.component)._validation_errors


# ---- Zephyr ------------------------------------------------------------------------------------


@EACH_IMAGE
def test_zephyr_module_and_sample(image: str) -> None:
    files = library(IMAGES[image](), "net", "zephyr")
    module = Module.model_validate(yaml.safe_load(files["zephyr/module.yml"]))
    assert module.name == "naca_net"
    assert module.build is not None
    assert module.build.cmake == "."
    assert {"CMakeLists.txt", module.build.kconfig} <= {*files}
    said = yaml.safe_load(files["samples/net/sample.yaml"])
    sample = Sample.model_validate(said)
    assert sample.common is not None
    assert sample.common.harness_config is not None
    assert sample.common.harness_config.regex == example_output(IMAGES[image]())


@pytest.mark.parametrize(
    "change",
    [{"name": "a b"}, {"build": {"cmake": "/x"}}, {"kconfig": "Kconfig"}, {"samples": "x"}],
)
def test_a_bad_zephyr_module_is_refused(change: dict[str, object]) -> None:
    values = yaml.safe_load(manifest("zephyr", "zephyr/module.yml"))
    with pytest.raises(ValidationError):
        Module.model_validate(values | change)
