"""An image as C source compiles everywhere, stays in flash, and computes what `Core` computes."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import CORE, run

from edge_naca import image
from edge_naca.affine import Affine
from edge_naca.core import Core
from edge_naca.export import c_source, usage
from edge_naca.export.ccheck import c_check
from edge_naca.inhibition import Inhibition, triangle
from edge_naca.network import Encoder, Network, Preparation
from edge_naca.presets import competitive
from edge_naca.signal_features import Bands, Signal
from edge_naca.stages import CodedConvolution, SpikingConvolution

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
# What the languages let one write in a string, and what would end or bend it.
ODD_NAMES = ['a "b" \\n', "??/??'", "line\nend", "*/ //", "zwölf 十二", "", "%s", "0x\t7"]


def trained(network: Any) -> bytes:
    rng = np.random.default_rng(5)
    core = Core(network)
    count, most, is_signed = network.inputs, 2**network.code_bits, network.encoder.is_signed
    if network.preparation is not None:
        count, most = network.preparation.raw_count, 256
    x = rng.integers(1 - most if is_signed else 0, most, (40, count))
    core.learn_many(x, rng.integers(1, network.capacity, 40))
    return core.image()


@pytest.fixture(scope="module")
def digits() -> bytes:
    preparation = Preparation((8, 8, 1), "pool", 2)
    return trained(competitive(preparation, 10, 4, metadata={"classes": ODD_NAMES}))


@pytest.fixture(scope="module")
def gas() -> bytes:
    return trained(competitive(7, 3, 2, bits=3))


@pytest.fixture(scope="module")
def staged() -> bytes:
    """Return an image with a stage of each family."""
    rng = np.random.default_rng(6)
    coded = CodedConvolution(
        shape=(8, 8, 1), weights=rng.integers(-9, 20, (2, 1, 3, 3)), bits=4, shift=np.array([7])
    )
    spiking = SpikingConvolution(
        shape=(6, 6, 2),
        weights=rng.integers(-9, 30, (3, 2, 2, 2)),
        stride=(2, 2),
        threshold=np.array([40]),
    )
    inner = competitive(spiking.units, 3, 2, bits=4)
    encoder, preparation = Encoder("rate", 4, 4), Preparation((8, 8, 1))
    stages = coded, spiking
    return trained(Network(64, encoder, inner.populations, preparation, stages=stages))


@pytest.fixture(scope="module")
def signed() -> bytes:
    """Return an image whose codes have a sign, without an inhibition."""
    return trained(competitive(Preparation((1, 9, 1), keeps_sign=True, norm=20), 3, 2, bits=3))


@pytest.fixture(scope="module")
def decorrelated() -> bytes:
    """Return an image with an inhibition that is learned, and is in use already."""
    inhibition = Inhibition(7, 5, first=10, every=5)
    return trained(competitive(7, 3, 2, bits=3, inhibition=inhibition))


@pytest.fixture(scope="module")
def given() -> bytes:
    """Return an image with an inhibition that is given."""
    weights = np.random.default_rng(1).integers(-60, 61, triangle(7))
    inhibition = Inhibition(7, 4, weights, np.arange(7) % 3, shift=5)
    preparation = Preparation((1, 7, 1), keeps_sign=True)
    return trained(competitive(preparation, 3, 2, bits=3, inhibition=inhibition))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("naca")
    run("cmake", "-S", CORE, "-B", folder, "-DCMAKE_BUILD_TYPE=Release")
    run("cmake", "--build", folder)
    return folder / "libnaca.a"


def write(folder: Path, data: bytes, name: str, *, header_only: bool = False) -> None:
    for file, text in c_source(data, name, header_only=header_only).items():
        (folder / file).write_text(text, encoding="utf-8")


def expected_answer(data: bytes) -> str:
    """Return what the example says, by `Core`."""
    core = Core(data)
    i, prep = np.arange(core.network.inputs), core.network.preparation
    most = 2**core.network.code_bits - 1
    if prep is None:
        least = -most if core.network.encoder.is_signed else 0
    else:
        i, most = np.arange(prep.raw_count), 255
        least = -most if prep.keeps_sign else 0
    x = i * 37 % (most - least + 1) + least
    before, after = core.learn(x, 0), core.infer(x)
    if not core.network.stages:  # whose weights here are random
        assert before.prediction != 0
        assert after.prediction == 0
    return (
        f"before: {before.prediction}\nafter: {after.prediction}\nstate: {core.state_hash():08x}\n"
    )


COMPILERS = {
    "gcc-c99": "gcc -std=c99",
    "gcc-c99-m32": "gcc -std=c99 -m32",
    "clang-c99": "clang -std=c99",
    "g++-c++17": "g++ -std=c++17 -x c++",
    "clang++-c++17": "clang++ -std=c++17 -x c++",
    "g++-gnu++11": "g++ -std=gnu++11 -x c++",
    "g++-gnu++14": "g++ -std=gnu++14 -x c++",
    "g++-gnu++20": "g++ -std=gnu++20 -x c++",
    "clang++-gnu++11": "clang++ -std=gnu++11 -x c++",
    "clang++-gnu++20": "clang++ -std=gnu++20 -x c++",
    "cortex-m4-gnu++11": "arm-none-eabi-g++ -std=gnu++11 -mcpu=cortex-m4 -mthumb -x c++",
    "cortex-m4": "arm-none-eabi-gcc -std=c99 -mcpu=cortex-m4 -mthumb",
    "cortex-m4-c++17": "arm-none-eabi-g++ -std=c++17 -mcpu=cortex-m4 -mthumb -x c++",
}
EITHER = pytest.mark.parametrize("header_only", [False, True], ids=["h and c", "header only"])


@pytest.mark.parametrize("compiler", COMPILERS)
@EITHER
def test_compiles_without_a_warning(
    compiler: str,
    header_only: bool,
    require_tool: Callable[[str], None],
    digits: bytes,
    gas: bytes,
    signed: bytes,
    decorrelated: bytes,
    tmp_path: Path,
) -> None:
    command = COMPILERS[compiler].split()
    require_tool(" ".join([*command, "-c"]))
    images = {"digits": digits, "gas": gas, "vibration": signed, "decorrelated": decorrelated}
    for name, data in images.items():
        write(tmp_path, data, name, header_only=header_only)
    sources = sorted(tmp_path.glob("*.c"))
    assert len(sources) == len(images) * (1 if header_only else 2)
    for source in sources:
        for level in ("-O0", "-O2"):
            flags = [level, *WARNINGS, "-I", CORE / "include", "-c"]
            run(*command, *flags, source, "-o", tmp_path / "x.o")


@pytest.mark.parametrize("which", ["digits", "gas", "staged", "signed", "decorrelated", "given"])
@EITHER
def test_example_answers_as_core_does(
    which: str, header_only: bool, library: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    data = request.getfixturevalue(which)
    write(tmp_path, data, "net", header_only=header_only)
    sources = sorted(tmp_path.glob("*.c"))
    run("gcc", "-std=c99", "-I", CORE / "include", *sources, library, "-o", tmp_path / "net")
    assert run(tmp_path / "net") == expected_answer(data)


# What newlib's start-up for semihosting leaves to others: where a Cortex-M begins.
VECTORS = """
extern void _start(void);
__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    (void (*)(void))0x20010000, _start};
"""


@pytest.mark.parametrize("which", ["digits", "signed", "decorrelated"])
@EITHER
def test_example_runs_on_a_cortex_m(
    which: str,
    header_only: bool,
    require_tool: Callable[[str], None],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    require_tool("arm-none-eabi-gcc --specs=rdimon.specs")
    require_tool("qemu-system-arm")
    data = request.getfixturevalue(which)
    write(tmp_path, data, "net", header_only=header_only)
    (tmp_path / "vectors.c").write_text(VECTORS)
    places = "-Wl,--section-start=.vectors=0,-Tdata=0x20000000"
    flags = ["-mcpu=cortex-m3", "-mthumb", "-Os", "-std=c99", "--specs=rdimon.specs", places]
    sources = [*sorted(tmp_path.glob("*.c")), *sorted((CORE / "src").glob("*.c"))]
    elf = tmp_path / "net.elf"
    run("arm-none-eabi-gcc", *flags, "-I", CORE / "include", *sources, "-o", elf)
    said = run(
        *("qemu-system-arm", "-machine", "mps2-an385", "-display", "none", "-monitor", "none"),
        *("-serial", "null", "-semihosting-config", "enable=on,target=native", "-kernel", elf),
    )
    assert said == expected_answer(data)


# ---- what is handed over -------------------------------------------------------------------------


def test_code_is_handed_over_only_where_it_is_needed(
    digits: bytes, staged: bytes, signed: bytes, decorrelated: bytes, given: bytes
) -> None:
    wanted = {
        digits: "naca_image_open(&image",
        staged: "naca_image_open_with(naca_all_stages(), &image",
        signed: "naca_image_open(&image",
        decorrelated: "naca_image_open_with(naca_inhibition(), &image",
        given: "naca_image_open_with(naca_inhibition(), &image",
    }
    for data, call in wanted.items():
        files = c_source(data, "net")
        assert call in files["net_example.c"]
        opener = call.partition("(")[0]
        assert f"hand it to {opener} with NET_IMAGE_SIZE" in files["net.h"]


def test_samples_have_a_sign_where_codes_have(
    gas: bytes, signed: bytes, decorrelated: bytes
) -> None:
    kinds = {
        gas: ("uint8_t", "NACA_CODES"),
        signed: ("int16_t", "NACA_RAW_I16"),
        decorrelated: ("int8_t", "NACA_CODES"),
    }
    for data, (type_, kind) in kinds.items():
        files = c_source(data, "net")
        assert f"static {type_} numbers[" in files["net_example.c"]
        assert f"sample = {{{kind}, numbers" in files["net_example.c"]
        assert ("int8_t: they have a sign" in files["net.h"]) == (data != gas)


# Code that a program does not hand over is not linked (docs/arithmetic.md says what each is).
@pytest.mark.parametrize(
    ("which", "has_inhibition"), [("digits", False), ("signed", False), ("decorrelated", True)]
)
def test_the_inhibition_is_linked_only_where_it_is_needed(
    which: str, has_inhibition: bool, library: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    write(tmp_path, request.getfixturevalue(which), "net")
    sources = sorted(tmp_path.glob("*.c"))
    run("gcc", "-std=c99", "-I", CORE / "include", *sources, library, "-o", tmp_path / "net")
    names = run("nm", tmp_path / "net")
    assert ("naca_learn_inhibition" in names) == has_inhibition
    assert "naca_coded_family" not in names


# ---- a header alone ------------------------------------------------------------------------------

INCLUDER = """
#include "gas.h"
#include "gas.h"
const void *%s(void);
const void *%s(void) { return gas_image; }
"""
USER = """
#include "gas.h"
const void *one(void);
const void *two(void);
int main(void)
{
    return one() == two() && one() == gas_image && gas_classes[GAS_CAPACITY - 1][0] == '2' ? 0 : 1;
}
"""


def write_users(folder: Path, data: bytes) -> list[Path]:
    """Write a header and three files that include it; return the files."""
    write(folder, data, "gas", header_only=True)
    sources = [folder / f"{name}.c" for name in ("one", "two", "user")]
    for source, text in zip(sources, (INCLUDER, INCLUDER, USER), strict=True):
        source.write_text(text.replace("%s", source.stem))
    return sources


@pytest.mark.parametrize(
    "compiler",
    ["gcc-c99", "clang-c99", "g++-c++17", "clang++-c++17", "g++-gnu++11", "clang++-gnu++11"],
)
def test_a_header_may_be_included_anywhere(
    compiler: str, require_tool: Callable[[str], None], gas: bytes, tmp_path: Path
) -> None:
    command = COMPILERS[compiler].split()
    require_tool(" ".join([*command, "-c"]))
    run(*command, *WARNINGS, *write_users(tmp_path, gas), "-o", tmp_path / "user")
    run(tmp_path / "user")


def test_c_and_cpp_may_include_the_same_header(
    require_tool: Callable[[str], None], gas: bytes, tmp_path: Path
) -> None:
    require_tool("g++ -x c++ -c")
    one, two, user = write_users(tmp_path, gas)
    two.write_text(two.read_text().replace("const void *two", 'extern "C" const void *two'))
    run("g++", "-std=c++17", "-x", "c++", "-c", two, "-o", tmp_path / "two.o")
    run("gcc", "-std=c99", one, tmp_path / "two.o", user, "-o", tmp_path / "user")
    run(tmp_path / "user")


@pytest.mark.parametrize("compiler", ["cortex-m4", "cortex-m4-c++17"])
def test_a_header_costs_its_flash_once(
    compiler: str, require_tool: Callable[[str], None], gas: bytes, tmp_path: Path
) -> None:
    command = COMPILERS[compiler].split()
    require_tool(" ".join([*command, "-c"]))
    flags = ["-Os", "-fdata-sections", "-ffunction-sections", "-c"]
    sources = write_users(tmp_path, gas)
    for source in sources:
        run(*command, *flags, source, "-o", source.with_suffix(".o"))
    objects = [source.with_suffix(".o") for source in sources]
    assert all(one.read_bytes().count(gas) == 1 for one in objects)
    link = ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "--specs=nosys.specs")
    run(*link, "-Wl,--gc-sections", *objects, "-o", tmp_path / "user.elf")
    assert (tmp_path / "user.elf").read_bytes().count(gas) == 1


CPP_USER = """
#include "digits.h"
#include "gas.h"
#include <naca/naca.h>
#include <cstdio>
#include <cstring>
#include <vector>

