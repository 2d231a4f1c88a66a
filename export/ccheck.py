"""A program that checks an exported network where it is to run, by what Python answers."""

from __future__ import annotations

from collections.abc import Iterable
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.export.example import opening
from edge_naca.network import Network
from edge_naca.samples import takes_reals
from edge_naca.signal_core import SignalCore
from edge_naca.signal_features import Signal

Array = NDArray[Any]

SAMPLES = 10
REACH = 1000  # of integers that a check presents
MARK = "# Checks what edge-naca exported into this folder"

_CHECK = Template("""\
// Presents ${samples} samples to the network and compares codes and answers with those of Python:
// the Makefile beside it runs this on the desktop, on an emulated ARM and on an emulated AVR.

#include "${name}.h"

#include <naca/naca.h>
#include <stdio.h>
#include <string.h>
${include}
#ifdef __GNUC__
#define ALIGNED __attribute__((aligned(8)))
#else
#define ALIGNED
#endif

enum { SAMPLES = ${samples} };

static ALIGNED uint64_t memory[(${NAME}_WORKSPACE_SIZE + 7) / 8];
${arrays}
// What each sample becomes before it is encoded, and which class Python answers.
static const ${code_type} codes[SAMPLES][${NAME}_INPUTS] = {
${codes}
};
static const int16_t answers[SAMPLES] = {${answers}};
${present}
static int check(void)
{
    static ${code_type} made[${NAME}_INPUTS];
    naca_image_t image;
    naca_t *core;
    int alike = 0;
    if (${open}&image, ${name}_image, ${NAME}_IMAGE_SIZE) != NACA_OK ||
        naca_init(&image, memory, sizeof memory, &core) != NACA_OK)
        return -1;
${begin}    for (uint32_t i = 0; i < SAMPLES; i++) {
        naca_sample_t sample;
        naca_result_t result;
${sample}        if (${prepare}naca_infer(core, &sample, &result) == NACA_OK &&
            memcmp(made, codes[i], sizeof made) == 0 && result.prediction == answers[i])
            alike++;
    }
    return alike;
}

#ifdef __AVR__
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

static int put(char c, FILE *file)
{
    (void)file;
    while ((UCSR0A & (1 << UDRE0)) == 0) {
    }
    UDR0 = (uint8_t)c;
    return 0;
}

static FILE line = FDEV_SETUP_STREAM(put, NULL, _FDEV_SETUP_WRITE);
#endif

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
// Where an emulated MPS2 begins: its stack, and the C library's start.
void _start(void);
extern const struct vectors vectors;
__attribute__((section(".vectors"))) const struct vectors {
    void *stack;
    void (*reset)(void);
} vectors = {(void *)0x20400000, _start};
#endif

int main(void)
{
#ifdef __AVR__
    UCSR0B = 1 << TXEN0;
    stdout = &line;
#endif
    const int alike = check();
    printf("${name}: %d of %d samples alike\\n", alike, (int)SAMPLES);
#ifdef __AVR__
    cli(); // asleep without interrupts, the emulator ends
    sleep_enable();
    for (;;)
        sleep_cpu();
#endif
    return alike == SAMPLES ? 0 : 1;
}
""")

_NUMBERS = Template("""
static const ALIGNED ${type} numbers[SAMPLES][${count}] = {
${numbers}
};
""")

_SIGNAL = Template("""static ALIGNED uint64_t windows[(${NAME}_SIGNAL_SIZE + 7) / 8];

// The features of each window.
static const ALIGNED int16_t features[SAMPLES][${NAME}_RAW_COUNT] = {
${features}
};
""")

_SIGNAL_SAMPLE = Template("""
// A number of a channel: a triangle of ${reach} and a little noise.
static ${type} number(uint32_t window, uint32_t at, uint32_t channel)
{
    const uint32_t period = 8u + 5u * window + 3u * channel;
    const uint32_t phase = at % period;
    const uint32_t height = 2u * phase < period ? phase : period - phase;
    const uint32_t noise =
        (window * 73856093u ^ at * 19349663u ^ channel * 83492791u) * 2654435761u;
    const int32_t x = (int32_t)(4u * ${reach}u * height / period + (noise >> 25)) - ${reach};
    return (${type})x${scale};
}

// Push window number i, and make its features.
static int push(naca_signal_t *signal, uint32_t i, naca_sample_t *sample)
{
    naca_signal_gap(signal);
    for (uint32_t at = 0; at < ${NAME}_WINDOW; at++) {
        ${type} one[${NAME}_CHANNELS];
        uint32_t taken;
        for (uint32_t channel = 0; channel < ${NAME}_CHANNELS; channel++)
            one[channel] = number(i, at, channel);
        if (${push}(signal, one, 1, &taken) != NACA_OK)
            return 0;
    }
    return naca_signal_features(signal, sample) == NACA_OK &&
           memcmp(sample->data, features[i], sizeof features[i]) == 0;
}
""")

