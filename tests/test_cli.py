"""The command line: what each command does, and how it fails."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import results
from commands import call, done, failed, object_of
from support import CORE, ROOT

from edge_naca import __version__, data, image, presets, recipes, scenarios
from edge_naca.core import Core
from edge_naca.export import OnnxLearner, load_image, save_image, state_from, to_onnx
from edge_naca.files import read_file
from edge_naca.host import virtual

COMMANDS: tuple[list[str], ...] = (
    [],
    ["demo"],
    ["train"],
    ["evaluate"],
    ["inspect"],
    ["raster"],
    ["export"],
    ["check"],
    ["import"],
    ["merge"],
    ["diff"],
    ["bench"],
    ["bench", "class-incremental"],
    ["bench", "weight-changes"],
)
EDGE_NACA = [sys.executable, "-c", "from edge_naca.cli import main; main(prog_name='edge-naca')"]


def save_table(path: Path, classes: int) -> Path:
    """Write a .csv of real numbers, 20 samples of each class."""
    rng = np.random.default_rng(1)
    lines = ["a,b,c,kind"]
    for label in range(classes):
        centre = np.eye(3)[label % 3] * (3 + label)
        lines += [
            f"{a:.3f},{b:.3f},{c:.3f},kind {label}" for a, b, c in rng.normal(centre, 0.3, (20, 3))
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an image that learned digits, one that learned a table, and data."""
    path = tmp_path_factory.mktemp("cli")
    done("train", "digits", "-o", path / "digits.naca", "--max-kib", "8")
    save_table(path / "table.csv", 3)
    done("train", path / "table.csv", "-o", path / "table.naca", "--capacity", "5")
    return path


# ---- help and usage ----------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_teaches(command: list[str]) -> None:
    text = done(*command, "--help")
    assert "Usage: edge-naca" in text
    if command != ["bench"]:
        assert "  edge-naca " in text
    assert text == done(*command, "-h")


