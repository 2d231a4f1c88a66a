"""The stack of every board: bounded from the call graph, with a quarter of it in reserve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from size.callgraph import CallGraphError
from size.stack import FLAGS, FLAGS_OF_AVR, Node, deepest, depth_of
from support import ROOT, run

from edge_naca.host.boards import BOARDS

RESERVE = 0.25
OPTIONS = ("-Os", "-O0", "-O3", "-Os -flto")
# Of the quick ones, one has much RAM and one has little.
QUICK = (("netduinoplus2", "-Os"), ("atmega1284p", "-Os"))
# Boards of another folder each; of avr-gcc 5 the lines of code are lost with -flto, so that nobody
# knows what its calls through pointers reach: there tests/test_boards.py measures.
CASES = [
    pytest.param(name, options, marks=() if (name, options) in QUICK else pytest.mark.slow)
    for name in BOARDS
    if name == BOARDS[name].name
    for options in OPTIONS
    if not (name == "atmega1284p" and "-flto" in options)
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_quarter_of_the_stack_is_never_used(
    name: str, options: str, require_tool: Callable[[str], None], tmp_path: Path
) -> None:
    board = BOARDS[name]
    require_tool(board.compiler[0])
    more = FLAGS_OF_AVR if name == "atmega1284p" else FLAGS
    flags = [f"-DCMAKE_C_FLAGS={options} {more}", "-DCMAKE_BUILD_TYPE=None"]
    # Larger than the chip, which is said in boards.md.
    if name == "atmega1284p" and options in {"-O0", "-O3"}:
        flags.append("-DCMAKE_EXE_LINKER_FLAGS=-Wl,--defsym=__TEXT_REGION_LENGTH__=0x40000")
    run("cmake", "-S", ROOT, "-B", tmp_path, "--preset", board.preset, *flags, cwd=ROOT)
    run("cmake", "--build", tmp_path, "--target", f"firmware_{name}")
    depth = depth_of(tmp_path / f"firmware_{name}.elf", tmp_path)
    # What is deepest opens an image, sets up a core or presents a sample; gcc may split a part.
    deep = [name.split(".")[0] for name in depth.chain]
    assert {"naca_image_open_with", "naca_init", "present"} & set(deep), depth
    assert depth.reserve >= RESERVE, depth


def test_the_deepest_chain_counts() -> None:
    graph = {
        "main": Node("main", 10, calls={"a", "b"}),
        "a": Node("a", 5, calls={"c"}),
        "b": Node("b", 7),
        "c": Node("c", 3),
    }
    assert deepest(graph)["main"] == (18, ("main", "a", "c"))


def test_recursion_and_unknown_calls_are_refused(tmp_path: Path) -> None:
    ring = {"a": Node("a", 1, calls={"b"}), "b": Node("b", 1, calls={"a"})}
    with pytest.raises(CallGraphError, match="recursion: "):
        deepest(ring)
    (tmp_path / "x.c").write_text("    pointer(1);\n")
    unknown = {"a": Node("a", 1, lines={f"{tmp_path / 'x.c'}:1"})}
    with pytest.raises(CallGraphError, match="nobody knows what this calls"):
        deepest(unknown)
