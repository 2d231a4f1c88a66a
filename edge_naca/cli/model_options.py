"""Options that say what a model's file does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from edge_naca.choices import CODINGS
from edge_naca.cli.numbers import NumberRange
from edge_naca.export.nir.options import (
    ENCODERS,
    EXPORTERS,
    FIRES,
    METHODS,
    READOUTS,
    RESETS,
    SYNAPSES,
)
from edge_naca.limits import MAX_STEPS

Function = TypeVar("Function", bound=Callable[..., Any])


def model_options(function: Function) -> Function:
    """Add all that a model's file does not say, of whatever format it is."""
    return _nir_options(_onnx_options(function))


def _onnx_options(function: Function) -> Function:
    """Add what only an ONNX file does not say, beyond what a NIR file does not say either."""
    for decorate in (
        click.option(
            "--cut", metavar="NODE", help="Node of the model whose result is taken.  [the last]"
        ),
        click.option(
            "--coding",
            type=click.Choice(CODINGS),
            help="How a ReLU becomes spikes: by the bits of its value, or by a rate.  [bitplane]",
        ),
    ):
        function = decorate(function)
    return function


def _shape(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Return whole numbers with commas between them as a tuple."""
    if value is None:
        return None
    parts = value.split(",")
    if len(parts) > 3 or not all(part.strip().isdigit() and int(part) for part in parts):
        raise click.BadParameter(f"{value!r} must be one to three whole numbers, as in 2,34,34")
    return tuple(map(int, parts))


def _reals(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Return numbers with commas between them: one as it is, several as a tuple."""
    if value is None:
        return None
    try:
        numbers = tuple(float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} must be numbers with commas between them") from None
    return numbers[0] if len(numbers) == 1 else numbers


_POSITIVE = NumberRange(min=0, min_open=True)


def _nir_options(function: Function) -> Function:
    """Add what a NIR file does not say."""
    # #lizard forgives: one list of options, each said once.
    for decorate in (
        click.option(
            "--input-shape",
            callback=_shape,
            metavar="C,H,W",
            help="Shape of a sample, where the file lacks it.",
        ),
        click.option(
            "--readout",
            type=click.Choice(READOUTS),
            help="Of a file that ends in weights: what is compared of their results.",
        ),
        click.option("--std", callback=_reals, metavar="S[,S...]", help="See --mean.  [1]"),
        click.option(
            "--mean",
            callback=_reals,
            metavar="M[,M...]",
            help="The model takes (number / full scale - M) / S; one, or one a channel.  [0]",
        ),
        click.option(
            "--full-scale",
            type=_POSITIVE,
            metavar="X",
            help="Raw number that stood for 1.0 in training: 255 for pixels.",
        ),
        click.option(
            "--encoder",
            type=click.Choice(ENCODERS),
            help="How a sample reaches the first layer: as a constant current, or as spikes.",
        ),
        click.option("--steps", type=click.IntRange(1, MAX_STEPS), help="Time steps of a sample."),
        click.option(
            "--refractory",
            type=click.IntRange(0, 254),
            help="Steps that a neuron is held at rest after a spike.  [0]",
        ),
        click.option(
            "--delay/--no-delay",
            "delayed",
            default=None,
            help="Whether a threshold is subtracted one step late, after the leak.",
        ),
        click.option(
            "--fires",
            type=click.Choice(FIRES),
            help="When a neuron spikes: above its threshold, or having reached it.",
        ),
        click.option(
            "--reset",
            type=click.Choice(RESETS),
            help="What a spike does to the potential: take the threshold from it, or clear it.",
        ),
        click.option(
            "--synapse",
            type=click.Choice(SYNAPSES),
            help="What an input adds to a synaptic current: its leak's share of w_in, or all.",
        ),
        click.option(
            "--method",
            type=click.Choice(METHODS),
            help="A step's leak: dt / tau, or 1 - exp(-dt / tau).",
        ),
        click.option(
            "--dt", type=_POSITIVE, help="Time step, in the unit of the file's time constants."
        ),
        click.option(
            "--exporter",
            type=click.Choice(tuple(EXPORTERS)),
            help="Framework that wrote the NIR file: answers --dt, --method, --synapse, --reset, "
            "--fires and --delay as it does by default.",
        ),
    ):
        function = decorate(function)
    return function
