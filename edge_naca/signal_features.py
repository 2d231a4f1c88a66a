"""The description of a signal: how windows of a sensor's samples become features.

`edge_naca.signals` reads recordings and chooses descriptions; docs/arithmetic.md, section 11, gives
the meaning of every number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.affine import Affine
from edge_naca.image_records import SIGNAL, SIGNAL_BLOCKS
from edge_naca.limits import (
    MAX_CHANNELS,
    MAX_FRAME,
    MAX_FRAMES,
    MAX_MAGNITUDES,
    MAX_UNITS,
    MAX_VOTES,
    MAX_WINDOW,
    choice,
    integers,
    whole,
)

RATE_UNIT = 256  # a rate is written in 256ths of a sample a second
LEAST_RATE, MOST_RATE = 1 / RATE_UNIT, (2**32 - 1) / RATE_UNIT
NEAR = 0.02  # that rates may differ by
FULL_WEIGHT = 32  # of a bin in a band
NO_AXIS = 255
AXES = 3
LEAST_WINDOW, LEAST_FRAME = 16, 8
MOST_LEVEL = 30


@dataclass(frozen=True, eq=False)
class Bands:
    """Spectra of frames of a window, and what their bands hold.

    Parameters
    ----------
    frame : samples that a spectrum is taken of, a power of two, 8 .. 1024.
    count : bands of a spectrum, 1 .. 64.
    bins : uint8 (bins, 3), the first of bin `first`: the slot of a bin, and how many 32nds of its
        power go there and to the next slot. Slot b is band b − 1; slots 0 and `count` + 1 lie
        outside of all bands.
    first : bin of the spectrum, from 1; bin k is at k / `frame` of the rate.
    frames : spectra of a window, spread evenly over it, 1 .. 64.
    level : octaves below the loudest band of a window that are told apart, 1 .. 30; the mean of all
        its bands is then taken off. 0 leaves bands as they are.
    """

    frame: int
    count: int
    bins: NDArray[Any]
    first: int = 1
    frames: int = 1
    level: int = 0

    def __post_init__(self) -> None:
        _power_of_two("frame", self.frame, LEAST_FRAME, MAX_FRAME)
        whole("count", self.count, 1, SIGNAL["bands"].range[1])
        whole("frames", self.frames, 1, MAX_FRAMES)
        whole("level", self.level, 0, MOST_LEVEL)
        bins = integers("bins", self.bins, np.uint8)
        object.__setattr__(self, "bins", bins)
        if bins.ndim != 2 or bins.shape[1] != 3 or not len(bins):
            raise ValueError(f"bins must be (bins, 3), not {bins.shape}")
        whole("first", self.first, 1, self.frame // 2 - len(bins))
        if bins[:, 0].max() > self.count or (bins[:, 1:].sum(axis=1) > FULL_WEIGHT).any():
            raise ValueError(
                f"bins must name slots of 0 .. {self.count} and weights of at most {FULL_WEIGHT}"
            )


@dataclass(frozen=True, eq=False)
class Signal:
    """How windows of a signal become the raw sample that a network's preparation takes.

    Parameters
    ----------
    channels : numbers of a sample, 1 .. 16, each int16.
    rate : samples a second.
    window : samples of a window, a power of two, 16 .. 16384.
    hop : samples from one window to the next.
    blocks : for each channel, then for each magnitude, what is made of it: names of
        `edge_naca.image_records.SIGNAL_BLOCKS`. Features come channel after channel, in the order
        of those names.
    magnitudes : channels whose squares are added up, for each channel that is made so.
    bands : of channels with the block "bands".
    decimation : samples that one mean of the block "decimated" is taken of, a power of two.
    affine : what makes int16 of numbers of channels that are real, or wider; None where they are
        int16.
    votes : answers that a decision looks at, the latest, 0 .. 16; 0 where every answer is one.
    quorum : how many of them have to be the same.
    rest : windows behind a decision in which there is none, 0 .. 255.
    """

    channels: int
    rate: float
    window: int
    hop: int
    blocks: tuple[tuple[str, ...], ...]
    magnitudes: tuple[tuple[int, ...], ...] = ()
    bands: Bands | None = None
    decimation: int = 1
    affine: Affine | None = field(default=None)
    votes: int = 0
    quorum: int = 0
    rest: int = 0

    def __post_init__(self) -> None:
        whole("channels", self.channels, 1, MAX_CHANNELS)
        if not LEAST_RATE <= self.rate <= MOST_RATE:
            raise ValueError(
                f"rate must be in {LEAST_RATE:g} .. {MOST_RATE:.0f}, not {self.rate:g}"
            )
        object.__setattr__(self, "rate", round(self.rate * RATE_UNIT) / RATE_UNIT)
        _power_of_two("window", self.window, LEAST_WINDOW, MAX_WINDOW)
        SIGNAL["hop"].check(self.hop, name="hop")
        _power_of_two("decimation", self.decimation, 1, self.window)
        self._check_magnitudes()
        self._check_blocks()
        if self.bands is not None and self.bands.frame > self.window:
            raise ValueError(
                f"frames of {self.bands.frame} samples do not fit windows of {self.window}"
            )
        if self.affine is not None and self.affine.size != self.channels:
            raise ValueError(
                f"affine must hold a map for each of {self.channels} channels, not "
                f"{self.affine.size}"
            )
        whole("the number of features", self.features, 1, MAX_UNITS)
        self._check_decisions()

    def _check_decisions(self) -> None:
        whole("votes", self.votes, 0, MAX_VOTES)
        if self.votes:
            whole("quorum", self.quorum, 1, self.votes)
            whole("rest", self.rest, 0, 255)
        elif self.quorum or self.rest:
            raise ValueError("quorum and rest go with votes: without, every answer is a decision")

    def _check_magnitudes(self) -> None:
        if len(self.magnitudes) > MAX_MAGNITUDES:
            raise ValueError(f"there are at most {MAX_MAGNITUDES} magnitudes")
        for axes in self.magnitudes:
            if not 1 <= len(axes) <= AXES or not all(0 <= a < self.channels for a in axes):
                last = self.channels - 1
                raise ValueError(
                    f"a magnitude is of 1 .. {AXES} channels in 0 .. {last}, not {axes}"
                )

    def _check_blocks(self) -> None:
        wanted = self.channels + len(self.magnitudes)
        if len(self.blocks) != wanted:
            raise ValueError(
                f"blocks must be said of {wanted} channels, magnitudes included, not of "
                f"{len(self.blocks)}"
            )
        for names in self.blocks:
            for name in names:
                choice("a block", name, SIGNAL_BLOCKS)
            if "bands" in names and self.bands is None:
                raise ValueError("a channel with the block 'bands' needs bands")

    @property
    def sizes(self) -> dict[str, int]:
        """How many features each block makes of a channel."""
        bands = 0 if self.bands is None else self.bands.count * self.bands.frames
        return dict.fromkeys(SIGNAL_BLOCKS, 1) | {
            "bands": bands,
            "decimated": self.window // self.decimation,
        }

    @property
    def features(self) -> int:
        """Numbers that are made of a window."""
        sizes = self.sizes
        return sum(sizes[name] for names in self.blocks for name in set(names))

    def is_at(self, rate: float) -> bool:
        """Tell whether so many samples a second are what it takes, but for what rounding takes."""
        return abs(rate - self.rate) <= max(NEAR * self.rate, LEAST_RATE / 2)

    @property
    def seconds(self) -> float:
        """How long a window is."""
        return self.window / self.rate


def _power_of_two(name: str, value: int, least: int, most: int) -> None:
    whole(name, value, least, most)
    if value & (value - 1):
        raise ValueError(f"{name} must be a power of two, not {value}")
