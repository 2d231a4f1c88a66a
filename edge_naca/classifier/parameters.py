"""What the parameters of a classifier may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_naca.front_end import FrontEnd
from edge_naca.limits import MAX_CLASSES, MAX_UNITS, choice, whole
from edge_naca.network import Preparation
from edge_naca.scaling import SCALINGS
from edge_naca.signal_features import Signal


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Refuse what `presets.competitive` and `scaling.plan` do not refuse by themselves.

    Raises
    ------
    TypeError, ValueError
        The message names the parameter.
    """
    if parameters["neurons_per_class"] is not None:
        whole("neurons_per_class", parameters["neurons_per_class"], 1, MAX_UNITS)
    if parameters["max_classes"] is not None:
        whole("max_classes", parameters["max_classes"], 1, MAX_CLASSES)
    choice("scaling", parameters["scaling"], SCALINGS)
    _check_front_end(parameters)
    bits, weight_bits = parameters["bits"], parameters["weight_bits"]
    if bits is not None:
        whole("bits", bits, 1, 8)
    if weight_bits not in (4, 8):
        raise ValueError(f"weight_bits must be 8 or 4, not {weight_bits}")
    if weight_bits == 4 and bits is not None and bits > 4:
        raise ValueError(f"bits must be in 1 .. 4 with weight_bits=4, not {bits}")
    _check_numbers(parameters)
    whole("calibration", parameters["calibration"], 1, 1 << 20)
    whole("epochs", parameters["epochs"], 1, 1 << 20)
    if isinstance(parameters["random_state"], (int, np.integer)):
        whole("random_state", parameters["random_state"], 0, 2**32 - 1)


def _check_front_end(parameters: Mapping[str, Any]) -> None:
    preparation, front_end = parameters["preparation"], parameters["front_end"]
    if preparation is not None and not isinstance(preparation, Preparation):
        raise TypeError(
            f"preparation must be an edge_naca.Preparation or None, not {preparation!r}"
        )
    if front_end is not None and not isinstance(front_end, FrontEnd):
        raise TypeError(
            "front_end must be an edge_naca.front_end.FrontEnd or None, not "
            f"{front_end!r}; onnx_front_end and nir_front_end return one, and a report"
        )
    signal = parameters["signal"]
    if signal is not None and not isinstance(signal, Signal):
        raise TypeError(
            f"signal must be an edge_naca.signal_features.Signal or None, not {signal!r}"
        )
    if signal is not None and front_end is not None:
        raise ValueError("give either front_end or signal: a front end takes no windows")
    if front_end is not None and preparation is not None:
        raise ValueError("give either front_end or preparation: a front end has its own")


def _check_numbers(parameters: Mapping[str, Any]) -> None:
    for name, low, high, is_open in (
        ("rate_floor", 0, 1, True),
        ("homeostasis", 0, 1, False),
        ("depression", 0, 1, False),
        ("grading", 0, 1, False),
        ("temperature", 0, np.inf, True),
        ("false_alarms", 0, 1, False),
    ):
        value = parameters[name]
        if value is None and name == "temperature":
            continue
        if isinstance(value, (bool, np.bool_)) or not isinstance(
            value, (int, float, np.integer, np.floating)
        ):
            raise TypeError(f"{name} must be a number, not {value!r}")
        if not (low <= value <= high) or (is_open and value == low) or np.isinf(value):
            above = "greater than 0" + (" and at most 1" if high == 1 else "")
            raise ValueError(f"{name} must be {above if is_open else 'within 0 .. 1'}, not {value}")
