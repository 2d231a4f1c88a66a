"""make size and make size-diff: what counts as growth, and that no stack is overlooked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import results
from size import __main__ as program
from size import callgraph
from size.comparison import LIMIT, changes, other_networks
from size.targets import TARGETS, Target, compile_all, sources

from edge_naca.measurement import Figure, Measurement, Table

CORES = {target.core for target in TARGETS}


def measurement(**figures: float) -> Measurement:
    """Return a measurement of a core's functions."""
    rows = [
        Figure({"function": name}, "cortex-m4", value, "bytes") for name, value in figures.items()
    ]
    tables = (Table("Text by function", tuple(rows)),)
    return Measurement("t", "make size", "", "2026-01-01", {}, {}, {}, "", tables)


@pytest.mark.parametrize(
    ("old", "new", "is_refused"),
    [(1000, 1020, False), (1000, 1021, True), (1000, 900, False), (40, 42, True), (0, 4, True)],
)
def test_growth_beyond_two_percent_is_refused(old: int, new: int, is_refused: bool) -> None:
    (change,) = changes(measurement(f=old, g=8), measurement(f=new, g=8), CORES)
    assert (change.of, change.old, change.new, change.is_refused) == ("f", old, new, is_refused)
    assert LIMIT == 0.02


def test_a_new_figure_is_refused_and_one_that_is_gone_is_told() -> None:
    new, gone = changes(measurement(f=100, g=8), measurement(f=100, h=8), CORES)
    assert (new.of, new.old, new.new, new.is_refused) == ("h", None, 8, True)
    assert (gone.of, gone.old, gone.new, gone.is_refused) == ("g", 8, None, False)


def test_cores_that_were_not_measured_are_not_compared() -> None:
    assert changes(measurement(f=1), measurement(f=9), {"avr"}) == []
    assert changes(measurement(f=9), measurement(f=9), CORES) == []


def test_another_network_is_told() -> None:
    old, new = replace(measurement(), data={"n": "a"}), replace(measurement(), data={"n": "b"})
    assert (other_networks(old, new), other_networks(old, old)) == (["n"], [])


# ---- the committed figures -------------------------------------------------------------------


def test_committed_figures_cover_all_cores() -> None:
    committed = results.read(program.COMMITTED)
    assert [table.title for table in committed.tables] == list(program.TABLES)
    for table in committed.tables:
        assert {figure.name for figure in table.figures} == CORES
        for figure in table.figures:
            assert figure.unit in ("bytes", "instructions", "cycles")
            assert figure.value >= 0
    stacks = committed.tables[list(program.TABLES).index(program.DEEPEST)]
    for name in ("core: naca_learn", "link: naca_link_receive", "store: naca_store_save"):
        of = {"function": name}
        deepest = committed.figure(stacks.title, of, "cortex-m4").value
        assert deepest >= committed.figure(program.FRAMES, of, "cortex-m4").value
        assert deepest > 100


@pytest.fixture
def say() -> tuple[list[str], Callable[[str], None]]:
    said: list[str] = []
    return said, said.append


def test_other_compilers_are_told_and_not_compared(
    say: tuple[list[str], Callable[[str], None]], require_tool: Callable[[str], None]
) -> None:
    require_tool("arm-none-eabi-gcc")
    said, append = say
    old = replace(measurement(), versions={"cortex-m4": "arm-none-eabi-gcc 1.0"})
    assert "cortex-m4" not in [one.core for one in program.chosen_targets(old, append)]
    assert any(re.match("cortex-m4 is not compared: .* of arm-none-eabi-gcc 1.0", s) for s in said)


def test_missing_tools_are_told_and_in_ci_an_error(
    say: tuple[list[str], Callable[[str], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said, append = say
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", "")
    assert program.chosen_targets(None, append) == []
    assert "cortex-m0 is left out: arm-none-eabi-gcc is not installed" in said[0]
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit, match="cortex-m0 is left out"):
        program.chosen_targets(None, append)


# ---- the call graph --------------------------------------------------------------------------


@pytest.fixture(params=["cortex-m4", "avr"])
def target(request: pytest.FixtureRequest, require_tool: Callable[[str], None]) -> Target:
    """A compiler that writes its call graph, and one whose machine code is read."""
    target = next(one for one in TARGETS if one.core == request.param)
    require_tool(f"{target.compiler} -c")
    return target


def graph_of(target: Target, files: list[Path], folder: Path) -> callgraph.Graph:
    flags = ["-fcallgraph-info=su"] if target.has_call_graph else []
    return callgraph.read_graph(target, compile_all(target, files, folder, "-fstack-usage", *flags))


def graph_of_code(target: Target, code: str, folder: Path) -> callgraph.Graph:
    source = folder / "core" / "src" / "code.c"
    source.parent.mkdir(parents=True)
    source.write_text(code)
    return graph_of(target, [source], folder)


def test_every_call_of_the_firmware_is_known(target: Target, tmp_path: Path) -> None:
    graph = graph_of(target, sources(), tmp_path)
    deepest = callgraph.deepest(graph)
    assert deepest.keys() == graph.keys()
    assert len(callgraph.entry_points(graph)) > 35
    allowed = re.compile(r"mem(cpy|move|set|cmp)|__\w*(mul|div|add|sub|cmp|sh[lr])\w*")
    outside = callgraph.calls_of_libraries(graph)
    assert [name for name in outside if not allowed.fullmatch(name)] == []
    # Through the tables of stages and of requests, and back out of the store.
    for above, below in (
        ("naca_learn", "spiking:step_spiking"),
        ("naca_link_receive", "naca_store_save"),
        ("naca_link_receive", "naca_learn"),
        ("naca_store_save", "states:copy_piece"),
    ):
        assert deepest[above] >= graph[above].frame + deepest[below]


DEEP = """
__attribute__((noinline)) int naca_c(int a) {{ volatile int x[40]; x[a] = a; return x[0]; }}
__attribute__((noinline)) static int b(int a) {{ return naca_c(a) + 1; }}
int naca_a(int a) {{ return b(a + 1) + {}; }}
"""


def test_the_deepest_chain_is_summed(target: Target, tmp_path: Path) -> None:
    graph = graph_of_code(target, DEEP.format("1"), tmp_path)
    deepest = callgraph.deepest(graph)
    below = next(key for key in graph if callgraph.name_of(key) == "b")
    assert graph["naca_c"].frame >= 40 * 2
    assert deepest["naca_a"] == sum(graph[key].frame for key in ("naca_a", below, "naca_c"))


BREAKAGES = {
    "recursion": (DEEP.replace("= a;", "= a ? naca_a(a) : a;").format("1"), "recursion: "),
    "pointer": (DEEP.format("f(a)").replace("naca_a(int a)", "naca_a(int a, int (*f)(int))"),
                "naca_a calls through a pointer"),
    "frame": ("int naca_a(int n) { volatile char x[n]; x[0] = 1; return x[n - 1]; }",
              "the frame of naca_a has no bound"),
}  # fmt: skip


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_stack_without_bound_is_found(breakage: str, target: Target, tmp_path: Path) -> None:
    code, expected = BREAKAGES[breakage]
    with pytest.raises(callgraph.CallGraphError, match=expected):
        callgraph.deepest(
            graph_of_code(target, "int naca_a();\n" * (breakage == "recursion") + code, tmp_path)
        )
