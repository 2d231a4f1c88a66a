"""An image as C source, to be linked into a firmware and used in place from flash."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from string import Template

import numpy as np

import edge_naca
from edge_naca.core import Core
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
/// ${name}_example.c shows how to use it.

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
    ${NAME}_STATE_SIZE = ${state_size}, ///< bytes that naca_state_save writes
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

_EXAMPLE = Template("""\
#include "${name}.h"

#include <naca/naca.h>
#include <stdio.h>

// The core wants a multiple of 8, and some processors would be content with less for 64-bit words.
#ifdef __GNUC__
__attribute__((aligned(8)))
#endif
static uint64_t memory[(${NAME}_WORKSPACE_SIZE + 7) / 8];
static ${type} numbers[${count}];

int main(void)
{
    const naca_sample_t sample = {${kind}, numbers, ${count}};
    naca_result_t before, after;
    naca_image_t image;
    naca_t *core;
    uint32_t hash;
    for (uint32_t i = 0; i < ${count}; i++)
        numbers[i] = (${type})${number}; // here a sensor would be read
    if (${open}&image, ${name}_image, ${NAME}_IMAGE_SIZE) != NACA_OK ||
        naca_init(&image, memory, sizeof memory, &core) != NACA_OK ||
        naca_learn(core, &sample, 0, &before) != NACA_OK || // what it sees is class 0
        naca_infer(core, &sample, &after) != NACA_OK || naca_state_hash(core, &hash) != NACA_OK)
        return 1; // each call's status says why: naca_status_name
    printf("before: %ld\\n", (long)before.prediction); // -1 is no answer
    printf("after: %ld\\n", (long)after.prediction);
    printf("state: %08lx\\n", (unsigned long)hash);
    return 0;
}
""")

_SIGNAL_EXAMPLE = Template("""\
#include "${name}.h"

#include <naca/naca.h>
#include <naca/signal.h>
#include <stdio.h>

// The core wants a multiple of 8, and some processors would be content with less for 64-bit words.
#ifdef __GNUC__
#define ALIGNED __attribute__((aligned(8)))
#else
#define ALIGNED
#endif
static ALIGNED uint64_t memory[(${NAME}_WORKSPACE_SIZE + 7) / 8];
static ALIGNED uint64_t windows[(${NAME}_SIGNAL_SIZE + 7) / 8];

// Here the sensor would be read: one sample, a number of each channel.
static void read_sensor(uint32_t at, ${signal_type} sample[${NAME}_CHANNELS])
{
    for (uint32_t i = 0; i < ${NAME}_CHANNELS; i++)
        sample[i] = (${signal_type})((at * 37u + i * 11u) % 201u) ${signal_scale};
}

int main(void)
{
    naca_image_t image;
    naca_t *core;
    naca_signal_t *signal;
    if (${open}&image, ${name}_image, ${NAME}_IMAGE_SIZE) != NACA_OK ||
        naca_init(&image, memory, sizeof memory, &core) != NACA_OK ||
        naca_signal_init(&image, windows, sizeof windows, &signal) != NACA_OK)
        return 1; // each call's status says why: naca_status_name
    for (uint32_t at = 0; at < 2u * ${NAME}_WINDOW + ${NAME}_HOP; at++) {
        ${signal_type} sample[${NAME}_CHANNELS];
        naca_sample_t features;
        naca_result_t result;
        uint32_t taken;
        read_sensor(at, sample);
        if (${signal_push}(signal, sample, 1, &taken) != NACA_OK)
            return 2;
        if (naca_signal_features(signal, &features) != NACA_OK)
            continue; // no window is full yet
        if (naca_infer(core, &features, &result) != NACA_OK)
            return 3;
        printf("window until sample %lu: %ld\\n", (unsigned long)at, (long)result.prediction);
    }
    return 0;
}
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
bytes of RAM that the program hands to it, starting at a multiple of 8.

