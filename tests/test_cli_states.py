"""``merge``, ``diff`` and ``inspect`` with pictures and boards."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from commands import call, done, failed, object_of

from edge_naca import __version__, data, image, presets
from edge_naca.cli.diff import histogram
from edge_naca.core import Core
from edge_naca.export import load_image, save_image
from edge_naca.export.cost.report import assumed_activity, cost_report
from edge_naca.inhibition import Inhibition

DIGITS = data.load("digits")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an image, and the state of a device that learned more with it."""
    path = tmp_path_factory.mktemp("states")
    done("train", "digits", "-o", path / "d.naca", "--max-kib", 8)
    core = load_image(path / "d.naca")
    core.learn_many(DIGITS.x_test[:50], DIGITS.y_test[:50])
    (path / "kitchen.state").write_bytes(core.save_state())
    done("train", "digits", "-o", path / "other.naca", "--max-kib", 6)
    return path


def device(folder: Path) -> Core:
    core = load_image(folder / "d.naca")
    core.load_state((folder / "kitchen.state").read_bytes())
    return core


# ---- merge -------------------------------------------------------------------------------------


def test_merge_brings_home_what_was_learned(folder: Path, tmp_path: Path) -> None:
    new = tmp_path / "kitchen.naca"
    text = done("merge", folder / "d.naca", folder / "kitchen.state", "-o", new)
    merged, expected = load_image(new), device(folder)
    assert merged.state() == expected.state()
    assert f"1487 samples learned (+50), state hash {expected.state_hash():08x}" in text
    assert merged.network.metadata["classes"] == list("0123456789")
    first, second = merged.network.metadata["training"]
    assert first["data"] == "digits"
    assert second["command"].startswith("edge-naca merge ")
    assert second["version"] == __version__
    assert second["learned"] == 1487
    inspected = done("inspect", new)
    assert inspected.index("taught by: edge-naca train") < inspected.index("edge-naca merge")
    # It goes on where the device stopped.
    assert object_of("evaluate", new, "digits")["state_hash"] == f"{expected.state_hash():08x}"