template <typename Names> static void say(const Names &names)
{
    for (const char *name : names) {
        for (const char *c = name; *c != 0; c++)
            std::printf("%02x", static_cast<unsigned>(static_cast<unsigned char>(*c)));
        std::printf("\\n");
    }
}

static_assert(DIGITS_CAPACITY == 10 && GAS_CAPACITY == 3 && DIGITS_RAW_COUNT == 64, "");
static_assert(GAS_RAW_COUNT == 0 && GAS_INPUTS == 7 && DIGITS_INPUTS == 16, "");

int main()
{
    struct { const uint64_t *data; uint32_t size, workspace_size, state_size; } images[] = {
        {digits_image, DIGITS_IMAGE_SIZE, DIGITS_WORKSPACE_SIZE, DIGITS_STATE_SIZE},
        {gas_image, GAS_IMAGE_SIZE, GAS_WORKSPACE_SIZE, GAS_STATE_SIZE},
    };
    for (const auto &it : images) {
        naca_image_t image;
        naca_t *core;
        uint32_t workspace_size, state_size;
        if (naca_image_open(&image, it.data, it.size) != NACA_OK ||
            naca_workspace_size(&image, &workspace_size) != NACA_OK)
            return 1;
        std::vector<uint64_t> memory((workspace_size + 7) / 8);
        if (naca_init(&image, memory.data(), workspace_size, &core) != NACA_OK ||
            naca_state_size(core, &state_size) != NACA_OK || state_size != it.state_size ||
            workspace_size != it.workspace_size)
            return 2;
        std::printf("%08lx\\n", static_cast<unsigned long>(naca_crc32(0, it.data, it.size)));
    }
    say(digits_classes);
    say(gas_classes);
}
"""


def test_two_images_serve_one_cpp_program(
    require_tool: Callable[[str], None], library: Path, digits: bytes, gas: bytes, tmp_path: Path
) -> None:
    require_tool("g++")
    write(tmp_path, digits, "digits")
    write(tmp_path, gas, "gas")
    (tmp_path / "user.cpp").write_text(CPP_USER)
    for name in ("digits", "gas"):
        run("gcc", "-std=c99", "-c", tmp_path / f"{name}.c", "-o", tmp_path / f"{name}.o")
    objects = (tmp_path / "digits.o", tmp_path / "gas.o", library)
    flags = [*WARNINGS, "-I", str(CORE / "include")]
    run("g++", "-std=c++17", *flags, tmp_path / "user.cpp", *objects, "-o", tmp_path / "user")
    lines = run(tmp_path / "user").split("\n")

    assert lines[:2] == [f"{zlib.crc32(data):08x}" for data in (digits, gas)]
    said = [bytes.fromhex(line).decode() for line in lines[2:-1]]
    assert said == [*ODD_NAMES, "8", "9", "0", "1", "2"]


def test_image_stays_in_flash(
    require_tool: Callable[[str], None], digits: bytes, tmp_path: Path
) -> None:
    require_tool("arm-none-eabi-gcc -c")
    write(tmp_path, digits, "digits")
    run(*COMPILERS["cortex-m4"].split(), "-c", tmp_path / "digits.c", "-o", tmp_path / "digits.o")
    table = run("arm-none-eabi-objdump", "-h", tmp_path / "digits.o")
    rows = re.findall(r"^ +\d+ (\S+) +([0-9a-f]{8}) .* 2\*\*(\d)$", table, re.MULTILINE)
    sizes = {name: (int(size, 16), 2 ** int(power)) for name, size, power in rows}
    assert sizes[".rodata"][0] >= len(digits)
    assert sizes[".rodata"][1] >= 8
    assert sizes[".data"][0] == sizes[".bss"][0] == sizes[".text"][0] == 0


@EITHER
def test_an_avr_copies_the_image_into_ram_as_the_instructions_say(
    header_only: bool, require_tool: Callable[[str], None], gas: bytes, tmp_path: Path
) -> None:
    require_tool("avr-gcc -mmcu=atmega1284p")
    write(tmp_path, gas, "gas", header_only=header_only)
    program = '#include "gas.h"\nint main(int n, char **v) { (void)v; return (int)gas_image[n]; }\n'
    (tmp_path / "program.c").write_text(program)
    sources = ["program.c"] if header_only else ["program.c", "gas.c"]
    run("avr-gcc", "-std=c99", "-Os", "-mmcu=atmega1284p", *sources, "-o", "p.elf", cwd=tmp_path)
    data, bss = map(int, run("avr-size", tmp_path / "p.elf").splitlines()[1].split()[1:3])
    words = -(-len(gas) // 8) * 8
    assert words <= data <= words + 200  # names of classes, and pointers to them
    assert bss == 0
    run("avr-objcopy", "-O", "binary", "-j", ".data", "p.elf", "data.bin", cwd=tmp_path)
    assert gas in (tmp_path / "data.bin").read_bytes()  # what flash holds to copy it from
    text = " ".join(usage("gas", header_only=header_only).split())
    assert "There the network takes GAS_IMAGE_SIZE bytes of RAM beside GAS_WORKSPACE_SIZE" in text
    assert "but on an AVR: there it is copied into RAM" in (tmp_path / "gas.h").read_text()


def test_alignment_is_asked_for_where_64_bit_words_need_less(
    require_tool: Callable[[str], None], gas: bytes, tmp_path: Path
) -> None:
    # On 32-bit x86 a 64-bit word needs a multiple of 4 only.
    require_tool("gcc -m32 -c")
    write(tmp_path, gas, "gas")
    text = run("gcc", "-m32", "-S", "-Os", tmp_path / "gas.c", "-o", "-")
    assert re.search(r"\.align 8\n.*gas_image", text)


# ---- instructions ------------------------------------------------------------------------------


def commands(text: str) -> list[str]:
    """Return the indented blocks of a text, one string each."""
    blocks = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in blocks]


@EITHER
def test_instructions_work_as_written(
    header_only: bool, require_tool: Callable[[str], None], gas: bytes, tmp_path: Path
) -> None:
    require_tool("arm-none-eabi-gcc -c")
    write(tmp_path, gas, "gas", header_only=header_only)
    assert "C99 or C++ from C++11 on." in " ".join(usage("gas", header_only=header_only).split())
    cmake, make, platformio, arduino, gcc, arm = commands(usage("gas", header_only=header_only))
    head = "cmake_minimum_required(VERSION 3.21)\nproject(user LANGUAGES C)\n"
    (tmp_path / "CMakeLists.txt").write_text(head + cmake)
    (tmp_path / "user.mk").write_text(make)
    environment = os.environ | {"NACA": str(CORE), "HOME": str(tmp_path)}
    build = "cmake -S . -B build && cmake --build build && cp build/gas_example ."
    for command in (build, "make -f user.mk", gcc):
        run("sh", "-ec", command, cwd=tmp_path, env=environment)
        assert run(tmp_path / "gas_example") == expected_answer(gas), command
        (tmp_path / "gas_example").unlink()
    for command in (arm, platformio, arduino):
        run("sh", "-ec", command, cwd=tmp_path, env=environment)
    sources = {path.stem for path in (CORE / "src").glob("*.c")}
    sources.add("gas_example" if header_only else "gas")
    assert {path.stem for path in tmp_path.glob("*.o")} == sources
    properties = tmp_path / "Arduino" / "libraries" / "naca" / "library.properties"
    assert re.fullmatch(r"name=naca\nversion=\d+\.\d+\.\d+\n", properties.read_text())


# Where the two look for headers and sources of a library, as their manuals say.
LIBRARIES = {
    "PlatformIO": ("lib/naca/include", "lib/naca/src"),
    "Arduino": ("Arduino/libraries/naca/src", "Arduino/libraries/naca/src"),
}


@pytest.mark.parametrize("tool", LIBRARIES)
@EITHER
def test_libraries_lie_where_their_tools_look(
    tool: str,
    header_only: bool,
    require_tool: Callable[[str], None],
    gas: bytes,
    tmp_path: Path,
) -> None:
    require_tool("arm-none-eabi-g++ -c")
    write(tmp_path, gas, "gas", header_only=header_only)
    _, _, platformio, arduino, _, _ = commands(usage("gas", header_only=header_only))
    environment = os.environ | {"NACA": str(CORE), "HOME": str(tmp_path)}
    command = platformio if tool == "PlatformIO" else arduino
    run("sh", "-ec", command, cwd=tmp_path, env=environment)
    headers, sources = (tmp_path / place for place in LIBRARIES[tool])
    target: list[str | Path] = ["-mcpu=cortex-m0plus", "-mthumb", "-Os", "-I", headers, "-c"]
    # A sketch is C++; beside it lies C.
    (tmp_path / "sketch.cpp").write_bytes((tmp_path / "gas_example.c").read_bytes())
    run("arm-none-eabi-g++", "-std=gnu++17", *target, tmp_path / "sketch.cpp", cwd=tmp_path)
    compiled = sorted(sources.glob("*.c"))
    assert len(compiled) == len(list((CORE / "src").glob("*.c")))
    own = [] if header_only else [tmp_path / "gas.c"]
    run("arm-none-eabi-gcc", "-std=gnu11", *target, *own, *compiled, cwd=tmp_path)


# ---- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "Digits", "gas_drift_2", "nacre", "int", "x" * 40])
def test_good_names(name: str, gas: bytes) -> None:
    assert list(c_source(gas, name)) == [f"{name}.h", f"{name}.c", f"{name}_example.c"]
    assert list(c_source(gas, name, header_only=True)) == [f"{name}.h", f"{name}_example.c"]


@pytest.mark.parametrize(
    "name",
    ["", "2nd", "a-b", "a b", "a.c", "../a", "ä", "_a", "a_", "a__b", "a\n", "x" * 41]
    + ["naca", "NACA", "naca_net", "string", "Stdint", "math"],
)
def test_bad_names_are_refused(name: str, gas: bytes) -> None:
    for make in (
        lambda: c_source(gas, name),
        lambda: c_source(gas, name, header_only=True),
        lambda: usage(name),
    ):
        with pytest.raises(ValueError, match=r"cannot name C source: take|is taken by .*choose"):
            make()


def test_damaged_images_are_refused(gas: bytes) -> None:
    with pytest.raises(image.ImageError, match="checksum"):
        c_source(gas[:-1] + bytes([gas[-1] ^ 1]), "gas")


@pytest.mark.parametrize("classes", ["abc", {"a": 1}, ["1", "2", "3", "4"]])
def test_class_names_that_cannot_be_are_refused(classes: object) -> None:
    network = competitive(7, 3, 2, bits=3, metadata={"classes": classes})
    with pytest.raises(image.ImageError, match="a list of at most 3 names"):
        c_source(image.encode(network), "gas")


# ---- the program that checks -------------------------------------------------------------------


@pytest.fixture(scope="module")
def windowed() -> bytes:
    """Return an image with a small signal of real numbers."""
    bins = np.array([[1, 32, 0], [1, 16, 16], [2, 20, 0]])
    blocks = (("mean", "deviation", "bands"), ("change",), ("greatest",))
    bands = Bands(16, 2, bins)
    signal = Signal(2, 50, 32, 16, blocks, ((0, 1),), bands, affine=Affine.of([0, 0], [900, 500]))
    preparation = Preparation((1, signal.features, 1), gain=np.array([9]), shift=6)
    return trained(replace(competitive(preparation, 3, 2, bits=3), signal=signal))


@pytest.fixture(scope="module")
def real() -> bytes:
    """Return an image that takes real numbers."""
    affine = Affine.of(np.arange(5) * 7.5, [900, 500, 3, 77, 4096])
    return trained(competitive(Preparation((1, 5, 1), affine=affine, shift=5), 3, 2, bits=3))


CHECKED = ("digits", "gas", "signed", "decorrelated", "windowed", "real")


@pytest.mark.slow
def test_what_is_exported_checks_itself(
    request: pytest.FixtureRequest, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    """On the desktop, an emulated Cortex-M4 and an emulated AVR."""
    for tool in ("make", "arm-none-eabi-gcc", "qemu-system-arm", "avr-gcc", "simavr"):
        require_tool(tool)
    for name in CHECKED:
        data = request.getfixturevalue(name)
        write(tmp_path, data, name)
        for file, text in c_check(data, name).items():
            (tmp_path / file).write_text(text)
    said = run("make", "check", f"NACA={CORE}", cwd=tmp_path).splitlines()
    for name in CHECKED:
        for board in ("desktop", "Cortex-M4", "ATmega1284P"):
            assert f"{board}: {name}: 10 of 10 samples alike" in said


def test_what_does_not_fit_the_avr_is_left_out(
    tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    """An image of more than 64 KiB: no compiler of an AVR takes such an array."""
    for tool in ("make", "avr-gcc", "simavr"):
        require_tool(tool)
    data = trained(competitive(Preparation((1, 400, 1)), 10, 20, bits=4))
    assert len(data) > 1 << 16
    write(tmp_path, data, "large")
    for file, text in c_check(data, "large").items():
        (tmp_path / file).write_text(text)
    said = run("make", "large.on-avr", f"NACA={CORE}", cwd=tmp_path)
    assert said == "ATmega1284P: large does not fit its RAM, not checked there\n"


def test_what_differs_is_found(
    tmp_path: Path, require_tool: Callable[[str], None], real: bytes
) -> None:
    require_tool("make")
    write(tmp_path, real, "real")
    for file, text in c_check(real, "real").items():
        (tmp_path / file).write_text(text)
    path = tmp_path / "real_check.c"
    path.write_text(path.read_text().replace("answers[SAMPLES] = {", "answers[SAMPLES] = {1 + "))
    with pytest.raises(pytest.fail.Exception, match="9 of 10 samples alike"):
        run("make", "real.on-desktop", f"NACA={CORE}", cwd=tmp_path)