def test_version_is_the_package_s_and_those_of_the_formats() -> None:
    first, second = done("--version").splitlines()
    assert first == f"edge-naca, version {__version__}"
    told = dict(part.rsplit(" ", 1) for part in second.removeprefix("formats: ").split(", "))
    for name, page, sentence in (
        ("image", "image.md", r"\| version \| (\d+) \| of this format"),
        ("saved state", "image.md", r"the\n\"(\d+)\" in its magic"),
        ("link protocol", "protocol.md", r"Protocol version (\d+)\."),
        ("saves in flash", "store.md", r"Format version (\d+), little"),
    ):
        stated = re.search(sentence, (ROOT / "docs" / page).read_text(encoding="utf-8"))
        assert stated is not None
        assert told.pop(name) == stated[1]
    assert told == {"recording": "2"}
    assert object_of("config")["formats"]["recording"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["teach"], "No such command 'teach'"),
        (["train"], "Missing argument 'DATA...'"),
        (["train", "digits"], "Missing option '-o'"),
        (["train", "digits", "-o", "x", "--order", "up"], "'up' is not one of"),
        (["train", "digits", "-o", "x", "--epochs", "0"], "0 is not in the range"),
        (["train", "digits", "-o", "x", "--seed", "-1"], "-1 is not in the range"),
        (["train", "digits", "-o", "x", "--bits", "9"], "9 is not in the range"),
        (["train", "digits", "-o", "x", "--weight-bits", "5"], "'5' is not one of"),
        (["train", "digits", "-o", "x", "--max-kib", "0"], "0.0 is not in the range"),
        (["train", "digits", "-o", "x", "--test-fraction", "1"], "1.0 is not in the range"),
        (["train", "digits", "-o", "x", "--plot", "x.gif"], "pictures are written as .png"),
        (["train", "digits", "-o", "x", "--labels", "y.npy"], "--labels goes with samples"),
        (["train", "digits", "-o", "x", "--label-column", "a"], "--label-column goes with"),
        (
            ["train", "digits", "-o", "x", "--max-kib", "9", "--neurons-per-class", "3"],
            "either --max-kib or --neurons-per-class",
        ),
        (
            ["train", "digits", "-o", "x", "--continue", "y", "--weight-bits", "4"],
            "--weight-bits: the image given to --continue decides that",
        ),
        (["export", "x.naca", "-o", "x"], "say what to export as, one of: --c, --onnx"),
        (["export", "x.naca", "-o", "x", "--c", "--onnx"], "--c and --onnx: export one form"),
        (
            ["export", "x.naca", "-o", "x", "--onnx", "--name", "y"],
            "--name goes with --c and with libraries",
        ),
        (
            ["export", "x.naca", "-o", "x", "--nir", "--header-only"],
            "--header-only and --no-core go with --c",
        ),
        (
            ["export", "x.naca", "-o", "x", "--c", "--input-type", "codes"],
            "--input-type goes with --onnx and --onnx-learning",
        ),
        (["raster", "x.naca", "digits", "-o", "x.gif"], "pictures are written as .png"),
        (["evaluate", "x.naca", "digits", "--plot", "x"], "pictures are written as .png"),
        (["bench", "class-incremental"], "Missing option '--data'"),
        (["bench", "class-incremental", "--data", "digits", "--output", "x.txt"], "in .md or"),
        (["bench", "class-incremental", "--data", "digits", "--seeds", "0"], "0 is not in the"),
        (["bench", "weight-changes"], "Missing option '--data'"),
        (["bench", "weight-changes", "--data", "digits", "--plot", "x.gif"], "written as .png"),
        (["demo", "--data", "cifar"], "'cifar' is not one of"),
        (["emulate", "--pty", "--tcp", "5555"], "give either --pty or --tcp, not both"),
        (["emulate", "--board", "b", "--pty"], "--board brings its own port: leave out --pty"),
        (["emulate", "--board", "b", "--tcp", "5555"], "--board brings its own port"),
        (["emulate", "--board", "b", "--chaos", "lose=1%"], "--board brings its own port"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_ends_with_2(words: list[str], message: str) -> None:
    assert message in failed(2, *words)


# ---- train -------------------------------------------------------------------------------------


def test_train_teaches_what_the_library_would(folder: Path) -> None:
    dataset = data.load("digits")
    core = Core(recipes.network_for(dataset, max_kib=8))
    history = scenarios.run(core, dataset, scenarios.stream(dataset))
    taught = load_image(folder / "digits.naca")
    assert taught.state() == core.state()
    metadata = taught.network.metadata
    assert metadata["classes"] == list("0123456789")
    (record,) = metadata["training"]
    assert record["accuracy"] == history.final
    assert record["forgetting"] == history.forgetting
    assert record["digest"] == dataset.digest()
    assert record["version"] == __version__
    assert record["command"].startswith("edge-naca train digits -o ")
    assert record["command"].endswith(" --max-kib 8")


def test_train_shows_every_class_and_what_was_forgotten(tmp_path: Path) -> None:
    text = done("train", save_table(tmp_path / "t.csv", 3), "-o", tmp_path / "t.naca")
    for label in range(3):
        assert re.search(rf"^kind {label} +16 +[\d.]+ %", text, re.MULTILINE)
    assert "What was forgotten" in text
    assert re.search(r"t\.naca: [\d.]+ % on the test samples", text)


def test_classes_may_have_odd_names_and_no_test_samples(tmp_path: Path) -> None:
    lines = ["a,b,kind", "9,1,[bold]A :smile:", *["1,9,ü"] * 10, *["5,5,x"] * 10]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    words = ["train", tmp_path / "t.csv", "-o", tmp_path / "t.naca"]
    text = done(*words)
    assert re.search(r"^\[bold\]A :smile +1 +– +–$", text, re.MULTILINE)
    assert "│ [bold]A :smile: │" in text
    result = object_of(*words)
    assert result["per_class"]["[bold]A :smile:"] is None
    assert result["stages"][0]["accuracy"] is None
    assert result["accuracy"] == result["per_class"]["ü"] == 1
    assert "[bold]A :smile:" in done("inspect", tmp_path / "t.naca")


def test_train_says_it_all_in_json(tmp_path: Path) -> None:
    output, picture = tmp_path / "d.naca", tmp_path / "d.png"
    result = object_of(
        "train", "digits", "-o", output, "--neurons-per-class", 3, "--seed", 4, "--weight-bits", 4,
        "--bits", 2, "--plot", picture,
    )  # fmt: skip
    core = load_image(output)
    assert core.network.topology == "64-30-10"
    assert core.network.populations[0].weight_bits == 4
    assert result["accuracy"] > 0.8
    assert result["state_hash"] == f"{core.state_hash():08x}"
    assert result["state_bytes"] == len(core.state())
    assert result["image_bytes"] == output.stat().st_size
    assert sorted(result["per_class"]) == list("0123456789")
    assert [stage["title"] for stage in result["stages"]] != list("0123456789")
    assert sum(stage["samples"] for stage in result["stages"]) == result["samples"] == 1437
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("order", ["shuffled", "given"])
def test_other_orders_and_epochs(tmp_path: Path, order: str) -> None:
    table = save_table(tmp_path / "t.csv", 3)
    result = object_of("train", table, "-o", tmp_path / "t.naca", "--order", order, "--epochs", 2)
    assert result["forgetting"] is None
    assert result["samples"] == 2 * 48
    assert result["accuracy"] > 0.9
    assert load_image(tmp_path / "t.naca").seen().tolist() == [32, 32, 32]


def test_arrays_are_learned_like_tables(tmp_path: Path) -> None:
    x, y = np.eye(4, dtype=np.uint8)[np.arange(40) % 4] * 100, np.arange(40) % 4
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "xy.npz", x=x, y=y)
    hashes = {
        object_of("train", *words, "-o", tmp_path / "t.naca")["state_hash"]
        for words in (
            [tmp_path / "x.npy", "--labels", tmp_path / "y.npy"],
            [tmp_path / "xy.npz"],
        )
    }
    assert len(hashes) == 1


