"""From real numbers to the integers that a device prepares: scaling, on the host.

A device knows integers only. Where features are real numbers, a `Scaler` makes them int16, and a
`Preparation`, which the device carries out, makes codes of those. Features that are integers from
the start go to the device as they are wherever its preparation can do all the scaling alone. The
scaler is kept in the image's metadata as JSON, so that any host can repeat it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.images import EDGES, image_preparation, image_shape
from edge_naca.inhibition import Inhibition
from edge_naca.limits import MAX_INHIBITED, MAX_LEARNED_INPUTS, MAX_UNITS, choice
from edge_naca.network import Preparation

Float = NDArray[np.float64]

SCALINGS = ("auto", "edges", "pixels", "standard", "decorrelated")
BITS = 4  # of a code, but for edges

REACH = 2.5  # standard deviations that the codes cover on either side of the mean
DECORRELATED_BITS, DECORRELATED_REACH = 7, 4  # of the codes that the inhibition is given
STEPS = 4096  # int16 steps that a standard deviation takes between host and device
BRIGHT = 255  # feature that the brightest pixel becomes; four times as bright is still told apart
LIMIT = 32767


@dataclass(frozen=True, eq=False)
class Scaler:
    """Real numbers to int16: ``clip(rint((x − offset) · scale), ±32767)``, in float64.

    Parameters
    ----------
    offset, scale : float64 (features,), or (1,) for all features alike.
    """

    offset: Float
    scale: Float

    def __call__(self, x: ArrayLike) -> NDArray[np.int16]:
        """Return samples (n, features) as int16."""
        with np.errstate(over="ignore"):
            scaled = (np.asarray(x, np.float64) - self.offset) * self.scale
        return np.rint(np.clip(scaled, -LIMIT, LIMIT)).astype(np.int16)

    def to_json(self) -> dict[str, list[float]]:
        """Return what JSON can hold; no digit is lost."""
        return {"offset": self.offset.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, data: Any, features: int) -> Scaler:
        """Undo `to_json`.

        Raises
        ------
        ValueError
            If `data` describes no scaler of that many features.
        """
        try:
            parts = [np.asarray(data[name], np.float64) for name in ("offset", "scale")]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("a scaler needs lists of numbers, offset and scale") from error
        for part in parts:
            if part.shape not in ((1,), (features,)) or not np.isfinite(part).all():
                raise ValueError(f"a scaler's lists need one finite number, or {features}")
        return cls(*parts)


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
    scaler : the host's part; None for nothing.
    preparation : the device's part.
    inhibition : what decorrelates codes on the device, if anything.
    """

    source: str
    bits: int
    scaler: Scaler | None
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
    x : samples (n, features), finite, of which only those things are looked at that
        `feature_range` does not tell.
    bits : of a code that is sent; None for what measured best.
    scaling : "edges": samples are images, flattened and square, and become how strong edges of
        four orientations are in each cell; "pixels": all features by one maximum, zero stays zero,
        and every sample is brought to the same norm; "standard": every feature by its own mean and
        standard deviation, split into on and off; "decorrelated": the same with a sign instead, and
        a population that learns on the device to decorrelate them, at most 128; "auto": the first
        of them that suits samples and range.
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
    features = x.shape[1]
    bounds = None if feature_range is None else _bounds(feature_range, features)
    if scaling == "auto":
        scaling = _suitable(x, bits, bounds, may_decorrelate)
    if scaling == "edges":
        return _plan_edges(x, bits)
    bits = BITS if bits is None else bits
    most = {
        "pixels": MAX_UNITS,
        "standard": MAX_UNITS // 2,
        "decorrelated": MAX_INHIBITED if with_given else MAX_LEARNED_INPUTS,
    }
    if features > most[scaling]:
        raise ValueError(
            f"X has {features} features; there is room for {most[scaling]} with scaling={scaling!r}"
        )
    if scaling == "pixels":
        return Plan(scaling, bits, *_plan_pixels(x, bits, bounds))
    if scaling == "standard":
        part, preparation = _plan_standard(x, bits, REACH, bounds)
        return Plan(scaling, bits, part, replace(preparation, signed=True))
    part, preparation = _plan_standard(x, DECORRELATED_BITS, DECORRELATED_REACH, bounds)
    inhibition = None if with_given else Inhibition(features, DECORRELATED_BITS)
    return Plan(scaling, bits, part, replace(preparation, keeps_sign=True), inhibition)


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
    scaler = None
    if x.dtype.kind not in "iu" or x.max() > LIMIT:
        scaler = Scaler(np.zeros(1), np.array([BRIGHT / max(float(x.max()), 1e-300)]))
        x = scaler(x)
    preparation, bits = image_preparation(x.reshape(-1, *shape), EDGES, bits)
    return Plan("edges", bits, scaler, preparation)


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
    x: NDArray[Any], bits: int, reach: float, bounds: tuple[Float, Float] | None
) -> tuple[Scaler | None, Preparation]:
    """Return the host's part, and the device's, to which the sign is to be added."""
    shape = (1, x.shape[1], 1)
    codes_per_deviation = (2**bits - 1) / reach
    if bounds is None:
        centre, deviation = _spread(x.astype(np.float64))
        largest = float(np.abs(x.astype(np.float64)).max())
    else:
        low, high = bounds
        centre, deviation = low / 2 + high / 2, np.maximum(high - low, 1e-299) / (2 * reach)
        largest = float(max(np.abs(low).max(), np.abs(high).max()))
    if x.dtype.kind in "iu":
        gain, shift = gains(codes_per_deviation / deviation)
        exact = np.abs(gain / 2.0**shift * deviation / codes_per_deviation - 1).max() <= 0.01
        centred = (np.abs(np.rint(centre) - centre) <= deviation / 10).all()
        if exact and centred and largest <= LIMIT:
            offset = np.broadcast_to(np.rint(centre), gain.shape).astype(np.int64)
            return None, Preparation(shape, offset=offset, gain=gain, shift=shift)
    gain, shift = gains(np.array([codes_per_deviation / STEPS]))
    return Scaler(centre, STEPS / deviation), Preparation(shape, gain=gain, shift=shift)


def _plan_pixels(
    x: NDArray[Any], bits: int, bounds: tuple[Float, Float] | None
) -> tuple[Scaler | None, Preparation]:
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
            return None, Preparation(shape, offset=offset, gain=gain, shift=shift, norm=norm)
    steps = LIMIT // 4  # of a full range; the rest is headroom
    gain, shift = gains(np.array([BRIGHT / steps]))
    return Scaler(np.broadcast_to(low, width.shape).copy(), steps / width), Preparation(
        shape, gain=gain, shift=shift, norm=norm
    )
