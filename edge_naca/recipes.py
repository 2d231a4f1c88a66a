"""Which network suits a data set: what measured best, and how large a budget allows."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import presets
from edge_naca.calibration import calibrated
from edge_naca.choices import CENTRED_NEURONS, DECORRELATED_NEURONS, FEATURES, NEURONS_PER_CLASS
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.front_end import FrontEnd, spread
from edge_naca.image import state_size
from edge_naca.images import (
    EDGES,
    FINE_EDGES,
    PLAIN,
    POOLED,
    Kind,
    are_images,
    are_small,
    image_preparation,
)
from edge_naca.inhibition import Inhibition
from edge_naca.limits import MAX_LEARNED_INPUTS, MAX_UNITS, choice
from edge_naca.network import Network, Preparation
from edge_naca.scaling import DECORRELATED_BITS, Plan, plan
from edge_naca.signal_features import Signal

Array = NDArray[Any]

GIVEN_BITS = 5  # of codes that a given inhibition takes from pixels
LOW_RANK = 100  # codes that one leaves of many; 60 to 140 are best, by what is learned
CALIBRATION_SAMPLES = 4000  # that one is found on, at most
CONTEXT_SHARE = 1 / 8  # of a budget that a second context may take
CENTRED_GRADING = 0.25  # so that neurons of one class are not all dragged to each sample
NORM_SAMPLES = 200  # by which the norm of a front end's features is judged


def network_for(
    dataset: Dataset,
    *,
    front_end: FrontEnd | None = None,
    signal: Signal | None = None,
    max_kib: float | None = None,
    neurons_per_class: int | None = None,
    features: str = "auto",
    bits: int | None = None,
    weight_bits: int = 8,
    capacity: int | None = None,
    decorrelate_on: Dataset | None = None,
    rank: int | None = None,
    seed: int = 0,
) -> Network:
    """Return a network for a data set, in the expectation-gated competitive setting.

    Parameters
    ----------
    dataset : its training samples and classes are looked at.
    front_end : frozen stages that features come from; `features` and `bits` are then its own.
    signal : what makes features of windows, which the data set holds, and the network then has;
        "auto" decorrelates them, as many as can be, and never takes them for pixels.
    max_kib : most KiB of learned state; as many neurons are taken as fit. A second context, for
        samples that drift, is left out where it would take more than an eighth of them.
    neurons_per_class : neurons for each class, if `max_kib` is not given either 30, 6 where codes
        are decorrelated, but not to a low rank, or 12 where they are centred.
    features : "edges" (how strong the edges of four orientations are in each cell of an image),
        "pixels" (of an image, pooled if it is large), "scaled" (every number for itself, scaled as
        `edge_naca.scaling` finds suitable), "decorrelated" (the same for up to 128 numbers, with a
        population that learns to decorrelate them), "centred" (every number for itself, its mean in
        the middle of the codes: for one class, told from everything else by novelty), or "auto":
        what suits the samples; "centred" where there is one class, no room for more, and no images.
    bits : of a code; None for what measured best.
    weight_bits : 8, or 4 for half the state.
    capacity : how many classes there is room for, at least those of the data set, the default.
    decorrelate_on : samples like these, of the same classes or of others, on whose training part a
        decorrelating inhibition is found (`edge_naca.calibration`); it is given with the network,
        and "calibration" in the metadata says on what it was found. None for one that the device
        learns, or none.
    rank : of what is found there: how many codes go out, 0 for as many as come in; None for what
        measured best: 100 of more than 128, else 0.
    seed : of everything random.

    Raises
    ------
    ValueError
        If an argument is wrong, or not even one neuron for each class fits.
    """
    choice("features", features, FEATURES)
    count = len(dataset.classes)
    room = count if capacity is None else capacity
    is_plain = front_end is None and decorrelate_on is None
    if features == "auto" and room == 1 and is_plain and not are_images(dataset.x_train):
        features = "centred"
    if signal is not None and features == "auto":
        is_few = signal.features <= MAX_LEARNED_INPUTS and weight_bits == 8
        features = "decorrelated" if is_few else "scaled"
    if rank is not None and decorrelate_on is None:
        raise ValueError("rank is that of what is found on decorrelate_on: give that too")
    if room < count:
        raise ValueError(f"capacity must be at least {count}, the classes of {dataset.name}")
    source: Preparation | FrontEnd
    norm = None
    inhibition: Inhibition | None = None
    if front_end is not None:
        if features != "auto" or bits is not None or decorrelate_on is not None:
            raise ValueError("features, bits and decorrelation are the front end's: leave them out")
        source, metadata, width = front_end, dict(front_end.metadata), front_end.encoder.bits
        chosen = dataset.x_train[spread(len(dataset.x_train), NORM_SAMPLES)]
        norm = typical_norm(front_end, chosen)
    else:
        noted: dict[str, Any] = {}
        if decorrelate_on is None:
            chosen_plan = _prepare(dataset.x_train, features, bits, weight_bits)
        else:
            chosen_plan, noted = _decorrelated_on(
                decorrelate_on, dataset, features, bits, rank, seed
            )
        source, width, inhibition = (
            chosen_plan.preparation,
            chosen_plan.bits,
            chosen_plan.inhibition,
        )
        metadata = noted

    # Ways in which something is normal may lie apart, and what lies between them need not be.
    grading = {"grading": CENTRED_GRADING} if features == "centred" else {}

    def build(neurons: int, **drift: float) -> Network:
        network = presets.competitive(
            source,
            room,
            neurons,
            bits=width,
            norm=norm,
            weight_bits=weight_bits,
            inhibition=inhibition,
            seed=seed,
            metadata=metadata,
            **grading,
            **drift,
        )
        return network if signal is None else replace(network, signal=signal)

    if neurons_per_class is not None:
        if max_kib is not None:
            raise ValueError("give either max_kib or neurons_per_class, not both")
        return build(neurons_per_class)
    if max_kib is None:
        return build(usual_neurons(room, inhibition, features))
    return _largest(build, room, max_kib)


def _largest(build: Callable[..., Network], room: int, max_kib: float) -> Network:
    """Return a network of as many neurons for each of `room` classes as `max_kib` hold."""
    budget = max_kib * 1024
    none = {"drift": 0.0}
    smallest = state_size(build(1, **none))
    context = state_size(build(1)) - smallest
    chosen_drift = none if context > CONTEXT_SHARE * budget else {}
    if smallest > budget:
        least = math.ceil(smallest / 1024 * 100) / 100
        raise ValueError(
            f"one neuron for each class takes {smallest} bytes of learned state already, more than "
            f"the {budget:.0f} of max_kib {max_kib:g}: give {least:g} at least"
        )
    # They are counted by the first number too many.
    counts = range(1, MAX_UNITS // room + 1)
    most = bisect_right(counts, budget, key=lambda count: state_size(build(count, **chosen_drift)))
    return build(most, **chosen_drift)


def usual_neurons(room: int, inhibition: Inhibition | None, features: str = "auto") -> int:
    """Return how many neurons a class has where nobody says it: what measured best, and fits."""
    is_full = inhibition is not None and not inhibition.rank
    usual = DECORRELATED_NEURONS if is_full else NEURONS_PER_CLASS
    usual = CENTRED_NEURONS if features == "centred" else usual
    return min(usual, max(MAX_UNITS // room, 1))


def typical_norm(front_end: FrontEnd, raw: Array) -> float:
    """Return the root mean square of the Euclidean norms of samples' features.

    Parameters
    ----------
    raw : samples (n, …) as a device is given them; some of them are looked at.
    """
    features = front_end.features(raw[spread(len(raw), NORM_SAMPLES)])
    square = float((features.astype(np.float64) ** 2).sum(axis=1).mean())
    if square == 0:
        raise ValueError(
            "the front end gives nothing but zeros on these samples: are they scaled as those that "
            "it was made with?"
        )
    return float(np.sqrt(square))


def _decorrelated_on(
    others: Dataset,
    dataset: Dataset,
    features: str,
    bits: int | None,
    rank: int | None,
    seed: int,
) -> tuple[Plan, dict[str, Any]]:
    """Return a plan with an inhibition found on other samples, and what is noted of it."""
    x = dataset.x_train
    if others.x_train.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"samples to decorrelate on must be of shape {x.shape[1:]}, as those of "
            f"{dataset.name}, not {others.x_train.shape[1:]}"
        )
    features = _of_images(features, x)
    if features in ("edges", "pixels"):
        given_bits = FINE_EDGES.bits if features == "edges" else GIVEN_BITS
        fine, width = _prepare(x, features, given_bits, 8, FINE_EDGES), EDGES.bits
    else:
        fine = plan(x.reshape(len(x), -1), bits, "decorrelated", with_given=True)
        width = fine.bits
        fine = replace(fine, bits=DECORRELATED_BITS)
    width = width if bits is None else bits
    reader = presets.competitive(fine.preparation, 2, 1, bits=fine.bits)
    chosen = spread(len(others.x_train), CALIBRATION_SAMPLES)
    codes = Core(reader).prepare_many(others.x_train[chosen])
    usual = LOW_RANK if fine.preparation.outputs > MAX_LEARNED_INPUTS else 0
    found = calibrated(
        codes,
        others.y_train[chosen],
        fine.bits,
        width,
        rank=usual if rank is None else rank,
        seed=seed,
    )
    note = {"data": others.name, "digest": others.digest(), **found.note()}
    return replace(fine, bits=width, inhibition=found.inhibition), {"calibration": note}


def _of_images(features: str, x: Array) -> str:
    """Return what "auto" stands for where samples are images, else what it was."""
    if features == "auto" and are_images(x):
        return "pixels" if are_small(x) else "edges"
    return features


def _prepare(
    x: Array, features: str, bits: int | None, weight_bits: int, edges: Kind = EDGES
) -> Plan:
    """Return how samples like these become codes."""
    features = _of_images(features, x)
    if features in ("auto", "scaled", "decorrelated", "centred"):
        scaling = features if features in ("decorrelated", "centred") else "auto"
        # Weights that follow a learned inhibition have 8 bits.
        may_decorrelate = features == "auto" and weight_bits == 8
        return plan(x.reshape(len(x), -1), bits, scaling, may_decorrelate=may_decorrelate)
    if not are_images(x):
        raise ValueError(
            f"features {features!r} are for images, integers (samples, height, width) in "
            f"0 .. 32767, not {x.dtype} {x.shape}"
        )
    kind = edges if features == "edges" else PLAIN if are_small(x) else POOLED
    preparation, width = image_preparation(x, kind, bits)
    return Plan(features, width, preparation)
