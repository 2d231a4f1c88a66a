"""Calibration by events: samples of sensors that speak in spikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.input_layout import CalibrationError
from edge_naca.export.conversion.layers import Float, Shape
from edge_naca.export.conversion.segments import Source
from edge_naca.limits import MAX_UNITS
from edge_naca.network import Encoder, Preparation
from edge_naca.samples import event_list
from edge_naca.specification import encoding

Int = NDArray[np.int64]

CODE_BITS = 8


@dataclass(frozen=True, eq=False)
class EventSamples:
    """Events of samples, and how they become what model and stages are given.

    Parameters
    ----------
    raw : of each sample uint16 (events, 2): step and input, ascending.
    shape : (channels, height, width) of the model's input; inputs are counted in this order.
    steps : of a presentation.
    """

    raw: list[NDArray[np.uint16]]
    shape: Shape
    steps: int

    @property
    def encoder(self) -> Encoder:
        """What a network needs to take events; whoever hands over codes gets spikes by chance."""
        return Encoder("rate", CODE_BITS, self.steps)

    @property
    def preparation(self) -> Preparation:
        """What makes codes of raw numbers; events pass by it."""
        return Preparation((1, int(np.prod(self.shape)), 1))

    def source(self) -> Source:
        """Return the samples as conversion wants them."""
        inputs, encoder = int(np.prod(self.shape)), self.encoder
        cached: dict[bytes, Int] = {}

        def given(chosen: Int, step: int) -> Int:
            name = chosen.tobytes()
            if name not in cached:
                cached.clear()
                sent = [encoding.from_events(encoder, self.raw[n], inputs) for n in chosen]
                cached[name] = np.stack(sent).astype(np.int64)
            return cached[name][:, step].reshape(-1, *self.shape)

        def hears(chosen: Int, step: int) -> Float:
            return given(chosen, step).astype(np.float64)

        one = np.ones((self.shape[0], 1, 1))
        return Source(
            samples=len(self.raw),
            steps=self.steps,
            real=hears,
            given=given,
            unit=one,
            offset=np.zeros_like(one),
            is_direct=False,
            is_split=False,
        )


def event_samples(x: Any, shape: Shape, steps: int, what: str) -> EventSamples:
    """Return samples of events.

    Parameters
    ----------
    x : a sequence of samples, each integers (events, 2): step and input of a spike, ascending.
    shape : (channels, height, width) of the model's input.
    what : what the samples are, for messages.

    Raises
    ------
    CalibrationError
        If they are no such samples; it names the first that is not.
    """
    inputs = int(np.prod(shape))
    if inputs > MAX_UNITS:
        raise CalibrationError(f"a sample takes {inputs} inputs: an image has at most {MAX_UNITS}")
    if isinstance(x, (str, bytes)) or not isinstance(x, (Sequence, np.ndarray)) or not len(x):
        raise CalibrationError(f"{what} must be a list of events for each sample")
    lists = [_events(x[n], steps, inputs, f"{what}, number {n}") for n in range(len(x))]
    if not any(len(events) for events in lists):
        raise CalibrationError(f"{what} hold no event at all")
    return EventSamples(lists, shape, steps)


def _events(sample: Any, steps: int, inputs: int, what: str) -> NDArray[np.uint16]:
    try:
        return event_list(sample, steps, inputs)
    except (TypeError, ValueError) as error:
        raise CalibrationError(f"{what}: {error}") from None