_MAKEFILE = (
    MARK
    + """:
#
#     make          compiles the examples, and so shows that nothing is missing
#     make check    compares with Python's answers: on the desktop and, where their tools are
#                   installed, on an emulated ARM (arm-none-eabi-gcc with newlib, qemu-system-arm)
#                   and on an emulated AVR (avr-gcc, simavr)
#
# The core is the one beside this file or else, without one, that of the edge-naca which is
# installed; "make NACA=.../core" takes another.

ifeq ($(origin NACA),undefined)
NACA := $(or $(wildcard naca/core),$(shell edge-naca config --folder core))
endif
ifeq ($(wildcard $(NACA)/include/naca/naca.h),)
$(error say where the core lies: make NACA=FOLDER, as "edge-naca config --folder core" prints it)
endif

NAMES := $(patsubst %_check.c,%,$(wildcard *_check.c))
CORE = $(wildcard $(NACA)/src/*.c $(NACA)/../signal/src/*.c)
FLAGS = -std=c99 -Os -I$(NACA)/include -I$(NACA)/../signal/include
# Flash is scarce, and not every desktop's linker knows these.
BOARD_FLAGS = $(FLAGS) -ffunction-sections -fdata-sections -Wl,--gc-sections
HAS_ARM := $(and $(shell command -v arm-none-eabi-gcc),$(shell command -v qemu-system-arm))
HAS_AVR := $(and $(shell command -v avr-gcc),$(shell command -v simavr))
AVR_RAM = 15500

ON := on-desktop $(if $(HAS_ARM),on-arm) $(if $(HAS_AVR),on-avr)

.PHONY: all
all: $(NAMES:%=%_example)

%_example: %_example.c $(CORE)
\t$(CC) $(FLAGS) $(wildcard $*.c) $< $(CORE) -o $@

.PHONY: check
check: $(foreach name,$(NAMES),$(ON:%=$(name).%))
\t@$(if $(HAS_ARM),,echo "not checked on an ARM: arm-none-eabi-gcc or qemu-system-arm is missing")
\t@$(if $(HAS_AVR),,echo "not checked on an AVR: avr-gcc or simavr is missing")

%.on-desktop: %_check.c
\t@$(CC) $(FLAGS) $(wildcard $*.c) $< $(CORE) -o $*_check
\t@printf 'desktop: ' && ./$*_check

%.on-arm: %_check.c
\t@arm-none-eabi-gcc $(BOARD_FLAGS) -mcpu=cortex-m4 -mthumb --specs=rdimon.specs -Wl,-u,vectors \\
\t    -Wl,--section-start=.vectors=0 $(wildcard $*.c) $< $(CORE) -o $*_check.arm
\t@printf 'Cortex-M4: ' && qemu-system-arm -M mps2-an386 -semihosting -nographic \\
\t    -monitor none -serial none -kernel $*_check.arm

# What takes more RAM than there is by its header is not compiled: arrays end at 64 KiB.
%.on-avr: %_check.c
\t@if awk '/_(IMAGE|WORKSPACE)_SIZE = / { n += $$3 } END { exit n <= $(AVR_RAM) }' $*.h || \\
\t    { avr-gcc $(BOARD_FLAGS) -mmcu=atmega1284p -Wl,--defsym=__DATA_REGION_LENGTH__=0x10000 \\
\t        $(wildcard $*.c) $< $(CORE) -o $*_check.avr || exit 1; \\
\t    test $$(avr-size $*_check.avr | awk 'END { print $$2 + $$3 }') -gt $(AVR_RAM); }; then \\
\t    echo "ATmega1284P: $* does not fit its RAM, not checked there"; \\
\telse \\
\t    printf 'ATmega1284P: '; simavr -m atmega1284p -f 16000000 $*_check.avr 2>&1 \\
\t        | grep -o '$*: [0-9-]* of [0-9]* samples alike' | tee $*_check.said; \\
\t    grep -q '10 of 10' $*_check.said; \\
\tfi
""".replace("10 of 10", f"{SAMPLES} of {SAMPLES}")
)


def c_check(image: bytes, name: str) -> dict[str, str]:
    """Return NAME_check.c and the Makefile that runs it, to lie beside what `c_source` returns.

    Parameters
    ----------
    image : what `Core.image` returns, or an image file holds.
    name : what files and variables are called, as for `c_source`.
    """
    core = Core(image)
    network = core.network
    values = {
        "name": name,
        "NAME": name.upper(),
        "samples": str(SAMPLES),
        "open": opening(network),
        "code_type": "int8_t" if network.encoder.is_signed else "uint8_t",
        "include": "",
        "reach": str(REACH),
    }
    if network.signal is not None:
        x = SignalCore(network).features(_windows(network.signal))
        parts = _of_signal(network.signal, x, values)
    else:
        x = _samples(network)
        parts = _of_numbers(network, x, values)
    is_raw = network.preparation is not None
    codes = core.prepare_many(x) if is_raw else x
    answers = core.infer_many(x)["prediction"]
    said = {"codes": _rows(codes), "answers": ", ".join(map(str, answers.tolist()))}
    text = _CHECK.substitute(values | parts | said)
    return {f"{name}_check.c": text, "Makefile": _MAKEFILE}


