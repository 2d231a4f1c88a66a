"""A program that only infers links no code that learns; what never learns it reads from flash."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from package_images import plain
from support import run

from edge_naca.core import Core
from edge_naca.export import library
from edge_naca.export.example import code_of, opening
from edge_naca.network import Encoder, Network, Preparation
from edge_naca.presets import competitive
from edge_naca.stages import CodedConvolution

pytestmark = pytest.mark.slow

PROGRAM = """
#include <edge_naca.h>
#include <net.h>
static uint64_t memory[(NET_@size_SIZE + 7) / 8];
static uint8_t numbers[NET_RAW_COUNT];
int main(void)
{
    const naca_sample_t sample = {NACA_RAW_U8, numbers, NET_RAW_COUNT};
    naca_result_t result;
    naca_image_t image;
    naca_t *core;
    for (unsigned i = 0; i < NET_RAW_COUNT; i++)
        numbers[i] = (uint8_t)(i * 37u);
    if (@open&image, net_image, NET_IMAGE_SIZE) != NACA_OK ||
        @init(&image, memory, sizeof memory, &core) != NACA_OK || @call != NACA_OK)
        return -1;
    return (int)result.prediction;
}
"""
INFERS = "naca_infer(core, &sample, &result)"
LEARNS = "naca_learn(core, &sample, 0, &result)"
ARM = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "--specs=nosys.specs"]
GARBAGE = ["-Os", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]
# What learns outside learn.c, or is called there only.
LEARNING = {
    "naca_compete_gated",
    "naca_weight_set",
    "naca_learn_priors",
    "naca_note_residual",
    "naca_settle_context",
    "naca_learn_inhibition",
    "naca_attract_prototype",
    "naca_renew_inhibition",
}


@cache
def heavy() -> bytes:
    """Return an image whose frozen weights, a dense layer, are most of it."""
    rng = np.random.default_rng(6)
    stage = CodedConvolution(
        shape=(8, 8, 1), weights=rng.integers(-9, 20, (200, 1, 8, 8)), bits=4, shift=np.array([8])
    )
    inner = competitive(stage.units, 3, 2, bits=4)
    encoder = Encoder("bitplane", 4, 4)
    preparation = Preparation((8, 8, 1))
    core = Core(Network(64, encoder, inner.populations, preparation, stages=(stage,)))
    core.learn_many(rng.integers(0, 256, (30, 64)), rng.integers(0, 3, 30))
    return core.image()


IMAGES = {"plain": plain, "heavy": heavy}


def written(folder: Path, image: bytes, call: str) -> list[str | Path]:
    """Write a library and a program; return what a compiler is told of them."""
    for place, content in library(image, "net", "platformio").items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    text = PROGRAM.replace("@open", opening(Core(image).network)).replace("@call", call)
    learns = call == LEARNS
    text = text.replace("@init", "naca_init" if learns else "naca_init_frozen")
    text = text.replace("@size", "WORKSPACE" if learns else "FROZEN")
    (folder / "main.c").write_text(text)
    return ["-I", folder / "src", folder / "main.c", *(folder / "src").rglob("*.c")]


def linked(folder: Path, image: bytes, call: str) -> dict[str, tuple[str, int]]:
    """Return kind (of nm) and size of each symbol in a program for a Cortex-M4."""
    words = written(folder, image, call)
    run(*ARM, *GARBAGE, "-std=c99", *words, "-o", folder / "main.elf")
    lines = run("arm-none-eabi-nm", "-S", folder / "main.elf").splitlines()
    found = (re.fullmatch(r"\w+ (\w+) (\w) ([\w.]+)", line) for line in lines)
    return {one[3]: (one[2], int(one[1], 16)) for one in found if one}


def functions(folder: Path) -> set[str]:
    """Return the functions of learn.c, by its object."""
    source = folder / "src" / "core" / "learn.c"
    run(*ARM[:3], "-O0", "-c", "-I", folder / "src", source, "-o", folder / "learn.o")
    return set(re.findall(r" [tT] (\w+)$", run("arm-none-eabi-nm", folder / "learn.o"), re.M))


@pytest.fixture(scope="module")
def programs(
    require_tool: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, tuple[str, int]]]:
    require_tool("arm-none-eabi-gcc -c")
    return {
        call: linked(tmp_path_factory.mktemp("program"), heavy(), call) for call in (INFERS, LEARNS)
    }


def test_what_learns_is_linked_only_where_it_is_called(
    programs: dict[str, dict[str, tuple[str, int]]], tmp_path: Path
) -> None:
    written(tmp_path, plain(), INFERS)
    learning = functions(tmp_path) | LEARNING
    assert not learning & {*programs[INFERS]}
    assert {"naca_learn", "naca_compete_gated"} <= {*programs[LEARNS]}
    assert {"naca_infer", "naca_coded_stages"} <= {*programs[INFERS]}
    sizes = {
        call: sum(size for kind, size in symbols.values() if kind in "tT")
        for call, symbols in programs.items()
    }
    assert sizes[LEARNS] - sizes[INFERS] > 1500


@pytest.mark.parametrize("other", ["naca_link_", "naca_store_", "naca_signal_"])
def test_other_parts_are_not_linked(
    other: str, programs: dict[str, dict[str, tuple[str, int]]]
) -> None:
    for symbols in programs.values():
        assert not [name for name in symbols if name.startswith(other)]


def test_what_never_learns_stays_in_flash(
    programs: dict[str, dict[str, tuple[str, int]]],
) -> None:
    """The image is constant data, and memory has no room for weights that do not learn."""
    image = heavy()
    frozen = 200 * 64
    core = Core(image)
    assert code_of(core.network) == "naca_coded_stages"
    assert core.workspace_size < frozen < len(image)
    state = len(core.save_state()) - 16  # but for its header
    assert core.frozen_size is not None
    assert core.frozen_size <= core.workspace_size - state + 8
    rooms = {LEARNS: core.workspace_size, INFERS: core.frozen_size}
    for call, symbols in programs.items():
        kind, size = symbols["net_image"]
        assert (kind, size) == ("R", (len(image) + 7) // 8 * 8)
        assert symbols["memory"] == ("b", (rooms[call] + 7) // 8 * 8)
        # All else that is not constant: the sample, and what the C library has.
        ours = {name for name, (kind, _) in symbols.items() if kind in "bBdD" and "naca" in name}
        assert not ours


@pytest.mark.parametrize("image", IMAGES)
def test_it_answers_as_python_does(image: str, tmp_path: Path) -> None:
    data = IMAGES[image]()
    words = written(tmp_path, data, INFERS)
    run("gcc", "-std=c99", *GARBAGE, *words, "-o", tmp_path / "main")
    expected = Core(data).infer(np.arange(64) * 37 % 256).prediction
    said = run("sh", "-c", f"{tmp_path / 'main'}; echo $?")
    assert int(said) == expected % 256
