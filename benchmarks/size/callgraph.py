"""Stack of every function and, through the call graph, of every public function at its deepest.

The compiler says what a function's own frame takes (-fstack-usage). Who calls whom it says itself
where it can (-fcallgraph-info); avr-gcc 5 cannot: there calls are read off the machine code. What
is called through a pointer is in INDIRECT; a call through a pointer that is not is an error, and so
are recursion and a frame without a bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from size.targets import Target, headers, run

# Functions that call through a pointer, and what they reach: "file:function", or "function" where
# it is not static. The program's own functions (PROGRAM: flash, line, images) come on top.
PROGRAM: tuple[str, ...] = ()
HANDLERS = (
    "naca_link_hello", "naca_link_infer", "naca_link_learn", "naca_link_learn_batch",
    "naca_link_state_read", "naca_link_state_write", "requests:hash", "naca_link_save",
    "naca_link_reset", "requests:stats", "naca_link_image_begin", "naca_link_image_chunk",
    "naca_link_image_end", "naca_link_image_read", "naca_link_session",
    "requests:signal_request", "requests:sensor_request", "requests:sensor_read_request",
    "naca_link_undo", "naca_link_rollback", "naca_link_forget", "naca_link_names_read",
    "naca_link_names_write", "naca_link_lock",
)  # fmt: skip
INDIRECT = {
    # The table of frozen stages, the families in it, and the inhibition.
    "naca_image_open_with": ("naca_check_stages", "inhibition:check_decorrelation"),
    "naca_plan": (
        "naca_plan_stages", "inhibition:plan_inhibition", "inhibition:plan_decorrelation",
    ),
    "naca_present": ("naca_present_stages", "naca_step_stages", "inhibition:decorrelate"),
    "naca_step_population": ("naca_compete_gated",),
    "learn:change_neuron": ("naca_attract_prototype",),
    "naca_learn_population": ("naca_learn_inhibition", "naca_attract_prototype"),
    "naca_learn": ("naca_renew_inhibition",),
    "naca_check_stages": ("coded:check_coded", "spiking:check_spiking"),
    "naca_present_stages": ("coded:run_coded", "spiking:rest_spiking"),
    "naca_step_stages": ("spiking:step_spiking",),
    # Requests by their type, and what the link has saved.
    "naca_link_answer": HANDLERS,
    "naca_store_save": (*PROGRAM, "states:copy_piece", "owner:copy_kept"),
    "log:fetch": PROGRAM,
    "log:tick": PROGRAM,
    "log:open_sector": PROGRAM,
    "log:write_piece": PROGRAM,
    "log:write_waiting": PROGRAM,
    # Signals, where a program asks for them, and the board's sensor.
    "naca_link_new_epoch": ("signals:start_signals",),
    "requests:signal_request": ("signals:take_chunk",),
    "requests:sensor_request": ("signals:hear_sensor",),
    "requests:sensor_read_request": ("signals:read_samples",),
    "signals:hear_sensor": PROGRAM,
    "naca_link_sense": PROGRAM,
    "signals:read_samples": PROGRAM,
    "naca_signal_tick": PROGRAM,
    "naca_tick": PROGRAM,
    "naca_link_send": PROGRAM,
    "naca_link_init": PROGRAM,
    "requests:stats": PROGRAM,
    "naca_link_image": PROGRAM,
    "naca_link_image_begin": PROGRAM,
    "naca_link_image_chunk": PROGRAM,
    "naca_link_image_end": PROGRAM,
}  # fmt: skip
INDIRECT_CALL = "__indirect_call"  # as GCC names the target


class CallGraphError(Exception):
    """The stack has no bound that is known."""


@dataclass
class Function:
    """A function, its own frame in bytes, and what it calls. Names of static ones begin "file:"."""

    room: str
    frame: int
    calls: set[str] = field(default_factory=set)


Graph = dict[str, Function]


def name_of(key: str) -> str:
    """Return a function's name without its file and without what the compiler adds to a clone."""
    return key.rpartition(":")[2].partition(".")[0]


def read_graph(target: Target, objects: list[Path]) -> Graph:
    """Return the functions of objects that were compiled with -fstack-usage.

    Where the compiler has it, -fcallgraph-info=su has to be given as well.
    """
    graph: Graph = {}
    for path in objects:
        if target.has_call_graph:
            _read_ci(path, graph)
        else:
            _read_machine_code(target, path, graph)
    _add_indirect(graph)
    return graph


def _frame(function: str, size: str, kind: str) -> int:
    if kind not in ("static", "dynamic,bounded"):
        raise CallGraphError(f"the frame of {function} has no bound ({kind})")
    return int(size)


