"""Which network suits a data set: what measured best, and how large a budget allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import presets
from edge_naca.choices import FEATURES, NEURONS_PER_CLASS
from edge_naca.data import Dataset
from edge_naca.front_end import SCALER, FrontEnd, spread
from edge_naca.image import state_size
from edge_naca.limits import MAX_UNITS, choice
from edge_naca.network import Network, Preparation
from edge_naca.scaling import Scaler, plan

Array = NDArray[Any]

SMALL = 16  # images with a shorter side are taken pixel by pixel
MAX_FEATURE_SUM = 1024  # what preparation keeps of a feature without cutting it off
NORM_SAMPLES = 200  # by which the norm of a front end's features is judged


@dataclass(frozen=True)
class _Kind:
    """How images become codes.

    Parameters
    ----------
    cells : about how many cells along the longer side; cells are never below `least` pixels.
    bits : of a code, unless the caller says otherwise.
    fullness : how large a code is on average (root mean square), relative to the largest one.
    """

    spatial: str
    cells: int
    least: int
    bits: int
    fullness: float


_EDGES = _Kind("edges", 8, 4, 3, 0.357)
_POOLED = _Kind("pool", 16, 2, 4, 0.286)
_PLAIN = _Kind("pool", MAX_UNITS, 1, 3, 0.446)
_SCALED_BITS = 4


def network_for(
    dataset: Dataset,
    *,
    front_end: FrontEnd | None = None,
    max_kib: float | None = None,
    neurons_per_class: int | None = None,
    features: str = "auto",
    bits: int | None = None,
    weight_bits: int = 8,
    capacity: int | None = None,
    seed: int = 0,
) -> Network:
    """Return a network for a data set, in the expectation-gated competitive setting.

    Parameters
    ----------
    dataset : its training samples and classes are looked at.
    front_end : frozen stages that features come from; `features` and `bits` are then its own.
    max_kib : most KiB of learned state; as many neurons are taken as fit.
    neurons_per_class : neurons for each class, 30 if neither this nor `max_kib` is given.
    features : "edges" (how strong the edges of four orientations are in each cell of an image),
        "pixels" (of an image, pooled if it is large), "scaled" (every number for itself, scaled as
        `edge_naca.scaling` finds suitable; the only one for what is no image of integers), or
        "auto": the first of them that suits the samples.
    bits : of a code; None for what measured best.
    weight_bits : 8, or 4 for half the state.
    capacity : how many classes there is room for, at least those of the data set, the default.
    seed : of everything random.

    Raises
    ------
    ValueError
        If an argument is wrong, or not even one neuron for each class fits.
    """
    choice("features", features, FEATURES)
    count = len(dataset.classes)
    room = count if capacity is None else capacity
    if room < count:
        raise ValueError(f"capacity must be at least {count}, the classes of {dataset.name}")
    source: Preparation | FrontEnd
    norm = None
    if front_end is not None:
        if features != "auto" or bits is not None:
            raise ValueError("features and bits are the front end's: leave them out")
        source, metadata, width = front_end, dict(front_end.metadata), front_end.encoder.bits
        chosen = dataset.x_train[spread(len(dataset.x_train), NORM_SAMPLES)]
        norm = typical_norm(front_end, integers_for(front_end.network(), chosen))
    else:
        source, width, metadata = _prepare(dataset.x_train, features, bits)

    def build(neurons: int) -> Network:
        return presets.competitive(
            source,
            room,
            neurons,
            bits=width,
            norm=norm,
            weight_bits=weight_bits,
            seed=seed,
            metadata=metadata,
        )

    if neurons_per_class is not None:
        if max_kib is not None:
            raise ValueError("give either max_kib or neurons_per_class, not both")
        return build(neurons_per_class)
    if max_kib is None:
        return build(min(NEURONS_PER_CLASS, max(MAX_UNITS // room, 1)))
    smallest = state_size(build(1))
    if smallest > max_kib * 1024:
        raise ValueError(
            f"one neuron for each class takes {smallest / 1024:.1f} KiB already, "
            f"which is more than max_kib {max_kib:g}"
        )
    fits, too_many = 1, MAX_UNITS // room + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if state_size(build(middle)) <= max_kib * 1024:
            fits = middle
        else:
            too_many = middle
    return build(fits)


def typical_norm(front_end: FrontEnd, raw: Array) -> float:
    """Return the root mean square of the Euclidean norms of samples' features.

    Parameters
    ----------
    raw : samples (n, …), integers as a device is given them; some of them are looked at.
    """
    features = front_end.features(raw[spread(len(raw), NORM_SAMPLES)])
    square = float((features.astype(np.float64) ** 2).sum(axis=1).mean())
    if square == 0:
        raise ValueError(
            "the front end gives nothing but zeros on these samples: are they scaled as those that "
            "it was made with?"
        )
    return float(np.sqrt(square))


def integers_for(network: Network, x: Array) -> Array:
    """Return samples as the integers that a network prepares itself: the host's part of scaling.

    Raises
    ------
    ValueError
        If the samples are real numbers and the network was made for integers, or if they have
        another size.
    """
    wanted = network.inputs if network.preparation is None else network.preparation.raw_count
    if x.ndim < 2 or int(np.prod(x.shape[1:])) != wanted:
        raise ValueError(f"the network takes samples of {wanted} numbers, not {x.shape[1:]}")
    scaler = network.metadata.get(SCALER)
    if scaler is not None:
        return Scaler.from_json(scaler, wanted)(x.reshape(len(x), -1))
    if x.dtype.kind == "f":
        raise ValueError("the network was made for integers, but the samples are real numbers")
    return x


def integer_dataset(network: Network, dataset: Dataset) -> Dataset:
    """Return a data set whose samples went through `integers_for`."""
    return replace(
        dataset,
        x_train=integers_for(network, dataset.x_train),
        x_test=integers_for(network, dataset.x_test),
    )


def _prepare(x: Array, features: str, bits: int | None) -> tuple[Preparation, int, dict[str, Any]]:
    """Return the device's preparation, bits of a code, and metadata with the host's part."""
    if features == "auto":
        features = "scaled" if not _is_image(x) else "pixels" if _is_small(x) else "edges"
    if features == "scaled":
        bits = _SCALED_BITS if bits is None else bits
        scaler, preparation = plan(x.reshape(len(x), -1), bits)
        return preparation, bits, {} if scaler is None else {SCALER: scaler.to_json()}
    if not _is_image(x):
        raise ValueError(
            f"features {features!r} are for images, integers (samples, height, width) in "
            f"0 .. 32767, not {x.dtype} {x.shape}"
        )
    kind = _EDGES if features == "edges" else _PLAIN if _is_small(x) else _POOLED
    return *_prepare_image(x, kind, bits), {}


def _is_image(x: Array) -> bool:
    """Tell whether samples (n, …) are images of non-negative integers."""
    if x.ndim not in (3, 4) or x.dtype.kind not in "iu":
        return False
    return bool(x.min() >= 0 and x.max() <= 32767) and (x.ndim == 3 or x.shape[3] <= 4)


def _is_small(x: Array) -> bool:
    return min(x.shape[1:3]) < SMALL


def _prepare_image(x: Array, kind: _Kind, bits: int | None) -> tuple[Preparation, int]:
    height, width, channels = *x.shape[1:3], x.shape[3] if x.ndim == 4 else 1
    bits = kind.bits if bits is None else bits
    cell = max(kind.least, -(-max(height, width) // kind.cells))
    most = max(int(x.max()), 1)  # that one pixel can add to a feature
    cap = 32767
    if kind.spatial == "edges":
        cap = most = -(-most // 4)
    preparation = Preparation(
        (height, width, channels),
        kind.spatial,
        cell=cell,
        cap=cap,
        shift=(-(-most * cell**2 // MAX_FEATURE_SUM) - 1).bit_length(),
    )
    norm = round(kind.fullness * (2**bits - 1) * preparation.features**0.5)
    return replace(preparation, norm=min(max(norm, 1), 4095)), bits
