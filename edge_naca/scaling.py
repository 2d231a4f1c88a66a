"""How features become codes: the preparation that suits samples, which the device carries out.

A device calculates with integers only. Where features are real numbers, the preparation begins with
an affine map that makes integers of them. Features that are integers from the start need none
wherever the rest of the preparation can do all the scaling alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.affine import Affine, as_float32
from edge_naca.images import EDGES, image_preparation, image_shape
from edge_naca.inhibition import Inhibition
from edge_naca.limits import MAX_INHIBITED, MAX_LEARNED_INPUTS, MAX_UNITS, choice
from edge_naca.network import Preparation
from edge_naca.specification.preparation import from_reals

Float = NDArray[np.float64]

SCALINGS = ("auto", "edges", "pixels", "standard", "decorrelated", "centred")
BITS = 4  # of a code, but for edges

REACH = 2.5  # standard deviations that the codes cover on either side of the mean
DECORRELATED_BITS, DECORRELATED_REACH = 7, 4  # of the codes that the inhibition is given
CENTRED_BITS, CENTRED_REACH = 7, 12.0  # of codes in whose middle the mean lies
STEPS = 4096  # what an affine map makes of a standard deviation
BRIGHT = 255  # feature that the brightest pixel becomes; four times as bright is still told apart
LIMIT = 32767


def looks_like_pixels(x: NDArray[Any]) -> bool:
    """Tell whether samples (n, features) look like images, counts or spectra.

    That is: 16 features or more, nothing negative, at least one number in seven is zero, and most
    features reach the same order of magnitude. Such features mean the same thing at different
    places, and what tells samples apart is their pattern, not their strength.
    """
    if x.shape[1] < 16 or x.min() < 0 or np.count_nonzero(x) * 7 > x.size * 6:
        return False
    most = x.max(axis=0)
    return bool((most > 0).any() and np.median(most[most > 0]) * 8 >= most.max())


@dataclass(frozen=True, eq=False)
class Plan:
    """How samples become codes.

    Parameters
    ----------
    source : the scaling that was chosen, one of `SCALINGS` but "auto".
    bits : of a code that is sent.
    preparation : what the device does.
    inhibition : what decorrelates codes on the device, if anything.
    """

    source: str
    bits: int
    preparation: Preparation
    inhibition: Inhibition | None = None


def plan(
    x: NDArray[Any],
    bits: int | None = None,
    scaling: str = "auto",
    feature_range: tuple[ArrayLike, ArrayLike] | None = None,
    *,
    may_decorrelate: bool = True,
    with_given: bool = False,
) -> Plan:
    """Return how to scale samples like these.

    Parameters
    ----------
    x : samples (n, features), of which only those things are looked at that `feature_range` does
        not tell. Real numbers are taken as float32, as a device reads them.
    bits : of a code that is sent; None for what measured best.
    scaling : "edges": samples are images, flattened and square, and become how strong edges of
        four orientations are in each cell; "pixels": all features by one maximum, zero stays zero,
        and every sample is brought to the same norm; "standard": every feature by its own mean and
        standard deviation, split into on and off; "decorrelated": the same with a sign instead, and
        a population that learns on the device to decorrelate them, at most 128; "centred": every
        feature by its own mean and standard deviation, the mean in the middle of codes without a
        sign: for samples of one class, to be told from everything else by their novelty, which is
        a distance relative to that from zero; "auto": the first of the
        others that suits samples and range.
    feature_range : lowest and highest number, for all features or for each: what the codes cover.
    may_decorrelate : whether "auto" may choose that.
    with_given : with "decorrelated": leave out the population, as one is given, for up to 1024
        features.

    Raises
    ------
    ValueError
        If an argument is wrong (its name is in the message), or there are too many features.
    """
    choice("scaling", scaling, SCALINGS)
    if x.dtype.kind == "f":
        x = as_float32(x, "X")
    features = x.shape[1]
    bounds = None if feature_range is None else _bounds(feature_range, features)
    if scaling == "auto":
        scaling = _suitable(x, bits, bounds, may_decorrelate)
    if scaling == "edges":
        return _plan_edges(x, bits)
    if bits is None:
        bits = CENTRED_BITS if scaling == "centred" else BITS
    most = {
        "pixels": MAX_UNITS,
        "standard": MAX_UNITS // 2,
        "decorrelated": MAX_INHIBITED if with_given else MAX_LEARNED_INPUTS,
        "centred": MAX_UNITS,
    }
    if features > most[scaling]:
        raise ValueError(
            f"X has {features} features; there is room for {most[scaling]} with scaling={scaling!r}"
        )
    if scaling == "pixels":
        return Plan(scaling, bits, _plan_pixels(x, bits, bounds))
    if scaling == "centred":
        return Plan(scaling, bits, _plan_centred(x, bits, bounds))
    if scaling == "standard":
        preparation = _plan_standard(x, bits, REACH, bounds)
        return Plan(scaling, bits, replace(preparation, signed=True))
    preparation = _plan_standard(x, DECORRELATED_BITS, DECORRELATED_REACH, bounds)
    inhibition = None if with_given else Inhibition(features, DECORRELATED_BITS)
    return Plan(scaling, bits, replace(preparation, keeps_sign=True), inhibition)


def _suitable(
    x: NDArray[Any], bits: int | None, bounds: tuple[Float, Float] | None, may_decorrelate: bool
) -> str:
    if bounds is None and image_shape(x) is not None:
        return "edges"
    if bounds is None and looks_like_pixels(x):
        return "pixels"
    fits = x.shape[1] <= MAX_LEARNED_INPUTS and (bits is None or bits <= 7)
    return "decorrelated" if may_decorrelate and fits else "standard"


def _plan_edges(x: NDArray[Any], bits: int | None) -> Plan:
    shape = image_shape(x)
    if shape is None:
        raise ValueError(
            "scaling='edges' is for square images of 16 × 16 pixels or more, flattened, smooth and "
            f"not negative, which these samples of {x.shape[1]} features are not: hand over a "
            "preparation with their shape"
        )
    affine = None
    if x.dtype.kind not in "iu" or x.max() > LIMIT:
        affine = Affine.of(0, BRIGHT / max(float(x.max()), 1e-300))
        x = from_reals(affine, as_float32(x, "X"))
    preparation, bits = image_preparation(x.reshape(-1, *shape), EDGES, bits)
    return Plan("edges", bits, replace(preparation, affine=affine))


def _bounds(feature_range: Any, features: int) -> tuple[Float, Float]:
    try:
        low, high = (np.atleast_1d(np.asarray(end, np.float64)) for end in feature_range)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"feature_range must be two numbers, (low, high), or two arrays, not {feature_range!r}"
        ) from error
    for end in (low, high):
        if end.shape not in ((1,), (features,)) or not np.isfinite(end).all():
            raise ValueError(
                f"feature_range must hold finite numbers, one or {features} (a number for each "
                f"feature) for each end, not {feature_range!r}"
            )
    if not (low < high).all() or not np.isfinite(high - low).all():
        raise ValueError(f"feature_range must go from low to high, not {feature_range!r}")
    return low, high


def gains(factors: Float) -> tuple[NDArray[np.int64], int]:
    """Return gain and shift with gain / 2**shift as near to each factor as 14 bits allow."""
    for shift in range(30, -1, -1):
        gain = np.rint(factors * 2.0**shift)
        if gain.max() <= 16383:
            return gain.astype(np.int64), shift
    return np.full(factors.shape, 16383), 0


def _spread(x: Float) -> tuple[Float, Float]:
    """Return mean and standard deviation of each feature; a constant one borrows a deviation."""
    most = np.abs(x).max(axis=0)
    unit = np.where(most > 0, most, 1.0)  # so that no square overflows
    mean = (x / unit).mean(axis=0) * unit
    deviation = np.maximum((x / unit).std(axis=0) * unit, 1e-300)
    constant = x.max(axis=0) == x.min(axis=0)
    others = deviation[~constant]
    borrowed = np.median(others) if others.size else max(most.max(), 1e-300)
    return np.where(constant, x[0], mean), np.where(constant, borrowed, deviation)


def _plan_standard(
    x: NDArray[Any], bits: int, reach: float, bounds: tuple[Float, Float] | None, below: float = 0
) -> Preparation:
    """Return a preparation to which the sign is to be added.

    Codes begin `below` deviations under the mean, and end `reach` deviations above it.
    """
    shape = (1, x.shape[1], 1)
    codes_per_deviation = (2**bits - 1) / (below + reach)
    if bounds is None:
        centre, deviation = _spread(x.astype(np.float64))
        largest = float(np.abs(x.astype(np.float64)).max())
    else:
        low, high = bounds
        centre, deviation = low / 2 + high / 2, np.maximum(high - low, 1e-299) / (2 * reach)
        largest = float(max(np.abs(low).max(), np.abs(high).max()))
    centre = centre - below * deviation
    if x.dtype.kind in "iu":
        gain, shift = gains(codes_per_deviation / deviation)
        exact = np.abs(gain / 2.0**shift * deviation / codes_per_deviation - 1).max() <= 0.01
        centred = (np.abs(np.rint(centre) - centre) <= deviation / 10).all()
        if exact and centred and max(largest, float(np.abs(centre).max())) <= LIMIT:
            offset = np.broadcast_to(np.rint(centre), gain.shape).astype(np.int64)
            return Preparation(shape, offset=offset, gain=gain, shift=shift)
    steps = STEPS if below == 0 else STEPS // 8  # so that they reach as far as codes do
    gain, shift = gains(np.array([codes_per_deviation / steps]))
    affine = Affine.of(centre, steps / deviation)
    return Preparation(shape, gain=gain, shift=shift, affine=affine)


def _plan_centred(x: NDArray[Any], bits: int, bounds: tuple[Float, Float] | None) -> Preparation:
    """Return a preparation whose codes have the mean in their middle, far from zero.

    The further they reach, the less does a sample's own norm count in its novelty.
    """
    return _plan_standard(x, bits, CENTRED_REACH, bounds, CENTRED_REACH)


def _plan_pixels(x: NDArray[Any], bits: int, bounds: tuple[Float, Float] | None) -> Preparation:
    if bounds is None:
        if x.min() < 0:
            raise ValueError(
                "scaling='pixels' is for features that are not negative, but X holds "
                f"{x.min()}: use scaling='standard', or feature_range"
            )
        bounds = np.zeros(1), np.array([float(x.max()) or 1.0])
    low, high = bounds
    shape, features = (1, x.shape[1], 1), x.shape[1]
    # Full enough for fine codes, and hardly a code is cut off at the top.
    norm = min(max(round((2**bits - 1) * features**0.5 / 3), 1), 4095)
    width = np.maximum(high - low, 1e-300)
    whole = (low == np.rint(low)).all() and np.abs(low).max() <= LIMIT and high.max() <= LIMIT
    if x.dtype.kind in "iu" and whole:
        gain, shift = gains(BRIGHT / width)
        offset = np.broadcast_to(low, gain.shape).astype(np.int64)
        if (gain >= 50).all():
            return Preparation(shape, offset=offset, gain=gain, shift=shift, norm=norm)
    steps = LIMIT // 4  # of a full range; the rest is headroom
    gain, shift = gains(np.array([BRIGHT / steps]))
    affine = Affine.of(low, steps / width)
    return Preparation(shape, gain=gain, shift=shift, norm=norm, affine=affine)