def _read_ci(path: Path, graph: Graph) -> None:
    """Read what -fcallgraph-info=su wrote: nodes with a frame are defined here."""
    room, _, stem = path.stem.partition("-")

    def key(title: str) -> str:
        return f"{stem}:{title.rpartition(':')[2]}" if ":" in title else title

    text = path.with_suffix(".ci").read_text()
    for title, size, kind in re.findall(
        r'^node: { title: "([^"]+)" label: "[^"]*\\n(\d+) bytes \(([\w,]+)\)', text, re.M
    ):
        graph[key(title)] = Function(room, _frame(title, size, kind))
    for source, callee in re.findall(
        r'^edge: { sourcename: "([^"]+)" targetname: "([^"]+)"', text, re.M
    ):
        graph[key(source)].calls.add(key(callee))


def _read_machine_code(target: Target, path: Path, graph: Graph) -> None:
    """Read frames from the .su file, and calls and far jumps with their relocations."""
    room, _, stem = path.stem.partition("-")
    symbols = run(target.tool("nm"), path)
    is_static = {
        name: kind == "t" for kind, name in re.findall(r" ([tT]) ([\w.]+)$", symbols, re.M)
    }

    def key(symbol: str) -> str:
        return f"{stem}:{symbol}" if is_static.get(symbol) else symbol

    for name, size, kind in re.findall(
        r"^.*:\d+:\d+:(\S+)\t(\d+)\t(\S+)$", path.with_suffix(".su").read_text(), re.M
    ):
        graph[key(name)] = Function(room, _frame(name, size, kind))
    function, mnemonic = "", ""
    for line in run(target.tool("objdump"), "-dr", path).splitlines():
        if start := re.fullmatch(r"[0-9a-f]+ <([\w.]+)>:", line):
            function = key(start[1])
        elif instruction := re.match(r" *[0-9a-f]+:\t[0-9a-f ]+\t(\w+)", line):
            mnemonic = instruction[1]
            if mnemonic in ("icall", "eicall", "ijmp", "eijmp"):
                graph[function].calls.add(INDIRECT_CALL)
        elif place := re.search(r": R_AVR_\w+\t(?:\.text\.)?([\w.]+?)(\+0x\w+)?$", line):
            is_call, is_far = mnemonic in ("call", "rcall"), mnemonic in ("jmp", "rjmp")
            callee, is_start = key(place[1]), place[2] is None
            # A call into its own middle makes room for a frame; a jump out is a call at the end.
            if (is_call and (is_start or callee != function)) or (is_far and callee != function):
                graph[function].calls.add(callee)


def _add_indirect(graph: Graph) -> None:
    for key, function in graph.items():
        if INDIRECT_CALL in function.calls:
            if key not in INDIRECT:
                raise CallGraphError(
                    f"{key} calls through a pointer: say what it reaches, in INDIRECT of {__file__}"
                )
            unknown = [callee for callee in INDIRECT[key] if callee not in graph]
            if unknown:
                raise CallGraphError(f"INDIRECT of {__file__} names {unknown}, which do not exist")
            function.calls = function.calls - {INDIRECT_CALL} | set(INDIRECT[key])


def calls_of_libraries(graph: Graph) -> list[str]:
    """Return what is called and is not ours: the stack of the compiler's own library."""
    return sorted({callee for one in graph.values() for callee in one.calls if callee not in graph})


def deepest(graph: Mapping[str, Function]) -> dict[str, int]:
    """Return the bytes of each function with the deepest chain of calls below it.

    Raises
    ------
    CallGraphError
        If a function may call itself, however indirectly.
    """
    sorter = TopologicalSorter({key: one.calls & graph.keys() for key, one in graph.items()})
    result: dict[str, int] = {}
    try:
        for key in sorter.static_order():
            below = (result[callee] for callee in graph[key].calls if callee in graph)
            result[key] = graph[key].frame + max(below, default=0)
    except CycleError as error:
        raise CallGraphError(f"recursion: {' calls '.join(error.args[1])}") from error
    return result


def frames(graph: Mapping[str, Function]) -> dict[str, int]:
    """Return the frame of each function, "room: function"; of clones the largest."""
    result: dict[str, int] = {}
    for key, one in graph.items():
        name = f"{one.room}: {name_of(key)}"
        result[name] = max(one.frame, result.get(name, 0))
    return result


def entry_points(graph: Iterable[str]) -> list[str]:
    """Return the functions that public headers declare."""
    declared = {
        name for path in headers() for name in re.findall(r"\b(naca_\w+)\(", path.read_text())
    }
    return sorted(declared & set(graph))
