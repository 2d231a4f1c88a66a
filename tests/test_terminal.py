"""Text of others is shown so that nothing in it acts on a terminal, or breaks a picture."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from commands import call
from nir_graphs import chain, save
from serving import served
from wire import IMAGE

from edge_naca import presets
from edge_naca.cli import report
from edge_naca.core import Core
from edge_naca.host.virtual import VirtualDevice
from edge_naca.network import Preparation
from edge_naca.printable import JOINERS, LAYOUT, printable, shown, unprintable

CLI = Path(report.__file__).parent

# Titles, colours, cursor, bells, C1 codes, directions, zero widths, line ends, halves of pairs.
HOSTILE = (
    "\x1b]0;owned\x07",
    "\x1b[2J\x1b[31m",
    "\x9b31m\x90q\x9c",
    "a\x00b\x08\x7f",
    "\u202egpj.exe\u2066",
    "\u200b\u2028\u2029\ufeff",
    "\r\n\x85\x0b\x0c",
    "\ud800\udfff x",
    "[red]mark[/red] $\\frac{$ & < >",
)
# What may not leave: all controls but line ends, bidirectional signs, separators, surrogates.
ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_acts_becomes_visible(text: str) -> None:
    safe = printable(text)
    assert safe.isprintable()
    assert printable(safe) == safe
    assert not ACTING.search(printable(text, kept=LAYOUT))
    safe.encode()
    assert len(shown(text * 1000)) < 1400


def test_text_of_all_languages_stays() -> None:
    for text in ("می\u200cخواهم", "走る", "👩\u200d🔬", "Grün & Blau", "a\u00a0b", "שלום"):
        assert printable(text, kept=JOINERS) == text
        assert unprintable(text) is None
    assert unprintable("a\u202eb") == "\u202e"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return images whose metadata were written by somebody else, and data for them."""
    folder = tmp_path_factory.mktemp("hostile")
    prepared = Preparation((1, 12, 1), offset=np.zeros(12, int), gain=np.full(12, 300), shift=6)
    texts = [text for text in HOSTILE if "\ud800" not in text]  # an image cannot hold those
    network = presets.competitive(prepared, len(texts) + 1, 2)
    network = replace(
        network,
        metadata={
            "classes": [*texts, "known"],
            "columns": [HOSTILE[0]] * 12,
            "training": [{"command": text, "data": text, "image": text} for text in texts],
        },
    )
    core = Core(network)
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9000, (60, 12)), np.arange(60) % len(texts)
    core.learn_many(x, y)
    (folder / "a.naca").write_bytes(core.image())
    core.learn_many(x[:30], y[:30])
    (folder / "b.naca").write_bytes(core.image())
    (folder / "b.state").write_bytes(core.save_state())
    np.savez(folder / "d.npz", x=x[:20], y=np.full(20, "known"))
    (folder / "\x1b[31m.csv").write_text("a,b\n1,2\n")
    return {name.name: name for name in folder.iterdir()}


COMMANDS = (
    "inspect a.naca",
    "inspect a.naca --json",
    "inspect a.naca --plot FOLDER/i.svg",
    "inspect a.naca --board nucleo-f446re",
    "evaluate a.naca d.npz --test-fraction 0",
    "evaluate a.naca d.npz --test-fraction 0 --plot FOLDER/e.svg",
    "evaluate a.naca d.npz --json",
    "raster a.naca d.npz -o FOLDER/r.svg",
    "diff a.naca b.naca",
    "diff a.naca b.naca --plot FOLDER/d.svg",
    "diff a.naca b.naca --json",
    "merge a.naca b.state -o FOLDER/m.naca",
    "train d.npz --continue a.naca -o FOLDER/t.naca",
    "train \x1b[31m.csv -o FOLDER/t.naca",
    "export a.naca --c -o FOLDER/src",
    "train \x1b[31m -o FOLDER/t.naca",
    "\x1b[31m",
    "inspect --\x1b[31m",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_lets_it_through(files: dict[str, Path], command: str, tmp_path: Path) -> None:
    words = [
        str(files[word]) if word in files else word.replace("FOLDER", str(tmp_path))
        for word in command.split(" ")
    ]
    result = call(*words)
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert not ACTING.search(result.output), ascii(result.output)
    if "\x1b" not in command:
        assert result.exit_code == 0, result.output
    for picture in tmp_path.glob("*.svg"):
        ElementTree.parse(picture)


def test_one_module_prints() -> None:
    """What commands say goes through `report`, so that none forgets."""
    for path in CLI.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        printing = re.findall(r"click\.(?:secho|echo)\(|(?<![\w.])print\(|Console\(", text)
        allowed = {"report.py": 5, "program.py": 1}.get(path.name, 0)
        assert len(printing) <= allowed, path


def test_a_board_s_name_does_not_reach_the_terminal() -> None:
    device = VirtualDevice(IMAGE, board="b\x1b[31m\u202e\x9b")
    with served(device.receive, "pty") as port:
        for words in (("info", port), ("devices", port), ("info", port, "--json")):
            result = call(*words)
            assert result.exit_code == 0, result.output
            assert "b\\u001b[31m" in result.output
            assert not ACTING.search(result.output)


def test_a_node_s_name_does_not_reach_the_terminal(tmp_path: Path) -> None:
    node = onnx.helper.make_node("Sin", ["x"], ["y"], name="n\x1b[31m\u202e")
    x, y = (onnx.helper.make_tensor_value_info(name, 1, ["N", 4]) for name in "xy")
    graph = onnx.helper.make_graph([node], "g", [x], [y])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "m.onnx")
    save(tmp_path / "m.nir", chain((4,), {"type": "S\x1b[31m"}).to_dict())
    for name in ("m.onnx", "m.nir"):
        result = call("check", tmp_path / name)
        assert result.exit_code == 1, result.output
        assert "\\u001b[" in result.output
        assert not ACTING.search(result.output)
