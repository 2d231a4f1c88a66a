"""An image as C source, to be linked into a firmware and used in place from flash."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from string import Template

import numpy as np

import edge_naca
from edge_naca.core import Core
from edge_naca.export.example import example, opening
from edge_naca.image import ImageError, decode
from edge_naca.network import Network
from edge_naca.samples import takes_reals
from edge_naca.signal_core import SignalCore

# The core's own names, and the C library's headers, which NAME.h would hide from a compiler that is
# told to look into its folder.
_TAKEN = re.compile(
    r"naca(_.*)?|assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp"
    r"|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string"
    r"|tgmath|threads|time|uchar|wchar|wctype",
    re.IGNORECASE,
)

# What may stand in a C string as it is. Everything else is written as three octal digits.
_PLAIN = frozenset((string.ascii_letters + string.digits + " -.,:;+/_()").encode())

_WORDS_PER_LINE = 5

_HEADER = Template("""\
/// A spiking network as an edge-naca image: network ${id}, made by edge-naca ${version}.
/// The example that comes with it shows how to use it.

#ifndef ${NAME}_H
#define ${NAME}_H

#include <stdint.h>
${guard}
#ifdef __cplusplus
extern "C" {
#endif

enum {
    ${NAME}_IMAGE_SIZE = ${image_size}, ///< bytes of the image
    ${NAME}_WORKSPACE_SIZE = ${workspace_size}, ///< bytes of memory that naca_init needs
${frozen_size}    ${NAME}_STATE_SIZE = ${state_size}, ///< bytes that naca_state_save writes
    ${NAME}_RAW_COUNT = ${raw_count}, ///< numbers in a raw sample, 0 without preparation${raw_type}
    ${NAME}_INPUTS = ${inputs}, ///< codes in a prepared sample${code_type}
${signal_sizes}    ${NAME}_CAPACITY = ${capacity} ///< classes there is room for
};

/// The image: hand it to ${opener} with ${NAME}_IMAGE_SIZE.
/// It stays in flash, but on an AVR: there it is copied into RAM before main.
extern const uint64_t ${name}_image[(${NAME}_IMAGE_SIZE + 7) / 8]${weak};

/// What each class is called, in UTF-8.
extern const char *const ${name}_classes[${NAME}_CAPACITY]${weak};
${body}
#ifdef __cplusplus
}
#endif

#endif
""")

_ENDIAN = """
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "an edge-naca image is little endian, and so is the core"
#endif
"""

_SOURCE = Template("""\
#include "${name}.h"
${guard}${body}""")

# Before every definition, in the source file and in the header alike.
_DATA = Template("""
${once}const char *const ${name}_classes[${NAME}_CAPACITY] = {
${classes}
};

// The core wants a multiple of 8, and some processors would be content with less for 64-bit words.
#ifdef __GNUC__
__attribute__((aligned(8)))
#endif
${once}const uint64_t ${name}_image[(${NAME}_IMAGE_SIZE + 7) / 8] = {
${words}
};
""")

_ONCE = Template("""
// Any number of files may include this; the program holds the data once. (In C a linker drops the
// copies of further files with -fdata-sections and --gc-sections, as firmware is built anyway.)
#if defined(__cplusplus) && __cplusplus >= 201703L
#define ${NAME}_ONCE inline
#define ${NAME}_WEAK
#elif defined(__GNUC__)
#define ${NAME}_ONCE
#define ${NAME}_WEAK __attribute__((weak))
#else
#error "a header alone takes C++17, or gcc or clang: export without --header-only"
#endif
""")

_USAGE = Template("""\
${what} the image, ${name}_example.c shows how to use it; C99 or C++ from
C++11 on. They need the edge-naca core, the folder $$NACA below${and_signal}:
naca/core beside them, or what "edge-naca config --folder core" prints.
There "make" compiles ${name}_example, and "make check" runs ${name}_check.c on the desktop, on an
emulated Cortex-M4 and on an emulated AVR.

CMake (or find_package(naca) in place of add_subdirectory, once the core is installed):

    add_subdirectory($$ENV{NACA} naca)
${more_cmake}    add_executable(${name}_example ${sources})
    target_link_libraries(${name}_example PRIVATE naca::${library})

