"""What a sensor usually gives, kept with an image, so that another gain or unit is noticed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from edge_naca.printable import shown
from edge_naca.signals.recordings import Recording, check_alike

CHANNELS = "channels"  # in an image's metadata: name, low and high of each channel
TAIL = 0.001  # of a channel's numbers lie below its low, and as many above its high

# Of the numbers of people who had not been recorded before, 1.2 % at most lay outside (motion of
# eight, speech of six); of the same motion with twice the gain, 3.3 % at least.
SHARE = 0.025


def usual(recordings: Sequence[Recording]) -> dict[str, Any]:
    """Return what an image's metadata are to say of the channels that it was made for."""
    check_alike(recordings)
    numbers = np.concatenate([recording.samples for recording in recordings])
    lows, highs = np.quantile(numbers, [TAIL, 1 - TAIL], axis=0).tolist()
    names = recordings[0].channels
    return {
        CHANNELS: [
            {"name": name, "low": low, "high": high}
            for name, low, high in zip(names, lows, highs, strict=True)
        ]
    }


def unusual(recordings: Sequence[Recording], metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is odd about the numbers of recordings, for people.

    Parameters
    ----------
    metadata : of an image; without usual numbers in it, nothing is odd.
    """
    numbers = np.concatenate([recording.samples for recording in recordings])
    try:
        known = [(float(one["low"]), float(one["high"])) for one in metadata[CHANNELS]]
    except (KeyError, TypeError, ValueError):
        return
    if len(known) != numbers.shape[1]:
        return
    lows, highs = np.array(known).T
    outside = ((numbers < lows) | (numbers > highs)).mean(axis=0)
    if outside.mean() < SHARE:
        return
    at = int(outside.argmax())
    yield (
        f"{100 * outside.mean():.2g} % of all numbers lie outside what is usual for the image, "
        f"most of them in {shown(recordings[0].channels[at])} ({lows[at]:g} to {highs[at]:g}): are "
        "gain and unit those of what it was trained on?"
    )