def _of_numbers(network: Network, x: Array, values: dict[str, str]) -> dict[str, str]:
    """Return what presents samples that stand in the program."""
    name = values["NAME"]
    kinds = {"float32": ("NACA_RAW_F32", "float"), "int16": ("NACA_RAW_I16", "int16_t")}
    kind, type_ = kinds.get(x.dtype.name, ("NACA_CODES", values["code_type"]))
    count = f"{name}_{'INPUTS' if network.preparation is None else 'RAW_COUNT'}"
    arrays = _NUMBERS.substitute(type=type_, count=count, numbers=_rows(x))
    prepare = "naca_prepare(core, &sample, (uint8_t *)made) == NACA_OK && "
    sample = (
        f"        sample.kind = {kind};\n        sample.data = numbers[i];\n"
        f"        sample.count = {count};\n"
    )
    if network.preparation is None:
        sample += "        memcpy(made, numbers[i], sizeof made);\n"
        prepare = ""
    return {"arrays": arrays, "present": "", "begin": "", "sample": sample, "prepare": prepare}


def _of_signal(signal: Signal, features: Array, values: dict[str, str]) -> dict[str, str]:
    """Return what pushes windows that the program makes itself."""
    is_real = signal.affine is not None
    type_ = "float" if is_real else "int16_t"
    scale = f" * {_literal(_step(signal))}" if is_real else ""
    push = "naca_signal_push_reals" if is_real else "naca_signal_push"
    return {
        "include": "#include <naca/signal.h>\n",
        "arrays": _SIGNAL.substitute(values, features=_rows(features)),
        "present": _SIGNAL_SAMPLE.substitute(values, type=type_, scale=scale, push=push),
        "begin": (
            "    naca_signal_t *signal;\n"
            "    if (naca_signal_init(&image, windows, sizeof windows, &signal) != NACA_OK)\n"
            "        return -1;\n"
        ),
        "sample": "        if (!push(signal, i, &sample))\n            continue;\n",
        "prepare": "naca_prepare(core, &sample, (uint8_t *)made) == NACA_OK && ",
    }


# ---- samples -----------------------------------------------------------------------------------


def _samples(network: Network) -> Array:
    """Return samples that a network tells apart: around what its preparation calls the middle."""
    rng = np.random.default_rng(network.seed)
    prep = network.preparation
    if prep is None:
        most = 2**network.code_bits - 1
        least = -most if network.encoder.is_signed else 0
        x = rng.integers(least, most + 1, (SAMPLES, network.inputs))
        return x.astype(np.int8 if least else np.uint8)
    shape = SAMPLES, prep.raw_count
    if not takes_reals(network):
        return rng.integers(0, 256, shape).astype(np.int16)
    assert prep.affine is not None
    whole = rng.integers(-4 * 4096, 4 * 4096, shape)
    scale = np.ldexp(prep.affine.factor.astype(np.float64), prep.affine.exponent.astype(np.int64))
    scale = np.where(scale == 0, 1.0, scale)
    return ((whole - prep.affine.addend.astype(np.float64)) / scale).astype(np.float32)


def _step(signal: Signal) -> float:
    """Return a power of two that makes real numbers of integers, of the size of the sensor's."""
    assert signal.affine is not None
    scale = abs(float(np.ldexp(float(signal.affine.factor[0]), int(signal.affine.exponent[0]))))
    return float(2.0 ** -np.floor(np.log2(scale or 1.0)))


def _windows(signal: Signal) -> Array:
    """Return the windows that the program makes as well (`number` there)."""
    window, at, channel = (
        axis.astype(np.int64)
        for axis in np.meshgrid(
            np.arange(SAMPLES), np.arange(signal.window), np.arange(signal.channels), indexing="ij"
        )
    )
    period = 8 + 5 * window + 3 * channel
    phase = at % period
    height = np.where(2 * phase < period, phase, period - phase)
    word = 2**32 - 1
    mixed = (window * 73856093 & word) ^ (at * 19349663 & word) ^ (channel * 83492791 & word)
    noise = mixed * 2654435761 % 2**32 >> 25
    x = 4 * REACH * height // period - REACH + noise
    if signal.affine is None:
        return x.astype(np.int16)
    return x.astype(np.float32) * np.float32(_step(signal))


# ---- numbers in C ------------------------------------------------------------------------------


def _literal(x: float) -> str:
    """Return a real number that every compiler reads as the same float."""
    return f"{float(x).hex()}f"


def _rows(x: Array) -> str:
    is_real = x.dtype.kind == "f"
    return "\n".join(_row(map(_literal if is_real else str, row)) for row in x.tolist())


def _row(cells: Iterable[str]) -> str:
    """Return one row between braces, in lines of a bearable length."""
    lines, line = [], "    {"
    for cell in cells:
        if len(line) + len(cell) > 95:
            lines.append(line.rstrip())
            line = "     "
        line += f"{cell}, "
    return "\n".join([*lines, line.rstrip(", ") + "},"])