def test_merge_in_json_and_in_place(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "d.naca"
    place.write_bytes((folder / "d.naca").read_bytes())
    result = object_of("merge", place, folder / "kitchen.state", "-o", place)
    assert result["learned_before"] == 1437
    assert result["learned"] == 1487
    assert result["state_hash"] == f"{load_image(place).state_hash():08x}"


def test_merge_names_new_classes(tmp_path: Path) -> None:
    lines = ["a,b,kind", *["9,1,x"] * 10, *["1,9,y"] * 10]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    done("train", tmp_path / "t.csv", "-o", tmp_path / "t.naca", "--capacity", 4)
    core = load_image(tmp_path / "t.naca")
    core.learn(np.array([500, 500]), 2)
    (tmp_path / "s").write_bytes(core.save_state())
    words = ["merge", tmp_path / "t.naca", tmp_path / "s", "-o", tmp_path / "n.naca"]
    assert object_of(*words)["classes"] == ["x", "y", "2"]
    assert object_of(*words, "--class", "z")["classes"] == ["x", "y", "z"]
    assert "room for 4 classes" in failed(1, *words, *["--class", "z"] * 3)


def test_merge_refuses_and_leaves_no_file(folder: Path, tmp_path: Path) -> None:
    output = ["-o", tmp_path / "x.naca"]
    network = f"{load_image(folder / 'd.naca').network_id:08x}"
    other = f"{load_image(folder / 'other.naca').network_id:08x}"
    message = failed(1, "merge", folder / "other.naca", folder / "kitchen.state", *output)
    assert "kitchen.state belongs to network " + network in message
    assert other in message
    message = failed(1, "merge", folder / "d.naca", folder / "d.naca", *output)
    assert "d.naca is no saved state" in message
    (tmp_path / "cut.state").write_bytes((folder / "kitchen.state").read_bytes()[:-4])
    assert "should have" in failed(1, "merge", folder / "d.naca", tmp_path / "cut.state", *output)
    assert "No such file" in failed(1, "merge", folder / "d.naca", tmp_path / "none", *output)
    assert "there is no folder" in failed(
        1, "merge", folder / "d.naca", folder / "kitchen.state", "-o", tmp_path / "no" / "x.naca"
    )
    assert not (tmp_path / "x.naca").exists()


# ---- diff --------------------------------------------------------------------------------------


def test_diff_says_what_changed(folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "d.png"
    words = ["diff", folder / "d.naca", folder / "kitchen.state"]
    result = object_of(*words, "--plot", picture)
    old, new = load_image(folder / "d.naca"), device(folder)
    assert not result["same"]
    assert result["before"]["state_hash"] == f"{old.state_hash():08x}"
    assert result["after"] == {
        "file": str(folder / "kitchen.state"),
        "learned": 1487,
        "state_hash": f"{new.state_hash():08x}",
    }
    moved = new.weights(0).astype(int) - old.weights(0)
    hidden = result["populations"][0]
    assert hidden["changed"] == np.count_nonzero(moved)
    assert sum(hidden["changed_by_class"]) == hidden["changed"]
    assert hidden["histogram"]["1"] == np.count_nonzero(moved == 1)
    assert sum(one["samples"][1] - one["samples"][0] for one in result["classes"]) == 50
    assert len(result["most_moved"]) == 10
    first = result["most_moved"][0]
    assert first["distance"] == pytest.approx(np.linalg.norm(moved, axis=1).max())
    assert first["class"] == str(first["owner"])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert object_of(*words, "--top", 0)["most_moved"] == []


def test_diff_in_words(folder: Path) -> None:
    text = done("diff", folder / "d.naca", folder / "kitchen.state")
    assert re.search(r"d\.naca: 1437 samples learned, hash \w{8}", text)
    assert re.search(r"│ 0 +│ 143 → \d+ │", text)
    assert re.search(r"population 0: \d+ of 6400 weights changed \([\d.]+ %\)", text)
    assert "output: 0 of 1000 weights changed (0.0 %)" in text
    assert re.search(r"│ 0\.\d+ +│ \d +│", text)


def test_diff_of_two_states_takes_their_image(folder: Path, tmp_path: Path) -> None:
    core = load_image(folder / "d.naca")
    (tmp_path / "start.state").write_bytes(core.save_state())
    states = [tmp_path / "start.state", folder / "kitchen.state"]
    assert "takes an image to say" in failed(1, "diff", *states)
    by_image = object_of("diff", *states, "--image", folder / "d.naca")
    assert by_image["after"]["learned"] == 1487
    # A state may come first as well.
    back = object_of("diff", folder / "kitchen.state", folder / "d.naca")
    assert (back["before"]["learned"], back["after"]["learned"]) == (1487, 1437)


def test_diff_ends_as_it_says(folder: Path) -> None:
    same = [folder / "d.naca", folder / "d.naca"]
    other = [folder / "d.naca", folder / "kitchen.state"]
    assert "equal, to the last bit" in done("diff", *same)
    assert call("diff", *same, "--exit-code").exit_code == 0
    assert call("diff", *other).exit_code == 0
    assert call("diff", *other, "--exit-code").exit_code == 3
    message = failed(1, "diff", folder / "d.naca", folder / "other.naca", "--exit-code")
    assert "only states of one network can be compared" in message
    assert "64-100-10" in message


def test_diff_needs_readable_files(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"junk")
    assert "junk: this is not" in failed(1, "diff", folder / "d.naca", tmp_path / "junk")
    assert "No such file" in failed(1, "diff", tmp_path / "none", folder / "d.naca")
    assert "pictures are written" in failed(
        2, "diff", folder / "d.naca", folder / "d.naca", "--plot", "x.gif"
    )


def test_histograms_count_everything_once() -> None:
    moved = {1: 5, -1: 3, 14: 2, -40: 1, 40: 7}
    lines = histogram(moved)
    counts = [int(re.split(r"  +", line.strip())[1].split(" ")[0]) for line in lines]
    assert sum(counts) == sum(moved.values())
    assert max(len(line) for line in lines) < 80
    assert lines[0].strip().startswith("-40 .. -36")
    assert lines[-1].strip().startswith("+36 .. +40")
    assert histogram({}) == []
    assert histogram({2: 1}) == [f"{'+2':>14} {1:>7} " + "▇" * 40]


# ---- inspect -----------------------------------------------------------------------------------


def test_inspect_draws(folder: Path, tmp_path: Path) -> None:
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        picture = tmp_path / f"k.{kind}"
        done("inspect", folder / "d.naca", "--plot", picture)
        assert picture.read_bytes().startswith(start)


def test_inspect_reckons_with_samples_or_without(folder: Path) -> None:
    words = ["inspect", folder / "d.naca", "--board", "nucleo-f411re"]
    assumed, real = object_of(*words)["board"], object_of(*words, "--data", "digits")["board"]
    core = load_image(folder / "d.naca")
    expected = cost_report(core, "nucleo-f411re", assumed_activity(core))
    assert assumed["infer"]["count"] == expected.infer.count
    assert assumed["activity"] == "100 of the network's own neurons, taken as samples"
    assert real["activity"] == "100 samples of digits"
    assert real["infer"]["count"] != assumed["infer"]["count"]
    assert real["fits"]
    assert real["target"]["current"]["source"].startswith("ST, datasheet DS10314")


def test_inspect_says_what_a_report_rests_on(folder: Path) -> None:
    text = " ".join(done("inspect", folder / "d.naca", "--board", "nucleo-f411re").split())
    for part in (
        "nucleo-f411re: STM32F411RE, Cortex-M4 at 100 MHz",
        "taken as samples",
        "Time: an estimate, 1.",
        "cycles for an instruction",
        "Energy: an estimate, 100 µA/MHz × 3.3 V (ST, datasheet DS10314",
        "The board: clock, flash, ram, processor: platformio/platform-ststm32 boards/",
    ):
        assert part in text
    assert "FIT" not in text
    text = done("inspect", folder / "d.naca", "--board", "nucleo-f446re")
    assert "no current of nucleo-f446re is known" in text


def test_inspect_calls_unknown_what_nobody_measured(folder: Path) -> None:
    result = object_of("inspect", folder / "d.naca", "--board", "ESP32 DevKitC")["board"]
    assert (result["board"], result["fits"]) == ("esp32-devkitc", None)
    assert result["infer"] == {"count": None, "seconds": None, "joules": None}
    assert result["ram"].keys() == {"workspace"}
    text = " ".join(done("inspect", folder / "d.naca", "--board", "esp32").split())
    assert "no Xtensa was measured" in text
    assert "Whether it fits is not known, nor how large the firmware is there" in text
    assert "│ inferred │ unknown │ unknown │ unknown │ unknown │" in text
    assert "not known of Xtensa LX6" in text
    text = " ".join(done("inspect", folder / "d.naca", "--board", "nano every").split())
    assert "(reckoned as the AVR of an ATmega1284P" in text
    text = " ".join(done("inspect", folder / "d.naca", "--board", "riscv-virt").split())
    assert "RV32IMAC at an unknown clock" in text
    assert "Time and energy: not known, as the board's clock is not." in text


def test_inspect_says_what_a_cache_holds(folder: Path, tmp_path: Path) -> None:
    board = {"processor": "Cortex-M4", "clock": {"hz": 1000000, "source": "x"}}
    path = tmp_path / "cached.json"
    path.write_text(json.dumps(board))
    words = ("inspect", folder / "d.naca", "--board", path)
    needed = sum(object_of(*words)["board"]["needed"].values())
    assert "Cache" not in done(*words)
    for size, said in (
        (needed, "all of it can stay there"),
        (needed - 1, "waiting for flash comes on top"),
    ):
        path.write_text(json.dumps(board | {"cache": {"bytes": size, "source": "x"}}))
        told = " ".join(done(*words).split())
        assert f"Cache: {size} bytes, for {needed} of image and core: {said}." in told


def test_inspect_compares_boards(folder: Path) -> None:
    words = ["inspect", folder / "d.naca", "--board"]
    rows = {row["board"]: row for row in object_of(*words, "list:arduino")["boards"]}
    assert rows["arduino-uno"]["fits"] is False
    assert rows["arduino-due"]["fits"] is True
    assert rows["arduino-nano-esp32"]["fits"] is None
    alone = object_of(*words, "arduino-due")["board"]
    assert alone == rows["arduino-due"]
    lines = {line.split()[0]: line.split() for line in done(*words, "list:arduino").splitlines()}
    assert lines["arduino-uno"][1:3] == ["NO:", "both"]
    assert lines["arduino-mega"][1:3] == ["NO:", "RAM"]
    assert lines["arduino-due"][1:3] == ["yes", str(alone["ram_left"])]
    assert lines["arduino-nano-esp32"][1] == "unknown"
    assert len(object_of(*words, "list")["boards"]) > 60


def test_inspect_says_by_how_much_it_does_not_fit(folder: Path) -> None:
    result = object_of("inspect", folder / "d.naca", "--board", "arduino-mega")["board"]
    assert not result["fits"]
    missing = sum(result["ram"].values()) - result["target"]["ram"]
    assert result["ram_left"] == -missing < 0 < result["flash_left"]
    text = done("inspect", folder / "d.naca", "--board", "arduino-mega")
    assert f"IT DOES NOT FIT: {missing} bytes of RAM are missing." in text
    assert "bytes of flash are missing" not in text


@pytest.mark.parametrize(
    ("inputs", "board"), [(100, "microbit"), (100, "arduino-uno"), (30, "microbit")]
)
def test_inspect_says_by_how_much_v_does_not_fit(inputs: int, board: str, tmp_path: Path) -> None:
    network = presets.competitive(inputs, 4, 2, inhibition=Inhibition(inputs, 6, every=40))
    save_image(network, tmp_path / "v.naca")
    words = ["inspect", tmp_path / "v.naca", "--board", board]
    result = object_of(*words)["board"]
    text = " ".join(done(*words).split())
    assert result["renewal"]["count"] > result["learn"]["count"] / 10
    assert "V renewed, every 40 samples" in text
    assert "Learned: renewals of V included, spread over all samples; one comes every 40." in text
    size, missing = result["ram"]["inhibition"], -result["ram_left"]
    if missing < 0:
        assert "The inhibition takes" not in text
    elif missing < size:
        room = size - missing
        assert (
            f"The inhibition takes {size} bytes of it, {missing} more than the {room} that the "
            "rest leaves. One of fewer inputs takes less, by the square; one that was learned "
            "elsewhere and is given in the image takes flash."
        ) in text
    else:
        assert f"without it {missing - size} bytes are missing still." in text


def test_inspect_leaves_out_classes_without_room(folder: Path, tmp_path: Path) -> None:
    x = np.repeat(DIGITS.x_train[:20], 2, axis=0)
    np.savez(tmp_path / "few.npz", x=x, y=np.arange(40) % 12)
    words = ["inspect", folder / "d.naca", "--board", "microbit", "--test-fraction", 0, "--data"]
    assert object_of(*words, tmp_path / "few.npz")["board"]["activity"] == "34 samples of few"
    np.savez(tmp_path / "none.npz", x=x, y=np.arange(40) % 2 + 20)
    message = failed(1, *words, tmp_path / "none.npz")
    assert "no room for any class of none" in message


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--board", "nucleo-f44re"], 1, "no board 'nucleo-f44re': did you mean nucleo-f446re"),
        (["--board", "list:nuclo"], 1, "no board has nuclo in its names: did you mean nucleo-"),
        (["--board", "./none.json"], 1, "none.json cannot be read: No such file or directory. A"),
        (["--board", "./d.yaml"], 1, "ends in .json or .toml, or a folder with a board.json"),
        (["--board", "list", "--measure"], 2, "--measure counts on one board: name it"),
        (["--data", "digits"], 2, "--data and --measure go with --board"),
        (["--measure"], 2, "--data and --measure go with --board"),
        (["--board", "microbit", "--measure"], 2, "--measure needs samples to run"),
        (["--board", "microbit", "--labels", "x.npy"], 2, "go with --data"),
        (["--plot", "x.gif"], 2, "pictures are written as .png"),
    ],
)
def test_inspect_refuses(folder: Path, options: list[str], code: int, message: str) -> None:
    assert message in failed(code, "inspect", folder / "d.naca", *options)


def test_a_network_as_new_can_be_inspected_and_compared(folder: Path, tmp_path: Path) -> None:
    core = load_image(folder / "d.naca")
    save_image(core.network, tmp_path / "new.naca")
    done("inspect", tmp_path / "new.naca", "--plot", tmp_path / "n.png", "--board", "microbit")
    result = object_of("diff", tmp_path / "new.naca", folder / "d.naca")
    assert result["before"]["learned"] == 0
    assert image.decode((tmp_path / "new.naca").read_bytes())[1] is None