def test_continuing_is_as_if_never_saved(folder: Path, tmp_path: Path) -> None:
    """Two classes, then a third: the same state as all three from the start."""
    lines = (folder / "table.csv").read_text().splitlines()
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("\n".join(lines[:41]) + "\n")
    second.write_text("\n".join([lines[0], *lines[41:]]) + "\n")
    image = tmp_path / "t.naca"
    done("train", first, "-o", image, "--capacity", 3, "--test-fraction", 0)
    before = load_image(image)
    result = object_of("train", second, "--continue", image, "-o", image, "--test-fraction", 0)
    after = load_image(image)
    assert result["classes"] == ["kind 0", "kind 1", "kind 2"]
    assert [record["samples"] for record in after.network.metadata["training"]] == [40, 20]
    assert after.seen().tolist() == [20, 20, 20]
    # Order, and so the state, is what the library gives for the same samples.
    added = data.read(second, test_fraction=0).with_classes(result["classes"])
    (stage,) = scenarios.stream(added)
    before.learn_many(added.x_train[stage.indices], added.y_train[stage.indices])
    assert before.state() == after.state()


def test_continuing_refuses_more_classes_than_there_is_room_for(
    folder: Path, tmp_path: Path
) -> None:
    table = save_table(tmp_path / "t.csv", 6)
    message = failed(
        1, "train", table, "--continue", folder / "table.naca", "-o", tmp_path / "t.naca"
    )
    assert "room for 5 classes, but with those of t there would be 6" in message
    assert not (tmp_path / "t.naca").exists()


def test_samples_of_another_kind_are_refused(folder: Path, tmp_path: Path) -> None:
    digits = data.load("digits")
    image, path = folder / "digits.naca", tmp_path / "other.npz"
    goes_on = ["--continue", image, "-o", tmp_path / "t.naca"]
    np.savez(path, x=digits.x_train[:, 1:], y=digits.y_train)
    assert "takes samples of 64 numbers, not (7, 8)" in failed(1, "train", path, *goes_on)
    assert "takes samples of 64 numbers, not (7, 8)" in failed(1, "evaluate", image, path)
    np.savez(path, x=digits.x_train / 2, y=digits.y_train)
    said = "the network takes integers, but the samples are real numbers"
    assert said in failed(1, "train", path, *goes_on)
    assert said in failed(1, "evaluate", image, path)
    message = failed(1, "evaluate", folder / "table.naca", "digits")
    assert "knows none of the classes of digits (0, 1, 2, 3, 4 and 5 more), but " in message


