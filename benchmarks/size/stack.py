"""How deep a board's program can get in its stack: from the call graph of all of it, as linked.

Frames and calls are what the compiler says about the code that it made (-fcallgraph-info=su, at
link time with -flto); of an AVR, whose compiler cannot say it, they are read off the machine code.
What a call through a pointer may reach follows from the line that it stands on. The deepest chain
from start-up on counts, with the deepest interrupt on top, and for each call of a library that
brings no graph a fixed number of bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from size.callgraph import CallGraphError
from size.targets import FIRMWARE, run

# What compiling takes, beside the option that is asked about.
FLAGS = "-g -fstack-usage -fcallgraph-info=su"
FLAGS_OF_AVR = "-g"

# A library's deepest chain: division of 64 bits in libgcc, 56 bytes on an ARMv6-M.
LIBRARY = 64
# What an interrupt itself takes: a Cortex-M's frame and its alignment, with an FPU's registers;
# elsewhere the handler saves the registers itself, in its frame.
ENTRY = 36
ENTRY_WITH_FPU = 108

# What a call through a member of a structure reaches in stages.c, where members are those of the
# two families of frozen stages; elsewhere in the core they are those of the table of both.
FAMILIES = {
    "check": ("check_coded", "check_spiking"),
    "present": ("run_coded", "rest_spiking"),
    "step": ("step_spiking",),
}
# The same of the inhibition's table.
INHIBITION = {
    "check": "check_decorrelation",
    "plan": "plan_inhibition",
    "plan_state": "plan_decorrelation",
    "present": "decorrelate",
    "learn": "naca_learn_inhibition",
    "attract": "naca_attract_prototype",
    "renew": "naca_renew_inhibition",
}
# And of the table of signals.
SIGNALS = {
    "start": "start_signals",
    "take": "take_chunk",
    "sense": "hear_sensor",
    "read": "read_samples",
}
# A program may be built without what these call.
OPTIONAL = re.compile(r"\b(signals|sensor)->")
INTERRUPTS = re.compile(r"\w+_interrupt|cortex_m_tick|trap|__vector_\d+")
STARTS = ("cortex_m_start", "riscv_start", "riscv_run", "main")


@dataclass
class Node:
    """A function of the program: its frame in bytes, what it calls, and lines of indirect calls."""

    name: str
    frame: int
    file: str = ""
    calls: set[str] = field(default_factory=set)
    lines: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Depth:
    """A program's stack.

    Parameters
    ----------
    size : bytes that the linker script gives.
    bound : bytes that it can take at most.
    chain : functions of the deepest chain from start-up on.
    interrupt : bytes of `bound` that the deepest interrupt takes.
    """

    size: int
    bound: int
    chain: tuple[str, ...]
    interrupt: int

    @property
    def reserve(self) -> float:
        """The part of the stack that is never used."""
        return 1 - self.bound / self.size


def _code(line: str) -> str:
    """Return the code at FILE:LINE."""
    path, _, number = line.partition(":")
    return Path(path).read_text().splitlines()[int(number) - 1]


def _reached(line: str) -> tuple[Iterable[str], Path]:
    """Return the names of what a call at FILE:LINE may reach, and the folder that they are in.

    A board's functions have the names of the members through which they are called.
    """
    file, code = Path(line.partition(":")[0]), _code(line)
    members = re.findall(r"\b(\w+)\(", code)
    if file.name == "requests.c" and "handle" in members:
        table = re.findall(r"^    {(\w+), ", file.read_text(), re.M)
        return [name for name in table if name != "NULL"], FIRMWARE / "link"
    if "signals->" in code:
        return [SIGNALS[name] for name in members if name in SIGNALS], FIRMWARE / "link"
    if "sensor->" in code:
        return members, FIRMWARE / "boards"
    if file.name == "store.c":
        return ["copy_piece", "copy_kept"], FIRMWARE / "link"
    if file.name == "stages.c":
        names = [name for member in members for name in FAMILIES.get(member, ())]
        return names, FIRMWARE / "core"
    if "lesson->" in code:
        return [f"naca_{member}_gated" for member in members], FIRMWARE / "core"
    if "inhibition->" in code:
        return [INHIBITION[member] for member in members], FIRMWARE / "core"
    if file.parent == FIRMWARE / "core" / "src" and file.name != "progress.c":
        return [f"naca_{member}_stages" for member in members], FIRMWARE / "core"
    return ["progress"] if file.name == "progress.c" else members, FIRMWARE / "boards"


def _read_graphs(folder: Path) -> dict[str, Node]:
    """Read what -fcallgraph-info=su wrote about all parts of a program."""
    graph: dict[str, Node] = {}
    texts = [path.read_text() for path in sorted(folder.rglob("*.ci"))]
    for text in texts:
        for title, name, file, size, kind in re.findall(
            r'^node: { title: "([^"]+)" label: "([^\\"]+)\\n([^"]*?):\d+:\d+'
            r"\\n(\d+) bytes \(([\w,]+)\)",
            text,
            re.M,
        ):
            if kind not in ("static", "dynamic,bounded"):
                raise CallGraphError(f"the frame of {name} has no bound ({kind})")
            graph[title] = Node(name, int(size), file)
    for text in texts:
        for source, callee, line in re.findall(
            r'^edge: { sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]+):\d+")?',
            text,
            re.M,
        ):
            if callee == "__indirect_call":
                graph[source].lines.add(line)
            else:
                graph[source].calls.add(callee)
                graph.setdefault(callee, Node(callee, LIBRARY))
    return graph


def _read_avr(elf: Path) -> dict[str, Node]:
    """Read an AVR's machine code: pushes, room for variables, calls, and the lines of icall."""
    graph: dict[str, Node] = {}
    node, line = Node("", 0), ""
    near = 0  # instructions in which what is taken from the stack's pointer makes room
    for text in run("avr-objdump", "-dl", elf).splitlines():
        if start := re.fullmatch(r"([0-9a-f]+) <(\w[\w.]*)>:", text):
            # A return address lies on the stack as well.
            node = graph.setdefault(f"{int(start[1], 16):x}", Node(start[2].partition(".")[0], 2))
        elif re.fullmatch(r"/\S+:\d+( \(discriminator \d+\))?", text):
            line = text.partition(" ")[0]
            node.file = node.file or line.partition(":")[0]
        elif code := re.match(r" *[0-9a-f]+:\t[0-9a-f ]+\t(\w+)(?:\t([^;]*))?(?:; (.*))?$", text):
            word, arguments, target = code[1], (code[2] or "").strip(), code[3] or ""
            near = 3 if word == "in" and arguments == "r29, 0x3e" else near - 1
            place = re.match(r"0x([0-9a-f]+) <(\w[\w.]*)>$", target)
            if word == "push":
                node.frame += 1
            elif word in ("sbiw", "subi") and near > 0 and arguments.startswith("r28"):
                node.frame += int(arguments.split(", ")[1], 0)
            elif word == "sbci" and near > 0 and arguments.startswith("r29"):
                node.frame += int(arguments.split(", ")[1], 0) << 8
            elif word == "rcall" and arguments.startswith(".+0"):
                node.frame += 2  # makes room
            elif word in ("icall", "ijmp") and not node.name.startswith("__tablejump"):
                node.lines.add(line)
            elif word in ("call", "rcall", "jmp", "rjmp") and place is not None:
                node.calls.add(place[1])
    return {key: _inside(node, key, graph) for key, node in graph.items()}


