"""Counting in emulators: exact, and within 10 % of what the cost model says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stage_networks
from commands import failed, object_of

from edge_naca import data, image, presets, recipes
from edge_naca.core import Core
from edge_naca.export import save_image
from edge_naca.export.cost.processors import MEASURED_ON
from edge_naca.export.cost.report import activity_of, find_core, predict
from edge_naca.host import boards
from edge_naca.host.boards import BOARDS, BoardError
from edge_naca.host.counting import count
from edge_naca.inhibition import Inhibition
from edge_naca.network import Encoder, Network, Preparation
from edge_naca.stages import SpikingConvolution

CORES = [core for core in MEASURED_ON if core != "cortex-m0+"]
DIGITS = data.load("digits")
STAGES_ON = (
    "cortex-m0",
    "cortex-m4",
    "rv32imac",
    "avr",
)  # with and without division, 8 and 32 bits
SAMPLES = 5

Build = Callable[[str, str], Path]


def taught(network: Network, lesson: int = 300) -> Core:
    core = Core(network)
    core.learn_many(DIGITS.x_train[:lesson], DIGITS.y_train[:lesson])
    return core


def small() -> Core:
    prep = Preparation((8, 8, 1), gain=np.array([15]), shift=4)
    return taught(presets.competitive(prep, 10, 2, weight_bits=4, seed=11))


def networks() -> dict[str, Core]:
    """Return networks that the model was not fitted to; an AVR has room for the first two."""
    paper = presets.paper(Preparation((8, 8, 1), gain=np.array([15])), 10, 33, steps=6, seed=8)
    edges = recipes.network_for(DIGITS, neurons_per_class=4, features="edges", seed=5)
    core = Core(paper, presets.paper_start(paper))
    core.learn_many(DIGITS.x_train[:60], DIGITS.y_train[:60])
    signed = Preparation((1, 64, 1), signed=True, offset=np.array([4]), gain=np.array([9]), shift=3)
    return {
        "4 bits": small(),
        "on and off": taught(presets.competitive(signed, 10, 1, bits=2, weight_bits=4), 100),
        "8 bits": taught(recipes.network_for(DIGITS, neurons_per_class=7, seed=3)),
        "edges": taught(edges),
        "the paper's rule": core,
    }


def staged() -> dict[str, Core]:
    """Return networks with frozen stages that the model was not fitted to."""
    return {
        "coded stages": taught(stage_networks.coded(neurons=2, maps=3)),
        "spiking stages": taught(stage_networks.spiking(neurons=2, maps=3), 100),
        "classifier": Core(stage_networks.classifier(readout=False, maps=3)),
        "readout": Core(stage_networks.classifier(readout=True, maps=2)),
    }


def signed() -> dict[str, Core]:
    """Return networks of codes with a sign; a V that is learned is renewed once in `SAMPLES`."""
    prep = Preparation(
        (8, 8, 1), cell=2, keeps_sign=True, offset=np.array([18]), gain=np.array([7]), shift=2
    )
    alone = presets.competitive(prep, 10, 2, bits=3, weight_bits=4)
    inhibition = Inhibition(16, 5, every=SAMPLES)
    learned = taught(presets.competitive(prep, 10, 1, bits=5, inhibition=inhibition))
    state = image.unpack_state(learned.network, learned.state()).inhibition
    assert state is not None
    given = Inhibition(16, 5, state.weights, state.row_shifts, state.shift)
    return {
        "signs": taught(alone),
        "V learned": learned,
        "V given": taught(replace(learned.network, inhibition=given)),
    }


@pytest.mark.slow
def test_the_clock_counts_every_instruction(build_board: Build) -> None:
    """Three machines, three clocks, one processor: the same number of the same instructions."""
    core = small()
    x, y = DIGITS.x_test[:SAMPLES], DIGITS.y_test[:SAMPLES]
    counted = [
        count(name, core.image(), x, y, elf=build_board(name, "measure"))
        for name in ("netduinoplus2", "lm3s6965-m4", "netduinoplus2")
    ]
    for other in counted[1:]:
        assert other.unit == "instructions"
        np.testing.assert_allclose(other.infer, counted[0].infer, atol=4)
        np.testing.assert_allclose(other.learn, counted[0].learn, atol=4)
    assert (counted[0].learn > counted[0].infer).all()


# The smallest and the most usual; the others count the same way, and emulators take their time.
QUICK = ("cortex-m0", "cortex-m4")
MOST_ARE_SLOW = [
    pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in CORES
]


@pytest.mark.parametrize("name", MOST_ARE_SLOW)
def test_the_model_says_what_the_emulator_counts(name: str, build_board: Build) -> None:
    board, model = MEASURED_ON[name], find_core(name)
    elf = build_board(board, "measure")
    chosen = slice(40, 40 + SAMPLES)
    x, y = DIGITS.x_test[chosen].reshape(SAMPLES, -1), DIGITS.y_test[chosen]
    known = list(networks().items())[: 2 if name == "avr" else None]
    known += signed().items()
    if name in STAGES_ON:
        known += staged().items()
    for title, core in known:
        counts = count(board, core.image(), x, y, elf=elf)
        assert counts.unit == model.unit
        activity = activity_of(core, x, y, "digits")
        infer = predict(model, activity.infer)
        learn = infer + predict(model, activity.learn)
        assert infer == pytest.approx(counts.infer.mean(), rel=0.1), title
        assert learn == pytest.approx(counts.learn.mean(), rel=0.1), title


@pytest.mark.parametrize("name", MOST_ARE_SLOW)
def test_emulated_cores_decorrelate_alike(name: str, build_board: Build) -> None:
    """Where int has 16 bits and nothing multiplies 64, what is learned is the same bits."""
    inputs, samples = 8, 24
    inhibition = Inhibition(inputs, 6, first=6, every=3)
    network = presets.competitive(
        Preparation((1, inputs, 1), keeps_sign=True), 3, 2, bits=3, inhibition=inhibition,
        grading=0.5, seed=2,
    )  # fmt: skip
    rng = np.random.default_rng(3)
    y = np.arange(samples) % 3
    means = rng.normal(0, 12, (3, inputs))
    x = np.rint(means[y] + rng.normal(0, 6, (samples, inputs))).astype(np.int16)
    core = Core(network)
    board = MEASURED_ON[name]
    counts = count(board, core.image(), x, y, elf=build_board(board, "measure"))
    core.learn_many(x, y)
    learned = image.unpack_state(network, core.state()).inhibition
    assert learned is not None
    assert learned.shift > 0  # V came into use
    assert counts.state_hash == core.state_hash()


@pytest.mark.parametrize("name", ["cortex-m4", "avr"])
def test_sizes_are_the_firmware_s(name: str, build_board: Build) -> None:
    model, board = find_core(name), MEASURED_ON[name]
    elf = build_board(board, "firmware")
    tool = BOARDS[board].compiler[0].replace("gcc", "size")
    text, data_, _ = (
        int(word)
        for word in subprocess.run([tool, elf], capture_output=True, text=True, check=True)
        .stdout.splitlines()[1]
        .split()[:3]
    )
    image = (elf.parent / "firmware" / "boards" / "files" / "default.naca").stat().st_size
    assert model.firmware_flash == pytest.approx(text + data_ - image, rel=0.05)


USER = """
#include "naca/naca.h"
int main(void);
int main(void)
{
    static uint8_t memory[64] __attribute__((aligned(8)));
    naca_image_t image;
    naca_t *core;
    naca_result_t result;
    const naca_sample_t sample = {NACA_RAW_U8, memory, 64};
    uint32_t size;
    return OPEN &image, memory, sizeof memory) != NACA_OK ||
           naca_init(&image, memory, sizeof memory, &core) != NACA_OK ||
           naca_state_size(core, &size) != NACA_OK ||
           naca_state_save(core, memory, size) != NACA_OK ||
           naca_state_load(core, memory, size) != NACA_OK ||
           naca_infer(core, &sample, &result) != NACA_OK ||
           naca_learn(core, &sample, 0, &result) != NACA_OK ||
           naca_status_name(NACA_OK)[0] == 0;
}
"""
OPENED = {
    (): "naca_image_open(",
    ("coded",): "naca_image_open_with(naca_coded_stages(),",
    ("spiking",): "naca_image_open_with(naca_spiking_stages(),",
    ("inhibition",): "naca_image_open_with(naca_inhibition(),",
    ("coded", "spiking", "inhibition"): "naca_image_open_with(naca_all_stages(),",
}


def test_parts_of_the_core_take_what_a_program_of_one_s_own_links(
    build_board: Build, tmp_path: Path
) -> None:
    library = build_board("netduinoplus2", "firmware").parent / "firmware" / "core" / "libnaca.a"
    flags = ["-mcpu=cortex-m4", "-mthumb", "-Os", "-ffunction-sections", "-fdata-sections"]
    flags += [
        "--specs=nosys.specs",
        "-Wl,--gc-sections",
        "-I",
        str(boards.REPOSITORY / "firmware/core/include"),
    ]
    sizes = {}
    for families, call in OPENED.items():
        source, elf = tmp_path / "user.c", tmp_path / "user.elf"
        source.write_text(USER.replace("OPEN", call))
        subprocess.run(["arm-none-eabi-gcc", *flags, source, library, "-o", elf], check=True)
        said = subprocess.run(
            ["arm-none-eabi-size", elf], capture_output=True, text=True, check=True
        )
        sizes[families] = int(said.stdout.splitlines()[1].split()[0])
    parts = find_core("cortex-m4").core_flash
    for families, size in sizes.items():
        added = sum(parts[name] for name in families) + (parts["shared"] if families else 0)
        assert size - sizes[()] == pytest.approx(added, rel=0.1, abs=40), families


def test_codes_are_counted_as_codes(build_board: Build) -> None:
    core = Core(replace(small().network, preparation=None), small().state())
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 16, (SAMPLES, 64)).astype(np.uint8), np.arange(SAMPLES)
    counts = count("lm3s6965", core.image(), x, y, "codes", elf=build_board("lm3s6965", "measure"))
    activity = activity_of(core, x, y, "codes")
    found = predict(find_core("cortex-m3"), activity.infer)
    assert found == pytest.approx(counts.infer.mean(), rel=0.1)


def test_what_has_no_room_is_refused(build_board: Build) -> None:
    x, y = DIGITS.x_test[:2], DIGITS.y_test[:2]
    large = Core(recipes.network_for(DIGITS, neurons_per_class=60))
    with pytest.raises(BoardError, match=r"the network needs \d+ bytes of RAM, microbit has fewer"):
        count("microbit", large.image(), x, y, elf=build_board("microbit", "measure"))
    many, labels = np.repeat(x, 2000, axis=0), np.repeat(y, 2000)
    with pytest.raises(BoardError, match=r"take \d+ bytes, there is room for \d+; take fewer"):
        count("microbit", small().image(), many, labels, elf=build_board("microbit", "measure"))


def test_a_sample_that_does_not_fit_the_network_is_refused(build_board: Build) -> None:
    x: Any = DIGITS.x_test[:1].reshape(1, -1)[:, :63]
    with pytest.raises(BoardError, match="lm3s6965 refuses: NACA_ERR_SAMPLE"):
        count("lm3s6965", small().image(), x, np.zeros(1), elf=build_board("lm3s6965", "measure"))


def test_inspect_measures(build_board: Build, tmp_path: Path) -> None:
    build_board("netduinoplus2", "measure")  # or is skipped
    core = small()
    save_image(core, tmp_path / "d.naca")
    words = ["inspect", tmp_path / "d.naca", "--board", "nucleo-f446re", "--data", "digits"]
    measured, estimated = object_of(*words, "--measure")["board"], object_of(*words)["board"]
    assert (measured["measured"], estimated["measured"]) == (True, False)
    for what in ("infer", "learn"):
        expected = pytest.approx(measured[what]["count"], rel=0.1)
        assert estimated[what]["count"] == expected
    message = failed(
        1, "inspect", tmp_path / "d.naca", "--board", "arduino-mega", "--data", "mnist-of-nobody"
    )
    assert "no data set" in message


@pytest.mark.parametrize("readout", [False, True])
def test_inspect_measures_what_never_learns(
    readout: bool, build_board: Build, tmp_path: Path
) -> None:
    """A network without populations: learning only counts the sample."""
    build_board("netduinoplus2", "measure")  # or is skipped
    core = Core(stage_networks.classifier(readout=readout, maps=2))
    save_image(core, tmp_path / "d.naca")
    words = ["inspect", tmp_path / "d.naca", "--board", "nucleo-f446re", "--data", "digits"]
    measured, estimated = object_of(*words, "--measure")["board"], object_of(*words)["board"]
    assert measured["measured"]
    assert 0 < measured["learn"]["count"] - measured["infer"]["count"] < 200
    for what in ("infer", "learn"):
        assert estimated[what]["count"] == pytest.approx(measured[what]["count"], rel=0.1)


def long_lasting(path: Path) -> Path:
    """Write a network that takes millions of instructions for a sample, and return its image."""
    weights = np.full((8, 1, 5, 5), 9)
    wide = SpikingConvolution(
        shape=(8, 8, 1), weights=weights, padding=(2, 2), threshold=np.array([1 << 26])
    )
    last = SpikingConvolution(
        shape=wide.output_shape, weights=np.ones((2, 8, 8, 8), int), readout=True
    )
    encoder, preparation = Encoder("direct", 4, 255), Preparation((8, 8, 1))
    save_image(Network(64, encoder, (), preparation, stages=(wide, last)), path)
    return path


def test_a_clock_that_wraps_is_minded(build_board: Build, tmp_path: Path) -> None:
    build_board("netduinoplus2", "measure")  # or is skipped
    image = long_lasting(tmp_path / "long.naca")
    words = ["inspect", image, "--board", "netduinoplus2", "--data", "digits"]
    measured, estimated = object_of(*words, "--measure")["board"], object_of(*words)["board"]
    assert measured["infer"]["count"] > 1e7
    assert estimated["infer"]["count"] == pytest.approx(measured["infer"]["count"], rel=0.1)


def test_a_sample_that_outlasts_the_clock_is_refused_in_one_line(
    build_board: Build, tmp_path: Path
) -> None:
    build_board("microbit", "measure")  # or is skipped
    image = long_lasting(tmp_path / "long.naca")
    told = failed(1, "inspect", image, "--board", "microbit", "--data", "digits", "--measure")
    assert "longer than the clock of microbit" in told
