"""The firmware's C code keeps its promises: no heap, no floating point, no globals, small."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import FIRMWARE, run

# What is the same on every board, and how many bytes it may take there. Frozen stages and the
# inhibition are parts of the core that are linked only where a program asks for them.
ROOMS = {
    "core": 13312,
    "stages": 4096,
    "inhibition": 3520,
    "signal": 4608,
    "store": 2816,
    "link": 9216,
}
PARTS = {
    "stages": ("coded.c", "spiking.c", "stages.c"),
    "inhibition": ("all_stages.c", "inhibition.c", "inhibition_learning.c"),
}
FOLDERS = ("core", "signal", "store", "link")
SOURCES = sorted(path for room in FOLDERS for path in (FIRMWARE / room / "src").glob("*.[ch]"))
HEADERS = sorted(path for room in FOLDERS for path in (FIRMWARE / room / "include").rglob("*.h"))
INCLUDES = [f"-I{FIRMWARE / room / 'include'}" for room in FOLDERS]


def room_of(source: Path) -> str:
    parts = (part for part, names in PARTS.items() if source.name in names)
    return next(parts, source.parts[-3])


FORBIDDEN_WORDS = re.compile(
    r"\b(float|double|_Complex|malloc|calloc|realloc|free|alloca|\w*printf|puts|putchar"
    r"|errno|setjmp|longjmp)\b|\b\d+\.\d*|\b\d+[eE][-+]?\d+\b"
)
# The last one is the compiler's own, too: instructions of an ARM.
ALLOWED_INCLUDES = {"limits.h", "stdbool.h", "stddef.h", "stdint.h", "string.h", "arm_acle.h"}

# The four functions that a compiler may call unasked, and the integer helpers of its own run-time
# library: division, 64-bit multiplication, shifts and comparison, jump tables; never a
# floating-point one.
ALLOWED_CALLS = re.compile(
    r"mem(cpy|move|set|cmp)"
    r"|__aeabi_(u?idiv|u?idivmod|u?ldivmod|lmul|llsl|llsr|lasr|u?lcmp|mem(cpy|move|set|clr)[48]?)"
    r"|__gnu_thumb1_case_\w+|__u?(div|mod|divmod)di[34]|__muldi3|__(ashl|ashr|lshr)di3"
)


@dataclass(frozen=True)
class Target:
    """A compiler, and what floating point looks like in its disassembly."""

    prefix: str
    flags: str
    floating_point: str


ARM = "-mcpu=cortex-m4 -mthumb -Os -ffunction-sections"
X86_FLOATING_POINT = (
    r"v?(add|sub|mul|div|sqrt|cvt|u?comi|round|fn?m(add|sub))\w*[sp][sdh]\w*|f[a-z]\w*"
)
TARGETS = {
    "cortex-m4": Target("arm-none-eabi-", f"{ARM} -mfloat-abi=soft", r"v\w+"),
    # With the unit switched on, vldr and vmov also serve plain copying: arithmetic names a type.
    "cortex-m4f": Target(
        "arm-none-eabi-", f"{ARM} -mfpu=fpv4-sp-d16 -mfloat-abi=hard", r"v[a-z]+\S*\.f\d+\S*"
    ),
    "cortex-m0": Target("arm-none-eabi-", "-mcpu=cortex-m0 -mthumb -Os", r"v\w+"),
    # Whatever processor the tests run on; only x86 mnemonics are known, the calls always are.
    "host-O3": Target("", "-O3", X86_FLOATING_POINT),
    "host-O0": Target("", "-O0", X86_FLOATING_POINT),
}
# What distributions switch on by default: no property of the core, but visible in its objects.
PLAIN = (
    "-fno-pic -fno-common -fno-stack-protector -fno-asynchronous-unwind-tables -U_FORTIFY_SOURCE"
)


def compiled(sources: Iterable[Path], target: Target, folder: Path) -> list[Path]:
    """Compile sources for a target; return the object files."""
    objects = []
    for source in sources:
        objects.append(folder / f"{source.parts[-3]}-{source.stem}.o")
        flags = f"-std=c99 {target.flags} {PLAIN}".split()
        run(f"{target.prefix}gcc", *flags, *INCLUDES, "-c", source, "-o", objects[-1])
    return objects


def findings(sources: Iterable[Path], target: Target, folder: Path) -> list[str]:
    """Compile sources for a target; return a line for every forbidden thing in them."""
    objects = compiled(sources, target, folder)
    return [
        *_symbols(run(f"{target.prefix}nm", *objects)),
        *_writable(run(f"{target.prefix}objdump", "-h", *objects)),
        *_arithmetic(run(f"{target.prefix}objdump", "-d", *objects), target.floating_point),
    ]


def _symbols(nm: str) -> list[str]:
    rows = re.findall(r"^[0-9a-f ]*([A-Za-z]) (\S+)$", nm, re.MULTILINE)
    defined = {name for kind, name in rows if kind in "TRDBV"}
    called = {name for kind, name in rows if kind in "Uw"}
    unknown = sorted(name for name in called - defined if not ALLOWED_CALLS.fullmatch(name))
    foreign = sorted(name for name in defined if not name.startswith("naca_"))
    return [f"calls {name}" for name in unknown] + [f"exports {name}" for name in foreign]


def _writable(objdump: str) -> list[str]:
    rows = re.findall(r"^ +\d+ (\S+) +([0-9a-f]{8}) .*\n(.*)$", objdump, re.MULTILINE)
    assert rows, "objdump prints something unexpected"
    return [
        f"writable data in {name}"
        for name, size, flags in rows
        if int(size, 16) > 0 and "ALLOC" in flags and "READONLY" not in flags
    ]


def _arithmetic(disassembly: str, floating_point: str) -> list[str]:
    rows = re.findall(r"^ *[0-9a-f]+:\t[^\t\n]+\t(\S+)", disassembly, re.MULTILINE)
    assert rows, "objdump prints something unexpected"
    return sorted({f"instruction {row}" for row in rows if re.fullmatch(floating_point, row)})


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest, require_tool: Callable[[str], None]) -> Target:
    target = TARGETS[request.param]
    require_tool(f"{target.prefix}gcc -c")
    return target


def test_objects_hold_nothing_forbidden(target: Target, tmp_path: Path) -> None:
    sources = [path for path in SOURCES if path.suffix == ".c"]
    assert len(sources) >= 2
    assert findings(sources, target, tmp_path) == []


STACK_BUDGET = 512  # bytes in any one function


@pytest.mark.parametrize("room", ROOMS)
def test_budgets(room: str, tmp_path: Path, require_tool: Callable[[str], None]) -> None:
    require_tool("arm-none-eabi-gcc")
    sources = [path for path in SOURCES if path.suffix == ".c" and room_of(path) == room]
    flags = f"-std=c99 {ARM} -fdata-sections -fstack-usage".split()
    for source in sources:
        target = tmp_path / f"{source.stem}.o"
        run("arm-none-eabi-gcc", *flags, *INCLUDES, "-c", source, "-o", target)
    sizes = run("arm-none-eabi-size", *sorted(tmp_path.glob("*.o")))
    texts = [int(row.split()[0]) for row in sizes.splitlines()[1:]]
    assert len(texts) == len(sources)
    assert sum(texts) <= ROOMS[room], sizes
    stacks = "".join(path.read_text() for path in tmp_path.glob("*.su"))
    rows = re.findall(r"^(.*)\t(\d+)\t(.*)$", stacks, re.MULTILINE)
    assert len(rows) >= len(sources)
    unbounded = [row for row in rows if int(row[1]) > STACK_BUDGET or row[2] != "static"]
    assert unbounded == []


# The check is worth what it catches: each of these has to be found, on every target.
BREAKAGES = {
    "float": ("int naca_x(int a) { return (int)((float)a * 1.5f); }", r"instruction|calls __aeabi"),
    "double": ("int naca_x(int a) { return (int)(a / 3.0); }", r"instruction|calls __aeabi"),
    "state": ("int naca_x(void) { static int n; return ++n; }", r"writable data in \.bss"),
    "data": ("int naca_x[2] = {1, 2};", r"writable data in \.data"),
    "heap": ("void *malloc(unsigned); void *naca_x(void) { return malloc(4); }", "calls malloc"),
    "libc": ('int puts(const char *); int naca_x(void) { return puts(""); }', "calls puts"),
    "name": ("int helper(void) { return 1; }", "exports helper"),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_forbidden_things_are_found(breakage: str, target: Target, tmp_path: Path) -> None:
    code, expected = BREAKAGES[breakage]
    source = tmp_path / "broken.c"
    source.write_text(f"{code}\nint naca_y(int a) {{ return a + 1; }}\n")
    found = findings([source], target, tmp_path)
    assert any(re.match(expected, line) for line in found), found


def words(source: str) -> list[str]:
    """Return what a source file may not say, comments and text in quotes aside."""
    code = re.sub(r"//[^\n]*|/\*.*?\*/", " ", source, flags=re.DOTALL)
    includes = re.findall(r"#\s*include\s*<([^>]+)>", code)
    code = re.sub(r'"(\\.|[^"\\\n])*"', '""', code)
    found = [match[0] for match in FORBIDDEN_WORDS.finditer(code)]
    return found + [name for name in includes if name not in ALLOWED_INCLUDES]


@pytest.mark.parametrize("path", SOURCES + HEADERS, ids=lambda path: "/".join(path.parts[-3:]))
def test_source_says_nothing_forbidden(path: Path) -> None:
    assert words(path.read_text(encoding="utf-8")) == []


def test_forbidden_words_are_found() -> None:
    source = '#include <stdio.h>\nfloat x = 1.5; /* double */ // malloc\nint y = printf("double");'
    assert words(source) == ["float", "1.5", "printf", "stdio.h"]


# What a program hands over, and what of the parts that are left out else is linked then.
LINKED = {
    "": (),
    "naca_coded_stages": ("naca_coded_family",),
    "naca_spiking_stages": ("naca_spiking_family",),
    "naca_inhibition": ("naca_inhibition_code", "naca_learn_inhibition"),
    "naca_all_stages": (
        "naca_coded_family",
        "naca_spiking_family",
        "naca_inhibition_code",
        "naca_learn_inhibition",
    ),
}


@pytest.mark.parametrize("family", LINKED)
def test_only_the_stages_that_are_asked_for_are_linked(
    family: str, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool("arm-none-eabi-gcc")
    opened = (
        f"naca_image_open_with({family}(), &image, p, 9)"
        if family
        else "naca_image_open(&image, p, 9)"
    )
    program = tmp_path / "program.c"
    program.write_text(
        '#include "naca/naca.h"\n'
        "int main(void) { naca_image_t image; naca_t *core; naca_result_t result; void *p = 0;\n"
        f"  {opened}; naca_init(&image, p, 9, &core); naca_infer(core, p, &result);\n"
        "  return naca_learn(core, p, 0, &result); }\n"
    )
    core = [path for path in SOURCES if path.suffix == ".c" and path.parts[-3] == "core"]
    flags = f"-std=c99 {ARM} -fdata-sections -Wl,--gc-sections --specs=nosys.specs -w".split()
    run("arm-none-eabi-gcc", *flags, *INCLUDES, program, *core, "-o", tmp_path / "program")
    names = set(run("arm-none-eabi-nm", tmp_path / "program").split())
    assert names & set(LINKED["naca_all_stages"]) == set(LINKED[family])
    assert ("naca_check_stages" in names) == bool(family)


# Processors on which a product of 64 bits is a call, and what is called.
SMALL = {
    "cortex-m0": ("arm-none-eabi-", "-mcpu=cortex-m0 -mthumb -Os", r"__aeabi_(lmul|u?ldivmod)"),
    "avr": ("avr-", "-mmcu=atmega1284p -Os", r"__(u?mulsi|mul|u?divmod|u?div|u?mod)di3"),
}


@pytest.mark.parametrize("name", SMALL)
def test_only_learning_an_inhibition_multiplies_64_bits(
    name: str, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    prefix, flags, wide = SMALL[name]
    require_tool(f"{prefix}gcc -c")
    sources = [path for path in SOURCES if path.suffix == ".c" and path.parts[-3] == "core"]
    objects = compiled(sources, Target(prefix, flags, ""), tmp_path)
    callers = {
        path.stem for path in objects if re.search(rf"\bU {wide}$", run(f"{prefix}nm", path), re.M)
    }
    assert callers == {"core-inhibition_learning"}