An 8-bit AVR (Arduino Uno, Mega) is another matter: its pointers do not reach flash, so what is
constant is copied into RAM before main, the image too. There the network takes ${NAME}_IMAGE_SIZE
bytes of RAM beside ${NAME}_WORKSPACE_SIZE, and the same ${NAME}_IMAGE_SIZE bytes of flash to copy
them from. PROGMEM does not help: the core would read RAM at those addresses.
""")


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
    code = _code(network)
    values = {
        "name": name,
        "NAME": name.upper(),
        "id": f"{core.network_id:08x}",
        "version": edge_naca.__version__,
        "image_size": len(image),
        "workspace_size": core.workspace_size,
        "state_size": len(core.save_state()),
        "raw_count": 0 if network.preparation is None else network.preparation.raw_count,
        "inputs": network.inputs,
        "capacity": network.capacity,
        "classes": ",\n".join(f"    {_literal(text)}" for text in _class_names(network)),
        "words": "\n".join(_words(image)),
        "count": f"{name.upper()}_{'INPUTS' if network.preparation is None else 'RAW_COUNT'}",
        "raw_type": ": float" if takes_reals(network) else "",
        "code_type": ", int8_t: they have a sign" if network.encoder.is_signed else "",
        "opener": "naca_image_open" if code is None else "naca_image_open_with",
        "open": opening(network),
        **_example_sample(network),
        "signal_sizes": "",
    }
    template = _EXAMPLE
    if network.signal is not None:
        template = _SIGNAL_EXAMPLE
        values |= _signal_values(name, network)
    once = f"{name.upper()}_ONCE " if header_only else ""
    data = _DATA.substitute(values, once=once)
    example = {f"{name}_example.c": template.substitute(values)}
    if header_only:
        guard = _ENDIAN + _ONCE.substitute(values)
        weak = f" {name.upper()}_WEAK"
        whole = _HEADER.substitute(values, guard=guard, weak=weak, body=data)
        return {f"{name}.h": whole} | example
    header = {f"{name}.h": _HEADER.substitute(values, guard="", weak="", body="")}
    source = {f"{name}.c": _SOURCE.substitute(values, guard=_ENDIAN, body=data)}
    return header | source | example


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
            "in between, a letter first"
        )
    if _TAKEN.fullmatch(name):
        raise ValueError(f"{name!r} is taken by the core or by the C library: choose another name")


def opening(network: Network) -> str:
    """Return the call that opens an image of this network, up to the image."""
    code = _code(network)
    return "naca_image_open(" if code is None else f"naca_image_open_with({code}(), "


def _code(network: Network) -> str | None:
    """Return the function that hands over the code of just what the image has; None for none."""
    if network.inhibition is not None:
        return "naca_inhibition"
    if not network.stages:
        return None
    families = "coded" if not network.spiking else "spiking" if not network.coded else "all"
    return f"naca_{families}_stages"


def _example_sample(network: Network) -> dict[str, str]:
    """Return kind and C type of the example's sample, and its number i: of either sign if it may.

    What it computes is ``37 i`` modulo the count of numbers there are, from the least one on.
    """
    prep, most = network.preparation, 2**network.code_bits - 1
    if takes_reals(network):
        return {"kind": "NACA_RAW_F32", "type": "float", "number": "(i % 7u)"}
    if prep is not None:
        least, most = (-255 if prep.keeps_sign else 0), 255
        kind, type_ = ("NACA_RAW_I16", "int16_t") if least else ("NACA_RAW_U8", "uint8_t")
    else:
        least = -most if network.encoder.is_signed else 0
        kind, type_ = "NACA_CODES", "int8_t" if least else "uint8_t"
    number = f"(i * 37u % {most - least + 1}u)"
    if least:
        number = f"((int32_t){number} - {-least})"
    return {"kind": kind, "type": type_, "number": number}


def _signal_values(name: str, network: Network) -> dict[str, str]:
    """Return what header and example say of a signal."""
    signal = network.signal
    assert signal is not None
    is_real = signal.affine is not None
    prefix = name.upper()
    kind = "float" if is_real else "int16_t"
    sizes = {
        "SIGNAL_SIZE": (SignalCore(network).memory_size, "bytes of memory for naca_signal_init"),
        "CHANNELS": (signal.channels, f"numbers of a sample, {kind}"),
        "WINDOW": (signal.window, f"samples of a window, {signal.rate:g} a second"),
        "HOP": (signal.hop, "samples from one window to the next"),
    }
    lines = [f"    {prefix}_{key} = {value}, ///< {text}\n" for key, (value, text) in sizes.items()]
    return {
        "signal_sizes": "".join(lines),
        "signal_type": kind,
        "signal_scale": "/ 100.0f" if is_real else "- 100",
        "signal_push": "naca_signal_push_reals" if is_real else "naca_signal_push",
    }


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