Plain Makefile (lines below the colon begin with a tab):

    CFLAGS += -std=c99 -O2 -I$$(NACA)/include${more_make_flags}
    ${name}_example: ${sources} $$(wildcard $$(NACA)/src/*.c${more_make})
    \t$$(CC) $$(CFLAGS) $$^ -o $$@

PlatformIO: the core as a library of the project, ${files} beside your sources:

    mkdir -p lib/naca && cp -r $$NACA/include $$NACA/src ${more_folders}lib/naca

Arduino: the core as a library of the sketchbook, ${files} beside the sketch:

    mkdir -p ~/Arduino/libraries/naca/src
    cp -r $$NACA/include/naca $$NACA/src/* ${more_files}~/Arduino/libraries/naca/src
    printf 'name=naca\\nversion=${core_version}\\n' > ~/Arduino/libraries/naca/library.properties

gcc or clang alone:

    gcc -std=c99 -O2 -I$$NACA/include${more_flags} ${sources} $$NACA/src/*.c${more_sources} \\
        -o ${name}_example

A microcontroller, here a Cortex-M4, as objects to link with the rest of the firmware:

    arm-none-eabi-gcc -std=c99 -Os -mcpu=cortex-m4 -mthumb -ffunction-sections -fdata-sections \\
        -I$$NACA/include${more_flags} -c ${compiled} $$NACA/src/*.c${more_sources}

The image is constant data and stays in flash (.rodata). The core works in ${NAME}_WORKSPACE_SIZE
bytes of RAM that the program hands to it, starting at a multiple of 8. A program that only infers
may leave what was learned in flash, too: naca_init_frozen, ${NAME}_FROZEN_SIZE bytes of RAM.

An 8-bit AVR (Arduino Uno, Mega) is another matter: its pointers do not reach flash, so what is
constant is copied into RAM before main, the image too. There the network takes ${NAME}_IMAGE_SIZE
bytes of RAM beside ${NAME}_WORKSPACE_SIZE, and the same ${NAME}_IMAGE_SIZE bytes of flash to copy
them from. PROGMEM does not help: the core would read RAM at those addresses.
""")


def _frozen_size(name: str, core: Core) -> str:
    if core.frozen_size is None:
        return ""
    return (
        f"    {name.upper()}_FROZEN_SIZE = {core.frozen_size}, "
        "///< of which naca_init_frozen needs no more: it only infers\n"
    )


def c_source(image: bytes, name: str, *, header_only: bool = False) -> dict[str, str]:
    """Return NAME.h, NAME.c and NAME_example.c: the image as constant data, and how to use it.

    The files are C99 and C++ from C++11 on. What is in them begins with `name`, so that several
    images fit into one program. Class names are those that the image's metadata lists as
    "classes"; further classes are called by their numbers.

    Parameters
    ----------
    image : what `Core.image` returns, or an image file holds.
    name : what files and variables are called.
    header_only : put the data into NAME.h, which any number of files may include; no NAME.c.

    Raises
    ------
    ValueError
        If `name` cannot begin the names of C files and variables; the message says what can.
    ImageError, CoreError
        If the core would refuse the image.
    """
    _check_name(name)
    network, _ = decode(image)
    core = Core(image)
    values = {
        "name": name,
        "NAME": name.upper(),
        "id": f"{core.network_id:08x}",
        "version": edge_naca.__version__,
        "image_size": len(image),
        "workspace_size": core.workspace_size,
        "frozen_size": _frozen_size(name, core),
        "state_size": len(core.save_state()),
        "raw_count": 0 if network.preparation is None else network.preparation.raw_count,
        "inputs": network.inputs,
        "capacity": network.capacity,
        "classes": ",\n".join(f"    {_literal(text)}" for text in _class_names(network)),
        "words": "\n".join(_words(image)),
        "raw_type": ": float" if takes_reals(network) else "",
        "code_type": ", int8_t: they have a sign" if network.encoder.is_signed else "",
        "opener": opening(network).partition("(")[0],
        "signal_sizes": _signal_sizes(name, network),
    }
    once = f"{name.upper()}_ONCE " if header_only else ""
    data = _DATA.substitute(values, once=once)
    program = {f"{name}_example.c": example(network, name)}
    if header_only:
        guard = _ENDIAN + _ONCE.substitute(values)
        weak = f" {name.upper()}_WEAK"
        whole = _HEADER.substitute(values, guard=guard, weak=weak, body=data)
        return {f"{name}.h": whole} | program
    header = {f"{name}.h": _HEADER.substitute(values, guard="", weak="", body="")}
    source = {f"{name}.c": _SOURCE.substitute(values, guard=_ENDIAN, body=data)}
    return header | source | program


# What is added to a project beside the core where an image has a signal.
_SIGNAL_FILES = {
    "library": "signal",
    "and_signal": " and the folder signal beside it",
    "more_cmake": "    add_subdirectory($ENV{NACA}/../signal naca-signal)\n",
    "more_make_flags": " -I$(NACA)/../signal/include",
    "more_make": " $(NACA)/../signal/src/*.c",
    "more_folders": "$NACA/../signal/include $NACA/../signal/src ",
    "more_files": "$NACA/../signal/include/naca $NACA/../signal/src/* ",
    "more_flags": " -I$NACA/../signal/include",
    "more_sources": " $NACA/../signal/src/*.c",
}


def usage(name: str, *, header_only: bool = False, has_signal: bool = False) -> str:
    """Return how the files of `c_source` are added to a project.

    Parameters
    ----------
    has_signal : whether the image has a signal, which needs more than the core.
    """
    _check_name(name)
    example, source = f"{name}_example.c", f"{name}.c"
    more = _SIGNAL_FILES if has_signal else dict.fromkeys(_SIGNAL_FILES, "") | {"library": "core"}
    return _USAGE.substitute(
        more,
        name=name,
        NAME=name.upper(),
        core_version=edge_naca.__version__,
        what=f"{name}.h holds" if header_only else f"{name}.h and {source} hold",
        files=f"{name}.h" if header_only else f"{name}.h and {source}",
        sources=example if header_only else f"{example} {source}",
        compiled=example if header_only else source,
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9]){0,39}", name):
        raise ValueError(
            f"{name!r} cannot name C source: take up to 40 letters, digits and single underscores "
            "in between, a letter first (--name)"
        )
    if _TAKEN.fullmatch(name):
        raise ValueError(
            f"{name!r} is taken by the core or by the C library: choose another name (--name)"
        )


def _signal_sizes(name: str, network: Network) -> str:
    """Return what the header says of a signal."""
    signal = network.signal
    if signal is None:
        return ""
    kind = "float" if signal.affine is not None else "int16_t"
    sizes = {
        "SIGNAL_SIZE": (SignalCore(network).memory_size, "bytes of memory for naca_signal_init"),
        "CHANNELS": (signal.channels, f"numbers of a sample, {kind}"),
        "WINDOW": (signal.window, f"samples of a window, {signal.rate:g} a second"),
        "HOP": (signal.hop, "samples from one window to the next"),
    }
    prefix = name.upper()
    lines = [f"    {prefix}_{key} = {value}, ///< {text}\n" for key, (value, text) in sizes.items()]
    return "".join(lines)


def _class_names(network: Network) -> list[str]:
    names = network.metadata.get("classes", [])
    if not isinstance(names, list) or len(names) > network.capacity:
        raise ImageError(
            f"the metadata's 'classes' must be a list of at most {network.capacity} names"
        )
    return [str(name) for name in names] + [
        str(label) for label in range(len(names), network.capacity)
    ]


def _literal(text: str) -> str:
    """Write a C string that means `text` whatever it holds: quotes, trigraphs, line ends, UTF-8."""
    encoded = text.encode(errors="backslashreplace")
    return '"' + "".join(chr(b) if b in _PLAIN else f"\\{b:03o}" for b in encoded) + '"'


def _words(image: bytes) -> Iterable[str]:
    """Yield lines of 64-bit words, which compile faster than single bytes."""
    words = np.frombuffer(image + bytes(-len(image) % 8), "<u8").tolist()
    for first in range(0, len(words), _WORDS_PER_LINE):
        yield "    " + " ".join(f"{word:#x}," for word in words[first : first + _WORDS_PER_LINE])