def _inside(node: Node, key: str, graph: dict[str, Node]) -> Node:
    """Leave out a function's jumps to itself, or into the middle of anything."""
    node.calls = {call for call in node.calls if call != key and call in graph}
    return node


def deepest(graph: dict[str, Node]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return bytes and chain of each function with the deepest calls below it."""
    by_name: dict[str, list[str]] = {}
    for key, node in graph.items():
        by_name.setdefault(node.name.partition(".")[0], []).append(key)
    for node in graph.values():
        for line in node.lines:
            names, folder = _reached(line)
            keys = {key for name in names for key in by_name.get(name, ())}
            reached = {key for key in keys if folder in Path(graph[key].file).parents}
            if not reached and not OPTIONAL.search(_code(line)):
                raise CallGraphError(f"{line}: nobody knows what this calls")
            node.calls |= reached
    sorter = TopologicalSorter({key: node.calls for key, node in graph.items()})
    depths: dict[str, tuple[int, tuple[str, ...]]] = {}
    try:
        for key in sorter.static_order():
            below = max((depths[call] for call in graph[key].calls), default=(0, ()))
            depths[key] = (graph[key].frame + below[0], (graph[key].name, *below[1]))
    except CycleError as error:
        names = [graph[key].name for key in error.args[1]]
        raise CallGraphError(f"recursion: {' calls '.join(names)}") from error
    return depths


def _symbols(elf: Path) -> dict[str, int]:
    said = run("readelf", "-sW", elf)
    rows = re.findall(r"^ *\d+: ([0-9a-f]+) .* (\w+)$", said, re.M)
    return {name: int(at, 16) for at, name in rows}


def depth_of(elf: Path, folder: Path) -> Depth:
    """Return how deep a program gets that was built in a folder of its own with FLAGS.

    Raises
    ------
    CallGraphError
        If a frame has no bound, or a function may call itself.
    """
    is_avr = "AVR" in run("readelf", "-h", elf)
    graph = _read_avr(elf) if is_avr else _read_graphs(folder)
    depths = deepest(graph)
    symbols = _symbols(elf)
    size = symbols["board_stack_end"] - symbols["board_stack"]
    start = max(depths[key] for key, node in graph.items() if node.name in STARTS)
    handlers = [depths[key][0] for key, node in graph.items() if INTERRUPTS.fullmatch(node.name)]
    entry = 0
    if "cortex_m_start" in symbols:
        entry = ENTRY_WITH_FPU if "mps3" in elf.name else ENTRY
    interrupt = max(handlers) + entry
    return Depth(size, start[0] + interrupt, start[1], interrupt)
