"""The base installs light: what it does without any extra, and what it says of what is missing."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click
import numpy as np
import pytest
from distributions import closure, requirements
from support import program, run

from edge_naca.cli import main
from edge_naca.extras import PACKAGES, MissingExtraError, require

HEAVY = ("numpy", *PACKAGES)
COMMAND = (sys.executable, "-c", "from edge_naca.cli import main; main(prog_name='edge-naca')")


# ---- what is imported when ---------------------------------------------------------------------


def _commands(group: click.Group, *words: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    yield words
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, *words, name)
        else:
            yield (*words, name)


def test_help_loads_nothing_heavy() -> None:
    commands = list(_commands(main))
    assert len(commands) > 20
    program = f"""
import json, sys
from edge_naca.cli import main
loaded = {{}}
for words in {commands!r}:
    main([*words, "--help"], standalone_mode=False)
    loaded[" ".join(words)] = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps(loaded))
"""
    loaded = json.loads(run(sys.executable, "-c", program).splitlines()[-1])
    assert {words: modules for words, modules in loaded.items() if modules} == {}


def test_the_list_of_commands_imports_none() -> None:
    program = """
import sys
from edge_naca.cli import COMMANDS, main
main(["--help"], standalone_mode=False)
print([entry.place for entry in COMMANDS.values() if entry.place.split(":")[0] in sys.modules])
"""
    assert run(sys.executable, "-c", program).splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["edge_naca", "edge_naca.export", "edge_naca.host"])
def test_names_on_demand_are_those_that_type_checkers_see(name: str) -> None:
    package = importlib.import_module(name)
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {*seen, *(["__version__"] if name == "edge_naca" else [])} == set(package.__all__)
    for attribute, module in seen.items():
        assert module is not None
        home = importlib.import_module(module)
        assert getattr(package, attribute) is getattr(home, attribute)
        assert attribute in dir(package)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018


# Modules, and extras of the same names, that "all" leaves out: they are not even here.
LARGE = {"torch", "avalanche", "neurobench"}

# ---- what is declared --------------------------------------------------------------------------


def test_extras_bring_what_their_packages_are_said_to_need() -> None:
    extras = {extra for _, extra in PACKAGES.values()}
    # What a framework is a shell of comes with it.
    inside = {"river": requirements("learn")}
    for extra in extras:
        own = {name for name, other in PACKAGES.values() if other == extra}
        assert requirements(extra) == own | inside.get(extra, set())
    small = {name for name, extra in PACKAGES.values() if extra not in LARGE}
    assert requirements("all") == small
    assert requirements("dev") > requirements("all")


# ---- without extras ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment in which only what the base brings can be imported."""
    base = closure()
    refused = {
        module
        for module, names in metadata.packages_distributions().items()
        if not base & {name.lower() for name in names}
    }
    assert (set(PACKAGES) - LARGE) | {"pandas", "scipy", "hypothesis"} <= refused
    assert not refused & {"numpy", "click", "rich", "serial", "cobs", "cffi", "_cffi_backend"}
    folder = tmp_path_factory.mktemp("light")
    (folder / "sitecustomize.py").write_text(
        f"""
import sys
REFUSED = {sorted(refused)!r}
class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refusing())
""",
        encoding="utf-8",
    )
    # Without the folder of data sets: `demo` then takes the digits.
    environment = {name: value for name, value in os.environ.items() if name != "EDGE_NACA_DATA"}
    return environment | {"PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of three classes that are easy to tell apart."""
    rng = np.random.default_rng(5)
    lines = ["a,b,c,d,what"]
    for _ in range(100):
        for label, name in enumerate(("left", "middle", "right")):
            numbers = rng.normal(4 * np.eye(4)[label], 1.0)
            lines.append(",".join([*(f"{number:.3f}" for number in numbers), name]))
    path = tmp_path_factory.mktemp("table") / "sensor.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def image(light: dict[str, str], table: Path) -> Path:
    path = table.with_name("sensor.naca")
    report = json.loads(run(*COMMAND, "train", table, "-o", path, "--json", env=light))
    assert report["accuracy"] > 0.9
    return path


def test_the_base_evaluates_and_exports(
    light: dict[str, str], table: Path, image: Path, tmp_path: Path
) -> None:
    report = json.loads(run(*COMMAND, "evaluate", image, table, "--json", env=light))
    assert report["accuracy"] > 0.9
    assert report["classes"] == ["left", "middle", "right"]
    run(*COMMAND, "inspect", image, "--board", "nucleo-f446re", env=light)
    run(*COMMAND, "export", image, "--c", "-o", tmp_path / "src", env=light)
    assert {path.suffix for path in (tmp_path / "src").glob("*.*")} == {".c", ".h"}


def test_the_base_emulates_and_streams(light: dict[str, str], table: Path, image: Path) -> None:
    emulate = [*COMMAND, "emulate", str(image), "--json"]
    with program(*emulate, env=light, stdout=subprocess.PIPE, text=True) as device:
        assert device.stdout is not None
        port = json.loads(device.stdout.readline())["port"]
        told = run(
            *COMMAND, "stream", "--port", port, "--data", table, "--twin", "--json", env=light
        )
    report = json.loads(told)
    assert report["done"] == report["samples"] > 200
    assert report["accuracy"] > 0.9
    assert report["twin"] == "equal"


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        ("train digits -o new.naca", "learn"),
        ("train sensor.csv -o new.naca --plot new.png", "plot"),
        ("evaluate sensor.naca sensor.csv --plot new.png", "plot"),
        ("inspect sensor.naca --plot new.png", "plot"),
        ("diff sensor.naca sensor.naca --plot new.png", "plot"),
        ("raster sensor.naca sensor.csv -o new.png", "plot"),
        ("demo", "plot"),
        ("export sensor.naca --onnx -o new.onnx", "onnx"),
        ("export sensor.naca --onnx-learning -o new.onnx", "onnx"),
        ("export sensor.naca --nir -o new.nir", "nir"),
        ("check model.onnx", "onnx"),
        ("check model.nir", "nir"),
        ("import model.nir -o new.naca", "nir"),
        ("train sensor.csv --front-end model.onnx -o new.naca", "onnx"),
        ("watch emulate:sensor.naca --data sensor.csv --record new.jsonl", "web"),
        ("export-trace recording.jsonl -o new.pftrace", "trace"),
    ],
)
def test_a_command_names_the_extra_that_it_lacks(
    light: dict[str, str], image: Path, words: str, extra: str
) -> None:
    folder = image.parent
    for name in ("model.onnx", "model.nir"):
        (folder / name).write_bytes(b"not looked at")
    command = [*COMMAND, *words.split()]
    result = subprocess.run(command, env=light, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 1, result.stderr
    assert all(line.startswith("sensor.csv: read ") for line in result.stdout.splitlines())
    assert result.stderr.startswith("Error: this needs the package ")
    assert result.stderr.endswith(f": pip install 'edge-naca[{extra}]' brings it\n")
    assert result.stderr.count("\n") == 1
    assert not list(folder.glob("new.*")), "found out only after the work"


@pytest.mark.parametrize(
    ("code", "extra"),
    [
        ("from edge_naca import NacaClassifier", "learn"),
        ("from edge_naca.classifier.estimator import NacaClassifier", "learn"),
        ("from edge_naca.host import DeviceClassifier", "learn"),
        ("from edge_naca.host.classifier.estimator import DeviceClassifier", "learn"),
        ("from edge_naca import data; data.load('digits')", "learn"),
        ("from edge_naca.plots import figures", "plot"),
        ("from edge_naca.export import OnnxLearner; OnnxLearner('x.onnx')", "onnx"),
        ("from edge_naca.export import onnx_check; onnx_check('x.onnx')", "onnx"),
        ("from edge_naca.export import nir_check; nir_check('x.nir', None)", "nir"),
    ],
)
def test_python_names_the_extra_that_it_lacks(light: dict[str, str], code: str, extra: str) -> None:
    program = f"""
from edge_naca.extras import MissingExtraError
try:
    {code}
except MissingExtraError as error:
    print(error)
"""
    told = run(sys.executable, "-c", program, env=light)
    assert told.startswith("this needs the package ")
    assert told.endswith(f": pip install 'edge-naca[{extra}]' brings it\n")


def test_a_package_that_is_broken_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nir.py").write_text("import something_that_nir_needs\n", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "nir", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_that_nir_needs") as caught:
        require("nir")
    assert not isinstance(caught.value, MissingExtraError)