def test_a_failure_leaves_the_old_image(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old.naca"
    shutil.copy(folder / "table.naca", old)
    content = old.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    result = call("train", folder / "table.csv", "-o", old)
    assert result.exit_code == 1
    assert re.fullmatch(r"Error: .*No space left on device\n", result.stderr)
    assert old.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["old.naca"]


def test_an_interruption_leaves_the_old_image(folder: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.naca"
    shutil.copy(folder / "digits.naca", old)
    content = old.read_bytes()
    words = ["train", "digits", "-o", str(old), "--epochs", "1000"]
    process = subprocess.Popen(
        [*EDGE_NACA, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "accuracy" in process.stdout.readline()  # it has begun
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors == "Interrupted.\n"
    assert old.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["old.naca"]


# ---- evaluate, inspect, raster, export ---------------------------------------------------------


def test_evaluate_counts_every_sample(folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "c.svg"
    result = object_of("evaluate", folder / "digits.naca", "digits", "--plot", picture)
    core, digits = load_image(folder / "digits.naca"), data.load("digits")
    answers = core.infer_many(digits.x_test)
    right = answers["prediction"] == digits.y_test
    assert result["samples"] == 360
    assert result["accuracy"] == right.mean()
    assert result["spikes_per_sample"] == answers["spikes"].mean()
    assert result["synops_per_sample"] == answers["synops"].mean()
    matrix = np.array(result["confusion"])
    assert matrix.sum(axis=1).tolist() == np.bincount(digits.y_test).tolist()
    assert np.trace(matrix) == right.sum()
    assert result["per_class"]["3"] == right[digits.y_test == 3].mean()
    assert picture.read_bytes().startswith(b"<?xml")


def test_evaluate_in_words(folder: Path) -> None:
    text = done("evaluate", folder / "digits.naca", "digits")
    assert re.search(r"360 samples: [\d.]+ % right, 0 unanswered, \d+ spikes and \d+ syn", text)


def test_evaluate_tests_what_train_kept(folder: Path) -> None:
    trained = load_image(folder / "table.naca").network.metadata["training"][0]
    result = object_of("evaluate", folder / "table.naca", folder / "table.csv")
    assert result["samples"] == 12
    assert result["accuracy"] == trained["accuracy"]


def test_evaluate_leaves_out_what_was_never_taught(folder: Path, tmp_path: Path) -> None:
    table = save_table(tmp_path / "t.csv", 5)
    result = object_of("evaluate", folder / "table.naca", table)
    assert (result["samples"], result["left_out"]) == (12, 8)
    assert "8 samples left out" in done("evaluate", folder / "table.naca", table)


def test_evaluate_counts_no_answer(tmp_path: Path) -> None:
    table = save_table(tmp_path / "t.csv", 2)
    dataset = data.read(table)
    network = recipes.network_for(dataset)
    network.metadata["classes"] = list(dataset.classes)
    save_image(network, tmp_path / "new.naca")
    result = object_of("evaluate", tmp_path / "new.naca", table)
    assert result["unanswered"] == result["samples"] == 8
    assert result["accuracy"] == 0
    assert "no answer (4)" in done("evaluate", tmp_path / "new.naca", table)


def test_inspect_tells_what_is_needed(folder: Path) -> None:
    path = folder / "digits.naca"
    core = load_image(path)
    result = object_of("inspect", path)
    assert result["flash_bytes"] == path.stat().st_size
    assert result["ram_bytes"] == core.workspace_size
    assert result["state_bytes"] == len(core.state()) <= 8192
    assert result["state_hash"] == f"{core.state_hash():08x}"
    assert result["topology"] == core.network.topology
    assert result["learned_samples"] == 1437
    assert result["preparation"]["outputs"] == 64
    assert [entry["name"] for entry in result["classes"]] == list("0123456789")
    assert sum(entry["samples"] for entry in result["classes"]) == 1437
    hidden, output = result["populations"]
    assert sum(entry["recruited"] for entry in result["classes"]) == hidden["recruited"]
    weights = core.weights(0)
    assert hidden["weights"]["most"] == weights.max()
    assert output["rule"] == {"post": "all", "signal": "table", "pre": "bounded"}
    assert set(result["sections"]) >= {"NETW", "PREP", "STAT", "META", "MOD0"}
    assert result["training"][0]["data"] == "digits"


def test_inspect_in_words(folder: Path) -> None:
    text = done("inspect", folder / "digits.naca")
    size = (folder / "digits.naca").stat().st_size
    for fact in (f"{size} bytes", "bitplane, 3 bits", "10 of 10", "winner · table", "taught by"):
        assert fact in text
    text = done("inspect", folder / "table.naca")
    for fact in ("3 real numbers, with their sign: 3 codes", "3 of 5", "kind 2"):
        assert fact in text


def test_inspect_an_image_without_names_or_learning(tmp_path: Path) -> None:
    save_image(presets.competitive(6, 2, 3), tmp_path / "new.naca")
    result = object_of("inspect", tmp_path / "new.naca")
    assert (result["classes"], result["preparation"]) == ([], None)
    assert result["populations"][0]["weights"] is None
    assert "codes or events" in done("inspect", tmp_path / "new.naca")
    core = load_image(tmp_path / "new.naca")
    core.learn(np.ones(6, int), 1)
    save_image(core, tmp_path / "new.naca")
    names = [entry["name"] for entry in object_of("inspect", tmp_path / "new.naca")["classes"]]
    assert names == ["0", "1"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda content: content[:-1], "are there"),
        (lambda content: content[:40] + b"\xff" + content[41:], "checksum does not match"),
        (lambda content: b"junk", "not an edge-naca image"),
        (lambda content: b"", "not an edge-naca image"),
    ],
    ids=["cut", "flipped", "junk", "empty"],
)
@pytest.mark.parametrize("command", ["inspect", "evaluate", "export", "raster", "train"])
def test_damaged_images_are_refused(
    folder: Path, tmp_path: Path, spoil: Any, message: str, command: str
) -> None:
    path = tmp_path / "bad.naca"
    path.write_bytes(spoil((folder / "digits.naca").read_bytes()))
    words: dict[str, list[object]] = {
        "inspect": [path],
        "evaluate": [path, "digits"],
        "export": [path, "--c", "-o", tmp_path / "c"],
        "raster": [path, "digits", "-o", tmp_path / "r.png"],
        "train": ["digits", "--continue", path, "-o", tmp_path / "new.naca"],
    }
    text = failed(1, command, *words[command])
    assert message in text
    assert "bad.naca" in text
    assert [entry.name for entry in tmp_path.iterdir()] == ["bad.naca"]


def test_raster_draws_one_sample(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "r.pdf"
    result = object_of("raster", folder / "digits.naca", "digits", "--sample", 5, "-o", output)
    core, digits = load_image(folder / "digits.naca"), data.load("digits")
    expected = core.infer(digits.x_test[5])
    assert (result["spikes"], result["synops"]) == (expected.spikes, expected.synops)
    assert result["answer"] == str(expected.prediction)
    assert result["class"] == str(digits.y_test[5])
    assert output.read_bytes().startswith(b"%PDF")
    assert "class 5" in done(
        "raster", folder / "digits.naca", "digits", "--sample", 3, "-o", tmp_path / "r.png"
    )
    message = failed(2, "raster", folder / "digits.naca", "digits", "--sample", 360, "-o", output)
    assert "--sample must be below 360" in message


def test_raster_scales_real_numbers(folder: Path, tmp_path: Path) -> None:
    result = object_of(
        "raster", folder / "table.naca", folder / "table.csv", "-o", tmp_path / "r.png"
    )
    assert result["answer"] == result["class"] == "kind 0"


def test_export_writes_c(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "src"
    text = done("export", folder / "digits.naca", "--c", "-o", target)
    assert sorted(path.name for path in target.iterdir()) == [
        "Makefile", "digits.c", "digits.h", "digits_check.c", "digits_example.c", "naca"
    ]  # fmt: skip
    assert "digits_example.c" in text
    result = object_of("export", folder / "digits.naca", "--c", "-o", target, "--name", "reader")
    assert result["name"] == "reader"
    assert result["core"] == str(target / "naca")
    copied = {path.relative_to(target / "naca/core") for path in target.glob("naca/core/**/*.*")}
    assert copied == {path.relative_to(CORE) for path in CORE.rglob("*.*")}
    assert "MIT License" in (target / "naca/LICENSE").read_text()
    assert all(Path(file).is_file() for file in result["files"])
    (target / "Makefile").write_text("all:\n")  # somebody's own, which stays
    done("export", folder / "digits.naca", "--c", "-o", target)
    assert (target / "Makefile").read_text() == "all:\n"
    message = failed(1, "export", folder / "digits.naca", "--c", "-o", target, "--name", "3 x")
    assert "cannot name C source" in message
    assert "(--name)" in message


def test_export_writes_onnx(folder: Path, tmp_path: Path) -> None:
    core, path = load_image(folder / "digits.naca"), tmp_path / "digits.onnx"
    text = done("export", folder / "digits.naca", "--onnx", "-o", path, "--input-type", "uint8")
    assert f"Wrote {path}" in text
    assert re.search(r"^  sample +uint8 +8×8×1$", text, re.MULTILINE)
    assert re.search(r"^  prediction +int32 +scalar$", text, re.MULTILINE)
    assert path.read_bytes() == to_onnx(core, input_type="uint8").SerializeToString()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["digits.onnx"]
    message = failed(
        1, "export", folder / "digits.naca", "--onnx", "-o", tmp_path / "no" / "x.onnx"
    )
    assert "there is no folder" in message


def test_export_writes_onnx_that_learns(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "learner.onnx"
    result = object_of("export", folder / "digits.naca", "--onnx-learning", "-o", path)
    assert result["files"] == [str(path), f"{path}.state.npz"]
    assert result["inputs"]["label"] == ["int32", []]
    learner = OnnxLearner(path)
    assert learner.state() == load_image(folder / "digits.naca").state()
    with np.load(f"{path}.state.npz") as state:
        assert state_from(onnx.load(path), state) == learner.state()
        for name in state.files:
            assert result["inputs"][name] == [state[name].dtype.name, list(state[name].shape)]
            assert result["outputs"][f"{name}.next"] == result["inputs"][name]


def test_an_older_copy_of_the_core_is_kept_and_not_compiled(folder: Path, tmp_path: Path) -> None:
    words = ("export", folder / "digits.naca", "--c", "-o", tmp_path)
    assert object_of(*words, "--no-core")["core"] is None
    assert not (tmp_path / "naca").exists()
    done(*words)
    sources = tmp_path / "naca/core/src"
    (sources / "gone.c").write_text("int gone;\n")
    (sources / "run.c").write_text("int changed;\n")
    done(*words)
    assert not (sources / "gone.c").exists()
    assert (sources / "gone.c~").read_text() == "int gone;\n"
    assert (sources / "run.c~").read_text() == "int changed;\n"
    assert (sources / "run.c").read_bytes() == (CORE / "src/run.c").read_bytes()


def test_export_says_what_onnx_needs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    message = failed(1, "export", folder / "digits.naca", "--onnx", "-o", tmp_path / "x.onnx")
    assert "pip install 'edge-naca[onnx]' brings it" in message


def test_export_makes_a_name_of_the_file_s(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "digits.naca", tmp_path / "my-digits (2).naca")
    result = object_of("export", tmp_path / "my-digits (2).naca", "--c", "-o", tmp_path)
    assert result["name"] == "my_digits_2"


# ---- demo and bench ----------------------------------------------------------------------------

LINE = (
    r"edge-naca demo: data=digits accuracy=(0\.\d{4}) forgetting=(-?0\.\d{4}) "
    r"nearest_mean=0\.\d{4} sgd=0\.\d{4} samples=1437 state_kib=[\d.]+ seconds=[\d.]+ "
    r"state_hash=([0-9a-f]{8}) device_hash=([0-9a-f]{8})"
)


def test_demo_ends_with_a_line_for_scripts(tmp_path: Path) -> None:
    text = done("demo", "--data", "digits", "-o", tmp_path / "new", "--seed", 2)
    match = re.fullmatch(LINE, text.splitlines()[-1])
    assert match
    core = load_image(tmp_path / "new" / "digits.naca")
    assert match[3] == match[4] == f"{core.state_hash():08x}"
    assert float(match[1]) > 0.9
    assert core.network.metadata["training"][0]["seed"] == 2
    assert (tmp_path / "new" / "edge-naca-demo.png").read_bytes().startswith(b"\x89PNG")
    rows = re.findall(r"^(\d) +\d+( +[\d.]+ %){3} +(?:–|[\d.]+ points)$", text, re.MULTILINE)
    assert sorted(label for label, _ in rows) == list("0123456789")


def test_demo_fails_when_the_device_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = virtual.VirtualDevice
    monkeypatch.setattr(virtual, "VirtualDevice", lambda data: real(_with_another_seed(data)))
    result = call("demo", "--data", "digits", "-o", tmp_path)
    assert result.exit_code == 1
    assert "they must be equal" in result.stderr


def _with_another_seed(data: bytes) -> bytes:
    network, state = image.decode(data)
    return image.encode(replace(network, seed=network.seed + 1), state)


def test_demo_in_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder of data it learns the digits that come along; they beat both baselines."""
    monkeypatch.delenv(data.VARIABLE, raising=False)
    result = object_of("demo", "-o", tmp_path)
    assert result["data"] == "digits"
    assert result["sgd"] < 0.3 < 0.75 < result["nearest_mean"] < result["accuracy"]
    assert Path(result["picture"]).is_file()
    assert Path(result["image"]).is_file()


def test_demo_prefers_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = data.load("digits")
    large = np.kron(digits.x_train[:200] * 15, np.ones((1, 3, 3), int)).astype(np.uint8)
    np.savez(
        tmp_path / "mnist.npz",
        x_train=large, y_train=digits.y_train[:200], x_test=large, y_test=digits.y_train[:200],
    )  # fmt: skip
    monkeypatch.setenv(data.VARIABLE, str(tmp_path))
    result = object_of("demo", "-o", tmp_path)
    assert (result["data"], result["samples"]) == ("mnist", 200)


def test_bench_measures_what_the_library_would(tmp_path: Path) -> None:
    output = tmp_path / "f.json"
    result = object_of(
        "bench", "class-incremental", "--data", save_table(tmp_path / "t.csv", 3), "--seeds", 3,
        "--max-kib", 1, "--output", output, "--baselines",
    )  # fmt: skip
    written = results.read(output)
    of = {"what": "one class after another"}
    accuracy = written.figure("Accuracy and forgetting", of, "mean ± s.e.m.")
    orders = result["figures"]["accuracy"]["orders"]
    assert accuracy.runs == pytest.approx([100 * order for order in orders])
    assert written.command == result["command"]
    assert written.data == {result["data"]: result["digest"]}
    assert result["command"].startswith("edge-naca bench class-incremental --data ")
    dataset = data.read(tmp_path / "t.csv")
    expected = []
    for seed in range(3):
        network = recipes.network_for(dataset, max_kib=1, seed=seed)
        expected.append(
            scenarios.run(Core(network), dataset, scenarios.stream(dataset, seed=seed)).final
        )
    figures = result["figures"]
    assert figures["accuracy"]["orders"] == expected
    assert figures["accuracy"]["mean"] == pytest.approx(np.mean(expected))
    assert figures["accuracy"]["sem"] == pytest.approx(np.std(expected, ddof=1) / 3**0.5)
    cost = np.subtract(figures["shuffled"]["orders"], figures["accuracy"]["orders"])
    assert figures["order_cost"]["orders"] == pytest.approx(cost)
    assert {"forgetting", "nearest_mean", "sgd"} <= set(figures)
    assert result["state_bytes"] <= 1024


def test_bench_writes_markdown(tmp_path: Path) -> None:
    output = tmp_path / "f.md"
    text = done(
        "bench", "class-incremental", "--data", "digits", "--seeds", 1, "--max-kib", 8,
        "--output", output,
    )  # fmt: skip
    lines = output.read_text().splitlines()
    assert lines[0].startswith("# digits, 5-fold, 1 order, network 64-")
    assert "    edge-naca bench class-incremental --data digits" in output.read_text()
    row = next(line for line in lines if line.startswith("| one class after another |"))
    accuracy = re.search(r"\| ([\d.]+) % \|", row)
    assert accuracy
    assert float(accuracy[1]) > 95
    assert accuracy[1] in text
    assert "SGD" not in output.read_text()


def test_bench_fails_as_a_whole(tmp_path: Path) -> None:
    table = save_table(tmp_path / "t.csv", 2)
    words = ["bench", "class-incremental", "--data", table, "--output", tmp_path / "f.md"]
    assert "2 .. 20 folds" in failed(1, *words, "--folds", 50)
    assert "one neuron for each class takes" in failed(1, *words, "--max-kib", 0.01)
    assert not (tmp_path / "f.md").exists()


# ---- failures ----------------------------------------------------------------------------------


def test_bad_data_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(data.VARIABLE, raising=False)
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n1\n")
    output = ["-o", tmp_path / "x.naca"]
    assert "no data set 'nist'" in failed(1, "train", "nist", *output)
    assert "EDGE_NACA_DATA is not set" in failed(1, "train", "mnist", *output)
    assert "line 3: 1 values" in failed(1, "train", tmp_path / "bad.csv", *output)
    assert "there is no file" in failed(1, "train", tmp_path / "none.npz", *output)
    assert "features 'edges' are for images" in failed(
        1, "train", save_table(tmp_path / "t.csv", 2), *output, "--features", "edges"
    )
    assert "No such file" in failed(1, "inspect", tmp_path / "none.naca")


@pytest.mark.parametrize(
    ("option", "number", "message"),
    [
        ("--weight-bits", "4", "weight_bits must be 8 where features are decorrelated, not 4"),
        ("--bits", "8", "bits must be in 1 .. 7 where codes have a sign"),
    ],
)
def test_what_decorrelated_features_cannot_have_is_said(
    option: str, number: str, message: str, tmp_path: Path
) -> None:
    table = save_table(tmp_path / "t.csv", 2)
    words = ("train", table, "-o", tmp_path / "t.naca", "--features", "decorrelated")
    assert message in failed(1, *words, option, number)


def test_help_tells_how_many_neurons_a_class_gets() -> None:
    for command in (["train"], ["bench", "class-incremental"]):
        text = " ".join(done(*command, "--help").split())
        assert "[30, 6 where features are decorrelated, but not to a low rank, 12 where" in text


def test_bad_places_are_refused_before_the_work(tmp_path: Path) -> None:
    assert "there is no folder" in failed(1, "train", "digits", "-o", tmp_path / "none" / "x.naca")
    assert "is a folder" in failed(1, "train", "digits", "-o", tmp_path)
    (tmp_path / "file").write_text("")
    assert "file" in failed(1, "demo", "-o", tmp_path / "file" / "deeper")


def test_odd_metadata_do_no_harm(folder: Path, tmp_path: Path) -> None:
    core = load_image(folder / "digits.naca")
    for classes, training in ((3, 3), (["x"] * 10, [3, {}]), ({}, {"a": 1})):
        core.network.metadata.clear()
        core.network.metadata.update(classes=classes, training=training)
        save_image(core, tmp_path / "odd.naca")
        assert len(object_of("inspect", tmp_path / "odd.naca")["classes"]) == 10
        done("inspect", tmp_path / "odd.naca")
    assert object_of("evaluate", tmp_path / "odd.naca", "digits")["accuracy"] > 0.9


def test_terminals_that_know_no_signs_get_question_marks(folder: Path) -> None:
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for words in (["inspect", str(folder / "digits.naca")], ["train", "--help"]):
        result = subprocess.run([*EDGE_NACA, *words], capture_output=True, env=ascii_only)
        assert result.returncode == 0
        assert result.stdout.isascii()


def test_interruption_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "load", interrupt)
    result = call("bench", "class-incremental", "--data", "digits")
    assert result.exit_code == 130
    assert result.stderr == "Interrupted.\n"


def test_the_installed_command_is_this_one() -> None:
    command = Path(sys.executable).with_name("edge-naca")
    result = subprocess.run([command, "inspect", "/none"], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stdout == ""
    assert re.fullmatch(r"Error: /none: No such file or directory\n", result.stderr)


def test_a_reader_may_leave(folder: Path) -> None:
    """Like `edge-naca inspect … | head -1`: no traceback when nobody reads on."""
    process = subprocess.Popen(
        [*EDGE_NACA, "inspect", str(folder / "digits.naca"), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.wait(timeout=120)


# ---- files that are there already ----------------------------------------------------------------


def test_what_was_taught_is_kept_when_something_else_takes_its_name(tmp_path: Path) -> None:
    output = tmp_path / "net.naca"
    done("train", "digits", "-o", output, "--neurons-per-class", 2)
    before = output.read_bytes()
    result = call("train", "digits", "-o", output, "--neurons-per-class", 3)
    assert f"what {output} was is kept as net.naca~" in result.stderr
    assert (tmp_path / "net.naca~").read_bytes() == before
    assert output.read_bytes() != before


WRITING = {
    "picture-of-an-image": ("inspect NET --plot OUT.svg", "OUT.svg"),
    "picture-of-answers": ("evaluate NET digits --plot OUT.png", "OUT.png"),
    "picture-of-a-difference": ("diff NET NET --plot OUT.pdf", "OUT.pdf"),
    "picture-of-learning": ("train digits -o OTHER --plot OUT.png", "OUT.png"),
    "picture-of-changes": ("bench weight-changes --data digits --plot OUT.png", "OUT.png"),
    "raster": ("raster NET digits -o OUT.png", "OUT.png"),
    "image": ("merge NET STATE -o OUT.naca", "OUT.naca"),
    "untaught": ("train digits --untaught -o OUT.naca", "OUT.naca"),
    "c": ("export NET --c -o FOLDER --name out", "FOLDER/out_example.c"),
    "onnx": ("export NET --onnx -o OUT.onnx", "OUT.onnx"),
    "nir": ("export NET --nir -o OUT.nir", "OUT.nir"),
    "state": ("export NET --onnx-learning -o OUT.onnx", "OUT.onnx.state.npz"),
    "figures": ("bench class-incremental --data digits --folds 2 --output OUT.md", "OUT.md"),
}


@pytest.mark.parametrize("name", WRITING)
def test_what_a_file_was_is_kept_whatever_is_written_over_it(net: Path, name: str) -> None:
    """A name may be that of another file by mistake, or of a source that somebody has changed."""
    command, target = (
        text.replace("OUT", str(net.parent / "out")).replace("FOLDER", str(net.parent))
        for text in WRITING[name]
    )
    words = command.replace("NET", str(net)).replace("OTHER", str(net.parent / "other"))
    words = words.replace("STATE", str(net.with_suffix(".state")))
    path = Path(target)
    path.write_bytes(b"the thesis")
    path.chmod(0o640)
    result = call(*words.split())
    assert result.exit_code == 0, result.output
    kept = path.with_name(f"{path.name}~")
    assert f"what {path} was is kept as {kept.name}" in result.stderr
    assert kept.read_bytes() == b"the thesis"
    assert kept.stat().st_mode & 0o777 == 0o640
    assert path.read_bytes() != b"the thesis"
    assert not list(net.parent.glob("*.part"))
    assert not list(net.parent.glob(".*"))


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """Return a small network that has learned, in a folder of its own, its state beside it."""
    dataset = data.load("digits")
    core = Core(recipes.network_for(dataset, neurons_per_class=2))
    core.learn_many(dataset.x_train[:50], dataset.y_train[:50])
    (tmp_path / "net.naca").write_bytes(core.image())
    (tmp_path / "net.state").write_bytes(core.save_state())
    return tmp_path / "net.naca"


def test_what_would_be_written_anyway_is_not_kept_twice(net: Path) -> None:
    words = ["merge", net, net.with_suffix(".state"), "-o", net.parent / "same.naca"]
    for _ in range(2):
        result = call(*words)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
    assert not (net.parent / "same.naca~").exists()


def test_the_demo_keeps_what_had_its_names(tmp_path: Path) -> None:
    names = ("edge-naca-demo.png", "digits.naca")
    for name in names:
        (tmp_path / name).write_bytes(b"mine")
    done("demo", "--data", "digits", "-o", tmp_path)
    assert [(tmp_path / f"{name}~").read_bytes() for name in names] == [b"mine", b"mine"]


def test_c_sources_are_written_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "net.naca"
    done("train", "digits", "-o", output, "--neurons-per-class", 2)
    count = 0

    def full(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = failed(1, "export", output, "--c", "-o", tmp_path / "src")
    assert "No space left" in message
    assert not [path for path in (tmp_path / "src").rglob("*") if path.is_file()]


def test_a_file_is_no_folder_for_c_sources(tmp_path: Path) -> None:
    output = tmp_path / "net.naca"
    done("train", "digits", "-o", output, "--neurons-per-class", 2)
    message = failed(1, "export", output, "--c", "-o", output)
    assert "is a file: name a folder" in message


@pytest.mark.parametrize("room", [(), ("--capacity", 3)])
def test_a_single_class_is_warned_of(tmp_path: Path, room: tuple[object, ...]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,z,state\n" + "".join(f"{n % 3},{n % 5},walk\n" for n in range(20)))
    result = call("train", path, *room, "-o", tmp_path / "o.naca")
    assert result.exit_code == 0, result.output
    warning = "Warning: column 'state' of t holds one class only, 'walk', so that nothing can be"
    assert result.stderr.startswith(warning) == (not room)
    assert result.stderr.count("\n") == (not room)


@pytest.mark.parametrize("command", [("inspect",), ("check",), ("diff", "{pipe}")])
def test_a_pipe_is_not_waited_for(tmp_path: Path, command: tuple[str, ...]) -> None:
    pipe = tmp_path / ("m.onnx" if command == ("check",) else "p.naca")
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="is a pipe, not a file"):
        read_file(pipe)
    words = [word.format(pipe=pipe) for word in command]
    assert "is a pipe" in failed(1, *words, pipe)


def test_an_image_may_name_more_classes_than_it_has_room_for(tmp_path: Path) -> None:
    core = Core(replace(presets.competitive(4, 3), metadata={"classes": list("abcdefghi")}))
    (tmp_path / "m.naca").write_bytes(core.image())
    assert "c" in done("inspect", tmp_path / "m.naca")
    done("diff", tmp_path / "m.naca", tmp_path / "m.naca")


@pytest.mark.parametrize("option", ["--max-kib", "--test-fraction", "--unknown"])
def test_nan_is_no_number(tmp_path: Path, option: str) -> None:
    words = ("train", "digits", option, "nan", "-o", tmp_path / "m.naca")
    assert f"'{option}': 'nan' is no number" in failed(2, *words)
