"""A program that uses an exported network: it predicts and learns, and says what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.export.templates import fill
from edge_naca.network import Network
from edge_naca.samples import takes_reals
from edge_naca.signal_core import SignalCore
from edge_naca.signal_features import Signal


def example(network: Network, name: str, frame: str = "program.c") -> str:
    """Return the source of a program that learns a made-up sample, or a window, as class 0.

    Parameters
    ----------
    name : of the files and variables that `c_source` makes.
    frame : what begins and ends the program, a file in templates/example.
    """
    prefix = name.upper()
    values = {
        "name": name,
        "NAME": prefix,
        "open": opening(network),
        "say": "say" if frame == "arduino.cpp" else "printf",
        "signal_header": "",
        "ram": f"{prefix}_IMAGE_SIZE + {prefix}_WORKSPACE_SIZE",
        "count": f"{prefix}_{'INPUTS' if network.preparation is None else 'RAW_COUNT'}",
        **_sample(network),
    }
    body = "network.c"
    if network.signal is not None:
        body = "signal.c"
        values |= _of_signal(network.signal)
        values["ram"] += f" + {prefix}_SIGNAL_SIZE"
    folder = Path("example")
    return fill(folder / frame, values | {"body": fill(folder / body, values)})


def example_output(image: bytes) -> list[str]:
    """Return the lines that the example prints, by what the core answers here."""
    core = Core(image)
    signal = core.network.signal
    if signal is None:
        x = _made_sample(core.network)
        before = core.learn(x, 0).prediction
        said = [f"before: {before}", f"after: {core.infer(x).prediction}"]
    else:
        windows = SignalCore(core.network)
        said = []
        for at, row in enumerate(_made_samples(signal)):
            for features in windows.push(row[None]):
                result = core.infer(features) if said else core.learn(features, 0)
                said.append(f"window until sample {at}: {result.prediction}")
    return [*said, f"state: {core.state_hash():08x}"]


def opening(network: Network) -> str:
    """Return the call that opens an image of this network, up to the image."""
    code = code_of(network)
    return "naca_image_open(" if code is None else f"naca_image_open_with({code}(), "


def code_of(network: Network) -> str | None:
    """Return the function that hands over the code of just what the image has; None for none."""
    if network.inhibition is not None:
        return "naca_inhibition"
    if not network.stages:
        return None
    families = "coded" if not network.spiking else "spiking" if not network.coded else "all"
    return f"naca_{families}_stages"


# ---- what a sensor would give, in C and here ---------------------------------------------------


def _range(network: Network) -> tuple[int, int]:
    """Return the least and the greatest integer of a sample."""
    prep, most = network.preparation, 2**network.code_bits - 1
    if prep is not None:
        return (-255 if prep.keeps_sign else 0), 255
    return (-most if network.encoder.is_signed else 0), most


def _sample(network: Network) -> dict[str, str]:
    """Return kind and C type of the example's sample, and its number i: of either sign if it may.

    What it computes is ``37 i`` modulo the count of numbers there are, from the least one on.
    """
    if takes_reals(network):
        return {"kind": "NACA_RAW_F32", "type": "float", "number": "(i % 7u)"}
    least, most = _range(network)
    if network.preparation is not None:
        kind, type_ = ("NACA_RAW_I16", "int16_t") if least else ("NACA_RAW_U8", "uint8_t")
    else:
        kind, type_ = "NACA_CODES", "int8_t" if least else "uint8_t"
    number = f"(i * 37u % {most - least + 1}u)"
    if least:
        number = f"((int32_t){number} - {-least})"
    return {"kind": kind, "type": type_, "number": number}


def _made_sample(network: Network) -> NDArray[Any]:
    prep = network.preparation
    i = np.arange(network.inputs if prep is None else prep.raw_count)
    if takes_reals(network):
        return (i % 7).astype(np.float32)
    least, most = _range(network)
    return i * 37 % (most - least + 1) + least


def _of_signal(signal: Signal) -> dict[str, str]:
    is_real = signal.affine is not None
    number = "(at * 37u + i * 11u) % 201u"
    return {
        "signal_header": "#include <naca/signal.h>\n",
        "signal_type": "float" if is_real else "int16_t",
        "signal_number": f"(float)({number}) / 128.0f" if is_real else f"{number} - 100",
        "signal_push": "naca_signal_push_reals" if is_real else "naca_signal_push",
    }


def _made_samples(signal: Signal) -> NDArray[Any]:
    at = np.arange(2 * signal.window + signal.hop)[:, None]
    whole = (at * 37 + np.arange(signal.channels) * 11) % 201
    if signal.affine is None:
        return (whole - 100).astype(np.int16)
    return whole.astype(np.float32) / np.float32(128)
