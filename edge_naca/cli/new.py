"""``edge-naca new``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from edge_naca.cli import common, lessons, signals
from edge_naca.cli.numbers import NumberRange

_POSITIVE = NumberRange(min=0, min_open=True)


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    from edge_naca.tables.columns import split_names

    return () if value is None else tuple(split_names(value))


def _reach(ctx: click.Context, param: click.Parameter, value: str) -> tuple[float, ...]:
    """Return numbers with commas between them, all above 0 and finite."""
    try:
        found = tuple(float(part) for part in value.split(","))
    except ValueError:
        found = ()
    if not found or not all(0 < number < 1e30 for number in found):
        raise click.BadParameter(f"{value!r} must be numbers above 0, as 2 or 4096,4096,500.")
    return found


@click.command()
@click.option(
    "--channels", required=True, callback=_names, metavar="NAME[,NAME...]",
    help="Of the sensor, as acc_x,acc_y,acc_z: names that differ in x, y, z are one sensor's axes.",
)  # fmt: skip
@click.option("--rate", required=True, type=_POSITIVE, metavar="HZ", help="Samples a second.")
@click.option(
    "--range", "reach", required=True, callback=_reach, metavar="X[,X...]",
    help="Largest number that a channel gives, on either side of 0: one for all, or one for each.",
)  # fmt: skip
@click.option("--real", is_flag=True, help="The sensor gives real numbers, not integers.")
@click.option(
    "--window", callback=signals.seconds_of, metavar="DURATION",
    help="How long a window is, as 2.5s.  [2.56s, of sound 0.512s]",
)  # fmt: skip
@click.option(
    "--hop", callback=signals.seconds_of, metavar="DURATION",
    help="From one window to the next.  [half a window]",
)  # fmt: skip
@click.option(
    "--classes", callback=_names, metavar="NAME[,NAME...]", help="Names of classes to come."
)
@click.option(
    "--capacity",
    type=click.IntRange(1, 1024),
    help="Classes to make room for.  [those named, or 8]",
)
@click.option(
    "--neurons-per-class", type=click.IntRange(1, 4096), help="Neurons for each class.  [6]"
)
@click.option("--bits", type=click.IntRange(1, 7), help="Bits of a feature's code.  [4]")
@signals.decision_options
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
    help="Of everything random.",
)  # fmt: skip
@common.output_image_option
@common.json_option
def new(
    channels: tuple[str, ...],
    rate: float,
    reach: tuple[float, ...],
    real: bool,
    window: float | None,
    hop: float | None,
    classes: tuple[str, ...],
    capacity: int | None,
    neurons_per_class: int | None,
    bits: int | None,
    deciding: signals.Deciding,
    seed: int,
    output: Path,
    as_json: bool,
) -> None:
    """Write an image for a sensor that nobody has recorded yet: it learns from its first sample on.

    Features and their scale follow from the sensor's channels, rate and range, by movement of any
    strength and pace that is made up within that range. Recordings tell more: where there are
    some, `train --untaught` scales by them.

    \b
    Examples
      edge-naca new --channels acc_x,acc_y,acc_z --rate 50 --range 32768 -o blank.naca
      edge-naca new --channels ax,ay,az,gx,gy,gz --rate 100 --range 4,4,4,500,500,500 --real \\
          --classes walk,run,sit --capacity 8 -o blank.naca
      edge-naca stream --port emulate:blank.naca --signal log.csv --label-column activity
    """
    import numpy as np

    from edge_naca import recipes
    from edge_naca.data import Dataset, check_class_name
    from edge_naca.signals.choosing import suitable
    from edge_naca.signals.datasets import feature_names, window_features
    from edge_naca.signals.imagining import imagined
    from edge_naca.signals.recordings import cut

    common.check_writable(output)
    for name in classes:
        check_class_name("--classes", name)
    recording = imagined(channels, rate, reach, are_real=real, seed=seed)
    signal = suitable([recording], window, hop, 0.5)  # made-up movement says nothing of spectra
    x = window_features(signal, cut([recording], signal.window, signal.window).windows)
    none = np.zeros(0, np.int64)
    dataset = Dataset(
        "a sensor's description", x, np.zeros(len(x), np.int64), x[:0], none, classes or ("",),
        feature_names(signal, channels),
    )  # fmt: skip
    found = deciding.given_to(signals.Loaded(dataset, signal))
    network = recipes.network_for(
        dataset,
        signal=found.signal,
        neurons_per_class=neurons_per_class,
        bits=bits,
        capacity=max(capacity or len(classes) or 8, len(classes)),
        seed=seed,
    )
    lessons.write_untaught(output, network, replace(dataset, classes=classes), None, as_json)
